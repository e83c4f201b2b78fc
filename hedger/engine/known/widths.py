"""How wide a band is: kept in the state, so that it does not tremble with what it is computed from."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from hedger.model.numeric import ZERO


class Widths(NamedTuple):
    """The band around the target in coins: the deviation may be in [−lower, +upper].

    A rebalance from above ends at +`reset_upper`, one from below at −`reset_lower`: 0 is on the target.
    """

    upper: Decimal
    lower: Decimal
    reset_upper: Decimal = ZERO
    reset_lower: Decimal = ZERO

    def holds(self, deviation: Decimal) -> bool:
        """Whether a deviation lies inside the band, its edges included."""
        return -self.lower <= deviation <= self.upper
