// The page: the address says what is shown, so that it can be sent; a key is never in it.
import { Problem, ask, takeKey, useKey, whole } from "./api.js";
import { course } from "./charts.js";
import { divided, refocus, tab } from "./divided.js";
import { failed, line, make, part, share, soft, table } from "./parts.js";
import { VIEWS, standing } from "./standing.js";
import { clean, count, day, hundredths, percent, pp } from "./words.js";

const DAYS = { "7d": 7, "30d": 30, "90d": 90, "12m": 365, "25m": 761 };
const SLICE = 31;
const LISTED = 100;
const EVENTS = 200; // marked and listed
const at = (id) => document.getElementById(id);

let state = read();
let run = 0;
let broken = false; // whether something could not be shown, and all is to be drawn anew

function read() {
  const asked = new URLSearchParams(location.search);
  const kept = {};
  for (const name of ["scope", "window", "from", "to", "delta", "by", "view", "target"]) kept[name] = asked.get(name) ?? "";
  for (const name of ["from", "to"]) if (Number.isNaN(Date.parse(kept[name]))) kept[name] = "";
  return { ...kept, scope: kept.scope || "all", window: DAYS[kept.window] || kept.window === "own" ? kept.window : "30d" };
}

/** Shows another state, and puts it into the address. */
function change(more) {
  const before = state;
  state = { ...state, ...more };
  const shown = Object.entries(state).filter(([name, value]) => value && !(name === "scope" && value === "all") && !(name === "window" && value === "30d"));
  history.pushState(null, "", `${location.pathname}?${new URLSearchParams(shown)}`.replace(/\?$/, ""));
  show(before);
}

/** The window as the API takes it: `to` is left out where it is now. */
function span(newest) {
  if (state.window === "own" && state.from) {
    const until = state.to ? new Date(`${state.to}T23:59:59Z`) : new Date(newest);
    return { from: new Date(`${state.from}T00:00:00Z`), to: until };
  }
  const until = new Date(newest);
  return { from: new Date(until - (DAYS[state.window] ?? 30) * 864e5), to: until };
}

const iso = (date) => date.toISOString().slice(0, 19) + "Z";

function busy(words) {
  at("status").textContent = words;
}

// The first look

async function start() {
  takeKey();
  at("pickers").addEventListener("submit", (event) => event.preventDefault());
  at("scope").addEventListener("change", () => change({ scope: at("scope").value, delta: "" }));
  at("window").addEventListener("change", () => change({ window: at("window").value, delta: "" }));
  for (const name of ["from", "to"]) at(name).addEventListener("change", () => change({ from: at("from").value, to: at("to").value, delta: "" }));
  at("copy").addEventListener("click", copy);
  at("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    useKey(at("key").value);
    at("key").value = "";
    show(null);
  });
  window.addEventListener("popstate", () => {
    const before = state;
    state = read();
    show(before);
  });
  await show(null);
}

async function copy() {
  try {
    await navigator.clipboard.writeText(location.href);
    busy("The link is copied. Whoever opens it needs a key of their own, or signs in.");
  } catch {
    busy(location.href);
  }
}

/** Draws what differs from `before`; all of it where there is none. */
async function show(before) {
  const own = ++run;
  const anew = before === null || broken;
  const changed = (...names) => anew || names.some((name) => before[name] !== state[name]);
  try {
    const scopes = (await ask("scopes")).value;
    if (own !== run) return;
    at("entry").hidden = true;
    at("views").hidden = false;
    const chosen = pick(scopes);
    broken = false;
    if (!chosen) {
      emptied();
      at("tabs").replaceChildren();
      at("panel").replaceChildren();
      throw new Problem(404, `There is no scope ${clean(state.scope, 60)}.`);
    }
    const window_ = ["scope", "window", "from", "to"];
    const problem =
      (changed(...window_) && (await failure(() => course_(chosen, own), emptied, own))) ||
      (changed(...window_, "delta", "by") && (await failure(() => movement(chosen, own, !anew && changed("delta") && !changed("scope", "window")), undivided, own)));
    if (own !== run) return;
    if (changed("scope", "view", "target")) more(); // it says where the scope stands, whatever the window
    if (problem) throw problem;
    busy("");
  } catch (problem) {
    if (own !== run) return;
    if (problem.status === 401) return locked();
    broken = true;
    at("status").replaceChildren(failed(problem, () => show(null)));
  }
}

/** The problem that drawing met, if any: then nothing stays of what stood there before, which was of something else. */
async function failure(draw, empty, own) {
  try {
    await draw();
    return null;
  } catch (problem) {
    if (own === run) empty();
    return problem;
  }
}

function emptied() {
  at("standing").textContent = "";
  at("course").hidden = true;
  at("events").replaceChildren();
  at("moved").replaceChildren();
  undivided();
}

function undivided() {
  at("movement-title").textContent = state.delta ? "One movement" : "The whole window";
  at("divided").replaceChildren();
}

function locked() {
  const asked = !at("entry").hidden;
  at("views").hidden = true;
  at("entry").hidden = false;
  at("key-wrong").textContent = asked ? "This key does not open it." : "";
  busy("");
  at("key").focus();
}

function pick(scopes) {
  const select = at("scope");
  if (select.options.length !== scopes.length) {
    const named = (kind, title) => {
      const own = scopes.filter((one) => (one.kind === "subscription") === (kind === "subscription"));
      return own.length ? make("optgroup", { label: title }, own.map((one) => make("option", { value: one.scope }, one.scope === "all" ? "all subscriptions" : clean(one.name, 80)))) : null;
    };
    select.replaceChildren(...[named("group", "Groups"), named("subscription", "Subscriptions")].filter(Boolean));
  }
  const chosen = scopes.find((one) => one.scope.toLowerCase() === state.scope.toLowerCase());
  if (chosen) select.value = chosen.scope;
  at("window").value = state.window;
  at("own").hidden = state.window !== "own";
  at("from").value = state.from;
  at("to").value = state.to;
  const name = chosen?.scope === "all" ? "all subscriptions" : clean(chosen?.name ?? "", 80);
  at("title").textContent = `Secure score of ${name}`;
  document.title = `Secure score of ${name}`;
  return chosen;
}

// Over time

async function course_(chosen, own) {
  busy("Reading the score …");
  at("moved").replaceChildren(line(soft("Reading …"))); // not the rows of another scope, for a hasty click
  const { from, to } = span(chosen.lookedAt);
  const begun = (await ask("scores", { scope: state.scope, from: iso(from), to: iso(to), limit: 1 })).value[0].takenAt;
  const slices = [];
  for (let begin = Math.max(+from, +new Date(begun)); begin < +to; begin += SLICE * 864e5) slices.push([begin, Math.min(begin + SLICE * 864e5, +to)]);
  const [series, moved] = await Promise.all([
    Promise.all(slices.map(([begin, end]) => whole("scores", { scope: state.scope, from: iso(new Date(begin)), to: iso(new Date(end)) }, 20000))),
    ask("deltas", { scope: state.scope, from: iso(from), to: iso(to), limit: LISTED }),
  ]);
  if (own !== run) return;
  const all = [...new Map(series.flat().map((one) => [one.takenAt, one])).values()];
  const steps = all.filter((one) => one.percentage !== null);
  const first = steps[0];
  const points = steps.map((one) => ({
    at: one.takenAt, score: one.percentage, work: first.percentage + one.ownWork - first.ownWork,
    id: one === first ? "" : one.id, words: `${percent(one.percentage)}, ${day(one.takenAt)} UTC`,
  }));
  const chart = at("course");
  at("standing").textContent = stands(chosen, steps, all.at(-1)?.percentage);
  chart.hidden = points.length < 2;
  chart.setAttribute("aria-label", `The score over time: ${at("standing").textContent}`);
  listed(moved);
  const draw = (events) => points.length >= 2 && course(chart, points, events, (id) => change({ delta: id })).catch((problem) => busy(problem.message));
  draw([]);
  happened(from, to, own, draw);
}

/** Marks the events that were seen in the window on the chart, and lists them: after the score, which does not wait for them. */
async function happened(from, to, own, draw) {
  const place = at("events");
  place.replaceChildren();
  let found;
  try {
    found = await whole("changes", { scope: state.scope, from: iso(from), to: iso(to) }, EVENTS, 5);
  } catch (problem) {
    if (own === run) place.replaceChildren(failed(problem, () => happened(from, to, own, draw)));
    return;
  }
  if (own !== run || !found.length) return;
  const events = found.slice(0, EVENTS).map((one) => ({ at: one.time, who: clean(one.actor, 80) || "who is not recorded", what: `${clean(one.operation, 160)}${one.succeeded ? "" : " (failed)"}`, on: clean(one.subject, 200) }));
  const rows = events.map((one) => [day(one.at), one.who, make("td", {}, one.what, make("div", {}, soft(one.on)))]);
  place.replaceChildren(
    make(
      "details", {},
      make("summary", {}, `${count(events.length, "event")} in this window${found.length > EVENTS ? ", the newest" : ""}: who did what`),
      table("Events, the newest first", [{ title: "At (UTC)" }, { title: "Who" }, { title: "What" }], rows),
    ),
  );
  draw(events);
}

function stands(chosen, steps, last) {
  const now = `${percent(last)} at the last look, ${day(chosen.lookedAt)} UTC`;
  if (steps.length < 2) return `${now}. Nothing moved it in this window.`;
  const [first, end] = [steps[0], steps.at(-1)];
  const moved = end.percentage - first.percentage;
  const parts = [end.ownWork - first.ownWork, moved - (end.ownWork - first.ownWork)];
  const [work, drift] = hundredths(parts, moved);
  return `${now}. Since ${day(first.takenAt)} UTC ${pp(moved)} pp: people's own work ${pp(work / 100)} pp, drift ${pp(drift / 100)} pp.`;
}

function listed(found) {
  const rows = found.value.map((one) => {
    const own = (one.classes.earned ?? 0) + (one.classes.lost ?? 0);
    const drift = one.movement === null ? 0 : one.movement - own;
    const [work, rest] = one.movement === null ? [0, 0] : hundredths([own, drift], one.movement);
    const left = one.causes.length - 3 + (one.moreCauses ?? 0);
    const causes = one.causes.slice(0, 3).map((cause) => make("div", {}, `${pp(cause.share)} ${clean(cause.title, 160)}`));
    return {
      attributes: { "data-delta": one.id, "aria-current": one.id === state.delta ? "true" : null },
      cells: [
        make("td", {}, make("button", { type: "button", onclick: () => change({ delta: one.id }), "aria-label": `Divide the movement until ${day(one.to)} UTC` }, day(one.to))),
        percent(one.before), percent(one.after),
        one.movement === null ? "–" : share(one.movement),
        one.movement === null ? "–" : part(work, own), one.movement === null ? "–" : part(rest, drift),
        make("td", {}, causes, left > 0 ? soft(`and ${left.toLocaleString("en")} more`) : null),
      ],
    };
  });
  const columns = [
    { title: "Until (UTC)" }, { title: "Before", figure: true, later: true }, { title: "After", figure: true, later: true }, { title: "pp", figure: true },
    { title: "Own work", figure: true, later: true }, { title: "Drift", figure: true, later: true }, { title: "Largest causes" },
  ];
  at("moved").replaceChildren(
    rows.length ? table("Movements, the newest first", columns, rows) : line("Nothing moved it in this window."),
    ...(found.continuation ? [line(soft(`These are the newest ${LISTED}; a narrower window shows others.`))] : []),
  );
}

// One movement, or the window

async function movement(chosen, own, focus) {
  for (const row of document.querySelectorAll("tr[data-delta]")) row.toggleAttribute("aria-current", false);
  const { from, to } = span(chosen.lookedAt);
  let found;
  let window_ = { scope: state.scope, from: iso(from), to: iso(to) };
  let title = "The whole window";
  const place = at("divided");
  const held = place.contains(document.activeElement);
  place.replaceChildren(line(soft("Reading …")));
  if (state.delta) {
    found = await ask(`deltas/${encodeURIComponent(state.delta)}`);
    window_ = { scope: found.scope, from: found.before.takenAt, to: found.after.takenAt };
    title = `The movement until ${day(found.after.takenAt)} UTC`;
    document.querySelector(`tr[data-delta="${CSS.escape(state.delta)}"]`)?.setAttribute("aria-current", "true");
  } else {
    try {
      found = await ask("explain", window_);
    } catch (problem) {
      if (problem.status === 401) throw problem;
      place.replaceChildren(problem.status === 404 || problem.status === 400 ? line(clean(problem.message, 300)) : failed(problem, () => movement(chosen, own, false)));
      at("movement-title").textContent = title;
      return;
    }
  }
  if (own !== run) return;
  await divided(place, title, found, state.by, window_, (by) => change({ by }), held);
  if (state.delta) place.append(line(make("button", { type: "button", onclick: () => change({ delta: "" }) }, "Back to the whole window")));
  if (focus) at("movement").focus();
}

// Where it stands

function more() {
  const chosen = VIEWS[state.view] ? state.view : "coming";
  const held = at("tabs").contains(document.activeElement);
  at("tabs").replaceChildren(...Object.entries(VIEWS).map(([name, words]) => tab(name, words, name === chosen, (view) => change({ view }))));
  refocus(at("tabs"), held);
  standing(at("panel"), chosen, state, change);
}

start();
