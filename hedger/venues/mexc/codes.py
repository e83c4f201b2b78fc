"""MEXC's answers as data: what its codes prove, where it lives and what it allows.

A refusal comes under HTTP 200 as well, with `success` false. Left out on purpose: 500, 501, 503, 504, 506 and 9999 (the
venue failed or is busy: what became of the order it does not say), 603 and 2042 (the request was repeated, or an order
with this id exists), 403 (of whatever), 2018 to 2027 (they are about positions and leverage, not about an order).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hedger.model.order import RejectReason
from hedger.venues.lanes import Budget, Lane
from hedger.venues.profile import Places
from hedger.venues.speech import ANY_OR_4XX, SILENT, Code, Codes, Refusals, Said, body_of

_INVALID = RejectReason.INVALID_ORDER
_REDUCE = RejectReason.REDUCE_ONLY_NOTHING_TO_REDUCE
_KEYS = RejectReason.NOT_AUTHORISED
_RESTRICTED = RejectReason.RESTRICTED

# Each is documented as what is found wrong before an order exists.
_REFUSED: Refusals = MappingProxyType(
    {
        2005: RejectReason.INSUFFICIENT_MARGIN,
        2008: _REDUCE,  # "The quantity is insufficient": there is less to close
        2009: _REDUCE,  # "Positions do not exist or have been closed"
        600: _INVALID,
        601: _INVALID,
        1001: _INVALID,
        2001: _INVALID,
        2002: _INVALID,
        2003: _INVALID,
        2004: _INVALID,
        2006: _INVALID,
        2007: _INVALID,
        2011: _INVALID,
        2015: _INVALID,
        2028: _INVALID,
        2029: _INVALID,
        2030: _INVALID,
        2032: _INVALID,
        2033: _INVALID,
        1002: _RESTRICTED,
        2031: _RESTRICTED,
        2036: _RESTRICTED,
        2038: _RESTRICTED,
        6001: _RESTRICTED,
        6002: _RESTRICTED,
        6005: _RESTRICTED,
        604: RejectReason.UNAVAILABLE,
        801: RejectReason.UNAVAILABLE,
        510: RejectReason.RATE_LIMITED,
        2037: RejectReason.RATE_LIMITED,
        513: RejectReason.CLOCK,  # "open api serves time more or less than 10s"
        401: _KEYS,
        402: _KEYS,
        406: _KEYS,
        511: _KEYS,
        602: _KEYS,
        701: _KEYS,
        702: _KEYS,
        703: _KEYS,
        704: _KEYS,
    }
)
_FUTURES_KEYS = frozenset({401, 402, 406, 511, 602, 701, 702, 703, 704, 1000})
_SPOT_KEYS = frozenset({10072, 700001, 700002, 700006, 700007, 730706})
CODES = Codes(
    refused=_REFUSED,
    refusing=ANY_OR_4XX,
    keys=_FUTURES_KEYS | _SPOT_KEYS,
    hopeless=frozenset({1001, -1121, 10007}),
    passing=frozenset({403, 429, 500, 501, 503, 504, 506, 510, 513, 603, 604, 801, 2037, 9999, 700003}),
    too_many=frozenset({429, 510}),
    wrong_time=frozenset({513, 10073, 700003}),
)
# What an order's record says of its end (`errorCode`), in numbers of its own: parameters, balance, position, price, ...
# 20 is not documented and was seen on post-only orders that would have taken. 8, "system canceled", names no fault.
FAULTS: Mapping[int, RejectReason] = MappingProxyType(
    {
        1: _INVALID,
        2: RejectReason.INSUFFICIENT_MARGIN,
        3: _REDUCE,
        4: _REDUCE,
        5: _INVALID,
        6: _INVALID,
        7: _RESTRICTED,
        20: RejectReason.POST_ONLY_WOULD_CROSS,
    }
)
NO_FAULT = frozenset({0, 8})
NOT_EXIST = 2040
NOT_CANCELABLE = 2041  # it is over already
NO_SUCH_ORDER = frozenset({NOT_EXIST})
NO_SUCH_SYMBOL = frozenset({-1121, 10007, 30014, 30021, 1001})

API = "api"
LIVE = Places(rest={API: "api.mexc.com"}, streams=frozenset({"contract.mexc.com"}))
STREAM_URL = "wss://contract.mexc.com/edge"

# Contracts: a request is refused when its time is more than ten seconds off (513). A header `Recv-Window` may set that
# otherwise; ccxt does not send it, so a create may be accepted as late as this.
LONGEST_WINDOW_MS = 10_000

# Published, for each endpoint: 20 requests in 2 s, 10 in 2 s for depth, ticker and listing, 4 in 2 s for creates, 10 in
# 10 s for leverage; spot 500 of weight in 10 s. No header tells what was used, so requests to the one host are counted
# here, all endpoints together, against twice what a single one of them allows.
WEIGHT_LIMITS = MappingProxyType({API: 1_200})
BUDGETS: Mapping[Lane, Budget] = MappingProxyType(
    {
        Lane.CONTROL: Budget(requests=20, period_s=2, patience_s=1.0, weight_share=1.0, seats=16),
        Lane.ORDERS: Budget(requests=4, period_s=2, patience_s=0.0, weight_share=0.95, seats=4),
        Lane.RECONCILE: Budget(requests=40, period_s=2, patience_s=5.0, weight_share=0.8, seats=16),
        Lane.DATA: Budget(requests=20, period_s=2, patience_s=5.0, weight_share=0.6, seats=16),
    }
)
_GOOD = (0, 200)


def hear(status: int, body: str) -> Said:
    """MEXC's code and words, which stand in the body, whatever its status.

    What says that it succeeded and has an error code, or that it failed and has none, contradicts itself: that is no
    good answer, and its word proves nothing.
    """
    told = body_of(body)
    code = _code_of(told.get("code"))
    words = str(told.get("message") or told.get("msg") or "")
    success = told.get("success")
    if success is False:
        return Said("failed" if code is None or code in _GOOD else code, words)
    if code is None or code in _GOOD:
        return SILENT
    return Said(f"succeeded, {code}", words) if success is True else Said(code, words)


def _code_of(told: object) -> Code | None:
    """A code, which comes as a number or as text."""
    if isinstance(told, str) and told.lstrip("-").isascii() and told.lstrip("-").isdecimal():
        return int(told)
    return told if isinstance(told, int) and not isinstance(told, bool) else None


OPTIONS = MappingProxyType(
    {
        "defaultType": "swap",
        "adjustForTimeDifference": False,
        "listenKeyRefreshRate": 10**11,
        "usedEndpoints": ["spot/public", "spot/private", "contract/public", "contract/private", "ws/swap"],
    }
)
