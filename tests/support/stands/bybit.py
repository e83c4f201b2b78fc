"""Bybit before its tests: a small unified account, told in the forms that its documentation and its client record."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from aiohttp import web

from hedger.model.instrument import InstrumentId
from hedger.venues.client import Credentials
from tests.support.stand import Route, Stand
from tests.support.wire_server import FakeVenue, Seen

KEY, SECRET = "bybit-canary-7f3a9c", "bybit-canary-secret-5e21bb"
AT = 1_790_000_000_000
LINEAR = InstrumentId("main", "BTC/USDT:USDT")
USDC = InstrumentId("main", "BTC/USDC:USDC")
DATED = InstrumentId("main", "BTC/USDT:USDT-261225")
INVERSE = InstrumentId("main", "BTC/USD:BTC")
PEPE = InstrumentId("main", "1000PEPE/USDT:USDT")
PAIR = InstrumentId("main", "BTC/USDT")
DELIVERY = 1_798_185_600_000  # 25 December 2026, 08:00
OPTION = "BTC-25DEC26-80000-C-USDT"
CREATE, CANCEL = "/v5/order/create", "/v5/order/cancel"
OPEN, HISTORY = "/v5/order/realtime", "/v5/order/history"
POSITIONS, WALLET, INFO = "/v5/position/list", "/v5/account/wallet-balance", "/v5/account/info"
EXECUTIONS, LEDGER, FEES = "/v5/execution/list", "/v5/account/transaction-log", "/v5/account/fee-rate"
LISTING, TICKERS, TIME = "/v5/market/instruments-info", "/v5/market/tickers", "/v5/market/time"
BARS, PAIR_BARS, RATES = "/v5/market/index-price-kline", "/v5/market/kline", "/v5/market/funding/history"
RIGHTS, LEVERAGE = "/v5/user/query-api", "/v5/position/set-leverage"
SWITCH_MODE, SET_MARGIN = "/v5/position/switch-mode", "/v5/account/set-margin-mode"


def told(result: Any, code: int = 0, message: str = "OK") -> dict[str, Any]:
    """What every answer has around its result."""
    return {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": int(time.time() * 1000)}


def listed(*rows: Any, cursor: str = "", **more: Any) -> dict[str, Any]:
    """A page of a list."""
    return told({"nextPageCursor": cursor, "list": list(rows), **more})


def refusal(code: int, message: str = "refused") -> dict[str, Any]:
    """A refusal, which comes under 200."""
    return told({}, code, message)


def contract(raw: str, base: str, quote: str, settle: str, kind: str, **changes: Any) -> dict[str, Any]:
    """A row of `instruments-info`."""
    return {
        "symbol": raw,
        "contractType": kind,
        "status": "Trading",
        "baseCoin": base,
        "quoteCoin": quote,
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": "2",
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": "0.10", "maxPrice": "1999999.80", "tickSize": "0.10"},
        "lotSizeFilter": {
            "maxOrderQty": "1190.000",
            "minOrderQty": "0.001",
            "qtyStep": "0.001",
            "postOnlyMaxOrderQty": "1190.000",
            "maxMktOrderQty": "500.000",
            "minNotionalValue": "5",
        },
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "settleCoin": settle,
    } | changes


def dollars() -> dict[str, Any]:
    """The rules of an inverse contract, of one dollar."""
    return {
        "priceFilter": {"minPrice": "0.10", "maxPrice": "1999999.80", "tickSize": "0.10"},
        "lotSizeFilter": {
            "maxOrderQty": "25000000",
            "minOrderQty": "1",
            "qtyStep": "1",
            "postOnlyMaxOrderQty": "25000000",
            "maxMktOrderQty": "5000000",
            "minNotionalValue": "",
        },
    }


def pair(base: str = "BTC", quote: str = "USDT") -> dict[str, Any]:
    """A spot row of `instruments-info`."""
    return {
        "symbol": f"{base}{quote}",
        "baseCoin": base,
        "quoteCoin": quote,
        "innovation": "0",
        "status": "Trading",
        "marginTrading": "both",
        "lotSizeFilter": {
            "basePrecision": "0.000001",
            "quotePrecision": "0.00000001",
            "minOrderQty": "0.00004",
            "maxOrderQty": "63.01197227",
            "minOrderAmt": "1",
            "maxOrderAmt": "100000",
        },
        "priceFilter": {"tickSize": "0.01"},
    }


def option_terms(raw: str = OPTION) -> dict[str, Any]:
    """A row of the options' listing; options in USDT have a suffix."""
    return {
        "symbol": raw,
        "status": "Trading",
        "baseCoin": "BTC",
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "optionsType": "Call",
        "launchTime": "1688630400000",
        "deliveryTime": str(DELIVERY),
        "deliveryFeeRate": "0.00015",
        "priceFilter": {"minPrice": "5", "maxPrice": "10000000", "tickSize": "5"},
        "lotSizeFilter": {"maxOrderQty": "500", "minOrderQty": "0.01", "qtyStep": "0.01"},
    }


def linear_listing() -> list[dict[str, Any]]:
    return [
        contract("BTCUSDT", "BTC", "USDT", "USDT", "LinearPerpetual"),
        contract("ETHUSDT", "ETH", "USDT", "USDT", "LinearPerpetual", fundingInterval=240),
        contract("1000PEPEUSDT", "1000PEPE", "USDT", "USDT", "LinearPerpetual"),
        contract("BTCPERP", "BTC", "USDC", "USDC", "LinearPerpetual"),
        contract(
            "BTCUSDT-25DEC26", "BTC", "USDT", "USDT", "LinearFutures", deliveryTime=str(DELIVERY), fundingInterval=0
        ),
    ]


def inverse_listing() -> list[dict[str, Any]]:
    return [
        contract("BTCUSD", "BTC", "USD", "BTC", "InversePerpetual", **dollars()),
        contract("BTCUSDZ26", "BTC", "USD", "BTC", "InverseFutures", deliveryTime=str(DELIVERY), **dollars()),
    ]


def coin(name: str, balance: str, **changes: Any) -> dict[str, Any]:
    """A coin of the wallet, as recorded."""
    return {
        "availableToBorrow": "",
        "bonus": "0",
        "accruedInterest": "0",
        "availableToWithdraw": "",
        "totalOrderIM": "0",
        "equity": balance,
        "totalPositionMM": "0",
        "usdValue": "12920.95352538",
        "unrealisedPnl": "0",
        "collateralSwitch": True,
        "spotBorrow": "0",
        "borrowAmount": "0",
        "totalPositionIM": "0",
        "walletBalance": balance,
        "cumRealisedPnl": "0",
        "locked": "0",
        "coin": name,
    } | changes


def wallet(*coins: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The account, as recorded: its totals are in dollars."""
    return {
        "totalEquity": "18070.32797922",
        "accountIMRate": "0.0101",
        "totalMarginBalance": "18070.32797922",
        "totalInitialMargin": "182.60183684",
        "accountType": "UNIFIED",
        "totalAvailableBalance": "17887.72614237",
        "accountMMRate": "0.0083",
        "totalPerpUPL": "-0.11001349",
        "totalWalletBalance": "18070.43799271",
        "accountLTV": "0.017",
        "totalMaintenanceMargin": "150.38106773",
        "coin": list(coins),
    } | changes


COINS = {
    "BTC": coin("BTC", "1.50000001"),
    "PEPE": coin("PEPE", "0"),
    "USDC": coin("USDC", "0"),
    "USDT": coin("USDT", "1000.25", totalPositionMM="150.38106773", unrealisedPnl="-50.25"),
    "MNT": coin("MNT", "7"),
}


def position(raw: str, size: str, side: str = "Sell", **changes: Any) -> dict[str, Any]:
    """A row of `position/list`, as recorded; a flat one has no side and few figures."""
    flat = Decimal(size) == 0
    return {
        "symbol": raw,
        "leverage": "1",
        "avgPrice": "0" if flat else "60000.1",
        "liqPrice": "" if flat else "90000.1",
        "riskLimitValue": "200000",
        "takeProfit": "",
        "positionValue": "" if flat else "30000.05",
        "tpslMode": "Full",
        "riskId": 41,
        "trailingStop": "0",
        "unrealisedPnl": "" if flat else "-50.25",
        "markPrice": "60100.5",
        "cumRealisedPnl": "0.48805876",
        "positionMM": "" if flat else "150.38106773",
        "createdTime": "1672121182216",
        "positionIdx": 0,
        "positionIM": "" if flat else "182.6",
        "updatedTime": "1672279322668",
        "side": "" if flat else side,
        "bustPrice": "",
        "size": size,
        "positionStatus": "Normal",
        "stopLoss": "",
        "tradeMode": 0,
        "autoAddMargin": 0,
        "adlRankIndicator": 0,
        "seq": 4688002127,
        "isReduceOnly": False,
    } | changes


def order(**changes: Any) -> dict[str, Any]:
    """An order, as recorded."""
    return {
        "symbol": "BTCUSDT",
        "orderType": "Limit",
        "orderLinkId": "hbot000100000199",
        "slLimitPrice": "0",
        "orderId": "f5f2d355-9a11-4af3-9b83-aa1d6ab6ddfe",
        "cancelType": "UNKNOWN",
        "avgPrice": "",
        "stopOrderType": "",
        "lastPriceOnCreated": "59990.1",
        "orderStatus": "New",
        "createType": "CreateByUser",
        "takeProfit": "",
        "cumExecValue": "0",
        "tpslMode": "",
        "smpType": "None",
        "triggerDirection": 0,
        "blockTradeId": "",
        "rejectReason": "EC_NoError",
        "isLeverage": "",
        "price": "60000.1",
        "orderIv": "",
        "createdTime": str(AT),
        "tpTriggerBy": "",
        "positionIdx": 0,
        "timeInForce": "PostOnly",
        "leavesValue": "120.0002",
        "updatedTime": str(AT + 1),
        "side": "Sell",
        "smpGroup": 0,
        "triggerPrice": "",
        "cumExecFee": "0",
        "leavesQty": "0.002",
        "closeOnTrigger": False,
        "placeType": "",
        "cumExecQty": "0",
        "reduceOnly": False,
        "qty": "0.002",
        "stopLoss": "",
        "triggerBy": "",
    } | changes


def execution(number: int, **changes: Any) -> dict[str, Any]:
    """A row of `execution/list`, as recorded."""
    return {
        "symbol": "BTCUSDT",
        "orderType": "Limit",
        "underlyingPrice": "",
        "orderLinkId": "hbot000100000199",
        "side": "Sell",
        "indexPrice": "",
        "orderId": "8c065341-7b52-4ca9-ac2c-37e31ac55c94",
        "stopOrderType": "UNKNOWN",
        "leavesQty": "0",
        "execTime": str(AT + number),
        "feeCurrency": "",
        "isMaker": True,
        "execFee": "0.024",
        "feeRate": "0.0002",
        "execId": f"e0cbe81d-0f18-5866-9415-{number:012d}",
        "tradeIv": "",
        "blockTradeId": "",
        "markPrice": "60000.5",
        "execPrice": "60000.1",
        "markIv": "",
        "orderQty": "0.002",
        "orderPrice": "60000.1",
        "execValue": "120.0002",
        "execType": "Trade",
        "execQty": "0.002",
    } | changes


def settlement(number: int, **changes: Any) -> dict[str, Any]:
    """A line of the transaction log, as recorded."""
    return {
        "id": "",
        "symbol": "BTCUSDT",
        "side": "Sell",
        "funding": "-0.375",
        "orderLinkId": "",
        "orderId": "1672128000-8-592324-1-2",
        "fee": "0.00000000",
        "change": "-0.375",
        "cashFlow": "0",
        "transactionTime": str(AT + number),
        "type": "SETTLEMENT",
        "feeRate": "0.0001",
        "size": "-0.5",
        "qty": "0.5",
        "cashBalance": "5086.55825002",
        "currency": "USDT",
        "category": "linear",
        "tradePrice": "60000.1",
        "tradeId": f"534c0003-4bf7-486f-aa02-{number:012d}",
    } | changes


def ticker(raw: str, **changes: Any) -> dict[str, Any]:
    """The prices of a contract, as recorded."""
    return {
        "symbol": raw,
        "lastPrice": "60000.1",
        "indexPrice": "60099.1",
        "markPrice": "60100.50",
        "openInterestValue": "22505.67",
        "fundingRate": "0.00038246",
        "nextFundingTime": str(AT + 6_400_000),
        "fundingIntervalHour": "8",
        "deliveryTime": "0",
        "ask1Size": "2",
        "bid1Price": "60000.1",
        "ask1Price": "60000.2",
        "bid1Size": "1.5",
    } | changes


def option_ticker(raw: str = OPTION) -> dict[str, Any]:
    """The marks and greeks of an option, in the recorded form."""
    return {
        "symbol": raw,
        "bid1Price": "0",
        "ask1Price": "435",
        "markPrice": "2435.5",
        "indexPrice": "60099.1",
        "markIv": "0.5567",
        "underlyingPrice": "60590.42",
        "delta": "0.21",
        "gamma": "0.00001",
        "vega": "44.2",
        "theta": "-21.5",
        "predictedDeliveryPrice": "0",
    }


KEY_RIGHTS: dict[str, Any] = {
    "id": "13770661",
    "note": "XXXXXX",
    "apiKey": KEY,
    "readOnly": 0,
    "secret": "",
    "permissions": {
        "ContractTrade": ["Order", "Position"],
        "Spot": ["SpotTrade"],
        "Wallet": ["AccountTransfer"],
        "Options": ["OptionsTrade"],
        "Derivatives": ["DerivativesTrade"],
        "Exchange": ["ExchangeHistory"],
        "NFT": [],
    },
    "ips": ["*"],
    "type": 1,
    "unified": 0,
    "uta": 1,
    "userID": 24600000,
    "isMaster": False,
}
ACCOUNT_INFO: dict[str, Any] = {
    "marginMode": "REGULAR_MARGIN",
    "updatedTime": "1697078946000",
    "unifiedMarginStatus": 6,
    "dcpStatus": "OFF",
    "timeWindow": 10,
    "smpGroup": 0,
    "isMasterTrader": False,
    "spotHedgingStatus": "OFF",
}
HELD = {"BTCUSDT": "0.500"}


def good(seen: Seen) -> Any:
    """What the venue answers to a request when nothing is wrong."""
    if seen.path in (CREATE, CANCEL):
        return told({"orderId": "1321003749386327552", "orderLinkId": seen.params["orderLinkId"]})
    if seen.path in (OPEN, HISTORY):
        return _orders(seen.params)
    return _READS[seen.path](seen.params)


def _orders(params: Mapping[str, Any]) -> Any:
    """Asked for one order it is there; asked for what is open, nothing is."""
    if "orderLinkId" not in params:
        return listed(category=params["category"])
    row = order(orderLinkId=params["orderLinkId"], symbol=params["symbol"])
    return listed(row, category=params["category"], cursor="page_token%3D39380%26")


def _wallet(params: Mapping[str, Any]) -> Any:
    """Coins that are named are told whatever they are, else those that are something."""
    names = params["coin"].split(",") if "coin" in params else ["BTC", "USDT", "MNT"]
    return told({"list": [wallet(*(COINS.get(name) or coin(name, "0") for name in names))]})


def _positions(params: Mapping[str, Any]) -> Any:
    if "symbol" in params:
        return listed(position(params["symbol"], HELD.get(params["symbol"], "0")), category=params["category"])
    if params["category"] == "linear" and params["settleCoin"] == "USDT" and "cursor" not in params:
        return listed(position("BTCUSDT", HELD["BTCUSDT"]), category="linear", cursor="BTCUSDT%2C1%2C0")
    return listed(category=params["category"])


def _listing(params: Mapping[str, Any]) -> Any:
    match params["category"]:
        case "linear":
            return listed(*linear_listing(), category="linear")
        case "inverse":
            return listed(*inverse_listing(), category="inverse")
        case "option":
            return listed(option_terms(params["symbol"]), category="option")
        case _:
            known = [pair()] if params["symbol"] == "BTCUSDT" else []
            return told({"category": "spot", "list": known})


def _tickers(params: Mapping[str, Any]) -> Any:
    if params["category"] == "option":
        return told({"category": "option", "list": [option_ticker(params["symbol"])]})
    return told({"category": params["category"], "list": [ticker(params["symbol"])]})


def _fees(params: Mapping[str, Any]) -> Any:
    """Of every symbol of a category, as the question names none."""
    rows = {"linear": linear_listing(), "inverse": inverse_listing(), "spot": [pair()]}[params["category"]]
    return told({"category": params["category"], "list": [fee(row["symbol"]) for row in rows]})


def fee(raw: str, **changes: Any) -> dict[str, Any]:
    """A row of our fees."""
    return {"symbol": raw, "baseCoin": "", "takerFeeRate": "0.00055", "makerFeeRate": "0.0002"} | changes


def _last_page(params: Mapping[str, Any], row: Any, cursor: str) -> Any:
    """The last row comes with a cursor too, and behind it is nothing."""
    return listed() if "cursor" in params else listed(row, cursor=cursor)


def _time(_params: Mapping[str, Any]) -> Any:
    now = time.time_ns()
    return told({"timeSecond": str(now // 10**9), "timeNano": str(now)})


def _rates(params: Mapping[str, Any]) -> Any:
    """Settlements eight hours apart up to the last full one, the newest first, as recorded."""
    step = 8 * 3_600_000
    newest_at = AT // step * step
    rows = [
        {"symbol": params["symbol"], "fundingRate": f"0.000{n}", "fundingRateTimestamp": str(newest_at - n * step)}
        for n in range(6)
    ]
    return told({"category": params["category"], "list": rows})


_READS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    TIME: _time,
    LISTING: _listing,
    TICKERS: _tickers,
    WALLET: _wallet,
    POSITIONS: _positions,
    FEES: _fees,
    RATES: _rates,
    INFO: lambda _: told(ACCOUNT_INFO),
    RIGHTS: lambda _: told(KEY_RIGHTS),
    EXECUTIONS: lambda params: listed(
        *([] if "cursor" in params else [execution(1)]), cursor="132766%3A2%2C132766%3A2"
    ),
    LEDGER: lambda params: listed(*([] if "cursor" in params else [settlement(1)]), cursor="21963%3A1%2C14954%3A1"),
    LEVERAGE: lambda _: told({}),
    SWITCH_MODE: lambda _: told({}),
    SET_MARGIN: lambda _: told({"reasons": []}),
}


async def _answer_good(_request: web.Request, seen: Seen) -> web.StreamResponse:
    return web.json_response(good(seen))


def live(fake: FakeVenue, seen: Seen) -> Any:
    """What no body can hold: the fake's own time."""
    if seen.path != TIME:
        return None
    now = fake.clock_ms()
    return told({"timeSecond": str(now // 1000), "timeNano": str(now * 1_000_000)}) | {"time": now}


def judge(fake: FakeVenue, seen: Seen) -> str | None:
    """The venue's check: the HMAC of time, key, window and the exact query or body, and the time within the window."""
    if seen.path.startswith("/v5/market/"):
        return None
    stamp, window = seen.headers.get("X-BAPI-TIMESTAMP", ""), seen.headers.get("X-BAPI-RECV-WINDOW", "")
    payload = f"{stamp}{KEY}{window}{seen.body if seen.method == 'POST' else seen.query}"
    expected = hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    if seen.headers.get("X-BAPI-API-KEY") != KEY or seen.headers.get("X-BAPI-SIGN") != expected:
        return f"{seen.path}: wrong signature"
    age = fake.clock_ms() - int(stamp)
    young = -1000 < age <= int(window)
    return None if young or not fake.judges_age else f"{seen.path}: {age} ms old"


async def talk(fake: FakeVenue, connection: web.WebSocketResponse, text: str) -> None:
    """Who signs in rightly is let in, every subscription is granted, and pings are answered."""
    asked = json.loads(text)
    answer = {"success": True, "ret_msg": "", "op": asked["op"], "conn_id": "ce3dpomvha7dha97tvp0-2xh"}
    match asked["op"]:
        case "ping":
            answer |= {"ret_msg": "pong", "req_id": asked["req_id"]}
        case "auth":
            key, expires, signature = asked["args"]
            expected = hmac.new(SECRET.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
            if (key, signature) != (KEY, expected):
                fake.faults.append("a stream's wrong signature")
        case _:
            fake.subscriptions.append(asked["args"])
            answer |= {"req_id": asked["req_id"]}
    await asyncio.sleep(0)
    await connection.send_json(answer)


def _bodies() -> dict[tuple[str, str], Any]:
    posts = {CREATE, CANCEL, LEVERAGE, SWITCH_MODE, SET_MARGIN}
    found: dict[tuple[str, str], Any] = {
        ("POST" if path in posts else "GET", path): _answer_good for path in {*_READS, *posts, OPEN, HISTORY}
    }
    return found | {("GET", TIME): {}}  # `live` answers it


fake = partial(
    FakeVenue,
    judge=judge,
    talk=talk,
    live=live,
    good=good,
    denial=(200, {"retCode": 10004, "retMsg": "error sign!", "result": {}, "retExtInfo": {}, "time": AT}),
)


def make_fake(**changes: Any) -> FakeVenue:
    """The fake with its bodies; `changes` are other fields of it."""
    return fake(**{"answers": _bodies(), **changes})


STAND = Stand(
    venue="bybit",
    credentials=Credentials(api_key=KEY, secret=SECRET),
    contract=LINEAR,
    quantity=Decimal("0.0020"),
    price=Decimal("60000.10"),
    fake=make_fake,
    routes={
        "create": Route("POST", CREATE, 1),
        "cancel": Route("POST", CANCEL, 1),
        # A reading of the account asks the same address for what is open.
        "find": Route("GET", OPEN, 12),
        "account": Route("GET", WALLET, 18),
    },
    more_symbols=(PAIR.symbol,),
    denials=(
        ("margin", 200, refusal(110007, "ab not enough for new order"), "insufficient_margin"),
        ("margin, another word", 200, refusal(110045), "insufficient_margin"),
        ("leverage", 200, refusal(110090), "insufficient_margin"),
        ("nothing to reduce", 200, refusal(110017), "reduce_only_nothing_to_reduce"),
        ("a parameter", 200, refusal(10001, "params error"), "invalid_order"),
        ("a price out of range", 200, refusal(110003), "invalid_order"),
        ("a notional", 200, refusal(110094), "invalid_order"),
        ("only reducing", 200, refusal(110023), "unavailable"),
        ("settling", 200, refusal(110063), "unavailable"),
        ("compliance", 200, refusal(10024), "restricted"),
        ("the clock", 200, refusal(10002), "clock"),
        ("the signature", 200, refusal(10004), "not_authorised"),
        ("the key", 401, refusal(10003), "not_authorised"),
        ("too many", 200, refusal(10006, "Too many visits!"), "rate_limited"),
        ("a duplicate id", 200, refusal(110072, "OrderLinkedID is duplicate"), None),
        ("the server", 200, refusal(10000, "Server Timeout"), None),
        ("a system error", 200, refusal(10016), None),
        ("a request that came twice", 200, refusal(10014), None),
        ("a code that nobody knows", 200, refusal(987654), None),
        ("a code as text", 200, refusal(0) | {"retCode": "110007"}, None),
        ("the right code under a server's failure", 500, refusal(110007), None),
    ),
)
