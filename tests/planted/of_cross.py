"""Bugs in hedges with other coins: sides, what is pending, and facts that are too old."""

from __future__ import annotations

from tests.planted.plant import Bug

CROSSING = "hedger/engine/wanted/other_coins.py"
LEGS = ("tests/unit/test_engine_other_coins.py",)
THEORY = ("tests/property/test_engine_cross_hedge.py",)

BUGS: tuple[Bug, ...] = (
    Bug(
        name="a future on another coin is traded in the holding's own direction",
        rule="quant: cross-hedge",
        path=CROSSING,
        old="    due = float(book.futures[of] - wanted[of - 1])\n",
        new="    due = float(wanted[of - 1] - book.futures[of])\n",
        tests=LEGS,
    ),
    Bug(
        name="a beta is taken the wrong way round",
        rule="quant: cross-hedge",
        path="hedger/engine/formulas/cross_hedge.py",
        old="matrix[:, of] / matrix[of, of]",
        new="matrix[:, of] / matrix[0, 0]",
        tests=(*THEORY, *LEGS),
    ),
    Bug(
        name="an old covariance is traded on",
        rule="I5, law 9",
        path=CROSSING,
        old="    if state.now - known.at > OLD_MS:\n",
        new="    if state.now < known.at:\n",
        tests=LEGS,
    ),
    Bug(
        name="the price of a coin without a future may be of any age",
        rule="I5, law 9",
        path="hedger/engine/held/freshness.py",
        old="    held = state.quotes.get(cross.spot)\n",
        new="    return None\n    held = state.quotes.get(cross.spot)\n",
        tests=LEGS,
    ),
    Bug(
        name="what works on another leg is not counted",
        rule="I1, law 4",
        path=CROSSING,
        old="        pending = [o.side.sign * o.remaining for o in state.orders.values() if o.live and o.id == id]\n",
        new="        pending = [o.side.sign * o.filled for o in state.orders.values() if o.live and o.id == id]\n",
        tests=LEGS,
    ),
    Bug(
        name="each beta that was measured is followed at once",
        rule="quant: cross-hedge",
        path=CROSSING,
        old=" > cross.beta_band else old",
        new=" >= 0 else old",
        tests=LEGS,
    ),
)
