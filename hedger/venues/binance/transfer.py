"""Money between the spot wallet and those that back contracts: USDⓈ-M's, or COIN-M's for the coins it settles in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hedger.errors import GiveUp
from hedger.model.instrument import Payoff
from hedger.model.numeric import plain
from hedger.venues.asking import Understand
from hedger.venues.binance.codes import API
from hedger.venues.binance.doors import in_portfolio_margin
from hedger.venues.binance.payloads import Transferred
from hedger.venues.binance.rights import TOLD_IN, ask_rights
from hedger.venues.lanes import Lane
from hedger.venues.link import Environment, Link
from hedger.venues.listing import Listing
from hedger.venues.wire import reader

_read_transferred: Understand[Transferred] = reader(Transferred)


async def transfer(link: Link, listing: Listing, asset: str, quantity: Decimal, to_contracts: bool) -> None:
    """Move an asset to the wallet that backs contracts, or away from it; GiveUp where it is refused.

    A coin that a configured COIN-M contract settles in goes to COIN-M's wallet, anything else to USDⓈ-M's.
    """
    if link.environment is Environment.SHADOW:
        raise GiveUp(f"account {link.account} is only watched: nothing is transferred.")
    if in_portfolio_margin(link):
        raise GiveUp("binance: in portfolio margin one wallet backs everything: there is nothing to transfer.")
    if link.environment not in TOLD_IN:
        raise GiveUp("binance: the demo network cannot transfer: move the money on its page.")
    if not (await ask_rights(link)).permitsUniversalTransfer:
        raise GiveUp("binance: the API key may not transfer: give it the right 'universal transfer', or do it by hand.")
    if quantity <= 0:
        raise GiveUp(f"binance: {plain(quantity)} {asset} cannot be transferred.")
    coins = {rules.settle for rules in listing.instruments.values() if rules.payoff is Payoff.INVERSE}
    wallets = ("MAIN", "CMFUTURE" if asset in coins else "UMFUTURE")
    kind = "_".join(wallets if to_contracts else wallets[::-1])
    params: dict[str, Any] = {"type": kind, "asset": asset, "amount": plain(quantity)}
    # Once: an answer that is lost says nothing of whether the money was moved.
    await link.asker.ask(
        "transfer",
        lambda: link.client.sapi_post_asset_transfer(params),
        _read_transferred,
        host=link.hosts[API],
        lane=Lane.RECONCILE,
        attempts=1,
        final=True,
    )
