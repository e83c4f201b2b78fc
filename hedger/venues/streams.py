"""The streams of one account: ccxt connects and subscribes, and we read the frames ourselves."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import WSMessage, WSMsgType

from hedger.venues.channels import Channel, ChannelKeeper
from hedger.venues.hints import HintQueue
from hedger.venues.link import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One connection's worth of news before it is begun.

    `begin` has the client subscribe, and returns only when the stream breaks. `silence_s` is how long it may say
    nothing, None where silence is usual; `private`: it tells of our orders, and is up once it is connected.
    """

    begin: Callable[[], Awaitable[object]]
    silence_s: float | None
    private: bool = False


# As large as the client lets a frame be; one that is packed may not be larger when it is unpacked.
LARGEST_FRAME = 10 * 1024 * 1024
# How long (of the clock) a connection that is given up may take to close.
LEAVE_S = 5.0
_GZIP = 16 + zlib.MAX_WBITS
# Where ccxt notes that a listen key is being asked for: whoever comes next waits for that answer.
_ASKED_FOR = "authenticationFlights"


class Frames(Protocol):
    """How one venue's streams are begun and read."""

    def watches(self) -> Mapping[str, Watch]:
        """What is watched, by a name of ours for each connection."""

    def name_of(self, url: str) -> str | None:
        """Which watch a connection to an address serves, None for none of ours."""

    def is_news(self, name: str, message: Any) -> bool:
        """Whether a frame (decoded JSON, or text) carries news for us; the rest, such as answers to subscriptions and
        pongs, is the client's."""

    def is_clients(self, message: Any) -> bool:
        """Whether the client should see a frame that is no news; it may trip over a form that it does not know."""

    def is_up(self, name: str, message: Any) -> bool:
        """Whether a frame that is no news (None: the connection itself) shows that a stream stands, such as the answer
        to a subscription; a private one stands when we are logged in."""

    def use(self, name: str, message: Any, queue: HintQueue) -> str | None:
        """Read a frame of news into hints; what it says if the stream is over. ValueError for an unclear one."""

    def maintain(self, broken: Callable[[str, str], None]) -> Coroutine[Any, Any, None] | None:
        """What must be done as long as the streams stand, such as renewing a key; None where nothing must.

        `broken` ends a watch by its name, with a reason.
        """


class Streams:
    """Keeps the watches of one account up, and reads what they say."""

    def __init__(self, link: Link, frames: Frames, queue: HintQueue) -> None:
        self._link = link
        self._frames = frames
        self._queue = queue
        watches = frames.watches()
        self._channels = {name: self._channel(name, watch) for name, watch in watches.items()}
        self._keeper = ChannelKeeper(link.account, link.clock, queue, list(self._channels.values()))
        self._upkeep: asyncio.Task[None] | None = None
        self._listen()

    def start(self) -> None:
        """Connect; at once if it was done before."""
        self._keeper.start()
        if self._upkeep is None and (work := self._frames.maintain(self._break)) is not None:
            self._upkeep = asyncio.create_task(work)

    async def stop(self) -> None:
        """Disconnect."""
        if self._upkeep is not None:
            self._upkeep.cancel()
            await asyncio.gather(self._upkeep, return_exceptions=True)
            self._upkeep = None
        await self._keeper.stop()

    def _break(self, name: str, why: str) -> None:
        self._channels[name].broken = why

    def _channel(self, name: str, watch: Watch) -> Channel:
        async def begin() -> None:
            # ccxt's own pause between dials sleeps real seconds reckoned on our clock; the keeper pauses instead.
            self._link.client.ws_dial_backoff = {}
            await self._link.lanes.quiet.over()
            # Of a question that we gave up the note stays for ever: each begin would wait for an answer to nobody.
            self._link.client.clients.pop(_ASKED_FOR, None)
            await watch.begin()

        return Channel(
            name=name, begin=begin, cut=lambda: self._cut(name), silence_s=watch.silence_s, private=watch.private
        )

    async def _cut(self, name: str) -> None:
        """Close the connections of a channel. Those that wait on them are ours and already canceled."""
        clients = self._link.client.clients
        for url in [url for url in clients if self._frames.name_of(url) == name]:
            connection = clients.pop(url, None)
            if connection is not None:
                await connection.close()

    def _listen(self) -> None:
        """Hear every frame before ccxt: what carries news is ours, the rest (acks, errors) is its."""
        client = self._link.client
        handle, connected = client.handle_message, client.on_connected

        def on_frame(connection: Any, message: Any) -> None:
            if self._is_given_up(connection):
                return  # It was given up: what it still says is not of the connection that took its place.
            if not self._take(connection.url, message) and self._frames.is_clients(message):
                handle(connection, message)
                # A pong may have been noted by the venue's time, and is missed by the machine's.
                connection.lastPong = connection.last_message_at

        def on_connected(connection: Any, message: Any = None) -> None:
            self._guard(connection)
            if self._is_given_up(connection):
                raise ConnectionError("it was given up while it was dialed")  # The client closes it, then.
            connected(connection, message)
            name = self._frames.name_of(connection.url)
            if name in self._channels and self._frames.is_up(name, None):
                self._keeper.heard(self._channels[name])

        client.handle_message, client.on_connected = on_frame, on_connected

    def _is_given_up(self, connection: Any) -> bool:
        """Whether the client or we have let go of a connection."""
        return self._link.client.clients.get(connection.url) is not connection

    def _guard(self, connection: Any) -> None:
        """Let no frame end the client's reading of a connection, which would stay open and say nothing more; and let
        nobody keep it open by talking on after we took our leave."""
        read, packed, close = connection.handle_message, connection.gunzip, connection.aiohttp_close
        connection.gunzip = False

        def read_frame(message: WSMessage) -> None:
            try:
                if packed and message.type is WSMsgType.BINARY:
                    message = message._replace(data=_unpacked(message.data))
                read(message)
            except Exception:
                self._stumbled(connection)

        async def close_soon() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._link.clock.span(LEAVE_S)):
                    await close()

        connection.handle_message, connection.aiohttp_close = read_frame, close_soon

    def _stumbled(self, connection: Any) -> None:
        """A frame could not be read: of our orders something may be missed, and that stream begins again."""
        if self._is_given_up(connection):
            return
        name = self._frames.name_of(connection.url)
        self._link.observer.frame_ignored(self._link.account, f"{name}: a frame is not understood")
        channel = self._channels.get(name) if name is not None else None
        if channel is not None and channel.private:
            channel.broken = "an order update is not understood"

    def _take(self, url: str, message: Any) -> bool:
        """Whether a frame was ours to use."""
        name = self._frames.name_of(url)
        channel = self._channels.get(name) if name is not None else None
        if name is None or channel is None:
            return False
        if not self._frames.is_news(name, message):
            if self._frames.is_up(name, message):
                self._keeper.heard(channel)
            return False
        self._keeper.heard(channel)
        over = self._frames.use(name, message, self._queue)
        if over is not None:
            channel.broken = over
        return True


def _unpacked(data: bytes) -> bytes:
    """What gzip packed; ValueError where that is cut or larger than a frame may be."""
    unpacking = zlib.decompressobj(_GZIP)
    found = unpacking.decompress(data, LARGEST_FRAME)
    if not unpacking.eof:
        raise ValueError("a packed frame is cut, or too large")
    return found
