"""One client's WebSocket: frames wait in a bounded queue, and a client that does not read them is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from hedger.sim.dialects.requests import Body, encode

MOST_WAITING = 4_096
Wrap = Callable[[str, Body], Body]


class Line:
    """Takes frames without ever blocking who tells them; `pump` sends them."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, wrap: Wrap) -> None:
        self._socket = socket
        self._transport = transport
        self._wrap = wrap
        self._waiting: asyncio.Queue[str | None] = asyncio.Queue(MOST_WAITING)

    def tell(self, stream: str, body: Body) -> None:
        """Queue a frame of a stream."""
        self._put(encode(self._wrap(stream, body)))

    def reply(self, body: Body) -> None:
        """Queue the answer to a request frame."""
        self._put(encode(body))

    def hang_up(self) -> None:
        """Close in good form once what waits is sent."""
        self._put(None)

    def drop(self) -> None:
        """Break the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    async def pump(self) -> None:
        """Send what waits until the line is hung up or breaks."""
        while (frame := await self._waiting.get()) is not None:
            try:
                await self._socket.send_str(frame)
            except ConnectionError:
                return
        await self._socket.close(code=1001, message=b"")

    def _put(self, frame: str | None) -> None:
        try:
            self._waiting.put_nowait(frame)
        except asyncio.QueueFull:
            self.drop()
