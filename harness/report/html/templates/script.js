"use strict";
// The page is complete without this script, which adds: reading charts by step, highlighting, sorting, filtering.
const data = JSON.parse(document.getElementById("data").textContent);
const each = (selector, act) => document.querySelectorAll(selector).forEach(act);

// Highlight one size wherever it is drawn.
let pinned = null;
function highlight(cell) {
  each("[data-cell]", (element) => element.classList.toggle("lit", element.dataset.cell === cell));
  each(".overview figure", (figure) => figure.classList.toggle("dim", cell !== null && cell in data));
}
each("[data-cell]", (element) => {
  element.addEventListener("pointerenter", () => highlight(element.dataset.cell));
  element.addEventListener("pointerleave", () => highlight(pinned));
  element.addEventListener("focusin", () => highlight(element.dataset.cell));
  element.addEventListener("focusout", () => highlight(pinned));
});
each(".key button", (button) => button.addEventListener("click", () => {
  pinned = pinned === button.dataset.cell ? null : button.dataset.cell;
  each(".key button", (other) => other.setAttribute("aria-pressed", String(other.dataset.cell === pinned)));
  highlight(pinned);
}));

// Show the text of the point nearest to the pointer, or chosen with the arrow keys.
// A chart is {points: [[x, text] …], cursor}.
function makeReadable(svg, chart, readout) {
  const restText = readout.textContent;
  let at = -1;
  const show = (index) => {
    const { points, cursor } = chart;
    at = Math.max(0, Math.min(points.length - 1, index));
    cursor.setAttribute("transform", `translate(${points[at][0]} 0)`);
    cursor.classList.add("on");
    readout.textContent = points[at][1];
  };
  const hide = () => {
    at = -1;
    chart.cursor.classList.remove("on");
    readout.textContent = restText;
  };
  svg.addEventListener("pointermove", (event) => {
    const x = xInside(svg, event);
    const distances = chart.points.map((point) => Math.abs(point[0] - x));
    show(distances.indexOf(Math.min(...distances)));
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    show(at < 0 && by < 0 ? chart.points.length - 1 : at + by);
  });
}
function xInside(svg, event) {
  const box = svg.getBoundingClientRect();
  return (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
}
each("svg[data-chart]", (svg) => {
  const chart = { points: data[svg.dataset.chart].steps, cursor: svg.querySelector(".cursor") };
  makeReadable(svg, chart, svg.parentElement.querySelector(".readout"));
});

// Add a button to each panel that enlarges it.
each(".panel", (panel) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "enlarge";
  button.textContent = "⤢";
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-label", `Enlarge ${data[panel.dataset.cell].size}`);
  button.addEventListener("click", () => button.setAttribute("aria-pressed", String(panel.classList.toggle("wide"))));
  panel.querySelector("figcaption").append(button);
});

// Sort the table by any column, with no data always last, and filter it by any text.
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

// Draw a size's time series when its details open: all panels share one axis and one cursor.
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
  const element = document.createElementNS(document.querySelector("svg").namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
};
const rounded = (value) => value === null ? "–" : String(Number(value.toPrecision(3)));
function layOut(steps) {
  let from = 0;
  return steps.map((step) => {
    const placed = { ...step, from, seconds: step.users_over_time.length * step.bucket_s };
    from += placed.seconds + 4;
    return placed;
  });
}
function drawTimeSeries(figure) {
  const own = data[figure.dataset.time];
  if (!own || own.time.length === 0 || !figure.hidden) return;
  figure.hidden = false;
  const svg = figure.querySelector("svg"), steps = layOut(own.time), last = steps[steps.length - 1];
  const whole = [0, last.from + last.seconds], chart = { points: [], cursor: null, range: whole };
  const show = (range) => Object.assign(chart, drawTime(svg, steps, own.limits, range));
  show(whole);
  makeReadable(svg, chart, figure.querySelector(".readout"));
  makeZoomable(svg, chart, whole, show);
}
// Zoom a time series: dragging selects a range, + and - zoom around the cursor, Escape shows all again.
function makeZoomable(svg, chart, whole, show) {
  const LEAST_S = 10;
  let from = null;
  const second = (event) => chart.range[0] + (xInside(svg, event) - LEFT) / (WIDE - LEFT - 8) * (chart.range[1] - chart.range[0]);
  const zoom = (low, high) => {
    const wide = Math.max(LEAST_S, high - low), start = Math.max(whole[0], Math.min(low, whole[1] - wide));
    show([start, Math.min(whole[1], start + wide)]);
  };
  svg.addEventListener("pointerdown", (event) => { from = second(event); });
  svg.addEventListener("pointerup", (event) => {
    const to = second(event);
    if (from !== null && Math.abs(to - from) > (chart.range[1] - chart.range[0]) / 50) zoom(Math.min(from, to), Math.max(from, to));
    from = null;
  });
  svg.addEventListener("dblclick", () => show(whole));
  svg.addEventListener("keydown", (event) => {
    const by = { "+": 0.25, "-": 1 }[event.key], wide = chart.range[1] - chart.range[0];
    if (event.key === "Escape") show(whole);
    if (by === undefined) return;
    const moved = /translate\(([\d.]+)/.exec(chart.cursor.getAttribute("transform") ?? "");
    const share = moved ? (Number(moved[1]) - LEFT) / (WIDE - LEFT - 8) : 0.5;
    const middle = chart.range[0] + share * wide;
    zoom(middle - by * wide, middle + by * wide);
  });
}
function drawTime(svg, steps, limits, range) {
  svg.replaceChildren();
  const high = PANELS.length * (HIGH + GAP), inside = (at) => at >= range[0] && at <= range[1];
  const x = (at) => LEFT + (WIDE - LEFT - 8) * (Math.max(range[0], Math.min(range[1], at)) - range[0]) / (range[1] - range[0]);
  const column = (step, key) => key === "users" ? step.users_over_time : step[key];
  const instant = (step, index) => step.from + (index + 0.5) * step.bucket_s;
  const seen = steps.filter((step) => step.from <= range[1] && step.from + step.seconds >= range[0]);
  svg.setAttribute("viewBox", `0 0 ${WIDE} ${high + 24}`);
  for (const step of seen) {
    if (!step.window) continue;
    const [low, top] = step.window.map((at) => x(step.from + at));
    if (top > low) svg.append(svgElement("rect", { class: `window ${step.verdict.toLowerCase()}`, x: low, y: 0, width: Math.max(1, top - low), height: high }));
  }
  PANELS.forEach(([title, unit, keys, limit], row) => {
    const top = row * (HIGH + GAP) + 12, limited = limit ? limits[limit] : 0;
    const shown = (step, key) => column(step, key).map((value, index) => inside(instant(step, index)) ? value : null);
    const highest = Math.max(limited, ...seen.flatMap((step) => keys.flatMap((key) => shown(step, key).filter((value) => value !== null)))) || 1;
    const y = (value) => top + HIGH - 6 - (HIGH - 6) * Math.max(0, value) / highest;
    svg.append(svgElement("path", { class: "base", d: `M${LEFT} ${y(0)}H${WIDE - 8}` }));
    svg.append(svgElement("text", { class: "title", x: LEFT, y: top - 2 }, unit ? `${title}, ${unit}` : title));
    svg.append(svgElement("text", { class: "end", x: LEFT - 5, y: y(highest) + 7 }, rounded(highest)));
    svg.append(svgElement("text", { class: "end", x: LEFT - 5, y: y(0) }, "0"));
    if (limited) svg.append(svgElement("path", { class: "slo", d: `M${LEFT} ${y(limited)}H${WIDE - 8}` }));
    keys.forEach((key, number) => {
      let d = "", down = false;
      for (const step of seen) {
        down = false;
        shown(step, key).forEach((value, index) => {
          if (value !== null) d += `${down ? "L" : "M"}${x(instant(step, index)).toFixed(1)} ${y(value).toFixed(1)}`;
          down = value !== null;
        });
      }
      svg.append(svgElement("path", { class: `series series-${number}`, d }));
    });
  });
  seen.forEach((step) => svg.append(svgElement("text", { class: "users-label", x: x(step.from), y: high + 16 }, `${step.users} ${step.verdict}`)));
  const cursor = svgElement("path", { class: "cursor", d: `M0 0V${high}` });
  svg.append(cursor);
  const points = seen.flatMap((step) => step.users_over_time.map((_, index) => ({ step, index, at: instant(step, index) })));
  return { cursor, range, points: points.filter((point) => inside(point.at)).map((point) => [x(point.at), describePoint(point, column)]) };
}
function describePoint({ step, index }, column) {
  const values = PANELS.flatMap(([title, unit, keys]) => keys.map((key) => `${NAMES[key] ? `${NAMES[key]} CPU` : title} ${rounded(column(step, key)[index])} ${unit.split(/[:;]/)[0]}`.trim()));
  return `${step.users} users asked for, ${Math.round((index + 0.5) * step.bucket_s)} s into the step: ${values.join(", ")}`;
}
each("details.cell", (details) => {
  const draw = () => details.open && details.querySelectorAll("[data-time]").forEach(drawTimeSeries);
  details.addEventListener("toggle", draw);
  draw();
});

// Reload the page while the campaign runs, but never disturb a reader: not while details are open or the filter
// has the focus, and not after "Pause".
const refreshing = document.getElementById("refreshing");
if (refreshing) {
  const everyS = Number(refreshing.dataset.everyS), pause = document.createElement("button");
  pause.type = "button";
  pause.className = "pause";
  const setPaused = (isPaused) => {
    refreshing.textContent = isPaused ? "Reloading is paused. " : `This page reloads every ${everyS} s, unless details are open. `;
    pause.textContent = isPaused ? "Continue" : "Pause";
    pause.setAttribute("aria-pressed", String(isPaused));
    refreshing.append(pause);
  };
  const isPaused = () => pause.getAttribute("aria-pressed") === "true";
  pause.addEventListener("click", () => setPaused(!isPaused()));
  setPaused(false);
  setInterval(() => {
    const isInUse = document.querySelector("details[open]") || document.activeElement instanceof HTMLInputElement;
    if (!isPaused() && !isInUse) location.reload();
  }, everyS * 1000);
}

// Open the details of a size that a link leads to, and all details for printing.
function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
}
addEventListener("hashchange", openTarget);
openTarget();
addEventListener("beforeprint", () => each("details", (details) => { details.open = true; }));
