"""Work that may wait for the disk, done in a few threads beside the console's event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from http import HTTPStatus
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from hedger.ops.console.access import Refused

T = TypeVar("T")


class Aside:
    """So many threads, and at most so many pieces of work at once: more are refused, not queued.

    The threads are daemons, unlike a `ThreadPoolExecutor`'s: a disk that never answers must not keep the process alive.
    """

    def __init__(self, name: str, *, threads: int, most: int) -> None:
        self._asked: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._threads = threads
        self._most = most
        self._busy = 0
        for number in range(threads):
            threading.Thread(target=self._run, daemon=True, name=f"{name}-{number}").start()

    async def do(self, work: Callable[[], T]) -> T:
        """What the work comes to, or what it raises. Raises Refused where too much waits already."""
        if self._busy >= self._most:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too many ask at once: ask again")
        self._busy += 1
        try:
            future: Future[T] = Future()
            self._asked.put((future, work))
            return await asyncio.wrap_future(future)
        finally:
            self._busy -= 1

    def close(self) -> None:
        """Take no more work; what was begun ends by itself."""
        with suppress(Empty):
            while (piece := self._asked.get_nowait()) is not None:
                piece[0].cancel()
        for _ in range(self._threads):
            self._asked.put(None)

    def _run(self) -> None:
        while (piece := self._asked.get()) is not None:
            future, work = piece
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except Exception as problem:
                future.set_exception(problem)
