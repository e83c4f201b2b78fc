// A levelled guard as a bar: where it stands between safe and the level at which a position is made smaller.

import { attribute, el, sign, text } from "./dom.js";
import { percent } from "./format.js";
import { LEVEL_OF, SEVERITY_WORDS } from "./hedges.js";

const LEVELS = ["warn", "stop", "reduce"];

export class Level {
  // `rising`: a larger value is worse (margin used); else a smaller one is (distance to liquidation).
  constructor(label, rising) {
    this.rising = rising;
    this.value = el("strong");
    this.state = sign();
    this.fill = el("i", { class: "fill" });
    this.ticks = Object.fromEntries(LEVELS.map((level) => [level, el("i", { class: `tick ${level}` })]));
    this.words = el("p", { class: "aside" });
    this.bar = el("div", { class: "bar", "aria-hidden": "true" }, this.fill, ...Object.values(this.ticks));
    this.node = el("div", { class: "level" }, el("p", {}, `${label} `, this.value, " ", this.state), this.bar, this.words);
  }

  // `all`: whether everything is known that there is. Then no value says that there is none.
  update(value, guard, all) {
    const known = value !== null && value !== undefined;
    const levels = guard.levels;
    const level = LEVEL_OF[guard.state];
    text(this.value, known ? percent(value, { places: 1 }) : all ? "none" : "–");
    if (all || (known && level !== "ok")) this.state.tell(level, SEVERITY_WORDS[guard.state]);
    else this.state.tell("unknown", known ? "not known of all" : "not known");
    attribute(this.node, "data-level", level);
    const told = LEVELS.map((level) => `${SEVERITY_WORDS[level]} ${this.rising ? "from" : "below"} ${percent(levels[level], { places: 1 })}`);
    text(this.words, told.join(" · "));
    // A distance is drawn by what is used up of it, so that for both bars fuller is worse.
    const whole = this.rising ? Math.min(1, Number(levels.reduce) * 1.25) : Number(levels.clear) * 2;
    const share = (one) => Math.min(Math.max(this.rising ? Number(one) / whole : 1 - Number(one) / whole, 0), 1);
    place(this.fill, "width", known ? share(value) : 0);
    for (const level of LEVELS) place(this.ticks[level], "left", share(levels[level]));
  }
}

function place(node, side, share) {
  const told = `${(share * 100).toFixed(1)}%`;
  if (node.style[side] !== told) node.style[side] = told;
}
