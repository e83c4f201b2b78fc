"""What happens to a request, in order: strangers are turned away, the route is found, the token is asked for, then it
is carried out."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web

from hedger.errors import HedgerError, JournalError
from hedger.ops.console.access import HEADER, Lock, Refused, Scope, Strangers
from hedger.ops.console.answers import file_answer, json_answer
from hedger.ops.console.desk import Body, Reply
from hedger.ops.console.page_files import PageFile
from hedger.ops.console.reads import Asked
from hedger.ops.console.routes import ROUTES, Route
from hedger.ops.console.seats import Seats, Standing
from hedger.ops.events import LogEvent

LARGEST_BODY = 2_048
API = "/api"
_FOREIGN_SITES = frozenset({"cross-site", "same-site"})

Read = Callable[[Asked], Awaitable[Reply]]
Act = Callable[[Body], Awaitable[Reply]]
Stream = Callable[[web.BaseRequest, Scope], Awaitable[web.StreamResponse]]


class Dispatch:
    """One console's. `reads`, `acts` and `streams` are by the names of the table's routes, which must all be there."""

    def __init__(
        self,
        *,
        strangers: Strangers,
        lock: Lock,
        page: Mapping[str, PageFile],
        seats: Seats,
        reads: Mapping[str, Read],
        acts: Mapping[str, Act],
        streams: Mapping[str, Stream],
    ) -> None:
        wired, table = [*reads, *acts, *streams], [route.name for route in ROUTES]
        assert sorted(wired) == sorted(table), f"routes and what they do differ: {sorted(set(wired) ^ set(table))}"
        self._strangers = strangers
        self._lock = lock
        self._page = page
        self._seats = seats
        self._reads = reads
        self._acts = acts
        self._streams = streams

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request whose head has come whole."""
        self._seats.keep(request.transport, Standing.ASKING)
        try:
            self._strangers.refuse(request.headers.getall("Host", []), request.headers.getall("Origin", []))
            return await self._answer(request)
        except Refused as refusal:
            return json_answer(refusal.status, {"error": refusal.why}, refusal.headers)
        except JournalError:
            return json_answer(HTTPStatus.INSUFFICIENT_STORAGE, {"error": "the state directory refuses: use a signal"})
        except HedgerError as problem:  # its words are for a person, and hold no secret
            return json_answer(HTTPStatus.CONFLICT, {"error": str(problem)})

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if not path.startswith(f"{API}/"):
            return self._file(request, path)
        if request.headers.get("Sec-Fetch-Site", "") in _FOREIGN_SITES:
            raise Refused(HTTPStatus.FORBIDDEN, "this site is not ours")
        route, given = _route(request.method, path)
        scope = self._lock.require(request.headers.getall("Authorization", []), route.scope)
        if route.name in self._streams:
            _no_query(request)
            self._seats.keep(request.transport, Standing.STREAMING)
            return await self._streams[route.name](request, scope)
        if route.name in self._acts:
            return json_answer(*await self._act(route, request))
        asked = Asked(parts={**given, **_query(route, request)}, scope=scope)
        return json_answer(*await self._reads[route.name](asked))

    async def _act(self, route: Route, request: web.BaseRequest) -> Reply:
        self._seats.keep(request.transport, Standing.ACTING)
        if request.headers.getall(HEADER, []) != ["1"]:
            raise Refused(HTTPStatus.FORBIDDEN, f"send the header {HEADER}: 1")
        _no_query(request)
        assert route.body is not None, "every act takes a body"
        body = await _body(request, route.body["properties"])
        reply = await self._acts[route.name](body)
        structlog.get_logger("hedger.console").warning(
            LogEvent.CONSOLE_USED, route=route.path, step="second" if body.get("nonce") else "first"
        )
        return reply

    def _file(self, request: web.BaseRequest, path: str) -> web.Response:
        found = self._page.get(path)
        if found is None:
            raise Refused(HTTPStatus.NOT_FOUND, "there is no such page")
        if request.method != "GET":
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "use GET", {"Allow": "GET"})
        return file_answer(found.data, found.content_type, found.etag, request.headers.get("If-None-Match"))


def _route(method: str, path: str) -> tuple[Route, Mapping[str, str]]:
    """The route and the parts of its path. Raises Refused where there is none, or not by that method."""
    found = [(route, match) for route in ROUTES if (match := route.matches.fullmatch(path)) is not None]
    if not found:
        raise Refused(HTTPStatus.NOT_FOUND, "there is no such route")
    for route, match in found:
        if route.method == method:
            given = match.groupdict()
            for parameter in route.parameters:
                if parameter.name in given and not parameter.pattern.fullmatch(given[parameter.name]):
                    raise Refused(HTTPStatus.NOT_FOUND, "there is nothing of that name")
            return route, given
    allowed = ", ".join(sorted({route.method for route, _ in found}))
    raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"use {allowed}", {"Allow": allowed})


def _query(route: Route, request: web.BaseRequest) -> dict[str, str]:
    """The parts of the query: those that the route knows, each once and as it must be."""
    known = {parameter.name: parameter for parameter in route.parameters if parameter.in_query}
    query = request.rel_url.query
    for name in query:
        if name not in known or len(query.getall(name)) > 1:
            raise Refused(HTTPStatus.BAD_REQUEST, "the query has something that this route does not know")
        schema, text = known[name].schema, query[name]
        if not text.isascii() or not known[name].pattern.fullmatch(text):
            raise Refused(HTTPStatus.BAD_REQUEST, f"{known[name].name} must be a whole number")
        if not schema["minimum"] <= int(text) <= schema["maximum"]:
            raise Refused(HTTPStatus.BAD_REQUEST, f"{known[name].name} is out of its range")
    return dict(query)


def _no_query(request: web.BaseRequest) -> None:
    if request.rel_url.query_string:
        raise Refused(HTTPStatus.BAD_REQUEST, "this route takes no query")


async def _body(request: web.BaseRequest, known: Mapping[str, Any]) -> Body:
    """The JSON object of an act, with known keys only."""
    kinds: Sequence[str] = request.headers.getall("Content-Type", [])
    if len(kinds) != 1 or kinds[0].partition(";")[0].strip().lower() != "application/json":
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send JSON")
    length = request.headers.get("Content-Length", "")
    if "Transfer-Encoding" in request.headers or not length.isdecimal():
        raise Refused(HTTPStatus.LENGTH_REQUIRED, "say how long the body is")
    if len(length) > 6 or int(length) > LARGEST_BODY:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {LARGEST_BODY} bytes")
    try:
        body = json.loads(await request.content.readexactly(int(length)) or b"{}")
    except (ValueError, RecursionError, EOFError):
        body = None
    if not isinstance(body, dict) or not body.keys() <= known.keys():
        raise Refused(HTTPStatus.BAD_REQUEST, f"send a JSON object with nothing but {', '.join(known)}")
    return body
