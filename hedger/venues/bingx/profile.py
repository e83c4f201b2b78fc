"""BingX: its profile."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from hedger.venues.bingx.abilities import ABILITIES
from hedger.venues.bingx.account import AccountReader
from hedger.venues.bingx.codes import BUDGETS, CODES, LIVE, OPTIONS, USED_IN_TEST, VST, WEIGHT_LIMITS, hear
from hedger.venues.bingx.emergency import BingxEmergency
from hedger.venues.bingx.history import HistoryReader
from hedger.venues.bingx.orders import Orders
from hedger.venues.bingx.paces import keep_pace
from hedger.venues.bingx.past import PastReader
from hedger.venues.bingx.positions import PositionReader
from hedger.venues.bingx.rights import check_key
from hedger.venues.bingx.setup import ask_time, differences, load_derivatives, load_listing, reload_rules
from hedger.venues.bingx.stream import BingxFrames
from hedger.venues.bingx.switch import Switch
from hedger.venues.bingx.transfer import transfer
from hedger.venues.hints import HintQueue
from hedger.venues.link import Environment, Link
from hedger.venues.profile import Parts, Profile
from hedger.venues.seen import AskedCancels
from hedger.venues.suspicion import Suspicion


async def assemble(link: Link, symbols: Sequence[str], queue: HintQueue) -> Parts:
    """Load the rules and fees of `symbols`, and make what asks about them."""
    keep_pace(link.client, link.clock)
    listing = await load_listing(link, symbols)
    history = HistoryReader(link, listing)
    traded = [id.symbol for id in listing.instruments]
    suspicion = Suspicion(link, listing, partial(reload_rules, link, listing, traded), queue.put)
    positions = PositionReader(link, listing, partial(load_derivatives, link, symbols))

    async def move(asset: str, quantity: Decimal, to_contracts: bool) -> None:
        await transfer(link, listing, asset, quantity, to_contracts)

    return Parts(
        listing=listing,
        reader=AccountReader(link, listing, positions, history, suspicion),
        prices=history,
        history=history,
        past=PastReader(link, listing),
        wire=Orders(link, listing, AskedCancels()),
        frames=BingxFrames(link, listing),
        differences=partial(differences, link, listing),
        reload=partial(reload_rules, link, listing),
        switch=Switch(link),
        transfer=move,
        stop=(suspicion,),
    )


def _prepare(client: Any, environment: Environment) -> None:
    if environment is Environment.TESTNET:
        client.set_sandbox_mode(True)
        client.options["usedEndpoints"] = list(USED_IN_TEST)


PROFILE = Profile(
    name="bingx",
    title="BingX",
    live=LIVE,
    testnet=VST,
    options=OPTIONS,
    codes=CODES,
    hear=hear,
    budgets=BUDGETS,
    weight_limits=WEIGHT_LIMITS,
    is_private=lambda url: "signature=" in url,
    clock=ask_time,
    check_key=check_key,
    assemble=assemble,
    emergency=BingxEmergency(),
    abilities=ABILITIES,
    prepare=_prepare,
    switch_reach="every order of the account on USDT-M contracts",
)
