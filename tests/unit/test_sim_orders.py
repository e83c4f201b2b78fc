"""Which orders the simulated exchange accepts, and what their executions book."""

from decimal import Decimal

import pytest

from hedger.sim.fees import THIRTY_DAYS_MS, Volume
from hedger.sim.nouns import OrderNews, OrderState, Refusal, Refused
from tests.support.bare_exchange import (
    BUY,
    LIMIT,
    LINEAR,
    MARKET,
    POST_ONLY,
    SELL,
    SPOT,
    SYMBOL,
    bare_exchange,
    funded,
    hold,
    lay,
    order,
    position,
)

D = Decimal


def refusal_of(call) -> Refusal:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.refusal


def test_a_post_only_order_that_would_cross_is_refused_and_takes_nothing() -> None:
    exchange = funded()
    lay(exchange, SELL, "60001", "5")
    assert refusal_of(lambda: order(exchange, BUY, "1", "60001", kind=POST_ONLY)) is Refusal.WOULD_CROSS
    assert position(exchange) == 0
    assert exchange.depth(LINEAR, SYMBOL, 1)[1] == [(D(60001), D(5))]


def test_a_post_only_order_that_does_not_cross_rests_and_pays_the_makers_fee() -> None:
    exchange = funded()
    lay(exchange, SELL, "60001", "5")
    placed = order(exchange, BUY, "1", "60000.9", kind=POST_ONLY)
    assert placed.state is OrderState.NEW
    exchange.crowd_takes(LINEAR, SYMBOL, SELL, D(1))
    (trade,) = exchange.trades("main", LINEAR, SYMBOL)
    assert trade.maker
    assert trade.fee == D("60000.9") * D("0.0002")


def test_a_limit_order_that_crosses_takes_and_pays_the_takers_fee() -> None:
    exchange = funded()
    lay(exchange, SELL, "60001", "0.4")
    placed = order(exchange, BUY, "1", "60002", kind=LIMIT)
    assert (placed.state, placed.filled) == (OrderState.PARTIALLY_FILLED, D("0.4"))
    (trade,) = exchange.trades("main", LINEAR, SYMBOL)
    assert not trade.maker
    assert trade.fee == D("60001") * D("0.4") * D("0.0005")


def test_what_a_market_order_does_not_find_expires() -> None:
    exchange = funded()
    lay(exchange, SELL, "60001", "0.4")
    placed = order(exchange, BUY, "1", None, kind=MARKET)
    assert (placed.state, placed.filled) == (OrderState.EXPIRED, D("0.4"))
    assert exchange.open_orders("main", LINEAR) == []


@pytest.mark.parametrize(
    ("quantity", "price", "refusal"),
    [
        ("1", "60000.05", Refusal.TICK),
        ("1.0001", "60000", Refusal.LOT),
        ("0.0001", "60000", Refusal.QUANTITY),
        ("1001", "60000", Refusal.QUANTITY),
        ("0.001", "60000", Refusal.NOTIONAL),
    ],
)
def test_an_order_off_the_filters_is_refused(quantity: str, price: str, refusal: Refusal) -> None:
    exchange = funded()
    assert refusal_of(lambda: order(exchange, BUY, quantity, price)) is refusal
    assert exchange.truth("main").creates_refused == 1


def test_an_order_on_the_edge_of_the_filters_is_accepted() -> None:
    exchange = funded()
    order(exchange, BUY, "0.002", "60000.1")
    assert exchange.truth("main").creates_accepted == 1


def test_an_unlisted_symbol_is_refused() -> None:
    exchange = funded()
    assert refusal_of(lambda: order(exchange, BUY, "1", "1", symbol="NOPEUSDT")) is Refusal.UNKNOWN_SYMBOL


def test_a_client_id_of_a_working_order_is_refused_and_counted() -> None:
    exchange = funded()
    order(exchange, BUY, "1", "59000", name="x")
    assert refusal_of(lambda: order(exchange, BUY, "1", "59000", name="x")) is Refusal.DUPLICATE_CLIENT_ID
    assert exchange.truth("main").duplicate_client_ids == 1


def test_a_client_id_used_again_after_its_order_is_final_is_accepted_but_counted() -> None:
    exchange = funded()
    order(exchange, BUY, "1", "59000", name="x")
    exchange.cancel("main", LINEAR, SYMBOL, client_order_id="x")
    again = order(exchange, BUY, "1", "59000", name="x")
    assert exchange.truth("main").duplicate_client_ids == 1
    assert exchange.find_order("main", LINEAR, SYMBOL, client_order_id="x") is again


def test_different_client_ids_are_no_duplicates() -> None:
    exchange = funded()
    order(exchange, BUY, "1", "59000", name="x")
    order(exchange, BUY, "1", "59000", name="y")
    assert exchange.truth("main").duplicate_client_ids == 0


def test_a_canceled_order_is_found_but_cannot_be_canceled_again() -> None:
    exchange = funded()
    order(exchange, BUY, "1", "59000", name="x")
    exchange.cancel("main", LINEAR, SYMBOL, client_order_id="x")
    assert exchange.find_order("main", LINEAR, SYMBOL, client_order_id="x").state is OrderState.CANCELED
    again = refusal_of(lambda: exchange.cancel("main", LINEAR, SYMBOL, client_order_id="x"))
    never = refusal_of(lambda: exchange.find_order("main", LINEAR, SYMBOL, client_order_id="never"))
    assert again is never is Refusal.UNKNOWN_ORDER


# --- reduce-only -------------------------------------------------------------------------------------------------


def test_a_reduce_only_order_without_a_position_is_refused() -> None:
    exchange = funded()
    assert refusal_of(lambda: order(exchange, SELL, "1", "61000", reduce_only=True)) is Refusal.REDUCE_ONLY


def test_a_reduce_only_order_that_would_increase_is_refused() -> None:
    exchange = funded()
    hold(exchange, "-1")
    assert refusal_of(lambda: order(exchange, SELL, "1", "61000", reduce_only=True)) is Refusal.REDUCE_ONLY
    assert refusal_of(lambda: order(exchange, BUY, "1.1", "59000", reduce_only=True)) is Refusal.REDUCE_ONLY


def test_reduce_only_orders_may_together_close_the_position_but_not_more() -> None:
    exchange = funded()
    hold(exchange, "-1")
    order(exchange, BUY, "0.6", "59000", reduce_only=True)
    order(exchange, BUY, "0.4", "59000", reduce_only=True)
    more = refusal_of(lambda: order(exchange, BUY, "0.002", "59000", reduce_only=True))
    assert more is Refusal.REDUCE_ONLY


def test_resting_reduce_only_orders_shrink_and_expire_with_the_position() -> None:
    exchange = funded()
    hold(exchange, "-1")
    older = order(exchange, BUY, "0.6", "59000", reduce_only=True)
    newer = order(exchange, BUY, "0.4", "59000", reduce_only=True)
    lay(exchange, SELL, "60001", "5")
    order(exchange, BUY, "0.5", "60001")
    assert (newer.state, older.quantity) == (OrderState.EXPIRED, D("0.5"))
    assert exchange.depth(LINEAR, SYMBOL, 1)[0] == [(D(59000), D("0.5"))]
    order(exchange, BUY, "0.5", "60001")
    assert older.state is OrderState.EXPIRED
    assert position(exchange) == 0


def test_a_sweep_through_several_orders_never_turns_a_position_by_a_reduce_only_order() -> None:
    exchange = funded()
    hold(exchange, "1")
    order(exchange, SELL, "1", "60010")
    reducing = order(exchange, SELL, "1", "60020", reduce_only=True)
    exchange.crowd_takes(LINEAR, SYMBOL, BUY, D(2))
    assert position(exchange) == 0
    assert (reducing.state, reducing.filled) == (OrderState.EXPIRED, D(0))


# --- spot ----------------------------------------------------------------------------------------------------------


def test_a_spot_order_locks_its_funds_until_it_is_final() -> None:
    exchange = bare_exchange()
    exchange.deposit("main", SPOT, "USDT", D(1000))
    order(exchange, BUY, "0.01", "50000", wallet=SPOT, name="x")
    assert exchange.spot_balances("main")["USDT"] == (D(500), D(500))
    assert refusal_of(lambda: exchange.deposit("main", SPOT, "USDT", D(-501))) is Refusal.INSUFFICIENT_BALANCE
    exchange.cancel("main", SPOT, SYMBOL, client_order_id="x")
    assert exchange.spot_balances("main")["USDT"] == (D(1000), D(0))


def test_a_spot_order_beyond_the_free_balance_is_refused() -> None:
    exchange = bare_exchange()
    exchange.deposit("main", SPOT, "BTC", D(1))
    order(exchange, SELL, "0.6", "61000", wallet=SPOT)
    beyond = refusal_of(lambda: order(exchange, SELL, "0.5", "61000", wallet=SPOT))
    assert beyond is Refusal.INSUFFICIENT_BALANCE


def test_a_spot_buyer_pays_the_fee_in_the_coin_and_a_seller_in_the_quote() -> None:
    exchange = bare_exchange("buyer", "seller")
    exchange.deposit("buyer", SPOT, "USDT", D(60000))
    exchange.deposit("seller", SPOT, "BTC", D(1))
    order(exchange, SELL, "1", "60000", user="seller", wallet=SPOT)
    order(exchange, BUY, "1", "60000", user="buyer", wallet=SPOT)
    assert exchange.truth("buyer").spot == {"USDT": 0, "BTC": D("0.999")}
    assert exchange.truth("seller").spot == {"USDT": D(59940), "BTC": 0}


# --- linear --------------------------------------------------------------------------------------------------------


def test_reducing_realizes_profit_against_the_average_entry() -> None:
    exchange = funded()
    hold(exchange, "1", "60000")
    hold(exchange, "1", "61000")
    assert exchange.positions("main")[0].entry_price == 60500
    lay(exchange, BUY, "62000", "1")
    order(exchange, SELL, "1", "62000")
    assert exchange.trades("main", LINEAR, SYMBOL)[-1].realized_pnl == 1500
    assert exchange.positions("main")[0].entry_price == 60500


def test_a_position_that_turns_has_the_new_price_as_its_entry() -> None:
    exchange = funded()
    hold(exchange, "1", "60000")
    lay(exchange, BUY, "59000", "3")
    order(exchange, SELL, "3", "59000")
    row = exchange.positions("main")[0]
    assert (row.quantity, row.entry_price) == (D(-2), D(59000))
    assert exchange.trades("main", LINEAR, SYMBOL)[-1].realized_pnl == -1000


def test_an_order_beyond_the_margin_is_refused_and_one_within_it_is_not() -> None:
    exchange = funded(linear="6000")
    exchange.set_leverage("main", SYMBOL, 10)
    order(exchange, BUY, "0.6", "60000")
    assert refusal_of(lambda: order(exchange, BUY, "0.5", "60000")) is Refusal.INSUFFICIENT_MARGIN
    order(exchange, BUY, "0.4", "60000")
    assert exchange.linear_account("main").available == 0


def test_an_order_that_reduces_needs_no_margin() -> None:
    exchange = funded(linear="6100")
    exchange.set_leverage("main", SYMBOL, 10)
    hold(exchange, "1")
    order(exchange, SELL, "2", "61000")


def test_leverage_beyond_the_tier_of_the_position_is_refused() -> None:
    exchange = funded(linear="10000000")
    exchange.set_leverage("main", SYMBOL, 125)
    assert refusal_of(lambda: order(exchange, BUY, "6", "60000")) is Refusal.LEVERAGE
    assert refusal_of(lambda: exchange.set_leverage("main", SYMBOL, 126)) is Refusal.LEVERAGE
    exchange.set_leverage("main", SYMBOL, 100)
    order(exchange, BUY, "6", "60000")


def test_fees_fall_with_the_volume_of_thirty_days() -> None:
    exchange = funded(linear="100000000")
    assert exchange.fees("main", LINEAR) == (D("0.0002"), D("0.0005"))
    hold(exchange, "250")
    assert exchange.fees("main", LINEAR) == (D("0.00016"), D("0.0004"))
    assert exchange.fees("main", SPOT) == (D("0.001"), D("0.001"))


def test_volume_older_than_thirty_days_is_forgotten() -> None:
    volume = Volume()
    volume.add(0, D(100))
    volume.add(1, D(50))
    assert volume.at(THIRTY_DAYS_MS - 1) == 150
    assert volume.at(THIRTY_DAYS_MS) == 50


def test_hedge_mode_can_be_set_but_not_traded_in() -> None:
    exchange = funded()
    exchange.set_hedge_mode("main", True)
    assert refusal_of(lambda: order(exchange, BUY, "1", "59000")) is Refusal.POSITION_SIDE
    assert refusal_of(lambda: exchange.set_hedge_mode("main", True)) is Refusal.NO_CHANGE
    exchange.set_hedge_mode("main", False)
    order(exchange, BUY, "1", "59000")
    assert refusal_of(lambda: exchange.set_hedge_mode("main", True)) is Refusal.POSITION_OPEN


def test_margin_mode_changes_only_without_orders_and_position() -> None:
    exchange = funded()
    assert refusal_of(lambda: exchange.set_isolated("main", SYMBOL, False)) is Refusal.NO_CHANGE
    exchange.set_isolated("main", SYMBOL, True)
    order(exchange, BUY, "1", "59000")
    assert refusal_of(lambda: exchange.set_isolated("main", SYMBOL, False)) is Refusal.POSITION_OPEN


def test_a_transfer_takes_no_more_than_is_available() -> None:
    exchange = funded(linear="6100")
    exchange.set_leverage("main", SYMBOL, 10)
    hold(exchange, "1")
    beyond = refusal_of(lambda: exchange.transfer("main", "USDT", D(1000), to=SPOT))
    assert beyond is Refusal.INSUFFICIENT_BALANCE
    exchange.transfer("main", "USDT", D(50), to=SPOT)
    assert exchange.spot_balances("main")["USDT"] == (D(50), D(0))


def test_news_of_an_order_are_copies_in_the_order_in_which_they_happened() -> None:
    exchange = funded()
    heard: list[OrderNews] = []
    exchange.subscribe(lambda news: heard.append(news) if isinstance(news, OrderNews) else None)
    order(exchange, BUY, "1", "59000")
    exchange.crowd_takes(LINEAR, SYMBOL, SELL, D("0.25"))
    exchange.crowd_takes(LINEAR, SYMBOL, SELL, D("0.75"))
    assert [(n.order.state, n.order.filled) for n in heard] == [
        (OrderState.NEW, 0),
        (OrderState.PARTIALLY_FILLED, D("0.25")),
        (OrderState.FILLED, 1),
    ]
    assert [n.trade is None for n in heard] == [True, False, False]


def test_trades_are_found_from_a_time_and_from_an_id() -> None:
    exchange = funded()
    hold(exchange, "1")
    exchange.advance(exchange.now + 5_000)
    hold(exchange, "1", "60100")
    first, second = exchange.trades("main", LINEAR, SYMBOL)
    assert exchange.trades("main", LINEAR, SYMBOL, since_at=first.at + 1) == [second]
    assert exchange.trades("main", LINEAR, SYMBOL, from_id=second.trade_id) == [second]
    assert exchange.trades("main", LINEAR, SYMBOL, limit=1) == [first]
