"""A venue that is behind, forgetful or frozen, in front of the running daemon: late, perhaps, but never wrong."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.errors import Bug
from hedger.model.account import AccountReading, Position
from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.message import Operation, PlaceOrder
from hedger.model.order import Side
from hedger.runtime.ports import Hint, LeaveTaken, PlaceOutcome
from hedger.sim.nouns import Wallet
from hedger.sim.world import World
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.leave import let_go
from tests.support.simulated_daemon import NOON, OWNER, Play, act, make_world, play, stage
from tests.support.simulated_venue import LensVenue

POLICY = policy_of(hedge_of())


def behind(seconds: float) -> Callable[[AccountReading], AccountReading]:
    """Readings whose positions are so old, while balances, orders and margin are fresh."""
    past: deque[tuple[int, tuple[Position, ...]]] = deque()

    def bend(reading: AccountReading) -> AccountReading:
        past.append((reading.exchange_at, reading.positions))
        old = [rows for at, rows in past if at <= reading.exchange_at - seconds * 1000]
        return replace(reading, positions=old[-1] if old else past[0][1])

    return bend


class Within:
    """Looks at the true position at every event: how far it ever went in each direction."""

    def __init__(self, it: Play) -> None:
        self.lowest = self.highest = it.position()
        self._it = it
        it.watcher.looks.append(self._look)

    def _look(self, *_: object) -> None:
        self.lowest = min(self.lowest, self._it.position())
        self.highest = max(self.highest, self._it.position())


@pytest.mark.parametrize("seconds", [8, 25])
@pytest.mark.parametrize("slices", [None, "0.3"])
def test_positions_that_lag_behind_our_fills_never_over_hedge_and_never_halt(
    tmp_path: Path, seconds: float, slices: str | None
) -> None:
    """The settings say three seconds. Coins come, and half of them go again."""

    async def script(it: Play) -> None:
        it.venue.reading = behind(seconds)
        seen = Within(it)
        await it.until(lambda: it.position() == -1, "hedged", within=600)
        await it.sleep(2 * seconds)
        assert seen.lowest == -1
        assert it.state.halted is None
        it.deposit("-0.5")
        seen = Within(it)
        await it.until(lambda: it.position() == D("-0.5"), "hedged again", within=600)
        await it.sleep(2 * seconds)
        assert [seen.lowest, seen.highest] == [-1, D("-0.5")]
        assert it.state.halted is None
        it.deposit("0.5")
        await it.until(lambda: it.position() == -1, "hedged once more", within=600)
        it.venue.clear()
        await it.sleep(45)

    hedge = hedge_of(execution={"slice_quantity": D(slices) if slices else None})
    it = play(script, policy_of(hedge), tmp_path)
    assert it.state.halted is None
    assert it.position() == -1


def test_a_balance_that_is_missing_after_a_restart_is_not_an_empty_one(tmp_path: Path) -> None:
    """Hedged and started again, while the venue leaves the coin out of its balances for ten seconds."""

    async def scene(world: World) -> None:
        await act(world, first, POLICY, tmp_path)
        await act(world, second, POLICY, tmp_path, prepare=forget)

    async def first(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(40)

    def forget(venue: LensVenue) -> None:
        until: list[int] = []

        def bend(reading: AccountReading) -> AccountReading:
            until.append(reading.exchange_at + 10_000)
            without = {coin: held for coin, held in reading.spot.items() if coin != "BTC"}
            return replace(reading, spot=without) if reading.exchange_at < until[0] else reading

        venue.reading = bend

    async def second(it: Play) -> None:
        await it.until(lambda: "balance of BTC" in it.state.accounts["paper"].last_failure, "refused")
        await it.until_hedged()
        await it.sleep(20)
        assert not it.venue.placed
        assert it.position() == -1

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))


def ten_seconds_behind(at: int) -> int:
    return at - 10_000


def an_hour_behind(at: int) -> int:
    return at - 3_600_000


def ever_further_behind(at: int) -> int:
    """Half as fast as time: always newer than the last, and soon too old."""
    return NOON + (at - NOON) // 2


@pytest.mark.parametrize("late", [ten_seconds_behind, an_hour_behind, ever_further_behind])
def test_a_frozen_stream_does_not_hide_the_prices_that_are_asked_for(
    tmp_path: Path, late: Callable[[int], int]
) -> None:
    """It speaks on, and what it says is old."""
    asked: list[int] = []

    def freeze(venue: LensVenue) -> None:
        stream, read = venue.inner.hints, venue.inner.read_prices

        async def old() -> AsyncIterator[Hint]:
            async for hint in stream():
                yield replace(hint, exchange_at=late(hint.exchange_at)) if isinstance(hint, Quote | Mark) else hint

        async def fresh(ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
            asked.append(len(ids))
            return await read(ids)

        venue.inner.hints, venue.inner.read_prices = old, fresh  # type: ignore[method-assign]

    async def script(it: Play) -> None:
        await it.until_hedged(within=60)
        await it.sleep(60)
        it.deposit("0.2")
        await it.until(lambda: it.delta() == 0, "hedged again", within=60)
        assert len(asked) > 10

    play(script, POLICY, tmp_path, prepare=freeze)


@pytest.mark.parametrize("answered_after_s", [1.2, 1.8])
def test_the_emergency_cancel_does_not_overtake_a_create_that_is_under_way(
    tmp_path: Path, answered_after_s: float
) -> None:
    """A reader fails while a create is on the wire, and the venue waits for such before it closes."""
    under_way: list[asyncio.Task[PlaceOutcome]] = []

    def slow(venue: LensVenue) -> None:
        place, close, clock = venue.place, venue.close, venue.inner._clock

        async def late(order: PlaceOrder, leave: LeaveTaken) -> PlaceOutcome:
            await clock.sleep(answered_after_s)
            return await place(order, let_go)

        async def shielded(order: PlaceOrder, leave: LeaveTaken) -> PlaceOutcome:
            under_way.append(asyncio.ensure_future(late(order, leave)))
            return await asyncio.shield(under_way[-1])

        def broken(quote: Quote) -> Quote:
            if under_way:
                raise ValueError("a bug in a reader")
            return quote

        async def after_them() -> None:
            await asyncio.gather(*under_way, return_exceptions=True)
            await close()

        venue.place, venue.close = shielded, after_them  # type: ignore[method-assign]
        venue.quote = broken

    async def script(it: Play) -> None:
        await it.sleep(60)

    async def scene(world: World) -> None:
        with pytest.raises(Bug):
            await act(world, script, POLICY, tmp_path, prepare=slow)
        assert [task.done() for task in under_way] == [True]
        assert world.exchange.open_orders(OWNER, Wallet.LINEAR) == []
        (told,) = world.exchange.truth(OWNER).positions.values()
        assert told == 0

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))


def test_a_create_that_is_never_answered_is_not_called_canceled(tmp_path: Path) -> None:
    """The venue does not know the order yet when it is asked to cancel it: the message sends a person to look."""
    stuck = asyncio.Event

    def hold(venue: LensVenue) -> None:
        async def never(order: PlaceOrder, leave: LeaveTaken) -> PlaceOutcome:
            venue.placed.append(order)
            await stuck().wait()
            raise AssertionError("nothing came")

        venue.place = never  # type: ignore[method-assign]

    async def script(it: Play) -> None:
        await it.until(lambda: bool(it.venue.placed), "a create is under way", every=0.01)
        raise ValueError("a bug in what runs beside it")

    with pytest.raises(Bug, match="look at the venue's open orders"):
        play(script, POLICY, tmp_path, prepare=hold)


def test_a_halt_with_two_orders_on_the_book_leaves_none(tmp_path: Path) -> None:
    """The first was lost and turns up again after the second was sent; the venue denies its cancels for a while."""

    async def script(it: Play) -> None:
        it.venue.quote = lambda quote: replace(quote, bid=quote.bid + 300, ask=quote.ask + 300)
        it.venue.lose_acks = it.venue.silent = it.venue.hide_orders = True
        it.venue.failing.add("account")
        await it.until(lambda: bool(it.resting()), "the first rests, and nobody knows")
        it.venue.lose_acks = False
        it.venue.failing.clear()
        it.deposit("1")
        await it.until(lambda: len(it.resting()) == 2, "two rest", within=120)
        it.daemon.loop.ask(Operation.HALT, "a person")
        await it.until(lambda: not it.resting(), "nothing rests", within=60)
        it.venue.clear()

    with suppress(Bug):
        play(script, POLICY, tmp_path)


def test_a_restart_within_the_venues_lag_does_not_hedge_what_is_hedged(tmp_path: Path) -> None:
    """It fills and is killed; the next start is quicker than the venue's list of positions."""
    lens = behind(8)

    def lag(venue: LensVenue) -> None:
        venue.reading = lens

    async def scene(world: World) -> None:
        await act(world, first, POLICY, tmp_path, prepare=lag, kill=True)
        await act(world, second, POLICY, tmp_path, prepare=lag)

    async def first(it: Play) -> None:
        await it.until(lambda: it.position() == -1, "filled", within=60)
        await it.sleep(0.5)

    async def second(it: Play) -> None:
        seen = Within(it)
        await it.sleep(60)
        assert seen.lowest == -1
        assert it.state.halted is None
        assert it.position() == -1
        assert not [order for order in it.venue.placed if order.side is Side.SELL]

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))
