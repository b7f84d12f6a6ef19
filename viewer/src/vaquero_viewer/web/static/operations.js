// The table of operations.

import { byId, el, pressable, reconcile, setText } from "/dom.js";
import { count, duration, share } from "/format.js";

const COLUMNS = [
  { name: "operation", text: true, get: (row) => row.name },
  { name: "count", get: (row) => row.count },
  { name: "errors", get: (row) => row.error_share },
  { name: "p50", get: (row) => row.p50_ms },
  { name: "p95", get: (row) => row.p95_ms },
  { name: "p99", get: (row) => row.p99_ms },
  { name: "time", get: (row) => row.total_ms, title: "All durations of this operation together" },
];

let sorted = { column: COLUMNS.at(-1), down: true };
let rows = [];
let choose = () => {};
let chosen = null;

/** Make the head of the table; `onChoose(row)` is called with a row that is pressed. */
export function setUp(onChoose) {
  choose = onChoose;
  byId("operation-head").append(...COLUMNS.map((column) => el("th",
    { class: column.text ? "text" : "number", scope: "col", title: column.title },
    el("button", { type: "button", onclick: () => sortBy(column) }, column.name))));
}

/** Show the answer of /api/operations; `selected` is the row whose traces are shown. */
export function show(answer, selected) {
  rows = answer;
  chosen = selected;
  render();
}

function sortBy(column) {
  sorted = { column, down: sorted.column === column ? !sorted.down : !column.text };
  render();
}

function render() {
  const { column, down } = sorted;
  [...byId("operation-head").children].forEach((cell, index) => {
    const order = COLUMNS[index] === column ? (down ? "descending" : "ascending") : "none";
    cell.setAttribute("aria-sort", order);
  });
  const by = (a, b) => (column.text ? column.get(a).localeCompare(column.get(b))
    : column.get(a) - column.get(b));
  const ordered = [...rows].sort((a, b) => (down ? by(b, a) : by(a, b)));
  const longest = Math.max(1e-9, ...rows.map((row) => row.total_ms));
  reconcile(byId("operation-rows"), ordered, key, create, (node, row) => update(node, row, longest));
}

const key = (row) => JSON.stringify([row.service, row.name, row.kind]);

function create(row) {
  const node = el("tr", {},
    el("td", { class: "text" }, el("span", { class: "name", title: row.name }, row.name || "(no name)"),
      el("span", { class: "sub" }, `${row.service} · ${row.kind}`)),
    ...COLUMNS.slice(1, -1).map(() => el("td", { class: "number" })),
    el("td", { class: "number time" }, el("span"), el("i", { class: "share" })));
  return pressable(node, () => choose(node.row));
}

function update(node, row, longest) {
  node.row = row;
  const cells = node.children;
  node.classList.toggle("chosen", chosen !== null && chosen.name === row.name && chosen.service === row.service);
  setText(cells[1], count(row.count));
  setText(cells[2], row.errors ? share(row.error_share) : "–");
  cells[2].classList.toggle("bad", row.errors > 0);
  setText(cells[3], duration(row.p50_ms));
  setText(cells[4], duration(row.p95_ms));
  setText(cells[5], duration(row.p99_ms));
  setText(cells[6].firstChild, duration(row.total_ms));
  cells[6].lastChild.style.width = `${Math.max(1, (row.total_ms / longest) * 100)}%`;
}
