"""WEEX: its profile. The dangerous venue: what is not known for sure of it is refused here, and said in `abilities`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

from hedger.errors import GiveUp
from hedger.venues.hints import HintQueue
from hedger.venues.link import Link
from hedger.venues.profile import Parts, Profile
from hedger.venues.weex.abilities import ABILITIES
from hedger.venues.weex.account import AccountReader
from hedger.venues.weex.codes import BUDGETS, CODES, LIVE, OPTIONS, WEIGHT_LIMITS, hear
from hedger.venues.weex.emergency import WeexEmergency
from hedger.venues.weex.history import HistoryReader
from hedger.venues.weex.known import Known
from hedger.venues.weex.orders import Orders
from hedger.venues.weex.past import PastReader
from hedger.venues.weex.positions import PositionReader
from hedger.venues.weex.setup import (
    ask_time,
    check_key,
    differences,
    load_derivatives,
    load_listing,
    reload_rules,
)
from hedger.venues.weex.sides import Sides
from hedger.venues.weex.stream import WeexFrames


async def assemble(link: Link, symbols: Sequence[str], queue: HintQueue) -> Parts:
    """Load the rules and fees of `symbols`, and make what asks about them."""
    listing = await load_listing(link, symbols)
    history, sides, known = HistoryReader(link, listing), Sides(), Known()
    positions = PositionReader(link, listing, partial(load_derivatives, link))
    reader = AccountReader(link, listing, positions, sides, known)
    await reader.begin()
    return Parts(
        listing=listing,
        reader=reader,
        prices=history,
        history=history,
        past=PastReader(link, listing),
        wire=Orders(link, listing, sides, known),
        frames=WeexFrames(link, listing, sides, known),
        differences=partial(differences, link, listing),
        reload=partial(reload_rules, link, listing),
        switch=None,
        transfer=_no_transfer,
    )


async def _no_transfer(asset: str, _quantity: Decimal, _to_contracts: bool) -> None:
    raise GiveUp(f"WEEX has no transfer by API: move {asset} between spot and contracts on the venue.")


PROFILE = Profile(
    name="weex",
    title="WEEX",
    live=LIVE,
    testnet=None,
    options=OPTIONS,
    codes=CODES,
    hear=hear,
    budgets=BUDGETS,
    weight_limits=WEIGHT_LIMITS,
    is_private=lambda url: "/market/" not in url and "/exchangeInfo" not in url,
    clock=ask_time,
    check_key=check_key,
    assemble=assemble,
    emergency=WeexEmergency(),
    abilities=ABILITIES,
    needs_passphrase=True,
)
