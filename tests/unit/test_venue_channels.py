"""Channels that are kept up: however long the venue stays away, it is tried again, and what flaps ever more seldom."""

import asyncio
from collections.abc import Callable

from hedger.model.message import StreamChanged
from hedger.venues.channels import LONGEST_PAUSE_S, STEADY_S, Channel, ChannelKeeper
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


def test_a_connection_that_cannot_be_closed_does_not_end_the_keeping_of_its_stream() -> None:
    clock, begun, again = SteppedClock(), 0, asyncio.Event()

    async def begin() -> None:
        nonlocal begun
        begun += 1
        if begun > 2:
            again.set()
        raise OSError

    async def cut() -> None:
        raise RuntimeError("the client stumbled")

    async def scenario() -> None:
        keeper = ChannelKeeper("main", clock, HintQueue("main"), [Channel(name="x", begin=begin, cut=cut, silence_s=1)])
        keeper.start()
        async with asyncio.timeout(5):
            await again.wait()
        await keeper.stop()

    asyncio.run(scenario())


async def nothing() -> None:
    """Nothing to cut."""


def flapping(clock: SteppedClock, up_s: float, breaks: int) -> list[float]:
    """The pauses after each break of a channel that is up for so long each time."""
    ended = asyncio.Event()

    async def scenario() -> None:
        lives = 0

        async def begin() -> None:
            nonlocal lives
            lives += 1
            if lives > breaks:
                ended.set()
            keeper.heard(channel)
            clock.now += int(up_s * 1000)
            raise OSError

        channel = Channel(name="orders", begin=begin, cut=nothing, silence_s=None, private=True)
        keeper = ChannelKeeper("main", clock, HintQueue("main"), [channel])
        keeper.start()
        async with asyncio.timeout(20):
            await ended.wait()
        await keeper.stop()

    asyncio.run(scenario())
    return clock.pauses[:breaks]


def test_a_stream_that_comes_and_goes_is_begun_ever_more_seldom() -> None:
    """A reading of the account must find room between two breaks, even where the venue answers slowly."""
    for up_s in (0.1, LONGEST_PAUSE_S + 1, STEADY_S - 1):
        pauses = flapping(SteppedClock(), up_s, 12)
        assert pauses == sorted(pauses)
        assert pauses[-1] == LONGEST_PAUSE_S
    assert set(flapping(SteppedClock(), STEADY_S, 12)) == {0.5}, "one that lasted is begun again at once"


def changes(act: Callable[[ChannelKeeper, Channel, Channel], None]) -> list[tuple[bool, bool]]:
    """What two channels, `books` and the private `orders`, told: (whether all are up, whether it is private)."""

    async def scenario() -> list[tuple[bool, bool]]:
        queue = HintQueue("main")
        books = Channel(name="books", begin=nothing, cut=nothing, silence_s=10)
        orders = Channel(name="orders", begin=nothing, cut=nothing, silence_s=None, private=True)
        keeper = ChannelKeeper("main", SteppedClock(), queue, [books, orders])
        act(keeper, books, orders)
        told = []
        try:
            while True:
                async with asyncio.timeout(0.01):
                    hint = await queue.get()
                assert isinstance(hint, StreamChanged)
                told.append((hint.up, hint.private))
        except TimeoutError:
            return told

    return asyncio.run(scenario())


def test_orders_that_are_told_again_are_told_so_although_the_books_are_down() -> None:
    def act(keeper: ChannelKeeper, books: Channel, orders: Channel) -> None:
        for channel in (books, orders):
            keeper.heard(channel)
        books.up = orders.up = False
        keeper.heard(orders)
        keeper.heard(books)

    assert changes(act) == [(True, True), (False, True), (True, False)]
