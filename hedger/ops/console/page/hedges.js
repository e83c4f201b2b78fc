// What one hedge looks like in words, for the overview and its card.

import { coins, money, percent, seconds, span } from "./format.js";

// How a hedge is, worst first: {level, words}.
export function verdict(name, { hedges, at, alarms }) {
  const hedge = hedges[name];
  if (alarms.some((one) => one.name === "CannotAct" && one.subject === name)) return { level: "crit", words: "CANNOT ACT" };
  if (hedge.delta === null || hedge.delta === undefined) return { level: "unknown", words: "not read yet" };
  if (hedge.flaw) return { level: "crit", words: "cannot be worked out" };
  const since = hedge.outside_since;
  if (hedge.unhedged) return { level: "crit", words: `UNHEDGED ${since ? seconds(at - since) : ""}`.trim() };
  if (since !== null && since !== undefined) {
    if (hedge.unhedged_on_purpose) return { level: "warn", words: `unhedged on purpose ${seconds(at - since)}` };
    return { level: "warn", words: `outside ${seconds(at - since)}` };
  }
  if (hedge.stale) return { level: "warn", words: "inside its band when it was last seen" };
  const stopped = Object.entries(hedge.guard_states ?? {}).filter(([, state]) => state === "stop" || state === "reduce");
  if (stopped.length) return { level: "warn", words: "inside its band, a guard stops" };
  return { level: "ok", words: "inside its band" };
}

// How far the delta is from its target, 1 at an edge of the band: null while not known.
export function use(hedge) {
  const [deviation, upper, lower] = [hedge.deviation, hedge.band?.[1], hedge.band?.[0]].map(Number);
  if (hedge.deviation === null || hedge.deviation === undefined || !hedge.band) return null;
  const edge = deviation >= 0 ? upper : -lower;
  return edge > 0 ? Math.abs(deviation) / edge : null;
}

export function placeWords(used) {
  return used > 1 ? `${used.toFixed(1)} times as far as its edge` : `${Math.round(used * 100)}\u202f% of the way to its edge`;
}

export const signedCoins = (value, hedge) => (value === null || value === undefined ? "–" : `${coins(value, { signed: true })} ${hedge.underlying}`);

// The state of a levelled guard as a level of the page.
export const LEVEL_OF = { clear: "ok", warn: "warn", stop: "crit", reduce: "crit" };
export const SEVERITY_WORDS = { clear: "clear", warn: "warns", stop: "stops", reduce: "reduces" };

const UNIT = {
  ms: (value) => span(Number(value)),
  bp: (value) => `${coins(value)} bp`,
  quote: (value, quote) => `${money(value, { places: 0 })} ${quote ?? ""}`.trim(),
  ratio: (value) => percent(value, { places: 1 }),
  "ratio a year": (value) => `${percent(value, { places: 1, signed: true })} a year`,
  count: (value) => coins(value),
  coins: (value) => `${coins(value)} coins`,
  mode: (value) => value,
};

export function inUnit(unit, value, quote) {
  if (value === null || value === undefined) return "–";
  return (UNIT[unit] ?? String)(value, quote);
}

// The guards that have a value, the one that has used up most of its limit first. Of some the limit is the least.
const LEAST = new Set(["depth", "expiring", "liquidation_distance"]);
const EXACT = new Set(["leverage", "margin_mode"]);

export function nearest(hedge) {
  const values = hedge.guard_values ?? {};
  const used = (name) => {
    const guard = hedge.guards[name];
    const [limit, value] = [Number(guard?.limit ?? guard?.levels?.stop), Number(values[name])];
    if (LEAST.has(name) && value <= 0) return Infinity; // nothing is left of it
    const share = LEAST.has(name) ? limit / value : value / limit;
    return Number.isNaN(share) ? 0 : share;
  };
  const known = Object.keys(values).filter((name) => hedge.guards[name] && !EXACT.has(name));
  return known.sort((one, other) => (used(other) === used(one) ? 0 : used(other) - used(one)));
}
