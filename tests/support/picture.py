"""The README's picture: the terminal view of a real paper run, drawn from its state. `make picture` writes it."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hedger.app.daemon import Daemon, Parts, polling_of
from hedger.app.exchange import START_AT, build_world
from hedger.engine.known.state import Action, Decision, State
from hedger.engine.step import Result
from hedger.model.message import Stamped
from hedger.ops.view import Banner, render
from hedger.runtime.journal import Journal
from hedger.settings.load import load_settings
from hedger.settings.policy import to_policy
from hedger.sim.port import SimVenue, SteadyLink, drive
from hedger.sim.virtual_time import VirtualClock, run_virtual
from tests.support.view_drawn import view_svg

PICTURE = Path("docs/pictures/paper.svg")
AFTER_S = 900.0


class Watching:
    """Keeps what was last seen while an order worked, after a while of hedging."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        self.seen: tuple[State, list[Decision]] | None = None

    def observe(self, before: State, stamped: Stamped, result: Result, seconds: float) -> None:
        """Remember the decisions, and the state while a part of an order has filled."""
        self.decisions += result.decisions
        late = result.state.now - START_AT > AFTER_S * 1000
        if late and any(order.live and order.filled > 0 for order in result.state.orders.values()):
            told = [d for d in self.decisions if d.action in (Action.PLACE, Action.CANCEL, Action.HOLD)]
            self.seen = (result.state, told[-6:])

    def queued(self, events: int) -> None:
        """Nothing waits."""

    def timed(self, stage: str, account: str, seconds: float, outcome: str) -> None:
        """Nothing is measured."""


async def _run(directory: Path) -> tuple[State, list[Decision]]:
    settings = load_settings(None, {"paper.seed": 5}, {})
    policy, clock, watching = to_policy(settings), VirtualClock(), Watching()
    world = build_world(settings, START_AT, None)
    driving = asyncio.create_task(drive(world.exchange, clock))
    venue = SimVenue(world.exchange, clock, SteadyLink(clock, 5), account="main", user="main")
    daemon = Daemon(
        Parts(
            policy=policy,
            venues={"main": venue},
            clock=clock,
            journal=Journal.open(directory),
            polling=polling_of(settings),
            observer=watching,
            start_record={},
        )
    )
    await daemon.run(lambda _: clock.sleep(2 * AFTER_S))
    driving.cancel()
    assert watching.seen is not None, "no order was caught in the middle of a fill: try another seed"
    return watching.seen


def main() -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as scratch:
        state, decisions = run_virtual(_run(Path(scratch)), START_AT)
    banner = Banner(kind="paper", transport="wire", started_at=START_AT)
    policy = to_policy(load_settings(None, {}, {}))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(view_svg(render(state, policy, recent=decisions, banner=banner), title="make paper"))


if __name__ == "__main__":
    main()
