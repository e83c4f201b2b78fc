"""A console whose thread dies is begun anew a few times, and says so when it stays dead."""

import http.client
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hedger.ops.console.lives import MOST_DEATHS, SILENT_S
from hedger.ops.console.server import Console
from hedger.ops.surroundings import Serving
from hedger.runtime.clock import stopwatch
from tests.support.console_stand import Clock, get, served

# What kills the thread is raised in it, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


class DeadlyClock(Clock):
    """A clock whose next readings in the console's own thread are a bug."""

    deaths = 0

    def __call__(self) -> float:
        if self.deaths and threading.current_thread().name == "console":
            self.deaths -= 1
            raise RuntimeError("a bug of ours")
        return self.seconds


def until(holds: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < ends_at, "nothing came of it"
        time.sleep(0.01)


def serves(console: Console) -> bool:
    try:
        return get(console, "/api/access").status == 200
    except (OSError, http.client.HTTPException):
        return False


def is_refused(port: int) -> bool:
    """Whether whoever comes is turned away, and not left waiting."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_thread_that_dies_is_begun_anew_on_the_same_port(tmp_path: Path) -> None:
    clock = DeadlyClock()
    with served(tmp_path, now=clock, again_s=0.01) as console:
        assert serves(console)
        assert console.serving() == Serving(None, 0)
        clock.deaths = 2
        until(lambda: console.serving().revived == 2)
        until(lambda: serves(console))
        assert console.serving() == Serving(None, 2)


def test_one_that_dies_again_and_again_stays_dead_and_says_so(tmp_path: Path) -> None:
    clock = DeadlyClock()
    with served(tmp_path, now=clock, again_s=0.01) as console:
        clock.deaths = 1_000
        until(lambda: console.serving().fault is not None)
        assert f"died {MOST_DEATHS} times in a row" in str(console.serving().fault)
        assert console.serving().revived == MOST_DEATHS - 1
        until(lambda: clock.deaths == 1_000 - MOST_DEATHS)
        clock.deaths = 0
        until(lambda: is_refused(console.port))


def test_deaths_that_are_far_apart_are_not_counted_together(tmp_path: Path) -> None:
    clock = DeadlyClock()
    with served(tmp_path, now=clock, again_s=0.01) as console:
        for death in range(1, MOST_DEATHS + 2):
            clock.seconds += 700
            clock.deaths = 1
            until(lambda death=death: console.serving().revived == death)  # type: ignore[misc]
        until(lambda: serves(console))


def test_an_event_loop_that_does_not_turn_is_told_of_until_it_does(tmp_path: Path) -> None:
    clock = Clock()
    with served(tmp_path, now=clock) as console:
        clock.seconds = SILENT_S + 1
        assert "has not turned for 31 s" in str(console.serving().fault)
        until(lambda: console.serving().fault is None)


def test_an_end_between_two_lives_waits_for_neither(tmp_path: Path) -> None:
    clock = DeadlyClock()
    with served(tmp_path, now=clock, again_s=60) as console:
        clock.deaths = 1
        until(lambda: not any(thread.name == "console" for thread in threading.enumerate()))
        assert console.serving() == Serving(None, 0), "it will be begun anew"
        began = stopwatch()
    assert stopwatch() - began < 2
