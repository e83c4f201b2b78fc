"""The real clock: steps of the wall clock are not followed, and a machine that slept shows it."""

import time

from hedger.runtime.clock import SystemClock


class Machine:
    """A wall clock that a person sets, and a steady one that only goes on."""

    def __init__(self) -> None:
        self.wall_s = 1_800_000_000.0
        self.steady_s = 50.0

    def clock(self) -> SystemClock:
        return SystemClock(wall=lambda: self.wall_s, steady=lambda: self.steady_s)

    def pass_time(self, seconds: float) -> None:
        self.wall_s += seconds
        self.steady_s += seconds


def test_a_step_of_the_wall_clock_is_not_followed() -> None:
    machine = Machine()
    clock = machine.clock()
    for step_s in (-3600.0, 7200.0, -86_400.0):
        before = clock.now_ms()
        machine.wall_s += step_s
        assert clock.now_ms() == before
        machine.pass_time(1.5)
        assert clock.now_ms() == before + 1500


def test_a_machine_that_slept_shows_a_gap() -> None:
    machine = Machine()
    clock = machine.clock()
    before = clock.now_ms()
    machine.pass_time(7200.0)
    assert clock.now_ms() - before == 7_200_000


def test_the_steady_clock_counts_the_sleep_of_the_machine_where_the_platform_can() -> None:
    clock, since_boot = SystemClock(), time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
    assert abs(clock._steady() - since_boot) < 1


def test_the_first_moment_is_the_wall_clock_s() -> None:
    assert abs(SystemClock().now_ms() - time.time() * 1000) < 1000
