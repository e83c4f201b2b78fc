"""Deribit before its tests: bodies recorded in ccxt's comments and in the venue's documentation, made to fit together.

`delta_total`, margins and sizes of the account are from the documentation's example of `private/get_account_summaries`;
what is marked `synthetic` is ours.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from hedger.model.instrument import InstrumentId
from hedger.venues.client import Credentials
from tests.support.stand import OUR_ID, Route, Stand
from tests.support.wire_server import FakeVenue, Seen

KEY, SECRET = "canary-id-81ab3f", "canary-secret-7c02e9d4"
AT = 1_790_000_000_000
PERPETUAL, DATED, LINEAR, PAIR = "BTC/USD:BTC", "BTC/USD:BTC-270326", "BTC/USDC:USDC", "BTC/USDC"
API = "/api/v2/"
SIGNED = API + "private/"
WINDOW_MS = 60_000
_HEADER = re.compile(r"deri-hmac-sha256 id=([^,]+),ts=(\d+),sig=([0-9a-f]{64}),nonce=(\d+)")


def path(method: str) -> tuple[str, str]:
    """Where a method is asked for."""
    return "GET", API + method


def told(result: Any) -> dict[str, Any]:
    """A JSON-RPC answer."""
    envelope = {"jsonrpc": "2.0", "usIn": 1_583_775_838_115_975, "usOut": 1_583_775_838_116_520, "usDiff": 545}
    return {**envelope, "testnet": False, "result": result}


def error(code: int, message: str = "refused", **data: str) -> dict[str, Any]:
    """A JSON-RPC refusal, as the documentation has it."""
    refused = {"message": message, "code": code} | ({"data": data} if data else {})
    return {"jsonrpc": "2.0", "error": refused, "testnet": False, "usIn": 1, "usOut": 2, "usDiff": 1}


def future(name: str, **changes: Any) -> dict[str, Any]:
    """A row of `public/get_instruments`, recorded of BTC-PERPETUAL."""
    return {
        "tick_size": 0.5,
        "tick_size_steps": [],
        "taker_commission": 0.0005,
        "settlement_period": "perpetual",
        "settlement_currency": "BTC",
        "quote_currency": "USD",
        "min_trade_amount": 10.0,
        "max_liquidation_commission": 0.0075,
        "max_leverage": 50,
        "maker_commission": 0.0,
        "kind": "future",
        "is_active": True,
        "state": "open",
        "instrument_name": name,
        "future_type": "reversed",
        "expiration_timestamp": 32503708800000,
        "creation_timestamp": 1534242287000,
        "counter_currency": "USD",
        "contract_size": 10.0,
        "block_trade_commission": 0.0001,
        "base_currency": "BTC",
        "price_index": "btc_usd",
    } | changes


def dated(name: str = "BTC-26MAR27", at: int = 1_806_048_000_000, **changes: Any) -> dict[str, Any]:
    """A dated future: synthetic name and day."""
    return future(name, settlement_period="month", expiration_timestamp=at) | changes


def linear(name: str = "BTC_USDC-PERPETUAL", **changes: Any) -> dict[str, Any]:
    """A USDC perpetual: synthetic after the documentation's."""
    usdc = {
        "price_index": "btc_usdc",
        "settlement_currency": "USDC",
        "counter_currency": "USDC",
        "quote_currency": "USDC",
    }
    sizes = {"contract_size": 0.0001, "min_trade_amount": 0.0001, "tick_size": 0.1, "future_type": "linear"}
    return future(name) | usdc | sizes | changes


def pair(name: str = "BTC_USDC", **changes: Any) -> dict[str, Any]:
    """A pair: synthetic."""
    row = linear(name, kind="spot", settlement_period=None, tick_size=0.01, contract_size=1)
    del row["settlement_currency"]
    return row | changes


def summary(currency: str = "BTC", **changes: Any) -> dict[str, Any]:
    """The documentation's example of a currency: 302.60 coins, a future's profit, a session's loss, a sold option."""
    return {
        "currency": currency,
        "delta_total_map": {"btc_usd": 31.594357699},
        "margin_balance": 302.62729214,
        "futures_session_rpl": -0.03258105,
        "options_session_rpl": 0,
        "session_upl": 0.05271555,
        "options_vega": 0.0858,
        "options_value": -0.0086,
        "available_withdrawal_funds": 301.35396172,
        "projected_delta_total": 32.613978,
        "maintenance_margin": 0.8857841,
        "total_pl": -0.33084225,
        "available_funds": 301.38059622,
        "options_delta": -1.01962,
        "balance": 302.60065765,
        "equity": 302.61869214,
        "futures_session_upl": 0.05921555,
        "fee_balance": 0,
        "options_session_upl": -0.0065,
        "options_theta": 15.97071,
        "portfolio_margining_enabled": False,
        "cross_collateral_enabled": False,
        "margin_model": "segregated_sm",
        "futures_pl": -0.32434225,
        "options_pl": -0.0065,
        "initial_margin": 1.24669592,
        "spot_reserve": 0,
        "delta_total": 31.602958,
        "options_gamma": 0.00001,
        "session_rpl": -0.03258105,
    } | changes


def empty(currency: str, **changes: Any) -> dict[str, Any]:
    """A currency in which nothing happens."""
    numbers = {name: 0 for name, value in summary().items() if isinstance(value, int | float) and value is not False}
    return summary(currency) | numbers | {"delta_total_map": {}} | changes


def usdc(**changes: Any) -> dict[str, Any]:
    """Money: synthetic."""
    return empty("USDC", balance=5000.5, equity=5000.5, margin_balance=5000.5, available_funds=5000.5) | changes


def summaries(*rows: dict[str, Any]) -> dict[str, Any]:
    return told({"id": 10, "username": "user", "summaries": list(rows or (summary(), empty("ETH"), usdc()))})


def position(name: str = "BTC-PERPETUAL", size: Any = 1_630_698.9, **changes: Any) -> dict[str, Any]:
    """A row of `private/get_positions` in the recorded form: 32.613978 coins at 50,000, the delta of the summary."""
    coins = round(float(size) / 50_000, 9) if "USDC" not in name else size
    return {
        "average_price": 49_000.5,
        "delta": coins,
        "direction": "buy" if float(size) > 0 else "sell" if float(size) < 0 else "zero",
        "estimated_liquidation_price": 4_000.74,
        "floating_profit_loss": 0.05921555,
        "index_price": 49_990.79,
        "initial_margin": 0.000197283,
        "instrument_name": name,
        "kind": "future",
        "leverage": 34,
        "maintenance_margin": 0.000143783,
        "mark_price": 50_000,
        "open_orders_margin": 0.000197288,
        "realized_funding": -1e-8,
        "realized_profit_loss": -9e-9,
        "settlement_price": 49_900.65,
        "size": size,
        "size_currency": coins,
        "total_profit_loss": 0.000032781,
    } | changes


def flat(name: str) -> dict[str, Any]:
    """The recorded answer about a contract of which nothing is held."""
    nothing = dict.fromkeys(("average_price", "delta", "estimated_liquidation_price", "size", "size_currency"), 0)
    return position(name, 0, direction="buy") | nothing


def option(name: str = "BTC-26MAR27-40000-C", size: Any = -1.6, **changes: Any) -> dict[str, Any]:
    """An option held, in the form of the documentation, with the delta of the summary: synthetic numbers."""
    return {
        "average_price": 0.2,
        "average_price_usd": 9_000,
        "delta": -1.01962,
        "direction": "buy" if float(size) > 0 else "sell",
        "floating_profit_loss": -0.0065,
        "floating_profit_loss_usd": -300,
        "gamma": -0.00001,
        "index_price": 49_990.79,
        "initial_margin": 0.3,
        "instrument_name": name,
        "kind": "option",
        "maintenance_margin": 0.2,
        "mark_price": 0.2168,
        "realized_profit_loss": 0,
        "settlement_price": 0.21,
        "size": size,
        "theta": 15.97071,
        "total_profit_loss": -0.0065,
        "vega": -0.0858,
    } | changes


def book_summary(name: str = "BTC-26MAR27-40000-C", **changes: Any) -> dict[str, Any]:
    """A recorded row of `public/get_book_summary_by_currency`, with the mark_iv that newer answers have."""
    return {
        "mid_price": 0.4075,
        "volume_usd": 2836.83,
        "quote_currency": "BTC",
        "estimated_delivery_price": 49_990.79,
        "creation_timestamp": 1711101594477,
        "base_currency": "BTC",
        "underlying_index": "BTC-26MAR27",
        "underlying_price": 51_827.27,
        "mark_iv": 61.27,
        "interest_rate": 0.0,
        "open_interest": 364.1,
        "ask_price": 0.411,
        "bid_price": 0.404,
        "instrument_name": name,
        "mark_price": 0.40752052,
    } | changes


def order(**changes: Any) -> dict[str, Any]:
    """An order's record, recorded of ETH-PERPETUAL."""
    return {
        "time_in_force": "good_til_cancelled",
        "reduce_only": False,
        "profit_loss": 0,
        "price": 60000.5,
        "post_only": True,
        "reject_post_only": True,
        "order_type": "limit",
        "order_state": "open",
        "order_id": "46108941243",
        "max_show": 20,
        "last_update_timestamp": AT,
        "label": OUR_ID,
        "is_liquidation": False,
        "instrument_name": "BTC-PERPETUAL",
        "filled_amount": 0,
        "direction": "sell",
        "creation_timestamp": AT,
        "commission": 0,
        "average_price": 0,
        "api": True,
        "amount": 20,
    } | changes


def trade(number: int, **changes: Any) -> dict[str, Any]:
    """An execution, recorded of BTC-PERPETUAL."""
    return {
        "trade_seq": 149546319 + number,
        "trade_id": str(219381310 + number),
        "timestamp": AT + number,
        "tick_direction": 0,
        "state": "filled",
        "self_trade": False,
        "reduce_only": False,
        "profit_loss": 0,
        "price": 20236.5,
        "post_only": True,
        "order_type": "limit",
        "order_id": "46108941243",
        "matching_id": None,
        "mark_price": 20233.96,
        "liquidity": "M",
        "label": OUR_ID,
        "instrument_name": "BTC-PERPETUAL",
        "index_price": 20253.31,
        "fee_currency": "BTC",
        "fee": -2.5e-7,
        "direction": "buy",
        "amount": 10,
    } | changes


def trades(*rows: dict[str, Any], has_more: bool = False) -> dict[str, Any]:
    return told({"trades": list(rows), "has_more": has_more})


def settlement(at: int = AT, **changes: Any) -> dict[str, Any]:
    """A row of `private/get_settlement_history_by_instrument`, of the documentation."""
    return {
        "type": "settlement",
        "timestamp": at,
        "session_profit_loss": 0.001160788,
        "profit_loss": 0,
        "position": 1000,
        "mark_price": 11000,
        "instrument_name": "BTC-PERPETUAL",
        "index_price": 11008.37,
        "funding": -2.511e-06,
    } | changes


def ticker(name: str = "BTC-PERPETUAL", **changes: Any) -> dict[str, Any]:
    """A recorded answer of `public/ticker`."""
    return {
        "timestamp": 1583778859480,
        "stats": {"volume": 60627.57263769, "low": 7631.5, "high": 8311.5},
        "state": "open",
        "settlement_price": 7903.21,
        "open_interest": 111543850,
        "min_price": 7634,
        "max_price": 7866.51,
        "mark_price": 7750.02,
        "last_price": 7750.5,
        "instrument_name": name,
        "index_price": 7748.01,
        "funding_8h": 0.0000026,
        "current_funding": 0,
        "best_bid_price": 7750,
        "best_bid_amount": 19470,
        "best_ask_price": 7750.5,
        "best_ask_amount": 343280,
    } | changes


def rights(scope: str) -> dict[str, Any]:
    """The answer to a sign-in; its tokens are canaries."""
    tokens = {"access_token": "1686923272328.1CkwEx-u.canary-token", "refresh_token": "1686927372328.1EzFBRmt"}
    return told({**tokens, "scope": scope, "expires_in": 31536000, "token_type": "bearer"})


SCOPE = "account:read block_trade:none connection custody:none mainaccount name:hedger trade:read_write wallet:read"


def bodies() -> dict[tuple[str, str], Any]:
    """Answers for every question that the profile asks."""
    return {
        path("public/get_time"): told(AT),
        path("public/auth"): rights(SCOPE),
        path("public/get_currencies"): told([{"currency": name} for name in ("BTC", "ETH", "USDC")]),
        path("public/get_instruments"): by(
            "kind",
            future=told([future("BTC-PERPETUAL"), dated(), linear()]),
            spot=told([pair()]),
        ),
        path("public/ticker"): named(ticker),
        path("public/get_book_summary_by_currency"): told([book_summary(), book_summary("BTC-26MAR27-90000-P")]),
        path("public/get_tradingview_chart_data"): chart,
        path("public/get_funding_rate_history"): hours,
        path("private/get_account_summary"): fees,
        path("private/get_account_summaries"): summaries(),
        path("private/get_positions"): told([position(), option()]),
        path("private/get_position"): named(flat),
        path("private/get_open_orders"): told([]),
        path("private/buy"): partial(echo, "buy"),
        path("private/sell"): partial(echo, "sell"),
        path("private/cancel_by_label"): told(1),
        path("private/get_order_state_by_label"): told([order(filled_amount=10)]),
        path("private/get_order_history_by_instrument"): told([]),
        path("private/get_user_trades_by_instrument_and_time"): trades(trade(1)),
        path("private/get_settlement_history_by_instrument"): named(
            lambda name: {"settlements": [settlement(instrument_name=name)], "continuation": "none"}
        ),
    }


# --- answers that depend on the request -----------------------------------------------------------------------------


def by(parameter: str, **answers: Any) -> Any:
    """Another answer for each value of a parameter."""

    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        return web.json_response(answers[seen.params[parameter]])

    return answer


def named(row: Callable[[str], dict[str, Any]]) -> Any:
    """A row about the instrument that was asked for."""

    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        return web.json_response(told(row(seen.params["instrument_name"])))

    return answer


async def fees(_request: web.Request, seen: Seen) -> web.StreamResponse:
    """An extended summary: half of the listing's taker fee for perpetuals, a fee of its own for dated futures."""
    currency = seen.params["currency"]
    head = {"currency": currency}
    rows = [
        {**head, "instrument_type": "perpetual", "fee_type": "relative", "maker_fee": 1, "taker_fee": 0.5},
        {**head, "instrument_type": "future", "fee_type": "fixed", "maker_fee": -1e-4, "taker_fee": 4e-4},
        {"index_name": "btc_usd", "kind": "option", "value": {"default": {"type": "relative", "taker": 1}}},
    ]
    return web.json_response(told({"currency": currency, "fees": rows}))


async def echo(side: str, _request: web.Request, seen: Seen) -> web.StreamResponse:
    return web.json_response(echoed(side, seen.params))


def echoed(side: str, params: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The acknowledgement of the order that was sent."""
    record = order(
        instrument_name=params["instrument_name"],
        label=params["label"],
        direction=side,
        price=float(params["price"]),
        amount=float(params["amount"]),
        order_type=params["type"],
        reduce_only=params.get("reduce_only") == "true",
        post_only=params.get("post_only") == "true",
        reject_post_only=params.get("reject_post_only") == "true",
        last_update_timestamp=int(time.time() * 1000),
    )
    return told({"trades": [], "order": record | changes})


async def chart(_request: web.Request, seen: Seen) -> web.StreamResponse:
    """Whole bars between two moments, as many as fit."""
    resolution = seen.params["resolution"]
    length = 86_400_000 if resolution == "1D" else int(resolution) * 60_000
    start, end = int(seen.params["start_timestamp"]), int(seen.params["end_timestamp"])
    ticks = list(range(-(-start // length) * length, end + 1, length))
    columns = {"open": 7834, "low": 7832.5, "high": 7839.5, "close": 7833.5, "volume": 3.6680847969999992, "cost": 1}
    rows = {name: [value] * len(ticks) for name, value in columns.items()}
    return web.json_response(told({"ticks": ticks, "status": "ok", **rows}))


async def hours(_request: web.Request, seen: Seen) -> web.StreamResponse:
    """A rate for each full hour between two moments."""
    start, end, hour = int(seen.params["start_timestamp"]), int(seen.params["end_timestamp"]), 3_600_000
    row = {"index_price": 8222.87, "prev_index_price": 8305.72, "interest_1h": -4.739622041017375e-7}
    full = range(-(-start // hour) * hour, end, hour)
    return web.json_response(told([{**row, "timestamp": at, "interest_8h": at // hour / 1e9} for at in full]))


# --- the venue's side of a connection -------------------------------------------------------------------------------


def judge(fake: FakeVenue, seen: Seen) -> str | None:
    """The venue's own check: id, HMAC over time, nonce and the exact request, and a timestamp of the last minute."""
    if not seen.path.startswith(SIGNED):
        return _judge_sign_in(fake, seen) if seen.path.endswith("/auth") else None
    found = _HEADER.fullmatch(seen.headers.get("Authorization", ""))
    if found is None:
        return f"{seen.path}: not signed"
    id, at, signature, nonce = found.groups()
    uri = seen.path + (f"?{seen.query}" if seen.query else "")
    text = f"{at}\n{nonce}\n{seen.method}\n{uri}\n\n"
    return _judged(fake, seen, id, int(at), text, signature)


def _judge_sign_in(fake: FakeVenue, seen: Seen) -> str | None:
    asked = seen.params
    text = f"{asked['timestamp']}\n{asked['nonce']}\n"
    return _judged(fake, seen, asked["client_id"], int(asked["timestamp"]), text, asked["signature"])


def _judged(fake: FakeVenue, seen: Seen, id: str, at: int, text: str, signature: str) -> str | None:
    expected = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    if id != KEY or signature != expected:
        return f"{seen.path}: wrong signature"
    age = abs(fake.clock_ms() - at)
    return f"{seen.path}: {age} ms away" if fake.judges_age and age > WINDOW_MS else None


async def talk(fake: FakeVenue, connection: web.WebSocketResponse, text: str) -> None:
    """A sign-in that is checked, and every channel granted after it."""
    asked = json.loads(text)
    reply: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"], "usIn": 1, "usOut": 2, "usDiff": 1, "testnet": False}
    params = asked["params"]
    if asked["method"] == "public/auth":
        signed = f"{params['timestamp']}\n{params['nonce']}\n{params['data']}"
        expected = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
        if (params["client_id"], params["signature"]) != (KEY, expected):
            fake.faults.append("a wrong sign-in")
        await connection.send_json(reply | {"result": rights(SCOPE)["result"]})
        return
    fake.subscriptions.append(params["channels"])
    await connection.send_json(reply | {"result": params["channels"]})


def notification(channel: str, data: Any) -> dict[str, Any]:
    """A frame of a channel."""
    return {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}


def live(fake: FakeVenue, seen: Seen) -> Any:
    """What no body can hold: the time."""
    return told(fake.clock_ms()) if seen.path.endswith("/get_time") else None


def good(seen: Seen) -> Any:
    """What the venue answers when nothing is wrong."""
    params = dict(parse_qsl(seen.query))
    match seen.path.removeprefix(API):
        case "private/sell" | "private/buy" as method:
            return echoed(method.partition("/")[2], params)
        case "private/get_order_state_by_label":
            return told([order(label=params["label"])])
        case "private/cancel_by_label":
            return told(1)
        case "public/get_time":
            return told(int(time.time() * 1000))
        case _:
            return bodies()[seen.method, seen.path]


def fake_deribit() -> FakeVenue:
    """The fake."""
    denial = (400, error(13004, "invalid_credentials"))
    return FakeVenue(answers=bodies(), judge=judge, talk=talk, live=live, good=good, denial=denial)


STAND = Stand(
    venue="deribit",
    credentials=Credentials(api_key=KEY, secret=SECRET),
    contract=InstrumentId("main", PERPETUAL),
    quantity=Decimal(20),
    price=Decimal("60000.50"),
    fake=fake_deribit,
    routes={
        "create": Route("GET", API + "private/sell", 1),
        "cancel": Route("GET", API + "private/cancel_by_label", 1),
        "find": Route("GET", API + "private/get_order_state_by_label", 3),
        "account": Route("GET", API + "private/get_positions", 9),
    },
    denials=(
        ("would cross", 400, error(11054, "post_only_reject"), "post_only_would_cross"),
        ("margin", 400, error(10009, "not_enough_funds"), "insufficient_margin"),
        (
            "an amount",
            400,
            error(-32602, "Invalid params", reason="not a multiple", param="amount"),
            "invalid_order",
        ),
        ("too little", 400, error(10002, "qty_too_low"), "invalid_order"),
        ("a tick", 400, error(10043, "price_wrong_tick"), "invalid_order"),
        ("too high", 400, error(10007, "price_too_high 61000.5"), "invalid_order"),
        ("an instrument", 400, error(13020, "not_found"), "invalid_order"),
        ("another reject", 400, error(11030, "other_reject reduce_only"), "invalid_order"),
        ("a closed book", 400, error(10012, "book_closed"), "unavailable"),
        ("settlement", 400, error(10041, "settlement_in_progress"), "unavailable"),
        ("maintenance", 400, error(11051, "system_maintenance"), "unavailable"),
        ("locked", 400, error(10019, "locked_by_admin"), "restricted"),
        ("forbidden", 400, error(13021, "forbidden"), "not_authorised"),
        ("the signature", 400, error(13009, "unauthorized"), "not_authorised"),
        ("too many requests", 400, error(10028, "too_many_requests"), "rate_limited"),
        ("too many requests under 429", 429, error(10028, "too_many_requests"), "rate_limited"),
        ("a full queue", 400, error(10047, "matching_engine_queue_full"), "rate_limited"),
        ("timed out", 400, error(13888, "timed_out"), None),
        ("retry", 400, error(10040, "retry"), None),
        ("unavailable", 400, error(13028, "temporarily_unavailable"), None),
        ("a failure", 400, error(11094, "internal_server_error"), None),
        ("any error", 400, error(10001, "error"), None),
        ("another error", 400, error(11031, "other_error"), None),
        ("a code that nobody knows", 400, error(19876), None),
        ("a code of words", 400, {"error": {"code": "11054", "message": "post_only_reject"}}, None),
        ("the right code under a server's failure", 500, error(11054), None),
        ("the right code under success", 200, error(11054), None),
        ("no record", 200, told({"trades": [], "order": None}), None),
        ("no order", 200, told({}), None),
        ("the record of another", 200, told({"order": order(label="somebody"), "trades": []}), None),
    ),
)
