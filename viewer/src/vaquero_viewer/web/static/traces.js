// The list of traces.

import { byId, el, reconcile, setText } from "/dom.js";
import { ago, duration } from "/format.js";

/** Show the answer of /api/traces; ages are against `nowNs`, the server's clock. */
export function show(rows, nowNs) {
  const longest = Math.max(1e-9, ...rows.map((row) => row.duration_ms));
  reconcile(byId("trace-rows"), rows, (row) => row.trace_id, create,
    (node, row) => update(node, row, longest, nowNs));
  byId("no-traces").hidden = rows.length > 0;
}

function create(row) {
  return el("li", {}, el("a", { href: `#/trace/${row.trace_id}` },
    el("span", { class: "name" }), el("span", { class: "length" }),
    el("span", { class: "sub" }), el("span", { class: "sub age" }),
    el("span", { class: "track" }, el("i", { class: "share" }))));
}

function update(node, row, longest, nowNs) {
  const [name, length, sub, age, track] = node.firstChild.children;
  node.classList.toggle("bad", row.error_count > 0);
  setText(name, row.name || "(no name)");
  setText(length, duration(row.duration_ms));
  const spans = `${row.span_count} span${row.span_count === 1 ? "" : "s"}`;
  const errors = row.error_count ? ` · ${row.error_count} failed` : "";
  setText(sub, `${row.services.join(", ")} · ${spans}${errors}`);
  setText(age, ago(row.start_ns, nowNs));
  track.firstChild.style.width = `${Math.max(0.5, (row.duration_ms / longest) * 100)}%`;
}
