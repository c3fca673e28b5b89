// Elements, made from text alone: nothing of a tenant is ever read as HTML.
import { clean, pp, signed } from "./words.js";

/** An element with attributes and what is in it: elements, or text. */
export function make(name, attributes = {}, ...inside) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...inside.flat().filter((one) => one !== null && one !== undefined));
  return element;
}

export const line = (...inside) => make("p", {}, ...inside);
export const soft = (text) => make("span", { class: "soft" }, clean(text, 600));

/** A table: `columns` are {title, figure, later}; a cell is text or an element. `last` is a row of sums. */
export function table(caption, columns, rows, last = null) {
  const cell = (kind, inside, at, more = {}) =>
    make(kind, { class: [columns[at].figure && "n", columns[at].later && "later", more.class].filter(Boolean).join(" ") || null, scope: more.scope }, inside);
  const whole = (one, at) => {
    one.classList.toggle("later", Boolean(columns[at].later));
    return one;
  };
  const row = (cells, more = {}) =>
    make("tr", more, cells.map((one, at) => (one instanceof HTMLTableCellElement ? whole(one, at) : cell("td", one, at))));
  return make(
    "div", { class: "wide" },
    make(
      "table", {},
      make("caption", { class: "soft" }, caption),
      make("thead", {}, make("tr", {}, columns.map((one, at) => cell("th", one.title, at, { scope: "col" })))),
      make("tbody", {}, rows.map((one) => (Array.isArray(one) ? row(one) : row(one.cells, one.attributes)))),
      last && make("tfoot", {}, row(last)),
    ),
  );
}

/** A figure in a cell of its own, with its colour. */
export const figure = (text, value = 0) =>
  make("td", { class: `n ${value >= 0.005 ? "up" : value <= -0.005 ? "down" : ""}`.trim() }, text);

export const share = (value) => (value === null || value === undefined ? figure("not known") : figure(pp(value), value));
export const part = (shown, value) => figure(signed(shown, value), value);

/** The words of a failure, with a way to try again. */
export function failed(problem, again) {
  return make("p", { class: "wrong", role: "alert" }, `${problem.message} `, make("button", { type: "button", onclick: again }, "Try again"));
}
