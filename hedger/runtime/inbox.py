"""One bounded queue of stamped events: facts wait their turn, market data gives way to newer market data."""

from __future__ import annotations

import asyncio
from collections import deque

from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.message import Event, Stamped
from hedger.runtime.ports import Clock


class Inbox:
    """First in, first out. A quote or mark that waits is replaced by a newer one of its instrument, so that their
    number is bounded by the instruments; other events are bounded by the requests that we have under way, and
    beyond `limit` the reader of a stream waits."""

    def __init__(self, clock: Clock, limit: int = 10_000) -> None:
        self._clock = clock
        self._limit = limit
        self._queue: deque[Stamped | tuple[type, InstrumentId]] = deque()
        self._latest: dict[tuple[type, InstrumentId], Stamped] = {}
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def full(self) -> bool:
        """Whether whoever can wait should wait."""
        return len(self._queue) >= self._limit

    def put(self, event: Event) -> None:
        """Stamp an event with the time of its receipt and queue it."""
        stamped = Stamped(self._clock.now_ms(), event)
        if isinstance(event, Quote | Mark):
            slot = (type(event), event.id)
            if slot not in self._latest:
                self._queue.append(slot)
            self._latest[slot] = stamped
        else:
            self._queue.append(stamped)
        self._arrived.set()

    async def get(self) -> Stamped:
        """The next event, when there is one."""
        while not self._queue:
            self._arrived.clear()
            await self._arrived.wait()
        head = self._queue.popleft()
        return head if isinstance(head, Stamped) else self._latest.pop(head)
