"""BingX's answers as data: what its codes prove, where it lives and what it allows.

A refusal comes under HTTP 200 as well. One code may say many things ("80012 service unavailable" also says that margin
is short), so such a code proves something only together with its words. Left out on purpose: 101481 and 109201 (an
order with this id exists, or may), 80001, 80012, 100410, 100500, 101500, 109500 and 110500 without words that refuse
(the venue is busy, or failed: what became of the order it does not say), 80016, 80018 to 80020, 100414.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hedger.model.order import RejectReason, ReportStatus
from hedger.venues.lanes import Budget, Lane
from hedger.venues.profile import Places
from hedger.venues.speech import ANY_OR_4XX, SILENT, Codes, Refusals, Said, body_of

_INVALID = RejectReason.INVALID_ORDER
_MARGIN = RejectReason.INSUFFICIENT_MARGIN
_REDUCE = RejectReason.REDUCE_ONLY_NOTHING_TO_REDUCE
_KEYS = RejectReason.NOT_AUTHORISED
_SHORT = MappingProxyType({"margin is not enough": _MARGIN, "insufficient margin": _MARGIN})

_REFUSED: Refusals = MappingProxyType(
    {
        # "The Maker (Post Only) order ensures that ..., it will be canceled": refused, or taken off before it rested.
        101215: RejectReason.POST_ONLY_WOULD_CROSS,
        101204: _MARGIN,
        101206: _MARGIN,
        80012: _SHORT,
        80001: _SHORT,
        101205: _REDUCE,
        80017: _REDUCE,
        101400: {
            "insufficient margin": _MARGIN,
            "no position to close": _REDUCE,
            "order size error": _INVALID,
            "minimum order amount": _INVALID,
            "invalid parameter": _INVALID,
        },
        80014: {"timestamp": RejectReason.CLOCK, "invalid parameter": _INVALID},
        109400: {"timestamp": RejectReason.CLOCK, "invalid parameter": _INVALID, "symbol not exist": _INVALID},
        100400: _INVALID,
        80013: _INVALID,
        101209: _INVALID,
        101211: _INVALID,
        101419: _INVALID,
        101460: _INVALID,
        110425: _INVALID,
        109425: _INVALID,
        100490: RejectReason.UNAVAILABLE,
        109418: RejectReason.UNAVAILABLE,
        101415: RejectReason.RESTRICTED,
        101514: RejectReason.RESTRICTED,
        100421: {"timestamp": RejectReason.CLOCK, "restricted from api trading": RejectReason.RESTRICTED},
        100410: {
            "rate limit": RejectReason.RATE_LIMITED,
            "frequency limit": RejectReason.RATE_LIMITED,
            "can retry after": RejectReason.RATE_LIMITED,
        },
        100001: _KEYS,
        100004: _KEYS,
        100412: _KEYS,
        100413: _KEYS,
        100419: _KEYS,
    }
)

# In capitals and without underscores: the contracts in coins are told as `PartiallyFilled`, the others not.
_STATUSES: Mapping[str, ReportStatus] = MappingProxyType(
    {
        "NEW": ReportStatus.WORKING,
        "PENDING": ReportStatus.WORKING,
        "PARTIALLYFILLED": ReportStatus.WORKING,
        "FILLED": ReportStatus.FILLED,
        "CANCELED": ReportStatus.CANCELED,
        "CANCELLED": ReportStatus.CANCELED,
        "EXPIRED": ReportStatus.EXPIRED,
        "FAILED": ReportStatus.REJECTED,
        "REJECTED": ReportStatus.REJECTED,
    }
)


def status_of(told: str) -> ReportStatus:
    """What a status means; one that we do not know is never final."""
    return _STATUSES.get(told.upper().replace("_", ""), ReportStatus.UNRECOGNISED)


CODES = Codes(
    refused=_REFUSED,
    refusing=ANY_OR_4XX,
    keys=frozenset({100001, 100004, 100412, 100413, 100419}),
    hopeless=frozenset({109425}),
    passing=frozenset({80001, 80012, 80014, 100410, 100421, 100500, 100503, 101500, 109400, 109500, 110500}),
    too_many=frozenset({100410}),
    wrong_time=frozenset({100421, 80014}),
)
_NO_ORDER = 80016
UNKNOWN_ORDER = frozenset({_NO_ORDER, 80018, 109421})
NO_SUCH_ORDER = frozenset({_NO_ORDER, 109421})
NO_SUCH_SYMBOL = frozenset({100400, 100490, 109400, 109425})

API = "api"
SWAP_STREAM, COIN_STREAM, SPOT_STREAM = (
    "open-api-swap.bingx.com",
    "open-api-cswap-ws.bingx.com",
    "open-api-ws.bingx.com",
)
LIVE = Places(rest={API: "open-api.bingx.com"}, streams=frozenset({SWAP_STREAM, COIN_STREAM, SPOT_STREAM}))
VST = Places(rest={API: "open-api-vst.bingx.com"}, streams=frozenset({"vst-open-api-ws.bingx.com"}))

# The venue believes a request for five seconds after its timestamp, and no `recvWindow` makes that longer. That a
# shorter one is heeded is documented and was never seen by us [V]: an order may thus arrive as late as that.
LONGEST_WINDOW_MS = 5_000

# Published: market data 500 requests of an address in 10 s and 1,000 in a minute; account and orders 2,000 in 10 s, 300
# for each endpoint; of an account 5 a second for each endpoint, 2 a second for modes and for the countdown. Who asks
# more is shut out for five minutes: orders and cancels leave five in any second, for many cancels at once, as at a
# kill, would shut out those after them; questions keep the pace of `paces.py`. No header tells a weight, so requests
# are counted here.
WEIGHT_LIMITS = MappingProxyType({API: 1_000})
BUDGETS: Mapping[Lane, Budget] = MappingProxyType(
    {
        Lane.CONTROL: Budget(requests=5, period_s=1, patience_s=4.0, weight_share=1.0, seats=16),
        Lane.ORDERS: Budget(requests=5, period_s=1, patience_s=0.0, weight_share=0.95, seats=8),
        Lane.RECONCILE: Budget(requests=100, period_s=10, patience_s=5.0, weight_share=0.8, seats=16),
        Lane.DATA: Budget(requests=100, period_s=10, patience_s=5.0, weight_share=0.6, seats=16),
    }
)


def hear(status: int, body: str) -> Said:
    """BingX's code and words, which stand in the body, whatever its status.

    "order not exist" may come as a failed request (80001), of which others say less; alone it means what 80016 does.
    """
    told = body_of(body)
    code = told.get("code")
    if isinstance(code, str) and code.isascii() and code.isdecimal():
        code = int(code)
    if isinstance(code, bool) or not isinstance(code, int) or code == 0:
        return SILENT
    words = str(told.get("msg", ""))
    return Said(_NO_ORDER if (code, words.strip().lower()) == (80001, "order not exist") else code, words)


_USED = ("swap", "cswap", "spot", "account", "api", "user", "ws/spot", "ws/linear", "ws/inverse")
USED_IN_TEST = ("swap", "user", "ws/linear")
OPTIONS = MappingProxyType(
    {
        "defaultType": "swap",
        "listenKeyRefreshRate": 10**11,
        "watchPositions": {"fetchPositionsSnapshot": False, "awaitPositionsSnapshot": False},
        "watchBalance": {"fetchBalanceSnapshot": False, "awaitBalanceSnapshot": False},
        "ws": {"gunzip": True, "keepAlive": 15_000, "connectionTimeout": 5_000},
        "usedEndpoints": list(_USED),
    }
)
