// Where a scope stands: what is to come, the calendar, why it stands still, exemptions, coverage, a plan.
import { ask } from "./api.js";
import { failed, line, make, share, soft, table } from "./parts.js";
import { clean, count, day, percent, pp, who } from "./words.js";

export const VIEWS = {
  coming: "Still to come",
  calendar: "Calendar",
  diagnosis: "Why it stands still",
  exemptions: "Exemptions",
  coverage: "Coverage",
  plan: "Plan",
};
const MOST = 100;

/** Draws a view into a panel. `state` holds the scope, and the target of a plan; `change` sets more of it. */
export async function standing(panel, view, state, change) {
  const name = VIEWS[view] ? view : "coming";
  panel.setAttribute("aria-label", VIEWS[name]);
  panel.setAttribute("aria-busy", "true");
  panel.dataset.shown = "";
  panel.replaceChildren(line(soft("Reading …")));
  let shown;
  try {
    shown = await DRAWN[name](state, change);
  } catch (problem) {
    shown = [failed(problem, () => standing(panel, view, state, change))];
  }
  panel.replaceChildren(...shown.flat().filter(Boolean));
  panel.dataset.shown = name;
  panel.setAttribute("aria-busy", "false");
}

const notes = (found) => (found.notes ?? []).map((one) => line(soft(one)));
const more = (rows) => (rows.length > MOST ? line(soft(`and ${(rows.length - MOST).toLocaleString("en")} more`)) : null);

async function coming({ scope }) {
  const { value } = await ask("pending", { scope });
  if (!value.length) return [line("Nothing is waiting for Azure's counts.")];
  const rows = value.slice(0, MOST).map((one) => [
    share(one.share),
    make("td", {}, clean(one.title, 300), make("div", {}, soft(`in ${clean(one.subscription, 80)}, ${who(one.actors)}`), one.stage === "assessment" && one.reason ? soft(` · ${one.reason}`) : null)),
    one.stage === "assessment" ? "expected" : "waits for the counts",
    day(one.due) || "not known",
  ]);
  return [table("What was done and is not in the score yet", [{ title: "pp", figure: true }, { title: "What" }, { title: "How far" }, { title: "In the score by (UTC)" }], rows), more(value)];
}

async function calendar({ scope }) {
  const found = await ask("calendar", { scope });
  if (!found.value.length) return [line("Nothing is due."), notes(found)];
  const rows = found.value.slice(0, MOST).map((one) => [
    day(one.at) || "no date",
    share(one.share),
    make("td", {}, clean(one.title, 300), make("div", {}, soft([`in ${clean(one.subscription, 80)}`, one.owner ? `owner ${clean(one.owner, 80)}` : "no owner", one.reason].filter(Boolean).join(" · ")))),
  ]);
  return [table("What ends or begins, each for itself: these do not add up", [{ title: "When (UTC)" }, { title: "pp", figure: true }, { title: "What" }], rows), more(found.value), notes(found)];
}

async function diagnosis({ scope }) {
  const found = await ask("diagnosis", { scope });
  const reasons = found.reasons.map((one) =>
    make(
      "li", {},
      make("strong", {}, clean(one.title, 400)), " ", soft(one.confidence === "inferred" ? "(inferred)" : ""),
      make("div", {}, clean(one.action, 400)),
      make("div", {}, soft([one.movesBy ? `moves by ${day(one.movesBy.latest)} UTC` : "", one.effect ? `${pp(one.effect)} pp once that is done` : ""].filter(Boolean).join(" · "))),
      make("details", {}, make("summary", {}, "How it is known"), make("ul", {}, one.evidence.map((words) => make("li", {}, clean(words, 400)))), one.confirm ? make("code", {}, clean(one.confirm, 600)) : null),
    ),
  );
  return [reasons.length ? make("ol", {}, reasons) : line("No reason was found in what is at hand."), notes(found)];
}

async function exemptions({ scope }) {
  const found = await ask("exemptions", { scope });
  const worth = found.difference === null ? "" : `, worth ${pp(found.difference)} pp: without them it would be ${percent(found.scoreWithout)}`;
  const rows = found.value.slice(0, MOST).map((one) => [
    share(one.points),
    make("td", {}, clean(one.title, 200), make("div", {}, soft([one.category, one.owner ? `owner ${clean(one.owner, 80)}` : "no owner", one.made?.by ? `made by ${clean(one.made.by, 80)}` : ""].filter(Boolean).join(" · ")))),
    one.expires ? day(one.expires) : "never",
    (one.flags ?? []).map((flag) => clean(flag, 60).replaceAll("_", " ")).join(", "),
  ]);
  return [
    line(`${count(found.value.length, "exemption")}${worth}.`),
    rows.length ? table("Every exemption, and the points that it carries", [{ title: "pp", figure: true }, { title: "Exemption" }, { title: "Ends" }, { title: "To look at" }], rows) : null,
    more(found.value), notes(found),
  ];
}

async function coverage({ scope }) {
  const found = await ask("coverage", { scope });
  const { total } = found;
  const machines = total.machines.assessed + total.machines.notAssessed;
  return [
    line(`${total.scored} of ${count(total.subscriptions, "subscription")} scored; ${total.machines.notAssessed} of ${count(machines, "machine")} not assessed; ${count(found.absent.length, "recommendation")} absent because of it.`),
    table(
      "Defender plans: subscriptions with and without, and resources that none covers",
      [{ title: "Plan" }, { title: "On", figure: true }, { title: "Off", figure: true }, { title: "Not covered", figure: true }],
      total.plans.map((one) => [clean(one.name, 60), String(one.on), String(one.off), one.uncovered === null ? "–" : String(one.uncovered)]),
    ),
    notes(found),
  ];
}

async function plan({ scope, target }, change) {
  const wanted = Number(target) > 0 && Number(target) <= 100 ? Number(target) : 80;
  const input = make("input", { type: "number", min: "1", max: "100", step: "1", value: String(wanted), id: "target" });
  const form = make("form", {}, make("label", {}, "Target, in %", input), make("button", {}, "Find a way"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    change({ target: input.value });
  });
  const found = await ask("plan", { scope, target: wanted });
  const rows = found.steps.map((one, at) => [
    String(at + 1),
    make("td", {}, clean(one.title, 300), make("div", {}, soft([`effort: ${one.hardest}`, one.severity, one.owner ? `owner ${clean(one.owner, 80)}` : (one.owners ?? []).map((own) => clean(own.owner, 40)).join(", ")].filter(Boolean).join(" · ")))),
    share(one.gain),
    percent(one.scoreAfter),
  ]);
  const reached = found.now !== null && found.now >= wanted ? "It is there already." : found.reachable ? `${count(rows.length, "step")} to ${percent(rows.length ? found.steps.at(-1).scoreAfter : found.now)}.` : `It can't be reached: ${percent(found.highest)} is the highest that fixes can bring.`;
  return [form, line(`Now ${percent(found.now)}. ${reached}`), rows.length ? table("A short way there", [{ title: "#", figure: true }, { title: "What to fix" }, { title: "pp", figure: true }, { title: "Score after", figure: true }], rows) : null, notes(found)];
}

const DRAWN = { coming, calendar, diagnosis, exemptions, coverage, plan };
