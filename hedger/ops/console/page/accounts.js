// What is believed of each account, and what stands between it and its next order.

import { $, attribute, keyed, row, scrolling, sign, table } from "./dom.js";
import { coins, money, percent, seconds, timeOfDay } from "./format.js";

const CREATING = new Set(["hedging", "reduce_only"]);
const COLUMNS = [
  { name: "account", label: "Account" },
  { name: "state", label: "State" },
  { name: "equity", label: "Equity", number: true },
  { name: "available", label: "Free margin", number: true },
  { name: "ratio", label: "Margin used", number: true },
  { name: "read", label: "Read", number: true },
  { name: "stream", label: "Stream" },
  { name: "switch", label: "Dead man's switch" },
  { name: "spot", label: "Spot" },
];

export class Accounts {
  constructor() {
    this.table = table("Accounts", COLUMNS);
    $("account-rows").append(scrolling("Table of accounts", this.table));
  }

  update(document) {
    const names = Object.keys(document.accounts);
    keyed(this.table.body, names, (name) => name, make, (line, name) => line.show(name, document.accounts[name], document));
  }
}

function make() {
  const line = row(COLUMNS);
  const state = sign();
  line.cell.state.append(state);
  line.show = (name, account, { at, hedges, program }) => {
    const { level, words } = standing(account, CREATING.has(program.mode));
    state.tell(level, words);
    attribute(line, "data-level", level);
    const hedged = new Set(Object.values(hedges).map((hedge) => hedge.underlying));
    const assets = Object.keys(account.spot).sort((one, other) => hedged.has(other) - hedged.has(one)); // the rest by name
    const spot = assets.map((asset) => `${coins(account.spot[asset])} ${asset}`);
    line.tell({
      account: name,
      equity: purses(account, "equity"),
      available: purses(account, "available"),
      ratio: percent(fullest(account), { places: 1 }),
      read: account.believed_at ? `${seconds(at - account.believed_at)} ago` : "not yet",
      stream: account.stream_up ? "up" : "down",
      switch: account.switch_timeout_s === null ? "none" : account.switch_lease_until ? `until ${timeOfDay(account.switch_lease_until)}` : "not armed",
      spot: spot.length > 4 ? `${spot.slice(0, 4).join(", ")} and ${spot.length - 4} more` : spot.join(", ") || "–",
    });
  };
  return line;
}

// What is margin there: money, and each coin that contracts settle in; no money is not told where coins are.
function purses(account, part) {
  const inCoins = Object.entries(account.coin_margins ?? {}).map(([coin, margin]) => `${coins(margin[part])} ${coin}`);
  const inMoney = (Number(account.margin?.equity) && !isNamed(account)) || !inCoins.length ? [money(account.margin?.[part])] : [];
  return [...inMoney, ...inCoins].join(" · ");
}

// Where each money backs only its own, the account's margin is that of one of them, which is told by its name.
function isNamed({ margin, coin_margins }) {
  return Object.values(coin_margins ?? {}).some((one) => one.equity === margin.equity && one.available === margin.available);
}

function fullest(account) {
  const all = [account.margin, ...Object.values(account.coin_margins ?? {})].filter(Boolean);
  return all.length ? String(Math.max(...all.map((margin) => Number(margin.margin_ratio)))) : undefined;
}

function standing(account, creating) {
  if (account.doubted) return { level: "crit", words: "its readings are in doubt" };
  if (account.out_of_sight) return { level: "warn", words: account.out_of_sight };
  if (account.creates_stopped) return { level: "warn", words: account.creates_stopped };
  if (account.failures) return { level: "warn", words: `${account.failures} failed readings: ${account.last_failure ?? ""}` };
  if (account.margin === null) return { level: "unknown", words: "not read yet" };
  return { level: "ok", words: creating ? "orders leave" : "no orders now" };
}
