"""Answers that no HTTP library would give, made of bytes, and good answers that were mangled on their way."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from aiohttp import web

from tests.support.leaping import SILENCE_S, lapse
from tests.support.wire_bodies import bodies, echo, order_record
from tests.support.wire_server import FAKE, Answer, Seen

JSON_HEAD = "Content-Type: application/json\r\n"


def good(seen: Seen, **changes: Any) -> Any:
    """What the venue answers to a request when nothing is wrong, with `changes`."""
    match seen.method, seen.path:
        case "POST", "/fapi/v1/order":
            return echo(seen.params, **changes)
        case "DELETE" | "GET", "/fapi/v1/order":
            status = "CANCELED" if seen.method == "DELETE" else "NEW"
            ids = {"clientOrderId": seen.params["origClientOrderId"], "symbol": seen.params["symbol"]}
            return order_record(status=status, **ids) | changes
        case "POST", "/fapi/v1/countdownCancelAll":
            return {"symbol": seen.params["symbol"], "countdownTime": seen.params["countdownTime"]} | changes
        case _:
            return bodies()[seen.method, seen.path] | changes


def good_of(request: web.Request, seen: Seen) -> Any:
    """What the venue behind a request answers when nothing is wrong."""
    told = request.app[FAKE].good
    return told(seen) if told is not None else good(seen)


def changed(**changes: Any) -> Answer:
    """The good answer with some fields other than they should be; None takes a field out."""

    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        body = good(seen, **changes)
        return web.json_response({key: value for key, value in body.items() if changes.get(key, 0) is not None})

    return answer


def mangled(mangle: Callable[[str], str | bytes], status: int = 200, **headers: str) -> Answer:
    """The good answer as `mangle` makes it of the JSON text."""

    async def answer(request: web.Request, seen: Seen) -> web.StreamResponse:
        text = mangle(json.dumps(good_of(request, seen)))
        data = text.encode() if isinstance(text, str) else text
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=data, headers={"Content-Type": "application/json", **named})

    return answer


Chunks = Iterable[bytes]


def spoken(chunks: Callable[[bytes], Chunks], *, pause_s: float = 0.0, end: str = "close") -> Answer:
    """Bytes as they are, made of the good body. `end` is close, abort or hold (the connection stays open)."""

    async def answer(request: web.Request, seen: Seen) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        for chunk in chunks(json.dumps(good_of(request, seen)).encode()):
            if transport.is_closing():
                break
            transport.write(chunk)
            await lapse(pause_s)
        if end == "hold":
            await lapse(SILENCE_S)
        elif end == "abort":
            transport.abort()
        else:
            transport.close()
        return web.Response()

    return answer


def head(length: int | None = None, *more: str, status: str = "200 OK") -> bytes:
    """The beginning of an answer."""
    lines = [f"HTTP/1.1 {status}", JSON_HEAD.strip(), *more]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


def whole(body: bytes) -> bytes:
    """A good answer, byte by byte."""
    return head(len(body)) + body


@cache
def bomb() -> bytes:
    """Eight million spaces, packed."""
    return gzip.compress(b" " * 8_000_000, compresslevel=1)


def dribbled(data: bytes) -> list[bytes]:
    """One byte at a time."""
    return [data[i : i + 1] for i in range(len(data))]


def endless() -> Iterable[bytes]:
    """A hundred megabytes."""
    piece = b" " * 65_536
    yield head(100_000_000)
    for _ in range(100_000_000 // len(piece)):
        yield piece


def deep(text: str) -> str:
    """A good object with a field that is nested a hundred thousand deep."""
    return text[:-1] + ',"x":' + "[" * 100_000 + "]" * 100_000 + "}"
