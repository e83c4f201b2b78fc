// The one document that all parts of the page show, and how the daemon's events change it.

const MOST_DECISIONS = 50;

export class Store {
  constructor() {
    this.document = null;
    this.clock = null; // the daemon's time, as it was told last
    this.listeners = [];
  }

  // `heard(kind, change)` after each event: "snapshot", "change", "decision", "beat".
  listen(heard) {
    this.listeners.push(heard);
  }

  take(event, data) {
    const told = JSON.parse(data);
    if (typeof told?.at === "number") this.clock = told.at;
    if (event === "snapshot") {
      this.document = { alarms: [], decisions: [], accounts: {}, hedges: {}, ...told };
    } else if (this.document === null) {
      return;
    } else if (event === "change") {
      merge(this.document, told);
    } else if (event === "decision") {
      this.#decided(Array.isArray(told) ? told : [told]);
    } else if (event !== "beat") {
      return; // an event of a newer daemon
    }
    for (const heard of this.listeners) heard(event, told);
  }

  #decided(rows) {
    const fresh = new Set(rows.map((row) => row.decision_id));
    const kept = this.document.decisions.filter((row) => !fresh.has(row.decision_id));
    this.document.decisions = [...rows, ...kept]
      .sort((one, other) => other.decision_id - one.decision_id)
      .slice(0, MOST_DECISIONS);
  }
}

// `program` key by key, accounts and hedges name by name and then key by key, null for a name that went; the rest whole.
export function merge(document, change) {
  for (const [section, part] of Object.entries(change)) {
    if (section === "program") {
      Object.assign(document.program, part);
    } else if (section === "accounts" || section === "hedges") {
      for (const [name, values] of Object.entries(part)) {
        if (values === null) delete document[section][name];
        else document[section][name] = Object.assign(document[section][name] ?? {}, values);
      }
    } else {
      document[section] = part;
    }
  }
}
