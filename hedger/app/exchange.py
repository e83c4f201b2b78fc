"""The exchanges of a paper run: their world as the settings describe it, one for each venue, and their process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from hedger.app.transport import why_not_recorded
from hedger.errors import ConfigError
from hedger.settings.paper_rules import coins_of, contracts_by_venue, holder_of, option_symbol, purses_of
from hedger.settings.relative import PAPER_START_AT
from hedger.settings.schema import Settings
from hedger.settings.values import VenueName
from hedger.settings.venues import VENUES
from hedger.sim.dialects.known import DIALECTS, plain_fees, plain_terms
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Listing, Wallet
from hedger.sim.scenario import Scenario, ScenarioConfig
from hedger.sim.world import Funds, World, paper_world

START_AT = PAPER_START_AT
SPOT_USDT = Decimal(20_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperWorld:
    """The exchanges of a paper run by their venues, and who has an account where.

    The owner is the first account: coins come to it and leave it.
    """

    exchanges: Mapping[str, Exchange]
    venues: Mapping[str, str]
    scenario: Scenario | None

    @property
    def exchange(self) -> Exchange:
        """The exchange of the owner's venue."""
        return self.exchange_of(next(iter(self.venues)))

    def exchange_of(self, account: str) -> Exchange:
        """The exchange that an account is on."""
        return self.exchanges[self.venues[account]]

    def quiet(self) -> None:
        """From now on the holding changes only by trades."""
        if self.scenario is not None:
            self.scenario.stop()


def build_world(settings: Settings, start_at: int, replay: Path | None) -> PaperWorld:
    """The paper exchanges that the settings describe, with a synthetic market or (Binance's) on recorded books.

    Each account is a user of that name on its venue's exchange. All exchanges have one seed and one start, and so one
    fair price of each coin at each moment, whatever they list and whoever trades there; their books are their own.
    """
    venues = {name: account.venue for name, account in settings.accounts.items()}
    users, owner = funds_of(settings), next(iter(venues))
    if replay is not None:
        from hedger.sim.recorded import recorded_world

        if (against := why_not_recorded(settings)) is not None:
            raise ConfigError(against)
        paper = settings.paper
        recorded = recorded_world(
            replay, seed=paper.seed, start_at=start_at, users=users, owner=owner, still=not paper.deposits
        )
        exchanges = {VenueName.BINANCE.value: recorded.exchange}
        return PaperWorld(exchanges=exchanges, venues=venues, scenario=recorded.scenario)
    worlds = {
        venue.value: _world_of(
            settings, venue, start_at, {name: users[name] for name in users if venues[name] is venue}
        )
        for venue in dict.fromkeys(venues.values())
    }
    scenario = worlds[venues[owner]].scenario
    return PaperWorld(
        exchanges={venue: world.exchange for venue, world in worlds.items()}, venues=venues, scenario=scenario
    )


def _world_of(settings: Settings, venue: VenueName, start_at: int, users: Mapping[str, Funds]) -> World:
    """One venue's exchange; its market is moved by the seed alone, so that every venue sees the same price."""
    paper, owner = settings.paper, next(iter(settings.accounts))
    dialect = DIALECTS.get(venue)
    terms, fees = (plain_terms, plain_fees) if dialect is None else (dialect.terms, dialect.fees)
    beside = () if dialect is None else dialect.beside
    usual = (form.replace("COIN", coin) for form in beside for coin in coins_of(settings))
    contracts = (terms(text) for text in (*contracts_by_venue(settings)[venue], *usual))
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
        still=not paper.deposits or owner not in users,
        contracts=[listing for listing in contracts if isinstance(listing, Listing)],
        wallet=Wallet.INVERSE if VENUES[venue].counts_in_coins else Wallet.SPOT,
        terms=terms,
        fee_table=fees(),
    )
    for coin in {option.asset for option in paper.options if holder_of(settings, option) in users}:
        surface = world.exchange.floor.options.surface(coin)
        surface.level = surface.mean = float(paper.volatility)
    return world


def funds_of(settings: Settings) -> dict[str, Funds]:
    """What each account begins with: its collateral, spot wallet, coins that are margin, and options. The first one has
    some USDT in its spot wallet too, where it has such a wallet."""
    first = next(iter(settings.accounts))
    options: dict[str, dict[str, Decimal]] = {name: {} for name in settings.accounts}
    for option in settings.paper.options:
        held, symbol = options[holder_of(settings, option)], option_symbol(option)
        held[symbol] = held.get(symbol, Decimal(0)) + option.quantity
    funds = {}
    for name, purse in purses_of(settings).items():
        has_wallet = not VENUES[settings.accounts[name].venue].counts_in_coins
        funds[name] = Funds(
            spot={"USDT": SPOT_USDT, **purse.spot} if name == first and has_wallet else dict(purse.spot),
            linear=purse.collateral,
            coins=dict(purse.margin),
            options={symbol: quantity for symbol, quantity in options[name].items() if quantity},
        )
    return funds


def serve(settings: Settings, *, directory: Path, replay: Path | None, speed: float, linger_s: float) -> None:
    """Be the exchanges' process, until told to stop or left alone."""
    from hedger.sim.process import Stand, serve_exchanges

    world = build_world(settings, START_AT, replay)
    stands = [
        Stand(venue=venue, exchange=exchange, users=[name for name in world.venues if world.venues[name] == venue])
        for venue, exchange in world.exchanges.items()
    ]
    asyncio.run(
        serve_exchanges(
            stands, directory=directory, speed=speed, seed=settings.paper.seed, linger_s=linger_s, quiet=world.quiet
        )
    )
