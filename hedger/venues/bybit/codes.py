"""Bybit's answers as data: what its codes prove, what its words mean, where it lives and what it allows.

A refusal comes under HTTP 200 with a `retCode` other than 0. Codes that are missing from a table prove nothing. Left
out of _REFUSED on purpose: 10000, 10016, 10019, 170007 (the venue does not say whether it executed), 10014 (the request
came twice), 110072, 110030 and 12141 (an order with this id exists).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hedger.model.account import MarginMode
from hedger.model.order import FillCause, RejectReason, ReportStatus, Side
from hedger.venues.lanes import Budget, Lane
from hedger.venues.profile import Places
from hedger.venues.speech import ANY_OR_4XX, SILENT, Codes, Refusals, Said, body_of

_INVALID = RejectReason.INVALID_ORDER
_MARGIN = RejectReason.INSUFFICIENT_MARGIN
_KEYS = RejectReason.NOT_AUTHORISED
_SHUT = RejectReason.UNAVAILABLE
_RESTRICTED = RejectReason.RESTRICTED
_LIMITED = RejectReason.RATE_LIMITED

_REFUSED: Refusals = MappingProxyType(
    {
        10001: _INVALID,
        110003: _INVALID,
        110005: _INVALID,
        110016: _INVALID,
        110018: _INVALID,
        110020: _INVALID,
        110022: _INVALID,
        110032: _INVALID,
        110094: _INVALID,
        110004: _MARGIN,
        110006: _MARGIN,
        110007: _MARGIN,
        110012: _MARGIN,
        110040: _MARGIN,
        110044: _MARGIN,
        110045: _MARGIN,
        110051: _MARGIN,
        110052: _MARGIN,
        110053: _MARGIN,
        110090: _MARGIN,
        110017: RejectReason.REDUCE_ONLY_NOTHING_TO_REDUCE,
        110021: _SHUT,
        110023: _SHUT,
        110042: _SHUT,
        110063: _SHUT,
        110066: _SHUT,
        110074: _SHUT,
        10024: _RESTRICTED,
        10027: _RESTRICTED,
        10029: _RESTRICTED,
        110067: _RESTRICTED,
        110068: _RESTRICTED,
        110069: _RESTRICTED,
        10006: _LIMITED,
        10009: _LIMITED,
        10018: _LIMITED,
        10429: _LIMITED,
        10002: RejectReason.CLOCK,
        -1: MappingProxyType({"request expired": RejectReason.CLOCK}),
        10003: _KEYS,
        10004: _KEYS,
        10005: _KEYS,
        10007: _KEYS,
        10008: _KEYS,
        10010: _KEYS,
        33004: _KEYS,
    }
)

# Conditional orders (somebody's) are open while untriggered; a triggered one is about to be new.
STATUSES: Mapping[str, ReportStatus] = MappingProxyType(
    {
        "New": ReportStatus.WORKING,
        "PartiallyFilled": ReportStatus.WORKING,
        "Untriggered": ReportStatus.WORKING,
        "Triggered": ReportStatus.WORKING,
        "Filled": ReportStatus.FILLED,
        "Cancelled": ReportStatus.CANCELED,
        "PartiallyFilledCanceled": ReportStatus.CANCELED,
        "Deactivated": ReportStatus.CANCELED,
        "Rejected": ReportStatus.REJECTED,
    }
)
# Why the venue took an order off by itself, in the words of its record.
ENDED_BECAUSE: Mapping[str, RejectReason] = MappingProxyType(
    {
        "EC_PostOnlyWillTakeLiquidity": RejectReason.POST_ONLY_WOULD_CROSS,
        "EC_ReachMaxTradeNum": RejectReason.UNAVAILABLE,
    }
)
SIDES: Mapping[str, Side] = MappingProxyType({"Buy": Side.BUY, "Sell": Side.SELL})
WORDS: Mapping[Side, str] = MappingProxyType({side: word for word, side in SIDES.items()})
CAUSES: Mapping[str, FillCause] = MappingProxyType(
    {
        "Trade": FillCause.ORDER,
        "BlockTrade": FillCause.ORDER,
        "MovePosition": FillCause.ORDER,
        "FutureSpread": FillCause.ORDER,
        "AdlTrade": FillCause.DELEVERAGING,
        "BustTrade": FillCause.LIQUIDATION,
        "Delivery": FillCause.SETTLEMENT,
        "Settle": FillCause.SETTLEMENT,
    }
)
NO_FILLS = frozenset({"Funding", "SessionSettlePnL"})
MARGIN_MODES: Mapping[str, MarginMode] = MappingProxyType(
    {
        "REGULAR_MARGIN": MarginMode.CROSS,
        "PORTFOLIO_MARGIN": MarginMode.CROSS,
        "ISOLATED_MARGIN": MarginMode.ISOLATED,
    }
)

CODES = Codes(
    refused=_REFUSED,
    refusing=ANY_OR_4XX,
    # Keys that have expired are told by 33004, or as questions about pairs are, by -2015.
    keys=frozenset({10003, 10004, 10005, 10007, 10008, 10010, 33004, -2015}),
    hopeless=frozenset({10017, 10020, 10028}),
    passing=frozenset({10000, 10002, 10006, 10009, 10016, 10018, 10019, 10429, 170007}),
    too_many=frozenset({10006, 10429}),
    banned=frozenset({10009, 10018}),
    wrong_time=frozenset({10002}),
)
# "order not exists or too late to cancel", "finished or canceled", "already canceled".
UNKNOWN_ORDER = frozenset({110001, 110008, 110010})
NO_SUCH_SYMBOL = frozenset({10001})
SAME_MARGIN_MODE = frozenset({110026})
SAME_POSITION_MODE = frozenset({110025})
SAME_LEVERAGE = frozenset({110043})

API = "api"
LIVE = Places(rest={API: "api.bybit.com"}, streams=frozenset({"stream.bybit.com"}))
TEST = Places(rest={API: "api-testnet.bybit.com"}, streams=frozenset({"stream-testnet.bybit.com"}))

# 600 requests in five seconds from one address, on all hosts together (documentation, "Rate Limit Rules").
WEIGHT_LIMITS = MappingProxyType({API: 7_200})

# Per account and endpoint, in any second: 10 creates, 10 cancels, 50 reads of positions, orders, executions, balances,
# 25 of the transaction log, 5 of fees. Of creates and cancels one is left to whoever trades by hand: for one too many
# the venue refuses it, and nothing but cancels leaves for a minute. One reading of an account is a dozen requests, no
# more than five of them of one endpoint.
BUDGETS: Mapping[Lane, Budget] = MappingProxyType(
    {
        Lane.CONTROL: Budget(requests=9, period_s=1, patience_s=4.0, weight_share=1.0, seats=24),
        Lane.ORDERS: Budget(requests=9, period_s=1, patience_s=0.0, weight_share=0.95, seats=16),
        Lane.RECONCILE: Budget(requests=400, period_s=10, patience_s=5.0, weight_share=0.8, seats=24),
        Lane.DATA: Budget(requests=200, period_s=10, patience_s=5.0, weight_share=0.6, seats=16),
    }
)


def hear(status: int, body: str) -> Said:
    """Bybit's code and words, which stand in the body of a refusal, whatever its status."""
    told = body_of(body)
    code = told.get("retCode")
    if not isinstance(code, int) or isinstance(code, bool) or code == 0:
        return SILENT
    return Said(code, str(told.get("retMsg", "")))


# The first three keep the client from asking what kind of account this is, before a stream and before an order.
OPTIONS = MappingProxyType(
    {
        "enableUnifiedMargin": False,
        "enableUnifiedAccount": True,
        "unifiedMarginStatus": 6,
        "fetchCurrencies": False,
        "adjustForTimeDifference": False,
        "ws": {"keepAlive": 15_000, "connectionTimeout": 5_000},
        "usedEndpoints": [
            "public",
            "private",
            "ws/public/linear",
            "ws/public/inverse",
            "ws/public/spot",
            "ws/private/contract",
        ],
    }
)
