"""What Binance refuses is refused here, in its own words, as an unmodified ccxt reads them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import ccxt
import pytest

from hedger.model.order import Side
from hedger.sim.dialects.binance.hosts import HOSTS
from hedger.sim.dialects.mishaps import Mishap
from hedger.sim.network import paper_connector, paper_network
from hedger.sim.nouns import Wallet
from hedger.sim.tls import make_certificates
from tests.support.dialect_bench import PAIR, PERPETUAL, Bench, at_the_wire

LINEAR_REFUSALS = [
    pytest.param(("limit", "buy", "0.01", "60000.1", {"postOnly": True}), ccxt.OrderNotFillable, "-5022", id="crosses"),
    pytest.param(("limit", "buy", "0.001", "59000", {}), ccxt.InvalidOrder, "-4164", id="notional"),
    pytest.param(("limit", "buy", "100", "59000", {}), ccxt.InsufficientFunds, "-2019", id="margin"),
    pytest.param(("market", "buy", "0.01", None, {"reduceOnly": True}), ccxt.InvalidOrder, "-2022", id="reduce only"),
    pytest.param(("limit", "buy", "0.01", "70000", {}), ccxt.BaseError, "-4016", id="far above the mark"),
    pytest.param(("limit", "buy", "0.01", "59000", {"timeInForce": "IOC"}), ccxt.BaseError, "-1115", id="IOC"),
]
SPOT_REFUSALS = [
    pytest.param(("limit", "buy", "0.01", "60000.1", {"postOnly": True}), ccxt.OrderImmediatelyFillable, id="crosses"),
    pytest.param(("limit", "sell", "3", "61000", {}), ccxt.InsufficientFunds, id="balance"),
    pytest.param(("limit", "buy", "0.00001", "59000", {}), ccxt.BadRequest, id="notional"),
]


@pytest.mark.parametrize(("order", "error", "code"), LINEAR_REFUSALS)
def test_a_linear_order_is_refused_in_binances_words(order: tuple[Any, ...], error: type, code: str) -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        with pytest.raises(error, match=code):
            await client.create_order(PERPETUAL, *order)
        assert bench.exchange.open_orders("main", Wallet.LINEAR) == []
        assert bench.exchange.truth("main").trades == []

    at_the_wire(run)


@pytest.mark.parametrize(("order", "error"), SPOT_REFUSALS)
def test_a_spot_order_is_refused_in_binances_words(order: tuple[Any, ...], error: type) -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        with pytest.raises(error):
            await client.create_order(PAIR, *order)
        assert bench.exchange.open_orders("main", Wallet.SPOT) == []

    at_the_wire(run)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"price": "59000.05"}, "-4014"),
        ({"price": "59000.123"}, "-1111"),
        ({"quantity": "0.0105"}, "-1111"),
        ({"quantity": "5000"}, "-4005"),
        ({"quantity": "-1"}, "-1100"),
        ({"symbol": "NOPE"}, "-1121"),
        ({"side": "HOLD"}, "-1117"),
        ({"type": "STOP"}, "-1116"),
        ({"newClientOrderId": "h" * 37}, "-4015"),
        ({"price": ""}, "-1105"),
        ({"quantity": None}, "-1102"),
        ({"timeInForce": None}, "-1102"),
    ],
)
def test_a_malformed_order_is_refused(changes: dict[str, str | None], code: str) -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        order: dict[str, str | None] = {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTX",
            "quantity": "0.01",
            "price": "59000",
            **changes,
        }
        with pytest.raises(ccxt.BaseError, match=code):
            await client.fapiPrivatePostOrder({k: v for k, v in order.items() if v is not None})

    at_the_wire(run)


def test_a_lower_leverage_is_refused_where_the_margin_behind_a_position_does_not_reach() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        await client.create_order(PERPETUAL, "market", "sell", "2", None)
        await client.create_order(PERPETUAL, "limit", "sell", "0.4", "61000")
        with pytest.raises(ccxt.OperationRejected, match="-2028"):
            await client.set_leverage(2, PERPETUAL)
        (row,) = await client.fapiPrivateGetSymbolConfig({"symbol": "BTCUSDT"})
        assert int(row["leverage"]) == 20
        for leverage in (3, 40):
            await client.set_leverage(leverage, PERPETUAL)

    at_the_wire(run)


def test_a_lower_leverage_is_refused_of_an_isolated_position() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        await client.set_margin_mode("isolated", PERPETUAL)
        await client.set_leverage(10, PERPETUAL)
        await client.create_order(PERPETUAL, "market", "sell", "0.01", None)
        with pytest.raises(ccxt.ExchangeError, match="-4161"):
            await client.set_leverage(9, PERPETUAL)
        await client.set_leverage(11, PERPETUAL)

    at_the_wire(run)


def test_a_client_id_in_use_is_refused_and_may_return_later() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        order = (PERPETUAL, "limit", "buy", "0.01", "59000", {"clientOrderId": "h1"})
        await client.create_order(*order)
        with pytest.raises(ccxt.InvalidOrder, match="-4116"):
            await client.create_order(*order)
        await client.cancel_order(None, PERPETUAL, {"clientOrderId": "h1"})
        await client.create_order(*order)
        assert bench.exchange.truth("main").duplicate_client_ids == 2

    at_the_wire(run)


def test_unknown_orders_have_a_code_for_queries_and_one_for_cancels() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        with pytest.raises(ccxt.OrderNotFound, match="-2013"):
            await client.fetch_order(None, PERPETUAL, {"clientOrderId": "never"})
        for symbol in (PERPETUAL, PAIR):
            with pytest.raises(ccxt.OrderNotFound, match="-2011"):
                await client.cancel_order(None, symbol, {"clientOrderId": "never"})
        with pytest.raises(ccxt.BaseError, match="-1102"):
            await client.fapiPrivateGetOrder({"symbol": "BTCUSDT"})

    at_the_wire(run)


def test_a_filled_order_cannot_be_canceled() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        await client.create_order(PERPETUAL, "market", "buy", "0.01", None, {"clientOrderId": "h1"})
        with pytest.raises(ccxt.OrderNotFound, match="-2011"):
            await client.cancel_order(None, PERPETUAL, {"clientOrderId": "h1"})

    at_the_wire(run)


def test_who_has_no_right_is_refused() -> None:
    async def run(bench: Bench) -> None:
        with pytest.raises(ccxt.AuthenticationError, match="-2015"):
            await (await bench.client(key="x" * 64)).fapiPrivateV3GetAccount()
        with pytest.raises(ccxt.AuthenticationError, match="-2014"):
            await (await bench.client(key="short")).fapiPrivateV3GetAccount()
        with pytest.raises(ccxt.AuthenticationError, match="-1022"):
            await (await bench.client(secret="wrong")).fapiPrivateV3GetAccount()

    at_the_wire(run)


def test_a_request_changed_on_the_way_is_refused() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        signed = client.sign("order", ["fapiPrivate", "v1"], "POST", {"symbol": "BTCUSDT", "side": "BUY"})
        body = signed["body"].replace("BUY", "SELL")
        async with (
            bench.session() as session,
            session.post(signed["url"], data=body, headers=signed["headers"]) as response,
        ):
            assert (response.status, (await response.json())["code"]) == (400, -1022)

    at_the_wire(run)


@pytest.mark.parametrize("late_ms", [10_001, -1_000])
def test_a_request_out_of_its_time_window_is_refused(late_ms: int) -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        client.milliseconds = lambda: bench.exchange.now - late_ms
        with pytest.raises(ccxt.InvalidNonce, match="-1021"):
            await client.fapiPrivateV3GetAccount()
        client.milliseconds = lambda: bench.exchange.now - 10_000
        await client.fapiPrivateV3GetAccount()

    at_the_wire(run)


def test_weights_are_counted_in_headers() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        await client.fapiPublicGetTime()
        before = int(client.last_response_headers["X-MBX-USED-WEIGHT-1M"])
        await client.fapiPrivateGetOpenOrders()
        assert int(client.last_response_headers["X-MBX-USED-WEIGHT-1M"]) == before + 40
        await client.create_order(PERPETUAL, "limit", "buy", "0.01", "59000")
        assert client.last_response_headers["X-MBX-ORDER-COUNT-10S"] == "1"
        assert int(client.last_response_headers["X-MBX-USED-WEIGHT-1M"]) == before + 40
        bench.exchange.advance(bench.exchange.now + 60_000)
        await client.fapiPublicGetTime()
        assert client.last_response_headers["X-MBX-USED-WEIGHT-1M"] == "1"

    at_the_wire(run)


def test_too_many_requests_are_refused_then_banned_then_forgiven() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        statuses: list[int] = []
        for _ in range(140):
            try:
                await client.fapiPrivateGetOpenOrders({"recvWindow": 60_000})
            except ccxt.DDoSProtection as error:
                statuses.append(429 if "429" in str(error) else 418)
                assert 0 < int(client.last_response_headers["Retry-After"]) <= 120
        assert statuses[0] == 429
        assert statuses[-1] == 418
        bench.exchange.advance(bench.exchange.now + 60_000)
        with pytest.raises(ccxt.DDoSProtection, match="banned until"):
            await client.fapiPublicGetTime()
        await client.publicGetTime()
        bench.exchange.advance(bench.exchange.now + 60_000)
        await client.fapiPublicGetTime()

    at_the_wire(run)


def test_too_many_orders_in_ten_seconds_are_refused() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        for _ in range(300):
            with pytest.raises(ccxt.OrderNotFillable):
                await client.create_order(PERPETUAL, "limit", "buy", "0.01", "60000.1", {"postOnly": True})
        with pytest.raises(ccxt.DDoSProtection, match="-1015"):
            await client.create_order(PERPETUAL, "limit", "buy", "0.01", "60000.1", {"postOnly": True})

    at_the_wire(run)


@pytest.mark.parametrize(
    ("mishap", "error", "placed"),
    [
        (Mishap.LOSE_REQUEST, ccxt.ExchangeNotAvailable, 0),
        (Mishap.LOSE_ANSWER, ccxt.ExchangeNotAvailable, 1),
        (Mishap.HOLD_ANSWER, ccxt.RequestTimeout, 1),
        (Mishap.BAD_GATEWAY, ccxt.ExchangeNotAvailable, 1),
        (Mishap.UNKNOWN_STATUS, ccxt.RequestTimeout, 1),
        (Mishap.OVERLOADED, ccxt.OperationFailed, 0),
    ],
)
def test_a_planned_mishap_befalls_one_request(mishap: Mishap, error: type, placed: int) -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client(timeout=300)
        bench.server.mishaps.plan("POST", "/fapi/v1/order", mishap)
        with pytest.raises(error):
            await client.create_order(PERPETUAL, "limit", "buy", "0.01", "59000")
        await asyncio.sleep(0)
        assert len(bench.exchange.open_orders("main", Wallet.LINEAR)) == placed
        await client.create_order(PERPETUAL, "limit", "buy", "0.01", "59000")

    at_the_wire(run)


def test_a_certificate_of_another_authority_is_not_trusted(tmp_path: Path) -> None:
    async def run(bench: Bench) -> None:
        other = paper_network(bench.port, make_certificates(tmp_path, HOSTS).authority)
        async with aiohttp.ClientSession(connector=paper_connector(other)) as session:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get("https://fapi.binance.com/fapi/v1/time")

    at_the_wire(run)


@pytest.mark.parametrize("url", ["https://example.com/", "https://192.0.2.1/", "https://www.binance.com/"])
def test_no_other_host_is_reached(url: str) -> None:
    async def run(bench: Bench) -> None:
        async with bench.session() as session:
            with pytest.raises(aiohttp.ClientConnectorError, match="on paper"):
                await session.get(url)

    at_the_wire(run)


def test_a_reduce_only_order_shrinks_with_the_position() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        await client.create_order(PERPETUAL, "market", "buy", "0.1")
        made = await client.create_order(PERPETUAL, "limit", "sell", "0.1", "60500", {"reduceOnly": True})
        bench.exchange.place(
            "main",
            Wallet.LINEAR,
            "BTCUSDT",
            side=Side.SELL,
            kind=bench.exchange.find_order("main", Wallet.LINEAR, "BTCUSDT", order_id=int(made["id"])).kind,
            quantity=bench.exchange.positions("main")[0].quantity / 2,
            price=bench.exchange.best(Wallet.LINEAR, "BTCUSDT").bid,
            reduce_only=False,
            client_order_id="by hand",
        )
        assert (await client.fetch_order(made["id"], PERPETUAL))["amount"] == "0.050"

    at_the_wire(run)
