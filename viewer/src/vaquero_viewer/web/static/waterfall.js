// One trace: its spans as bars over time, and the details of one of them.

import { byId, el, pressable, setText } from "/dom.js";
import { attribute, clock, duration, moment } from "/format.js";
import { lines } from "/logs.js";

const TICKS = 4;
const COLOURS = 6;

let trace = null;
let folded = new Set();
let selected = null;

/** Show one trace; a new one starts with its innermost failed span selected, else its root. */
export function show(answer) {
  const same = trace !== null && trace.trace_id === answer.trace_id;
  if (same && trace.span_count === answer.span_count && trace.logs.length === answer.logs.length) return;
  trace = answer;
  if (!same) {
    folded = new Set();
    const failed = trace.spans.filter((span) => span.status === "error");
    selected = failed.reduce((best, span) => (span.depth > best.depth ? span : best),
      failed[0] ?? trace.spans[0]).span_id;
  }
  render();
}

/** Forget the trace that was shown. */
export function clear() {
  trace = null;
}

function render() {
  const root = trace.spans[0];
  setText(byId("trace-name"), root.name || "(no name)");
  const facts = [duration(trace.duration_ms), `${trace.span_count} spans`,
    trace.error_count ? `${trace.error_count} failed` : null, trace.services.join(", "),
    moment(trace.start_ns)].filter(Boolean);
  byId("trace-facts").replaceChildren(...facts.map((fact) => el("span", {}, fact)),
    el("code", { title: "trace id" }, trace.trace_id));
  const marks = Array.from({ length: TICKS + 1 }, (_, index) => el("span", {}, duration((trace.duration_ms * index) / TICKS)));
  byId("axis").replaceChildren(el("span", { class: "label" }, "span"), el("div", { class: "marks" }, ...marks));
  byId("waterfall").replaceChildren(...visible().map(row));
  const rest = byId("truncated");
  rest.hidden = trace.truncated === 0;
  setText(rest, `${trace.truncated} spans more are in the store; the first ${trace.spans.length} are shown.`);
  byId("trace-logs").hidden = trace.logs.length === 0;
  byId("trace-log-rows").replaceChildren(lines(trace.logs));
  detail();
}

function visible() {
  const result = [];
  let hiddenBelow = Infinity;
  for (const span of trace.spans) {
    if (span.depth > hiddenBelow) continue;
    hiddenBelow = folded.has(span.span_id) ? span.depth : Infinity;
    result.push(span);
  }
  return result;
}

function row(span) {
  const index = trace.spans.indexOf(span);
  const parent = trace.spans[index + 1]?.depth > span.depth;
  const fold = el("button", { type: "button", class: "fold", "aria-label": "fold or unfold", "aria-expanded": String(!folded.has(span.span_id)) },
    parent ? (folded.has(span.span_id) ? "▸" : "▾") : "");
  fold.hidden = false;
  fold.disabled = !parent;
  fold.addEventListener("click", (event) => {
    event.stopPropagation();
    if (!folded.delete(span.span_id)) folded.add(span.span_id);
    render();
  });
  const label = el("div", { class: "label" }, fold,
    el("span", { class: "name", title: span.name }, span.name || "(no name)"),
    trace.services.length > 1 ? el("span", { class: "sub" }, span.service) : null);
  fold.style.marginLeft = `${Math.min(span.depth, 24) * 14}px`;
  const node = el("div", {
    class: `row${span.status === "error" ? " bad" : ""}${span.span_id === selected ? " chosen" : ""}`,
    role: "button", "aria-pressed": String(span.span_id === selected),
  }, label, el("div", { class: "lane" }, bar(span), ...marks(span), length(span)));
  return pressable(node, () => {
    selected = span.span_id;
    render();
  });
}

const percent = (ms) => (trace.duration_ms > 0 ? (ms / trace.duration_ms) * 100 : 0);

function bar(span) {
  const colour = trace.services.indexOf(span.service) % COLOURS;
  const node = el("i", { class: `bar c${colour}`, title: `${duration(span.duration_ms)}, of it ${duration(span.self_ms)} its own` });
  node.style.left = `${percent(span.offset_ms)}%`;
  node.style.width = `max(2px, ${percent(span.duration_ms)}%)`;
  return node;
}

function marks(span) {
  return span.events.map((event) => {
    const node = el("i", { class: "event", title: event.name });
    node.style.left = `${Math.min(100, Math.max(0, percent((Number(event.time_ns) - Number(trace.start_ns)) / 1e6)))}%`;
    return node;
  });
}

// Beside the bar, on the side where there is room.
function length(span) {
  const start = percent(span.offset_ms);
  const end = start + percent(span.duration_ms);
  const node = el("span", { class: "length" }, duration(span.duration_ms));
  if (end < 85) node.style.left = `calc(${end}% + 6px)`;
  else if (start > 15) {
    node.style.right = `calc(${100 - start}% + 6px)`;
  } else {
    node.classList.add("inside");
    node.style.right = `calc(${Math.max(0, 100 - end)}% + 6px)`;
  }
  return node;
}

function detail() {
  const span = trace.spans.find((candidate) => candidate.span_id === selected) ?? trace.spans[0];
  const logs = trace.logs.filter((log) => log.span_id === span.span_id);
  byId("detail").replaceChildren(...[
    el("h2", {}, span.name || "(no name)"),
    span.status === "error" ? el("p", { class: "failure" }, span.status_message || "failed") : null,
    table({
      duration: duration(span.duration_ms), "its own time": duration(span.self_ms),
      starts: `${duration(span.offset_ms)} into the trace, ${clock(span.start_ns)}`,
      service: span.service, kind: span.kind, status: span.status, scope: span.scope,
      "span id": span.span_id, "parent id": span.parent_span_id ?? "none",
      ...(span.orphan ? { note: "its parent is not in the store" } : {}),
    }),
    ...part("Attributes", table(span.attributes), Object.keys(span.attributes).length),
    ...part("Events", el("div", {}, ...span.events.map(event)), span.events.length),
    ...part("Links", el("ul", { class: "links" }, ...span.links.map(link)), span.links.length),
    ...part("Logs", lines(logs), logs.length),
    ...part("Resource", table(trace.resources[span.resource_id] ?? {}), 1),
  ].filter(Boolean));
}

const part = (title, body, wanted) => (wanted ? [el("h3", {}, title), body] : []);

function table(entries) {
  return el("dl", {}, ...Object.entries(entries).flatMap(([key, item]) => [
    el("dt", { title: key }, key), el("dd", {}, attribute(item) ?? "")]));
}

function event(item) {
  const { "exception.stacktrace": stack, ...rest } = item.attributes;
  const at = duration((Number(item.time_ns) - Number(trace.start_ns)) / 1e6);
  return el("div", { class: "event-box" }, el("h4", {}, `${item.name} at ${at}`), table(rest),
    stack ? el("pre", {}, attribute(stack)) : null);
}

const link = (item) => el("li", {}, el("a", { href: `#/trace/${item.trace_id}` }, item.trace_id));
