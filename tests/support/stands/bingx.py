"""BingX before its tests: a small account that is long SOL on COIN-M and short BTC on USDT-M.

The bodies have the fields of payloads recorded in the client's source and of the venue's documentation; the figures are
synthetic, so that the parts of the account fit together.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from copy import deepcopy
from decimal import Decimal
from typing import Any

from aiohttp import web

from hedger.model.instrument import InstrumentId
from hedger.model.spans import HOUR_MS
from hedger.venues.client import Credentials
from tests.support.stand import Route, Stand
from tests.support.wire_server import KEY, SECRET, FakeVenue, Seen
from tests.support.wire_venue import WireClock

AT = 1_790_000_000_000
BTC = InstrumentId("main", "BTC/USDT:USDT")
COIN = InstrumentId("main", "SOL/USD:SOL")
SWAP, COINS, SPOT = "/openApi/swap", "/openApi/cswap/v1", "/openApi/spot/v1"
CREATE, FIND = f"{SWAP}/v2/trade/order", f"{COINS}/trade/orderDetail"
BALANCE, POSITIONS, OPEN = f"{SWAP}/v3/user/balance", f"{SWAP}/v2/user/positions", f"{SWAP}/v2/trade/openOrders"
COIN_BALANCE, COIN_POSITIONS = f"{COINS}/user/balance", f"{COINS}/user/positions"
SWITCH = f"{SWAP}/v2/trade/cancelAllAfter"
LISTEN = "/openApi/user/auth/userDataStream"
RIGHTS = "/openApi/v1/account/apiPermissions"
TRANSFER = "/openApi/api/asset/v1/transfer"
UNSIGNED = ("/quote/", "/market/", "/server/time", "/common/symbols", "/ticker/")
LISTEN_KEY = "a8ea75681542e66f1a50a1616dd06ed7"
Body = dict[str, Any]


def ok(data: Any) -> Body:
    return {"code": 0, "msg": "", "data": data}


def said(code: int, message: str) -> Body:
    """A refusal, as it comes under 200."""
    return {"code": code, "msg": message, "data": {}}


def linear_contract(symbol: str = "BTC-USDT", **changes: Any) -> Body:
    row = {
        "contractId": "100",
        "symbol": symbol,
        "size": "0.0001",
        "quantityPrecision": 4,
        "pricePrecision": 1,
        "feeRate": "0.0005",
        "makerFeeRate": "0.0002",
        "takerFeeRate": "0.0005",
        "tradeMinLimit": 0,
        "tradeMinQuantity": "0.0001",
        "tradeMinUSDT": "2",
        "maxLongLeverage": 125,
        "maxShortLeverage": 125,
        "currency": symbol.partition("-")[2],
        "asset": symbol.partition("-")[0],
        "status": 1,
        "apiStateOpen": "true",
        "apiStateClose": "true",
        "ensureTrigger": True,
        "triggerFeeRate": "0.00020000",
    }
    return row | changes


def coin_contract(symbol: str = "SOL-USD", **changes: Any) -> Body:
    row = {
        "symbol": symbol,
        "pricePrecision": 2,
        "minTickSize": "10",
        "minTradeValue": "10",
        "minQty": "1.00000000",
        "status": 1,
        "timeOnline": 1713175200000,
    }
    return row | changes


def position(symbol: str = "BTC-USDT", **changes: Any) -> Body:
    row = {
        "positionId": "1792480725958881280",
        "symbol": symbol,
        "currency": "USDT",
        "positionAmt": "0.5000",
        "availableAmt": "0.5000",
        "positionSide": "SHORT",
        "isolated": False,
        "avgPrice": "60000.0",
        "initialMargin": "30000.0000",
        "margin": "29950.0000",
        "leverage": 1,
        "unrealizedProfit": "-50.0000",
        "realisedProfit": "-0.2119",
        "liquidationPrice": 118000.25,
        "pnlRatio": "-0.0017",
        "maxMarginReduction": "0.0000",
        "riskRate": "0.0030",
        "markPrice": "60100.0",
        "positionValue": "30050.0000",
        "onlyOnePosition": True,
        "updateTime": AT,
    }
    return row | changes


def coin_position(symbol: str = "SOL-USD", **changes: Any) -> Body:
    row = {
        "symbol": symbol,
        "positionId": "1813080351385337856",
        "positionSide": "LONG",
        "isolated": False,
        "positionAmt": "3",
        "availableAmt": "3",
        "unrealizedProfit": "-0.00009074",
        "initialMargin": "0.18911",
        "liquidationPrice": 23.968303426677032,
        "avgPrice": "158.63",
        "leverage": 1,
        "markPrice": "158.402",
        "riskRate": "0.00123783",
        "maxMarginReduction": "0",
        "updateTime": 1721107015848,
    }
    return row | changes


def wallet(asset: str = "USDT", **changes: Any) -> Body:
    row = {
        "userId": "116***295",
        "asset": asset,
        "balance": "40000.5",
        "equity": "39950.5",
        "unrealizedProfit": "-50",
        "realisedProfit": "-109.2504",
        "availableMargin": "9900.25",
        "usedMargin": "30000.0000",
        "freezedMargin": "0.0000",
        "shortUid": "12851936",
    }
    return row | changes


def coin_wallet(**changes: Any) -> Body:
    row = {
        "asset": "SOL",
        "balance": "2.35707951",
        "equity": "2.35698877",
        "unrealizedProfit": "-0.00009074",
        "availableMargin": "2.16787877",
        "usedMargin": "0.18911",
        "freezedMargin": "0",
        "shortUid": "12851936",
    }
    return row | changes


def record(**changes: Any) -> Body:
    row = {
        "symbol": "BTC-USDT",
        "orderId": 1736012449498123456,
        "side": "SELL",
        "positionSide": "BOTH",
        "type": "LIMIT",
        "origQty": "0.0020",
        "price": "60000.1",
        "executedQty": "0.0000",
        "avgPrice": "0.0",
        "cumQuote": "0",
        "stopPrice": "",
        "profit": "0.0000",
        "commission": "0.000000",
        "status": "NEW",
        "time": AT,
        "updateTime": AT,
        "clientOrderId": "hbot000100000199",
        "leverage": "",
        "workingType": "MARK_PRICE",
        "onlyOnePosition": True,
        "reduceOnly": False,
    }
    return row | changes


def coin_record(**changes: Any) -> Body:
    row = {
        "symbol": "SOL-USD",
        "orderId": "1816342420721254400",
        "side": "BUY",
        "positionSide": "Both",
        "type": "LIMIT",
        "quantity": 2,
        "origQty": "",
        "price": "150",
        "executedQty": "0",
        "avgPrice": "0.000",
        "cumQuote": "",
        "stopPrice": "",
        "profit": "0.0000",
        "commission": "0.0000",
        "status": "Pending",
        "time": AT,
        "updateTime": AT,
        "clientOrderId": "hbot000100000199",
        "leverage": "",
        "workingType": "MARK_PRICE",
    }
    return row | changes


def tiers(symbol: str) -> list[Body]:
    rows = (("Tier 1", "0", "150000", "0.004", "0"), ("Tier 2", "150000", "900000", "0.006", "300"))
    names = ("tier", "minPositionVal", "maxPositionVal", "maintMarginRatio", "maintAmount")
    return [dict(zip(names, row, strict=True)) | {"symbol": symbol} for row in rows]


def bodies() -> dict[tuple[str, str], Any]:
    """What the fake answers when nothing is wrong, by method and path; `data` only."""
    fees = {"takerCommissionRate": 0.0005, "makerCommissionRate": 0.0002}
    return {
        ("GET", f"{SWAP}/v2/server/time"): None,
        ("GET", RIGHTS): {"permissions": [1, 2, 3], "ipAddresses": ["203.0.113.7"], "note": "bot", "apiKey": "x"},
        ("GET", f"{SWAP}/v2/quote/contracts"): [
            linear_contract(),
            linear_contract("ETH-USDT"),
            linear_contract("1000PEPE-USDT", quantityPrecision=0, pricePrecision=7),
            linear_contract("BTC-USDC"),
        ],
        ("GET", f"{COINS}/market/contracts"): [coin_contract(), coin_contract("BTC-USD", minTickSize="100")],
        ("GET", f"{SPOT}/common/symbols"): {
            "symbols": [
                {
                    "symbol": "BTC-USDT",
                    "minQty": 0.0001826,
                    "maxQty": 18.2663756,
                    "minNotional": 5,
                    "maxNotional": 500000,
                    "status": 1,
                    "tickSize": 0.01,
                    "stepSize": 0.00001,
                    "apiStateSell": True,
                    "apiStateBuy": True,
                    "timeOnline": 0,
                    "offTime": 0,
                    "maintainTime": 0,
                }
            ]
        },
        ("GET", f"{SWAP}/v2/user/commissionRate"): {"commission": fees},
        ("GET", f"{COINS}/user/commissionRate"): {name: str(rate) for name, rate in fees.items()},
        ("GET", f"{SPOT}/account/balance"): {
            "balances": [
                {"asset": "USDT", "free": "45.733046995800514", "locked": "0"},
                {"asset": "BTC", "free": "1.25", "locked": "0.25000001"},
                {"asset": "SOL", "free": "10", "locked": "0"},
                {"asset": "PEPE", "free": "0", "locked": "0"},
            ]
        },
        ("GET", BALANCE): [wallet()],
        ("GET", POSITIONS): [position()],
        ("GET", OPEN): {"orders": [record()]},
        ("GET", COIN_BALANCE): [coin_wallet()],
        ("GET", COIN_POSITIONS): [coin_position()],
        ("GET", f"{COINS}/trade/openOrders"): {"orders": [coin_record()]},
        ("GET", f"{SWAP}/v1/positionSide/dual"): {"dualSidePosition": "false"},
        ("GET", f"{SWAP}/v1/trade/assetMode"): {"assetMode": "singleAssetMode"},
        ("GET", f"{SWAP}/v2/trade/marginType"): {"marginType": "CROSSED"},
        ("GET", f"{COINS}/trade/marginType"): {"symbol": "SOL-USD", "marginType": "CROSSED"},
        ("GET", f"{SWAP}/v2/trade/leverage"): {
            "longLeverage": 1,
            "shortLeverage": 1,
            "maxLongLeverage": 125,
            "maxShortLeverage": 125,
            "availableLongVol": "0.0000",
            "availableShortVol": "0.0000",
        },
        ("GET", f"{COINS}/trade/leverage"): {
            "symbol": "SOL-USD",
            "longLeverage": 1,
            "shortLeverage": 1,
            "maxLongLeverage": 50,
            "maxShortLeverage": 50,
        },
        ("GET", f"{SWAP}/v2/trade/forceOrders"): {"orders": []},
        ("GET", f"{COINS}/trade/forceOrders"): [],
        ("GET", f"{SWAP}/v2/trade/fillHistory"): {"fill_history_orders": [], "total": 0},
        ("GET", f"{SWAP}/v2/user/income"): [],
        ("GET", f"{COINS}/trade/orderHistory"): {"orders": []},
        ("GET", f"{SWAP}/v2/quote/premiumIndex"): {
            "symbol": "BTC-USDT",
            "markPrice": "60100.5",
            "indexPrice": "60099.1",
            "lastFundingRate": "0.00038",
            "nextFundingTime": AT + HOUR_MS,
            "fundingIntervalHours": 4,
        },
        ("GET", f"{COINS}/market/premiumIndex"): [
            {
                "symbol": "SOL-USD",
                "lastFundingRate": "0.0001",
                "markPrice": "158.40",
                "indexPrice": "158.42",
                "nextFundingTime": AT + HOUR_MS,
            }
        ],
        ("GET", f"{SWAP}/v2/quote/depth"): depth("60000.1", "60000.2", "T"),
        ("GET", f"{COINS}/market/depth"): depth("158.39", "158.41", "T"),
        ("GET", f"{SPOT}/market/depth"): depth("60001.11", "60001.12", "ts"),
        ("POST", TRANSFER): {"tranId": "1943502883135819776", "transferId": "1051461075875997081703"},
    }


def depth(bid: str, ask: str, time: str) -> Body:
    return {time: AT, "bids": [[bid, "1.5"], ["1.0", "3"]], "asks": [["900000.0", "2"], [ask, "2.5"]]}


def judge(fake: FakeVenue, seen: Seen) -> str | None:
    """The key, the HMAC of the exact bytes of the sorted query, and the time within the window of five seconds."""
    if any(part in seen.path for part in UNSIGNED):
        return None
    payload, _, signature = seen.query.rpartition("&signature=")
    names = [pair.partition("=")[0] for pair in payload.split("&")]
    expected = hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    if seen.headers.get("X-BX-APIKEY") != KEY or signature != expected or names != sorted(names) or seen.body:
        return f"{seen.path}: wrong signature"
    age = fake.clock_ms() - int(seen.params["timestamp"])
    young = -1000 <= age <= min(5_000, int(seen.params.get("recvWindow", 5_000)))
    return None if young or not fake.judges_age else f"{seen.path}: {age} ms old"


async def talk(fake: FakeVenue, connection: web.WebSocketResponse, text: str) -> None:
    """Every subscription is granted; a pong is only noted."""
    if text == "Pong":
        fake.subscriptions.append(["Pong"])
        return
    asked = json.loads(text)
    fake.subscriptions.append([asked["dataType"]])
    await connection.send_json({"id": asked["id"], "code": 0, "msg": "", "dataType": "", "data": None})


def live(fake: FakeVenue, seen: Seen) -> Any:
    """What no body can hold: the time."""
    if seen.path == f"{SWAP}/v2/server/time":
        return ok({"serverTime": fake.clock_ms()})
    return None


async def _moving(_request: web.Request, seen: Seen) -> web.StreamResponse:
    return web.json_response(echo_of(seen))


def echo_of(seen: Seen) -> Any:
    """What the venue answers to a request that its answer repeats; None for any other."""
    params = seen.params
    if seen.path == SWITCH:
        closing = params["type"] == "CLOSE"
        ends = 0 if closing else int(params["timestamp"]) // 1000 + int(params["timeOut"])
        return ok({"triggerTime": str(ends), "status": "CLOSED" if closing else "ACTIVATED", "note": "synthetic"})
    if seen.path == LISTEN:
        return {"listenKey": LISTEN_KEY} if seen.method == "POST" else {}
    if seen.path == f"{SWAP}/v1/maintMarginRatio":
        return ok(tiers(params["symbol"]))
    id = params.get("clientOrderID", "")
    match seen.method, seen.path:
        case "POST", path if path == CREATE:
            echo = {name: params[name] for name in ("symbol", "side", "positionSide", "type", "timeInForce")}
            numbers = {"price": float(params["price"]), "quantity": float(params["quantity"])}
            told = {"orderId": 1736012449498123456, "clientOrderID": id, "workingType": "MARK_PRICE", "stopPrice": 0}
            return ok({"order": echo | numbers | told | {"reduceOnly": params.get("reduceOnly") == "true"}})
        case "POST", path if path == f"{COINS}/trade/order":
            echo = {name: params[name] for name in ("symbol", "side", "positionSide", "type", "timeInForce")}
            numbers = {"price": float(params["price"]), "quantity": int(params["quantity"])}
            return ok({"orderId": 1809841379603398656, "stopPrice": 0, "workingType": ""} | echo | numbers)
        case "DELETE", path if path == CREATE:
            return ok({"order": record(clientOrderId=id, symbol=params["symbol"], status="CANCELLED")})
        case "DELETE", path if path == f"{COINS}/trade/cancelOrder":
            return ok({"order": coin_record(clientOrderId="", quantity=0, origQty="0", status="CANCELLED")})
        case "GET", path if path == CREATE:
            return ok({"order": record(clientOrderId=id, symbol=params["symbol"])})
        case "GET", path if path == FIND:
            return ok({"order": coin_record(clientOrderId=id, symbol=params["symbol"])})
        case _:
            return None


def good(seen: Seen) -> Any:
    """The venue's answer to a request when nothing is wrong."""
    return echo_of(seen) or ok(deepcopy(bodies()[seen.method, seen.path]))


def answers() -> dict[tuple[str, str], Any]:
    found: Mapping[tuple[str, str], Any] = bodies()
    flat = {key: body if key[1] == RIGHTS else ok(body) for key, body in found.items()}
    moving = [("POST", LISTEN), ("PUT", LISTEN), ("POST", SWITCH)]
    moving += [("GET", f"{SWAP}/v1/maintMarginRatio"), ("POST", CREATE), ("DELETE", CREATE), ("GET", CREATE)]
    moving += [("POST", f"{COINS}/trade/order"), ("DELETE", f"{COINS}/trade/cancelOrder"), ("GET", FIND)]
    return {**flat, **dict.fromkeys(moving, _moving)}


def fake() -> FakeVenue:
    """A new BingX."""
    return FakeVenue(
        answers=answers(),
        judge=judge,
        talk=talk,
        live=live,
        good=good,
        denial=(200, said(100001, "Signature verification failed")),
    )


def quick(speed: float = 25.0) -> dict[str, Any]:
    """A new BingX and a clock that both run fast, so that what is tried again is tried soon."""
    clock, venue = WireClock(speed=speed), fake()
    venue.clock_ms, venue.judges_age = clock.now_ms, False
    return {"clock": clock, "fake": venue}


STAND = Stand(
    venue="bingx",
    credentials=Credentials(api_key=KEY, secret=SECRET),
    contract=BTC,
    quantity=Decimal("0.0020"),
    price=Decimal("60000.1"),
    fake=fake,
    routes={
        "create": Route("POST", CREATE, 1),
        "cancel": Route("DELETE", CREATE, 1),
        "find": Route("GET", CREATE, 3),
        "account": Route("GET", BALANCE, 9),
        "switch": Route("POST", SWITCH, 1),
    },
    denials=(
        (
            "would cross",
            200,
            said(101215, "If the order would immediately match ..., it will be canceled."),
            "post_only_would_cross",
        ),
        ("margin", 200, said(101204, ""), "insufficient_margin"),
        ("margin, inside", 200, said(80012, '{"Code":101253,"Msg":"margin is not enough"}'), "insufficient_margin"),
        ("nothing to reduce", 200, said(101205, "No position to close"), "reduce_only_nothing_to_reduce"),
        ("too little", 200, said(101400, "The minimum order amount is 0.0001 BTC."), "invalid_order"),
        ("a notional", 200, said(110425, "minimum nominal value ... greater than 2u"), "invalid_order"),
        ("a symbol", 200, said(109425, "NOPE-USDT not exist"), "invalid_order"),
        ("the clock", 200, said(100421, "Null timestamp or timestamp mismatch"), "clock"),
        ("not by API", 200, said(100421, "This pair is currently restricted from API trading"), "restricted"),
        ("no opening", 200, said(101415, "This trading pair is suspended from opening new position"), "restricted"),
        ("too fast", 200, said(100410, "rate limited"), "rate_limited"),
        ("the signature", 200, said(100001, "Signature verification failed"), "not_authorised"),
        ("a code as text", 200, {"code": "101204", "msg": ""}, "insufficient_margin"),
        ("service unavailable", 200, said(80012, "Service Unavailable"), None),
        ("busy", 200, said(100410, "The current system is busy, please try again later"), None),
        ("an internal error", 200, said(100500, "Internal system error"), None),
        ("an order system", 200, said(110500, "order system busy"), None),
        ("a duplicate id", 200, said(101481, "The clientOrderID has already been used"), None),
        ("once a second", 200, said(109201, "The same order number is only allowed once within 1 second."), None),
        ("rpc timeout", 200, said(101500, "rpc timeout"), None),
        ("a code that nobody knows", 200, said(987654, "?"), None),
        ("the right code under a server's failure", 500, said(101204, ""), None),
    ),
)
