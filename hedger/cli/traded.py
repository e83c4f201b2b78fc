"""Commands that say what was traded: orders and fills."""

from __future__ import annotations

import json as json_module
from collections import deque
from typing import Annotated, Any

import typer

from hedger.cli.held import short
from hedger.cli.inspect import said_on
from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, moment, state_directory
from hedger.runtime.kill import printable

WORKING = {
    "id": "our id of the order, which the venue keeps too",
    "hedge": "the hedge by its name",
    "instrument": "`account:symbol`",
    "status": "sent, open, pending_cancel or unknown",
    "side": "buy or sell",
    "quantity": "units of the instrument",
    "filled": "the most that any evidence says has filled",
    "remaining": "what may still fill",
    "price": "quote per unit",
    "reduce_only": "whether it may only make a position smaller",
    "decision_id": "the decision behind it, for `hedger explain`",
    "placed_at": "when it was decided",
    "changed_at": "when it became what it is",
    "age_s": "how long it has worked, in seconds",
}
LimitOption = Annotated[int, typer.Option(min=1, max=1_000_000, help="No more than so many, the newest.")]
SinceOption = Annotated[
    str | None, typer.Option(help="From then on, as 2026-01-31T12:00, in UTC unless it says otherwise.")
]


def orders(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    all: Annotated[bool, typer.Option("--all", help="Every order in the journal, also those that are over.")] = False,
    limit: LimitOption = 50,
    json: JsonOption = False,
) -> None:
    """Say which orders of ours work in the books now, or with --all which there were."""
    if all:
        _past("orders", config, state_dir, None, limit, json)
        return
    said = said_on(config, state_dir)
    found = [order for hedge in said.part("hedges").values() for order in hedge["orders"]]
    rows = [_working(order) for order in found]
    header = ("id", "status", "side", "quantity", "filled", "price", "instrument", "age")
    told = [{key: order.get(key) for key in WORKING} for order in found]
    said.tell(json, {"orders": told}, [(header, rows)], empty="no order of ours works")


def fills(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    since: SinceOption = None,
    limit: LimitOption = 50,
    json: JsonOption = False,
) -> None:
    """Say what was executed for us, from the journal: also while the hedger runs. The newest come last."""
    _past("fills", config, state_dir, since, limit, json)


def _working(order: dict[str, Any]) -> tuple[str, ...]:
    status = "UNKNOWN FATE" if order["status"] == "unknown" else order["status"]
    figures = (short(order[key]) for key in ("quantity", "filled", "price"))
    age = order.get("age_s")
    return (order["id"], status, order["side"], *figures, order["instrument"], "–" if age is None else f"{age:.0f} s")


def _past(what: str, config: Any, state_dir: Any, since: str | None, limit: int, json: bool) -> None:
    """The newest records of a kind, from the journal."""
    from hedger.app.records import records
    from hedger.cli.show import print_table

    since_at = 0 if since is None else moment("--since", since)
    newest = deque(records(state_directory(config, state_dir), what, since_at=since_at), maxlen=limit)
    if json:
        print(json_module.dumps({what: list(newest)}))
    elif not newest:
        print(f"there are no {what} in the journal{'' if since is None else ' from then on'}")
    elif what == "fills":
        header = ("when", "side", "quantity", "price", "fee", "as", "instrument", "order")
        print_table(header, [_fill(row) for row in newest])
    else:
        columns = ("id", "status", "side", "quantity", "filled", "price", "instrument", "placed", "decision")
        print_table(columns, [_ended(row) for row in newest])


def _fill(row: dict[str, Any]) -> tuple[str, ...]:
    figures = (short(row[key]) for key in ("quantity", "price"))
    kind = "maker" if row["maker"] else "TAKER"
    fee = f"{short(row['fee'])} {row['fee_asset']}"
    why = kind if row["cause"] == "order" else f"{kind}, {row['cause']}"
    order = printable(str(row["client_order_id"] or row["venue_order_id"]))
    return (_when(row["exchange_at"]), row["side"], *figures, fee, why, row["instrument"], order)


def _ended(row: dict[str, Any]) -> tuple[str, ...]:
    figures = (short(row[key]) for key in ("quantity", "filled", "price"))
    placed = _when(row["placed_at"])
    return (row["id"], row["status"], row["side"], *figures, row["instrument"], placed, str(row["decision_id"]))


def _when(text: str) -> str:
    return text[:19].replace("T", " ")
