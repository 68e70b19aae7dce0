"use strict";
// The page is whole without this: it adds reading a chart step by step, highlighting, sorting and filtering.
const data = JSON.parse(document.getElementById("data").textContent);
const each = (selector, act) => document.querySelectorAll(selector).forEach(act);

// One size, lit wherever it is drawn.
let pinned = null;
function light(cell) {
  each("[data-cell]", (element) => element.classList.toggle("lit", element.dataset.cell === cell));
  each(".overview figure", (figure) => figure.classList.toggle("dim", cell !== null && cell in data));
}
each("[data-cell]", (element) => {
  element.addEventListener("pointerenter", () => light(element.dataset.cell));
  element.addEventListener("pointerleave", () => light(pinned));
  element.addEventListener("focusin", () => light(element.dataset.cell));
  element.addEventListener("focusout", () => light(pinned));
});
each(".key button", (button) => button.addEventListener("click", () => {
  pinned = pinned === button.dataset.cell ? null : button.dataset.cell;
  each(".key button", (other) => other.setAttribute("aria-pressed", String(other.dataset.cell === pinned)));
  light(pinned);
}));

// A chart is read at the point nearest to the pointer, or with the arrow keys.
function readable(svg, points, cursor, readout) {
  const quiet = readout.textContent;
  let at = -1;
  const show = (index) => {
    at = Math.max(0, Math.min(points.length - 1, index));
    cursor.setAttribute("transform", `translate(${points[at][0]} 0)`);
    cursor.classList.add("on");
    readout.textContent = points[at][1];
  };
  const hide = () => {
    at = -1;
    cursor.classList.remove("on");
    readout.textContent = quiet;
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
    const distances = points.map((point) => Math.abs(point[0] - x));
    show(distances.indexOf(Math.min(...distances)));
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    show(at < 0 && by < 0 ? points.length - 1 : at + by);
  });
}
each("svg[data-chart]", (svg) => readable(
  svg, data[svg.dataset.chart].steps, svg.querySelector(".cursor"), svg.parentElement.querySelector(".readout")));

// The table sorts by any column (no data always last) and filters by any text.
const table = document.getElementById("sizes");
const body = table.tBodies[0];
const sortValue = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
function compare(a, b) {
  if (a === "" || b === "") return (a === "") - (b === "");
  return a !== "" && !isNaN(a) && !isNaN(b) ? a - b : a.localeCompare(b);
}
function sortBy(column, header) {
  const descending = header.getAttribute("aria-sort") === "ascending";
  const rows = [...body.rows].sort((one, other) => {
    const [a, b] = [sortValue(one, column), sortValue(other, column)];
    return descending && a !== "" && b !== "" ? compare(b, a) : compare(a, b);
  });
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
  body.append(...rows);
}
[...table.tHead.rows[0].cells].forEach((header, column) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = header.textContent;
  header.replaceChildren(button);
  button.addEventListener("click", () => sortBy(column, header));
});
document.getElementById("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  const shown = [...body.rows].filter((row) => !row.hidden).length;
  document.getElementById("filtered").textContent = wanted ? `${shown} of ${body.rows.length}` : "";
});

// A size's time series: drawn when its details open, all panels on one axis with one cursor.
const PANELS = [
  ["users", "", ["users"], null],
  ["RPS", "", ["rps"], null],
  ["RT, p95", "s", ["p95_s"], null],
  ["errors", "per second", ["errors_ps"], null],
  ["CPU", "cores: target, generator dashed, host dotted; limit in red", ["cpu_cores", "generator_cores", "host_cores"], "cpu_cores"],
  ["throttled periods", "share", ["throttled_ratio"], null],
  ["memory", "MiB; limit in red", ["memory_mib"], "memory_mib"],
];
const NAMES = { cpu_cores: "target", generator_cores: "generator", host_cores: "host" };
const LEFT = 64, WIDE = 720, HIGH = 54, GAP = 16;
const svgElement = (name, attributes, text) => {
  const made = document.createElementNS(document.querySelector("svg").namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
};
const rounded = (value) => value === null ? "–" : String(Number(value.toPrecision(3)));
function laidOut(steps) {
  let from = 0;
  return steps.map((step) => {
    const placed = { ...step, from, seconds: step.users_over_time.length * step.bucket_s };
    from += placed.seconds + 4;
    return placed;
  });
}
function drawTime(figure) {
  const own = data[figure.dataset.time];
  if (!own || own.time.length === 0) return;
  figure.hidden = false;
  const svg = figure.querySelector("svg");
  if (svg.childElementCount > 0) return;
  const steps = laidOut(own.time), last = steps[steps.length - 1];
  const total = last.from + last.seconds, x = (at) => LEFT + (WIDE - LEFT - 8) * at / total;
  const column = (step, key) => key === "users" ? step.users_over_time : step[key];
  svg.setAttribute("viewBox", `0 0 ${WIDE} ${PANELS.length * (HIGH + GAP) + 24}`);
  for (const step of steps) {
    if (!step.window) continue;
    const [low, high] = step.window.map((at) => x(step.from + at));
    svg.append(svgElement("rect", { class: `window ${step.verdict.toLowerCase()}`, x: low, y: 0, width: Math.max(1, high - low), height: PANELS.length * (HIGH + GAP) }));
  }
  PANELS.forEach(([title, unit, keys, limit], row) => {
    const top = row * (HIGH + GAP) + 12, limited = limit ? own.limits[limit] : 0;
    const highest = Math.max(limited, ...steps.flatMap((step) => keys.flatMap((key) => column(step, key).filter((value) => value !== null)))) || 1;
    const y = (value) => top + HIGH - 6 - (HIGH - 6) * Math.max(0, value) / highest;
    svg.append(svgElement("path", { class: "base", d: `M${LEFT} ${y(0)}H${WIDE - 8}` }));
    svg.append(svgElement("text", { class: "title", x: LEFT, y: top - 2 }, unit ? `${title}, ${unit}` : title));
    svg.append(svgElement("text", { class: "end", x: LEFT - 5, y: y(highest) + 7 }, rounded(highest)));
    svg.append(svgElement("text", { class: "end", x: LEFT - 5, y: y(0) }, "0"));
    if (limited) svg.append(svgElement("path", { class: "slo", d: `M${LEFT} ${y(limited)}H${WIDE - 8}` }));
    keys.forEach((key, number) => {
      let d = "", down = false;
      for (const step of steps) {
        down = false;
        column(step, key).forEach((value, index) => {
          if (value !== null) d += `${down ? "L" : "M"}${x(step.from + (index + 0.5) * step.bucket_s).toFixed(1)} ${y(value).toFixed(1)}`;
          down = value !== null;
        });
      }
      svg.append(svgElement("path", { class: `series series-${number}`, d }));
    });
  });
  steps.forEach((step) => svg.append(svgElement("text", { class: "users-label", x: x(step.from), y: PANELS.length * (HIGH + GAP) + 16 }, `${step.users} ${step.verdict}`)));
  const cursor = svgElement("path", { class: "cursor", d: `M0 0V${PANELS.length * (HIGH + GAP)}` });
  svg.append(cursor);
  const points = steps.flatMap((step) => step.users_over_time.map((_, index) => ({ step, index, at: x(step.from + (index + 0.5) * step.bucket_s) })));
  readable(svg, points.map((point) => [point.at, told(point, column)]), cursor, figure.querySelector(".readout"));
}
function told({ step, index }, column) {
  const values = PANELS.flatMap(([title, unit, keys]) => keys.map((key) => `${NAMES[key] ? `${NAMES[key]} CPU` : title} ${rounded(column(step, key)[index])} ${unit.split(/[:;]/)[0]}`.trim()));
  return `${step.users} users asked for, ${Math.round((index + 0.5) * step.bucket_s)} s into the step: ${values.join(", ")}`;
}
each("details.cell", (details) => {
  const draw = () => details.open && details.querySelectorAll("[data-time]").forEach(drawTime);
  details.addEventListener("toggle", draw);
  draw();
});

// A link to a size opens its details; printing opens all of them.
function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
}
addEventListener("hashchange", openTarget);
openTarget();
addEventListener("beforeprint", () => each("details", (details) => { details.open = true; }));
