"""How much is traded: for any exposure, any pending orders and any of them filling, never past the target."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal as D
from itertools import combinations
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from hedger.engine.decision.decide import decide
from hedger.engine.decision.facts import gather
from hedger.engine.guards.limits import Proposal, reducible
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import COMPUTED, Band, BandInputs, BandRule, RebalanceTo, Target, TargetKind
from hedger.engine.known.state import Exposure, HedgeState
from hedger.engine.known.widths import Widths
from hedger.engine.wanted.band import Conditions, rebalance, widths
from hedger.engine.wanted.target import target_delta
from hedger.model.order import Side
from tests.support.engine_policies import band, hedge_of, instrument_of, policy_of
from tests.support.engine_worlds import NOW, POLICY, hedging, mark_at, order_of, quote_at

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


def band_by(rule: BandRule, wanted: Band, residual: int, fixed_cost: int, deposits: int) -> Band:
    """A band of any rule that is about as wide as `wanted`; computed ones are not always as wide as a lot."""
    unit = {BandRule.RELATIVE: D("0.5"), BandRule.QUOTE: D(60_000)}.get(rule, D(1))
    inputs = BandInputs(
        residual_quote=D(residual),
        sigma=D("0.6"),
        fixed_cost=D(fixed_cost),
        deposits=D(deposits),
        deposit_quantity=D("0.3"),
        move=D("0.01"),
        every_ms=60_000,
        watch_ms=1_000,
    )
    sides = (D(0), D(0)) if rule in COMPUTED else (wanted.upper * unit, wanted.lower * unit)
    return replace(wanted, rule=rule, upper=sides[0], lower=sides[1], floor=D("0.002"), inputs=inputs)


all_bands = st.builds(
    band_by,
    st.sampled_from(BandRule),
    bands,
    st.one_of(st.integers(1, 20), st.integers(1, 5_000)),
    st.integers(0, 20),
    st.sampled_from((0, 100)),
)
memories = st.sampled_from((HedgeState(), HedgeState(hedged_at=NOW - 1_000, hedged_price=D(59_900))))
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
@given(dust, lots, pending, all_bands, targets, executions, memories)
@example(
    D("0.5"), D(0), [(Side.SELL, 400)], band("0.01"), Target(kind=TargetKind.NEUTRAL, value=D(0)), {}, HedgeState()
)
def test_no_outcome_of_anything_pending_carries_the_book_past_its_target(
    spot: D,
    position: D,
    sides: list[tuple[Side, int]],
    wanted: Band,
    target: Target,
    execution: dict[str, Any],
    memory: HedgeState,
) -> None:
    policy = policy_of(hedge_of(band=wanted, target=target, execution=execution, guards={"position": D(1000)}))
    orders = unknown_orders(sides)
    state = hedging(spot, position, policy=policy, orders=orders)._replace(hedges={"btc": memory})
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


@given(dust, lots, pending, all_bands, targets, memories)
def test_inside_the_band_or_in_doubt_about_it_nothing_is_traded(
    spot: D, position: D, sides: list[tuple[Side, int]], wanted: Band, target: Target, memory: HedgeState
) -> None:
    policy = policy_of(hedge_of(band=wanted, target=target, guards={"position": D(1000)}))
    state = hedging(spot, position, policy=policy, orders=unknown_orders(sides))._replace(hedges={"btc": memory})
    hedge = policy.hedges[0]
    facts = gather(state, hedge)
    assert facts is not None
    low, high = facts.exposure.low - facts.target, facts.exposure.high - facts.target
    assume(low <= facts.edges.upper and high >= -facts.edges.lower)
    assert decide(state, hedge, HedgeState(), facts).draft is None


@given(lots, lots, bands, st.integers(0, 200).map(lambda n: n * LOT), st.integers(0, 200).map(lambda n: n * LOT))
def test_a_rebalance_goes_against_the_deviation_in_both_directions(
    low: D, high: D, wanted: Band, reset_upper: D, reset_lower: D
) -> None:
    low, high = min(low, high), max(low, high)
    edges = Widths(wanted.upper, wanted.lower, min(wanted.upper, reset_upper), min(wanted.lower, reset_lower))
    coins = rebalance(edges, low, high)
    mirror = Widths(edges.lower, edges.upper, edges.reset_lower, edges.reset_upper)
    assert rebalance(mirror, -high, -low) == -coins, "buying is selling seen in a mirror"
    if coins:
        assert coins * low < 0
        assert coins * high < 0
        near = min(low, high, key=abs)
        assert near + coins == (edges.reset_upper if near > 0 else -edges.reset_lower)
    else:
        assert edges.holds(low) or edges.holds(high) or low < 0 < high


@given(dust, st.integers(1, 100_000).map(D), st.integers(0, 15).map(lambda n: D(n) / 10))
def test_each_target_has_the_sign_of_what_is_wanted(holding: D, price: D, value: D) -> None:
    def wanted(kind: TargetKind) -> D:
        held = Exposure(spot=holding, static=D(0), futures=D(0), low=holding, high=holding)
        return target_delta(replace(POLICY.hedges[0], target=Target(kind=kind, value=value)), held, price, NOW)

    assert wanted(TargetKind.NEUTRAL) == 0
    assert wanted(TargetKind.COINS) == value
    assert wanted(TargetKind.QUOTE) * price - value < D("1e-20")
    left = wanted(TargetKind.RATIO)
    assert left * holding >= 0 if value <= 1 else left * holding <= 0
    assert abs(left) == abs(holding) * abs(1 - value)


@given(dust, st.integers(1, 100_000).map(D), all_bands, st.booleans(), st.floats(-0.01, 0.01))
def test_a_band_is_never_negative_and_never_under_its_floor(
    holding: D, price: D, wanted: Band, due: bool, gamma: float
) -> None:
    now = Conditions(sigma=0.6, gamma=gamma, cost=0.0002, fee=0.0002, years=0.1, smallest=D("0.002"), due=due)
    edges = widths(wanted, holding, price, now)
    assert edges.upper > 0
    assert edges.lower > 0
    assert 0 <= edges.reset_upper <= edges.upper
    assert 0 <= edges.reset_lower <= edges.lower
    assert edges.holds(D(0))
    assert edges.holds(edges.upper)
    assert edges.holds(-edges.lower)
    assert not edges.holds(edges.upper + LOT)
    assert not edges.holds(-edges.lower - LOT)
    if wanted.rule is BandRule.RELATIVE or wanted.rule in COMPUTED:
        assert min(edges.upper, edges.lower) >= D("0.002")


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
