// The page put together: the stream feeds one document, each frame draws what changed, and what grows old is marked.

import { $, attribute, el, hide, reshape, text } from "./dom.js";
import { Accounts } from "./accounts.js";
import { Acts } from "./acts.js";
import { Alarms } from "./alarms.js";
import { get, headers, keepToken, takeTokenFromAddress, token } from "./api.js";
import { Card } from "./card.js";
import { Controls } from "./controls.js";
import { Decisions } from "./decisions.js";
import { Dialog, field, paragraph } from "./dialog.js";
import { explainDecision } from "./explain.js";
import { instant, money, plainWords, span, timeOfDay } from "./format.js";
import { Freshness } from "./freshness.js";
import { Overview } from "./overview.js";
import { Store } from "./store.js";
import { Stream } from "./stream.js";
import { Tabs } from "./tabs.js";

const TICK_MS = 500;
const LEVEL_OF_MODE = {
  hedging: "ok",
  shadow: "ok",
  boot: "unknown",
  reconciling: "warn",
  reduce_only: "warn",
  cancel_only: "warn",
  draining: "warn",
  halted: "crit",
};
const MANY = 2; // from so many hedges on there is an overview

takeTokenFromAddress();

const store = new Store();
const freshness = new Freshness();
const acts = new Acts(() => store.document?.at ?? Date.now());
const controls = new Controls(acts, () => store.document, askToken);
const alarms = new Alarms((alarm) => controls.acknowledge(alarm));
const overview = new Overview();
const accounts = new Accounts();
const recent = new Decisions("Recent decisions of all hedges", explainDecision, true);
const cards = new Map();
const near = new Set(); // the cards that are on the screen, or nearly
let frame = 0;
let lost = "";
let refused = "";
let resting = false; // other pages of this browser have the connections
let faultyAt = 0; // since when what is heard cannot be drawn
let version = null; // of the hedger that this page is for

$("decision-rows").append(recent.node);

// --- the stream ---

const stream = new Stream("/api/stream", headers, {
  event(name, data) {
    store.take(name, data);
    if (store.document !== null) freshness.heard(store.clock, store.document.at);
  },
  state(name, words) {
    if (name === "connecting") access();
    lost = name !== "lost" ? "" : resting ? "newer pages of this console are open in this browser, and it has no room for one more" : words || "connection lost";
    refused = name === "refused" ? words : "";
    if (name === "refused") askToken(token() ? `Refused: ${words}.` : "This console is shown to who has a token.");
    tick();
  },
});

// A browser has few connections to one address: a page that others were opened after lends them its own.
const tabs = new Tabs({
  full() {
    resting = true;
    stream.rest();
  },
  free: () => resting && look(),
});

function look() {
  resting = false;
  tabs.first();
  stream.again();
}

store.listen((kind) => {
  if (kind === "snapshot") {
    version ??= store.document.program?.version ?? null;
    for (const [name, card] of cards) load(name, card);
  }
  for (const [name, card] of cards) {
    const hedge = store.document.hedges[name];
    if (hedge) card.chart.add(store.document.at, hedge);
  }
  draw();
});

// What the token allows is asked anew with each connection: it may have been changed.
async function access() {
  try {
    controls.acts = Boolean((await get("/api/access")).act);
  } catch {
    // the act itself will be refused, in words
  }
}

// --- drawing ---

function draw() {
  if (!frame) frame = requestAnimationFrame(drawNow);
}

function drawNow() {
  frame = 0;
  if (store.document === null) return;
  try {
    drawAll(store.document);
    faultyAt = 0;
  } catch (fault) {
    if (!faultyAt) reportError(fault); // what is shown is partly old: tick() says so
    faultyAt ||= Date.now();
  }
  tick();
}

function drawAll(document) {
  banner(document);
  alarms.update(document);
  controls.update(document);
  controls.seen(document);
  hedges(document);
  accounts.update(document);
  recent.update(document.decisions);
  hide($("accounts"), false);
  hide($("recent"), false);
}

function banner(document) {
  const program = document.program;
  const level = LEVEL_OF_MODE[program.mode] ?? "unknown";
  attribute($("banner"), "data-level", level);
  reshape($("mode").querySelector("svg"), level);
  text($("mode-word"), plainWords(program.mode));
  const said = (program.way_out ?? "").includes(program.mode_reason); // the same sentence stands below it, in bold
  text($("mode-words"), program.mode_reason && !said ? `${program.mode_words}: ${program.mode_reason}` : program.mode_words);
  text($("way-out"), program.way_out ?? "");
  hide($("way-out"), !program.way_out);
  text($("kind"), program.kind);
  attribute($("kind"), "data-kind", program.kind);
  programFacts(document);
  text($("about"), `hedger ${program.version} · ${program.kind} · ${program.transport}${program.note ? ` · ${program.note}` : ""}`);
}

// What a tab in the background tells.
function entitle(isStale) {
  const { program, alarms: standing } = store.document ?? {};
  if (!program) return;
  const alarm = standing.some((one) => one.level === "critical") ? "! " : "";
  const title = `${alarm}${isStale ? "STALE, was " : ""}${plainWords(program.mode)} · hedger ${program.kind}`;
  if (document.title !== title) document.title = title;
}

function programFacts({ at, program }) {
  const facts = {
    "its time": `${timeOfDay(at)} UTC`,
    up: at - program.started_at < 60_000 ? "under 1 min" : span(Math.floor((at - program.started_at) / 60_000) * 60_000),
    orders: program.orders_unknown ? `${program.orders_working}, ${program.orders_unknown} of unknown fate` : String(program.orders_working),
    epoch: String(program.epoch),
  };
  if (program.speed !== 1) facts.speed = `${program.speed}×`;
  for (const [asset, row] of Object.entries(program.money ?? {})) {
    const worth = row.price !== null ? `${row.price} USD` : row.source ? "price not seen" : null;
    if (worth !== null) facts[asset] = `${worth}, ${money(row.held, { places: 0 })} held`;
  }
  const list = $("program");
  const kept = list.kept ?? (list.kept = new Map());
  for (const [name, value] of kept) {
    if (name in facts) continue;
    value.parentElement.remove();
    kept.delete(name);
  }
  for (const [name, words] of Object.entries(facts)) {
    if (!kept.has(name)) {
      const value = el("dd");
      kept.set(name, value);
      list.append(el("div", { class: "pair" }, el("dt", {}, name), value));
    }
    text(kept.get(name), words);
  }
}

function hedges(document) {
  const names = Object.keys(document.hedges);
  hide($("waiting"), names.length > 0);
  hide($("overview"), names.length < MANY);
  if (names.length >= MANY) overview.update(document);
  for (const [name, card] of cards) {
    if (!(name in document.hedges)) {
      seen.unobserve(card.node);
      card.node.remove();
      cards.delete(name);
      near.delete(name);
    }
  }
  for (const name of names) {
    if (!cards.has(name)) add(name, document.hedges[name]);
    const card = cards.get(name);
    if (near.has(name) || !card.drawn) {
      card.drawn = true;
      card.update(document.hedges[name], document);
    }
  }
}

function add(name, hedge) {
  const card = new Card(name, hedge, explainDecision);
  card.node.dataset.hedge = name;
  cards.set(name, card);
  $("cards").append(card.node);
  seen.observe(card.node);
  if (location.hash === `#${card.node.id}`) card.node.scrollIntoView();
}

// Only what can be seen is drawn and asked for: with twenty hedges that is a tenth of the work.
const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const name = entry.target.dataset.hedge;
      if (!entry.isIntersecting) near.delete(name);
      else {
        near.add(name);
        const card = cards.get(name);
        if (card && !card.loaded) load(name, card);
      }
    }
    draw();
  },
  { rootMargin: "300px" },
);

async function load(name, card) {
  card.loaded = near.has(name);
  if (!card.loaded) return;
  try {
    card.chart.load(await get(`/api/history/${encodeURIComponent(name)}`));
  } catch {
    card.loaded = false; // what is sampled here from now on is drawn all the same
  }
}

// --- how old it is ---

function tick() {
  const stale = freshness.stale() ?? undrawn();
  const known = store.document !== null;
  hide($("stale"), stale === null);
  document.body.classList.toggle("is-stale", stale !== null);
  if (stale !== null) {
    text($("stale-words"), lost ? `${stale.words}: ${lost}` : stale.words);
    text($("stale-age"), span(Math.floor(stale.age_ms / 1000) * 1000));
    text($("stale-at"), instant(freshness.at));
  }
  const level = refused ? "crit" : stale !== null ? "crit" : known && !lost ? "ok" : "unknown";
  attribute($("link"), "data-level", level);
  reshape($("link").querySelector("svg"), level);
  text($("link-words"), refused ? "no access" : stale !== null ? "STALE" : known && !lost ? "live" : lost ? "connecting again" : "connecting");
  entitle(stale !== null);
  renewed();
}

function undrawn() {
  return faultyAt ? { age_ms: Date.now() - faultyAt, words: "This page cannot show what the hedger tells: load it again" } : null;
}

// A hedger of another version has another page; what somebody is about to type is not taken from them.
function renewed() {
  const now = store.document?.program?.version;
  if (version === null || !now || now === version || $("dialogs").childElementCount) return;
  version = now; // once
  location.reload();
}

function woken() {
  if (document.visibilityState === "visible") {
    if (resting) look();
    else tabs.first();
  }
  tick();
  if (!resting && !refused && (freshness.stale() !== null || lost)) stream.again();
}

setInterval(() => {
  stream.watch();
  tick();
}, TICK_MS);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && woken());
window.addEventListener("pageshow", woken);
window.addEventListener("online", woken);
window.addEventListener("focus", woken);
$("retry").addEventListener("click", look);
window.addEventListener("hashchange", () => {
  if (!takeTokenFromAddress()) return; // pasted over the address of a page that was open already
  $("token")?.closest("dialog").close();
  look();
});

// --- token and colours ---

function askToken(why = "") {
  if ($("token") !== null) return;
  const dialog = new Dialog("The console's token");
  const typed = field("Token", { id: "token", type: "password", most: 512, hint: "Kept for this tab only; closing it forgets the token." });
  const steps = el(
    "ul",
    {},
    el("li", {}, el("code", {}, "hedger console"), " on the hedger's machine prints the address with the token in it: open that."),
    el("li", {}, "Or paste the token here. It stands in the file ", el("code", {}, "console-token"), " of the state directory, unless the configuration sets one."),
  );
  dialog.fill([...(why ? [paragraph(why)] : []), steps, typed], "Use it", () => {
    keepToken(typed.input.value);
    dialog.close();
    look();
  });
  dialog.show(typed.input);
}

$("key").addEventListener("click", () => askToken(token() ? "A token is in use. Another one takes its place; an empty one forgets it." : ""));

const themeWords = () => {
  const theme = window.hedgerTheme.current;
  text($("theme"), `\u25d0 ${theme}`);
  attribute($("theme"), "aria-label", `Colours: ${theme}; press for the next`);
};
$("theme").addEventListener("click", () => {
  window.hedgerTheme.next();
  themeWords();
});
themeWords();

tabs.first();
stream.start();
