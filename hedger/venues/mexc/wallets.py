"""The wallets on MEXC: coins in the spot wallet, and what the futures wallet says of its own margin."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from hedger.model.account import Margin
from hedger.venues.asking import Understand
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.mexc.answers import answered
from hedger.venues.mexc.codes import API
from hedger.venues.mexc.payloads import Asset, CurrencyRow, SpotAccount
from hedger.venues.spot import coins_listed
from hedger.venues.vanished import Vanished, listed_twice
from hedger.venues.wire import reader

# What two sources may differ by: a part of the margin, and a little of the asset.
PART, DUST = Decimal("0.05"), Decimal("0.01")

_read_account: Understand[SpotAccount] = reader(SpotAccount)
read_assets: Understand[list[CurrencyRow]] = answered(list[CurrencyRow])
_read_asset: Understand[Asset] = reader(Asset)


class SpotReader:
    """Reads the coins of the spot wallet, which lists those of which there are some [V]."""

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
        client = self._link.client
        method = client.spot_private_get_account
        told = await self._link.asker.need("spot wallet", lambda: method({}), _read_account, host=self._link.hosts[API])
        return coins_listed(
            "mexc", told.balances, self._listing.coins, lambda name: str(client.safe_currency_code(name))
        )


def wallets_of(rows: Iterable[CurrencyRow], needed: Collection[str]) -> dict[str, Asset]:
    """The futures wallets by asset; ValueError where one that is needed is missing, odd or told twice."""
    found: dict[str, Asset] = {}
    for row in rows:
        try:
            read = _read_asset(row.model_dump())
        except ValueError:
            if row.currency in needed:
                raise ValueError(f"the futures wallet's row of {row.currency} is not understood") from None
            continue
        if row.currency in found:
            raise ValueError(f"the futures wallet lists {row.currency} twice")
        found[row.currency] = read
    missing = sorted(set(needed) - found.keys())
    if missing:
        raise ValueError(f"the futures wallet does not list {missing[0]}: transfer some of it there")
    return found


def assert_accounted(wallet: Asset, explained: Decimal, held: int) -> None:
    """ValueError where the wallet uses margin for positions that no list shows, for then none of them is proven flat,
    and where a list shows positions for which it uses none."""
    used = wallet.positionMargin
    if used - explained > PART * used + DUST:
        raise ValueError(f"margin in {wallet.currency} is used for positions that no list shows")
    if held and not used:
        raise ValueError(f"positions are listed for which no margin in {wallet.currency} is used")


def margin_of(wallet: Asset, maintenance: Decimal) -> Margin:
    """A wallet's margin, in its asset."""
    return Margin(
        equity=wallet.equity,
        maintenance_margin=maintenance,
        initial_margin=wallet.positionMargin + wallet.frozenBalance,
        available=wallet.availableBalance,
    )


def held_in(wallets: Mapping[str, Asset]) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """By asset, the wallet balances, and the unrealised profit, which together are the equity."""
    balances = {asset: wallet.equity - wallet.unrealized for asset, wallet in wallets.items()}
    return balances, {asset: wallet.unrealized for asset, wallet in wallets.items()}
