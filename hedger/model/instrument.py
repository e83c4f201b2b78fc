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
    FUTURE = "future"
    OPTION = "option"


class Payoff(StrEnum):
    """In what a contract pays: LINEAR in its quote, INVERSE in the coin that it is on, QUANTO in something else."""

    LINEAR = "linear"
    INVERSE = "inverse"
    QUANTO = "quanto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """The venue's rules for one instrument.

    Quantities of orders and positions are in units of the instrument. One unit of a linear contract is
    `contract_multiplier` coins of `underlying` (1 for Binance's BTCUSDT, 1000 for 1000PEPE), and its prices and
    `tick_size` are in quote per unit. One unit of an inverse contract is worth `contract_multiplier` quote (100 for
    Binance's BTCUSD), and its prices are in quote per coin. `min_notional` is in quote.
    A dated contract ends at `expiry_at` (ms since 1970), at an average of the index over the `settlement_ms` before.
    A create may still be accepted `transit_ms` after it left, where that is longer than the time-to-live asked for.
    Where it does not `turns_round`, one order may close a position or open one, and not do both.
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
    payoff: Payoff = Payoff.LINEAR
    expiry_at: int | None = None
    settlement_ms: int = 0
    transit_ms: int = 0
    turns_round: bool = True

    def coins(self, units: Decimal, price: Decimal) -> Decimal:
        """How many coins `units` are at a price of this instrument (> 0), signed: N/P for an inverse contract."""
        notional = units * self.contract_multiplier
        return notional / price if self.payoff is Payoff.INVERSE else notional

    def units(self, coins: Decimal, price: Decimal) -> Decimal:
        """How many units `coins` are at a price of this instrument (> 0), with their sign; not rounded to lots."""
        notional = coins * price if self.payoff is Payoff.INVERSE else coins
        return notional / self.contract_multiplier

    def notional(self, units: Decimal, price: Decimal) -> Decimal:
        """What `units` are worth in quote at a price of this instrument, with their sign."""
        return units * (self.contract_multiplier if self.payoff is Payoff.INVERSE else price)

    def gain(self, units: Decimal, price: Decimal, later: Decimal) -> Decimal:
        """What `units` (signed) bought at a price gain, in quote, when the price is `later`: q·(P′ − P) of a linear
        contract; of an inverse one N·(1/P − 1/P′) coins, which at P′ are N·(P′ − P)/P quote."""
        gained = units * (later - price)
        return gained * self.contract_multiplier / price if self.payoff is Payoff.INVERSE else gained

    def coin_price(self, price: Decimal) -> Decimal:
        """The price of one coin in quote, given a price of this instrument: 1000PEPE is quoted for a thousand."""
        return price if self.payoff is Payoff.INVERSE else price / self.contract_multiplier
