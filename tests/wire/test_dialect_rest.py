"""Every endpoint that the hedger needs, read by an unmodified ccxt over TLS at Binance's own addresses."""

from __future__ import annotations

from decimal import Decimal

import ccxt
import pytest

from hedger.model.order import Side
from hedger.sim.nouns import Wallet
from tests.support.dialect_bench import PAIR, PERPETUAL, START, Bench, at_the_wire

POST_ONLY = {"postOnly": True, "clientOrderId": "h1"}


def test_markets_carry_the_rules_of_both_apis() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        linear, spot = client.market(PERPETUAL), client.market(PAIR)
        assert Decimal(linear["precision"]["price"]) == Decimal("0.1")
        assert Decimal(linear["limits"]["cost"]["min"]) == 100
        assert Decimal(linear["precision"]["amount"]) == Decimal("0.001")
        assert Decimal(spot["precision"]["price"]) == Decimal("0.01")
        assert Decimal(spot["limits"]["cost"]["min"]) == 5
        assert (linear["active"], linear["linear"], linear["type"], spot["type"]) == (True, True, "swap", "spot")
        assert Decimal(linear["contractSize"]) == 1

    at_the_wire(run)


def test_both_clocks_tell_the_exchanges_time() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        assert await client.fetch_time() == bench.exchange.now
        assert await client.fetch_time({"type": "swap"}) == bench.exchange.now

    at_the_wire(run)


def test_prices_and_depth_agree_with_the_book() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        for symbol in (PERPETUAL, PAIR):
            ticker = (await client.fetch_bids_asks([symbol]))[symbol]
            assert (Decimal(ticker["bid"]), Decimal(ticker["ask"])) == (Decimal("60000.0"), Decimal("60000.1"))
            book = await client.fetch_order_book(symbol, 5)
            assert book["bids"][0][:2] == [60000.0, 3.0]
            assert len(book["asks"]) == 5

    at_the_wire(run)


def test_marks_and_funding_are_told() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        rate = await client.fetch_funding_rate(PERPETUAL)
        premium = bench.exchange.premium("BTCUSDT")
        assert Decimal(rate["markPrice"]) == premium.mark_price
        assert Decimal(rate["fundingRate"]) == premium.funding_rate
        assert rate["fundingTimestamp"] == premium.next_funding_at
        assert await client.fapiPublicGetFundingInfo() == []

    at_the_wire(run)


def test_balances_of_both_wallets_are_told() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        spot = await client.fetch_balance()
        assert Decimal(spot["BTC"]["total"]) == 2
        linear = await client.fetch_balance({"type": "swap"})
        assert Decimal(linear["USDT"]["free"]) == 50_000
        assert Decimal(linear["info"]["totalMarginBalance"]) == 50_000
        assert linear["info"]["positions"] == []

    at_the_wire(run)


def test_every_listed_asset_is_told_zeros_included_unless_asked_otherwise() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        rows = (await client.privateGetAccount())["balances"]
        assert {row["asset"]: Decimal(row["free"]) for row in rows} == {"BTC": 2, "ETH": 0, "USDT": 100_000}
        rows = (await client.privateGetAccount({"omitZeroBalances": "true"}))["balances"]
        assert {row["asset"] for row in rows} == {"BTC", "USDT"}

    at_the_wire(run)


def test_a_position_is_told_by_both_versions() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        assert await client.fapiPrivateV3GetPositionRisk() == []
        rows = {r["symbol"]: r for r in await client.fapiPrivateV2GetPositionRisk()}
        assert Decimal(rows["BTCUSDT"]["positionAmt"]) == 0
        assert rows["BTCUSDT"]["marginType"] == "cross"
        await client.create_order(PERPETUAL, "market", "sell", "0.5")
        (position,) = await client.fetch_positions([PERPETUAL])
        assert (Decimal(position["contracts"]), position["side"]) == (Decimal("0.5"), "short")
        assert Decimal(position["entryPrice"]) == 60000
        truth = next(p for p in bench.exchange.positions("main") if p.symbol == "BTCUSDT")
        assert Decimal(position["info"]["liquidationPrice"]) == truth.liquidation_price
        account = await client.fapiPrivateV3GetAccount()
        assert [Decimal(p["positionAmt"]) for p in account["positions"]] == [Decimal("-0.5")]

    at_the_wire(run)


def test_leverage_brackets_are_the_listings_tiers() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        tiers = await client.fetch_leverage_tiers([PERPETUAL])
        assert Decimal(tiers[PERPETUAL][0]["maintenanceMarginRate"]) == Decimal("0.004")
        assert Decimal(tiers[PERPETUAL][0]["maxLeverage"]) == 125

    at_the_wire(run)


@pytest.mark.parametrize(("symbol", "price"), [(PERPETUAL, "59999.9"), (PAIR, "59999.95")])
def test_a_post_only_order_lives_from_create_to_cancel(symbol: str, price: str) -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        params = {"postOnly": True, "clientOrderId": "h1"}
        made = await client.create_order(symbol, "limit", "buy", "0.01", price, params)
        assert (made["status"], made["clientOrderId"], made["postOnly"]) == ("open", "h1", True)
        (listed,) = await client.fetch_open_orders(symbol)
        assert (listed["id"], Decimal(listed["price"]), Decimal(listed["filled"])) == (
            made["id"],
            Decimal(price),
            Decimal(0),
        )
        found = await client.fetch_order(None, symbol, {"clientOrderId": "h1"})
        assert (found["id"], found["postOnly"]) == (made["id"], True)
        canceled = await client.cancel_order(None, symbol, {"clientOrderId": "h1"})
        assert (canceled["status"], canceled["id"]) == ("canceled", made["id"])
        assert await client.fetch_open_orders(symbol) == []
        assert (await client.fetch_order(made["id"], symbol))["status"] == "canceled"

    at_the_wire(run)


@pytest.mark.parametrize("symbol", [PERPETUAL, PAIR])
def test_a_market_order_takes_and_its_fill_says_so(symbol: str) -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        made = await client.create_order(symbol, "market", "buy", "0.01")
        assert (made["status"], Decimal(made["filled"])) == ("closed", Decimal("0.01"))
        (trade,) = await client.fetch_my_trades(symbol)
        assert (trade["takerOrMaker"], trade["order"], Decimal(trade["price"])) == (
            "taker",
            made["id"],
            Decimal("60000.1"),
        )
        assert Decimal(trade["fee"]["cost"]) > 0

    at_the_wire(run)


def test_a_resting_order_fills_as_maker() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        await client.create_order(
            PERPETUAL, "limit", "buy", "0.01", "60000.0", {"postOnly": True, "clientOrderId": "h1"}
        )
        bench.exchange.crowd_takes(Wallet.LINEAR, "BTCUSDT", Side.SELL, Decimal("3.004"))
        partly = await client.fetch_order(None, PERPETUAL, {"clientOrderId": "h1"})
        assert (partly["status"], Decimal(partly["filled"])) == ("open", Decimal("0.004"))
        (trade,) = await client.fetch_my_trades(PERPETUAL)
        assert (trade["takerOrMaker"], Decimal(trade["amount"])) == ("maker", Decimal("0.004"))
        assert Decimal(trade["fee"]["cost"]) == Decimal("60000.0") * Decimal("0.004") * Decimal("0.0002")

    at_the_wire(run)


def test_trades_are_paged_by_id() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        for _ in range(5):
            await client.create_order(PERPETUAL, "market", "buy", "0.01")
        first = await client.fetch_my_trades(PERPETUAL, START, 2)
        rest = await client.fetch_my_trades(PERPETUAL, None, 10, {"fromId": int(first[-1]["id"]) + 1})
        assert len({t["id"] for t in first + rest}) == 5
        latest = await client.fetch_my_trades(PERPETUAL, None, 2)
        assert [t["id"] for t in latest] == [t["id"] for t in rest[-2:]]

    at_the_wire(run)


def test_funding_payments_are_income() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        await client.create_order(PERPETUAL, "market", "sell", "0.5")
        bench.exchange.set_funding_rate("BTCUSDT", Decimal("0.0001"))
        bench.exchange.advance(bench.exchange.premium("BTCUSDT").next_funding_at + 1_000)
        (payment,) = await client.fetch_funding_history(PERPETUAL, START)
        (truth,) = bench.exchange.truth("main").funding
        assert Decimal(payment["amount"]) == truth.amount > 0
        assert (payment["id"], payment["timestamp"]) == (str(truth.payment_id), truth.at)
        kinds = {row["incomeType"] for row in await client.fapiPrivateGetIncome()}
        assert kinds == {"FUNDING_FEE", "COMMISSION"}

    at_the_wire(run)


def test_fees_of_both_apis_are_told() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        linear, spot = await client.fetch_trading_fee(PERPETUAL), await client.fetch_trading_fee(PAIR)
        assert (Decimal(linear["maker"]), Decimal(linear["taker"])) == (Decimal("0.0002"), Decimal("0.0005"))
        assert Decimal(spot["maker"]) == Decimal("0.001")

    at_the_wire(run)


def test_modes_and_leverage_are_set_and_read_back() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        assert not (await client.fetch_position_mode())["hedged"]
        with pytest.raises(ccxt.OperationRejected, match="-4059"):
            await client.set_position_mode(False, None, {"type": "swap"})
        await client.set_leverage(3, PERPETUAL)
        with pytest.raises(ccxt.MarginModeAlreadySet):
            await client.set_margin_mode("cross", PERPETUAL)
        await client.set_margin_mode("isolated", PERPETUAL)
        (row,) = await client.fapiPrivateGetSymbolConfig({"symbol": "BTCUSDT"})
        assert (row["marginType"], int(row["leverage"])) == ("ISOLATED", 3)
        with pytest.raises(ccxt.BaseError, match="-4028"):
            await client.fapiPrivatePostLeverage({"symbol": "BTCUSDT", "leverage": 126})
        await client.set_position_mode(True, None, {"type": "swap"})
        assert (await client.fapiPrivateGetAccountConfig())["dualSidePosition"] is True
        with pytest.raises(ccxt.OperationRejected, match="-4061"):
            await client.create_order(PERPETUAL, "limit", "buy", "0.01", "59000")

    at_the_wire(run)


def test_the_key_may_not_withdraw() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        rights = await client.sapiGetAccountApiRestrictions()
        assert rights["enableWithdrawals"] is False
        assert rights["enableFutures"] is True

    at_the_wire(run)


def test_cancel_all_takes_one_symbol_off_the_book() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        for price in ("59000", "59100"):
            await client.create_order(PERPETUAL, "limit", "buy", "0.01", price)
        await client.create_order("ETH/USDT:USDT", "limit", "buy", "0.1", "2900")
        await client.cancel_all_orders(PERPETUAL)
        (left,) = bench.exchange.open_orders("main", Wallet.LINEAR)
        assert left.symbol == "ETHUSDT"

    at_the_wire(run)


def test_the_dead_mans_switch_fires_on_the_exchanges_time() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        await client.create_order(PERPETUAL, "limit", "buy", "0.01", "59000")
        await client.fapiPrivatePostCountdownCancelAll({"symbol": "BTCUSDT", "countdownTime": 10_000})
        bench.exchange.advance(bench.exchange.now + 9_000)
        await client.fapiPrivatePostCountdownCancelAll({"symbol": "BTCUSDT", "countdownTime": 10_000})
        bench.exchange.advance(bench.exchange.now + 9_000)
        assert len(await client.fetch_open_orders(PERPETUAL)) == 1
        bench.exchange.advance(bench.exchange.now + 1_000)
        assert await client.fetch_open_orders(PERPETUAL) == []

    at_the_wire(run)
