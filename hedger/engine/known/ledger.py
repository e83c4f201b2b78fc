"""What a hedge costs and earns: fees, funding, slippage and execution edge, booked from fills and payments.

Signs: a cost is negative and an income positive in `fees` (a fee paid is −), `funding`, `slippage` and `edge`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

from hedger.model.account import FundingPayment
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.numeric import BPS, ONE, ZERO
from hedger.model.order import Fill


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Running sums of one hedge, in the quote of its first instrument unless said otherwise.

    `slippage` = Σ side·quantity·(mid at decision − price): what waiting in the book cost or earned.
    `edge` = Σ side·quantity·(mid at fill − price): the effective half spread, what a maker is paid at once.
    `realised_spread` = Σ side·quantity·(mid ten seconds later − price): what of it was kept.
    Of contracts that settle in coins each is what was gained in coins, valued at that mid: N·(mid − price)/price.
    `other_fees` holds, per asset, fees that could not be valued in quote when they were booked.
    `entry_basis_notional` = Σ basis in bps × notional of the fills that made the position larger: divided by
    `entry_notional` it is the basis at entry. Fills that were learnt of too late to know mid or basis are in neither.
    """

    fills: int = 0
    maker_fills: int = 0
    taker_fills: int = 0
    quantity: Decimal = ZERO
    notional: Decimal = ZERO
    fees: Decimal = ZERO
    other_fees: Mapping[str, Decimal] = field(default_factory=dict)
    funding: Decimal = ZERO
    slippage: Decimal = ZERO
    edge: Decimal = ZERO
    realised_spread: Decimal = ZERO
    entry_notional: Decimal = ZERO
    entry_basis_notional: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """Everything that the hedge earned (+) or cost (−) in quote, apart from price moves."""
        return self.fees + self.funding

    @property
    def cost(self) -> Decimal:
        """What hedging cost so far (+): fees, funding, and what prices took back within ten seconds of our fills."""
        return -(self.fees + self.funding + self.realised_spread)

    @property
    def entry_basis_bps(self) -> Decimal | None:
        """The notional-weighted basis (mark over index) at which the position was built, in basis points."""
        return self.entry_basis_notional / self.entry_notional if self.entry_notional else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FillContext:
    """What was known around a fill: mids and basis in quote, and prices (quote per coin) to value fee assets.

    `opening`: whether the fill made the position larger. `rate`: what the instrument's quote is worth in the ledger's
    money.
    """

    decision_mid: Decimal | None
    fill_mid: Decimal | None
    basis_bps: Decimal | None
    opening: bool
    instrument: Instrument
    prices: Mapping[str, Decimal]
    rate: Decimal = ONE


def book_fill(ledger: Ledger, fill: Fill, context: FillContext) -> Ledger:
    """The ledger after one fill. Each fill is booked once: the order table sees to that."""
    coins = abs(context.instrument.coins(fill.quantity, fill.price))
    notional = context.instrument.notional(fill.quantity, fill.price) * context.rate
    value = _fee_price(fill.fee_asset, context)
    entered = notional if context.opening and context.basis_bps is not None else ZERO
    other = dict(ledger.other_fees)
    if value is None and fill.fee:
        other[fill.fee_asset] = other.get(fill.fee_asset, ZERO) - fill.fee
    return replace(
        ledger,
        fills=ledger.fills + 1,
        maker_fills=ledger.maker_fills + fill.maker,
        taker_fills=ledger.taker_fills + (not fill.maker),
        quantity=ledger.quantity + coins,
        notional=ledger.notional + notional,
        fees=ledger.fees - fill.fee * (value or ZERO) * context.rate,
        other_fees=other,
        slippage=ledger.slippage + _against(fill, context, context.decision_mid),
        edge=ledger.edge + _against(fill, context, context.fill_mid),
        entry_notional=ledger.entry_notional + entered,
        entry_basis_notional=ledger.entry_basis_notional + (context.basis_bps or ZERO) * entered,
    )


def book_funding(ledger: Ledger, payment: FundingPayment, value: Decimal) -> Ledger:
    """The ledger after one funding payment; `value` is the price of its asset in the ledger's money."""
    return replace(ledger, funding=ledger.funding + payment.amount * value)


def basis_bps(mark_price: Decimal, index_price: Decimal) -> Decimal:
    """Mark over index in basis points: positive is contango."""
    return (mark_price / index_price - 1) * BPS


def _against(fill: Fill, context: FillContext, mid: Decimal | None) -> Decimal:
    if mid is None:
        return ZERO
    return context.instrument.gain(fill.side.sign * fill.quantity, fill.price, mid) * context.rate


def _fee_price(asset: str, context: FillContext) -> Decimal | None:
    return ONE if asset == context.instrument.quote else context.prices.get(asset)


class Markout(NamedTuple):
    """A fill whose realised spread is booked at `due_at`: signed quantity in units, price in quote, of which one is
    worth `rate` in the ledger's money."""

    hedge: str
    id: InstrumentId
    quantity: Decimal
    price: Decimal
    due_at: int
    rate: Decimal = ONE
