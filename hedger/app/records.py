"""Rows of the journal as flat records, one shape for each kind: what `orders` and `fills` show and `export` writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from hedger.errors import JournalError
from hedger.model.numeric import plain
from hedger.ops.figures import iso
from hedger.runtime.journal import Journal

TELL_EVERY = 500


class Unit(StrEnum):
    """What a column holds, for formats that have types. An `amount` is a Decimal as a plain string."""

    TEXT = "text"
    AMOUNT = "amount"
    MOMENT = "moment"
    WHOLE = "whole"
    SWITCH = "switch"


class Column(NamedTuple):
    """One column: its name, what it holds, and what it means."""

    name: str
    unit: Unit
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of record: the rows of the journal that it is made of, its columns, and how a row becomes one.

    Where it is `latest`, only the newest row of each key counts.
    """

    kind: str
    columns: tuple[Column, ...]
    record: Callable[[int, Mapping[str, Any]], dict[str, Any]]
    latest: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, which are the keys of a record."""
        return tuple(column.name for column in self.columns)


def records(
    directory: Path, what: str, *, since_at: int = 0, told: Callable[[int], None] = lambda _: None
) -> Iterator[dict[str, Any]]:
    """The records of a kind from `since_at` on, oldest first, one at a time while the hedger writes on; `told` hears
    how many rows were looked at. Raises JournalError, also in the middle."""
    table = TABLES[what]
    with closing(Journal.open(directory, read_only=True)) as journal:
        try:
            for count, (at, body) in enumerate(_rows(journal, table), start=1):
                if count % TELL_EVERY == 0:
                    told(TELL_EVERY)
                if at >= since_at:
                    yield table.record(at, json.loads(body))
        except (ValueError, TypeError, KeyError, AttributeError, InvalidOperation) as problem:
            text = f"a row of kind {table.kind} cannot be read ({type(problem).__name__})"
            raise JournalError(f"{directory}: {text}; `hedger journal verify` says whether it is whole") from None


def rows_in(directory: Path, what: str) -> int:
    """How many rows will be looked at. Raises JournalError."""
    with closing(Journal.open(directory, read_only=True)) as journal:
        return next((rows for kind, rows, _, _ in journal.counts() if kind == TABLES[what].kind), 0)


def _rows(journal: Journal, table: Table) -> Iterator[tuple[int, str]]:
    if not table.latest:
        yield from ((at, body) for at, _, body in journal.rows(table.kind))
        return
    newest: dict[str, tuple[int, str]] = {}
    for at, key, body in journal.rows(table.kind):
        newest.pop(key, None)
        newest[key] = (at, body)
    yield from newest.values()


# --- what each kind is made of ----------------------------------------------------------------------------------------


def _fill(at: int, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "at": iso(at),
        "exchange_at": iso(body["exchange_at"]),
        "instrument": _instrument(body),
        **{name: body[name] for name in ("side", "quantity", "price", "fee", "fee_asset", "maker")},
        "cause": body.get("cause", "order"),
        **{name: body[name] for name in ("trade_id", "venue_order_id", "client_order_id")},
    }


def _order(at: int, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": body["client_order_id"],
        "hedge": body["hedge"],
        "instrument": _instrument(body),
        **{name: body[name] for name in ("status", "side", "quantity")},
        "filled": plain(max(Decimal(body["reported"]), Decimal(body["booked"]))),
        "price": body["price"],
        "reduce_only": body["reduce_only"],
        "decision_id": body["decision_id"],
        "placed_at": iso(body["placed_at"]),
        "changed_at": iso(at),
        "venue_order_id": body["venue_order_id"],
    }


def _decision(_: int, body: Mapping[str, Any]) -> dict[str, Any]:
    quote, mark, order = (body.get(name) or {} for name in ("quote", "mark", "order"))
    held = body.get("exposure") or {}
    return {
        "at": iso(body["at"]),
        **{name: body[name] for name in ("decision_id", "hedge", "mode", "action", "reason", "detail")},
        **{name: held.get(name) for name in ("spot", "static", "futures")},
        **{name: body[name] for name in ("target", "deviation", "lower", "upper")},
        **{name: quote.get(name) for name in ("bid", "ask")},
        **{name: mark.get(name) for name in ("mark_price", "index_price")},
        "instrument": _instrument(order) if order else None,
        **{name: order.get(name) for name in ("client_order_id", "side", "quantity", "price")},
        "notional": body.get("notional"),
    }


def _funding(_: int, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "exchange_at": iso(body["exchange_at"]),
        "instrument": _instrument(body),
        **{name: body.get(name) for name in ("payment_id", "amount", "asset", "price", "notional")},
    }


def _instrument(body: Mapping[str, Any]) -> str:
    account, symbol = body["id"]
    return f"{account}:{symbol}"


_AT = Column("at", Unit.MOMENT, "when the journal got it")
_INSTRUMENT = Column("instrument", Unit.TEXT, "`account:symbol`")
_SIDE = Column("side", Unit.TEXT, "buy or sell")
_HEDGE = Column("hedge", Unit.TEXT, "the hedge by its name")
_ORDER_ID = "our id of the order, which the venue keeps too"

TABLES: dict[str, Table] = {
    "fills": Table(
        "fill",
        (
            _AT,
            Column("exchange_at", Unit.MOMENT, "when it happened, by the venue's clock"),
            _INSTRUMENT,
            _SIDE,
            Column("quantity", Unit.AMOUNT, "units of the instrument"),
            Column("price", Unit.AMOUNT, "quote per unit"),
            Column("fee", Unit.AMOUNT, "in `fee_asset`; below 0 is a rebate"),
            Column("fee_asset", Unit.TEXT, "what the fee was paid in"),
            Column("maker", Unit.SWITCH, "whether the order rested"),
            Column("cause", Unit.TEXT, "order, liquidation, deleveraging or settlement"),
            Column("trade_id", Unit.TEXT, "the venue's id of the execution"),
            Column("venue_order_id", Unit.TEXT, "the venue's id of the order"),
            Column("client_order_id", Unit.TEXT, _ORDER_ID),
        ),
        _fill,
    ),
    "orders": Table(
        "order",
        (
            Column("id", Unit.TEXT, _ORDER_ID),
            _HEDGE,
            _INSTRUMENT,
            Column("status", Unit.TEXT, "sent, open, pending_cancel, unknown, filled, canceled, expired or rejected"),
            _SIDE,
            Column("quantity", Unit.AMOUNT, "units of the instrument"),
            Column("filled", Unit.AMOUNT, "the most that any evidence says has filled"),
            Column("price", Unit.AMOUNT, "quote per unit"),
            Column("reduce_only", Unit.SWITCH, "whether it may only make a position smaller"),
            Column("decision_id", Unit.WHOLE, "the decision behind it, for `hedger explain`"),
            Column("placed_at", Unit.MOMENT, "when it was decided"),
            Column("changed_at", Unit.MOMENT, "when it became what it is"),
            Column("venue_order_id", Unit.TEXT, "the venue's id, once it is known"),
        ),
        _order,
        latest=True,
    ),
    "decisions": Table(
        "decision",
        (
            Column("at", Unit.MOMENT, "when it was made"),
            Column("decision_id", Unit.WHOLE, "its number, for `hedger explain`"),
            _HEDGE,
            Column("mode", Unit.TEXT, "what the program might do then"),
            Column("action", Unit.TEXT, "hold, place, cancel, wait or deny"),
            Column("reason", Unit.TEXT, "why, from a closed list"),
            Column("detail", Unit.TEXT, "the numbers behind the reason, in words"),
            Column("spot", Unit.AMOUNT, "coins on the accounts"),
            Column("static", Unit.AMOUNT, "coins held where no API sees them"),
            Column("futures", Unit.AMOUNT, "delta of the futures, in coins"),
            Column("target", Unit.AMOUNT, "the wanted net delta, in coins"),
            Column("deviation", Unit.AMOUNT, "net delta minus target, in coins"),
            Column("lower", Unit.AMOUNT, "how far below its target the delta might be, in coins"),
            Column("upper", Unit.AMOUNT, "how far above, in coins"),
            Column("bid", Unit.AMOUNT, "quote per unit"),
            Column("ask", Unit.AMOUNT, "quote per unit"),
            Column("mark_price", Unit.AMOUNT, "quote per unit"),
            Column("index_price", Unit.AMOUNT, "quote per unit"),
            _INSTRUMENT,
            Column("client_order_id", Unit.TEXT, _ORDER_ID),
            _SIDE,
            Column("quantity", Unit.AMOUNT, "units of the instrument"),
            Column("price", Unit.AMOUNT, "quote per unit"),
            Column("notional", Unit.AMOUNT, "what a placed order was worth, in quote"),
        ),
        _decision,
    ),
    "funding": Table(
        "funding",
        (
            Column("exchange_at", Unit.MOMENT, "when it was paid, by the venue's clock"),
            _INSTRUMENT,
            Column("payment_id", Unit.TEXT, "the venue's id"),
            Column("amount", Unit.AMOUNT, "in `asset`: above 0 was received"),
            Column("asset", Unit.TEXT, "what it was paid in"),
            Column("price", Unit.AMOUNT, "what one of `asset` was worth in quote"),
            Column("notional", Unit.AMOUNT, "what it was paid on, in quote"),
        ),
        _funding,
    ),
}
