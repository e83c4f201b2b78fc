"""MEXC before its tests: a small account that is short 5,000 contracts of BTC, which are half a bitcoin.

The bodies have the fields of payloads recorded in the client's source and of the venue's documentation; the figures are
synthetic, so that the parts of the account fit together.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from typing import Any

from aiohttp import web

from hedger.model.instrument import InstrumentId
from hedger.model.spans import HOUR_MS
from hedger.venues.client import Credentials
from tests.support.stand import Route, Stand
from tests.support.wire_server import KEY, SECRET, Answer, FakeVenue, Seen
from tests.support.wire_venue import WireClock

AT = 1_790_000_000_000
BTC = InstrumentId("main", "BTC/USDT:USDT")
SPOT = InstrumentId("main", "BTC/USDT")
CONTRACT, PRIVATE, V3 = "/api/v1/contract", "/api/v1/private", "/api/v3"
PING, DETAIL, TICKER, DEPTH = (f"{CONTRACT}/{name}" for name in ("ping", "detail", "ticker", "depth/BTC_USDT"))
FUNDING, RATES = f"{CONTRACT}/funding_rate/BTC_USDT", f"{CONTRACT}/funding_rate/history"
BARS = f"{CONTRACT}/kline/index_price/BTC_USDT"
ASSETS, POSITIONS = f"{PRIVATE}/account/assets", f"{PRIVATE}/position/open_positions"
MODE, SET_MODE = f"{PRIVATE}/position/position_mode", f"{PRIVATE}/position/change_position_mode"
LEVERAGE, SET_LEVERAGE = f"{PRIVATE}/position/leverage", f"{PRIVATE}/position/change_leverage"
FEES, DEALS = f"{PRIVATE}/account/tiered_fee_rate/v2", f"{PRIVATE}/order/list/order_deals/v3"
RECORDS, OPEN = f"{PRIVATE}/position/funding_records", f"{PRIVATE}/order/list/open_orders"
CREATE, CANCEL = f"{PRIVATE}/order/create", f"{PRIVATE}/order/cancel_with_external"
EXTERNAL = f"{PRIVATE}/order/external/BTC_USDT/"
FIND = f"{EXTERNAL}hbot000100000199"
WALLET, RIGHTS, TRANSFER = f"{V3}/account", f"{V3}/apiKeyInfo", f"{V3}/capital/transfer"
LISTED, SPOT_DEPTH = f"{V3}/exchangeInfo", f"{V3}/depth"
Body = dict[str, Any]


def ok(data: Any) -> Body:
    return {"success": True, "code": 0, "data": data}


def said(code: int, message: str) -> Body:
    """A refusal of the contract API, as it comes under 200."""
    return {"success": False, "code": code, "message": message}


def contract(symbol: str = "BTC_USDT", **changes: Any) -> Body:
    """A row of the listing, with the first two risk levels that are published for BTC_USDT."""
    base, _, quote = symbol.partition("_")
    row = {
        "symbol": symbol,
        "displayNameEn": f"{symbol} PERPETUAL",
        "positionOpenType": 3,
        "baseCoin": base,
        "quoteCoin": quote,
        "settleCoin": quote,
        "contractSize": 0.0001,
        "minLeverage": 1,
        "maxLeverage": 500,
        "priceScale": 1,
        "volScale": 0,
        "amountScale": 4,
        "priceUnit": 0.1,
        "volUnit": 1,
        "minVol": 1,
        "maxVol": 400000,
        "takerFeeRate": 0.0004,
        "makerFeeRate": 0.0001,
        "maintenanceMarginRate": 0.001,
        "initialMarginRate": 0.002,
        "riskBaseVol": 4500000,
        "riskIncrVol": 0,
        "riskLongShortSwitch": 0,
        "riskIncrMmr": 0,
        "riskIncrImr": 0,
        "riskLevelLimit": 1,
        "state": 0,
        "riskLimitType": "BY_VOLUME",
        "apiAllowed": True,
        "riskLimitMode": "CUSTOM",
        "riskLimitCustom": [
            {"level": 1, "maxVol": 50000, "mmr": 0.001, "imr": 0.002, "maxLeverage": 500},
            {"level": 2, "maxVol": 60000, "mmr": 0.004, "imr": 0.005, "maxLeverage": 200},
        ],
        "type": 1,
    }
    return row | changes


def position(symbol: str = "BTC_USDT", **changes: Any) -> Body:
    row = {
        "positionId": 1394650,
        "symbol": symbol,
        "positionType": 2,
        "openType": 2,
        "state": 1,
        "holdVol": 5000,
        "frozenVol": 0,
        "closeVol": 0,
        "holdAvgPrice": 60000.1,
        "openAvgPrice": 60000.1,
        "closeAvgPrice": 0,
        "liquidatePrice": 118000.2,
        "oim": 30000.05,
        "im": 30000.05,
        "holdFee": 0,
        "realised": -0.0073,
        "leverage": 1,
        "createTime": AT,
        "updateTime": AT,
        "autoAddIm": False,
    }
    return row | changes


def asset(currency: str = "USDT", **changes: Any) -> Body:
    row = {
        "currency": currency,
        "positionMargin": 30000.05,
        "availableBalance": 9950.45,
        "cashBalance": 9950.45,
        "frozenBalance": 0,
        "equity": 39950.5,
        "unrealized": -50.1,
        "bonus": 0,
    }
    return row | changes


def flat_asset(**changes: Any) -> Body:
    return asset(positionMargin=0, equity=40000.6, unrealized=0, availableBalance=40000.6) | changes


def record(**changes: Any) -> Body:
    """An order as it was recorded; the numbers of the venue come as text."""
    row = {
        "orderId": "814218083416790528",
        "symbol": "BTC_USDT",
        "positionId": "0",
        "price": "60000.1",
        "vol": "20",
        "leverage": "1",
        "side": "3",
        "category": "1",
        "orderType": "2",
        "dealAvgPrice": "0",
        "dealVol": "0",
        "orderMargin": "120.2",
        "takerFee": "0",
        "makerFee": "0",
        "profit": "0",
        "feeCurrency": "USDT",
        "openType": "2",
        "state": "2",
        "externalOid": "hbot000100000199",
        "errorCode": "0",
        "usedMargin": "0",
        "createTime": str(AT),
        "updateTime": str(AT),
        "positionMode": "2",
    }
    return row | changes


def deal(number: int = 1, **changes: Any) -> Body:
    row = {
        "id": str(299444585 + number),
        "symbol": "BTC_USDT",
        "side": 3,
        "vol": "20",
        "price": "60000.1",
        "feeCurrency": "USDT",
        "fee": "0.0120",
        "timestamp": AT + number,
        "profit": "0",
        "category": 1,
        "orderId": "814218083416790528",
        "positionMode": 2,
        "taker": False,
    }
    return row | changes


def funding_record(number: int = 0, **changes: Any) -> Body:
    row = {
        "id": 7423910 + number,
        "symbol": "BTC_USDT",
        "positionType": 1,
        "positionValue": 29.30024,
        "funding": 0.00076180624,
        "rate": -0.000026,
        "settleTime": AT + number * HOUR_MS,
    }
    return row | changes


def leverage_row(direction: int, **changes: Any) -> Body:
    row = {
        "level": 1,
        "maxVol": 463300,
        "mmr": 0.004,
        "imr": 0.005,
        "positionType": direction,
        "openType": 2,
        "leverage": 1,
        "limitBySys": False,
        "currentMmr": 0.004,
    }
    return row | changes


def paged(rows: list[Any], total: int | None = None) -> Body:
    count = len(rows) if total is None else total
    return ok({"pageSize": 100, "totalCount": count, "totalPage": 1, "currentPage": 1, "resultList": rows})


def pair(**changes: Any) -> Body:
    row = {
        "symbol": "BTCUSDT",
        "status": "1",
        "baseAsset": "BTC",
        "baseAssetPrecision": 8,
        "quoteAsset": "USDT",
        "quotePrecision": 2,
        "quoteAssetPrecision": 2,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 2,
        "orderTypes": ["LIMIT", "MARKET", "LIMIT_MAKER"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "quoteAmountPrecision": "1",
        "baseSizePrecision": "0.000001",
        "permissions": ["SPOT"],
        "filters": [],
        "maxQuoteAmount": "4000000",
        "makerCommission": "0",
        "takerCommission": "0.0005",
    }
    return row | changes


def ticker(symbol: str = "BTC_USDT", **changes: Any) -> Body:
    row = {
        "contractId": 10,
        "symbol": symbol,
        "lastPrice": 60100.1,
        "bid1": 60100.1,
        "ask1": 60100.2,
        "volume24": 954830625,
        "amount24": 10374579341.00211,
        "holdVol": 381485808,
        "indexPrice": 60099.1,
        "fairPrice": 60100.3,
        "fundingRate": 0.000018,
        "maxBidPrice": 66000,
        "minAskPrice": 54000,
        "timestamp": AT,
    }
    return row | changes


def wallet(*coins: tuple[str, str, str]) -> Body:
    return {
        "makerCommission": 20,
        "takerCommission": 20,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "updateTime": None,
        "accountType": "SPOT",
        "balances": [{"asset": coin, "free": free, "locked": locked} for coin, free, locked in coins],
        "permissions": ["SPOT"],
    }


def rights(permissions: str = "CONTRACT_ACCOUNT_READ,CONTRACT_DEAL_READ,CONTRACT_DEAL_WRITE,SPOT_ACCOUNT_READ") -> Body:
    return {
        "note": "bot",
        "accessKey": "x",
        "createTime": "2026-09-14T18:53:36.000+00:00",
        "permissions": permissions,
        "remainingValidity": 82,
        "ipWhiteList": "203.0.113.7",
        "status": "VALID",
    }


def bodies() -> dict[tuple[str, str], Any]:
    """What the fake answers when nothing is wrong, by method and path."""
    rate = {"symbol": "BTC_USDT", "fundingRate": 0.000018, "collectCycle": 4, "nextSettleTime": AT + 4 * HOUR_MS}
    book = {"asks": [[60100.2, 3240, 1], [60101, 9, 2]], "bids": [[60100.1, 1500, 3], [60100, 1, 1]]}
    return {
        ("GET", DETAIL): ok(
            [
                contract(),
                contract("ETH_USDT", contractSize=0.01, priceUnit=0.01),
                contract("BTC_USDC"),
                contract("BTC_USD", contractSize=100, settleCoin="BTC"),
                contract("PEPE_USDT", contractSize=10_000_000, priceUnit="1e-10", apiAllowed=False),
            ]
        ),
        ("GET", LISTED): {"timezone": "CST", "serverTime": AT, "rateLimits": [], "symbols": [pair()]},
        ("GET", RIGHTS): rights(),
        ("GET", WALLET): wallet(("BTC", "1.25", "0.25000001"), ("USDT", "45.733046995800514", "0")),
        ("GET", ASSETS): ok([asset(), flat_asset(currency="BSV", equity=0, availableBalance=0)]),
        ("GET", POSITIONS): ok([position()]),
        ("GET", MODE): ok(2),
        ("GET", LEVERAGE): ok([leverage_row(1), leverage_row(2)]),
        ("GET", OPEN): ok([record()]),
        ("GET", FEES): ok({"symbol": "BTC_USDT", "realMakerFee": 0.0001, "realTakerFee": 0.0004, "level": 1}),
        ("GET", TICKER): ok(ticker()),
        ("GET", DEPTH): ok(book | {"version": 28111438870, "timestamp": AT}),
        ("GET", FUNDING): ok(rate | {"maxFundingRate": 0.0018, "minFundingRate": -0.0018, "timestamp": AT}),
        ("GET", SPOT_DEPTH): {
            "lastUpdateId": 744267132,
            "bids": [["60099.50", "0.387864"], ["60099.10", "0.008400"]],
            "asks": [["60099.61", "6.544908"], ["60099.88", "0.498000"]],
            "timestamp": AT,
        },
        ("GET", DEALS): paged([]),
        ("GET", RECORDS): paged([]),
        ("POST", SET_MODE): {"success": True, "code": 0},
        ("POST", SET_LEVERAGE): {"success": True, "code": 0},
        ("POST", TRANSFER): {"tranId": "ebb06123e6a64f4ab234b396c548d57e"},
    }


def judge(fake: FakeVenue, seen: Seen) -> str | None:
    """What the two APIs check: spot the HMAC of the query, contracts that of key, time and parameters, in headers."""
    if seen.path.startswith(CONTRACT) or seen.path in (LISTED, SPOT_DEPTH, f"{V3}/klines"):
        return None
    if seen.path.startswith(V3):
        payload, _, signature = seen.query.rpartition("&signature=")
        key, at, window = seen.headers.get("X-MEXC-APIKEY"), str(seen.params.get("timestamp")), 60_000
        ordered = not seen.body
    else:
        told = seen.body or seen.query
        at, signature, window = seen.headers.get("Request-Time", ""), seen.headers.get("Signature", ""), 10_000
        key, payload = seen.headers.get("ApiKey"), f"{KEY}{at}{told}"
        names = [part.partition("=")[0] for part in seen.query.split("&")]
        ordered = bool(seen.body) or names == sorted(names)
    expected = hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    if key != KEY or signature != expected or not ordered:
        return f"{seen.path}: wrong signature"
    age = fake.clock_ms() - int(at or 0)
    return None if abs(age) <= window or not fake.judges_age else f"{seen.path}: {age} ms old"


async def talk(fake: FakeVenue, connection: web.WebSocketResponse, text: str) -> None:
    """A login with the right signature is let in, every subscription is granted."""
    asked = json.loads(text)
    method, told = asked["method"], asked.get("param", {})
    if method == "ping":
        await connection.send_json({"channel": "pong", "data": fake.clock_ms()})
        return
    fake.subscriptions.append([method, str(told.get("symbol", ""))])
    if method == "login":
        wanted = hmac.new(SECRET.encode(), f"{KEY}{told['reqTime']}".encode(), hashlib.sha256).hexdigest()
        good = told["apiKey"] == KEY and told["signature"] == wanted
        await connection.send_json({"channel": "rs.login" if good else "rs.error", "data": "success" if good else "no"})
        return
    await connection.send_json({"channel": f"rs.{method}", "data": "success", "ts": fake.clock_ms()})


def live(fake: FakeVenue, seen: Seen) -> Any:
    """What no body can hold: the time."""
    return ok(fake.clock_ms()) if seen.path == PING else None


def echo_of(seen: Seen) -> Any:
    """What the venue answers to a request about an order; None for any other."""
    if seen.path == CREATE:
        return ok({"orderId": "814218083416790528", "ts": 1779795118533})
    if seen.path == CANCEL:
        return ok({"orderId": "814218083416790528", "errorCode": 0, "errorMsg": "success"})
    if seen.path.startswith(EXTERNAL):
        return ok(record(externalOid=seen.path.rpartition("/")[2]))
    return None


def good(seen: Seen) -> Any:
    """The venue's answer to a request when nothing is wrong."""
    return echo_of(seen) or deepcopy(bodies()[seen.method, seen.path])


async def _moving(_request: web.Request, seen: Seen) -> web.StreamResponse:
    return web.json_response(echo_of(seen))


def fake() -> FakeVenue:
    """A new MEXC."""
    moving = [("POST", CREATE), ("POST", CANCEL), ("GET", FIND)]
    return FakeVenue(
        answers={**bodies(), **dict.fromkeys(moving, _moving), ("GET", PING): None},
        judge=judge,
        talk=talk,
        live=live,
        good=good,
        denial=(200, said(602, "Signature verification failed!")),
    )


def quick(speed: float = 25.0, behind_ms: int = 0) -> dict[str, Any]:
    """A new MEXC and a clock that both run fast, so that what is tried again is tried soon."""
    clock, venue = WireClock(speed=speed, behind_ms=behind_ms), fake()
    venue.clock_ms, venue.judges_age = clock.now_ms, False
    return {"clock": clock, "fake": venue}


def answering(told: Callable[[Seen], Any]) -> Answer:
    """An answer that depends on the request."""

    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        return web.json_response(told(seen))

    return answer


STAND = Stand(
    venue="mexc",
    credentials=Credentials(api_key=KEY, secret=SECRET),
    contract=BTC,
    quantity=Decimal("0.0020"),
    price=Decimal("60000.10"),
    fake=fake,
    routes={
        "create": Route("POST", CREATE, 1),
        "cancel": Route("POST", CANCEL, 1),
        "find": Route("GET", FIND, 3),
        "account": Route("GET", ASSETS, 9),
    },
    denials=(
        ("margin", 200, said(2005, "Balance insufficient"), "insufficient_margin"),
        ("nothing to close", 200, said(2009, "Position is not exists or closed."), "reduce_only_nothing_to_reduce"),
        ("too little to close", 200, said(2008, "The quantity is insufficient"), "reduce_only_nothing_to_reduce"),
        ("the quantity", 200, said(2011, "Order quantity error, please try to modify."), "invalid_order"),
        ("the precision", 200, said(2015, "Price or quantity accuracy error"), "invalid_order"),
        ("a parameter", 200, said(600, "Param error!"), "invalid_order"),
        ("the price", 200, said(2003, "Bid price is great than max allow price"), "invalid_order"),
        ("the contract", 200, said(1002, "Contract not allow place order!"), "restricted"),
        (
            "the risk limit",
            200,
            said(2031, "The allowable holding position exceed the current risk limit"),
            "restricted",
        ),
        ("trading forbidden", 200, said(6001, "Trading forbidden"), "restricted"),
        ("too fast", 200, said(510, "Requests are too frequent, please try again later"), "rate_limited"),
        ("the clock", 200, said(513, "Invalid request(for open api serves time more or less than 10s)"), "clock"),
        ("the signature", 200, said(602, "Signature verification failed!"), "not_authorised"),
        ("no access", 200, said(511, "You do not have access to the interface"), "not_authorised"),
        ("no right to trade", 200, said(704, "Please enable API Key trading write access"), "not_authorised"),
        ("the address", 200, said(406, "Accessing IP is not in the whitelist"), "not_authorised"),
        ("a code as text", 200, {"success": False, "code": "2005", "message": ""}, "insufficient_margin"),
        ("maintenance", 200, said(801, "System under maintenance"), "unavailable"),
        ("a duplicate id", 200, said(2042, "duplicate order id"), None),
        ("a repeated request", 200, said(603, "Repeated request"), None),
        ("an internal error", 200, said(500, "System internal error!"), None),
        ("busy", 200, said(501, "System busy, try again later"), None),
        ("a code that nobody knows", 200, said(987654, "?"), None),
        ("success with a code", 200, {"success": True, "code": 2005, "data": {"orderId": "1"}}, None),
        ("failure without a code", 200, {"success": False, "code": 0}, None),
        ("the right code under a server's failure", 500, said(2005, ""), None),
    ),
)
