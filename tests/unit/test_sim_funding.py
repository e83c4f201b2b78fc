"""Mark prices and funding of the simulated exchange, in both directions."""

from decimal import Decimal

import pytest

from hedger.model.spans import HOUR_MS
from hedger.sim.book import Book
from hedger.sim.funding import funding_rate, impact_price, premium_index
from tests.support.bare_exchange import (
    BUY,
    LINEAR,
    SELL,
    SPOT,
    SYMBOL,
    bare_exchange,
    funded,
    hold,
    lay,
    liquidation_price,
)

D = Decimal
EIGHT_HOURS_MS = 8 * HOUR_MS


@pytest.mark.parametrize(
    ("premium", "rate"),
    [("0", "0.0001"), ("0.0003", "0.0001"), ("0.001", "0.0005"), ("-0.001", "-0.0005"), ("0.5", "0.003")],
)
def test_the_rate_follows_the_premium_beyond_the_clamp_up_to_the_cap(premium: str, rate: str) -> None:
    assert funding_rate(D(premium), EIGHT_HOURS_MS) == D(rate)


def test_a_shorter_interval_pays_its_share_of_the_rate() -> None:
    assert funding_rate(D("0.001"), 4 * HOUR_MS) == D("0.00025")


@pytest.mark.parametrize(
    ("quantity", "rate", "received"),
    [("1", "0.0001", "-6"), ("-1", "0.0001", "6"), ("1", "-0.0001", "6"), ("-1", "-0.0001", "-6")],
)
def test_at_a_positive_rate_longs_pay_shorts(quantity: str, rate: str, received: str) -> None:
    exchange = funded()
    hold(exchange, quantity)
    before = exchange.linear_account("main").wallet_balance
    exchange.set_funding_rate(SYMBOL, D(rate))
    due_at = exchange.premium(SYMBOL).next_funding_at
    exchange.advance(due_at - 1)
    assert exchange.funding("main") == []
    exchange.advance(due_at)
    (record,) = exchange.funding("main")
    assert (record.amount, record.rate, record.at) == (D(received), D(rate), due_at)
    assert exchange.linear_account("main").wallet_balance == before + D(received)


def test_without_a_position_nothing_is_paid() -> None:
    exchange = funded()
    exchange.advance(exchange.now + EIGHT_HOURS_MS)
    assert exchange.funding("main") == []
    assert exchange.linear_account("main").wallet_balance == 150_000


def test_funding_settles_once_at_each_multiple_of_the_interval() -> None:
    exchange = funded()
    hold(exchange, "-1")
    exchange.advance(exchange.now + 24 * HOUR_MS)
    assert [record.at % EIGHT_HOURS_MS for record in exchange.funding("main")] == [0, 0, 0]
    assert exchange.funding("main", since_at=exchange.funding("main")[1].at, limit=1)[0].payment_id


def test_funding_passes_between_users_and_the_crowd_and_none_is_lost() -> None:
    exchange = funded("long", "short")
    hold(exchange, "3", user="long")
    hold(exchange, "-1", user="short")
    ledger = exchange.floor.ledger
    crowd_before = ledger.crowd.wallet_balance
    exchange.set_funding_rate(SYMBOL, D("0.0001"))
    exchange.advance(exchange.premium(SYMBOL).next_funding_at)
    paid, received = exchange.funding("long")[0].amount, exchange.funding("short")[0].amount
    assert (paid, received) == (D(-18), D(6))
    assert ledger.crowd.wallet_balance == crowd_before + 12


def test_funding_of_an_isolated_position_changes_its_margin() -> None:
    exchange = funded()
    exchange.set_isolated("main", SYMBOL, True)
    hold(exchange, "-1")
    before = liquidation_price(exchange)
    exchange.set_funding_rate(SYMBOL, D("-0.003"))
    exchange.advance(exchange.premium(SYMBOL).next_funding_at)
    assert liquidation_price(exchange) < before


def test_a_perpetual_dearer_than_its_index_earns_its_shorts_more_than_the_interest() -> None:
    exchange = bare_exchange()
    lay(exchange, BUY, "60100", "5")
    lay(exchange, SELL, "60101", "5")
    exchange.advance(exchange.now + HOUR_MS // 2)
    premium = exchange.premium(SYMBOL)
    assert premium.funding_rate > D("0.0005")
    assert D(60090) < premium.mark_price < D(60101)


def test_a_perpetual_cheaper_than_its_index_charges_its_shorts() -> None:
    exchange = bare_exchange()
    lay(exchange, BUY, "59899", "5")
    lay(exchange, SELL, "59900", "5")
    exchange.advance(exchange.now + HOUR_MS // 2)
    assert exchange.premium(SYMBOL).funding_rate < D("-0.0005")


def test_the_index_is_the_spot_mid_unless_it_is_set() -> None:
    exchange = bare_exchange()
    lay(exchange, BUY, "60999", "1", SPOT)
    lay(exchange, SELL, "61001", "1", SPOT)
    exchange.refresh_marks()
    assert exchange.premium(SYMBOL).index_price == 60000
    exchange.set_index("BTC", None)
    exchange.refresh_marks()
    assert exchange.premium(SYMBOL).index_price == 61000


def test_the_impact_price_is_the_average_of_what_the_impact_notional_trades_at() -> None:
    book = Book()
    book.set_crowd(BUY, D(50000), D("0.25"))
    book.set_crowd(BUY, D(40000), D(5))
    price = impact_price(book, BUY)
    assert price == D(25000) / (D("0.25") + D(12500) / D(40000))
    assert impact_price(book, SELL) is None
    assert premium_index(book, D(45000)) == 0


def test_a_user_has_to_be_opened_before_it_is_asked_about() -> None:
    exchange = bare_exchange("main")
    with pytest.raises(KeyError):
        exchange.open_orders("stranger", LINEAR)
