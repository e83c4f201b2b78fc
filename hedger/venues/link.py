"""One open connection to a venue: the client and what every part of the profile needs around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hedger.runtime.ports import Clock
from hedger.venues.asking import Asker
from hedger.venues.lanes import Lanes
from hedger.venues.outcome import Scrub
from hedger.venues.seen import SeenOrders
from hedger.venues.speech import Code, Codes, Hear
from hedger.venues.watching import VenueObserver


class Environment(StrEnum):
    """Where the venue is: this machine, watched only, its demo network, or real money."""

    PAPER = "paper"
    SHADOW = "shadow"
    TESTNET = "testnet"
    LIVE = "live"


@dataclass(slots=True, kw_only=True)
class Link:
    """`client` is ccxt's, `hosts` the venue's APIs by name, `offset_ms` the venue's clock less ours.

    `doubted` says of a host and a code that it is taken for a ban. `seen` names the orders that we have heard of.
    """

    venue: str
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
    hear: Hear
    codes: Codes
    doubted: Callable[[str, Code], bool]
    seen: SeenOrders = field(default_factory=SeenOrders)
    offset_ms: int = 0

    def venue_now(self) -> int:
        """The venue's time by our clock and the measured offset, in milliseconds since 1970, UTC.

        The client stamps its requests with it.
        """
        return self.clock.now_ms() + self.offset_ms
