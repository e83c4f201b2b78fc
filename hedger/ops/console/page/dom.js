// Nodes made and mended. Every text goes through textContent: what venues and people wrote is never read as HTML.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

// el("button", {class: "big", type: "button", on: {click: f}}, "text", node, …); attributes that are null or false are left out.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, heard] of Object.entries(value)) node.addEventListener(event, heard);
    } else {
      attribute(node, name, value);
    }
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function attribute(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const told = value === true ? "" : String(value);
  if (node.getAttribute(name) !== told) node.setAttribute(name, told);
}

// Only what changed is written: a screen reader and a selection are not disturbed by what stayed.
export function text(node, told) {
  const wanted = told === null || told === undefined ? "" : String(told);
  if (node.textContent !== wanted) node.textContent = wanted;
  return node;
}

export const hide = (node, hidden) => {
  if (node.hidden !== hidden) node.hidden = hidden;
};

// A shape of the sprite in index.html: form tells what colour tells too.
export function shape(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "shape");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#shape-${name}`);
  svg.append(use);
  return svg;
}

export function reshape(svg, name) {
  attribute(svg.firstChild, "href", `#shape-${name}`);
}

// Shape and words in one: <span class="sign" data-level="…">. `sign.tell(level, words)` changes both.
export function sign(tag = "span") {
  const icon = shape("none");
  const words = el("span");
  const node = el(tag, { class: "sign" }, icon, words);
  node.tell = (level, told) => {
    attribute(node, "data-level", level);
    reshape(icon, level);
    text(words, told);
    return node;
  };
  return node;
}

// Rows of a list kept by key: those that stay are updated in place, so that focus and scrolling stay where they were.
export function keyed(parent, items, keyOf, make, update) {
  const kept = parent.keptRows ?? (parent.keptRows = new Map());
  const wanted = new Set(items.map((item) => String(keyOf(item))));
  for (const [key, row] of kept) {
    if (!wanted.has(key)) {
      row.remove(); // first: what stays need not move, and keeps focus and press
      kept.delete(key);
    }
  }
  let before = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let row = kept.get(key);
    if (row === undefined) {
      row = make(item);
      kept.set(key, row);
    }
    update(row, item);
    if (row === before) {
      before = before.nextElementSibling;
    } else {
      parent.insertBefore(row, before);
    }
  }
}

// A table with a caption for screen readers and a header to each column: {name, label, number: true}.
export function table(caption, columns) {
  const heads = columns.map((column) =>
    el("th", { scope: "col", class: column.number ? "number" : null }, column.label),
  );
  const body = el("tbody");
  const node = el(
    "table",
    {},
    el("caption", { class: "unseen" }, caption),
    el("thead", {}, el("tr", {}, ...heads)),
    body,
  );
  node.body = body;
  node.columns = columns;
  return node;
}

// A row of such a table; the first cell is its header. `row.tell({name: text})` writes cells.
export function row(columns) {
  const cells = columns.map((column, place) =>
    place === 0
      ? el("th", { scope: "row" })
      : el("td", { class: column.number ? "number" : null, "data-label": column.label }),
  );
  const node = el("tr", {}, ...cells);
  node.cell = Object.fromEntries(columns.map((column, place) => [column.name, cells[place]]));
  node.tell = (told) => {
    for (const [name, words] of Object.entries(told)) text(node.cell[name], words);
  };
  return node;
}

// A table that may be wider than a phone scrolls by itself, by keyboard too.
export const scrolling = (label, node) => el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, node);
