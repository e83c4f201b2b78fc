// What a flatten would do, hedge by hedge: the orders, what they are worth, and what is left unprotected;
// and what a reload would change.

import { el, row, scrolling, table } from "./dom.js";
import { coins, money, unknown } from "./format.js";
import { laidOut } from "./told.js";

const LEGS = [
  { name: "instrument", label: "Instrument" },
  { name: "position", label: "Position", number: true },
  { name: "order", label: "To be done" },
  { name: "notional", label: "Worth", number: true },
  { name: "fees", label: "Fees", number: true },
  { name: "against", label: "Against it" },
];

const CHANGES = [
  { name: "key", label: "Setting" },
  { name: "was", label: "Was" },
  { name: "will", label: "Will be" },
  { name: "effect", label: "Takes effect" },
];
const WHEN = { live: "at once", restart: "at a start" };

// Why it is refused stands in the answer's own sentence, and is not said twice.
export function changing(difference) {
  const { changes, effects = [], doubts = [] } = difference ?? {};
  if (!Array.isArray(changes)) return [laidOut(difference, "What would change")];
  const settings = table("What would change", CHANGES);
  for (const change of changes) {
    const line = row(CHANGES);
    line.tell({ key: change.key, was: change.was ?? unknown, will: change.will ?? unknown, effect: WHEN[change.effect] ?? change.effect });
    settings.body.append(line);
  }
  return [
    ...(changes.length ? [scrolling("What would change", settings)] : []),
    ...effects.map((words) => el("p", {}, words)),
    ...doubts.map((words) => el("p", { class: "flaw" }, `Needs your word: ${words}`)),
  ];
}

export function planned(plan) {
  if (!Array.isArray(plan?.hedges)) return [laidOut(plan, "Plan")];
  const obstacle = plan.obstacle ? [el("p", { class: "flaw" }, plan.obstacle)] : [];
  return [...obstacle, ...plan.hedges.map(ofHedge)];
}

function ofHedge(hedge) {
  const legs = table(`Orders of ${hedge.hedge}`, LEGS);
  for (const leg of hedge.legs ?? []) legs.body.append(ofLeg(leg));
  const change = `Delta ${coins(hedge.delta, { signed: true })} now, ${coins(hedge.delta_after, { signed: true })} ${hedge.underlying} when it is flat.`;
  const more = [
    hedge.flat ? "It is flat already." : "",
    hedge.canceled?.length ? `Canceled first: ${hedge.canceled.join(", ")}.` : "",
    Number(hedge.options) ? `Options stay: ${coins(hedge.options, { signed: true })} of delta.` : "",
    hedge.others?.length ? `Not traded here, and left: ${hedge.others.map((one) => `${coins(one.quantity, { signed: true })} ${one.instrument}`).join(", ")}.` : "",
  ];
  return el(
    "section",
    {},
    el("h3", {}, hedge.hedge),
    el("p", {}, change),
    ...more.filter(Boolean).map((words) => el("p", {}, words)),
    scrolling(`Orders of ${hedge.hedge}`, legs),
  );
}

function ofLeg(leg) {
  const line = row(LEGS);
  const left = Number(leg.remainder) ? `, ${coins(leg.remainder)} stays` : ""; // too small, or not listed any more
  const orders = leg.orders > 1 ? ` in ${leg.orders} orders` : "";
  line.tell({
    instrument: leg.instrument,
    position: coins(leg.position, { signed: true }),
    order: leg.side ? `${leg.side} ${coins(leg.quantity)}${orders}${left}` : `nothing${left}`,
    notional: leg.side ? `${money(leg.notional, { places: 0 })} ${leg.quote}` : unknown,
    fees: leg.side ? money(leg.fees, { signed: true }) : unknown,
    against: leg.obstacle ?? unknown,
  });
  return line;
}
