// Whether what is shown can be believed to be now: by the beats of the daemon, by its own time, and by the time of what
// is shown, on our wall clock.

const SILENT_MS = 3_000;
const STANDING_MS = 4_000;

export class Freshness {
  constructor() {
    this.heardAt = 0; // when anything came, on this machine's clock
    this.movedAt = 0; // when the daemon's own time last moved
    this.clock = null; // that time
    this.shownAt = 0; // when what is shown last became another
    this.at = null; // the daemon's time of what is shown
  }

  // `clock` is the daemon's time as it told it last, `at` that of what is shown: beats come without anything to show.
  heard(clock, at = clock) {
    const now = Date.now();
    this.heardAt = now;
    if (typeof clock === "number" && clock !== this.clock) {
      this.clock = clock;
      this.movedAt = now;
    }
    if (typeof at === "number" && at !== this.at) {
      this.at = at;
      this.shownAt = now;
    }
  }

  // null while fresh, else {age_ms, words}. The wall clock, since timers of a sleeping tab or phone stand still; it may
  // have been set back, so a moment that has not come yet is as bad as one long past.
  stale() {
    if (this.at === null) return null;
    const now = Date.now();
    const since = (moment) => Math.abs(now - moment);
    if (since(this.heardAt) > SILENT_MS) return { age_ms: since(this.heardAt), words: "Nothing has been heard from the hedger" };
    if (since(this.movedAt) > STANDING_MS) return { age_ms: since(this.movedAt), words: "The hedger answers, but its own time stands still" };
    if (since(this.shownAt) > STANDING_MS) return { age_ms: since(this.shownAt), words: "The hedger goes on, but its console cannot show what it does" };
    return null;
  }
}
