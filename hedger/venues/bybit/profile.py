"""Bybit: its profile."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from hedger.venues.asking import together
from hedger.venues.bybit.abilities import ABILITIES
from hedger.venues.bybit.account import AccountReader
from hedger.venues.bybit.codes import BUDGETS, CODES, LIVE, OPTIONS, TEST, WEIGHT_LIMITS, hear
from hedger.venues.bybit.emergency import BybitEmergency
from hedger.venues.bybit.history import HistoryReader
from hedger.venues.bybit.options import OptionReader
from hedger.venues.bybit.orders import Orders
from hedger.venues.bybit.past import PastReader
from hedger.venues.bybit.positions import PositionReader
from hedger.venues.bybit.receive_window import prepare
from hedger.venues.bybit.setup import (
    ask_time,
    check_key,
    check_unified,
    differences,
    load_derivatives,
    load_listing,
    reload_rules,
)
from hedger.venues.bybit.stream import BybitFrames
from hedger.venues.hints import HintQueue
from hedger.venues.link import Environment, Link
from hedger.venues.profile import Parts, Profile
from hedger.venues.suspicion import Suspicion


async def assemble(link: Link, symbols: Sequence[str], queue: HintQueue) -> Parts:
    """Check the kind of account, load the rules and fees of `symbols`, and make what asks about them."""
    _, (listing, intervals) = await together(check_unified(link), load_listing(link, symbols))
    history = HistoryReader(link, listing, intervals)
    positions = PositionReader(link, listing, partial(load_derivatives, link))
    traded = [id.symbol for id in listing.instruments]
    suspicion = Suspicion(link, listing, partial(reload_rules, link, listing, traded), queue.put)
    return Parts(
        listing=listing,
        reader=AccountReader(link, listing, positions, OptionReader(link, listing), suspicion),
        prices=history,
        history=history,
        past=PastReader(link, listing),
        wire=Orders(link, listing),
        frames=BybitFrames(link, listing, history),
        differences=partial(differences, link, listing),
        reload=partial(reload_rules, link, listing),
        switch=None,
        transfer=None,
        stop=(suspicion,),
    )


PROFILE = Profile(
    name="bybit",
    title="Bybit",
    live=LIVE,
    testnet=TEST,
    options=OPTIONS,
    codes=CODES,
    hear=hear,
    budgets=BUDGETS,
    weight_limits=WEIGHT_LIMITS,
    is_private=lambda url: "/v5/market/" not in url,
    clock=ask_time,
    check_key=check_key,
    assemble=assemble,
    emergency=BybitEmergency(),
    abilities=ABILITIES,
    tells_rights=frozenset({Environment.LIVE, Environment.SHADOW, Environment.TESTNET}),
    prepare=prepare,
)
