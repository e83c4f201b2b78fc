// Dialogs: the browser's own, so that focus stays inside, Escape closes, and what was focused before is focused again.

import { $, el, hide, text } from "./dom.js";

// A dialog with a title, some nodes, and buttons. `close()` ends it; `busy(words)` says what goes on meanwhile.
export class Dialog {
  constructor(title, { wide = false, grave = false, isKill = false } = {}) {
    this.isKill = isKill;
    this.heading = el("h2", { id: "dialog-title", tabindex: "-1" }, title);
    this.body = el("div", { class: "dialog-body" });
    this.said = el("p", { class: "said", role: "status" });
    this.buttons = el("div", { class: "buttons" });
    this.form = el("form", { novalidate: true }, this.heading, this.body, this.said, this.buttons);
    this.node = el("dialog", { class: wide ? "wide" : null, "aria-labelledby": "dialog-title" }, this.form);
    if (grave) this.node.dataset.grave = "";
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.submit) this.submit();
    });
    this.node.addEventListener("click", (event) => {
      if (event.target === this.node && !this.isKill) this.close(); // beside it: of a kill that is a second, hasty press
    });
    this.node.addEventListener("close", () => {
      this.node.remove();
      if (this.ended) this.ended();
    });
  }

  show(focused = null) {
    $("dialogs").append(this.node);
    this.node.showModal();
    (focused ?? this.heading).focus();
    return this;
  }

  close() {
    if (this.node.open) this.node.close();
  }

  // Replace what the dialog holds: nodes, the label and the deed of its main button.
  fill(nodes, label = null, deed = null, { danger = false, leave = "Cancel" } = {}) {
    this.body.replaceChildren(...nodes);
    this.submit = deed;
    this.main = label === null ? null : el("button", { type: "submit", class: danger ? "danger" : "main" }, label);
    this.leave = el("button", { type: "button", on: { click: () => this.close() } }, leave);
    this.buttons.replaceChildren(...this.#toKill(), this.leave, ...(this.main === null ? [] : [this.main]));
    this.say("");
    return this;
  }

  // A dialog covers the kill button: from every other one a press leads to it.
  #toKill() {
    if (this.isKill) return [];
    const press = () => {
      this.close();
      $("kill").click();
    };
    return [el("button", { type: "button", class: "to-kill", on: { click: press } }, "Kill…")];
  }

  say(words, level = "none") {
    text(this.said, words);
    this.said.dataset.level = level;
    hide(this.said, !words);
  }

  // While something is asked of the daemon the main button rests, so that nothing is asked twice.
  async during(words, deed) {
    this.say(words);
    if (this.main) this.main.disabled = true;
    try {
      return await deed();
    } catch (problem) {
      this.say(problem.message, "crit");
      return null;
    } finally {
      if (this.main) this.main.disabled = false;
    }
  }
}

// A labelled text field; `hint` stands under it.
export function field(label, { id, hint = "", value = "", most = 200, type = "text" }) {
  const input = el("input", {
    id,
    type,
    maxlength: String(most),
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    "aria-describedby": hint ? `${id}-hint` : null,
  });
  input.value = value;
  const node = el("div", { class: "field" }, el("label", { for: id }, label), input, hint ? el("p", { id: `${id}-hint`, class: "aside" }, hint) : null);
  node.input = input;
  return node;
}

export const paragraph = (...words) => el("p", {}, ...words);
