"""One world, one journal, processes that die in it: run to a crash, start again, converge, and be judged."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Mode, State
from hedger.engine.step import Result
from hedger.errors import HedgerError
from hedger.model.message import Operation, PlaceOrder, Stamped
from hedger.runtime.journal import Journal
from hedger.runtime.recover import recovered_state
from hedger.sim.virtual_time import VirtualClock
from hedger.sim.world import World
from tests.support.crash_fate import Fate, InFlight, MortalVenue, Point, mortal_journal
from tests.support.crash_witness import Witness
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import NOON, OWNER, Play, Script, act, make_world, stage
from tests.support.simulated_venue import LensVenue

CONVERGES_S = 300.0
REST_S = 5.0
SECOND_POINTS = (0, 1, 3, 5, 8, 12, 17, 23)


async def nothing(it: Play) -> None:
    """Nothing happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A short story that a process may die in at any point.

    `script` is what happens until the daemon is told to drain; `before` a life that was killed at its end, earlier;
    `again` what happens in the life after a crash before it must converge, which begins `away_s` later. `flips` as in
    `Witness`.
    """

    name: str
    script: Script
    before: Script | None = None
    again: Script = nothing
    policy: Policy = field(default_factory=lambda: policy_of(hedge_of()))
    spot: Mapping[str, str] = field(default_factory=lambda: {"BTC": "1"})
    collateral: str = "150000"
    start_at: int = NOON
    seed: int = 1
    flips: bool = True
    away_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """Where a run of a scenario dies, and perhaps dies again in the life after."""

    at: int
    in_flight: InFlight = InFlight.LOST
    second_at: int | None = None


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What came of a run: faults, the points that were passed in the first life, how long the last one took to
    converge, and whether it died (`again`: twice)."""

    faults: list[str] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    converged_s: float = 0.0
    died: bool = False
    again: bool = False


def points_of(scenario: Scenario, directory: Path) -> list[Point]:
    """Every place to die at in a scenario, from a run that lives to its end; that must be in order too."""
    verdict = run(scenario, None, directory)
    assert not verdict.faults, f"{scenario.name} without a crash: {verdict.faults}"
    return verdict.points


def crashes_of(points: Sequence[Point]) -> list[Crash]:
    """Every single crash: at each point, and for requests that are on their way, each thing that may become of them."""
    return [
        Crash(at=number, in_flight=in_flight)
        for number, point in enumerate(points)
        for in_flight in (InFlight if point.wires else (InFlight.LOST,))
    ]


def doubles_of(points: Sequence[Point]) -> list[Crash]:
    """Crashes at each point, each followed by another in the life after, ever later in it."""
    fates = tuple(InFlight)
    return [
        Crash(at=at, in_flight=fates[at % len(fates)], second_at=SECOND_POINTS[at % len(SECOND_POINTS)])
        for at in range(len(points))
    ]


def spread(crashes: Sequence[Crash], number: int) -> list[Crash]:
    """So many of them, evenly spread, the same each time."""
    if len(crashes) <= number:
        return list(crashes)
    return [crashes[(2 * n + 1) * len(crashes) // (2 * number)] for n in range(number)]


def run(scenario: Scenario, crash: Crash | None, directory: Path) -> Verdict:
    """Play a scenario with a crash, or none, and judge it."""
    verdict = Verdict()

    async def scene(world: World) -> None:
        await _Lives(scenario, world, directory, verdict).lead(crash)

    try:
        stage(
            scene,
            lambda: make_world(scenario.policy, scenario.spot, scenario.collateral, scenario.seed, scenario.start_at),
            scenario.start_at,
        )
    except (AssertionError, HedgerError, RuntimeError) as problem:
        verdict.faults.append(f"{problem!r}, because of {problem.__cause__!r}"[:2000])
    return verdict


class _Lives:
    """The lives of one run, one after the other, each on what the one before it left on disk."""

    def __init__(self, scenario: Scenario, world: World, directory: Path, verdict: Verdict) -> None:
        self._scenario, self._world, self._directory, self._verdict = scenario, world, directory, verdict
        self._witness = Witness(world=world, policy=scenario.policy, user=OWNER, flips=scenario.flips)
        self._lives = 0
        self._fates: list[Fate] = []

    async def lead(self, crash: Crash | None) -> None:
        scenario = self._scenario
        if scenario.before is not None:
            await self._live(self._killed_after(scenario.before), fate := Fate())
            assert fate.dead, "the life before was killed"
        first = Fate(die_at=None if crash is None else crash.at)
        if crash is not None:
            first.in_flight = crash.in_flight
        last = await self._live(scenario.script, first)
        self._verdict.points = first.points
        if first.dead and crash is not None:
            await asyncio.sleep(scenario.away_s)
            second = Fate(die_at=crash.second_at, in_flight=crash.in_flight)
            last = await self._live(self._recover, second)
            if second.dead:
                last = await self._live(self._recover, Fate())
            self._verdict.died, self._verdict.again = True, second.dead
        assert last is not None, "the last life begins"
        await asyncio.gather(*(fate.left_behind() for fate in self._fates))
        self._judge_end(last)

    def _killed_after(self, script: Script) -> Script:
        async def killed(it: Play) -> None:
            await script(it)
            self._fates[-1].end()
            await asyncio.Event().wait()

        return killed

    async def _live(self, script: Script, fate: Fate) -> Play | None:
        """One life, to its orderly end or to its crash. What it was, unless it died before it was anything."""
        self._fates.append(fate)
        self._lives += 1
        number = self._lives
        here, fate.copy_to = self._directory / str(number), self._directory / str(number + 1)
        here.mkdir(parents=True, exist_ok=True)
        halted = self._judge_recovery(here) if number > 1 else None
        lived: list[Play] = []

        async def told(it: Play) -> None:
            lived.append(it)
            if halted is not None and it.state.halted is None:
                self._fault(f"the halt '{halted}' was forgotten")
            await script(it)

        def prepare(lens: LensVenue) -> None:
            lens.inner = MortalVenue(lens.inner, self._scenario.seed + number, fate)

        running = asyncio.create_task(
            act(
                self._world,
                told,
                self._scenario.policy,
                here,
                prepare=prepare,
                journal=lambda directory: mortal_journal(directory, fate),
                looks=(self._look, fate.look),
            )
        )
        crashed = asyncio.create_task(fate.crashed.wait())
        await asyncio.wait({running, crashed}, return_when=asyncio.FIRST_COMPLETED)
        crashed.cancel()
        if not fate.dead:
            return await running
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return lived[-1] if lived else None

    # --- judgement ------------------------------------------------------------------------------------------------

    def _fault(self, text: str) -> None:
        self._verdict.faults.append(text)

    def _look(self, before: State, stamped: Stamped, result: Result) -> None:
        if any(isinstance(c, PlaceOrder) for c in result.commands) and not (
            before.reconciled or result.state.reconciled
        ):
            self._fault("an order was decided on before the account was reconciled")

    def _judge_recovery(self, here: Path) -> str | None:
        """Recovering what is there once, or again, comes to the same state. Why it is halted, if it is.

        A start that was killed may have sent something until its last row, its own `start`: so the one after it waits
        for what may still arrive, and that alone may differ.
        """
        copy, now, states = here.with_name(f"{here.name}-copy"), VirtualClock().now_ms(), []
        shutil.copytree(here, copy)
        halted = None
        for _ in range(2):
            with closing(Journal.open(copy, durable=False)) as journal:
                halted = journal.halted()
                state = recovered_state(self._scenario.policy, journal.begin(now, {}), now)
            accounts = {name: replace(view, barrier_at=0) for name, view in state.accounts.items()}
            states.append(state._replace(epoch=0, accounts=accounts))
        for name, once, again in zip(State._fields, *states, strict=True):
            if once != again:
                self._fault(f"recovering again changes {name} from {once} to {again}")
        return halted

    async def _recover(self, it: Play) -> None:
        """After a crash: whatever happens again, then it converges, and stays there."""
        began = it.clock.now_ms()
        await self._scenario.again(it)
        if it.state.paused is not None:  # it outlived the crash, so a person ends it
            it.daemon.loop.ask(Operation.UNPAUSE, "after the crash")
        since = it.clock.now_ms()
        await it.until(lambda: _converged(it, since), "converged", within=CONVERGES_S, every=0.25)
        self._verdict.converged_s = (it.clock.now_ms() - began) / 1000
        await it.sleep(REST_S)
        if it.state.halted is None:
            self._judge_deltas(it)

    def _judge_deltas(self, it: Play) -> None:
        for hedge in self._scenario.policy.hedges:
            delta = it.delta(hedge.underlying) + hedge.static_quantity
            if abs(delta) > max(hedge.band.upper, hedge.band.lower):
                self._fault(f"{hedge.name} is left at a delta of {delta}")

    def _judge_end(self, it: Play) -> None:
        """After the last life has drained: nothing rests, and the journal has what the exchange has."""
        truth, witness = it.truth, self._witness
        self._verdict.faults += witness.faults
        if truth.duplicate_client_ids:
            self._fault(f"{truth.duplicate_client_ids} ids were sent twice")
        orphans = [o.client_order_id for o in truth.open_orders if witness.is_ours(o)]
        if orphans:
            self._fault(f"{orphans} are left on the book")
        if not it.state.stopped:
            self._fault("it did not stop in order")
        ours = {t.trade_id: t for t in it.trades if t.client_order_id in witness.accepted}
        with closing(Journal.open(self._directory / str(self._lives), read_only=True)) as journal:
            booked = [key.rpartition("/")[2] for _, key, _ in journal.rows("fill")]
            starts = [int(key) for _, key, _ in journal.rows("start")]
            intended = {key for _, key, _ in journal.rows("order")}
        if sorted(booked) != sorted(map(str, ours)):
            self._fault(f"fills in the journal {sorted(booked)}, at the exchange {sorted(map(str, ours))}")
        if starts != list(range(it.state.first_epoch, it.state.epoch + 1)):
            self._fault(f"epochs {starts}, and the last one is {it.state.epoch}")
        if set(witness.accepted) - intended:
            self._fault(f"{set(witness.accepted) - intended} were accepted and are not in the journal")
        self._judge_ledgers(it, ours)

    def _judge_ledgers(self, it: Play, ours: Mapping[int, Any]) -> None:
        ledgers = it.state.ledgers.values()
        fills, quantity = sum(x.fills for x in ledgers), sum((x.quantity for x in ledgers), Decimal(0))
        truth = (len(ours), sum((t.quantity for t in ours.values()), Decimal(0)))
        if (fills, quantity) != truth:
            self._fault(f"the ledgers count (fills, coins) {(fills, quantity)}, the exchange {truth}")


def _converged(it: Play, since: int) -> bool:
    """Hedged by readings asked for since then; where it is halted, everything of ours is off the book instead."""
    if any(view.believed_at <= since for view in it.state.accounts.values()):
        return False
    if it.state.halted is not None:
        return it.state.mode is Mode.HALTED and not any(order.live for order in it.state.orders.values())
    return it.hedged()
