"""One open connection to Binance: the client and what every part of the profile needs around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hedger.runtime.ports import Clock
from hedger.venues.asking import Asker
from hedger.venues.binance_codes import Environment
from hedger.venues.binance_seen import SeenOrders
from hedger.venues.lanes import Lanes
from hedger.venues.outcome import Scrub
from hedger.venues.watching import VenueObserver


@dataclass(slots=True, kw_only=True)
class Link:
    """`client` is ccxt's, `hosts` names the spot and the futures API, `offset_ms` is the venue's clock less ours.

    `doubted` says of a host and a code that it is taken for a ban. `seen` names the orders that we have heard of.
    """

    account: str
    environment: Environment
    client: Any
    asker: Asker
    lanes: Lanes
    clock: Clock
    hosts: Mapping[str, str]
    scrub: Scrub
    observer: VenueObserver
    answer_s: float
    doubted: Callable[[str, int], bool]
    seen: SeenOrders = field(default_factory=SeenOrders)
    offset_ms: int = 0

    def venue_now(self) -> int:
        """The venue's time by our clock and the measured offset, in milliseconds since 1970, UTC."""
        return self.clock.now_ms() + self.offset_ms

    def set_offset(self, offset_ms: int) -> None:
        """Stamp the venue's requests with its own time from now on."""
        self.offset_ms = offset_ms
        self.client.options["timeDifference"] = -offset_ms
