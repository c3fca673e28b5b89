// The charts, by plotly.js. Every figure in them stands in words or a table as well.
/* global Plotly */
import { label, percent } from "./words.js";

const OPTIONS = { displayModeBar: false, responsive: true, showTips: false };
const MOST = 1500; // points that a screen can show

const dark = matchMedia("(prefers-color-scheme: dark)");
const drawn = new Map();
dark.addEventListener("change", () => drawn.forEach((draw) => draw()));

function colours() {
  return dark.matches
    ? { text: "#e6e9ef", grid: "#3a4150", score: "#6ea8fe", work: "#5fd38d", up: "#5fd38d", down: "#ff8a80", total: "#8a94a6" }
    : { text: "#1b2330", grid: "#dfe3ea", score: "#1f5fbf", work: "#1c7c46", up: "#1c7c46", down: "#c0392b", total: "#5b6577" };
}

function layout(more) {
  const { text, grid } = colours();
  const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: grid, automargin: true, fixedrange: true };
  return {
    font: { color: text, family: "system-ui, sans-serif", size: 13 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 48, r: 12, t: 8, b: 36 },
    hoverlabel: { font: { family: "system-ui, sans-serif" } },
    ...more,
    xaxis: { ...axis, ...more.xaxis },
    yaxis: { ...axis, ...more.yaxis },
  };
}

/** Draws now, and again when it gets dark. */
async function keep(element, draw) {
  await loaded();
  drawn.set(element.id, draw);
  await draw();
  element.dataset.drawn = "yes";
}

let library = null;

/** The library is fetched with the page and run after the words and tables are shown: that takes a second or two. */
function loaded() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.getElementById("charts").href;
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => reject(new Error("The charts can't be loaded; the tables have the same figures.")));
    requestAnimationFrame(() => setTimeout(() => document.head.append(script)));
  });
  return library;
}

/** Of many points those that a screen can show: of each stretch the first, the lowest and the highest. */
export function thinned(points, most = MOST) {
  if (points.length <= most) return points;
  const each = Math.ceil((3 * points.length) / most);
  const kept = new Set([0, points.length - 1]);
  for (let begin = 0; begin < points.length; begin += each) {
    let low = begin;
    let high = begin;
    for (let at = begin; at < Math.min(begin + each, points.length); at += 1) {
      if (points[at].score < points[low].score) low = at;
      if (points[at].score > points[high].score) high = at;
    }
    kept.add(begin).add(low).add(high);
  }
  return [...kept].sort((a, b) => a - b).map((at) => points[at]);
}

/** Score and own work over time; `points` are {at, score, work, id}, `events` {at, who, what}. `open` is called with the id of a movement. */
export function course(element, points, events, open) {
  const shown = thinned(points);
  const moved = shown.filter((one) => one.id);
  return keep(element, async () => {
    const { score, work, total } = colours();
    const step = { mode: "lines", hovertemplate: "%{y:.2f} %<extra>%{fullData.name}</extra>" };
    const x = shown.map((one) => one.at);
    await Plotly.react(
      element,
      [
        { ...step, name: "score", x, y: shown.map((one) => one.score), line: { shape: "hv", color: score, width: 2 } },
        { ...step, name: "own work alone", x, y: shown.map((one) => one.work), line: { shape: "hv", color: work, width: 2, dash: "dot" } },
        {
          name: "movements", mode: "markers", showlegend: false, x: moved.map((one) => one.at), y: moved.map((one) => one.score),
          text: moved.map((one) => label(one.words, 90)), customdata: moved.map((one) => one.id),
          hovertemplate: "%{text}<extra></extra>", marker: { color: score, size: moved.length > 200 ? 4 : 7 },
        },
        {
          name: "events", mode: "markers", visible: events.length > 0, yaxis: "y2", x: events.map((one) => one.at), y: events.map(() => 0),
          text: events.map((one) => label(`${one.what}, ${one.who}`, 90)), hovertemplate: "%{text}<extra></extra>",
          cliponaxis: false, marker: { color: total, size: 8, symbol: "triangle-up" },
        },
      ],
      layout({ hovermode: "closest", legend: { orientation: "h", y: 1.12 }, yaxis: { ticksuffix: " %" }, yaxis2: { overlaying: "y", range: [0, 1], visible: false, fixedrange: true } }),
      OPTIONS,
    );
    element.removeAllListeners?.("plotly_click");
    element.on("plotly_click", (event) => event.points[0].customdata && open(event.points[0].customdata));
  });
}

/** From before to after: `parts` are {name, share, figure}, which add up. */
export function waterfall(element, before, parts, after) {
  return keep(element, async () => {
    const { up, down, total } = colours();
    const narrow = element.clientWidth < 600;
    const names = ["before", ...parts.map((one) => label(one.name, narrow ? 16 : 28)), "after"];
    const ends = [before, ...parts.map((one) => one.share), after];
    const reached = parts.reduce((all, one) => [...all, all.at(-1) + one.share], [before]);
    const low = Math.min(...reached, after);
    const high = Math.max(...reached, after);
    const room = Math.max((high - low) * 0.25, 0.05);
    await Plotly.react(
      element,
      [
        {
          type: "waterfall", orientation: "v", x: names.map((_, at) => at), y: ends,
          measure: ["absolute", ...parts.map(() => "relative"), "total"],
          text: [percent(before), ...parts.map((one) => one.figure), percent(after)],
          textposition: "outside", cliponaxis: false, hoverinfo: "none",
          increasing: { marker: { color: up } }, decreasing: { marker: { color: down } }, totals: { marker: { color: total } },
          connector: { line: { color: total, width: 1, dash: "dot" } },
        },
      ],
      layout({
        showlegend: false, margin: { l: 52, r: 12, t: 24, b: names.length > 5 ? 120 : 36 },
        xaxis: { tickmode: "array", tickvals: names.map((_, at) => at), ticktext: names, tickangle: names.length > 5 ? -40 : 0, ticklabeloverflow: "allow" },
        yaxis: { range: [Math.max(0, low - room), Math.min(100.5, high + room)], ticksuffix: " %" },
      }),
      OPTIONS,
    );
  });
}
