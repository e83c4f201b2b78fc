"""The newest picture, on the console's event loop: for those who ask once, and for streams that follow it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from hedger.ops.console.feed import Feed
from hedger.ops.console.painter import Painter, Picture

PATIENCE_S = 1.5
REVIVED_EVERY_S = 1.0
FRESH_S = 0.3  # while somebody follows, a picture comes every tenth of a second


class Gallery:
    """Hangs pictures as they come. Only `hung_elsewhere` and `wanted` are called by another thread."""

    def __init__(self, feed: Feed, loop: asyncio.AbstractEventLoop) -> None:
        self.feed = feed
        self._loop = loop
        self._waiting: set[asyncio.Future[None]] = set()
        self._awaited = 0
        self.followers = 0
        self.newest: Picture | None = None
        self._hung_at = 0.0
        self.painter = Painter(feed, wanted=self.wanted, hung=self.hung_elsewhere)

    def wanted(self) -> bool:
        """Whether anybody looks."""
        return self.followers > 0 or self._awaited > 0

    def hung_elsewhere(self, picture: Picture) -> None:
        """A picture was drawn, in the painter's thread."""
        with suppress(RuntimeError):  # the event loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._hang, picture)

    async def watch(self) -> None:
        """See to it, for ever, that somebody draws."""
        try:
            while True:
                self.painter.revive()
                await asyncio.sleep(REVIVED_EVERY_S)
        finally:
            self.painter.close()

    async def current(self) -> Picture | None:
        """A picture of what is known now; None where nothing is known yet, or it cannot be drawn in time."""
        self._awaited += 1
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    while not self._is_current():
                        if self.feed.seen is None:
                            return None
                        self.painter.wake()
                        await self._next()
                    return self.newest
            return None
        finally:
            self._awaited -= 1

    async def after(self, number: int, within_s: float) -> Picture | None:
        """A picture newer than the one of that number; None where there is none in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self.newest is None or self.newest.number == number:
                    await self._next()
                return self.newest
        return None

    def _is_current(self) -> bool:
        """Whether the newest picture is of what is known, or of a moment ago."""
        if self.newest is None or self.feed.seen is None:
            return False
        return self.newest.seen is self.feed.seen or self._loop.time() - self._hung_at < FRESH_S

    async def _next(self) -> None:
        waiter = self._loop.create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)

    def _hang(self, picture: Picture) -> None:
        self.newest, self._hung_at = picture, self._loop.time()
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
