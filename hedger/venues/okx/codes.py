"""OKX's answers as data: what its codes prove, what its words mean, where it lives and what it allows.

Refusals come under HTTP 200 as well: an outer code of 1 or 2 only says that one stands in the row. Left out of _REFUSED
on purpose: 50004, 51054 and 51149 (the venue does not say whether it executed), 50013 and 50026 (it failed), 50037 (an
order that expired may have been accepted before), 50071, 51011 and 51016 (an order with this id exists).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hedger.model.order import FillCause, RejectReason, ReportStatus
from hedger.venues.lanes import Budget, Lane
from hedger.venues.profile import Places
from hedger.venues.speech import ANY_OR_4XX, SILENT, Codes, Refusals, Said, body_of

_KEYS = frozenset(
    {
        "50100", "50101", "50103", "50104", "50105", "50106", "50107",
        "50110", "50111", "50113", "50114", "50119", "50120",
    }
)  # fmt: skip
_TIME = frozenset({"50036", "50102", "50112"})
_BY_REASON: Mapping[RejectReason, tuple[str, ...]] = MappingProxyType(
    {
        RejectReason.INSUFFICIENT_MARGIN: ("51008", "51119", "51127", "51131"),
        RejectReason.REDUCE_ONLY_NOTHING_TO_REDUCE: ("51023", "51112", "51148", "51169", "51170", "51205", "51206"),
        RejectReason.INVALID_ORDER: (
            "50000", "50002", "50006", "50014", "50015", "50016", "50024",
            "51000", "51001", "51002", "51003", "51004", "51005", "51006", "51007", "51015", "51020", "51025",
            "51026", "51031", "51101", "51102", "51103", "51104", "51105", "51106", "51107", "51116", "51120",
            "51121", "51122", "51135", "51136", "51137", "51138", "51150", "51174", "51185", "51186", "51187",
        ),
        RejectReason.RESTRICTED: (
            "50007", "50009", "50012", "50027", "50028", "50029", "50030", "50032", "50033", "50051", "50052",
            "50059", "50060", "51009", "51010", "51024", "51037", "51155", "51209", "51210", "51211", "51213",
            "54024", "54030", "54031", "54035", "54072",
        ),
        RejectReason.UNAVAILABLE: (
            "50017", "50018", "50019", "50020", "50021", "50022", "50023",
            "51021", "51022", "51027", "51028", "51029", "51030", "51087",
        ),
        RejectReason.RATE_LIMITED: ("50011", "50061"),
        RejectReason.CLOCK: tuple(sorted(_TIME)),
        RejectReason.NOT_AUTHORISED: tuple(sorted(_KEYS)),
    }
)  # fmt: skip
_REFUSED: Refusals = MappingProxyType({code: reason for reason, codes in _BY_REASON.items() for code in codes})

STATUSES: Mapping[str, ReportStatus] = MappingProxyType(
    {
        "live": ReportStatus.WORKING,
        "partially_filled": ReportStatus.WORKING,
        "filled": ReportStatus.FILLED,
        "canceled": ReportStatus.CANCELED,
        "mmp_canceled": ReportStatus.CANCELED,
    }
)
ENDED = frozenset({"filled", "canceled", "mmp_canceled"})
# The code of a cancellation: the post-only order would have taken.
WOULD_TAKE = "31"

CATEGORIES: Mapping[str, FillCause] = MappingProxyType(
    {
        "full_liquidation": FillCause.LIQUIDATION,
        "partial_liquidation": FillCause.LIQUIDATION,
        "adl": FillCause.DELEVERAGING,
        "delivery": FillCause.SETTLEMENT,
    }
)
# The kinds of an execution in the list of fills: 100 to 107 are liquidations, 125 to 128 deleveraging.
SUBTYPES: Mapping[str, FillCause] = MappingProxyType(
    dict.fromkeys(map(str, range(100, 108)), FillCause.LIQUIDATION)
    | dict.fromkeys(map(str, range(125, 129)), FillCause.DELEVERAGING)
    | dict.fromkeys(("112", "113"), FillCause.SETTLEMENT)
)

CODES = Codes(
    refused=_REFUSED,
    refusing=ANY_OR_4XX,
    keys=_KEYS,
    hopeless=frozenset(
        {"50014", "50015", "50030", "50038", "51000", "51001", "51002", "51003", "51010", "51014", "51015"}
    ),
    passing=frozenset({"50001", "50004", "50011", "50013", "50026", "50040", "50061", "51054", "51149", *_TIME}),
    too_many=frozenset({"50011", "50061"}),
    wrong_time=_TIME,
    doubtful=frozenset({"50013"}),
)
# To a cancel: filled, canceled or never known. 51410, already being canceled, says that it is known.
UNKNOWN_ORDER = frozenset({"51400", "51401", "51402", "51603"})
NO_SUCH_ORDER = frozenset({"51603"})
NO_SUCH_INSTRUMENT = frozenset({"51001"})
# To a question about leverage: none of the contracts trades, or one of them does not exist.
NOT_TRADING = NO_SUCH_INSTRUMENT | {"59402"}

REST = "rest"
LIVE = Places(rest={REST: "www.okx.com"}, streams=frozenset({"ws.okx.com"}))
# Demo trading has the same REST host: there the header `x-simulated-trading: 1` tells them apart.
DEMO = Places(rest={REST: "www.okx.com"}, streams=frozenset({"wspap.okx.com"}))

# The venue limits each endpoint by itself (as documented in June 2026, each in two seconds: orders and cancels 60 an
# instrument, balance, positions and risk 10, configuration and fees 5, leverage 20, bills 5, fills 60), and no address
# as a whole. What is counted here is ours: 20 requests a second.
WEIGHT_LIMITS = MappingProxyType({REST: 1_200})
BUDGETS: Mapping[Lane, Budget] = MappingProxyType(
    {
        Lane.CONTROL: Budget(requests=100, period_s=10, patience_s=1.0, weight_share=1.0, seats=24),
        Lane.ORDERS: Budget(requests=40, period_s=10, patience_s=0.0, weight_share=0.95, seats=16),
        Lane.RECONCILE: Budget(requests=120, period_s=10, patience_s=5.0, weight_share=0.8, seats=24),
        Lane.DATA: Budget(requests=100, period_s=10, patience_s=5.0, weight_share=0.6, seats=16),
    }
)


def hear(status: int, body: str) -> Said:
    """OKX's code and words: those of the row where the outer code only says that the operation failed."""
    told = body_of(body)
    outer, rows = told.get("code"), told.get("data")
    if not isinstance(outer, str) or not outer:
        return SILENT
    inner = [row for row in rows if isinstance(row, dict) and _fails(row)] if isinstance(rows, list) else []
    if outer in ("0", "1", "2") and len(inner) == 1 and isinstance(rows, list) and len(rows) == 1:
        return Said(_code(inner[0]["sCode"]), str(inner[0].get("sMsg", "")))
    if outer == "0" and not inner:
        return SILENT
    return Said(_code(outer), str(told.get("msg", "")))


def _fails(row: Mapping[str, object]) -> bool:
    code = row.get("sCode")
    return isinstance(code, str) and code not in ("", "0")


def _code(text: str) -> str:
    """`51008_1000` is a sub-code of 51008."""
    return text.partition("_")[0]


# ccxt's own options that keep it from asking for what we do not need, and from what it does by default.
OPTIONS = MappingProxyType(
    {
        "fetchMarkets": {"types": ["swap"]},
        "adjustForTimeDifference": False,
        "createOrder": "privatePostTradeOrder",
        "ws": {"keepAlive": 15_000, "connectionTimeout": 5_000},
        "usedEndpoints": ["rest", "ws"],
    }
)
