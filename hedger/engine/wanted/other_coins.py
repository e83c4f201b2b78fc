"""A hedge in other coins: how much of each to hold for the least risk, and which of them to trade next.

With w the dollars of each coin in the book (the coin that is held, and the futures by the coin they are on), a dollar
more of coin i changes the variance by 2·Σ_c C_ic·w_c. The wanted futures minimise ½wᵀCw + Σ_i C_ii·H·|h_i − h_i⁰|
(`cross.cheapest`): nothing is traded in a coin while what the book behaves like in it, Σ_c β_c·w_c, stays within the
band H, and two coins that move alike are not traded to and fro.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from hedger.engine.formulas.cross_hedge import Crossing, Matrix, betas, cheapest, covariance, excess, residual
from hedger.engine.held.exposure import coins_of, position_of
from hedger.engine.held.freshness import age_of
from hedger.engine.known.policy import Cross, Hedge, Policy
from hedger.engine.known.state import Exposure, State
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ZERO
from hedger.model.spans import YEAR_MS

OLD_MS = 3 * 86_400_000
LEAST_BARS = 48
LEAST_BETA = 0.1


class Book(NamedTuple):
    """The dollars of each of a crossing's coins, in its order: `held` without futures, `futures` those of the hedge's
    positions, `low` and `high` what orders that may still fill would add at the least and at the most."""

    held: Matrix
    futures: Matrix
    low: Matrix
    high: Matrix


# --- measuring --------------------------------------------------------------------------------------------------------


def measured(state: State, policy: Policy) -> State:
    """The state with each crossing measured anew on the bars that are known, where its betas have moved enough."""
    crossings = dict(state.crossings)
    for hedge in policy.hedges:
        found = None if hedge.cross is None else _measured(state, hedge, hedge.cross)
        if found is not None and hedge.cross is not None:
            crossings[hedge.name] = _adopted(crossings.get(hedge.name), found, hedge.cross)
    return state._replace(crossings=crossings)


def coins_in(state: State, hedge: Hedge) -> tuple[str, ...]:
    """The coins of a crossing: the one that is held, then those of its instruments, each once."""
    known = (state.instruments[id].underlying for id in hedge.instruments if id in state.instruments)
    return tuple(dict.fromkeys((hedge.underlying, *known)))


def _measured(state: State, hedge: Hedge, cross: Cross) -> Crossing | None:
    coins = coins_in(state, hedge)
    known = [state.returns[coin] for coin in coins if coin in state.returns]
    if len(known) < len(coins) or len({series.interval_ms for series in known}) > 1:
        return None
    interval_ms, until = known[0].interval_ms, min(series.last_at for series in known)
    ahead = [(series.last_at - until) // interval_ms for series in known]
    cut = [series.values[: max(0, len(series.values) - more)] for series, more in zip(known, ahead, strict=True)]
    bars = min(len(values) for values in cut)
    if bars < LEAST_BARS:
        return None
    returns = np.array([values[-bars:] for values in cut]).T
    try:
        found = covariance(coins, returns, per_year=YEAR_MS / interval_ms, halflife=cross.halflife_bars)
    except ValueError:
        return None
    rows = tuple(tuple(float(value) for value in row) for row in found.matrix)
    return Crossing(coins, rows, found.shrinkage, min(state.now, until))


def _adopted(old: Crossing | None, new: Crossing, cross: Cross) -> Crossing:
    """The new covariance where a beta has moved by more than the band; else the old one, seen to hold still."""
    if old is None or old.coins != new.coins:
        return new
    before, after = np.array(old.rows), np.array(new.rows)
    moved = [
        np.abs(betas(after, i) - betas(before, i)) / np.maximum(np.abs(betas(before, i)), LEAST_BETA)
        for i in range(len(old.coins))
    ]
    return new if max(float(by.max()) for by in moved) > cross.beta_band else old._replace(at=new.at)


# --- deciding ---------------------------------------------------------------------------------------------------------


def flaw_of_crossing(state: State, hedge: Hedge) -> str | None:
    """Why nothing may be traded on a crossing yet, or any more."""
    known = state.crossings.get(hedge.name)
    coins = coins_in(state, hedge)
    if known is None or known.coins != coins:
        return f"how {', '.join(coins)} move together is not measured yet: it needs {LEAST_BARS} bars of each"
    if state.now - known.at > OLD_MS:
        return f"how {', '.join(coins)} move together was last measured {(state.now - known.at) // 3_600_000} h ago"
    unseen = [coin for coin in coins if price_of(state, hedge, coin) is None]
    if unseen:
        return f"the price of {', '.join(unseen)} has not been seen yet"
    return next((text for id in hedge.instruments if (text := _frozen(state, hedge, id)) is not None), None)


def _frozen(state: State, hedge: Hedge, id: InstrumentId) -> str | None:
    """Why what is held on one of the instruments has no value to reckon with: its mark is too old."""
    held = state.marks.get(id)
    if held is None or not position_of(state, id):
        return None
    age = age_of(state.now, held[1], held[0].exchange_at, state.accounts[id.account].offset_ms)
    limit = hedge.guards.mark_age
    return (
        f"the mark of {id}, of which something is held, is {age} ms old, the limit is {limit}" if age > limit else None
    )


def seen_from(state: State, hedge: Hedge, id: InstrumentId, coins: Decimal, half: Decimal) -> Exposure | None:
    """The book as the coin of instrument `id` sees it, in coins of the hedge's underlying. `coins` are to be hedged,
    `half` is half the width of the band, both in those coins.

    `delta` is what the book behaves like in that coin where nothing is to be traded, and else what is to be traded and
    `half` beyond it; `futures` is what the futures on it are. None while a price or the covariance is missing.
    """
    known, book = state.crossings.get(hedge.name), _book(state, hedge, coins)
    price, instrument = price_of(state, hedge, hedge.underlying), state.instruments.get(id)
    if known is None or book is None or price is None or instrument is None or known.coins != coins_in(state, hedge):
        return None
    matrix, of = np.array(known.rows), known.coins.index(instrument.underlying)
    own, by = float(book.futures[of]), betas(matrix, of)
    out = _out(matrix, book, of, float(half * price))
    low, high = np.minimum(by * book.low, by * book.high).sum(), np.maximum(by * book.low, by * book.high).sum()
    spot, futures = _coins(out - own, price), _coins(own, price)
    return Exposure(
        spot=spot,
        static=ZERO,
        futures=futures,
        low=spot + futures + _coins(float(low), price),
        high=spot + futures + _coins(float(high), price),
    )


def _out(matrix: Matrix, book: Book, of: int, half: float) -> float:
    """By how many dollars the futures on coin `of` are too many (+) or too few (−): within `half` nothing is due."""
    others = range(1, len(matrix))
    wanted = cheapest(matrix, book.held, list(others), book.futures[1:], np.diag(matrix)[1:] * half, 1.0)
    due = float(book.futures[of] - wanted[of - 1])
    if not due:
        return max(-half, min(half, excess(matrix, book.held + book.futures, of)))
    return due + (half if due > 0 else -half)


def risk_left(state: State, hedge: Hedge, held: Decimal) -> tuple[float, float] | None:
    """(hedged, unhedged): the standard deviation of the book in quote per √year; None if it is not known."""
    known, book = state.crossings.get(hedge.name), _book(state, hedge, held)
    if known is None or book is None or known.coins != coins_in(state, hedge):
        return None
    matrix = np.array(known.rows)
    return residual(matrix, book.held + book.futures), residual(matrix, book.held)


def price_of(state: State, hedge: Hedge, coin: str) -> Decimal | None:
    """The last price of one of a crossing's coins in quote: the mid of its spot pair, or the index of a contract."""
    if hedge.cross is not None and coin == hedge.underlying:
        quote = state.quotes.get(hedge.cross.spot)
        return quote[0].mid_price if quote is not None else None
    for id in hedge.instruments:
        instrument, mark = state.instruments.get(id), state.marks.get(id)
        if instrument is not None and mark is not None and instrument.underlying == coin:
            return instrument.coin_price(mark[0].index_price)
    return None


def _book(state: State, hedge: Hedge, held: Decimal) -> Book | None:
    """The dollars of each coin; None while one of them has no price."""
    coins = coins_in(state, hedge)
    prices = [price_of(state, hedge, coin) for coin in coins]
    zeros = [ZERO] * len(coins)
    futures, low, high = list(zeros), list(zeros), list(zeros)
    for id in hedge.instruments:
        instrument = state.instruments.get(id)
        if instrument is None:
            return None
        at = coins.index(instrument.underlying)
        futures[at] += coins_of(state, instrument, position_of(state, id))
        pending = [o.side.sign * o.remaining for o in state.orders.values() if o.live and o.id == id]
        low[at] += coins_of(state, instrument, sum((units for units in pending if units < 0), ZERO))
        high[at] += coins_of(state, instrument, sum((units for units in pending if units > 0), ZERO))
    own = [held, *zeros[1:]]
    known = [price for price in prices if price is not None]
    if len(known) < len(coins):
        return None
    return Book(*(_dollars(part, known) for part in (own, futures, low, high)))


def _dollars(coins: Sequence[Decimal], prices: Sequence[Decimal]) -> Matrix:
    return np.array([float(quantity * price) for quantity, price in zip(coins, prices, strict=True)])


def _coins(dollars: float, price: Decimal) -> Decimal:
    return Decimal(repr(dollars)) / price
