// Newest gauges: one card a metric, its series as lines of one small chart.

import { byId, el, reconcile, setText, svg } from "/dom.js";
import { attribute, clock, value } from "/format.js";

const WIDTH = 280;
const HEIGHT = 64;
const COLOURS = 8;
const SHOWN_CARDS = 8;
const SHOWN_LINES = 4;

// What a person looks for first; the rest follows by name.
const FIRST = [
  "system.cpu.utilization", "system.memory.utilization",
  "vaquero.disk.io.rate", "vaquero.network.io.rate",
  "process.cpu.utilization", "process.memory.utilization", "vaquero.eventloop.lag", "vaquero.gc.share",
];

let all = false;
const open = new Set();

/** Show the answer of /api/gauges. */
export function show(rows) {
  const cards = group(rows);
  const shown = all ? cards : cards.slice(0, SHOWN_CARDS);
  reconcile(byId("cards"), shown, (card) => card.key, create, update);
  byId("gauges").hidden = cards.length === 0;
  const more = byId("gauge-more");
  more.hidden = cards.length <= SHOWN_CARDS;
  setText(more, all ? "show fewer" : `show all ${cards.length}`);
  more.onclick = () => {
    all = !all;
    show(rows);
  };
}

function group(rows) {
  const cards = new Map();
  for (const row of rows) {
    const { service, name, unit, description } = row.series;
    const key = JSON.stringify([service, name, unit]);
    if (!cards.has(key)) cards.set(key, { key, service, name, unit, description, lines: [] });
    cards.get(key).lines.push(row);
  }
  const rank = (card) => (FIRST.indexOf(card.name) + FIRST.length + 1) % (FIRST.length + 1);
  const result = [...cards.values()];
  for (const card of result) label(card);
  return result.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name)
    || a.service.localeCompare(b.service));
}

// A series is named by the attributes in which it differs from its siblings.
function label(card) {
  const names = new Set(card.lines.flatMap((row) => Object.keys(row.series.attributes)));
  const telling = [...names].filter((name) => new Set(
    card.lines.map((row) => JSON.stringify(row.series.attributes[name]))).size > 1);
  const instances = new Set(card.lines.map((row) => row.series.resource["service.instance.id"]));
  for (const row of card.lines) {
    const parts = (telling.length || card.lines.length > 1 ? telling : [...names])
      .map((name) => attribute(row.series.attributes[name] ?? "–"));
    if (instances.size > 1) {
      parts.push(String(row.series.resource["service.instance.id"] ?? "").slice(0, 8));
    }
    row.label = parts.join(" · ");
  }
  card.lines.sort((a, b) => newestFirst(a, b) || a.label.localeCompare(b.label));
  card.lines.forEach((row, index) => { row.colour = index % COLOURS; });
}

// The lines of a folded card: those that are highest, in their usual order.
function shownLines(card) {
  if (open.has(card.key) || card.lines.length <= SHOWN_LINES) return card.lines;
  const height = (row) => Math.max(row.value, ...row.history.map(([, number]) => number));
  const highest = new Set([...card.lines].sort((a, b) => newestFirst(a, b) || height(b) - height(a)).slice(0, SHOWN_LINES));
  return card.lines.filter((row) => highest.has(row));
}

// The one number that a card is read for, where its series have one together.
function headline(card, at) {
  if (card.lines.length === 1) return value(at(card.lines[0]), card.unit);
  const mode = (row) => row.series.attributes["cpu.mode"];
  const idle = card.lines.filter((row) => mode(row) === "idle");
  if (idle.length === 1 && card.unit === "1") return `${value(Math.min(1, Math.max(0, 1 - at(idle[0]))), "1")} busy`;
  if (idle.length === 0 && card.unit === "1" && card.lines.every((row) => mode(row) !== undefined)) {
    return `${value(Math.min(1, sum(card, at)), "1")} busy`;
  }
  if (card.unit === "By/s") return value(sum(card, at), card.unit);
  return "";
}

const sum = (card, at) => card.lines.reduce((total, row) => total + at(row), 0);

// Instances that ended long ago follow those that still report.
const newestFirst = (a, b) => (Math.abs(Number(a.time_ns) - Number(b.time_ns)) > 30e9
  ? Number(b.time_ns) - Number(a.time_ns) : 0);

function create(card) {
  const chart = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "spark",
    role: "img", "aria-label": `course of ${card.name}`,
  });
  const node = el("article", { class: "card" },
    el("div", { class: "card-head" }, el("h3", { title: card.description }, card.name),
      el("span", { class: "now" })),
    el("div", { class: "of" }, card.service),
    el("div", { class: "plot" }, chart, el("span", { class: "top" }), el("i", { class: "cursor" })),
    el("ul", { class: "legend" }),
    el("button", { type: "button", class: "link fold" }));
  const plot = node.querySelector(".plot");
  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    hover(node, (event.clientX - box.left) / box.width);
  });
  plot.addEventListener("pointerleave", () => hover(node, null));
  node.querySelector(".fold").addEventListener("click", () => {
    if (!open.delete(card.key)) open.add(card.key);
    update(node, node.card);
  });
  return node;
}

function update(node, card) {
  node.card = card;
  const shown = shownLines(card);
  draw(node, card, shown);
  const fold = node.querySelector(".fold");
  fold.hidden = card.lines.length <= SHOWN_LINES;
  setText(fold, open.has(card.key) ? "fewer" : `${card.lines.length - SHOWN_LINES} more`);
  if (node.hovered === undefined || node.hovered === null) legend(node, card, shown, null);
  else hover(node, node.hovered);
}

function draw(node, card, shown) {
  const points = shown.flatMap((row) => row.history);
  const times = points.map(([time]) => Number(time));
  const start = Math.min(...times);
  const end = Math.max(...times, start + 1e9);
  const values = points.map(([, number]) => number);
  let low = Math.min(0, ...values);
  let high = Math.max(...values, low + 1e-9);
  if (card.unit === "1" && low >= 0 && high <= 1 && high > 0.2) high = 1;
  node.scale = { start, end };
  const x = (time) => ((Number(time) - start) / (end - start)) * WIDTH;
  const y = (number) => HEIGHT - 3 - ((number - low) / (high - low)) * (HEIGHT - 19);
  const parts = [];
  shown.forEach((row) => {
    const line = row.history.map(([time, number]) => `${x(time).toFixed(1)} ${y(number).toFixed(1)}`);
    if (line.length === 0) return;
    const path = `M${line.join("L")}`;
    if (shown.length === 1) {
      parts.push(svg("path", { class: "area", d: `${path}L${x(row.history.at(-1)[0])} ${HEIGHT}L${x(row.history[0][0])} ${HEIGHT}Z` }));
    }
    parts.push(svg("path", { class: `line c${row.colour}`, d: line.length > 1 ? path : `${path}h4` }));
  });
  node.querySelector("svg").replaceChildren(...parts);
  setText(node.querySelector(".top"), points.length ? value(high, card.unit) : "");
}

// The values at the pointer (`at` is a share of the width), else the newest.
function hover(node, at) {
  node.hovered = at;
  const cursor = node.querySelector(".cursor");
  cursor.style.display = at === null ? "none" : "block";
  const shown = shownLines(node.card);
  if (at === null) {
    legend(node, node.card, shown, null);
    return;
  }
  cursor.style.left = `${at * 100}%`;
  legend(node, node.card, shown, node.scale.start + at * (node.scale.end - node.scale.start));
}

function legend(node, card, shown, time) {
  const at = (row) => (time === null || row.history.length === 0 ? row.value
    : row.history.reduce((best, point) => (
      Math.abs(Number(point[0]) - time) < Math.abs(Number(best[0]) - time) ? point : best))[1]);
  const single = card.lines.length === 1;
  setText(node.querySelector(".now"), headline(card, at));
  const when = time === null ? "" : ` · ${clock(time)}`;
  const extra = single && card.lines[0].label ? ` · ${card.lines[0].label}` : "";
  setText(node.querySelector(".of"), card.service + extra + when);
  const lines = single ? [] : shown;
  reconcile(node.querySelector(".legend"), lines, (row) => row.series.series_id,
    () => el("li", {}, el("i"), el("span"), el("b")),
    (item, row) => {
      item.children[0].className = `dot c${row.colour}`;
      setText(item.children[1], row.label || "all");
      setText(item.children[2], value(at(row), card.unit));
    });
}
