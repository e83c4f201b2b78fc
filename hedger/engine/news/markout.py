"""Realised spread: what a fill kept once the market has had time to move, booked a while after each fill."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from hedger.engine.known.ledger import Markout
from hedger.engine.known.state import State
from hedger.model.market import Mark, Quote
from hedger.model.order import Fill

HORIZON_MS = 10_000
GIVEN_UP_MS = 60_000
NEAR_MS = 5_000
MOST_PENDING = 1_000


Price = TypeVar("Price", Quote, Mark)


def near(held: tuple[Price, int] | None, fill: Fill) -> Price | None:
    """The price, if the venue gave it close enough to the fill to value it; None for one of another time."""
    if held is None or abs(held[0].exchange_at - fill.exchange_at) > NEAR_MS:
        return None
    return held[0]


def await_markout(state: State, hedge: str, fill: Fill, rate: Decimal) -> State:
    """Remember a fill until its horizon, and what its quote is worth in the ledger's money; the oldest are forgotten
    where there are too many, and none survives a restart."""
    markout = Markout(hedge, fill.id, fill.side.sign * fill.quantity, fill.price, state.now + HORIZON_MS, rate)
    return state._replace(markouts=(*state.markouts, markout)[-MOST_PENDING:])


def settle_markouts(state: State) -> State:
    """Book Σ signed quantity · (mid now − price) for the fills whose horizon has come and whose book is fresh; of an
    inverse contract, what its coins are worth now."""
    due = [m for m in state.markouts if m.due_at <= state.now]
    if not due:
        return state
    ledgers, waiting = dict(state.ledgers), [m for m in state.markouts if m.due_at > state.now]
    for markout in due:
        mid = _mid(state, markout)
        if mid is not None:
            ledger = ledgers[markout.hedge]
            rules = state.instruments[markout.id]
            kept = rules.gain(markout.quantity, markout.price, mid) * markout.rate
            ledgers[markout.hedge] = replace(ledger, realised_spread=ledger.realised_spread + kept)
        elif state.now < markout.due_at + GIVEN_UP_MS:
            waiting.append(markout)
    return state._replace(ledgers=ledgers, markouts=tuple(waiting))


def _mid(state: State, markout: Markout) -> Decimal | None:
    quote = state.quotes.get(markout.id)
    return quote[0].mid_price if quote is not None and quote[1] >= markout.due_at - NEAR_MS else None
