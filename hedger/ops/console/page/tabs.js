// The pages of this console in one browser. It opens no more than six connections to one address: were there a stream
// on each of them, a kill would wait for ever. So the pages that were looked at last keep theirs.

const MOST_NEWER = 3;
const CHANNEL = "hedger.console";

export class Tabs {
  // `full()` is called when so many others were begun or looked at since this one was, `free()` when one of them went.
  constructor({ full, free }) {
    this.own = `${Date.now()} ${Math.random()}`;
    this.newer = new Set();
    this.on = { full, free };
    this.channel = "BroadcastChannel" in window ? new BroadcastChannel(CHANNEL) : null;
    if (this.channel === null) return;
    this.channel.addEventListener("message", ({ data }) => this.#heard(data ?? {}));
    window.addEventListener("pagehide", () => this.channel.postMessage({ gone: this.own }));
  }

  // This one is looked at.
  first() {
    this.newer.clear();
    this.channel?.postMessage({ first: this.own });
  }

  #heard({ first, gone }) {
    if (first) this.newer.add(first);
    const went = this.newer.delete(gone);
    if (this.newer.size >= MOST_NEWER) this.on.full();
    else if (went) this.on.free();
  }
}
