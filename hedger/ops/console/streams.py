"""The streams: each client gets a whole picture, then what changed, and never more than it reads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from http import HTTPStatus

from aiohttp import web

from hedger.ops.console.access import Refused, Scope
from hedger.ops.console.answers import stream_answer
from hedger.ops.console.connection import Connection
from hedger.ops.console.encode import encode
from hedger.ops.console.feed import Feed
from hedger.ops.console.gallery import Gallery
from hedger.ops.console.hedges import decision_document
from hedger.ops.console.painter import Picture
from hedger.ops.console.seats import abort
from hedger.ops.console.snapshot import changes

MOST_STREAMS, KEPT_FOR_ACTING = 16, 4
BEAT_S = 1.0
DRAIN_S = 10.0


class Streams:
    """At most sixteen, the last four for whoever may act: where reading is free, those who read keep nobody out.

    A client that reads slowly misses pictures in between; one that reads nothing is left.
    """

    def __init__(self, gallery: Gallery, feed: Feed, drain_s: float = DRAIN_S) -> None:
        self._gallery = gallery
        self._feed = feed
        self._drain_s = drain_s

    async def serve(self, request: web.BaseRequest, scope: Scope) -> web.StreamResponse:
        """Follow the pictures until the client goes, or must go. Raises Refused where all places are taken.

        Each whole picture says what the client's token allows, so that a page knows which of its buttons do something.
        """
        most = MOST_STREAMS if scope is Scope.ACT else MOST_STREAMS - KEPT_FOR_ACTING
        if self._gallery.followers >= most:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, f"{most} streams are open: close one of them")
        self._gallery.followers += 1
        try:
            response = stream_answer()
            await response.prepare(request)
            await self._follow(request, response, scope)
            return response
        finally:
            self._gallery.followers -= 1

    async def _follow(self, request: web.BaseRequest, response: web.StreamResponse, scope: Scope) -> None:
        loop = asyncio.get_running_loop()
        known, beat_at = await self._gallery.current(), loop.time() + BEAT_S
        said = b"" if known is None else _snapshot(known, scope)
        while await self._send(request, response, said or self._beat()):
            number = 0 if known is None else known.number
            picture = await self._gallery.after(number, beat_at - loop.time())
            said = b"".join(_frames(known, picture, scope))
            known = picture or known
            if loop.time() >= beat_at:
                said, beat_at = said + self._beat(), loop.time() + BEAT_S

    async def _send(self, request: web.BaseRequest, response: web.StreamResponse, said: bytes) -> bool:
        """Whether the client took it. Nothing more is written before it has."""
        transport, connection = request.transport, request.protocol
        assert isinstance(connection, Connection), "every connection is one of ours"
        try:
            async with asyncio.timeout(self._drain_s):
                await response.write(said)
                await connection.drained.wait()
        except TimeoutError:
            if transport is not None:
                abort(transport)
            return False
        except ConnectionError:
            return False
        return transport is not None and not transport.is_closing()

    def _beat(self) -> bytes:
        """The program's clock, which stands still when the hedger does."""
        seen = self._feed.seen
        return _event("beat", encode({"at": None if seen is None else seen.state.now}))


def _frames(known: Picture | None, picture: Picture | None, scope: Scope) -> Iterator[bytes]:
    """What a client that has one picture must hear to have the other."""
    if picture is None or picture is known:
        return
    if known is None:
        yield _snapshot(picture, scope)
        return
    follows = picture.number == known.number + 1
    yield _event("change", picture.change if follows else encode(changes(known.document, picture.document)))
    made = picture.seen.made - known.seen.made
    if made > 0:
        yield _event("decision", encode([decision_document(one) for one in picture.seen.decisions[-made:]]))


def _snapshot(picture: Picture, scope: Scope) -> bytes:
    return _event("snapshot", encode({**picture.document, "scope": scope.name.lower()}))


def _event(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
