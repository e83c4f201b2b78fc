"""An account in portfolio margin on Binance: found out at the start, read by its own API when watched, never traded."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal as D
from typing import Any, TypeVar

import pytest
from aiohttp import web

from hedger.errors import AskAgain, ConfigError, CredentialsError, GiveUp
from hedger.model.message import StreamChanged
from hedger.model.order import OrderReport
from hedger.venues.abilities import Ability
from hedger.venues.account import VenueAccount
from tests.support.stand import proves
from tests.support.wire_bodies import AT, echo_fees, futures_symbol, held, income, order_record, risk, settings, trade
from tests.support.wire_server import FakeVenue, refusal
from tests.support.wire_venue import BTC, OUR_ID, SPOT, Desk, opened
from tests.wire.test_venue_streams import Reader, order_frame

T = TypeVar("T")
Answers = dict[tuple[str, str], Any]
ACCOUNT, BALANCE, HELD, RISKS = (
    "/papi/v1/account",
    "/papi/v1/balance",
    "/papi/v1/um/account",
    "/papi/v1/um/positionRisk",
)
RIGHTS = {"ipRestrict": True, "enableReading": True, "enableFutures": True, "enableWithdrawals": False}
UNIFIED = {("GET", "/sapi/v1/account/apiRestrictions"): RIGHTS | {"enablePortfolioMarginTrading": True}}
# As documented and as ccxt 4.5.90 has recorded it.
MARGIN = {
    "uniMMR": "5167.92171923",
    "accountEquity": "122607.35137903",
    "actualEquity": "73.47428058",
    "accountInitialMargin": "23.72469206",
    "accountMaintMargin": "23.72469206",
    "accountStatus": "NORMAL",
    "virtualMaxWithdrawAmount": "1627523.32459208",
    "updateTime": 1657707212154,
}


def balance(asset: str, **changes: str) -> dict[str, Any]:
    """What `GET /papi/v1/balance` says of one asset; the fields are documented, the numbers synthetic."""
    told = {"BTC": {"crossMarginAsset": "0.3", "crossMarginBorrowed": "0.1", "crossMarginInterest": "0.0001"}}
    kept = {"USDT": {"umWalletBalance": "1000.25", "umUnrealizedPNL": "-50.25"}}
    nothing = dict.fromkeys(
        (
            "totalWalletBalance",
            "crossMarginAsset",
            "crossMarginBorrowed",
            "crossMarginFree",
            "crossMarginInterest",
            "crossMarginLocked",
            "umWalletBalance",
            "umUnrealizedPNL",
            "cmWalletBalance",
            "cmUnrealizedPNL",
        ),
        "0",
    )
    return {"asset": asset, "updateTime": AT} | nothing | told.get(asset, {}) | kept.get(asset, {}) | changes


async def balances(_request: web.Request, seen: Any) -> web.StreamResponse:
    asset = seen.params.get("asset")
    told: Any = [balance("USDT"), {"asset": "DOGE", "crossMarginAsset": "?"}] if asset is None else balance(asset)
    return web.json_response(told)


def kind(*positions: dict[str, Any], maintenance: str = "23.7") -> dict[str, Any]:
    return {"assets": [{"asset": "USDT", "maintMargin": maintenance}], "positions": list(positions)}


def unified() -> Answers:
    """Every answer of an account in portfolio margin. To its futures API the keys have no access."""
    shut = refusal(401, -2015, "Invalid API-key, IP, or permissions for action")
    closed = {("GET", path): shut for path in ("/fapi/v3/account", "/fapi/v3/positionRisk", "/fapi/v1/accountConfig")}
    return (
        UNIFIED
        | closed
        | {
            ("GET", ACCOUNT): MARGIN,
            ("GET", BALANCE): balances,
            ("GET", HELD): kind(held("BTCUSDT", "-0.500"), held("ETHUSDT", "0")),
            ("GET", RISKS): [risk("BTCUSDT", "-0.500")],
            ("GET", "/papi/v1/cm/positionRisk"): [{"symbol": "BTCUSD_PERP", "positionAmt": "0"}],
            ("GET", "/papi/v1/um/accountConfig"): {"feeTier": 0, "canTrade": True, "dualSidePosition": False},
            ("GET", "/papi/v1/um/symbolConfig"): [settings("BTCUSDT")],
            ("GET", "/papi/v1/um/commissionRate"): echo_fees,
            ("GET", "/papi/v1/um/openOrders"): [order_record(clientOrderId=OUR_ID)],
            ("GET", "/papi/v1/um/userTrades"): [trade(1)],
            ("GET", "/papi/v1/um/forceOrders"): [],
            ("GET", "/papi/v1/um/income"): [income(1)],
            ("POST", "/papi/v1/listenKey"): {"listenKey": "PK1"},
        }
    )


def watching(play: Callable[[Desk], Awaitable[T]], changes: Answers | None = None) -> T:
    """What is played on such an account that is only watched."""

    async def scenario() -> T:
        fake = FakeVenue()
        fake.answers |= unified()
        async with opened((SPOT.symbol, BTC.symbol), fake=fake, environment="shadow") as desk:
            desk.fake.answers |= changes or {}
            return await play(desk)

    return asyncio.run(scenario())


async def reading_of(desk: Desk) -> Any:
    return await desk.venue.read_account()


@proves(Ability.EQUITY_AND_MARGIN)
def test_a_watched_account_in_portfolio_margin_is_read_with_its_own_measure() -> None:
    reading = watching(reading_of)
    assert abs(reading.margin.margin_ratio - 1 / D("5167.92171923")) < D("0.0000001")
    assert reading.margin.equity == D("122607.35137903")
    assert [(row.id, row.quantity) for row in reading.positions] == [(BTC, D("-0.5"))]
    assert [report.client_order_id for report in reading.open_orders] == [OUR_ID]
    # 1.50000001 in the spot wallet; 0.3 in the margin wallet, of which 0.1 is borrowed at interest.
    assert reading.spot["BTC"] == D("1.50000001") + D("0.3") - D("0.1001")
    assert reading.collateral["USDT"] == D("1000.25")
    assert reading.collateral["BTC"] == 0


@pytest.mark.parametrize("told", [{}, {"multiAssetsMargin": False}])
def test_in_portfolio_margin_the_whole_account_backs_a_contract_in_usdc(told: dict[str, bool]) -> None:
    in_usdc = {"symbol": "BTCUSDC", "pair": "BTCUSDC", "quoteAsset": "USDC", "marginAsset": "USDC"}

    async def scenario() -> Any:
        fake = FakeVenue()
        fake.answers |= unified() | {
            ("GET", "/fapi/v1/exchangeInfo"): {"symbols": [futures_symbol("BTC"), futures_symbol("BTC") | in_usdc]},
            ("GET", "/papi/v1/um/symbolConfig"): [settings("BTCUSDT"), settings("BTCUSDC")],
            ("GET", "/papi/v1/um/accountConfig"): {"canTrade": True, "dualSidePosition": False} | told,
            ("GET", "/papi/v1/um/openOrders"): [],
        }
        async with opened(("BTC/USDC:USDC",), fake=fake, environment="shadow") as desk:
            return await desk.venue.read_account()

    assert asyncio.run(scenario()).margin.equity == D("122607.35137903")


def test_its_fees_fills_and_funding_are_asked_where_it_answers() -> None:
    async def play(desk: Desk) -> Any:
        fills = await desk.venue.read_fills(BTC, AT - 10_000)
        return desk.instruments, fills, await desk.venue.read_funding(AT), {seen.path for seen in desk.fake.seen}

    instruments, fills, payments, asked = watching(play)
    assert instruments[1].maker_fee == D("0.0002")
    assert (len(fills), len(payments)) == (1, 1)
    assert all(path.startswith("/papi/v1/um/") for path in asked)


def test_its_orders_are_streamed_by_a_key_of_its_own() -> None:
    async def play(desk: Desk) -> Any:
        hints = Reader(desk)
        await hints.until(StreamChanged, up=True)
        await desk.fake.push("/pm/ws/PK1", order_frame())
        report = await hints.until(OrderReport, id=BTC)
        await hints.stop()
        return report

    assert watching(play).client_order_id == OUR_ID


def test_a_balance_is_read_in_the_shape_in_which_a_single_asset_is_documented() -> None:
    """Without crossMarginAsset, and with an empty text for the profit in COIN-M, which nobody needs here."""

    async def single(_request: web.Request, seen: Any) -> web.StreamResponse:
        asset = seen.params.get("asset")
        found = balance(asset or "USDT", cmUnrealizedPNL="")
        if asset == "BTC":
            found = found | {"crossMarginFree": "0.25", "crossMarginLocked": "0.05"}
            del found["crossMarginAsset"]
        return web.json_response([found] if asset is None else found)

    assert watching(reading_of, {("GET", BALANCE): single}).spot["BTC"] == D("1.50000001") + D("0.3") - D("0.1001")


FAULTS: dict[str, Answers] = {
    "uniMMR": {("GET", ACCOUNT): MARGIN | {"uniMMR": "2.5"}},
    "two lists of positions differ": {("GET", RISKS): [risk("BTCUSDT", "-0.400")]},
    "COIN-M in portfolio margin": {
        ("GET", "/papi/v1/cm/positionRisk"): [{"symbol": "BTCUSD_PERP", "positionAmt": "-20"}]
    },
    "tells no maintenance margin": {("GET", ACCOUNT): MARGIN | {"accountMaintMargin": "0"}},
    "told twice": {("GET", BALANCE): [balance("USDT"), balance("USDT"), balance("BTC")]},
    "margin is held for positions": {("GET", HELD): kind(), ("GET", RISKS): []},
    "the balance of USDT came as an answer about BTC": {("GET", BALANCE): [balance("USDT")]},
}


@pytest.mark.parametrize("words", sorted(FAULTS))
def test_what_does_not_fit_together_is_no_reading(words: str) -> None:
    async def play(desk: Desk) -> str:
        with pytest.raises(AskAgain) as refused:
            await desk.venue.read_account()
        return str(refused.value)

    assert words in watching(play, FAULTS[words])


def test_a_position_in_coins_on_another_coin_spoils_nothing() -> None:
    other = [{"symbol": "DOGEUSD_PERP", "positionAmt": "-20"}]
    assert watching(reading_of, {("GET", "/papi/v1/cm/positionRisk"): other}).one_way


def opening(answers: Answers, environment: str, symbols: tuple[str, ...] = (BTC.symbol,)) -> set[str]:
    async def scenario() -> set[str]:
        fake = FakeVenue()
        fake.answers |= answers
        async with opened(symbols, fake=fake, environment=environment, ready=False) as desk:
            await desk.venue.open(symbols)
            return {seen.host for seen in fake.seen}

    return asyncio.run(scenario())


def test_an_account_in_portfolio_margin_is_not_traded() -> None:
    with pytest.raises(ConfigError, match=r"portfolio margin.*watched in shadow mode and is not traded"):
        opening(unified(), "live")


def test_an_account_in_portfolio_margin_with_contracts_in_coins_is_refused_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match="COIN-M contracts are not read yet"):
        opening(unified(), "shadow", ("BTC/USD:BTC",))


@pytest.mark.parametrize("code", [-2015, -20124])
def test_keys_with_that_right_on_another_account_are_used_as_ever(code: int) -> None:
    hosts = opening(UNIFIED | {("GET", ACCOUNT): refusal(400, code, "not in portfolio margin")}, "live")
    assert hosts == {"api.binance.com", "fapi.binance.com", "papi.binance.com"}


def test_an_account_that_the_venue_says_is_not_in_portfolio_margin_is_not_taken_for_one() -> None:
    """Even where its API of portfolio margin answers, with nothing in it."""
    info = {("GET", "/sapi/v1/account/info"): {"isPortfolioMarginRetailEnabled": False}}
    hosts = opening(UNIFIED | info | {("GET", ACCOUNT): MARGIN}, "shadow")
    assert hosts == {"api.binance.com", "fapi.binance.com"}


def test_whether_it_is_in_portfolio_margin_is_not_guessed_when_nobody_answers() -> None:
    with pytest.raises(AskAgain):
        opening(UNIFIED | {("GET", ACCOUNT): refusal(503, -1008)}, "live")


def test_keys_without_that_right_are_not_asked_about_it() -> None:
    assert "papi.binance.com" not in opening({}, "live")


def test_keys_without_that_right_on_such_an_account_are_refused() -> None:
    shut = {("GET", "/fapi/v1/commissionRate"): refusal(401, -2015, "Invalid API-key, IP, or permissions for action")}
    with pytest.raises(CredentialsError, match="check the keys"):
        opening(shut, "live")


def test_nothing_is_moved_out_of_an_account_in_portfolio_margin() -> None:
    async def play(desk: Desk) -> None:
        assert isinstance(desk.venue, VenueAccount)
        with pytest.raises(GiveUp, match="only watched"):
            await desk.venue.transfer("USDT", D(1), to_contracts=True)

    watching(play)
