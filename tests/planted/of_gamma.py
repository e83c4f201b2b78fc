"""Bugs in targets with a gamma of their own: the wrong side of it, and a start that nobody agreed to."""

from __future__ import annotations

from tests.planted.plant import Bug

TARGETS = ("tests/unit/test_engine_target.py",)

BUGS: tuple[Bug, ...] = (
    Bug(
        name="a synthetic that is bought is traded as if it were sold",
        rule="signs: long is convex",
        path="hedger/engine/formulas/synthetic.py",
        old="        return coins if self.long else -coins\n",
        new="        return -coins if self.long else coins\n",
        tests=TARGETS,
    ),
    Bug(
        name="a profile hedges the share that it should leave",
        rule="signs: a ratio that rises sells",
        path="hedger/engine/wanted/target.py",
        old="            return unhedged * (ONE - _profile(target).ratio(price))\n",
        new="            return unhedged * _profile(target).ratio(price)\n",
        tests=TARGETS,
    ),
    Bug(
        name="the gamma of options that are held is hedged the wrong way",
        rule="signs: long gamma is hedged by selling",
        path="hedger/engine/wanted/target.py",
        old="    return target_gamma(hedge, held, price, now) - held.options.gamma\n",
        new="    return target_gamma(hedge, held, price, now) + held.options.gamma\n",
        tests=TARGETS,
    ),
    Bug(
        name="an option that has expired is replicated all the same",
        rule="I10",
        path="hedger/engine/decision/decide.py",
        old="    if ended is not None and not (",
        new='    if ended == "" and not (',
        tests=TARGETS,
    ),
    Bug(
        name="a gamma starts although nobody accepted it",
        rule="the owner accepts a gamma before it is traded",
        path="hedger/app/gamma.py",
        old="    asked = [name for name in asked if not accepted(settings, name, yes=yes)]\n",
        new="    asked = [name for name in asked if name not in settings.hedges]\n",
        tests=("tests/unit/test_app_gamma.py",),
    ),
)
