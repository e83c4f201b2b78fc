"""What WEEX lists: its names and ours, side by side, and the rules of what we trade.

The venue's rows are read by us: where ccxt has `contractSize` = `contractVal`, which is 0.001 of ETHUSDT, orders and
positions count coins. One unit is a coin, and `contractVal` the step of a quantity.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal

from hedger.errors import ConfigError
from hedger.model.instrument import Instrument, InstrumentId, Kind
from hedger.model.numeric import ONE, ZERO
from hedger.venues.asking import Understand
from hedger.venues.listing import Listed, not_listed, split_multiplier
from hedger.venues.weex.codes import WINDOW_MS
from hedger.venues.weex.payloads import Digits, Fees, Row
from hedger.venues.wire import Flag, Name, NotNegative, Payload, Positive, reader

_SPOT_FEE = Decimal("0.001")


class ContractRow(Payload):
    """One row of the contracts' `exchangeInfo`."""

    symbol: Name
    baseAsset: Name
    quoteAsset: Name
    marginAsset: Name
    pricePrecision: Digits
    quantityPrecision: Digits
    contractVal: Positive
    forwardContractFlag: Flag
    minOrderSize: Positive
    maxOrderSize: Positive


class PairRow(Payload):
    """One row of the spot pairs' `exchangeInfo`."""

    symbol: Name
    baseAsset: Name
    quoteAsset: Name
    tickSize: Positive
    stepSize: Positive
    minTradeAmount: NotNegative
    maxTradeAmount: Positive
    enableTrade: Flag


class _Names(Payload):
    symbol: Name
    baseAsset: Name
    quoteAsset: Name
    marginAsset: Name


read_contract: Understand[ContractRow] = reader(ContractRow)
read_pair: Understand[PairRow] = reader(PairRow)
_read_names: Understand[_Names] = reader(_Names)


def listed_of(rows: Iterable[Row]) -> dict[str, Listed]:
    """Every contract by the venue's name; a row that does not name its coins is left out."""
    found = {}
    for row in rows:
        try:
            names: _Names = _read_names(row.model_dump())
        except ValueError:
            continue
        symbol = f"{names.baseAsset}/{names.quoteAsset}:{names.marginAsset}"
        found[names.symbol] = Listed(symbol, *split_multiplier(names.baseAsset))
    return found


def contract_rules(row: ContractRow, account: str, fees: Fees) -> Instrument:
    """The rules of one perpetual; ValueError where they do not fit together.

    The step of a price is a power of ten: a coarser one is not told, and a price off it is refused by the venue [V].
    """
    symbol = f"{row.baseAsset}/{row.quoteAsset}:{row.marginAsset}"
    lot = ONE.scaleb(-row.quantityPrecision)
    if not row.forwardContractFlag or row.marginAsset != row.quoteAsset:
        raise ValueError("it is no linear contract")
    if lot != row.contractVal:
        raise ValueError(f"a quantity has steps of {lot} and of {row.contractVal}")
    underlying, multiplier = split_multiplier(row.baseAsset)
    return Instrument(
        id=InstrumentId(account, symbol),
        kind=Kind.PERPETUAL,
        underlying=underlying,
        quote=row.quoteAsset,
        settle=row.marginAsset,
        contract_multiplier=multiplier,
        tick_size=ONE.scaleb(-row.pricePrecision),
        lot_size=lot,
        min_quantity=max(row.minOrderSize, lot),
        max_quantity=row.maxOrderSize,
        min_notional=ZERO,
        maker_fee=fees.makerCommissionRate,
        taker_fee=fees.takerCommissionRate,
        post_only=True,
        transit_ms=WINDOW_MS,
        turns_round=False,
    )


def pair_rules(row: PairRow, account: str) -> Instrument:
    """A pair is there for its price; it is not traded, so its fees are the venue's usual ones."""
    underlying, multiplier = split_multiplier(row.baseAsset)
    return Instrument(
        id=InstrumentId(account, f"{row.baseAsset}/{row.quoteAsset}"),
        kind=Kind.SPOT,
        underlying=underlying,
        quote=row.quoteAsset,
        settle=row.quoteAsset,
        contract_multiplier=multiplier,
        tick_size=row.tickSize,
        lot_size=row.stepSize,
        min_quantity=row.minTradeAmount,
        max_quantity=row.maxTradeAmount,
        min_notional=ZERO,
        maker_fee=_SPOT_FEE,
        taker_fee=_SPOT_FEE,
        post_only=False,
    )


def unknown_symbol(symbol: str, known: Collection[str]) -> ConfigError:
    """The sentence for a symbol that the venue does not list, with the nearest that it does."""
    return not_listed("WEEX", symbol, known, "; it has perpetuals in USDT and spot pairs only.")


def raw_name(symbol: str) -> str:
    """The venue's own name of a contract or a pair: `BTC/USDT:USDT` is BTCUSDT there."""
    return symbol.partition(":")[0].replace("/", "")
