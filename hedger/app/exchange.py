"""The exchange of a paper run: its world as the settings describe it, and its process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from hedger.settings.paper_rules import option_symbol
from hedger.settings.relative import PAPER_START_AT
from hedger.settings.schema import Settings
from hedger.settings.symbols import parse_contract
from hedger.sim.exchange import Exchange
from hedger.sim.listings import from_symbol
from hedger.sim.nouns import Listing
from hedger.sim.scenario import Scenario, ScenarioConfig
from hedger.sim.world import Funds, paper_world

START_AT = PAPER_START_AT
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
        coins=coins_of(settings),
        users=users,
        owner=owner,
        scenario=ScenarioConfig(
            every_s=(float(paper.deposit_least_s), float(paper.deposit_most_s)),
            size=(0.01, float(paper.deposit_ratio)),
        ),
        still=still,
        contracts=[listing for text in paper.contracts if isinstance(listing := from_symbol(text), Listing)],
    )
    for coin in {option.asset for option in paper.options}:
        surface = world.exchange.floor.options.surface(coin)
        surface.level = surface.mean = float(paper.volatility)
    return PaperWorld(exchange=world.exchange, scenario=world.scenario)


def coins_of(settings: Settings) -> tuple[str, ...]:
    """The coins that a paper world has: what is hedged, what it is hedged with, and what is held."""
    hedged = {hedge.underlying or name for name, hedge in settings.hedges.items()}
    instruments = [text for hedge in settings.hedges.values() for text in hedge.instruments]
    listed = [f"paper:{text}" for text in settings.paper.contracts]
    contracts = (parse_contract(text) for text in (*instruments, *listed))
    bases = {contract.base for contract in contracts if contract is not None}
    options = {option.asset for option in settings.paper.options}
    return tuple(sorted(hedged | bases | options | set(settings.paper.coin_collateral)))


def funds_of(settings: Settings) -> dict[str, Funds]:
    """What each account begins with: all of them collateral, the first one also its spot wallet, the coins that are
    margin, and the options."""
    paper, first = settings.paper, next(iter(settings.accounts))
    funds = {name: Funds(linear=paper.collateral) for name in settings.accounts}
    options: dict[str, Decimal] = {}
    for option in paper.options:
        symbol = option_symbol(option)
        options[symbol] = options.get(symbol, Decimal(0)) + option.quantity
    spot = {"USDT": SPOT_USDT, **paper.spot}
    coins, held = dict(paper.coin_collateral), {symbol: quantity for symbol, quantity in options.items() if quantity}
    return {**funds, first: Funds(spot=spot, linear=paper.collateral, coins=coins, options=held)}


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
