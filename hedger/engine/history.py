"""What the past says: closed bars become volatilities, past settlements the funding that a hedge may expect."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import log, sqrt

from hedger.engine.state import State
from hedger.engine.volatility import Volatility
from hedger.model.message import CandlesRead, FundingRatesRead

YEAR_MS = 365 * 86_400_000
MOST_RATES = 100


def on_candles(state: State, event: CandlesRead) -> State:
    """The state with the volatility of an instrument's underlying measured anew."""
    instrument = state.instruments.get(event.id)
    if instrument is None or len(event.candles) < 2:
        return state
    known = state.volatility.get(instrument.underlying, Volatility(at=0))
    closes = [float(candle.close) for candle in event.candles]
    moves = [log(after / before) for before, after in pairwise(closes)]
    per_year = YEAR_MS / event.interval_ms
    measured = sqrt(sum(move * move for move in moves) / len(moves) * per_year)
    volatility = replace(known, at=state.now, close_close=measured)
    return state._replace(volatility={**state.volatility, instrument.underlying: volatility})


def on_funding_rates(state: State, event: FundingRatesRead) -> State:
    """The state with the newest past funding rates of a perpetual, oldest first."""
    return state._replace(funding_rates={**state.funding_rates, event.id: event.rates[-MOST_RATES:]})
