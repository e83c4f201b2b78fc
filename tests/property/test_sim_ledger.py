"""Whatever is traded, no money appears or disappears: users, crowd and house hold what was deposited."""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hedger.model.numeric import ZERO
from hedger.model.order import Side
from hedger.sim.exchange import Exchange
from hedger.sim.ledger import Holding
from hedger.sim.nouns import USDT_WALLETS, OrderKind, Refused, Wallet
from tests.support.bare_exchange import LINEAR, SYMBOL, funded, order

USERS = ("a", "b")
ORDERS = st.tuples(
    st.sampled_from(USERS),
    st.sampled_from(USDT_WALLETS),
    st.sampled_from(Side),
    st.sampled_from(OrderKind),
    st.integers(1, 4000),
    st.integers(-20, 20),
    st.booleans(),
)
CROWD = st.tuples(st.sampled_from(USDT_WALLETS), st.sampled_from(Side), st.integers(-30, 30), st.integers(0, 50))
MOVES = st.integers(45_000, 75_000)
STEPS = st.lists(ORDERS | CROWD | MOVES, max_size=30)


def world() -> Exchange:
    exchange = funded(*USERS, linear="20000")
    for user in USERS:
        exchange.deposit(user, Wallet.SPOT, "USDT", Decimal(100_000))
        exchange.deposit(user, Wallet.SPOT, "BTC", Decimal(2))
    return exchange


def play(exchange: Exchange, step: Any) -> None:
    match step:
        case int():
            exchange.set_index("BTC", Decimal(step))
            exchange.advance(exchange.now + 600_000)
        case (wallet, side, offset, lots):
            price = Decimal(60_000 - side.sign * 15 + offset)
            exchange.set_crowd(wallet, SYMBOL, side, price, Decimal(lots) / 10)
        case _:
            user, wallet, side, kind, lots, offset, reduce_only = step
            limit, quantity = str(60_000 + offset), str(Decimal(lots) / 1000)
            try:
                order(exchange, side, quantity, limit, user=user, wallet=wallet, kind=kind, reduce_only=reduce_only)
            except Refused:
                return


@settings(max_examples=60)
@given(STEPS)
def test_no_money_appears_or_disappears(steps: list[Any]) -> None:
    exchange = world()
    ledger = exchange.floor.ledger
    for step in steps:
        play(exchange, step)
        mark = exchange.premium(SYMBOL).mark_price
        held = {"USDT": ledger.insurance + ledger.fees["USDT"], "BTC": ledger.fees["BTC"]}
        for account in ledger.everyone():
            held["USDT"] += account.spot["USDT"] + account.wallet_balance
            held["USDT"] += account.holding(SYMBOL).unrealized(mark)
            held["BTC"] += account.spot["BTC"]
        assert held["BTC"] == ledger.deposited["BTC"]
        assert abs(held["USDT"] - ledger.deposited["USDT"]) < Decimal("1e-9")
        assert sum(account.holding(SYMBOL).quantity for account in ledger.everyone()) == 0


@settings(max_examples=60)
@given(STEPS)
def test_no_wallet_is_overdrawn_and_no_reduce_only_order_can_turn_a_position(steps: list[Any]) -> None:
    exchange = world()
    for step in steps:
        play(exchange, step)
        for user in USERS:
            assert all(free >= 0 for free, _ in exchange.spot_balances(user).values())
            held = exchange.truth(user).positions[SYMBOL]
            for side in Side:
                closing = [o for o in exchange.open_orders(user, LINEAR) if o.reduce_only and o.side is side]
                open_quantity = sum((o.quantity - o.filled for o in closing), ZERO)
                assert open_quantity <= max(ZERO, -side.sign * held)


@settings(max_examples=60)
@given(STEPS)
def test_every_order_is_filled_by_exactly_its_trades(steps: list[Any]) -> None:
    exchange = world()
    for step in steps:
        play(exchange, step)
    for user in USERS:
        account = exchange.floor.account(user)
        for placed in account.orders.values():
            trades = exchange.trades(user, placed.wallet, SYMBOL)
            mine = [t for t in trades if t.order_id == placed.order_id]
            assert sum((t.quantity for t in mine), ZERO) == placed.filled <= placed.quantity
            assert sum((t.quantity * t.price for t in mine), ZERO) == placed.quote_filled
            assert not (placed.kind is OrderKind.POST_ONLY and any(not t.maker for t in mine))


@given(st.lists(st.tuples(st.integers(-50, 50).filter(bool), st.integers(900, 1100)), max_size=20))
def test_profit_realized_and_not_is_what_the_trades_earned(trades: list[tuple[int, int]]) -> None:
    holding, realized, cash = Holding(), ZERO, ZERO
    for lots, price in trades:
        signed = Decimal(lots) / 10
        realized += holding.trade(signed, Decimal(price))
        cash -= signed * price
    mark = Decimal(1000)
    assert realized + holding.unrealized(mark) == cash + holding.quantity * mark
