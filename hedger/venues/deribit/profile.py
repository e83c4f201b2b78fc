"""Deribit: its profile."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hedger.venues.asking import together
from hedger.venues.deribit.abilities import ABILITIES
from hedger.venues.deribit.account import AccountReader
from hedger.venues.deribit.codes import BUDGETS, CODES, LIVE, OPTIONS, PRIVATE, TEST, WEIGHT_LIMITS, hear
from hedger.venues.deribit.emergency import DeribitEmergency
from hedger.venues.deribit.history import HistoryReader
from hedger.venues.deribit.orders import Orders
from hedger.venues.deribit.past import PastReader
from hedger.venues.deribit.setup import (
    Leverage,
    ask_time,
    check_key,
    load_listing,
    load_wallets,
    reload_rules,
)
from hedger.venues.deribit.stream import DeribitFrames
from hedger.venues.hints import HintQueue
from hedger.venues.link import Environment, Link
from hedger.venues.profile import Parts, Profile
from hedger.venues.suspicion import Suspicion


async def assemble(link: Link, symbols: Sequence[str], queue: HintQueue) -> Parts:
    """Load the rules and fees of `symbols`, and make what asks about them."""
    listing, wallets = await together(load_listing(link, symbols), load_wallets(link))
    leverage, history = Leverage(), HistoryReader(link, listing)
    traded = [id.symbol for id in listing.instruments]
    suspicion = Suspicion(link, listing, partial(reload_rules, link, listing, traded), queue.put)
    return Parts(
        listing=listing,
        reader=AccountReader(link, listing, suspicion, leverage, wallets),
        prices=history,
        history=history,
        past=PastReader(link, listing),
        wire=Orders(link, listing),
        frames=DeribitFrames(link, listing),
        differences=leverage.differences,
        reload=partial(reload_rules, link, listing),
        switch=None,
        transfer=None,
        stop=(suspicion,),
    )


def _prepare(client: Any, environment: Environment) -> None:
    if environment is Environment.TESTNET:
        client.set_sandbox_mode(True)


PROFILE = Profile(
    name="deribit",
    title="Deribit",
    live=LIVE,
    testnet=TEST,
    options=OPTIONS,
    codes=CODES,
    hear=hear,
    budgets=BUDGETS,
    weight_limits=WEIGHT_LIMITS,
    is_private=lambda url: PRIVATE in url,
    clock=ask_time,
    check_key=check_key,
    assemble=assemble,
    emergency=DeribitEmergency(),
    abilities=ABILITIES,
    tells_rights=frozenset({Environment.LIVE, Environment.SHADOW, Environment.TESTNET}),
    prepare=_prepare,
    keeps_leverage=True,
)
