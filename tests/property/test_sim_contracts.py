"""Contracts of every payoff, options and expiry: nothing appears or disappears, and liquidation is where it belongs."""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hedger.model.instrument import Payoff
from hedger.model.numeric import ZERO
from hedger.model.option import OptionType
from hedger.model.order import Side
from hedger.model.spans import MINUTE_MS
from hedger.sim import margin
from hedger.sim.exchange import Exchange
from hedger.sim.ledger import Holding
from hedger.sim.listings import MAJOR_TIERS
from hedger.sim.nouns import OrderKind, Refused, Wallet
from tests.support.contract_exchange import (
    DATED,
    EXPIRY,
    INVERSE_DATED,
    INVERSE_PERP,
    LINEAR_PERP,
    PERP,
    an_option,
    contract_exchange,
    take,
)

D = Decimal
USERS = ("a", "b")
CONTRACTS = (LINEAR_PERP, PERP, DATED.symbol, INVERSE_DATED.symbol)
ORDERS = st.tuples(
    st.just("order"),
    st.sampled_from(USERS),
    st.sampled_from(CONTRACTS),
    st.sampled_from(Side),
    st.sampled_from(OrderKind),
    st.integers(1, 3000),
    st.integers(-20, 20),
    st.booleans(),
)
CROWD = st.tuples(
    st.just("crowd"), st.sampled_from(CONTRACTS), st.sampled_from(Side), st.integers(-30, 30), st.integers(0, 5000)
)
OPTIONS = st.tuples(
    st.just("option"),
    st.sampled_from(USERS),
    st.sampled_from(("40000", "60000", "70000")),
    st.sampled_from(OptionType),
    st.sampled_from((Payoff.LINEAR, Payoff.INVERSE)),
    st.integers(-3, 3).filter(bool),
    st.sampled_from((None, "0.01")),
)
MOVES = st.tuples(st.just("move"), st.integers(40_000, 80_000))
WAITS = st.tuples(st.just("wait"), st.integers(1, 30))
STEPS = st.lists(ORDERS | ORDERS | CROWD | OPTIONS | MOVES | WAITS, max_size=25)


def world() -> Exchange:
    exchange = contract_exchange(*USERS, contracts=(INVERSE_PERP, DATED, INVERSE_DATED), coins="1", linear="30000")
    for user in USERS:
        exchange.deposit(user, Wallet.SPOT, "BTC", D("0.5"))
    for user, symbol, quantity in (("a", PERP, "2000"), ("b", PERP, "-900"), ("a", INVERSE_DATED.symbol, "-700")):
        take(exchange, symbol, quantity, "60000", user)
    for user, symbol, quantity in (("a", LINEAR_PERP, "-1"), ("b", DATED.symbol, "2")):
        take(exchange, symbol, quantity, "60000", user)
    return exchange


def play(exchange: Exchange, step: Any) -> None:
    match step:
        case ("move", price):
            exchange.set_index("BTC", D(price))
            exchange.refresh_marks()
        case ("wait", minutes):
            exchange.advance(exchange.now + minutes * MINUTE_MS)
        case ("crowd", symbol, side, offset, size):
            if symbol in exchange.floor.contracts:
                listing = exchange.floor.contract(symbol).listing
                exchange.set_crowd(
                    listing.wallet, symbol, side, D(60_000 - side.sign * 15 + offset), size * listing.lot_size
                )
        case ("option", user, strike, option_type, payoff, quantity, premium):
            if exchange.now < EXPIRY:
                option = an_option(strike, option_type, payoff)
                paid = D(premium) if premium is not None else None
                suppress(lambda: exchange.grant_option(user, option, D(quantity), premium=paid))
        case (_, user, symbol, side, kind, lots, offset, reduce_only):
            if symbol in exchange.floor.contracts:
                listing = exchange.floor.contract(symbol).listing
                suppress(
                    lambda: exchange.place(
                        user,
                        listing.wallet,
                        symbol,
                        side=side,
                        kind=kind,
                        quantity=lots * listing.lot_size,
                        price=D(60_000 + offset),
                        reduce_only=reduce_only,
                        client_order_id="",
                    )
                )
        case _:
            raise AssertionError(step)


def suppress(act: Any) -> None:
    try:
        act()
    except Refused:
        return


def held(exchange: Exchange) -> dict[str, Decimal]:
    """All that everybody has of USDT and BTC, positions at the marks, options left out (they cancel)."""
    floor = exchange.floor
    ledger = floor.ledger
    found = {asset: ledger.insurances[asset] + ledger.fees[asset] for asset in ("USDT", "BTC")}
    for account in ledger.everyone():
        for asset in found:
            found[asset] += account.spot[asset] + account.wallets[asset]
        for symbol, holding in floor.board.held(account):
            found[floor.board.contracts[symbol].settle] += holding.unrealized(floor.marks[symbol])
    return found


@settings(max_examples=40)
@given(STEPS)
def test_neither_dollars_nor_coins_appear_or_disappear(steps: list[Any]) -> None:
    exchange = world()
    ledger = exchange.floor.ledger
    for step in [*steps, ("wait", 71)]:
        play(exchange, step)
        for asset, quantity in held(exchange).items():
            assert abs(quantity - ledger.deposited[asset]) < D("1e-9"), asset
        for symbol in exchange.floor.contracts:
            assert sum(account.holding(symbol).quantity for account in ledger.everyone()) == 0
        for symbol in exchange.floor.options.listings:
            assert sum(account.options[symbol] for account in ledger.everyone() if symbol in account.options) == 0
    assert not any(account.options for account in ledger.everyone())
    assert DATED.symbol not in exchange.floor.contracts


@settings(max_examples=40)
@given(STEPS)
def test_who_holds_contracts_has_more_equity_than_maintenance_in_each_wallet(steps: list[Any]) -> None:
    exchange = world()
    for step in steps:
        play(exchange, step)
        exchange.refresh_marks()
        board = exchange.floor.board
        for user in USERS:
            account = exchange.floor.account(user)
            for asset in board.assets(account):
                assert board.cross_equity(account, asset) > board.cross_maintenance(account, asset)


# --- liquidation prices ----------------------------------------------------------------------------------------------

SIZES = st.integers(1, 200_000).map(lambda size: D(size) / 1000)
SIGNS = st.sampled_from((1, -1))
PRICES = st.integers(1_000, 200_000).map(D)
SHARES = st.integers(6, 250).map(lambda share: D(share) / 100)


@given(SIZES, SIGNS, PRICES, SHARES)
def test_a_linear_position_has_just_its_maintenance_margin_at_its_liquidation_price(
    size: Decimal, sign: int, entry: Decimal, share: Decimal
) -> None:
    quantity, balance = sign * size, size * entry * share
    price = margin.liquidation_price(quantity, quantity * entry, balance, MAJOR_TIERS)

    def room(at: Decimal) -> Decimal:
        return balance + quantity * (at - entry) - margin.maintenance(MAJOR_TIERS, size * at)

    if price is None:
        assert sign > 0
        assert room(D("0.01")) > 0
        return
    assert abs(room(price)) <= 2 * size * D("0.01")
    assert room(price + sign) > 0 > room(price - sign) or price < 2


@given(SIZES, SIGNS, PRICES, SHARES)
def test_an_inverse_position_has_just_its_maintenance_margin_at_its_liquidation_price(
    size: Decimal, sign: int, entry: Decimal, share: Decimal
) -> None:
    quantity = sign * (size * entry / 100).quantize(D(1)) or D(sign)
    holding = Holding(inverse=True, multiplier=D(100))
    holding.trade(quantity, entry)
    balance = abs(quantity) * 100 / entry * share
    tiers = INVERSE_PERP.tiers
    price = margin.inverse_liquidation_price(quantity, holding.cost, balance, tiers, D(100))

    def room(at: Decimal) -> Decimal:
        return balance + holding.unrealized(at) - margin.maintenance(tiers, abs(quantity) * 100 / at)

    if price is None:
        assert sign < 0
        assert room(D("1e12")) > 0
        return
    assert abs(room(price)) <= D("1e-6") * max(balance, D(1))
    step = price / 10_000
    assert room(price + sign * step) > 0 > room(price - sign * step)


@given(st.integers(1, 100_000), PRICES, PRICES)
def test_dollars_in_coins_hedged_by_as_many_are_worth_the_same_at_any_price(
    contracts: int, entry: Decimal, price: Decimal
) -> None:
    holding = Holding(inverse=True, multiplier=D(100))
    holding.trade(D(-contracts), entry)
    coins = contracts * 100 / entry
    assert abs((coins + holding.unrealized(price)) * price - contracts * 100) <= D("1e-11") * price + D("1e-9")


@given(st.lists(st.tuples(st.integers(-50, 50).filter(bool), st.integers(900, 1100)), max_size=20))
def test_inverse_profit_realized_and_not_is_what_the_trades_earned(trades: list[tuple[int, int]]) -> None:
    holding, realized, cash = Holding(inverse=True, multiplier=D(10)), ZERO, ZERO
    for contracts, price in trades:
        realized += holding.trade(D(contracts), D(price))
        cash += D(contracts) * 10 / price
    mark = D(1000)
    assert abs(realized + holding.unrealized(mark) - (cash - holding.quantity * 10 / mark)) < D("1e-9")
