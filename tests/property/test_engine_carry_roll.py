"""No slice of a roll can carry the delta out of its band, whatever the lots, prices, positions and widths."""

from dataclasses import replace
from decimal import Decimal as D

from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from hedger.engine.decision.facts import gather
from hedger.engine.decision.roll import least_units, roll_of, slices
from hedger.engine.held.freshness import Denied
from hedger.model.instrument import Payoff
from tests.support.dated_worlds import FAR, NEAR, dated_policy, future, world
from tests.support.engine_policies import band

lots = st.sampled_from(["0.001", "0.01", "0.0001"])
prices = st.integers(50_000, 72_000).map(str)


@settings(phases=(Phase.explicit, Phase.reuse, Phase.generate))  # to shrink a case takes a minute
@given(
    width=st.decimals("0.004", "0.5", places=3),
    inside=st.decimals("-1", "1", places=2),
    held=st.integers(1, 3_000),
    short=st.booleans(),
    near_lot=lots,
    far_lot=lots,
    near_price=prices,
    far_price=prices,
    inverse=st.booleans(),
)
def test_each_slice_of_a_roll_ends_in_the_band_and_takes_no_more_than_there_is(
    width: D,
    inside: D,
    held: int,
    short: bool,
    near_lot: str,
    far_lot: str,
    near_price: str,
    far_price: str,
    inverse: bool,
) -> None:
    policy = dated_policy(NEAR, FAR, guards={"position": D(1_000), "order_notional": D(10**9)})
    hedge = replace(policy.hedges[0], band=band(str(width)))
    policy = replace(policy, hedges=(hedge,))
    near = future(NEAR, 1, lot_size=D(near_lot), min_quantity=D(near_lot))
    far = future(FAR, 90, lot_size=D(far_lot), min_quantity=D(far_lot))
    if inverse:
        far = replace(far, payoff=Payoff.INVERSE, contract_multiplier=D(100), lot_size=D(1), min_quantity=D(1))
    position = D(held) * D(near_lot) * (-1 if short else 1)
    spot = -position * D(near_price) / 60_000 + inside * width * D("0.999")
    state = world(
        policy, {NEAR: near, FAR: far}, {NEAR: str(position)}, spot=str(spot), prices={NEAR: near_price, FAR: far_price}
    )
    facts = gather(state, hedge)
    assert facts is not None
    assume(facts.inside)
    roll = roll_of(state, hedge, facts.instrument.id)
    assert roll is not None
    assert (roll.near, roll.far) == (NEAR, FAR)
    found = slices(state, hedge, roll, facts)
    if isinstance(found, Denied):
        return
    for leg, side, units, _ in found:
        end = facts.deviation + side.sign * units * leg.per_unit
        assert facts.edges.holds(end), "if it fills whole the delta is in its band"
        assert units % leg.instrument.lot_size == 0
        assert units >= least_units(leg, hedge)
        if leg.instrument.id == NEAR:
            assert side.sign * position < 0
            assert units <= abs(position)
        else:
            assert side.sign * position > 0
            assert units * leg.per_unit <= abs(position) * D(near_price) / 60_000
