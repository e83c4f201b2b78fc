"""What the past says: closed bars become volatilities, past settlements the funding that a hedge may expect."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hedger.engine.formulas.volatility import Volatility, VolatilityRule, bars_of, measure, returns_of
from hedger.engine.held.exposure import exposure
from hedger.engine.held.freshness import FUTURE_MS
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.model.message import CandlesRead, FundingRatesRead, ReadFailed

MOST_RATES = 100
MOST_RETURNS = 720

_NEVER = Volatility(at=0)


def fresh_volatility(state: State, underlying: str) -> float | None:
    """The realised volatility that a decision may use: None while there is none, or none that is young enough.

    It is `state.volatility[underlying].realized` and never older than three polls; `stale_volatility` has the reason.
    """
    return None if stale_volatility(state, underlying) is not None else state.volatility[underlying].realized


def stale_volatility(state: State, underlying: str) -> str | None:
    """Why there is no realised volatility of a coin to decide on, in words; None where there is one."""
    known = state.volatility.get(underlying, _NEVER)
    because = f": {known.flaw}" if known.flaw else ""
    if known.realized is None:
        return f"the volatility of {underlying} has not been measured yet{because}"
    if state.now > known.fresh_until:
        age = (state.now - known.at) // 60_000
        return f"the volatility of {underlying} was measured on bars up to {age} min ago{because}"
    return None


# --- folds ------------------------------------------------------------------------------------------------------------


def on_candles(state: State, rule: VolatilityRule, event: CandlesRead) -> State:
    """The state with the volatility of an instrument's underlying measured anew.

    Bars that cannot be true change no number: what was measured grows old, and says what was wrong with them.
    """
    instrument = state.instruments.get(event.id)
    if instrument is None:
        return state
    coin = instrument.underlying
    known = state.volatility.get(coin, _NEVER)
    bars = bars_of(event.candles, event.interval_ms)
    flaw = bars if isinstance(bars, str) else _untimely(state, event)
    if isinstance(bars, str) or flaw is not None:
        return _with(state, coin, replace(known, flaw=f"{event.id}: {flaw}"))
    closed_at = event.candles[-1].opened_at + event.interval_ms
    until = min(state.now, closed_at - _offset(state, event) + event.interval_ms) + rule.fresh_ms
    measured = measure(bars, rule, at=closed_at, fresh_until=until, implied=known.implied)
    moves = returns_of(bars, closed_at)
    kept = moves._replace(values=moves.values[-MOST_RETURNS:])
    return _with(state, coin, measured)._replace(returns={**state.returns, coin: kept})


def on_funding_rates(state: State, event: FundingRatesRead) -> State:
    """The state with the newest past funding rates of a perpetual, oldest first; a list that cannot be true is none."""
    times = [rate.settled_at for rate in event.rates]
    numbers = all(rate.rate.is_finite() and rate.interval_ms > 0 for rate in event.rates)
    if not times or not numbers or any(after <= before for before, after in pairwise(times)):
        return state
    return state._replace(funding_rates={**state.funding_rates, event.id: event.rates[-MOST_RATES:]})


def on_history_unread(state: State, event: ReadFailed) -> State:
    """The state after a reading of the past failed: no account is worse for it, and what is known grows old."""
    instrument = state.instruments.get(event.id) if event.id is not None else None
    if instrument is None or event.what != "candles":
        return state
    known = state.volatility.get(instrument.underlying, _NEVER)
    return _with(state, instrument.underlying, replace(known, flaw=f"{event.id}: {event.reason}"))


def on_options_held(state: State, policy: Policy) -> State:
    """The state with what the options imply that are held now, by the believed readings of the accounts: it is the
    overlay's own volatility (`Overlay.sigma`) as of the last of them."""
    readings = [view.reading for view in state.accounts.values() if view.reading is not None]
    held = {option.underlying for reading in readings for option in reading.options}
    if not held and all(known.implied is None for known in state.volatility.values()):
        return state
    implied: dict[str, float | None] = {}
    for hedge in policy.hedges:
        if implied.get(hedge.underlying) is None:
            known = exposure(state, hedge) if hedge.underlying in held else None
            implied[hedge.underlying] = None if known is None else known.options.sigma
    for coin, sigma in implied.items():
        was = state.volatility.get(coin)
        if was is None or was.implied != sigma:
            state = _with(state, coin, replace(was or _NEVER, implied=sigma))
    return state


def _untimely(state: State, event: CandlesRead) -> str | None:
    """What is wrong with the time of bars that are right by themselves: the last has not closed yet."""
    closed_at = event.candles[-1].opened_at + event.interval_ms
    if closed_at > state.now + _offset(state, event) + FUTURE_MS:
        return f"the bar of {event.candles[-1].opened_at} has not closed yet"
    return None


def _offset(state: State, event: CandlesRead) -> int:
    return state.accounts[event.id.account].offset_ms


def _with(state: State, coin: str, volatility: Volatility) -> State:
    if state.volatility.get(coin) == volatility:
        return state
    return state._replace(volatility={**state.volatility, coin: volatility})
