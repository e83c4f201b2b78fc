"""A real venue client, opened against the fake, and the names that its tests share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.message import CancelOrder, OrderOutcomeUnknown, PlaceOrder
from hedger.model.order import Side
from hedger.runtime.ports import Clock, Venue
from hedger.venues.client import Credentials
from hedger.venues.factory import open_venue
from hedger.venues.network import Network
from tests.support.leaping import PATIENCE_S
from tests.support.stand import Stand
from tests.support.wire_certificates import contexts
from tests.support.wire_server import KEY, SECRET, FakeVenue, Loopback

BTC = InstrumentId("main", "BTC/USDT:USDT")
SPOT = InstrumentId("main", "BTC/USDT")
OUR_ID = "hbot000100000199"


class WireClock:
    """Real time, `speed` times as fast, and behind the venue by what a test says."""

    def __init__(self, speed: float = 1.0, behind_ms: int = 0) -> None:
        self.speed = speed
        self._start = time.time()
        self._behind_ms = behind_ms

    def now_ms(self) -> int:
        passed = (time.time() - self._start) * self.speed
        return int((self._start + passed) * 1000) - self._behind_ms

    def stand_still(self, milliseconds: int) -> None:
        """Stay behind by so much more, as after a sleep of the machine."""
        self._behind_ms += milliseconds

    def span(self, seconds: float) -> float:
        return seconds / self.speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(self.span(seconds))


@dataclass
class Watcher:
    """Remembers what a venue reported."""

    weights: list[tuple[str, int, int]] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    abandoned: list[OrderOutcomeUnknown] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def weight_used(self, account: str, host: str, used: int, limit: int) -> None:
        self.weights.append((host, used, limit))

    def lanes_closed(self, account: str, until_at: int, text: str) -> None:
        self.closed.append(until_at)

    def order_abandoned(self, account: str, outcome: OrderOutcomeUnknown) -> None:
        self.abandoned.append(outcome)

    def frame_ignored(self, account: str, text: str) -> None:
        self.ignored.append(text)


@dataclass
class Desk:
    """What a test holds: the venue under test, the fake behind it, and what was reported and loaded."""

    venue: Venue
    fake: FakeVenue
    watcher: Watcher
    instruments: tuple[Instrument, ...]
    resolver: Loopback
    other: FakeVenue | None = None
    stand: Stand | None = None


@asynccontextmanager
async def opened(
    symbols: Sequence[str] | None = None,
    *,
    stand: Stand | None = None,
    environment: str | None = None,
    clock: Clock | None = None,
    answer_s: float = PATIENCE_S,
    fake: FakeVenue | None = None,
    ready: bool = True,
    body_limit: int = 16 * 1024 * 1024,
) -> AsyncIterator[Desk]:
    """A venue on a started fake: Binance, or that of a `stand`. With `ready` it is open, and the requests of opening
    are forgotten."""
    fake = await (fake or (stand.fake() if stand is not None else FakeVenue())).start()
    if symbols is None:
        symbols = (BTC.symbol,) if stand is None else (stand.contract.symbol, *stand.more_symbols)
    watcher, resolver, other = Watcher(), Loopback(fake.port), None
    network = Network(resolver=resolver, ssl_context=contexts()[1], answer_s=answer_s, body_limit=body_limit)
    venue = open_venue(
        account="main",
        venue="binance" if stand is None else stand.venue,
        environment=environment or (stand.environment if stand is not None else "live"),
        credentials=Credentials(api_key=KEY, secret=SECRET) if stand is None else stand.credentials,
        network=network,
        clock=clock or WireClock(),
        observer=watcher,
    )
    try:
        instruments = await venue.open(symbols) if ready else ()
        fake.seen.clear()
        desk = Desk(venue, fake, watcher, instruments, resolver, stand=stand)
        yield desk
        other = desk.other
        assert fake.faults == [], "the fake found a wrong signature or time"
    finally:
        await venue.close()
        await fake.stop()
        if other is not None:
            await other.stop()


def place_order(**changes: Any) -> PlaceOrder:
    """A small post-only sell."""
    values = {
        "id": BTC,
        "client_order_id": OUR_ID,
        "side": Side.SELL,
        "quantity": Decimal("0.0020"),
        "price": Decimal("60000.10"),
        "reduce_only": False,
        "ttl_ms": 3000,
        "decision_id": 7,
    }
    return PlaceOrder(**{**values, **changes})


def cancel_order() -> CancelOrder:
    """The cancel of that order."""
    return CancelOrder(id=BTC, client_order_id=OUR_ID, venue_order_id=None)
