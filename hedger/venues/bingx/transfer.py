"""Moves an asset between the wallets of a BingX account."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from hedger.errors import GiveUp
from hedger.model.instrument import Kind
from hedger.model.numeric import plain
from hedger.venues.asking import Understand
from hedger.venues.bingx.answers import answered
from hedger.venues.bingx.books import BOOKS
from hedger.venues.bingx.codes import API
from hedger.venues.bingx.payloads import Transferred
from hedger.venues.lanes import Lane
from hedger.venues.link import Environment, Link
from hedger.venues.listing import Listing

_SPOT = "spot"
_read_transferred: Understand[Transferred] = answered(Transferred)


async def transfer(link: Link, listing: Listing, asset: str, quantity: Decimal, to_contracts: bool) -> None:
    """Move `quantity` of an asset from the spot wallet to that of the contracts that settle in it, or back; once.

    Raises GiveUp where nothing settles in it, where nothing may be sent, or where the venue refuses.
    """
    if link.environment in (Environment.TESTNET, Environment.SHADOW):
        raise GiveUp(f"nothing is transferred on account {link.account}: it is {link.environment}.")
    contracts = [rules for rules in listing.instruments.values() if rules.kind is not Kind.SPOT]
    wallets = {BOOKS[rules.payoff].wallet for rules in contracts if rules.settle == asset}
    if len(wallets) != 1 or quantity <= 0:
        raise GiveUp(f"BingX: {plain(quantity)} {asset} cannot be transferred: no contract of ours settles in it.")
    wallet = wallets.pop()
    source, target = (_SPOT, wallet) if to_contracts else (wallet, _SPOT)
    params = {"fromAccount": source, "toAccount": target, "asset": asset, "amount": plain(quantity)}
    await link.asker.ask(
        f"transfer of {asset}",
        partial(link.client.api_asset_v1_private_post_transfer, params),
        _read_transferred,
        host=link.hosts[API],
        lane=Lane.CONTROL,
        attempts=1,
        final=True,
    )
