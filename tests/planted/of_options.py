"""Bugs in the greeks of options: signs, views, what may not be traded on, and the settlement average."""

from __future__ import annotations

from tests.planted.plant import Bug

OVERLAY = "hedger/engine/formulas/overlay.py"
GREEKS = ("tests/property/test_engine_greeks.py", "tests/unit/test_engine_greeks.py")
OVERLAYS = ("tests/unit/test_engine_overlay.py",)
FLAWS = ("tests/unit/test_engine_overlay_flaws.py",)

BUGS: tuple[Bug, ...] = (
    Bug(
        name="a put has the delta of a call",
        rule="the greeks of an option",
        path="hedger/engine/formulas/greeks.py",
        old="    np.multiply(sign, at1, out=delta)\n",
        new="    np.abs(at1, out=delta)\n",
        tests=GREEKS,
    ),
    Bug(
        name="a long option is short gamma",
        rule="the greeks of an option",
        path=OVERLAY,
        old="    gamma = today * greeks.gamma * ratio * ratio\n",
        new="    gamma = -today * greeks.gamma * ratio * ratio\n",
        tests=GREEKS,
    ),
    Bug(
        name="a coin-settled option enters premium-adjusted while its value is left out",
        rule="one view, never mixed",
        path=OVERLAY,
        old="    delta = today * greeks.delta * ratio\n",
        new="    delta = today * (greeks.delta * ratio - rows.inverse * greeks.value / spot)\n",
        tests=(*GREEKS, *OVERLAYS),
    ),
    Bug(
        name="the tail of a linear option is forgotten",
        rule="the greeks of an option",
        path=OVERLAY,
        old="    today = np.where(rows.inverse, rows.coins / ratio, rows.coins)\n",
        new="    today = rows.coins / ratio\n",
        tests=(*GREEKS, *OVERLAYS),
    ),
    Bug(
        name="an option without a volatility is left out in silence",
        rule="law 9, option input",
        path=OVERLAY,
        old="    flaw = told(rows.names, flaws)\n",
        new="    flaw = None\n",
        tests=FLAWS,
    ),
    Bug(
        name="what rests stays in the book while an option's input is missing",
        rule="law 9, option input",
        path="hedger/engine/decision/decide.py",
        old="options.flaw is not None and not (working is not None and working.margin_reduction):\n",
        new="options.flaw is not None and working is None:\n",
        tests=FLAWS,
    ),
    Bug(
        name="an option that has expired is still worth its intrinsic delta",
        rule="law 9, option input",
        path=OVERLAY,
        old="    kinds = ((rows.expiry_at <= now, _EXPIRED), ",
        new="    kinds = (",
        tests=(*OVERLAYS, *FLAWS),
    ),
    Bug(
        name="a volatility in per cent is taken for a ratio",
        rule="law 9, option input",
        path="hedger/engine/formulas/overlay_rows.py",
        old="MOST_SIGMA = 10.0  #",
        new="MOST_SIGMA = 1000.0  #",
        tests=OVERLAYS,
    ),
    Bug(
        name="a dated future keeps its delta through its settlement average",
        rule="the settlement average",
        path="hedger/engine/held/exposure.py",
        old="    return ONE if left >= settlement_ms else Decimal(left) / settlement_ms\n",
        new="    return ONE\n",
        tests=OVERLAYS,
    ),
    Bug(
        name="an option keeps its delta through its settlement average",
        rule="the settlement average",
        path=OVERLAY,
        old="    delta = left * sums.delta + (1 - left) * fixed\n",
        new="    delta = sums.delta\n",
        tests=(*GREEKS, *OVERLAYS),
    ),
    Bug(
        name="the coins that a settled option pays are forgotten before they come",
        rule="the settlement average",
        path=OVERLAY,
        old="    delta = left * sums.delta + (1 - left) * fixed\n",
        new="    delta = left * sums.delta\n",
        tests=(*GREEKS, *OVERLAYS),
    ),
    Bug(
        name="an option without a strike is believed",
        rule="I24, D01",
        path="hedger/engine/news/sane.py",
        old='    return _first(positive=terms, finite=(("quantity", option.quantity), *absurd))\n',
        new="    return None\n",
        tests=FLAWS,
    ),
    Bug(
        name="a hedge is called futile on numbers that leave an option out",
        rule="law 9, option input",
        path="hedger/engine/step.py",
        old="    if memory.effect_due is None or facts.exposure.options.flaw is not None:\n",
        new="    if memory.effect_due is None:\n",
        tests=FLAWS,
    ),
    Bug(
        name="a premium-adjusted delta is taken for a difference",
        rule="the greeks of an option",
        path="hedger/engine/held/greeks_check.py",
        old="    return Convention.PREMIUM_ADJUSTED if by_adjusted < by_plain else Convention.BLACK_SCHOLES\n",
        new="    return Convention.BLACK_SCHOLES\n",
        tests=("tests/unit/test_engine_greeks_check.py",),
    ),
)
