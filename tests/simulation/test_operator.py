"""What a person asks of a running hedger: a kill holds from its first instant, and the rest is heeded or refused."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import Mode, State
from hedger.engine.step import Result
from hedger.errors import Bug, ConfigError
from hedger.model.account import AccountReading
from hedger.model.instrument import Instrument
from hedger.model.message import Operation, PlaceOrder, Stamped
from hedger.ops.words import way_out
from hedger.runtime.journal import Journal
from hedger.runtime.ports import LeaveTaken, PlaceOutcome
from hedger.runtime.requests import Ask
from hedger.sim.world import World
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import OperatorDesk, Play, Script, act, make_world, stage
from tests.support.simulated_venue import LensVenue

POLICY = policy_of(hedge_of())
BEAT_S = 0.25


def operate(directory: Path, script: Callable[[Play, OperatorDesk], object]) -> tuple[Play, OperatorDesk]:
    """Run a daemon whose operator's desk the script may use."""
    desk, played = OperatorDesk(directory), []

    async def scene(world: World) -> None:
        async def scripted(it: Play) -> None:
            await script(it, desk)  # type: ignore[misc]

        played.append(await act(world, scripted, POLICY, directory, desk=desk))

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))
    return played[0], desk


def kinds(directory: Path, kind: str) -> list[str]:
    journal = Journal.open(directory, read_only=True)
    try:
        return [key for _, key, _ in journal.rows(kind)]
    finally:
        journal.close()


# --- kill -------------------------------------------------------------------------------------------------------------


def test_a_kill_at_the_moment_of_a_decision_keeps_that_very_order_back(tmp_path: Path) -> None:
    async def script(it: Play, desk: OperatorDesk) -> None:
        def press(_: State, __: Stamped, result: Result) -> None:
            if any(isinstance(command, PlaceOrder) for command in result.commands):
                desk.kill.latch("as it is decided")

        it.watcher.looks.append(press)
        await it.until(lambda: it.state.mode is Mode.HALTED, "halted")
        await it.sleep(30)

    it, _ = operate(tmp_path, script)
    assert it.watcher.placed()
    assert it.truth.creates_accepted == 0


def test_a_kill_is_heeded_within_a_beat_and_ends_every_order_of_ours(tmp_path: Path) -> None:
    async def script(it: Play, desk: OperatorDesk) -> None:
        await it.until(lambda: bool(it.resting()), "resting")
        desk.kill.path.touch()
        killed_at = it.clock.now_ms()
        await it.until(lambda: it.state.mode is Mode.HALTED, "halted", within=BEAT_S + 0.1)
        await it.until(lambda: not it.resting(), "off the book", within=5)
        created = it.truth.creates_accepted
        it.deposit("0.5")
        desk.kill.path.touch()
        await it.sleep(60)
        assert it.truth.creates_accepted == created
        assert all(at <= killed_at for at, c in it.watcher.commands if isinstance(c, PlaceOrder))

    operate(tmp_path, script)
    assert kinds(tmp_path, "halt") == ["the kill file"]


def test_cancels_of_a_kill_are_tried_until_the_venue_confirms_them(tmp_path: Path) -> None:
    async def script(it: Play, desk: OperatorDesk) -> None:
        await it.until(lambda: bool(it.resting()), "resting")
        it.venue.ignore_cancels = True
        desk.kill.path.touch()
        await it.until(lambda: len(it.venue.canceled) > 2, "asked again", within=30)
        assert len(it.resting()) == 1
        it.venue.ignore_cancels = False
        await it.until(lambda: not it.resting(), "off the book", within=60)

    operate(tmp_path, script)


def test_the_watchdog_knows_of_every_order_before_it_leaves_and_of_none_that_has_ended(tmp_path: Path) -> None:
    async def script(it: Play, desk: OperatorDesk) -> None:
        seen: list[bool] = []
        leaving = it.venue.leaving

        def look(order: PlaceOrder) -> None:
            leaving(order)
            seen.append(order.client_order_id in {live.client_order_id for live in desk.lifeline.live})

        it.venue.leaving = look
        await it.until_hedged()
        assert seen
        assert all(seen)
        assert desk.lifeline.live == ()

    operate(tmp_path, script)


def test_a_kill_that_lies_there_at_the_start_lets_nothing_leave(tmp_path: Path) -> None:
    async def script(it: Play, desk: OperatorDesk) -> None:
        await it.sleep(60)
        assert it.state.mode is Mode.HALTED

    (tmp_path / "kill").touch()
    it, _ = operate(tmp_path, script)
    assert it.venue.placed == []
    assert kinds(tmp_path, "halt") == ["the kill file"]


def test_a_kill_during_the_drain_is_latched_and_does_not_stop_the_drain(tmp_path: Path) -> None:
    async def script(it: Play, desk: OperatorDesk) -> None:
        await it.until(lambda: bool(it.resting()), "resting")
        it.daemon.drain("the end")
        desk.kill.path.touch()

    it, desk = operate(tmp_path, script)
    assert it.state.stopped
    assert it.resting() == []
    assert desk.kill.exists()


# --- resume -----------------------------------------------------------------------------------------------------------


def test_a_resume_reconciles_before_it_trades_and_takes_the_kill_away(tmp_path: Path) -> None:
    modes: list[Mode] = []

    async def script(it: Play, desk: OperatorDesk) -> None:
        await it.until_hedged()
        desk.kill.latch("a drill")
        await it.until(lambda: it.state.mode is Mode.HALTED, "halted")
        it.watcher.looks.append(lambda before, _, result: modes.append(result.state.mode))
        desk.ask(Ask.RESUME, halted=it.state.halted or "")
        await it.until_hedged()

    _, desk = operate(tmp_path, script)
    passed = list(dict.fromkeys(modes))
    assert passed[passed.index(Mode.RECONCILING) :][:2] == [Mode.RECONCILING, Mode.HEDGING]
    assert not desk.kill.exists()
    assert kinds(tmp_path, "resume") == ["resume"]


def test_a_resume_that_is_meant_for_another_halt_or_older_than_the_kill_is_refused(tmp_path: Path) -> None:
    async def script(it: Play, desk: OperatorDesk) -> None:
        await it.until_hedged()
        desk.ask(Ask.RESUME, halted="nothing")
        await it.sleep(1)
        desk.kill.latch("a drill")
        await it.until(lambda: it.state.mode is Mode.HALTED, "halted")
        desk.ask(Ask.RESUME, halted="something else")
        await it.sleep(1)
        desk.ask(Ask.RESUME, halted=it.state.halted or "")
        desk.kill.latch("pressed again before anybody read the request")
        await it.sleep(30)
        assert it.state.mode is Mode.HALTED

    _, desk = operate(tmp_path, script)
    assert desk.refused[0] == "it is not halted"
    assert desk.refused[1].startswith("it is meanwhile halted for another reason")
    assert "was pressed again meanwhile" in desk.refused[2]
    assert desk.kill.exists()


def test_a_resume_reaches_readings_that_wait_for_a_person_s_word_and_the_way_out_names_it(tmp_path: Path) -> None:
    def gone(reading: AccountReading) -> AccountReading:
        return replace(reading, positions=tuple(replace(p, quantity=p.quantity + D("0.4")) for p in reading.positions))

    async def script(it: Play, desk: OperatorDesk) -> None:
        await it.until_hedged()
        await it.sleep(40)
        desk.ask(Ask.RESUME)
        await it.sleep(1)
        it.checks.on = False
        it.venue.reading = gone
        await it.sleep(120)
        assert "resume --reason" in (way_out(it.state) or "")
        desk.ask(Ask.RESUME, halted="")
        await it.until(lambda: it.delta() == D("-0.4"), "hedged on the person's word", within=60)

    _, desk = operate(tmp_path, script)
    assert desk.refused == ["it is not halted"]


# --- pause, write-off -------------------------------------------------------------------------------------------------


def test_a_pause_takes_the_orders_off_until_it_is_over_and_lifts_no_halt(tmp_path: Path) -> None:
    async def script(it: Play, desk: OperatorDesk) -> None:
        await it.until(lambda: bool(it.resting()), "resting")
        desk.ask(Ask.UNPAUSE)
        await it.sleep(1)
        desk.ask(Ask.PAUSE)
        await it.until(lambda: it.state.mode is Mode.CANCEL_ONLY, "paused", within=1)
        await it.until(lambda: not it.resting(), "off the book", within=5)
        desk.ask(Ask.UNPAUSE)
        await it.until_hedged()
        it.daemon.halt("for another reason")
        desk.ask(Ask.UNPAUSE)
        await it.sleep(2)
        assert it.state.mode is Mode.HALTED

    _, desk = operate(tmp_path, script)
    assert desk.refused[0] == "it is not paused"
    assert desk.refused[1].startswith("it is halted (for another reason)")


def answers(desk: OperatorDesk) -> list[str]:
    """The words of the answers, in the order of the requests."""
    names = sorted(path.with_suffix(".json").name for path in desk.mailbox.directory.glob("*.answer"))
    found = [desk.mailbox.answer_to(name) for name in names]
    return [answer.why for answer in found if answer is not None]


def test_a_resume_lifts_the_halt_and_leaves_another_operator_s_pause(tmp_path: Path) -> None:
    async def script(it: Play, desk: OperatorDesk) -> None:
        await it.until_hedged()
        it.daemon.halt("a drill")
        desk.ask(Ask.PAUSE, reason="the other operator's lunch")
        await it.until(lambda: it.state.paused is not None, "remembered")
        desk.ask(Ask.RESUME, halted="a drill")
        await it.until(lambda: it.state.reconciled, "reconciled")
        await it.sleep(5)
        assert (it.state.halted, it.state.paused) == (None, "the other operator's lunch")
        assert it.state.mode is Mode.CANCEL_ONLY
        desk.ask(Ask.UNPAUSE)
        await it.until_hedged()

    _, desk = operate(tmp_path, script)
    remembered, lifted, over = answers(desk)
    assert remembered.startswith("the pause is remembered, but it is halted (a drill)")
    assert lifted.startswith("the halt is lifted, but it stays paused (the other operator's lunch)")
    assert over == "unpause: done"
    assert kinds(tmp_path, "operator") == ["halt", "pause", "unpause", "drain"]
    assert kinds(tmp_path, "resume") == ["resume"]


def test_the_end_of_a_pause_lifts_no_halt(tmp_path: Path) -> None:
    async def script(it: Play, desk: OperatorDesk) -> None:
        await it.until_hedged()
        desk.ask(Ask.PAUSE)
        await it.sleep(1)
        it.daemon.halt("a drill")
        desk.ask(Ask.UNPAUSE)
        await it.sleep(1)
        assert (it.state.halted, it.state.paused) == ("a drill", None)
        it.daemon.loop.ask(Operation.UNPAUSE, "past the reception")
        await it.sleep(1)
        assert it.state.mode is Mode.HALTED

    _, desk = operate(tmp_path, script)
    assert "it stays halted (a drill)" in answers(desk)[1]


def test_paper_heeds_a_kill_in_the_directory_that_it_was_given(tmp_path: Path) -> None:
    directory = tmp_path / "paper"
    directory.mkdir(mode=0o700)

    async def script(it: Play, desk: OperatorDesk) -> None:
        await it.until_hedged()
        (tmp_path / "kill").touch()
        await it.until(lambda: it.state.mode is Mode.HALTED, "halted", within=BEAT_S + 0.1)
        desk.ask(Ask.RESUME, halted=it.state.halted or "")
        await it.sleep(2)
        assert it.state.mode is Mode.HALTED

    _, desk = operate(directory, script)
    assert (tmp_path / "kill").exists()
    assert desk.refused == [f"{tmp_path / 'kill'} is there, above this hedger's own directory: remove it by hand"]


def test_only_an_order_of_unknown_fate_can_be_written_off(tmp_path: Path) -> None:
    async def script(it: Play, desk: OperatorDesk) -> None:
        await it.until(lambda: any(o.status is OrderStatus.OPEN for o in it.state.orders.values()), "open order")
        working = next(o for o in it.state.orders.values() if o.status is OrderStatus.OPEN)
        desk.ask(Ask.WRITE_OFF, subject=working.client_order_id)
        desk.ask(Ask.WRITE_OFF, subject="hhdg999999999999")
        await it.sleep(1)

    _, desk = operate(tmp_path, script)
    assert sorted(why.split(" ", 2)[2] for why in desk.refused) == [
        "is not known",
        "is open: only an order of unknown fate can be written off",
    ]


def test_a_drain_that_is_asked_for_ends_it_in_order(tmp_path: Path) -> None:
    async def script(it: Play, desk: OperatorDesk) -> None:
        await it.until(lambda: bool(it.resting()), "resting")
        desk.ask(Ask.DRAIN)
        await asyncio.Event().wait()

    it, _ = operate(tmp_path, script)
    assert it.state.stopped
    assert kinds(tmp_path, "stop") == ["clean"]


# --- ends -------------------------------------------------------------------------------------------------------------


class SlowToOpen(LensVenue):
    """A venue whose opening takes an hour."""

    async def open(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        await asyncio.sleep(3600)
        return await super().open(symbols)


class Broken(LensVenue):
    """A venue with a bug in its creates."""

    async def place(self, order: PlaceOrder, leave: LeaveTaken) -> PlaceOutcome:
        raise Bug("planted")


def left_over(script: Script, directory: Path, lens: type[LensVenue] | None = None) -> tuple[list[str], object, float]:
    """The tasks that a run leaves behind, how it ended, and how many seconds it took."""
    found: list[str] = []
    raised: list[object] = []
    took_s: list[float] = []

    def bend(venue: LensVenue) -> None:
        if lens is not None:
            venue.__class__ = lens

    async def scene(world: World) -> None:
        before, begun_at = asyncio.all_tasks(), asyncio.get_running_loop().time()
        try:
            await act(world, script, POLICY, directory, desk=OperatorDesk(directory), prepare=bend)
        except (Bug, ConfigError, ExceptionGroup) as problem:
            raised.append(problem)
        took_s.append(asyncio.get_running_loop().time() - begun_at)
        found.extend(str(task.get_coro()) for task in asyncio.all_tasks() - before)

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))
    return found, raised[0] if raised else None, took_s[0]


async def until_resting(it: Play) -> None:
    await it.until(lambda: bool(it.resting()), "resting")


async def for_a_while(it: Play) -> None:
    await it.sleep(60)


async def with_a_mistake(it: Play) -> None:
    await it.sleep(5)
    raise ConfigError("a mistake in what runs beside it")


@pytest.mark.parametrize(
    ("script", "lens", "ends_with"),
    [(until_resting, None, None), (for_a_while, Broken, Bug), (with_a_mistake, None, ConfigError)],
)
def test_however_a_run_ends_it_leaves_no_task_behind(
    tmp_path: Path, script: Script, lens: type[LensVenue] | None, ends_with: type[Exception] | None
) -> None:
    found, raised, _ = left_over(script, tmp_path, lens)
    assert found == []
    assert (type(raised) if raised else None) is ends_with


def ended_during_the_start(directory: Path) -> Play:
    """A daemon that is told to end a second after its start, while its venue takes an hour to open."""
    ended: list[Play] = []

    async def scene(world: World) -> None:
        begun_at = asyncio.get_running_loop().time()

        async def never(it: Play) -> None:
            raise AssertionError("it was never ready")

        def begin(acted: Play) -> None:
            asyncio.get_running_loop().call_later(1, acted.daemon.drain, "signal SIGTERM")

        def bend(venue: LensVenue) -> None:
            venue.__class__ = SlowToOpen

        desk = OperatorDesk(directory)
        ended.append(await act(world, never, POLICY, directory, desk=desk, prepare=bend, begin=begin))
        assert asyncio.get_running_loop().time() - begun_at < 2

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))
    return ended[0]


def test_a_kill_is_latched_in_the_journal_before_any_venue_is_reached(tmp_path: Path) -> None:
    (tmp_path / "kill").touch()
    assert not ended_during_the_start(tmp_path).daemon.begun
    assert kinds(tmp_path, "halt") == ["the kill file"]


def test_an_end_that_is_asked_for_during_the_start_waits_for_nothing_and_sends_nothing(tmp_path: Path) -> None:
    it = ended_during_the_start(tmp_path)
    assert not it.daemon.begun
    assert it.truth.creates_accepted == 0
    assert kinds(tmp_path, "stop") == ["clean"]
