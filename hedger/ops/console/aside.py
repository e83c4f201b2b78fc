"""Work that may wait for the disk, done in a few threads beside the console's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TypeVar

from hedger.ops.console.access import Refused

T = TypeVar("T")


class Aside:
    """So many threads, and at most so many pieces of work at once: more are refused, not queued."""

    def __init__(self, name: str, *, threads: int, most: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most = most
        self._busy = 0

    async def do(self, work: Callable[[], T]) -> T:
        """What the work comes to, or what it raises. Raises Refused where too much waits already."""
        if self._busy >= self._most:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too many ask at once: ask again")
        self._busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._busy -= 1

    def close(self) -> None:
        """Take no more work; what was begun ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)
