// Why a decision was what it was: the daemon's own words, from its journal.

import { el } from "./dom.js";
import { get } from "./api.js";
import { Dialog } from "./dialog.js";
import { instant } from "./format.js";
import { laidOut } from "./told.js";

const TRIES = 4;
const AGAIN_MS = 700;

export async function explainDecision(one) {
  const dialog = new Dialog(`Decision ${one.decision_id} of ${one.hedge}`, { wide: true });
  const known = el("p", {}, `${instant(one.at)}: it ${one.action_words}; ${one.words}.`);
  const more = el("div", {}, el("p", { class: "aside" }, "asking the journal…"));
  dialog.fill([known, more], null, null, { leave: "Close" }).show();
  try {
    const told = await written(one.decision_id);
    const words = typeof told.text === "string" ? told.text : typeof told.explained === "string" ? told.explained : null;
    more.replaceChildren(words === null ? laidOut(told, "Decision") : el("pre", { class: "story", tabindex: "0", "aria-label": "The decision explained" }, words));
    if (words !== null) known.remove();
  } catch (problem) {
    more.replaceChildren(laidOut(one, "Decision"), el("p", { class: "aside" }, `The journal tells no more: ${problem.message}.`));
  }
}

// The journal writes what needs no haste in batches: a decision of this moment is there a moment later.
async function written(id) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await get(`/api/decisions/${encodeURIComponent(id)}`);
    } catch (problem) {
      if (problem.status !== 404 || tries === TRIES) throw problem;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}
