"""What is held on Deribit: coins counted once, signed positions, options with the venue's greeks, margins by wallet."""

import asyncio
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.formulas.overlay import overlay
from hedger.errors import AskAgain
from hedger.model.account import AccountReading, MarginMode
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.option import OptionType
from hedger.model.order import ReportStatus
from hedger.venues.abilities import Ability
from hedger.venues.deribit.payloads import Row
from hedger.venues.deribit.positions import future_row
from tests.support.stand import proves
from tests.support.stands.deribit import (
    DATED,
    LINEAR,
    PERPETUAL,
    STAND,
    book_summary,
    empty,
    error,
    flat,
    future,
    named,
    option,
    order,
    path,
    position,
    summaries,
    summary,
    told,
    usdc,
)
from tests.support.wire_server import plain_answer
from tests.support.wire_venue import Desk, opened

BTC, DAY, USDC = (InstrumentId("main", symbol) for symbol in (PERPETUAL, DATED, LINEAR))
OPTION = InstrumentId("main", "BTC/USD:BTC-270326-40000-C")
POSITIONS, SUMMARIES = path("private/get_positions"), path("private/get_account_summaries")


def read(*symbols: str, leverage: int | None = None, **answers: Any) -> AccountReading:
    """A reading after some answers were changed: `positions`, `summaries`, `orders`, `books`."""
    names = {
        "positions": POSITIONS,
        "summaries": SUMMARIES,
        "orders": path("private/get_open_orders"),
        "books": path("public/get_book_summary_by_currency"),
        "one": path("private/get_position"),
    }

    async def scenario() -> AccountReading:
        async with opened(symbols or (PERPETUAL,), stand=STAND) as desk:
            desk.fake.answers |= {names[name]: answer for name, answer in answers.items()}
            if leverage is not None:
                await desk.venue.configure([PERPETUAL], leverage=leverage, margin_mode=MarginMode.CROSS)
            return await desk.venue.read_account()

    return asyncio.run(scenario())


def held(reading: AccountReading) -> dict[str, D]:
    return {row.id.symbol: row.quantity for row in reading.positions}


# --- wallets ----------------------------------------------------------------------------------------------------------


@proves(Ability.SPOT_BALANCES)
def test_a_coin_is_counted_once_whatever_the_venue_counts_where() -> None:
    """The documentation's account: cash is the balance and what the session realised; options' value is in nothing."""
    told_of = summary()
    cash = D(str(told_of["balance"])) + D(str(told_of["futures_session_rpl"]))
    reading = read()
    assert abs(reading.spot["BTC"] - cash) <= D("1e-8")
    assert reading.unrealized["BTC"] == D("0.05921555")
    assert "BTC" not in reading.collateral
    whole = reading.spot["BTC"] + reading.equity("BTC")
    assert whole == D("302.61869214") - D("-0.0086")


@proves(Ability.SPOT_BALANCES)
def test_money_is_collateral_and_no_coin_of_ours_is_left_out() -> None:
    reading = read()
    assert reading.collateral == {"USDC": D("5000.5")}
    assert reading.spot["ETH"] == 0
    assert reading.spot.keys() == {"BTC", "ETH"}


@pytest.mark.parametrize(
    "rows",
    [
        (empty("ETH"), usdc()),
        (summary(), empty("ETH")),
        (summary(), summary(), usdc()),
        (summary(equity="NaN"), usdc()),
        (summary(options_value=None), usdc()),
        (summary(maintenance_margin=-1), usdc()),
        # The equity of all currencies together, as margins are told with cross collateral, would be no coins.
        (summary(equity=402.61869214), usdc()),
    ],
)
def test_a_wallet_of_ours_that_is_missing_or_odd_is_no_empty_one(rows: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(AskAgain):
        read(summaries=summaries(*rows))


def test_an_odd_row_of_a_currency_that_is_nobodys_concern_spoils_nothing() -> None:
    reading = read(summaries=summaries(summary(), empty("ETH", equity="much"), usdc()))
    assert reading.spot.keys() == {"BTC"}


@proves(Ability.EQUITY_AND_MARGIN)
def test_each_wallet_has_the_venues_own_margin() -> None:
    reading = read(summaries=summaries(summary(), usdc(maintenance_margin=100.25, initial_margin=200.5)))
    coin = reading.coin_margins["BTC"]
    assert (coin.equity, coin.maintenance_margin, coin.initial_margin) == (
        D("302.62729214"),
        D("0.8857841"),
        D("1.24669592"),
    )
    assert coin.margin_ratio == D("0.8857841") / D("302.62729214")
    assert (reading.margin.equity, reading.margin.maintenance_margin) == (D("5000.5"), D("100.25"))
    assert reading.coin_margins.keys() == {"BTC"}


@proves(Ability.MODES)
def test_free_margin_is_that_at_the_leverage_which_was_configured() -> None:
    """The venue lends fifty times as much: at 1x a position of 32.6 coins takes 32.6 coins of what is free."""
    at_one, at_three = read(leverage=1), read(leverage=3)
    position_in_coins = D("1630698.9") / 50_000
    assert at_one.coin_margins["BTC"].available == D("302.62729214") - position_in_coins
    assert at_three.coin_margins["BTC"].available == D("302.62729214") - position_in_coins / 3
    assert [p.leverage for p in at_three.positions] == [3]
    scarce = read(summaries=summaries(summary(available_funds=7.5), usdc()))
    assert scarce.coin_margins["BTC"].available == D("7.5")


# --- positions --------------------------------------------------------------------------------------------------------


@proves(Ability.POSITIONS, Ability.LIQUIDATION_PRICE)
def test_a_recorded_position_in_dollars_is_that_many_coins() -> None:
    """Recorded: 50 dollars at 7,476.65 are told as 0.006687487 coins."""
    row: dict[str, Any] = {
        "average_price": 7440.18,
        "mark_price": 7476.65,
        "index_price": 7466.79,
        "estimated_liquidation_price": 1.74,
    }
    recorded = position(size=50, delta=0.006687487, size_currency=0.006687487, **row)
    reading = read(positions=told([recorded, option()]))
    (found,) = reading.positions
    assert (found.id, found.quantity, found.contract_multiplier) == (BTC, D(50), D(1))
    assert found.payoff is Payoff.INVERSE
    assert abs(found.delta - D("0.006687487")) < D("1e-8")
    assert (found.entry_price, found.liquidation_price) == (D("7440.18"), D("1.74"))
    assert (found.leverage, found.margin_mode) == (D(1), MarginMode.CROSS)


@proves(Ability.POSITIONS)
@pytest.mark.parametrize("size", [-0.5, -25_000, -24_500.25], ids=["coins", "worth at the mark", "worth at the entry"])
def test_a_linear_position_counts_coins_whatever_its_other_size_is_told_in(size: float) -> None:
    """The documentation has that size in money, as it was seen in 2022; other programs have it in coins."""
    linear = position("BTC_USDC-PERPETUAL", size, size_currency=-0.5)
    reading = read(PERPETUAL, LINEAR, positions=told([position(size=-60_000), linear, option()]))
    assert held(reading)[LINEAR] == D("-0.5")


@pytest.mark.parametrize(("size", "coins"), [(-25_000, -0.6), (-0.5, -0.6), (-0.5, 0), (0, -0.5), (25_000, -0.5)])
def test_a_linear_position_whose_two_sizes_do_not_agree_is_not_believed(size: float, coins: float) -> None:
    linear = position("BTC_USDC-PERPETUAL", size, size_currency=coins)
    with pytest.raises(AskAgain, match="BTC_USDC-PERPETUAL: a size of"):
        read(PERPETUAL, LINEAR, positions=told([position(size=-60_000), linear, option()]))


def test_a_linear_position_that_is_flat_by_one_size_is_held_by_none_though_its_entry_is_told_as_nothing() -> None:
    """Any coins at a price of nothing are worth nothing."""
    linear = position("BTC_USDC-PERPETUAL", 0, size_currency=-0.5, average_price=0)
    with pytest.raises(AskAgain, match="BTC_USDC-PERPETUAL: a size of"):
        read(PERPETUAL, LINEAR, positions=told([position(size=-60_000), linear, option()]))


@proves(Ability.POSITIONS)
def test_a_short_and_a_linear_position_keep_their_sign_and_unit() -> None:
    short, linear = position(size=-60_000), position("BTC_USDC-PERPETUAL", -0.5)
    reading = read(PERPETUAL, LINEAR, positions=told([short, linear, option()]))
    assert held(reading) == {PERPETUAL: D(-60_000), LINEAR: D("-0.5")}
    assert [row.delta for row in reading.positions] == [D("-1.2"), D("-0.5")]


@proves(Ability.POSITIONS)
def test_what_the_list_leaves_out_is_asked_for_by_name_and_says_zero() -> None:
    reading = read(PERPETUAL, DATED)
    assert held(reading) == {PERPETUAL: D("1630698.9"), DATED: D(0)}
    assert reading.positions[1].expiry_at == 1_806_048_000_000


@pytest.mark.parametrize(
    "answer",
    [
        told(position("BTC-26MAR27", 10)),
        told(flat("BTC-PERPETUAL")),
        told(None),
        told({}),
        plain_answer(400, "{}"),
        plain_answer(200, "null"),
    ],
)
def test_a_missing_row_is_never_flat_without_the_venues_zero(answer: Any) -> None:
    with pytest.raises(AskAgain):
        read(PERPETUAL, DATED, one=answer)


def test_an_empty_list_is_not_believed_where_the_wallet_has_delta_or_options() -> None:
    none = {"one": named(flat), "positions": told([])}
    with pytest.raises(AskAgain, match="options' value"):
        read(**none)
    with pytest.raises(AskAgain, match="delta"):
        read(**none, summaries=summaries(summary(options_value=0, equity=302.62729214), usdc()))
    reading = read(**none, summaries=summaries(summary(options_value=0, equity=302.62729214, delta_total=0), usdc()))
    assert held(reading) == {PERPETUAL: 0}


@pytest.mark.parametrize(
    "row",
    [
        position(size=5_000, size_currency=1),  # contracts of ten dollars, read as dollars
        position(size=5_000, size_currency=-0.1),
        position(size=5_000, direction="sell"),
        position(size=-5_000, direction="buy"),
        position(size="NaN"),
        position(mark_price=0),
        position("BTC-FS-27MAR26_PERP", 10),
        option(size=1, direction="sell"),
        option("BTC-31FEB27-40000-C"),
    ],
)
def test_a_row_of_ours_that_contradicts_itself_spoils_the_reading(row: dict[str, Any]) -> None:
    beside = position() if row["kind"] == "option" else option()
    with pytest.raises(AskAgain):
        read(positions=told([row, beside]))


def test_a_row_that_is_told_twice_counts_for_nothing() -> None:
    with pytest.raises(AskAgain, match="twice"):
        read(positions=told([position(), position(), option()]))


def many(name: str) -> dict[str, Any]:
    return position(name) | {"size": "many"}


def test_rows_that_cannot_concern_us_spoil_nothing() -> None:
    odd = [many("ETH-PERPETUAL"), many("SOL_USDC-PERPETUAL"), {"instrument_name": "?"}]
    rows = told([position(), option(), *odd, {"instrument_name": "BTC_USDC", "kind": "spot"}])
    assert held(read(positions=rows)) == {PERPETUAL: D("1630698.9")}
    money = summaries(summary(), usdc(delta_total=-2.5))
    reading = read(PERPETUAL, LINEAR, positions=rows, summaries=money)
    assert held(reading) == {PERPETUAL: D("1630698.9"), LINEAR: D(0)}


def test_a_position_of_ours_that_nobody_configured_is_told_too() -> None:
    reading = read(positions=told([position(), position("BTC-25SEP26", -70_000), option()]))
    assert held(reading) == {PERPETUAL: D("1630698.9"), "BTC/USD:BTC-260925": D(-70_000)}


# --- options ----------------------------------------------------------------------------------------------------------


@proves(Ability.OPTIONS)
def test_an_option_is_read_in_coins_with_its_marks_and_greeks_of_one_coin() -> None:
    (found,) = read().options
    assert (found.id, found.underlying, found.settle, found.payoff) == (OPTION, "BTC", "BTC", Payoff.INVERSE)
    assert (found.option_type, found.strike, found.expiry_at) == (OptionType.CALL, D(40_000), 1_806_048_000_000)
    assert (found.quantity, found.contract_multiplier, found.coins) == (D("-1.6"), D(1), D("-1.6"))
    assert (found.mark_price, found.mark_sigma, found.forward_price) == (D("0.2168"), D("0.6127"), D("51827.27"))
    assert (found.index_price, found.settlement_ms) == (D("49990.79"), 30 * 60_000)
    assert found.greeks is not None
    assert found.greeks.delta == pytest.approx(1.01962 / 1.6)


@proves(Ability.OPTIONS)
def test_the_deltas_of_all_rows_are_the_accounts_own() -> None:
    """The documentation's account: its delta by index is that of futures and of options by Black-Scholes, and its
    delta_total is less the options' value, premium-adjusted: neither has the coins themselves in it."""
    account, reading = summary(), read()
    futures = sum(row.delta for row in reading.positions)
    (sold,) = reading.options
    assert sold.greeks is not None
    assert sold.greeks.delta is not None
    options = float(sold.quantity) * sold.greeks.delta
    assert options == pytest.approx(account["options_delta"])
    assert float(futures) + options == pytest.approx(account["delta_total_map"]["btc_usd"], abs=1e-6)
    assert float(futures) + options - account["options_value"] == pytest.approx(account["delta_total"], abs=1e-6)


@proves(Ability.OPTIONS)
def test_a_part_of_the_options_is_not_taken_for_the_whole() -> None:
    """Two options were sold and one is listed, or the one that is listed was exercised since the summary."""
    both = option("BTC-26MAR27-90000-P", -1.6, delta=0.5)
    assert len(read(positions=told([position(), option(), both]), summaries=of_delta(-0.51962)).options) == 2
    with pytest.raises(AskAgain, match="do not come to the delta"):
        read(summaries=of_delta(-0.51962))
    # Prices move between the two answers, and the delta may be told less the options' value.
    assert read(summaries=of_delta(-1.1)).options
    assert read(summaries=of_delta(-1.01102)).options
    assert read(summaries=of_delta(None)).options


@proves(Ability.POSITIONS)
def test_a_contract_that_the_list_leaves_out_is_not_flat_while_the_wallet_has_its_delta() -> None:
    """An option is listed still, so that the list is not empty, and the contract asked for by name says zero."""
    with pytest.raises(AskAgain, match="do not come to"):
        read(positions=told([option()]))
    alone = summaries(summary(delta_total=-1.01102), usdc())
    assert held(read(positions=told([option()]), summaries=alone)) == {PERPETUAL: D(0)}


def of_delta(options_delta: float | None) -> dict[str, Any]:
    return summaries(summary(options_delta=options_delta), usdc())


@proves(Ability.FUNDING_PAYMENTS)
def test_funding_of_the_session_is_owned_and_told_apart_until_it_is_settled() -> None:
    """It is in the equity, and so in the cash, from the moment that it is paid; a payment it is at 08:00 UTC."""
    reading = read(positions=told([position(realized_funding=-0.0003), option()]))
    cash = read().spot["BTC"]
    assert (reading.spot["BTC"], reading.accrued) == (cash, {"BTC": D("-0.0003"), "ETH": D(0), "USDC": D(0)})
    # Of a position that was closed in this session too, whether the list still has it or not.
    gone = flat("BTC-PERPETUAL") | {"realized_funding": 0.0002}
    nothing = summaries(summary(options_value=0, equity=302.62729214, delta_total=0), usdc())
    closed = read(positions=told([]), summaries=nothing, one=told(gone))
    assert closed.accrued["BTC"] == D("0.0002")


def test_only_what_pays_funding_must_tell_that_of_the_session() -> None:
    """The venue's own example of a perpetual that is not held has none."""
    for row in (flat("BTC-PERPETUAL"), position("BTC-26MAR27")):
        assert future_row(unfunded(row)).realized_funding is None
    with pytest.raises(ValueError, match="funding of the session"):
        future_row(unfunded(position()))


def unfunded(row: dict[str, Any]) -> Row:
    told = {key: str(value) if isinstance(value, float) else value for key, value in row.items()}
    del told["realized_funding"]
    return Row(**told)


@proves(Ability.OPTIONS)
def test_the_engine_finds_no_flaw_in_what_was_read_and_a_delta_of_its_own_sign() -> None:
    reading = read()
    found = overlay(reading.options, D("49990.79"), 1_795_000_000_000)
    assert found.flaw is None
    assert -1.6 < float(found.delta) < 0


@proves(Ability.OPTIONS)
def test_many_options_cost_one_request_for_each_currency() -> None:
    strikes = range(30_000, 60_000, 500)
    rows = [position(), *(option(f"BTC-26MAR27-{strike}-C", 1, delta=0.5) for strike in strikes)]
    linear = option("BTC_USDC-26MAR27-0d625-P", 2, delta=-0.5)

    async def scenario() -> tuple[AccountReading, list[str]]:
        async with opened([PERPETUAL], stand=STAND) as desk:
            desk.fake.answers[POSITIONS] = told([*rows, linear])
            desk.fake.answers[SUMMARIES] = summaries(summary(options_delta=30), usdc())
            desk.fake.answers[path("public/get_book_summary_by_currency")] = told(
                [book_summary(f"BTC-26MAR27-{strike}-C") for strike in strikes]
            )
            return await desk.venue.read_account(), [seen.path.rpartition("/")[2] for seen in desk.fake.seen]

    reading, asked = asyncio.run(scenario())
    assert len(reading.options) == 61
    assert sorted(asked) == sorted(
        ["get_account_summaries", "get_positions", "get_open_orders", *["get_book_summary_by_currency"] * 2]
    )
    last = reading.options[-1]
    assert (last.id.symbol, last.strike) == ("BTC/USDC:USDC-270326-0.625-P", D("0.625"))
    assert (last.payoff, last.settle, last.mark_sigma) == (Payoff.LINEAR, "USDC", None)


@pytest.mark.parametrize("books", [told([]), told([book_summary(mark_iv=None, underlying_price=None)])])
def test_an_option_of_which_no_volatility_is_told_is_not_left_out(books: Any) -> None:
    (found,) = read(books=books).options
    assert (found.mark_sigma, found.forward_price, found.mark_price) == (None, None, D("0.2168"))


def test_an_option_that_is_gone_is_no_position_of_nothing() -> None:
    nothing = option(size=0, direction="zero", delta=0)
    reading = read(
        positions=told([position(), nothing]),
        summaries=summaries(summary(options_value=0, equity=302.62729214), usdc()),
    )
    assert reading.options == ()


# --- orders -----------------------------------------------------------------------------------------------------------


@proves(Ability.OPEN_ORDERS)
def test_every_limit_order_on_our_contracts_is_told_foreign_ones_too() -> None:
    rows = [
        order(filled_amount=10),
        order(order_id="7", label="", amount=1000, direction="buy"),
        order(order_id="8", instrument_name="ETH-PERPETUAL", price="odd"),
        order(order_id="9", order_type="stop_market", price="market_price", order_state="untriggered"),
    ]
    reading = read(orders=told(rows))
    assert [(r.venue_order_id, r.client_order_id, r.quantity, r.filled) for r in reading.open_orders] == [
        ("46108941243", "hbot000100000199", D(20), D(10)),
        ("7", None, D(1000), D(0)),
    ]
    assert all(r.status is ReportStatus.WORKING for r in reading.open_orders)


@pytest.mark.parametrize(
    "row",
    [order(price="NaN"), order(filled_amount=21), order(last_update_timestamp=1_790_000_000), order(amount=0)],
)
def test_an_open_order_of_ours_that_is_odd_spoils_the_reading(row: dict[str, Any]) -> None:
    with pytest.raises(AskAgain):
        read(orders=told([row]))


def test_a_contract_that_the_venue_does_not_know_any_more_is_flat_only_when_it_is_delisted() -> None:
    async def scenario(desk: Desk) -> AccountReading:
        desk.fake.answers[path("private/get_position")] = plain_answer(400, '{"error": {"code": 13020}}')
        return await desk.venue.read_account()

    async def listed() -> None:
        async with opened([PERPETUAL, DATED], stand=STAND) as desk:
            with pytest.raises(AskAgain, match="does not know it"):
                await scenario(desk)

    async def delisted() -> AccountReading:
        async with opened([PERPETUAL, DATED], stand=STAND) as desk:
            desk.fake.answers[path("public/get_instruments")] = told([future("BTC-PERPETUAL")])
            return await scenario(desk)

    asyncio.run(listed())
    assert held(asyncio.run(delisted())) == {PERPETUAL: D("1630698.9"), DATED: D(0)}


def test_a_refusal_under_success_is_no_reading() -> None:
    for refused in (error(10001, "error"), error(13004, "invalid_credentials")):
        with pytest.raises(AskAgain):
            read(positions=refused)
