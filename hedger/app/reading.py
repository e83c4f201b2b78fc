"""Reads the configuration beside the loop: a disk that never answers holds up neither loop nor end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hedger.errors import AskAgain, ConfigError, HedgerError
from hedger.ops.console.aside import Aside
from hedger.settings.schema import Settings

PATIENCE_S = 10.0


class Reading:
    """Reads in one thread, a daemon, which neither the end of a loop nor that of the process waits for (the threads of
    asyncio's own pool are waited for). While a reading hangs no other begins, so that a dead disk costs one thread."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._aside = Aside("configuration", threads=1, most=1)

    async def read(self, read: Callable[[], Settings]) -> Settings:
        """What was read; no file brings the program down, whatever is in it. Raises AskAgain where the disk does not
        answer, and ConfigError for a failure of ours at what stands in the file."""
        reading = asyncio.ensure_future(self._aside.do(read))
        try:
            await asyncio.wait({reading}, timeout=self._patience_s)
            if not reading.done():
                raise AskAgain(f"the configuration could not be read within {self._patience_s:.0f} s: look at its disk")
        finally:
            reading.cancel()
        problem = reading.exception()
        if problem is None or isinstance(problem, HedgerError):
            return reading.result()
        raise ConfigError(
            f"reading it failed ({type(problem).__name__}), which is a bug of hedger: report it"
        ) from None

    def close(self) -> None:
        """Read no more; what hangs is left."""
        self._aside.close()
