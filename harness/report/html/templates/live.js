"use strict";
// Ask for the state once a second while somebody looks, and draw it. Texts are only ever inserted as texts.
const EVERY_MS = 1000, AFTER_THE_END_MS = 5000, SILENT_FROM_S = 15;
const SYMBOLS = { PASS: "●", FAIL: "✕", INVALID: "◇" };
const byId = (id) => document.getElementById(id);
const createElement = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};
const createSvgElement = (name, attributes, text) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
};
// A text is set only if it is another one, so that a screen reader reads no state twice.
const setText = (element, text) => { if (element.textContent !== text) element.textContent = text; };
const isNumber = (value) => value !== null && value !== undefined;
const formatCount = (value) => value < 10000 ? String(value) : String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const shorten = (value) => Number.isInteger(value) ? value : Number(value.toPrecision(3));
const format = (value, unit = "") => isNumber(value) ? `${formatCount(shorten(value))}${unit && ` ${unit}`}` : "–";
const getLast = (values) => values.length ? values[values.length - 1] : null;

// The charts of a step: [title, unit, [[column, class of its line], …], limit]. The first column's last value is shown.
const listCharts = (step, p95Limit) => [
  ["users", "", [["active_users", "rps"]], null],
  ["RPS", "", [["rps", "rps"], ["errors_ps", "errors"]], null],
  ["response time, p95", "s", [["p95_s", "p95"], ["p50_s", "p50"]], p95Limit],
  ["CPU", "cores", [["cpu_cores", "rps"]], step.cores_limit],
  ["memory", "MiB", [["memory_mib", "rps"]], step.memory_limit_mib],
  ["requests that wait", "", [["in_flight", "rps"]], null],
];
const WIDTH = 320, HEIGHT = 104, LEFT = 40, RIGHT = 312, TOP = 8, BOTTOM = 86;

function roundUp(value) {
  const decade = 10 ** Math.floor(Math.log10(value));
  return [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10].map((factor) => factor * decade).find((round) => round >= value * 0.999999);
}
// Say the last value of a chart, with what belongs to it: "0.45 of 0.5 cores (90 %)".
function describeNow(step, [title, unit, lines, limit]) {
  const now = getLast(step[lines[0][0]]), errors = title === "RPS" ? getLast(step.errors_ps) : 0;
  if (title === "users") return `${format(now)} of ${format(step.users)}`;
  if (errors > 0) return `${format(now)}, and ${format(errors)} errors a second`;
  if (!isNumber(limit)) return format(now, unit);
  if (unit === "s") return `${format(now, unit)}, limit ${format(limit, unit)}`;
  return isNumber(now) ? `${format(now)} of ${format(limit, unit)} (${Math.round(100 * now / limit)} %)` : `limit ${format(limit, unit)}`;
}
function drawChart(step, chart) {
  const [title, , lines, limit] = chart, nowText = describeNow(step, chart);
  const seconds = step.at_s, endS = roundUp(Math.max(20, getLast(seconds) ?? 0));
  const values = lines.flatMap(([column]) => step[column].filter(isNumber));
  const wanted = title === "users" ? step.users : 0;
  // A limit far above what is used is left out of the picture, which would be flat: it is in the text.
  const most = Math.max(wanted, ...values), isLimitShown = isNumber(limit) && (limit <= 4 * most || !values.length);
  const highest = roundUp(Math.max(most, isLimitShown ? limit : 0) || 1);
  const placeX = (second) => LEFT + (RIGHT - LEFT) * second / endS;
  const placeY = (value) => BOTTOM - (BOTTOM - TOP) * Math.max(0, value) / highest;
  const svg = createSvgElement("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title} over the step: ${nowText} now` });
  const windowFrom = step.phase.indexOf("window");
  if (windowFrom >= 0) {
    const to = step.phase.lastIndexOf("window"), x = placeX(seconds[windowFrom]);
    svg.append(createSvgElement("rect", { class: "band", x, y: TOP, width: Math.max(0, placeX(seconds[to]) - x), height: BOTTOM - TOP }));
  }
  for (const share of [0, 0.5, 1]) {
    const y = placeY(share * highest);
    svg.append(createSvgElement("path", { class: share ? "grid-line" : "base", d: `M${LEFT} ${y}H${RIGHT}` }));
    svg.append(createSvgElement("text", { class: "end", x: LEFT - 5, y: y + 3 }, format(share * highest)));
  }
  for (const share of [0, 0.5, 1]) {
    svg.append(createSvgElement("text", { class: share === 1 ? "end" : "middle", x: share === 1 ? RIGHT : placeX(share * endS), y: BOTTOM + 13 }, format(share * endS, "s")));
  }
  for (const height of [wanted, isLimitShown ? limit : 0]) {
    if (height) svg.append(createSvgElement("path", { class: height === wanted ? "line light" : "slo", d: `M${LEFT} ${placeY(height)}H${RIGHT}` }));
  }
  for (const [column, kind] of lines) {
    let d = "", penIsDown = false;
    step[column].forEach((value, index) => {
      if (isNumber(value)) d += `${penIsDown ? "L" : "M"}${placeX(seconds[index]).toFixed(1)} ${placeY(value).toFixed(1)}`;
      penIsDown = isNumber(value);
    });
    const hasErrors = kind !== "errors" || step[column].some((value) => value > 0);
    if (hasErrors) svg.append(createSvgElement("path", { class: `line ${kind}`, d }));
  }
  return createElement("div", { className: "chart" }, createElement("h4", {}, title, createElement("b", {}, nowText)), svg);
}
// Say for how long nothing was stored, and why: no harness holds the folder of a campaign that was killed.
const explainSilence = (silentS, isKilled, reasons) => `Nothing was stored for ${Math.round(silentS)} s: ${isKilled ? "the harness was probably killed, since none holds the campaign's folder" : reasons}.`;
function drawStep(step, p95Limit, isKilled) {
  const parts = [createElement("h3", {}, step.size), createElement("p", { className: "doing" }, step.doing)];
  if (step.users !== null && step.silent_s > SILENT_FROM_S) {
    parts.push(createElement("p", { className: "warning" }, explainSilence(step.silent_s, isKilled, "the harness hangs, or its machine sleeps")));
  }
  if (step.at_s.length) parts.push(createElement("div", { className: "charts" }, ...listCharts(step, p95Limit).map((chart) => drawChart(step, chart))));
  return createElement("article", { className: "step" }, ...parts);
}

// A size's search on the axis of users: the part where its capacity lies, its steps, and the one in progress.
function drawSearch(size, now, mostUsers) {
  const placeX = (users) => 8 + 384 * Math.min(users, mostUsers) / Math.max(1, mostUsers);
  const svg = createSvgElement("svg", { viewBox: "0 0 400 24", role: "img", "aria-label": `${size.size}: ${size.outcome}` });
  svg.append(createSvgElement("path", { class: "axis", d: "M8 12H392" }));
  const isOpen = size.steps.length > 0 || now !== null;
  if (isOpen) svg.append(createSvgElement("path", { class: "part", d: `M${placeX(size.sustained_users ?? 0)} 12H${placeX(size.broken_users ?? mostUsers)}` }));
  for (const [users, verdict] of size.steps) {
    svg.append(createSvgElement("text", { class: `mark ${verdict.toLowerCase()}`, x: placeX(users), y: 16 }, SYMBOLS[verdict] ?? "?"));
  }
  if (now !== null) svg.append(createSvgElement("text", { class: "now", x: placeX(now), y: 17 }, "▲"));
  return svg;
}
// Return where the axis of users ends: at the limit, or not far above the most users that were held so far.
function findMostUsers(state) {
  const held = state.sizes.flatMap((size) => [...size.steps.map(([users]) => users), size.sustained_users ?? 0, size.broken_users ?? 0]);
  const most = Math.max(0, ...held, ...state.steps.map((step) => step.users ?? 0));
  return most > 0 ? Math.min(state.users_limit, Math.round(roundUp(most))) : state.users_limit;
}
function drawSize(size, step, mostUsers) {
  const now = step === undefined ? null : step.users;
  const isFirstStep = step !== undefined && size.status === "running" && size.steps.length === 0;
  return createElement("tr", { className: step === undefined ? "" : "is-active" },
    createElement("th", { scope: "row" }, size.size),
    createElement("td", {}, drawSearch(size, now, mostUsers)),
    createElement("td", { className: "why" }, isFirstStep ? "no verdict yet" : size.outcome));
}
function drawVerdict(line) {
  const kind = (line.verdict ?? "").toLowerCase();
  const symbol = createElement("b", { className: kind }, line.verdict === null ? "→" : SYMBOLS[line.verdict] ?? "?");
  return createElement("li", {}, symbol, createElement("b", {}, line.size), line.text);
}

function drawPair(pair) {
  const numbers = [pair.base, pair.head, pair.change].map((text) => createElement("td", { className: "n" }, text));
  return createElement("tr", {}, createElement("th", { scope: "row" }, pair.number), ...numbers, createElement("td", { className: "why" }, pair.meaning));
}

function describeIdle(state) {
  const isIdle = state.steps.length === 0 && state.silent_s > SILENT_FROM_S;
  return isIdle ? ` ${explainSilence(state.silent_s, state.killed, "an image is built, or a container starts")}` : "";
}
function describeComparison({ title, answer, pairs }, state) {
  if (state.state === "complete") return `The comparison is complete: ${title}. ${answer}`;
  if (state.state === "interrupted") return `The comparison was interrupted: ${title}. ${answer} The same command goes on where it stopped.`;
  const held = pairs.length ? ` ${pairs.length} ${pairs.length === 1 ? "pair of windows is" : "pairs of windows are"} held.` : "";
  return `Compared: ${title}.${held} ${answer}${describeIdle(state)}`;
}
function describeState(state) {
  if (state.problem) return `The campaign can't be read: ${state.problem}`;
  if (state.comparison) return describeComparison(state.comparison, state);
  const done = state.sizes.filter((size) => size.status !== "running").length;
  if (state.state === "complete") return state.take ? `The campaign is complete. Take ${state.take} for ${format(state.users_limit)} ${state.users_limit === 1 ? "user" : "users"}: the report says why.` : "The campaign is complete. The report says what was found.";
  if (state.state === "interrupted") return "The campaign was interrupted. The same command goes on where it stopped.";
  if (state.silent_s === undefined) return "This campaign runs no search at the moment, or was killed: what its reports say so far is below.";
  return `${done} of ${state.sizes.length} ${state.sizes.length === 1 ? "size is" : "sizes are"} done.${describeIdle(state)}`;
}
let isOver = false;
function draw(state) {
  isOver = state.state === "complete" || state.state === "interrupted";
  byId("state").classList.remove("is-lost");
  setText(byId("state"), describeState(state));
  if (state.problem) return;
  setText(byId("name"), [state.target, state.campaign, state.started_at].filter(Boolean).join(" · "));
  const what = state.target ?? state.campaign;
  const verbs = state.comparison ? ["Compared", "Comparing two versions of"] : ["Measured", "Measuring"];
  setText(byId("title"), isOver ? `${verbs[0]}: ${what}` : `${verbs[1]} ${what}`);
  document.title = byId("title").textContent;
  byId("report").hidden = !state.has_report;
  setText(byId("report").firstElementChild, isOver ? "The report" : "The report so far");
  byId("idle").hidden = byId("legend").hidden = false;
  byId(state.steps.length ? "idle" : "legend").hidden = true;
  byId("steps").replaceChildren(...state.steps.map((step) => drawStep(step, state.p95_limit_s, state.killed)));
  const steps = new Map(state.steps.map((step) => [step.id, step]));
  const pairs = state.comparison?.pairs ?? [];
  byId("pairs-section").hidden = pairs.length === 0;
  byId("pairs").replaceChildren(...pairs.map(drawPair));
  byId("search-section").hidden = state.comparison !== undefined;
  const mostUsers = findMostUsers(state);
  setText(byId("limit"), format(mostUsers));
  byId("sizes").replaceChildren(...state.sizes.map((size) => drawSize(size, steps.get(size.id), mostUsers)));
  byId("verdicts-section").hidden = state.verdicts.length === 0;
  byId("verdicts").replaceChildren(...state.verdicts.slice().reverse().map(drawVerdict));
}
function showLoss() {
  byId("report").hidden = true;
  if (isOver) {
    setText(byId("state"), "The campaign has ended, and so has the command that served this page. Its answer is in report.html, in the campaign's folder.");
    return;
  }
  byId("state").classList.add("is-lost");
  setText(byId("state"), "The command that serves this page does not answer: it was stopped, or has ended. `harness watch` serves it again. What is below is the last that was known.");
}

// The next question is asked when the last one is answered; none is asked while the page is hidden.
async function ask() {
  try {
    if (document.hidden) return;
    const state = await readState();
    if (state === null) showLoss();
    else draw(state);
  } finally {
    setTimeout(ask, isOver ? AFTER_THE_END_MS : EVERY_MS);
  }
}
async function readState() {
  try {
    const answer = await fetch("state.json", { cache: "no-store", signal: AbortSignal.timeout(10000) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
ask();
