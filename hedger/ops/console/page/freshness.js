// Whether what is shown can be believed to be now: by the beats of the daemon and by its own time, on our wall clock.

const SILENT_MS = 3_000;
const STANDING_MS = 4_000;

export class Freshness {
  constructor() {
    this.heardAt = 0; // when anything came, on this machine's clock
    this.movedAt = 0; // when the daemon's own time last moved
    this.at = null; // that time
  }

  heard(at) {
    const now = Date.now();
    this.heardAt = now;
    if (typeof at === "number" && at !== this.at) {
      this.at = at;
      this.movedAt = now;
    }
  }

  // null while fresh, else {age_ms, words}. The wall clock, since timers of a sleeping tab or phone stand still.
  stale() {
    if (this.at === null) return null;
    const now = Date.now();
    const silent = now - this.heardAt;
    const standing = now - this.movedAt;
    if (silent > SILENT_MS || silent < -SILENT_MS) {
      return { age_ms: Math.abs(silent), words: "Nothing has been heard from the hedger" };
    }
    if (standing > STANDING_MS) {
      return { age_ms: standing, words: "The hedger answers, but its own time stands still" };
    }
    return null;
  }
}
