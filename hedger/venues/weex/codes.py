"""WEEX's answers as data: what its codes prove, where it lives and what it allows.

A refusal comes under 4xx with `code` and `msg`, and under 200 with `success: false` and `errorCode`. The codes are
those of its documentation; -1003 and -1021 were seen by others. Left out on purpose, for they do not say what became of
the order: -1000 (unknown error), -1054 (system error) without words that refuse, and whatever is not documented, such
as a second use of an id or a post-only order that would have crossed, of which no code is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hedger.model.order import RejectReason, ReportStatus
from hedger.venues.lanes import Budget, Lane
from hedger.venues.profile import Places
from hedger.venues.speech import ANY_OR_4XX, SILENT, Code, Codes, Refusals, Said, body_of

_INVALID = RejectReason.INVALID_ORDER
_KEYS = RejectReason.NOT_AUTHORISED
_CLOCK = RejectReason.CLOCK
_RESTRICTED = RejectReason.RESTRICTED
_MARGIN = RejectReason.INSUFFICIENT_MARGIN

_KEY_CODES = frozenset({-1040, -1041, -1042, -1044, -1047, -1049, -1050, -1051, -1052, -1053, -1055, -1056, -1057})
_CLOCK_CODES = frozenset({-1021, -1043, -1046})
_INVALID_CODES = frozenset(
    {-1045, -1115, -1116, -1117, -1121, -1128, -1135, -1140, -1141, -1142, -1150, -1160, -1180, -3006, -3007, -3313}
)
_REFUSED: Refusals = MappingProxyType(
    {
        **dict.fromkeys(_INVALID_CODES, _INVALID),
        **dict.fromkeys(_KEY_CODES, _KEYS),
        **dict.fromkeys(_CLOCK_CODES, _CLOCK),
        **dict.fromkeys((-1058, -1190, -3235, -3236), _RESTRICTED),
        -1003: RejectReason.RATE_LIMITED,
        -1054: MappingProxyType({"amount not enough": _MARGIN}),
    }
)
CODES = Codes(
    refused=_REFUSED,
    refusing=ANY_OR_4XX,
    keys=_KEY_CODES,
    hopeless=frozenset({-1058, -1121, -3235, -3236}),
    passing=frozenset({-1000, -1003, -1021, -1043, -1046, -1054}),
    too_many=frozenset({-1003}),
    wrong_time=_CLOCK_CODES,
)
NO_SUCH_ORDER: frozenset[Code] = frozenset({-2200, -3200, "FAILED_ORDER_NOT_FOUND"})
NO_SUCH_SYMBOL: frozenset[Code] = frozenset({-1121, -2007})

_STATUSES: Mapping[str, ReportStatus] = MappingProxyType(
    {
        "NEW": ReportStatus.WORKING,
        "PENDING": ReportStatus.WORKING,
        "OPEN": ReportStatus.WORKING,
        "PARTIALLY_FILLED": ReportStatus.WORKING,
        "PARTIAL_FILL": ReportStatus.WORKING,
        "CANCELING": ReportStatus.WORKING,
        "UNTRIGGERED": ReportStatus.WORKING,
        "FILLED": ReportStatus.FILLED,
        "FULL_FILL": ReportStatus.FILLED,
        "CANCELED": ReportStatus.CANCELED,
        "CANCELLED": ReportStatus.CANCELED,
        "EXPIRED": ReportStatus.EXPIRED,
        "REJECTED": ReportStatus.REJECTED,
    }
)


def status_of(told: str) -> ReportStatus:
    """What a status means, `PARTIAL_FILL` among them, which the client takes for an end; an unknown one is no end."""
    return _STATUSES.get(told.upper(), ReportStatus.UNRECOGNISED)


CONTRACT, SPOT = "contract", "spot"
# What contracts settle in: its listing has no other.
MONEY = "USDT"
CONTRACT_STREAM, SPOT_STREAM = "ws-contract.weex.com", "ws-spot.weex.com"
LIVE = Places(
    rest={CONTRACT: "api-contract.weex.com", SPOT: "api-spot.weex.com"},
    streams=frozenset({CONTRACT_STREAM, SPOT_STREAM}),
)

# The venue believes a request whose ACCESS-TIMESTAMP is up to 30 seconds away from its own time, and a request cannot
# ask for less: so late may a create still be accepted.
WINDOW_MS = 30_000

# Published: 500 request weight in 10 s for an address, and as much for an account, on each API; 300 orders a minute;
# who asks more is shut out for 10 s. Of an account a reading of positions weighs 15, of the balance 10, of open orders
# or one position 3, an order 5, a cancel 3. No header tells what was used. Requests are counted here, not their weight,
# so the lanes' own budgets keep within it: at ten for each reading and the true weight of the others, 490 in 10 s.
WEIGHT_LIMITS = MappingProxyType({CONTRACT: 3_000, SPOT: 3_000})
BUDGETS: Mapping[Lane, Budget] = MappingProxyType(
    {
        Lane.CONTROL: Budget(requests=20, period_s=10, patience_s=1.0, weight_share=1.0, seats=16),
        Lane.ORDERS: Budget(requests=10, period_s=10, patience_s=0.0, weight_share=0.95, seats=8),
        Lane.RECONCILE: Budget(requests=34, period_s=10, patience_s=5.0, weight_share=0.8, seats=16),
        Lane.DATA: Budget(requests=40, period_s=10, patience_s=5.0, weight_share=0.6, seats=16),
    }
)


def hear(status: int, body: str) -> Said:
    """WEEX's code and words, which stand in the body, whatever its status."""
    told = body_of(body)
    if told.get("success") is False:
        return Said(_code(told.get("errorCode")) or "FAILED", str(told.get("errorMessage") or ""))
    if told.get("status") == "FAILED":
        return Said(_code(told.get("errorMsg")) or "FAILED", str(told.get("errorMsg") or ""))
    code = _code(told.get("code"))
    return SILENT if code in (None, 0, 200) else Said(code, str(told.get("msg") or ""))


def _code(told: object) -> Code | None:
    """A code, which comes as a number or as text."""
    if isinstance(told, bool) or not isinstance(told, int | str) or told == "":
        return None
    if isinstance(told, str) and told.isascii() and told.removeprefix("-").isdecimal():
        return int(told)
    return told


OPTIONS = MappingProxyType(
    {
        "defaultType": "swap",
        "watchPositions": {"fetchPositionsSnapshot": False, "awaitPositionsSnapshot": False},
        "watchBalance": {"fetchBalanceSnapshot": False, "awaitBalanceSnapshot": False},
        "usedEndpoints": ["public", "private", "contract", "contractPrivate", "ws/spot", "ws/contract"],
    }
)
