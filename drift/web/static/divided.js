// A movement, divided: by class, cause, control, owner, subscription, resource group, resource. Every division adds up.
import { ask } from "./api.js";
import { waterfall } from "./charts.js";
import { failed, line, make, part, soft, table } from "./parts.js";
import { CLASSES, clean, count, day, hundredths, percent, pp, signed, who } from "./words.js";

export const WAYS = {
  class: "By class",
  cause: "By cause",
  control: "By control",
  owner: "By owner",
  subscription: "By subscription",
  resourceGroup: "By resource group",
  resource: "By resource",
};
const NOBODY = { owner: "nobody owns it", control: "of no control", resource: "of no resource", resourceGroup: "of no resource group" };
const FIRST = 12; // bars, and rows under them
const FEW = 5; // that is what a phone has room for

/** The parts of an explanation one way, the largest first: {name, share, more}. */
export async function parts(found, by, window) {
  const largest = (rows) => rows.sort((a, b) => Math.abs(b.share) - Math.abs(a.share));
  if (by === "class")
    return largest(Object.entries(found.classes).map(([name, value]) => ({ name: CLASSES[name] ?? name, share: value })));
  if (by === "cause")
    return largest(found.causes.map((one) => ({ name: one.title, share: one.share, more: `${who(one.actors)}${done(one)}` })));
  if (by === "subscription") return largest(ofSubscriptions(found));
  const whole = await ask("explain", { ...window, by });
  const titles = by === "control" ? await titled(window.scope) : new Map();
  const name = (key) => (key === null ? NOBODY[by] : (titles.get(key.toLowerCase()) ?? key));
  return largest(whole.parts.map((one) => ({ name: name(one.key), share: one.share })));
}

/** Controls are named by ids: what to call them is where they stand. */
async function titled(scope) {
  const { value } = await ask("controls", { scope });
  return new Map(value.map((one) => [one.control.toLowerCase(), one.title]));
}

/** Each cause lies in one subscription: its causes are its part of the movement of all. */
function ofSubscriptions(found) {
  const sums = new Map();
  for (const one of found.causes) {
    const known = sums.get(one.scope) ?? { name: one.subscription, share: 0 };
    sums.set(one.scope, { ...known, share: known.share + one.share });
  }
  return [...sums.values()];
}

function done(cause) {
  const at = (cause.evidence ?? []).map((one) => one.time ?? one.at).filter(Boolean).sort().at(-1);
  return at ? ` · ${day(at)} UTC` : "";
}

/** What a reader sees of parts: the largest, and the rest as one. In all the movement. */
export function shortened(rows, most) {
  const rest = rows.slice(most);
  if (rest.length < 2) return rows;
  const sum = rest.reduce((all, one) => all + one.share, 0);
  return [...rows.slice(0, most), { name: `${rest.length.toLocaleString("en")} more`, share: sum }];
}

/** Draws a movement into an element. `choose` is called with another way to divide it; `held`: whether the focus was in it. */
export async function divided(element, title, found, by, window, choose, held = false) {
  const heading = document.getElementById("movement-title");
  heading.textContent = title;
  const ends = `${percent(found.before.percentage)} → ${percent(found.after.percentage)}, ${day(found.before.takenAt)} → ${day(found.after.takenAt)} UTC`;
  if (found.movement === null) {
    const why = [...new Set(found.unscored.map((one) => one.reason))].map((one) => clean(one)).join(", ");
    element.replaceChildren(line(ends), line(`There is no score at one end${why ? `: ${why}` : ""}.`));
    return;
  }
  const way = WAYS[by] ? by : "class";
  const tabs = make("div", { role: "tablist", "aria-label": "Divide it" }, Object.entries(WAYS).map(([name, words]) => tab(name, words, name === way, choose)));
  const chart = make("div", { id: "waterfall", class: "chart tall", role: "img" });
  const under = make("div", { role: "tabpanel", tabindex: "0", "aria-label": WAYS[way] });
  element.replaceChildren(line(make("strong", {}, `${pp(found.movement)} pp`), ` · ${ends}`), tabs, chart, under);
  refocus(tabs, held);
  try {
    const rows = await parts(found, way, window);
    const most = matchMedia("(max-width:40rem)").matches ? FEW : FIRST;
    const bars = figured(rows, found.movement, most);
    const told = bars.map((one) => `${clean(one.name, 60)} ${one.figure}`).join("; ");
    chart.setAttribute("aria-label", `${WAYS[way]}: from ${percent(found.before.percentage)} to ${percent(found.after.percentage)}. ${told}`);
    under.replaceChildren(figures(way, rows, found.movement, most), beside(found));
    await waterfall(chart, found.before.percentage, bars, found.after.percentage);
  } catch (problem) {
    under.replaceChildren(failed(problem, () => divided(element, title, found, by, window, choose)));
  }
}

/** Puts the focus back on the chosen tab where it was in what is drawn anew, and went nowhere else. */
export function refocus(tabs, held) {
  if (held && document.activeElement === document.body) tabs.querySelector('[aria-selected="true"]').focus();
}

export function tab(name, words, chosen, choose) {
  const keys = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = [...event.currentTarget.parentElement.children];
    all[(all.indexOf(event.currentTarget) + step + all.length) % all.length].focus();
    event.preventDefault();
  };
  return make("button", { type: "button", role: "tab", "data-name": name, "aria-selected": String(chosen), tabindex: chosen ? "0" : "-1", onclick: () => choose(name), onkeydown: keys }, words);
}

/** The parts as they are shown, rounded so that they add up to the movement as it is shown. */
function figured(rows, movement, most) {
  const shown = shortened([...rows], most);
  const rounded = hundredths(shown.map((one) => one.share), movement);
  return shown.map((one, at) => ({ ...one, rounded: rounded[at], figure: signed(rounded[at], one.share) }));
}

function figures(way, rows, movement, most) {
  const shown = figured(rows, movement, most);
  const [total] = hundredths([movement], movement);
  const all = make("button", { type: "button" }, `Show all ${rows.length.toLocaleString("en")}`);
  const drawn = table(
    `${WAYS[way]}, in percentage points; in all the movement`,
    [{ title: "pp", figure: true }, { title: WAYS[way].replace("By ", "").replace(/^./, (letter) => letter.toUpperCase()) }],
    shown.map((one) => [part(one.rounded, one.share), make("td", {}, clean(one.name, 300) || "(no name)", one.more ? make("div", {}, soft(one.more)) : null)]),
    [part(total, movement), "in all"],
  );
  const whole = make("div", {}, drawn, shown.length < rows.length ? all : null);
  all.addEventListener("click", () => {
    const panel = whole.parentElement;
    whole.replaceWith(figures(way, rows, movement, Infinity));
    panel.focus();
  });
  return whole;
}

function beside(found) {
  const notes = found.notes.map((one) => make("li", {}, clean(one, 400)));
  return make("div", {}, notes.length ? make("details", {}, make("summary", {}, count(notes.length, "thing to know beside", "things to know beside")), make("ul", {}, notes)) : null);
}
