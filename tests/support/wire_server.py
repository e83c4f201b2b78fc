"""A small TLS server that stands for a venue at its real host names: canned answers, verified signatures, any fault.

What it takes for granted is Binance; another venue says how it judges a request, what it answers, and how it talks.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

from aiohttp import WSMsgType, abc, web

from tests.support.leaping import SILENCE_S, lapse
from tests.support.wire_bodies import bodies
from tests.support.wire_certificates import contexts

KEY = "canary-key-6f1d2c"
SECRET = "canary-secret-93ab77"
UNSIGNED = (
    "/time",
    "/exchangeInfo",
    "/premiumIndex",
    "/fundingInfo",
    "/ticker/bookTicker",
    "/listenKey",
    "/indexPriceKlines",
    "/klines",
    "/fundingRate",
    "/eapi/v1/mark",
    "/eapi/v1/index",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came: `params` are decoded from the query, or from the body, be it a form or JSON."""

    method: str
    host: str
    path: str
    params: dict[str, Any]
    query: str
    headers: dict[str, str]
    body: str = ""


# A JSON body, or an async function of (request, seen) that returns a response.
Answer = Any
# Finds fault with a request's signature, keys and time, as the venue does.
Judge = Callable[["FakeVenue", Seen], str | None]
# Hears a text of a client on a stream, and answers it.
Talk = Callable[["FakeVenue", web.WebSocketResponse, str], Awaitable[None]]


def judge_binance(fake: FakeVenue, seen: Seen) -> str | None:
    """The key, the HMAC of the exact bytes, and the time within the window."""
    if seen.path.endswith(UNSIGNED):
        return None
    payload, _, signature = (seen.query or seen.body).rpartition("&signature=")
    expected = hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    if seen.headers.get("X-MBX-APIKEY") != KEY or signature != expected:
        return f"{seen.path}: wrong signature"
    age = fake.clock_ms() - int(seen.params["timestamp"])
    young = -1000 <= age <= int(seen.params["recvWindow"])
    return None if young or not fake.judges_age else f"{seen.path}: {age} ms old"


async def talk_binance(fake: FakeVenue, connection: web.WebSocketResponse, text: str) -> None:
    """Every subscription is granted."""
    asked = json.loads(text)
    fake.subscriptions.append(asked["params"])
    await connection.send_json({"result": None, "id": asked["id"]})


def live_binance(fake: FakeVenue, seen: Seen) -> Any:
    """What no body can hold: the time."""
    return {"serverTime": fake.clock_ms()} if seen.path.endswith("/time") else None


@dataclass
class FakeVenue:
    """Answers by (method, path); an answer is a JSON body, or a function of the request for anything worse.

    `live` makes answers that depend on the moment, and goes before the others; `good` is what the venue answers to a
    request when nothing is wrong (None: Binance's); `denial` is for a request that `judge` finds fault with.
    """

    answers: dict[tuple[str, str], Answer] = field(default_factory=bodies)
    seen: list[Seen] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    sockets: list[tuple[str, str, web.WebSocketResponse]] = field(default_factory=list)
    subscriptions: list[list[str]] = field(default_factory=list)
    clock_ms: Callable[[], int] = lambda: int(time.time() * 1000)
    headers: dict[str, str] = field(default_factory=dict)
    judges_age: bool = True
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    judge: Judge = judge_binance
    talk: Talk = talk_binance
    live: Callable[[FakeVenue, Seen], Any] = live_binance
    good: Callable[[Seen], Any] | None = None
    denial: tuple[int, Any] = (400, {"code": -1022, "msg": "Signature for this request is not valid."})
    port: int = 0
    runner: web.AppRunner | None = None

    async def start(self, context: ssl.SSLContext | Literal["ours"] | None = "ours") -> FakeVenue:
        """Serve on this machine, with a certificate for the venue's hosts, or another, or without encryption."""
        app = web.Application()
        app[FAKE] = self
        app.router.add_route("*", "/{path:.*}", self._handle)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        await web.SockSite(self.runner, listener, ssl_context=contexts()[0] if context == "ours" else context).start()
        return self

    async def stop(self) -> None:
        for _, _, connection in self.sockets:
            await connection.close()
        if self.runner is not None:
            await self.runner.cleanup()

    def requests(self, method: str, path: str) -> list[Seen]:
        return [seen for seen in self.seen if (seen.method, seen.path) == (method, path)]

    async def push(self, part: str, frame: Any) -> None:
        """Send a frame (or raw text) to every open stream whose address has `part` in it."""
        text = frame if isinstance(frame, str) else json.dumps(frame)
        for host, path, connection in self.sockets:
            if part in host + path and not connection.closed:
                await connection.send_str(text)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._stream(request)
        query, body = request.rel_url.raw_query_string, await request.text()
        seen = Seen(
            request.method,
            request.host.split(":")[0],
            request.path,
            _params(query, body),
            query or body,
            dict(request.headers),
            body,
        )
        self.seen.append(seen)
        self.asked.set()
        if fault := self.judge(self, seen):
            self.faults.append(fault)
            return web.json_response(self.denial[1], status=self.denial[0])
        answer = self.answers.get((seen.method, seen.path), _missing)
        if callable(answer):
            response: web.StreamResponse = await answer(request, seen)
            return response
        answer = self.live(self, seen) or answer
        return web.json_response(answer, headers=self.headers)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        connection = web.WebSocketResponse()
        await connection.prepare(request)
        self.sockets.append((request.host, request.path_qs, connection))
        async for message in connection:
            if message.type is WSMsgType.TEXT:
                await self.talk(self, connection, message.data)
        return connection


FAKE = web.AppKey("fake", FakeVenue)


def _params(query: str, body: str) -> dict[str, Any]:
    """The parameters in a query, and those in a body."""
    found: dict[str, Any] = dict(parse_qsl(query))
    if body[:1] in ("{", "["):
        told = json.loads(body)
        return found | (told if isinstance(told, dict) else {"": told})
    return found | dict(parse_qsl(body))


async def _missing(_request: web.Request, seen: Seen) -> web.StreamResponse:
    return web.json_response({"code": -9999, "msg": f"no answer for {seen.method} {seen.path}"}, status=404)


class Loopback(abc.AbstractResolver):
    """Every host is this machine, at the fake's port, unless it `fails`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.fails = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[abc.ResolveResult]:
        if self.fails:
            raise OSError(f"{host} has no address")
        return [
            abc.ResolveResult(hostname=host, host="127.0.0.1", port=self.port, family=socket.AF_INET, proto=0, flags=0)
        ]

    async def close(self) -> None:
        """Nothing to close."""


# --- answers that are not JSON ------------------------------------------------------------------------------------


def plain_answer(status: int, body: str | bytes, **headers: str) -> Answer:
    """A body as it is."""

    async def answer(_request: web.Request, _seen: Seen) -> web.StreamResponse:
        data = body.encode() if isinstance(body, str) else body
        kind = "application/json" if data[:1] in (b"{", b"[") else "text/html"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=data, headers={"Content-Type": kind, **named})

    return answer


def refusal(status: int, code: int, message: str = "refused", **headers: str) -> Answer:
    """The venue's error body."""
    return plain_answer(status, json.dumps({"code": code, "msg": message}), **headers)


def cut_answer(body: bytes = b'{"orderId": 28') -> Answer:
    """A body that ends before the length that its head promised."""

    async def answer(request: web.Request, _seen: Seen) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "400"})
        await response.prepare(request)
        await response.write(body)
        _abort(request)
        return response

    return answer


def reset_answer() -> Answer:
    """The connection ends without an answer."""

    async def answer(request: web.Request, _seen: Seen) -> web.StreamResponse:
        _abort(request)
        return web.Response()

    return answer


def hanging_answer(seconds: float = SILENCE_S) -> Answer:
    """No answer for that long."""

    async def answer(_request: web.Request, _seen: Seen) -> web.StreamResponse:
        await lapse(seconds)
        return web.Response()

    return answer


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
