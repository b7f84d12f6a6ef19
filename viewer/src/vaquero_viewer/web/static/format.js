// Numbers and times as a person reads them.

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const DECIMAL = ["", "k", "M", "G", "T"];

const digits = (value) => {
  const size = Math.abs(value);
  return size >= 99.95 ? value.toFixed(0) : size >= 9.995 ? value.toFixed(1) : value.toFixed(2);
};

function scaled(value, base, names) {
  let index = 0;
  while (Math.abs(value) >= base - 0.5 && index < names.length - 1) {
    value /= base;
    index += 1;
  }
  const number = index === 0 && Number.isInteger(value) ? String(value) : digits(value);
  return `${number} ${names[index]}`.trim();
}

/** A duration given in milliseconds. */
export function duration(ms) {
  const size = Math.abs(ms);
  if (size === 0) return "0";
  if (size < 0.9995) return `${(ms * 1000).toFixed(0)} µs`;
  if (size < 999.5) return `${digits(ms)} ms`;
  if (size < 59950) return `${digits(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 86400
    ? `${Math.floor(seconds / 60)} m ${seconds % 60} s`
    : `${(seconds / 86400).toFixed(1)} d`;
}

/** A metric's value with its unit (UCUM). A "1" between 0 and 1 is a share. */
export function value(number, unit) {
  if (typeof number !== "number") return "–";
  if (unit === "By") return scaled(number, 1024, BINARY);
  if (unit === "By/s") return `${scaled(number, 1024, BINARY)}/s`;
  if (unit === "1" && number >= 0 && number <= 1) return `${(number * 100).toFixed(1)} %`;
  if (unit === "%") return `${number.toFixed(1)} %`;
  if (unit === "s") return duration(number * 1000);
  if (unit === "ms") return duration(number);
  const word = unit.replace(/[{}]/g, "");
  const text = scaled(number, 1000, DECIMAL);
  if (word === "" || word === "1") return text;
  return word === "Hz" && /[kMGT]$/.test(text) ? text + word : `${text} ${word}`;
}

/** A whole number with separators. */
export const count = (number) => number.toLocaleString("en");

/** A share of 1 as per cent. */
export const share = (part) => (part >= 0.0995 ? (part * 100).toFixed(0) : (part * 100).toFixed(1)) + " %";

/** Milliseconds since the epoch of a time in nanoseconds (text, as it exceeds 2^53). */
export const epochMs = (ns) => Number(ns) / 1e6;

/** The clock time of nanoseconds since the epoch, with milliseconds. */
export function clock(ns) {
  const date = new Date(epochMs(ns));
  const two = (n) => String(n).padStart(2, "0");
  const ms = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}

/** Date and clock time. */
export const moment = (ns) => `${new Date(epochMs(ns)).toLocaleDateString()} ${clock(ns)}`;

/** How long ago, against the server's clock. */
export function ago(ns, nowNs) {
  const seconds = Math.max(0, (Number(nowNs) - Number(ns)) / 1e9);
  if (seconds < 1) return "now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

/** An attribute's value as text. */
export const attribute = (item) => (typeof item === "string" ? item : JSON.stringify(item));
