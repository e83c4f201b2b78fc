"""One process of the daemon in a simulation: the real one, on a real journal, with an observer and wires that tell."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from hedger.app.daemon import Daemon, Parts, forever
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.engine.step import Result
from hedger.errors import Bug, HedgerError
from hedger.model.message import Stamped
from hedger.runtime.journal import Row
from hedger.runtime.lease import Lease
from hedger.runtime.pollers import Polling
from hedger.runtime.ports import Clock
from hedger.sim.breakable import BreakableVenue
from hedger.sim.faults.clocks import SkewedClock
from hedger.sim.faults.disk import FaultyJournal
from hedger.sim.faults.strikes import Strikes
from hedger.sim.happenings import Committed, Died, Started, Stepped, Tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Makings:
    """What each process of a run is made of. `clock` is the true time, `strikes` what befalls the host, `config` stands
    for the policy in the journal."""

    policy: Policy
    polling: Polling
    clock: Clock
    strikes: Strikes
    tell: Tell
    config: str = ""


class TellingObserver:
    """Tells each step."""

    def __init__(self, tell: Tell, clock: Clock) -> None:
        self._tell, self._clock = tell, clock

    def observe(self, before: State, stamped: Stamped, result: Result, seconds: float) -> None:
        """One event was handled."""
        self._tell(Stepped(at=self._clock.now_ms(), before=before, stamped=stamped, result=result))

    def queued(self, events: int) -> None:
        """Nothing to tell."""

    def timed(self, stage: str, account: str, seconds: float, outcome: str) -> None:
        """Nothing to tell: real seconds are different in each run."""


class TellingJournal(FaultyJournal):
    """The real journal on a disk of the plan, which tells what has been committed."""

    tell: Tell | None = None
    clock: Clock | None = None

    def write(self, rows: Iterable[Row]) -> None:
        """Write rows, and tell them once they are on the disk; raises JournalError."""
        kept = list(rows)
        super().write(kept)
        if kept and self.tell is not None and self.clock is not None:
            self.tell(Committed(at=self.clock.now_ms(), rows=tuple((row.kind, row.key) for row in kept)))


class Process:
    """A daemon from its start to its end. `ended` says how it ended; None while it runs."""

    def __init__(
        self, makings: Makings, venues: Mapping[str, BreakableVenue], directory: Path, clock: SkewedClock
    ) -> None:
        """Take the directory, begin an epoch; raises HedgerError where that cannot be."""
        self.directory = directory
        self._makings, self._venues = makings, venues
        self._killed = self._began = False
        self.bug: BaseException | None = None
        self._held = ExitStack()
        try:
            self._held.enter_context(Lease(directory))
            self._journal = TellingJournal.open(directory, durable=False)
            self._held.callback(self._journal.close)
            self._journal.tell, self._journal.clock = makings.tell, makings.clock
            self._journal.trouble(makings.strikes)
            self.daemon = Daemon(
                Parts(
                    policy=makings.policy,
                    venues=dict(venues),
                    clock=clock,
                    journal=self._journal,
                    polling=makings.polling,
                    observer=TellingObserver(makings.tell, makings.clock),
                    start_record={"config": makings.config},
                )
            )
        except HedgerError:
            self._held.close()
            raise
        self.epoch = self.daemon.state.epoch
        makings.tell(Started(at=makings.clock.now_ms(), epoch=self.epoch))
        self.task = asyncio.create_task(self._run())

    @property
    def heeds_until(self) -> int:
        """Until when (true ms) it waits because a venue wants quiet."""
        return max(venue.heeds_until for venue in self._venues.values())

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return not self.task.done()

    def kill(self) -> None:
        """End it where it stands: nothing more is written, nothing more leaves."""
        if self.running and not self._killed:
            self._killed = True
            self._journal.close()
            self.task.cancel()
            if not self._began:  # what is canceled before its first step runs not even its `finally`
                self._over("killed")

    def break_one(self) -> None:
        """Let a reader of it fail with a bug."""
        next(iter(self._venues.values())).broken = True

    async def _run(self) -> None:
        """The daemon to its end, which is told. What is no error of ours stays in the task, for whoever looks."""
        self._began, text = True, "by an error that is none of ours"
        try:
            await self.daemon.run(forever)
            text = "in order"
        except asyncio.CancelledError:
            text = "killed"
        except Bug as bug:
            text = f"{bug} <- {bug.__cause__!r}"
            self.bug = _root(bug)
        except HedgerError as error:
            text = f"{type(error).__name__}: {error}"
        finally:
            self._over(text)

    def _over(self, text: str) -> None:
        """It lets go of its directory, and its end is told."""
        self._held.close()
        self._makings.tell(Died(at=self._makings.clock.now_ms(), killed=self._killed, text=text, epoch=self.epoch))


def _root(error: BaseException) -> BaseException:
    """What began it: the first cause, through groups of tasks that failed together."""
    while True:
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        elif error.__cause__ is not None:
            error = error.__cause__
        else:
            return error
