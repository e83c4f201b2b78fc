"""The tables and pictures of docs/bands.md, drawn from the studies. `make study` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hedger.engine.formulas.optimal import band_residual
from hedger.study.log_contract import GROUND, HALF, SIGMA, SPOT, best, curve, policies, watching
from hedger.study.page import BEGIN, COSTS, END, LOOKS, measured

mpl.use("svg")
mpl.rcParams.update({"svg.hashsalt": "hedger", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})

from matplotlib import pyplot as plt  # noqa: E402 - the backend comes first

PAGE = Path("docs/bands.md")
PICTURES = Path("docs/pictures")
FEE = 0.0002
SHARES = (0.5, 0.7, 1.0, 1.4, 2.0)
MARKS = {"edge": "o", "half-way": "s", "centre": "^", "clock": "x"}


def cost_against_residual() -> None:
    """Each policy at several budgets: what it costs a year and what it leaves, measured, and theory's lines."""
    figure, axes = plt.subplots(figsize=(6, 3.6))
    budgets = [float(band_residual(HALF * share, HALF * share, SIGMA, SPOT)) for share in SHARES]
    rows = [row for budget in budgets for row in policies(budget, GROUND)]
    for name, mark in MARKS.items():
        ours = [row for row in rows if row.policy == name]
        costs = [FEE * SPOT * row.turnover for row in ours]
        (line,) = axes.plot([row.residual for row in ours], costs, mark, label=name)
        theory = [FEE * SPOT * row.theory_turnover for row in ours]
        axes.plot([row.theory_residual for row in ours], theory, color=line.get_color(), linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="left over, quote per √year", ylabel="cost, quote a year")
    _ticks(axes, (500, 700, 1_000, 1_400, 2_000), (2_000, 4_000, 8_000, 16_000))
    axes.legend(frameon=False)
    _save(figure, "bands-cost")


def best_width() -> None:
    """The best width and its turnover as the cost changes, measured, and the cube roots of theory."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2))
    points = curve(GROUND)
    found = [best(points, cost) for cost in COSTS]
    basis = best(points, FEE)
    costs, line = np.array(COSTS) * 10_000, np.geomspace(COSTS[0], COSTS[-1], 50)
    left.plot(costs, [one.half / basis.half for one in found], "o")
    left.plot(line * 10_000, np.cbrt(line / FEE), linewidth=0.8)
    left.set(xscale="log", yscale="log", xlabel="cost, bp", ylabel="best width over that at 2 bp")
    right.plot(costs, [one.turnover / basis.turnover for one in found], "o")
    right.plot(line * 10_000, 1 / np.cbrt(line / FEE), linewidth=0.8)
    right.set(xscale="log", yscale="log", xlabel="cost, bp", ylabel="turnover over that at 2 bp")
    for axes, levels in ((left, (0.8, 1, 1.26, 1.6)), (right, (0.63, 0.8, 1, 1.26))):
        _ticks(axes, (1, 2, 4, 8), levels)
    _save(figure, "bands-best")


def watched_at_times() -> None:
    """What watching at intervals does to the residual, with and without the correction."""
    figure, axes = plt.subplots(figsize=(6, 3.2))
    rows = watching(LOOKS, GROUND)
    steps = [row[0] for row in rows]
    axes.plot(steps, [row[1] for row in rows], "o-", label="as it is", linewidth=0.8)
    axes.plot(steps, [row[2] for row in rows], "s-", label="narrowed by 0.5826 of a step", linewidth=0.8)
    axes.axhline(1, color="grey", linewidth=0.6)
    axes.set(xscale="log", xlabel="half width, standard deviations of a step", ylabel="left over, of the budget")
    _ticks(axes, LOOKS, (0.9, 1, 1.1, 1.2))
    axes.legend(frameon=False)
    _save(figure, "bands-watching")


def trigger_and_reset_shapes() -> None:
    """Cost at equal residual as the reset moves from the target to the edge: theory, without a fixed cost."""
    figure, axes = plt.subplots(figsize=(6, 3.2))
    share = np.linspace(0, 1, 101)
    trigger = np.sqrt(2 / (1 + share**2))
    axes.plot(share, 2 / (trigger * (1 + share)), linewidth=1.2)
    axes.plot([0, 1], [sqrt(2), 1], "o")
    axes.set(xlabel="reset over trigger: 0 is the centre, 1 the edge", ylabel="proportional cost over an edge's")
    _save(figure, "bands-reset")


def _ticks(axes: Axes, across: Sequence[float], up: Sequence[float]) -> None:
    axes.set_xticks(across, [f"{value:,g}" for value in across])
    axes.set_yticks(up, [f"{value:,g}" for value in up])
    axes.minorticks_off()


def _save(figure: Figure, name: str) -> None:
    figure.tight_layout()
    figure.savefig(PICTURES / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Write the tables into the page and draw the pictures."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{measured()}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")
    for draw in (cost_against_residual, best_width, watched_at_times, trigger_and_reset_shapes):
        draw()


if __name__ == "__main__":
    main()
