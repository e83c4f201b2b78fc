"""What the loop shows to the threads beside it, and what they may forbid it: plain values, each set in one go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hedger.engine.known.orders import Order
from hedger.engine.known.state import AccountView, State
from hedger.engine.news.reconcile import PROOF_LAG_MS
from hedger.runtime.clock import stopwatch
from hedger.runtime.kill import KillFile


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOrder:
    """One of our orders that may be on a venue's book: enough to cancel it without anything else.

    Until `arrives_until` (our clock) its create may still arrive, and nobody's "no such order" is a proof. Until
    `banned_until` the venue wants nothing from us, cancels included. 0 where neither is so.
    """

    account: str
    symbol: str
    client_order_id: str
    arrives_until: int = 0
    banned_until: int = 0


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

    def show(self, state: State) -> None:
        """These are the orders and the bans now; called before anything that was decided with them leaves."""
        self.live = tuple(
            _live(order, state.accounts[order.id.account]) for order in state.orders.values() if order.live
        )

    def forbids(self) -> str | None:
        """Why no order may leave at this moment, asked again before each; None if it may."""
        if self.tripped:
            return "the watchdog has taken over"
        return "the kill file is there" if self.kill.exists() else None


def _live(order: Order, view: AccountView) -> LiveOrder:
    return LiveOrder(
        account=order.id.account,
        symbol=order.id.symbol,
        client_order_id=order.client_order_id,
        arrives_until=order.placed_at + order.ttl_ms + PROOF_LAG_MS if order.venue_order_id is None else 0,
        banned_until=view.quiet_until_at if view.banned else 0,
    )
