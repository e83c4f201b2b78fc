// All hedges in one table, the first thing to look at: one row each, what needs a look marked by shape and word.

import { $, attribute, el, keyed, row, sign, table, text } from "./dom.js";
import { coins, money, percent } from "./format.js";
import { LEVEL_OF, use, verdict } from "./hedges.js";

const COLUMNS = [
  { name: "hedge", label: "Hedge" },
  { name: "state", label: "State" },
  { name: "delta", label: "Delta", number: true },
  { name: "gauge", label: "In its band" },
  { name: "margin", label: "Margin used", number: true },
  { name: "liquidation", label: "Liquidation", number: true },
  { name: "funding", label: "Funding a year", number: true },
  { name: "today", label: "Today", number: true },
  { name: "orders", label: "Orders", number: true },
];

export class Overview {
  constructor() {
    this.table = table("All hedges", COLUMNS);
    this.table.classList.add("overview");
    $("overview-rows").append(this.table);
  }

  update(document) {
    const names = Object.keys(document.hedges);
    const told = names.map((name) => [name, document.hedges[name], verdict(name, document)]);
    text($("overview-sum"), summed(told.map(([, , state]) => state.level)));
    keyed(this.table.body, told, ([name]) => name, make, (line, [, hedge, state]) => line.show(hedge, state));
  }
}

function summed(levels) {
  const count = (level) => levels.filter((one) => one === level).length;
  const parts = [
    [count("crit"), "critical"],
    [count("warn"), "to watch"],
    [count("unknown"), "not read yet"],
    [count("ok"), "inside their bands"],
  ];
  return parts
    .filter(([number]) => number)
    .map(([number, words]) => `${number} ${words}`)
    .join(" · ");
}

function make([name]) {
  const line = row(COLUMNS);
  const link = el("a", { href: `#hedge-${encodeURIComponent(name)}` }, name);
  line.cell.hedge.append(link);
  const state = sign();
  line.cell.state.append(state);
  const gauge = new Gauge();
  line.cell.gauge.append(gauge.node);
  line.show = (hedge, told) => {
    state.tell(told.level, told.words);
    attribute(line, "data-level", told.level);
    gauge.update(hedge);
    line.tell({
      delta: coins(hedge.delta, { signed: true }),
      margin: percent(hedge.margin_ratio, { places: 1 }),
      liquidation: liquidation(hedge),
      funding: percent(hedge.funding_now?.yearly, { places: 1, signed: true }),
      today: money(hedge.pnl_today?.hedged, { signed: true }),
      orders: hedge.orders?.length ? String(hedge.orders.length) : "–",
    });
    attribute(line.cell.margin, "data-level", LEVEL_OF[hedge.margin?.state] === "ok" ? null : LEVEL_OF[hedge.margin?.state]);
    attribute(
      line.cell.liquidation,
      "data-level",
      LEVEL_OF[hedge.liquidation?.state] === "ok" ? null : LEVEL_OF[hedge.liquidation?.state],
    );
  };
  return line;
}

function liquidation({ liquidation_distance: distance, liquidation_known: all }) {
  if (distance === null) return all ? "none" : "–";
  return `${percent(distance, { places: 1 })} away${all ? "" : ", not known of all"}`;
}

// Where the delta stands in its band: the middle half of the bar is the band, the tick its target, the mark the delta.
export class Gauge {
  constructor() {
    this.mark = el("i", { class: "mark" });
    this.words = el("span", { class: "gauge-words" });
    this.bar = el("span", { class: "gauge", "aria-hidden": "true" }, el("i", { class: "inside" }), el("i", { class: "target" }), this.mark);
    this.node = el("span", { class: "gauge-row" }, this.bar, this.words);
  }

  update(hedge) {
    const used = use(hedge);
    this.node.classList.toggle("unknown", used === null);
    if (used === null) {
      text(this.words, "–");
      return;
    }
    const way = Math.sign(Number(hedge.deviation)) * used;
    const left = `${Math.min(Math.max(50 + way * 25, 1), 99).toFixed(1)}%`;
    if (this.mark.style.left !== left) this.mark.style.left = left;
    this.node.classList.toggle("outside", used > 1);
    text(this.words, used > 9.99 ? "> 10×" : `${Math.round(used * 100)}\u202f%`);
  }
}
