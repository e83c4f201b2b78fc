"""How often BingX is asked each question: of an account each has a limit of its own, and who passes it is shut out for
five minutes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from hedger.runtime.ports import Clock

# A second, and by how much requests may come closer together on their way.
SPAN_MS = 1_200
# Published: five a second of each, and two of the modes.
_USUAL, _OF_MODES = 5, 2
_MODES = frozenset({"positionSide/dual", "trade/assetMode", "trade/marginType", "trade/leverage"})


class Paces:
    """Lets each question leave as often as the venue allows; one more waits."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[str, asyncio.Lock] = {}
        self._left_at: dict[str, deque[int]] = {}

    async def turn(self, question: str, most: int) -> None:
        """Return when a question may leave, which it may `most` times in a span."""
        async with self._lines.setdefault(question, asyncio.Lock()):
            left_at = self._left_at.setdefault(question, deque(maxlen=most))
            wait_ms = left_at[0] + SPAN_MS - self._clock.now_ms() if len(left_at) == most else 0
            if wait_ms > 0:
                await self._clock.sleep(wait_ms / 1000)
            left_at.append(self._clock.now_ms())


def keep_pace(client: Any, clock: Clock) -> None:
    """Have a client ask what is ours, and set modes, no more often than the venue allows.

    Creates, cancels and the countdown have lanes of their own, and nothing waits before them here.
    """
    paces, ask = Paces(clock), client.request

    async def request(path: str, api: Sequence[str], method: str, *more: Any, **named: Any) -> Any:
        most = _most(path, api, method)
        if most is not None:
            await paces.turn("/".join((*api, path)), most)
        return await ask(path, api, method, *more, **named)

    client.request = request


def _most(path: str, api: Sequence[str], method: str) -> int | None:
    """How often a request may leave in a second; None for one that never waits."""
    if "private" not in api:
        return None
    if path in _MODES:
        return _OF_MODES
    return _USUAL if method == "GET" else None
