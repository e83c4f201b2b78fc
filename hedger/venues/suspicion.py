"""What the venue's refusals say of a contract: it may not trade any more, so the listing is read again at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from hedger.errors import AskAgain, ConfigError, GiveUp
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.message import InstrumentsLoaded
from hedger.venues.link import Link
from hedger.venues.listing import Listing

AGAIN_MS = 60_000


class Suspicion:
    """Reads every rule of one account anew when asked about a contract, once a minute at most.

    `told` hears what was read, so that the engine knows it as soon as the venue's side does.
    """

    def __init__(
        self,
        link: Link,
        listing: Listing,
        read: Callable[[], Awaitable[tuple[Instrument, ...]]],
        told: Callable[[InstrumentsLoaded], None],
    ) -> None:
        self._link = link
        self._listing = listing
        self._read = read
        self._told = told
        self._one_at_a_time = asyncio.Lock()
        self._read_at = 0
        self._looking: set[asyncio.Task[bool]] = set()

    def doubt(self, id: InstrumentId) -> None:
        """Look whether a contract is gone, beside whatever cannot wait for it."""
        task = asyncio.create_task(self.is_gone(id))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def stop(self) -> None:
        """Look no more."""
        for task in self._looking:
            task.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)

    async def is_gone(self, id: InstrumentId) -> bool:
        """Whether the venue's listing says that a contract does not trade: a refusal alone is no proof of it."""
        async with self._one_at_a_time:
            now = self._link.clock.now_ms()
            if id not in self._listing.gone and now - self._read_at >= AGAIN_MS:
                self._read_at = now
                with suppress(AskAgain, GiveUp, ConfigError):  # Then nothing is known, and it is asked again later.
                    rules = await self._read()
                    self._told(InstrumentsLoaded(account=self._link.account, instruments=rules))
        return id in self._listing.gone
