"""Binance's public streams as they come, for a recorder: ccxt connects, and every frame is handed on unread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from hedger.errors import AskAgain, ConfigError
from hedger.model.message import StreamChanged
from hedger.runtime.clock import stopwatch
from hedger.runtime.ports import Clock
from hedger.venues.binance.codes import LIVE, OPTIONS, hear
from hedger.venues.channels import Channel, ChannelKeeper
from hedger.venues.client import Credentials, assert_safe, build_client
from hedger.venues.hints import HintQueue
from hedger.venues.network import Network, open_session
from hedger.venues.outcome import Scrub, attempt, describe

KINDS = {"trade": "trade", "bookTicker": "bookTicker", "depthUpdate": "depth@100ms"}
DEEPEST = 1_000
NOT_LISTED = -1121
SETTLE_S = 0.25  # the first differences come before the snapshot that they continue
SILENCE_S = 60.0
READ_WINDOW_MS = 10_000
MOST_WAITING = 65_536
MOST_FAILURES = 8  # in a row, with the keeper's pauses between them: a minute and a half
REMEDY = "check the network, and whether Binance serves this place"

_scrub = Scrub()


class RawFrame(NamedTuple):
    """One message as Binance sent it. `stream` is its name (`btcusdt@trade`), empty for a depth snapshot.

    `received_ns` is nanoseconds since 1970, UTC, on the recorder's clock.
    """

    received_ns: int
    stream: str
    data: Mapping[str, Any]


@asynccontextmanager
async def raw_binance(network: Network, clock: Clock) -> AsyncIterator[RawBinance]:
    """The public streams of real Binance, or of whatever bears its host names in `network`. No keys are needed."""
    session = open_session(network, LIVE.hosts)
    client = build_client(
        "binance",
        credentials=Credentials(api_key="", secret=""),
        session=session,
        clock=clock,
        answer_s=network.answer_s,
        options={**OPTIONS, "recvWindow": READ_WINDOW_MS},
        answered=lambda *_: None,
    )
    try:
        assert_safe(client, clock)
        yield RawBinance(client, clock, network.answer_s)
    finally:
        await client.close()
        await session.close()


class RawBinance:
    """Both markets over one client, each symbol on a connection of its own: its messages keep their order."""

    def __init__(self, client: Any, clock: Clock, answer_s: float) -> None:
        self._client = client
        self._clock = clock
        self._answer_s = answer_s
        self._lines: dict[str, _Line] = {}
        client.handle_message = self._hear

    async def raw_frames(self, symbol: str) -> AsyncIterator[RawFrame]:
        """Trades, best prices and depth of a symbol (`BTC/USDT`, `BTC/USDT:USDT`), with a depth snapshot each time
        that the stream begins. A stream that breaks begins again, after a gap.

        Raises ConfigError for a symbol that is not listed, AskAgain when Binance is not reached or stays away.
        """
        line = _Line(self._client, self._clock, self._answer_s, symbol, len(self._lines))
        self._lines[line.url] = line
        try:
            async for frame in line.frames():
                yield frame
        finally:
            del self._lines[line.url]

    def _hear(self, connection: Any, message: Any) -> None:
        line = self._lines.get(connection.url)
        if line is not None and isinstance(message, dict):
            line.hear(message)


class _Line:
    """The connection of one symbol: kept up by a `ChannelKeeper`, its frames waiting for one reader."""

    def __init__(self, client: Any, clock: Clock, answer_s: float, symbol: str, number: int) -> None:
        self._client = client
        self._clock = clock
        self._answer_s = answer_s
        self._raw = symbol.partition(":")[0].replace("/", "")
        self._what = f"binance: {symbol}"
        self._depth = client.fapipublic_get_depth if ":" in symbol else client.public_get_depth
        self.url = f"{client.get_ws_url('linear' if ':' in symbol else 'spot', 'public')}/{number}"
        self._waiting: asyncio.Queue[RawFrame | BaseException] = asyncio.Queue()
        self._began_ns, self._began_s = clock.now_ms() * 1_000_000, stopwatch()
        self._hints = HintQueue(symbol)
        self._channel = Channel(name="public", begin=self._begin, cut=self._cut, silence_s=SILENCE_S)
        self._keeper = ChannelKeeper(symbol, clock, self._hints, [self._channel])

    async def frames(self) -> AsyncIterator[RawFrame]:
        """Every frame; raises what ended them."""
        await self._read_depth(5)
        following = asyncio.create_task(self._follow())
        following.add_done_callback(self._end)
        self._keeper.start()
        try:
            while True:
                frame = await self._waiting.get()
                if isinstance(frame, BaseException):
                    raise frame
                yield frame
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await self._keeper.stop()

    # --- the connection ----------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        """Subscribe, and return only when the connection breaks, by an error."""
        self._client.ws_dial_backoff = {}  # the keeper pauses instead
        names = [f"{self._raw.lower()}@{kind}" for kind in KINDS.values()]
        request = {"method": "SUBSCRIBE", "params": names, "id": 1}
        await self._client.watch(self.url, "raw", request, "raw")

    async def _cut(self) -> None:
        connection = self._client.clients.pop(self.url, None)
        if connection is not None:
            await connection.close()

    def hear(self, message: dict[str, Any]) -> None:
        """Take a frame: a stream's, or the answer to the subscription."""
        if "error" in message:
            self._channel.broken = _scrub(f"the subscription was refused: {message['error']}")
            return
        self._keeper.heard(self._channel)
        data = message["data"] if isinstance(message.get("data"), dict) else message
        kind = KINDS.get(data.get("e", "bookTicker" if "b" in data and "a" in data else ""))
        if kind is not None:
            self._put(f"{self._raw.lower()}@{kind}", data)

    def _put(self, stream: str, data: Mapping[str, Any]) -> None:
        if self._waiting.qsize() >= MOST_WAITING:
            self._channel.broken = f"{MOST_WAITING} frames wait to be written"
            return
        passed_ns = (stopwatch() - self._began_s) * self._clock.speed * 1e9
        self._waiting.put_nowait(RawFrame(self._began_ns + int(passed_ns), stream, data))

    # --- beginnings and ends -----------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Add a snapshot whenever the stream begins. Raises AskAgain when it never does, or no more."""
        failures, whole = 0, False
        while True:
            change = await self._hints.get()
            if isinstance(change, StreamChanged) and change.up:
                await self._clock.sleep(SETTLE_S)
                if await self._add_snapshot():
                    failures, whole = 0, True
            elif isinstance(change, StreamChanged):
                failures += 1
                if not whole:
                    raise AskAgain(f"{self._what}: its stream did not begin ({change.text}): {REMEDY}.")
                if failures >= MOST_FAILURES:
                    text = f"its stream broke and did not come back ({change.text}): {REMEDY}; what came is kept"
                    raise AskAgain(f"{self._what}: {text}.")

    async def _add_snapshot(self) -> bool:
        """Whether the book was read; the stream begins again where it was not."""
        try:
            self._put("", await self._read_depth(DEEPEST))
        except AskAgain as problem:
            self._channel.broken = str(problem)
            return False
        return True

    def _end(self, following: asyncio.Task[None]) -> None:
        if not following.cancelled() and (problem := following.exception()) is not None:
            self._waiting.put_nowait(problem)

    async def _read_depth(self, limit: int) -> Mapping[str, Any]:
        """The book, whole. It also tells whether Binance is reached and lists the symbol."""
        result = await attempt(lambda: self._depth({"symbol": self._raw, "limit": limit}), self._answer_s + 1, hear)
        if result.code == NOT_LISTED:
            raise ConfigError(f"{self._what} is not listed: correct the symbol.")
        book = result.answer
        if result.failure is None and result.evidence.status == 200 and isinstance(book, dict) and "bids" in book:
            return book
        raise AskAgain(f"{self._what}: its book could not be read ({describe(result, _scrub)}): {REMEDY}.")
