"""An event loop whose time jumps to the next timer when nothing is ready: a day in seconds, and repeatable."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections import deque
from collections.abc import Coroutine, Mapping
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")
RESOLUTION_S = 1e-6


class Stalled(RuntimeError):
    """Every task waits for something that no timer will bring."""


class VirtualEventLoop(asyncio.SelectorEventLoop):
    """Time starts at `start_at_ms` and passes only while all tasks wait for timers.

    Sockets still work (they are polled, and waited for in real time only when no timer is left), threads do
    not: a virtual hour may pass before a thread's answer is looked at.
    """

    def __init__(self, start_at_ms: int) -> None:
        self._passed_s = 0.0
        self._start_at_ms = start_at_ms
        super().__init__(_JumpingSelector(self))
        self._clock_resolution = RESOLUTION_S  # a timer due within it is due: float sums do not spin the loop

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._passed_s

    def now_ms(self) -> int:
        """Virtual milliseconds since 1970, UTC."""
        return self._start_at_ms + round(self._passed_s * 1000)

    def pass_time(self, seconds: float) -> None:
        """Move time on. Called from a task, it is as if the whole process had been stopped for so long."""
        self._passed_s += seconds

    def look_at_ready(self) -> None:
        """Called before each round, with the callbacks that are ready."""


class SeededEventLoop(VirtualEventLoop):
    """A virtual loop that lets tasks which are ready at the same moment go on in an order from a seed.

    Only the steps of tasks change places, and only among themselves: asyncio promises no order between them. They are
    put in order of the tasks' making first, so that neither memory addresses nor hashes are chance.
    """

    def __init__(self, start_at_ms: int, seed: int) -> None:
        self._rng = Random(f"{seed}/order")
        super().__init__(start_at_ms)

    def look_at_ready(self) -> None:
        """Let chance decide among the tasks that are ready."""
        ready: deque[asyncio.Handle] = vars(self)["_ready"]
        if len(ready) < 2:
            return
        handles = list(ready)
        places = [place for place, handle in enumerate(handles) if _task_of(handle) is not None]
        if len(places) < 2:
            return
        steps = sorted((handles[place] for place in places), key=_made)
        self._rng.shuffle(steps)
        for place, handle in zip(places, steps, strict=True):
            handles[place] = handle
        ready.clear()
        ready.extend(handles)


def _task_of(handle: asyncio.Handle) -> asyncio.Task[Any] | None:
    """The task whose step a handle is, None for a plain callback."""
    owner = getattr(getattr(handle, "_callback", None), "__self__", None)
    return owner if isinstance(owner, asyncio.Task) else None


def _made(handle: asyncio.Handle) -> tuple[int, str]:
    """When a task was made: tasks are named by a counter."""
    task = _task_of(handle)
    name = task.get_name() if task is not None else ""
    return len(name), name


class _JumpingSelector(selectors.BaseSelector):
    """The real selector, except that instead of sleeping it moves the loop's time."""

    def __init__(self, loop: VirtualEventLoop) -> None:
        self._loop = loop
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None and len(self._real.get_map()) <= 1:  # the loop's own pipe is always there
            raise Stalled("every task waits for something that no timer will bring")
        self._loop.look_at_ready()
        ready = self._real.select(None if timeout is None else 0)
        if not ready and timeout:
            self._loop.pass_time(timeout)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def close(self) -> None:
        self._real.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()


class VirtualClock:
    """A `Clock` on the running virtual loop."""

    speed = math.inf

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC, on virtual time."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualEventLoop), "a virtual clock needs the virtual loop: use run_virtual"
        return loop.now_ms()

    def span(self, seconds: float) -> float:
        """Virtual seconds are the loop's own seconds."""
        return seconds

    async def sleep(self, seconds: float) -> None:
        """Wait that long on virtual time."""
        await asyncio.sleep(seconds)


def run_virtual(coroutine: Coroutine[Any, Any, T], start_at_ms: int, seed: int | None = None) -> T:
    """Run a coroutine on virtual time from `start_at_ms`, as `asyncio.run` does on real time.

    With a `seed`, chance decides which of the tasks that are ready goes first.
    """

    def loop() -> VirtualEventLoop:
        return VirtualEventLoop(start_at_ms) if seed is None else SeededEventLoop(start_at_ms, seed)

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(coroutine)
