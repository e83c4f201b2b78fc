"""Channels that are kept up: however long the venue stays away, it is tried again."""

import asyncio

from hedger.venues.channels import LONGEST_PAUSE_S, Channel, ChannelKeeper
from hedger.venues.hints import HintQueue


class SteppedClock:
    """A clock on which only sleeping takes time."""

    speed = 1.0

    def __init__(self) -> None:
        self.now = 1_790_000_000_000
        self.pauses: list[float] = []

    def now_ms(self) -> int:
        return self.now

    def span(self, seconds: float) -> float:
        return seconds

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += int(seconds * 1000)
        await asyncio.sleep(0)


def test_a_stream_is_tried_again_after_more_than_a_thousand_failures() -> None:
    clock, begun, tried = SteppedClock(), 0, asyncio.Event()

    async def begin() -> None:
        nonlocal begun
        begun += 1
        if begun > 1100:
            tried.set()
        raise OSError

    async def cut() -> None:
        """Nothing to cut."""

    async def scenario() -> None:
        channel = Channel(name="books", begin=begin, cut=cut, silence_s=10)
        keeper = ChannelKeeper("main", clock, HintQueue("main"), [channel])
        keeper.start()
        async with asyncio.timeout(20):
            await tried.wait()
        await keeper.stop()

    asyncio.run(scenario())
    assert clock.pauses[0] < 1
    assert max(clock.pauses) == clock.pauses[-1] == LONGEST_PAUSE_S
