"""A band drawn in text: its edges, the target, and where the delta is and may be carried by what is working."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from rich.text import Text

from hedger.engine.known.widths import Widths
from hedger.ops.figures import coins

_OVERHANG = Decimal("1.6")  # the drawing reaches this many band widths to either side of the target


@dataclass(frozen=True, slots=True, kw_only=True)
class BandGauge:
    """What is drawn: the band's `edges` around `target`, and the deviation with the interval it may come to."""

    target: Decimal
    edges: Widths
    deviation: Decimal
    low: Decimal
    high: Decimal
    unhedged: bool

    @property
    def inside(self) -> bool:
        """Whether the deviation lies inside the band."""
        return self.edges.holds(self.deviation)

    @property
    def style(self) -> str:
        """The colour of the deviation: good inside the band, bad once it counts as unhedged."""
        return "bold green" if self.inside else "bold red" if self.unhedged else "bold yellow"


def draw(gauge: BandGauge, width: int) -> tuple[Text, Text]:
    """Two lines of `width` cells: the gauge, and below it the net delta at both edges and at the target."""
    left, middle, right = (_cell(gauge, at, width) for at in (-gauge.edges.lower, Decimal(0), gauge.edges.upper))
    bar = Text("╌" * width, style="dim")
    _put(bar, left, "─" * (right - left + 1), "green")
    for cell, mark in ((middle, "┼"), (left, "├"), (right, "┤")):
        _put(bar, cell, mark, "green")
    here = _cell(gauge, gauge.deviation, width)
    for end in (_cell(gauge, gauge.low, width), _cell(gauge, gauge.high, width)):
        if end != here:
            _put(bar, end, "○", "cyan")
    _put(bar, here, _marker(gauge), gauge.style)
    return bar, _labels(gauge, (left, middle, right), width)


def _cell(gauge: BandGauge, deviation: Decimal, width: int) -> int:
    """The cell of a deviation; what is off the scale is drawn at its end."""
    reach = max(gauge.edges.upper, gauge.edges.lower) * _OVERHANG
    share = (deviation + reach) / (2 * reach) if reach else Decimal("0.5")
    return min(max(round(share * (width - 1)), 0), width - 1)


def _marker(gauge: BandGauge) -> str:
    reach = max(gauge.edges.upper, gauge.edges.lower) * _OVERHANG
    return "◀" if gauge.deviation < -reach else "▶" if gauge.deviation > reach else "●"


def _put(bar: Text, cell: int, marks: str, style: str) -> None:
    bar.plain = bar.plain[:cell] + marks + bar.plain[cell + len(marks) :]
    bar.stylize(style, cell, cell + len(marks))


def _labels(gauge: BandGauge, cells: tuple[int, int, int], width: int) -> Text:
    line = [" "] * width
    values = (gauge.target - gauge.edges.lower, gauge.target, gauge.target + gauge.edges.upper)
    for cell, value in zip(cells, values, strict=True):
        text = coins(value, signed=True)
        start = min(max(cell - len(text) // 2, 0), max(width - len(text), 0))
        if set(line[max(start - 1, 0) : start + len(text) + 1]) <= {" "}:
            line[start : start + len(text)] = text
    return Text("".join(line)[:width], style="dim")
