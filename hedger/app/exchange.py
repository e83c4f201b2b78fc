"""The exchange of a paper run: its world as the settings describe it, and its process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from hedger.settings.schema import Settings
from hedger.sim.exchange import Exchange
from hedger.sim.scenario import Scenario, ScenarioConfig
from hedger.sim.world import Funds, paper_world

# 1 January 2026, 07:40 UTC: twenty minutes before funding is settled, so that a run of an hour sees it.
START_AT = 1_767_253_200_000
SPOT_USDT = Decimal(20_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperWorld:
    """The exchange of a paper run, and a way to let the owner's holding rest."""

    exchange: Exchange
    scenario: Scenario | None

    def quiet(self) -> None:
        """From now on the holding changes only by trades."""
        if self.scenario is not None:
            self.scenario.stop()


def build_world(settings: Settings, start_at: int, replay: Path | None) -> PaperWorld:
    """The paper exchange that the settings describe, with a synthetic market or on recorded books.

    Each account is a user of that name. Coins come to the first one and leave it.
    """
    paper = settings.paper
    still, users = not paper.deposits, funds_of(settings)
    owner = next(iter(users))
    if replay is not None:
        from hedger.sim.recorded import recorded_world

        recorded = recorded_world(replay, seed=paper.seed, start_at=start_at, users=users, owner=owner, still=still)
        return PaperWorld(exchange=recorded.exchange, scenario=recorded.scenario)
    world = paper_world(
        paper.seed,
        start_at,
        coins=tuple(sorted({hedge.underlying or name for name, hedge in settings.hedges.items()})),
        users=users,
        owner=owner,
        scenario=ScenarioConfig(
            every_s=(float(paper.deposit_least_s), float(paper.deposit_most_s)),
            size=(0.01, float(paper.deposit_ratio)),
        ),
        still=still,
    )
    return PaperWorld(exchange=world.exchange, scenario=world.scenario)


def funds_of(settings: Settings) -> dict[str, Funds]:
    """What each account begins with: all of them collateral, the first one also what is in its spot wallet."""
    paper, first = settings.paper, next(iter(settings.accounts))
    funds = {name: Funds(linear=paper.collateral) for name in settings.accounts}
    return {**funds, first: Funds(spot={"USDT": SPOT_USDT, **paper.spot}, linear=paper.collateral)}


def serve(settings: Settings, *, directory: Path, replay: Path | None, speed: float, linger_s: float) -> None:
    """Be the exchange's process, until told to stop or left alone."""
    from hedger.sim.process import serve_exchange

    world = build_world(settings, START_AT, replay)
    asyncio.run(
        serve_exchange(
            world.exchange,
            directory=directory,
            speed=speed,
            seed=settings.paper.seed,
            users=tuple(settings.accounts),
            linger_s=linger_s,
            quiet=world.quiet,
        )
    )
