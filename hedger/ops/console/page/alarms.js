// What a person should look at now, the worst first; a critical one is spoken at once, each only once.

import { $, attribute, el, hide, keyed, sign, text } from "./dom.js";
import { seconds } from "./format.js";

const SHAPE = { critical: "crit", warning: "warn", info: "info" };

export class Alarms {
  constructor(acknowledge) {
    this.acknowledge = acknowledge;
    this.list = $("alarm-list");
    this.spoken = new Map();
  }

  update(document) {
    const { alarms, at } = document;
    hide($("alarms"), alarms.length === 0);
    text($("alarm-count"), alarms.length ? `(${alarms.length})` : "");
    keyed(this.list, alarms, (one) => one.key, (one) => this.#make(one), (line, one) => line.show(one, at));
    this.#speak(alarms);
  }

  #make(one) {
    const level = sign("strong");
    const words = el("span", { class: "words" });
    const age = el("span", { class: "aside" });
    const button = el(
      "button",
      { type: "button", class: "small", on: { click: () => this.acknowledge(line.alarm) } },
      "Acknowledge",
    );
    const seen = el("span", { class: "aside" }, "acknowledged");
    const line = el("li", {}, level, words, age, button, seen);
    line.show = (alarm, at) => {
      line.alarm = alarm;
      attribute(line, "data-level", SHAPE[alarm.level]);
      attribute(line, "data-acknowledged", alarm.acknowledged);
      level.tell(SHAPE[alarm.level], alarm.level);
      text(words, alarm.text);
      text(age, `for ${seconds(at - alarm.since_at)}`);
      attribute(button, "aria-label", `Acknowledge ${alarm.name} ${alarm.subject}`.trim());
      hide(button, alarm.acknowledged);
      hide(seen, !alarm.acknowledged);
    };
    return line;
  }

  #speak(alarms) {
    const critical = alarms.filter((one) => one.level === "critical" && !one.acknowledged);
    const fresh = critical.filter((one) => this.spoken.get(one.key) !== one.since_at);
    this.spoken = new Map(critical.map((one) => [one.key, one.since_at]));
    if (fresh.length) text($("spoken"), fresh.map((one) => `Critical: ${one.text}`).join(". "));
  }
}
