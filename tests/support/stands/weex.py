"""WEEX before its tests: a small account that is short BTC on a perpetual, with an order of ours on the book.

The bodies have the fields of payloads recorded in the client's source and of the venue's documentation; the figures are
synthetic, so that the parts of the account fit together.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from copy import deepcopy
from decimal import Decimal
from typing import Any

from aiohttp import web

from hedger.model.instrument import InstrumentId
from hedger.model.spans import HOUR_MS
from hedger.venues.client import Credentials
from tests.support.stand import OUR_ID, Route, Stand
from tests.support.wire_server import KEY, SECRET, FakeVenue, Seen

PASSPHRASE = "canary-passphrase-51ce"
AT = 1_790_000_000_000
BTC = InstrumentId("main", "BTC/USDT:USDT")
PAIR = InstrumentId("main", "BTC/USDT")
ORDER_ID = "737185556881998184"
CAPI = "/capi/v3"
ORDER, OPEN, HISTORY = f"{CAPI}/order", f"{CAPI}/openOrders", f"{CAPI}/order/history"
BALANCE = f"{CAPI}/account/balance"
POSITIONS, POSITION = f"{CAPI}/account/position/allPosition", f"{CAPI}/account/position/singlePosition"
CONFIG, RIGHTS = f"{CAPI}/account/symbolConfig", f"{CAPI}/account/accountConfig"
MODE, LEVERAGE = f"{CAPI}/account/marginType", f"{CAPI}/account/leverage"
FEES, INCOME, FILLS = f"{CAPI}/account/commissionRate", f"{CAPI}/account/income", f"{CAPI}/userTrades"
LISTING, TRADABLE = f"{CAPI}/market/exchangeInfo", f"{CAPI}/market/apiTradingSymbols"
BOOK, PREMIUM = f"{CAPI}/market/ticker/bookTicker", f"{CAPI}/market/premiumIndex"
BARS, RATES = f"{CAPI}/market/indexPriceKlines", f"{CAPI}/market/fundingRate"
TIME = f"{CAPI}/market/time"
SPOT_LISTING, SPOT_BOOK, SPOT_BARS = "/api/v3/exchangeInfo", "/api/v3/market/ticker/bookTicker", "/api/v3/market/klines"
SPOT_ACCOUNT = "/api/v3/account/"
Body = dict[str, Any]


def refusal(code: int, message: str) -> Body:
    """A refusal as it comes under 4xx."""
    return {"code": code, "msg": message}


def unsuccessful(code: str, message: str) -> Body:
    """A refusal as it comes under 200."""
    return {"orderId": None, "clientOrderId": OUR_ID, "success": False, "errorCode": code, "errorMessage": message}


def contract(symbol: str = "BTCUSDT", **changes: Any) -> Body:
    """A row of the listing; numbers come as text, or as numbers."""
    row = {
        "symbol": symbol,
        "baseAsset": symbol.removesuffix("USDT"),
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": "1",
        "quantityPrecision": "4",
        "baseAssetPrecision": "2",
        "quotePrecision": "8",
        "contractVal": "0.0001",
        "delivery": ["00:00:00", "08:00:00", "16:00:00"],
        "forwardContractFlag": True,
        "minLeverage": "1",
        "maxLeverage": "400",
        "buyLimitPriceRatio": "0.01",
        "sellLimitPriceRatio": "0.01",
        "makerFeeRate": "0.0002",
        "takerFeeRate": "0.0008",
        "minOrderSize": "0.0001",
        "maxOrderSize": "1000000",
        "maxPositionSize": "5000000",
        "marketOpenLimitSize": "2300",
    }
    return row | changes


def position(symbol: str = "BTCUSDT", **changes: Any) -> Body:
    row = {
        "id": 737191855967437160,
        "asset": "USDT",
        "symbol": symbol,
        "side": "SHORT",
        "marginType": "CROSSED",
        "separatedMode": "COMBINED",
        "separatedOpenOrderId": 0,
        "leverage": "1.00",
        "size": "0.5000",
        "openValue": "30000.0000",
        "openFee": "6.00000000",
        "fundingFee": "0",
        "marginSize": "30050.0000",
        "isolatedMargin": "0",
        "isAutoAppendIsolatedMargin": False,
        "cumOpenSize": "0.5000",
        "cumOpenValue": "30000.0000",
        "cumCloseSize": "0",
        "createdTime": AT,
        "updatedTime": AT,
        "unrealizePnl": "-50.0000",
        "liquidatePrice": "118000.2",
    }
    return row | changes


def wallet(**changes: Any) -> Body:
    row = {
        "asset": "USDT",
        "balance": "40000.5",
        "availableBalance": "9900.25",
        "frozen": "0",
        "unrealizePnl": "-50.0000",
    }
    return row | changes


def config(**changes: Any) -> Body:
    row = {
        "symbol": "BTCUSDT",
        "marginType": "CROSSED",
        "separatedType": "COMBINED",
        "crossLeverage": "1.00",
        "isolatedLongLeverage": "20.00",
        "isolatedShortLeverage": "20.00",
    }
    return row | changes


def record(**changes: Any) -> Body:
    row = {
        "avgPrice": "0.0",
        "clientOrderId": OUR_ID,
        "cumQuote": "0",
        "executedQty": "0",
        "orderId": int(ORDER_ID),
        "origQty": "0.0020",
        "price": "60000.1",
        "reduceOnly": False,
        "side": "SELL",
        "positionSide": "SHORT",
        "status": "NEW",
        "stopPrice": "0",
        "symbol": "BTCUSDT",
        "time": AT,
        "timeInForce": "POST_ONLY",
        "type": "LIMIT",
        "updateTime": AT,
        "workingType": "UNKNOWN_PRICE_TYPE",
    }
    return row | changes


def fill(**changes: Any) -> Body:
    row = {
        "id": 737074389731770728,
        "orderId": int(ORDER_ID),
        "symbol": "BTCUSDT",
        "buyer": False,
        "commission": "0.02400",
        "commissionAsset": "USDT",
        "maker": True,
        "price": "60000.1",
        "qty": "0.0020",
        "quoteQty": "120.0002",
        "realizedPnl": "0",
        "side": "SELL",
        "positionSide": "SHORT",
        "time": AT,
    }
    return row | changes


def income(**changes: Any) -> Body:
    row = {
        "billId": "793622764958253481",
        "asset": "USDT",
        "symbol": "BTCUSDT",
        "income": "0.00000378",
        "incomeType": "position_funding",
        "balance": "29.36239410",
        "fillFee": "0",
        "time": "1789214411964",
        "transferReason": "UNKNOWN_TRANSFER_REASON",
    }
    return row | changes


def incomes(*rows: Body, more: bool = False) -> Body:
    return {"hasNextPage": more, "nextKey": None, "items": list(rows)}


def pair(**changes: Any) -> Body:
    row = {
        "symbol": "BTCUSDT",
        "status": "TRADING",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "tickSize": "0.01",
        "stepSize": "0.00001",
        "minTradeAmount": "0.0001",
        "maxTradeAmount": "99999",
        "takerFeeRate": "0.001",
        "makerFeeRate": "0.001",
        "enableTrade": True,
        "enableDisplay": True,
    }
    return row | changes


def premium(**changes: Any) -> Body:
    row = {
        "symbol": "BTCUSDT",
        "markPrice": "60100.5",
        "indexPrice": "60099.1",
        "forecastFundingRate": "0.00003489",
        "lastFundingRate": "0.00004879",
        "interestRate": "0.001",
        "nextFundingTime": AT + HOUR_MS,
        "time": AT,
        "collectCycle": 480,
    }
    return row | changes


def answers() -> dict[tuple[str, str], Any]:
    """What the fake answers when nothing is wrong, by method and path."""
    best = {"bidPrice": "60000.1", "bidQty": "12.5", "askPrice": "60000.2", "askQty": "8.3"}
    contracts = [contract(), contract("ETHUSDT"), contract("1000PEPEUSDT", quantityPrecision="-1", contractVal="10")]
    spot = [{"asset": "USDT", "free": "45.5", "locked": "0"}, {"asset": "BTC", "free": "1.25", "locked": "0.25000001"}]
    return {
        ("GET", TIME): None,
        ("GET", RIGHTS): {"canTrade": True, "canDeposit": True, "canWithdraw": True, "dualSidePosition": True},
        ("GET", LISTING): {"assets": [{"asset": "USDT", "marginAvailable": True}], "symbols": contracts},
        ("GET", TRADABLE): ["BTCUSDT", "ETHUSDT", "1000PEPEUSDT"],
        ("GET", FEES): {"symbol": "BTCUSDT", "makerCommissionRate": "0.0002", "takerCommissionRate": "0.0008"},
        ("GET", SPOT_LISTING): {"symbols": [pair()]},
        ("GET", SPOT_ACCOUNT): {"balances": spot, "permissions": ["SPOT"], "uid": 8886281669},
        ("GET", BALANCE): [wallet()],
        ("GET", POSITIONS): [position()],
        ("GET", POSITION): [],
        ("GET", OPEN): [record()],
        ("GET", HISTORY): [],
        ("GET", CONFIG): [config()],
        ("GET", FILLS): [],
        ("POST", INCOME): incomes(),
        ("POST", MODE): {"code": "200", "msg": "success", "requestTime": AT},
        ("POST", LEVERAGE): config(),
        ("GET", BOOK): [{"symbol": "BTCUSDT", **best, "time": AT}],
        ("GET", SPOT_BOOK): [{"symbol": "BTCUSDT", **best}],
        ("GET", PREMIUM): [premium()],
        ("POST", ORDER): _moving,
        ("DELETE", ORDER): _moving,
        ("GET", ORDER): _moving,
    }


def judge(fake: FakeVenue, seen: Seen) -> str | None:
    """The keys, the HMAC of the exact bytes, and a time that is at most thirty seconds away."""
    if "/market/" in seen.path or seen.path == SPOT_LISTING:
        return None
    stamp, where = seen.headers.get("ACCESS-TIMESTAMP", ""), seen.path
    if seen.query and not seen.body:
        where += f"?{seen.query}"
    payload = f"{stamp}{seen.method}{where}{seen.body}"
    signature = base64.b64encode(hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).digest()).decode()
    keys = (seen.headers.get("ACCESS-KEY"), seen.headers.get("ACCESS-PASSPHRASE"))
    if keys != (KEY, PASSPHRASE) or seen.headers.get("ACCESS-SIGN") != signature:
        return f"{seen.path}: wrong signature"
    young = abs(fake.clock_ms() - int(stamp)) <= 30_000
    return None if young or not fake.judges_age else f"{seen.path}: stamped {stamp}"


async def talk(fake: FakeVenue, connection: web.WebSocketResponse, text: str) -> None:
    """Every subscription is granted; a pong is only noted."""
    asked = json.loads(text)
    if asked["method"] == "PONG":
        fake.subscriptions.append(["PONG"])
        fake.asked.set()
        return
    fake.subscriptions.append(asked["params"])
    await connection.send_json({"result": True, "id": asked["id"]})


def live(fake: FakeVenue, seen: Seen) -> Any:
    """What no body can hold: the time."""
    return {"serverTime": fake.clock_ms()} if seen.path == TIME else None


async def _moving(_request: web.Request, seen: Seen) -> web.StreamResponse:
    return web.json_response(echo_of(seen))


def echo_of(seen: Seen) -> Any:
    """What the venue answers to a request that its answer repeats; None for any other."""
    done = {"success": True, "errorCode": "", "errorMessage": ""}
    match seen.method, seen.path:
        case "POST", path if path == ORDER:
            return {"orderId": ORDER_ID, "clientOrderId": seen.params["newClientOrderId"], **done}
        case "DELETE", path if path == ORDER:
            return {"orderId": ORDER_ID, "origClientOrderId": seen.params["origClientOrderId"], **done}
        case "GET", path if path == ORDER:
            return record(orderId=int(seen.params["orderId"]))
        case _:
            return None


def good(seen: Seen) -> Any:
    """The venue's answer to a request when nothing is wrong."""
    return echo_of(seen) or deepcopy(answers()[seen.method, seen.path])


def fake() -> FakeVenue:
    """A new WEEX."""
    return FakeVenue(
        answers=answers(),
        judge=judge,
        talk=talk,
        live=live,
        good=good,
        denial=(401, refusal(-1047, "API authentication failed.")),
    )


STAND = Stand(
    venue="weex",
    credentials=Credentials(api_key=KEY, secret=SECRET, passphrase=PASSPHRASE),
    contract=BTC,
    quantity=Decimal("0.0020"),
    price=Decimal("60000.1"),
    fake=fake,
    routes={
        "create": Route("POST", ORDER, 1),
        "cancel": Route("DELETE", ORDER, 1),
        # A reading of the account asks the same address for what is open.
        "find": Route("GET", OPEN, 12),
        "account": Route("GET", BALANCE, 9),
    },
    more_symbols=(PAIR.symbol,),
    denials=(
        ("a time in force", 400, refusal(-1115, "Invalid timeInForce."), "invalid_order"),
        ("a type", 400, refusal(-1116, "Invalid order type."), "invalid_order"),
        ("a symbol", 400, refusal(-1121, "Invalid symbol."), "invalid_order"),
        ("a digit too many", 400, refusal(-1160, "Decimal precision error."), "invalid_order"),
        ("too much", 400, refusal(-3007, "Maximum contract order quantity exceeded."), "invalid_order"),
        ("under 200", 200, unsuccessful("-1140", "Parameter validation failed."), "invalid_order"),
        ("a code as text", 400, {"code": "-1142", "msg": "Parameter is invalid."}, "invalid_order"),
        (
            "margin",
            400,
            refusal(-1054, "FAILED_PRECONDITION: Move margin available amount not enough."),
            "insufficient_margin",
        ),
        ("the clock", 400, refusal(-1046, "Request timestamp expired."), "clock"),
        ("the clock, undocumented", 400, refusal(-1021, "Timestamp for this request is outside"), "clock"),
        ("the signature", 401, refusal(-1047, "API authentication failed."), "not_authorised"),
        ("the passphrase", 401, refusal(-1049, "API key or passphrase incorrect."), "not_authorised"),
        ("the address", 403, refusal(-1056, "Invalid IP address."), "not_authorised"),
        ("not by API", 400, refusal(-1058, "No permission for this trading pair."), "restricted"),
        ("too fast", 429, refusal(-1003, "Too many requests"), "rate_limited"),
        ("too fast, under 400", 400, refusal(-1003, "Too many requests"), "rate_limited"),
        ("a system error", 400, refusal(-1054, "System error, please retry later."), None),
        ("an unknown error", 400, refusal(-1000, "An unknown error occurred."), None),
        ("a duplicate id", 400, refusal(-1145, "clientOid already exists"), None),
        ("no code", 200, unsuccessful("", "something"), None),
        ("a word for a code", 200, unsuccessful("FAILED_SOMETHING", "something"), None),
        ("a code that nobody knows", 400, refusal(-987654, "?"), None),
        ("the right code under a server's failure", 500, refusal(-1140, "?"), None),
    ),
    outcomes={
        # Two whole lists without an order say that there is none.
        "an empty list": {"find": "none"},
        # What these bytes do to an object leaves it JSON; a list is none afterwards.
        "bytes that are no text": {"find": "ask again", "account": "ask again"},
    },
    # Published for an account, as far as it is higher than for an address; where neither is given it is 1.
    weights={
        ORDER: 5,
        OPEN: 3,
        HISTORY: 10,
        BALANCE: 10,
        POSITIONS: 15,
        POSITION: 3,
        CONFIG: 10,
        FEES: 10,
        INCOME: 5,
        FILLS: 5,
        SPOT_LISTING: 20,
        SPOT_BOOK: 4,
        SPOT_ACCOUNT: 5,
    },
)
