// Numbers, spans and moments as people read them; the same forms as `hedger status` and the terminal view.
// Amounts come as plain strings of decimals. They are rounded here to be looked at, and never sent back.

const MINUS = "\u2212";
const NONE = "\u2013";

const grouped = (digits) => {
  const [whole, part] = digits.split(".");
  const apart = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return part === undefined ? apart : `${apart}.${part}`;
};

const dressed = (digits, negative, signed) => {
  if (!/[1-9]/.test(digits)) return digits;
  return negative ? MINUS + digits : signed ? `+${digits}` : digits;
};

const known = (value) => value !== null && value !== undefined && value !== "" && Number.isFinite(Number(value));

const trimmed = (digits) => (digits.includes(".") ? digits.replace(/0+$/, "").replace(/\.$/, "") : digits);

// A quantity with as many places as its size deserves: 1,204.5, 0.0123.
export function coins(value, { signed = false, fixed = false } = {}) {
  if (!known(value)) return NONE;
  const number = Number(value);
  const size = Math.abs(number);
  const places = size >= 1000 ? 2 : size >= 1 ? 4 : size !== 0 && size < 0.001 ? 8 : 6;
  const digits = size.toFixed(fixed === false ? places : fixed);
  return dressed(grouped(fixed === false ? trimmed(digits) : digits), number < 0, signed);
}

// A price with its own digits, at least two places, and no more than eight digits where it is a mean; the noughts of a
// cheap coin, 0.0000…, are none of them.
export function price(value) {
  if (!known(value)) return NONE;
  const [whole, part = ""] = String(value).replace("-", "").split(".");
  const room = whole === "0" ? 8 + part.search(/[^0]|$/) : 8 - whole.length;
  const places = Math.max(2, Math.min(part.length, room));
  return dressed(grouped(Math.abs(Number(value)).toFixed(places)), Number(value) < 0, false);
}

export function money(value, { signed = false, places = 2 } = {}) {
  if (!known(value)) return NONE;
  return dressed(grouped(Math.abs(Number(value)).toFixed(places)), Number(value) < 0, signed);
}

// What was paid (below 0) or received, as a word beside the amount.
export function paid(value) {
  const digits = money(value).replace(MINUS, "");
  return /[1-9]/.test(digits) ? `${digits} ${Number(value) < 0 ? "paid" : "received"}` : digits;
}

export function percent(ratio, { places = 2, signed = false } = {}) {
  if (!known(ratio)) return NONE;
  return `${dressed(grouped((Math.abs(Number(ratio)) * 100).toFixed(places)), Number(ratio) < 0, signed)}\u202f%`;
}

export function bps(value, { signed = true } = {}) {
  if (!known(value)) return NONE;
  return `${dressed(grouped(Math.abs(Number(value)).toFixed(1)), Number(value) < 0, signed)} bp`;
}

const SPANS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

// A length of time in its two largest units: 2.4 s, 3 min 20 s, 1 d 4 h.
export function span(ms) {
  if (!known(ms)) return NONE;
  if (ms < 10_000) return `${(Math.max(ms, 0) / 1000).toFixed(1)} s`;
  let left = Math.floor(ms / 1000);
  const parts = [];
  for (const [unit, seconds] of SPANS) {
    const count = Math.floor(left / seconds);
    left -= count * seconds;
    if (count || parts.length) parts.push([count, unit]);
  }
  return parts
    .slice(0, 2)
    .filter(([count]) => count)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

// Whole seconds: for what is written anew each second.
export const seconds = (ms) => (ms < 60_000 ? `${Math.floor(Math.max(ms, 0) / 1000)} s` : span(ms));

// A moment in ms or ISO 8601, in UTC, as everything here.
const date = (at) => {
  const moment = new Date(typeof at === "string" ? Date.parse(at) : at);
  return Number.isNaN(moment.getTime()) ? null : moment;
};

export function timeOfDay(at) {
  const moment = known(at) || typeof at === "string" ? date(at) : null;
  return moment === null ? NONE : moment.toISOString().slice(11, 19);
}

export function instant(at) {
  const moment = known(at) || typeof at === "string" ? date(at) : null;
  return moment === null ? NONE : `${moment.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

export const minute = (at) => {
  const told = instant(at);
  return told === NONE ? told : `${told.slice(0, 16)} UTC`;
};

// `futures_index` as a person says it.
export const plainWords = (name) => String(name).replaceAll("_", " ");

export const unknown = NONE;
