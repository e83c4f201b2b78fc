"""The plan of a flatten: what a person agrees to, in numbers, and when it is not what would be done any more."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.decision.flatten import Plan, changed_since, plan_of, unknown_hedges
from hedger.engine.guards.mode import with_mode
from hedger.engine.known.latch import MOST_ACKNOWLEDGED, acknowledged
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import Mode, Reason, State
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.message import Operation, OperatorAsked
from hedger.model.order import Side
from hedger.ops.flatten import flatten_status, plan_json
from hedger.ops.words import way_out
from tests.support.dated_worlds import NEAR, PERP, dated_policy, future, world
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import (
    NOW,
    POLICY,
    feed,
    hedging,
    mark_at,
    order_of,
    position_at,
    quote_at,
    reading_of,
    started,
)
from tests.support.option_books import LINEAR, option_of
from tests.support.several_worlds import AT_ONE, AT_TWO, ONE, at_hand, several, unseen


def plan(state: State, *names: str) -> Plan:
    return plan_of(state, POLICY, names)


def test_it_says_what_goes_what_it_costs_and_what_is_unhedged_afterwards() -> None:
    working = order_of(Side.SELL, "0.5", status=OrderStatus.OPEN)
    (hedge,) = plan(hedging("1.5", "-1.0005", orders=[working])).hedges
    (leg,) = hedge.legs
    assert (leg.position, leg.side, leg.quantity, leg.remainder) == (D("-1.0005"), Side.BUY, D(1), D("-0.0005"))
    assert (leg.notional, leg.fees, leg.orders) == (D(60_000), D("-12"), 1)
    assert leg.spread == D("0.05"), "half a spread of 0.1 is earned on one coin"
    assert (hedge.delta, hedge.delta_after, hedge.holding) == (D("0.4995"), D("1.4995"), D("1.5"))
    assert hedge.canceled == (working.client_order_id,)
    assert not hedge.flat


def test_a_long_position_is_sold_and_a_rebate_is_earned() -> None:
    state = hedging("-1", "1")._replace(instruments={perpetual(): instrument_of(maker_fee=D("-0.0001"))})
    (leg,) = plan(state).hedges[0].legs
    assert (leg.side, leg.quantity, leg.fees, leg.spread) == (Side.SELL, D(1), D(6), D("0.05"))


def test_it_tells_how_many_orders_the_largest_one_takes() -> None:
    policy = policy_of(hedge_of(guards={"order_notional": D(20_000)}))
    (leg,) = plan_of(hedging("1", "-1", policy=policy), policy).hedges[0].legs
    assert (leg.quantity, leg.orders) == (D(1), 4)


def test_a_part_of_a_coin_costs_and_earns_its_part() -> None:
    (leg,) = plan(hedging("1", "-0.5")).hedges[0].legs
    assert (leg.notional, leg.fees, leg.spread) == (D(30_000), D(-6), D("0.025"))


@pytest.mark.parametrize(("position", "quantity"), [("-0.0015", "0"), ("-0.002", "0.002"), ("-0.0025", "0.002")])
def test_while_no_order_can_leave_what_the_venue_takes_is_judged_by_the_last_prices(
    position: str, quantity: str
) -> None:
    """The smallest order is worth 100: a lot more than 0.0016 coins."""
    state = hedging("1", position)._replace(quotes={perpetual(): (quote_at(at=NOW - 5_000), NOW - 5_000)})
    (leg,) = plan(state).hedges[0].legs
    assert leg.obstacle is not None
    assert leg.obstacle.reason is Reason.QUOTE_AGE
    assert (leg.quantity, leg.orders) == (D(quantity), int(D(quantity) > 0))
    assert leg.remainder == D(position) + D(quantity)


def test_dust_alone_is_flat_and_is_told_and_what_is_waited_for_is_not_flat() -> None:
    (hedge,) = plan(hedging("1", "-0.0005")).hedges
    assert (hedge.flat, hedge.legs[0].remainder, hedge.legs[0].quantity) == (True, D("-0.0005"), D(0))
    assert (hedge.delta, hedge.delta_after) == (D("0.9995"), D("0.9995"))
    state = hedging("1", "0")
    view = replace(state.accounts[ACCOUNT], barrier_at=NOW)
    (hedge,) = plan(state._replace(accounts={ACCOUNT: view})).hedges
    assert hedge.legs[0].obstacle is not None
    assert (hedge.legs[0].obstacle.reason, hedge.flat) == (Reason.AWAITING_READING, False)


def test_only_live_orders_of_the_hedge_itself_go_first() -> None:
    working = order_of(sequence=1, status=OrderStatus.OPEN)
    ended = order_of(sequence=2, status=OrderStatus.FILLED)
    other = order_of(sequence=3, status=OrderStatus.OPEN, hedge="eth")
    (hedge,) = plan(hedging("1", "-1", orders=[working, ended, other])).hedges
    assert hedge.canceled == (working.client_order_id,)


def test_a_contract_whose_rules_are_not_known_is_held_and_counts_as_nothing() -> None:
    (hedge,) = plan(hedging("1", "-1")._replace(instruments={})).hedges
    (leg,) = hedge.legs
    assert (leg.id, leg.position, leg.quantity, leg.remainder) == (perpetual(), D(-1), D(0), D(-1))
    assert (hedge.delta, hedge.delta_after) == (D(1), D(1))


def test_options_are_told_and_stay() -> None:
    state = hedging("1", "-1")
    bought = option_of(quantity="2", payoff=LINEAR, forward_price=D(60_000))
    view = replace(state.accounts[ACCOUNT], reading=reading_of("1", "-1", options=(bought,)))
    (hedge,) = plan(state._replace(accounts={ACCOUNT: view})).hedges
    assert 0 < hedge.options < 2
    assert hedge.delta == hedge.options
    assert hedge.delta_after == hedge.options + 1


def test_a_dated_contract_that_is_not_traded_counts_with_what_its_settlement_has_left_of_it() -> None:
    other = position_at("2", id=NEAR, expiry_at=NOW - 1)
    state = hedging("1", "-1")
    view = replace(state.accounts[ACCOUNT], reading=reading_of("1", positions=(position_at("-1"), other)))
    (hedge,) = plan(state._replace(accounts={ACCOUNT: view})).hedges
    assert hedge.others == ((NEAR, D(2)),)
    assert hedge.delta == D(0)


def test_positions_that_the_hedge_does_not_trade_are_named_and_stay() -> None:
    other = position_at("2", id=InstrumentId(ACCOUNT, "BTC/USDC:USDC"))
    state = hedging("1", "-1")
    view = replace(state.accounts[ACCOUNT], reading=reading_of("1", positions=(position_at("-1"), other)))
    (hedge,) = plan(state._replace(accounts={ACCOUNT: view})).hedges
    assert hedge.others == ((other.id, D(2)),)
    assert (hedge.delta, hedge.delta_after) == (D(2), D(3))


def test_a_coin_settled_contract_is_counted_in_its_own_units() -> None:
    rules = instrument_of(
        payoff=Payoff.INVERSE, settle="BTC", quote="USD", multiplier="100", lot_size=D(1), min_quantity=D(1)
    )
    row = position_at("-600", payoff=Payoff.INVERSE, contract_multiplier=D(100))
    state = hedging("1", "0")._replace(instruments={perpetual(): rules})
    view = replace(state.accounts[ACCOUNT], reading=reading_of("1", positions=(row,)))
    (hedge,) = plan(state._replace(accounts={ACCOUNT: view})).hedges
    (leg,) = hedge.legs
    assert (leg.side, leg.quantity, leg.notional, leg.fees) == (Side.BUY, D(600), D(60_000), D(-12))
    assert (hedge.delta, hedge.delta_after) == (D(0), D(1))


def test_a_contract_in_its_settlement_goes_by_itself_and_the_others_are_traded() -> None:
    policy = dated_policy(NEAR, PERP)
    rules = {NEAR: future(NEAR, 1 / 96), PERP: instrument_of()}
    state = world(policy, rules, {NEAR: "-1", PERP: "-2"}, spot="3")
    near, perpetual_leg = plan_of(state, policy).hedges[0].legs
    assert near.obstacle is not None
    assert near.obstacle.reason is Reason.EXPIRING
    assert (near.position, near.quantity, near.orders, near.remainder, near.fees) == (D(-1), D(0), 0, D(0), D(0))
    assert (perpetual_leg.quantity, perpetual_leg.obstacle) == (D(2), None)


def test_what_settles_by_itself_is_not_shown_as_traded_while_a_reading_is_awaited() -> None:
    policy = dated_policy(NEAR, PERP)
    state = world(policy, {NEAR: future(NEAR, 1 / 96), PERP: instrument_of()}, {NEAR: "-1", PERP: "-2"}, spot="3")
    views = {name: replace(view, barrier_at=NOW) for name, view in state.accounts.items()}
    near, perpetual_leg = plan_of(state._replace(accounts=views), policy).hedges[0].legs
    assert [leg.obstacle and leg.obstacle.reason for leg in (near, perpetual_leg)] == [
        Reason.EXPIRING,
        Reason.AWAITING_READING,
    ]
    assert [(leg.quantity, leg.remainder) for leg in (near, perpetual_leg)] == [(D(0), D(0)), (D(2), D(0))]


def test_what_is_listed_no_more_remains_and_is_counted_as_what_stays() -> None:
    state = hedging("1", "-1")
    (hedge,) = plan(state._replace(delisted=frozenset({perpetual()}))).hedges
    (leg,) = hedge.legs
    assert leg.obstacle is not None
    assert leg.obstacle.reason is Reason.INSTRUMENT_GONE
    assert (leg.quantity, leg.orders, leg.remainder, hedge.delta_after) == (D(0), 0, D(-1), D(0))


def test_what_is_out_of_sight_waits_and_is_said() -> None:
    policy = several()
    state = unseen(at_hand(policy, {AT_ONE: "-0.7", AT_TWO: "-0.3"}), ONE)
    one, two = plan_of(state, policy).hedges[0].legs
    assert one.obstacle is not None
    assert one.obstacle.reason is Reason.ACCOUNT_AGE
    assert (two.quantity, two.obstacle) == (D("0.3"), None)


def test_it_cannot_be_asked_for_while_halted_ending_or_unread() -> None:
    assert plan(hedging("1", "-1")).obstacle is None
    assert "a halt outranks a flatten" in str(plan(hedging("1", "-1")._replace(halted="x")).obstacle)
    assert plan(hedging("1", "-1")._replace(mode=Mode.DRAINING)).obstacle == "it is about to end"
    unread = plan(started())
    assert "nobody knows what is held" in str(unread.obstacle)
    assert (unread.hedges[0].known, unread.hedges[0].flat) == (False, False)
    assert changed_since(unread, unread.shown)


def test_a_flat_book_has_nothing_to_trade() -> None:
    (hedge,) = plan(hedging("1", "0")).hedges
    assert hedge.flat
    assert not plan(hedging("1", "0", orders=[order_of(status=OrderStatus.UNKNOWN)])).hedges[0].flat


@pytest.mark.parametrize(
    ("then", "now", "holds"),
    [
        *(("-1", "-1", True), ("-1", "-1.02", True), ("-1", "-0.98", True), ("0", "0", True)),
        *(("-1", "-1.021", False), ("-1", "-0.97", False), ("-1", "1", False), ("-1", "0", False)),
        *(("0.001", "-0.001", False), ("0.001", "0", False), ("0", "0.001", False), ("2", "2.04", True)),
        ("0", "-0.001", False),
    ],
)
def test_what_was_agreed_to_holds_while_the_positions_are_about_the_same(then: str, now: str, holds: bool) -> None:
    changed = changed_since(plan(hedging("1", now)), plan(hedging("1", then)).shown)
    assert (changed == "") is holds
    assert holds or f"was {then} in the plan, and is {now} now" in changed


@pytest.mark.parametrize("shown", ["", "btc|", "btc|paper:BTC/USDT:USDT=", "btc|paper:BTC/USDT:USDT=NaN", "nonsense"])
def test_what_nobody_was_shown_is_agreed_to_by_nobody(shown: str) -> None:
    assert changed_since(plan(hedging("1", "-1")), shown)


def test_a_plan_for_other_hedges_is_another_plan() -> None:
    policy = policy_of(hedge_of(), hedge_of("ETH"))
    assert unknown_hedges(policy, ("btc", "doge")) == ["doge"]
    both = plan(hedging("1", "-1")).shown + ";eth|paper:ETH/USDT:USDT=0"
    assert "the plan had paper:ETH/USDT:USDT too" in changed_since(plan(hedging("1", "-1")), both)
    more = f"{both},paper:ETH/USDC:USDC=0"
    text = "the plan had paper:ETH/USDT:USDT, paper:ETH/USDC:USDC too"
    assert changed_since(plan(hedging("1", "-1")), more) == text


def test_the_phrase_names_what_is_flattened() -> None:
    assert plan(hedging()).phrase == "flatten everything"
    assert plan(hedging(), "btc").phrase == "flatten btc"


def test_it_is_told_in_sentences_and_as_json() -> None:
    told = plan_json(plan(hedging("1.5", "-1.0005")))
    hedge = told["hedges"]["btc"]
    words = "\n".join(hedge["words"])
    assert "buy 1, reduce-only and post-only, in one order; worth " in words
    assert "; +" not in words, "what is bought is no income"
    assert "fees -12, spread +0.05 USDT" in words
    assert "-0.0005 remains" in words
    assert "UNHEDGED: a delta of +1.4995 BTC, now +0.4995" in words
    assert "1.5 BTC of coins; spot is never sold" in words
    assert hedge["legs"][0]["position"] == "-1.0005"
    assert told["shown"] == "btc|paper:BTC/USDT:USDT=-1.0005"


def test_the_status_and_the_way_out_say_how_far_it_has_come() -> None:
    asked = OperatorAsked(operation=Operation.FLATTEN, reason="out")
    state, _ = feed(hedging("1", "0"), (NOW, asked))
    assert flatten_status(state, POLICY)["latched"]["btc"]["state"] == "works"
    assert "btc is being flattened (out): on its way to flat" in str(way_out(state))
    held, _ = feed(state, (NOW + 1, replace(asked, operation=Operation.PAUSE)))
    assert flatten_status(held, POLICY)["latched"]["btc"]["state"] == "held"
    done = with_mode(state._replace(flattening={"btc": replace(state.flattening["btc"], flat_at=NOW)}), POLICY)
    assert flatten_status(done, POLICY)["latched"]["btc"]["state"] == "flat"
    assert "lets it hedge again" in str(way_out(done))


def test_marks_that_were_never_seen_leave_a_position_that_cannot_be_priced() -> None:
    state = hedging("1", "-1")._replace(marks={}, quotes={})
    (leg,) = plan(state).hedges[0].legs
    assert (leg.position, leg.quantity, leg.remainder) == (D(-1), D(0), D(-1))
    assert leg.obstacle is not None
    assert leg.obstacle.reason is Reason.QUOTE_AGE
    assert plan(state._replace(marks={perpetual(): (mark_at(), NOW)})).hedges[0].known


# --- acknowledging ----------------------------------------------------------------------------------------------------


def test_an_alarm_is_acknowledged_in_the_state_and_only_so_many_are_remembered() -> None:
    asked = OperatorAsked(operation=Operation.ACKNOWLEDGE, reason="seen", names=("Unhedged:btc",))
    state, _ = feed(hedging("1", "-1"), (NOW + 5, asked))
    assert state.acknowledged == {"Unhedged:btc": NOW + 5}
    known: dict[str, int] = {}
    for number in range(2 * MOST_ACKNOWLEDGED):
        known = acknowledged(known, f"alarm {number}", number)
    assert len(known) == MOST_ACKNOWLEDGED
    assert list(acknowledged(known, "alarm 70", 999).items())[-1] == ("alarm 70", 999)
