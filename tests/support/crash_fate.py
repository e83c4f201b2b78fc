"""Where a process dies, to the row and the request, and what becomes of what it had already sent.

Every step that writes or asks something, every commit and every request with an effect counts as points, in the order
in which they happen. At the point that fate names, the process is gone at once: nothing that it was about to do
happens, its journal is copied as the disk has it then, and only what had left it may still arrive.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from hedger.engine.known.state import State
from hedger.engine.step import Result
from hedger.errors import JournalError
from hedger.model.account import MarginMode
from hedger.model.message import CancelAnswered, CancelOrder, PlaceOrder, Stamped
from hedger.runtime.journal import Journal, Row
from hedger.runtime.ports import LeaveTaken, PlaceOutcome
from hedger.runtime.record import rows_of
from hedger.sim.port import SimVenue, SteadyLink
from hedger.sim.virtual_time import VirtualClock

T = TypeVar("T")
LATE_MS = 1_800  # just inside the time-to-live of the orders in these tests


class Crashed(BaseException):
    """The process is gone. No handler of an `Exception` may get hold of it."""


class InFlight(StrEnum):
    """What becomes of requests that had left the process when it died."""

    LOST = "lost"
    ARRIVES = "arrives"
    LATE = "late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One place to die at: what was about to happen or had just happened, and how many requests were on their way."""

    what: str
    wires: int


@dataclass(slots=True, kw_only=True)
class Fate:
    """One life of a process. `die_at` is the number of the point that ends it (None: it lives)."""

    die_at: int | None = None
    in_flight: InFlight = InFlight.LOST
    points: list[Point] = field(default_factory=list)
    dead: bool = False
    crashed: asyncio.Event = field(default_factory=asyncio.Event)
    journal: Path | None = None
    copy_to: Path | None = None
    held_until: int = 0
    _wires: set[asyncio.Future[Any]] = field(default_factory=set)

    def point(self, what: str) -> None:
        """Live on, or end here."""
        if self.dead:
            raise Crashed(what)
        self.points.append(Point(what=what, wires=len(self._wires)))
        if self.die_at == len(self.points) - 1:
            self._die()
            raise Crashed(what)

    async def send(self, what: str, request: Coroutine[Any, Any, T]) -> T:
        """Send a request that outlives the process once it has left."""
        try:
            self.point(f"{what} leaves")
        except Crashed:
            request.close()
            raise
        wire = asyncio.ensure_future(request)
        self._wires.add(wire)
        wire.add_done_callback(self._wires.discard)
        self.point(f"{what} left")
        return await asyncio.shield(wire)

    def look(self, before: State, stamped: Stamped, result: Result) -> None:
        """A step was made: the process may end before its commands are carried out."""
        if result.commands or rows_of(before, stamped, result):
            self.point(f"step on {type(stamped.event).__name__}")

    def end(self) -> None:
        """Die here and now, wherever the process stands."""
        if not self.dead:
            self._die()

    async def left_behind(self) -> None:
        """Wait for what is still on its way."""
        await asyncio.gather(*self._wires, return_exceptions=True)

    def _die(self) -> None:
        self.dead = True
        if self.journal is not None and self.copy_to is not None:
            shutil.copytree(self.journal, self.copy_to, ignore=shutil.ignore_patterns("*-shm"), dirs_exist_ok=True)
        if self.in_flight is InFlight.LOST:
            for wire in self._wires:
                wire.cancel()
        elif self.in_flight is InFlight.LATE:
            self.held_until = VirtualClock().now_ms() + LATE_MS
        self.crashed.set()


class MortalJournal(Journal):
    """A real journal whose commits are points, and which a test can break for a while."""

    fate: Fate | None = None
    broken = False

    def write(self, rows: Iterable[Row]) -> None:
        rows = list(rows)
        if self.fate is None or not rows:
            super().write(rows)
            return
        kinds = ", ".join(dict.fromkeys(row.kind for row in rows))
        self.fate.point(f"before the commit of {kinds}")
        if self.broken:
            raise JournalError("the disk is full in this test")
        super().write(rows)
        self.fate.point(f"after the commit of {kinds}")


def mortal_journal(directory: Path, fate: Fate) -> MortalJournal:
    """The journal of a life; what it holds when the life ends is copied then."""
    journal = MortalJournal.open(directory, durable=False)
    assert isinstance(journal, MortalJournal)
    journal.fate, fate.journal = fate, directory
    return journal


class MortalLink(SteadyLink):
    """A link on which requests that outlived their process may be held up."""

    def __init__(self, clock: VirtualClock, seed: int, fate: Fate) -> None:
        super().__init__(clock, seed)
        self._fate, self._now = fate, clock.now_ms

    async def request(self, what: str) -> None:
        """Carry a request, later if it is an orphan's."""
        await super().request(what)
        if self._fate.held_until > self._now():
            await asyncio.sleep((self._fate.held_until - self._now()) / 1000)


class MortalVenue(SimVenue):
    """A simulated venue whose requests with an effect are points, and outlive the process that sent them."""

    def __init__(self, inner: SimVenue, seed: int, fate: Fate) -> None:
        clock = VirtualClock()
        link = MortalLink(clock, seed, fate)
        super().__init__(inner._exchange, clock, link, account=inner.account, user=inner._user)
        self._fate = fate

    async def configure(self, symbols: Sequence[str], *, leverage: int, margin_mode: MarginMode) -> None:
        inner = super().configure(symbols, leverage=leverage, margin_mode=margin_mode)
        await self._fate.send("configure", inner)

    async def place(self, order: PlaceOrder, leave: LeaveTaken) -> PlaceOutcome:
        return await self._fate.send("place", super().place(order, leave))

    async def cancel(self, order: CancelOrder) -> CancelAnswered:
        return await self._fate.send("cancel", super().cancel(order))

    async def extend_switch(self, symbols: Sequence[str], timeout_ms: int) -> None:
        await self._fate.send("switch", super().extend_switch(symbols, timeout_ms))
