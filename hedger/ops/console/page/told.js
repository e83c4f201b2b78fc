// JSON of the daemon laid out for reading: what it is, is the daemon's business, and every leaf is text.

import { el, row, scrolling, table } from "./dom.js";
import { plainWords } from "./format.js";

const DEEPEST = 5;

export function laidOut(value, label, depth = 0) {
  if (Array.isArray(value)) {
    if (value.length && value.every(isRow)) return asTable(value, label);
    return value.length ? el("ul", {}, ...value.map((one) => el("li", {}, leafOr(one, label, depth)))) : el("p", { class: "aside" }, "nothing");
  }
  if (isObject(value)) {
    const pairs = Object.entries(value).map(([name, one]) =>
      el("div", { class: isLeaf(one) ? "pair" : "pair deep" }, el("dt", {}, plainWords(name)), el("dd", {}, leafOr(one, plainWords(name), depth))),
    );
    return el("dl", {}, ...pairs);
  }
  const words = leaf(value);
  return words.includes("\n") ? el("pre", {}, words) : el("p", {}, words);
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isLeaf = (value) => value === null || typeof value !== "object";
const isRow = (value) => isObject(value) && Object.values(value).every(isLeaf);
const leaf = (value) => (value === null || value === undefined || value === "" ? "–" : value === true ? "yes" : value === false ? "no" : String(value));

function leafOr(value, label, depth) {
  if (isLeaf(value)) return leaf(value);
  return depth < DEEPEST ? laidOut(value, label, depth + 1) : JSON.stringify(value);
}

function asTable(rows, label) {
  const names = [...new Set(rows.flatMap((one) => Object.keys(one)))];
  const columns = names.map((name) => ({ name, label: plainWords(name) }));
  const node = table(label, columns);
  for (const one of rows) {
    const line = row(columns);
    line.tell(Object.fromEntries(names.map((name) => [name, leaf(one[name])])));
    node.body.append(line);
  }
  return scrolling(label, node);
}
