"""The whole daemon on virtual time against the simulated exchange, with a script that plays fate beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random

from hedger.app.daemon import Daemon, Parts
from hedger.engine.decision.facts import gather
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Decision, Mode, State
from hedger.engine.step import Result
from hedger.model.message import Command, PlaceOrder, Stamped
from hedger.runtime.journal import Journal
from hedger.runtime.kill import KillFile
from hedger.runtime.lifeline import Lifeline
from hedger.runtime.pollers import Polling
from hedger.runtime.reception import Reception
from hedger.runtime.requests import Ask, Mailbox, Request
from hedger.sim.nouns import SimOrder, Truth, UserTrade, Wallet
from hedger.sim.port import SimVenue, SteadyLink, drive
from hedger.sim.scenario import ScenarioConfig
from hedger.sim.virtual_time import VirtualClock, run_virtual
from hedger.sim.world import Funds, World, paper_world
from tests.support.engine_policies import ACCOUNT
from tests.support.simulated_checks import Checks
from tests.support.simulated_venue import LensVenue

NOON = 1_767_268_800_000  # 1 January 2026, 12:00 UTC: four hours from funding and twelve from midnight
OWNER = "main"
SYMBOL = "BTCUSDT"
POLLING = Polling(account_s=5.0, prices_s=2.0, funding_s=60.0, clock_s=300.0, tick_s=0.25, flush_s=5.0)


@dataclass
class Watcher:
    """An observer that keeps what was decided and asked, and lets a test look at every event."""

    decisions: list[Decision] = field(default_factory=list)
    commands: list[tuple[int, Command]] = field(default_factory=list)
    looks: list[Callable[[State, Stamped, Result], None]] = field(default_factory=list)

    def observe(self, before: State, stamped: Stamped, result: Result, seconds: float) -> None:
        self.decisions += result.decisions
        self.commands += [(result.state.now, command) for command in result.commands]
        for look in self.looks:
            look(before, stamped, result)

    def queued(self, events: int) -> None: ...

    def timed(self, stage: str, account: str, seconds: float, outcome: str) -> None: ...

    def placed(self) -> list[PlaceOrder]:
        return [command for _, command in self.commands if isinstance(command, PlaceOrder)]


class OperatorDesk:
    """The operator's files of one state directory, as the app lays them out; refusals are kept."""

    def __init__(self, directory: Path) -> None:
        self.kill = KillFile(directory)
        self.mailbox = Mailbox(directory)
        self.mailbox.prepare()
        self.lifeline = Lifeline(self.kill)
        self.reception = Reception(self.lifeline, self.mailbox, self)
        self.refused: list[str] = []

    def request_refused(self, name: str, why: str) -> None:
        self.refused.append(why)

    def ask(self, ask: Ask, reason: str = "a test", **more: str) -> None:
        self.mailbox.send(Request(ask=ask, reason=reason, **more), f"{len(list(self.mailbox.directory.iterdir())):04}")


class RoughLink:
    """A link on which one leg in eight takes seconds and news may be late: requests overtake each other."""

    def __init__(self, clock: VirtualClock, seed: int) -> None:
        self._clock = clock
        self._rng = Random(f"{seed}/rough")

    async def request(self, what: str) -> None:
        await self._clock.sleep(self._leg_s())

    async def response(self, what: str) -> None:
        await self._clock.sleep(self._leg_s())

    def news_ms(self) -> int:
        return int(self._leg_s() * 1000)

    def _leg_s(self) -> float:
        return self._rng.uniform(0.5, 20) if self._rng.random() < 1 / 8 else self._rng.uniform(0.01, 0.3)


@dataclass
class Play:
    """One run as its script sees it: the world, the lens in front of it, the daemon, and what was watched."""

    world: World
    clock: VirtualClock
    venue: LensVenue
    journal: Journal
    watcher: Watcher
    policy: Policy
    daemon: Daemon
    checks: Checks

    # --- fate -----------------------------------------------------------------------------------------------------

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)

    def deposit(self, quantity: str, coin: str = "BTC") -> None:
        """Coins come into the spot wallet; a negative quantity goes."""
        self.world.exchange.deposit(OWNER, Wallet.SPOT, coin, Decimal(quantity))

    def collateral(self, quantity: Decimal | str) -> None:
        """USDT comes into the derivatives wallet, withdrawal limits aside: losses elsewhere respect none."""
        self.world.exchange.floor.account(OWNER).wallet_balance += Decimal(quantity)

    # --- what is -------------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self.daemon.state

    @property
    def truth(self) -> Truth:
        return self.world.exchange.truth(OWNER)

    @property
    def trades(self) -> list[UserTrade]:
        return [trade for trade in self.truth.trades if trade.wallet is Wallet.LINEAR]

    def delta(self, coin: str = "BTC") -> Decimal:
        """Spot and position, by the exchange's truth."""
        truth = self.truth
        return truth.spot.get(coin, Decimal(0)) + truth.positions[f"{coin}USDT"]

    def position(self, coin: str = "BTC") -> Decimal:
        return self.truth.positions[f"{coin}USDT"]

    def resting(self) -> list[SimOrder]:
        """Our orders on the exchange's books."""
        return self.truth.open_orders

    @property
    def decision(self) -> Decision:
        """The newest decision of the first hedge."""
        decision = self.state.hedges[self.policy.hedges[0].name].decision
        assert decision is not None, "nothing was decided yet"
        return decision

    def hedged(self) -> bool:
        """Every hedge is inside its band as the daemon sees it, after everything that it did, and nothing works."""
        state = self.state
        if state.mode not in (Mode.HEDGING, Mode.REDUCE_ONLY) or any(order.live for order in state.orders.values()):
            return False
        facts = [gather(state, hedge) for hedge in self.policy.hedges]
        settled = all(view.settled and view.doubted is None for view in state.accounts.values())
        return settled and all(fact is not None and fact.inside for fact in facts)

    # --- waiting --------------------------------------------------------------------------------------------------

    async def until(self, holds: Callable[[], bool], what: str, *, within: float = 300.0, every: float = 0.05) -> None:
        """Wait until something holds; it must within so many virtual seconds."""
        deadline = self.clock.now_ms() + within * 1000
        while not holds():
            assert self.clock.now_ms() < deadline, f"after {within:.0f} s still not {what}: {self.story()}"
            await self.clock.sleep(every)

    async def until_hedged(self, *, within: float = 300.0) -> None:
        """Wait until readings asked for from now on show every hedge inside its band."""
        since = self.clock.now_ms()
        await self.until(lambda: self._read_since(since) and self.hedged(), "hedged", within=within)

    def _read_since(self, at: int) -> bool:
        return all(view.believed_at > at for view in self.state.accounts.values())

    def story(self) -> str:
        """The last decisions, for a failure's message."""
        told = [f"{d.hedge} {d.mode}/{d.action}/{d.reason} {d.detail}" for d in self.watcher.decisions[-4:]]
        live = [o for o in self.state.orders.values() if o.live]
        return f"mode {self.state.mode}, halted {self.state.halted}, live {live}, {told}"


Script = Callable[[Play], Awaitable[None]]


def play(
    script: Script,
    policy: Policy,
    directory: Path,
    *,
    spot: Mapping[str, str] | None = None,
    collateral: str = "150000",
    seed: int = 1,
    start_at: int = NOON,
    scenario: ScenarioConfig | None = None,
    prepare: Callable[[LensVenue], None] | None = None,
    keep: bool = False,
    journal: Callable[[Path], Journal] = Journal.open,
) -> Play:
    """Run a daemon until its script ends and it has drained. What it left is in the returned play.

    The world is still (nothing is deposited by itself) unless a `scenario` is given. With `keep` its journal is
    left open.
    """

    async def run() -> Play:
        world = make_world(policy, spot or {"BTC": "1"}, collateral, seed, start_at, scenario)
        async with driven(world):
            return await act(world, script, policy, directory, seed=seed, prepare=prepare, keep=keep, journal=journal)

    return run_virtual(run(), start_at)


def stage(scene: Callable[[World], Awaitable[None]], world: Callable[[], World], start_at: int = NOON) -> None:
    """Play a scene of several daemons, one after the other or side by side, in one world."""

    async def run() -> None:
        made = world()
        async with driven(made):
            await scene(made)

    run_virtual(run(), start_at)


async def act(
    world: World,
    script: Script,
    policy: Policy,
    directory: Path,
    *,
    seed: int = 1,
    kill: bool = False,
    prepare: Callable[[LensVenue], None] | None = None,
    keep: bool = False,
    journal: Callable[[Path], Journal] = Journal.open,
    rough: bool = False,
    looks: Sequence[Callable[[State, Stamped, Result], None]] = (),
    desk: OperatorDesk | None = None,
    begin: Callable[[Play], None] = lambda _: None,
) -> Play:
    """One daemon on a world that lives already, which hears what is asked at its `desk`.

    With `kill` it is gone when the script ends, as after kill -9.

    `prepare` bends the lens before the daemon looks through it. With `keep` the journal is left open for the test;
    with `rough` the link is a bad one. `looks` see every event from the first one on; `begin` is
    called before it runs.
    """
    clock = VirtualClock()
    opened = journal(directory)
    watcher = Watcher()
    link = RoughLink(clock, seed) if rough else SteadyLink(clock, seed)
    venue = LensVenue(SimVenue(world.exchange, clock, link, account=ACCOUNT, user=OWNER))
    if prepare is not None:
        prepare(venue)
    try:
        parts = Parts(
            policy=policy,
            venues={ACCOUNT: venue},
            clock=clock,
            journal=opened,
            polling=POLLING,
            observer=watcher,
            start_record={},
            lifeline=desk.lifeline if desk else None,
            reception=desk.reception if desk else None,
        )
        daemon = Daemon(parts)
        checks = Checks(world, opened, policy, OWNER)
        watcher.looks += [checks.look, *looks]
        venue.leaving = checks.sent
        acted = Play(world, clock, venue, opened, watcher, policy, daemon, checks)
        begin(acted)
        if kill:
            await _run_and_kill(daemon, acted, script)
        else:
            await daemon.run(lambda _: script(acted))
    finally:
        if not keep:
            opened.close()
    return acted


async def _run_and_kill(daemon: Daemon, acted: Play, script: Script) -> None:
    """Nothing is drained and nothing more is written: the task is cut off where it stands."""
    done = asyncio.Event()

    async def meanwhile(_: Daemon) -> None:
        await script(acted)
        done.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(daemon.run(meanwhile))
    ended = asyncio.create_task(done.wait())
    await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    running.cancel()
    ended.cancel()
    await asyncio.gather(running, ended, return_exceptions=True)


def make_world(
    policy: Policy,
    spot: Mapping[str, str],
    collateral: str = "150000",
    seed: int = 1,
    start_at: int = NOON,
    scenario: ScenarioConfig | None = None,
) -> World:
    """The paper world of a policy's coins."""
    funds = Funds(
        spot={"USDT": Decimal(20_000), **{c: Decimal(q) for c, q in spot.items()}}, linear=Decimal(collateral)
    )
    coins = tuple(dict.fromkeys(hedge.underlying for hedge in policy.hedges))
    return paper_world(
        seed, start_at, coins=coins, users={OWNER: funds}, owner=OWNER, scenario=scenario, still=scenario is None
    )


class driven:
    """Keeps a world's exchange at the clock's time while in its block."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __aenter__(self) -> None:
        self._driving = asyncio.create_task(drive(self._world.exchange, VirtualClock()))

    async def __aexit__(self, *_: object) -> None:
        self._driving.cancel()
        with suppress(asyncio.CancelledError):
            await self._driving
