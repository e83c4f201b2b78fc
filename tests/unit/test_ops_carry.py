"""What is shown of carry: in the status file, in the view, and in the meters."""

from dataclasses import replace
from decimal import Decimal as D

import pytest
from prometheus_client import CollectorRegistry

from hedger.engine.known.state import State
from hedger.model.market import FundingRate
from hedger.ops.carry import CarryGauges, CarryMeters, carry_line, carry_status, standing
from hedger.ops.meters import Declaring
from tests.support.dated_worlds import DAY, FAR, HALF_HOUR, NEAR, PERP, dated_policy, future, world
from tests.support.engine_policies import ACCOUNT, instrument_of
from tests.support.engine_worlds import NOW

POLICY = dated_policy(NEAR, PERP)
HEDGE = POLICY.hedges[0]


def held(days: float, quantity: str = "-0.5") -> State:
    rules = {NEAR: future(NEAR, days), PERP: instrument_of()}
    state = world(POLICY, rules, {NEAR: quantity}, spot="0.5", prices={NEAR: "61500"})
    past = (FundingRate(rate=D("0.0002"), interval_ms=28_800_000, settled_at=NOW - 1),)
    return state._replace(funding_rates={PERP: past})


def test_the_status_has_basis_funding_and_carry_of_each_and_why_one_is_traded() -> None:
    told = carry_status(held(90), HEDGE)
    assert told is not None
    assert told["instrument"] == str(NEAR)
    assert told["why"] == "the first of the owner's list"
    dated, perpetual = told["instruments"][str(NEAR)], told["instruments"][str(PERP)]
    assert (dated["basis_bps"], dated["basis_yearly"], dated["carry_yearly"]) == ("250", 0.100142, 0.100142)
    assert perpetual["funding_settled_yearly"] == pytest.approx(0.219)
    assert perpetual["funding_next_yearly"] == pytest.approx(0.1095)
    assert 0.1095 < perpetual["funding_expected_yearly"] < 0.219
    assert "above +0.0091% per 8 h" in told["breakeven"]
    assert told["roll_at"] == "2026-03-30T12:00:00.000Z"
    assert told["roll"] is None
    assert told["late"] is None


def test_a_roll_is_told_while_it_goes_on() -> None:
    state = held(1.5)
    told = carry_status(state, HEDGE)
    assert told is not None
    assert told["instrument"] == str(PERP)
    assert told["why"] == f"{NEAR} is being left"
    assert told["roll"].endswith(f"from {NEAR} to {PERP}, which expires in 1.5 days")
    assert "rolling" in carry_line(state, HEDGE).plain


def test_what_is_held_when_the_average_begins_is_an_alarm() -> None:
    state = held(HALF_HOUR / DAY)
    registry = CollectorRegistry()
    CarryGauges(CarryMeters(Declaring(registry)), HEDGE).show(state)
    assert registry.get_sample_value("hedger_roll_late", {"hedge": "btc"}) == 1
    assert "still held" in carry_line(state, HEDGE).plain
    CarryGauges(CarryMeters(Declaring(quiet := CollectorRegistry())), HEDGE).show(held(1.5))
    assert quiet.get_sample_value("hedger_roll_late", {"hedge": "btc"}) == 0


def test_the_meters_say_which_is_chosen_and_know_nothing_before() -> None:
    registry = CollectorRegistry()
    gauges = CarryGauges(CarryMeters(Declaring(registry)), HEDGE)
    labels = {"hedge": "btc", "account": ACCOUNT, "symbol": NEAR.symbol}
    unknown = registry.get_sample_value("hedger_carry_annual_ratio", labels)
    assert unknown is not None
    assert unknown != unknown, "NaN"
    gauges.show(held(90))
    assert registry.get_sample_value("hedger_carry_annual_ratio", labels) == pytest.approx(0.100142, abs=1e-6)
    assert registry.get_sample_value("hedger_instrument_chosen", labels) == 1


def test_a_long_pays_what_a_short_earns() -> None:
    rules = {FAR: future(FAR, 90), PERP: instrument_of()}
    policy = dated_policy(FAR, PERP)
    state = world(policy, rules, {}, spot="-1", prices={FAR: "61500"})
    now = standing(state, policy.hedges[0])
    assert now is not None
    assert all(row.carry < 0 for row in now.rows)
    assert "pays" in carry_line(state, policy.hedges[0]).plain


def test_before_anything_was_read_there_is_nothing_to_tell() -> None:
    state = held(90)
    blank = {name: replace(view, reading=None) for name, view in state.accounts.items()}
    assert carry_status(state._replace(accounts=blank), HEDGE) is None
