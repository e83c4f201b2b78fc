// What was decided lately and why, newest first; each can be explained.

import { el, hide, keyed, sign, text } from "./dom.js";
import { coins, price, timeOfDay } from "./format.js";

const LEVEL_OF_ACTION = { hold: "none", place: "info", cancel: "warn", wait: "none", deny: "warn" };

const FEW = 12;

export class Decisions {
  constructor(label, explain, withHedge) {
    this.all = false;
    this.rows = [];
    this.more = el("button", { type: "button", class: "quiet", on: { click: () => this.#toggle() } });
    this.explain = explain;
    this.withHedge = withHedge;
    this.list = el("ol", { class: "decisions", "aria-label": label });
    this.none = el("p", { class: "aside" }, "none yet");
    this.node = el("div", {}, this.none, this.list, this.more);
  }

  #toggle() {
    this.all = !this.all;
    this.update(this.rows);
  }

  update(all) {
    this.rows = all;
    const rows = this.all ? all : all.slice(0, FEW);
    hide(this.more, all.length <= FEW);
    text(this.more, this.all ? "show fewer" : `show all ${all.length}`);
    hide(this.none, rows.length > 0);
    hide(this.list, rows.length === 0);
    // A journal that was begun anew counts from 1 again: a number alone is not one decision.
    keyed(this.list, rows, (one) => `${one.decision_id} ${one.at}`, (one) => this.#make(one), () => undefined);
  }

  #make(one) {
    const told = order(one);
    const action = sign().tell(LEVEL_OF_ACTION[one.action] ?? "none", one.action);
    const button = el(
      "button",
      { type: "button", class: "quiet", "aria-label": `Explain decision ${one.decision_id}`, on: { click: () => this.explain(one) } },
      "explain",
    );
    return el(
      "li",
      {},
      el("time", {}, timeOfDay(one.at)),
      this.withHedge ? el("b", {}, one.hedge) : null,
      action,
      el("span", { class: "why" }, text(el("span"), one.words), told ? el("span", { class: "order" }, told) : null, one.detail && !told ? el("span", { class: "aside" }, one.detail) : null),
      button,
    );
  }
}

function order(one) {
  if (!one.client_order_id) return "";
  if (!one.side) return `cancel ${one.client_order_id}`;
  return `${one.side} ${coins(one.quantity)} @ ${price(one.price)} ${one.instrument}`;
}
