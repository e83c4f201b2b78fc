"""Binance: its profile."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hedger.venues.binance.abilities import ABILITIES
from hedger.venues.binance.account import AccountReader
from hedger.venues.binance.codes import BUDGETS, CODES, DEMO, LIVE, OPTIONS, WEIGHT_LIMITS, hear, weight_of
from hedger.venues.binance.emergency import BinanceEmergency
from hedger.venues.binance.history import HistoryReader
from hedger.venues.binance.orders import Orders
from hedger.venues.binance.past import PastReader
from hedger.venues.binance.positions import PositionReader
from hedger.venues.binance.setup import (
    ask_time,
    check_key,
    differences,
    load_derivatives,
    load_listing,
    reload_rules,
)
from hedger.venues.binance.stream import BinanceFrames
from hedger.venues.binance.switch import Switch
from hedger.venues.hints import HintQueue
from hedger.venues.link import Environment, Link
from hedger.venues.profile import Parts, Profile
from hedger.venues.suspicion import Suspicion


async def assemble(link: Link, symbols: Sequence[str], queue: HintQueue) -> Parts:
    """Load the rules and fees of `symbols`, and make what asks about them."""
    listing = await load_listing(link, symbols)
    history = HistoryReader(link, listing)
    if listing.contracts:
        await history.load_intervals()
    positions = PositionReader(link, listing, partial(load_derivatives, link))
    traded = [id.symbol for id in listing.instruments]
    suspicion = Suspicion(link, listing, partial(reload_rules, link, listing, traded), queue.put)
    return Parts(
        listing=listing,
        reader=AccountReader(link, listing, positions, suspicion),
        prices=history,
        history=history,
        past=PastReader(link, listing),
        wire=Orders(link, listing),
        frames=BinanceFrames(link, listing, history),
        differences=partial(differences, link, listing),
        reload=partial(reload_rules, link, listing),
        switch=Switch(link, listing, suspicion),
        transfer=None,
        stop=(suspicion,),
    )


def _prepare(client: Any, environment: Environment) -> None:
    if environment is Environment.TESTNET:
        client.enable_demo_trading(True)


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
    is_private=lambda url: "signature=" in url,
    clock=ask_time,
    check_key=check_key,
    assemble=assemble,
    emergency=BinanceEmergency(),
    abilities=ABILITIES,
    prepare=_prepare,
)
