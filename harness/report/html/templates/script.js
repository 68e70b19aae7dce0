"use strict";
// The page is complete without this script. It adds: reading charts step by step, curves over time, highlighting,
// sorting, filtering, and reloading.
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

// Show the text of the point that is nearest to the pointer, or that the arrow keys choose.
// A chart is {points: [[x, text], …], cursor}.
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
    const x = findX(svg, event);
    const distances = chart.points.map((point) => Math.abs(point[0] - x));
    show(distances.indexOf(Math.min(...distances)));
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (move === undefined) return;
    event.preventDefault();
    show(at < 0 && move < 0 ? chart.points.length - 1 : at + move);
  });
}
// Return the pointer's place in the units of the SVG.
function findX(svg, event) {
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

// Sort the table by any column, always with the rows without data last, and filter it by any text.
const table = document.getElementById("sizes");
const body = table.tBodies[0];
const readSortValue = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
function compare(a, b) {
  if (a === "" || b === "") return (a === "") - (b === "");
  return a !== "" && !isNaN(a) && !isNaN(b) ? a - b : a.localeCompare(b);
}
function sortBy(column, header) {
  const descending = header.getAttribute("aria-sort") === "ascending";
  const rows = [...body.rows].sort((one, other) => {
    const [a, b] = [readSortValue(one, column), readSortValue(other, column)];
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
document.querySelector(".filter").hidden = false;
document.getElementById("filter").addEventListener("input", (event) => {
  const filterText = event.target.value.trim().toLowerCase();
  for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(filterText);
  const shown = [...body.rows].filter((row) => !row.hidden).length;
  document.getElementById("filtered").textContent = filterText ? `${shown} of ${body.rows.length}` : "";
});

// Draw a size's time series when its details open, as panels that share one time axis and one cursor.
// A panel is [title, unit and legend, keys of its curves, key of its limit].
const TIME_PANELS = [
  ["users", "", ["users"], null],
  ["RPS", "", ["rps"], null],
  ["RT, p95", "s", ["p95_s"], "p95_s"],
  ["errors", "per second", ["errors_ps"], null],
  ["CPU", "cores: target, generator dashed, host dotted; limit in red", ["cpu_cores", "generator_cores", "host_cores"], "cpu_cores"],
  ["throttled periods", "share", ["throttled_ratio"], null],
  ["memory", "MiB; limit in red", ["memory_mib"], "memory_mib"],
];
const CPU_NAMES = { cpu_cores: "target", generator_cores: "generator", host_cores: "host" };
const LEFT = 64, WIDTH = 720, RIGHT = WIDTH - 8, PANEL_HEIGHT = 54, GAP = 16, LABELS_HEIGHT = 24;
const createSvgElement = (name, attributes, text) => {
  const element = document.createElementNS(document.querySelector("svg").namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
};
const formatCount = (value) => value < 10000 ? String(value) : String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const formatNumber = (value) => value === null ? "–" : formatCount(Number.isInteger(value) ? value : Number(value.toPrecision(3)));
// Place the steps one after another on the time axis: `from` is where a step begins, in seconds.
function placeSteps(steps) {
  const GAP_S = 4;
  let from = 0;
  return steps.map((step) => {
    const placed = { ...step, from, seconds: step.users_over_time.length * step.bucket_s };
    from += placed.seconds + GAP_S;
    return placed;
  });
}
function drawTimeSeries(figure) {
  const size = data[figure.dataset.time];
  if (!size || size.time.length === 0 || !figure.hidden) return;
  figure.hidden = false;
  const svg = figure.querySelector("svg"), steps = placeSteps(size.time), last = steps[steps.length - 1];
  const whole = [0, last.from + last.seconds], chart = { points: [], cursor: null, range: whole };
  const show = (range) => Object.assign(chart, drawRange(svg, steps, size.limits, range));
  show(whole);
  makeReadable(svg, chart, figure.querySelector(".readout"));
  makeZoomable(svg, chart, whole, show);
  figure.addEventListener("show", (event) => {
    const AROUND_S = 30, middle = Math.max(whole[0], Math.min(whole[1], event.detail));
    show([Math.max(whole[0], middle - AROUND_S), Math.min(whole[1], middle + AROUND_S)]);
    const share = (middle - chart.range[0]) / (chart.range[1] - chart.range[0]);
    chart.cursor.setAttribute("transform", `translate(${LEFT + share * (RIGHT - LEFT)} 0)`);
    chart.cursor.classList.add("on");
  });
  svg.addEventListener("click", (event) => {
    const share = (findX(svg, event) - LEFT) / (RIGHT - LEFT), second = chart.range[0] + share * (chart.range[1] - chart.range[0]);
    const link = new URLSearchParams({ cell: figure.dataset.time, t: String(Math.round(second)) });
    if (share >= 0 && share <= 1) history.replaceState(null, "", `#${link}`);
  });
}
// Let a reader zoom a time series: dragging selects a range, + and - zoom around the cursor, Escape shows all again.
function makeZoomable(svg, chart, whole, show) {
  const SHORTEST_RANGE_S = 10;
  let dragStart = null;
  const findShare = (x) => (x - LEFT) / (RIGHT - LEFT);
  const measureRange = () => chart.range[1] - chart.range[0];
  const findSecond = (event) => chart.range[0] + findShare(findX(svg, event)) * measureRange();
  const zoom = (low, high) => {
    const length = Math.max(SHORTEST_RANGE_S, high - low), start = Math.max(whole[0], Math.min(low, whole[1] - length));
    show([start, Math.min(whole[1], start + length)]);
  };
  svg.addEventListener("pointerdown", (event) => { dragStart = findSecond(event); });
  svg.addEventListener("pointerup", (event) => {
    const end = findSecond(event), isDrag = dragStart !== null && Math.abs(end - dragStart) > measureRange() / 50;
    if (isDrag) zoom(Math.min(dragStart, end), Math.max(dragStart, end));
    dragStart = null;
  });
  svg.addEventListener("dblclick", () => show(whole));
  svg.addEventListener("keydown", (event) => {
    const reach = { "+": 0.25, "-": 1 }[event.key] * measureRange();
    if (event.key === "Escape") show(whole);
    if (isNaN(reach)) return;
    const moved = /translate\(([\d.]+)/.exec(chart.cursor.getAttribute("transform") ?? "");
    const middle = chart.range[0] + (moved ? findShare(Number(moved[1])) : 0.5) * measureRange();
    zoom(middle - reach, middle + reach);
  });
}
const readColumn = (step, key) => key === "users" ? step.users_over_time : step[key];
const findInstant = (step, index) => step.from + (index + 0.5) * step.bucket_s;
// Draw the part of the time axis within the range, and return the new chart.
function drawRange(svg, steps, limits, range) {
  const height = TIME_PANELS.length * (PANEL_HEIGHT + GAP);
  const isInRange = (second) => second >= range[0] && second <= range[1];
  const placeX = (second) => LEFT + (RIGHT - LEFT) * (Math.max(range[0], Math.min(range[1], second)) - range[0]) / (range[1] - range[0]);
  const visible = steps.filter((step) => step.from <= range[1] && step.from + step.seconds >= range[0]);
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${height + LABELS_HEIGHT}`);
  for (const step of visible) {
    if (!step.window) continue;
    const [left, right] = step.window.map((second) => placeX(step.from + second));
    if (right > left) svg.append(createSvgElement("rect", { class: `window ${step.verdict.toLowerCase()}`, x: left, y: 0, width: Math.max(1, right - left), height }));
  }
  TIME_PANELS.forEach((panel, row) => drawPanel(svg, panel, row, visible, limits, placeX, isInRange));
  visible.forEach((step) => svg.append(createSvgElement("text", { class: "users-label", x: placeX(step.from), y: height + 16 }, `${step.users} ${step.verdict}`)));
  const cursor = createSvgElement("path", { class: "cursor", d: `M0 0V${height}` });
  svg.append(cursor);
  const points = visible.flatMap((step) => step.users_over_time.map((_, index) => [findInstant(step, index), describePoint(step, index)]));
  return { cursor, range, points: points.filter(([second]) => isInRange(second)).map(([second, text]) => [placeX(second), text]) };
}
function drawPanel(svg, [title, unit, keys, limitKey], row, steps, limits, placeX, isInRange) {
  const top = row * (PANEL_HEIGHT + GAP) + 12, asked = limits[limitKey] ?? 0, isSlo = limitKey === "p95_s" && asked > 0;
  const readVisible = (step, key) => readColumn(step, key).map((value, index) => isInRange(findInstant(step, index)) ? value : null);
  const most = Math.max(0, ...steps.flatMap((step) => keys.flatMap((key) => readVisible(step, key).filter((value) => value !== null))));
  // An SLO far above what was measured would flatten the curve: it is named, but not drawn.
  const limit = isSlo && asked > 4 * most ? 0 : asked, highest = Math.max(limit, most) || 1;
  if (isSlo) unit = `s; SLO ≤ ${formatNumber(asked)} s${limit ? " in red" : ""}`;
  const placeY = (value) => top + PANEL_HEIGHT - 6 - (PANEL_HEIGHT - 6) * Math.max(0, value) / highest;
  svg.append(createSvgElement("path", { class: "base", d: `M${LEFT} ${placeY(0)}H${RIGHT}` }));
  svg.append(createSvgElement("text", { class: "title", x: LEFT, y: top - 2 }, unit ? `${title}, ${unit}` : title));
  svg.append(createSvgElement("text", { class: "end", x: LEFT - 5, y: placeY(highest) + 7 }, formatNumber(highest)));
  svg.append(createSvgElement("text", { class: "end", x: LEFT - 5, y: placeY(0) }, "0"));
  if (limit) svg.append(createSvgElement("path", { class: "slo", d: `M${LEFT} ${placeY(limit)}H${RIGHT}` }));
  keys.forEach((key, number) => {
    let d = "", penIsDown = false;
    for (const step of steps) {
      penIsDown = false;
      readVisible(step, key).forEach((value, index) => {
        if (value !== null) d += `${penIsDown ? "L" : "M"}${placeX(findInstant(step, index)).toFixed(1)} ${placeY(value).toFixed(1)}`;
        penIsDown = value !== null;
      });
    }
    svg.append(createSvgElement("path", { class: `series series-${number}`, d }));
  });
}
function describePoint(step, index) {
  const values = TIME_PANELS.flatMap(([title, unit, keys]) => keys.map((key) => {
    const name = CPU_NAMES[key] ? `${CPU_NAMES[key]} CPU` : title;
    return `${name} ${formatNumber(readColumn(step, key)[index])} ${unit.split(/[:;]/)[0]}`.trim();
  }));
  return `Step of ${step.users} users, ${Math.round((index + 0.5) * step.bucket_s)} s after its begin: ${values.join(", ")}`;
}
each("details.cell", (details) => {
  const draw = () => details.open && details.querySelectorAll("[data-time]").forEach(drawTimeSeries);
  details.addEventListener("toggle", draw);
  draw();
});

// Say for how long nothing was written into this page, which a campaign that was killed leaves as it is.
function describeSilence() {
  const EXPECTED_MIN = 15, minutes = Math.floor((Date.now() - Date.parse(document.lastModified)) / 60000);
  if (!(minutes >= EXPECTED_MIN)) return "";
  const age = minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
  return `Nothing was written here for ${age}: a step is long, or the campaign was killed; \`harness report\` tells which. `;
}

// Reload the page while the campaign runs, except while details are open or the filter has the focus, and after "Pause".
const refreshing = document.getElementById("refreshing");
if (refreshing) {
  const everyS = Number(refreshing.dataset.everyS), pause = document.createElement("button"), silence = describeSilence();
  pause.type = "button";
  pause.className = "pause";
  const setPaused = (isPaused) => {
    refreshing.textContent = isPaused ? "Reloading is paused. " : `${silence}This page reloads every ${everyS}\u00a0s, unless details are open. `;
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

// Open the details of a size when a link leads there, and all but the exported files for printing. `#cell=ID&t=SECONDS` also shows
// the minute around that instant of its time series, and choosing an instant there writes such a link.
function findLink() {
  const fields = new URLSearchParams(location.hash.slice(1)), cell = fields.get("cell");
  const seconds = fields.has("t") ? Number(fields.get("t")) : NaN;
  if (cell !== null) return { id: `cell-${cell}`, seconds };
  try {
    return { id: decodeURIComponent(location.hash.slice(1)), seconds: NaN };
  } catch {
    return { id: "", seconds: NaN };
  }
}
function openTarget() {
  const { id, seconds } = findLink(), target = id && document.getElementById(id);
  if (!(target instanceof HTMLDetailsElement)) return;
  target.open = true;
  target.scrollIntoView();
  const figure = target.querySelector("[data-time]");
  if (!figure || !Number.isFinite(seconds)) return;
  drawTimeSeries(figure);
  figure.dispatchEvent(new CustomEvent("show", { detail: seconds }));
  figure.scrollIntoView({ block: "center" });
}
addEventListener("hashchange", openTarget);
openTarget();
const unfolded = [];
addEventListener("beforeprint", () => {
  unfolded.push(...document.querySelectorAll("details:not([open], .export)"));
  for (const details of unfolded) details.open = true;
  each("[data-time]", drawTimeSeries);
});
addEventListener("afterprint", () => { for (const details of unfolded.splice(0)) details.open = false; });
