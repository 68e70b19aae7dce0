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

// A chart is read at the step nearest to the pointer, or with the arrow keys.
each("svg[data-chart]", (svg) => {
  const steps = data[svg.dataset.chart].steps;
  const cursor = svg.querySelector(".cursor");
  const readout = svg.parentElement.querySelector(".readout");
  const quiet = readout.textContent;
  let at = -1;
  const show = (index) => {
    at = Math.max(0, Math.min(steps.length - 1, index));
    cursor.setAttribute("transform", `translate(${steps[at][0]} 0)`);
    cursor.classList.add("on");
    readout.textContent = steps[at][1];
  };
  const hide = () => {
    at = -1;
    cursor.classList.remove("on");
    readout.textContent = quiet;
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
    const distances = steps.map((step) => Math.abs(step[0] - x));
    show(distances.indexOf(Math.min(...distances)));
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    show(at < 0 && by < 0 ? steps.length - 1 : at + by);
  });
});

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

// A link to a size opens its details; printing opens all of them.
function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
}
addEventListener("hashchange", openTarget);
openTarget();
addEventListener("beforeprint", () => each("details", (details) => { details.open = true; }));
