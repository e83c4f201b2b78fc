// One hedge: where its delta is, what it is made of, what works, what it risks, costs and earns, and what guards it.

import { attribute, el, hide, keyed, row, scrolling, sign, table, text } from "./dom.js";
import { BandChart } from "./chart.js";
import { Decisions } from "./decisions.js";
import { bps, coins, minute, money, paid, percent, plainWords, price, seconds, span, unknown } from "./format.js";
import { inUnit, LEVEL_OF, nearest, placeWords, SEVERITY_WORDS, signedCoins, use, verdict } from "./hedges.js";
import { Level } from "./level.js";

const POSITIONS = [
  { name: "instrument", label: "Instrument" },
  { name: "quantity", label: "Quantity", number: true },
  { name: "delta", label: "Delta", number: true },
  { name: "entry", label: "Entry", number: true },
  { name: "mark", label: "Mark", number: true },
  { name: "liquidation", label: "Liquidation", number: true },
  { name: "margin", label: "Margin" },
];
const ORDERS = [
  { name: "what", label: "Order" },
  { name: "price", label: "Price", number: true },
  { name: "filled", label: "Filled", number: true },
  { name: "state", label: "State" },
  { name: "age", label: "Age", number: true },
  { name: "id", label: "Our id" },
];
const GUARDS = [
  { name: "guard", label: "Guard" },
  { name: "value", label: "Now", number: true },
  { name: "limit", label: "Limit", number: true },
  { name: "state", label: "State" },
];
const NEAREST = [
  { name: "guard", label: "Guard" },
  { name: "value", label: "Now", number: true },
  { name: "limit", label: "Limit", number: true },
];
const MOST_NEAREST = 6;
const PARTS = [
  ["spot", "spot"],
  ["static", "held outside"],
  ["options", "options"],
  ["futures", "futures"],
  ["across", "futures on other coins"],
];
const OF_DAY = { hedged: "hedged book", unhedged: "had it not hedged", static: "had it hedged once", open: "not yet explained, beside these" };
const OWN_DECISIONS = 6;

export class Card {
  constructor(name, hedge, explain) {
    this.name = name;
    this.facts = new Map();
    this.chart = new BandChart(name, hedge.underlying);
    this.verdict = sign("p");
    this.decisions = new Decisions(`Last decisions of ${name}`, explain, false);
    this.own = el("section", {}, el("h4", {}, "Last decisions"), this.decisions.node);
    const id = `hedge-${encodeURIComponent(name)}`;
    this.node = el(
      "article",
      { class: "card", id, tabindex: "-1", "aria-labelledby": `${id}-name` },
      el(
        "header",
        {},
        el("h3", { id: `${id}-name` }, name),
        this.verdict,
        this.#fact("target_words", "p", "aside"),
      ),
      el("div", { class: "columns" }, this.#left(), this.#right()),
      el("div", { class: "facts" }, ...this.#below()),
      this.own,
    );
  }

  #fact(name, tag = "dd", kind = null) {
    const node = el(tag, { class: kind });
    this.facts.set(name, node);
    return node;
  }

  #pairs(title, pairs, extra = null) {
    const rows = pairs.map(([name, label]) => el("div", { class: "pair" }, el("dt", {}, label), this.#fact(name)));
    return el("section", {}, el("h4", {}, title), el("dl", {}, ...rows), extra);
  }

  #left() {
    this.parts = table("What the delta is made of", [
      { name: "part", label: "Part" },
      { name: "coins", label: "Coins", number: true },
    ]);
    this.positions = table("Positions", POSITIONS);
    this.orders = table("Working orders", ORDERS);
    this.noOrders = el("p", { class: "aside" }, "none");
    const big = el(
      "div",
      { class: "headline" },
      el("p", { class: "big" }, this.#fact("delta", "strong"), " ", this.#fact("worth", "span", "aside")),
      this.#fact("place", "p", "aside"),
      this.#fact("pending", "p", "aside"),
    );
    this.orderList = scrolling(`Working orders of ${this.name}`, this.orders);
    return el(
      "div",
      {},
      big,
      this.chart.node,
      el("section", {}, el("h4", {}, "Working orders"), this.noOrders, this.orderList),
      el("section", {}, el("h4", {}, "Positions"), scrolling(`Positions of ${this.name}`, this.positions)),
    );
  }

  #right() {
    this.margin = new Level("Margin used", true);
    this.liquidation = new Level("Distance to liquidation", false);
    this.doubts = el("p", { class: "flaw" });
    return el(
      "div",
      { class: "side" },
      el("section", {}, el("h4", {}, "Exposure"), this.parts),
      el("section", {}, el("h4", {}, "Margin"), this.margin.node, this.liquidation.node, this.doubts),
      this.#pairs("Funding, carry, basis", [
        ["funding", "funding"],
        ["funding_who", "who pays"],
        ["funding_next", "next"],
        ["carry", "carry"],
        ["roll", "roll"],
        ["basis", "basis"],
        ["mark", "mark, index"],
      ]),
    );
  }

  #below() {
    this.day = table("Profit and loss today by component", [
      { name: "part", label: "From" },
      { name: "dollars", label: "USD", number: true },
    ]);
    this.greeks = this.#pairs("Options", [
      ["greeks_side", "side"],
      ["greeks_gamma", "gamma"],
      ["greeks_theta", "theta"],
      ["greeks_vega", "vega"],
      ["greeks_volatility", "volatility"],
      ["greeks_even", "breaks even at"],
      ["greeks_venue", "the venue"],
    ]);
    return [
      this.greeks,
      el("section", {}, el("h4", {}, "Today (UTC)"), this.day, this.#fact("day_none", "p", "aside")),
      this.#pairs("Since the start of the journal", [
        ["fees", "fees"],
        ["funding_sum", "funding"],
        ["slippage", "slippage"],
        ["edge", "edge"],
        ["fills", "fills"],
        ["outside", "outside its band"],
      ]),
      this.#guards(),
    ];
  }

  #guards() {
    this.nearest = table("Guards nearest to their limits", NEAREST);
    this.guards = table("Guards", GUARDS);
    this.guardSum = el("span");
    this.guardList = el(
      "details",
      { class: "guards", "aria-label": `All guards of ${this.name}` },
      el("summary", {}, "all guards: ", this.guardSum),
      scrolling(`Guards of ${this.name}`, this.guards),
    );
    return el("section", {}, el("h4", {}, "Guards nearest to their limits"), this.nearest, this.guardList);
  }

  update(hedge, document) {
    this.#headline(hedge, verdict(this.name, document));
    this.#exposure(hedge);
    this.#risk(hedge);
    this.#costs(hedge, document.at);
    this.#options(hedge);
    this.#today(hedge);
    this.#tables(hedge, document);
    this.#guarded(hedge);
    hide(this.own, Object.keys(document.hedges).length === 1); // the list of all is the same
    this.decisions.update(document.decisions.filter((one) => one.hedge === this.name).slice(0, OWN_DECISIONS));
    this.chart.draw();
  }

  #tell(told) {
    for (const [name, words] of Object.entries(told)) text(this.facts.get(name), words);
  }

  #headline(hedge, state) {
    this.verdict.tell(state.level, state.words);
    attribute(this.node, "data-level", state.level);
    const used = use(hedge);
    const edges = `${coins(hedge.lower, { signed: true })} to ${coins(hedge.upper, { signed: true })}`;
    const outcomes = [hedge.low, hedge.high].filter((end) => end !== hedge.delta).map((end) => coins(end, { signed: true }));
    this.#tell({
      target_words: `${hedge.target_words}, ${hedge.underlying} on ${hedge.instruments.join(", ")}`,
      delta: signedCoins(hedge.delta, hedge),
      worth: hedge.delta_worth === null ? "" : `≈ ${money(hedge.delta_worth, { signed: true, places: 0 })} ${hedge.quote ?? ""}`,
      place:
        used === null
          ? "waiting for prices and accounts"
          : `target ${coins(hedge.target, { signed: true })} · band ${edges} · ${placeWords(used)}`,
      pending: hedge.flaw ?? tooOld(hedge.stale) ?? (outcomes.length && hedge.delta !== null ? `if what works fills: ${outcomes.join(" or ")}` : ""),
    });
  }

  #exposure(hedge) {
    const absent = { options: !hedge.option_greeks, futures: hedge.cross, across: !hedge.cross };
    const rows = PARTS.filter(([name]) => !absent[name]).map(([name, words]) => [name, words, hedge[name]]);
    rows.push(["delta", "net delta", hedge.delta]);
    keyed(
      this.parts.body,
      rows,
      ([name]) => name,
      ([name]) => {
        const line = row(this.parts.columns);
        attribute(line, "class", name === "delta" ? "sum" : null);
        return line;
      },
      (line, [, words, value]) => line.tell({ part: words, coins: coins(value, { signed: true }) }),
    );
  }

  #risk(hedge) {
    this.margin.update(hedge.margin_ratio, hedge.margin, hedge.margin_ratio !== null);
    this.liquidation.update(hedge.liquidation_distance, hedge.liquidation, hedge.liquidation_known);
    text(this.doubts, (hedge.liquidation_doubts ?? []).join("; "));
    hide(this.doubts, !hedge.liquidation_doubts?.length);
  }

  #costs(hedge, at) {
    const funding = hedge.funding_now;
    const carry = hedge.carry?.instruments?.[hedge.carry.instrument]?.carry_yearly;
    const entry = hedge.basis?.entry_bps;
    this.#tell({
      funding: funding
        ? `${percent(funding.yearly, { signed: true })} a year (${percent(funding.rate, { places: 4, signed: true })} each ${coins(funding.interval_h)} h)`
        : unknown,
      funding_who: funding ? `${funding.words}${Number(funding.ours) ? `, ${money(funding.ours, { signed: true })} ${hedge.quote ?? ""} a day` : ""}` : unknown,
      funding_next: funding ? upcoming(funding.next_at - at) : unknown,
      carry: carry === undefined ? unknown : `${carry >= 0 ? "earns" : "pays"} ${percent(Math.abs(carry))} a year · ${hedge.carry.why}`,
      roll: hedge.carry?.late ?? hedge.carry?.roll ?? (hedge.carry?.roll_at ? `next ${minute(hedge.carry.roll_at)}` : unknown),
      basis: hedge.basis ? `${bps(hedge.basis.bps)}${entry === null ? "" : ` · ${bps(entry)} at entry`}` : unknown,
      mark: hedge.prices ? `${price(hedge.prices.mark)} · ${price(hedge.prices.index)}` : unknown,
      fees: [paid(hedge.fees), ...inOthers(hedge.fees_in_other_assets)].join(", "),
      funding_sum: paid(hedge.funding),
      slippage: money(hedge.slippage, { signed: true }),
      edge: `${money(hedge.edge, { signed: true })}, kept ${money(hedge.realised_spread, { signed: true })}`,
      fills: `${hedge.maker_fills} maker, ${hedge.taker_fills} taker`,
      outside: hedge.seconds_outside_band ? seconds(hedge.seconds_outside_band * 1000) : "never",
    });
    const pair = (name) => this.facts.get(name).parentElement;
    hide(pair("roll"), !hedge.carry?.roll && !hedge.carry?.roll_at && !hedge.carry?.late);
    attribute(this.facts.get("roll"), "data-level", hedge.carry?.late ? "crit" : null);
    attribute(this.facts.get("fills"), "data-level", hedge.taker_fills ? "crit" : null);
  }

  #options(hedge) {
    const greeks = hedge.option_greeks;
    hide(this.greeks, !greeks);
    if (!greeks) return;
    const quote = hedge.quote ?? "quote";
    this.#tell({
      greeks_side: greeks.flaw ? `not usable: ${greeks.flaw}` : `${greeks.side} (${greeks.held} held)`,
      greeks_gamma: `${coins(greeks.gamma_1pct, { signed: true })} ${hedge.underlying} of delta per +1\u202f%`,
      greeks_theta: `${money(greeks.theta, { signed: true })} ${quote} a day`,
      greeks_vega: `${money(greeks.vega, { signed: true })} ${quote} a vol point`,
      greeks_volatility: greeks.volatility === null ? unknown : `${percent(greeks.volatility, { places: 1 })} a year`,
      greeks_even: greeks.break_even_daily_move === null ? unknown : `${percent(greeks.break_even_daily_move)} a day`,
      greeks_venue: greeks.venue?.differing
        ? `sees ${greeks.venue.differing} of ${greeks.venue.compared} deltas otherwise`
        : `agrees on ${greeks.venue?.compared ?? 0}`,
    });
    attribute(this.facts.get("greeks_side"), "data-level", greeks.flaw ? "crit" : null);
  }

  #today(hedge) {
    const day = hedge.pnl_today;
    hide(this.day, !day);
    hide(this.facts.get("day_none"), Boolean(day));
    text(this.facts.get("day_none"), "begins with the second reading of the account");
    if (!day) return;
    const sums = Object.keys(OF_DAY);
    const parts = Object.keys(day).filter((name) => !sums.includes(name));
    const rows = [...parts, ...sums.filter((name) => name in day)].map((name) => [name, day[name]]);
    keyed(
      this.day.body,
      rows,
      ([name]) => name,
      ([name]) => {
        const line = row(this.day.columns);
        attribute(line, "class", name === "hedged" ? "sum" : null);
        return line;
      },
      (line, [name, value]) => line.tell({ part: OF_DAY[name] ?? plainWords(name), dollars: money(value, { signed: true }) }),
    );
  }

  #tables(hedge, document) {
    keyed(
      this.positions.body,
      hedge.positions,
      (one) => one.instrument,
      () => row(POSITIONS),
      (line, one) =>
        line.tell({
          instrument: one.ours ? one.instrument : `${one.instrument} (not traded here)`,
          quantity: coins(one.quantity, { signed: true }),
          delta: coins(one.delta, { signed: true }),
          entry: Number(one.quantity) ? price(one.entry_price) : unknown,
          mark: Number(one.mark_price) ? price(one.mark_price) : unknown, // a venue may name none for what is flat
          liquidation: one.liquidation_price === null ? unknown : price(one.liquidation_price),
          margin: `${one.margin_mode} ${coins(one.leverage)}×`,
        }),
    );
    hide(this.noOrders, hedge.orders.length > 0);
    hide(this.orderList, hedge.orders.length === 0);
    keyed(this.orders.body, hedge.orders, (one) => one.id, makeOrder, (line, one) => line.show(one, document.at));
  }

  #guarded(hedge) {
    const states = hedge.guard_states ?? {};
    const worst = (name) => ["clear", "warn", "stop", "reduce"].indexOf(states[name] ?? "clear");
    const names = Object.keys(hedge.guards).sort((one, other) => worst(other) - worst(one) || one.localeCompare(other));
    const met = names.filter((name) => states[name]);
    text(
      this.guardSum,
      met.length ? `${met.map((name) => `${plainWords(name)} ${SEVERITY_WORDS[states[name]]}`).join(", ")}` : `all ${names.length} clear`,
    );
    attribute(this.guardSum, "data-level", met.length ? "warn" : null);
    keyed(this.nearest.body, nearest(hedge).slice(0, MOST_NEAREST), (name) => name, makeNearest, (line, name) => {
      const guard = hedge.guards[name];
      attribute(line.cell.value, "data-level", states[name] ? LEVEL_OF[states[name]] : null);
      line.tell({
        guard: plainWords(name),
        value: inUnit(guard.unit, hedge.guard_values[name], hedge.quote),
        limit: inUnit(guard.unit, guard.limit ?? guard.levels.stop, hedge.quote),
      });
    });
    if (!this.guardList.open && this.guards.body.childElementCount) return;
    keyed(this.guards.body, names, (name) => name, makeGuard, (line, name) => {
      const guard = hedge.guards[name];
      const state = states[name] ?? "clear";
      const levels = guard.levels;
      line.sign.tell(LEVEL_OF[state], SEVERITY_WORDS[state]);
      attribute(line, "title", guard.words);
      line.tell({
        guard: plainWords(name),
        value: inUnit(guard.unit, hedge.guard_values?.[name], hedge.quote),
        limit: levels
          ? `${inUnit(guard.unit, levels.warn)} · ${inUnit(guard.unit, levels.stop)} · ${inUnit(guard.unit, levels.reduce)}`
          : guard.limit === undefined
            ? unknown
            : inUnit(guard.unit, guard.limit, hedge.quote),
      });
    });
  }
}

// Fees that could not be valued when they were booked are in no sum.
const inOthers = (fees) => Object.entries(fees ?? {}).map(([asset, fee]) => `${coins(fee).replace(/^\D/, "")} ${asset} ${Number(fee) < 0 ? "paid" : "received"}`);

const tooOld = (detail) => (detail ? `too old to act on: ${detail}` : null);

const upcoming = (ms) => (ms < 0 ? unknown : ms < 60_000 ? "in under 1 min" : `in ${span(Math.floor(ms / 60_000) * 60_000)}`);

const makeNearest = () => row(NEAREST);

function makeGuard() {
  const line = row(GUARDS);
  line.sign = sign();
  line.cell.state.append(line.sign);
  return line;
}

function makeOrder() {
  const line = row(ORDERS);
  const state = sign();
  line.cell.state.append(state);
  line.show = (one, at) => {
    const share = Number(one.filled) / Number(one.quantity);
    const words = [one.words, one.purpose === "hedge" ? null : one.purpose, one.reduce_only ? "reduce-only" : null];
    state.tell(one.status === "unknown" ? "crit" : "none", words.filter(Boolean).join(", "));
    line.tell({
      what: `${one.side} ${coins(one.quantity)} ${one.instrument}`,
      price: price(one.price),
      filled: share ? percent(share, { places: 0 }) : unknown,
      age: seconds(at - one.placed_at),
      id: one.id,
    });
  };
  return line;
}
