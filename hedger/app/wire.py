"""Paper mode through the wire: the exchange as a process of its own, ccxt and TLS between it and the daemon."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from hedger.app.live import secrets_of, wanted_of
from hedger.app.paper import OWNER, START_AT, Stage, build_world, play
from hedger.app.summary import Summary
from hedger.app.watching import Watched
from hedger.errors import ConfigError, GiveUp
from hedger.ops.logs import configure_logging
from hedger.ops.view import Banner
from hedger.runtime.journal import Journal
from hedger.runtime.lease import Lease
from hedger.runtime.ports import Venue
from hedger.settings.schema import Settings
from hedger.sim.attach import Attached, find_running, start_exchange_process
from hedger.sim.nouns import Truth
from hedger.sim.process import serve_exchange
from hedger.venues.client import Credentials
from hedger.venues.factory import open_venue
from hedger.venues.network import Network

LINGER_S = 120.0


def run_through_wire(
    settings: Settings,
    *,
    config: Path | None,
    seconds: float | None,
    replay: Path | None,
    json: bool,
    metrics_port: int | None,
) -> Summary:
    """Run against the exchange's process: one that a killed run left behind, or a new one."""
    directory = Path(settings.state_dir) / "paper"
    configure_logging(settings.log.level.value, settings.log.format.value, secrets_of(settings))
    arguments = ["--seed", str(settings.paper.seed), "--speed", str(settings.paper.speed), "--linger", str(LINGER_S)]
    arguments += ["--config", str(config)] if config is not None else []
    arguments += ["--replay", str(replay)] if replay is not None else []
    return asyncio.run(_run(settings, directory, arguments, seconds, json, metrics_port))


async def _run(
    settings: Settings,
    directory: Path,
    arguments: list[str],
    seconds: float | None,
    json: bool,
    metrics_port: int | None,
) -> Summary:
    with Lease(directory):
        exchange, continued = await _exchange(settings, directory, arguments)
    try:
        return await _play(settings, directory, exchange, continued, seconds, json, metrics_port)
    finally:
        with suppress(GiveUp):
            await exchange.stop()


async def _exchange(settings: Settings, directory: Path, arguments: list[str]) -> tuple[Attached, bool]:
    """The exchange that still runs here, or a new one with a journal that knows nothing of older worlds."""
    running = await find_running(directory)
    if running is not None:
        if running.note.seed != settings.paper.seed or running.note.speed != float(settings.paper.speed):
            raise ConfigError(
                f"{directory}: the exchange of an earlier run still runs, with seed {running.note.seed} and speed "
                f"{running.note.speed:g}; continue with those, or wait {LINGER_S:.0f} s for it to end"
            )
        return running, True
    Journal.set_aside(directory)
    return await start_exchange_process(arguments, directory=directory), False


async def _play(
    settings: Settings,
    directory: Path,
    exchange: Attached,
    continued: bool,
    seconds: float | None,
    json: bool,
    metrics_port: int | None,
) -> Summary:
    clock = exchange.clock
    on_terminal = sys.stdout.isatty()
    note = "continuing on the exchange that the last run left" if continued else ""
    banner = Banner(
        kind="paper", transport="wire", started_at=clock.now_ms(), speed=float(settings.paper.speed), note=note
    )
    wanted = wanted_of(
        settings, banner=banner, view=on_terminal and not json, lines=not on_terminal and not json, directory=directory
    )
    wanted = wanted.quieter(json=json, metrics_port=metrics_port)

    async def quiet() -> None:
        await exchange.scenario("quiet")

    async def truth() -> Truth:
        return await exchange.truth(OWNER)

    stage = Stage(venues=_venues(settings, exchange), clock=clock, transport="wire", quiet=quiet, truth=truth)
    return await play(stage, settings, directory=directory, wanted=wanted, seconds=seconds)


def _venues(settings: Settings, exchange: Attached) -> dict[str, Venue]:
    """Real venues, through real ccxt, with a network in which only the embedded exchange exists."""
    paper = exchange.network()
    return {
        name: open_venue(
            account=name,
            venue=account.venue,
            environment="paper",
            clock=exchange.clock,
            credentials=Credentials(api_key=exchange.note.api_key, secret=exchange.note.api_secret),
            network=Network(resolver=paper.resolver, ssl_context=paper.ssl_context),
            observer=Watched(),
        )
        for name, account in settings.accounts.items()
    }


def serve(settings: Settings, *, directory: Path, replay: Path | None, speed: float, linger_s: float) -> None:
    """Be the exchange's process, until told to stop or left alone."""
    world = build_world(settings, START_AT, replay)
    asyncio.run(
        serve_exchange(
            world.exchange,
            directory=directory,
            speed=speed,
            seed=settings.paper.seed,
            user=OWNER,
            linger_s=linger_s,
            quiet=world.quiet,
        )
    )
