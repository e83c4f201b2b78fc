"""The way out: one HTTP session that reaches only the venue's hosts, sends once, and reads bounded answers."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Set
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp import abc

from hedger.errors import Bug

# More than the seats of all lanes and the streams together: nothing that a lane let go waits for a connection.
MOST_CONNECTIONS = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How hosts are found and trusted, and how long and how large an answer may be (real seconds, bytes).

    Without a resolver the system's is used, without a context the system's certificate authorities.
    """

    resolver: abc.AbstractResolver | None = None
    ssl_context: ssl.SSLContext | None = None
    loopback_only: bool = False
    answer_s: float = 8.0
    body_limit: int = 16 * 1024 * 1024


@dataclass(slots=True)
class Evidence:
    """What is known of one call, gathered while it happens: how many requests left, and what came back.

    `sent` counts requests of which a byte may have left this process; at zero, provably nothing was sent. `hold` is
    asked just before the first byte leaves, when the connection stands, and raises where it may not.
    """

    sent: int = 0
    status: int | None = None
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    hold: Callable[[], None] | None = field(default=None, repr=False, compare=False)


EVIDENCE: ContextVar[Evidence | None] = ContextVar("evidence", default=None)


def open_session(network: Network, hosts: Set[str]) -> aiohttp.ClientSession:
    """A session for one venue. It never re-sends, follows no redirect, keeps no cookie and obeys no proxy variable."""
    context = network.ssl_context or ssl.create_default_context()
    resolver = Egress(network.resolver or aiohttp.ThreadedResolver(), hosts, network.loopback_only)
    traces = aiohttp.TraceConfig()
    traces.on_request_headers_sent.append(_note_sent)
    session = aiohttp.ClientSession(
        connector=_Pool(resolver=resolver, ssl=context, limit=MOST_CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        middlewares=(_Guard(hosts),),
        response_class=_bounded(network.body_limit),
        timeout=aiohttp.ClientTimeout(total=network.answer_s),
        trace_configs=[traces],
        trust_env=False,
    )
    session._retry_connection = False
    return session


async def _note_sent(_session: aiohttp.ClientSession, _context: SimpleNamespace, _params: object) -> None:
    """aiohttp says this just before it writes: from here on, a request may have left."""
    evidence = EVIDENCE.get()
    if evidence is not None:
        if evidence.hold is not None:
            evidence.hold()
        evidence.sent += 1


class _Pool(aiohttp.TCPConnector):
    """Lets go of a kept connection on which something came that nobody asked for: it would pass for the next answer.

    aiohttp looks at that when a connection is given back, and not when it is taken out again.
    """

    async def _get(self, key: Any, traces: Any) -> Any:
        for protocol, _ in self._conns.get(key, ()):
            if protocol.should_close:
                protocol.close()
        return await super()._get(key, traces)


class Egress(abc.AbstractResolver):
    """A resolver that knows the venue's hosts and no others, and on paper finds them on this machine only."""

    def __init__(self, inner: abc.AbstractResolver, hosts: Set[str], loopback_only: bool) -> None:
        self._inner = inner
        self.hosts = frozenset(hosts)
        self._loopback_only = loopback_only

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[abc.ResolveResult]:
        """The addresses of an allowed host; OSError for any other, and on paper for any other machine."""
        if host not in self.hosts:
            raise OSError(f"{host} is not one of the venue's hosts")
        found = await self._inner.resolve(host, port, family)
        if self._loopback_only and not all(ipaddress.ip_address(place["host"]).is_loopback for place in found):
            raise OSError(f"{host} leads off this machine, and paper trading stays on it")
        return found

    async def close(self) -> None:
        """Close the resolver underneath."""
        await self._inner.close()


class _Guard:
    """Refuses what no resolver sees: addresses written as numbers, plain text, and redirects."""

    def __init__(self, hosts: Set[str]) -> None:
        self._hosts = frozenset(hosts)

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if request.url.host not in self._hosts or request.url.scheme not in ("https", "wss"):
            raise Bug(f"a request to {request.url.scheme}://{request.url.host} was about to leave: it is not allowed.")
        response = await handler(request)
        if response.status in (301, 302, 303, 307, 308):
            response.close()
            raise aiohttp.ClientPayloadError(f"a redirect ({response.status}) was refused")
        return response


def _bounded(limit: int) -> type[aiohttp.ClientResponse]:
    """A response class that stops reading at `limit` bytes, counted after decompression."""

    class Bounded(aiohttp.ClientResponse):
        async def read(self) -> bytes:
            if self._body is None:
                self._body = await _read_bounded(self, limit)
            await self._wait_released()
            return self._body

        def get_encoding(self) -> str:
            """As every venue writes; what an answer says of itself may name a decoder that takes hours."""
            return "utf-8"

    return Bounded


async def _read_bounded(response: aiohttp.ClientResponse, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    complete = False
    try:
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > limit:
                raise aiohttp.ClientPayloadError(f"an answer of more than {limit} bytes was refused")
            chunks.append(chunk)
        complete = True
    finally:
        if not complete:
            response.close()
    return b"".join(chunks)


def egress_of(session: Any) -> frozenset[str]:
    """The hosts that a session may reach; empty when it is not one of ours."""
    resolver = getattr(getattr(session, "connector", None), "_resolver", None)
    return resolver.hosts if isinstance(resolver, Egress) else frozenset()
