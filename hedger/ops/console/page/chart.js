// A hedge's delta against its band over time: the band shaded, the target dashed, what lies outside drawn thick.

import { el, hide, text } from "./dom.js";
import { coins, percent, span, timeOfDay } from "./format.js";

const HOUR_MS = 3_600_000;
const MOST = 5_400; // samples kept: seconds of an hour, minutes of a day, and some
const GAP_MS = 5_000;
const MINUTE_GAP_MS = 180_000;
const COLUMNS = ["at", "upper", "lower", "target", "delta"];
export const RANGES = [
  ["10 min", 600_000],
  ["1 h", HOUR_MS],
  ["24 h", 24 * HOUR_MS],
];

const HEIGHT = 220;
const LOW_HEIGHT = 170;

export class BandChart {
  constructor(name, underlying) {
    this.name = name;
    this.underlying = underlying;
    this.range = RANGES[1][1];
    this.rows = emptyRows();
    this.plot = null;
    this.byKeyboard = false;
    this.drawnAt = 0;
    this.readout = el("p", { class: "readout" });
    const key = ["delta", "outside", "target", "band"].map((part) => el("span", {}, el("i", { class: `key ${part}` }), part));
    this.legend = el("p", { class: "legend", "aria-hidden": "true" }, ...key);
    this.stage = el("div", {
      class: "stage",
      tabindex: "0",
      role: "group",
      "aria-label": `Delta of ${name} against its band over time; the arrow keys read values`,
    });
    this.summary = el("p", { class: "summary" });
    this.node = el("figure", { class: "chart" }, this.#ranges(), this.legend, this.readout, this.stage, this.summary);
    this.stage.addEventListener("keydown", (event) => this.#key(event));
    this.stage.addEventListener("blur", () => this.#leave());
    this.resizing = new ResizeObserver(() => this.#fit());
    this.resizing.observe(this.stage);
    window.addEventListener("hedger-theme", () => this.#rebuild());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#rebuild());
  }

  #ranges() {
    const buttons = RANGES.map(([label, ms]) =>
      el("button", { type: "button", "aria-pressed": String(ms === this.range), on: { click: () => this.#show(ms) } }, label),
    );
    this.rangeButtons = buttons;
    return el("div", { class: "ranges", role: "group", "aria-label": `Time shown of ${this.name}` }, ...buttons);
  }

  #show(ms) {
    this.range = ms;
    this.rangeButtons.forEach((button, place) => button.setAttribute("aria-pressed", String(RANGES[place][1] === ms)));
    this.draw(true);
  }

  // The daemon's samples of the past; what was sampled here since then comes after them.
  load(history) {
    const last = history.at.length ? history.at[history.at.length - 1] : 0;
    const since = this.rows.at.findIndex((at) => at > last);
    const mine = this.rows;
    this.rows = emptyRows();
    for (const column of COLUMNS) {
      this.rows[column] = history[column].slice(-MOST);
      if (since >= 0) this.rows[column].push(...mine[column].slice(since));
    }
    this.draw(true);
  }

  // One sample, at most one a second of the daemon's time.
  add(at, hedge) {
    if (hedge.delta === null || hedge.delta === undefined) return;
    const rows = this.rows;
    const last = rows.at[rows.at.length - 1] ?? -1;
    if (at < last) this.rows = emptyRows(); // its clock was set back
    if (Math.floor(at / 1000) === Math.floor(last / 1000)) return;
    this.rows.at.push(at);
    for (const column of COLUMNS.slice(1)) this.rows[column].push(Number(hedge[column]));
    if (this.rows.at.length > MOST) this.rows = thinned(this.rows);
  }

  // Not more often than a screen can tell: four times a second near now, else as a pixel is worth it.
  draw(now = false) {
    const moment = performance.now();
    if (!now && moment - this.drawnAt < (this.range > HOUR_MS ? 10_000 : 950)) return;
    this.drawnAt = moment;
    const shown = this.#shown();
    if (this.plot === null) this.#build(shown);
    else this.plot.setData(shown);
    this.#summarise(shown);
  }

  #shown() {
    const { at } = this.rows;
    const from = (at[at.length - 1] ?? 0) - this.range;
    let first = 0;
    while (first < at.length && at[first] < from) first += 1;
    return withGaps(this.rows, first);
  }

  #build(data) {
    const width = this.stage.clientWidth;
    if (!width || !data[0].length) return;
    const color = (name) => getComputedStyle(this.stage).getPropertyValue(name).trim();
    const axis = {
      stroke: color("--muted"),
      grid: { stroke: color("--grid"), width: 1 },
      ticks: { stroke: color("--grid"), width: 1, size: 4 },
      font: `11px ${getComputedStyle(document.body).fontFamily}`,
    };
    const line = { points: { show: false }, spanGaps: false };
    const edge = { ...line, stroke: color("--band-edge"), width: 1 };
    this.plot = new uPlot(
      {
        width,
        height: this.#height(),
        ms: 1,
        tzDate: (ms) => uPlot.tzDate(new Date(ms), "Etc/UTC"),
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
        scales: { x: { time: true }, y: { range: shownRange } },
        axes: [
          { ...axis, values: (_, ticks) => ticks.map((at) => clock(at, ticks)), space: 72, size: 26 },
          { ...axis, values: (_, ticks) => ticks.map((value) => coins(value, { signed: true })), size: 68, space: 28 },
        ],
        series: [
          {},
          { ...edge, label: "upper" },
          { ...edge, label: "lower" },
          { ...line, label: "target", stroke: color("--muted"), width: 1, dash: [5, 4] },
          { ...line, label: "delta", stroke: color("--delta"), width: 1.75 },
          { ...line, label: "outside", stroke: color("--crit"), width: 3.5 },
        ],
        bands: [{ series: [1, 2], fill: color("--band") }],
        hooks: { setCursor: [(plot) => this.#read(plot.cursor.idx)] },
      },
      data,
      this.stage,
    );
  }

  #rebuild() {
    if (this.plot === null) return;
    this.plot.destroy();
    this.plot = null;
    this.draw(true);
  }

  #height() {
    return window.innerWidth < 640 ? LOW_HEIGHT : HEIGHT;
  }

  #fit() {
    if (this.plot === null) this.draw(true);
    else if (this.stage.clientWidth && this.stage.clientWidth !== this.plot.width) {
      this.plot.setSize({ width: this.stage.clientWidth, height: this.#height() });
    }
  }

  // The values under the cursor take the place of the legend.
  #read(place) {
    const pointed = this.plot !== null && place !== null && place !== undefined;
    hide(this.legend, pointed);
    hide(this.readout, !pointed);
    if (!pointed) return;
    const [at, upper, lower, target, delta] = this.plot.data.map((column) => column[place]);
    if (at === undefined) return;
    if (delta === null) {
      text(this.readout, `${timeOfDay(at)} not known`);
      return;
    }
    const where = delta > upper || delta < lower ? "OUTSIDE" : "inside";
    const edges = `${coins(lower, { signed: true })} to ${coins(upper, { signed: true })}`;
    text(
      this.readout,
      `${timeOfDay(at)}  delta ${coins(delta, { signed: true })} · target ${coins(target, { signed: true })} · band ${edges} · ${where}`,
    );
  }

  #summarise([at, upper, lower, , delta]) {
    const seen = delta.filter((value) => value !== null);
    if (!seen.length) {
      text(this.summary, "No sample of it yet.");
      return;
    }
    const inside = delta.filter((value, place) => value !== null && value <= upper[place] && value >= lower[place]);
    const low = seen.reduce((one, other) => Math.min(one, other));
    const high = seen.reduce((one, other) => Math.max(one, other));
    const share = percent(inside.length / seen.length, { places: inside.length === seen.length ? 0 : 1 });
    text(
      this.summary,
      `Over the last ${span(at[at.length - 1] - at[0])}: delta from ${coins(low, { signed: true })} to ` +
        `${coins(high, { signed: true })} ${this.underlying}, inside its band in ${share} of ${seen.length} samples.`,
    );
  }

  #key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30 }[event.key];
    if (this.plot === null || (step === undefined && event.key !== "Home" && event.key !== "End")) return;
    event.preventDefault();
    this.readout.setAttribute("aria-live", "polite"); // only what was asked for by keys is spoken
    const last = this.plot.data[0].length - 1;
    const from = this.plot.cursor.idx ?? last;
    const to = event.key === "Home" ? 0 : event.key === "End" ? last : Math.min(Math.max(from + step, 0), last);
    this.plot.setCursor({ left: this.plot.valToPos(this.plot.data[0][to], "x"), top: 10 });
  }

  #leave() {
    this.readout.removeAttribute("aria-live");
    if (this.plot !== null) this.plot.setCursor({ left: -10, top: -10 });
  }
}

const emptyRows = () => Object.fromEntries(COLUMNS.map((column) => [column, []]));

// uPlot's columns from `first` on, nulls where nothing was sampled, and the part of the delta that is outside.
function withGaps(rows, first) {
  const columns = COLUMNS.map(() => []);
  const outside = [];
  const minutes = rows.at.length - first > 1 && rows.at[first + 1] - rows.at[first] > 30_000;
  let gap = minutes ? MINUTE_GAP_MS : GAP_MS;
  for (let place = first; place < rows.at.length; place += 1) {
    const before = place > first ? rows.at[place] - rows.at[place - 1] : 0;
    if (before > 0 && before <= GAP_MS) gap = GAP_MS;
    if (before > gap) {
      columns[0].push(rows.at[place - 1] + 1);
      columns.slice(1).forEach((column) => column.push(null));
      outside.push(null);
    }
    COLUMNS.forEach((name, index) => columns[index].push(rows[name][place]));
    const beyond = rows.delta[place] > rows.upper[place] || rows.delta[place] < rows.lower[place];
    outside.push(beyond ? rows.delta[place] : null);
  }
  return [...columns, outside];
}

// Older than an hour a sample a minute is enough, and older than a day none.
function thinned(rows) {
  const since = rows.at[rows.at.length - 1] - HOUR_MS;
  const day = rows.at[rows.at.length - 1] - 24 * HOUR_MS;
  const kept = emptyRows();
  let minute = -1;
  for (let place = 0; place < rows.at.length; place += 1) {
    const at = rows.at[place];
    const own = Math.floor(at / 60_000);
    if (at < day || (at < since && own === minute)) continue;
    minute = own;
    for (const column of COLUMNS) kept[column].push(rows[column][place]);
  }
  return kept;
}

// A twelfth of room above and below. What was further off than twice the band is cut off, lest the band become a line;
// where the delta is now is always seen.
function shownRange(plot, low, high) {
  if (low === null || high === null) return [-1, 1];
  const [, upper, lower, , delta] = plot.data;
  const known = (column) => column.filter((value) => value !== null);
  const [top, bottom] = [known(upper).reduce(larger, -Infinity), known(lower).reduce(smaller, Infinity)];
  const reach = 2 * (top - bottom);
  const now = known(delta.slice(-2));
  const least = [Math.max(low, bottom - reach), ...now].reduce(smaller);
  const most = [Math.min(high, top + reach), ...now].reduce(larger);
  const room = (most - least || Math.abs(most) || 1) / 12;
  return [least - room, most + room];
}

const smaller = (one, other) => Math.min(one, other);
const larger = (one, other) => Math.max(one, other);

// With seconds where the ticks are nearer than a minute: else several of them would have one name.
export function clock(at, ticks) {
  const told = new Date(at).toISOString();
  return ticks.length > 1 && ticks[1] - ticks[0] < 60_000 ? told.slice(11, 19) : told.slice(11, 16);
}
