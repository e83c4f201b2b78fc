"""What MEXC lists: its names and ours, what one contract is in our units, and the rules of what we trade.

MEXC counts contracts, of 0.0001 BTC or 1,000,000 PEPE, and prices one coin. A unit of ours is therefore one coin of a
linear contract, and one contract of an inverse one: `scale` is how many units one contract is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple

from hedger.errors import ConfigError
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.venues.listing import Listed, not_listed, split_multiplier
from hedger.venues.mexc.codes import LONGEST_WINDOW_MS
from hedger.venues.mexc.payloads import Contract, Fees, SpotPair

_DATED = re.compile(r".*-[0-9]{6}")
_SPOT_FEE = Decimal("0.0005")
_MOST_UNITS = Decimal(10) ** 12
_ENABLED, _NORMAL, _ONLINE = 0, 1, 1


class Known(NamedTuple):
    """A contract that the venue lists, by its own name and ours."""

    raw: str
    symbol: str
    underlying: str
    multiplier: Decimal
    scale: Decimal
    settle: str
    payoff: Payoff
    row: Contract

    def units(self, contracts: Decimal) -> Decimal:
        """Contracts in our units."""
        return contracts * self.scale

    def contracts(self, units: Decimal) -> Decimal:
        """Our units in contracts; ValueError where they cannot be told exactly."""
        found = units / self.scale
        if found * self.scale != units:
            raise ValueError(f"{units} of {self.symbol} are no exact number of contracts")
        return found

    @property
    def listed(self) -> Listed:
        """What every venue's listing has of it."""
        return Listed(self.symbol, self.underlying, self.multiplier, None, self.payoff)


def known_of(row: Contract, money: Callable[[str], str]) -> Known:
    """A contract by the venue's row. `money` gives the client's name of a coin; ValueError for another payoff."""
    base, quote, settle = money(row.baseCoin), money(row.quoteCoin), money(row.settleCoin)
    if settle not in (quote, base):
        raise ValueError(f"{row.symbol} settles in {settle}")
    linear = settle == quote
    underlying, multiplier = split_multiplier(base)
    return Known(
        raw=row.symbol,
        symbol=f"{base}/{quote}:{settle}",
        underlying=underlying,
        multiplier=multiplier if linear else row.contractSize,
        scale=row.contractSize if linear else ONE,
        settle=settle,
        payoff=Payoff.LINEAR if linear else Payoff.INVERSE,
        row=row,
    )


def is_trading(row: Contract) -> bool:
    """Whether a contract is open for orders by API."""
    return row.state == _ENABLED and row.type == _NORMAL and row.apiAllowed is not False


def contract_rules(known: Known, account: str, fees: Fees) -> Instrument:
    """The rules of one perpetual. Raises ConfigError when it is not one that we trade, or is not open for trading."""
    row = known.row
    if known.payoff is not Payoff.LINEAR:
        raise ConfigError(
            f"{known.symbol} settles in its coin: on MEXC only contracts that settle in money are traded."
        )
    if row.apiAllowed is False:
        raise ConfigError(
            f"MEXC does not let {known.symbol} be traded by API: take another contract, or ask it for it."
        )
    if not is_trading(row):
        raise ConfigError(f"{known.symbol} is not open for trading on MEXC.")
    return Instrument(
        id=InstrumentId(account, known.symbol),
        kind=Kind.PERPETUAL,
        underlying=known.underlying,
        quote=known.symbol.partition("/")[2].partition(":")[0],
        settle=known.settle,
        contract_multiplier=known.multiplier,
        tick_size=row.priceUnit,
        lot_size=known.units(row.volUnit),
        min_quantity=known.units(max(row.minVol, row.volUnit)),
        max_quantity=known.units(row.maxVol),
        min_notional=ZERO,
        maker_fee=fees.realMakerFee,
        taker_fee=fees.realTakerFee,
        post_only=True,
        transit_ms=LONGEST_WINDOW_MS,
        turns_round=False,
    )


def spot_symbol(row: SpotPair, money: Callable[[str], str]) -> str:
    """The client's name of a pair."""
    return f"{money(row.baseAsset)}/{money(row.quoteAsset)}"


def spot_rules(row: SpotPair, account: str, money: Callable[[str], str]) -> Instrument:
    """A pair is there for its price; it is not traded, so its fees are the venue's usual ones."""
    if not spot_is_trading(row):
        raise ConfigError(f"{spot_symbol(row, money)} is not open for trading on MEXC.")
    underlying, multiplier = split_multiplier(money(row.baseAsset))
    lot = ONE.scaleb(-row.baseAssetPrecision)
    return Instrument(
        id=InstrumentId(account, spot_symbol(row, money)),
        kind=Kind.SPOT,
        underlying=underlying,
        quote=money(row.quoteAsset),
        settle=money(row.quoteAsset),
        contract_multiplier=multiplier,
        tick_size=ONE.scaleb(-row.quoteAssetPrecision),
        lot_size=lot,
        min_quantity=max(row.baseSizePrecision, lot),
        max_quantity=_MOST_UNITS,
        min_notional=ZERO,
        maker_fee=_SPOT_FEE,
        taker_fee=_SPOT_FEE,
        post_only=False,
    )


def spot_is_trading(row: SpotPair) -> bool:
    """Whether a pair is open."""
    return row.status == _ONLINE and row.isSpotTradingAllowed


def unknown_symbol(symbol: str, known: Iterable[str]) -> ConfigError:
    """The sentence for a symbol that the venue does not list, with the nearest that it does."""
    if _DATED.fullmatch(symbol):
        return ConfigError(f"MEXC has no dated contracts, and so no {symbol}: take a perpetual.")
    return not_listed("MEXC", symbol, known)
