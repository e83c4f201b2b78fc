"""Exchanges at their venues' addresses: HTTPS and WSS on loopback, routed by the Host header."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from aiohttp import web

from hedger.sim.dialects.board import Board
from hedger.sim.dialects.line import Line
from hedger.sim.dialects.mishaps import NEVER_SEEN, Mishap, Mishaps, Outage
from hedger.sim.dialects.requests import Answer, Request

PULSE_S = 0.005  # stream news are gathered this long (real time) before they are told
HEARTBEAT_S = 20.0
CONNECTION_MS = 24 * 3_600_000
MOST_BYTES = 1 << 20


class DialectServer:
    """Serves exchanges, each at the hosts of its board. `now` gives the time (ms) to which they are moved before each
    request."""

    def __init__(self, boards: Sequence[Board], *, now: Callable[[], int] | None = None) -> None:
        self._now = now
        self.boards = tuple(boards)
        for board in self.boards:
            board.wake = self._wake
        self._by_host = {host: board for board in self.boards for host in board.hosts}
        self.mishaps = Mishaps()
        self._outages: dict[int, Outage] = {}  # by the place of the board
        self._lines: dict[Line, Board] = {}
        self._pulse: asyncio.TimerHandle | None = None
        self._runner: web.ServerRunner | None = None
        self.requests = 0
        self.busy_s = 0.0

    @property
    def connections(self) -> int:
        """How many WebSockets are open."""
        return len(self._lines)

    async def start(self, chain: Path, port: int = 0) -> int:
        """Listen on loopback with the certificate and key in `chain` (PEM); the port, a free one for 0."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        self._runner = web.ServerRunner(web.Server(self._handle), access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=context).start()
        host_and_port: tuple[str, int] = self._runner.addresses[0]
        return host_and_port[1]

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        self.drop_streams()
        if self._pulse is not None:
            self._pulse.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    def drop_streams(self, of: Board | None = None) -> None:
        """Break every WebSocket at once, as a failing network does, or those of one venue."""
        for line, board in tuple(self._lines.items()):
            if of is None or board is of:
                line.drop()

    def trouble(self, board: Board, outage: Outage | None) -> None:
        """From now on a venue is out of reach, or (None) it is there again."""
        place = self.boards.index(board)
        if outage is None:
            self._outages.pop(place, None)
            return
        self._outages[place] = outage
        self.drop_streams(board)

    def catch_up(self) -> None:
        """Move the exchanges to the present."""
        if self._now is not None:
            began = time.perf_counter()
            for board in self.boards:
                board.exchange.advance(max(self._now(), board.exchange.now))
            self.busy_s += time.perf_counter() - began

    # --- requests ----------------------------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        host = request.host.partition(":")[0].lower()
        path, _, query = request.raw_path.partition("?")
        self.requests += 1
        board = self._by_host.get(host)
        if board is None:
            return web.Response(status=404)
        outage = self._outages.get(self.boards.index(board))
        if outage is not None:
            return self._turned_away(request, outage)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve_line(board, request, host, path, query)
        body = (await request.read()).decode("utf-8", "replace")
        asked = Request(
            method=request.method,
            path=path,
            query=query,
            body=body,
            headers={name.lower(): value for name, value in request.headers.items()},
            address=request.remote or "",
        )
        mishap = self.mishaps.take(asked.method, path)
        answer = None
        if mishap not in NEVER_SEEN:
            self.catch_up()
            answer = board.answer(host, asked)
        return await self._deliver(board, request, answer, mishap)

    def _turned_away(self, request: web.BaseRequest, outage: Outage) -> web.StreamResponse:
        """What comes of a request to a venue that is out of reach: nothing behind the door sees it."""
        if outage is Outage.PARTITION and request.transport is not None:
            request.transport.abort()
        page = "<html><h1>503 Service Temporarily Unavailable</h1></html>"
        return web.Response(status=503, text=page, content_type="text/html")

    async def _deliver(
        self, board: Board, request: web.BaseRequest, answer: Answer | None, mishap: Mishap | None
    ) -> web.StreamResponse:
        if mishap in (Mishap.LOSE_REQUEST, Mishap.LOSE_ANSWER) and request.transport is not None:
            request.transport.abort()
        elif mishap is Mishap.HOLD_ANSWER:
            await asyncio.Event().wait()
        elif mishap is Mishap.BAD_GATEWAY:
            answer = Answer(status=502, body="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
        elif mishap is not None:
            answer = board.worded(mishap)
        if answer is None:
            return web.Response(status=503)
        return web.Response(
            status=answer.status, text=answer.body, headers=answer.headers, content_type=answer.content_type
        )

    # --- streams -----------------------------------------------------------------------------------------------

    async def _serve_line(
        self, board: Board, request: web.BaseRequest, host: str, path: str, query: str
    ) -> web.StreamResponse:
        wrap = board.wrap(host, path)
        if wrap is None:
            return web.Response(status=404)
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, compress=False, max_msg_size=MOST_BYTES)
        await socket.prepare(request)
        line = Line(socket, request.transport, wrap)
        self._lines[line] = board
        board.exchange.schedule(board.exchange.now + CONNECTION_MS, line.hang_up)
        pump = asyncio.create_task(line.pump())
        session = board.connect(host, path, query, line)
        try:
            async for message in socket:
                if message.type is web.WSMsgType.TEXT:
                    self.catch_up()
                    if (reply := session.answer(message.data)) is not None:
                        line.reply(reply)
        finally:
            self._lines.pop(line, None)
            session.close()
            pump.cancel()
        return socket

    def _wake(self) -> None:
        if self._pulse is None:
            self._pulse = asyncio.get_running_loop().call_later(PULSE_S, self._flush)

    def _flush(self) -> None:
        self._pulse = None
        for board in self.boards:
            board.flush()
