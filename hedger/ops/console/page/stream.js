// Server-sent events read by fetch, because only fetch can send the token in a header. It comes back by itself.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
const SILENT_MS = 10_000; // beats come each second: a connection that says nothing for so long is dead
const LARGEST = 16_777_216; // characters of one event

export class Stream {
  // `headers()` gives those of each try; `on` hears {event(name, data), state(name, detail)}.
  constructor(address, headers, on) {
    this.address = address;
    this.headers = headers;
    this.on = on;
    this.wait = FIRST_WAIT_MS;
    this.running = false;
    this.timer = null;
    this.abort = null;
    this.heardAt = 0;
  }

  start() {
    if (this.running) return;
    this.running = true;
    this.#try();
  }

  // Now, and not when the wait is over: somebody looks again, or has typed a token.
  again() {
    this.running = true;
    this.wait = FIRST_WAIT_MS;
    clearTimeout(this.timer);
    this.timer = null;
    if (this.abort !== null) this.abort.abort();
    else this.#try();
  }

  // Not again before somebody asks for it.
  rest() {
    this.running = false;
    clearTimeout(this.timer);
    this.timer = null;
    if (this.abort !== null) this.abort.abort();
  }

  // To be called once a second: ends what is silent.
  watch() {
    if (this.abort !== null && Math.abs(Date.now() - this.heardAt) > SILENT_MS) this.abort.abort(); // clocks are set back too
  }

  async #try() {
    this.timer = null;
    const abort = new AbortController();
    this.abort = abort;
    this.heardAt = Date.now();
    this.on.state("connecting", "");
    let refused = null;
    try {
      const answer = await fetch(this.address, {
        headers: { Accept: "text/event-stream", ...this.headers() },
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
        signal: abort.signal,
      });
      if (!answer.ok) refused = await refusal(answer);
      else await this.#read(answer.body.getReader());
    } catch {
      // lost, aborted, or no network: what is shown grows old, and the next try comes
    }
    this.abort = null;
    if (refused !== null && (refused.status === 401 || refused.status === 403)) {
      this.running = false; // asking again with the same token would only lock it out
      this.on.state("refused", refused.words);
      return;
    }
    this.on.state("lost", refused === null ? "" : refused.words);
    if (!this.running) return;
    this.timer = setTimeout(() => this.#try(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
  }

  // A fault of the page itself is shown to whoever looks for it; a new connection brings a whole picture again.
  #tell(name, data) {
    try {
      this.on.event(name, data);
    } catch (fault) {
      reportError(fault);
      throw fault;
    }
  }

  async #read(reader) {
    const decoder = new TextDecoder();
    const parser = new EventParser((name, data) => this.#tell(name, data));
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.heardAt = Date.now();
      this.wait = FIRST_WAIT_MS;
      parser.feed(decoder.decode(value, { stream: true }));
    }
  }
}

// The frames of text/event-stream: what we use of it, `event:`, `data:` and comments.
export class EventParser {
  constructor(told) {
    this.told = told;
    this.rest = "";
    this.event = "message";
    this.data = [];
    this.length = 0;
  }

  feed(piece) {
    const lines = (this.rest + piece).split("\n");
    this.rest = lines.pop();
    if (this.rest.length > LARGEST) throw new RangeError("an event has no end");
    for (const line of lines) this.#line(line.endsWith("\r") ? line.slice(0, -1) : line);
  }

  #line(line) {
    if (line === "") {
      if (this.data.length) this.told(this.event, this.data.join("\n"));
      this.event = "message";
      this.data = [];
      this.length = 0;
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.event = value;
    if (field === "data") {
      this.length += value.length;
      if (this.length > LARGEST) throw new RangeError("an event is too large");
      this.data.push(value);
    }
  }
}

export async function refusal(answer) {
  let body = {};
  try {
    body = (await answer.json()) ?? {};
  } catch {
    // no words with it
  }
  const words = typeof body.error === "string" ? body.error : "";
  return { status: answer.status, words: words || `the console answers ${answer.status}`, body };
}
