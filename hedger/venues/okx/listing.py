"""What OKX lists: its contracts and what one of them is in our units, and the rules of what we trade.

OKX counts in contracts. A unit of ours is one coin of a linear contract, because its price is that of a coin, and one
contract of an inverse one, which is worth some dollars: `scale` is how many units one contract is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from hedger.errors import ConfigError
from hedger.model.expiry_day import day_has_come
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.venues.listing import Listed
from hedger.venues.okx.payloads import FeeRates, InstrumentRow
from hedger.venues.wire import reader

# What takes our orders: in `post_only` the venue takes no others.
_TRADING = frozenset({"live", "post_only"})
_KINDS: Mapping[str, Kind] = {"SWAP": Kind.PERPETUAL, "FUTURES": Kind.FUTURE}
_RULES = frozenset({"", "normal"})
# Delivery is at the average of the index over the last hour [V].
SETTLEMENT_MS = 60 * 60_000
# What the engine takes for an amount: a hundred million contracts of ten million coins are told, and never sent.
_MOST_UNITS = Decimal(10) ** 12

read_instrument = reader(InstrumentRow)


class Contract(NamedTuple):
    """A contract in the venue's words and ours: `index_name` is that of its index, `type` the venue's kind of it."""

    raw: str
    type: str
    symbol: str
    underlying: str
    quote: str
    settle: str
    payoff: Payoff
    scale: Decimal
    multiplier: Decimal
    expiry_at: int | None
    index_name: str

    def units(self, contracts: Decimal) -> Decimal:
        """Contracts in our units, with their sign."""
        return contracts * self.scale

    def contracts(self, units: Decimal) -> Decimal:
        """Our units in contracts; ValueError where they cannot be told exactly."""
        found = units / self.scale
        if found * self.scale != units:
            raise ValueError(f"{units} of {self.symbol} are no exact number of contracts")
        return found

    @property
    def listed(self) -> Listed:
        """As every venue's listing has it."""
        return Listed(self.symbol, self.underlying, self.multiplier, self.expiry_at, self.payoff)


def contract_of(row: InstrumentRow) -> Contract:
    """A swap or a dated future; ValueError for what is not understood."""
    base, _, quote = row.uly.partition("-")
    if row.instType not in _KINDS or row.ctVal is None or row.ctMult is None or row.ctVal * row.ctMult <= 0:
        raise ValueError(f"{row.instId} is no contract that we understand")
    face, linear = row.ctVal * row.ctMult, row.ctType == "linear"
    # (settles in, is counted in) of either kind: anything else is another kind of contract.
    told = (row.settleCcy, row.ctValCcy)
    if not base or told != ((quote, base) if linear else (base, quote)) or row.ctType not in ("linear", "inverse"):
        raise ValueError(f"{row.instId} neither settles in its quote nor in its coin")
    expiry_at = _expiry(row)
    return Contract(
        raw=row.instId,
        type=row.instType,
        symbol=f"{base}/{quote}:{row.settleCcy}" + (_day(expiry_at) if expiry_at else ""),
        underlying=base,
        quote=quote,
        settle=row.settleCcy,
        payoff=Payoff.LINEAR if linear else Payoff.INVERSE,
        scale=face if linear else ONE,
        multiplier=ONE if linear else face,
        expiry_at=expiry_at,
        index_name=row.uly,
    )


def _expiry(row: InstrumentRow) -> int | None:
    """When it is delivered. A swap that will be taken off has a time too, and is none the less perpetual."""
    if row.instType == "SWAP":
        return None
    if not row.expTime.isdecimal() or not 1_500_000_000_000 <= int(row.expTime) <= 4_000_000_000_000:
        raise ValueError(f"{row.instId} has no time of delivery")
    return int(row.expTime)


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("-%y%m%d")


def contracts_of(rows: Iterable[Any]) -> dict[str, tuple[Contract, InstrumentRow]]:
    """Every contract that is understood, by the venue's name."""
    found = {}
    for row in rows:
        try:
            told: InstrumentRow = read_instrument(row)
            found[told.instId] = contract_of(told), told
        except ValueError:
            continue  # Whoever needs it says so: a listing names hundreds that are nobody's concern.
    return found


def is_trading(row: InstrumentRow) -> bool:
    """Whether the venue takes orders on it."""
    return row.state in _TRADING


def has_ended(symbol: str, rows: Mapping[str, InstrumentRow], now: int) -> bool:
    """Whether a dated contract is over: its day has come, and it is listed no more or not open for trading."""
    return day_has_come(symbol, now) and (symbol not in rows or not is_trading(rows[symbol]))


def name_of(symbol: str) -> str:
    """The venue's name: `BTC/USDT` is BTC-USDT, `BTC/USD:BTC` BTC-USD-SWAP, `BTC/USDT:USDT-261225` BTC-USDT-261225."""
    pair, settled, rest = symbol.partition(":")
    name, _, day = pair.replace("/", "-"), None, rest.partition("-")[2]
    return name + (f"-{day or 'SWAP'}" if settled else "")


def rules_of(row: InstrumentRow, contract: Contract | None, account: str, fees: FeeRates) -> Instrument:
    """The rules of one instrument; a spot pair has no contract.

    Raises ConfigError when it is not open for trading, ValueError when a rule is missing.
    """
    symbol = contract.symbol if contract is not None else f"{row.baseCcy}/{row.quoteCcy}"
    if not is_trading(row):
        raise ConfigError(f"{symbol} is not open for trading on OKX (its state is {row.state}).")
    if name_of(symbol) != row.instId:
        # The watchdog knows symbols alone, and would cancel on another contract: BTC/USD:USD is BTC-USD_UM-SWAP.
        raise ConfigError(f"{symbol} is {row.instId} on OKX, a name of another kind: it is not traded here.")
    if row.ruleType not in _RULES:
        raise ConfigError(f"{symbol} trades by rules of its own on OKX ({row.ruleType}): it is not traded here.")
    tick, lot, most = row.tickSz or ZERO, row.lotSz or ZERO, row.maxLmtSz or ZERO
    if min(tick, lot, most) <= 0 or row.minSz is None:
        raise ValueError(f"{row.instId} has no tick, lot or size")
    scale = contract.scale if contract is not None else ONE
    maker, taker = _rates(row, contract, fees)
    return Instrument(
        id=InstrumentId(account, symbol),
        kind=_KINDS.get(row.instType, Kind.SPOT),
        underlying=contract.underlying if contract is not None else row.baseCcy,
        quote=contract.quote if contract is not None else row.quoteCcy,
        settle=contract.settle if contract is not None else row.quoteCcy,
        contract_multiplier=contract.multiplier if contract is not None else ONE,
        tick_size=tick,
        lot_size=lot * scale,
        min_quantity=row.minSz * scale,
        max_quantity=min(most * scale, _MOST_UNITS),
        min_notional=ZERO,
        maker_fee=maker,
        taker_fee=taker,
        post_only=True,
        payoff=contract.payoff if contract is not None else Payoff.LINEAR,
        expiry_at=contract.expiry_at if contract is not None else None,
        settlement_ms=SETTLEMENT_MS if contract is not None and contract.expiry_at is not None else 0,
    )


def _rates(row: InstrumentRow, contract: Contract | None, fees: FeeRates) -> tuple[Decimal, Decimal]:
    """Our fees as fractions, positive where we pay: OKX's are negative then. ValueError where none is told."""
    for group in fees.feeGroup:
        if group.groupId == row.groupId:
            return -group.maker, -group.taker
    settle = contract.settle if contract is not None else ""
    told = {"USDT": (fees.makerU, fees.takerU), "USDC": (fees.makerUSDC, fees.takerUSDC)}
    maker, taker = told.get(settle, (fees.maker, fees.taker))
    if maker is None or taker is None:
        raise ValueError(f"no fees are told for {row.instId}")
    return -maker, -taker
