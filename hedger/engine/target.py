"""Where the net delta should be."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

from hedger.engine.policy import Hedge, Numeraire, Target, TargetKind
from hedger.engine.state import Exposure
from hedger.model.numeric import ONE, ZERO


def target_delta(hedge: Hedge, held: Exposure, price: Decimal) -> Decimal:
    """The wanted net delta in coins, given what is held and the price of a coin in quote (> 0).

    A hedge ratio of 0 leaves holding and options alone, 1 is neutral, 1.5 is half as much short again. Whoever counts
    in coins is neutral with as many coins at risk as the book is worth: the holding and the options' premium.
    """
    owned = held.holding + Decimal(repr(held.options.premium)) if hedge.numeraire is Numeraire.COIN else ZERO
    return owned + _wanted(hedge.target, held.unhedged - owned, price)


def _wanted(target: Target, unhedged: Decimal, price: Decimal) -> Decimal:
    match target.kind:
        case TargetKind.NEUTRAL:
            return ZERO
        case TargetKind.RATIO:
            return unhedged * (ONE - target.value)
        case TargetKind.COINS:
            return target.value
        case TargetKind.QUOTE:
            return target.value / price
        case _:
            assert_never(target.kind)
