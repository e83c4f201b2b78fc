"""What we do not trade does not keep us from reading the account, and what we do trade is never left out."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from hedger.errors import AskAgain
from hedger.model.account import AccountReading, Position
from tests.support.wire_bodies import futures_account, futures_symbol, held, risk, settings
from tests.support.wire_server import FakeVenue, plain_answer
from tests.support.wire_venue import BTC, SPOT, WireClock, opened

ACCOUNT, SPOT_ACCOUNT = "/fapi/v3/account", "/api/v3/account"
RISK, CONFIG, LISTING = "/fapi/v3/positionRisk", "/fapi/v1/symbolConfig", "/fapi/v1/exchangeInfo"
PEPE = "1000PEPE/USDT:USDT"
OURS = settings("BTCUSDT")


def listing(*more: dict[str, Any]) -> dict[str, Any]:
    return {"symbols": [futures_symbol("BTC"), futures_symbol("ETH"), futures_symbol("1000PEPE"), *more]}


def positions_of(reading: AccountReading) -> dict[str, Position]:
    return {position.id.symbol: position for position in reading.positions}


def tell(fake: FakeVenue, bodies: Mapping[str, Any]) -> None:
    fake.answers.update({("GET", path): body for path, body in bodies.items()})


# --- a position in a contract that was listed after our start -------------------------------------------------------

NEW_POSITION = {
    RISK: [risk("BTCUSDT", "-0.5"), risk("1000NEWUSDT", "2")],
    ACCOUNT: futures_account(held("BTCUSDT", "-0.5"), held("1000NEWUSDT", "2")),
    CONFIG: [OURS, settings("1000NEWUSDT")],
}


def test_a_position_in_a_contract_listed_after_our_start_is_told_with_its_coin() -> None:
    async def scenario() -> tuple[Position, int]:
        async with opened() as desk:
            tell(desk.fake, {**NEW_POSITION, LISTING: listing(futures_symbol("1000NEW"))})
            readings = [await desk.venue.read_account() for _ in range(3)]
            return positions_of(readings[-1])["1000NEW/USDT:USDT"], len(desk.fake.requests("GET", LISTING))

    position, listings_read = asyncio.run(scenario())
    assert (position.underlying, position.quantity, position.delta) == ("NEW", Decimal(2), Decimal(2000))
    assert listings_read == 1, "what was learned is kept"


def test_the_listing_is_read_again_once_a_minute_at_the_most() -> None:
    async def scenario() -> None:
        clock = WireClock(speed=10)
        async with opened(clock=clock, ready=False) as desk:
            desk.fake.clock_ms = clock.now_ms
            desk.fake.judges_age = False
            await desk.venue.open([BTC.symbol])
            desk.fake.seen.clear()
            tell(desk.fake, NEW_POSITION)
            for _ in range(3):
                with pytest.raises(AskAgain, match="1000NEWUSDT"):
                    await desk.venue.read_account()
            assert len(desk.fake.requests("GET", LISTING)) == 1
            tell(desk.fake, {LISTING: listing(futures_symbol("1000NEW"))})
            await clock.sleep(60)
            assert "1000NEW/USDT:USDT" in positions_of(await desk.venue.read_account())

    asyncio.run(scenario())


def test_a_contract_that_nobody_lists_and_nobody_holds_is_no_reason_to_fail() -> None:
    """Somebody's open order puts a flat row into the list."""

    async def scenario() -> AccountReading:
        async with opened() as desk:
            tell(desk.fake, {RISK: [risk("BTCUSDT", "-0.500"), risk("1000NEWUSDT", "0")]})
            desk.fake.answers["GET", LISTING] = plain_answer(503, "")
            return await desk.venue.read_account()

    assert set(positions_of(asyncio.run(scenario()))) == {BTC.symbol}


# --- odd rows -------------------------------------------------------------------------------------------------------

ODD_CONFIGS: dict[str, Any] = {
    "a mode that nobody knows": settings("ETHUSDT", margin="PORTFOLIO"),
    "no leverage": {"symbol": "ETHUSDT", "marginType": "CROSSED"},
    "leverage zero": settings("ETHUSDT", leverage=0),
    "no name": {"marginType": "CROSSED", "leverage": 3},
    "null": None,
}


@pytest.mark.parametrize("row", ODD_CONFIGS)
def test_odd_settings_of_what_we_do_not_trade_are_passed_over(row: str) -> None:
    async def scenario() -> AccountReading:
        async with opened() as desk:
            tell(desk.fake, {CONFIG: [OURS, ODD_CONFIGS[row]]})
            await desk.venue.configure([BTC.symbol], leverage=3, margin_mode=(await read(desk)).margin_mode)
            return await desk.venue.read_account()

    async def read(desk: Any) -> Position:
        return positions_of(await desk.venue.read_account())[BTC.symbol]

    assert positions_of(asyncio.run(scenario()))[BTC.symbol].leverage == 3


@pytest.mark.parametrize("configs", [[OURS], [OURS, settings("ETHUSDT", margin="PORTFOLIO")]], ids=["none", "odd"])
def test_a_foreign_position_counts_whatever_is_told_of_its_settings(configs: list[Any]) -> None:
    async def scenario() -> AccountReading:
        async with opened() as desk:
            account = futures_account(held("BTCUSDT", "-0.5"), held("ETHUSDT", "2"))
            tell(desk.fake, {RISK: [risk("BTCUSDT", "-0.5"), risk("ETHUSDT", "2")], ACCOUNT: account, CONFIG: configs})
            return await desk.venue.read_account()

    assert positions_of(asyncio.run(scenario()))["ETH/USDT:USDT"].quantity == 2


ODD_RISKS = {
    "no prices": {"symbol": "ETHUSDT", "positionSide": "BOTH", "positionAmt": "2"},
    "an entry below zero": risk("ETHUSDT", "2", entryPrice="-1"),
    "a quantity that is no number": risk("ETHUSDT", "two"),
    "a side that nobody knows": risk("ETHUSDT", "2", positionSide="UP"),
}


@pytest.mark.parametrize("row", ODD_RISKS)
@pytest.mark.parametrize("quantity", ["2", None])
def test_of_an_odd_row_of_what_we_do_not_trade_the_account_tells_the_quantity(row: str, quantity: str | None) -> None:
    async def scenario() -> AccountReading:
        async with opened() as desk:
            rows = [held("BTCUSDT", "-0.5")] + ([held("ETHUSDT", quantity)] if quantity else [])
            tell(desk.fake, {RISK: [risk("BTCUSDT", "-0.5"), ODD_RISKS[row]], ACCOUNT: futures_account(*rows)})
            return await desk.venue.read_account()

    positions = positions_of(asyncio.run(scenario()))
    assert positions[BTC.symbol].quantity == Decimal("-0.5")
    assert [p.quantity for p in positions.values() if p.underlying == "ETH"] == ([Decimal(2)] if quantity else [])


def test_an_odd_row_of_what_we_do_not_trade_is_no_reason_to_miss_the_margin() -> None:
    async def scenario() -> AccountReading:
        async with opened() as desk:
            tell(desk.fake, {RISK: [ODD_RISKS["no prices"]], ACCOUNT: futures_account(held("ETHUSDT", "2"))})
            return await desk.venue.read_account()

    reading = asyncio.run(scenario())
    assert {p.id.symbol: p.quantity for p in reading.positions} == {BTC.symbol: 0, "ETH/USDT:USDT": 2}


def test_a_foreign_position_that_moves_between_two_requests_does_not_spoil_the_reading() -> None:
    async def scenario() -> tuple[AccountReading, int]:
        async with opened() as desk:
            tell(desk.fake, {RISK: [risk("BTCUSDT", "-0.5"), risk("ETHUSDT", "2")]})
            tell(desk.fake, {ACCOUNT: futures_account(held("BTCUSDT", "-0.5"), held("ETHUSDT", "3"))})
            return await desk.venue.read_account(), len(desk.fake.requests("GET", ACCOUNT))

    reading, asked = asyncio.run(scenario())
    assert {symbol: p.quantity for symbol, p in positions_of(reading).items()} == {
        BTC.symbol: Decimal("-0.5"),
        "ETH/USDT:USDT": 2,
    }
    assert asked == 1


def test_odd_rows_of_the_account_s_own_lists_matter_only_where_they_are_ours() -> None:
    strange = {"symbol": "ETHUSDT", "positionSide": "ASIDE", "positionAmt": "2"}
    asset = {"asset": "USDT", "walletBalance": "5"}

    async def scenario() -> AccountReading:
        async with opened() as desk:
            for positions, assets in (
                ([strange | {"symbol": "BTCUSDT"}], [asset]),
                ([held("BTCUSDT", "-0.5")], [asset | {"walletBalance": None}]),
            ):
                tell(desk.fake, {ACCOUNT: futures_account(*positions, assets=assets)})
                with pytest.raises(AskAgain, match="not understood"):
                    await desk.venue.read_account()
            assets = [asset, {"asset": "DUST", "walletBalance": "?"}]
            tell(desk.fake, {ACCOUNT: futures_account(held("BTCUSDT", "-0.5"), strange, assets=assets)})
            return await desk.venue.read_account()

    reading = asyncio.run(scenario())
    assert set(positions_of(reading)) == {BTC.symbol}
    assert reading.collateral == {"USDT": 5}


BTC_OF_ANOTHER_QUOTE = {**futures_symbol("BTC"), "symbol": "BTCUSDC", "quoteAsset": "USDC", "marginAsset": "USDC"}
OURS_ODD: dict[str, dict[str, Any]] = {
    "our settings": {CONFIG: [settings("BTCUSDT", margin="PORTFOLIO"), settings("ETHUSDT")]},
    "our settings twice": {CONFIG: [OURS, settings("BTCUSDT", leverage=4)]},
    "our row": {RISK: [risk("BTCUSDT", "-0.5", entryPrice="-1")]},
    "a row without a name": {RISK: [risk("BTCUSDT", "-0.5"), {"positionAmt": "2"}]},
    "a row of a contract that nobody listed": {
        RISK: [risk("BTCUSDT", "-0.5"), risk("NEWUSDT", "two")],
    },
    "a row of another contract on our coin": {
        LISTING: listing(BTC_OF_ANOTHER_QUOTE),
        RISK: [risk("BTCUSDT", "-0.5"), risk("BTCUSDC", "two")],
    },
}


@pytest.mark.parametrize("row", OURS_ODD)
def test_an_odd_row_of_what_we_trade_is_never_passed_over(row: str) -> None:
    async def scenario() -> None:
        async with opened(ready=False) as desk:
            tell(desk.fake, {LISTING: OURS_ODD[row].get(LISTING, listing())})
            await desk.venue.open([BTC.symbol])
            tell(desk.fake, OURS_ODD[row])
            with pytest.raises(AskAgain) as problem:
                await desk.venue.read_account()
            assert len(str(problem.value)) < 400
            assert "\n" not in str(problem.value)

    asyncio.run(scenario())


def test_our_odd_settings_are_asked_for_again_before_anything_is_set() -> None:
    async def scenario() -> None:
        async with opened() as desk:
            reading = await desk.venue.read_account()
            tell(desk.fake, OURS_ODD["our settings"])
            with pytest.raises(AskAgain, match="BTCUSDT"):
                await desk.venue.configure([BTC.symbol], leverage=3, margin_mode=reading.positions[0].margin_mode)
            assert {seen.method for seen in desk.fake.seen} == {"GET"}

    asyncio.run(scenario())


# --- the spot wallet ------------------------------------------------------------------------------------------------


def wallet(**coins: Any) -> dict[str, Any]:
    return {"balances": [{"asset": coin, "free": free, "locked": "0"} for coin, free in coins.items()]}


def test_a_coin_that_we_do_not_trade_may_be_renamed() -> None:
    async def scenario() -> list[AccountReading]:
        async with opened() as desk:
            readings = []
            for coins in ({"MATIC": "0.3"}, {"POL": "0.3"}):
                desk.fake.answers["GET", SPOT_ACCOUNT] = wallet(BTC="1", **coins)
                readings.append(await desk.venue.read_account())
            return readings

    assert [set(reading.spot) for reading in asyncio.run(scenario())] == [{"BTC", "MATIC"}, {"BTC", "POL"}]


@pytest.mark.parametrize("symbols", [[BTC.symbol], [SPOT.symbol], [BTC.symbol, PEPE]])
def test_a_wallet_that_does_not_list_our_coin_is_asked_again_also_the_first_time(symbols: list[str]) -> None:
    async def scenario() -> None:
        async with opened(symbols) as desk:
            desk.fake.answers["GET", SPOT_ACCOUNT] = wallet(
                USDT="5", ETH="1", **({"BTC": "1"} if PEPE in symbols else {})
            )
            with pytest.raises(AskAgain, match="does not list"):
                await desk.venue.read_account()

    asyncio.run(scenario())


def test_a_coin_of_ours_that_is_listed_in_thousands_is_listed() -> None:
    async def scenario() -> AccountReading:
        async with opened([PEPE]) as desk:
            tell(desk.fake, {SPOT_ACCOUNT: wallet(**{"1000PEPE": "5"}), RISK: [], ACCOUNT: futures_account()})
            return await desk.venue.read_account()

    assert asyncio.run(scenario()).spot == {"PEPE": 5000}


def test_zeros_are_asked_for_and_kept() -> None:
    async def scenario() -> tuple[AccountReading, str]:
        async with opened() as desk:
            desk.fake.answers["GET", SPOT_ACCOUNT] = wallet(BTC="0.00", ETH="0")
            reading = await desk.venue.read_account()
            return reading, desk.fake.requests("GET", SPOT_ACCOUNT)[0].params["omitZeroBalances"]

    reading, omit = asyncio.run(scenario())
    assert reading.spot == {"BTC": 0, "ETH": 0}
    assert omit == "false"


def test_an_odd_balance_of_what_we_do_not_trade_is_left_out_and_never_zero() -> None:
    async def scenario() -> AccountReading:
        async with opened() as desk:
            desk.fake.answers["GET", SPOT_ACCOUNT] = wallet(BTC="1", DUST="-0.1", **{"1000DUST": "1"})
            return await desk.venue.read_account()

    assert asyncio.run(scenario()).spot == {"BTC": 1}
