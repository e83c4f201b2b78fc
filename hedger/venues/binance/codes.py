"""Binance's answers as data: what its codes prove, what its words mean, where it lives and what it allows.

Codes that are missing from a table prove nothing. Left out of _REFUSED on purpose: -1000, -1001, -1006, -1007 and -1008
(the venue does not say whether it executed), -4116 and -2010 "Duplicate order sent." (an order with this id exists).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hedger.model.order import RejectReason, ReportStatus
from hedger.venues.lanes import Budget, Lane
from hedger.venues.profile import Places
from hedger.venues.speech import SILENT, Codes, Refusals, Said, body_of

_INVALID = RejectReason.INVALID_ORDER
_MARGIN = RejectReason.INSUFFICIENT_MARGIN
_REDUCE = RejectReason.REDUCE_ONLY_NOTHING_TO_REDUCE
_KEYS = RejectReason.NOT_AUTHORISED

_REFUSED: Refusals = MappingProxyType(
    {
        -5022: RejectReason.POST_ONLY_WOULD_CROSS,
        -2010: {"insufficient balance": _MARGIN, "immediately match": RejectReason.POST_ONLY_WOULD_CROSS},
        -2018: _MARGIN,
        -2019: _MARGIN,
        -2027: _MARGIN,
        -2028: _MARGIN,
        -2022: _REDUCE,
        -4118: _REDUCE,
        -1013: _INVALID,
        -1100: _INVALID,
        -1102: _INVALID,
        -1106: _INVALID,
        -1111: _INVALID,
        -1116: _INVALID,
        -1121: _INVALID,
        -2025: _INVALID,
        -4003: _INVALID,
        -4005: _INVALID,
        -4014: _INVALID,
        -4015: _INVALID,
        -4016: _INVALID,
        -4023: _INVALID,
        -4024: _INVALID,
        -4061: _INVALID,
        -4131: _INVALID,
        -4164: _INVALID,
        -1003: RejectReason.RATE_LIMITED,
        -1015: RejectReason.RATE_LIMITED,
        -1021: RejectReason.CLOCK,
        # It came in time and had waited too long when the matching engine took it up.
        -5028: RejectReason.CLOCK,
        -1002: _KEYS,
        -1022: _KEYS,
        -2014: _KEYS,
        -2015: _KEYS,
        -4087: RejectReason.RESTRICTED,
        -4400: RejectReason.RESTRICTED,
        -4401: RejectReason.RESTRICTED,
        -4411: RejectReason.RESTRICTED,
        -4088: RejectReason.UNAVAILABLE,
        -4108: RejectReason.UNAVAILABLE,
        -4140: RejectReason.UNAVAILABLE,
        -4141: RejectReason.UNAVAILABLE,
        -4192: RejectReason.UNAVAILABLE,
        -4402: RejectReason.UNAVAILABLE,
        -1011: _KEYS,
        -2017: _KEYS,
    }
)

STATUSES: Mapping[str, ReportStatus] = MappingProxyType(
    {
        "NEW": ReportStatus.WORKING,
        "PARTIALLY_FILLED": ReportStatus.WORKING,
        "FILLED": ReportStatus.FILLED,
        "CANCELED": ReportStatus.CANCELED,
        "EXPIRED": ReportStatus.EXPIRED,
        "EXPIRED_IN_MATCH": ReportStatus.EXPIRED,
        "REJECTED": ReportStatus.REJECTED,
    }
)

CODES = Codes(
    refused=_REFUSED,
    keys=frozenset({-1002, -1011, -1022, -2014, -2015, -2017}),
    # What an address that is banned is told as well: where the keys have worked before, it is taken for that.
    shut_out=frozenset({-2015}),
    hopeless=frozenset({-1100, -1101, -1102, -1103, -1104, -1105, -1106, -1121, -1130, -4109}),
    # -1016 is also said while the venue is under maintenance.
    passing=frozenset({-1000, -1001, -1003, -1006, -1007, -1008, -1015, -1016, -1021}),
    too_many=frozenset({-1003}),
    wrong_time=frozenset({-1021}),
)
UNKNOWN_ORDER = frozenset({-2011})
NO_SUCH_ORDER = frozenset({-2013})
NO_SUCH_SYMBOL = frozenset({-1121})
# What is said of a contract that is not listed, or listed and does not trade (any more, or for now).
NOT_TRADING = frozenset({-1121, -4108, -4140, -4141})
SAME_MARGIN_MODE = frozenset({-4046})
SAME_POSITION_MODE = frozenset({-4059})

API = "api"  # spot, and what concerns the whole account
FAPI = "fapi"  # USDⓈ-M
DAPI = "dapi"  # COIN-M
EAPI = "eapi"  # options
PAPI = "papi"  # all contracts of an account in portfolio margin

LIVE = Places(
    rest={
        API: "api.binance.com",
        FAPI: "fapi.binance.com",
        DAPI: "dapi.binance.com",
        EAPI: "eapi.binance.com",
        PAPI: "papi.binance.com",
    },
    streams=frozenset({"fstream.binance.com", "stream.binance.com", "dstream.binance.com"}),
)
# Options and portfolio margin have no demo [V].
DEMO = Places(
    rest={API: "demo-api.binance.com", FAPI: "demo-fapi.binance.com", DAPI: "demo-dapi.binance.com"},
    streams=frozenset({"fstream.binancefuture.com", "demo-stream.binance.com", "dstream.binancefuture.com"}),
)

# Weight that the venue allows an address in a minute.
WEIGHT_LIMITS = MappingProxyType({API: 6_000, FAPI: 2_400, DAPI: 2_400, EAPI: 400, PAPI: 6_000})

# Since June 2026 COIN-M has no weight of its own: either host counts, and tells, what both have used.
WEIGHT_POOLS = MappingProxyType({DAPI: FAPI})

# Orders: the venue allows 300 in ten seconds and 1,200 in a minute; a hedger that needs a tenth of it is in trouble.
BUDGETS: Mapping[Lane, Budget] = MappingProxyType(
    {
        Lane.CONTROL: Budget(requests=100, period_s=10, patience_s=1.0, weight_share=1.0, seats=24),
        Lane.ORDERS: Budget(requests=40, period_s=10, patience_s=0.0, weight_share=0.95, seats=16),
        Lane.RECONCILE: Budget(requests=200, period_s=10, patience_s=5.0, weight_share=0.8, seats=24),
        Lane.DATA: Budget(requests=200, period_s=10, patience_s=5.0, weight_share=0.6, seats=16),
    }
)


def hear(status: int, body: str) -> Said:
    """Binance's code and words, which stand in the body of a refusal."""
    told = body_of(body) if status >= 400 else {}
    code = told.get("code")
    return Said(code, str(told.get("msg", ""))) if isinstance(code, int) else SILENT


def weight_of(headers: Mapping[str, str]) -> int | None:
    """The weight that the venue counts for this address in its minute."""
    used = headers.get("x-mbx-used-weight-1m", "")
    return int(used) if used.isdecimal() else None


_USED = (
    "public",
    "private",
    "fapiPublic",
    "fapiPrivate",
    "fapiPrivateV3",
    "dapiPublic",
    "dapiPrivate",
    "ws/linear",
    "ws/inverse",
    "ws/spot",
)
USED_IN_LIVE = (*_USED, "sapi", "eapiPublic", "eapiPrivate", "papi", "ws/papi")

# ccxt's own options that keep it from asking for what we do not need, and from work that breaks with text numbers.
OPTIONS = MappingProxyType(
    {
        "fetchMarkets": {"types": ["spot", "linear", "inverse"]},
        "fetchCurrencies": False,
        "fetchMargins": False,
        "crossMarginPairsData": [],
        "isolatedMarginPairsData": [],
        "adjustForTimeDifference": False,
        "watchPositions": {"fetchPositionsSnapshot": False},
        "watchBalance": {"fetchBalanceSnapshot": False},
        # Three years: the client's own renewal would leave without a turn in a lane, and after a failure end a stream.
        "listenKeyRefreshRate": 10**11,
        "ws": {"keepAlive": 15_000, "connectionTimeout": 5_000},
        "usedEndpoints": list(_USED),
    }
)
