// Figures and names as every part of the product writes them: drift/words.py is the same in Python.

/** What a tenant wrote, as one harmless line: no control characters, none that turn the text around. */
export function clean(text, longest = 200) {
  const line = String(text ?? "").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").replace(/\s+/g, " ").trim();
  const letters = Array.from(line);
  return letters.length > longest ? letters.slice(0, longest - 1).join("") + "…" : line;
}

/** The same for a chart, which reads a little HTML in its labels. */
export const label = (text, longest = 60) =>
  clean(text, longest).replaceAll("&", "＆").replaceAll("<", "‹").replaceAll(">", "›");

/** Two digits of an amount. What lies in the middle, as 3.125 does, goes to the even one: so does Python, and so do cards. */
function fixed(amount) {
  const up = amount.toFixed(2); // in the middle the upper one
  return (8 * amount) % 2 === 1 && Number(up.at(-1)) % 2 ? (Number(up) - 0.01).toFixed(2) : up;
}

/** `+1.20`, `−0.04`; `±0.00` where it rounds to nothing. */
export function pp(value) {
  const shown = fixed(Math.abs(value));
  if (!Number(shown)) return value ? `±${shown}` : shown;
  return (value > 0 ? "+" : "−") + shown;
}

export const percent = (value) => (value === null || value === undefined ? "no score" : `${fixed(value)} %`);

/** A part in hundredths of a pp; `value` is what it was before it was rounded. */
export const signed = (part, value) => (part ? pp(part / 100) : value ? "±0.00" : "0.00");

/** Parts of a total in hundredths that add up to the rounded total: each at most one from its own rounding. */
export function hundredths(parts, total) {
  const rounded = (value) => Math.sign(value) * Math.round(100 * Number(fixed(Math.abs(value))));
  const shown = parts.map(rounded);
  const missing = rounded(total) - shown.reduce((sum, part) => sum + part, 0);
  const sign = missing > 0 ? 1 : -1;
  const nearest = parts.map((_, at) => at).sort((a, b) => sign * (shown[a] - 100 * parts[a]) - sign * (shown[b] - 100 * parts[b]));
  for (const at of nearest.slice(0, Math.abs(missing))) shown[at] += sign;
  return shown;
}

/** An ISO time to the minute, in UTC as it came. */
export const day = (at) => (at ? `${at.slice(0, 10)} ${at.slice(11, 16)}` : "");

export const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

export const CLASSES = {
  earned: "earned: findings fixed",
  lost: "lost: findings that came back",
  estate: "the estate grew or shrank",
  yardstick: "the yardstick moved",
  coverage: "coverage: plans, agents, policy",
  accounting: "accounting: exemptions, grace",
  unexplained: "not explained",
};

/** Who did something, as the API names actors. */
export function who(actors) {
  const named = (actors ?? []).map((one) =>
    one.type === "platform" ? "the platform" : one.type === "notRecorded" ? "" : clean(one.actor ?? one.id ?? "", 60),
  );
  const known = [...new Set(named.filter(Boolean))];
  return known.length ? `by ${known.join(", ")}` : "who is not recorded";
}
