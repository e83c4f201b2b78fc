"""Flatten of a hedge on two venues: one is away and comes back, late or after a restart, and each is closed once."""

from collections.abc import Callable
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.known.policy import Failover
from hedger.engine.known.state import Reason
from hedger.model.account import AccountReading
from hedger.model.message import PlaceOrder
from tests.support.flattening import FLATTEN, UNPAUSE, flat_at, only_hedge, watch
from tests.support.several_daemon import Stage, enact
from tests.support.several_worlds import AT_ONE, AT_TWO, ONE, TWO, several, shared

BLIND_S = 120
POLICY = several(failover=Failover(allowed=True, blind_ms=BLIND_S * 1000), shares=shared("3", "1"))
WHOLE = {ONE: D("-0.75"), TWO: D("-0.25")}
NOTHING = {ONE: D(0), TWO: D(0)}


def positions(it: Stage) -> dict[str, D]:
    return {name: it.position(name) for name in (ONE, TWO)}


def flatten(it: Stage) -> None:
    """Ask for it, and look from now on at what is done about it."""
    watch(it.watcher, lambda: positions(it))
    it.daemon.handle_now(FLATTEN)


def resume_watch(it: Stage) -> None:
    """After a restart."""
    watch(it.watcher, lambda: positions(it))


async def until_flat(it: Stage, within: float = 900.0) -> None:
    await it.until(lambda: bool(flat_at(it.state)), "flat", within=within)
    assert positions(it) == NOTHING


async def hedge(it: Stage) -> None:
    await it.until_hedged()
    assert positions(it) == WHOLE


def leave_with_an_order(it: Stage) -> None:
    """From its next order on nothing is heard of the first venue; the order arrives."""

    def go(_: PlaceOrder) -> None:
        it.lines[ONE].mute = it.venues[ONE].silent = True
        it.venues[ONE].fill = lambda _: None

    it.venues[ONE].leaving = go


def test_the_plan_for_both_is_what_happens_and_only_an_unpause_hedges_again(tmp_path: Path) -> None:
    async def script(it: Stage) -> None:
        await hedge(it)
        plan = only_hedge(it.state, it.policy)
        assert {leg.id: leg.position for leg in plan.legs} == {AT_ONE: WHOLE[ONE], AT_TWO: WHOLE[TWO]}
        assert plan.delta_after == 1
        before = {name: len(it.worlds[name].exchange.truth(name).trades) for name in (ONE, TWO)}
        flatten(it)
        await until_flat(it)
        for leg, name in zip(plan.legs, (ONE, TWO), strict=True):
            done = it.worlds[name].exchange.truth(name).trades[before[name] :]
            assert sum(trade.quantity for trade in done) == leg.quantity
            assert all(trade.maker for trade in done)
        it.cut(ONE)
        it.deposit("0.4")
        await it.clock.sleep(30)
        it.restore(ONE)
        await it.clock.sleep(30)
        assert positions(it) == NOTHING

    async def after(it: Stage) -> None:
        resume_watch(it)
        await it.clock.sleep(40)
        assert it.state.flattening["btc"].flat_at
        it.watcher.looks.clear()
        it.daemon.handle_now(UNPAUSE)
        await it.until_hedged()
        assert abs(it.delta()) <= D("0.011")

    enact(script, POLICY, tmp_path, after)


def test_a_venue_that_leaves_with_an_order_of_the_flatten_keeps_the_other_from_nothing(tmp_path: Path) -> None:
    """Its order fills while nobody can see it: what it took off is not taken off again."""

    async def script(it: Stage) -> None:
        await hedge(it)
        leave_with_an_order(it)
        flatten(it)
        await it.until(lambda: it.unknown() == 1, "sent, and no answer", within=60)
        it.venues[ONE].leaving = lambda _: None
        it.cut(ONE)
        await it.until(lambda: it.position(TWO) == 0, "the other is closed", within=120)
        await it.until(lambda: it.position(ONE) == 0, "the lost order filled", within=120)
        sent = len(it.placed(ONE))
        await it.clock.sleep(BLIND_S + 30)
        assert not it.state.flattening["btc"].flat_at
        assert it.decision.reason in (Reason.ACCOUNT_AGE, Reason.UNRESOLVED_ORDERS)
        it.restore(ONE)
        await until_flat(it)
        assert len(it.placed(ONE)) == sent, "nothing was left to do there"

    it = enact(script, POLICY, tmp_path)
    assert it.state.halted is None


def test_out_of_sight_for_longer_than_it_is_believed_it_is_closed_when_it_is_back(tmp_path: Path) -> None:
    async def script(it: Stage) -> None:
        await hedge(it)
        it.cut(ONE)
        await it.clock.sleep(BLIND_S + 20)
        one, two = only_hedge(it.state, it.policy).legs
        assert one.obstacle is not None
        assert (one.obstacle.reason, two.obstacle) == (Reason.ACCOUNT_AGE, None)
        flatten(it)
        await it.until(lambda: it.position(TWO) == 0, "the other is closed", within=120)
        await it.clock.sleep(30)
        assert (it.position(ONE), it.state.flattening["btc"].flat_at) == (WHOLE[ONE], 0)
        it.restore(ONE)
        await until_flat(it)

    enact(script, POLICY, tmp_path)


def test_killed_while_one_is_away_the_next_start_waits_for_it_and_closes_it(tmp_path: Path) -> None:
    async def first(it: Stage) -> None:
        await hedge(it)
        leave_with_an_order(it)
        flatten(it)
        await it.until(lambda: it.unknown() == 1, "sent, and no answer", within=60)

    async def second(it: Stage) -> None:
        resume_watch(it)
        assert it.state.flattening["btc"].asked_at
        await until_flat(it)

    async def third(it: Stage) -> None:
        resume_watch(it)
        await it.clock.sleep(40)
        assert it.state.flattening["btc"].flat_at
        assert (it.placed(ONE), it.placed(TWO)) == ([], [])

    enact(first, POLICY, tmp_path, second, third)


def test_what_stands_in_for_a_venue_that_is_away_is_ended_by_the_flatten(tmp_path: Path) -> None:
    """The other venue was just about to hedge in its place."""

    async def script(it: Stage) -> None:
        await hedge(it)
        it.cut(ONE)
        await it.clock.sleep(15)
        it.deposit("0.4")
        await it.until(lambda: bool(it.resting(TWO)), "it stands in", within=60)
        placed = len(it.placed(TWO))
        it.daemon.handle_now(FLATTEN)
        await it.until(lambda: not it.resting(TWO), "taken off", within=0.5)
        await it.until(lambda: not any(o.live and not o.flatten for o in it.state.orders.values()), "ended", within=30)
        assert len(it.placed(TWO)) == placed
        resume_watch(it)
        await it.until(lambda: it.position(TWO) == 0, "closed", within=120)
        it.restore(ONE)
        await until_flat(it)

    enact(script, POLICY, tmp_path)


def forgotten(it: Stage) -> None:
    for venue in it.venues.values():
        venue.lose_acks = venue.hide_orders = venue.silent = True


def readings_from_before(it: Stage) -> None:
    for name in (ONE, TWO):
        it.venues[name].reading = _first_of([])


def _first_of(old: list[AccountReading]) -> Callable[[AccountReading], AccountReading]:
    def stale(reading: AccountReading) -> AccountReading:
        old.append(reading)
        return old[0]

    return stale


@pytest.mark.parametrize("weather", [forgotten, readings_from_before])
def test_in_bad_weather_on_both_no_position_grows_or_turns_round(
    weather: Callable[[Stage], None], tmp_path: Path
) -> None:
    async def script(it: Stage) -> None:
        await hedge(it)
        flatten(it)
        weather(it)
        await it.clock.sleep(30)
        it.cut(ONE)
        await it.clock.sleep(30)
        it.restore(ONE)
        it.venues[TWO].clear()
        it.venues[ONE].clear()
        await until_flat(it)

    it = enact(script, POLICY, tmp_path)
    assert it.state.halted is None
