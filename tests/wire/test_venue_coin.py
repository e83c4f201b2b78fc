"""COIN-M on Binance: contracts counted in dollars, each coin counted once, and asked about only where it is traded."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal as D
from typing import Any, TypeVar

import pytest
from aiohttp import web

from hedger.engine.news.settled import coins_owned
from hedger.errors import AskAgain, ConfigError, GiveUp
from hedger.model.account import MarginMode, Position
from hedger.model.instrument import InstrumentId, Kind, Payoff
from hedger.model.market import Mark, Quote
from hedger.model.message import CancelOrder, OrderAccepted, OrderRejected
from hedger.model.order import RejectReason, ReportStatus
from hedger.venues.abilities import Ability
from hedger.venues.binance.names import raw_name
from hedger.venues.binance.parse import position_of
from hedger.venues.binance.payloads import PositionRisk, SymbolConfig
from hedger.venues.listing import Listed
from hedger.venues.wire import reader
from tests.support.stand import proves
from tests.support.wire_bodies import AT, echo, futures_account, held, income, risk
from tests.support.wire_coin import DATED as DATED_NAME
from tests.support.wire_coin import (
    DAY,
    PERP,
    coin_account,
    coin_asset,
    coin_bodies,
    coin_held,
    coin_order,
    coin_risk,
    coin_symbol,
    coin_trade,
)
from tests.support.wire_server import FakeVenue, refusal
from tests.support.wire_venue import BTC, OUR_ID, SPOT, Desk, opened, place_order

T = TypeVar("T")
COIN = InstrumentId("main", "BTC/USD:BTC")
DATED = InstrumentId("main", "BTC/USD:BTC-261225")
ORDER = "/dapi/v1/order"
ONLY, BOTH = (COIN.symbol,), (SPOT.symbol, BTC.symbol, COIN.symbol)
Answers = dict[tuple[str, str], Any]


def on_coin(play: Callable[[Desk], Awaitable[T]], symbols: tuple[str, ...] = ONLY, answers: Answers | None = None) -> T:
    """What is played on an open account of which these contracts are configured."""

    async def scenario() -> T:
        fake = FakeVenue()
        fake.answers |= coin_bodies()
        async with opened(symbols, fake=fake) as desk:
            desk.fake.answers |= answers or {}
            return await play(desk)

    return asyncio.run(scenario())


def let_go() -> None:
    return None


def order(**changes: Any) -> Any:
    return place_order(**({"id": COIN, "quantity": D(20), "price": D("50000.1")} | changes))


# --- listing ----------------------------------------------------------------------------------------------------------


def test_a_contract_in_coins_is_listed_with_its_dollars_and_its_day() -> None:
    async def play(desk: Desk) -> Any:
        return desk.instruments

    perpetual, dated, ether = on_coin(play, (COIN.symbol, DATED.symbol, "ETH/USD:ETH"))
    assert (perpetual.kind, perpetual.payoff, perpetual.settle) == (Kind.PERPETUAL, Payoff.INVERSE, "BTC")
    assert (perpetual.contract_multiplier, ether.contract_multiplier) == (D(100), D(10))
    assert (perpetual.lot_size, perpetual.tick_size, perpetual.post_only) == (D(1), D("0.1"), True)
    assert (dated.kind, dated.expiry_at, dated.settlement_ms) == (Kind.FUTURE, DAY, 30 * 60_000)
    assert perpetual.maker_fee == D("0.0002")
    assert perpetual.coins(D(20), D(40_000)) == D("0.05")


@pytest.mark.parametrize(
    ("symbol", "raw"),
    [
        ("BTC/USD:BTC", "BTCUSD_PERP"),
        ("BTC/USD:BTC-261225", "BTCUSD_261225"),
        ("BTC/USDT:USDT", "BTCUSDT"),
        ("BTC/USDT:USDT-261225", "BTCUSDT_261225"),
        ("1000PEPE/USDT:USDT", "1000PEPEUSDT"),
        ("BTC/USDT", "BTCUSDT"),
    ],
)
def test_a_symbol_has_the_name_that_the_venue_gives_it(symbol: str, raw: str) -> None:
    assert raw_name(symbol) == raw


def test_the_weight_that_either_host_of_contracts_counts_holds_back_both() -> None:
    async def play(desk: Desk) -> None:
        desk.fake.headers["X-MBX-USED-WEIGHT-1M"] = "2000"
        await desk.venue.read_prices([COIN])
        desk.fake.seen.clear()
        with pytest.raises(AskAgain, match=r"fapi\.binance\.com counts 2000 of 2400"):
            await desk.venue.read_prices([BTC])
        assert not desk.fake.seen

    on_coin(play, BOTH)


def test_a_contract_in_coins_that_is_not_listed_is_refused_with_the_nearest() -> None:
    async def play(_desk: Desk) -> None:
        """Nothing is asked."""

    with pytest.raises(ConfigError, match="did you mean BTC/USD:BTC"):
        on_coin(play, ("BTD/USD:BTD",))


def test_a_contract_in_coins_that_is_being_delivered_is_not_opened() -> None:
    async def scenario() -> None:
        fake = FakeVenue()
        fake.answers |= coin_bodies()
        fake.answers["GET", "/dapi/v1/exchangeInfo"] = {"symbols": [coin_symbol(contractStatus="SETTLING")]}
        async with opened(ONLY, fake=fake):
            """Not reached."""

    with pytest.raises(ConfigError, match="status is SETTLING"):
        asyncio.run(scenario())


def test_who_trades_no_contract_in_coins_is_asked_nothing_about_them() -> None:
    async def scenario() -> set[str]:
        fake = FakeVenue()
        async with opened((SPOT.symbol, BTC.symbol), fake=fake, ready=False) as desk:
            await desk.venue.open([SPOT.symbol, BTC.symbol])
            await desk.venue.read_account()
            await desk.venue.read_funding(AT)
            await desk.venue.configure([BTC.symbol], leverage=3, margin_mode=MarginMode.CROSS)
            return {seen.host for seen in fake.seen}

    assert asyncio.run(scenario()) == {"api.binance.com", "fapi.binance.com"}


# --- the account ------------------------------------------------------------------------------------------------------


def row_of(positions: tuple[Position, ...], id: InstrumentId) -> Position:
    (found,) = (row for row in positions if row.id == id)
    return found


@proves(Ability.POSITIONS, Ability.EQUITY_AND_MARGIN)
def test_a_coin_in_three_wallets_is_counted_once_in_each() -> None:
    async def play(desk: Desk) -> Any:
        return await desk.venue.read_account()

    both = futures_account(held("BTCUSDT", "-0.500"))
    both["assets"].append({"asset": "BTC", "walletBalance": "0.25", "unrealizedProfit": "0.001", "updateTime": AT})
    reading = on_coin(play, BOTH, {("GET", "/fapi/v3/account"): both})
    assert reading.spot["BTC"] == D("1.50000001")
    assert reading.collateral["BTC"] == D("0.25") + D("0.05")
    assert reading.unrealized["BTC"] == D("0.001") + D("0.01")
    assert reading.collateral["USDT"] == D("1000.25")
    assert "USDT" not in reading.unrealized, "that of the contracts in money is reckoned by their entries, as before"
    assert reading.coin_margins["BTC"].equity == D("0.06000012")
    assert reading.coin_margins["BTC"].available == D("0.04300012")
    assert reading.margin.equity == D(1002)
    assert row_of(reading.positions, BTC).delta == D("-0.5")
    inverse = row_of(reading.positions, COIN)
    assert (inverse.quantity, inverse.payoff, inverse.delta) == (D(-20), Payoff.INVERSE, D("-0.05"))


@pytest.mark.parametrize(("mark", "profit"), [("40000", "0.01"), ("50000", "0"), ("62500", "-0.008")])
def test_the_coins_of_an_inverse_short_stand_still_whatever_their_price(mark: str, profit: str) -> None:
    async def play(desk: Desk) -> Any:
        return await desk.venue.read_account()

    risks = [coin_risk(PERP, "-20", markPrice=mark, unRealizedProfit=profit), coin_risk(DATED_NAME, "0")]
    wallet = coin_asset(unrealizedProfit=profit, marginBalance=str(D("0.05") + D(profit)))
    answers: Answers = {
        ("GET", "/dapi/v1/positionRisk"): risks,
        ("GET", "/dapi/v1/account"): coin_account(coin_held(PERP, "-20"), assets=[wallet]),
    }
    reading = on_coin(play, ONLY, answers)
    # 1.50000001 in the spot wallet, 0.05 in COIN-M's, and 2,000 dollars sold at 50,000: 0.04 coins.
    assert coins_owned(reading, "BTC") == D("1.50000001") + D("0.05") - D("0.04")


def test_a_recorded_position_is_read_as_the_coins_that_it_is() -> None:
    """The payload stands in ccxt's source as a COIN-M position; its profit follows from its entry and its mark."""
    told = {
        "symbol": "ETHUSD_PERP",
        "positionAmt": "1",
        "entryPrice": "2422.400000007",
        "markPrice": "2424.51267823",
        "unRealizedProfit": "0.0000036",
        "liquidationPrice": "293.57678898",
        "leverage": "100",
        "positionSide": "LONG",
        "notionalValue": "0.00412454",
    }
    listed = Listed("ETH/USD:ETH", "ETH", D(10), None, Payoff.INVERSE)
    config = SymbolConfig(symbol="ETHUSD_PERP", marginType="CROSSED", leverage=D(100))
    row = position_of(reader(PositionRisk)(told), "main", listed, config)
    assert abs(row.delta - D("0.00412454")) < D("0.00000001")
    profit = D(10) * (1 / row.entry_price - 1 / row.mark_price)
    assert abs(profit - D("0.0000036")) < D("0.0000001")


def test_an_account_of_contracts_in_coins_alone_is_read_with_what_it_has_elsewhere() -> None:
    async def play(desk: Desk) -> Any:
        return await desk.venue.read_account(), {seen.host for seen in desk.fake.seen}

    reading, hosts = on_coin(play)
    assert {row.id for row in reading.positions} == {COIN, BTC}, "a position in USDⓈ-M is delta, whoever opened it"
    assert reading.one_way
    assert hosts == {"api.binance.com", "fapi.binance.com", "dapi.binance.com"}


def flat(*extra: Any) -> Answers:
    return {
        ("GET", "/dapi/v1/account"): coin_account(
            coin_held(PERP, "0"),
            assets=[coin_asset(maintMargin="0", initialMargin="0", unrealizedProfit="0", marginBalance="0.05")],
        ),
        ("GET", "/dapi/v1/positionRisk"): [coin_risk(PERP, "0"), *extra],
    }


def test_a_flat_contract_in_coins_has_an_explicit_row() -> None:
    async def play(desk: Desk) -> Any:
        return await desk.venue.read_account()

    row = row_of(on_coin(play, answers=flat()).positions, COIN)
    assert (row.quantity, row.delta, row.liquidation_price) == (D(0), D(0), None)


FAULTS: dict[str, Answers] = {
    "no list of positions has a row": {
        ("GET", "/dapi/v1/account"): coin_account(coin_held(DATED_NAME, "0"), assets=[coin_asset(maintMargin="0")]),
        ("GET", "/dapi/v1/positionRisk"): [coin_risk(DATED_NAME, "0")],
    },
    "two lists of positions differ": {("GET", "/dapi/v1/account"): coin_account(coin_held(PERP, "-19"))},
    "margin is held for positions": {
        ("GET", "/dapi/v1/account"): coin_account(coin_held(PERP, "0")),
        ("GET", "/dapi/v1/positionRisk"): [coin_risk(PERP, "0")],
    },
    "does not list BTC": {("GET", "/dapi/v1/account"): coin_account(assets=[coin_asset("ETH")])},
    "lists BTC twice": {("GET", "/dapi/v1/account"): coin_account(assets=[coin_asset(), coin_asset()])},
    "row of BTC is not understood": {
        ("GET", "/dapi/v1/account"): coin_account(assets=[coin_asset(walletBalance="NaN")])
    },
    "no mark price": {("GET", "/dapi/v1/positionRisk"): [coin_risk(PERP, "-20", markPrice="0")]},
    "position is not understood": {("GET", "/dapi/v1/positionRisk"): [coin_risk(PERP, "-20", unRealizedProfit="")]},
    "do not come to the COIN-M margin balance": {
        ("GET", "/dapi/v1/account"): coin_account(assets=[coin_asset(walletBalance="0.5")])
    },
    "is not that of the COIN-M account": {
        ("GET", "/dapi/v1/account"): coin_account(assets=[coin_asset(unrealizedProfit="0.1", marginBalance="0.15")])
    },
    "is not what its entry and its mark come to": {
        ("GET", "/dapi/v1/positionRisk"): [coin_risk(PERP, "-20", markPrice="4000")]
    },
    "is listed twice": {("GET", "/dapi/v1/positionRisk"): [coin_risk(PERP, "-20"), coin_risk(PERP, "-20")]},
    "lists of positions differ on X_PERP": {
        ("GET", "/dapi/v1/positionRisk"): [coin_risk(PERP, "-20"), coin_risk("X_PERP", "1")]
    },
}


@pytest.mark.parametrize("words", sorted(FAULTS))
def test_parts_that_do_not_fit_are_no_reading_of_coins(words: str) -> None:
    async def play(desk: Desk) -> str:
        with pytest.raises(AskAgain) as refused:
            await desk.venue.read_account()
        return str(refused.value)

    told = on_coin(play, answers=FAULTS[words])
    assert words in told, told


def test_an_odd_wallet_of_a_coin_that_is_not_ours_spoils_nothing() -> None:
    async def play(desk: Desk) -> Any:
        return await desk.venue.read_account()

    odd = coin_account(assets=[coin_asset(), coin_asset("ETH", walletBalance="?")])
    reading = on_coin(play, answers={("GET", "/dapi/v1/account"): odd})
    assert reading.coin_margins.keys() == {"BTC"}


def test_a_hedge_mode_in_coins_alone_is_told_as_not_one_way() -> None:
    async def play(desk: Desk) -> Any:
        return await desk.venue.read_account()

    sides = [coin_risk(PERP, "0", positionSide=side) for side in ("LONG", "SHORT")]
    risks = [coin_risk(PERP, "-20"), *sides, coin_risk(DATED_NAME, "0")]
    assert not on_coin(play, BOTH, {("GET", "/dapi/v1/positionRisk"): risks}).one_way


def test_in_hedge_mode_each_leg_is_told_and_both_are_counted() -> None:
    async def play(desk: Desk) -> Any:
        return await desk.venue.read_account()

    legs = [("LONG", "0.200"), ("SHORT", "-0.500"), ("BOTH", "0")]
    account = futures_account(*(held("BTCUSDT", amount) | {"positionSide": side} for side, amount in legs))
    risks = [risk("BTCUSDT", amount, positionSide=side) for side, amount in legs]
    answers = {("GET", "/fapi/v3/account"): account, ("GET", "/fapi/v3/positionRisk"): risks}
    reading = on_coin(play, (BTC.symbol,), answers)
    assert [row.quantity for row in reading.positions if row.id == BTC] == [D("0.200"), D("-0.500")]


def test_the_coins_of_a_contract_that_is_over_are_still_counted() -> None:
    async def play(desk: Desk) -> Any:
        return desk.instruments, await desk.venue.read_account()

    instruments, reading = on_coin(play, (BTC.symbol, "BTC/USD:BTC-240628"), flat())
    assert [rules.id for rules in instruments] == [BTC]
    assert reading.collateral["BTC"] == D("0.05")
    assert reading.coin_margins["BTC"].maintenance_margin == 0


# --- orders -----------------------------------------------------------------------------------------------------------


@proves(Ability.POST_ONLY, Ability.OUR_ID, Ability.TIME_TO_LIVE, Ability.REDUCE_ONLY)
def test_an_order_in_coins_goes_to_their_host_once_in_contracts() -> None:
    async def play(desk: Desk) -> Any:
        return await desk.venue.place(order(reduce_only=True), let_go), list(desk.fake.seen)

    outcome, (sent,) = on_coin(play)
    assert isinstance(outcome, OrderAccepted)
    assert (sent.method, sent.host, sent.path) == ("POST", "dapi.binance.com", ORDER)
    params = {name: sent.params[name] for name in ("symbol", "quantity", "price", "timeInForce", "reduceOnly", "type")}
    assert params == {
        "symbol": PERP,
        "quantity": "20",
        "price": "50000.1",
        "timeInForce": "GTX",
        "reduceOnly": "true",
        "type": "LIMIT",
    }
    assert sent.params["newClientOrderId"] == OUR_ID
    assert int(sent.params["recvWindow"]) <= 3000


@proves(Ability.WOULD_CROSS)
def test_an_order_in_coins_that_would_cross_is_refused_in_either_shape() -> None:
    async def expired(_request: Any, seen: Any) -> Any:
        return web.json_response(echo(seen.params, status="EXPIRED"))

    async def play(desk: Desk) -> list[Any]:
        outcomes = []
        for answer in (refusal(400, -5022, "Due to the order could not be executed as maker"), expired):
            desk.fake.answers["POST", ORDER] = answer
            outcomes.append(await desk.venue.place(order(), let_go))
        return outcomes

    for outcome in on_coin(play):
        assert isinstance(outcome, OrderRejected)
        assert outcome.reason is RejectReason.POST_ONLY_WOULD_CROSS


@proves(Ability.FIND, Ability.CANCEL, Ability.OPEN_ORDERS)
def test_an_order_in_coins_is_found_canceled_and_listed_at_their_host() -> None:
    async def play(desk: Desk) -> Any:
        record = coin_order(clientOrderId=OUR_ID, executedQty="5", status="PARTIALLY_FILLED")
        desk.fake.answers["GET", ORDER] = record
        desk.fake.answers["DELETE", ORDER] = coin_order(clientOrderId=OUR_ID, status="CANCELED")
        desk.fake.answers["GET", "/dapi/v1/openOrders"] = [record]
        found = await desk.venue.find_order(COIN, OUR_ID)
        gone = await desk.venue.cancel(CancelOrder(id=COIN, client_order_id=OUR_ID, venue_order_id=None))
        return found, gone, (await desk.venue.read_account()).open_orders, desk.fake.requests("GET", ORDER)

    found, gone, listed, (asked,) = on_coin(play)
    assert (found.status, found.quantity, found.filled) == (ReportStatus.WORKING, D(20), D(5))
    assert gone.status is ReportStatus.CANCELED
    assert [(report.id, report.client_order_id) for report in listed] == [(COIN, OUR_ID)]
    assert (asked.params["symbol"], asked.params["origClientOrderId"]) == (PERP, OUR_ID)


@proves(Ability.SWITCH)
def test_each_contract_has_its_countdown_at_its_own_host() -> None:
    async def play(desk: Desk) -> set[tuple[str, str]]:
        await desk.venue.extend_switch([BTC.symbol, COIN.symbol], 30_000)
        return {(seen.host, seen.params["symbol"]) for seen in desk.fake.seen}

    assert on_coin(play, BOTH) == {("fapi.binance.com", "BTCUSDT"), ("dapi.binance.com", PERP)}


@proves(Ability.MODES)
def test_modes_are_set_where_they_differ_at_the_host_of_each_contract() -> None:
    async def play(desk: Desk) -> list[str]:
        answers, done = desk.fake.answers, []
        answers["GET", "/dapi/v1/positionSide/dual"] = {"dualSidePosition": True}
        answers["GET", "/dapi/v1/positionRisk"] = [coin_risk(PERP, "0", marginType="isolated", leverage="20")]

        def sets(path: str, after: Any) -> None:
            async def answer(_request: Any, _seen: Any) -> Any:
                done.append(path)
                answers.update(after)
                return web.json_response({"code": 200, "msg": "success"})

            answers["POST", path] = answer

        sets("/dapi/v1/positionSide/dual", {("GET", "/dapi/v1/positionSide/dual"): {"dualSidePosition": False}})
        sets("/dapi/v1/marginType", {})
        sets("/dapi/v1/leverage", {("GET", "/dapi/v1/positionRisk"): [coin_risk(PERP, "0", leverage="1")]})
        await desk.venue.configure([COIN.symbol], leverage=1, margin_mode=MarginMode.CROSS)
        return done

    assert on_coin(play) == ["/dapi/v1/positionSide/dual", "/dapi/v1/marginType", "/dapi/v1/leverage"]


def test_a_leverage_in_coins_that_is_accepted_and_not_in_force_is_told() -> None:
    async def play(desk: Desk) -> None:
        with pytest.raises(GiveUp, match="leverage 1 on BTCUSD_PERP was accepted and is not in force"):
            await desk.venue.configure([COIN.symbol], leverage=1, margin_mode=MarginMode.CROSS)

    on_coin(play)


# --- prices and history -----------------------------------------------------------------------------------------------


@proves(Ability.PRICES, Ability.FUNDING_RATE)
def test_prices_in_coins_are_one_row_of_a_list() -> None:
    async def play(desk: Desk) -> Any:
        return await desk.venue.read_prices([COIN])

    quote, mark = on_coin(play)
    assert isinstance(quote, Quote)
    assert isinstance(mark, Mark)
    assert (quote.bid, quote.ask, quote.exchange_at) == (D(39999), D(40001), AT)
    assert (mark.mark_price, mark.index_price, mark.funding_rate) == (D(40000), D(39991), D("0.00071003"))


@pytest.mark.parametrize("change", ["none", "another", "two"])
def test_a_list_of_prices_that_is_not_one_row_of_ours_is_not_believed(change: str) -> None:
    async def play(desk: Desk) -> None:
        (row,) = desk.fake.answers["GET", "/dapi/v1/premiumIndex"]
        lists = {"none": [], "another": [row | {"symbol": DATED_NAME}], "two": [row, row]}
        desk.fake.answers["GET", "/dapi/v1/premiumIndex"] = lists[change]
        with pytest.raises(AskAgain):
            await desk.venue.read_prices([COIN])

    on_coin(play)


@proves(Ability.FILLS)
def test_fills_in_coins_are_read_a_day_at_a_time_and_then_by_trade_id() -> None:
    day_ms, since_at = 86_400_000, AT - 2 * 86_400_000

    async def trades(_request: Any, seen: Any) -> Any:
        if "fromId" in seen.params:
            return web.json_response([coin_trade(1001)] if seen.params["fromId"] == "1001" else [])
        span = int(seen.params.get("endTime", seen.params["startTime"])) - int(seen.params["startTime"])
        assert span <= day_ms
        full = [coin_trade(id) for id in range(1, 1001)]
        return web.json_response(full if int(seen.params["startTime"]) <= AT < int(seen.params["endTime"]) else [])

    async def play(desk: Desk) -> Any:
        desk.fake.answers["GET", "/dapi/v1/userTrades"] = trades
        return await desk.venue.read_fills(COIN, since_at)

    fills = on_coin(play)
    assert [fill.trade_id for fill in fills] == [str(id) for id in range(1, 1002)]
    assert (fills[0].quantity, fills[0].fee, fills[0].fee_asset) == (D(1), D("0.00000020"), "BTC")


@proves(Ability.FUNDING_PAYMENTS)
def test_funding_is_paid_in_money_and_in_coins() -> None:
    async def play(desk: Desk) -> Any:
        return await desk.venue.read_funding(AT - 1)

    payments = on_coin(play, BOTH)
    assert {(row.id, row.amount, row.asset) for row in payments} == {
        (BTC, D("-0.375"), "USDT"),
        (COIN, D("-0.00001"), "BTC"),
    }


def test_a_payment_in_coins_is_not_taken_for_one_in_money_that_has_its_number() -> None:
    async def play(desk: Desk) -> Any:
        rows = [income(1, symbol=PERP, asset="BTC", income="-0.00001")]
        desk.fake.answers |= {("GET", "/fapi/v1/income"): [income(1)], ("GET", "/dapi/v1/income"): rows}
        return await desk.venue.read_funding(AT - 1)

    assert len({row.payment_id for row in on_coin(play, BOTH)}) == 2


@proves(Ability.PAST)
def test_bars_of_a_coins_index_are_asked_by_its_pair() -> None:
    async def play(desk: Desk) -> Any:
        now, hour = desk.fake.clock_ms(), 3_600_000
        begun = now // hour * hour
        rows = [[begun - k * hour, "1", "2", "1", "2", "0", begun - k * hour + hour - 1] for k in (2, 1, 0)]
        desk.fake.answers["GET", "/dapi/v1/indexPriceKlines"] = rows
        bars = await desk.venue.read_candles(COIN, hour, 1)
        return bars, desk.fake.requests("GET", "/dapi/v1/indexPriceKlines")[0].params

    bars, params = on_coin(play)
    assert len(bars) == 1
    assert params["pair"] == "BTCUSD"
