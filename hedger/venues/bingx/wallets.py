"""The wallets on BingX: coins in the spot wallet, and what the two contracts wallets say of their own margin."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from hedger.model.numeric import ZERO
from hedger.venues.asking import Understand
from hedger.venues.bingx.answers import answered
from hedger.venues.bingx.books import LINEAR, Book
from hedger.venues.bingx.codes import API
from hedger.venues.bingx.parse import money
from hedger.venues.bingx.payloads import AssetRow, PositionRow, SpotBalances, Wallet
from hedger.venues.link import Environment, Link
from hedger.venues.listing import Listing
from hedger.venues.spot import coins_listed
from hedger.venues.vanished import VANISHED_MS, Vanished, listed_twice
from hedger.venues.wire import reader

# What two sources may differ by: a part of the margin, and a little of the asset.
_PART, _DUST = Decimal("0.05"), Decimal("0.01")

_read_balances: Understand[SpotBalances] = answered(SpotBalances)
read_assets: Understand[list[AssetRow]] = answered(list[AssetRow])
_read_wallet: Understand[Wallet] = reader(Wallet)


class SpotReader:
    """Reads the coins of the spot wallet. The venue does not say that it lists coins of which there is none [V]."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing
        self._vanished = Vanished()
        # Since when the wallet lists nothing at all, None while it lists something.
        self._empty_since: int | None = None

    async def read(self) -> dict[str, Decimal]:
        """Coins held, every coin of ours among them. One that is not listed is asked for a second time, and is none
        only where both lists do without it; one that was held, only after half a minute without it."""
        if self._link.environment is Environment.TESTNET:  # Simulated trading has no spot wallet.
            return dict.fromkeys(self._listing.coins, ZERO)
        coins = await listed_twice(self._listed, self._listing.coins)
        now = self._link.clock.now_ms()
        self._believe_none(coins, now)
        return self._vanished.believe(coins, self._listing.coins, now)

    def _believe_none(self, coins: Mapping[str, Decimal], now: int) -> None:
        """A wallet without a row may be one without a coin, or an answer that went wrong: time tells them apart."""
        self._empty_since = (self._empty_since or now) if not coins else None
        if self._empty_since is not None and now - self._empty_since < VANISHED_MS:
            raise ValueError("the spot wallet lists nothing at all: that is not believed at once")

    async def _listed(self) -> dict[str, Decimal]:
        client = self._link.client
        method = client.spot_v1_private_get_account_balance
        told = await self._link.asker.need("spot wallet", method, _read_balances, host=self._link.hosts[API])
        ours = self._listing.coins
        return coins_listed("bingx", told.balances, ours, lambda name: str(client.safe_currency_code(name)))


def wallets_of(rows: Iterable[AssetRow], needed: Collection[str]) -> dict[str, Wallet]:
    """The wallets of one book by asset; ValueError where one that is needed is missing, odd or told twice.

    Where simulated trading names its play money and USDT as well, which of the two counts nobody knows.
    """
    found: dict[str, Wallet] = {}
    for row in rows:
        if not row.asset:
            continue
        asset = money(row.asset)
        try:
            read = _read_wallet(row.model_dump())
        except ValueError:
            if asset in needed:
                raise ValueError(f"the contracts wallet's row of {row.asset} is not understood") from None
            continue
        if asset in found:
            raise ValueError(f"the contracts wallet lists {asset} twice")
        found[asset] = read
    missing = sorted(set(needed) - found.keys())
    if missing:
        raise ValueError(f"the contracts wallet does not list {missing[0]}: transfer some of it there")
    return found


def assert_accounted(book: Book, asset: str, wallet: Wallet, rows: Sequence[PositionRow], orders: Decimal) -> None:
    """ValueError where the wallet uses margin for positions that its list does not show: then none of it is flat.

    Of a position, the larger of its margin at entry and at its mark counts: which of the two the wallet goes by is not
    documented [V]. `orders` is what the orders on the book may use, where the wallet does not tell that apart.
    """
    explained = sum((_margin(book, row) for row in rows), ZERO)
    if not wallet.freezedMargin:
        explained += orders
    if wallet.usedMargin - explained > _PART * wallet.usedMargin + (_DUST if book is LINEAR else ZERO):
        raise ValueError(f"margin in {asset} is used for positions that no list shows")


def _margin(book: Book, row: PositionRow) -> Decimal:
    if book is not LINEAR:
        return row.initialMargin
    return max(row.initialMargin, abs(row.positionAmt) * row.markPrice / row.leverage)


def held_in(wallets: Iterable[Mapping[str, Wallet]]) -> tuple[dict[str, Decimal], dict[str, Any]]:
    """By asset, the balances of all contracts wallets, and the unrealised profit, which makes them the equity."""
    collateral: dict[str, Decimal] = {}
    unrealized: dict[str, Decimal] = {}
    for told in wallets:
        for asset, wallet in told.items():
            collateral[asset] = collateral.get(asset, ZERO) + wallet.balance
            unrealized[asset] = unrealized.get(asset, ZERO) + wallet.equity - wallet.balance
    return collateral, unrealized
