"""Tiers, liquidation and deleveraging of the simulated exchange."""

from decimal import Decimal

import pytest

from hedger.sim import margin
from hedger.sim.exchange import Exchange
from hedger.sim.listings import MAJOR_TIERS
from hedger.sim.nouns import OrderState, UserTrade
from tests.support.bare_exchange import (
    BUY,
    LINEAR,
    SELL,
    SYMBOL,
    funded,
    hold,
    lay,
    liquidation_price,
    order,
    position,
    set_mark,
)

D = Decimal
CENT = D("0.01")


def last_trade(exchange: Exchange, user: str = "main") -> UserTrade:
    return exchange.trades(user, LINEAR, SYMBOL)[-1]


# --- tiers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", MAJOR_TIERS[:-1])
def test_maintenance_margin_is_continuous_where_tiers_meet(tier) -> None:
    edge = tier.notional_cap
    above = edge + D("0.0001")
    assert margin.maintenance(MAJOR_TIERS, above) - margin.maintenance(MAJOR_TIERS, edge) < CENT


def test_the_amounts_of_the_tiers_are_those_of_the_published_table() -> None:
    assert [tier.cum for tier in MAJOR_TIERS[:5]] == [0, 300, 1500, 12000, 132000]


def test_a_one_times_short_is_liquidated_near_twice_its_entry() -> None:
    price = margin.liquidation_price(D(-1), D(-60000), D(60000), MAJOR_TIERS)
    assert price == (D(120000) / D("1.004")).quantize(CENT, "ROUND_FLOOR")


def test_a_one_times_long_has_no_liquidation_price() -> None:
    assert margin.liquidation_price(D(1), D(60000), D(60000), MAJOR_TIERS) is None
    assert margin.liquidation_price(D(0), D(0), D(60000), MAJOR_TIERS) is None


def test_the_tier_is_that_at_the_liquidation_price() -> None:
    quantity, cost, balance = D(-6), D(-360000), D(500000)
    price = margin.liquidation_price(quantity, cost, balance, MAJOR_TIERS)
    assert price is not None
    equity = balance + quantity * price - cost
    assert abs(equity - margin.maintenance(MAJOR_TIERS, -quantity * price)) < D("0.1")
    assert -quantity * price > 800_000


def test_closing_at_the_bankruptcy_price_leaves_nothing() -> None:
    for quantity in (D(2), D(-2)):
        price = margin.bankruptcy_price(quantity, D(60000), D(3000))
        assert D(3000) + quantity * (price - D(60000)) == 0


# --- liquidation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("quantity", "outwards"), [("-4", 1), ("4", -1), ("-20", 1), ("20", -1)])
@pytest.mark.parametrize("isolated", [False, True])
def test_liquidation_happens_at_the_liquidation_price_and_not_before(
    quantity: str, outwards: int, isolated: bool
) -> None:
    exchange = funded(linear="120000")
    if isolated:
        exchange.set_isolated("main", SYMBOL, True)
    hold(exchange, quantity)
    price = liquidation_price(exchange)
    set_mark(exchange, price - outwards * 2 * CENT)
    assert exchange.truth("main").liquidations == 0
    set_mark(exchange, price + outwards * 2 * CENT)
    assert exchange.truth("main").liquidations >= 1


def test_the_liquidation_price_counts_the_other_positions() -> None:
    exchange = funded(linear="20000", coins=("BTC", "ETH"))
    hold(exchange, "-1")
    alone = liquidation_price(exchange)
    placed = order(exchange, BUY, "50", "3000", symbol="ETHUSDT")
    exchange.crowd_takes(LINEAR, "ETHUSDT", SELL, D(50))
    assert placed.state is OrderState.FILLED
    set_mark(exchange, "2900", coin="ETH")
    price = liquidation_price(exchange)
    assert price < alone - 4_999
    set_mark(exchange, price - 2 * CENT)
    assert exchange.truth("main").liquidations == 0
    set_mark(exchange, price + 2 * CENT)
    assert exchange.truth("main").liquidations >= 1


def test_a_large_position_is_liquidated_in_part_down_to_the_floor_of_its_tier() -> None:
    exchange = funded(linear="120000")
    hold(exchange, "-20")
    lay(exchange, SELL, "65000", "50")
    set_mark(exchange, liquidation_price(exchange) + 1)
    truth = exchange.truth("main")
    assert truth.liquidations == 1
    assert D(-13) < truth.positions[SYMBOL] < D(-12)  # 800,000 USDT at the mark
    trade = last_trade(exchange)
    assert not trade.maker
    assert trade.client_order_id.startswith("autoclose-")
    account = exchange.linear_account("main")
    assert account.equity > account.maintenance_margin


def test_a_position_in_the_first_tier_is_closed_whole_and_working_orders_go() -> None:
    exchange = funded(linear="10000")
    hold(exchange, "-2")
    resting = order(exchange, SELL, "0.01", "70000")
    lay(exchange, SELL, "64800", "50")
    set_mark(exchange, "64800")
    assert position(exchange) == 0
    assert resting.state is OrderState.CANCELED
    assert exchange.linear_account("main").wallet_balance >= 0


def test_what_the_house_takes_for_a_liquidation_is_not_more_than_there_is() -> None:
    exchange = funded(linear="10000")
    hold(exchange, "-2")
    lay(exchange, SELL, "64800", "50")
    set_mark(exchange, "64800")
    assert exchange.linear_account("main").wallet_balance == 0
    assert exchange.floor.ledger.insurance > 0


# --- deleveraging ----------------------------------------------------------------------------------------------------


def test_a_remainder_that_the_book_does_not_absorb_deleverages_the_winner() -> None:
    exchange = funded("main", "whale")
    exchange.deposit("whale", LINEAR, "USDT", D(-100_000))
    hold(exchange, "-10", user="main")
    hold(exchange, "10", user="whale")
    exchange.set_leverage("whale", SYMBOL, 20)
    lay(exchange, BUY, "55200", "3")
    set_mark(exchange, "55100")
    assert position(exchange, "whale") == 0
    assert position(exchange) == D(-3)
    trade = last_trade(exchange)
    assert trade.client_order_id == "adl_autoclose"
    assert (trade.fee, trade.side) == (D(0), BUY)
    assert trade.realized_pnl == trade.quantity * (D(60000) - trade.price)
    assert exchange.truth("main").deleveragings == 2  # once for each of the whale's two tiers
    assert exchange.truth("main").liquidations == 0


def test_a_book_that_absorbs_the_liquidation_leaves_the_winner_alone() -> None:
    exchange = funded("main", "whale")
    exchange.deposit("whale", LINEAR, "USDT", D(-100_000))
    hold(exchange, "-10", user="main")
    hold(exchange, "10", user="whale")
    lay(exchange, BUY, "55200", "30")
    set_mark(exchange, "55100")
    assert position(exchange, "whale") == 0
    assert position(exchange) == D(-10)


def test_the_winner_with_the_highest_rank_is_deleveraged_first() -> None:
    exchange = funded("careful", "bold", "whale")
    exchange.deposit("whale", LINEAR, "USDT", D(-100_000))
    exchange.deposit("bold", LINEAR, "USDT", D(-100_000))
    for user in ("careful", "bold"):
        hold(exchange, "-6", user=user)
    hold(exchange, "8", user="whale")
    set_mark(exchange, "53000")
    assert position(exchange, "bold") == 0
    assert position(exchange, "careful") == D(-4)


def test_deleveraging_on_request_reduces_a_position_at_the_mark() -> None:
    exchange = funded()
    hold(exchange, "-2")
    assert exchange.deleverage("main", SYMBOL, D("0.5")) == D("0.5")
    assert position(exchange) == D("-1.5")
    assert exchange.deleverage("main", SYMBOL, D(5)) == D("1.5")
    assert exchange.deleverage("main", SYMBOL, D(5)) == 0


def test_deleveraging_trims_reduce_only_orders() -> None:
    exchange = funded()
    hold(exchange, "-2")
    resting = order(exchange, BUY, "2", "50000", reduce_only=True)
    exchange.deleverage("main", SYMBOL, D("0.5"))
    assert resting.quantity == D("1.5")


def test_the_deleveraging_rank_grows_with_profit() -> None:
    exchange = funded(linear="20000")
    assert exchange.positions("main")[0].adl_quantile == 0
    hold(exchange, "-2")
    assert exchange.positions("main")[0].adl_quantile == 0
    set_mark(exchange, "59900")
    assert exchange.positions("main")[0].adl_quantile == 1
    set_mark(exchange, "40000")
    assert exchange.positions("main")[0].adl_quantile > 1


def test_a_wallet_below_zero_stays_so_while_other_profit_backs_it() -> None:
    exchange = funded(linear="20000", coins=("BTC", "ETH"))
    hold(exchange, "-1")
    placed = order(exchange, BUY, "100", "3000", symbol="ETHUSDT")
    exchange.crowd_takes(LINEAR, "ETHUSDT", SELL, D(100))
    assert placed.state is OrderState.FILLED
    set_mark(exchange, "3600", coin="ETH")
    set_mark(exchange, "130000")
    set_mark(exchange, "139000")
    account = exchange.linear_account("main")
    assert exchange.truth("main").liquidations > 0
    assert account.equity >= 0
    assert exchange.floor.ledger.insurance >= 0


def test_an_isolated_liquidation_costs_no_more_than_its_margin_and_the_fee() -> None:
    exchange = funded(linear="120000")
    exchange.set_isolated("main", SYMBOL, True)
    hold(exchange, "-4")
    before = exchange.linear_account("main").wallet_balance
    set_mark(exchange, "90000")
    assert position(exchange) == 0
    lost = before - exchange.linear_account("main").wallet_balance
    assert 0 <= lost - D(12_000) < D("0.5")  # the bankruptcy price is on the tick grid


def test_a_fee_beyond_the_last_of_the_equity_is_the_insurance_funds_loss() -> None:
    exchange = funded(linear="10000")
    hold(exchange, "-2")
    ledger = exchange.floor.ledger
    lay(exchange, SELL, "64988", "50")  # the bankruptcy price, down to the tick
    set_mark(exchange, "64980")
    assert position(exchange) == 0
    assert exchange.linear_account("main").wallet_balance == 0
    assert -D(70) < ledger.insurance < 0
    wallets = sum(account.wallet_balance for account in ledger.everyone())
    crowd = ledger.crowd.holding(SYMBOL).unrealized(D(64980))
    assert wallets + crowd + ledger.insurance + ledger.fees["USDT"] == 10_000
