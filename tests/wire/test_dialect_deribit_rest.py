"""An unmodified ccxt at www.deribit.com: markets, account, orders by label, and the class of each refusal."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import ccxt
import pytest

from hedger.model.order import Side
from hedger.sim.dialects.deribit.credits import ENGINE
from hedger.sim.dialects.deribit.refusals import Trouble
from hedger.sim.dialects.mishaps import Mishap
from hedger.sim.nouns import Wallet
from tests.support.deribit_bench import (
    CLIENT,
    DATED,
    EXPIRY,
    INVERSE,
    LINEAR,
    PAIR,
    START,
    Bench,
    at_the_wire,
    furnished_exchange,
)

OPTION = "BTC/USD:BTC-260327-80000-C"
BUY = "/api/v2/private/buy"
MAKER = {"postOnly": True}


async def rest(client: Any, label: str = "hedge-1", price: str = "59999.5", **params: Any) -> Any:
    """A post-only buy that waits."""
    return await client.create_order(INVERSE, "limit", "buy", "1000", price, {**MAKER, "label": label, **params})


def test_markets_load_as_deribit_describes_them() -> None:
    async def check(bench: Bench) -> None:
        client = await bench.client()
        assert set(client.symbols) >= {INVERSE, LINEAR, PAIR, DATED, OPTION}
        inverse, linear, dated, option = (client.market(x) for x in (INVERSE, LINEAR, DATED, OPTION))
        assert (inverse["id"], inverse["inverse"], inverse["contractSize"]) == ("BTC-PERPETUAL", True, "10")
        assert (linear["linear"], linear["settle"], linear["precision"]["amount"]) == (True, "USDC", "0.0001")
        assert (dated["future"], dated["expiry"]) == (True, EXPIRY)
        assert (option["option"], option["strike"], option["optionType"]) == (True, "80000", "call")
        assert option["info"]["tick_size_steps"] == [{"above_price": 0.005, "tick_size": 0.0005}]
        assert client.market(PAIR)["spot"]

    at_the_wire(check)


def test_balances_positions_and_greeks_are_read() -> None:
    async def check(bench: Bench) -> None:
        client = await bench.client()
        await client.create_order(INVERSE, "market", "sell", "6000")
        balance = await client.fetch_balance()
        (btc, _) = balance["info"]["summaries"]
        assert float(balance["BTC"]["total"]) == btc["equity"]
        assert float(balance["BTC"]["free"]) == btc["available_funds"]
        rows = {row["symbol"]: row for row in await client.fetch_positions()}
        assert (rows[INVERSE]["contracts"], rows[INVERSE]["side"], rows[OPTION]["contracts"]) == (
            "-6000",
            "short",
            "-1",
        )
        assert float(rows[OPTION]["info"]["delta"]) < 0
        flat = await client.fetch_position(DATED)
        assert (flat["contracts"], flat["info"]["direction"]) == ("0", "zero")
        greeks = await client.fetch_greeks(OPTION)
        assert float(greeks["delta"]) == pytest.approx(-float(rows[OPTION]["info"]["delta"]))

    at_the_wire(check)


def test_prices_bars_and_funding_are_read() -> None:
    async def check(bench: Bench) -> None:
        client = await bench.client()
        ticker = await client.fetch_ticker(INVERSE)
        assert (ticker["bid"], ticker["ask"], ticker["markPrice"]) == ("60000", "60000.5", "60000.25")
        book = await client.fetch_order_book(LINEAR, 5)
        assert [float(x) for x in book["bids"][0]] == [60_000, 3]
        assert INVERSE in await client.fetch_tickers([INVERSE, DATED])
        assert (await client.fetch_funding_rate(INVERSE))["symbol"] == INVERSE
        assert (await client.fetch_ohlcv(INVERSE, "1h"))[-1][0] == START
        assert (await client.fetch_status())["status"] == "ok"
        assert await client.fetch_time() == bench.exchange.now

    at_the_wire(check)


def test_an_order_is_placed_found_by_its_label_and_canceled_by_it() -> None:
    async def check(bench: Bench) -> None:
        client = await bench.client()
        order = await rest(client)
        assert (order["status"], order["postOnly"], order["info"]["label"]) == ("open", True, "hedge-1")
        asked = {"currency": "BTC", "label": "hedge-1"}
        (found,) = (await client.privateGetGetOrderStateByLabel(asked))["result"]
        assert found["order_id"] == order["id"]
        assert [o["id"] for o in await client.fetch_open_orders(INVERSE)] == [order["id"]]
        assert (await client.privateGetCancelByLabel(asked))["result"] == 1
        assert (await client.fetch_order(order["id"], INVERSE))["status"] == "canceled"
        assert await client.fetch_open_orders(INVERSE) == []

    at_the_wire(check)


def test_post_only_that_would_cross_is_an_invalid_order_or_is_moved() -> None:
    async def check(bench: Bench) -> None:
        client = await bench.client()
        with pytest.raises(ccxt.InvalidOrder, match="11054"):
            await rest(client, price="60000.5")
        moved = {
            "instrument_name": "BTC-PERPETUAL",
            "amount": 1000,
            "type": "limit",
            "price": 60_100,
            "post_only": True,
        }
        order = (await client.privateGetBuy(moved))["result"]["order"]
        assert (order["price"], order["order_state"]) == (60_000, "open")

    at_the_wire(check)


def test_trades_are_read_in_pages_since_an_instant() -> None:
    async def check(bench: Bench) -> None:
        client = await bench.client()
        for _ in range(3):
            await client.create_order(INVERSE, "market", "buy", "10")
            bench.exchange.advance(bench.exchange.now + 1_000)
        trades = await client.fetch_my_trades(INVERSE, START + 3_000, 2)
        assert [trade["timestamp"] for trade in trades] == [START + 3_000, START + 4_000]
        assert {(t["amount"], t["takerOrMaker"], t["fee"]["currency"]) for t in trades} == {("10", "taker", "BTC")}
        page = {"instrument_name": "BTC-PERPETUAL", "start_timestamp": START, "count": 2, "sorting": "asc"}
        assert (await client.privateGetGetUserTradesByInstrumentAndTime(page))["result"]["has_more"] is True

    at_the_wire(check)


def test_an_edit_is_not_offered_and_a_late_order_is_timed_out() -> None:
    async def check(bench: Bench) -> None:
        client = await bench.client()
        with pytest.raises(ccxt.BadRequest, match="-32601"):
            await client.edit_order("BTC-1", INVERSE, "limit", "buy", "10", "50000")
        with pytest.raises(ccxt.ExchangeError, match="13888"):
            await rest(client, valid_until=bench.exchange.now - 1)

    at_the_wire(check)


@pytest.mark.parametrize(
    ("trouble", "raised"),
    [
        (Trouble.RETRY, ccxt.ExchangeNotAvailable),
        (Trouble.SETTLEMENT, ccxt.OnMaintenance),
        (Trouble.QUEUE_FULL, ccxt.DDoSProtection),
        (Trouble.MAINTENANCE, ccxt.OnMaintenance),
        (Trouble.UNAVAILABLE, ccxt.ExchangeError),
    ],
)
def test_a_venue_in_trouble_raises_the_class_that_ccxt_has_for_it(trouble: Trouble, raised: type[Exception]) -> None:
    async def check(bench: Bench) -> None:
        client = await bench.client()
        bench.board.trouble = trouble
        with pytest.raises(raised, match=str(trouble.value[0])) as caught:
            await rest(client)
        assert type(caught.value) is raised

    at_the_wire(check)


def test_refusals_raise_the_classes_that_ccxt_has_for_them() -> None:
    async def check(bench: Bench) -> None:
        client = await bench.client()
        with pytest.raises(ccxt.InsufficientFunds):
            await client.create_order(INVERSE, "limit", "buy", "10000000", "59000")
        with pytest.raises(ccxt.OrderNotFound):
            await client.fetch_order("BTC-9", INVERSE)
        order = await rest(client)
        await client.cancel_order(order["id"], INVERSE)
        with pytest.raises(ccxt.InvalidOrder, match="11044"):
            await client.cancel_order(order["id"], INVERSE)
        bench.exchange.advance(bench.exchange.now + 60_000)
        for _ in range(ENGINE.burst):
            await client.cancel_all_orders()
        with pytest.raises(ccxt.DDoSProtection, match="10028"):
            await client.cancel_all_orders()

    at_the_wire(check)


def test_a_wrong_secret_and_a_clock_astray_are_authentication_errors() -> None:
    async def check(bench: Bench) -> None:
        with pytest.raises(ccxt.AuthenticationError, match="13004"):
            await (await bench.client(secret="another")).fetch_balance()
        with pytest.raises(ccxt.AuthenticationError, match="13004"):
            await (await bench.client(key=CLIENT + "x")).fetch_balance()
        late = await bench.client()
        late.milliseconds = lambda: bench.exchange.now - 61_000
        with pytest.raises(ccxt.AuthenticationError, match="13009"):
            await late.fetch_balance()

    at_the_wire(check)


def test_a_get_that_is_sent_again_by_itself_places_a_second_order() -> None:
    """What the hedger switches off: aiohttp repeats a GET whose connection broke, and labels are not deduplicated."""

    async def check(bench: Bench) -> None:
        client, (_, session) = await bench.client(), bench.clients[0]
        for again, orders in ((False, 1), (True, 3)):
            session._retry_connection = again
            bench.server.mishaps.plan("GET", BUY, Mishap.LOSE_ANSWER, times=1)
            try:
                await rest(client, label="same")
            except ccxt.NetworkError:
                assert not again
            assert len(bench.exchange.open_orders("main", Wallet.INVERSE)) == orders

    at_the_wire(check)


@pytest.mark.parametrize(("mishap", "placed"), [(Mishap.UNKNOWN_STATUS, 1), (Mishap.OVERLOADED, 0)])
def test_fates_that_are_answers_are_carried_out_or_not(mishap: Mishap, placed: int) -> None:
    async def check(bench: Bench) -> None:
        client = await bench.client()
        bench.server.mishaps.plan("GET", BUY, mishap)
        with pytest.raises((ccxt.ExchangeError, ccxt.DDoSProtection)):
            await rest(client)
        assert len(bench.exchange.open_orders("main", Wallet.INVERSE)) == placed

    at_the_wire(check)


def test_fills_funding_and_settlements_are_read_raw() -> None:
    async def check(bench: Bench) -> None:
        client = await bench.client()
        bench.exchange.set_funding_rate("BTCUSD_PERP", D("0.0002"))
        await rest(client, price="60000")
        bench.exchange.crowd_takes(Wallet.INVERSE, "BTCUSD_PERP", Side.SELL, D(50_100))
        (fill,) = await client.fetch_my_trades(INVERSE)
        assert (fill["amount"], fill["takerOrMaker"], fill["info"]["label"]) == ("1000", "maker", "hedge-1")
        bench.exchange.advance(START + 8 * 3_600_000)
        asked = {"instrument_name": "BTC-PERPETUAL", "type": "settlement", "count": 10}
        told = (await client.privateGetGetSettlementHistoryByInstrument(asked))["result"]
        assert (len(told["settlements"]), told["continuation"]) == (1, "none")
        span = {"currency": "BTC", "start_timestamp": START, "end_timestamp": bench.exchange.now}
        (row, _) = (await client.privateGetGetTransactionLog(span))["result"]["logs"]
        assert (row["type"], row["change"]) == ("settlement", told["settlements"][0]["funding"])

    at_the_wire(check, furnished_exchange(beat_ms=600_000))
