"""Assets between the funding account and the trading account, which backs contracts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hedger.errors import GiveUp
from hedger.model.numeric import plain
from hedger.venues.asking import Understand
from hedger.venues.link import Environment, Link
from hedger.venues.listing import Listing
from hedger.venues.okx.codes import REST
from hedger.venues.okx.payloads import TransferRow, row_as

FUNDING_ACCOUNT, TRADING_ACCOUNT = "6", "18"

_read_transfer: Understand[TransferRow] = row_as(TransferRow)


async def transfer(link: Link, listing: Listing, asset: str, quantity: Decimal, to_contracts: bool) -> None:
    """Move an asset to the trading account, or away from it; GiveUp where it is refused.

    A coin of a hedge is not moved away: the funding account is not read, so it would seem to be gone.
    """
    if link.environment is Environment.SHADOW:
        raise GiveUp(f"account {link.account} is only watched: nothing is transferred.")
    if asset in listing.coins and not to_contracts:
        raise GiveUp(f"okx: {asset} is hedged, and the funding account is not counted: it would seem to be gone.")
    source, target = FUNDING_ACCOUNT, TRADING_ACCOUNT
    if not to_contracts:
        source, target = target, source
    params = {"type": "0", "ccy": asset, "amt": plain(quantity), "from": source, "to": target}

    def understand(payload: Any) -> bool:
        told = _read_transfer(payload)
        if (told.ccy, told.amt, told.source, told.to) != (asset, quantity, source, target):
            raise ValueError("another transfer was confirmed")
        return True

    # Once: an answer that is lost says nothing of whether the money was moved.
    await link.asker.ask(
        "transfer",
        lambda: link.client.private_post_asset_transfer(params),
        understand,
        host=link.hosts[REST],
        attempts=1,
        final=True,
    )
