"""The greeks of 100,000 options at once, beside other people's libraries, and a step of a book of 200."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np
import QuantLib as ql
from vollib.black import black
from vollib.black.greeks import analytical

from bench.rows import Row, median, percentile
from bench.step import COINS, PRICE, START, reading_of, ready, ten_hedges, usual_mix
from hedger.engine.formulas.greeks import black76, implied_volatility
from hedger.engine.formulas.normal import Floats
from hedger.engine.known.state import State
from hedger.engine.step import step
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.market import Mark, Quote
from hedger.model.message import AccountRead, Stamped
from hedger.model.option import OptionPosition, OptionType
from hedger.model.spans import DAY_MS

OPTIONS, OTHERS, POSITIONS = 100_000, 2_000, 200
ROUNDS = 15
TARGET_MS, TARGET_STEP_MS, TARGET_READING_MS = 12.0, 1.0, 2.0
EVENTS, READINGS = 2_000, 60
BASIS, SIGMA = Decimal(200), Decimal("0.55")


def measure() -> list[Row]:
    """Value and four greeks of each option on one core; what others take for some of them; the step with options."""
    rows = _rows(OPTIONS)
    ours = _best_of(lambda: black76(*rows))
    few, scaled = tuple(column[:OTHERS] for column in rows), OPTIONS / OTHERS
    quantlib, vollib = _seconds(lambda: _by_quantlib(few)) * scaled, _seconds(lambda: _by_vollib(few)) * scaled
    value = black76(*rows).value
    forward, strike, years, _, sign = rows
    inverted = _seconds(lambda: implied_volatility(value, forward, strike, years, sign))
    steps, readings = _steps(), _reading_steps()
    return [
        Row(
            name=f"greeks: {OPTIONS:,} options, value and four greeks",
            value=median(ours) * 1e3,
            unit="ms",
            target=f"≤ {TARGET_MS:g} ms",
            met=median(ours) * 1e3 <= TARGET_MS,
            detail=f"best {min(ours) * 1e3:.1f} of {ROUNDS}; numpy on one core",
        ),
        Row(
            name="greeks: QuantLib's time over ours",
            value=quantlib / median(ours),
            unit="×",
            detail=f"{quantlib * 1e3:,.0f} ms, from {OTHERS:,} options one by one",
        ),
        Row(
            name="greeks: vollib's time over ours",
            value=vollib / median(ours),
            unit="×",
            detail=f"{vollib * 1e3:,.0f} ms, from {OTHERS:,} options one by one",
        ),
        Row(
            name=f"greeks: {OPTIONS:,} implied volatilities",
            value=inverted * 1e3,
            unit="ms",
            detail="once for each reading, of options whose venue gives no volatility",
        ),
        Row(
            name=f"greeks: a step with {POSITIONS} option positions",
            value=median(steps) * 1e3,
            unit="ms",
            target=f"≤ {TARGET_STEP_MS:g} ms",
            met=median(steps) * 1e3 <= TARGET_STEP_MS,
            detail=f"99 % within {percentile(steps, 0.99) * 1e3:.2f}; quotes and marks of the hedge with the book",
        ),
        Row(
            name=f"greeks: a step on a reading with {POSITIONS} option positions",
            value=median(readings) * 1e3,
            unit="ms",
            target=f"≤ {TARGET_READING_MS:g} ms",
            met=median(readings) * 1e3 <= TARGET_READING_MS,
            detail=f"best {min(readings) * 1e3:.1f} of {READINGS}; believed, booked and compared",
        ),
    ]


def _rows(count: int) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Options of all sorts, the same ones each time: forward, strike, years, sigma, sign."""
    place = np.arange(count, dtype=np.float64)
    forward = 60_000.0 + place % 997
    strike = forward * (0.3 + 2.7 * (place * 0.618034 % 1))
    years, sigma = 1 / 8760 + 2 * (place * 0.414214 % 1), 0.05 + 2.95 * (place * 0.732051 % 1)
    return forward, strike, years, sigma, 2 * (place % 2) - 1


def _best_of(work: Callable[[], object]) -> list[float]:
    work()
    gc.collect()
    return [_seconds(work) for _ in range(ROUNDS)]


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _by_quantlib(rows: tuple[Floats, ...]) -> None:
    for forward, strike, years, sigma, sign in zip(*(column.tolist() for column in rows), strict=True):
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if sign > 0 else ql.Option.Put, strike)
        one = ql.BlackCalculator(payoff, forward, sigma * years**0.5, 1.0)
        one.value(), one.deltaForward(), one.gammaForward(), one.vega(years), one.theta(forward, years)


def _by_vollib(rows: tuple[Floats, ...]) -> None:
    for forward, strike, years, sigma, sign in zip(*(column.tolist() for column in rows), strict=True):
        given = ("c" if sign > 0 else "p", forward, strike, years, 0.0, sigma)
        black(given[0], forward, strike, years, 0.0, sigma)
        for greek in (analytical.delta, analytical.gamma, analytical.vega, analytical.theta):
            greek(*given)


def _steps() -> Sequence[float]:
    """How much of the processor each price of the coin with options takes, through the whole step."""
    policy, state = ten_hedges(), _with_options(ready(ten_hedges(), held="-1.5"))
    coin, took = f"{COINS[0]}/USDT:USDT", []
    for event in usual_mix()[:EVENTS]:
        if not isinstance(event.event, Quote | Mark):
            continue
        began = time.process_time()
        state = step(state, event, policy).state
        if event.event.id.symbol == coin:
            took.append(time.process_time() - began)
    return took


def _with_options(state: State) -> State:
    """An option's delta is put against its twin's, so that the hedge is at rest as before."""
    view = state.accounts["main"]
    assert view.reading is not None
    reading = replace(view.reading, options=_options(PRICE))
    return state._replace(accounts={"main": replace(view, reading=reading)})


def _reading_steps() -> Sequence[float]:
    """How much of the processor each reading of the account takes: one a second, at a price of its own."""
    policy, state, took = ten_hedges(), _with_options(ready(ten_hedges(), held="-1.5")), []
    for second in range(1, READINGS + 1):
        at = START + second * 1_000
        told = replace(reading_of(at, "-1.5"), options=_options(PRICE + second))
        event = Stamped(at, AccountRead(requested_at=at - 1, reading=told))
        began = time.process_time()
        state = step(state, event, policy).state
        took.append(time.process_time() - began)
        assert state.accounts["main"].reading is told, "every reading is meant to be believed"
    return took


def _options(index: Decimal) -> tuple[OptionPosition, ...]:
    """The book at an index price, with the marks that its volatility makes."""
    made = [_option(place, index) for place in range(POSITIONS)]
    forward = np.full(POSITIONS, float(index + BASIS))
    strike = np.array([float(option.strike) for option in made])
    years = np.array([(option.expiry_at - START) / (365 * DAY_MS) for option in made])
    sign = np.array([float(option.option_type.sign) for option in made])
    coins = (black76(forward, strike, years, np.full(POSITIONS, float(SIGMA)), sign).value / forward).tolist()
    return tuple(replace(o, mark_price=Decimal(f"{mark:.6f}")) for o, mark in zip(made, coins, strict=True))


def _option(place: int, index: Decimal) -> OptionPosition:
    strike, days = 40_000 + 500 * (place // 4), 2 + 9 * (place // 20)
    kind = OptionType.CALL if place // 2 % 2 else OptionType.PUT
    return OptionPosition(
        id=InstrumentId("main", f"BTC/USD:BTC-{days}-{strike}-{kind.value[0].upper()}-{place % 2}"),
        underlying=COINS[0],
        option_type=kind,
        strike=Decimal(strike),
        expiry_at=START + days * DAY_MS,
        settlement_ms=1_800_000,
        payoff=Payoff.INVERSE,
        settle=COINS[0],
        quantity=Decimal(1 if place % 2 else -1),
        contract_multiplier=Decimal(1),
        mark_price=None,
        mark_sigma=SIGMA,
        forward_price=index + BASIS,
        index_price=index,
    )
