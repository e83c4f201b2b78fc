"""An option position as a venue tells it: its terms, what is held, and what the venue says of its value and greeks."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from hedger.model.instrument import InstrumentId, Payoff


class OptionType(StrEnum):
    """A right to buy or a right to sell."""

    CALL = "call"
    PUT = "put"

    @property
    def sign(self) -> int:
        """ω of the formulas: +1 for a call, −1 for a put."""
        return 1 if self is OptionType.CALL else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueGreeks:
    """The venue's own greeks, of one option of one coin: a cross-check, never what is decided on.

    `delta` in coins, by whichever convention the venue follows (Black-Scholes or premium-adjusted), `gamma` in coins
    per unit of price, `vega` in quote per vol point, `theta` in quote per day. None is what the venue does not say.
    """

    delta: float | None
    gamma: float | None = None
    vega: float | None = None
    theta: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionPosition:
    """One option position, read together with its account.

    `quantity` is signed, in contracts of `contract_multiplier` coins each. `mark_price` is for one coin: in quote
    where the payoff is linear, in coins where it is inverse. `mark_sigma` is the venue's implied volatility a year
    (0.5 is 50 %). `forward_price` is the venue's forward to this expiry and `index_price` its index, both in quote per
    coin at the moment of the reading. None is what the venue does not say. Over the `settlement_ms` before `expiry_at`
    (ms since 1970) the index is averaged to the settlement price.
    """

    id: InstrumentId
    underlying: str
    option_type: OptionType
    strike: Decimal
    expiry_at: int
    settlement_ms: int
    payoff: Payoff
    settle: str
    quantity: Decimal
    contract_multiplier: Decimal
    mark_price: Decimal | None
    mark_sigma: Decimal | None
    forward_price: Decimal | None
    index_price: Decimal
    greeks: VenueGreeks | None = None

    @property
    def coins(self) -> Decimal:
        """How many coins the position has a right (or, sold, a duty) to, with its sign."""
        return self.quantity * self.contract_multiplier
