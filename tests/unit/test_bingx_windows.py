"""BingX's lists by windows of time: each is asked for at a pace that the venue allows."""

import asyncio

from hedger.model.spans import DAY_MS
from hedger.venues.bingx.windows import whole

AT = 1_790_000_000_000


def test_windows_are_not_asked_for_faster_than_the_venue_allows() -> None:
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    async def ask(start: int, end: int) -> list[int]:
        return [start]

    found = asyncio.run(whole("fills", AT, AT + 20 * DAY_MS, 1_000, ask, rest))
    assert len(found) == 3
    assert len(rests) == 2
    assert min(rests) >= 1 / 5
