"""What the past becomes in the state: volatility and its age, returns, funding rates, what options imply; failures."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.formulas.volatility import ESTIMATORS, VolatilityRule
from hedger.engine.held.history import MOST_RATES, MOST_RETURNS, fresh_volatility, stale_volatility
from hedger.engine.known.state import State
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.market import Candle, FundingRate
from hedger.model.message import CandlesRead, FundingRatesRead, ReadFailed, TimePassed
from hedger.model.option import OptionPosition, OptionType
from hedger.model.spans import HOUR_MS
from tests.support.engine_policies import ACCOUNT, perpetual
from tests.support.engine_worlds import NOW, POLICY, feed, hedging, read_at, reading_of
from tests.support.price_paths import candles_of, walks

NEWEST_AT = NOW - HOUR_MS
FRESH_MS = VolatilityRule().fresh_ms
EIGHT_HOURS_MS = 8 * HOUR_MS


def candles(count: int = 100, *, until: int = NOW, sigma: float = 0.5) -> tuple[Candle, ...]:
    """Closed hourly bars of which the last closed at `until`."""
    return candles_of(next(walks(1, count, sigma=sigma)), first_at=until - count * HOUR_MS)


def told(bars: tuple[Candle, ...], id: InstrumentId | None = None) -> CandlesRead:
    return CandlesRead(id=id or perpetual(), interval_ms=HOUR_MS, candles=bars)


def measured(state: State | None = None) -> State:
    after, _ = feed(state or hedging(), (NOW, told(candles())))
    return after


def later(state: State, ms: int) -> State:
    after, _ = feed(state, (NOW + ms, TimePassed()))
    return after


# --- volatility -----------------------------------------------------------------------------------------------------


def test_closed_bars_become_every_estimate_of_their_underlying() -> None:
    known = measured().volatility["BTC"]
    estimates = [getattr(known, name) for name in ESTIMATORS]
    assert all(0.3 < value < 0.7 for value in estimates)
    assert len(set(estimates)) == len(ESTIMATORS)
    assert (known.at, known.realized, known.flaw) == (NOW, known.yang_zhang, None)


def test_an_estimate_is_fresh_for_three_polls_and_then_says_how_old_it_is() -> None:
    state = measured()
    known = state.volatility["BTC"]
    assert fresh_volatility(state, "BTC") == known.realized
    assert fresh_volatility(later(state, FRESH_MS), "BTC") == known.realized
    stale = later(state, FRESH_MS + 1)
    assert fresh_volatility(stale, "BTC") is None
    assert "180 min ago" in (stale_volatility(stale, "BTC") or "")


def test_what_was_never_measured_is_not_fresh_and_says_so() -> None:
    assert fresh_volatility(hedging(), "BTC") is None
    assert "not been measured" in (stale_volatility(hedging(), "BTC") or "")


def test_old_bars_do_not_become_fresh_by_arriving_late() -> None:
    """The venue's own time counts too: a list that ends hours ago is as old as its last bar."""
    state, _ = feed(hedging(), (NOW, told(candles(until=NOW - 3 * HOUR_MS))))
    assert fresh_volatility(state, "BTC") is not None
    assert fresh_volatility(later(state, HOUR_MS + 1), "BTC") is None


BARS = candles()
FLAWED: dict[str, tuple[Candle, ...]] = {
    "none": (),
    "a gap": (*BARS[:50], *BARS[51:]),
    "out of order": BARS[::-1],
    "not a number": (*BARS[:-1], replace(BARS[-1], close=D("NaN"))),
    "nought": (*BARS[:-1], replace(BARS[-1], low=D(0))),
    "high under low": (*BARS[:-1], replace(BARS[-1], high=BARS[-1].low / 2)),
    "a bar that still runs": candles(until=NOW + HOUR_MS),
}


@pytest.mark.parametrize("row", FLAWED)
def test_bars_that_cannot_be_change_no_number_and_are_told_as_a_flaw(row: str) -> None:
    before = measured()
    after, _ = feed(before, (NOW + 1, told(FLAWED[row])))
    known = after.volatility["BTC"]
    assert known.flaw is not None
    assert replace(known, flaw=None) == before.volatility["BTC"]
    assert after.returns == before.returns
    assert known.flaw in (stale_volatility(later(after, FRESH_MS + 1), "BTC") or "")


@pytest.mark.parametrize("row", FLAWED)
def test_nothing_is_measured_on_bars_that_cannot_be(row: str) -> None:
    state, _ = feed(hedging(), (NOW, told(FLAWED[row])))
    assert fresh_volatility(state, "BTC") is None
    assert state.volatility["BTC"].realized is None


def test_good_bars_after_bad_ones_clear_the_flaw() -> None:
    state, _ = feed(hedging(), (NOW, told(FLAWED["a gap"])), (NOW + 1, told(BARS)))
    assert state.volatility["BTC"].flaw is None
    assert stale_volatility(state, "BTC") is None


def test_bars_of_an_instrument_that_nobody_knows_are_left_alone() -> None:
    before = hedging()
    after, _ = feed(before, (NOW, told(BARS, InstrumentId(ACCOUNT, "ETH/USDT:USDT"))))
    assert after.volatility == before.volatility == {}


def test_the_newest_returns_are_kept_and_no_more_of_them_than_a_month_of_hours() -> None:
    state, _ = feed(hedging(), (NOW, told(candles(900))))
    kept = state.returns["BTC"]
    assert (kept.last_at, kept.interval_ms, len(kept.values)) == (NOW, HOUR_MS, MOST_RETURNS)
    closes = [float(c.close) for c in candles(900)[-2:]]
    assert kept.values[-1] == pytest.approx(math.log(closes[1] / closes[0]), abs=1e-7)


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["candles", "funding_rates"])
def test_a_failed_reading_of_the_past_is_no_failure_of_the_account(what: str) -> None:
    before = measured()
    after, _ = feed(before, (NOW, ReadFailed(account=ACCOUNT, what=what, reason="no answer", id=perpetual())))
    assert after.accounts == before.accounts
    assert fresh_volatility(after, "BTC") == fresh_volatility(before, "BTC")


def test_any_other_failed_reading_still_counts_against_the_account() -> None:
    after, _ = feed(measured(), (NOW, ReadFailed(account=ACCOUNT, what="funding", reason="no answer")))
    assert after.accounts[ACCOUNT].failures == 1


def test_what_could_not_be_read_is_the_reason_once_the_volatility_is_too_old() -> None:
    failed = ReadFailed(account=ACCOUNT, what="candles", reason="no answer", id=perpetual())
    state, _ = feed(measured(), (NOW, failed))
    assert "no answer" in (stale_volatility(later(state, FRESH_MS + 1), "BTC") or "")
    assert "no answer" in (stale_volatility(feed(hedging(), (NOW, failed))[0], "BTC") or "")


def test_no_hedge_is_looked_at_because_the_past_was_read() -> None:
    """Its long lists would be kept with every decision that it led to; the next beat looks anyway."""
    _, results = feed(hedging("1"), (NOW, told(BARS)), (NOW, rates(3)), (NOW, TimePassed()))
    assert [bool(result.decisions) for result in results] == [False, False, True]


# --- funding rates ----------------------------------------------------------------------------------------------------


def rates(count: int) -> FundingRatesRead:
    made = tuple(
        FundingRate(rate=D("0.0001"), interval_ms=EIGHT_HOURS_MS, settled_at=NOW - (count - n) * EIGHT_HOURS_MS)
        for n in range(count)
    )
    return FundingRatesRead(id=perpetual(), rates=made)


def test_the_newest_funding_rates_are_kept_oldest_first() -> None:
    event = rates(MOST_RATES + 5)
    state, _ = feed(hedging(), (NOW, event))
    assert state.funding_rates[perpetual()] == event.rates[5:]


@pytest.mark.parametrize("row", ["empty", "out of order", "twice", "not a number", "no interval"])
def test_funding_rates_that_cannot_be_change_nothing(row: str) -> None:
    good = rates(3)
    first, second, third = good.rates
    bad = {
        "empty": (),
        "out of order": (third, first, second),
        "twice": (first, second, second),
        "not a number": (first, second, replace(third, rate=D("NaN"))),
        "no interval": (first, second, replace(third, interval_ms=0)),
    }[row]
    state, _ = feed(hedging(), (NOW, good), (NOW, replace(good, rates=bad)))
    assert state.funding_rates[perpetual()] == good.rates


# --- what options imply -----------------------------------------------------------------------------------------------


def option(
    sigma: str | None = "0.6", quantity: str = "1", strike: str = "60000", days: int = 30, **changes: Any
) -> OptionPosition:
    made = OptionPosition(
        id=InstrumentId(ACCOUNT, f"BTC/USD:BTC-{strike}-{days}-{sigma}"),
        underlying="BTC",
        option_type=OptionType.CALL,
        strike=D(strike),
        expiry_at=NOW + days * 24 * HOUR_MS,
        settlement_ms=1_800_000,
        payoff=Payoff.INVERSE,
        settle="BTC",
        quantity=D(quantity),
        contract_multiplier=D(1),
        mark_price=None,
        mark_sigma=None if sigma is None else D(sigma),
        forward_price=D(60_000),
        index_price=D(60_000),
    )
    return replace(made, **changes)


def implied(*options: OptionPosition) -> float | None:
    """What a book of options implies, once two readings have agreed on it."""
    known = believed(hedging(), NOW + 10_000, *options).volatility.get("BTC")
    return None if known is None else known.implied


def test_one_option_implies_its_own_volatility_bought_or_sold() -> None:
    assert implied(option()) == implied(option(quantity="-3")) == 0.6


def test_options_weigh_by_their_vega_bought_or_sold() -> None:
    """At the money vega goes with the root of the time: 120 days weigh twice as much as 30."""
    both = [option("0.6", days=30), option("0.3", days=120, quantity="-1")]
    assert implied(*both) == pytest.approx((0.6 + 2 * 0.3) / 3, abs=0.002)


def test_a_book_without_options_implies_nothing() -> None:
    assert implied() is None


def believed(state: State, at: int, *options: OptionPosition) -> State:
    """The state after two readings that agree: the first may leap, and the second confirms it."""
    readings = [read_at(at + n, reading_of("0", at=at + n, options=options)) for n in (0, 1)]
    return feed(state, *readings)[0]


def test_a_reading_with_options_sets_what_they_imply_and_one_without_takes_it_away() -> None:
    state = measured()
    realized = state.volatility["BTC"].realized
    assert realized is not None
    state = believed(state, NOW + 10_000, option())
    assert state.volatility["BTC"].implied == 0.6
    assert state.volatility["BTC"].gap == pytest.approx(0.6 - realized)
    state, _ = feed(state, (NOW + 10_002, told(BARS)))
    assert state.volatility["BTC"].implied == 0.6, "bars do not take it away"
    state = believed(state, NOW + 20_000, replace(option(), quantity=D(0)))
    assert (state.volatility["BTC"].implied, state.volatility["BTC"].gap) == (None, None)


def test_the_policy_says_how_long_an_estimate_is_fresh_and_what_the_ewma_forgets() -> None:
    policy = replace(POLICY, volatility=VolatilityRule(half_life_ms=HOUR_MS, fresh_ms=1_000))
    state, _ = feed(hedging(policy=policy), (NOW, told(BARS)), policy=policy)
    assert state.volatility["BTC"].ewma != measured().volatility["BTC"].ewma
    assert state.volatility["BTC"].fresh_until == NOW + 1_000
