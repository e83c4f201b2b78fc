"""What happens to the process and what people do, as the plan says: kills, pauses, bugs, wrong clocks, replicas."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hedger.app.simulation.process import Process
from hedger.errors import HedgerError
from hedger.model.message import Operation, OperatorAsked
from hedger.sim.faults.catalogue import CATALOGUE, Layer
from hedger.sim.faults.plan import Plan, Window
from hedger.sim.happenings import Struck, Tell
from hedger.sim.virtual_time import VirtualClock, VirtualEventLoop

PERSON_S = (60.0, 300.0)  # how soon a person looks at a hedger that halted


class Machine(Protocol):
    """The host on which the daemon is started again whenever it ends."""

    process: Process | None
    directory: Path

    def start(self, directory: Path) -> Process:
        """Start a process there; raises HedgerError."""


class Fate:
    """Carries out what the plan holds for the process and the operator; each strike is told."""

    def __init__(self, machine: Machine, plan: Plan, advance: Callable[[int], None], tell: Tell) -> None:
        """`advance` lets the exchanges live until a time (ms)."""
        self._machine, self._plan, self._advance, self._tell = machine, plan, advance, tell
        self._clock = VirtualClock()
        self._rng = plan.random("fate", "moments")
        self._acts: dict[str, Callable[[Window], object]] = {
            "P01": self._kill,
            "P04": self._pause,
            "P05": self._block,
            "P06": self._bug,
            "P10": self._replica,
            "P11": self._wrong_clock,
            "O01": self._kill_switch,
            "O07": self._nobody_reads,
            "O09": self._flatten,
        }

    async def run(self) -> None:
        """Every window of every such fault, in the order in which they open."""
        windows = [
            (window, code)
            for code, kind in CATALOGUE.items()
            if kind.layer in (Layer.PROCESS, Layer.OPERATOR) and code in self._plan.doses and code in self._acts
            for window in self._plan.doses[code].windows
        ]
        async with asyncio.TaskGroup() as group:
            for window, code in sorted(windows):
                group.create_task(self._at(window, code))

    async def _at(self, window: Window, code: str) -> None:
        await self._clock.sleep(max(0, window.start_at - self._clock.now_ms() + self._rng.randrange(2_000)) / 1000)
        if self._clock.now_ms() < self._plan.ends_at:
            outcome = self._acts[code](window)
            if asyncio.iscoroutine(outcome):
                await outcome

    def _struck(self, code: str, detail: str) -> None:
        self._tell(Struck(at=self._clock.now_ms(), account="", code=code, detail=detail))

    # --- the process ----------------------------------------------------------------------------------------------

    def _kill(self, _: Window) -> None:
        process = self._machine.process
        if process is not None and process.running:
            self._struck("P01", f"epoch {process.epoch} is killed where it stands")
            process.kill()

    def _pause(self, window: Window) -> None:
        self._stand_still("P04", (window.end_at - window.start_at) / 1000, "the whole process is stopped")

    def _block(self, window: Window) -> None:
        self._stand_still("P05", (window.end_at - window.start_at) / 1000, "the event loop is blocked")

    def _stand_still(self, code: str, seconds: float, text: str) -> None:
        """Time passes at once, and the exchange lives through it; whatever the process waited for comes afterwards."""
        self._struck(code, f"{text} for {seconds:.0f} s")
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualEventLoop)
        loop.pass_time(seconds)
        self._advance(self._clock.now_ms())

    def _bug(self, _: Window) -> None:
        process = self._machine.process
        if process is not None and process.running:
            self._struck("P06", f"a reader of epoch {process.epoch} will fail")
            process.break_one()

    def _wrong_clock(self, _: Window) -> None:
        """The wall clock is read once, at a start: so the process is started anew while the clock is wrong."""
        process = self._machine.process
        if process is not None and process.running:
            process.kill()

    # --- another of us --------------------------------------------------------------------------------------------

    async def _replica(self, window: Window) -> None:
        first = self._machine.process
        if first is None or not first.running:
            return
        try:
            self._machine.start(self._machine.directory)
        except HedgerError:
            self._struck("P10", "a second process on the same directory is refused")
        if self._rng.random() < 0.5:
            await self._move_house(first, window)

    async def _move_house(self, first: Process, window: Window) -> None:
        """Another host has a copy of the journal and starts; for a while both run, then the first one is killed."""
        directory = copied(self._machine.directory)
        try:
            second = self._machine.start(directory)
        except HedgerError:
            return
        self._struck("P10", f"epochs {first.epoch} and {second.epoch} run side by side")
        self._machine.process, self._machine.directory = second, directory
        await self._clock.sleep((window.end_at - self._clock.now_ms()) / 1000)
        first.kill()

    # --- people ---------------------------------------------------------------------------------------------------

    async def _kill_switch(self, window: Window) -> None:
        """Kill is pressed twice, whatever the program is doing; a person lifts it later."""
        while self._clock.now_ms() < window.end_at:
            process = self._machine.process
            if process is not None and process.running:
                self._struck("O01", f"epoch {process.epoch} is told to halt")
                process.daemon.loop.ask(Operation.HALT, "a person pressed kill")
            await self._clock.sleep(self._rng.uniform(1, 10))

    async def _flatten(self, window: Window) -> None:
        """A person has some or all hedges flattened while the window is open, asks again whenever it was forgotten or
        held, and lets them hedge again at its end, whatever has happened to the process meanwhile."""
        names = self._rng.choice(((), self._some_hedges()))
        while self._clock.now_ms() < window.end_at:
            process = self._machine.process
            # A hedger that still waits for its venues takes no requests; what is put to it would be carried out later.
            hears = process is not None and process.running and process.daemon.begun
            if process is not None and hears and not process.daemon.state.flattening:
                self._struck("O09", f"epoch {process.epoch} is to flatten {', '.join(names) or 'everything'}")
                asked = OperatorAsked(operation=Operation.FLATTEN, reason="a person wants out", names=names)
                process.daemon.loop.inbox.put(asked)
            await self._clock.sleep(self._rng.uniform(5, 40))
        await self._unpause()

    def _some_hedges(self) -> tuple[str, ...]:
        process = self._machine.process
        return tuple(process.daemon.state.hedges)[:1] if process is not None else ()

    async def _unpause(self) -> None:
        while True:
            process = self._machine.process
            if process is not None and process.running:
                state = process.daemon.state
                if state.paused is None and not state.flattening:
                    return
                process.daemon.loop.ask(Operation.UNPAUSE, "a person wants in again")
            await self._clock.sleep(5)

    async def _nobody_reads(self, window: Window) -> None:
        """Nobody looks at anything while the window is open: what halts stays halted."""
        self._struck("O07", "nobody reads the alarms")
        await self._clock.sleep((window.end_at - self._clock.now_ms()) / 1000)


async def person(machine: Machine, plan: Plan, clock: VirtualClock) -> None:
    """Somebody who looks every few minutes, and resumes what halted, once it is quiet enough to be sure."""
    rng = plan.random("person", "looks")
    while True:
        await clock.sleep(rng.uniform(*PERSON_S))
        process = machine.process
        away = plan.active("O07", clock.now_ms()) or plan.active("O01", clock.now_ms())
        if process is not None and process.running and process.daemon.state.halted is not None and not away:
            process.daemon.loop.ask(Operation.RESUME, "a person looked at it")


def copied(directory: Path) -> Path:
    """A copy of a state directory beside it, as a backup or a snapshot of a volume makes it."""
    copy = directory.with_name(directory.name + "-copy")
    copy.mkdir(mode=0o700)
    source = sqlite3.connect(directory / "journal.sqlite3")
    target = sqlite3.connect(copy / "journal.sqlite3")
    with target:
        source.backup(target)
    source.close()
    target.close()
    shutil.copymode(directory / "journal.sqlite3", copy / "journal.sqlite3")
    return copy
