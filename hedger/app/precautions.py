"""What protects an account while nobody looks: quiet that was asked for, the dead man's switch, and bound keys."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from hedger.app.findings import Finding
from hedger.engine.known.policy import Policy
from hedger.errors import HedgerError
from hedger.model.account import AccountReading
from hedger.model.identity import parse_order_id
from hedger.model.instrument import InstrumentId
from hedger.model.message import VenueQuieted
from hedger.model.order import OrderReport
from hedger.ops.figures import instant
from hedger.runtime.journal import Journal, has_journal
from hedger.runtime.ports import Venue
from hedger.runtime.quieted import remembered_quiet


@runtime_checkable
class Keyed(Protocol):
    """A venue that says what it was told of its keys."""

    @property
    def keys_bound(self) -> bool | None:
        """Whether they work from given addresses only; None where the venue was not asked."""

    @property
    def keys_expire_at(self) -> int | None:
        """When the venue ends them (ms); None where they last, or it says nothing of it."""


@runtime_checkable
class Seeing(Protocol):
    """A venue that says what its keys may not read."""

    @property
    def unseen(self) -> str:
        """What the account may hold and nobody counts, in words; else empty."""


@runtime_checkable
class Sweeping(Protocol):
    """A venue that says how far its dead man's switch reaches."""

    @property
    def switch_reach(self) -> str:
        """What it takes where that is more than the contracts named to it, in words; else empty."""


@runtime_checkable
class Remembering(Protocol):
    """A venue that says where its leverage is kept."""

    @property
    def keeps_leverage(self) -> bool:
        """Whether the venue has none to set: what is configured is remembered by us, and nothing is sent for it."""


def keeps_leverage(venue: Venue) -> bool:
    """Whether configuring an account sends nothing, so that it is done where nothing may be sent, too."""
    return isinstance(venue, Remembering) and venue.keeps_leverage


async def configure_all(
    policy: Policy, venues: Mapping[str, Venue], ids: Mapping[str, Collection[InstrumentId]]
) -> None:
    """Configure each account, but where nothing may be sent those only for which nothing is sent."""
    set_now = [name for name, venue in venues.items() if policy.sends or keeps_leverage(venue)]
    await asyncio.gather(*(configure(policy, venues[name], ids[name]) for name in set_now))


async def configure(policy: Policy, venue: Venue, ids: Collection[InstrumentId]) -> None:
    """Put the instruments of every hedge on one account into the modes that its guards ask for."""
    for hedge in policy.hedges:
        symbols = [id.symbol for id in hedge.instruments if id in ids]
        if symbols:
            await venue.configure(symbols, leverage=hedge.guards.leverage, margin_mode=hedge.guards.margin_mode)


def quiet_of(directory: Path) -> tuple[VenueQuieted, ...]:
    """What venues asked of earlier starts on a state directory; nothing where none was made. Raises JournalError."""
    if not has_journal(directory):
        return ()
    with closing(Journal.open(directory, read_only=True)) as journal:
        return remembered_quiet(journal)


def quiet_row(account: str, asked: Collection[VenueQuieted], now: int) -> Finding:
    """Whether the venue still wants quiet: then nothing must be sent, by an examination neither."""
    left = [event for event in asked if event.account == account and event.until_at > now]
    if not left:
        return Finding(True, f"{account}: quiet", "the venue has not asked us to be silent")
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
    expire_at = ends_of_keys([venue]).get(venue.account)
    ends = f" and end on {instant(expire_at)}" if expire_at is not None else ""
    found = f"the keys work from any address{ends}"
    return Finding(False, check, found, "bind them to this machine's address on the venue")


def ends_of_keys(venues: Iterable[Venue]) -> dict[str, int]:
    """When the keys of each account end (ms), of those accounts whose venue says that they do."""
    told = ((venue.account, venue.keys_expire_at) for venue in venues if isinstance(venue, Keyed))
    return {account: at for account, at in told if at is not None}


def sight_rows(venue: Venue) -> list[Finding]:
    """What may be held on the account and is not counted, because the keys may not read it."""
    unseen = venue.unseen if isinstance(venue, Seeing) else ""
    remedy = "give the keys that right, or hold none there"
    return [Finding(False, f"{venue.account}: what is not seen", unseen, remedy)] if unseen else []


async def switch_rows(
    venue: Venue, ids: Sequence[InstrumentId], switch_ms: int | None, reading: AccountReading, *, beside: bool = False
) -> list[Finding]:
    """The switch, tried where no order is open (a countdown of 0 changes nothing then), and whom else it would hit.

    One that is the whole account's is not tried: it would stop the countdown of another hedger on the account. Nor is
    any `beside` a hedger that runs: it believes its own countdown, and may place an order the next moment.
    """
    check = f"{venue.account}: dead man's switch"
    if switch_ms is None:
        return [Finding(True, check, "off: nothing is sent in this mode, or accounts' dead_mans_switch_s is 0")]
    orders = [order for order in reading.open_orders if order.id in ids]
    busy = "a hedger runs here and counts down" if beside else "orders are open" if orders else ""
    rows = [await _tried_switch(venue, ids, switch_ms, check, busy)]
    foreign = [order for order in orders if not _ours(order)]
    if foreign:
        symbols = ", ".join(sorted({order.id.symbol for order in foreign}))
        found = f"{len(foreign)} on {symbols}: if we fall silent, the venue cancels them with ours"
        remedy = "move them to another account or contract, or set dead_mans_switch_s to 0"
        rows.append(Finding(False, f"{venue.account}: orders by hand", found, remedy))
    return rows


async def _tried_switch(venue: Venue, ids: Sequence[InstrumentId], switch_ms: int, check: str, busy: str) -> Finding:
    period = f"cancels {switch_ms / 1000:g} s after we fall silent"
    reach = venue.switch_reach if isinstance(venue, Sweeping) else ""
    if reach:
        whole = (
            f"{period}, and with ours {reach}, by hand too; whoever else counts down on the account keeps ours alive"
        )
        return Finding(True, check, f"{whole}; not tried, for it would stop their countdown")
    if busy:
        return Finding(True, check, f"{period}; not tried, for {busy}")
    try:
        await venue.extend_switch([id.symbol for id in ids], 0)
    except HedgerError as problem:
        return Finding(False, check, str(problem), "without it nothing is created; let the key trade futures")
    return Finding(True, check, f"{period}; it answers")


def _ours(order: OrderReport) -> bool:
    return order.client_order_id is not None and parse_order_id(order.client_order_id) is not None
