"""What the loop shows to the threads beside it, and what they may forbid it: plain values, each set in one go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hedger.engine.orders import Order
from hedger.runtime.clock import stopwatch
from hedger.runtime.kill import KillFile


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOrder:
    """One of our orders that may be on a venue's book: enough to cancel it without anything else."""

    account: str
    symbol: str
    client_order_id: str


class Lifeline:
    """Written by the event loop, read by the watchdog's thread; `tripped` the other way round.

    Each value is immutable and replaced whole, so no lock is needed that a stuck loop could hold.
    """

    def __init__(self, kill: KillFile, now: Callable[[], float] = stopwatch) -> None:
        self.kill = kill
        self._now = now
        self.beaten_at = now()
        self.live: tuple[LiveOrder, ...] = ()
        self.beating = False
        self.attended = False
        self.halted = False
        self.tripped = False

    def beat(self) -> None:
        """The event loop turns."""
        self.beaten_at = self._now()

    def show(self, orders: Mapping[str, Order]) -> None:
        """These are the orders now; called before anything that was decided with them leaves."""
        self.live = tuple(
            LiveOrder(account=o.id.account, symbol=o.id.symbol, client_order_id=o.client_order_id)
            for o in orders.values()
            if o.live
        )

    def forbids(self) -> str | None:
        """Why no order may leave at this moment, asked again before each; None if it may."""
        if self.tripped:
            return "the watchdog has taken over"
        return "the kill file is there" if self.kill.exists() else None
