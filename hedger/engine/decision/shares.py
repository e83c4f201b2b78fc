"""How a hedge's position is spread over its instruments: which one the next order goes to, and how much of it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from hedger.engine.held.exposure import coins_of, position_of
from hedger.engine.known.policy import Hedge, Shares
from hedger.engine.known.state import Exposure, State
from hedger.engine.wanted.aim import aim
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ONE, ZERO


class Part(NamedTuple):
    """One instrument's part of a hedge in coins, signed: what it holds, and what it should once all is done."""

    id: InstrumentId
    held: Decimal
    wanted: Decimal


def due(state: State, hedge: Hedge, held: Exposure) -> Decimal | None:
    """The coins from the delta to its target, signed: what is to be bought, or sold below 0. None while no price of the
    coin was seen."""
    seen = (id for id in hedge.instruments if id in state.marks and id in state.instruments)
    first = next(seen, None)
    if first is None:
        return None
    price = state.instruments[first].coin_price(state.marks[first][0].index_price)
    return aim(state, hedge, held, price).target - held.delta


def parts(state: State, hedge: Hedge, shares: Shares, ids: Sequence[InstrumentId], coins: Decimal) -> list[Part]:
    """The parts of the instruments that can be traded (not none), once `coins` (signed) are added to them together.

    What an instrument that is not among them holds is no matter here: the others share the rest by their weights, and
    equally where all of those are 0.
    """
    weight_of = dict(zip(hedge.instruments, shares.weights, strict=True))
    weights = [weight_of[id] for id in ids]
    if not any(weights):
        weights = [ONE] * len(ids)
    held = [coins_of(state, state.instruments[id], position_of(state, id)) for id in ids]
    total = sum(held, coins)
    return [Part(id, has, total * w / sum(weights)) for id, has, w in zip(ids, held, weights, strict=True)]


def lacking(part: Part, coins: Decimal) -> Decimal:
    """How many coins an instrument lacks on the side that is traded (more than 0: it should be traded)."""
    return (part.wanted - part.held) * (1 if coins > 0 else -1)


def next_of(found: Sequence[Part], coins: Decimal, hysteresis: Decimal, last: InstrumentId | None) -> Part:
    """The part that the next order is for: where most is lacking, unless the last one's lacks nearly as much."""
    best = max(found, key=lambda part: lacking(part, coins))
    own = next((part for part in found if part.id == last), best)
    size = max(abs(sum((part.held for part in found), ZERO)), abs(sum((part.wanted for part in found), ZERO)))
    near = lacking(best, coins) - lacking(own, coins) <= hysteresis * size
    return own if near and lacking(own, coins) > 0 else best


def most_of(part: Part, coins: Decimal) -> Decimal:
    """The most coins of one order: what the instrument lacks, no more than is due, and where it takes a position off no
    more than that."""
    most = min(abs(coins), max(ZERO, lacking(part, coins)))
    return min(most, abs(part.held)) if part.held * coins < 0 else most
