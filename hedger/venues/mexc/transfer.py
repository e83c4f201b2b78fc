"""Moves an asset between the spot and the futures wallet of a MEXC account."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from hedger.errors import GiveUp
from hedger.model.instrument import Kind
from hedger.model.numeric import plain
from hedger.venues.asking import Understand
from hedger.venues.lanes import Lane
from hedger.venues.link import Environment, Link
from hedger.venues.listing import Listing
from hedger.venues.mexc.codes import API
from hedger.venues.mexc.payloads import Transferred
from hedger.venues.wire import reader

_SPOT, _FUTURES = "SPOT", "FUTURES"
_read_transferred: Understand[Transferred] = reader(Transferred)


async def transfer(link: Link, listing: Listing, asset: str, quantity: Decimal, to_contracts: bool) -> None:
    """Move `quantity` of an asset from the spot wallet to that of the contracts, or back; once.

    Raises GiveUp where no contract settles in it, where nothing may be sent, or where the venue refuses.
    """
    if link.environment is Environment.SHADOW:
        raise GiveUp(f"nothing is transferred on account {link.account}: it is only watched.")
    monies = {rules.settle for rules in listing.instruments.values() if rules.kind is not Kind.SPOT}
    if asset not in monies or quantity <= 0:
        raise GiveUp(f"MEXC: {plain(quantity)} {asset} cannot be transferred: no contract of ours settles in it.")
    source, target = (_SPOT, _FUTURES) if to_contracts else (_FUTURES, _SPOT)
    params = {"asset": asset, "amount": plain(quantity), "fromAccountType": source, "toAccountType": target}
    await link.asker.ask(
        f"transfer of {asset}",
        partial(link.client.spot_private_post_capital_transfer, params),
        _read_transferred,
        host=link.hosts[API],
        lane=Lane.CONTROL,
        attempts=1,
        final=True,
    )
