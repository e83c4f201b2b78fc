"""Where the net delta should be."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

from hedger.engine.policy import Target, TargetKind
from hedger.model.numeric import ONE, ZERO


def target_delta(target: Target, holding: Decimal, price: Decimal) -> Decimal:
    """The wanted net delta in coins, given the holding in coins and the price of a coin in quote (> 0).

    A hedge ratio of 0 leaves the holding alone, 1 is neutral, 1.5 is half as much short again.
    """
    match target.kind:
        case TargetKind.NEUTRAL:
            return ZERO
        case TargetKind.RATIO:
            return holding * (ONE - target.value)
        case TargetKind.COINS:
            return target.value
        case TargetKind.QUOTE:
            return target.value / price
        case _:
            assert_never(target.kind)
