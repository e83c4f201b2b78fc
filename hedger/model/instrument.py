"""What can be traded: a contract or a spot pair, reached through one account."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class InstrumentId(NamedTuple):
    """An instrument is known by the account that trades it and its unified symbol, `BTC/USDT:USDT`."""

    account: str
    symbol: str

    def __str__(self) -> str:
        return f"{self.account}:{self.symbol}"


class Kind(StrEnum):
    """What an instrument is."""

    SPOT = "spot"
    PERPETUAL = "perpetual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """The venue's rules for one instrument.

    Quantities of orders and positions are in units of the instrument; one unit is `contract_multiplier`
    coins of `underlying` (1 for Binance's BTCUSDT, 1000 for 1000PEPE). `tick_size` is in quote per unit,
    `min_notional` in quote.
    """

    id: InstrumentId
    kind: Kind
    underlying: str
    quote: str
    settle: str
    contract_multiplier: Decimal
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    post_only: bool
