"""Two accounts on two venues, in two kinds of money: what is paid and filled stands in one ledger, each once."""

from dataclasses import replace
from decimal import Decimal as D

from hedger.engine.known.policy import Peg
from hedger.engine.known.state import State
from hedger.engine.step import step
from hedger.model.account import FundingPayment
from hedger.model.instrument import InstrumentId
from hedger.model.message import FundingRead, Stamped
from tests.support.engine_policies import instrument_of
from tests.support.engine_worlds import NOW, fill_of, order_of, quote_at
from tests.support.several_worlds import AT_ONE, ONE, TWO, at_hand, several

IN_CIRCLE = InstrumentId(TWO, "BTC/USDC:USDC")
PAIR = InstrumentId(TWO, "USDC/USDT")
CIRCLE = Peg(asset="USDC", par=D(1), limit=D(500), source=PAIR)
POLICY = several(AT_ONE, IN_CIRCLE, pegs=(CIRCLE,))


def world(price: str = "0.98") -> State:
    """A hedge in USDT on the one venue and in USDC on the other, at a price of USDC."""
    rules = {IN_CIRCLE: instrument_of(id=IN_CIRCLE, quote="USDC", settle="USDC")}
    orders = [order_of(id=AT_ONE, sequence=1), order_of(id=IN_CIRCLE, sequence=2)]
    state = at_hand(POLICY, {AT_ONE: "-0.5", IN_CIRCLE: "-0.5"}, rules=rules, orders=orders)
    pair = quote_at(price, price, id=PAIR)
    return state._replace(quotes={**state.quotes, PAIR: (pair, NOW)})


def paid(id: InstrumentId, amount: str, asset: str) -> Stamped:
    payment = FundingPayment(id=id, payment_id="17", amount=D(amount), asset=asset, exchange_at=NOW)
    return Stamped(NOW, FundingRead(account=id.account, requested_at=NOW, since_at=0, payments=(payment,)))


def test_funding_of_both_venues_is_booked_in_the_money_of_the_first_though_their_numbers_are_alike() -> None:
    state = world()
    for event in (paid(AT_ONE, "10", "USDT"), paid(IN_CIRCLE, "-5", "USDC")) * 2:
        state = step(state, event, POLICY).state
    assert state.ledgers["btc"].funding == 10 - 5 * D("0.98")
    assert {name: len(seen) for name, seen in state.funding_seen.items()} == {ONE: 1, TWO: 1}


def test_fills_of_both_venues_are_booked_once_though_their_numbers_are_alike() -> None:
    state = world()
    orders = {order.id: order for order in state.orders.values()}
    fills = [
        fill_of(orders[AT_ONE], "0.1", "9", fee=D(1), fee_asset="USDT"),
        fill_of(orders[IN_CIRCLE], "0.1", "9", fee=D(2), fee_asset="USDC"),
    ]
    for fill in fills * 2:
        state = step(state, Stamped(NOW, fill), POLICY).state
    ledger = state.ledgers["btc"]
    assert (ledger.fills, ledger.fees) == (2, -1 - 2 * D("0.98"))
    assert ledger.notional == D("0.1") * 60_000 * (1 + D("0.98"))
    assert state.accounts[ONE].fills_since == {AT_ONE: D("-0.1")}
    assert state.accounts[TWO].fills_since == {IN_CIRCLE: D("-0.1")}


def test_a_fee_in_a_third_asset_is_kept_as_what_it_was() -> None:
    state = world()
    order = next(order for order in state.orders.values() if order.id == IN_CIRCLE)
    fill = replace(fill_of(order, "0.1", fee=D("0.01")), fee_asset="BNB")
    assert step(state, Stamped(NOW, fill), POLICY).state.ledgers["btc"].other_fees == {"BNB": D("-0.01")}
