"""The venue's greeks beside ours: the convention is found out, a difference is told once, and nothing stops for it."""

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import numpy as np
import pytest
import structlog.testing

from hedger.engine.formulas.greeks import black76, premium_adjusted
from hedger.engine.held.greeks_check import LASTING_MS, check_greeks
from hedger.engine.known.conventions import UNCHECKED, Convention, GreeksCheck
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import State
from hedger.model.option import OptionPosition, VenueGreeks
from hedger.ops.events import LogEvent
from hedger.ops.narrate import Narrator
from tests.support.engine_policies import ACCOUNT, hedge_of
from tests.support.engine_worlds import NOW, POLICY, feed, hedging, mark_at, placed, quote_at, read_at, reading_of
from tests.support.option_books import CALL, HALF_HOUR_MS, LINEAR, PUT, option_of

HEDGE = hedge_of()
BOOK = (option_of(CALL, "-1"), option_of(PUT, "2", strike="50000", days=60), option_of(CALL, "3", strike="70000"))


def told(option: OptionPosition, *, adjusted: bool = False, off: float = 0.0) -> OptionPosition:
    """An option with the delta that a venue of this convention gives it, `off` by so much."""
    forward = float(option.forward_price or 0)
    years = (option.expiry_at - NOW) / (365 * 86_400_000)
    row = (forward, float(option.strike), years, float(option.mark_sigma or 0), float(option.option_type.sign))
    arrays = [np.array([x]) for x in row]
    delta = premium_adjusted(*arrays)[0] if adjusted else black76(*arrays).delta[0]
    return replace(option, greeks=VenueGreeks(delta=float(delta) + off))


def state_of(*options: OptionPosition) -> State:
    state = hedging("1")
    view = replace(state.accounts[ACCOUNT], reading=replace(reading_of(), options=options))
    return state._replace(accounts={ACCOUNT: view})


def check(
    *options: OptionPosition, hedge: Hedge = HEDGE, before: GreeksCheck = UNCHECKED, at: int = NOW
) -> GreeksCheck:
    return check_greeks(state_of(*options)._replace(now=at), hedge, before)


@pytest.mark.parametrize(
    ("adjusted", "convention"), [(False, Convention.BLACK_SCHOLES), (True, Convention.PREMIUM_ADJUSTED)]
)
def test_the_venues_convention_is_recognised_and_then_its_deltas_agree(adjusted: bool, convention: Convention) -> None:
    seen = check(*(told(option, adjusted=adjusted) for option in BOOK))
    assert seen == GreeksCheck(compared=3, conventions=((ACCOUNT, convention),), worst=seen.worst)
    assert abs(seen.worst) < 1e-6


def test_a_linear_option_has_no_premium_to_adjust_for() -> None:
    seen = check(told(option_of(payoff=LINEAR), adjusted=True))
    assert seen.conventions == ()
    assert seen.differing == 1


def test_a_difference_beyond_the_tolerance_names_its_option_and_its_sign() -> None:
    book = [told(option) for option in BOOK]
    seen = check(book[0], told(BOOK[1], off=-0.03), told(BOOK[2], off=0.015))
    assert (seen.compared, seen.differing, seen.option) == (3, 1, str(BOOK[1].id))
    assert seen.worst == pytest.approx(-0.03, abs=1e-6)
    assert seen.since == NOW
    assert not check(*book, hedge=replace(HEDGE, greeks_tolerance=D("0.05"))).differing


@pytest.mark.parametrize(
    "option",
    [
        option_of(),
        option_of(greeks=VenueGreeks(delta=None)),
        option_of(greeks=VenueGreeks(delta=float("nan"))),
        option_of(greeks=VenueGreeks(delta=0.9), mark_sigma=None),
        option_of(greeks=VenueGreeks(delta=0.9), mark_sigma=D(50)),
        option_of(greeks=VenueGreeks(delta=0.9), expiry_at=NOW + HALF_HOUR_MS),
        option_of(greeks=VenueGreeks(delta=0.9), expiry_at=NOW - 1),
    ],
)
def test_what_cannot_be_compared_is_no_difference(option: OptionPosition) -> None:
    assert check(option) == UNCHECKED


def test_a_difference_lasts_a_minute_before_it_is_told_and_ends_when_they_agree() -> None:
    wrong, seen = told(BOOK[0], off=0.1), UNCHECKED
    for after, is_told in ((0, False), (LASTING_MS - 1, False), (LASTING_MS, True), (2 * LASTING_MS, True)):
        seen = check(wrong, before=seen, at=NOW + after)
        assert (seen.since, seen.told) == (NOW, is_told)
    seen = check(told(BOOK[0]), before=seen, at=NOW + 3 * LASTING_MS)
    assert (seen.since, seen.told, seen.differing) == (None, False, 0)


def test_it_is_told_once_and_stops_no_order() -> None:
    state, wrong = hedging("1"), told(BOOK[0], off=0.1)
    lines: list[Any] = []
    orders = 0
    for k in range(4):
        at = NOW + k * 30_000
        read = read_at(at, reading_of(at=at, options=(wrong,)))
        before = state
        state, (result,) = feed(state, read)
        with structlog.testing.capture_logs() as told_now:
            Narrator(POLICY).observe(before, read, result, 0.0)
        lines += [line for line in told_now if line["event"] == LogEvent.OPTION_GREEKS_DIFFER]
        state, later = feed(state, (at, mark_at(at=at)), (at, quote_at(at=at)))
        orders += len(placed(later)) + len(placed([result]))
    assert [(line["hedge"], line["option"], line["difference"]) for line in lines] == [("btc", str(wrong.id), 0.1)]
    assert orders > 0
