"""Draws the console's pictures in threads of their own: neither the trading loop nor a kill ever waits for one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.ops.alarms import Alarms
from hedger.ops.console.encode import encode
from hedger.ops.console.feed import Feed, Seen
from hedger.ops.console.history import Columns, History
from hedger.ops.console.snapshot import View, changes, document

PAUSE_S = 0.1
SAMPLE_MS = 1_000

Json = dict[str, Any]


class Picture(NamedTuple):
    """A document of what was seen, its number, and what changed since the picture before it, as JSON."""

    number: int
    seen: Seen
    document: Json
    change: bytes


class Painter:
    """Draws what the feed shows, at most ten times a second, only what is new, and only while somebody wants it.

    `wanted` says so; `hung` is told of each picture, in the painter's thread. A picture that cannot be drawn ends the
    thread, which the log tells of; `revive` begins another one.
    """

    def __init__(self, feed: Feed, *, wanted: Callable[[], bool], hung: Callable[[Picture], None]) -> None:
        self._feed = feed
        self._wanted = wanted
        self._hung = hung
        self._policy = feed.policy
        self._alarms = Alarms(feed.policy)
        self._history = History(feed.policy)
        self._guard = threading.Lock()
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._last: Picture | None = None
        self._sampled_at = 0
        self._thread: threading.Thread | None = None

    def revive(self) -> None:
        """Begin to draw, where nobody does."""
        if not self._ended.is_set() and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._run, daemon=True, name="console-painter")
            self._thread.start()

    def close(self) -> None:
        """Draw no more."""
        self._ended.set()
        self._wake.set()

    def wake(self) -> None:
        """Somebody wants a picture now."""
        self._wake.set()

    def history_of(self, hedge: str) -> Columns:
        """The samples of a hedge; raises KeyError for one that is not known."""
        with self._guard:
            return self._history.of(hedge)

    def _run(self) -> None:
        while not self._ended.is_set():
            seen = self._feed.seen
            if seen is not None:
                self._follow(seen.policy)
                self._alarms.around = self._feed.around
                self._sample(seen.state)
                if self._wanted() and (self._last is None or self._last.seen is not seen):
                    self._draw(seen)
                    self._ended.wait(PAUSE_S)  # however many ask
                    continue
            self._wake.wait(PAUSE_S)
            self._wake.clear()

    def _follow(self, policy: Policy) -> None:
        """The owner's wishes may have been replaced by a reload."""
        if policy is not self._policy:
            self._policy = self._alarms.policy = policy
            with self._guard:
                self._history.follow(policy)

    def _sample(self, state: State) -> None:
        """For the charts, and for since when an alarm stands, whether anybody looks or not."""
        if state.now - self._sampled_at >= SAMPLE_MS or state.now < self._sampled_at:
            self._sampled_at = state.now
            self._alarms.look(state)
            with self._guard:
                self._history.note(state)

    def _draw(self, seen: Seen) -> None:
        view = View(
            state=seen.state,
            policy=self._policy,
            banner=self._feed.banner,
            decisions=seen.decisions,
            alarms=self._alarms.look(seen.state),
            version=self._feed.version,
        )
        before, drawn = self._last, document(view)
        change = b"" if before is None else encode(changes(before.document, drawn))
        number = 1 if before is None else before.number + 1
        self._last = Picture(number, seen, drawn, change)
        self._hung(self._last)
