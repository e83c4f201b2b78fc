"""Flatten of dated contracts: while a roll is under way, near the settlement, in its average and after the expiry."""

from collections.abc import Callable
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.decision.flatten import plan_of
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Reason
from hedger.model.account import AccountReading
from hedger.model.order import RejectReason
from hedger.sim.faults.hands import Hands
from hedger.sim.nouns import Wallet
from hedger.sim.world import World
from tests.simulation.test_roll import (
    AVERAGE,
    END,
    FAR,
    MINUTE,
    NEAR,
    WIDTH,
    held,
    net,
    policy,
    run,
    until_minute,
    world,
)
from tests.support.flattening import (
    FLATTEN,
    UNPAUSE,
    assert_as_shown,
    only_hedge,
    symbol_of,
    until_flat,
    watch_play,
)
from tests.support.simulated_daemon import NOON, OWNER, Play, act, stage

BOTH = policy(NEAR, FAR)
NEAR_ALONE = policy(NEAR, roll_before=0, expiring=4)
BOTH_LATE = policy(NEAR, FAR, roll_before=0, expiring=4)
AVERAGE_BEGINS = (END - AVERAGE - NOON) / MINUTE


async def until_rolling(it: Play) -> None:
    """Both contracts are held, and nothing works."""
    await it.until_hedged()
    await it.sleep(until_minute(it, 5))
    await it.until(lambda: bool(held(it, NEAR) and held(it, FAR)), "a roll under way")
    await it.until(lambda: not any(o.live for o in it.state.orders.values()) and not it.resting(), "between slices")


def rests_on(it: Play, id: object) -> bool:
    return any(order.symbol == symbol_of(id) for order in it.resting())  # type: ignore[arg-type]


def near_rests(it: Play) -> bool:
    return rests_on(it, NEAR)


def far_rests(it: Play) -> bool:
    return rests_on(it, FAR)


def in_flight(it: Play) -> bool:
    return any(order.roll and order.live for order in it.state.orders.values()) and not it.resting()


def test_a_roll_under_way_is_given_up_and_both_contracts_come_to_zero_as_the_plan_says(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await until_rolling(it)
        plan, before = only_hedge(it.state, it.policy), len(it.truth.trades)
        assert {leg.id: leg.position for leg in plan.legs} == {NEAR: held(it, NEAR), FAR: held(it, FAR)}
        assert plan.delta is not None
        assert abs(plan.delta) <= WIDTH
        assert plan.delta_after == it.truth.spot["BTC"]
        watch_play(it)
        it.daemon.handle_now(FLATTEN)
        await until_flat(it)
        assert_as_shown(plan, it.truth.trades[before:])
        assert only_hedge(it.state, it.policy).flat

    run(script, BOTH, tmp_path)


@pytest.mark.parametrize("moment", [in_flight, near_rests, far_rests])
def test_an_order_of_the_roll_is_ended_first_whichever_contract_it_is_for(
    moment: Callable[[Play], bool], tmp_path: Path
) -> None:
    """What opens the far leg goes at once; what closes the near one does what a flatten would, and may stay."""

    async def script(it: Play) -> None:
        await until_rolling(it)
        await it.until(lambda: moment(it), moment.__name__, every=0.005)
        plan, placed = plan_of(it.state, it.policy), len(it.venue.placed)
        assert plan.hedges[0].canceled
        it.daemon.handle_now(FLATTEN)
        if moment is far_rests:
            await it.until(lambda: not far_rests(it), "taken off", within=0.5)
            assert it.venue.canceled[-1].client_order_id in plan.hedges[0].canceled
        await it.until(lambda: not any(o.roll and o.live for o in it.state.orders.values()), "ended", within=20)
        watch_play(it)
        await until_flat(it)
        assert all(order.reduce_only for order in it.venue.placed[placed + (moment is in_flight) :])

    it = run(script, BOTH, tmp_path)
    assert (held(it, NEAR), held(it, FAR)) == (D(0), D(0))
    assert all(trade.maker for trade in it.trades)


def test_flattened_in_a_roll_it_stays_flat_over_a_restart_and_the_expiry_and_then_hedges_with_the_next(
    tmp_path: Path,
) -> None:
    async def first(it: Play) -> None:
        await until_rolling(it)
        it.daemon.handle_now(FLATTEN)
        await it.until(lambda: bool(held(it, NEAR)) is not bool(held(it, FAR)), "one of the two is closed")

    async def second(it: Play) -> None:
        await it.sleep(5)
        watch_play(it)
        await until_flat(it)
        it.deposit("0.05")
        await it.sleep(until_minute(it, 14.5))
        assert it.truth.positions.get(symbol_of(NEAR), D(0)) == held(it, FAR) == 0

    async def third(it: Play) -> None:
        await it.sleep(40)
        assert it.state.flattening["btc"].flat_at
        assert held(it, FAR) == 0
        it.daemon.handle_now(UNPAUSE)
        await it.until_hedged()
        assert held(it, FAR) < 0
        assert abs(net(it)) <= WIDTH

    async def scene(made: World) -> None:
        await act(made, first, BOTH, tmp_path, kill=True)
        await act(made, second, BOTH, tmp_path, seed=2, kill=True)
        await act(made, third, BOTH, tmp_path, seed=3)

    stage(scene, world)


# --- near the end -----------------------------------------------------------------------------------------------------


def test_asked_for_when_nothing_may_be_added_any_more_it_still_comes_off_before_the_average(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(until_minute(it, AVERAGE_BEGINS - 1))
        watch_play(it)
        it.daemon.handle_now(FLATTEN)
        await until_flat(it, within=60)
        assert held(it, NEAR) == 0

    run(script, NEAR_ALONE, tmp_path)


def test_what_is_not_off_when_the_average_begins_is_left_to_it_and_flat_is_said_after_the_settlement(
    tmp_path: Path,
) -> None:
    """The venue refused everything until then. Its order is not left on the book of what settles either."""

    async def script(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(until_minute(it, AVERAGE_BEGINS - 0.7))
        it.venue.refuse = RejectReason.UNAVAILABLE
        watch_play(it)
        it.daemon.handle_now(FLATTEN)
        await it.sleep(until_minute(it, AVERAGE_BEGINS) + 1)
        it.venue.clear()
        await it.sleep(2)
        assert not it.resting()
        placed, kept = len(it.venue.placed), held(it, NEAR)
        assert kept < 0
        (leg,) = only_hedge(it.state, it.policy).legs
        assert leg.obstacle is not None
        assert (leg.obstacle.reason, leg.quantity, leg.orders, leg.remainder) == (Reason.EXPIRING, D(0), 0, D(0))
        await it.sleep(until_minute(it, 13.9))
        assert (len(it.venue.placed), held(it, NEAR)) == (placed, kept)
        assert not it.state.flattening["btc"].flat_at
        assert it.decision.reason is Reason.EXPIRING
        await until_flat(it, within=60)
        assert it.clock.now_ms() >= END
        assert held(it, NEAR) == 0

    it = run(script, NEAR_ALONE, tmp_path)
    assert it.state.halted is None


def test_an_order_that_rests_when_the_average_begins_is_taken_off(tmp_path: Path) -> None:
    """Prices run from it so that it never fills: what the plan says is true of an order that was there before, too."""

    async def script(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(until_minute(it, AVERAGE_BEGINS) - 8)
        watch_play(it)
        it.daemon.handle_now(FLATTEN)
        while it.clock.now_ms() < END - AVERAGE:
            it.world.market.fair.jump("BTC", 0.0002)
            await it.sleep(0.25)
        (order,) = it.resting()
        await it.until(lambda: not it.resting(), "taken off", within=1)
        assert order.symbol == symbol_of(NEAR)
        assert held(it, NEAR) == -order.quantity
        placed = len(it.venue.placed)
        await it.sleep(30)
        assert len(it.venue.placed) == placed

    run(script, NEAR_ALONE, tmp_path)


def test_asked_for_inside_the_average_the_other_contract_comes_off_and_this_one_settles_by_itself(
    tmp_path: Path,
) -> None:
    async def script(it: Play) -> None:
        await it.sleep(until_minute(it, AVERAGE_BEGINS) + 3)
        assert held(it, NEAR) < 0
        assert held(it, FAR) < 0
        watch_play(it)
        left, placed = held(it, NEAR), len(it.venue.placed)
        it.daemon.handle_now(FLATTEN)
        await it.until(lambda: held(it, FAR) == 0, "the other is closed", within=90)
        assert held(it, NEAR) == left
        assert not it.state.flattening["btc"].flat_at
        assert {order.id for order in it.venue.placed[placed:]} == {FAR}
        await it.sleep(until_minute(it, 14.1))
        await until_flat(it, within=60)
        assert (held(it, NEAR), held(it, FAR)) == (D(0), D(0))
        it.watcher.looks.clear()
        it.daemon.handle_now(UNPAUSE)
        await it.until_hedged()
        assert held(it, FAR) < 0

    it = run(script, policy(NEAR, FAR, roll_before=4.5, expiring=4), tmp_path)
    assert it.state.halted is None


@pytest.mark.parametrize("wanted", [NEAR_ALONE, BOTH], ids=["nothing follows", "rolled before"])
def test_asked_for_after_the_expiry_only_what_is_left_is_closed(wanted: Policy, tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.sleep(until_minute(it, 15))
        left = held(it, FAR)
        plan = only_hedge(it.state, it.policy)
        assert {leg.id: leg.position for leg in plan.legs if leg.position} == ({FAR: left} if left else {})
        watch_play(it)
        it.daemon.handle_now(FLATTEN)
        await until_flat(it, within=60)
        assert held(it, FAR) == 0

    run(script, wanted, tmp_path)


def test_killed_before_the_expiry_and_started_after_it_the_flatten_ends_with_what_has_settled(tmp_path: Path) -> None:
    async def first(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(until_minute(it, AVERAGE_BEGINS) + 2)
        it.daemon.handle_now(FLATTEN)
        await it.sleep(5)
        assert held(it, NEAR) < 0
        assert not it.state.flattening["btc"].flat_at

    async def second(it: Play) -> None:
        await until_flat(it, within=60)
        assert held(it, NEAR) == 0
        assert not it.venue.placed

    async def scene(made: World) -> None:
        it = await act(made, first, BOTH_LATE, tmp_path, kill=True)
        await it.sleep(until_minute(it, 15))
        await act(made, second, BOTH_LATE, tmp_path, seed=2)

    stage(scene, world)


# --- in bad weather ---------------------------------------------------------------------------------------------------


def forgets(it: Play) -> None:
    it.venue.lose_acks = it.venue.hide_orders = it.venue.silent = True


def tells_what_was(it: Play) -> None:
    old: list[AccountReading] = []

    def stale(reading: AccountReading) -> AccountReading:
        old.append(reading)
        return old[0]

    it.venue.reading = stale


@pytest.mark.parametrize("weather", [forgets, tells_what_was])
def test_in_bad_weather_neither_contract_grows_nor_turns_round(weather: Callable[[Play], None], tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await until_rolling(it)
        watch_play(it)
        it.daemon.handle_now(FLATTEN)
        weather(it)
        await it.sleep(60)
        it.venue.clear()
        await until_flat(it, within=600)
        assert (held(it, NEAR), held(it, FAR)) == (D(0), D(0))

    run(script, BOTH, tmp_path)


def test_what_is_less_than_the_venue_takes_stays_and_is_told_when_it_is_flat(tmp_path: Path) -> None:
    """Somebody takes all of an order but a lot, and the venue ends it."""

    async def script(it: Play) -> None:
        await it.until_hedged()
        watch_play(it)
        it.daemon.handle_now(FLATTEN)
        await it.until(lambda: bool(it.resting()), "resting", every=0.01)
        (order,) = it.resting()
        almost = order.quantity - order.filled - D("0.001")
        Hands(it.world.exchange, OWNER).hit(order.order_id, almost)
        it.world.exchange.cancel(OWNER, Wallet.LINEAR, symbol_of(NEAR), client_order_id=order.client_order_id)
        await until_flat(it, within=120)
        dust = held(it, NEAR)
        assert dust == D("-0.001")
        assert f"{dust} of {NEAR}, less than the venue takes" in it.decision.detail
        (leg,) = only_hedge(it.state, it.policy).legs
        assert (leg.quantity, leg.remainder) == (D(0), dust)

    run(script, policy(NEAR), tmp_path)
