"""Numbers as Binance writes them: strings with a fixed number of decimals."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

_GRIDS = tuple(Decimal(1).scaleb(-places) for places in range(19))


def fixed(value: Decimal, places: int = 8) -> str:
    """`value` with exactly `places` decimals, cut off towards zero; zero has no sign."""
    cut = value.quantize(_GRIDS[places], ROUND_DOWN)
    return format(cut if cut else abs(cut), "f")


def places(step: Decimal) -> int:
    """How many decimals a grid has: 3 for 0.001 and for 0.0010, 0 for 10."""
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)
