"""Which instrument a hedge trades: the owner's order, or the expected carry, with what a switch costs in its way."""

from dataclasses import replace
from decimal import Decimal as D
from math import log

import pytest

from hedger.engine.decision.choice import calendar_gain, choose, margin_over, outlook
from hedger.engine.guards.limits import GUARDS, Kind, Proposal, first_denial
from hedger.engine.held.expiry import refuses_more, successor
from hedger.engine.held.exposure import exposure
from hedger.engine.known.policy import ChoiceRule, Hedge
from hedger.engine.known.state import HedgeState, Reason, State
from hedger.model.instrument import InstrumentId
from hedger.model.market import FundingRate
from hedger.model.order import Side
from tests.support.dated_worlds import DAY, FAR, NEAR, PERP, dated_policy, future, world
from tests.support.engine_policies import instrument_of
from tests.support.engine_worlds import NOW

EIGHT_HOURS = 28_800_000
LISTED = {PERP: instrument_of(), FAR: future(FAR, 90)}
AT_FIVE, AT_TWENTY = "60744", "63033"  # ninety days at 5 % and at 20 % a year


def seen(held: dict[InstrumentId, str], dated: str, funding: str = "0.0001", **carry: object) -> tuple[State, Hedge]:
    """A hedge of one coin by carry; the perpetual's funding has been what it is for a month."""
    policy = dated_policy(PERP, FAR, rule=ChoiceRule.CARRY, **carry)
    state = world(policy, LISTED, held, prices={FAR: dated})
    mark, at = state.marks[PERP]
    past = tuple(FundingRate(rate=D(funding), interval_ms=EIGHT_HOURS, settled_at=n) for n in range(90))
    marks = {**state.marks, PERP: (replace(mark, funding_rate=D(funding)), at)}
    return state._replace(marks=marks, funding_rates={PERP: past}), policy.hedges[0]


def chosen(held: dict[InstrumentId, str], dated: str, funding: str = "0.0001", **carry: object) -> InstrumentId:
    state, hedge = seen(held, dated, funding, **carry)
    return choose(state, hedge, exposure(state, hedge)).id


def test_without_a_rule_the_owners_order_decides_whatever_the_carry() -> None:
    policy = dated_policy(PERP, FAR)
    state = world(policy, LISTED, {PERP: "-1"}, prices={FAR: "66000"})
    assert choose(state, policy.hedges[0], exposure(state, policy.hedges[0])).id == PERP


@pytest.mark.parametrize(
    ("dated", "funding", "best"),
    [(AT_TWENTY, "0.0001", FAR), (AT_FIVE, "0.0001", PERP), ("59263", "-0.0003", FAR), ("58000", "-0.00001", PERP)],
    ids=["20 % against 11", "5 % against 11", "-5 % against -33", "-14 % against -1"],
)
def test_a_short_goes_where_it_earns_most_or_pays_least(dated: str, funding: str, best: InstrumentId) -> None:
    assert chosen({}, dated, funding) == best


def test_a_long_goes_where_a_short_would_not() -> None:
    policy = dated_policy(PERP, FAR, rule=ChoiceRule.CARRY)
    state = world(policy, LISTED, {}, spot="-1", prices={FAR: AT_TWENTY})
    choice = choose(state, policy.hedges[0], exposure(state, policy.hedges[0]))
    assert choice.id == PERP
    assert "a long in BTC/USDT:USDT pays" in choice.why


def test_what_is_held_stays_until_another_beats_it_by_hysteresis_and_cost() -> None:
    """9 points a year more: enough for 2 % and the half percent that a switch costs, not for 9 %; and then not back."""
    assert chosen({PERP: "-1"}, AT_TWENTY) == FAR
    assert chosen({PERP: "-1"}, AT_TWENTY, hysteresis=D("0.09")) == PERP
    assert chosen({PERP: "-0.2", FAR: "-0.8"}, AT_TWENTY, hysteresis=D("0.09")) == FAR


def test_a_switch_must_earn_its_cost_within_the_horizon() -> None:
    assert chosen({PERP: "-1"}, AT_TWENTY, horizon_ms=30 * DAY) == FAR
    assert chosen({PERP: "-1"}, AT_TWENTY, horizon_ms=DAY) == PERP


def test_locked_carry_is_worth_a_premium_over_carry_that_may_change() -> None:
    state, hedge = seen({PERP: "-1"}, "61800")
    moving = tuple(
        FundingRate(
            rate=D("0.0001") + (D("0.0002") if n % 6 < 3 else D("-0.0002")), interval_ms=EIGHT_HOURS, settled_at=n
        )
        for n in range(90)
    )
    state = state._replace(funding_rates={PERP: moving})
    own, other = outlook(state, hedge, PERP, -1), outlook(state, hedge, FAR, -1)
    averse = replace(hedge, carry=replace(hedge.carry, risk_premium=D(10)))
    assert own.deviation > 0
    assert other.deviation == 0
    assert margin_over(averse, own, other) > margin_over(hedge, own, other)
    assert margin_over(averse, other, own) < margin_over(hedge, other, own)


def test_an_instrument_whose_inputs_are_stale_is_not_chosen() -> None:
    state, hedge = seen({}, AT_TWENTY)
    state = state._replace(quotes={PERP: state.quotes[PERP]})
    assert choose(state, hedge, exposure(state, hedge)).id == PERP


def test_an_instrument_without_margin_in_its_own_wallet_is_not_chosen() -> None:
    state, hedge = seen({PERP: "-1"}, AT_TWENTY)
    other = InstrumentId("second", FAR.symbol)
    away = replace(LISTED[FAR], id=other)
    view = state.accounts["paper"]
    assert view.reading is not None
    poor = replace(view.reading, account="second", margin=replace(view.reading.margin, available=D(0)))
    hedge = replace(hedge, instruments=(PERP, other))
    state = state._replace(
        instruments={**state.instruments, other: away},
        quotes={**state.quotes, other: (replace(state.quotes[FAR][0], id=other), NOW)},
        marks={**state.marks, other: (replace(state.marks[FAR][0], id=other), NOW)},
        accounts={**state.accounts, "second": replace(view, reading=poor)},
        accounts_of_hedge={"btc": ("paper", "second")},
    )
    assert choose(state, hedge, exposure(state, hedge)).id == PERP
    rich = replace(poor, margin=view.reading.margin)
    state = state._replace(accounts={**state.accounts, "second": replace(view, reading=rich)})
    assert choose(state, hedge, exposure(state, hedge)).id == other


def test_why_is_told_in_words() -> None:
    state, hedge = seen({PERP: "-1"}, AT_TWENTY)
    why = choose(state, hedge, exposure(state, hedge)).why
    assert why.startswith("a short in BTC/USDT:USDT-260626 earns 20.0% a year against +10.9% in BTC/USDT:USDT")
    assert "a switch takes" in why


# --- the end of a contract --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "there", "refused"),
    [(2.1, True, False), (1.9, True, True), (1.9, False, False), (0.04, False, True), (-1, False, True)],
)
def test_what_may_be_added_to_a_contract_depends_on_its_end_and_on_what_follows(
    days: float, there: bool, refused: bool
) -> None:
    ids = (NEAR, FAR) if there else (NEAR,)
    policy = dated_policy(*ids)
    near = future(NEAR, days)
    state = world(policy, {id: near if id == NEAR else future(FAR, 90) for id in ids}, {})
    denied = refuses_more(state, policy.hedges[0], near)
    assert (denied is not None) is refused
    assert denied is None or denied.reason is Reason.EXPIRING


def test_the_settlement_average_refuses_whatever_the_owner_allows() -> None:
    policy = dated_policy(NEAR, guards={"expiring": 1})
    near = future(NEAR, 0.02)
    assert refuses_more(world(policy, {NEAR: near}, {}), policy.hedges[0], near) is not None


def test_the_next_contract_is_the_first_listed_that_ends_later_or_never() -> None:
    policy = dated_policy(NEAR, FAR, PERP)
    rules = {NEAR: future(NEAR, 1), FAR: future(FAR, 90), PERP: instrument_of()}
    state, hedge = world(policy, rules, {}), policy.hedges[0]
    assert successor(state, hedge, rules[NEAR]) == rules[FAR]
    assert successor(state, hedge, rules[FAR]) == rules[PERP]
    assert successor(state, hedge, rules[PERP]) is None
    assert successor(state._replace(delisted=frozenset({FAR})), hedge, rules[NEAR]) == rules[PERP]


# --- guards in units that people use ----------------------------------------------------------------------------------


def denial(
    dated: str, days: float = 90, side: Side = Side.SELL, position: str = "0", **guards: object
) -> Reason | None:
    policy = dated_policy(FAR, guards=guards)
    rules = future(FAR, days)
    state = world(policy, {FAR: rules}, {}, prices={FAR: dated})
    quote, mark = state.quotes[FAR][0], state.marks[FAR][0]
    proposal = Proposal(
        state=state,
        hedge=policy.hedges[0],
        memory=HedgeState(),
        instrument=rules,
        side=side,
        quantity=D("0.1"),
        price=quote.ask if side is Side.SELL else quote.bid,
        position=D(position),
        quote=quote,
        mark=mark,
    )
    denied = first_denial(proposal)
    return None if denied is None else denied.reason


def test_a_long_tenor_may_stand_far_from_its_index_and_a_year_of_it_may_not() -> None:
    assert denial(AT_TWENTY, basis_yearly=D("0.25")) is None, "505 bp, and 20 % a year"
    assert denial(AT_TWENTY, basis_yearly=D("0.19")) is Reason.BASIS_YEARLY
    assert denial("57086", basis_yearly=D("0.19")) is Reason.BASIS_YEARLY, "in backwardation too"


def test_near_the_end_a_tick_is_much_a_year_and_denies_nothing() -> None:
    """0.05 % over three days is 6 % a year, over three hours 146 %."""
    assert denial("60030", days=0.125, basis_yearly=D("0.2")) is None
    assert denial("60700", days=3, basis_yearly=D("0.5")) is Reason.BASIS_YEARLY


def test_the_basis_a_year_never_stops_what_reduces() -> None:
    assert denial("57086", side=Side.BUY, position="-1", basis_yearly=D("0.19")) is None


def test_basis_and_expiry_stop_only_what_adds_risk() -> None:
    kinds = {name: kind for name, kind, _ in GUARDS}
    assert kinds["basis"] is kinds["basis_yearly"] is Kind.ENTRY
    assert kinds["expiring"] is Kind.RISK


def test_the_spread_between_two_ends_is_measured_against_the_near_basis() -> None:
    policy = dated_policy(NEAR, FAR)
    near, far = future(NEAR, 60), future(FAR, 152)
    prices = {NEAR: "60994", FAR: "63600"}
    state = world(policy, {NEAR: near, FAR: far}, {}, prices=prices)
    short, long = calendar_gain(state, near, far, -1), calendar_gain(state, near, far, 1)
    assert short is not None
    assert long == -short
    forward = log(63_600 / 60_994) * 365 / 92
    assert short == pytest.approx(forward - log(60_994 / 60_000) * 365 / 60)
