"""The measured numbers of docs/bands.md, as its tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hedger.engine.formulas.optimal import band_residual
from hedger.study import hull, short_call
from hedger.study.log_contract import GROUND, HALF, SIGMA, SPOT, Ground, Row, best, curve, policies, watching

BEGIN, END = "<!-- measured: written by `make study` -->", "<!-- end of what was measured -->"
COSTS = (0.0001, 0.0002, 0.0004, 0.0008)
LOOKS = (2.0, 4.0, 8.0, 16.0)


def measured(ground: Ground = GROUND) -> str:
    """Every table of the page, from studies that are seeded: the same numbers each time."""
    sections = (_equal_residual(ground), _best_widths(ground), _watching(ground), _short_call(), _hull())
    return "\n\n".join("\n".join(section) for section in sections)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def equal_residual(ground: Ground) -> tuple[tuple[Row, float], ...]:
    """Each policy with its cost at equal residual over that of an edge: a width less costs as much more."""
    rows = policies(float(band_residual(HALF, HALF, SIGMA, SPOT)), ground)
    edge = rows[0].turnover * rows[0].residual
    return tuple((row, row.turnover * row.residual / edge) for row in rows)


def _equal_residual(ground: Ground) -> Iterator[str]:
    theory = {"edge": "1", "half-way": "1.05", "centre": "√2 = 1.41", "clock": "1.95"}
    yield "**Cost at equal residual** (a contract of constant gamma in money, over that of an edge):\n"
    rows = [
        (
            row.policy,
            f"{share:.2f}",
            theory[row.policy],
            f"{row.residual / row.theory_residual:.2f}",
            f"{row.turnover / row.theory_turnover:.2f}",
        )
        for row, share in equal_residual(ground)
    ]
    yield from _table(("policy", "cost", "theory", "residual over theory", "turnover over theory"), rows)


def _best_widths(ground: Ground) -> Iterator[str]:
    yield "**The best width** as cost changes, over that at 2 bp; in brackets what λ^⅓ and λ^−⅓ say:\n"
    points = curve(ground)
    usual = best(points, 0.0002)
    rows = []
    for cost in COSTS:
        found, times = best(points, cost), cost / 0.0002
        rows.append(
            (
                f"{cost * 10_000:.0f} bp",
                f"{found.half / usual.half:.2f} ({times ** (1 / 3):.2f})",
                f"{found.turnover / usual.turnover:.2f} ({times ** (-1 / 3):.2f})",
                f"{found.cost / found.penalty:.2f} (2)",
            )
        )
    yield from _table(("cost", "width", "turnover", "cost over risk penalty"), rows)


def _watching(ground: Ground) -> Iterator[str]:
    yield "**Watching at intervals**: the residual over the budget; widths in standard deviations of a step:\n"
    rows = [(f"{steps:.0f}", f"{plain:.2f}", f"{narrow:.2f}") for steps, plain, narrow in watching(LOOKS, ground)]
    yield from _table(("H in steps", "as it is", "narrowed by 0.5826 of a step"), rows)


def _short_call() -> Iterator[str]:
    yield (
        f"**A short call** on {short_call.COINS:.0f} coins at 60 000, at the money, {short_call.DAYS} days, volatility "
        f"60 %, 2 bp; cost and risk penalty in quote, with the same risk aversion for all:\n"
    )
    rows = []
    for plain, dear in zip(short_call.policies(0.0), short_call.policies(), strict=True):
        rows.append(
            (
                plain.policy,
                f"{plain.cost:.0f}",
                f"{plain.penalty:.0f}",
                f"**{plain.total:.0f}**",
                f"{dear.orders:.0f}",
                f"**{dear.total:.0f}**",
            )
        )
    header = ("rule", "cost", "penalty", "both", "orders", f"both, at {short_call.FIXED:.0f} an order as well")
    yield from _table(header, rows)


def _hull() -> Iterator[str]:
    yield "**Hull's table**: the standard deviation of the cost of a hedged call, over its price:\n"
    rows = [
        (f"{weeks:g}", f"{said:.2f}", f"{hull.performance(weeks, paths=4_000):.2f}")
        for weeks, said in hull.PUBLISHED.items()
    ]
    yield from _table(("weeks between hedges", "published", "here"), rows)
