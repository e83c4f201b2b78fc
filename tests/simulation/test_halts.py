"""What stops the hedger for good, until a person lifts it: and that a restart does not."""

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.app.resume import lift_halt
from hedger.engine.known.state import Mode
from hedger.errors import GiveUp, Halted
from hedger.model.account import AccountReading
from hedger.model.identity import MAX_EPOCH, OrderIdentity, format_order_id
from hedger.model.message import Operation
from hedger.model.order import Side
from hedger.runtime.journal import Journal
from hedger.sim.nouns import OrderKind, Wallet
from hedger.sim.world import World
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import OWNER, SYMBOL, Play, act, make_world, play, stage

POLICY = policy_of(hedge_of())


def without_effect(reading: AccountReading) -> AccountReading:
    """Readings of an account whose positions are worth next to nothing, as with a wrong unit."""
    tiny = (replace(p, contract_multiplier=p.contract_multiplier / 1_000_000) for p in reading.positions)
    return replace(reading, positions=tuple(tiny))


def halted_in_journal(directory: Path) -> str | None:
    journal = Journal.open(directory, read_only=True)
    try:
        return journal.halted()
    finally:
        journal.close()


def test_hedges_without_effect_halt_until_a_person_lifts_it_with_a_reason(tmp_path: Path) -> None:
    async def without_success(it: Play) -> None:
        it.checks.on = False
        it.venue.reading = without_effect
        await it.until(lambda: it.state.mode is Mode.HALTED, "halted", within=600)
        assert len([o for o in it.truth.trades if o.maker]) >= 3
        placed = len(it.venue.placed)
        await it.sleep(60)
        assert len(it.venue.placed) == placed

    async def still_halted(it: Play) -> None:
        await it.sleep(30)
        assert it.state.mode is Mode.HALTED
        assert not it.venue.placed

    async def lifted(it: Play) -> None:
        await it.until_hedged()

    async def scene(world: World) -> None:
        await act(world, without_success, POLICY, tmp_path)
        assert "left the deviation" in (halted_in_journal(tmp_path) or "")
        await act(world, still_halted, POLICY, tmp_path)
        with pytest.raises(GiveUp, match="only with a reason"):
            lift_halt(tmp_path, "  ")
        assert "left the deviation" in lift_halt(tmp_path, "the readings were of another account")
        assert halted_in_journal(tmp_path) is None
        await act(world, lifted, POLICY, tmp_path)

    stage(scene, lambda: make_world(POLICY, {"BTC": "0.3"}))


def test_a_lifted_halt_gives_a_hedge_all_its_chances_again(tmp_path: Path) -> None:
    """The count of futile hedges that led to the halt is judged by the person who lifted it."""

    async def halts(it: Play) -> None:
        it.checks.on = False
        it.venue.reading = without_effect
        await it.until(lambda: it.state.mode is Mode.HALTED, "halted", within=600)

    async def begins_anew(it: Play) -> None:
        assert it.state.hedges["btc"].futile == 0

    async def scene(world: World) -> None:
        await act(world, halts, POLICY, tmp_path)
        lift_halt(tmp_path, "looked at and understood")
        await act(world, begins_anew, POLICY, tmp_path)

    stage(scene, lambda: make_world(POLICY, {"BTC": "0.3"}))


def test_a_halt_that_is_not_there_is_not_lifted(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()

    play(script, POLICY, tmp_path)
    with pytest.raises(GiveUp, match="not halted"):
        lift_halt(tmp_path, "to be sure")


def test_a_taker_fill_halts(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        it.venue.fill = lambda fill: replace(fill, maker=False)
        await it.until(lambda: it.state.mode is Mode.HALTED, "halted")
        assert "taker" in (it.state.halted or "")
        await it.sleep(5)
        placed = len(it.venue.placed)
        it.deposit("0.5")
        await it.sleep(30)
        assert len(it.venue.placed) == placed
        assert not it.resting()

    play(script, POLICY, tmp_path)
    assert "taker" in (halted_in_journal(tmp_path) or "")


def test_an_operator_halts_and_what_rests_is_taken_off(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        it.venue.quote = lambda quote: replace(quote, ask=quote.ask + 50, bid=quote.bid + 50)
        await it.until(lambda: bool(it.resting()), "resting")
        it.daemon.loop.ask(Operation.HALT, "the owner wants it")
        it.daemon.loop.ask(Operation.HALT, "pressed twice")
        await it.until(lambda: not it.resting(), "off the book", within=5)
        await it.sleep(20)
        assert len(it.venue.placed) == 1

    play(script, POLICY, tmp_path)
    assert halted_in_journal(tmp_path) == "the owner wants it"


def test_a_halt_outlives_its_process_and_the_next_start_places_nothing(tmp_path: Path) -> None:
    async def halted(it: Play) -> None:
        it.daemon.loop.ask(Operation.HALT, "the owner wants it")
        await it.until(lambda: it.state.mode is Mode.HALTED, "halted")

    async def started_again(it: Play) -> None:
        await it.sleep(60)
        assert it.state.halted == "the owner wants it"
        assert not it.venue.placed

    play(halted, POLICY, tmp_path)
    play(started_again, POLICY, tmp_path)


def test_an_order_of_a_later_start_stops_the_process_and_is_left_alone(tmp_path: Path) -> None:
    name = format_order_id(OrderIdentity(bot="sim", epoch=MAX_EPOCH, sequence=1))

    async def script(it: Play) -> None:
        await it.until_hedged()
        rest(it, name)
        await it.sleep(60)

    async def scene(world: World) -> None:
        with pytest.raises(Halted, match=name):
            await act(world, script, POLICY, tmp_path)
        assert [order.client_order_id for order in world.exchange.truth(OWNER).open_orders] == [name]

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))
    assert name in (halted_in_journal(tmp_path) or "")


def test_foreign_orders_are_not_touched(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        rest(it, "by-hand-1")
        rest(it, format_order_id(OrderIdentity(bot="abc", epoch=1, sequence=1)))
        await it.until_hedged()
        it.deposit("0.3")
        await it.until_hedged()
        assert len(it.resting()) == 2
        assert all(command.client_order_id not in ("by-hand-1",) for command in it.venue.canceled)

    it = play(script, POLICY, tmp_path)
    assert len(it.truth.open_orders) == 2


def rest(it: Play, name: str) -> None:
    """Somebody places an order far from the market."""
    it.world.exchange.place(
        OWNER,
        Wallet.LINEAR,
        SYMBOL,
        side=Side.BUY,
        kind=OrderKind.POST_ONLY,
        quantity=D("0.01"),
        price=D(30_000),
        reduce_only=False,
        client_order_id=name,
    )
