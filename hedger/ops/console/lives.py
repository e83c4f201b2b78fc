"""Keeps one thread alive beside the trading loop: begins it anew when it dies, a few times, and says how it does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import structlog

from hedger.ops.events import LogEvent
from hedger.ops.surroundings import Serving

MOST_DEATHS = 5  # in a row; a life of LONG_S begins the count anew
LONG_S = 600.0
AGAIN_S = 1.0
BEAT_S, SILENT_S = 1.0, 30.0


class Lives:
    """The lives of one thread, and the thread that watches over them. Whoever trades only asks `serving`.

    `live` is one life: an event loop that runs `beat` beside its work. `now` gives seconds that never go back. After
    too many deaths in a row it stays dead, and `gone` is called.
    """

    def __init__(
        self,
        live: Callable[[], None],
        *,
        gone: Callable[[], None],
        name: str,
        now: Callable[[], float],
        again_s: float,
    ) -> None:
        self._live = live
        self._gone = gone
        self._name = name
        self._now = now
        self._again_s = again_s
        self._over = threading.Event()
        self._dead = False
        self._revived = 0
        self._beat_at = now()
        self._keeper = threading.Thread(target=self._keep, daemon=True, name=f"{name}-keeper")

    def begin(self) -> None:
        """Begin the first life."""
        self._keeper.start()

    @property
    def over(self) -> bool:
        """Whether the next end of a life is meant to be the last one."""
        return self._over.is_set()

    def is_over(self) -> None:
        """From now on it is."""
        self._over.set()

    def end(self, within_s: float) -> None:
        """Begin no other life, and wait so long for the end of this one."""
        self._over.set()
        self._keeper.join(within_s)

    async def beat(self) -> None:
        """Show, for ever, that the event loop of this life turns."""
        while True:
            self._beat_at = self._now()
            await asyncio.sleep(BEAT_S)

    def serving(self) -> Serving:
        """How it does, for any thread."""
        return Serving(self._fault(), self._revived)

    def _fault(self) -> str | None:
        if self._over.is_set():
            return None
        if self._dead:
            return f"its thread died {MOST_DEATHS} times in a row, and only a restart begins it anew; look at the log"
        silent = self._now() - self._beat_at
        return f"its event loop has not turned for {silent:.0f} s" if silent > SILENT_S else None

    def _keep(self) -> None:
        deaths = 0
        while deaths < MOST_DEATHS:
            began, thread = self._now(), threading.Thread(target=self._live, daemon=True, name=self._name)
            thread.start()
            thread.join()
            if self._over.is_set():
                return
            deaths = 1 if self._now() - began > LONG_S else deaths + 1
            self._dead = deaths == MOST_DEATHS
            structlog.get_logger("hedger.console").error(LogEvent.CONSOLE_DIED, deaths=deaths, revived=not self._dead)
            if self._dead:
                self._gone()
                return
            if self._over.wait(self._again_s):
                return
            self._revived += 1
