"""The watchdog: it acts on a loop that stands still or does not heed a kill, and on nothing else."""

import os
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hedger.app.daemon import DRAIN_S, EMERGENCY_S
from hedger.engine.known.orders import OrderStatus
from hedger.engine.news.reconcile import PROOF_LAG_MS
from hedger.model.message import VenueQuieted
from hedger.runtime.kill import KillFile
from hedger.runtime.lifeline import Lifeline, LiveOrder
from hedger.runtime.watchdog import (
    EXIT_CODE,
    LONGEST_CANCEL_S,
    LONGEST_KEEP_S,
    LONGEST_TELL_S,
    LOOK_S,
    STUCK_S,
    Watchdog,
)
from tests.support.engine_policies import ACCOUNT, hedge_of, policy_of
from tests.support.engine_worlds import NOW, feed, hedging, order_of
from tests.support.simulated_daemon import Play, play

ORDER = LiveOrder(account="main", symbol="BTC/USDT:USDT", client_order_id="hhdg000100000199")


@dataclass
class Bench:
    """A watchdog whose time a test sets, and what it did."""

    directory: Path
    now_s: float = 100.0
    canceled: list[LiveOrder] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    hangs: bool = False

    def __post_init__(self) -> None:
        self.line = Lifeline(KillFile(self.directory), lambda: self.now_s)
        self.line.beating = True
        self.dog = Watchdog(
            self.line,
            directory=self.directory,
            cancel=self.cancel,
            tell=self.told.append,
            stuck_s=5.0,
            leave=self.leave,
            now=lambda: self.now_s,
        )

    def cancel(self, orders: Sequence[LiveOrder]) -> Sequence[str]:
        assert self.line.tripped, "first nothing may leave any more, then what left is canceled"
        self.canceled += orders
        return []

    def leave(self, code: int) -> None:
        self.left.append(code)
        self.gone.set()

    def pass_time(self, seconds: float, *, beats: bool) -> list[str]:
        """Look four times a second; what was found wrong."""
        found = []
        for _ in range(int(seconds * 4)):
            self.now_s += 0.25
            if beats:
                self.line.beat()
            found += [fault] if (fault := self.dog.look()) else []
        return found


def test_a_live_order_says_until_when_it_may_arrive_and_until_when_its_venue_bans_us(tmp_path: Path) -> None:
    sent = order_of(placed_at=NOW, ttl_ms=2_000)
    resting = order_of(sequence=2, placed_at=NOW, ttl_ms=2_000, venue_order_id="v1", status=OrderStatus.OPEN)
    line = Lifeline(KillFile(tmp_path))
    state = hedging("1", orders=[sent, resting])
    line.show(state)
    assert {one.client_order_id: one.arrives_until for one in line.live} == {
        sent.client_order_id: NOW + 2_000 + PROOF_LAG_MS,
        resting.client_order_id: 0,
    }
    for banned, until in ((True, NOW + 60_000), (False, 0)):
        quieted = VenueQuieted(account=ACCOUNT, until_at=NOW + 60_000, banned=banned, text="")
        line.show(feed(state, (NOW, quieted))[0])
        assert {one.banned_until for one in line.live} == {until}


def test_a_ban_reaches_the_watchdog_at_once_although_no_order_changed(tmp_path: Path) -> None:
    line = Lifeline(KillFile(tmp_path / "kill"))

    async def script(it: Play) -> None:
        it.daemon.loop._lifeline = line
        await it.until(lambda: bool(it.resting()), "resting")
        for seconds in (30, 40, 50):
            until = it.clock.now_ms() + seconds * 1000
            it.daemon.handle_now(VenueQuieted(account=ACCOUNT, until_at=until, banned=True, text="418"))
            assert {one.banned_until for one in line.live} == {until}

    play(script, policy_of(hedge_of()), tmp_path)


def test_a_loop_that_beats_is_left_alone(tmp_path: Path) -> None:
    assert Bench(tmp_path).pass_time(60, beats=True) == []


def test_a_loop_that_stands_still_for_longer_than_the_limit_is_found(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.pass_time(5, beats=False) == []
    assert bench.pass_time(0.25, beats=False) == ["the event loop has stood still for 5.2 s"]


def test_a_process_that_was_suspended_as_a_whole_gets_its_time_anew(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.pass_time(2, beats=True)
    bench.now_s += 3600
    assert bench.dog.look() is None
    assert bench.pass_time(4.75, beats=False) == []
    assert bench.pass_time(1, beats=False) != []


def test_before_and_after_the_run_nothing_is_expected_of_the_loop(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.line.beating = False
    assert bench.pass_time(60, beats=False) == []


def test_a_kill_that_the_loop_does_not_heed_is_found_and_one_that_it_heeds_is_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.line.attended = True
    bench.line.kill.latch("now")
    assert bench.pass_time(5, beats=True) == []
    assert bench.pass_time(0.5, beats=True)[0].startswith("a kill file has not been heeded for 5.")
    bench.line.halted = True
    assert bench.pass_time(20, beats=True) == []


def test_it_forbids_creates_cancels_writes_the_stacks_and_leaves_with_its_code(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.line.live = (ORDER,)
    with bench.dog:
        bench.now_s += 1
        for _ in range(40):  # half a limit at a time, or it would look like a process that was suspended
            bench.now_s += 2
            if bench.gone.wait(0.3):
                break
    assert bench.left == [EXIT_CODE]
    assert bench.canceled == [ORDER]
    assert bench.line.forbids() == "the watchdog has taken over"
    stacks = (tmp_path / "stacks.txt").read_text()
    assert "test_it_forbids_creates" in stacks
    assert (tmp_path / "stacks.txt").stat().st_mode & 0o777 == 0o600
    assert bench.told[0].endswith("orders that may have worked: 1, all are gone")


def test_a_disk_that_hangs_keeps_no_order_from_being_canceled(tmp_path: Path) -> None:
    """A pipe that nobody reads takes the stacks as such a disk does: whoever opens it waits for ever."""
    bench = Bench(tmp_path)
    bench.line.live = (ORDER,)
    os.mkfifo(tmp_path / "stacks.txt")
    thread = threading.Thread(target=lambda: bench.dog._take_over("it stood still"), daemon=True)
    thread.start()
    assert bench.gone.wait(LONGEST_KEEP_S + 5)
    assert bench.canceled == [ORDER]


def test_a_cancel_that_fails_is_told_and_does_not_keep_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.line.live = (ORDER,)
    bench.dog._cancel = lambda _: [ORDER.client_order_id]
    bench.dog._take_over("stuck")
    assert bench.left == [EXIT_CODE]
    assert f"not proven gone: {ORDER.client_order_id}" in bench.told[0]


def test_a_log_that_hangs_does_not_keep_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    never = threading.Event()

    def tell(_: str) -> None:
        never.wait(30)

    bench.dog._tell = tell
    begun_at = time.monotonic()
    bench.dog._take_over("stuck")
    assert bench.left == [EXIT_CODE]
    assert time.monotonic() - begun_at < 5
    never.set()


def test_a_kill_file_forbids_the_next_create_before_any_beat(tmp_path: Path) -> None:
    line = Lifeline(KillFile(tmp_path))
    assert line.forbids() is None
    (tmp_path / "kill").touch()
    assert line.forbids() == "the kill file is there"


def test_a_container_that_is_stopped_has_time_for_a_drain_and_then_for_the_watchdog() -> None:
    compose = (Path(__file__).parents[2] / "docker-compose.yml").read_text()
    granted = re.search(r"stop_grace_period: (\d+)s", compose)
    assert granted is not None
    dog_s = STUCK_S + LOOK_S + LONGEST_KEEP_S + LONGEST_CANCEL_S + LONGEST_TELL_S
    assert int(granted[1]) > DRAIN_S + EMERGENCY_S + dog_s


def test_it_ends_the_process_also_where_the_machine_gives_no_more_threads(tmp_path: Path) -> None:
    """Else a stuck loop would live on, and so would its orders: nobody starts it again."""
    bench = Bench(tmp_path)
    bench.line.live = (ORDER,)
    usual = threading.stack_size(2**47)  # more than there are addresses: no thread begins
    try:
        with pytest.raises(RuntimeError, match="can't start new thread"):
            threading.Thread(target=print).start()
        bench.dog._take_over("it stands still")
    finally:
        threading.stack_size(usual)
    assert bench.left == [EXIT_CODE]
