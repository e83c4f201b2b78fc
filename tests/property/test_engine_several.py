"""For every book on several accounts: no outcome at the one out of sight is made worse, and shares are come to."""

from decimal import Decimal as D
from itertools import chain, combinations

from hypothesis import example, given
from hypothesis import strategies as st

from hedger.engine.decision.shares import Part, lacking, most_of, next_of, parts
from hedger.engine.known.orders import Order, OrderStatus
from hedger.model.order import Side
from tests.support.engine_worlds import NOW, order_of
from tests.support.several_worlds import (
    AT_ONE,
    AT_THREE,
    AT_TWO,
    ONE,
    at_hand,
    beat,
    sent,
    several,
    shared,
    unseen,
)

coins = st.decimals("-3", "3", places=3)
sizes = st.decimals("0.001", "1.5", places=3)
orders = st.tuples(st.sampled_from(Side), sizes, st.sampled_from([OrderStatus.UNKNOWN, OrderStatus.PENDING_CANCEL]))
POLICY = several(guards={"position": D(20), "order_notional": D(1_000_000)})


@given(spot=coins.filter(lambda q: q >= 0), one=coins, two=coins, lost=st.lists(orders, max_size=2))
@example(spot=D("0.7"), one=D(-1), two=D(0), lost=[])
@example(spot=D(1), one=D(0), two=D(0), lost=[(Side.SELL, D("0.4"), OrderStatus.UNKNOWN)])
def test_no_outcome_at_an_account_out_of_sight_is_carried_past_the_target(
    spot: D, one: D, two: D, lost: list[tuple[Side, D, OrderStatus]]
) -> None:
    """Any of its orders may have filled, and its position may be there or gone: what is done elsewhere leaves the
    deviation of each of these books smaller, or as it was, and never on the other side."""
    there = [
        order_of(side, quantity, id=AT_ONE, status=status, sequence=n + 1, placed_at=NOW - 90_000, cancel_at=NOW)
        for n, (side, quantity, status) in enumerate(lost)
    ]
    traded = hedged_elsewhere(spot, one, two, there)
    for filled in chain.from_iterable(combinations(there, n) for n in range(len(there) + 1)):
        for kept in (one, D(0)):
            before = spot + kept + two + sum((o.side.sign * o.quantity for o in filled), D(0))
            after = before + traded
            assert min(before, D(0)) <= after <= max(before, D(0)), (before, after)


def hedged_elsewhere(spot: D, one: D, two: D, there: list[Order]) -> D:
    """What is bought (or sold, below 0) on the account in sight until nothing is due any more."""
    traded = D(0)
    for _ in range(6):
        held = {AT_ONE: str(one), AT_TWO: str(two + traded)}
        order = sent(beat(unseen(at_hand(POLICY, held, spot=spot, orders=there), ONE), POLICY))
        if order is None:
            return traded
        assert order.id == AT_TWO
        traded += order.side.sign * order.quantity
    raise AssertionError("it goes on for ever")


@given(
    held=st.tuples(coins, coins, coins),
    weights=st.lists(st.integers(0, 9), min_size=3, max_size=3).filter(any),
    due=coins.filter(bool),
    last=st.sampled_from([None, AT_ONE, AT_TWO, AT_THREE]),
)
def test_orders_by_shares_add_up_to_what_is_due_and_end_at_the_shares(
    held: tuple[D, D, D], weights: list[int], due: D, last: object
) -> None:
    ids = (AT_ONE, AT_TWO, AT_THREE)
    side = 1 if due > 0 else -1
    held = tuple(side * abs(q) for q in held)  # type: ignore[assignment]
    policy = several(*ids, shares=shared(*map(str, weights)))
    (hedge,), left, now = policy.hedges, due, dict(zip(ids, held, strict=True))
    assert hedge.shares is not None
    for _ in range(8):
        state = at_hand(policy, {id: str(q) for id, q in now.items()})
        found = parts(state, hedge, hedge.shares, ids, left)
        assert abs(sum((part.wanted - part.held for part in found), D(0)) - left) < D("1e-20")
        part = next_of(found, left, hedge.shares.hysteresis, last)  # type: ignore[arg-type]
        most = most_of(part, left)
        assert D(0) < most <= abs(left)
        now[part.id] += side * most
        left -= side * most
        if abs(left) < D("1e-9"):
            break
    else:
        raise AssertionError("it does not end")
    ends = parts(at_hand(policy, {id: str(q) for id, q in now.items()}), hedge, hedge.shares, ids, D(0))
    assert all(grew_by_share(part, q, side) for part, q in zip(ends, held, strict=True))


def grew_by_share(part: Part, before: D, side: int) -> bool:
    """Nothing was added past its share: what stands above it stood there before."""
    return lacking(part, D(side)) >= D("-1e-9") or part.held == before
