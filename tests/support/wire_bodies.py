"""What the fake Binance answers when nothing is wrong: the fields that the real one sends, for a small account."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from tests.support.wire_server import Seen

AT = 1_790_000_000_000
FUTURES_TYPES = ["LIMIT", "MARKET", "STOP", "TAKE_PROFIT"]


def futures_symbol(base: str, tick: str = "0.10", lot: str = "0.001", status: str = "TRADING") -> dict[str, Any]:
    return {
        "symbol": f"{base}USDT",
        "pair": f"{base}USDT",
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000,
        "status": status,
        "baseAsset": base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "orderTypes": FUTURES_TYPES,
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.10", "maxPrice": "4529764", "tickSize": tick},
            {"filterType": "LOT_SIZE", "stepSize": lot, "maxQty": "1000", "minQty": lot},
            {"filterType": "MARKET_LOT_SIZE", "stepSize": lot, "maxQty": "120", "minQty": lot},
            {"filterType": "MIN_NOTIONAL", "notional": "100"},
        ],
    }


def spot_symbol(base: str) -> dict[str, Any]:
    return {
        "symbol": f"{base}USDT",
        "status": "TRADING",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": "USDT",
        "quotePrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "isMarginTradingAllowed": False,
        "permissions": [],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01000000"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001000"},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "maxNotional": "9000000"},
        ],
    }


def order_record(**changes: Any) -> dict[str, Any]:
    return {
        "orderId": 283194212,
        "symbol": "BTCUSDT",
        "status": "NEW",
        "clientOrderId": "h1",
        "price": "60000.1",
        "avgPrice": "0.00",
        "origQty": "0.002",
        "executedQty": "0.000",
        "cumQty": "0.000",
        "cumQuote": "0.00000",
        "timeInForce": "GTX",
        "type": "LIMIT",
        "reduceOnly": False,
        "closePosition": False,
        "side": "SELL",
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "origType": "LIMIT",
        "time": AT,
        "updateTime": AT + 1,
    } | changes


async def echo_order(_request: web.Request, seen: Seen) -> web.StreamResponse:
    """The acknowledgement of the order that was sent."""
    return web.json_response(echo(seen.params))


def echo(params: dict[str, str], **changes: Any) -> dict[str, Any]:
    return (
        order_record(
            clientOrderId=params["newClientOrderId"],
            symbol=params["symbol"],
            side=params["side"],
            price=params["price"],
            origQty=params["quantity"],
            timeInForce=params["timeInForce"],
            type=params["type"],
            reduceOnly=params.get("reduceOnly") == "true",
            updateTime=int(time.time() * 1000),
        )
        | changes
    )


def changed_echo(**changes: Any) -> Callable[[web.Request, Seen], Awaitable[web.StreamResponse]]:
    """An acknowledgement that says another order back."""

    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        return web.json_response(echo(seen.params, **changes))

    return answer


async def echo_countdown(_request: web.Request, seen: Seen) -> web.StreamResponse:
    """The confirmation of the countdown that was asked for."""
    return web.json_response({"symbol": seen.params["symbol"], "countdownTime": seen.params["countdownTime"]})


async def echo_fees(_request: web.Request, seen: Seen) -> web.StreamResponse:
    fees = {"makerCommissionRate": "0.0002", "takerCommissionRate": "0.0005"}
    return web.json_response({"symbol": seen.params["symbol"], **fees})


def risk(symbol: str, quantity: str, **changes: Any) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "positionSide": "BOTH",
        "positionAmt": quantity,
        "entryPrice": "60000.0",
        "breakEvenPrice": "59990.1",
        "markPrice": "60100.5",
        "unRealizedProfit": "-50.25",
        "liquidationPrice": "90000.1",
        "isolatedMargin": "0",
        "notional": "-30050.25",
        "initialMargin": "300.5",
        "maintMargin": "120.2",
        "updateTime": AT,
    } | changes


def held(symbol: str, quantity: str) -> dict[str, Any]:
    return {"symbol": symbol, "positionSide": "BOTH", "positionAmt": quantity, "updateTime": AT}


def futures_account(*positions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "totalInitialMargin": "300.5",
        "totalMaintMargin": "120.2" if positions else "0",
        "totalWalletBalance": "1000",
        "totalMarginBalance": "1002",
        "availableBalance": "692",
        "assets": [{"asset": "USDT", "walletBalance": "1000.25", "marginBalance": "1002", "updateTime": AT}],
        "positions": list(positions),
    } | changes


def settings(symbol: str, margin: str = "CROSSED", leverage: int = 3) -> dict[str, Any]:
    return {"symbol": symbol, "marginType": margin, "isAutoAddMargin": False, "leverage": leverage}


def trade(id: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "orderId": 25851813,
        "symbol": "BTCUSDT",
        "side": "SELL",
        "buyer": False,
        "maker": True,
        "price": "60000.1",
        "qty": "0.002",
        "quoteQty": "120.0002",
        "commission": "0.024",
        "commissionAsset": "USDT",
        "realizedPnl": "0",
        "positionSide": "BOTH",
        "time": AT + id,
    } | changes


def income(id: int, **changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "incomeType": "FUNDING_FEE",
        "income": "-0.37500000",
        "asset": "USDT",
        "info": "FUNDING_FEE",
        "time": AT + id,
        "tranId": id,
        "tradeId": "",
    } | changes


def bodies() -> dict[tuple[str, str], Any]:
    """Answers for every question that the profile asks."""
    return {
        ("GET", "/api/v3/exchangeInfo"): {"symbols": [spot_symbol("BTC")]},
        ("GET", "/fapi/v1/exchangeInfo"): {
            "symbols": [
                futures_symbol("BTC"),
                futures_symbol("ETH", "0.01"),
                futures_symbol("1000PEPE", "0.0000001", "1"),
            ]
        },
        ("GET", "/fapi/v1/time"): {},
        ("GET", "/api/v3/account"): {
            "canTrade": True,
            "balances": [
                {"asset": "BTC", "free": "1.00000001", "locked": "0.5"},
                {"asset": "1000SATS", "free": "5", "locked": "0"},
                {"asset": "PEPE", "free": "0.00", "locked": "0.00"},
                {"asset": "USDT", "free": "0.00", "locked": "0.00"},
            ],
        },
        ("GET", "/fapi/v3/account"): futures_account(held("BTCUSDT", "-0.500")),
        ("GET", "/fapi/v3/positionRisk"): [risk("BTCUSDT", "-0.500")],
        ("GET", "/fapi/v1/openOrders"): [],
        ("GET", "/fapi/v1/order"): order_record(status="PARTIALLY_FILLED", executedQty="0.001"),
        ("POST", "/fapi/v1/order"): echo_order,
        ("DELETE", "/fapi/v1/order"): order_record(status="CANCELED"),
        ("POST", "/fapi/v1/countdownCancelAll"): echo_countdown,
        ("GET", "/fapi/v1/userTrades"): [trade(1)],
        ("GET", "/fapi/v1/forceOrders"): [],
        ("GET", "/fapi/v1/income"): [income(1)],
        ("GET", "/fapi/v1/premiumIndex"): {
            "symbol": "BTCUSDT",
            "markPrice": "60100.50000000",
            "indexPrice": "60099.1",
            "lastFundingRate": "0.00038246",
            "nextFundingTime": AT + 6_400_000,
            "time": AT,
        },
        ("GET", "/fapi/v1/fundingInfo"): [{"symbol": "ETHUSDT", "fundingIntervalHours": 4}],
        ("GET", "/fapi/v1/ticker/bookTicker"): {
            "symbol": "BTCUSDT",
            "bidPrice": "60000.1",
            "bidQty": "1.5",
            "askPrice": "60000.2",
            "askQty": "2",
            "time": AT,
        },
        ("GET", "/api/v3/ticker/bookTicker"): {
            "symbol": "BTCUSDT",
            "bidPrice": "60001.1",
            "bidQty": "1.5",
            "askPrice": "60001.2",
            "askQty": "2",
        },
        ("GET", "/fapi/v1/commissionRate"): echo_fees,
        ("GET", "/fapi/v1/accountConfig"): {
            "feeTier": 0,
            "canTrade": True,
            "dualSidePosition": False,
            "multiAssetsMargin": False,
        },
        ("POST", "/fapi/v1/positionSide/dual"): {"code": 200, "msg": "success"},
        ("POST", "/fapi/v1/leverage"): {"leverage": 3, "maxNotionalValue": "1000000", "symbol": "BTCUSDT"},
        ("POST", "/fapi/v1/marginType"): {"code": 200, "msg": "success"},
        ("GET", "/fapi/v1/symbolConfig"): [settings("BTCUSDT"), settings("ETHUSDT"), settings("1000PEPEUSDT")],
        ("GET", "/sapi/v1/account/apiRestrictions"): {
            "ipRestrict": False,
            "enableReading": True,
            "enableFutures": True,
            "enableWithdrawals": False,
        },
        # Documented; whether it is in portfolio margin is left out, which is told where it matters.
        ("GET", "/sapi/v1/account/info"): {
            "vipLevel": 0,
            "isMarginEnabled": True,
            "isFutureEnabled": True,
            "isOptionsEnabled": False,
        },
        ("POST", "/fapi/v1/listenKey"): {"listenKey": "LK1"},
        ("PUT", "/fapi/v1/listenKey"): {"listenKey": "LK1"},
    }
