"""Contracts that settle in coins: profit, entry, funding, fees, margin and liquidation, all in the coin."""

from decimal import Decimal

import pytest

from hedger.model.order import Side
from hedger.sim import margin
from hedger.sim.ledger import Holding
from hedger.sim.margin import tier_of
from hedger.sim.nouns import Refused, Tier, Wallet
from tests.support.contract_exchange import INVERSE, INVERSE_PERP, PERP, contract_exchange, move, row, take

D = Decimal
TIERS = INVERSE_PERP.tiers
TINY = D("1e-9")


def inverse(quantity: str, entry: str) -> Holding:
    holding = Holding(inverse=True, multiplier=D(100))
    holding.trade(D(quantity), D(entry))
    return holding


# --- profit ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("quantity", "sign"), [("600", 1), ("-600", -1)])
def test_profit_is_the_notional_by_the_difference_of_reciprocals(quantity: str, sign: int) -> None:
    holding = inverse(quantity, "60000")
    expected = sign * D(60_000) * (1 / D(60_000) - 1 / D(80_000))
    assert abs(holding.unrealized(D(80_000)) - expected) < TINY
    assert abs(holding.trade(-D(quantity), D(80_000)) - expected) < TINY
    assert (holding.quantity, holding.cost) == (D(0), D(0))


def test_the_average_entry_is_harmonic_and_not_arithmetic() -> None:
    holding = inverse("300", "50000")
    holding.trade(D(300), D(100_000))
    assert abs(holding.entry_price - 2 / (1 / D(50_000) + 1 / D(100_000))) < D("0.01")


def test_turning_a_position_realizes_the_old_and_enters_the_rest() -> None:
    holding = inverse("300", "50000")
    realized = holding.trade(D(-500), D(60_000))
    assert abs(realized - D(30_000) * (1 / D(50_000) - 1 / D(60_000))) < TINY
    assert holding.quantity == -200
    assert abs(holding.entry_price - 60_000) < D("0.0001")


def test_fees_and_profit_are_booked_in_the_coin_and_leave_dollars_alone() -> None:
    exchange = contract_exchange()
    take(exchange, PERP, "600", "60000")
    move(exchange, "75000")
    truth = exchange.truth("main")
    assert truth.fees == {"BTC": D("0.0002")}
    assert truth.wallets == {"USDT": D(500_000), "BTC": 10 - D("0.0002")}
    assert abs(truth.unrealized["BTC"] - (1 - D("0.8"))) < TINY
    assert truth.unrealized["USDT"] == 0


@pytest.mark.parametrize(
    ("quantity", "rate", "sign"), [("600", "0.001", -1), ("-600", "0.001", 1), ("600", "-0.001", 1)]
)
def test_funding_is_paid_in_coins_by_longs_when_it_is_positive(quantity: str, rate: str, sign: int) -> None:
    exchange = contract_exchange()
    take(exchange, PERP, quantity, "60000")
    exchange.set_funding_rate(PERP, D(rate))
    before = exchange.truth("main").wallets["BTC"]
    exchange.advance(exchange.now + 3_600_000)
    record = exchange.truth("main").funding[-1]
    assert (record.asset, record.symbol) == ("BTC", PERP)
    assert record.amount == sign * D("0.001") == exchange.truth("main").wallets["BTC"] - before


# --- a static hedge --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("price", ["20000", "59000", "61000", "240000", "6000000"])
def test_a_short_of_all_the_dollars_is_worth_as_many_dollars_at_any_price(price: str) -> None:
    exchange = contract_exchange(coins="1.0002")
    exchange.set_leverage("main", PERP, 1)
    take(exchange, PERP, "-600", "60000")
    move(exchange, price)
    account = exchange.derivatives("main")["BTC"]
    assert abs(account.equity * D(price) - 60_000) < D("0.01")
    assert exchange.truth("main").liquidations == 0
    assert abs(exchange.truth("main").deltas["BTC"]) < D("1e-6")


def test_a_short_within_its_coins_has_no_liquidation_price() -> None:
    exchange = contract_exchange(coins="1.0002")
    exchange.set_leverage("main", PERP, 2)
    take(exchange, PERP, "-600", "60000")
    assert row(exchange, PERP).liquidation_price is None
    take(exchange, PERP, "-10", "60000")
    price = row(exchange, PERP).liquidation_price
    assert price is not None
    assert price > 3_000_000


# --- margin ----------------------------------------------------------------------------------------------------------


def equity_less_maintenance(quantity: Decimal, entry: Decimal, balance: Decimal, price: Decimal) -> Decimal:
    holding = inverse(str(quantity), str(entry))
    notional = abs(quantity) * 100 / price
    return balance + holding.unrealized(price) - margin.maintenance(TIERS, notional)


@pytest.mark.parametrize("quantity", ["6000", "-6000", "60000", "-60000"])
def test_equity_is_the_maintenance_margin_at_the_liquidation_price(quantity: str) -> None:
    signed, balance = D(quantity), abs(D(quantity)) / 6000 * 3
    holding = inverse(quantity, "60000")
    price = margin.inverse_liquidation_price(signed, holding.cost, balance, TIERS, D(100))
    assert price is not None
    assert (price < 60_000) is (signed > 0)
    assert abs(equity_less_maintenance(signed, D(60_000), balance, price)) < D("1e-6")


def test_the_tier_is_that_at_the_liquidation_price_where_coins_grow_as_price_falls() -> None:
    signed, balance = D(2900), D(1)
    now = tier_of(TIERS, signed * 100 / 60_000)
    price = margin.inverse_liquidation_price(signed, inverse("2900", "60000").cost, balance, TIERS, D(100))
    assert price is not None
    assert tier_of(TIERS, signed * 100 / price) is not now
    assert abs(equity_less_maintenance(signed, D(60_000), balance, price)) < D("1e-6")


def test_the_formula_of_one_tier_is_that_of_the_specification() -> None:
    signed, balance, tier = D(3000), D(2), TIERS[1]
    price = margin.inverse_liquidation_price(signed, inverse("3000", "60000").cost, balance, (tier,), D(100))
    n, entry, m = D(300_000), D(60_000), tier.maintenance_rate
    assert price is not None
    assert abs(price - n * (m + 1) / (balance + tier.cum + n / entry)) < D("0.01")


@pytest.mark.parametrize("tier", TIERS[:-1])
def test_coin_tiers_meet_without_a_step(tier: Tier) -> None:
    edge = tier.notional_cap
    above = edge + D("0.000001")
    assert margin.maintenance(TIERS, above) - margin.maintenance(TIERS, edge) < D("1e-6")


@pytest.mark.parametrize(("quantity", "outwards"), [("-6000", 1), ("6000", -1), ("-60000", 1), ("60000", -1)])
@pytest.mark.parametrize("isolated", [False, True])
def test_it_is_liquidated_at_the_liquidation_price_and_not_before(quantity: str, outwards: int, isolated: bool) -> None:
    exchange = contract_exchange(coins=str(abs(D(quantity)) / 6000 * 3))
    exchange.set_leverage("main", PERP, 5)
    if isolated:
        exchange.set_isolated("main", PERP, True)
    take(exchange, PERP, quantity, "60000")
    price = row(exchange, PERP).liquidation_price
    assert price is not None
    move(exchange, price - outwards)
    assert exchange.truth("main").liquidations == 0
    move(exchange, price + outwards)
    assert exchange.truth("main").liquidations >= 1
    assert exchange.derivatives("main")["BTC"].equity >= 0
    assert exchange.truth("main").wallets["USDT"] == 500_000


def test_dollars_do_not_save_a_position_that_coins_back() -> None:
    exchange = contract_exchange(coins="0.1", linear="50000000")
    take(exchange, PERP, "600", "60000")
    move(exchange, "54000")
    assert exchange.truth("main").liquidations == 1
    assert exchange.truth("main").positions[PERP] == 0
    assert exchange.truth("main").wallets["USDT"] == 50_000_000


def test_the_bankruptcy_price_leaves_no_coins() -> None:
    for signed in (D(60_000), D(-60_000)):
        price = margin.inverse_bankruptcy_price(signed, D(60_000), D("0.1"))
        assert price is not None
        assert abs(D("0.1") + signed / 60_000 - signed / price) < TINY
    assert margin.inverse_bankruptcy_price(D(-60_000), D(60_000), D(2)) is None


def test_orders_need_margin_in_coins_at_their_dearest_price() -> None:
    exchange = contract_exchange(coins="0.05")
    exchange.set_leverage("main", PERP, 10)
    with pytest.raises(Refused):
        take(exchange, PERP, "310", "60000")
    with pytest.raises(Refused):
        take(exchange, PERP, "290", "50000")
    take(exchange, PERP, "290", "60000")


def test_coins_move_between_the_spot_wallet_and_the_wallet_of_the_coin() -> None:
    exchange = contract_exchange(coins="2")
    exchange.transfer("main", "BTC", D("0.5"), to=Wallet.SPOT)
    assert exchange.truth("main").spot["BTC"] == D("0.5")
    exchange.transfer("main", "BTC", D("0.25"), to=INVERSE)
    assert exchange.truth("main").wallets["BTC"] == D("1.75")
    take(exchange, PERP, "1200", "60000")
    with pytest.raises(Refused):
        exchange.transfer("main", "BTC", D("1.75"), to=Wallet.SPOT)


def test_deleveraging_takes_an_inverse_position_too() -> None:
    exchange = contract_exchange()
    take(exchange, PERP, "-600", "60000")
    assert exchange.deleverage("main", PERP, D(200)) == 200
    assert exchange.truth("main").positions[PERP] == -400
    assert exchange.trades("main", INVERSE, PERP)[-1].side is Side.BUY
