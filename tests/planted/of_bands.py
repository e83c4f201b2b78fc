"""Bugs in bands: what they are computed from, when they are due, and where a rebalance ends."""

from __future__ import annotations

from tests.planted.plant import Bug

BAND = "hedger/engine/wanted/band.py"
CONDITIONS = "hedger/engine/wanted/conditions.py"
RULES = ("tests/unit/test_engine_band.py",)
THEORY = ("tests/property/test_engine_band_theory.py",)
SIZES = ("tests/property/test_engine_sizing.py",)

BUGS: tuple[Bug, ...] = (
    Bug(
        name="a volatility that cannot be makes a band",
        rule="law 9, D06",
        path=CONDITIONS,
        old="    if not 0 < sigma <= HIGHEST_SIGMA:\n",
        new="    if sigma < 0:\n",
        tests=RULES,
    ),
    Bug(
        name="an old volatility is as good as a new one",
        rule="law 9, D06",
        path="hedger/engine/held/history.py",
        old="    if state.now > known.fresh_until:\n",
        new="    if state.now < known.at:\n",
        tests=RULES,
    ),
    Bug(
        name="a band without its inputs is traded on",
        rule="law 9, law 12",
        path="hedger/engine/decision/decide.py",
        old="    if facts.flaw is not None and not (working",
        new="    if facts.flaw == 0 and not (working",
        tests=RULES,
    ),
    Bug(
        name="a computed band is narrower than the smallest order",
        rule="I13",
        path=BAND,
        old="    lower = max(min(_coins(trigger), band.lower or _coins(trigger)), least)\n",
        new="    lower = min(_coins(trigger), band.lower or _coins(trigger))\n",
        tests=RULES,
    ),
    Bug(
        name="a rebalance ends beyond the edge that it came from",
        rule="I1",
        path=BAND,
        old="    return Widths(upper, lower, min(upper, _coins(reset)), min(lower, _coins(reset)))\n",
        new="    return Widths(upper, lower, -_coins(reset), -_coins(reset))\n",
        tests=SIZES,
    ),
    Bug(
        name="a clock lets any deviation wait for it",
        rule="I13",
        path=BAND,
        old=" if now.due else Widths(band.upper, band.lower)\n",
        new=" if now.due else Widths(band.upper * 99, band.lower * 99)\n",
        tests=RULES,
    ),
    Bug(
        name="what was due is done while an order may yet undo it",
        rule="law 4",
        path="hedger/engine/decision/kept.py",
        old="    if facts.exposure.low != facts.exposure.high or not is_due(",
        new="    if not is_due(",
        tests=RULES,
    ),
    Bug(
        name="a band that is watched at intervals is made wider",
        rule="I13",
        path="hedger/engine/formulas/optimal.py",
        old="    narrower = width - overstep(",
        new="    narrower = width + overstep(",
        tests=THEORY,
    ),
)
