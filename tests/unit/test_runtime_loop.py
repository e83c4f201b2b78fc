"""The loop and the daemon around it: late events, bugs, drains that do not end, and an inbox that stays small."""

import asyncio
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from hedger.engine.known.orders import OrderStatus
from hedger.errors import AskAgain, Bug
from hedger.model.message import (
    CancelAnswered,
    CancelOrder,
    JournalChanged,
    OrderRejected,
    ReadFailed,
    TimePassed,
)
from hedger.model.order import RejectReason
from hedger.runtime.inbox import Inbox
from hedger.runtime.journal import Row
from hedger.runtime.loop import MAX_PENDING_ROWS, _bounded
from hedger.runtime.record import must_be_durable, rows_of
from hedger.sim.virtual_time import VirtualClock, run_virtual
from tests.support.engine_policies import hedge_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, POLICY, feed, hedging, mark_at, order_of, quote_at, read_at, reading_of
from tests.support.simulated_daemon import NOON, Play, play

DAEMON_POLICY = policy_of(hedge_of())


def test_a_waiting_quote_gives_way_to_a_newer_one_and_facts_wait_their_turn() -> None:
    async def scene() -> None:
        inbox = Inbox(VirtualClock())
        inbox.put(quote_at("60000"))
        inbox.put(TimePassed())
        for n in range(1_000):
            inbox.put(quote_at(f"{60_000 + n}", "62000"))
            inbox.put(mark_at(f"{60_000 + n}"))
        inbox.put(quote_at("1", "2", id=perpetual("ETH")))
        got = [(await inbox.get()).event for _ in range(4)]
        assert got == [
            quote_at("60999", "62000"),
            TimePassed(),
            mark_at("60999"),
            quote_at("1", "2", id=perpetual("ETH")),
        ]
        assert len(inbox) == 0

    run_virtual(scene(), NOON)


def test_an_inbox_wakes_whoever_waits_for_it() -> None:
    async def scene() -> None:
        inbox = Inbox(VirtualClock())
        waiting = asyncio.create_task(inbox.get())
        await asyncio.sleep(1)
        inbox.put(TimePassed())
        assert (await waiting).at == NOON + 1_000

    run_virtual(scene(), NOON)


def test_what_waits_for_the_journal_is_bounded_and_keeps_fills_and_halts() -> None:
    rows = [Row(0, "halt", "why", {}), *(Row(n, "fill", f"id/{n}", {}) for n in range(10))]
    rows += [Row(n, "decision", str(n), {}) for n in range(5 * MAX_PENDING_ROWS)]
    rows += [Row(n, "order", "same", {"n": n}) for n in range(5 * MAX_PENDING_ROWS)]
    kept = _bounded(rows)
    assert len(kept) <= MAX_PENDING_ROWS
    assert kept[:11] == rows[:11]
    assert kept[-1] == rows[-1], "of what has a state the newest is enough"


def test_a_halt_that_was_lifted_and_came_again_keeps_its_order_while_it_waits() -> None:
    rows = [Row(1, "halt", "why", {}), Row(2, "resume", "resume", {}), Row(3, "halt", "why", {})]
    rows += [Row(n, "decision", str(n), {}) for n in range(2 * MAX_PENDING_ROWS)]
    assert [row.kind for row in _bounded(rows)] == ["resume", "halt"]


def test_a_halt_fills_and_orders_are_kept_however_many_wait() -> None:
    facts = [Row(0, "halt", "why", {}), *(Row(n, "fill", f"id/{n}", {}) for n in range(2 * MAX_PENDING_ROWS))]
    facts += [Row(n, "order", f"name{n}", {}) for n in range(5)]
    changes = [Row(n, "change", f"{n}", {}) for n in range(2 * MAX_PENDING_ROWS)]
    assert _bounded([*facts[:9], *changes, *facts[9:]]) == facts
    assert _bounded([*facts[:9], *changes]) == [*facts[:9], *changes[9 - MAX_PENDING_ROWS :]]


def test_an_order_and_its_decision_are_durable_before_they_leave() -> None:
    state, results = feed(hedging("0", "0"), read_at(NOW + 10, reading_of("0.1", "0", at=NOW + 10)))
    before = hedging("0", "0")
    rows = rows_of(before, read_at(NOW + 10), results[-1])
    assert {row.kind for row in rows} >= {"order", "decision", "memory"}
    assert must_be_durable(results[-1], rows)
    assert state.orders


def test_a_create_that_answers_an_old_event_is_not_sent(tmp_path: Path) -> None:
    """The loop lagged: the facts are old, and the order that they led to stays here."""

    async def script(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(5)
        it.deposit("0.05")
        now, placed = it.clock.now_ms(), len(it.venue.placed)
        reading = await it.venue.inner.read_account()
        it.daemon.loop.handle(read_at(now - 1_500, reading, requested_at=now))
        await it.sleep(0.01)
        assert len(it.venue.placed) == placed
        assert [o.status for o in it.state.orders.values()][-1] is OrderStatus.REJECTED
        await it.until_hedged()

    play(script, DAEMON_POLICY, tmp_path)


def test_a_script_that_fails_stops_the_daemon_and_says_so(tmp_path: Path) -> None:
    plays: list[Play] = []

    async def script(it: Play) -> None:
        plays.append(it)
        await it.until(lambda: bool(it.resting()), "resting")
        raise ValueError("a bug in what runs beside it")

    with pytest.raises(Bug, match="ValueError"):
        play(script, DAEMON_POLICY, tmp_path)
    assert not plays[0].truth.open_orders, "resting orders are canceled on the way out"
    assert plays[0].state.draining, "it does not go on hedging until the time to drain in is over"


def test_a_reader_that_fails_stops_the_daemon_and_cancels(tmp_path: Path) -> None:
    plays: list[Play] = []

    async def script(it: Play) -> None:
        plays.append(it)
        await it.until(lambda: bool(it.resting()), "resting")

        def broken(reading: object) -> object:
            raise KeyError("a bug in a reader")

        it.venue.reading = broken  # type: ignore[assignment]
        await it.sleep(60)

    with pytest.raises(Bug):
        play(script, DAEMON_POLICY, tmp_path)
    assert not plays[0].truth.open_orders


def test_a_drain_that_cannot_be_proven_ends_in_time_and_says_so(tmp_path: Path) -> None:
    """A signal asks for the end while the venue knows no cancel: it must not wait for ever."""
    plays: list[Play] = []
    asked: list[int] = []

    async def script(it: Play) -> None:
        plays.append(it)
        await it.until(lambda: bool(it.resting()), "resting")
        it.venue.ignore_cancels = True
        it.venue.fill = lambda _: None
        it.venue.silent = True
        it.venue.failing |= {"account", "order"}
        asked.append(it.clock.now_ms())
        it.daemon.drain("signal SIGTERM")
        await asyncio.Event().wait()

    with pytest.raises(Bug, match="could not be proven canceled"):
        play(script, DAEMON_POLICY, tmp_path)
    assert plays[0].state.draining == "signal SIGTERM"
    assert plays[0].state.now - asked[0] <= 20_000


def test_a_drain_whose_orders_are_over_is_in_order_although_no_reading_is_believed(tmp_path: Path) -> None:
    """After a kill soon after a fill each reading may be refused for a while: nothing of ours is left to cancel."""

    async def script(it: Play) -> None:
        await it.until(lambda: bool(it.resting()), "resting")
        it.venue.failing |= {"account"}
        it.daemon.drain("signal SIGINT")
        await asyncio.Event().wait()

    ended = play(script, DAEMON_POLICY, tmp_path, keep=True)
    with closing(ended.journal):
        assert not ended.truth.open_orders
        assert not ended.state.stopped
        assert [start.clean for start in ended.journal.starts()] == [False]


@pytest.mark.parametrize("known", [True, False, None])
def test_an_answer_to_a_cancel_that_names_no_end_leaves_the_open_orders_to_be_looked_at(
    tmp_path: Path, known: bool | None
) -> None:
    """The venue times out, or bans us: whatever its answer to the cancel, the order may be on its book."""

    async def script(it: Play) -> None:
        await it.until(lambda: bool(it.resting()), "resting")

        async def dead(order: CancelOrder) -> CancelAnswered:
            await it.sleep(1)
            return CancelAnswered(client_order_id=order.client_order_id, known=known, text="HTTP 500")

        it.venue.cancel = dead  # type: ignore[method-assign]
        it.venue.fill = lambda _: None
        it.venue.silent = True
        it.venue.failing |= {"account", "order", "prices"}
        it.daemon.drain("signal SIGTERM")
        await asyncio.Event().wait()

    with pytest.raises(Bug, match="look at the venue's open orders"):
        play(script, DAEMON_POLICY, tmp_path)


def test_a_cancel_whose_answer_was_lost_is_proven_by_the_order_s_record(tmp_path: Path) -> None:
    """On the way out after a failure: the first cancel is lost with its answer, the second ends the order."""
    plays: list[Play] = []
    tried: list[str] = []

    async def script(it: Play) -> None:
        plays.append(it)
        await it.until(lambda: bool(it.resting()), "resting")
        usual = it.venue.inner.cancel

        async def lost(order: CancelOrder) -> CancelAnswered:
            tried.append(order.client_order_id)
            if len(tried) > 1:
                await usual(order)
            return CancelAnswered(client_order_id=order.client_order_id, known=None, text="RequestTimeout")

        it.venue.cancel = lost  # type: ignore[method-assign]
        raise ValueError("a bug in what runs beside it")

    with pytest.raises(Bug, match=r"and it stopped$"):
        play(script, DAEMON_POLICY, tmp_path)
    assert not plays[0].truth.open_orders
    assert len(tried) >= 2


@pytest.mark.parametrize(("waits_s", "proven"), [(0, False), (60, True)])
def test_an_order_that_the_venue_does_not_know_may_still_arrive_until_its_time_to_live_is_over(
    tmp_path: Path, waits_s: float, proven: bool
) -> None:
    ends: list[bool] = []

    async def script(it: Play) -> None:
        await it.until_hedged()
        order = order_of(placed_at=it.clock.now_ms(), venue_order_id=None, status=OrderStatus.UNKNOWN)
        it.daemon.loop.state = it.state._replace(orders={order.client_order_id: order})
        await it.sleep(0)
        unknown = it.daemon.loop.state
        await it.clock.sleep(waits_s)
        it.daemon.loop.state = unknown
        ends.append(await it.daemon.loop.cancel_everything(8.0))
        it.daemon.loop.state = unknown._replace(orders={})

    play(script, DAEMON_POLICY, tmp_path)
    assert ends == [proven]


def test_instruments_that_cannot_be_opened_end_the_start_before_anything_is_sent(tmp_path: Path) -> None:
    def broken(venue: object) -> None:
        venue.failing.add("prices")  # type: ignore[attr-defined]

    async def script(it: Play) -> None:
        raise AssertionError("it never started")

    with pytest.raises(AskAgain):
        play(script, DAEMON_POLICY, tmp_path, prepare=broken)


def test_news_of_nothing_known_is_heard_without_a_stir() -> None:
    state = hedging("0", "0")
    rejected = OrderRejected(client_order_id="nobody", reason=RejectReason.NOT_SENT, text="")
    after, results = feed(
        state,
        (NOW + 1, rejected),
        (NOW + 2, JournalChanged(healthy=True, text="")),
        (NOW + 3, ReadFailed(account="paper", what="order", reason="no")),
        policy=POLICY,
    )
    assert after.orders == {}
    assert not [command for result in results for command in result.commands]
    assert replace(after.accounts["paper"], failures=0, last_failure="") == state.accounts["paper"]
