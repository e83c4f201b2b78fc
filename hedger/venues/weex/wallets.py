"""The wallets on WEEX: coins in the spot wallet, and what the contracts wallet says of its money."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hedger.venues.asking import Understand
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.spot import coins_listed
from hedger.venues.vanished import Vanished, listed_twice
from hedger.venues.weex.codes import SPOT
from hedger.venues.weex.payloads import AssetRow, SpotAccount, Wallet
from hedger.venues.wire import reader

_read_account: Understand[SpotAccount] = reader(SpotAccount)
_read_wallet: Understand[Wallet] = reader(Wallet)


class SpotReader:
    """Reads the coins of the spot wallet. The venue does not say that it lists coins of which there is none [V]."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing
        self._vanished = Vanished()

    async def read(self) -> dict[str, Decimal]:
        """Coins held, every coin of ours among them. One that is not listed is asked for a second time, and is none
        only where both lists do without it; one that was held, only after half a minute without it."""
        coins = await listed_twice(self._listed, self._listing.coins)
        return self._vanished.believe(coins, self._listing.coins, self._link.clock.now_ms())

    async def _listed(self) -> dict[str, Decimal]:
        method = self._link.client.private_get_api_v3_account
        told = await self._link.asker.need("spot wallet", method, _read_account, host=self._link.hosts[SPOT])
        return coins_listed("weex", told.balances, self._listing.coins)


def wallet_of(rows: Iterable[AssetRow], asset: str) -> Wallet:
    """The contracts wallet's row of an asset; ValueError where there is not exactly one that is understood."""
    found = [row for row in rows if row.asset == asset]
    if len(found) != 1:
        raise ValueError(f"the contracts wallet lists {asset} {len(found)} times: have some of it there")
    try:
        return _read_wallet(found[0].model_dump())
    except ValueError:
        raise ValueError(f"the contracts wallet's row of {asset} is not understood") from None
