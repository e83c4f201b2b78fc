"""A hedger whose event loop blocks for real while an order rests, far from the market: see `__main__` below."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from hedger.app.attached import emergency_accounts_on, venues_on
from hedger.app.daemon import Daemon, conduct
from hedger.app.live import wanted_of
from hedger.app.watching import Watched
from hedger.ops.logs import configure_logging
from hedger.ops.view import Banner
from hedger.settings.load import load_settings
from hedger.sim.attach import start_exchange_process
from hedger.venues.emergency import EmergencyExit
from tests.support.processes import PATIENT


async def hedge_until_stuck(directory: Path, seconds: float) -> None:
    """Start an exchange, hedge on it, and block once an order of ours rests."""
    config = directory / "patient.toml"
    config.write_text(PATIENT)
    settings = load_settings(config, {"metrics.enabled": False})
    paper = directory / "paper"
    exchange = await start_exchange_process(
        ["--seed", "1", "--speed", "1", "--linger", "60", "--config", str(config)], directory=paper
    )
    configure_logging("info", "json", [exchange.note.api_secret])
    banner = Banner(kind="paper", transport="wire", started_at=exchange.clock.now_ms())

    async def block(daemon: Daemon) -> None:
        while not any(o.venue_order_id for o in daemon.state.orders.values() if o.live):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        (directory / "blocked").touch()
        time.sleep(seconds)  # noqa: ASYNC251 - that is what it is for
        (directory / "unblocked").touch()
        await asyncio.Event().wait()

    await conduct(
        settings=settings,
        venues=venues_on(settings, exchange, Watched()),
        clock=exchange.clock,
        directory=paper,
        wanted=wanted_of(settings, banner=banner, view=False, lines=False, directory=paper),
        meanwhile=block,
        cancel=EmergencyExit(emergency_accounts_on(settings, exchange), exchange.clock),
    )


if __name__ == "__main__":
    asyncio.run(hedge_until_stuck(Path(sys.argv[1]), float(sys.argv[2])))
