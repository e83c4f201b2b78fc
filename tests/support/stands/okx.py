"""OKX before its tests: a small account in the futures mode, and the real check of its signatures.

Bodies have the fields of the venue's documentation (June 2026) and of the payloads in ccxt's source; the numbers are
made up.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from aiohttp import web

from hedger.model.instrument import InstrumentId
from hedger.model.spans import HOUR_MS
from hedger.venues.client import Credentials
from tests.support.stand import Route, Stand
from tests.support.wire_server import KEY, SECRET, FakeVenue, Seen
from tests.support.wire_venue import Desk, WireClock, opened

PASSPHRASE = "canary-phrase-47c0e1"
BTC = InstrumentId("main", "BTC/USDT:USDT")
INVERSE = InstrumentId("main", "BTC/USD:BTC")
SPOT = InstrumentId("main", "BTC/USDT")
AT = 1_790_000_000_000
API = "/api/v5"
CREATE, CANCEL, ORDER = f"{API}/trade/order", f"{API}/trade/cancel-order", f"{API}/trade/order"
SWITCH, POSITIONS, RISK = (
    f"{API}/trade/cancel-all-after",
    f"{API}/account/positions",
    f"{API}/account/account-position-risk",
)
BALANCE, CONFIG, LEVERAGE = f"{API}/account/balance", f"{API}/account/config", f"{API}/account/leverage-info"
PENDING, HISTORY = f"{API}/trade/orders-pending", f"{API}/trade/orders-history"
FILLS, OLD_FILLS = f"{API}/trade/fills", f"{API}/trade/fills-history"
BILLS, OLD_BILLS = f"{API}/account/bills", f"{API}/account/bills-archive"
INSTRUMENTS, FEES, TIME = f"{API}/public/instruments", f"{API}/account/trade-fee", f"{API}/public/time"
PRIVATE = (f"{API}/account/", f"{API}/trade/", f"{API}/asset/")


def told(*rows: Any) -> dict[str, Any]:
    """A good answer."""
    return {"code": "0", "msg": "", "data": list(rows)}


def failed(code: str, outer: str = "1", **row: Any) -> dict[str, Any]:
    """A refusal as it comes under HTTP 200: the code stands in the row."""
    inner = {"clOrdId": "", "ordId": "", "sCode": code, "sMsg": "refused", "subCode": "", "tag": "", "ts": str(AT)}
    return {"code": outer, "msg": "All operations failed", "data": [inner | row]}


def refused(code: str, message: str = "refused") -> dict[str, Any]:
    """A refusal whose code stands outside."""
    return {"code": code, "msg": message, "data": []}


def swap(name: str = "BTC-USDT", **changes: Any) -> dict[str, Any]:
    """A row of the listing, as recorded: 0.01 BTC, or 100 USD, a contract."""
    base, quote = name.split("-")
    linear = quote != "USD"
    return {
        "alias": "", "baseCcy": "", "category": "1", "contTdSwTime": "", "ctMult": "1",
        "ctType": "linear" if linear else "inverse", "ctVal": "0.01" if linear else "100",
        "ctValCcy": base if linear else "USD", "expTime": "", "groupId": "2" if linear else "1",
        "instFamily": name, "instId": f"{name}-SWAP", "instIdCode": 10459, "instType": "SWAP", "lever": "100",
        "listTime": "1573557408000", "lotSz": "0.01" if linear else "1", "maxLmtSz": "100000000", "maxMktSz": "12000",
        "minSz": "0.01" if linear else "1", "optType": "", "quoteCcy": "", "ruleType": "normal",
        "settleCcy": quote if linear else base, "state": "live", "stk": "", "tickSz": "0.1", "uly": name,
    } | changes  # fmt: skip


def future(day: str = "271231", at: int = 1_830_240_000_000, name: str = "BTC-USDT", **changes: Any) -> dict[str, Any]:
    """A dated contract on the same pair."""
    row = {"instType": "FUTURES", "instId": f"{name}-{day}", "expTime": str(at), "alias": "quarter"}
    return swap(name) | row | changes


def option(name: str = "BTC-USD-271231-92000-C", **changes: Any) -> dict[str, Any]:
    """A row of the listing of options, as recorded: a hundredth of a coin a contract."""
    return {
        "alias": "", "baseCcy": "", "category": "1", "ctMult": "0.01", "ctType": "", "ctVal": "1", "ctValCcy": "BTC",
        "expTime": "1830240000000", "instFamily": "BTC-USD", "instId": name, "instType": "OPTION", "lever": "",
        "listTime": "1734165000000", "lotSz": "1", "maxLmtSz": "1000000", "minSz": "1", "optType": name[-1],
        "quoteCcy": "", "ruleType": "normal", "settleCcy": "BTC", "state": "live", "stk": name.split("-")[3],
        "tickSz": "0.0001", "uly": "BTC-USD",
    } | changes  # fmt: skip


def spot(name: str = "BTC-USDT", **changes: Any) -> dict[str, Any]:
    """A row of the spot listing, as documented."""
    base, quote = name.split("-")
    return {
        "alias": "", "baseCcy": base, "category": "1", "ctMult": "", "ctType": "", "ctVal": "", "ctValCcy": "",
        "expTime": "", "groupId": "1", "instFamily": "", "instId": name, "instType": "SPOT", "lever": "10",
        "listTime": "1606468572000", "lotSz": "0.00000001", "maxLmtSz": "9999999999", "maxMktSz": "",
        "minSz": "0.00001", "optType": "", "quoteCcy": quote, "ruleType": "normal", "settleCcy": "", "state": "live",
        "stk": "", "tickSz": "0.1", "uly": "",
    } | changes  # fmt: skip


def position(name: str = "BTC-USDT-SWAP", contracts: str = "-50", **changes: Any) -> dict[str, Any]:
    """A row of the list of positions."""
    return {
        "adl": "1", "availPos": "", "avgPx": "60000", "cTime": str(AT), "ccy": "USDT", "deltaBS": "", "deltaPA": "",
        "fee": "-6", "fundingFee": "0", "gammaBS": "", "gammaPA": "", "idxPx": "60099.1", "imr": "300.5",
        "instId": name, "instType": "SWAP", "interest": "", "last": "60100.4", "lever": "3", "liab": "", "liabCcy": "",
        "liqPx": "90000.1", "margin": "", "markPx": "60100.5", "mgnMode": "cross", "mgnRatio": "8.33", "mmr": "120.2",
        "notionalUsd": "30050.25", "optVal": "", "pos": contracts, "posCcy": "", "posId": "1752810569801498626",
        "posSide": "net", "thetaBS": "", "thetaPA": "", "tradeId": "98617799", "uTime": str(AT), "upl": "-50.25",
        "uplRatio": "-0.005", "usdPx": "1", "vegaBS": "", "vegaPA": "",
    } | changes  # fmt: skip


def at_risk(*positions: dict[str, Any], balances: dict[str, str] | None = None) -> dict[str, Any]:
    """The second list, of the same positions."""
    held = balances if balances is not None else {"BTC": "1.5", "USDT": "1002"}
    names = ("ccy", "instId", "instType", "mgnMode", "notionalUsd", "pos", "posCcy", "posId", "posSide")
    rows = [
        {name: row[name] for name in names} | {"baseBal": "", "quoteBal": "", "notionalCcy": ""} for row in positions
    ]
    coins = [{"ccy": coin, "disEq": "0", "eq": eq} for coin, eq in held.items()]
    return {"adjEq": "", "balData": coins, "posData": rows, "ts": str(AT)}


def coin(name: str, amount: str, dollars: str = "", **changes: Any) -> dict[str, Any]:
    """A coin of the trading account."""
    return {
        "availBal": amount, "availEq": amount, "borrowFroz": "", "cashBal": amount, "ccy": name, "crossLiab": "",
        "disEq": dollars, "eq": amount, "eqUsd": dollars or amount, "fixedBal": "0", "frozenBal": "0", "imr": "0",
        "interest": "", "isoEq": "0", "isoLiab": "", "isoUpl": "0", "liab": "", "maxLoan": "", "mgnRatio": "",
        "mmr": "0", "notionalLever": "0", "ordFrozen": "0", "rewardBal": "0", "spotIsoBal": "0", "stgyEq": "0",
        "twap": "0", "uTime": str(AT), "upl": "0", "uplLiab": "",
    } | changes  # fmt: skip


def balance(*coins: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The trading account in the futures mode: what stands at the top is empty but for the whole."""
    held = coins or (
        coin("USDT", "1052.25", eq="1002", eqUsd="1002", availEq="692", imr="300.5", mmr="120.2", upl="-50.25"),
        coin("BTC", "1.5", "90148.65"),
    )
    total = sum(Decimal(row["eqUsd"]) for row in held)
    return {
        "adjEq": "", "availEq": "", "borrowFroz": "", "details": list(held), "imr": "", "isoEq": "0", "mgnRatio": "",
        "mmr": "", "notionalUsd": "", "notionalUsdForBorrow": "", "notionalUsdForFutures": "",
        "notionalUsdForOption": "", "notionalUsdForSwap": "", "ordFroz": "", "totalEq": str(total), "uTime": str(AT),
        "upl": "",
    } | changes  # fmt: skip


def calm() -> dict[str, Any]:
    """The trading account while nothing is held."""
    return balance(coin("USDT", "1002"), coin("BTC", "1.5", "90148.65"))


def config(**changes: Any) -> dict[str, Any]:
    """The account's modes, and what the keys may do."""
    return {
        "acctLv": "2", "acctStpMode": "cancel_maker", "autoLoan": False, "ctIsoMode": "automatic",
        "enableSpotBorrow": False, "greeksType": "PA", "ip": "203.0.113.7", "kycLv": "3", "label": "hedger",
        "level": "Lv1", "levelTmp": "", "liquidationGear": "-1", "mainUid": "44705892343619584",
        "mgnIsoMode": "automatic", "opAuth": "1", "perm": "read_only,trade", "posMode": "net_mode", "roleType": "0",
        "type": "0", "uid": "44705892343619584",
    } | changes  # fmt: skip


def order(**changes: Any) -> dict[str, Any]:
    """An order's record."""
    return {
        "accFillSz": "0", "algoClOrdId": "", "algoId": "", "attachAlgoOrds": [], "avgPx": "", "cTime": str(AT),
        "cancelSource": "", "cancelSourceReason": "", "category": "normal", "ccy": "USDT", "clOrdId": "h1", "fee": "0",
        "feeCcy": "USDT", "fillPx": "", "fillSz": "0", "fillTime": "", "instId": "BTC-USDT-SWAP", "instType": "SWAP",
        "isTpLimit": "false", "lever": "3", "linkedAlgoOrd": {"algoId": ""}, "ordId": "2497956918703120600",
        "ordType": "post_only", "pnl": "0", "posSide": "net", "px": "60000.1", "rebate": "0", "rebateCcy": "USDT",
        "reduceOnly": "false", "side": "sell", "source": "", "state": "live", "stpMode": "cancel_maker", "sz": "2",
        "tag": "", "tdMode": "cross", "tgtCcy": "", "tradeId": "", "uTime": str(AT + 1),
    } | changes  # fmt: skip


def fill(bill: int, **changes: Any) -> dict[str, Any]:
    """An execution in the list; OKX tells fees that are paid below zero."""
    return {
        "billId": str(bill), "clOrdId": "h1", "execType": "M", "fee": "-0.024", "feeCcy": "USDT", "fillPx": "60000.1",
        "fillPnl": "0", "fillSz": "2", "fillTime": str(AT + bill), "instId": "BTC-USDT-SWAP", "instType": "SWAP",
        "ordId": "2497956918703120600", "posSide": "net", "side": "sell", "subType": "2", "tag": "",
        "tradeId": str(1_000 + bill), "ts": str(AT + bill + 1),
    } | changes  # fmt: skip


def bill(id: int, **changes: Any) -> dict[str, Any]:
    """A payment of funding, as recorded."""
    return {
        "bal": "1000", "balChg": "-0.375", "billId": str(id), "ccy": "USDT", "execType": "", "fee": "0", "from": "",
        "instId": "BTC-USDT-SWAP", "instType": "SWAP", "interest": "0", "mgnMode": "cross", "notes": "", "ordId": "",
        "pnl": "-0.375", "posBal": "0", "posBalChg": "0", "px": "60000", "subType": "173", "sz": "50", "tag": "",
        "to": "", "ts": str(AT + id), "type": "8",
    } | changes  # fmt: skip


def acknowledged(seen: Seen, **changes: Any) -> dict[str, Any]:
    """The row that a create or a cancel is answered with."""
    return {
        "clOrdId": seen.params["clOrdId"], "ordId": "2497956918703120600", "tag": "", "ts": str(AT), "sCode": "0",
        "sMsg": "", "subCode": "",
    } | changes  # fmt: skip


def countdown(seen: Seen) -> dict[str, Any]:
    """A countdown that ends when it was asked to."""
    seconds, now = int(seen.params["timeOut"]), AT // 1000
    return {"triggerTime": str(now + seconds if seconds else 0), "tag": "", "ts": str(now)}


def listed(seen: Seen) -> dict[str, Any]:
    """The listing that was asked for."""
    kind, name = seen.params["instType"], seen.params.get("instId")
    rows: dict[str, list[dict[str, Any]]] = {
        "SWAP": [swap(), swap("BTC-USD"), swap("ETH-USDT", ctVal="0.1")],
        "FUTURES": [future()],
        "SPOT": [spot()],
        "OPTION": [option(), option("BTC-USD-271231-92000-P")],
    }
    return told(*(row for row in rows[kind] if name in (None, row["instId"])))


def fees(seen: Seen) -> dict[str, Any]:
    """Fees by groups; the old fields beside them are of others."""
    groups = [
        {"groupId": "1", "maker": "-0.0002", "taker": "-0.0005"},
        {"groupId": "2", "maker": "-0.00015", "taker": "-0.0004"},
    ]
    row = {
        "category": "1", "delivery": "", "exercise": "", "feeGroup": groups, "fiat": [], "level": "Lv1",
        "instType": seen.params["instType"], "maker": "-0.9", "taker": "-0.9", "makerU": "", "takerU": "",
        "makerUSDC": "", "takerUSDC": "", "ruleType": "normal", "ts": str(AT),
    }  # fmt: skip
    return told(row)


def leverages(seen: Seen, lever: str = "3") -> dict[str, Any]:
    """The leverage of each contract that was asked about."""
    names = seen.params["instId"].split(",")
    mode = seen.params["mgnMode"]
    return told(*({"ccy": "", "instId": name, "lever": lever, "mgnMode": mode, "posSide": "net"} for name in names))


def funding(seen: Seen) -> dict[str, Any]:
    """Funding, as documented: every eight hours."""
    row = {
        "formulaType": "noRate", "fundingRate": "0.00038246", "fundingTime": str(AT + HOUR_MS), "instType": "SWAP",
        "instId": seen.params["instId"], "method": "current_period", "nextFundingRate": "",
        "nextFundingTime": str(AT + 9 * HOUR_MS), "settFundingRate": "0.0001", "settState": "settled", "ts": str(AT),
    }  # fmt: skip
    return told(row)


def good(seen: Seen) -> Any:
    """What the venue answers to a request when nothing is wrong."""
    match seen.method, seen.path.removeprefix(API):
        case "POST", "/trade/order" | "/trade/cancel-order":
            return told(acknowledged(seen))
        case "GET", "/trade/order":
            return told(order(clOrdId=seen.params["clOrdId"], instId=seen.params["instId"]))
        case "POST", "/trade/cancel-all-after":
            return told(countdown(seen))
        case "GET", "/public/instruments":
            return listed(seen)
        case "GET", "/account/trade-fee":
            return fees(seen)
        case "GET", "/account/leverage-info":
            return leverages(seen)
        case "GET", "/public/funding-rate":
            return funding(seen)
        case "GET", "/public/mark-price":
            return told({"instType": "SWAP", "instId": seen.params["instId"], "markPx": "60100.5", "ts": str(AT)})
        case "GET", "/market/index-tickers":
            return told({"instId": seen.params["instId"], "idxPx": "60099.1", "high24h": "61000", "ts": str(AT)})
        case "GET", "/market/ticker":
            prices = {"bidPx": "60000.1", "bidSz": "150", "askPx": "60000.2", "askSz": "200"}
            return told({"instId": seen.params["instId"], "last": "60000.1", "ts": str(AT), **prices})
        case "POST", "/account/set-leverage" | "/account/set-position-mode" | "/asset/transfer":
            return told({**seen.params, "transId": "754147"})
        case _:
            return STILL[seen.method, seen.path]


STILL: dict[tuple[str, str], Any] = {
    ("GET", TIME): told({"ts": str(AT)}),
    ("GET", CONFIG): told(config()),
    ("GET", BALANCE): told(balance()),
    ("GET", POSITIONS): told(position()),
    ("GET", RISK): told(at_risk(position())),
    ("GET", PENDING): told(),
    ("GET", HISTORY): told(),
    ("GET", FILLS): told(fill(1)),
    ("GET", OLD_FILLS): told(fill(1)),
    ("GET", BILLS): told(bill(1)),
    ("GET", OLD_BILLS): told(bill(1)),
}
PATHS = (
    ("POST", CREATE), ("POST", CANCEL), ("GET", ORDER), ("POST", SWITCH), ("GET", INSTRUMENTS), ("GET", FEES),
    ("GET", LEVERAGE), ("GET", f"{API}/public/funding-rate"), ("GET", f"{API}/public/mark-price"),
    ("GET", f"{API}/market/index-tickers"), ("GET", f"{API}/market/ticker"), ("POST", f"{API}/account/set-leverage"),
    ("POST", f"{API}/account/set-position-mode"), ("POST", f"{API}/asset/transfer"),
)  # fmt: skip


async def answer_well(_request: web.Request, seen: Seen) -> web.StreamResponse:
    """The good answer."""
    return web.json_response(good(seen))


def answering(made: Callable[[Seen], Any]) -> Any:
    """An answer that is made of the request."""

    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        return web.json_response(made(seen))

    return answer


def sign(text: str) -> str:
    """The venue's signature of a text."""
    return base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()).decode()


def judge(fake: FakeVenue, seen: Seen, *, demo: bool = False) -> str | None:
    """The keys, the signature of the exact bytes, the time within thirty seconds, and the header of demo trading."""
    if (seen.headers.get("x-simulated-trading") == "1") != demo:
        return f"{seen.path}: the header of demo trading does not fit the environment"
    if not seen.path.startswith(PRIVATE):
        return None
    stamp = seen.headers.get("OK-ACCESS-TIMESTAMP", "")
    query = f"?{seen.query}" if seen.method == "GET" and seen.query else ""
    keys = (seen.headers.get("OK-ACCESS-KEY"), seen.headers.get("OK-ACCESS-PASSPHRASE"))
    signed = sign(f"{stamp}{seen.method}{seen.path}{query}{seen.body}")
    if keys != (KEY, PASSPHRASE) or seen.headers.get("OK-ACCESS-SIGN") != signed:
        return f"{seen.path}: wrong signature"
    age = fake.clock_ms() - datetime.fromisoformat(stamp).timestamp() * 1000
    return f"{seen.path}: {age} ms old" if fake.judges_age and not -30_000 <= age <= 30_000 else None


def live(fake: FakeVenue, seen: Seen) -> Any:
    """The time, which no body can hold."""
    return told({"ts": str(fake.clock_ms())}) if seen.path == TIME else None


async def talk(fake: FakeVenue, connection: web.WebSocketResponse, text: str) -> None:
    """A ping is answered, a login judged, and every subscription granted."""
    if text == "ping":
        await connection.send_str("pong")
        return
    asked = json.loads(text)
    fake.subscriptions.append(asked["args"])
    if asked["op"] == "login":
        keys = asked["args"][0]
        right = sign(f"{keys['timestamp']}GET/users/self/verify") == keys["sign"] and keys["passphrase"] == PASSPHRASE
        wrong = {"event": "error", "code": "60009", "msg": "Login failed.", "connId": "a4d3ae55"}
        await connection.send_json({"event": "login", "code": "0", "msg": "", "connId": "a4d3ae55"} if right else wrong)
        return
    for topic in asked["args"]:
        await connection.send_json({"event": "subscribe", "arg": topic, "connId": "a4d3ae55"})


def fake_okx(*, demo: bool = False) -> FakeVenue:
    """The venue; in demo trading it asks for the header, and otherwise allows none."""
    return FakeVenue(
        answers=dict.fromkeys(PATHS, answer_well) | STILL,
        judge=partial(judge, demo=demo),
        talk=talk,
        live=live,
        good=good,
        denial=(401, refused("50113", "Invalid Sign")),
    )


STAND = Stand(
    venue="okx",
    credentials=Credentials(api_key=KEY, secret=SECRET, passphrase=PASSPHRASE),
    contract=BTC,
    quantity=Decimal("0.02"),
    price=Decimal("60000.1"),
    fake=fake_okx,
    routes={
        "create": Route("POST", CREATE, 1),
        "cancel": Route("POST", CANCEL, 1),
        "find": Route("GET", ORDER, 3),
        "account": Route("GET", POSITIONS, 9),
        "switch": Route("POST", SWITCH, 1),
    },
    denials=(
        ("margin", 200, failed("51008"), "insufficient_margin"),
        ("margin, with a sub-code", 200, failed("51008_1000"), "insufficient_margin"),
        ("another margin", 200, failed("51119"), "insufficient_margin"),
        ("nothing to reduce", 200, failed("51169"), "reduce_only_nothing_to_reduce"),
        ("the wrong way to reduce", 200, failed("51170"), "reduce_only_nothing_to_reduce"),
        ("a lot", 200, failed("51121"), "invalid_order"),
        ("a price out of its limits", 200, failed("51137"), "invalid_order"),
        ("a parameter", 400, refused("51000"), "invalid_order"),
        ("a symbol", 200, failed("51001"), "invalid_order"),
        ("the account mode", 200, failed("51010"), "restricted"),
        ("delivering", 200, failed("51028"), "unavailable"),
        ("deleveraging", 200, refused("50017"), "unavailable"),
        ("too many", 200, refused("50011"), "rate_limited"),
        ("too many orders", 200, failed("50061"), "rate_limited"),
        ("the time", 401, refused("50102"), "clock"),
        ("after its time-to-live", 200, refused("50036"), "clock"),
        ("the signature", 401, refused("50113"), "not_authorised"),
        ("the address", 401, refused("50110"), "not_authorised"),
        ("a duplicate id", 200, failed("51016"), None),
        ("an id that exists", 200, refused("50071"), None),
        ("timed out", 500, refused("51149"), None),
        ("timed out, under 200", 200, failed("51149"), None),
        ("the backend", 400, refused("50004"), None),
        ("expired", 200, failed("50037"), None),
        ("busy, under 429", 429, refused("50013"), None),
        ("a code that nobody knows", 200, failed("59876"), None),
        ("a number as a code", 200, {"code": 51008, "msg": "", "data": []}, None),
        ("two rows for one order", 200, {"code": "1", "msg": "", "data": failed("51008")["data"] * 2}, None),
        ("the right code under a server's failure", 500, failed("51008"), None),
    ),
)


def hurried(symbols: Sequence[str] | None = None) -> AbstractAsyncContextManager[Desk]:
    """An open account whose clock runs two hundred times as fast: for tables of answers that are asked for again."""
    fake = fake_okx()
    fake.judges_age = False
    return opened(symbols, stand=STAND, clock=WireClock(speed=200), fake=fake)
