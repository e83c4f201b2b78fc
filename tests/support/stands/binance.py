"""Binance before its tests."""

from __future__ import annotations

from decimal import Decimal

from hedger.venues.client import Credentials
from tests.support.stand import Route, Stand
from tests.support.wire_server import KEY, SECRET, FakeVenue
from tests.support.wire_venue import BTC

CREATE = "/fapi/v1/order"


def _code(code: int, message: str = "refused") -> dict[str, object]:
    return {"code": code, "msg": message}


STAND = Stand(
    venue="binance",
    credentials=Credentials(api_key=KEY, secret=SECRET),
    contract=BTC,
    quantity=Decimal("0.0020"),
    price=Decimal("60000.10"),
    fake=FakeVenue,
    routes={
        "create": Route("POST", CREATE, 1),
        "cancel": Route("DELETE", CREATE, 1),
        "find": Route("GET", CREATE, 3),
        "account": Route("GET", "/fapi/v3/account", 9),
        "switch": Route("POST", "/fapi/v1/countdownCancelAll", 1),
    },
    weights={
        "/api/v3/account": 20,
        "/fapi/v3/account": 5,
        "/fapi/v3/positionRisk": 5,
        "/fapi/v1/accountConfig": 5,
        "/fapi/v1/symbolConfig": 5,
        "/fapi/v1/ticker/bookTicker": 2,
        "/fapi/v1/userTrades": 5,
        "/fapi/v1/income": 30,
        "/fapi/v1/forceOrders": 20,
    },
    denials=(
        ("would cross", 400, _code(-5022), "post_only_would_cross"),
        ("margin", 400, _code(-2019), "insufficient_margin"),
        ("margin, another word", 400, _code(-2027), "insufficient_margin"),
        ("nothing to reduce", 400, _code(-2022), "reduce_only_nothing_to_reduce"),
        ("a lot", 400, _code(-1111), "invalid_order"),
        ("a symbol", 400, _code(-1121), "invalid_order"),
        ("a notional", 400, _code(-4164), "invalid_order"),
        ("only reducing", 400, _code(-4400), "restricted"),
        ("delivering", 400, _code(-4108), "unavailable"),
        ("the clock", 400, _code(-1021), "clock"),
        ("the signature", 401, _code(-1022), "not_authorised"),
        ("a duplicate id", 400, _code(-4116), None),
        ("the backend", 408, _code(-1007), None),
        ("disconnected", 400, _code(-1001), None),
        ("overloaded", 503, _code(-1008), None),
        ("a code that nobody knows", 400, _code(-9876), None),
        ("the right code under a server's failure", 500, _code(-2019), None),
    ),
)
