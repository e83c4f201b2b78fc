"""Binance: its profile."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hedger.model.instrument import Instrument
from hedger.venues.binance.abilities import ABILITIES
from hedger.venues.binance.account import AccountReader
from hedger.venues.binance.codes import (
    BUDGETS,
    CODES,
    DAPI,
    DEMO,
    FAPI,
    LIVE,
    OPTIONS,
    USED_IN_LIVE,
    WEIGHT_LIMITS,
    WEIGHT_POOLS,
    hear,
    weight_of,
)
from hedger.venues.binance.coin import CoinReader
from hedger.venues.binance.doors import in_portfolio_margin
from hedger.venues.binance.emergency import BinanceEmergency
from hedger.venues.binance.history import HistoryReader
from hedger.venues.binance.modes import differences
from hedger.venues.binance.names import settles_in_coin
from hedger.venues.binance.options import OptionReader
from hedger.venues.binance.orders import Orders
from hedger.venues.binance.past import PastReader
from hedger.venues.binance.portfolio import PortfolioReader, enter
from hedger.venues.binance.positions import PositionReader
from hedger.venues.binance.rights import TOLD_IN, ask_rights, check_key
from hedger.venues.binance.setup import (
    ask_time,
    load_derivatives,
    load_listing,
    reload_rules,
)
from hedger.venues.binance.stream import BinanceFrames, name_events
from hedger.venues.binance.switch import Switch
from hedger.venues.binance.transfer import transfer
from hedger.venues.hints import HintQueue
from hedger.venues.link import Environment, Link
from hedger.venues.listing import Listing
from hedger.venues.profile import Parts, Profile
from hedger.venues.suspicion import Suspicion


async def assemble(link: Link, symbols: Sequence[str], queue: HintQueue) -> Parts:
    """Load the rules and fees of `symbols`, and make what asks about them."""
    may_read_options = False
    if link.environment in TOLD_IN:
        rights = await ask_rights(link)
        may_read_options = rights.enableVanillaOptions
        await enter(link, rights, tuple(symbols))
    listing = await load_listing(link, symbols)
    history = HistoryReader(link, listing)
    if listing.contracts:
        await history.load_intervals()
    positions = PositionReader(link, listing, partial(load_derivatives, link, FAPI))
    traded = [id.symbol for id in listing.instruments]
    suspicion = Suspicion(link, listing, partial(reload_rules, link, listing, traded), queue.put)
    return Parts(
        listing=listing,
        reader=AccountReader(
            link,
            listing,
            positions,
            suspicion,
            coin=_coin_reader(link, listing, suspicion, symbols),
            options=OptionReader(link, listing) if may_read_options else None,
            portfolio=PortfolioReader(link, listing) if in_portfolio_margin(link) else None,
        ),
        prices=history,
        history=history,
        past=PastReader(link, listing),
        wire=Orders(link, listing),
        frames=BinanceFrames(link, listing, history),
        differences=partial(differences, link, listing),
        reload=partial(_reload, link, listing, history),
        switch=Switch(link, listing, suspicion),
        transfer=partial(transfer, link, listing),
        stop=(suspicion,),
    )


async def _reload(
    link: Link, listing: Listing, history: HistoryReader, symbols: Sequence[str]
) -> tuple[Instrument, ...]:
    """The rules as they are now, and how often each contract pays funding: the venue changes that without notice to
    its streams, and a rate counted over eight hours that is paid every hour is told at an eighth of what it costs."""
    found = await reload_rules(link, listing, symbols)
    if listing.contracts:
        await history.load_intervals()
    return found


def _coin_reader(link: Link, listing: Listing, suspicion: Suspicion, symbols: Sequence[str]) -> CoinReader | None:
    """What reads COIN-M, where a contract of it is configured, be it over: its coins are still there. Whoever has named
    none is asked nothing about it."""
    if not any(settles_in_coin(symbol) for symbol in symbols):
        return None
    positions = PositionReader(link, listing, partial(load_derivatives, link, DAPI), DAPI)
    return CoinReader(link, listing, positions, suspicion)


def _prepare(client: Any, environment: Environment) -> None:
    name_events(client)
    if environment is Environment.TESTNET:
        client.enable_demo_trading(True)
    elif environment is not Environment.PAPER:
        client.options["usedEndpoints"] = list(USED_IN_LIVE)


PROFILE = Profile(
    name="binance",
    title="Binance",
    live=LIVE,
    testnet=DEMO,
    options=OPTIONS,
    codes=CODES,
    hear=hear,
    budgets=BUDGETS,
    weight_limits=WEIGHT_LIMITS,
    weight_of=weight_of,
    weight_pools=WEIGHT_POOLS,
    is_private=lambda url: "signature=" in url,
    clock=ask_time,
    check_key=check_key,
    assemble=assemble,
    emergency=BinanceEmergency(),
    abilities=ABILITIES,
    prepare=_prepare,
)
