"""The dead man's switch on a running daemon: armed before the first order, nothing without it, and it really fires."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal as D
from itertools import pairwise
from pathlib import Path

from hedger.engine.known.state import Mode, Reason
from hedger.errors import AskAgain
from hedger.model.instrument import Instrument
from hedger.model.market import Quote
from hedger.model.message import ExtendSwitch, PlaceOrder
from hedger.sim.virtual_time import VirtualEventLoop
from hedger.sim.world import World
from tests.support.engine_policies import ACCOUNT, hedge_of, policy_of
from tests.support.simulated_daemon import OWNER, Play, act, make_world, play, stage
from tests.support.simulated_venue import with_liquidation_at

T = 20_000
POLICY = policy_of(hedge_of(), switch_ms={ACCOUNT: T}, gap_ms=5_000)


def above(quote: Quote) -> Quote:
    """Quotes at which an order to sell rests above the market and does not fill."""
    return replace(quote, bid=quote.bid + 120, ask=quote.ask + 120)


async def resting(it: Play) -> None:
    """Hedged, and then an order that rests."""
    await it.until_hedged()
    it.venue.quote = above
    await it.sleep(3)
    it.deposit("0.2")
    await it.until(lambda: bool(it.resting()), "resting")


def when(it: Play, kind: type) -> list[int]:
    return [at for at, command in it.watcher.commands if isinstance(command, kind)]


def test_it_is_armed_before_the_first_order_and_extended_ever_after(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(120)

    it = play(script, POLICY, tmp_path)
    asked = when(it, ExtendSwitch)
    assert asked[0] < when(it, PlaceOrder)[0]
    assert max(later - earlier for earlier, later in pairwise(asked)) <= T // 4 + 250
    assert not [d for d in it.watcher.decisions if d.mode is Mode.CANCEL_ONLY]


def test_a_start_without_the_switch_creates_nothing_until_it_is_armed(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.sleep(60)
        assert it.state.mode is Mode.RECONCILING
        assert not it.venue.placed
        it.venue.clear()
        await it.until_hedged()

    play(script, POLICY, tmp_path, prepare=lambda venue: venue.failing.add("switch"))


def test_when_the_lease_is_lost_what_rests_is_canceled_and_nothing_is_created(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await resting(it)
        it.venue.failing.add("switch")
        await it.until(lambda: it.state.mode is Mode.CANCEL_ONLY, "stopped", within=T / 1000)
        await it.until(lambda: not it.resting(), "off the book", within=2)
        placed = len(it.venue.placed)
        it.venue.quote = lambda quote: quote
        it.deposit("0.3")
        await it.sleep(90)
        assert len(it.venue.placed) == placed
        it.venue.clear()
        await it.until_hedged()

    it = play(script, POLICY, tmp_path)
    assert abs(it.delta()) <= D("0.01")


def test_when_it_fires_under_a_living_daemon_it_is_armed_first_and_everything_is_read_anew(tmp_path: Path) -> None:
    """Neither extensions nor cancels arrive: the venue takes the order off by itself."""

    async def script(it: Play) -> None:
        await resting(it)
        it.venue.failing.add("switch_request")
        it.venue.ignore_cancels = True
        last = when(it, ExtendSwitch)[-1]
        await it.until(lambda: not it.resting(), "canceled by the venue", within=2 * T / 1000)
        assert it.clock.now_ms() >= last + T
        placed = len(it.venue.placed)
        it.venue.clear()
        await it.until(lambda: it.state.mode is Mode.RECONCILING, "reading anew", within=30)
        assert len(it.venue.placed) == placed
        await it.until_hedged()

    play(script, POLICY, tmp_path)


def test_after_the_daemon_is_killed_its_orders_die_at_the_venue_within_the_timeout(tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        killed = await act(world, resting, POLICY, tmp_path, kill=True)
        assert world.exchange.truth(OWNER).open_orders, "they outlive the process"
        last = when(killed, ExtendSwitch)[-1]
        while world.exchange.truth(OWNER).open_orders:
            assert killed.clock.now_ms() < last + T + 2_000, "an order outlived the switch"
            await killed.sleep(0.25)
        again = await act(world, Play.until_hedged, POLICY, tmp_path)
        assert abs(again.delta()) <= D("0.01")
        assert again.truth.duplicate_client_ids == 0

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))


def stopped(seconds: float) -> Callable[[Play], None]:
    """The whole process stands still, as after SIGSTOP, and goes on."""

    def stop(_: Play) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualEventLoop)
        loop.pass_time(seconds)

    return stop


def test_a_process_that_stood_still_reads_everything_anew_before_it_creates(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        for seconds in (7, 90, 7_200):
            before = len(it.venue.placed)
            stopped(seconds)(it)
            it.deposit("0.1")
            woke_at = it.clock.now_ms()
            await it.until(lambda: it.state.mode is Mode.RECONCILING, "reading anew", within=5)
            assert len(it.venue.placed) == before
            await it.until(lambda n=before: len(it.venue.placed) > n, "creating again", within=60)  # type: ignore[misc]
            view = it.state.accounts[ACCOUNT]
            assert view.reading is not None
            assert view.reading.exchange_at > woke_at
            await it.until_hedged()

    it = play(script, POLICY, tmp_path)
    assert it.state.halted is None


def test_beats_on_a_healthy_loop_are_never_taken_for_lag_or_gaps(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(600)

    it = play(script, POLICY, tmp_path)
    assert it.state.reconcile_reason == "the program has just started"
    assert it.state.lagged_until == 0


def test_a_loop_that_comes_late_by_less_than_a_gap_creates_nothing_for_ten_seconds(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        before = len(it.venue.placed)
        stopped(3)(it)
        it.deposit("0.3")
        await it.until(lambda: it.state.mode is Mode.CANCEL_ONLY, "stopped", within=1)
        assert it.state.mode_reason == "the loop came late"
        await it.sleep(9)
        assert len(it.venue.placed) == before
        await it.until_hedged()

    it = play(script, POLICY, tmp_path)
    assert it.state.reconcile_reason == "the program has just started", "it was no gap"


def test_without_the_switch_a_position_near_its_liquidation_is_still_reduced_and_nothing_else_leaves(
    tmp_path: Path,
) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.failing.add("switch_request")
        await it.until(lambda: it.state.mode is Mode.CANCEL_ONLY, "without the lease", within=2 * T / 1000)
        placed = len(it.venue.placed)
        it.deposit("0.3")
        it.venue.reading = with_liquidation_at("0.03")
        await it.until(lambda: it.position() > D("-0.8"), "reduced", within=30)
        assert it.state.mode is Mode.REDUCE_ONLY
        sent = {order.client_order_id for order in it.venue.placed[placed:]}
        reductions = {id for id, order in it.state.orders.items() if order.margin_reduction}
        assert sent <= reductions
        told = [d.detail for d in it.watcher.decisions if d.reason is Reason.MARGIN_REDUCTION]
        assert told[-1].endswith("it leaves without the dead man's switch")

    play(script, POLICY, tmp_path)


def test_a_contract_that_trades_no_more_costs_the_others_their_lease_for_seconds_only(tmp_path: Path) -> None:
    coins = policy_of(hedge_of(), hedge_of("ETH"), switch_ms={ACCOUNT: T})

    async def script(it: Play) -> None:
        await it.until_hedged()
        extend, read = it.venue.inner.extend_switch, it.venue.inner.read_instruments

        async def refusing(symbols: Sequence[str], timeout_ms: int) -> None:
            if "ETH/USDT:USDT" in symbols:
                raise AskAgain("a symbol is not trading")
            await extend(symbols, timeout_ms)

        async def without(symbols: Sequence[str]) -> tuple[Instrument, ...]:
            return tuple(rules for rules in await read(symbols) if rules.underlying != "ETH")

        it.venue.inner.extend_switch = refusing  # type: ignore[method-assign]
        it.venue.inner.read_instruments = without  # type: ignore[method-assign]
        await it.sleep(2 * T / 1000)
        it.deposit("0.3")
        await it.until(lambda: abs(it.delta()) <= D("0.01"), "BTC is hedged", within=30)
        assert it.state.mode is Mode.HEDGING

    play(script, coins, tmp_path, spot={"BTC": "1", "ETH": "5"})


def test_in_shadow_an_order_of_an_earlier_start_is_told_of_and_neither_canceled_nor_in_the_way(
    tmp_path: Path,
) -> None:
    armless = policy_of(hedge_of())

    async def scene(world: World) -> None:
        await act(world, resting, armless, tmp_path, kill=True)

        async def watch(it: Play) -> None:
            await it.until(lambda: it.state.mode is Mode.SHADOW, "in shadow", within=60)
            assert "1 orders of an earlier start may still rest" in it.state.mode_reason
            exposure = it.decision.exposure
            assert exposure is not None
            assert exposure.low < exposure.delta, "what it may fill counts"
            await it.until(lambda: it.decision.reason is Reason.ORDER_WORKING, "seen", within=10)
            assert not it.venue.canceled

        watched = await act(world, watch, replace(armless, sends=False), tmp_path)
        assert not watched.watcher.placed()

    stage(scene, lambda: make_world(armless, {"BTC": "1"}))
