// The list of log records.

import { byId, el, reconcile } from "/dom.js";
import { attribute, clock, moment } from "/format.js";

const LEVELS = [[17, "error"], [13, "warn"], [9, "info"]];

/** The style class of an OTLP severity number. */
export const level = (number) => (LEVELS.find(([least]) => number >= least) ?? [0, "debug"])[1];

/** Show the answer of /api/logs. */
export function show(rows, filtered) {
  byId("logs").hidden = rows.length === 0 && !filtered;
  byId("no-logs").hidden = rows.length > 0;
  reconcile(byId("log-rows"), numbered(rows), (item) => item.key, ({ row }) => line(row), () => {});
}

// Equal records are told apart by how many came before.
function numbered(rows) {
  const seen = new Map();
  return rows.map((row) => {
    const text = JSON.stringify([row.time_ns, row.service, row.body, row.span_id]);
    const before = seen.get(text) ?? 0;
    seen.set(text, before + 1);
    return { row, key: `${text}${before}` };
  });
}

/** One record as a line; with a link to its trace, if it belongs to one. */
export function line(row, linked = true) {
  const all = Object.entries(row.attributes).map(([key, item]) => `${key}=${attribute(item)}`);
  // Where in the code a line was logged is worth less room than what it says.
  const attributes = all.filter((text) => !text.startsWith("code."));
  return el("li", { class: level(row.severity_number) },
    el("time", { title: moment(row.time_ns) }, clock(row.time_ns)),
    el("b", {}, row.severity || "–"),
    el("span", { class: "sub" }, row.service),
    el("span", { class: "body", title: all.join("\n") }, row.body ?? row.event_name ?? ""),
    attributes.length ? el("span", { class: "sub attributes" }, attributes.join("  ")) : null,
    linked && row.trace_id ? el("a", { href: `#/trace/${row.trace_id}` }, "trace") : null);
}

/** Lines for the detail panel. */
export function lines(rows) {
  return el("ul", { class: "logs" }, ...rows.map((row) => line(row, false)));
}

