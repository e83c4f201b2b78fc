"""What the hedger asks of Bybit, asked by an unmodified ccxt over TLS at Bybit's own addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from hedger.model.order import Side
from hedger.sim.dialects.mishaps import Mishap
from hedger.sim.nouns import Wallet
from tests.support.bybit_bench import HOURLY_MS, INVERSE, KEY, NEXT, PAIR, PERPETUAL, Bench, furnished_exchange, served

D = Decimal
DATED, OPTION = "BTC/USDT:USDT-260626", "BTC/USDT:USDT-260626-80000-C"
POST_ONLY = {"postOnly": True}
Claim = Callable[[Bench, Any], Coroutine[Any, Any, None]]


class Stage:
    """One served exchange and one ccxt for all tests of this module; each test has client ids of its own."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._served = served(furnished_exchange(beat_ms=HOURLY_MS))
        self.bench = runner.run(self._served.__aenter__())
        self.client = runner.run(self.bench.client())

    def run(self, claim: Claim) -> None:
        """Let a claim run, in a second of its own: requests are limited by the second."""
        self.bench.exchange.advance(self.bench.exchange.now + 1_000)
        self._runner.run(claim(self.bench, self.client))

    def close(self) -> None:
        """Stop serving."""
        self._runner.run(self._served.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A served exchange."""
    with asyncio.Runner() as runner:
        found = Stage(runner)
        yield found
        found.close()


async def found_again(client: Any, link_id: str, symbol: str = PERPETUAL) -> dict[str, Any]:
    """An order by its client id, however it ended, as the hedger looks it up."""
    market = client.market(symbol)
    category = "spot" if market["spot"] else "inverse" if market["inverse"] else "linear"
    asked = {"category": category, "symbol": market["id"], "orderLinkId": link_id}
    answer = await client.privateGetV5OrderRealtime(asked)
    (row,) = answer["result"]["list"]
    assert isinstance(row, dict)
    return row


# --- what is listed ---------------------------------------------------------------------------------------------------


def test_markets_carry_the_rules_of_every_category(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        linear, spot, inverse = client.market(PERPETUAL), client.market(PAIR), client.market(INVERSE)
        assert (linear["id"], linear["type"], linear["active"], linear["linear"]) == ("BTCUSDT", "swap", True, True)
        assert (D(linear["precision"]["price"]), D(linear["precision"]["amount"])) == (D("0.1"), D("0.001"))
        assert (D(linear["limits"]["cost"]["min"]), D(linear["contractSize"])) == (D(5), D(1))
        assert (spot["type"], D(spot["limits"]["cost"]["min"])) == ("spot", D(5))
        assert (inverse["inverse"], inverse["settle"], D(inverse["contractSize"])) == (True, "BTC", D(1))
        dated, option = client.market(DATED), client.market(OPTION)
        assert (dated["type"], dated["expiry"], dated["id"]) == ("future", NEXT, "BTCUSDT-26JUN26")
        assert (option["type"], option["strike"], option["optionType"]) == ("option", "80000", "call")
        assert client.market("BTC/USDC:USDC")["id"] == "BTCPERP"

    stage.run(claim)


def test_the_clock_tells_the_exchanges_time(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        assert await client.fetch_time() == bench.exchange.now
        assert await client.fetch_status()

    stage.run(claim)


def test_prices_marks_and_funding_are_read(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        ticker = await client.fetch_ticker(PERPETUAL)
        assert (D(ticker["bid"]), D(ticker["ask"])) == (D("60000.0"), D("60000.1"))
        rates = await client.fetch_funding_rates([PERPETUAL])
        premium = bench.exchange.premium("BTCUSDT")
        assert D(rates[PERPETUAL]["markPrice"]) == premium.mark_price
        assert D(rates[PERPETUAL]["fundingRate"]) == premium.funding_rate
        assert rates[PERPETUAL]["fundingTimestamp"] == premium.next_funding_at
        book = await client.fetch_order_book(PERPETUAL, 2)
        assert book["bids"][0] == [60000.0, 3.0]
        greeks = await client.fetch_greeks(OPTION)
        assert 0 < D(greeks["delta"]) < 1
        assert float(greeks["markImpliedVolatility"]) == pytest.approx(0.545, abs=0.01)

    stage.run(claim)


def test_bars_and_tiers_and_past_rates_are_read(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        bars = await client.fetch_ohlcv(PERPETUAL, "5m", params={"price": "index"})
        assert D(bars[-1][4]) == 60_000
        tiers = await client.fetch_market_leverage_tiers(PERPETUAL)
        assert D(tiers[0]["maxLeverage"]) == 125
        history = await client.fetch_funding_rate_history(PERPETUAL)
        assert history == []

    stage.run(claim)


# --- the account ------------------------------------------------------------------------------------------------------


def test_balances_of_all_wallets_are_read_as_one(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        balance = await client.fetch_balance()
        assert D(balance["BTC"]["total"]) == 3
        (account,) = balance["info"]["result"]["list"]
        assert D(account["totalMarginBalance"]) > 0
        assert D(account["accountMMRate"]) < 1
        assert client.options["enableUnifiedAccount"] is True

    stage.run(claim)


def test_fees_and_the_key_are_read(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        fee = await client.fetch_trading_fee(PERPETUAL)
        assert (D(fee["maker"]), D(fee["taker"])) == (D("0.0002"), D("0.00055"))
        key = await client.privateGetV5UserQueryApi()
        assert (key["result"]["apiKey"], int(key["result"]["readOnly"])) == (KEY, 0)
        assert client.last_response_headers["X-Bapi-Limit"] == "10"

    stage.run(claim)


def test_positions_are_read_with_their_margins(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        await client.create_order(DATED, "market", "sell", 0.01)
        (held,) = [p for p in await client.fetch_positions(None) if p["symbol"] == DATED]
        assert (held["side"], D(held["contracts"]), D(held["contractSize"])) == ("short", D("0.01"), D(1))
        assert (held["hedged"], held["liquidationPrice"]) == (False, None)
        assert 0 < D(held["maintenanceMargin"]) < D(held["initialMargin"])
        flat = await client.fetch_position("BTC/USDC:USDC")
        assert (flat["side"], D(flat["contracts"])) == (None, D(0))
        (option,) = await client.fetch_positions(None, {"type": "option"})
        assert (option["symbol"], option["side"]) == (OPTION, "short")
        assert await client.fetch_positions(None, {"subType": "inverse"}) == []

    stage.run(claim)


def test_leverage_and_modes_are_set_and_repeats_are_no_changes(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        await client.set_leverage(7, PERPETUAL)
        with pytest.raises(ccxt.BadRequest, match="110043"):
            await client.set_leverage(7, PERPETUAL)
        with pytest.raises(ccxt.NoChange):
            await client.set_position_mode(False, PERPETUAL)
        assert (await client.set_margin_mode("cross"))["retCode"] == 0

    stage.run(claim)


# --- orders -----------------------------------------------------------------------------------------------------------


def test_a_post_only_order_rests_and_is_found_and_canceled_by_its_own_id(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        placed = await client.create_order(
            PERPETUAL, "limit", "buy", 0.1, 59000, POST_ONLY | {"clientOrderId": "rest1", "positionIdx": 0}
        )
        assert (placed["clientOrderId"], placed["status"], placed["amount"]) == ("rest1", None, None)
        (open_order,) = await client.fetch_open_orders(PERPETUAL, None, None, {"orderLinkId": "rest1"})
        assert (open_order["id"], open_order["status"], open_order["timeInForce"]) == (placed["id"], "open", "PO")
        await client.cancel_order(None, PERPETUAL, {"orderLinkId": "rest1"})
        row = await found_again(client, "rest1")
        assert (row["orderStatus"], row["cancelType"]) == ("Cancelled", "CancelByUser")
        with pytest.raises(ccxt.OrderNotFound):
            await client.cancel_order(None, PERPETUAL, {"orderLinkId": "rest1"})

    stage.run(claim)


def test_an_order_that_would_take_is_accepted_and_found_canceled(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        order = await client.create_order(
            PERPETUAL, "limit", "buy", 0.1, 61000, POST_ONLY | {"clientOrderId": "cross1"}
        )
        assert order["id"]
        assert await client.fetch_open_orders(PERPETUAL, None, None, {"orderLinkId": "cross1"}) != []
        row = await found_again(client, "cross1")
        assert (row["orderStatus"], row["rejectReason"]) == ("Cancelled", "EC_PostOnlyWillTakeLiquidity")
        (closed,) = await client.fetch_canceled_and_closed_orders(PERPETUAL, None, None, {"orderLinkId": "cross1"})
        assert (closed["status"], closed["timeInForce"]) == ("canceled", "PO")

    stage.run(claim)


def test_fills_are_read_by_pages_until_an_empty_one(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        for number in range(3):
            await client.create_order(
                PERPETUAL, "market", "buy", 0.01, None, {"clientOrderId": f"page{number}", "positionIdx": 0}
            )
        asked = {"category": "linear", "symbol": "BTCUSDT", "limit": "2", "execType": "Trade"}
        told, cursor = [], ""
        while True:
            answer = await client.privateGetV5ExecutionList(asked | ({"cursor": cursor} if cursor else {}))
            if not answer["result"]["list"]:
                break
            told += [row["orderLinkId"] for row in answer["result"]["list"]]
            cursor = answer["result"]["nextPageCursor"]
        assert [name for name in told if name.startswith("page")] == ["page2", "page1", "page0"]
        (trade, *_) = await client.fetch_my_trades(PERPETUAL, params={"orderLinkId": "page1"})
        assert (D(trade["amount"]), trade["takerOrMaker"], trade["fee"]["currency"]) == (D("0.01"), "taker", "USDT")

    stage.run(claim)


def test_funding_is_read_from_the_log(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        await client.create_order(PERPETUAL, "market", "buy", 0.1)
        bench.exchange.advance(bench.exchange.premium("BTCUSDT").next_funding_at)
        paid = bench.exchange.funding("main", symbol="BTCUSDT")[-1]
        asked = {"accountType": "UNIFIED", "category": "linear", "type": "SETTLEMENT"}
        line = (await client.privateGetV5AccountTransactionLog(asked))["result"]["list"][0]
        assert (D(line["funding"]), line["symbol"]) == (paid.amount, "BTCUSDT")
        history = await client.fetch_funding_history(PERPETUAL)
        assert D(history[-1]["amount"]) == -paid.amount

    stage.run(claim)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "amount", "price", "params", "error", "code"),
    [
        (PERPETUAL, 50, 59000, POST_ONLY, ccxt.InsufficientFunds, "110007"),
        (INVERSE, 100, 59000, {"reduceOnly": True}, ccxt.InvalidOrder, "110017"),
        (PERPETUAL, 2000, 59000, {}, ccxt.BadRequest, "10001"),
        (PAIR, 0.01, 61000, POST_ONLY, ccxt.InvalidOrder, "170218"),
        (PAIR, 10, 59000, {}, ccxt.InsufficientFunds, "170131"),
    ],
)
def test_a_refused_order_is_the_error_that_ccxt_makes_of_its_code(
    stage: Stage, symbol: str, amount: float, price: float, params: dict[str, Any], error: type[Exception], code: str
) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        with pytest.raises(error, match=code):
            await client.create_order(symbol, "limit", "buy", amount, price, params)

    stage.run(claim)


def test_a_client_id_is_refused_the_second_time(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        asked = (PERPETUAL, "limit", "buy", 0.01, 59000, POST_ONLY | {"clientOrderId": "twice"})
        await client.create_order(*asked)
        with pytest.raises(ccxt.InvalidOrder, match="110072"):
            await client.create_order(*asked)
        await client.cancel_all_orders(PERPETUAL)
        assert bench.exchange.truth("main").open_orders == []

    stage.run(claim)


def test_a_wrong_secret_and_an_old_timestamp_have_their_errors(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        right, client.secret = client.secret, "wrong"
        with pytest.raises(ccxt.AuthenticationError, match="10004"):
            await client.privateGetV5AccountInfo()
        client.secret = right
        clock, client.milliseconds = client.milliseconds, lambda: bench.exchange.now - 6_000
        with pytest.raises(ccxt.InvalidNonce, match="10002"):
            await client.privateGetV5AccountInfo()
        client.milliseconds = clock
        key, client.apiKey = client.apiKey, "nobody"
        with pytest.raises(ccxt.AuthenticationError, match="10003"):
            await client.privateGetV5AccountInfo()
        client.apiKey = key

    stage.run(claim)


def test_too_many_requests_in_a_second_are_refused_until_the_next(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        for _ in range(10):
            await client.privateGetV5UserQueryApi()
        with pytest.raises(ccxt.RateLimitExceeded, match="10006"):
            await client.privateGetV5UserQueryApi()
        bench.exchange.advance(bench.exchange.now + 1_000)
        await client.privateGetV5UserQueryApi()

    stage.run(claim)


def test_an_unknown_outcome_is_no_definite_refusal_and_the_order_stands(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        bench.server.mishaps.plan("POST", "/v5/order/create", Mishap.UNKNOWN_STATUS)
        with pytest.raises(ccxt.ExchangeError, match="Server Timeout"):
            await client.create_order(PERPETUAL, "limit", "buy", 0.01, 59000, POST_ONLY | {"clientOrderId": "lost1"})
        assert (await found_again(client, "lost1"))["orderStatus"] == "New"
        bench.server.mishaps.plan("POST", "/v5/order/create", Mishap.OVERLOADED)
        with pytest.raises(ccxt.ExchangeError, match="10016"):
            await client.create_order(PERPETUAL, "limit", "buy", 0.01, 59000, POST_ONLY | {"clientOrderId": "lost2"})
        assert await client.fetch_open_orders(PERPETUAL, None, None, {"orderLinkId": "lost2"}) == []

    stage.run(claim)


def test_a_maker_fill_is_read_with_its_rate(stage: Stage) -> None:
    async def claim(bench: Bench, client: Any) -> None:
        await client.create_order(
            PERPETUAL, "limit", "sell", 0.1, 60000.1, POST_ONLY | {"clientOrderId": "maker1", "positionIdx": 0}
        )
        bench.exchange.crowd_takes(Wallet.LINEAR, "BTCUSDT", Side.BUY, D("3.05"))
        (trade, *_) = await client.fetch_my_trades(PERPETUAL, params={"orderLinkId": "maker1"})
        assert (trade["takerOrMaker"], D(trade["fee"]["rate"])) == ("maker", D("0.0002"))

    stage.run(claim)
