"""How much is traded: for any exposure, any pending orders and any of them filling, never past the target."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal as D
from itertools import combinations
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from hedger.engine.band import Widths, rebalance, widths
from hedger.engine.decide import decide
from hedger.engine.facts import gather
from hedger.engine.limits import Proposal, reducible
from hedger.engine.orders import Order, OrderStatus
from hedger.engine.policy import Band, BandRule, RebalanceTo, Target, TargetKind
from hedger.engine.state import Exposure, HedgeState
from hedger.engine.target import target_delta
from hedger.model.order import Side
from tests.support.engine_policies import band, hedge_of, instrument_of, policy_of
from tests.support.engine_worlds import POLICY, hedging, mark_at, order_of, quote_at

LOT = D("0.001")
lots = st.integers(-3_000, 3_000).map(lambda n: n * LOT)
dust = st.integers(-300_000, 300_000).map(lambda n: n * D("0.00001"))
pending = st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 1_500)), max_size=4)
bands = st.builds(
    lambda upper, lower, to: band(str(upper * LOT), str(lower * LOT), rebalance_to=to),
    st.integers(3, 200),
    st.integers(3, 200),
    st.sampled_from(RebalanceTo),
)
targets = st.one_of(
    st.just(Target(kind=TargetKind.NEUTRAL, value=D(0))),
    st.builds(Target, kind=st.just(TargetKind.RATIO), value=st.integers(0, 15).map(lambda n: D(n) / 10)),
    st.builds(Target, kind=st.just(TargetKind.COINS), value=dust),
    st.builds(Target, kind=st.just(TargetKind.QUOTE), value=st.integers(-90_000, 90_000).map(D)),
)
executions = st.sampled_from([{}, {"slice_quantity": D("0.3")}, {"offset_ticks": 4}])


def unknown_orders(sides: Sequence[tuple[Side, int]]) -> list[Order]:
    return [
        order_of(side, n * LOT, sequence=place, status=OrderStatus.UNKNOWN)
        for place, (side, n) in enumerate(sides, start=1)
    ]


@settings(max_examples=400)
@given(dust, lots, pending, bands, targets, executions)
@example(D("0.5"), D(0), [(Side.SELL, 400)], band("0.01"), Target(kind=TargetKind.NEUTRAL, value=D(0)), {})
def test_no_outcome_of_anything_pending_carries_the_book_past_its_target(
    spot: D, position: D, sides: list[tuple[Side, int]], wanted: Band, target: Target, execution: dict[str, Any]
) -> None:
    policy = policy_of(hedge_of(band=wanted, target=target, execution=execution, guards={"position": D(1000)}))
    orders = unknown_orders(sides)
    state = hedging(spot, position, policy=policy, orders=orders)
    hedge = policy.hedges[0]
    facts = gather(state, hedge)
    assert facts is not None
    draft = decide(state, hedge, HedgeState(), facts).draft
    if draft is None:
        return
    assert draft.quantity > 0
    assert draft.quantity % LOT == 0
    pending = [order.side.sign * order.remaining for order in orders]
    for size in range(len(pending) + 1):
        for some in combinations(pending, size):
            start = spot + position + sum(some) - facts.target
            end = start + draft.side.sign * draft.quantity
            assert start * draft.side.sign < 0, "it only ever trades towards the target"
            assert end * draft.side.sign <= LOT, f"{end} past the target"


@given(dust, lots, pending, bands, targets)
def test_inside_the_band_or_in_doubt_about_it_nothing_is_traded(
    spot: D, position: D, sides: list[tuple[Side, int]], wanted: Band, target: Target
) -> None:
    policy = policy_of(hedge_of(band=wanted, target=target, guards={"position": D(1000)}))
    state = hedging(spot, position, policy=policy, orders=unknown_orders(sides))
    hedge = policy.hedges[0]
    facts = gather(state, hedge)
    assert facts is not None
    low, high = facts.exposure.low - facts.target, facts.exposure.high - facts.target
    assume(low <= facts.edges.upper and high >= -facts.edges.lower)
    assert decide(state, hedge, HedgeState(), facts).draft is None


@given(lots, lots, bands)
def test_a_rebalance_goes_against_the_deviation_in_both_directions(low: D, high: D, wanted: Band) -> None:
    low, high = min(low, high), max(low, high)
    edges = Widths(wanted.upper, wanted.lower)
    coins = rebalance(wanted, edges, low, high)
    mirrored = rebalance(replace(wanted, upper=wanted.lower, lower=wanted.upper), Widths(*edges[::-1]), -high, -low)
    assert mirrored == -coins, "buying is selling seen in a mirror"
    if coins:
        assert coins * low < 0
        assert coins * high < 0
        near = min(low, high, key=abs)
        left = near + coins
        assert left == (0 if wanted.rebalance_to is RebalanceTo.TARGET else (edges.upper if near > 0 else -edges.lower))


@given(dust, st.integers(1, 100_000).map(D), st.integers(0, 15).map(lambda n: D(n) / 10))
def test_each_target_has_the_sign_of_what_is_wanted(holding: D, price: D, value: D) -> None:
    def wanted(kind: TargetKind) -> D:
        held = Exposure(spot=holding, static=D(0), futures=D(0), low=holding, high=holding)
        return target_delta(replace(POLICY.hedges[0], target=Target(kind=kind, value=value)), held, price)

    assert wanted(TargetKind.NEUTRAL) == 0
    assert wanted(TargetKind.COINS) == value
    assert wanted(TargetKind.QUOTE) * price - value < D("1e-20")
    left = wanted(TargetKind.RATIO)
    assert left * holding >= 0 if value <= 1 else left * holding <= 0
    assert abs(left) == abs(holding) * abs(1 - value)


@given(dust, st.integers(1, 100_000).map(D), bands)
def test_a_band_is_never_negative_and_never_under_its_floor(holding: D, price: D, wanted: Band) -> None:
    for rule in BandRule:
        edges = widths(replace(wanted, rule=rule, floor=D("0.002")), holding, price)
        assert edges.upper > 0
        assert edges.lower > 0
        assert edges.holds(D(0))
        assert edges.holds(edges.upper)
        assert edges.holds(-edges.lower)
        assert not edges.holds(edges.upper + LOT)
        assert not edges.holds(-edges.lower - LOT)
        if rule is BandRule.RELATIVE:
            assert min(edges) >= D("0.002")


@given(st.sampled_from(Side), lots, st.integers(1, 3_000).map(lambda n: n * LOT))
def test_an_order_adds_risk_unless_it_can_only_shrink_the_position(side: Side, position: D, quantity: D) -> None:
    state = hedging("0", position)
    proposal = Proposal(
        state=state,
        hedge=POLICY.hedges[0],
        memory=HedgeState(),
        instrument=instrument_of(),
        side=side,
        quantity=quantity,
        price=D(60_000),
        position=position,
        quote=quote_at(),
        mark=mark_at(),
    )
    after = position + side.sign * quantity
    only_shrinks = abs(after) < abs(position) and after * position >= 0
    assert proposal.adds_risk is not only_shrinks
    assert 0 <= reducible(side, position) <= abs(position)
