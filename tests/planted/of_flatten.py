"""Bugs in the flatten: each would let a person who wants out have more, or the wrong side, or no end."""

from __future__ import annotations

from tests.planted.plant import Bug

UNWIND = "hedger/engine/unwind.py"
FLATTEN = "hedger/engine/flatten.py"
UNIT = ("tests/unit/test_engine_flatten.py",)
ANY = ("tests/property/test_engine_flatten.py",)
WEATHER = ("tests/simulation/test_flatten.py",)

BUGS: tuple[Bug, ...] = (
    Bug(
        name="what a flatten sends may be more than is left to close",
        rule="I1, I8, law 4",
        path=UNWIND,
        old="position_of(state, id)) - sum((o.remaining for o in others), ZERO)\n",
        new="position_of(state, id))\n",
        tests=(*UNIT, *ANY),
    ),
    Bug(
        name="a flatten is sized on a reading from before our last fill",
        rule="I6, law 6",
        path=UNWIND,
        old="    if not view.settled or view.doubted is not None:\n",
        new="    if view.doubted is not None:\n",
        tests=UNIT,
    ),
    Bug(
        name="a flatten is sized on a reading that is in doubt",
        rule="I6, law 6",
        path=UNWIND,
        old="    if not view.settled or view.doubted is not None:\n",
        new="    if not view.settled:\n",
        tests=UNIT,
    ),
    Bug(
        name="a flatten is sized on a reading from before it was asked for",
        rule="I6, law 6",
        path=FLATTEN,
        old="replace(view, barrier_at=max(view.barrier_at, state.now)) if name in accounts else view",
        new="view",
        tests=UNIT,
    ),
    Bug(
        name="a price that nobody trusts makes a position too small to trade, and flat",
        rule="I6, law 6",
        path=UNWIND,
        old="    if denied is not None:  # a price",
        new="    if denied is not None and not dust:  # a price",
        tests=UNIT,
    ),
    Bug(
        name="an order that may add to a position rests on in a flatten",
        rule="I8, law 5",
        path=UNWIND,
        old="    if not order.reduce_only or order.remaining >",
        new="    if order.remaining >",
        tests=UNIT,
    ),
    Bug(
        name="a second order is sized before the first one has ended",
        rule="I1, law 5",
        path=UNWIND,
        old="    if working is not None:\n        return _tend(state, hedge, memory, working)\n",
        new="    if working is not None and working.status is OrderStatus.OPEN:\n"
        "        return _tend(state, hedge, memory, working)\n",
        tests=UNIT,
    ),
    Bug(
        name="an order that flattens is not reduce-only",
        rule="I8",
        path=UNWIND,
        old="Draft(rules, side, units, price, reduce_only=True, margin_reduction=False, flatten=True)",
        new="Draft(rules, side, units, price, reduce_only=False, margin_reduction=False, flatten=True)",
        tests=UNIT,
    ),
    Bug(
        name="a flatten adds to a short position",
        rule="I8",
        path=UNWIND,
        old="    side = Side.SELL if position > 0 else Side.BUY\n    price = passive_price(side, quote, rules",
        new="    side = Side.SELL\n    price = passive_price(side, quote, rules",
        tests=UNIT,
    ),
    Bug(
        name="flat is said while an order of ours may still fill",
        rule="I12",
        path=UNWIND,
        old="    if any(order.live and order.hedge == hedge.name for order in state.orders.values()):\n",
        new="    if False:\n",
        tests=UNIT,
    ),
    Bug(
        name="an account that was not read is flat",
        rule="D08, law 6",
        path=UNWIND,
        old="        return Leg(id, position, against=unknown)\n",
        new="        return Leg(id, position)\n",
        tests=UNIT,
    ),
    Bug(
        name="a hedge that was flattened trades what a person opened by hand",
        rule="flatten stays paused",
        path="hedger/engine/latch.py",
        old="        return not self.held and not self.flat_at\n",
        new="        return not self.held\n",
        tests=UNIT,
    ),
    Bug(
        name="a flatten is forgotten at a restart",
        rule="flatten is latched",
        path="hedger/runtime/recover.py",
        old="if name in state.hedges},\n        acknowledged",
        new="if False},\n        acknowledged",
        tests=WEATHER,
    ),
    Bug(
        name="a resume lifts a flatten",
        rule="flatten is latched",
        path="hedger/engine/fold.py",
        old="            return breakers_resumed(state._replace(halted=None, hedges=hedges))\n",
        new="            return breakers_resumed(state._replace(halted=None, hedges=hedges, flattening={}))\n",
        tests=UNIT,
    ),
    Bug(
        name="a pause does not stop a flatten",
        rule="O01",
        path=FLATTEN,
        old="replace(one, held=True) if one.works else one",
        new="one",
        tests=UNIT,
    ),
    Bug(
        name="an order that was decided before the flatten leaves after it",
        rule="I8, flatten pauses first",
        path="hedger/engine/latch.py",
        old='        return None if reduces else f"its hedge is being flattened: {flatten.reason}"\n',
        new="        return None\n",
        tests=UNIT,
    ),
    Bug(
        name="another hedge goes on while all but one are paused",
        rule="I9",
        path="hedger/engine/decide.py",
        old="    if state.paused is not None and state.mode is not Mode.SHADOW:",
        new="    if False:",
        tests=UNIT,
    ),
    Bug(
        name="a flatten leaves through an open breaker",
        rule="I9",
        path=UNWIND,
        old="    denied = first_denial(proposal)\n",
        new="    denied = first_denial(replace(proposal, saves=True))\n",
        tests=UNIT,
    ),
    Bug(
        name="what saves margin takes off more than is left while a hedge is flattened",
        rule="I8, law 4",
        path=UNWIND,
        old="    units = floor_to(min(draft.quantity, _left(state, rules.id, draft.side)), rules.lot_size)\n",
        new="    units = draft.quantity\n",
        tests=UNIT,
    ),
    Bug(
        name="what was agreed to may be another position by now",
        rule="typed confirmation",
        path=FLATTEN,
        old="    return not then.is_finite() or abs(now - then) > TOLERANCE * abs(then)\n",
        new="    return not then.is_finite()\n",
        tests=("tests/unit/test_engine_flatten_plan.py",),
    ),
    Bug(
        name="a flatten that was undone is judged as a hedge without effect",
        rule="control 7",
        path="hedger/engine/step.py",
        old="    if hedge.name in state.flattening:  # what it did before is undone on purpose\n",
        new="    if False:\n",
        tests=UNIT,
    ),
)
