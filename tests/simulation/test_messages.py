"""What people are told of a run: each thing once, when it begins and when it is over."""

from collections.abc import Awaitable, Callable
from decimal import Decimal as D
from pathlib import Path

from hedger.engine.known.state import State
from hedger.engine.step import Result
from hedger.model.message import Operation, OperatorAsked, Stamped, TimePassed
from hedger.ops.alarms import Alarm, AlarmLevel, Alarms
from hedger.ops.messages import Kind, Message, Messages
from hedger.ops.standstill import Standstills
from hedger.ops.surroundings import Surroundings
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.ops_states import hedging_state
from tests.support.simulated_daemon import NOON, Play, play
from tests.support.simulated_venue import spread_out

POLICY = policy_of(hedge_of())
LATE = NOON + 11 * 3_600_000 + 50 * 60_000


def told(
    directory: Path, script: Callable[[Play, list[Message]], Awaitable[None]], *, start_at: int = NOON
) -> list[Message]:
    """The messages of a run."""
    heard: list[Message] = []
    messages, alarms, standstills = Messages(POLICY), Alarms(POLICY), Standstills()

    def look(before: State, stamped: Stamped, result: Result) -> None:
        heard.extend(messages.of_step(before, stamped, result))
        if isinstance(stamped.event, TimePassed):
            alarms.around = Surroundings(stuck_since=standstills.look(result.state, POLICY))
            heard.extend(messages.of_alarms(alarms.look(result.state)))

    async def watched(it: Play) -> None:
        it.watcher.looks.append(look)
        await script(it, heard)

    play(watched, POLICY, directory, start_at=start_at)
    return heard


def of_kind(heard: list[Message], kind: Kind) -> list[str]:
    return [message.title for message in heard if message.kind is kind]


def test_an_order_that_filled_in_pieces_is_one_message_with_its_decision(tmp_path: Path) -> None:
    async def script(it: Play, _: list[Message]) -> None:
        await it.until_hedged()

    fills = [message for message in told(tmp_path, script) if message.kind is Kind.FILL]
    assert fills, "it hedged 1 BTC"
    assert all(message.title.startswith("btc: sold ") for message in fills)
    assert all("decision " in message.body for message in fills)


def test_a_halt_and_its_end_are_told_once_each_and_no_alarm_repeats_them(tmp_path: Path) -> None:
    async def script(it: Play, _: list[Message]) -> None:
        await it.until_hedged()
        it.daemon.halt("somebody pulled the cord")
        await it.sleep(30)
        it.daemon.handle_now(OperatorAsked(operation=Operation.RESUME, reason="it was a drill"))
        await it.until_hedged()

    heard = told(tmp_path, script)
    assert of_kind(heard, Kind.HALT) == ["Halted", "The halt is lifted"]
    assert "somebody pulled the cord" in next(m.body for m in heard if m.kind is Kind.HALT)
    assert of_kind(heard, Kind.OPERATOR) == ["A person asked: resume"]
    assert not any("Halted" in title for title in of_kind(heard, Kind.ALARM))


def test_a_hedge_outside_its_band_for_too_long_is_told_and_so_is_its_end(tmp_path: Path) -> None:
    async def script(it: Play, heard: list[Message]) -> None:
        await it.until_hedged()
        it.venue.quote = spread_out("0.01")
        it.deposit("0.5")
        await it.until(lambda: bool(of_kind(heard, Kind.UNHEDGED)), "told", within=3_600)
        it.venue.clear()
        await it.until_hedged()
        await it.sleep(62)

    heard = told(tmp_path, script)
    assert of_kind(heard, Kind.UNHEDGED) == ["Unhedged btc", "Over: Unhedged btc"]
    first = next(message for message in heard if message.kind is Kind.UNHEDGED)
    assert first.level is AlarmLevel.CRITICAL


def test_a_pause_is_a_warning_however_long_and_after_it_nobody_is_paged(tmp_path: Path) -> None:
    async def script(it: Play, heard: list[Message]) -> None:
        await it.until_hedged()
        it.daemon.handle_now(OperatorAsked(operation=Operation.PAUSE, reason="lunch"))
        it.deposit("0.5")
        await it.until(lambda: bool(of_kind(heard, Kind.UNHEDGED)), "told", within=600)
        it.daemon.handle_now(OperatorAsked(operation=Operation.UNPAUSE, reason="back"))
        await it.until_hedged()
        await it.sleep(62)

    heard = [message for message in told(tmp_path, script) if message.kind is Kind.UNHEDGED]
    assert [message.title for message in heard] == ["UnhedgedOnPurpose btc", "Over: UnhedgedOnPurpose btc"]
    assert heard[0].level is AlarmLevel.WARNING
    assert "a person keeps it from hedging" in heard[0].body


def test_while_a_venue_is_away_it_is_known_since_when_nothing_could_be_done(tmp_path: Path) -> None:
    standstills, since = Standstills(), list[int]()

    async def script(it: Play, _: list[Message]) -> None:
        await it.until_hedged()
        left_at = it.clock.now_ms()
        it.venue.failing |= {"account", "prices", "fills", "funding", "order", "switch_request"}
        it.venue.quote, it.venue.mark = (lambda _: None), (lambda _: None)
        for _second in range(40):
            await it.sleep(1)
            since.extend(standstills.look(it.state, POLICY).values())
        assert since[0] - left_at < 20_000
        assert set(since) == {since[0]}
        it.venue.clear()
        await it.until_hedged()
        assert standstills.look(it.state, POLICY) == {}

    told(tmp_path, script)


def test_an_ordinary_start_alarms_nobody(tmp_path: Path) -> None:
    async def script(it: Play, _: list[Message]) -> None:
        await it.until_hedged()

    assert of_kind(told(tmp_path, script), Kind.ALARM) == []


class Watched:
    """Alarms as they come and go, each second, and what is told of them."""

    def __init__(self) -> None:
        self._messages = Messages(POLICY)
        self._seconds = 0
        self._since: dict[str, int] = {}

    def told(self, seconds: int, *names: str, level: AlarmLevel = AlarmLevel.CRITICAL) -> list[str]:
        """What is told while these stand for so long."""
        heard: list[str] = []
        self._since = {name: self._since.get(name, self._seconds) for name in names}
        for _ in range(seconds):
            self._seconds += 1
            beat = Stamped(at=self._seconds * 1_000, event=TimePassed())
            state = hedging_state()._replace(now=beat.at)
            list(self._messages.of_step(state, beat, Result(state, (), ())))
            alarms = (
                Alarm(name=name, subject="btc", level=level, text=name, since_at=at * 1_000)
                for name, at in self._since.items()
            )
            heard.extend(message.title for message in self._messages.of_alarms(tuple(alarms)))
        return heard


def test_a_warning_is_told_once_it_has_stood_for_a_minute() -> None:
    watched = Watched()
    assert watched.told(50, "StaleData", level=AlarmLevel.WARNING) == []
    assert watched.told(70) == [], "it was over before anybody was told"
    assert watched.told(300, "StaleData", level=AlarmLevel.WARNING) == ["StaleData btc"]
    assert watched.told(120) == ["Over: StaleData btc"]


def test_what_is_critical_is_told_at_once_and_a_gap_of_seconds_is_not_its_end() -> None:
    watched = Watched()
    assert watched.told(1, "Unhedged") == ["Unhedged btc"]
    assert watched.told(30) == []
    assert watched.told(30, "Unhedged") == []
    assert watched.told(120) == ["Over: Unhedged btc"]


def test_what_comes_back_after_its_end_was_told_is_told_however_soon() -> None:
    watched = Watched()
    watched.told(5, "JournalUnhealthy")
    assert watched.told(65) == ["Over: JournalUnhealthy btc"]
    assert watched.told(5, "JournalUnhealthy") == ["JournalUnhealthy btc"]


def test_no_message_of_an_alarm_can_be_held_back_as_a_repetition() -> None:
    state, alarm = hedging_state(), Alarm(name="Unhedged", subject="btc", level=AlarmLevel.CRITICAL, text="outside")
    messages = Messages(POLICY)
    list(messages.of_step(state, Stamped(at=state.now, event=TimePassed()), Result(state, (), ())))
    assert [message.key for message in messages.of_alarms((alarm,))] == [""]


def test_the_day_is_summed_up_at_midnight_with_what_was_made_paid_and_traded(tmp_path: Path) -> None:
    async def script(it: Play, _: list[Message]) -> None:
        await it.until_hedged()
        await it.sleep(20 * 60)

    summaries = [message for message in told(tmp_path, script, start_at=LATE) if message.kind is Kind.SUMMARY]
    assert len(summaries) == 1
    words = summaries[0].body
    assert "USD hedged" in words
    assert "unhedged" in words
    assert "fills, fees -" in words or "fills, fees −" in words
    assert D(words.split(" fills")[0].split()[-1]) > 0


def test_quiet_steps_are_worth_no_message(tmp_path: Path) -> None:
    async def script(it: Play, heard: list[Message]) -> None:
        await it.until_hedged()
        heard.clear()
        await it.sleep(60)

    assert [m for m in told(tmp_path, script) if m.kind not in (Kind.FILL, Kind.GUARD)] == []
