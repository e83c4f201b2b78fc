"""The wallets on WEEX: coins in the spot wallet, and what the contracts wallet says of its money."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hedger.errors import AskAgain
from hedger.model.numeric import ZERO
from hedger.venues.asking import Understand
from hedger.venues.link import Link
from hedger.venues.listing import Listing, split_multiplier
from hedger.venues.vanished import Vanished, listed_twice
from hedger.venues.weex.codes import SPOT
from hedger.venues.weex.payloads import AssetRow, SpotAccount, SpotBalance, Wallet
from hedger.venues.wire import reader

_read_account: Understand[SpotAccount] = reader(SpotAccount)
_read_balance: Understand[SpotBalance] = reader(SpotBalance)
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
        """What is listed, in coins; an odd row of another coin is left out."""
        method = self._link.client.private_get_api_v3_account
        told = await self._link.asker.need("spot wallet", method, _read_account, host=self._link.hosts[SPOT])
        coins: dict[str, Decimal] = {}
        odd: set[str] = set()
        names = [row.asset for row in told.balances]
        for row in told.balances:
            coin, multiplier = split_multiplier(row.asset)
            try:
                if names.count(row.asset) > 1:
                    raise ValueError("an asset is listed twice")
                read = _read_balance(row.model_dump())
            except ValueError:
                if coin in self._listing.coins:
                    raise AskAgain(f"weex: the spot wallet's row of {row.asset} is not understood.") from None
                odd.add(coin)
                continue
            coins[coin] = coins.get(coin, ZERO) + (read.free + read.locked) * multiplier
        return {coin: quantity for coin, quantity in coins.items() if coin not in odd}


def wallet_of(rows: Iterable[AssetRow], asset: str) -> Wallet:
    """The contracts wallet's row of an asset; ValueError where there is not exactly one that is understood."""
    found = [row for row in rows if row.asset == asset]
    if len(found) != 1:
        raise ValueError(f"the contracts wallet lists {asset} {len(found)} times: have some of it there")
    try:
        return _read_wallet(found[0].model_dump())
    except ValueError:
        raise ValueError(f"the contracts wallet's row of {asset} is not understood") from None
