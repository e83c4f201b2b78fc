// What was asked of the daemon from here and what became of it, each in a line that stays until it is taken away.

import { $, el, hide, sign, text } from "./dom.js";
import { get } from "./api.js";
import { timeOfDay } from "./format.js";

const ASK_EVERY_MS = 400;
const PATIENCE_MS = 45_000;
const MOST = 12;

export class Acts {
  // `now()` is the daemon's time where it is known: this machine's clock may be another.
  constructor(now) {
    this.now = now;
    this.list = $("act-list");
    this.section = $("acts");
  }

  // A line for something that is asked now; tell({level, words}) as news comes.
  begin(words) {
    const state = sign().tell("none", "sent");
    const what = el("span", { class: "words" }, words);
    const why = el("span", { class: "aside" });
    const button = el("button", { type: "button", class: "quiet", "aria-label": `Take away: ${words}`, on: { click: () => this.#remove(line) } }, "take away");
    const line = el("li", {}, el("time", {}, timeOfDay(this.now())), what, state, why, button);
    line.tell = (level, told, detail = "") => {
      state.tell(level, told);
      text(why, detail);
    };
    this.list.prepend(line);
    while (this.list.childElementCount > MOST) this.list.lastElementChild.remove();
    hide(this.section, false);
    return line;
  }

  // Follow a request until the daemon has answered it.
  async follow(line, request) {
    line.tell("none", "waits");
    const until = Date.now() + PATIENCE_MS;
    while (Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
      try {
        const answer = await get(`/api/requests/${encodeURIComponent(request)}`);
        if (answer.state === "done") return line.tell("ok", "done", answer.why ?? "");
        if (answer.state === "refused") return line.tell("crit", "refused", answer.why ?? "");
      } catch (problem) {
        if (problem.status === 404) return line.tell("warn", "nobody knows what became of it", problem.message);
      }
    }
    return line.tell("warn", "nobody has answered", "look at the mode above before you ask again");
  }

  #remove(line) {
    line.remove();
    hide(this.section, this.list.childElementCount === 0);
  }
}
