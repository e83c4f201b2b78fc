"""Killed in the middle and started again: one hedge, every fill booked once, and nothing left on the book."""

import asyncio
from collections.abc import Callable
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.guards.conduct import cost_today
from hedger.errors import ConfigError
from hedger.model.order import Side
from hedger.sim.nouns import Wallet
from hedger.sim.world import World
from tests.support.engine_policies import band, hedge_of, perpetual, policy_of
from tests.support.simulated_daemon import NOON, OWNER, Play, act, make_world, stage

POLICY = policy_of(hedge_of(guards={"price_drift": D(5_000)}))


def in_flight(it: Play) -> bool:
    return bool(it.venue.placed)


def resting(it: Play) -> bool:
    return bool(it.resting())


def partly_filled(it: Play) -> bool:
    if it.resting():
        it.world.exchange.crowd_takes(Wallet.LINEAR, "BTCUSDT", Side.BUY, D("0.1"))
    return any(0 < order.filled < order.quantity for order in it.resting())


def canceling(it: Play) -> bool:
    if it.resting():
        it.world.market.fair.jump("BTC", -0.0005)
    return bool(it.venue.canceled)


def just_filled(it: Play) -> bool:
    return bool(it.trades)


@pytest.mark.parametrize("moment", [in_flight, resting, partly_filled, canceling, just_filled])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_and_started_again_it_hedges_once_and_books_each_fill_once(
    moment: Callable[[Play], bool], seed: int, tmp_path: Path
) -> None:
    runs: list[Play] = []

    async def until_the_moment(it: Play) -> None:
        await it.until(lambda: moment(it), moment.__name__, every=0.011)

    async def to_the_end(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(40)

    async def scene(world: World) -> None:
        first = await act(world, until_the_moment, POLICY, tmp_path, seed=seed, kill=True)
        second = await act(world, to_the_end, POLICY, tmp_path, seed=seed + 100)
        assert second.state.epoch == first.state.epoch + 1
        runs.append(second)

    stage(scene, lambda: make_world(POLICY, {"BTC": "2"}, seed=seed))
    it = runs[0]
    assert abs(it.delta()) <= D("0.01")
    assert not it.truth.open_orders
    assert it.truth.duplicate_client_ids == 0
    ledger = it.state.ledgers["btc"]
    assert (ledger.fills, ledger.quantity) == (len(it.trades), sum(t.quantity for t in it.trades))
    assert ledger.fees == -sum((t.fee for t in it.trades), D(0))


def test_killed_again_and_again_it_still_hedges_once(tmp_path: Path) -> None:
    runs: list[Play] = []

    async def scene(world: World) -> None:
        for life in range(5):  # one more and it would not go on by itself

            async def briefly(it: Play, life: int = life) -> None:
                await it.sleep(2.1 + life * 0.7)

            await act(world, briefly, POLICY, tmp_path, seed=life, kill=True)

        async def to_the_end(it: Play) -> None:
            await it.until_hedged()
            await it.sleep(40)

        runs.append(await act(world, to_the_end, POLICY, tmp_path))

    stage(scene, lambda: make_world(POLICY, {"BTC": "2"}))
    it = runs[0]
    assert it.state.epoch - it.state.first_epoch == 5
    assert abs(it.delta()) <= D("0.01")
    assert it.state.ledgers["btc"].fills == len(it.trades)
    assert not it.truth.open_orders


def test_an_orphan_that_the_journal_does_not_know_is_canceled(tmp_path: Path) -> None:
    """The journal of the first start is lost, and with it the memory of the order that still rests."""

    async def until_resting(it: Play) -> None:
        await it.until(lambda: resting(it), "resting")

    async def to_the_end(it: Play) -> None:
        await it.until_hedged()

    async def scene(world: World) -> None:
        await act(world, until_resting, POLICY, tmp_path / "lost", kill=True)
        (tmp_path / "new").mkdir()

        async def nothing(it: Play) -> None:
            it.venue.failing.add("account")

        await act(world, nothing, POLICY, tmp_path / "new", kill=True)
        orphan = world.exchange.truth("main").open_orders[0].client_order_id
        it = await act(world, to_the_end, POLICY, tmp_path / "new")
        assert orphan in {command.client_order_id for command in it.venue.canceled}
        assert abs(it.delta()) <= D("0.01")
        assert not it.truth.open_orders

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))


def test_limits_of_the_day_survive_a_restart(tmp_path: Path) -> None:
    policy = policy_of(hedge_of(guards={"orders_per_day": 500}))

    async def hedge(it: Play) -> None:
        await it.until_hedged()

    async def look(it: Play) -> None:
        assert it.state.hedges["btc"].day_orders == counted
        assert it.state.hedges["btc"].day_notional > 0

    counted = 0

    async def scene(world: World) -> None:
        nonlocal counted
        it = await act(world, hedge, policy, tmp_path, kill=True)
        counted = len(it.venue.placed)
        await act(world, look, policy, tmp_path, kill=True)

    stage(scene, lambda: make_world(policy, {"BTC": "1"}))


def test_what_today_has_cost_is_known_after_a_restart_though_no_order_left_today(tmp_path: Path) -> None:
    """Filled before midnight; what the market takes back ten seconds later is of the new day."""
    midnight = NOON + 43_200_000
    spent: list[tuple[D, D]] = []

    def cost(it: Play) -> D:
        return cost_today(it.state.hedges["btc"], it.state.ledgers["btc"], it.state.now)

    async def hedge(it: Play) -> None:
        await it.until_hedged()
        await it.until(lambda: it.clock.now_ms() > midnight + 20_000, "the next day")
        spent.append((cost(it), it.state.hedges["btc"].cost_before))

    async def look(it: Play) -> None:
        spent.append((cost(it), it.state.hedges["btc"].cost_before))

    async def scene(world: World) -> None:
        await act(world, hedge, POLICY, tmp_path, kill=True)
        await act(world, look, POLICY, tmp_path, kill=True)

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}, start_at=midnight - 14_000), start_at=midnight - 14_000)
    assert spent[0][0] != 0
    assert spent[1] == spent[0]


def test_an_order_that_may_live_on_an_instrument_no_longer_configured_is_not_forgotten(tmp_path: Path) -> None:
    """Nobody would look after it: the start is refused in a sentence that says what to do."""
    both = policy_of(hedge_of(), hedge_of("ETH"))
    other = policy_of(hedge_of(instruments=(perpetual("ETH"),), underlying="ETH"))

    async def until_resting(it: Play) -> None:
        await it.until(lambda: any(o.symbol == "BTCUSDT" for o in it.resting()), "resting")

    async def nothing(it: Play) -> None: ...

    async def scene(world: World) -> None:
        await act(world, until_resting, both, tmp_path, kill=True)
        with pytest.raises(ConfigError, match="may still be on the book"):
            await act(world, nothing, other, tmp_path)
        with pytest.raises(ConfigError, match="may still be on the book"):
            await act(world, nothing, policy_of(hedge_of("ETH")), tmp_path)

    stage(scene, lambda: make_world(both, {"BTC": "1", "ETH": "10"}))


def test_a_hedge_that_was_renamed_still_looks_after_its_orders(tmp_path: Path) -> None:
    renamed = policy_of(hedge_of(name="bitcoin"))

    async def until_resting(it: Play) -> None:
        await it.until(lambda: resting(it), "resting")

    async def to_the_end(it: Play) -> None:
        await it.until_hedged()

    async def scene(world: World) -> None:
        await act(world, until_resting, POLICY, tmp_path, kill=True)
        it = await act(world, to_the_end, renamed, tmp_path)
        assert abs(it.delta()) <= D("0.01")
        assert not it.truth.open_orders

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))


def test_a_clean_stop_is_told_from_a_crash(tmp_path: Path) -> None:
    cleans: list[bool] = []

    async def hedge(it: Play) -> None:
        await it.until_hedged()

    async def scene(world: World) -> None:
        for kill in (True, False):
            it = await act(world, hedge, POLICY, tmp_path, kill=kill)
            cleans.append(bool(it.state.stopped))

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))
    assert cleans == [False, True]


def test_a_start_without_its_journal_uses_no_id_again(tmp_path: Path) -> None:
    """Nothing rests, and state and note are lost together: the venue may let an id of a closed order be used again."""

    async def hedged(it: Play) -> None:
        it.deposit("0.3")
        await it.until_hedged()
        await it.sleep(30)

    async def scene(world: World) -> None:
        await act(world, hedged, POLICY, tmp_path / "lost")
        await asyncio.sleep(600)
        await act(world, hedged, POLICY, tmp_path / "new")
        truth = world.exchange.truth(OWNER)
        assert truth.duplicate_client_ids == 0
        assert len({trade.client_order_id for trade in truth.trades}) >= 2

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))


def test_started_again_after_a_fall_it_goes_on_with_a_band_that_the_price_made_too_narrow(tmp_path: Path) -> None:
    """At 60,000 the smallest order is 0.002, as wide as the band. At 36,000 it is 0.003: a first start is refused."""
    narrow = policy_of(hedge_of(band=band("0.002"), guards={"price_drift": D(9_000)}))
    ends: list[D] = []

    async def hedged(it: Play) -> None:
        await it.until_hedged()

    async def topped_up(it: Play) -> None:
        it.world.exchange.deposit(OWNER, Wallet.SPOT, "BTC", D("0.5"))
        await it.until(lambda: abs(it.delta()) <= D("0.003"), "hedged again")
        ends.append(it.delta())

    async def scene(world: World) -> None:
        await act(world, hedged, narrow, tmp_path / "went on", kill=True)
        world.market.fair.jump("BTC", -0.4)
        await asyncio.sleep(30)  # of the world: its books follow
        with pytest.raises(ConfigError, match=r"the smallest order .* is 0\.003 BTC, wider than"):
            await act(world, hedged, narrow, tmp_path / "new", seed=2)
        await act(world, topped_up, narrow, tmp_path / "went on", seed=3)

    stage(scene, lambda: make_world(narrow, {"BTC": "2"}))
    assert len(ends) == 1
