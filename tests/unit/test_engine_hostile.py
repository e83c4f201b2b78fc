"""What a lying venue sends of options, dated and inverse contracts, rules and rates: nothing raises, nothing is traded
on it, and the account says why."""

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import numpy as np
import pytest

from hedger.engine.formulas.carry import fitted
from hedger.engine.formulas.cross_hedge import covariance
from hedger.engine.formulas.synthetic import Synthetic
from hedger.engine.guards.margin import endangered_position
from hedger.engine.held.money import seen_price
from hedger.engine.known.policy import Peg, Target, TargetKind
from hedger.engine.known.state import Action, Reason, Severity, State
from hedger.engine.news.sane import flaw_of
from hedger.model.account import Margin
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff
from hedger.model.market import FundingRate
from hedger.model.message import FundingRatesRead, InstrumentsLoaded, TimePassed
from hedger.model.option import OptionType
from tests.support.dated_worlds import FAR, NEAR, PERP, Desk, dated_policy, future, world
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import (
    NOW,
    feed,
    fill_of,
    hedging,
    mark_at,
    order_of,
    placed,
    position_at,
    quote_at,
    read_at,
    reading_of,
)
from tests.support.option_books import option_of

BEYOND = [D("1E+19"), D("1E-61"), D("-1E+30"), D("1E+999990"), D("1E-999990")]
INVERSE = InstrumentId(ACCOUNT, "BTC/USD:BTC")
PAIR = InstrumentId(ACCOUNT, "USDC/USDT")
MARGIN = Margin(equity=D(20), maintenance_margin=D("0.1"), initial_margin=D(1), available=D(19))


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", BEYOND)
def test_a_number_beyond_all_bounds_is_none_wherever_it_stands(value: D) -> None:
    told: list[Any] = [
        quote_at(bid_quantity=value),
        mark_at(index_price=value),
        mark_at(funding_rate=value),
        fill_of(order_of(), "1", fee=value),
        replace(fill_of(order_of(), "1"), quantity=value),
        read_at(NOW, reading_of(collateral={"USDT": value})).event,
        read_at(NOW, reading_of(unrealized={"BTC": value})).event,
        read_at(NOW, reading_of(options=(option_of(index_price=value),))).event,
        read_at(NOW, reading_of(options=(option_of(strike="1"), option_of(quantity=value)))).event,
        InstrumentsLoaded(account=ACCOUNT, instruments=(instrument_of(max_quantity=value),)),
        InstrumentsLoaded(account=ACCOUNT, instruments=(instrument_of(maker_fee=value),)),
        FundingRatesRead(id=perpetual(), rates=(FundingRate(rate=value, interval_ms=1, settled_at=1),)),
    ]
    assert all(flaw_of(event) is not None for event in told)


@pytest.mark.parametrize("index", ["1E-400", "1E+400"])
def test_an_index_beyond_all_bounds_stops_neither_a_synthetic_option_nor_the_program(index: str) -> None:
    option = Synthetic(
        option_type=OptionType.PUT, long=True, strike=D(60_000), expiry_at=NOW * 2, volatility=D("0.5"), ratio=D(1)
    )
    policy = policy_of(hedge_of(target=Target(kind=TargetKind.SYNTHETIC, value=D(0), synthetic=option)))
    state = hedging("1", "-0.4", policy=policy)
    after, _ = feed(state, (NOW + 1, mark_at(at=NOW + 1, index_price=D(index))), policy=policy)
    assert after.marks == state.marks
    assert "index price" in after.accounts[ACCOUNT].last_failure


def test_rules_whose_numbers_are_none_are_refused_whole() -> None:
    for bad in (
        instrument_of(min_quantity=D("NaN")),
        instrument_of(max_quantity=D(0)),
        instrument_of(taker_fee=D("Infinity")),
        instrument_of(expiry_at=-5),
        instrument_of(settlement_ms=10**15),
        instrument_of(settlement_ms=-1),
    ):
        state, _ = feed(hedging(), (NOW, InstrumentsLoaded(account=ACCOUNT, instruments=(bad,))))
        assert state.instruments[perpetual()] == instrument_of()
        assert state.accounts[ACCOUNT].last_failure.startswith("refused")


@pytest.mark.parametrize("interval_ms", [-5, 10**15])
def test_a_mark_whose_funding_interval_cannot_be_is_refused(interval_ms: int) -> None:
    assert flaw_of(mark_at(funding_interval_ms=interval_ms)) is not None
    assert flaw_of(mark_at(funding_interval_ms=0)) is None, "a dated contract has none"


def test_rates_that_grow_without_end_make_no_power_that_overflows() -> None:
    rates = [FundingRate(rate=D(10) ** k, interval_ms=1, settled_at=k) for k in range(-10, 10)]
    model = fitted(rates, 0.0001, 28_800_000)
    assert 0 <= model.persistence < 1


def test_coins_that_undo_each_other_give_no_covariance_instead_of_no_numbers() -> None:
    moves = np.random.default_rng(1).normal(0, 0.01, (100, 1))
    with pytest.raises(ValueError, match="no common factor"):
        covariance(("A", "B"), np.hstack([moves, -moves]), per_year=8_760, halflife=400)


# --- prices that deltas hang on ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", ["19000", "185000"])
def test_an_index_in_other_units_than_its_mark_is_refused(index: str) -> None:
    """The delta of a dated contract is q·F/S: with a third of the index it would be three times as much."""
    assert flaw_of(mark_at(index_price=D(index))) is not None
    row = position_at("-1", expiry_at=NOW * 2, index_price=D(index))
    assert "same units" in (flaw_of(read_at(NOW, reading_of(positions=(row,))).event) or "")
    assert flaw_of(read_at(NOW, reading_of(positions=(replace(row, index_price=D(61_000)),))).event) is None


@pytest.mark.parametrize("index", ["45000", "75000"])
def test_an_index_that_leaps_alone_moves_no_options_before_it_is_confirmed(index: str) -> None:
    """The mark stays where it was, so that no collar of the price would deny an order that only reduces."""
    state = with_options("0.7", "-0.37")
    _, results = feed(state, (NOW + 1_000, mark_at(at=NOW + 1_000, index_price=D(index))))
    assert not placed(results)
    assert results[0].state.marks == state.marks


def with_options(spot: str, position: str) -> State:
    state = hedging(spot, position)
    view = state.accounts[ACCOUNT]
    held = replace(view.reading or reading_of(), options=(option_of(OptionType.PUT, "0.7"),))
    return state._replace(accounts={ACCOUNT: replace(view, reading=held)})


def test_a_stablecoin_source_that_repeats_an_old_quote_is_not_seen() -> None:
    """The venue's own time is what is old; that it arrives anew each second makes it no younger."""
    tether = Peg(asset="USDT", par=D(1), limit=D(200), source=PAIR, inverted=True)
    frozen = quote_at("0.9999", "1.0001", id=PAIR, at=NOW - 2 * tether.age)
    state = hedging()._replace(quotes={PAIR: (frozen, NOW)})
    assert seen_price(state, tether) is None
    fresh = state._replace(quotes={PAIR: (replace(frozen, exchange_at=NOW), NOW)})
    assert seen_price(fresh, tether) == 1


# --- contracts that become others -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"payoff": Payoff.INVERSE},
        {"expiry_at": NOW - 1},
        {"kind": Kind.FUTURE},
        {"underlying": "ETH"},
        {"settle": "BTC"},
    ],
)
def test_a_listing_in_which_a_contract_is_another_one_is_refused_and_asked_for_again(change: Any) -> None:
    loaded = InstrumentsLoaded(account=ACCOUNT, instruments=(replace(instrument_of(), **change),))
    state, _ = feed(hedging("1", "-1"), (NOW, loaded))
    assert state.instruments[perpetual()] == instrument_of()
    assert "another contract" in state.accounts[ACCOUNT].last_failure
    assert state.accounts[ACCOUNT].rules_due_at == NOW + 60_000


@pytest.mark.parametrize("change", [{"payoff": Payoff.INVERSE}, {"expiry_at": NOW - 1}])
def test_a_row_that_is_told_as_another_contract_is_not_believed(change: Any) -> None:
    """As an expired or an inverse one the short would count for nothing, and be sold again."""
    row = position_at("-1", **change)
    state, results = feed(
        hedging("1", "-1"),
        (NOW, quote_at(at=NOW)),
        read_at(NOW + 1_000, reading_of("1", positions=(row,), at=NOW + 1_000, collateral={"USDT": D(1)})),
        read_at(NOW + 2_000, reading_of("1", positions=(row,), at=NOW + 2_000, collateral={"USDT": D(1)})),
    )
    assert state.accounts[ACCOUNT].believed_at == NOW - 1
    assert "nobody knows what its delta is" in state.accounts[ACCOUNT].last_failure
    assert not placed(results)


@pytest.mark.parametrize("lost", ["unrealized", "coin_margins"])
def test_a_reading_without_the_wallet_that_backs_an_inverse_contract_is_cut_short(lost: str) -> None:
    rules = inverse_rules()
    policy = policy_of(hedge_of(instruments=(INVERSE,), guards={"position": D(1_000)}))
    row = position_at("-600", id=INVERSE, contract_multiplier=D(100), payoff=Payoff.INVERSE)
    whole: dict[str, Any] = {"unrealized": {"BTC": D("0.05")}, "coin_margins": {"BTC": MARGIN}}
    before = reading_of("0", positions=(row,), collateral={"BTC": D("0.95")}, **whole)
    state = hedging("0", policy=policy, instrument=rules)
    view = replace(state.accounts[ACCOUNT], reading=before)
    state = state._replace(accounts={ACCOUNT: view})
    changed: dict[str, Any] = {lost: {}, "exchange_at": NOW + 1_000}
    cut = replace(before, **changed)
    after, _ = feed(state, read_at(NOW + 1_000, cut), policy=policy)
    assert "has lost the" in after.accounts[ACCOUNT].last_failure
    assert after.accounts[ACCOUNT].reading is before
    flat = replace(cut, positions=(replace(row, quantity=D(0)),))
    emptied, _ = feed(state, read_at(NOW + 1_000, flat), policy=policy)
    assert not emptied.accounts[ACCOUNT].last_failure, "an empty wallet may be left out"


def inverse_rules() -> Instrument:
    return instrument_of(
        multiplier="100",
        id=INVERSE,
        quote="USD",
        settle="BTC",
        payoff=Payoff.INVERSE,
        lot_size=D(1),
        min_quantity=D(1),
        min_notional=D(0),
    )


# --- margin and rolls -------------------------------------------------------------------------------------------------


def test_a_contract_that_has_expired_and_is_still_told_does_not_stand_before_one_that_can_be_reduced() -> None:
    policy = dated_policy(NEAR, PERP)
    instruments = {NEAR: future(NEAR, -0.01), PERP: instrument_of()}
    state = world(policy, instruments, {NEAR: "-5", PERP: "-1"}, spot="1")
    held = endangered_position(state, policy.hedges[0])
    assert held is not None
    assert held.id == PERP


@pytest.mark.parametrize(("position", "most"), [("-1", "0.0005"), ("-0.0004", "100")])
def test_no_reduction_of_nothing_is_sent(position: str, most: str) -> None:
    """By rules or a position that are no whole lot; a quantity of zero would only be refused, again and again."""
    rules = instrument_of(max_quantity=D(most), min_notional=D(0))
    policy = policy_of(hedge_of())
    state = hedging("1", position, policy=policy, instrument=rules)
    memory = replace(state.hedges["btc"], margin_severity=Severity.REDUCE)
    state, results = feed(state._replace(hedges={"btc": memory}), (NOW, TimePassed()), policy=policy)
    assert not placed(results)
    decision = state.hedges["btc"].decision
    assert decision is not None
    assert (decision.action, decision.reason) == (Action.DENY, Reason.BELOW_MINIMUM)


def test_the_rest_of_a_roll_is_no_larger_than_what_the_venue_takes() -> None:
    """A slice that would leave a rest too small to trade takes it along, unless the venue's largest order forbids."""
    policy = dated_policy(NEAR, FAR)
    near = future(NEAR, 1.5, max_quantity=D("0.003"), min_quantity=D("0.003"), min_notional=D(0))
    instruments = {NEAR: near, FAR: future(FAR, 90)}
    desk = Desk(policy, world(policy, instruments, {NEAR: "-0.005"}, spot="0.005"), {NEAR: "-0.005"}, spot="0.005")
    desk.run(20)
    assert all(order.quantity <= near.max_quantity for order in desk.orders if order.id == NEAR)


# --- what the price does to options is no fault of ours ---------------------------------------------------------------


@pytest.mark.parametrize("shown", ["-0.05", "0"], ids=["it worked", "it did nothing"])
def test_a_hedge_is_futile_by_what_it_did_and_not_by_what_the_price_did_to_options(shown: str) -> None:
    """0.05 coins were sold, and by the time that a reading shows it the options' delta has risen by more than that:
    three of those in a row would halt the program, in a trend, when it is needed most."""
    state = hedging("0", shown)
    view = state.accounts[ACCOUNT]
    held = replace(view.reading or reading_of("0"), options=(option_of(OptionType.CALL, days=3),))
    state = state._replace(accounts={ACCOUNT: replace(view, reading=held)})
    due = (D("0.05"), D("0.05"), D(0), D("-0.05"))
    state = state._replace(hedges={"btc": replace(state.hedges["btc"], effect_due=due)})
    after, _ = feed(state, (NOW + 10, mark_at("62000", at=NOW + 10)))
    assert after.hedges["btc"].effect_due is None
    assert after.hedges["btc"].futile == (0 if shown == "-0.05" else 1)
