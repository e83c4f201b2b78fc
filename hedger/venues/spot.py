"""The coins of a spot wallet, row by row: one of ours must be understood, an odd row of another coin is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence, Set
from decimal import Decimal

from pydantic import ConfigDict

from hedger.errors import AskAgain
from hedger.model.numeric import ZERO
from hedger.venues.asking import Understand
from hedger.venues.listing import split_multiplier
from hedger.venues.wire import Name, NotNegative, Payload, reader


class SpotRow(Payload):
    """A row of a spot wallet, unread but for what it is about."""

    model_config = ConfigDict(extra="allow")

    asset: Name


class _Balance(Payload):
    asset: Name
    free: NotNegative
    locked: NotNegative


_read_balance: Understand[_Balance] = reader(_Balance)


def coins_listed(
    venue: str, rows: Sequence[SpotRow], ours: Set[str], coin_of: Callable[[str], str] = str
) -> dict[str, Decimal]:
    """What is listed, in coins: 5 of the asset 1000SATS are 5,000 SATS. `coin_of` gives our name of an asset.

    Raises AskAgain where a row of one of our coins is not understood, or an asset of it is listed twice.
    """
    listed = Counter(row.asset for row in rows)
    coins: dict[str, Decimal] = {}
    odd: set[str] = set()
    for row in rows:
        coin, multiplier = split_multiplier(coin_of(row.asset))
        try:
            if listed[row.asset] > 1:
                raise ValueError("an asset is listed twice")
            read = _read_balance(row.model_dump())
        except ValueError:
            if coin in ours:
                raise AskAgain(f"{venue}: the spot wallet's row of {row.asset} is not understood.") from None
            odd.add(coin)
            continue
        coins[coin] = coins.get(coin, ZERO) + (read.free + read.locked) * multiplier
    return {coin: quantity for coin, quantity in coins.items() if coin not in odd}
