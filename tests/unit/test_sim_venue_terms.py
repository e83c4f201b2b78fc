"""What differs between venues on one exchange: what a perpetual pays, and what the end of a contract costs."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from hedger.model.instrument import Payoff
from hedger.model.option import OptionType
from hedger.model.order import Side
from hedger.model.spans import HOUR_MS
from hedger.sim.dialects.bybit.listings import bybit_contract, bybit_option
from hedger.sim.dialects.deribit import listings as deribit
from hedger.sim.exchange import Exchange
from hedger.sim.funding import funding_rate
from hedger.sim.listings import contract
from hedger.sim.nouns import Listing, OptionListing
from hedger.sim.past import Origin, Past
from tests.support.contract_exchange import EXPIRY, contract_exchange, move, take

EIGHT_HOURS_MS = 8 * HOUR_MS
SOLD, BOUGHT = D(-2), D(2)


def quoted(listing: Listing, away: str) -> Exchange:
    """An exchange on which a perpetual trades so much above its index for half an hour."""
    exchange = contract_exchange(contracts=(listing,))
    bid = (60_000 * (1 + D(away))).quantize(D(1))
    size = D(100_000) if listing.payoff is Payoff.INVERSE else D(10)
    exchange.set_crowd(listing.wallet, listing.symbol, Side.BUY, bid, size)
    exchange.set_crowd(listing.wallet, listing.symbol, Side.SELL, bid + listing.tick_size, size)
    exchange.advance(exchange.now + HOUR_MS // 2)
    return exchange


# --- funding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("premium", "rate"),
    [("0", "0"), ("0.0002", "0"), ("-0.0002", "0"), ("0.001", "0.00075"), ("-0.001", "-0.00075"), ("0.5", "0.003")],
)
def test_without_an_interest_only_a_premium_beyond_the_damper_is_paid(premium: str, rate: str) -> None:
    assert funding_rate(D(premium), EIGHT_HOURS_MS, D(0), D("0.00025")) == D(rate)


@pytest.mark.parametrize("listing", [deribit.inverse("BTC"), deribit.linear("BTC")], ids=lambda x: x.symbol)
@pytest.mark.parametrize(("away", "rate"), [("0", "0"), ("0.0002", "0"), ("-0.0002", "0"), ("0.001", "0.00075")])
def test_deribits_perpetuals_pay_nothing_near_their_index(listing: Listing, away: str, rate: str) -> None:
    premium = quoted(listing, away).premium(listing.symbol)
    assert premium.funding_rate == pytest.approx(D(rate), abs=D("0.00001"))


@pytest.mark.parametrize("listing", [bybit_contract("ETH"), contract("BTC", quote="USD", payoff=Payoff.INVERSE)])
def test_other_perpetuals_pay_their_interest_there(listing: Listing) -> None:
    exchange = contract_exchange(contracts=(listing,))
    assert exchange.premium(listing.symbol).funding_rate == D("0.0001")


@pytest.mark.parametrize("interest", [D(0), D("0.0001")])
def test_a_past_that_is_made_up_paid_around_the_interest(interest: D) -> None:
    past = Past(Origin(seed=3, volatility={"BTC": 0.6}))
    rates = [row.rate for row in past.settlements("BTCUSD_PERP", EIGHT_HOURS_MS, EXPIRY, interest)]
    assert sum(rates) / len(rates) == pytest.approx(interest, abs=D("0.000015"))


# --- delivery --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listing", "quantity", "fee"),
    [
        (bybit_contract("BTC", expiry_at=EXPIRY), "2", D(2) * 62_500 * D("0.0005")),
        (bybit_contract("BTC", expiry_at=EXPIRY), "-2", D(2) * 62_500 * D("0.0005")),
        (bybit_contract("BTC", quote="USD", expiry_at=EXPIRY), "-60000", D(60_000) / 62_500 * D("0.0005")),
        (deribit.inverse("BTC", expiry_at=EXPIRY), "6000", D(60_000) / 62_500 * D("0.00025")),
        (contract("BTC", expiry_at=EXPIRY), "2", D(0)),
    ],
    ids=("bybit, long", "bybit, short", "bybit, in coins", "deribit", "by the plain rules"),
)
def test_a_position_that_is_delivered_pays_its_venues_fee(listing: Listing, quantity: str, fee: D) -> None:
    exchange = contract_exchange(contracts=(listing,))
    take(exchange, listing.symbol, quantity, "60000")
    paid, house = exchange.truth("main").fees[listing.settle], exchange.floor.ledger.fees[listing.settle]
    before = exchange.truth("main").wallets[listing.settle]
    move(exchange, "62500")
    exchange.advance(EXPIRY)
    truth = exchange.truth("main")
    trade = truth.trades[-1]
    assert trade.fee == pytest.approx(fee, abs=D("1e-9"))
    assert truth.wallets[listing.settle] - before == trade.realized_pnl - trade.fee
    assert truth.fees[listing.settle] - paid == exchange.floor.ledger.fees[listing.settle] - house == trade.fee


def linear_option(strike: int) -> OptionListing:
    return bybit_option("BTC", strike=D(strike), expiry_at=EXPIRY, option_type=OptionType.CALL)


def inverse_option(strike: int) -> OptionListing:
    return deribit.coin_option("BTC", D(strike), OptionType.CALL, expiry_at=EXPIRY)


@pytest.mark.parametrize("quantity", [SOLD, BOUGHT], ids=("sold", "bought"))
@pytest.mark.parametrize(
    ("option", "each"),
    [
        (linear_option(60_000), D("0.00015") * 75_000),
        (linear_option(74_960), D(40) / 8),
        (linear_option(80_000), D(0)),
        (inverse_option(60_000), D("0.00015")),
        (inverse_option(74_960), D(40) / 75_000 / 8),
        (inverse_option(80_000), D(0)),
    ],
    ids=("in the money", "hardly", "worthless", "in coins", "in coins, hardly", "in coins, worthless"),
)
def test_the_delivery_of_an_option_costs_both_sides_a_fee_that_is_a_part_of_its_worth_at_most(
    option: OptionListing, each: D, quantity: D
) -> None:
    exchange = contract_exchange(contracts=())
    exchange.grant_option("main", option, quantity)
    before = exchange.truth("main").wallets[option.settle]
    move(exchange, "75000")
    exchange.advance(EXPIRY)
    truth = exchange.truth("main")
    fee = truth.fees.get(option.settle, D(0))
    assert fee == pytest.approx(2 * each, abs=D("1e-7"))
    assert truth.wallets[option.settle] - before == truth.option_cash[option.settle] - fee
    assert exchange.floor.ledger.fees[option.settle] == fee


def test_what_a_delivery_takes_from_users_and_crowd_is_what_the_house_has() -> None:
    listing = bybit_contract("BTC", expiry_at=EXPIRY)
    exchange = contract_exchange("a", "b", contracts=(listing,))
    take(exchange, listing.symbol, "3", "60000", "a")
    take(exchange, listing.symbol, "-1", "60000", "b")
    exchange.grant_option("a", linear_option(60_000), D(-1))
    move(exchange, "61000")
    exchange.advance(EXPIRY)
    ledger = exchange.floor.ledger
    held = sum((account.wallets["USDT"] + account.spot["USDT"] for account in ledger.everyone()), D(0))
    assert held + ledger.fees["USDT"] + ledger.insurances["USDT"] == ledger.deposited["USDT"]
    assert ledger.fees["USDT"] > 0 == len(ledger.crowd.fees)
