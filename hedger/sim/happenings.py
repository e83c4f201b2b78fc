"""What happens in a simulated run, in one order: what the daemon decided, wrote and sent, what the venue did with it,
and which faults struck. Checkers read this and the exchange's truth, never the daemon's bookkeeping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hedger.engine.known.state import State
from hedger.engine.step import Result
from hedger.model.message import CancelOrder, PlaceOrder, Stamped


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """The engine took a step."""

    at: int
    before: State
    stamped: Stamped
    result: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """Rows are on the disk: their (kind, key), in order."""

    at: int
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request left for the venue: `what` as the port calls it (place, cancel, account, switch …)."""

    at: int
    account: str
    what: str
    order: PlaceOrder | CancelOrder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The venue took an order into its books, whether anybody hears of it or not."""

    at: int
    account: str
    order: PlaceOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """A fault of the catalogue struck: its code (V01 …), and what it did."""

    at: int
    account: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A process of the daemon began an epoch."""

    at: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Died:
    """A process of the daemon ended: killed, or at its own will."""

    at: int
    killed: bool
    text: str
    epoch: int = 0


Happening = Stepped | Committed | Sent | Accepted | Struck | Started | Died
Tell = Callable[[Happening], None]
