"""What the simulated exchange says that options are worth, and what it asks of those who sold them."""

from decimal import Decimal
from itertools import pairwise
from math import exp
from random import Random

import numpy as np
import pytest

from hedger.engine.formulas import greeks
from hedger.engine.formulas.overlay import overlay
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.option import OptionPosition, OptionType
from hedger.model.spans import MINUTE_MS
from hedger.sim import translation as words
from hedger.sim.exchange import Exchange
from hedger.sim.listings import from_symbol
from hedger.sim.nouns import OptionListing, Refused, Wallet
from hedger.sim.options import DeltaConvention, OptionMark
from hedger.sim.surface import Surface, black76
from hedger.sim.testimony import truth_from_json, truth_to_json
from tests.support.bare_exchange import START
from tests.support.contract_exchange import DATED, EXPIRY, INVERSE_PERP, PERP, an_option, contract_exchange, move, take

D = Decimal
CALL, PUT = OptionType.CALL, OptionType.PUT
MONTH = START + 30 * 86_400_000


def mark_of(exchange: Exchange, listing: OptionListing) -> OptionMark:
    return exchange.floor.options.mark(listing)


# --- mathematics -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("strike", [30_000.0, 55_000.0, 60_000.0, 66_000.0, 120_000.0])
@pytest.mark.parametrize("years", [1 / 365, 0.1, 1.0])
def test_the_exchange_and_the_hedger_find_the_same_greeks_by_different_code(
    sign: int, strike: float, years: float
) -> None:
    theirs = black76(60_000.0, strike, years, 0.6, sign)
    one = [np.array([value]) for value in (60_000.0, strike, years, 0.6, float(sign))]
    ours = greeks.black76(*one)
    for name in ("value", "delta", "gamma", "vega", "theta"):
        assert getattr(theirs, name) == pytest.approx(float(getattr(ours, name)[0]), rel=1e-9, abs=1e-9), name


def test_without_time_an_option_is_worth_its_intrinsic_value() -> None:
    assert black76(60_000.0, 50_000.0, 0.0, 0.6, 1)[:3] == (10_000.0, 1.0, 0.0)
    assert black76(60_000.0, 50_000.0, 0.0, 0.6, -1)[:3] == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("payoff", [Payoff.LINEAR, Payoff.INVERSE])
@pytest.mark.parametrize("strike", ["40000", "60000", "90000"])
def test_marks_of_calls_and_puts_keep_parity(payoff: Payoff, strike: str) -> None:
    exchange = contract_exchange()
    exchange.floor.carries["BTC"] = 0.1
    call, put = (mark_of(exchange, an_option(strike, kind, payoff, MONTH)) for kind in (CALL, PUT))
    assert call.forward_price == put.forward_price > 60_000
    per_coin = 1 if payoff is Payoff.LINEAR else call.forward_price
    assert abs((call.price - put.price) * per_coin - (call.forward_price - D(strike))) < D("0.001")


def test_the_forward_is_the_mark_of_the_contract_that_ends_with_the_option() -> None:
    exchange = contract_exchange()
    exchange.floor.marks[DATED.symbol] = D(61_234)
    assert mark_of(exchange, an_option("60000", CALL, Payoff.LINEAR)).forward_price == 61_234


def test_without_such_a_contract_the_forward_is_the_index_at_the_coins_carry() -> None:
    exchange = contract_exchange()
    exchange.floor.carries["BTC"] = 0.1
    forward = mark_of(exchange, an_option("60000", expiry_at=MONTH)).forward_price
    assert float(forward) == pytest.approx(60_000 * exp(0.1 * 30 / 365))


def test_the_exchange_tells_its_delta_in_the_convention_that_is_set() -> None:
    exchange = contract_exchange()
    listing = an_option("60000", expiry_at=MONTH)
    plain = mark_of(exchange, listing)
    exchange.floor.options.convention = DeltaConvention.PREMIUM_ADJUSTED
    adjusted = mark_of(exchange, listing)
    assert plain.greeks.delta is not None
    assert adjusted.greeks.delta == pytest.approx(plain.greeks.delta - float(plain.price), abs=1e-7)
    assert adjusted.delta == plain.delta
    linear = mark_of(exchange, an_option("60000", CALL, Payoff.LINEAR, MONTH))
    assert linear.greeks.delta == pytest.approx(plain.greeks.delta)


def test_delta_goes_with_the_part_of_the_average_that_is_known() -> None:
    exchange = contract_exchange()
    exchange.grant_option("main", an_option("50000", CALL, Payoff.LINEAR), D(1))
    listing = an_option("50000", CALL, Payoff.LINEAR)
    for minutes, left in ((30, 1.0), (15, 0.5), (3, 0.1)):
        exchange.advance(EXPIRY - minutes * MINUTE_MS)
        assert mark_of(exchange, listing).delta == pytest.approx(left, abs=0.002)


# --- the surface -----------------------------------------------------------------------------------------------------


def test_the_surface_bends_as_its_formula_says() -> None:
    surface = Surface(level=0.8, mean=0.6, skew=-0.1, smile=0.2)
    x = 0.5
    strike = 60_000 * exp(x * 0.5)
    assert surface.sigma(strike, 60_000, 0.25) == pytest.approx(surface.atm(0.25) * (1 - 0.1 * x + 0.2 * x * x))
    assert surface.sigma(60_000, 60_000, 0.25) == surface.atm(0.25)
    assert surface.atm(0.0) == pytest.approx(0.8)
    assert all(a > b > 0.6 for a, b in pairwise(surface.atm(years) for years in (0.01, 0.1, 1.0)))


def test_the_level_wanders_and_comes_back_the_same_from_the_same_seed() -> None:
    def walk(seed: int) -> list[float]:
        surface, rng = Surface(), Random(seed)
        levels = []
        for _ in range(2_000):
            surface.move(rng, 3_600.0)
            levels.append(surface.level)
        return levels

    levels = walk(1)
    assert levels == walk(1) != walk(2)
    assert 0.4 < sum(levels) / len(levels) < 0.75
    assert max(levels) - min(levels) > 0.1


# --- margin ----------------------------------------------------------------------------------------------------------


def least(exchange: Exchange, asset: str) -> Decimal:
    return exchange.derivatives("main")[asset].maintenance_margin


def test_a_call_that_coins_cover_needs_no_margin_and_the_rest_does() -> None:
    exchange = contract_exchange(coins="0.5")
    exchange.deposit("main", Wallet.SPOT, "BTC", D("0.5"))
    listing = an_option("60000", expiry_at=MONTH)
    exchange.grant_option("main", listing, D(-1))
    assert least(exchange, "BTC") == 0
    exchange.grant_option("main", listing, D(-2))
    assert least(exchange, "BTC") == 2 * (D("0.075") + mark_of(exchange, listing).price)


def test_a_sold_put_needs_margin_in_what_it_settles_in() -> None:
    exchange = contract_exchange()
    listing = an_option("60000", PUT, Payoff.LINEAR, MONTH)
    exchange.grant_option("main", listing, D(-1))
    needed = D("0.075") * 60_000 + mark_of(exchange, listing).price
    assert abs(least(exchange, "USDT") - needed) < D("0.001")
    assert exchange.derivatives("main")["USDT"].initial_margin > least(exchange, "USDT")
    assert least(exchange, "BTC") == 0


def test_bought_options_need_nothing_and_are_no_collateral() -> None:
    exchange = contract_exchange()
    before = exchange.derivatives("main")
    exchange.grant_option("main", an_option("10000", expiry_at=MONTH), D(5))
    assert exchange.derivatives("main") == before


@pytest.mark.parametrize("price", ["20000", "100000", "1000000"])
def test_a_covered_call_on_spot_is_not_liquidated_at_any_price(price: str) -> None:
    exchange = contract_exchange(coins="0", linear="0")
    exchange.deposit("main", Wallet.SPOT, "BTC", D(1))
    for payoff in Payoff.LINEAR, Payoff.INVERSE:
        exchange.grant_option("main", an_option("60000", CALL, payoff, MONTH), D("-0.5"))
    move(exchange, price)
    truth = exchange.truth("main")
    assert truth.liquidations == 0
    assert len(truth.options) == 2
    assert all(account.maintenance_margin == 0 for account in exchange.derivatives("main").values())


def test_options_that_run_away_are_paid_for_by_closing_contracts() -> None:
    exchange = contract_exchange(coins="0.3")
    take(exchange, PERP, "-600", "60000")
    exchange.grant_option("main", an_option("60000", expiry_at=MONTH), D(-1))
    assert exchange.truth("main").positions[PERP] == -600
    move(exchange, "80000")
    assert exchange.truth("main").positions[PERP] == 0
    assert exchange.truth("main").options


# --- holding ---------------------------------------------------------------------------------------------------------


def test_a_premium_changes_hands_in_what_the_option_settles_in() -> None:
    exchange = contract_exchange()
    exchange.grant_option("main", an_option("60000"), D(2), premium=D("0.05"))
    assert exchange.truth("main").wallets["BTC"] == D("9.9")
    exchange.grant_option("main", an_option("70000"), D(-2), premium=D("0.02"))
    assert exchange.truth("main").wallets["BTC"] == D("9.94")
    assert exchange.truth("main").option_cash == {"BTC": D("-0.06")}
    with pytest.raises(Refused):
        exchange.grant_option("main", an_option("60000"), D(200), premium=D("0.05"))


def test_granting_the_opposite_takes_an_option_away() -> None:
    exchange = contract_exchange()
    for quantity in (2, -2):
        exchange.grant_option("main", an_option("60000"), D(quantity))
    assert exchange.truth("main").options == {}


def test_what_the_port_says_of_options_gives_the_exchanges_own_delta() -> None:
    exchange = contract_exchange(coins="0", contracts=(INVERSE_PERP,))
    exchange.floor.carries["BTC"] = 0.08
    for strike, kind, payoff, quantity in (
        ("70000", CALL, Payoff.INVERSE, "-2"),
        ("50000", PUT, Payoff.LINEAR, "3"),
    ):
        exchange.grant_option("main", an_option(strike, kind, payoff, MONTH), D(quantity))
    rows: list[OptionPosition] = [words.option("main", *held) for held in exchange.options("main")]
    seen = overlay(rows, D(60_000), exchange.now)
    assert seen.flaw is None
    assert float(seen.delta) == pytest.approx(float(exchange.truth("main").deltas["BTC"]), abs=1e-6)


def test_the_truth_counts_everything_in_dollars_and_comes_back_from_json() -> None:
    exchange = contract_exchange(coins="2", linear="1000")
    exchange.deposit("main", Wallet.SPOT, "BTC", D(1))
    exchange.grant_option("main", an_option("60000", CALL, Payoff.LINEAR, MONTH), D(-1))
    exchange.grant_option("main", an_option("60000", PUT, Payoff.INVERSE, MONTH), D(1))
    truth = exchange.truth("main")
    dollars, coins = truth.option_values.values()
    assert dollars < 0 < coins
    assert abs(truth.nav_usd - (3 * 60_000 + 1_000 + dollars + coins * 60_000)) < D("1e-6")
    assert truth_from_json(truth_to_json(truth)) == truth


def test_dollars_and_usdt_are_two_things() -> None:
    exchange = contract_exchange(coins="1", linear="1000", contracts=(INVERSE_PERP,))
    exchange.floor.usdt_price = D("0.9")
    exchange.refresh_marks()
    assert exchange.premium(PERP).index_price == 54_000
    assert exchange.premium("BTCUSDT").index_price == 60_000
    assert exchange.truth("main").nav_usd == 54_000 + 900


def test_an_option_is_called_by_one_name_both_ways() -> None:
    for symbol in ("BTC/USD:BTC-231229-70000-C", "BTC/USDT:USDT-231229-0.5-P"):
        listing = from_symbol(symbol)
        assert isinstance(listing, OptionListing)
        assert words.unified_option(listing) == symbol
        assert words.parse_symbol(symbol) == (listing.wallet, listing.symbol)
    id = InstrumentId("main", "BTC/USD:BTC-231229-70000-C")
    assert words.parse_symbol(id.symbol)[1] == "BTCUSD-231229-70000-C"
