"""Paper mode through the wire: the exchange as a process of its own, ccxt and TLS between it and the daemon.

The process is started first. What the daemon needs is imported while the exchange gets ready, so this module imports
little itself.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hedger.errors import AskAgain, ConfigError, GiveUp
from hedger.runtime.journal import Journal
from hedger.runtime.lease import Lease
from hedger.settings.schema import Settings
from hedger.sim.attach import Attached, await_ready, find_running, launch_exchange

if TYPE_CHECKING:
    from hedger.app.summary import Summary

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
    """Run against the exchange's process: one that a killed run left behind, or a new one.

    SIGTERM before the daemon listens to it ends the program with 143, after the exchange was stopped.
    """
    directory = Path(settings.state_dir) / "paper"
    arguments = ["--seed", str(settings.paper.seed), "--speed", str(settings.paper.speed), "--linger", str(LINGER_S)]
    arguments += ["--config", str(config)] if config is not None else []
    arguments += ["--replay", str(replay)] if replay is not None else []
    try:
        return asyncio.run(_run(settings, directory, arguments, seconds, json, metrics_port))
    except asyncio.CancelledError:
        raise SystemExit(128 + signal.SIGTERM) from None


async def _run(
    settings: Settings,
    directory: Path,
    arguments: list[str],
    seconds: float | None,
    json: bool,
    metrics_port: int | None,
) -> Summary:
    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with Lease(directory):
        exchange, continued = await _exchange(settings, directory, arguments)
    goes_on = False
    try:
        from hedger.app.attached import play_attached

        return await play_attached(settings, directory, exchange, continued, seconds, json, metrics_port)
    except AskAgain:  # one of its venues is out of reach: the world that was left waits for the next start, too
        goes_on = continued
        raise
    finally:
        if not goes_on:
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
    process, ready = launch_exchange(arguments, directory=directory), False
    try:
        _get_ready(settings)
        exchange = await await_ready(process, directory)
        ready = True
    finally:
        if not ready:
            process.kill()
    return exchange, False


def _get_ready(settings: Settings) -> None:
    """Import what the daemon is made of and its venues' clients, which takes as long as the exchange's own start."""
    from hedger.app import attached

    attached.import_venues(settings)
