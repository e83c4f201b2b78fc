"""A reload is read whole, judged, journaled and put in force between two events, or nothing of it is."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hedger.app.daemon import polling_of
from hedger.app.reading import Reading
from hedger.app.reloading import MOST_WAITING, Reloading, Wish
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Mode, State
from hedger.errors import AskAgain, ConfigError
from hedger.model.message import Event, PolicyChanged
from hedger.ops.configuration import Configured, Reloaded
from hedger.ops.figures import instant
from hedger.runtime.clock import stopwatch
from hedger.runtime.journal import Row
from hedger.runtime.pollers import Polling
from hedger.runtime.requests import ONLY_PLAN, Answer, Ask, Request
from hedger.settings.again import read_again
from hedger.settings.explain import config_digest
from hedger.settings.notify import Loudness, NotifySettings
from hedger.settings.policy import to_policy
from hedger.settings.schema import Settings
from tests.support.configurations import changed, load
from tests.support.engine_worlds import hedging
from tests.unit.test_app_reload_plan import PLAIN

SMALL = changed("value = 1", "value = 0.9", PLAIN)
LARGE = changed("value = 1", "value = 0.5", PLAIN)
COLD = changed('"paper"', '"paper"\nbot = "two"', PLAIN)
TYPO = changed("position = 5", "positon = 5", PLAIN)


@dataclass
class Stand:
    """A daemon and its watchers, as far as a reload reaches: what happened is kept in order."""

    state: State
    policy: Policy
    refuses: str | None = None
    happened: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    pollings: list[Polling] = field(default_factory=list)
    told: list[Reloaded] = field(default_factory=list)
    shown: list[Configured] = field(default_factory=list)
    levels: list[str] = field(default_factory=list)
    notify: NotifySettings | None = None

    def revise(self, policy: Policy, polling: Polling, row: Row) -> str | None:
        if self.refuses is not None:
            return self.refuses
        self.happened.append("revised")
        self.policy = policy
        self.rows.append(row)
        self.pollings.append(polling)
        return None

    def handle_now(self, event: Event) -> None:
        self.happened.append("handled")
        self.events.append(event)

    def policy_changed(self, policy: Policy) -> None:
        assert policy == self.policy
        self.happened.append("shown")

    def notify_changed(self, notify: NotifySettings) -> None:
        self.happened.append("notify")
        self.notify = notify

    def configured(self, now: Configured) -> None:
        self.shown.append(now)

    def reloaded(self, told: Reloaded) -> None:
        self.told.append(told)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if holds():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("nothing came of it")


class Bench:
    """A reloading of one file in a folder, without the wait for it to be at rest."""

    def __init__(self, folder: Path, text: str = PLAIN, **changes: Any) -> None:
        self.folder = folder
        self.settings = load(folder, text)
        policy = to_policy(self.settings)
        self.stand = Stand(hedging("1", "-1", policy=policy)._replace(**changes), policy)
        self.reloading = Reloading(
            self.settings,
            self.stand,
            pace=polling_of,
            set_level=self.stand.levels.append,
            read=lambda settings: read_again(settings, wait=lambda _: None),
            look_every_s=0.01,
        )

    def write(self, text: str) -> None:
        (self.folder / "x.toml").write_text(text, encoding="utf-8")

    def during(self, scene: Callable[[], Awaitable[None]]) -> None:
        asyncio.run(self.reloading.attend_during(scene(), self.stand))

    def ask(self, *wishes: Wish) -> Sequence[Answer]:
        """What became of some wishes that come at once."""
        answers: list[Answer] = []

        async def scene() -> None:
            await asyncio.sleep(0)
            for wish in wishes:
                self.reloading.ask(wish, answers.append)
            await until(lambda: len(answers) == len(wishes))

        self.during(scene)
        return answers

    def untouched(self) -> bool:
        """Whether nothing at all has changed."""
        same = self.reloading.settings is self.settings and self.stand.policy == to_policy(self.settings)
        return same and not self.stand.happened and not self.stand.levels


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


HUP = Wish(who="signal SIGHUP")


def test_a_small_change_is_journaled_then_shown_then_handled(bench: Bench) -> None:
    bench.write(SMALL)
    (answer,) = bench.ask(HUP)
    assert answer.done
    assert bench.stand.happened == ["revised", "shown", "handled"]
    (row,), (event,) = bench.stand.rows, bench.stand.events
    digest = config_digest(bench.reloading.settings)
    assert (row.kind, row.key) == ("reload", digest)
    assert row.body == {
        "who": "signal SIGHUP",
        "reason": "",
        "was": config_digest(bench.settings),
        "confirmed": False,
        "changes": [{"key": "hedges.BTC.target.value", "was": "1", "will": "0.9"}],
    }
    assert event == PolicyChanged(digest=digest, hedges=("BTC",))
    assert bench.stand.told[-1].outcome == "applied"
    assert bench.stand.shown[-1].digest == digest


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TYPO, "guards.positon is not a setting; did you mean `position`?"),
        (COLD, "bot takes effect only at a start"),
        (LARGE, "it buys 0.5 BTC at once, worth 30,000: this needs a person's word"),
        ("", "accounts is missing"),
        (PLAIN[: PLAIN.index("guards =") + 20], "this is not TOML"),
        (PLAIN[: PLAIN.index("guards =")], "hedges.BTC.guards is missing"),
    ],
    ids=["typo", "restart", "large", "emptied", "cut off", "half"],
)
def test_what_may_not_be_is_refused_whole_and_nothing_changes(bench: Bench, text: str, why: str) -> None:
    bench.write(text)
    (answer,) = bench.ask(HUP)
    assert not answer.done
    assert why in answer.why
    assert answer.why.endswith("; nothing was changed")
    assert bench.untouched()
    assert bench.stand.told[-1].outcome == "refused"


def test_a_file_that_is_gone_or_that_everybody_may_write_is_refused(bench: Bench) -> None:
    bench.write(SMALL)
    (bench.folder / "x.toml").chmod(0o666)
    assert "every user of this machine may write it" in bench.ask(HUP)[0].why
    (bench.folder / "x.toml").unlink()
    assert "there is no such file" in bench.ask(HUP)[0].why
    (bench.folder / "x.toml").mkdir()
    assert "is a directory" in bench.ask(HUP)[0].why
    assert bench.untouched()


def test_a_pipe_in_the_place_of_the_file_is_refused_and_nobody_waits_for_it(bench: Bench) -> None:
    (bench.folder / "x.toml").unlink()
    os.mkfifo(bench.folder / "x.toml")
    assert "a pipe or a device, which cannot be read again" in bench.ask(HUP)[0].why
    assert bench.untouched()


def test_a_file_that_is_being_written_is_refused_although_its_half_is_good(tmp_path: Path) -> None:
    """The first half is a whole configuration that says less: it must not be taken."""
    whole = SMALL + "\n[breakers]\nrejects = 3\n"
    settings = load(tmp_path, whole)
    path = tmp_path / "x.toml"

    def finish() -> None:
        path.write_text(whole, encoding="utf-8")

    path.write_text(SMALL, encoding="utf-8")
    with pytest.raises(AskAgain, match="is being written just now"):
        read_again(settings, wait=lambda _: finish())
    assert read_again(settings, wait=lambda _: None).breakers.rejects == 3


def test_no_file_brings_the_program_down_even_where_we_fail_at_it(bench: Bench) -> None:
    def fails(_: Settings) -> Settings:
        raise ZeroDivisionError("of ours")

    bench.reloading._read = fails
    (answer,) = bench.ask(HUP)
    assert "reading it failed (ZeroDivisionError)" in answer.why
    assert bench.untouched()


def test_what_the_engine_would_fail_by_does_not_come_in_force(bench: Bench) -> None:
    bench.write(SMALL)
    bench.stand.state = bench.stand.state._replace(hedges={})
    (answer,) = bench.ask(HUP)
    assert "the engine fails by it (KeyError)" in answer.why
    assert bench.untouched()


def test_the_same_places_are_read_again(tmp_path: Path) -> None:
    environ = {"HEDGER_BREAKERS__REJECTS": "7"}
    settings = load(tmp_path, PLAIN, {"paper.seed": 5}, environ)
    (tmp_path / "x.toml").write_text(SMALL, encoding="utf-8")
    environ["HEDGER_BREAKERS__REJECTS"] = "8"
    fresh = read_again(settings, wait=lambda _: None)
    assert (fresh.paper.seed, fresh.breakers.rejects) == (5, 8)
    assert fresh.hedges["BTC"].target.value != settings.hedges["BTC"].target.value
    assert read_again(fresh, wait=lambda _: None).breakers.rejects == 8


def test_without_a_file_there_is_nothing_to_read_again(tmp_path: Path) -> None:
    from hedger.settings.load import load_settings

    with pytest.raises(ConfigError, match="started without a configuration file"):
        read_again(load_settings(None, {}, {}), wait=lambda _: None)


def test_a_run_without_a_file_keeps_no_refusal_that_nobody_could_mend(bench: Bench) -> None:
    from hedger.settings.load import load_settings

    settings = load_settings(None, {}, {})
    bench.reloading.settings, bench.settings = settings, settings
    (looked,) = bench.ask(Wish(who="request", only_plan=True))
    (asked,) = bench.ask(HUP)
    assert "started without a configuration file" in looked.why
    assert "started without a configuration file" in asked.why
    assert [told.outcome for told in bench.stand.told] == ["refused"], "the log and the counter have it"
    assert bench.stand.shown
    assert all(shown.refused is None for shown in bench.stand.shown)


def test_a_large_step_is_done_only_with_the_word_of_somebody_who_saw_this_file(bench: Bench) -> None:
    bench.write(LARGE)
    (plan,) = bench.ask(Wish(who="request", only_plan=True))
    assert plan.done
    assert bench.untouched()
    assert bench.stand.told == []
    (other,) = bench.ask(Wish(who="request", shown="0123456789abcdef"))
    assert "the file says something else than was agreed to" in other.why
    assert bench.untouched()
    (answer,) = bench.ask(Wish(who="request", shown=plan.more["digest"]))
    assert answer.done
    assert bench.stand.rows[-1].body["confirmed"] is True  # type: ignore[index]


def test_a_word_does_not_make_good_what_is_refused(bench: Bench) -> None:
    bench.write(COLD)
    (plan,) = bench.ask(Wish(who="request", only_plan=True))
    assert not bench.ask(Wish(who="request", shown=plan.more["digest"]))[0].done
    assert bench.untouched()


def test_what_the_journal_cannot_take_is_not_done(bench: Bench) -> None:
    bench.stand.refuses = "the journal cannot be written"
    bench.write(SMALL)
    (answer,) = bench.ask(HUP)
    assert "the journal cannot be written" in answer.why
    assert bench.untouched()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"mode": Mode.BOOT}, "still starting"),
        ({"draining": "the end"}, "about to end"),
        ({"stopped": True}, "about to end"),
        ({"superseded": True}, "about to end"),
    ],
)
def test_neither_a_beginning_nor_an_end_takes_another_configuration(
    tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    bench = Bench(tmp_path, **change)
    bench.write(SMALL)
    assert why in bench.ask(HUP)[0].why
    assert bench.untouched()


def test_a_halt_and_a_pause_keep_nobody_from_mending_the_file(tmp_path: Path) -> None:
    bench = Bench(tmp_path, halted="a person", paused="a look")
    bench.write(SMALL)
    assert bench.ask(HUP)[0].done
    assert isinstance(bench.stand.events[0], PolicyChanged)


def test_two_at_once_are_one_reload_and_one_that_finds_nothing(bench: Bench) -> None:
    bench.write(SMALL)
    first, second = bench.ask(HUP, HUP)
    assert (first.done, second.done) == (True, True)
    assert "nothing differs" in second.why
    assert bench.stand.happened == ["revised", "shown", "handled"]


def test_what_only_the_shell_minds_is_no_event_for_the_engine(bench: Bench) -> None:
    bench.write(PLAIN + '\n[log]\nlevel = "debug"\n[polling]\nfunding_s = 30\n')
    assert bench.ask(HUP)[0].done
    assert bench.stand.happened == ["revised", "shown"]
    assert bench.stand.levels == ["debug"]
    assert bench.stand.pollings[-1].funding_s == 30


def test_no_more_than_a_few_wait(bench: Bench) -> None:
    answers = bench.ask(*[HUP] * (MOST_WAITING + 2))
    assert [answer.done for answer in answers].count(False) == 2
    assert f"{MOST_WAITING} reloads wait already" in answers[0].why


def test_whoever_waits_at_the_end_is_told(bench: Bench) -> None:
    answers: list[Answer] = []

    async def scene() -> None:
        await asyncio.sleep(0)
        bench.reloading.ask(HUP, answers.append)

    bench.during(scene)
    bench.reloading.ask(HUP, answers.append)
    assert [answer.done for answer in answers] == [False, False]
    assert "about to end" in answers[0].why


def test_how_loudly_people_are_told_changes_by_a_reload_and_where_they_are_does_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.write(PLAIN + '\n[notify]\nsummary_hour = 7\n[notify.events]\nfill = "off"\n')
    assert bench.ask(HUP)[0].done
    assert bench.stand.happened == ["revised", "notify", "shown"]
    told = bench.stand.notify
    assert told is not None
    assert (told.summary_hour, told.events.fill) == (7, Loudness.OFF)
    environ = {"HEDGER_NOTIFY__URLS": "json://canary-3f9a1b2c@127.0.0.1/"}
    bench.reloading.settings = load(tmp_path, PLAIN, environ=environ)
    environ["HEDGER_NOTIFY__URLS"] = "json://canary-of-another@127.0.0.1/"
    (answer,) = bench.ask(HUP)
    assert "notify.urls takes effect only at a start" in answer.why
    assert "canary" not in repr((answer, bench.stand.told))


def test_a_disk_that_does_not_answer_holds_up_neither_the_loop_nor_its_end(tmp_path: Path) -> None:
    """asyncio's own pool would be waited for at the end: here the disk answers only after five seconds."""
    disk, begun = threading.Event(), threading.Event()
    answers: list[Answer] = []

    def read(settings: Settings) -> Settings:
        begun.set()
        disk.wait(5)
        return settings

    bench = Bench(tmp_path)
    reloading = Reloading(bench.settings, bench.stand, pace=polling_of, set_level=bench.stand.levels.append, read=read)

    async def scene() -> None:
        await asyncio.sleep(0)
        reloading.ask(HUP, answers.append)
        await until(begun.is_set)

    began = stopwatch()
    asyncio.run(reloading.attend_during(scene(), bench.stand))
    assert stopwatch() - began < 3
    assert "about to end" in answers[0].why
    disk.set()


def test_while_a_disk_hangs_no_other_reading_begins(tmp_path: Path) -> None:
    disk, begun = threading.Event(), []

    def hang() -> Settings:
        begun.append(1)
        disk.wait(10)
        return load(tmp_path, PLAIN)

    async def scene() -> None:
        reading = Reading(patience_s=0.05)
        for _ in range(3):
            with pytest.raises(AskAgain, match="look at its disk"):
                await reading.read(hang)
        assert len(begun) == 1
        disk.set()
        assert (await reading.read(lambda: load(tmp_path, PLAIN))).mode == "paper", "it answers again"
        reading.close()

    asyncio.run(scene())


def test_a_failure_of_the_work_beside_it_is_raised_as_it_is(bench: Bench) -> None:
    async def scene() -> None:
        raise AskAgain("as it is")

    with pytest.raises(AskAgain, match="as it is"):
        bench.during(scene)


def test_a_request_is_a_wish(bench: Bench) -> None:
    bench.write(SMALL)
    answers: list[Answer] = []

    async def scene() -> None:
        await asyncio.sleep(0)
        bench.reloading.requested(Request(ask=Ask.RELOAD, reason="a look", subject=ONLY_PLAN), answers.append)
        bench.reloading.requested(Request(ask=Ask.RELOAD, reason="mended"), answers.append)
        await until(lambda: len(answers) == 2)

    bench.during(scene)
    assert answers[0].more["changes"] == answers[1].more["changes"]
    assert bench.stand.rows[0].body["reason"] == "mended"  # type: ignore[index]
    assert len(bench.stand.rows) == 1


# --- the file that nobody loaded --------------------------------------------------------------------------------------


def seen(bench: Bench, text: str) -> str | None:
    """What is shown of the file after a while in which nobody asks for anything."""
    bench.write(text)

    async def scene() -> None:
        count = len(bench.stand.shown)
        await until(lambda: len(bench.stand.shown) >= count + 3)

    bench.during(scene)
    return bench.stand.shown[-1].changed


def test_a_file_that_differs_from_what_is_in_force_is_told_until_it_is_loaded(bench: Bench) -> None:
    assert seen(bench, PLAIN + "\n# a remark\n") is None
    assert seen(bench, SMALL) == "it says something else about hedges.BTC.target.value"
    assert "it cannot be used" in str(seen(bench, TYPO))
    assert seen(bench, PLAIN) is None
    assert seen(bench, SMALL) is not None
    bench.ask(HUP)
    assert bench.stand.shown[-1].changed is None
    assert bench.stand.rows, "it was loaded"


def test_a_refused_configuration_is_shown_with_its_moment_until_one_is_taken_or_the_file_is_put_back(
    bench: Bench,
) -> None:
    bench.write(TYPO)
    (answer,) = bench.ask(Wish(who="request", only_plan=True))
    told = bench.stand.shown[-1]
    assert told.refused is not None
    assert told.refused in answer.why
    assert told.refusal == f"at {instant(bench.stand.state.now)[:16]} UTC: {told.refused}"
    assert bench.stand.told == [], "nobody asked for a reload: no counter, no line in the log"
    bench.ask(HUP)
    assert bench.stand.shown[-1].to_json()["refused"] == told.refusal
    assert seen(bench, TYPO) is not None
    assert bench.stand.shown[-1].refused == told.refused, "a look at the file does not forget it"
    bench.write(SMALL)
    bench.ask(HUP)
    assert bench.stand.shown[-1].refusal is None
    bench.write(TYPO)
    bench.ask(HUP)
    assert bench.stand.shown[-1].refusal is not None
    seen(bench, SMALL)
    assert bench.stand.shown[-1].refusal is None, "the file says what is in force"


def test_rotated_keys_are_told_and_wait_for_a_start(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("x" * 40, encoding="utf-8")
    os.chmod(secret, 0o600)
    environ = {"HEDGER_CONSOLE__TOKEN_FILE": str(secret)}
    settings = load(tmp_path, PLAIN, environ=environ)
    secret.write_text("y" * 40, encoding="utf-8")
    bench = Bench(tmp_path)
    bench.reloading.settings = settings
    (answer,) = bench.ask(HUP)
    assert "console.token takes effect only at a start" in answer.why
    assert "yyy" not in repr((answer, bench.stand.told, bench.stand.shown))
