"""What a venue says about an account: balances, positions, margin, open orders and funding payments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.numeric import ZERO
from hedger.model.option import OptionPosition
from hedger.model.order import OrderReport


class MarginMode(StrEnum):
    """Whether a position is backed by the whole account or by its own margin."""

    CROSS = "cross"
    ISOLATED = "isolated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One derivative position. `quantity` is signed, in units (+ long, − short); zero is an explicit flat.

    `liquidation_price` is None where the venue gives none. `contract_multiplier` is coins per unit of a linear
    contract and quote per unit of an inverse one, whose mark price is positive even where nothing is held. A dated
    contract ends at `expiry_at`. `index_price` is the index that the mark belongs to, in the same terms.
    """

    id: InstrumentId
    underlying: str
    quantity: Decimal
    contract_multiplier: Decimal
    entry_price: Decimal
    mark_price: Decimal
    liquidation_price: Decimal | None
    leverage: Decimal
    margin_mode: MarginMode
    payoff: Payoff = Payoff.LINEAR
    expiry_at: int | None = None
    index_price: Decimal | None = None

    @property
    def delta(self) -> Decimal:
        """The position's size in coins at its own mark: q of a linear contract, N/P of an inverse one."""
        notional = self.quantity * self.contract_multiplier
        if self.payoff is not Payoff.INVERSE or not notional:
            return notional
        return notional / self.mark_price


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """The derivatives account's own view of its margin, in its collateral currency."""

    equity: Decimal
    maintenance_margin: Decimal
    initial_margin: Decimal
    available: Decimal

    @property
    def margin_ratio(self) -> Decimal:
        """Maintenance margin over equity: 0 is safe, 1 is liquidation. Without equity it is 1 if anything is held."""
        if self.equity <= 0:
            return ZERO if self.maintenance_margin <= 0 else Decimal(1)
        return self.maintenance_margin / self.equity

    def in_coins(self, price: Decimal) -> Margin:
        """The same margin in a coin at its price (> 0)."""
        return Margin(
            equity=self.equity / price,
            maintenance_margin=self.maintenance_margin / price,
            initial_margin=self.initial_margin / price,
            available=self.available / price,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountReading:
    """One complete reading of an account: every part was read, or the reading does not exist.

    `spot` is each asset's total in the spot wallet (free + locked + in orders); `collateral` each asset's
    wallet balance in the derivatives wallet. `positions` has a row for each configured derivative (an explicit
    zero when flat) and for any other open position. `open_orders` holds every open order of the configured
    derivatives, ours and foreign. `unrealized` is, per asset, the unrealised profit of the futures that settle in it,
    at the marks of `positions`; the equity of a coin, which is delta, is its collateral plus that. Where options settle
    in a coin their value is in neither (see `engine/formulas/overlay.py`). `coin_margins` has the margin of each wallet
    that is kept in a coin, in that coin, and of each money that backs only what settles in it; `margin` is that of the
    wallet in money, of several the one that is nearest to liquidation.
    `accrued` is, per asset, the funding in those balances that the venue pays all the time and has not settled yet: it
    is owned, and is booked when it is settled as a payment.
    `exchange_at` is the oldest of the venue's times in it.
    """

    account: str
    spot: Mapping[str, Decimal]
    collateral: Mapping[str, Decimal]
    positions: tuple[Position, ...]
    margin: Margin
    open_orders: tuple[OrderReport, ...]
    one_way: bool
    exchange_at: int
    options: tuple[OptionPosition, ...] = ()
    unrealized: Mapping[str, Decimal] = field(default_factory=dict)
    coin_margins: Mapping[str, Margin] = field(default_factory=dict)
    accrued: Mapping[str, Decimal] = field(default_factory=dict)

    def equity(self, asset: str) -> Decimal:
        """What the derivatives wallet holds of an asset: its balance and its unrealised profit, in that asset."""
        return self.collateral.get(asset, ZERO) + self.unrealized.get(asset, ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPayment:
    """One settled funding payment: positive `amount` was received, negative was paid, in `asset`."""

    id: InstrumentId
    payment_id: str
    amount: Decimal
    asset: str
    exchange_at: int
