"""How the console answers: JSON or a file of the page, always with the headers that keep a browser from harm."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from hedger.ops.console.desk import Body
from hedger.ops.console.encode import encode

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ALWAYS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "Server": "hedger",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
NEVER_KEPT = {"Cache-Control": "no-store"}


def json_answer(status: HTTPStatus, body: Body, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer. Each connection serves one request, so that nothing can hide behind it."""
    more = {**ALWAYS, **NEVER_KEPT, "Content-Type": "application/json", **(headers or {})}
    return _last(web.Response(status=status, body=encode(body) + b"\n", headers=more))


def file_answer(data: bytes, content_type: str, etag: str, seen: str | None) -> web.Response:
    """A file of the page, or only word that the browser's copy of it, `seen`, is still the one."""
    more = {**ALWAYS, "Cache-Control": "no-cache", "ETag": etag}
    if seen is not None and etag in (word.strip() for word in seen.split(",")):
        return _last(web.Response(status=HTTPStatus.NOT_MODIFIED, headers=more))
    return _last(web.Response(body=data, headers={**more, "Content-Type": content_type}))


def stream_answer() -> web.StreamResponse:
    """The head of a stream of events."""
    more = {**ALWAYS, **NEVER_KEPT, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
    response = web.StreamResponse(headers=more)
    response.force_close()
    return response


def _last(response: web.Response) -> web.Response:
    response.force_close()
    return response
