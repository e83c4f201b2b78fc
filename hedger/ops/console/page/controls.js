// What a person may ask of the daemon: each act in a dialog that says first what it does, and then what became of it.

import { $, attribute, el, hide, text } from "./dom.js";
import { post, token } from "./api.js";
import { Dialog, field, paragraph } from "./dialog.js";
import { holding } from "./hold.js";
import { changing, planned } from "./plan.js";

const KILL_REASON = "by hand, on the console";

export class Controls {
  // `known()` is the document as it is, or null; `askToken` opens the dialog for a token.
  constructor(lines, known, askToken) {
    this.lines = lines;
    this.known = known;
    this.askToken = askToken;
    this.acts = true; // whether the token may act, as far as is known
    const open = { pause: () => this.#pauses(), unpause: () => this.#unpauses(), resume: () => this.#resume(), flatten: () => this.#flatten(), reload: () => this.#reload() };
    for (const [id, deed] of Object.entries(open)) $(id).addEventListener("click", () => this.#allowed() && deed());
    holding($("kill"), { held: () => this.#kill(), pressed: () => this.#askKill() });
    $("more").addEventListener("click", () => this.#more());
  }

  update({ program, hedges }) {
    text($("pause"), program.paused ? "Unpause" : "Pause");
    // What a person flattened rests while the others go on: that is ended by an unpause too.
    const rests = !program.paused && flattened(hedges).length > 0;
    if (!rests && document.activeElement === $("unpause")) $("pause").focus();
    hide($("unpause"), !rests);
    const waits = Boolean(program.halted) || program.doubted?.length > 0;
    attribute($("resume"), "data-wanted", waits);
    attribute($("pause"), "data-wanted", Boolean(program.paused));
  }

  #more() {
    const open = $("more").getAttribute("aria-expanded") !== "true";
    $("more").setAttribute("aria-expanded", String(open));
    $("control-buttons").classList.toggle("open", open);
  }

  #allowed() {
    if (token() && this.acts) return true;
    this.askToken(token() ? "This token may only read. Acts need the operator's token." : "Acts need the operator's token.");
    return false;
  }

  // --- kill ---

  #askKill() {
    const dialog = new Dialog("Kill: stop all trading now?", { grave: true, isKill: true });
    const killed = $("kill");
    dialog.fill(
      [
        paragraph("Orders are canceled, nothing more is placed, and the hedger stays halted until a person resumes it. Positions stay as they are."),
        paragraph("It works while the page is stale and while the trading loop is stuck."),
      ],
      "Kill now",
      () => {
        dialog.close();
        this.#kill();
      },
      { danger: true },
    );
    dialog.ended = () => killed.focus();
    dialog.show(dialog.leave);
  }

  async #kill() {
    const line = this.lines.begin("Kill");
    if (navigator.vibrate) navigator.vibrate(60);
    try {
      await post("/api/kill", { reason: KILL_REASON });
    } catch (problem) {
      const other = "Other ways: `hedger kill`, a file named `kill` in the state directory, SIGUSR1 to the process.";
      line.tell("crit", "NOT heard", `${problem.message}. ${other}`);
      if (problem.status === 401 || problem.status === 403) this.askToken("The kill was refused: it needs the operator's token.");
      return;
    }
    line.tell("warn", "latched", "the order to stop is on disk; waiting for the hedger to say that it halted");
    this.killing = line;
    this.seen(this.known());
  }

  // The stream says what came of a kill.
  seen(document) {
    if (!this.killing || !document?.program.halted) return;
    const working = document.program.orders_working;
    this.killing.tell(working ? "warn" : "ok", "halted", working ? `${working} of our orders may still be in the books` : "no order of ours is in the books");
    if (!working) this.killing = null;
  }

  // --- pause and its end ---

  #pauses() {
    if (this.known()?.program.paused) {
      this.#unpauses();
      return;
    }
    const dialog = new Dialog("Pause?");
    const reason = reasonField();
    const held = this.#flattened().length ? [paragraph("A flatten that goes on stops too, until it is asked for again.")] : [];
    const words = paragraph("Nothing new is placed and what rests is canceled. Positions stay, and are not hedged meanwhile.");
    dialog.fill([words, ...held, reason], "Pause", () => this.#send(dialog, "Pause", "/api/pause", reason));
    dialog.show(reason.input);
  }

  #unpauses() {
    const paused = this.known()?.program.paused;
    const dialog = new Dialog("End the pause?");
    const reason = reasonField();
    const words = [
      ...(paused ? [paragraph("It is paused: ", el("q", {}, paused))] : []),
      ...this.#flattened().map(([name, words]) => paragraph(`${name} ${words}. That ends too: it is hedged again.`)),
      paragraph("From then on orders are placed again. A halt is not lifted by this."),
    ];
    dialog.fill([...words, reason], "Unpause", () => this.#send(dialog, "Unpause", "/api/unpause", reason));
    dialog.show(reason.input);
  }

  #flattened() {
    return flattened(this.known()?.hedges ?? {});
  }

  async #send(dialog, label, path, reason, more = {}) {
    if (!given(dialog, reason)) return;
    const answer = await dialog.during("asking…", () => post(path, { reason: reason.input.value.trim(), ...more }));
    if (answer === null) return;
    dialog.close();
    this.lines.follow(this.lines.begin(`${label}: ${reason.input.value.trim()}`), answer.request);
  }

  acknowledge(alarm) {
    if (!this.#allowed()) return;
    const line = this.lines.begin(`Acknowledge ${alarm.name} ${alarm.subject}`.trim());
    post("/api/acknowledge", { alarm: alarm.key, reason: "seen on the console" }).then(
      (answer) => this.lines.follow(line, answer.request),
      (problem) => line.tell("crit", "refused", problem.message),
    );
  }

  // --- acts in two steps ---

  #resume() {
    const halted = this.known()?.program.halted;
    const dialog = new Dialog("Resume after a halt");
    const reason = reasonField("What was found, and why it is safe to go on.");
    const stands = halted ? [paragraph("It is halted: ", el("q", {}, halted))] : [];
    dialog.fill([...stands, paragraph("First look at the venue's own page: positions and orders there are what counts."), reason], "Next", () =>
      this.#first(dialog, "/api/resume", reason, {}, (answer) => {
        const nodes = [
          paragraph("It is halted for this reason, and goes on hedging at once when you lift it:"),
          el("blockquote", {}, answer.halted || "readings that only a person can confirm"),
        ];
        this.#second(dialog, nodes, "Lift the halt", "Resume", "/api/resume", reason, answer, {});
      }),
    );
    dialog.show(reason.input);
  }

  #flatten() {
    const hedges = Object.keys(this.known()?.hedges ?? {});
    const dialog = new Dialog("Flatten: take positions off", { wide: true, grave: true });
    const reason = reasonField();
    const boxes = hedges.map((name) => tick(name));
    const which = el(
      "fieldset",
      {},
      el("legend", {}, "Which hedges"),
      ...boxes.map((box) => box.node),
      el("p", { class: "aside" }, "none ticked: all of them"),
    );
    const words = "The hedges are paused, their futures positions are brought to zero with reduce-only post-only orders, and they stay paused. What they protected is then unhedged.";
    dialog.fill([paragraph(words), ...(hedges.length > 1 ? [which] : []), reason], "Show the plan", () => {
      const wanted = { hedges: boxes.filter((box) => box.input.checked).map((box) => box.name) };
      return this.#first(dialog, "/api/flatten", reason, wanted, (answer) => {
        const typed = field(`Type: ${answer.phrase}`, { id: "phrase", hint: "Exactly as it stands there." });
        const nodes = [...planned(answer.plan), typed];
        this.#second(dialog, nodes, "Flatten", "Flatten", "/api/flatten", reason, answer, wanted, () => {
          if (typed.input.value.trim() === answer.phrase) return { phrase: typed.input.value.trim() };
          dialog.say(`To go on, type: ${answer.phrase}`, "warn");
          typed.input.focus();
          return null;
        });
        typed.input.focus();
      });
    });
    dialog.show(reason.input);
  }

  #reload() {
    const dialog = new Dialog("Reload the configuration", { wide: true });
    const reason = reasonField();
    dialog.fill([paragraph("The file is read and checked whole. You see what would change before anything does."), reason], "Show what would change", () =>
      this.#first(dialog, "/api/reload", reason, {}, (answer) => {
        const nodes = [el("h3", {}, "What would change"), ...changing(answer.difference)];
        this.#second(dialog, nodes, "Reload", "Reload", "/api/reload", reason, answer, {});
      }),
    );
    dialog.show(reason.input);
  }

  async #first(dialog, path, reason, wanted, next) {
    if (!given(dialog, reason)) return;
    let answer = null;
    await dialog.during("asking…", async () => {
      try {
        answer = await post(path, { reason: reason.input.value.trim(), ...wanted });
      } catch (problem) {
        const { plan, difference } = problem.body ?? {};
        if (plan !== undefined || difference !== undefined) {
          dialog.fill(plan === undefined ? changing(difference) : planned(plan), null, null, { leave: "Close" });
          dialog.leave.focus();
        }
        throw problem;
      }
    });
    if (answer !== null) next(answer);
  }

  // The second step lives as long as its nonce; `more()` adds to it, null holds it back.
  #second(dialog, nodes, label, name, path, reason, offer, wanted, more = () => ({})) {
    const left = el("p", { class: "aside" });
    const until = Date.now() + offer.within_s * 1000;
    const timer = setInterval(() => {
      const seconds = Math.ceil((until - Date.now()) / 1000);
      text(left, seconds > 0 ? `To be confirmed within ${seconds} s.` : "Too late: begin again.");
      if (seconds <= 0 && dialog.main) dialog.main.disabled = true;
    }, 250);
    dialog.ended = () => clearInterval(timer);
    dialog.fill([...nodes, left], label, () => {
      const added = more();
      if (added !== null) this.#send(dialog, name, path, reason, { ...wanted, nonce: offer.nonce, ...added });
    }, { danger: true });
    dialog.heading.focus();
  }
}

// The hedges that a person flattened, each with what is to be said of it.
const flattened = (hedges) =>
  Object.entries(hedges)
    .filter(([, hedge]) => hedge.flatten)
    .map(([name, hedge]) => [name, hedge.flatten]);

const reasonField = (hint = "For the journal and for whoever comes next.") => field("Reason", { id: "reason", hint });

function given(dialog, reason) {
  if (reason.input.value.trim()) return true;
  dialog.say("Say why: a few words for the journal.", "warn");
  reason.input.focus();
  return false;
}

function tick(name) {
  const input = el("input", { type: "checkbox", value: name });
  return { name, input, node: el("label", { class: "tick" }, input, ` ${name}`) };
}
