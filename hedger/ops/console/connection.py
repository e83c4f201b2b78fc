"""One connection to the console: aiohttp's own, with a seat and small limits, and no answer with the client's words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web

from hedger.ops.console.answers import json_answer
from hedger.ops.console.seats import Seats
from hedger.ops.events import LogEvent

LARGEST_LINE, LARGEST_FIELD, MOST_HEADERS = 2_048, 4_096, 64


class Server(web.Server):
    """Makes a connection of ours of each that comes, with small limits and no log of what clients say."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], seats: Seats) -> None:
        super().__init__(
            handler,
            access_log=None,
            auto_decompress=False,
            lingering_time=1.0,
            max_line_size=LARGEST_LINE,
            max_field_size=LARGEST_FIELD,
            max_headers=MOST_HEADERS,
        )
        self._seats = seats

    def __call__(self) -> web.RequestHandler:
        """A new connection."""
        return Connection(self, self._seats, loop=self._loop, **self._kwargs)


class Connection(web.RequestHandler):
    """One connection with its seat; a request that is not even HTTP gets a status and no words of the client's."""

    def __init__(self, server: Server, seats: Seats, **more: Any) -> None:
        super().__init__(server, **more)
        self._seats = seats
        self._seated: asyncio.BaseTransport | None = None
        self.drained = asyncio.Event()
        self.drained.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a seat. Whatever is not on its way to the client at once counts as not taken by it."""
        super().connection_made(transport)
        if isinstance(transport, asyncio.Transport):
            transport.set_write_buffer_limits(high=0)
            self._seated = transport
            self._seats.take(transport)

    def pause_writing(self) -> None:
        """The client does not read as fast as we write."""
        super().pause_writing()
        self.drained.clear()

    def resume_writing(self) -> None:
        """The client has taken everything."""
        super().resume_writing()
        self.drained.set()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Leave the seat."""
        if self._seated is not None:
            self._seats.leave(self._seated)
        self.drained.set()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """A status and its own words; what is our fault goes to the log."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            structlog.get_logger("hedger.console").error(LogEvent.CONSOLE_FAILED, exc_info=exc)
        return json_answer(HTTPStatus(status), {"error": HTTPStatus(status).phrase})

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """What went wrong in aiohttp itself."""
        structlog.get_logger("hedger.console").error(LogEvent.CONSOLE_FAILED, exc_info=kw.get("exc_info"))
