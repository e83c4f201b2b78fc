"""Bugs in the signs of carry, in the roll of dated contracts and in their settlement."""

from __future__ import annotations

from tests.planted.plant import Bug

ROLL = "hedger/engine/decision/roll.py"
EXPIRY = "hedger/engine/held/expiry.py"
CARRY = "hedger/engine/formulas/carry.py"
ROLLS = ("tests/unit/test_engine_roll.py",)
SETTLED = ("tests/unit/test_engine_roll_settlement.py",)
SIGNS = ("tests/property/test_engine_carry.py",)
CHOICES = ("tests/unit/test_engine_carry_choice.py",)

BUGS: tuple[Bug, ...] = (
    Bug(
        name="a short pays funding above zero",
        rule="sign of funding",
        path="hedger/engine/guards/limits.py",
        old="    paid = p.side.sign * yearly_funding(p.mark)\n",
        new="    paid = -p.side.sign * yearly_funding(p.mark)\n",
        tests=("tests/unit/test_engine_limits.py",),
    ),
    Bug(
        name="contango costs a short",
        rule="sign of the basis",
        path=CARRY,
        old="    return -sign * rate_yearly\n",
        new="    return sign * rate_yearly\n",
        tests=SIGNS,
    ),
    Bug(
        name="every past rate is taken for one of the present interval",
        rule="intervals of funding change",
        path=CARRY,
        old="[yearly(float(rate.rate), rate.interval_ms) for rate in rates if rate.interval_ms > 0]",
        new="[yearly(float(rate.rate), interval_ms) for rate in rates if rate.interval_ms > 0]",
        tests=SIGNS,
    ),
    Bug(
        name="a switch costs nothing",
        rule="choice by carry",
        path=CARRY,
        old="    return gain - cost / years + premium",
        new="    return gain + premium",
        tests=CHOICES,
    ),
    Bug(
        name="a slice is not kept within the band",
        rule="I1, roll",
        path=ROLL,
        old="    most = max(min(near.edges.upper, near.edges.lower) / 2, least)\n",
        new="    most = max(min(near.edges.upper, near.edges.lower) * 4, least)\n",
        tests=ROLLS,
    ),
    Bug(
        name="slices are counted in contracts and not in delta",
        rule="roll, F1/S against F2/S",
        path="hedger/engine/decision/facts.py",
        old="    per_unit = coins_for(state, hedge, instrument, ONE)\n",
        new="    per_unit = ONE\n",
        tests=ROLLS,
    ),
    Bug(
        name="a slice that took the delta from its target is a futile hedge",
        rule="roll",
        path="hedger/engine/news/order_flow.py",
        old="after.margin_reduction or after.roll",
        new="after.margin_reduction",
        tests=ROLLS,
    ),
    Bug(
        name="what reduces comes off the leg that was opened",
        rule="roll",
        path="hedger/engine/decision/decide.py",
        old="    if leaving is not None and _takes_off(state, hedge, leaving, side):\n        return facts_on(",
        new="    if leaving is None and False:\n        return facts_on(",
        tests=ROLLS,
    ),
    Bug(
        name="the settlement average takes new positions",
        rule="no entry into a settlement average",
        path=EXPIRY,
        old="    if left <= max(instrument.settlement_ms, hedge.guards.expiring):\n",
        new="    if left <= hedge.guards.expiring:\n",
        tests=CHOICES,
    ),
    Bug(
        name="a contract that is being left takes new positions",
        rule="no new risk in the near contract",
        path=EXPIRY,
        old="    if is_due(hedge, instrument, now):\n",
        new="    if False:\n",
        tests=CHOICES,
    ),
    Bug(
        name="nobody hears of what is held when the average begins",
        rule="roll, alarm",
        path="hedger/engine/decision/decide.py",
        old="Reason.INSIDE_BAND if late is None else Reason.EXPIRING, late or",
        new="Reason.INSIDE_BAND, late or",
        tests=ROLLS,
    ),
    Bug(
        name="a settled contract is a missing row for ever",
        rule="settlement, V31",
        path="hedger/engine/news/whole.py",
        old=" and not is_over(state, id))\n",
        new=")\n",
        tests=SETTLED,
    ),
    Bug(
        name="a missing row of a living contract is a flat position",
        rule="I6, settlement",
        path=EXPIRY,
        old="        and instrument.expiry_at <= venue_now(state, id.account)\n",
        new="",
        tests=SETTLED,
    ),
    Bug(
        name="a settlement after our own sale is an old reading",
        rule="settlement, D07",
        path="hedger/engine/news/belief.py",
        old="        if has_settled(state, id, event.reading):\n",
        new="        if False:\n",
        tests=SETTLED,
    ),
    Bug(
        name="a settlement is also told as a movement that nobody explains",
        rule="settlement, I11",
        path="hedger/engine/news/changes.py",
        old="        if has_ended(before, reading, id):\n            continue\n",
        new="",
        tests=SETTLED,
    ),
    Bug(
        name="a contract ends by our own clock",
        rule="P11, M06",
        path="hedger/engine/held/freshness.py",
        old="    return state.now + state.accounts[account].offset_ms\n",
        new="    return state.now\n",
        tests=("tests/unit/test_engine_venue_clock.py",),
    ),
    Bug(
        name="a row that a page repeats counts twice",
        rule="D05",
        path="hedger/engine/news/sane.py",
        old="    yield from _told_twice(reading, coins)\n",
        new="",
        tests=("tests/unit/test_engine_sane.py",),
    ),
)
