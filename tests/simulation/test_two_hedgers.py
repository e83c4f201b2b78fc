"""Two hedgers with one tag on one account, which never should be: each sees the other and stops."""

import asyncio
import shutil
from contextlib import closing
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import Mode
from hedger.errors import Halted
from hedger.model.market import Quote
from hedger.model.message import AccountRead, CancelOrder, Event, FillsRead, Halt, TimePassed
from hedger.runtime.journal import Journal
from hedger.sim.world import World
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.engine_worlds import NOW, feed, fill_of, hedging, order_id, order_of, reading_of, report_of
from tests.support.simulated_daemon import Play, act, make_world, stage

POLICY = policy_of(hedge_of())


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_two_hedgers_that_start_together_hedge_once_or_stop(seed: int, tmp_path: Path) -> None:
    """They use the same ids: the venue refuses the second use, and who sees an order of the other stops."""

    async def for_a_while(it: Play) -> None:
        it.checks.on = False
        it.deposit("0.25")
        await it.sleep(90)

    async def scene(world: World) -> None:
        one, two = await asyncio.gather(
            act(world, for_a_while, POLICY, tmp_path / "one", seed=seed),
            act(world, for_a_while, POLICY, tmp_path / "two", seed=seed + 50),
        )
        stopped = one.state.halted is not None or two.state.halted is not None
        assert stopped or abs(one.delta()) <= D("0.01")
        assert one.position() >= D("-3"), "each has hedged at most once"

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}, seed=seed))


def copied(older: Path, newer: Path) -> None:
    """What a copy of a state directory is: its journal, as it was when it was copied."""
    newer.mkdir()
    for name in ("journal.sqlite3", "journal.sqlite3-wal"):
        if (older / name).exists():
            shutil.copy(older / name, newer / name)


def higher(quote: Quote) -> Quote:
    """A market out of reach: orders to sell rest."""
    return replace(quote, bid=quote.bid + 240, ask=quote.ask + 240)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_superseded_hedger_stops_and_touches_nothing_and_the_newer_goes_on(seed: int, tmp_path: Path) -> None:
    """A copy of the state directory on another host starts while the first still runs: a higher epoch, same tag.

    Both are told of more coins at once while orders rest; only the newer one's order is left, and it hedges.
    """
    seen: dict[str, Play] = {}

    async def older(it: Play) -> None:
        seen["older"] = it
        await it.until_hedged()
        it.venue.quote = higher
        await asyncio.sleep(600)

    async def newer(it: Play) -> None:
        seen["newer"], old = it, seen["older"]
        it.venue.quote = higher
        await it.until(lambda: it.state.mode is Mode.HEDGING, "reconciled")
        it.checks.on = old.checks.on = False
        it.deposit("0.3")
        await it.until(lambda: old.state.superseded, "the older one stops", within=60, every=0.001)
        before = len(old.venue.placed), len(old.venue.canceled)
        await it.sleep(30)
        assert (len(old.venue.placed), len(old.venue.canceled)) == before, "it touches nothing more"
        it.checks.on = True
        lowest = [it.position()]
        it.watcher.looks.append(lambda *_: lowest.append(it.position()))
        it.venue.clear()
        await it.until_hedged()
        it.deposit("-0.2")
        await it.until_hedged()
        assert it.delta() == 0
        assert min(lowest) >= D("-1.3"), "nothing is hedged twice"

    async def scene(world: World) -> None:
        first = asyncio.create_task(act(world, older, POLICY, tmp_path / "one", seed=seed))
        await asyncio.sleep(60)
        copied(tmp_path / "one", tmp_path / "two")
        it = await act(world, newer, POLICY, tmp_path / "two", seed=seed + 50)
        with pytest.raises(Halted, match="taken over"):
            await first
        assert it.state.halted is None
        assert all(trade.maker for trade in it.trades)
        old = seen["older"].state
        assert old.mode is Mode.HALTED
        with closing(Journal.open(tmp_path / "one")) as left:
            assert "taken over" in (left.halted() or ""), "latched: a person must lift it"
            assert not [key for _, key, _ in left.rows("stop")], "it did not end in order"

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}, seed=seed))


def told_of(kind: str, later: str) -> Event:
    """The ways in which a later start's order may be met."""
    order = replace(order_of(quantity="0.1"), client_order_id=later)
    report, fill = report_of(order), fill_of(order, "0.1")
    made: dict[str, Event] = {
        "list": AccountRead(requested_at=NOW + 100, reading=reading_of("1", "-1", orders=[report])),
        "report": report,
        "fill": fill,
        "history": FillsRead(id=order.id, requested_at=NOW + 100, since_at=0, fills=(fill,)),
    }
    return made[kind]


@pytest.mark.parametrize("kind", ["list", "report", "fill", "history"])
def test_the_successor_is_known_by_any_word_of_it(kind: str) -> None:
    """Our own order rests, and is left where it is: the newer process owns the book."""
    ours = order_of(quantity="0.1", status=OrderStatus.OPEN, venue_order_id="v9")
    state = hedging("1", "-0.9", orders=[ours])
    state, (result, after) = feed(state, (NOW + 100, told_of(kind, order_id(1, epoch=2))), (NOW + 5_000, TimePassed()))
    assert state.superseded
    assert state.stopped
    assert [type(command) for command in result.commands] == [Halt]
    assert after.commands == ()
    assert state.orders == {ours.client_order_id: ours}


@pytest.mark.parametrize("kind", ["list", "report", "fill", "history"])
@pytest.mark.parametrize("stranger", [order_id(1, epoch=2, bot="oth"), order_id(7, epoch=1), "by-hand"])
def test_no_other_order_is_taken_for_a_successor(kind: str, stranger: str) -> None:
    state, _ = feed(hedging("1", "-1"), (NOW + 100, told_of(kind, stranger)))
    assert not state.superseded
    assert not state.stopped


def test_the_same_epoch_without_a_row_halts_and_still_cancels_our_own() -> None:
    ours = order_of(quantity="0.1", status=OrderStatus.OPEN, venue_order_id="v9")
    event = told_of("list", order_id(7, epoch=1))
    state, results = feed(hedging("1", "-0.9", orders=[ours]), (NOW + 100, event))
    assert state.halted is not None
    assert not state.superseded
    assert [c.client_order_id for r in results for c in r.commands if isinstance(c, CancelOrder)] == [
        ours.client_order_id
    ]
