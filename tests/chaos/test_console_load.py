"""The console under attack: whatever its clients do, the loop that trades turns, and a kill works; nothing grows."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from hedger.ops.console.feed import Feed
from hedger.ops.console.seats import MOST_CONNECTIONS
from hedger.ops.console.server import Console
from hedger.runtime.kill import KillFile
from tests.support import ops_states
from tests.support.console_stand import Listener, feed_of, post, served, until
from tests.support.fair_time import FairTime, waits_of_this_thread

ROOT = Path(__file__).resolve().parents[2]
BEAT_S = 0.001
EVENTS_EVERY = 60  # beats: about ten events a second, as a busy hedger has
WORST_S = 0.25  # a quarter of what stops creates (`breakers.lag_s`), on a machine that has other work
LOAD_S = 4.0
STUCK = """
import sys, threading
from pathlib import Path
from hedger.ops.console.desk import Lookouts
from tests.support.console_stand import post, served

begun = threading.Event()

def never():
    begun.set()
    threading.Event().wait()

with served(Path(sys.argv[1]), lookouts=Lookouts(reload=never)) as console:
    threading.Thread(target=post, args=(console, "/api/reload", {"reason": "x"}), daemon=True).start()
    assert begun.wait(10)
"""


@pytest.fixture
def feed() -> Feed:
    """Twenty hedges."""
    policy = ops_states.policy(*(f"C{n}" for n in range(20)))
    return feed_of(policy, ops_states.hedging_state(policy))


@pytest.fixture
def console(tmp_path: Path, feed: Feed) -> Iterator[Console]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    gc.collect()
    gc.freeze()  # as the daemon does once it has started
    try:
        with served(tmp_path, feed) as serving:
            yield serving
    finally:
        gc.unfreeze()
        structlog.reset_defaults()


async def lateness(feed: Feed, seconds: float) -> list[float]:
    """How late (s) the timers of a loop were that hands ten states a second to the console; the latest last.

    What other programs kept it from running is not counted; what other threads of its own did is.
    """
    assert feed.seen is not None
    loop, base, late = asyncio.get_running_loop(), feed.seen.state, []
    ends_at = loop.time() + seconds
    while loop.time() < ends_at:
        waited_s, due = waits_of_this_thread(), loop.time() + BEAT_S
        await asyncio.sleep(BEAT_S)
        late.append(loop.time() - due - (waits_of_this_thread() - waited_s))
        if len(late) % EVENTS_EVERY == 0:
            feed.update(base._replace(now=base.now + len(late), mode_reason=f"event {len(late)}"))
    return sorted(late)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_stalled_browsers_and_a_flood_do_not_slow_the_loop_that_trades(
    tmp_path: Path, console: Console, feed: Feed
) -> None:
    quiet = asyncio.run(lateness(feed, 1.5))
    files, memory = open_files(), resident_mb()
    command = [sys.executable, "-m", "tests.support.console_load", str(console.port), str(LOAD_S)]
    load = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        until(lambda: open_files() > files + 16)
        loaded = asyncio.run(lateness(feed, LOAD_S / 2))
        assert open_files() <= files + MOST_CONNECTIONS + 8
        took = FairTime()
        assert post(console, "/api/kill").status == 202
        answered_s = took.seconds
    finally:
        told, _ = load.communicate(timeout=120)
    assert load.returncode == 0
    assert KillFile(tmp_path).exists()
    worst, before, middle = loaded[-1], quiet[-1], loaded[len(loaded) // 2]
    said = f"worst {worst * 1e3:.1f} ms (before {before * 1e3:.1f}), median {middle * 1e3:.2f} ms; {told.strip()}"
    assert worst < max(WORST_S, 4 * before), said
    assert middle < 0.02, said
    assert answered_s < 3, said
    assert resident_mb() - memory < 40
    until(lambda: open_files() <= files + 4)


def test_a_stream_that_is_read_goes_on_beside_those_that_are_not(console: Console, feed: Feed) -> None:
    with Listener(console) as client:
        assert client.next()[0] == "snapshot"
        command = [sys.executable, "-m", "tests.support.console_load", str(console.port), "1.5"]
        load = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        heard = 0
        assert feed.seen is not None
        base = feed.seen.state
        while load.poll() is None:
            feed.update(base._replace(now=base.now + heard + 1, mode_reason=f"event {heard}"))
            client.next("change")
            heard += 1
        assert heard > 3


@pytest.mark.parametrize("stands", ["asleep", "spinning"])
def test_a_kill_works_while_the_loop_that_trades_stands_still(tmp_path: Path, console: Console, stands: str) -> None:
    standing, answered = threading.Event(), threading.Event()

    def press() -> None:
        assert standing.wait(60)
        if post(console, "/api/kill").status == 202:
            answered.set()

    async def stuck() -> bool:
        ends_at = time.monotonic() + 60
        standing.set()
        if stands == "asleep":
            return answered.wait(60)
        while time.monotonic() < ends_at and not answered.is_set():
            pass
        return answered.is_set()

    presser = threading.Thread(target=press)
    presser.start()
    assert asyncio.run(stuck()), "answered while the loop stood still"
    presser.join()
    assert KillFile(tmp_path).exists()


def test_a_disk_that_never_answers_does_not_hold_up_the_end_of_the_process(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", STUCK, str(tmp_path)], cwd=ROOT, timeout=120, check=False)
    assert ended.returncode == 0
