"""Deribit's answers as data: what its codes prove, what its words mean, where it lives and what it allows.

Every refusal is a JSON-RPC `error` under HTTP 400. Left out of _REFUSED on purpose: 13888 timed_out (said when
`valid_until` had passed, and when the venue itself was too slow), 10040 retry, 13028 temporarily_unavailable, 11094
internal_server_error, 10001 error, 11031 other_error and 13008 request_failed: they do not say whether it was executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hedger.model.order import RejectReason, ReportStatus
from hedger.venues.lanes import Budget, Lane
from hedger.venues.profile import Places
from hedger.venues.speech import SILENT, Codes, Refusals, Said, body_of

_KEYS = frozenset({9999, 10000, 13004, 13009, 13021})
# An instrument, a price, an amount or an argument that the venue does not take.
_INVALID = (
    10002, 10003, 10005, 10006, 10007, 10008, 10011, 10020, 10021, 10022, 10023, 10026, 10027, 10031, 10032, 10043,
    11029, 11030, 11043, 11047, 11049, 11050, 13020, -32602, -32601, -32700, -32000,
)  # fmt: skip
# Limits of accounts and of portfolio margin, and locks.
_RESTRICTED = (10013, 10014, 10015, 10016, 10017, 10018, 10019, 11042, 13002, 13012)
# The book is closed, or trading stops for a while: settlement takes some seconds at 08:00 UTC each day.
_UNAVAILABLE = (10012, 10041, 11037, 11046, 11051, 13019, 13025)
_TOO_MANY = (10028, 10066)

_REFUSED: Refusals = MappingProxyType(
    {
        **dict.fromkeys(_INVALID, RejectReason.INVALID_ORDER),
        **dict.fromkeys(_RESTRICTED, RejectReason.RESTRICTED),
        **dict.fromkeys(_UNAVAILABLE, RejectReason.UNAVAILABLE),
        **dict.fromkeys(_KEYS, RejectReason.NOT_AUTHORISED),
        # 10047, matching_engine_queue_full: refused before the matching engine, which takes no more of ours now [V].
        **dict.fromkeys((*_TOO_MANY, 10047), RejectReason.RATE_LIMITED),
        11054: RejectReason.POST_ONLY_WOULD_CROSS,
        10009: RejectReason.INSUFFICIENT_MARGIN,
        10039: RejectReason.INSUFFICIENT_MARGIN,  # not_enough_funds_in_currency
    }
)

CODES = Codes(
    refused=_REFUSED,
    keys=_KEYS,
    # What an address that is banned for a while is told as well: invalid_credentials.
    shut_out=frozenset({13004}),
    hopeless=frozenset({13020, 10020, 11029, 11050, -32602, -32601}),
    passing=frozenset({10028, 10040, 10041, 10047, 10066, 11051, 11094, 13028, 13888}),
    too_many=frozenset(_TOO_MANY),
    # A timestamp that is more than a minute off is called invalid credentials too; a clock that is seconds behind the
    # venue's makes each create time out on arrival.
    wrong_time=frozenset({13004, 13009, 13888}),
)
NO_SUCH_INSTRUMENT = frozenset({13020, 10020})

STATUSES: Mapping[str, ReportStatus] = MappingProxyType(
    {
        "open": ReportStatus.WORKING,
        "filled": ReportStatus.FILLED,
        "cancelled": ReportStatus.CANCELED,
        "rejected": ReportStatus.REJECTED,
    }
)
# `cancel_reason` of an order that the venue took off because an edit of it would have crossed.
CROSSED = frozenset({"edit_post_only_reject"})

REST = "rest"
LIVE = Places(rest={REST: "www.deribit.com"}, streams=frozenset({"www.deribit.com"}))
TEST = Places(rest={REST: "test.deribit.com"}, streams=frozenset({"test.deribit.com"}))
PRIVATE = "/api/v2/private/"

# Credits: a request costs 500 of 50,000, and 10,000 come back each second: 20 a second, 100 at once. Orders and cancels
# are counted apart by the matching engine: 5 a second, 20 at once, for the lowest tier
# (docs.deribit.com/articles/rate-limits). No header tells what was used, so no lane can ask faster than both come back:
# short periods, because a long one would let all of it leave in one moment. An address may have 32 connections, whoever
# has them, and the one beyond is refused (connection-management-best-practices): the seats leave some to the streams,
# the watchdog and people.
WEIGHT_LIMITS = MappingProxyType({REST: 1_200})
BUDGETS: Mapping[Lane, Budget] = MappingProxyType(
    {
        Lane.CONTROL: Budget(requests=12, period_s=4, patience_s=5.0, weight_share=1.0, seats=8),
        Lane.ORDERS: Budget(requests=8, period_s=4, patience_s=0.0, weight_share=0.95, seats=4),
        Lane.RECONCILE: Budget(requests=40, period_s=4, patience_s=5.0, weight_share=0.8, seats=8),
        Lane.DATA: Budget(requests=20, period_s=4, patience_s=5.0, weight_share=0.6, seats=4),
    }
)


def hear(status: int, body: str) -> Said:
    """Deribit's code and words, in the `error` of a JSON-RPC answer, whatever its status. A good answer, which may be
    long, is not read for it."""
    told = body_of(body).get("error") if '"error"' in body else None
    if not isinstance(told, dict) or not isinstance(told.get("code"), int) or isinstance(told["code"], bool):
        return SILENT
    data = told.get("data")
    why = data.get("reason") if isinstance(data, dict) else None
    return Said(told["code"], " ".join(str(part) for part in (told.get("message"), why) if part))


OPTIONS = MappingProxyType(
    {
        "fetchMarkets": {"fetchAllMarkets": True},
        "adjustForTimeDifference": False,
        "ws": {"keepAlive": 15_000, "connectionTimeout": 5_000},
        "usedEndpoints": ["rest", "ws"],
    }
)
