"""The whole daemon in a world that lies: first every fault of the plan, then none, with checkers after each happening.

A run is a pure function of (seed, faults, seconds): what it prints can be had again by anybody.
"""

from __future__ import annotations

import asyncio
import tempfile
import traceback
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TextIO

from pydantic import TypeAdapter

from hedger.app.simulation.absence import Absence, left_over
from hedger.app.simulation.fate import Fate, person
from hedger.app.simulation.owner import Owner, is_restless
from hedger.app.simulation.process import Makings, Process
from hedger.app.simulation.venues import Venues
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Mode
from hedger.errors import Bug, HedgerError
from hedger.model.message import Operation
from hedger.model.numeric import ZERO
from hedger.model.order import Fill
from hedger.runtime.journal import Journal
from hedger.sim.breakable import PLANTED
from hedger.sim.checkers.ends import BoundsChecker, FillsChecker, off_target
from hedger.sim.checkers.exposure import ExposureChecker
from hedger.sim.checkers.finding import Finding, Panel
from hedger.sim.checkers.gate import GateChecker
from hedger.sim.checkers.identity import IdentityChecker
from hedger.sim.checkers.inputs import InputsChecker
from hedger.sim.checkers.orders import OrdersChecker
from hedger.sim.faults.clocks import SkewedClock
from hedger.sim.faults.plan import Plan, plan_of
from hedger.sim.faults.strikes import Strikes
from hedger.sim.happenings import Died
from hedger.sim.portfolios import Portfolio, wanted_by
from hedger.sim.staging import Staging, staging_of
from hedger.sim.trace import Trace
from hedger.sim.virtual_time import VirtualClock, run_virtual

CONVERGE_S = 300.0
DRAIN_S = 60.0
# What guards against repeated drift or against moves of the last minutes must have had the time to forget it.
STRANGERS, SHOCKS = ("A02", "A03", "O05"), ("M01", "M02", "M04", "M05", "M07", "D02")
FORGOTTEN_AFTER_MS = {**dict.fromkeys(SHOCKS, 900_000), **dict.fromkeys(STRANGERS, 3_600_000)}
DOWN_S = (0.2, 90.0)
MOST_TASKS = 400
MOST_QUEUED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One run in numbers. `violations` are the first findings, `found` how many there were in all; `story` is what
    happened last, where something was found; `replay` is the line that runs it again."""

    seed: int
    codes: tuple[str, ...]
    book: str
    seconds: float
    hits: dict[str, int]
    orders: int
    fills: int
    starts: int
    happenings: int
    found: int
    violations: tuple[Finding, ...]
    digest: str
    story: tuple[str, ...]
    replay: str

    @property
    def faults(self) -> int:
        """How many faults struck."""
        return sum(self.hits.values())


def simulate(
    seed: int,
    *,
    codes: Collection[str] | None = None,
    seconds: float | None = None,
    brisk: bool | None = None,
    books: Collection[Portfolio] | None = None,
    file: TextIO | None = None,
) -> Outcome:
    """Run one seed to its end. Without `codes` the seed chooses the faults, without `seconds` how long they last, and
    without `books` what is hedged, but for a fault that strikes one kind of it only."""
    staging = staging_of(seed, brisk=brisk, books=books if books is not None else wanted_by(codes), span_s=seconds)
    plan = plan_of(seed, codes, staging.span_s, start_at=staging.start_at, beside=staging.beside)
    with tempfile.TemporaryDirectory(prefix="hedger-simulate-") as directory:
        run = Run(staging, plan, Path(directory) / "state", file, restless=codes is None and is_restless(seed))
        run_virtual(run.run(), staging.start_at, seed)
    return run.outcome(replay_line(seed, codes, seconds, brisk, books))


def replay_line(
    seed: int,
    codes: Collection[str] | None,
    seconds: float | None,
    brisk: bool | None,
    books: Collection[Portfolio] | None = None,
) -> str:
    """The command that runs a seed again, exactly so."""
    words = ["hedger simulate", f"--seed {seed}"]
    words += [f"--faults {','.join(codes) or 'none'}"] if codes is not None else []
    words += [f"--until {seconds:g}"] if seconds is not None else []
    words += ["--brisk" if brisk else "--calm"] if brisk is not None else []
    words += [f"--books {','.join(books)}"] if books is not None else []
    return " ".join(words)


class Run:
    """One simulation: the host on which the daemon lives, the world around it, and the checkers."""

    def __init__(
        self, staging: Staging, plan: Plan, directory: Path, file: TextIO | None, *, restless: bool = False
    ) -> None:
        self.staging, self.plan, self.directory = staging, plan, directory
        self.process: Process | None = None
        self.trace = Trace(file=file)
        self.clock = VirtualClock()
        self.starts = 0
        self.venues = Venues(staging, plan, self.clock, self.trace.tell)
        self.witness = self.venues.witness()
        self.fills = FillsChecker(self.witness)
        self.orders = OrdersChecker(self.witness)
        self.panel = Panel(
            [
                ExposureChecker(self.witness),
                IdentityChecker(self.witness),
                self.orders,
                InputsChecker(self.witness),
                GateChecker(self.witness),
                self.fills,
                BoundsChecker(),
            ]
        )
        self.trace.listeners.append(self.panel.look)
        self._story: list[str] = []
        self.trace.listeners.append(self._keep_story)
        self._rng = plan.random("host", "waits")
        self._restless = restless and "P10" not in plan.codes  # two side by side have a file each
        self._makings = Makings(
            policy=staging.policy,
            polling=staging.pace.polling,
            clock=self.clock,
            strikes=Strikes(plan, "", self.trace.tell, self.clock.now_ms),
            tell=self.trace.tell,
        )

    def _keep_story(self, _: object) -> None:
        if self.panel.count and not self._story:
            self._story = self.trace.story()

    # --- the host -------------------------------------------------------------------------------------------------

    def start(self, directory: Path) -> Process:
        """Start a process; raises HedgerError where it cannot begin."""
        clock = SkewedClock(self.clock, self._makings.strikes)
        self.starts += 1
        seed = self.plan.seed * 1_000 + self.starts
        venues = {account: self.venues.connect(account, clock, seed) for account in self.staging.users}
        return Process(self._makings, venues, directory, clock)

    async def _keep_alive(self) -> None:
        """Start the daemon again whenever it has ended, after a while, as a service manager does."""
        failures = 0
        while True:
            try:
                self.process = process = self.start(self.directory)
            except HedgerError as error:
                self.trace.tell(Died(at=self.clock.now_ms(), killed=False, text=f"no start: {error}"))
                failures += 1
            else:
                began_at = self.clock.now_ms()
                await self._until_ended(process)
                failures = failures + 1 if self.clock.now_ms() - began_at < 60_000 else 0
            await self.clock.sleep(self._rng.uniform(*DOWN_S) if self.venues.troubled(self.clock.now_ms()) else 1.0)

    async def _until_ended(self, process: Process) -> None:
        """Until the process ends and no other has taken its place."""
        await asyncio.wait({process.task})
        while self.process is not process and self.process is not None:
            self._examine(process)
            process = self.process
            await asyncio.wait({process.task})
        self._examine(process)

    def _examine(self, process: Process) -> None:
        """A process may end by an error of its own naming, or by a bug that was planted; anything else is a bug."""
        error = None if process.task.cancelled() else process.task.exception() or process.bug
        if error is not None and str(error) != PLANTED and not isinstance(error, Bug):
            where = "".join(traceback.format_exception(error)[-3:]).replace("\n", " / ")
            text = f"epoch {process.epoch} ended by {error!r}: {where}"
            self.panel.add([Finding(invariant="P06", at=self.clock.now_ms(), sentence=text)])

    # --- the phases -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Safety, liveness, drain, audit."""
        tasks = self.venues.begin()
        host = asyncio.create_task(self._keep_alive())
        tasks += [host, asyncio.create_task(person(self, self.plan, self.clock))]
        try:
            owner = Owner(self, self.plan, self.staging.policy, self.staging.pace.polling, self._in_force)
            owning = asyncio.create_task(owner.run() if self._restless else asyncio.sleep(0))
            tasks.append(owning)
            fate = asyncio.create_task(Fate(self, self.plan, self.venues.advance, self.trace.tell).run())
            tasks.append(fate)
            await self._until(self.plan.ends_at)
            await asyncio.wait({fate}, timeout=120)
            await asyncio.wait({owning}, timeout=120)
            await self._calm_down()
            await self._converge()
            for absence in self._absences():
                await absence.happen()
                await self._converge()
            host.cancel()
            await self._drain()
            self._audit()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._raise_bugs(tasks)

    def _in_force(self, policy: Policy, config: str) -> None:
        """What the next start reads, and what every order is judged by from now on."""
        self._makings = replace(self._makings, policy=policy, config=config)
        self.witness.policy = policy

    def _raise_bugs(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            if not task.cancelled() and task.exception() is not None:
                raise RuntimeError("the simulation itself failed") from task.exception()

    async def _until(self, at: int) -> None:
        while (left := at - self.clock.now_ms()) > 0:
            await self.clock.sleep(min(60.0, left / 1000))
            self._check_bounds()
            self.panel.add(self.orders.dead(self.clock.now_ms()))

    async def _calm_down(self) -> None:
        """The faults are over: the owner's coins rest, and the market is calm for as long as guards remember it."""
        self.venues.calm_down()
        waits = [span for code, span in FORGOTTEN_AFTER_MS.items() if self.trace.hits[code]]
        await self._until(self.clock.now_ms() + max(waits, default=5_000))

    async def _converge(self) -> None:
        """I13: within five minutes everything is hedged. What waits for a person by design gets one first."""
        begun_at, resumed_at = self.clock.now_ms(), 0
        if self.process is not None and self.trace.hits["P11"]:  # by a clock that was set back a quiet begins anew
            begun_at = max(begun_at, self.process.heeds_until)
        deadline = begun_at + int(CONVERGE_S * 1000)
        while not self._converged():
            now = self.clock.now_ms()
            process = self.process
            halted = process is not None and process.running and process.daemon.state.halted is not None
            if halted and process is not None and now - resumed_at > 30_000:
                process.daemon.loop.ask(Operation.RESUME, "the faults are over")
                resumed_at = now
            if now > deadline:
                self.panel.add([Finding(invariant="I13", at=now, sentence=self._why_not())])
                return
            self.take_what_rests()
            await self.clock.sleep(2)

    def _absences(self) -> list[Absence]:
        """Where a hedge is on two venues, one of them goes away once or twice when all else is well."""
        rng = self.plan.random("venues", "absences")
        several = self.staging.portfolio is Portfolio.SEVERAL
        count = rng.choice((1, 2)) if several else 0
        return [Absence(self, rng, lambda finding: self.panel.add([finding])) for _ in range(count)]

    def take_what_rests(self) -> None:
        """The crowd comes to our prices: what is quoted at the touch gets filled."""
        for id, order in list(self.witness.live()):
            exchange = self.venues.exchange_of(id.account)
            best = exchange.best(order.wallet, order.symbol)
            if order.price in (best.bid, best.ask):
                side = type(order.side).SELL if order.side.sign > 0 else type(order.side).BUY
                quantity = (best.bid_quantity if order.side.sign > 0 else best.ask_quantity) + order.quantity
                exchange.crowd_takes(order.wallet, order.symbol, side, quantity, order.price)
                exchange.publish(order.wallet, order.symbol)

    def _converged(self) -> bool:
        return not self._why_not()

    def _why_not(self) -> str:
        """What is not as it should be in quiet times; nothing where all is well."""
        process = self.process
        if process is None or not process.running:
            return "no process runs"
        state = process.daemon.state
        if state.mode is not Mode.HEDGING:
            return f"the mode is {state.mode.value}: {state.halted or state.mode_reason}"
        unknown = [o.client_order_id for o in state.orders.values() if o.status is OrderStatus.UNKNOWN]
        if unknown:
            return f"{unknown} are unknown"
        if self.staging.portfolio is Portfolio.SEVERAL and (left := left_over(state, self.staging.policy)):
            return left
        for hedge in self.staging.policy.hedges:
            price = self.venues.exchange.premium(f"{hedge.underlying}USDT").index_price
            off = off_target(self.witness, hedge, price)
            if off:
                decision = state.hedges[hedge.name].decision
                why = f"{decision.reason.value} {decision.detail}" if decision is not None else "nothing decided"
                return f"hedge {hedge.name} is {off} outside its band: {why}"
        return ""

    async def _drain(self) -> None:
        """An orderly end: nothing of ours is left."""
        process = self.process
        if process is None or not process.running:
            return
        process.daemon.drain("the simulation ends")
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await asyncio.wait({process.task})
        at = self.clock.now_ms()
        left = [order.client_order_id for _, order in self.witness.live()]
        if process.running or left:
            text = f"after a drain {left} rest, running: {process.running}"
            self.panel.add([Finding(invariant="I14", at=at, sentence=text)])
        process.kill()
        await asyncio.wait({process.task})

    # --- looking at it --------------------------------------------------------------------------------------------

    def _check_bounds(self) -> None:
        at, tasks = self.clock.now_ms(), len(asyncio.all_tasks())
        queued = len(self.process.daemon.loop.inbox) if self.process is not None else 0
        if tasks > MOST_TASKS or queued > MOST_QUEUED:
            text = f"{tasks} tasks and {queued} events wait"
            self.panel.add([Finding(invariant="I25", at=at, sentence=text)])

    def _audit(self) -> None:
        """I16: nothing left in a quiet that was heard. I11: the journal's fills of each order are the exchange's."""
        for account, house in self.venues.houses.items():
            for breach in house.breaches if not self.trace.hits["P11"] else ():  # a quiet ends by the wall clock
                text = f"{account}: {breach.what} left while the venue had asked for quiet"
                self.panel.add([Finding(invariant="I16", at=breach.at, sentence=text)])
        booked, known = _booked(self.directory)
        lost = {
            trade.client_order_id
            for account, user in self.witness.users.items()
            for trade in self.venues.exchange_of(account).truth(user).trades
            if trade.client_order_id not in known
        }
        if self.trace.hits["P10"]:  # what the first of two wrote after the other took its copy is not in the copy
            self.fills.forgive(lost)
        self.panel.add(self.fills.audit(self.clock.now_ms(), booked))

    def outcome(self, replay: str) -> Outcome:
        """The run in numbers."""
        users = self.staging.users.items()
        trades = (t for account, user in users for t in self.venues.exchange_of(account).truth(user).trades)
        return Outcome(
            seed=self.plan.seed,
            codes=self.plan.codes,
            book=self.staging.portfolio.value,
            seconds=(self.venues.exchange.now - self.staging.start_at) / 1000,
            hits=dict(sorted(self.trace.hits.items())),
            orders=self.trace.counts["sent place"],
            fills=sum(1 for trade in trades if self.witness.is_ours(trade.client_order_id)),
            starts=self.starts,
            happenings=self.trace.told,
            found=self.panel.count,
            violations=tuple(self.panel.findings),
            digest=self.trace.digest,
            story=tuple(self._story or (self.trace.story() if self.panel.count else ())),
            replay=replay,
        )


def _booked(directory: Path) -> tuple[dict[str, Decimal], set[str]]:
    """What a journal booked of each order, and which orders it knows."""
    if not (directory / "journal.sqlite3").exists():
        return {}, set()
    journal = Journal.open(directory, read_only=True)
    booked: dict[str, Decimal] = {}
    for _, _, body in journal.rows("fill"):
        fill = _FILL.validate_json(body)
        name = fill.client_order_id or ""
        booked[name] = booked.get(name, ZERO) + fill.quantity
    known = set(journal.latest("order"))
    journal.close()
    return booked, known


_FILL = TypeAdapter(Fill)
