"""Virtual time jumps, in order, and says so when it cannot."""

import asyncio
import time

import pytest

from hedger.sim.virtual_time import Stalled, VirtualClock, run_virtual

START = 1_700_000_000_000


def test_a_virtual_day_passes_in_no_time() -> None:
    async def sleep_a_day() -> int:
        clock = VirtualClock()
        await clock.sleep(86_400)
        return clock.now_ms()

    began = time.monotonic()
    assert run_virtual(sleep_a_day(), START) == START + 86_400_000
    assert time.monotonic() - began < 5


def test_timers_fire_in_order_at_their_own_times() -> None:
    async def race() -> list[tuple[str, int]]:
        clock, seen = VirtualClock(), []

        async def runner(name: str, seconds: float) -> None:
            await clock.sleep(seconds)
            seen.append((name, clock.now_ms() - START))

        await asyncio.gather(runner("c", 0.03), runner("a", 0.01), runner("b", 0.02), runner("b2", 0.02))
        return seen

    assert run_virtual(race(), START) == [("a", 10), ("b", 20), ("b2", 20), ("c", 30)]


def test_time_does_not_pass_while_something_is_ready() -> None:
    async def spin() -> int:
        clock = VirtualClock()
        for _ in range(1_000):
            await clock.sleep(0)
        return clock.now_ms()

    assert run_virtual(spin(), START) == START


def test_a_timeout_expires_on_virtual_time() -> None:
    async def wait() -> int:
        clock = VirtualClock()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3_600):
                await asyncio.Event().wait()
        return clock.now_ms()

    assert run_virtual(wait(), START) == START + 3_600_000


def test_small_sleeps_add_up_without_drift_in_the_milliseconds() -> None:
    async def step() -> int:
        clock = VirtualClock()
        for _ in range(10_000):
            await clock.sleep(0.007)
        return clock.now_ms()

    assert run_virtual(step(), START) == START + 70_000


def test_a_program_that_waits_for_nothing_is_told_so() -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stalled):
        run_virtual(wait(), START)


def order_of(seed: int | None) -> list[int]:
    """In which order eight tasks that are ready together go on."""
    went: list[int] = []

    async def go(number: int) -> None:
        await asyncio.sleep(1)
        went.append(number)

    async def all_of_them() -> None:
        await asyncio.gather(*(go(number) for number in range(8)))

    run_virtual(all_of_them(), 0, seed)
    return went


def test_who_of_the_ready_goes_first_is_the_seeds_choice_and_always_the_same() -> None:
    assert order_of(None) == order_of(None), "without a seed nothing is shuffled"
    assert order_of(7) == order_of(7)
    assert len({tuple(order_of(seed)) for seed in range(10)}) > 5
    assert sorted(order_of(7)) == list(range(8))


def test_plain_callbacks_keep_their_order_whatever_the_seed() -> None:
    went: list[int] = []

    async def call() -> None:
        for number in range(8):
            asyncio.get_running_loop().call_soon(went.append, number)
        await asyncio.sleep(1)

    run_virtual(call(), 0, 3)
    assert went == list(range(8))
