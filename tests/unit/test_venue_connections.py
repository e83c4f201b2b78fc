"""Connections that were given up: what they still say is nobody's, and none of them stays open."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hedger.model.message import StreamChanged
from hedger.runtime.ports import Hint
from hedger.venues.hints import HintQueue
from hedger.venues.link import Link
from hedger.venues.streams import LEAVE_S, Frames, Streams, Watch
from hedger.venues.watching import Unwatched

URL = "wss://venue/private"
NEWS = StreamChanged(account="main", up=True, text="news")


class FastClock:
    """A clock of which a second is a millisecond."""

    speed = 1_000.0

    def now_ms(self) -> int:
        return 1_790_000_000_000

    def span(self, seconds: float) -> float:
        return seconds / self.speed


class Everything:
    """Frames of which each is news."""

    def watches(self) -> Mapping[str, Watch]:
        return {"orders": Watch(begin=asyncio.Event().wait, silence_s=None, private=True)}

    def name_of(self, url: str) -> str | None:
        return "orders" if url == URL else None

    def is_news(self, name: str, message: Any) -> bool:
        return True

    def is_clients(self, message: Any) -> bool:
        return True

    def is_up(self, name: str, message: Any) -> bool:
        return True

    def use(self, name: str, message: Any, queue: HintQueue) -> str | None:
        queue.put(message)
        return None

    def maintain(self, broken: Any) -> None:
        return None


class Connection:
    """A client's connection, whose other end never lets go."""

    url, gunzip, last_message_at = URL, False, 0

    def handle_message(self, message: Any) -> None:
        """Nothing."""

    async def aiohttp_close(self) -> None:
        await asyncio.Event().wait()


class Stand:
    """Streams over a client of which a test moves the connections."""

    def __init__(self) -> None:
        self.queue = HintQueue("main")
        heard = lambda connection, message=None: None  # noqa: E731
        self.client = SimpleNamespace(clients={}, handle_message=heard, on_connected=heard)
        link = SimpleNamespace(client=self.client, account="main", clock=FastClock(), observer=Unwatched())
        self.streams = Streams(cast(Link, link), cast(Frames, Everything()), self.queue)

    def connect(self) -> Connection:
        connection = self.client.clients[URL] = Connection()
        self.client.on_connected(connection)
        return connection

    async def told(self) -> list[Hint]:
        found = []
        try:
            async with asyncio.timeout(0.01):
                while True:
                    found.append(await self.queue.get())
        except TimeoutError:
            return found


def test_a_frame_of_a_connection_that_another_has_replaced_is_no_news_and_shows_nothing_up() -> None:
    async def scenario() -> tuple[list[Hint], list[Hint]]:
        stand = Stand()
        old = stand.connect()
        stand.client.handle_message(old, NEWS)
        first = await stand.told()
        del stand.client.clients[URL]
        stand.client.handle_message(old, NEWS)
        stand.connect()
        await stand.told()
        stand.client.handle_message(old, NEWS)
        return first, await stand.told()

    first, late = asyncio.run(scenario())
    assert NEWS in first
    assert late == []


def test_a_connection_that_was_given_up_while_it_was_dialed_is_refused_and_shows_nothing_up() -> None:
    async def scenario() -> list[Hint]:
        stand = Stand()
        with pytest.raises(ConnectionError):
            stand.client.on_connected(Connection())
        return await stand.told()

    assert asyncio.run(scenario()) == []


def test_a_connection_whose_other_end_talks_on_is_closed_all_the_same() -> None:
    async def scenario() -> None:
        connection = Stand().connect()
        async with asyncio.timeout(LEAVE_S):
            await connection.aiohttp_close()

    asyncio.run(scenario())
