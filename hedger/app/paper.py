"""Paper mode: the daemon against the embedded exchange, through the wire or at the port, and the verdict."""

from __future__ import annotations

import asyncio
import math
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from hedger.app.daemon import Daemon, conduct, forever, ids_by_account
from hedger.app.exchange import START_AT, build_world
from hedger.app.live import secrets_of, wanted_of
from hedger.app.summary import Summary, summarise
from hedger.app.watching import Wanted
from hedger.engine.decision.facts import gather
from hedger.errors import HedgerError
from hedger.model.message import FundingRead
from hedger.ops.logs import configure_logging
from hedger.ops.view import Banner
from hedger.runtime.journal import Journal
from hedger.runtime.lease import Lease
from hedger.runtime.ports import Clock, Venue
from hedger.runtime.watchdog import CancelAll, nothing_to_cancel
from hedger.settings.policy import to_policy
from hedger.settings.schema import Settings
from hedger.sim.nouns import Truth
from hedger.sim.port import SimVenue, SteadyLink, drive
from hedger.sim.scaled_time import SharedClock
from hedger.sim.virtual_time import VirtualClock, run_virtual

QUIET_S = 60.0
GRACE_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a paper run plays on: the venues, the clock, and the two things that only a harness may do.

    `truths` are the exchange's, of each account; `cancel` is the watchdog's own way there. With `signals` it runs in
    real time, and a person may end it.
    """

    venues: dict[str, Venue]
    clock: Clock
    transport: str
    quiet: Callable[[], Awaitable[None]]
    truths: Callable[[], Awaitable[Mapping[str, Truth]]]
    cancel: CancelAll = nothing_to_cancel
    signals: bool = False


async def play(stage: Stage, settings: Settings, *, directory: Path, wanted: Wanted, seconds: float | None) -> Summary:
    """Run the daemon on a stage for `seconds` of its clock (None: until drained), and judge what it came to."""
    started_at, begun = stage.clock.now_ms(), list[Daemon]()

    async def script(daemon: Daemon) -> None:
        begun.append(daemon)
        await _script(daemon, stage, seconds)

    state = await conduct(
        settings=settings,
        venues=stage.venues,
        clock=stage.clock,
        directory=directory,
        wanted=wanted,
        meanwhile=script,
        signals=stage.signals,
        cancel=stage.cancel,
    )
    with closing(Journal.open(directory, read_only=True)) as journal:
        return summarise(
            state=state,
            policy=begun[0].policy if begun else to_policy(settings),  # a reload may have changed it
            journal=journal,
            truths=await stage.truths(),
            transport=stage.transport,
            seconds=(stage.clock.now_ms() - started_at) / 1000,
            seed=settings.paper.seed,
            venues={name: account.venue.value for name, account in settings.accounts.items()},
        )


async def _script(daemon: Daemon, stage: Stage, seconds: float | None) -> None:
    """Let it hedge; then a quiet while, so that the end is not in the middle of a change that nobody has seen yet."""
    if seconds is None:
        await forever(daemon)
        return
    quiet_s = min(QUIET_S, seconds / 4)
    await stage.clock.sleep(seconds - quiet_s)
    await stage.quiet()
    await stage.clock.sleep(quiet_s)
    for _ in range(int(GRACE_S)):
        if _at_rest(daemon):
            break
        await stage.clock.sleep(1)
    await read_last_funding(daemon, stage)


def _at_rest(daemon: Daemon) -> bool:
    state = daemon.state
    if any(order.live for order in state.orders.values()):
        return False
    facts = [gather(state, hedge) for hedge in daemon.policy.hedges]
    return all(fact is not None and fact.inside for fact in facts)


async def read_last_funding(daemon: Daemon, stage: Stage) -> None:
    """Read what was settled since the last poll, so that the ledger is complete when it is judged."""
    for name, venue in stage.venues.items():
        requested_at = stage.clock.now_ms()
        with suppress(HedgerError):
            payments = await venue.read_funding(requested_at - 86_400_000)
            read = FundingRead(account=name, requested_at=requested_at, since_at=0, payments=payments)
            daemon.loop.inbox.put(read)


# --- at the port ------------------------------------------------------------------------------------------------------


def run_at_port(
    settings: Settings, *, seconds: float, replay: Path | None, directory: Path | None, json: bool
) -> Summary:
    """Run on virtual time with the exchange attached at the venue port. The journal is kept if `directory` is given."""
    lines = None if json or sys.stdout.isatty() else sys.stdout
    banner = Banner(kind="paper", transport="port", started_at=START_AT, speed=math.inf)
    wanted = Wanted(banner=banner, view=False, lines=lines, log=False)
    if directory is not None:
        _begin_anew(directory)
        return run_virtual(_at_port(settings, VirtualClock(), seconds, wanted, directory, replay=replay), START_AT)
    with tempfile.TemporaryDirectory(prefix="hedger-paper-") as scratch:
        return run_virtual(_at_port(settings, VirtualClock(), seconds, wanted, Path(scratch), replay=replay), START_AT)


def run_at_port_live(
    settings: Settings, *, why: str, seconds: float | None, json: bool, metrics_port: int | None
) -> Summary:
    """Run at the settings' speed with the exchange attached at the venue port, because of `why`.

    It is shown, watched and ended as a run through the wire is. The exchange lives in this process: what an earlier
    run left is of another world, and its journal is set aside.
    """
    directory, speed = Path(settings.state_dir) / "paper", float(settings.paper.speed)
    configure_logging(settings.log.level.value, settings.log.format.value, secrets_of(settings))
    on_terminal = sys.stdout.isatty()
    banner = Banner(kind="paper", transport="port", started_at=START_AT, speed=speed, note=f"at the port: {why}")
    shown = on_terminal and not json
    wanted = wanted_of(
        settings, banner=banner, view=shown, lines=not on_terminal and not json, directory=directory
    ).quieter(json=json, metrics_port=metrics_port)
    _begin_anew(directory)
    clock = SharedClock.from_now(START_AT, speed)
    return asyncio.run(_at_port(settings, clock, seconds, wanted, directory, signals=True))


def _begin_anew(directory: Path) -> None:
    with Lease(directory):
        Journal.set_aside(directory)  # it tells of another world


async def _at_port(
    settings: Settings,
    clock: Clock,
    seconds: float | None,
    wanted: Wanted,
    directory: Path,
    *,
    replay: Path | None = None,
    signals: bool = False,
) -> Summary:
    world = build_world(settings, START_AT, replay)
    driving = [asyncio.create_task(drive(exchange, clock)) for exchange in world.exchanges.values()]
    paper = settings.paper
    link = SteadyLink(clock, paper.seed, least_ms=paper.latency_least_ms, most_ms=paper.latency_most_ms)
    venues: dict[str, Venue] = {
        name: SimVenue(world.exchange_of(name), clock, link, account=name, user=name)
        for name in ids_by_account(to_policy(settings))
    }

    async def quiet() -> None:
        world.quiet()

    async def truths() -> Mapping[str, Truth]:
        return {name: world.exchange_of(name).truth(name) for name in venues}

    stage = Stage(venues=venues, clock=clock, transport="port", quiet=quiet, truths=truths, signals=signals)
    try:
        return await play(stage, settings, directory=directory, wanted=wanted, seconds=seconds)
    finally:
        for task in driving:
            task.cancel()
        await asyncio.gather(*driving, return_exceptions=True)
