"""Flatten in any weather: the exchange's own truth says that nothing grew or turned round, and it ends at zero."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.decision.flatten import plan_of
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Mode, Reason
from hedger.model.account import AccountReading
from hedger.model.message import Operation, OperatorAsked, PlaceOrder
from hedger.model.order import RejectReason, Side
from hedger.runtime.journal import Journal
from hedger.runtime.replay import Verdict, replay_since
from hedger.runtime.requests import Ask
from hedger.sim.nouns import OrderKind, Wallet
from hedger.sim.world import World
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import OWNER, OperatorDesk, Play, act, make_world, play, stage
from tests.support.simulated_venue import with_margin_ratio

POLICY = policy_of(hedge_of(guards={"price_drift": D(5_000)}))
TWO = policy_of(hedge_of(), hedge_of("ETH"))


def flatten(it: Play, *names: str) -> None:
    it.daemon.handle_now(OperatorAsked(operation=Operation.FLATTEN, reason="a test", names=names))


def is_flat(it: Play, *names: str) -> bool:
    """Whether the daemon says so, and so it is."""
    latched = it.state.flattening
    said = all(name in latched and latched[name].flat_at for name in names or it.state.hedges)
    coins = [name.upper() for name in names or it.state.hedges]
    assert not said or not any(it.position(coin) for coin in coins), "it said flat, and it was not"
    return said


async def until_flat(it: Play, *names: str, within: float = 900.0) -> None:
    await it.until(lambda: is_flat(it, *names), "flat", within=within)


def watch_positions(it: Play, coin: str = "BTC") -> list[D]:
    """The true positions from now on; each must be no larger than the one before, and on its side."""
    seen = [it.position(coin)]

    def look(*_: object) -> None:
        now = it.position(coin)
        assert abs(now) <= abs(seen[-1]), f"it grew from {seen[-1]} to {now}"
        assert now * seen[0] >= 0, "it turned round"
        if now != seen[-1]:
            seen.append(now)

    it.watcher.looks.append(look)
    return seen


def by_hand(it: Play, side: Side, quantity: str) -> None:
    """As a person does, past the daemon, for the same account."""
    it.world.exchange.place(
        OWNER,
        Wallet.LINEAR,
        "BTCUSDT",
        side=side,
        kind=OrderKind.MARKET,
        quantity=D(quantity),
        price=None,
        reduce_only=False,
        client_order_id="by-hand",
    )


def run(script: Callable[[Play], Awaitable[None]], directory: Path, policy: Policy = POLICY, **more: object) -> Play:
    return play(script, policy, directory, **more)  # type: ignore[arg-type]


# --- good weather -----------------------------------------------------------------------------------------------------


def test_it_comes_to_zero_with_makers_orders_only_and_rests_there_whatever_comes(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        before = len(it.trades)
        watch_positions(it)
        flatten(it)
        await until_flat(it)
        orders = [command for _, command in it.watcher.commands if isinstance(command, PlaceOrder)]
        assert all(order.reduce_only for order in orders if order.side is Side.BUY)
        assert len(it.trades) > before
        it.deposit("3")
        await it.sleep(120)
        assert it.position() == 0
        assert it.state.mode is Mode.CANCEL_ONLY

    it = run(script, tmp_path)
    assert it.truth.spot["BTC"] == D(4), "spot is never sold"
    assert all(trade.maker for trade in it.trades)
    assert not it.resting()


def test_what_it_decided_can_be_decided_again_to_the_byte(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        flatten(it)
        await until_flat(it)

    it = run(script, tmp_path, keep=True)
    found = list(replay_since(it.journal))
    it.journal.close()
    reasons = {decision.reason for decision in it.watcher.decisions}
    assert {Reason.FLATTEN, Reason.FLAT} <= reasons
    assert {one.verdict for one in found} == {Verdict.IDENTICAL}


def test_an_order_that_is_on_its_way_when_it_is_asked_for_is_ended_first(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.deposit("1")
        await it.until(lambda: bool(it.resting()), "resting")
        flatten(it)
        await it.until(lambda: not it.resting(), "taken off", within=10)
        await until_flat(it)

    run(script, tmp_path)


def test_it_is_said_what_is_shown_and_sold_as_the_plan_says(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        plan = plan_of(it.state, it.policy)
        (hedge,) = plan.hedges
        held = it.position()
        assert (hedge.legs[0].position, hedge.legs[0].quantity) == (held, abs(held))
        assert (hedge.delta_after, plan.phrase) == (D(1), "flatten everything")
        flatten(it)
        await until_flat(it)
        (after,) = plan_of(it.state, it.policy).hedges
        assert (after.flat, after.delta, after.delta_after) == (True, D(1), D(1))

    run(script, tmp_path)


def test_one_of_two_hedges_on_an_account_is_flattened_and_the_other_goes_on(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        watch_positions(it)
        flatten(it, "btc")
        it.deposit("2", "ETH")
        await until_flat(it, "btc")
        await it.until(lambda: it.position("ETH") < D("-7"), "the other hedges", within=300)
        assert it.state.mode is Mode.HEDGING
        it.deposit("1")
        await it.sleep(60)
        assert it.position() == 0

    run(script, tmp_path, TWO, spot={"BTC": "1", "ETH": "6"})


def test_an_unpause_lets_it_hedge_again(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        flatten(it)
        await until_flat(it)
        it.daemon.handle_now(OperatorAsked(operation=Operation.UNPAUSE, reason="back"))
        await it.until_hedged()
        assert it.position() == D(-1)

    run(script, tmp_path)


# --- bad weather ------------------------------------------------------------------------------------------------------


async def lost_answers(it: Play) -> None:
    it.venue.lose_acks = True
    it.venue.silent = True
    await it.sleep(40)
    it.venue.clear()


async def lost_creates(it: Play) -> None:
    it.venue.lose_creates = True
    await it.sleep(40)
    it.venue.clear()


async def forgotten_orders(it: Play) -> None:
    it.venue.lose_acks = it.venue.hide_orders = it.venue.silent = True
    await it.sleep(120)
    it.venue.clear()


async def deaf_to_cancels(it: Play) -> None:
    it.venue.ignore_cancels = True
    await it.sleep(60)
    it.venue.clear()


async def no_readings(it: Play) -> None:
    it.venue.failing = {"account", "fills"}
    await it.sleep(90)
    it.venue.clear()


async def no_prices(it: Play) -> None:
    it.venue.quote = lambda _: None
    it.venue.failing = {"prices"}
    await it.sleep(60)
    it.venue.clear()


async def refusals(it: Play) -> None:
    it.venue.refuse = RejectReason.UNAVAILABLE
    await it.sleep(90)
    it.venue.clear()


async def short_of_margin(it: Play) -> None:
    it.venue.reading = with_margin_ratio("0.75")
    await it.sleep(60)
    it.venue.clear()


async def crumbs(it: Play) -> None:
    """Many partial fills, each a lot or two."""
    for _ in range(60):
        for order in it.resting():
            it.world.exchange.crowd_takes(Wallet.LINEAR, "BTCUSDT", Side.SELL, D("0.013"), order.price)
        await it.sleep(0.7)


async def prices_that_run(it: Play) -> None:
    for step in range(20):
        it.world.market.fair.jump("BTC", 0.002 if step % 3 else -0.003)
        await it.sleep(2)


WEATHER = [
    lost_answers,
    lost_creates,
    forgotten_orders,
    deaf_to_cancels,
    no_readings,
    no_prices,
    refusals,
    short_of_margin,
    crumbs,
    prices_that_run,
]


@pytest.mark.parametrize("weather", WEATHER)
@pytest.mark.parametrize("moment", ["before", "during"])
def test_in_bad_weather_no_position_grows_or_turns_round_and_it_comes_to_zero(
    weather: Callable[[Play], Coroutine[None, None, None]], moment: str, tmp_path: Path
) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        storm = asyncio.create_task(weather(it)) if moment == "before" else None
        await it.sleep(1)
        watch_positions(it)
        flatten(it)
        if storm is None:
            await it.until(lambda: any(o.flatten for o in it.state.orders.values()), "an order of it leaves")
            storm = asyncio.create_task(weather(it))
        await storm
        await until_flat(it, within=2_400)

    it = run(script, tmp_path)
    assert it.position() == 0
    assert it.truth.spot["BTC"] == D(1)
    assert it.truth.duplicate_client_ids == 0


def test_an_old_reading_is_never_sized_on(tmp_path: Path) -> None:
    """A venue that goes on telling the position from before the fills would have it sold twice."""

    async def script(it: Play) -> None:
        await it.until_hedged()
        old: list[AccountReading] = []

        def stale(reading: AccountReading) -> AccountReading:
            old.append(reading)
            return old[0]

        watch_positions(it)
        flatten(it)
        await it.until(lambda: any(o.flatten for o in it.state.orders.values()), "an order of it leaves")
        it.venue.reading = stale
        await it.sleep(90)
        it.venue.clear()
        await until_flat(it, within=2_400)

    run(script, tmp_path)


# --- kills, restarts and people ---------------------------------------------------------------------------------------


def in_flight(it: Play) -> bool:
    return any(order.flatten for order in it.state.orders.values())


def resting(it: Play) -> bool:
    return any(order.reduce_only for order in it.resting())


def partly_filled(it: Play) -> bool:
    for order in it.resting():
        if order.reduce_only and not order.filled:
            it.world.exchange.crowd_takes(Wallet.LINEAR, "BTCUSDT", Side.SELL, D("0.1"), order.price)
    return any(order.reduce_only and order.filled for order in it.resting())


def filled(it: Play) -> bool:
    return it.position() > D(-1)


@pytest.mark.parametrize("moment", [in_flight, resting, partly_filled, filled, is_flat])
def test_killed_in_the_middle_it_goes_on_after_the_restart_and_stays_paused_after_that(
    moment: Callable[[Play], bool], tmp_path: Path
) -> None:
    async def first(it: Play) -> None:
        await it.until_hedged()
        flatten(it)
        await it.until(lambda: moment(it), moment.__name__, within=300, every=0.011)

    async def second(it: Play) -> None:
        assert it.state.flattening["btc"].reason == "a test"
        assert it.state.paused == "a test"
        await it.sleep(5)
        watch_positions(it)
        await until_flat(it)

    async def third(it: Play) -> None:
        it.deposit("1")
        await it.sleep(60)
        assert it.position() == 0
        assert it.state.flattening["btc"].flat_at
        it.daemon.handle_now(OperatorAsked(operation=Operation.UNPAUSE, reason="back"))
        await it.until_hedged()
        assert it.position() == D(-2)

    async def fourth(it: Play) -> None:
        assert (it.state.paused, dict(it.state.flattening)) == (None, {})

    async def scene(world: World) -> None:
        await act(world, first, POLICY, tmp_path, kill=True)
        await act(world, second, POLICY, tmp_path, seed=2)
        await act(world, third, POLICY, tmp_path, seed=3)
        await act(world, fourth, POLICY, tmp_path, seed=4)

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))


def test_what_a_person_opens_by_hand_after_it_was_flat_is_left_alone(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        flatten(it)
        await until_flat(it)
        by_hand(it, Side.SELL, "0.5")
        placed = len(it.venue.placed)
        await it.sleep(120)
        assert len(it.venue.placed) == placed
        assert it.position() == D("-0.5")
        (hedge,) = plan_of(it.state, it.policy).hedges
        assert (hedge.flat, hedge.legs[0].position) == (False, D("-0.5"))
        flatten(it)
        await until_flat(it)

    run(script, tmp_path)


@pytest.mark.parametrize("quantity", ["0.4", "1", "1.5"])
def test_what_a_person_closes_meanwhile_is_not_closed_again(quantity: str, tmp_path: Path) -> None:
    """Also where that person turns the position round: the rest is taken off from the other side."""

    async def script(it: Play) -> None:
        await it.until_hedged()
        flatten(it)
        await it.until(lambda: resting(it), "resting")
        by_hand(it, Side.BUY, quantity)
        await it.sleep(2)
        watch_positions(it)
        await until_flat(it)

    run(script, tmp_path)


def test_a_kill_in_the_middle_stops_it_and_the_resume_lets_it_go_on_and_not_hedge(tmp_path: Path) -> None:
    desk = OperatorDesk(tmp_path)

    async def script(it: Play) -> None:
        await it.until_hedged()
        flatten(it)
        await it.until(lambda: resting(it), "resting")
        desk.kill.latch("a test")
        await it.until(lambda: it.state.mode is Mode.HALTED and not it.resting(), "killed")
        await it.sleep(30)
        assert not it.resting()
        assert it.state.halted is not None
        desk.ask(Ask.FLATTEN, shown=plan_of(it.state, it.policy).shown)
        await it.until(lambda: bool(desk.refused), "refused")
        assert "a halt outranks a flatten" in desk.refused[0]
        desk.ask(Ask.RESUME, halted=it.state.halted)
        await until_flat(it)

    async def scene(world: World) -> None:
        await act(world, script, POLICY, tmp_path, desk=desk)

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))


def test_a_request_is_obeyed_only_for_the_plan_that_was_shown(tmp_path: Path) -> None:
    desk = OperatorDesk(tmp_path)

    async def script(it: Play) -> None:
        await it.until_hedged()
        shown = plan_of(it.state, it.policy).shown
        it.deposit("1")
        await it.until_hedged()
        desk.ask(Ask.FLATTEN, shown=shown)
        await it.until(lambda: len(desk.refused) == 1, "refused")
        assert "was -1 in the plan, and is -2 now" in desk.refused[0]
        desk.ask(Ask.FLATTEN, subject="doge", shown=shown)
        await it.until(lambda: len(desk.refused) == 2, "refused")
        assert not it.state.flattening
        desk.ask(Ask.FLATTEN, subject="btc", shown=plan_of(it.state, it.policy).shown)
        await until_flat(it)
        assert it.state.paused is None

    async def scene(world: World) -> None:
        await act(world, script, POLICY, tmp_path, desk=desk)

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))
    journal = Journal.open(tmp_path, read_only=True)
    keys = [key for _, key, _ in journal.rows("operator")]
    latched = [body for _, _, body in journal.rows("flatten")]
    journal.close()
    assert keys == ["flatten", "drain"]
    assert len(latched) == 2, "asked for, and flat"
