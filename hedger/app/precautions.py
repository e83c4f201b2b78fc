"""What protects an account while nobody looks: quiet that was asked for, the dead man's switch, and bound keys."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from hedger.app.findings import Finding
from hedger.errors import HedgerError
from hedger.model.account import AccountReading
from hedger.model.identity import parse_order_id
from hedger.model.instrument import InstrumentId
from hedger.model.message import VenueQuieted
from hedger.model.order import OrderReport
from hedger.runtime.journal import Journal
from hedger.runtime.ports import Venue
from hedger.runtime.quieted import remembered_quiet


@runtime_checkable
class Keyed(Protocol):
    """A venue that says what it was told of its keys."""

    @property
    def keys_bound(self) -> bool | None:
        """Whether they work from given addresses only; None where the venue was not asked."""


def quiet_of(directory: Path) -> tuple[VenueQuieted, ...]:
    """What venues asked of earlier starts on a state directory; nothing where none was made."""
    if not (directory / "journal.sqlite3").exists():
        return ()
    with closing(Journal.open(directory, read_only=True)) as journal:
        return remembered_quiet(journal)


def quiet_row(account: str, asked: Collection[VenueQuieted], now: int) -> Finding:
    """Whether the venue still wants quiet: then nothing must be sent, by an examination neither."""
    left = [event for event in asked if event.account == account and event.until_at > now]
    if not left:
        return Finding(True, f"{account}: quiet", "the venue wants none")
    last = max(left, key=lambda event: event.until_at)
    until = datetime.fromtimestamp(last.until_at / 1000, UTC).isoformat(sep=" ", timespec="seconds")
    found = (
        f"{'banned' if last.banned else 'asked for quiet'} until {until} ({last.text}); the account is not looked at"
    )
    return Finding(False, f"{account}: quiet", found, "wait; a start waits by itself")


def key_row(venue: Venue) -> Finding:
    """Whether stolen keys would be of use elsewhere."""
    bound = venue.keys_bound if isinstance(venue, Keyed) else None
    check = f"{venue.account}: key restrictions"
    if bound is None:
        return Finding(True, check, "the venue does not tell here")
    if bound:
        return Finding(True, check, "bound to addresses")
    return Finding(False, check, "the keys work from any address", "bind them to this machine's address on the venue")


async def switch_rows(
    venue: Venue, ids: Sequence[InstrumentId], switch_ms: int | None, reading: AccountReading
) -> list[Finding]:
    """The switch, tried where no order is open (a countdown of 0 changes nothing then), and whom else it would hit."""
    check = f"{venue.account}: dead man's switch"
    if switch_ms is None:
        return [Finding(True, check, "off: nothing is sent in this mode, or accounts' dead_mans_switch_s is 0")]
    orders = [order for order in reading.open_orders if order.id in ids]
    rows = [await _tried_switch(venue, ids, switch_ms, check, bool(orders))]
    foreign = [order for order in orders if not _ours(order)]
    if foreign:
        symbols = ", ".join(sorted({order.id.symbol for order in foreign}))
        found = f"{len(foreign)} on {symbols}: if we fall silent, the venue cancels them with ours"
        remedy = "move them to another account or contract, or set dead_mans_switch_s to 0"
        rows.append(Finding(False, f"{venue.account}: orders by hand", found, remedy))
    return rows


async def _tried_switch(venue: Venue, ids: Sequence[InstrumentId], switch_ms: int, check: str, busy: bool) -> Finding:
    period = f"cancels {switch_ms / 1000:g} s after we fall silent"
    if busy:
        return Finding(True, check, f"{period}; not tried, for orders are open")
    try:
        await venue.extend_switch([id.symbol for id in ids], 0)
    except HedgerError as problem:
        return Finding(False, check, str(problem), "without it nothing is created; let the key trade futures")
    return Finding(True, check, f"{period}; it answers")


def _ours(order: OrderReport) -> bool:
    return order.client_order_id is not None and parse_order_id(order.client_order_id) is not None
