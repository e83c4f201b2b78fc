"""Found with numbers worked by hand: what a contract in coins is worth, margin too small for an order, and what stands
before the step that saves margin."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.guards.gate import too_many_unknown
from hedger.engine.guards.margin import distance_of, judge_margin, liquidation_distances
from hedger.engine.known.breaker import Breaker, BreakerStatus
from hedger.engine.known.latch import Flatten
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import BreakerLimits, Carry, ChoiceRule, Policy
from hedger.engine.known.state import Action, Reason, Severity, State
from hedger.model.account import AccountReading, Margin, MarginMode
from hedger.model.instrument import Instrument, InstrumentId, Payoff
from hedger.model.market import Quote
from hedger.model.message import CancelOrder, OrderOutcomeUnknown, TimePassed
from hedger.model.order import Side
from tests.support.dated_worlds import future
from tests.support.engine_policies import ACCOUNT, band, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, feed, hedging, mark_at, order_of, placed, position_at, quote_at, reading_of
from tests.support.several_worlds import AT_ONE, AT_TWO, ONE, TWO, at_hand, beat, margin_of, reading_at, sent, several

# --- contracts that are worth a sum of money each ---------------------------------------------------------------------

COIN_ID = InstrumentId(ACCOUNT, "BTC/USD:BTC")
IN_COINS = policy_of(hedge_of(instruments=(COIN_ID,)))


def contract(dollars: str) -> Instrument:
    """An inverse perpetual of so many dollars a contract."""
    return instrument_of(
        multiplier=dollars,
        id=COIN_ID,
        quote="USD",
        settle="BTC",
        payoff=Payoff.INVERSE,
        lot_size=D(1),
        min_quantity=D(1),
        min_notional=D(0),
        max_quantity=D(10**6),
    )


def book(contracts: str) -> Quote:
    """So many contracts on either side of the touch at 60,000."""
    return quote_at(id=COIN_ID, bid_quantity=D(contracts), ask_quantity=D(contracts))


def in_coins(dollars: str = "100", contracts: str = "1000") -> State:
    """One BTC in the wallet of the contracts, nothing hedged."""
    state = hedging(policy=IN_COINS, instrument=contract(dollars))
    row = position_at("0", id=COIN_ID, contract_multiplier=D(dollars), payoff=Payoff.INVERSE)
    wallet = Margin(equity=D(1), maintenance_margin=D(0), initial_margin=D(0), available=D(5))
    read = reading_of("0", collateral={"BTC": D(1)}, positions=(row,), coin_margins={"BTC": wallet})
    view = replace(state.accounts[ACCOUNT], reading=read)
    marks = {COIN_ID: (mark_at(id=COIN_ID), NOW)}
    return state._replace(quotes={COIN_ID: (book(contracts), NOW)}, marks=marks, accounts={ACCOUNT: view})


@pytest.mark.parametrize(("dollars", "units"), [("100", "300"), ("1", "30000")])
@pytest.mark.parametrize(("limit", "stopped"), [("30000", False), ("29999.99", True)])
def test_a_lost_order_of_contracts_in_coins_is_worth_its_dollars_and_not_its_price(
    dollars: str, units: str, limit: str, stopped: bool
) -> None:
    """30,000 dollars, whether as 300 contracts of 100 or as 30,000 of one, at whatever price."""
    lost = order_of(Side.SELL, units, id=COIN_ID, status=OrderStatus.UNKNOWN)
    state = in_coins(dollars)._replace(orders={lost.client_order_id: lost})
    assert (too_many_unknown(state, BreakerLimits(unknown_notional=D(limit)), ACCOUNT) is not None) is stopped


def test_one_lost_answer_on_a_contract_in_coins_leaves_the_breaker_closed() -> None:
    state, results = feed(in_coins(), (NOW + 1, TimePassed()), policy=IN_COINS)
    (order,) = placed(results)
    assert order.quantity in (599, 600), "one coin at 60,000 are 600 contracts of 100, rounded down"
    unheard = OrderOutcomeUnknown(client_order_id=order.client_order_id, text="timeout")
    state, _ = feed(state, (NOW + 2, unheard), (NOW + 3, TimePassed()), policy=IN_COINS)
    assert state.orders[order.client_order_id].status is OrderStatus.UNKNOWN
    assert state.accounts[ACCOUNT].breaker.status is BreakerStatus.CLOSED


def test_an_unknown_order_on_a_contract_of_which_no_rules_are_known_is_worth_its_price() -> None:
    lost = order_of(Side.SELL, "0.5", id=COIN_ID, status=OrderStatus.UNKNOWN)
    state = hedging(orders=[lost])
    assert too_many_unknown(state, BreakerLimits(unknown_notional=D(29_999)), ACCOUNT) is not None
    assert too_many_unknown(state, BreakerLimits(unknown_notional=D(30_000)), ACCOUNT) is None


@pytest.mark.parametrize(
    ("dollars", "contracts", "denied"), [("100", "9", True), ("100", "10", False), ("1", "10", True)]
)
def test_the_depth_of_a_book_of_contracts_in_coins_is_what_they_are_worth(
    dollars: str, contracts: str, denied: bool
) -> None:
    """At least 1,000 dollars must rest at the touch: ten contracts of 100, and not ten of one."""
    state, results = feed(in_coins(dollars, contracts), (NOW + 1, TimePassed()), policy=IN_COINS)
    assert (not placed(results)) is denied
    decision = state.hedges["btc"].decision
    assert decision is not None
    assert (decision.reason is Reason.DEPTH) is denied


# --- what is left of a margin that another account could do without ---------------------------------------------------


@pytest.mark.parametrize("available", ["70", "121"])
def test_free_margin_that_is_too_little_for_the_least_order_sends_it_to_the_other_account(available: str) -> None:
    """The least is 100 dollars, in lots of 60: 120. Of 121 only 98 % are used, and 70 are more than the least lot."""
    policy = several()
    state = at_hand(policy)
    view = replace(state.accounts[ONE], reading=reading_at(ONE, margin=margin_of(available=available)))
    order = sent(beat(state._replace(accounts={**state.accounts, ONE: view}), policy))
    assert order is not None
    assert (order.id, order.quantity) == (AT_TWO, D(1))


def test_free_margin_for_the_least_order_is_used() -> None:
    policy = several()
    state = at_hand(policy)
    view = replace(state.accounts[ONE], reading=reading_at(ONE, margin=margin_of(available="125")))
    order = sent(beat(state._replace(accounts={**state.accounts, ONE: view}), policy))
    assert order is not None
    assert (order.id, order.quantity) == (AT_ONE, D("0.002"))


# --- a contract that is being left, on an account that cannot trade ---------------------------------------------------


def test_where_the_contract_that_is_left_cannot_be_traded_another_account_takes_the_order() -> None:
    near = InstrumentId(ONE, "BTC/USDT:USDT-260401")
    policy = several(near, AT_TWO, carry=Carry(roll_before_ms=2 * 86_400_000))
    rules = {near: replace(future(near, 1), id=near), AT_TWO: instrument_of(id=AT_TWO)}
    state = at_hand(policy, rules=rules)
    row = position_at("-1.2", id=near, expiry_at=rules[near].expiry_at, index_price=D(60_000))
    shut = Breaker(status=BreakerStatus.OPEN, cause="refused", until_at=NOW + 9_999)
    read = replace(reading_at(ONE), positions=(row,))
    trading = replace(state.accounts[ONE], reading=read)
    state = state._replace(accounts={**state.accounts, ONE: trading})
    order = sent(beat(state, policy))
    assert order is not None
    assert (order.id, order.side, order.quantity) == (near, Side.BUY, D("0.2")), "what is left is taken off first"
    state = state._replace(accounts={**state.accounts, ONE: replace(trading, breaker=shut)})
    order = sent(beat(state, policy))
    assert order is not None
    assert (order.id, order.side, order.quantity) == (AT_TWO, Side.BUY, D("0.2"))


MOVES = several(carry=Carry(rule=ChoiceRule.CARRY, moves=True))


def full_at_one(state: State, funding_there: str = "0.0001") -> State:
    """The first account holds all that its margin lets it hold; the other one's perpetual pays so much in 8 h."""
    read = reading_at(ONE, position="-1", margin=margin_of(available="10"))
    marks = {**state.marks, AT_TWO: (mark_at(id=AT_TWO, funding_rate=D(funding_there)), NOW)}
    view = replace(state.accounts[ONE], reading=read)
    return state._replace(accounts={**state.accounts, ONE: view}, marks=marks)


def test_an_account_that_is_full_keeps_what_it_holds_where_no_other_earns_more() -> None:
    """It was moved to the other one, came back once there was room, and so for ever, with a fee each time."""
    result = beat(full_at_one(at_hand(MOVES, {AT_ONE: "-1"})), MOVES)
    assert sent(result) is None
    assert (result.decisions[-1].action, result.decisions[-1].reason) == (Action.HOLD, Reason.INSIDE_BAND)


@pytest.mark.parametrize("shut", [False, True])
def test_what_a_full_account_holds_moves_to_one_that_earns_more_by_more_than_that_takes(shut: bool) -> None:
    state = full_at_one(at_hand(MOVES, {AT_ONE: "-1"}), "0.001")
    if shut:
        breaker = Breaker(status=BreakerStatus.RESTRICTED, cause="reduce only", until_at=NOW + 9_999)
        state = state._replace(accounts={**state.accounts, ONE: replace(state.accounts[ONE], breaker=breaker)})
    order = sent(beat(state, MOVES))
    assert order is not None
    assert (order.id, order.side, order.quantity) == (AT_TWO, Side.SELL, D("0.005"))


# --- margin that is short on one account ------------------------------------------------------------------------------


def two_accounts(spot: str = "1", **changes: Any) -> tuple[Policy, State]:
    """Two accounts that do not stand in for each other, short of 1 and of 0.5 with one coin: 0.5 too short."""
    policy = policy_of(
        hedge_of(instruments=(AT_ONE, AT_TWO), spot_accounts=("vault",), **changes), accounts=("vault", ONE, TWO)
    )
    return policy, at_hand(policy, {AT_ONE: "-1", AT_TWO: "-0.5"}, spot=spot)


def short_of_margin(state: State, policy: Policy, now: int) -> State:
    """Fresh prices, and a first account whose margin is nearly gone."""
    views = {
        name: replace(view, reading=replace(view.reading, exchange_at=now), believed_at=now, barrier_at=now - 1)
        for name, view in state.accounts.items()
        if view.reading is not None
    }
    one = views[ONE]
    assert one.reading is not None
    views[ONE] = replace(one, reading=replace(one.reading, margin=margin_of("0.9")))
    state = state._replace(
        now=now,
        accounts=views,
        quotes={id: (quote_at(id=id, at=now), now) for id in state.quotes},
        marks={id: (mark_at(id=id, at=now), now) for id in state.marks},
    )
    (hedge,) = policy.hedges
    return state._replace(hedges={"btc": judge_margin(state, hedge, state.hedges["btc"])})


def resting(id: InstrumentId, **changes: Any) -> Mapping[str, Order]:
    order = order_of(
        Side.BUY, "0.5", id=id, status=OrderStatus.OPEN, venue_order_id="v1", reduce_only=True, placed_at=NOW, **changes
    )
    return {order.client_order_id: order}


@pytest.mark.parametrize(("roll", "spot"), [(False, "1"), (True, "1.5")])
def test_an_order_that_only_reduces_elsewhere_makes_way_for_the_step_that_saves_margin(roll: bool, spot: str) -> None:
    """It could rest for two minutes, and the endangered account would wait for it."""
    width = band("0.6") if roll else band()
    policy, state = two_accounts(spot, band=width)
    state = short_of_margin(state._replace(orders=resting(AT_TWO, roll=roll)), policy, NOW + 6_000)
    result = beat(state, policy, NOW + 6_000)
    assert [command.id for command in result.commands if isinstance(command, CancelOrder)] == [AT_TWO]
    assert result.decisions[-1].reason is Reason.MARGIN_REDUCTION


def test_where_the_step_that_saves_margin_cannot_leave_an_order_elsewhere_rests_on() -> None:
    policy, state = two_accounts()
    state = short_of_margin(state._replace(orders=resting(AT_TWO)), policy, NOW + 6_000)
    far = mark_at("63000", id=AT_ONE, at=NOW + 6_000)
    result = beat(state._replace(marks={**state.marks, AT_ONE: (far, NOW + 6_000)}), policy, NOW + 6_000)
    assert not [command for command in result.commands if isinstance(command, CancelOrder)]


def test_in_a_flatten_too_an_order_elsewhere_makes_way_for_the_step_that_saves_margin() -> None:
    policy, state = two_accounts()
    latched = {"btc": Flatten(reason="out", asked_at=NOW - 10)}
    for id, gone in ((AT_TWO, [AT_TWO]), (AT_ONE, [])):
        orders = resting(id, flatten=True)
        short = short_of_margin(state._replace(orders=orders, flattening=latched), policy, NOW + 6_000)
        result = beat(short, policy, NOW + 6_000)
        assert [command.id for command in result.commands if isinstance(command, CancelOrder)] == gone


def test_an_order_that_reduces_the_endangered_account_itself_stays() -> None:
    policy, state = two_accounts()
    state = short_of_margin(state._replace(orders=resting(AT_ONE)), policy, NOW + 6_000)
    result = beat(state, policy, NOW + 6_000)
    assert not [command for command in result.commands if isinstance(command, CancelOrder)]
    assert result.decisions[-1].reason is Reason.ORDER_WORKING


# --- a liquidation price that a reading leaves out --------------------------------------------------------------------


def alone(price: str | None, quantity: str = "-1") -> AccountReading:
    """A position with a margin of its own, which nothing but the venue's price tells of."""
    told = None if price is None else D(price)
    row = position_at(quantity, liquidation_price=told, margin_mode=MarginMode.ISOLATED)
    return replace(reading_of("1"), positions=(row,))


@pytest.mark.parametrize(
    ("before", "price", "quantity", "after"),
    [
        (Severity.REDUCE, None, "-1", Severity.REDUCE),
        (Severity.CLEAR, None, "-1", Severity.CLEAR),
        (Severity.REDUCE, None, "0", Severity.CLEAR),
        (Severity.REDUCE, "90000", "-1", Severity.CLEAR),
        (Severity.CLEAR, "63000", "-1", Severity.REDUCE),
    ],
    ids=["left out", "never told", "closed", "far", "near"],
)
def test_how_near_a_liquidation_was_stays_true_until_something_else_is_known(
    before: Severity, price: str | None, quantity: str, after: Severity
) -> None:
    policy = policy_of(hedge_of())
    (hedge,) = policy.hedges
    state = hedging("1", "-1", policy=policy)
    view = replace(state.accounts[ACCOUNT], reading=alone(price, quantity))
    memory = replace(state.hedges["btc"], liquidation_severity=before)
    judged = judge_margin(state._replace(accounts={ACCOUNT: view}), hedge, memory)
    assert judged.liquidation_severity is after


# --- two positions on one coin that share a margin --------------------------------------------------------------------

TWIN = InstrumentId(ACCOUNT, "BTC/USDC:USDC")


@pytest.mark.parametrize(
    ("own", "other", "isolated", "distance"),
    [
        ("-1", "-1", False, 18_000 / 120_600),
        ("1", "1", False, 18_000 / 120_000),
        ("-1", "0.5", False, 18_000 / 60_600),
        ("-1", "3", False, 18_000 / 60_600),
        ("-1", "-1", True, 18_000 / 60_600),
    ],
    ids=["two shorts", "two longs", "partly against it", "the rest of it against it", "of its own margin"],
)
def test_what_else_is_held_on_the_coin_out_of_one_margin_brings_liquidation_nearer(
    own: str, other: str, isolated: bool, distance: float
) -> None:
    """18,600 of equity less 600 of maintenance, for 60,000 a coin: twice the coins, half the way."""
    policy = policy_of(hedge_of(instruments=(perpetual(), TWIN)))
    mode = MarginMode.ISOLATED if isolated else MarginMode.CROSS
    rows = (position_at(own), position_at(other, id=TWIN, margin_mode=mode))
    margin = Margin(equity=D(18_600), maintenance_margin=D(600), initial_margin=D(0), available=D(0))
    state = hedging("1", policy=policy)
    state = state._replace(instruments={**state.instruments, TWIN: instrument_of(id=TWIN)})
    view = replace(state.accounts[ACCOUNT], reading=replace(reading_of("1"), positions=rows, margin=margin))
    state = state._replace(accounts={ACCOUNT: view})
    found = distance_of(state, rows[0])
    assert found is not None
    assert float(found) == pytest.approx(distance)


def test_two_inverse_shorts_that_one_wallet_covers_only_singly_have_a_liquidation_price() -> None:
    """1.5 coins for twice one coin short: they are gone where the price is four times what it is."""
    second = InstrumentId(ACCOUNT, "BTC/USD:BTC-261225")
    rules = {id: replace(contract("100"), id=id) for id in (COIN_ID, second)}
    policy = policy_of(hedge_of(instruments=(COIN_ID, second)))
    rows = tuple(
        position_at("-600", id=id, contract_multiplier=D(100), payoff=Payoff.INVERSE) for id in (COIN_ID, second)
    )
    wallet = Margin(equity=D("1.5"), maintenance_margin=D(0), initial_margin=D(0), available=D(0))
    state = hedging(policy=policy)._replace(instruments=rules)
    read = replace(reading_of("0"), positions=rows, coin_margins={"BTC": wallet})
    state = state._replace(accounts={ACCOUNT: replace(state.accounts[ACCOUNT], reading=read)})
    assert [float(d) for d in liquidation_distances(state, policy.hedges[0])] == pytest.approx([3.0, 3.0])


# --- slices that the price has made too small -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("least", "units"), [("0", "0.004"), ("240", "0.004"), ("300", "0.005"), ("6000", "0.1")], ids=str
)
def test_a_slice_that_is_less_than_the_venue_takes_is_the_smallest_order(least: str, units: str) -> None:
    """At 60,000 a least worth of 300 is 0.005 coins. Where prices fall, a slice that was enough must not end it all."""
    policy = policy_of(hedge_of(execution={"slice_quantity": D("0.004")}))
    state = hedging("1", "0", policy=policy, instrument=instrument_of(min_notional=D(least)))
    _, results = feed(state, (NOW + 1, TimePassed()), policy=policy)
    (order,) = placed(results)
    assert order.quantity == D(units)


# --- a rest that no order takes off -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("rest", "expected"), [("0.001", (AT_ONE, "0.5")), ("0.2", (AT_TWO, "0.2"))], ids=str)
def test_a_rest_that_is_less_than_the_venue_takes_holds_up_no_hedge(
    rest: str, expected: tuple[InstrumentId, str]
) -> None:
    """Half a coin is to be sold. What stands against it elsewhere goes first, unless no order is so small."""
    policy = several()
    held = {AT_ONE: "-1", AT_TWO: rest}
    _, results = feed(at_hand(policy, held, spot=D("1.5") - D(rest)), (NOW + 1, TimePassed()), policy=policy)
    (order,) = placed(results)
    assert (order.id, order.side, order.quantity) == (expected[0], Side.SELL, D(expected[1]))
