"""The whole daemon on virtual time against two exchanges: the coin in a vault, a hedge on an account of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal as D
from pathlib import Path

from hedger.app.daemon import Daemon, Parts
from hedger.engine.decision.facts import gather
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Decision, State
from hedger.engine.step import Result
from hedger.errors import AskAgain
from hedger.model.message import PlaceOrder, Stamped
from hedger.runtime.journal import Journal
from hedger.runtime.pollers import Polling
from hedger.sim.nouns import SimOrder, Wallet
from hedger.sim.port import SimVenue, SteadyLink, drive
from hedger.sim.virtual_time import VirtualClock, run_virtual
from hedger.sim.world import Funds, World, paper_world
from tests.support.several_worlds import ONE, TWO, VAULT
from tests.support.simulated_daemon import NOON, POLLING, Watcher
from tests.support.simulated_venue import LensVenue

SYMBOL = "BTCUSDT"


class CutLink:
    """A link that a test cuts: `deaf` requests never arrive, `mute` answers never come back."""

    def __init__(self, clock: VirtualClock, seed: int) -> None:
        self._steady = SteadyLink(clock, seed)
        self.deaf = self.mute = False

    async def request(self, what: str) -> None:
        await self._steady.request(what)
        if self.deaf:
            raise AskAgain(f"the test cut the line before {what}")

    async def response(self, what: str) -> None:
        await self._steady.response(what)
        if self.mute or self.deaf:
            raise AskAgain(f"the test cut the line after {what}")

    def news_ms(self) -> int:
        return self._steady.news_ms()


@dataclass
class Stage:
    """One run as its script sees it: an exchange for each venue, the lenses and lines in front of them, the daemon.

    `worst` is the lowest and the highest that the book's true deviation has come to since `watch`, at any event.
    """

    worlds: dict[str, World]
    venues: dict[str, LensVenue]
    lines: dict[str, CutLink]
    clock: VirtualClock
    policy: Policy
    daemon: Daemon
    watcher: Watcher
    worst: list[D] = field(default_factory=list)

    # --- fate -------------------------------------------------------------------------------------------------------

    def deposit(self, quantity: str) -> None:
        self.worlds[VAULT].exchange.deposit(VAULT, Wallet.SPOT, "BTC", D(quantity))

    def cut(self, account: str) -> None:
        """Nothing of an account is heard any more, and nothing reaches it."""
        venue = self.venues[account]
        venue.quote, venue.mark, venue.fill = (lambda _: None), (lambda _: None), (lambda _: None)
        venue.silent = self.lines[account].deaf = True

    def restore(self, account: str) -> None:
        self.venues[account].clear()
        self.lines[account].deaf = self.lines[account].mute = False

    # --- what is ----------------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self.daemon.state

    @property
    def decision(self) -> Decision:
        decision = self.state.hedges["btc"].decision
        assert decision is not None, "nothing was decided yet"
        return decision

    def position(self, account: str) -> D:
        return self.worlds[account].exchange.truth(account).positions[SYMBOL]

    def delta(self) -> D:
        """Coins and positions, by the exchanges' truth."""
        spot = self.worlds[VAULT].exchange.truth(VAULT).spot.get("BTC", D(0))
        return spot + self.position(ONE) + self.position(TWO)

    def resting(self, account: str) -> list[SimOrder]:
        return self.worlds[account].exchange.truth(account).open_orders

    def placed(self, account: str) -> list[PlaceOrder]:
        return self.venues[account].placed

    def unknown(self) -> int:
        return sum(order.status is OrderStatus.UNKNOWN for order in self.state.orders.values())

    def look(self, before: State, stamped: Stamped, result: Result) -> None:
        delta = self.delta()
        self.worst = [delta, delta] if not self.worst else [min(self.worst[0], delta), max(self.worst[1], delta)]

    def watch(self) -> None:
        """Look at the extremes of the deviation from now on."""
        self.worst = []

    # --- waiting ----------------------------------------------------------------------------------------------------

    async def until(self, holds: Callable[[], bool], what: str, *, within: float = 300.0) -> None:
        deadline = self.clock.now_ms() + within * 1000
        while not holds():
            assert self.clock.now_ms() < deadline, f"after {within:.0f} s still not {what}: {self.story()}"
            await self.clock.sleep(0.1)

    async def until_hedged(self, *, within: float = 300.0) -> None:
        """By readings of all accounts that were asked for from now on, with nothing at work."""
        since = self.clock.now_ms()
        await self.until(lambda: self._read_since(since) and self._at_rest(), "hedged", within=within)

    def _read_since(self, at: int) -> bool:
        return all(view.believed_at > at and view.settled for view in self.state.accounts.values())

    def _at_rest(self) -> bool:
        facts = gather(self.state, self.policy.hedges[0])
        idle = not any(order.live for order in self.state.orders.values())
        return idle and facts is not None and facts.inside

    def story(self) -> str:
        told = [f"{d.action}/{d.reason} {d.detail}" for d in self.watcher.decisions[-4:]]
        held = {name: str(self.position(name)) for name in (ONE, TWO)}
        return f"mode {self.state.mode} {self.state.mode_reason}, halted {self.state.halted}, {held}, {told}"


def enact(
    script: Callable[[Stage], Awaitable[None]],
    policy: Policy,
    directory: Path,
    *then: Callable[[Stage], Awaitable[None]],
    seed: int = 1,
    polling: Polling = POLLING,
) -> Stage:
    """Run a daemon until its script ends and it has drained. Both exchanges move alike; the vault is on the second.

    Where there are scripts to follow, it is killed instead, and the next one starts with what is in the directory; the
    stage of the last one is returned.
    """

    async def run() -> Stage:
        clock = VirtualClock()
        coins = Funds(spot={"BTC": D(1), "USDT": D(20_000)})
        margin = Funds(linear=D(150_000))
        first = paper_world(seed, NOON, users={ONE: margin}, owner=ONE, still=True)
        second = paper_world(seed, NOON, users={TWO: margin, VAULT: coins}, owner=TWO, still=True)
        worlds = {VAULT: second, ONE: first, TWO: second}
        driving = [asyncio.create_task(drive(world.exchange, clock)) for world in (first, second)]
        stages: list[Stage] = []
        for n, one in enumerate((script, *then)):
            with closing(Journal.open(directory)) as journal:
                stages.append(_staged(worlds, policy, clock, journal, polling, seed + 10 * n))
                await _played(stages[-1], one, kill=n < len(then))
        for task in driving:
            task.cancel()
        return stages[-1]

    return run_virtual(run(), NOON)


def _staged(
    worlds: dict[str, World], policy: Policy, clock: VirtualClock, journal: Journal, polling: Polling, seed: int
) -> Stage:
    lines = {name: CutLink(clock, seed + n) for n, name in enumerate(worlds)}
    venues = {
        name: LensVenue(SimVenue(worlds[name].exchange, clock, lines[name], account=name, user=name)) for name in worlds
    }
    watcher = Watcher()
    parts = Parts(
        policy=policy,
        venues=venues,
        clock=clock,
        journal=journal,
        polling=polling,
        observer=watcher,
        start_record={},
    )
    stage = Stage(worlds, venues, lines, clock, policy, Daemon(parts), watcher)
    watcher.looks.append(stage.look)
    return stage


async def _played(stage: Stage, script: Callable[[Stage], Awaitable[None]], *, kill: bool) -> None:
    """To the script's end, and then drained; or with `kill` gone there and then."""
    if not kill:
        await stage.daemon.run(lambda _: script(stage))
        return
    done = asyncio.Event()

    async def meanwhile(_: Daemon) -> None:
        await script(stage)
        done.set()
        await asyncio.Event().wait()

    running, ended = asyncio.create_task(stage.daemon.run(meanwhile)), asyncio.create_task(done.wait())
    await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    running.cancel()
    ended.cancel()
    await asyncio.gather(running, ended, return_exceptions=True)
