"""OKX: its profile."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hedger.venues.hints import HintQueue
from hedger.venues.link import Environment, Link
from hedger.venues.okx.abilities import ABILITIES
from hedger.venues.okx.account import AccountReader
from hedger.venues.okx.codes import BUDGETS, CODES, DEMO, LIVE, OPTIONS, WEIGHT_LIMITS, hear
from hedger.venues.okx.contracts import Contracts
from hedger.venues.okx.emergency import OkxEmergency
from hedger.venues.okx.history import HistoryReader
from hedger.venues.okx.marks import MarkBook
from hedger.venues.okx.orders import Orders
from hedger.venues.okx.past import PastReader
from hedger.venues.okx.positions import PositionReader
from hedger.venues.okx.setup import Wanted, ask_time, check_key, differences, load_listing, reload_rules
from hedger.venues.okx.stream import OkxFrames
from hedger.venues.okx.switch import Switch
from hedger.venues.okx.transfer import transfer
from hedger.venues.profile import Parts, Profile
from hedger.venues.suspicion import Suspicion

_PRIVATE = ("/api/v5/account/", "/api/v5/trade/", "/api/v5/asset/")


async def assemble(link: Link, symbols: Sequence[str], queue: HintQueue) -> Parts:
    """Load the rules and fees of `symbols`, and make what asks about them."""
    # The client signs its login on a stream with the time of this machine, where all else has the venue's.
    link.client.seconds = lambda: link.venue_now() // 1_000
    contracts, marks, wanted = Contracts(link), MarkBook(), Wanted()
    listing = await load_listing(link, symbols, contracts)
    history = HistoryReader(link, listing, contracts, marks)
    await history.load_marks()
    positions = PositionReader(link, listing, contracts, marks, wanted)
    traded = [id.symbol for id in listing.instruments]
    suspicion = Suspicion(link, listing, partial(reload_rules, link, listing, contracts, traded), queue.put)
    return Parts(
        listing=listing,
        reader=AccountReader(link, listing, contracts, positions, marks, wanted, suspicion),
        prices=history,
        history=history,
        past=PastReader(link, listing, contracts),
        wire=Orders(link, listing, contracts, wanted),
        frames=OkxFrames(link, listing, contracts, marks),
        differences=partial(differences, link, listing, wanted),
        reload=partial(reload_rules, link, listing, contracts),
        switch=Switch(link),
        transfer=partial(transfer, link, listing),
        stop=(suspicion,),
    )


def _prepare(client: Any, environment: Environment) -> None:
    """Demo trading has the same host for REST: the header that this sets on every request tells it from real money."""
    if environment is Environment.TESTNET:
        client.set_sandbox_mode(True)


PROFILE = Profile(
    name="okx",
    title="OKX",
    live=LIVE,
    testnet=DEMO,
    options=OPTIONS,
    codes=CODES,
    hear=hear,
    budgets=BUDGETS,
    weight_limits=WEIGHT_LIMITS,
    is_private=lambda url: any(part in url for part in _PRIVATE),
    clock=ask_time,
    check_key=check_key,
    assemble=assemble,
    emergency=OkxEmergency(),
    abilities=ABILITIES,
    tells_rights=frozenset({Environment.LIVE, Environment.SHADOW, Environment.TESTNET}),
    prepare=_prepare,
    needs_passphrase=True,
    switch_reach="every order of the account, on every contract and pair",
)
