// What is asked when, and where the answers go. State that a person would want to keep or
// pass on lies in the address.

import { byId, el, setText } from "/dom.js";
import { count, duration, value } from "/format.js";
import * as gauges from "/gauges.js";
import * as logs from "/logs.js";
import * as operations from "/operations.js";
import * as traces from "/traces.js";
import * as waterfall from "/waterfall.js";

const EVERY_MS = 1000;
const RELATIVE_EVERY_MS = 5000;

const state = {
  live: true, service: "", range: "", order: "recent", errors: false, operation: null,
  severity: "1", text: "",
};
let seen = "";
let seenAt = 0;
let timer = null;
let round = 0;

async function ask(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, item]) => item !== "" && item !== null));
  const answer = await fetch(`${path}?${query}`);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error ?? `status ${answer.status}`);
  return body;
}

// Asks for what is shown now, and again a second after the answer: a slow answer is never
// overtaken by the next question.
async function refresh(force = false) {
  clearTimeout(timer);
  round += 1;
  const mine = round;
  const began = performance.now();
  try {
    const stats = await ask("/api/stats");
    if (mine !== round) return;
    header(stats);
    const shown = `${stats.started_ns}/${stats.version}/${location.hash}/${JSON.stringify(state)}`;
    const aged = state.range !== "" && performance.now() - seenAt > RELATIVE_EVERY_MS;
    if (force || shown !== seen || aged) {
      await fill(stats, mine);
      seen = shown;
      seenAt = performance.now();
    }
    connection(null);
  } catch (error) {
    connection(error);
  }
  const took = performance.now() - began;
  if (mine === round && state.live) timer = setTimeout(refresh, Math.max(EVERY_MS - took, took * 2, 200));
}

async function fill(stats, mine) {
  const trace = location.hash.match(/^#\/trace\/([0-9a-f]{32})$/);
  byId("overview").hidden = trace !== null;
  byId("trace").hidden = trace === null;
  if (trace !== null) {
    const answer = await ask(`/api/traces/${trace[1]}`);
    if (mine === round) waterfall.show(answer);
    return;
  }
  waterfall.clear();
  const since = state.range;
  const service = state.service;
  const [all, timed, newest, records, measured] = await Promise.all([
    ask("/api/services"),
    ask("/api/operations", { service, since }),
    ask("/api/traces", {
      service: state.operation?.service ?? service, since, order: state.order,
      operation: state.operation?.name ?? "", errors: state.errors ? "1" : "", limit: 40,
    }),
    ask("/api/logs", { service, since, min_severity: state.severity === "1" ? "" : state.severity, contains: state.text, limit: 100 }),
    ask("/api/gauges", { service, history: 300 }),
  ]);
  if (mine !== round) return;
  services(all.services);
  const nothing = stats.store.spans + stats.store.metric_points + stats.store.logs === 0;
  byId("empty").hidden = !nothing;
  setText(byId("endpoint"), `OTEL_EXPORTER_OTLP_ENDPOINT=${stats.otlp_url}`);
  byId("tables").hidden = stats.store.spans === 0;
  gauges.show(measured.gauges);
  operations.show(timed.operations, state.operation);
  setText(byId("operation-hint"), timed.operations.length ? "press one to see its traces" : "none in this time");
  traces.show(newest.traces, stats.now_ns);
  logs.show(records.logs, state.severity !== "1" || state.text !== "");
  const chip = byId("operation-chip");
  chip.hidden = state.operation === null;
  setText(chip, `${state.operation?.name ?? ""} ✕`);
}

function header(stats) {
  const { store } = stats;
  const dropped = store.dropped_spans + store.dropped_metric_points + store.dropped_logs;
  const facts = [`${count(store.spans)} spans`, `${count(store.metric_points)} points`,
    `${count(store.logs)} logs`, `${value(store.used_bytes, "By")} of ${value(store.max_size_bytes, "By")}`];
  if (dropped) facts.push(`${count(dropped)} oldest dropped`);
  setText(byId("totals"), facts.join(" · "));
  byId("totals").title = `${stats.path ?? "in memory"}, running for ${duration((Number(stats.now_ns) - Number(stats.started_ns)) / 1e6)}`;
  const lines = stats.notices;
  if (byId("notices").childElementCount !== lines.length) {
    byId("notices").replaceChildren(...lines.map((line) => el("p", { class: "notice" }, line)));
  }
}

function services(rows) {
  const select = byId("service");
  const names = rows.map((row) => row.name);
  if (state.service && !names.includes(state.service)) names.push(state.service);
  const now = [...select.options].slice(1).map((option) => option.value);
  if (JSON.stringify(now) === JSON.stringify(names)) return;
  select.replaceChildren(el("option", { value: "" }, "all"), ...names.map((name) => el("option", { value: name }, name)));
  select.value = state.service;
}

function connection(error) {
  const pill = byId("live");
  pill.classList.toggle("lost", error !== null);
  pill.classList.toggle("paused", !state.live);
  pill.setAttribute("aria-pressed", String(state.live));
  const lost = error instanceof TypeError ? "viewer ended" : "trouble";
  setText(pill.lastElementChild, error !== null ? lost : state.live ? "live" : "paused");
  pill.title = error !== null ? error.message : "Stop or resume refreshing (space)";
}

function change(name, item) {
  state[name] = item;
  keep();
  refresh(true);
}

const KEPT = ["service", "range", "order"];

function keep() {
  const kept = new URLSearchParams(KEPT.filter((name) => state[name]).map((name) => [name, state[name]]));
  if (state.order === "recent") kept.delete("order");
  const query = kept.size ? `?${kept}` : "";
  history.replaceState(null, "", `${location.pathname}${query}${location.hash}`);
}

function restore() {
  const kept = new URLSearchParams(location.search);
  for (const name of KEPT) state[name] = kept.get(name) ?? state[name];
  if (![...byId("range").options].some((option) => option.value === state.range)) state.range = "";
  if (!["recent", "slowest"].includes(state.order)) state.order = "recent";
  byId("range").value = state.range;
}

function theme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = (name) => {
    document.documentElement.dataset.theme = name;
    setText(byId("theme"), name === "dark" ? "☀" : "☾");
  };
  const stored = localStorage.getItem("theme");
  apply(stored ?? (dark.matches ? "dark" : "light"));
  dark.addEventListener("change", () => {
    if (localStorage.getItem("theme") === null) apply(dark.matches ? "dark" : "light");
  });
  byId("theme").addEventListener("click", () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("theme", next);
    apply(next);
  });
}

function orders() {
  const buttons = [...document.querySelectorAll("[data-order]")];
  const mark = () => buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.order === state.order)));
  for (const button of buttons) {
    button.addEventListener("click", () => {
      change("order", button.dataset.order);
      mark();
    });
  }
  mark();
}

function toggleLive() {
  state.live = !state.live;
  connection(null);
  if (state.live) refresh(true);
  else clearTimeout(timer);
}

function setUp() {
  theme();
  restore();
  orders();
  operations.setUp((row) => change("operation",
    state.operation?.name === row.name && state.operation.service === row.service ? null : row));
  byId("operation-chip").addEventListener("click", () => change("operation", null));
  byId("service").addEventListener("change", (event) => {
    state.operation = null;
    change("service", event.target.value);
  });
  byId("range").addEventListener("change", (event) => change("range", event.target.value));
  byId("severity").addEventListener("change", (event) => change("severity", event.target.value));
  byId("log-text").addEventListener("input", (event) => change("text", event.target.value));
  byId("errors-only").addEventListener("change", (event) => change("errors", event.target.checked));
  byId("live").addEventListener("click", toggleLive);
  addEventListener("hashchange", () => {
    scrollTo(0, 0);
    refresh(true);
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !byId("trace").hidden) location.hash = "#/";
    if (event.key === " " && !event.target.closest("input, select, button, a, [tabindex]")) {
      event.preventDefault();
      toggleLive();
    }
  });
  refresh(true);
}

setUp();
