"""MEXC: its profile."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

from hedger.model.account import MarginMode
from hedger.model.instrument import InstrumentId
from hedger.venues.hints import HintQueue
from hedger.venues.link import Link
from hedger.venues.mexc.abilities import ABILITIES
from hedger.venues.mexc.account import AccountReader
from hedger.venues.mexc.codes import BUDGETS, CODES, LIVE, OPTIONS, WEIGHT_LIMITS, hear
from hedger.venues.mexc.contracts import Contracts
from hedger.venues.mexc.emergency import MexcEmergency
from hedger.venues.mexc.history import HistoryReader
from hedger.venues.mexc.orders import Orders
from hedger.venues.mexc.past import PastReader
from hedger.venues.mexc.positions import PositionReader
from hedger.venues.mexc.rights import check_key
from hedger.venues.mexc.setup import Settings, ask_time, differences, load_listing, reload_rules
from hedger.venues.mexc.stance import Stance
from hedger.venues.mexc.stream import MexcFrames
from hedger.venues.mexc.transfer import transfer
from hedger.venues.modes import Change
from hedger.venues.profile import Parts, Profile
from hedger.venues.seen import AskedCancels


async def assemble(link: Link, symbols: Sequence[str], queue: HintQueue) -> Parts:
    """Load the rules and fees of `symbols`, learn what is held, and make what asks about them."""
    contracts, stance, asked = Contracts(link), Stance(), AskedCancels()
    listing = await load_listing(link, contracts, symbols)
    settings = Settings(link, stance, {})
    history = HistoryReader(link, listing, contracts, stance)
    positions = PositionReader(link, listing, contracts, stance)
    reader = AccountReader(link, listing, positions, settings, stance, asked)
    await reader.first()

    async def differ(ids: Sequence[InstrumentId], leverage: int, margin_mode: MarginMode) -> list[Change]:
        raws = [listing.raw[id] for id in ids]
        return await differences(link, contracts, settings, raws, leverage, margin_mode)

    async def move(asset: str, quantity: Decimal, to_contracts: bool) -> None:
        await transfer(link, listing, asset, quantity, to_contracts)

    return Parts(
        listing=listing,
        reader=reader,
        prices=history,
        history=history,
        past=PastReader(link, listing),
        wire=Orders(link, listing, contracts, stance, asked),
        frames=MexcFrames(link, listing, contracts, history, stance, asked),
        differences=differ,
        reload=partial(reload_rules, link, contracts, listing),
        switch=None,
        transfer=move,
    )


PROFILE = Profile(
    name="mexc",
    title="MEXC",
    live=LIVE,
    testnet=None,
    options=OPTIONS,
    codes=CODES,
    hear=hear,
    budgets=BUDGETS,
    weight_limits=WEIGHT_LIMITS,
    is_private=lambda url: "signature=" in url or "/private/" in url,
    clock=ask_time,
    check_key=check_key,
    assemble=assemble,
    emergency=MexcEmergency(),
    abilities=ABILITIES,
)
