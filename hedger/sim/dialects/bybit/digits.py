"""Numbers as Bybit writes them: strings without an exponent, cut to a grid where there is one."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

from hedger.model.numeric import ZERO

EIGHT = Decimal("0.00000001")
MOST_DECIMALS = 18


def plain(value: Decimal) -> str:
    """`value` cut to the eighteen decimals that Bybit has at most, without trailing zeros; zero has no sign."""
    if int(value.as_tuple().exponent) < -MOST_DECIMALS:
        value = value.quantize(Decimal(1).scaleb(-MOST_DECIMALS), ROUND_DOWN)
    return format(value.normalize() if value else ZERO, "f")


def money(value: Decimal) -> str:
    """`value` cut to eight decimals."""
    return plain(value.quantize(EIGHT, ROUND_DOWN))


def on_grid(value: Decimal, step: Decimal) -> str:
    """`value` with exactly as many decimals as `step` has: 60000 on 0.1 is `60000.0`."""
    exponent = min(0, int(step.normalize().as_tuple().exponent))
    cut = value.quantize(Decimal(1).scaleb(exponent), ROUND_DOWN)
    return format(cut if cut else abs(cut), "f")


def scale(step: Decimal) -> int:
    """How many decimals a grid has: 3 for 0.001, 0 for 10."""
    return max(0, -int(step.normalize().as_tuple().exponent))
