"""How a venue is stood before its tests: its fake, its keys, an order that it takes, and where it takes each question.

Each venue has a module `tests/support/stands/<venue>.py` with a `STAND`, and tests in `tests/wire/test_<venue>_*.py`;
`proves` marks the tests that prove an ability, so that one suite can see that none is claimed and not tested.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from hedger.model.instrument import InstrumentId
from hedger.model.message import CancelOrder, PlaceOrder
from hedger.model.order import Side
from hedger.venues.abilities import Ability
from hedger.venues.client import Credentials
from tests.support.wire_server import FakeVenue

OUR_ID = "hbot000100000199"
Test = TypeVar("Test", bound=Callable[..., object])


class Route(NamedTuple):
    """Where a question arrives, and how often it may be on the wire (an order: once)."""

    method: str
    path: str
    most: int


@dataclass(frozen=True, kw_only=True)
class Stand:
    """One venue before its tests.

    `routes` has `create`, `cancel`, `find` and `account` (a request of a reading that must be good), and `switch` where
    there is one. `fake` makes the venue, whose `good` answers each of them well. `denials` are its own refusals of a
    create: name, status, body, and the reason that they prove (None: nothing). `outcomes` has, by the name of a failure
    of any venue and by question, where this venue comes to something else. `weights` are the published weights of
    requests by their path, where they are not 1.
    """

    venue: str
    credentials: Credentials
    contract: InstrumentId
    quantity: Decimal
    price: Decimal
    fake: Callable[[], FakeVenue]
    routes: Mapping[str, Route]
    denials: tuple[tuple[str, int, Any, str | None], ...]
    more_symbols: tuple[str, ...] = ()
    environment: str = "live"
    outcomes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)

    def order(self, **changes: Any) -> PlaceOrder:
        """A small post-only sell."""
        values = {
            "id": self.contract,
            "client_order_id": OUR_ID,
            "side": Side.SELL,
            "quantity": self.quantity,
            "price": self.price,
            "reduce_only": False,
            "ttl_ms": 3000,
            "decision_id": 7,
        }
        return PlaceOrder(**{**values, **changes})

    def cancel(self) -> CancelOrder:
        """The cancel of that order."""
        return CancelOrder(id=self.contract, client_order_id=OUR_ID, venue_order_id=None)


def stand_of(venue: str) -> Stand:
    """The stand of a venue."""
    found = importlib.import_module(f"tests.support.stands.{venue}").STAND
    assert isinstance(found, Stand)
    return found


def proves(*abilities: Ability) -> Callable[[Test], Test]:
    """Mark a test that proves abilities of the venue of its module."""

    def mark(test: Test) -> Test:
        vars(test)["proves"] = abilities
        return test

    return mark
