"""Options on Binance: read where the keys may, with the venue's own marks; and money moved between wallets, once."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal as D
from typing import Any, TypeVar

import pytest

from hedger.errors import AskAgain, GiveUp
from hedger.model.instrument import Payoff
from hedger.model.option import OptionPosition, OptionType
from hedger.settings.schema import PollingSettings
from hedger.venues.abilities import Ability
from hedger.venues.account import VenueAccount
from tests.support.stand import proves
from tests.support.wire_coin import coin_bodies
from tests.support.wire_server import FakeVenue, hanging_answer, refusal
from tests.support.wire_venue import BTC, Desk, WireClock, opened

T = TypeVar("T")
Answers = dict[tuple[str, str], Any]
POSITION, WALLET, MARK, INDEX = (f"/eapi/v1/{name}" for name in ("position", "marginAccount", "mark", "index"))
LISTING, RIGHTS, TRANSFER = "/eapi/v1/exchangeInfo", "/sapi/v1/account/apiRestrictions", "/sapi/v1/asset/transfer"
EXPIRY = 1798272000000
CALL, PUT = "BTC-261226-60000-C", "BTC-261226-60000-P"


def row(symbol: str = CALL, quantity: str = "0.50000000", **changes: Any) -> dict[str, Any]:
    """A row as recorded in ccxt 4.5.90 of `GET /eapi/v1/position`, with another symbol and another day."""
    return {
        "entryPrice": "27.70000000",
        "symbol": symbol,
        "side": "SHORT" if quantity.startswith("-") else "LONG",
        "quantity": quantity,
        "reducibleQty": "0.50000000",
        "markValue": "10.250000000",
        "ror": "-0.2599",
        "unrealizedPNL": "-3.600000000",
        "markPrice": "20.5",
        "strikePrice": "60000.00000000",
        "positionCost": "13.85000000",
        "expiryDate": EXPIRY,
        "priceScale": 1,
        "quantityScale": 2,
        "optionSide": "CALL" if symbol.endswith("C") else "PUT",
        "quoteAsset": "USDT",
        "time": 1682492427106,
    } | changes


def mark(symbol: str, price: str, **changes: Any) -> dict[str, Any]:
    """A row of `GET /eapi/v1/mark`, of which ccxt has recorded one without the interest."""
    return {
        "symbol": symbol,
        "markPrice": price,
        "bidIV": "0.60236275",
        "askIV": "0.62267244",
        "markIV": "0.6125176",
        "delta": "0.39111646",
        "theta": "-32.13948531",
        "gamma": "0.00004656",
        "vega": "51.70062218",
        "highPriceLimit": "6474",
        "lowPriceLimit": "5",
        "riskFreeInterest": "0",
    } | changes


def listed(symbol: str = CALL, **changes: Any) -> dict[str, Any]:
    """A row of `optionSymbols`, as recorded in ccxt 4.5.90."""
    return {
        "contractId": 3,
        "expiryDate": EXPIRY,
        "filters": [],
        "id": 2474,
        "symbol": symbol,
        "side": "CALL",
        "strikePrice": "60000.00000000",
        "underlying": "BTCUSDT",
        "unit": 1,
        "quoteAsset": "USDT",
    } | changes


def wallet(maintenance: str = "151.00138", profit: str = "-5.00138") -> dict[str, Any]:
    """`GET /eapi/v1/marginAccount`, as documented."""
    asset = {"asset": "USDT", "marginBalance": "10099.448", "equity": "10094.44662", "available": "8725.92524"}
    return {"asset": [asset | {"initialMargin": "1084.52", "maintMargin": maintenance, "unrealizedPNL": profit}]}


def answers(*rows: dict[str, Any], **rights: bool) -> Answers:
    told = {"ipRestrict": True, "enableReading": True, "enableFutures": True, "enableWithdrawals": False}
    return {
        ("GET", RIGHTS): told | {"enableVanillaOptions": True} | rights,
        ("GET", POSITION): list(rows),
        ("GET", WALLET): wallet() if rows else wallet("0", "0"),
        ("GET", LISTING): {"optionSymbols": [listed(), listed(PUT), listed("DOGE-261226-0.1-C")]},
        ("GET", MARK): [mark(CALL, "2012"), mark(PUT, "1512", delta="-0.6"), mark("ETH-261226-3000-C", "7")],
        ("GET", INDEX): {"time": EXPIRY - 86_400_000, "indexPrice": "60100"},
        ("POST", TRANSFER): {"tranId": 13526853623},
    }


def on_options(play: Callable[[Desk], Awaitable[T]], told: Answers, environment: str = "live") -> T:
    """What is played on an open account whose keys are told so."""

    async def scenario() -> T:
        fake = FakeVenue()
        fake.answers |= coin_bodies() | told
        async with opened((BTC.symbol, "BTC/USD:BTC"), fake=fake, environment=environment) as desk:
            return await play(desk)

    return asyncio.run(scenario())


async def options_of(desk: Desk) -> tuple[OptionPosition, ...]:
    return (await desk.venue.read_account()).options


@proves(Ability.OPTIONS)
def test_options_are_read_with_their_terms_marks_and_the_forward_of_the_venues_own_marks() -> None:
    call, put = on_options(options_of, answers(row(), row(PUT, "-0.2")))
    assert str(call.id) == "main:BTC/USDT:USDT-261226-60000-C"
    assert (call.underlying, call.option_type, call.expiry_at) == ("BTC", OptionType.CALL, EXPIRY)
    assert (call.payoff, call.settle) == (Payoff.LINEAR, "USDT")
    assert (call.strike, call.contract_multiplier) == (D(60_000), D(1))
    assert (call.quantity, call.coins, put.quantity) == (D("0.5"), D("0.5"), D("-0.2"))
    assert (call.mark_price, call.mark_sigma, call.index_price) == (D(2012), D("0.6125176"), D(60100))
    assert call.forward_price == put.forward_price == D(60_500)
    assert call.greeks is not None
    assert (call.greeks.delta, call.greeks.gamma) == (0.39111646, 0.00004656)
    assert (call.greeks.vega, call.greeks.theta) == (None, None)


def test_a_forward_is_discounted_by_the_interest_of_the_marks() -> None:
    told = answers(row())
    told["GET", MARK] = [mark(CALL, "2012", riskFreeInterest="0.1"), mark(PUT, "1512", riskFreeInterest="0.1")]
    (call,) = on_options(options_of, told)
    assert call.forward_price is not None
    assert abs(call.forward_price - (60_000 + 500 * D("1.000274"))) < D("0.001")


def test_an_option_whose_marks_are_missing_is_told_without_them() -> None:
    told = answers(row())
    told["GET", MARK] = [mark(PUT, "1512")]
    (call,) = on_options(options_of, told)
    assert (call.mark_price, call.mark_sigma, call.forward_price, call.greeks) == (None, None, None, None)
    assert (call.quantity, call.index_price) == (D("0.5"), D(60100))


def test_a_unit_of_more_coins_is_counted_as_so_many() -> None:
    told = answers(row())
    told["GET", LISTING] = {"optionSymbols": [listed(unit=10)]}
    (call,) = on_options(options_of, told)
    assert call.coins == D(5)


def test_keys_without_the_right_for_options_are_asked_nothing_about_them() -> None:
    async def play(desk: Desk) -> Any:
        return await options_of(desk), {seen.host for seen in desk.fake.seen}

    options, hosts = on_options(play, answers(row(), enableVanillaOptions=False))
    assert options == ()
    assert "eapi.binance.com" not in hosts


def test_a_demo_account_has_no_options_to_read() -> None:
    async def play(desk: Desk) -> Any:
        return await options_of(desk), {seen.host for seen in desk.fake.seen}

    options, hosts = on_options(play, answers(row()), "testnet")
    assert options == ()
    assert hosts == {"demo-api.binance.com", "demo-fapi.binance.com", "demo-dapi.binance.com"}


def test_no_options_are_believed_only_where_their_wallet_has_none_either() -> None:
    async def play(desk: Desk) -> tuple[OptionPosition, ...]:
        desk.fake.answers["GET", WALLET] = wallet("151", "0")
        with pytest.raises(AskAgain, match="options wallet"):
            await options_of(desk)
        desk.fake.answers["GET", WALLET] = wallet("0", "0")
        return await options_of(desk)

    assert on_options(play, answers()) == ()


def test_options_that_are_gone_from_the_list_are_asked_of_their_wallet_at_once() -> None:
    async def play(desk: Desk) -> None:
        desk.fake.answers["GET", WALLET] = wallet("0", "0")
        assert await options_of(desk) == ()
        desk.fake.answers["GET", POSITION] = [row()]
        assert len(await options_of(desk)) == 1
        desk.fake.answers |= {("GET", POSITION): [], ("GET", WALLET): wallet("151", "0")}
        with pytest.raises(AskAgain, match="options wallet"):
            await options_of(desk)

    on_options(play, answers())


def test_a_minute_of_readings_leaves_half_of_the_weight_that_options_have() -> None:
    weights = {POSITION: 5, WALLET: 3, MARK: 5, INDEX: 1, LISTING: 1}

    async def scenario(told: Answers) -> int:
        clock = WireClock()
        fake = FakeVenue(clock_ms=clock.now_ms, judges_age=False)
        fake.answers |= told
        async with opened((BTC.symbol,), fake=fake, clock=clock) as desk:
            for _ in range(10):
                await desk.venue.read_account()
                clock.stand_still(-int(1000 * PollingSettings().account_s))
            return sum(weights.get(seen.path, 0) for seen in fake.seen)

    readings = 60 / float(PollingSettings().account_s)
    for told in (answers(), answers(row())):
        assert asyncio.run(scenario(told)) * readings / 10 <= 400 * 0.55


def test_a_forward_moves_with_the_index_until_the_marks_are_read_again() -> None:
    async def play(desk: Desk) -> Any:
        (first,) = await options_of(desk)
        desk.fake.answers["GET", INDEX] = {"time": EXPIRY - 86_400_000, "indexPrice": "120200"}
        desk.fake.answers["GET", MARK] = [mark(CALL, "9999")]
        (second,) = await options_of(desk)
        return first, second, len(desk.fake.requests("GET", MARK))

    first, second, asked = on_options(play, answers(row()))
    assert asked == 1
    assert second.index_price == 2 * first.index_price
    assert abs(second.forward_price - 2 * first.forward_price) < D("0.000001")
    assert second.mark_sigma == first.mark_sigma


def test_an_option_that_has_no_mark_does_not_have_the_marks_asked_for_in_each_reading() -> None:
    async def play(desk: Desk) -> int:
        for _ in range(3):
            (call,) = await options_of(desk)
            assert call.mark_price is None
        return len(desk.fake.requests("GET", MARK))

    told = answers(row())
    told["GET", MARK] = [mark(PUT, "1512")]
    assert on_options(play, told) == 1


ODD = {
    "a name that is none": row() | {"symbol": "Infinity"},
    "a quantity that is no number": row(quantity="NaN"),
    "a side that denies the sign": row(side="SHORT"),
    "another strike than in the name": row(strikePrice="61000"),
    "another type than in the name": row(optionSide="PUT"),
    "an unlisted one": row("BTC-270101-60000-C"),
    "another day than in the name": row(expiryDate=EXPIRY + 86_400_000),
    "a day in seconds": row(expiryDate=EXPIRY // 1000),
}


@pytest.mark.parametrize("fault", sorted(ODD))
def test_an_odd_option_on_a_coin_of_ours_is_no_reading(fault: str) -> None:
    async def play(desk: Desk) -> None:
        with pytest.raises(AskAgain):
            await options_of(desk)

    on_options(play, answers(ODD[fault]))


def test_an_odd_option_on_another_coin_spoils_nothing() -> None:
    found = on_options(options_of, answers(row(), row() | {"symbol": "DOGE-261226-0.1-C", "quantity": "?"}))
    assert [option.underlying for option in found] == ["BTC"]


def test_options_that_cannot_be_read_are_not_none() -> None:
    async def play(desk: Desk) -> None:
        desk.fake.answers["GET", POSITION] = refusal(503, -1008)
        with pytest.raises(AskAgain):
            await options_of(desk)

    on_options(play, answers(row()))


# --- transfers --------------------------------------------------------------------------------------------------------


def sent(asset: str, *, to_contracts: bool, told: Answers, environment: str = "live") -> list[dict[str, Any]]:
    async def play(desk: Desk) -> list[dict[str, Any]]:
        assert isinstance(desk.venue, VenueAccount)
        await desk.venue.transfer(asset, D("1.50"), to_contracts=to_contracts)
        return [seen.params for seen in desk.fake.requests("POST", TRANSFER)]

    return on_options(play, told, environment)


@proves(Ability.TRANSFER)
@pytest.mark.parametrize(
    ("asset", "to_contracts", "kind"),
    [
        ("USDT", True, "MAIN_UMFUTURE"),
        ("USDT", False, "UMFUTURE_MAIN"),
        ("BTC", True, "MAIN_CMFUTURE"),
        ("BTC", False, "CMFUTURE_MAIN"),
    ],
)
def test_money_is_moved_once_to_the_wallet_that_backs_its_contracts(asset: str, to_contracts: bool, kind: str) -> None:
    (params,) = sent(asset, to_contracts=to_contracts, told=answers(permitsUniversalTransfer=True))
    assert (params["type"], params["asset"], params["amount"]) == (kind, asset, "1.5")


@pytest.mark.parametrize(
    ("environment", "rights", "words"),
    [
        ("live", {}, "may not transfer"),
        ("shadow", {"permitsUniversalTransfer": True}, "only watched"),
        ("testnet", {"permitsUniversalTransfer": True}, "demo network"),
    ],
)
def test_a_transfer_that_may_not_be_is_refused_in_a_sentence(
    environment: str, rights: dict[str, bool], words: str
) -> None:
    with pytest.raises(GiveUp, match=words):
        sent("USDT", to_contracts=True, told=answers(**rights), environment=environment)


def test_a_transfer_is_sent_once_whatever_is_answered() -> None:
    async def play(desk: Desk) -> int:
        assert isinstance(desk.venue, VenueAccount)
        with pytest.raises(GiveUp, match="cannot be transferred"):
            await desk.venue.transfer("USDT", D(0), to_contracts=True)
        for answer in (refusal(400, -3041, "Balance is not enough"), refusal(503, -1008), hanging_answer(5)):
            desk.fake.answers["POST", TRANSFER] = answer
            with pytest.raises((AskAgain, GiveUp)):
                await desk.venue.transfer("USDT", D(1), to_contracts=True)
        return len(desk.fake.requests("POST", TRANSFER))

    assert on_options(play, answers(permitsUniversalTransfer=True)) == 3
