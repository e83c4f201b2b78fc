"""How dated contracts and options end on the simulated exchange."""

from dataclasses import replace
from decimal import Decimal

import pytest

from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.option import OptionType
from hedger.model.order import FillCause, Side
from hedger.model.spans import MINUTE_MS
from hedger.sim import translation as words
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import ListingNews, News, OrderKind, OrderState, Refused, Wallet
from tests.support.contract_exchange import (
    DATED,
    EXPIRY,
    INVERSE,
    INVERSE_DATED,
    an_option,
    contract_exchange,
    move,
    row,
    take,
)

D = Decimal
CALL, PUT = OptionType.CALL, OptionType.PUT


def end(exchange: Exchange, price: str) -> None:
    """Let everything expire with the index standing at a price since before the average."""
    move(exchange, price)
    exchange.advance(EXPIRY)


# --- the average -----------------------------------------------------------------------------------------------------


def test_the_final_price_is_the_mean_of_the_index_once_a_second_over_the_window() -> None:
    exchange = contract_exchange()
    exchange.advance(EXPIRY - 30 * MINUTE_MS)
    for minute in range(30):
        exchange.set_index("BTC", D(60_000 + 100 * minute))
        exchange.advance(EXPIRY - (29 - minute) * MINUTE_MS)
    settled = exchange.expiries.settled[Wallet.LINEAR, DATED.symbol]
    assert (settled.price, settled.at) == (D(61_450), EXPIRY)
    assert exchange.expiries.settled[INVERSE, INVERSE_DATED.symbol].price == D(61_450)


def test_prices_before_the_window_and_after_the_expiry_do_not_count() -> None:
    exchange = contract_exchange()
    exchange.set_index("BTC", D(90_000))
    exchange.advance(EXPIRY - 30 * MINUTE_MS)
    exchange.set_index("BTC", D(60_000))
    exchange.advance(EXPIRY)
    exchange.set_index("BTC", D(10_000))
    exchange.advance(EXPIRY + MINUTE_MS)
    assert exchange.expiries.settled[Wallet.LINEAR, DATED.symbol].price == 60_000


def test_the_mark_goes_over_to_the_average_while_it_is_taken() -> None:
    exchange = contract_exchange()
    exchange.advance(EXPIRY - 15 * MINUTE_MS)
    move(exchange, "62000")
    assert abs(exchange.premium(DATED.symbol).mark_price - 61_000) < 2
    assert exchange.premium(DATED.symbol).index_price == 62_000


# --- contracts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("quantity", "profit"), [("2", "5000"), ("-2", "-5000")])
def test_a_linear_position_is_closed_at_the_final_price_without_a_fee(quantity: str, profit: str) -> None:
    exchange = contract_exchange()
    take(exchange, DATED.symbol, quantity, "60000")
    before = exchange.truth("main").wallets["USDT"]
    end(exchange, "62500")
    truth = exchange.truth("main")
    trade = truth.trades[-1]
    assert (trade.price, trade.quantity, trade.fee, trade.realized_pnl) == (D(62_500), D(2), D(0), D(profit))
    assert truth.wallets["USDT"] - before == D(profit)
    assert DATED.symbol not in truth.positions


@pytest.mark.parametrize("sign", [1, -1])
def test_an_inverse_position_is_closed_in_coins(sign: int) -> None:
    exchange = contract_exchange()
    take(exchange, INVERSE_DATED.symbol, str(600 * sign), "60000")
    before = exchange.truth("main").wallets["BTC"]
    end(exchange, "75000")
    profit = exchange.truth("main").wallets["BTC"] - before
    assert abs(profit - sign * (1 - D("0.8"))) < D("1e-9")


def test_the_settlement_is_told_as_a_settlement() -> None:
    exchange = contract_exchange()
    take(exchange, DATED.symbol, "2", "60000")
    end(exchange, "60000")
    trade = exchange.trades("main", Wallet.LINEAR, DATED.symbol)[-1]
    id = InstrumentId("main", words.unified_symbol(DATED))
    assert words.fill(id, trade).cause is FillCause.SETTLEMENT
    assert words.fill(id, trade).side is Side.SELL


def test_working_orders_are_canceled_and_new_ones_find_no_listing() -> None:
    exchange = contract_exchange()
    terms = {"side": Side.BUY, "kind": OrderKind.LIMIT, "quantity": D(1), "price": D(50_000), "reduce_only": False}
    order = exchange.place("main", Wallet.LINEAR, DATED.symbol, client_order_id="mine", **terms)  # type: ignore[arg-type]
    end(exchange, "60000")
    assert order.state is OrderState.CANCELED
    assert exchange.find_order("main", Wallet.LINEAR, DATED.symbol, client_order_id="mine") is order
    with pytest.raises(Refused):
        exchange.place("main", Wallet.LINEAR, DATED.symbol, client_order_id="again", **terms)  # type: ignore[arg-type]


def test_the_next_quarters_contract_is_listed_at_once_and_the_news_says_so() -> None:
    exchange = contract_exchange()
    heard: list[News] = []
    exchange.subscribe(heard.append)
    end(exchange, "60000")
    told = [news for news in heard if isinstance(news, ListingNews)]
    assert (Wallet.LINEAR, DATED.symbol) not in exchange.listings
    assert exchange.listings[Wallet.LINEAR, "BTCUSDT_231229"].expiry_at == 1_703_836_800_000
    assert exchange.listings[INVERSE, "BTCUSD_231229"].contract_multiplier == 100
    assert [(n.symbol, n.settled_at_price) for n in told[:2]] == [(DATED.symbol, 60_000), ("BTCUSDT_231229", None)]
    assert row(exchange, "BTCUSDT_231229").mark_price == 60_000


def test_a_chain_of_two_goes_on_after_its_last_one() -> None:
    later = replace(DATED, symbol="BTCUSDT_231229", expiry_at=1_703_836_800_000)
    exchange = contract_exchange(contracts=(DATED, later))
    end(exchange, "60000")
    assert sorted(exchange.floor.contracts) == ["BTCUSDT", "BTCUSDT_231229", "BTCUSDT_240329"]


def test_dated_contracts_pay_no_funding_and_wait_for_their_expiry() -> None:
    exchange = contract_exchange()
    take(exchange, DATED.symbol, "2", "60000")
    exchange.set_funding_rate(DATED.symbol, D("0.01"))
    assert exchange.premium(DATED.symbol).funding_rate == 0
    assert exchange.premium(DATED.symbol).next_funding_at == EXPIRY
    exchange.advance(EXPIRY - 1)
    assert exchange.truth("main").funding == []


# --- options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option_type", "price", "intrinsic"),
    [(CALL, "75000", "5000"), (CALL, "70000", "0"), (CALL, "69000", "0"), (PUT, "56000", "14000"), (PUT, "75000", "0")],
)
@pytest.mark.parametrize("quantity", ["2", "-2"])
@pytest.mark.parametrize("payoff", [Payoff.LINEAR, Payoff.INVERSE])
def test_an_option_pays_its_intrinsic_value_and_nothing_out_of_the_money(
    option_type: OptionType, price: str, intrinsic: str, quantity: str, payoff: Payoff
) -> None:
    exchange = contract_exchange()
    exchange.grant_option("main", an_option("70000", option_type, payoff), D(quantity))
    end(exchange, price)
    truth, asset = exchange.truth("main"), "USDT" if payoff is Payoff.LINEAR else "BTC"
    worth = D(intrinsic) if payoff is Payoff.LINEAR else D(intrinsic) / D(price)
    assert abs(truth.option_cash[asset] - D(quantity) * worth) < D("1e-9")
    assert truth.wallets[asset] == (500_000 if asset == "USDT" else 10) + truth.option_cash[asset]
    assert truth.options == {}


def test_an_option_is_settled_at_the_average_and_not_at_the_last_price() -> None:
    exchange = contract_exchange()
    exchange.grant_option("main", an_option("60000", CALL, Payoff.LINEAR), D(1))
    exchange.advance(EXPIRY - 15 * MINUTE_MS)
    exchange.set_index("BTC", D(62_000))
    exchange.advance(EXPIRY)
    assert abs(exchange.truth("main").option_cash["USDT"] - 1_000) < 2


def test_coins_in_the_spot_wallet_pay_what_the_wallet_cannot() -> None:
    exchange = contract_exchange(linear="1000")
    exchange.deposit("main", Wallet.SPOT, "BTC", D(1))
    exchange.grant_option("main", an_option("60000", CALL, Payoff.LINEAR), D(-1))
    end(exchange, "80000")
    truth = exchange.truth("main")
    assert truth.wallets["USDT"] >= 0
    assert truth.spot["BTC"] == 1 - D(19_000) / 80_000
    assert exchange.floor.ledger.insurance == 0


def test_a_covered_call_in_the_coin_is_paid_from_the_spot_wallet_if_need_be() -> None:
    exchange = contract_exchange(coins="0.1")
    exchange.deposit("main", Wallet.SPOT, "BTC", D(1))
    exchange.grant_option("main", an_option("60000"), D(-1))
    end(exchange, "80000")
    truth = exchange.truth("main")
    assert (truth.wallets["BTC"], truth.spot["BTC"]) == (D(0), D("0.85"))
