
// Choose the size for any number of users and any headroom, by the rule of harness/analyse/result/growth.py. All
// numbers that decide are whole: headroom is in millionths, prices and cores are in billionths.
const growth = JSON.parse(document.getElementById("growth-data").textContent);
const MILLION = 1e6;
const countNeededUsers = (users, headroom) => Math.ceil(users * (MILLION + headroom) / MILLION);
const shrinkByHeadroom = (users, headroom) => Math.floor(users * MILLION / (MILLION + headroom));
const countHeldUsers = (option, headroom) => Math.min(option.users, shrinkByHeadroom(option.room, headroom));
function chooseSize(users, headroom) {
  for (const option of growth.options) {
    const held = countHeldUsers(option, headroom);
    if (users > held) continue;
    const ground = countNeededUsers(users, headroom) <= option.users ? "measured" : "predicted";
    return { ground, option, replicas: option.replicas, until: held, instead: null };
  }
  const reasoned = chooseReplicas(users, headroom);
  const sustaining = growth.options.filter((option) => users <= option.users);
  if (sustaining.length === 0) return reasoned;
  const least = growth.alike * Math.max(...sustaining.map((option) => option.capacity));
  const roomiest = sustaining.find((option) => option.capacity >= least);
  return { ground: "tight", option: roomiest, replicas: roomiest.replicas, until: roomiest.users, instead: reasoned };
}
function chooseReplicas(users, headroom) {
  const { shared } = growth;
  if (shared !== null && countNeededUsers(users, headroom) > shared.users) return null;
  let best = null;
  for (const option of growth.options) {
    const held = countHeldUsers(option, headroom);
    if (!option.multiplies || held <= 0) continue;
    const replicas = Math.ceil(users * option.replicas / held), price = option.price === null ? Infinity : option.price * replicas;
    const rank = [price, option.cores * replicas, option.memory * replicas, replicas];
    if (best !== null && !isLower(rank, best.rank)) continue;
    best = { rank, ground: "reasoned", option, replicas, until: Math.floor(replicas * held / option.replicas), instead: null };
  }
  if (best !== null && shared !== null) best.until = Math.min(best.until, shrinkByHeadroom(shared.users, headroom));
  return best;
}
function isLower(rank, other) {
  const at = rank.findIndex((value, index) => value !== other[index]);
  return at >= 0 && rank[at] < other[at];
}

// Write the sentence with the answer.
const formatUsers = (users) => `${formatCount(users)} user${users === 1 ? "" : "s"}`;
const formatHeadroom = (headroom) => `${Number((headroom / MILLION * 100).toPrecision(4))} %`;
function nameChoice({ option, replicas }) {
  return (replicas > 1 ? `${formatCount(replicas)} × ${option.size}` : option.size) + (option.name ? ` (${option.name})` : "");
}
function formatCost({ option, replicas }) {
  if (option.cost === null) return "";
  if (!growth.isPriced) return `${Math.floor(option.cost * replicas * 10 + 0.5) / 10} ×`;
  const price = option.price * replicas / (1000 * MILLION), decimals = price ? Math.max(2, 2 - Math.floor(Math.log10(price))) : 2;
  return `${price.toFixed(Math.min(decimals, 9))} ${growth.currency}`.trimEnd();
}
function describeChoice(choice, users, headroom) {
  const asked = `For ${formatUsers(users)}${headroom ? ` with ${formatHeadroom(headroom)} headroom` : ""}`;
  if (choice === null) {
    const { shared } = growth;
    const reason = shared === null ? "" : `: ${shared.name}, which all replicas share, is expected to be full at ${formatUsers(shared.users)}`;
    return `${asked} no size is known to be enough${reason}.`;
  }
  const cost = formatCost(choice), [before, after] = growth.costWords, priced = cost ? before + cost + after : "";
  const take = `${asked} take ${nameChoice(choice)}${priced}`, enough = `enough up to ${formatUsers(choice.until)}`;
  const known = choice.option.inferred ? "inferred from another size" : "measured";
  if (choice.ground === "measured") return `${take}: ${known}, ${enough}.`;
  if (choice.ground === "predicted") return `${take}: ${enough}; the users were ${known}, the headroom is predicted.`;
  if (choice.ground === "reasoned") return `${take}: reasoned, not measured, ${enough}, if nothing that the replicas share is full before.`;
  const instead = choice.instead === null ? "" : `; ${nameChoice(choice.instead)} would (reasoned, not measured)`;
  const sustained = choice.option.inferred ? `the users were ${known}` : "it sustained the users";
  return `${take}: ${sustained}, but no size keeps the headroom${instead}.`;
}

// Mark the size to take in the matrix, in the table and in the picture.
const groupByCell = (selector) => {
  const groups = new Map();
  each(selector, (element) => groups.set(element.dataset.cell, [...groups.get(element.dataset.cell) ?? [], element]));
  return groups;
};
const tiles = groupByCell(".matrix a.tile"), rows = groupByCell("#sizes tbody tr");
function markChoice(choice, users) {
  each(".matrix td.taken, #sizes tr.taken", (element) => element.classList.remove("taken"));
  each(".matrix .take", (element) => element.remove());
  const cells = choice === null ? [] : choice.option.cells;
  cells.flatMap((cell) => tiles.get(cell) ?? []).forEach((tile) => {
    const label = document.createElement("span"), { option, replicas } = choice;
    label.className = "take";
    label.textContent = replicas === option.replicas ? "take this" : `take ${formatCount(replicas)} ${option.replicas === 1 ? "of these" : "replicas"} (reasoned)`;
    tile.prepend(label);
    tile.parentElement.classList.add("taken");
  });
  cells.flatMap((cell) => rows.get(cell) ?? []).forEach((row) => row.classList.add("taken"));
  const line = document.getElementById("growth-now");
  if (line) line.setAttribute("transform", `translate(${growth.left + (growth.right - growth.left) * Math.min(users, growth.most) / growth.most} 0)`);
}
function buildWhatIf(group) {
  const usersRange = document.getElementById("what-if-users"), headroomRange = document.getElementById("what-if-headroom");
  const answer = document.getElementById("what-if-answer");
  let { users, headroom } = growth;
  headroomRange.max = String(Math.max(100, Math.ceil(headroom / MILLION * 100)));
  const show = () => {
    const headroomText = formatHeadroom(headroom);
    document.getElementById("what-if-users-shown").textContent = formatCount(users);
    document.getElementById("what-if-headroom-shown").textContent = headroomText;
    usersRange.setAttribute("aria-valuetext", formatUsers(users));
    headroomRange.setAttribute("aria-valuetext", headroomText);
    const choice = chooseSize(users, headroom);
    answer.textContent = describeChoice(choice, users, headroom).replace(/(\d) (?=%|MiB|CPU|×)/g, "$1\u00a0");
    markChoice(choice, users);
  };
  const reset = () => {
    ({ users, headroom } = growth);
    usersRange.value = String(users);
    headroomRange.value = String(Math.round(headroom / MILLION * 100));
    show();
  };
  usersRange.addEventListener("input", () => { users = Number(usersRange.value); show(); });
  headroomRange.addEventListener("input", () => { headroom = Math.round(Number(headroomRange.value) * MILLION / 100); show(); });
  document.getElementById("what-if-reset").addEventListener("click", reset);
  group.hidden = false;
  reset();
}
if (growth !== null) buildWhatIf(document.getElementById("what-if"));
