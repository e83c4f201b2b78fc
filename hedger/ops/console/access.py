"""Who is let in: our own host names and origins, tokens in constant time, and what each of them allows."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import IntEnum
from http import HTTPStatus

import structlog

from hedger.ops.console.tokens import Tokens
from hedger.ops.events import LogEvent

MOST_FAILURES = 10
LOCKED_S = 60.0
HEADER = "X-Hedger"
_WEB_PORT = 80


class Scope(IntEnum):
    """What somebody may do: look at the page without anything on it, read, act. Each holds the ones before it."""

    PAGE = 0
    READ = 1
    ACT = 2


class Refused(Exception):
    """A request is not heeded: the status and a sentence of our own."""

    def __init__(self, status: HTTPStatus, why: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.headers = dict(headers or {})


class Lock:
    """Compares tokens in constant time. A right one always opens; after ten wrong ones in a row, whoever comes with
    another wrong one learns for a minute only that there were too many: nobody can lock the owner's kill out."""

    def __init__(self, tokens: Tokens, now: Callable[[], float]) -> None:
        self._act = tokens.act.encode()
        self._read = None if tokens.read is None else tokens.read.encode()
        self._without = Scope.READ if tokens.reads_freely else Scope.PAGE
        self._now = now
        self._failures = 0
        self._until = 0.0
        self._guard = threading.Lock()

    def scope_of(self, headers: Sequence[str]) -> Scope:
        """What the `Authorization` headers of a request allow. Raises Refused for a wrong token; none is no fault."""
        if not headers:
            return self._without
        given = _token_in(headers).encode(errors="replace")
        acts = hmac.compare_digest(given, self._act)
        reads = self._read is not None and hmac.compare_digest(given, self._read)
        if acts or reads:
            with self._guard:
                self._failures = 0
            return Scope.ACT if acts else Scope.READ
        raise self._refusal()

    def require(self, headers: Sequence[str], scope: Scope) -> Scope:
        """What the headers allow; raises Refused where that is not so much."""
        allowed = self.scope_of(headers)
        if allowed >= scope:
            return allowed
        if headers:
            raise Refused(HTTPStatus.FORBIDDEN, "this token may only read")
        raise _unauthorized()

    def _refusal(self) -> Refused:
        """What a wrong token gets."""
        with self._guard:
            if self._now() < self._until:
                return Refused(HTTPStatus.TOO_MANY_REQUESTS, "too many wrong tokens: wait for a minute")
            self._failures += 1
            if self._failures >= MOST_FAILURES:
                self._failures, self._until = 0, self._now() + LOCKED_S
                structlog.get_logger("hedger.console").error(LogEvent.CONSOLE_LOCKED, seconds=LOCKED_S)
        return _unauthorized()


class Strangers:
    """Turns away pages of other sites: whoever came by a name that is not ours, or from an origin that is not.

    `names` are those that clients may use besides the addresses; one with a port is taken as it is, one without may
    come with our port or, from behind TLS, with none.
    """

    def __init__(self, host: str, port: int, names: Collection[str]) -> None:
        own = {"127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host.lower()}
        named = {name.lower() for name in names}
        bare = {name for name in named if ":" not in name}
        own_hosts = {f"{name}:{port}" for name in own} | (own if port == _WEB_PORT else set())
        named_hosts = named | {f"{name}:{port}" for name in bare}
        self._hosts = frozenset(own_hosts | named_hosts)
        plain, secure = {f"http://{name}" for name in self._hosts}, {f"https://{name}" for name in named_hosts}
        self._origins = frozenset(plain | secure)

    def refuse(self, hosts: Sequence[str], origins: Sequence[str]) -> None:
        """Raises Refused for `Host` and `Origin` headers that are not ours; a program sends no origin."""
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            raise Refused(HTTPStatus.FORBIDDEN, "this host name is not ours: console.names lists those that are")
        if len(origins) > 1 or any(origin.lower() not in self._origins for origin in origins):
            raise Refused(HTTPStatus.FORBIDDEN, "this origin is not ours")


def same(given: object, wanted: str) -> bool:
    """Whether what a client sent is a text that it was given, in constant time."""
    return isinstance(given, str) and hmac.compare_digest(given.encode(errors="replace"), wanted.encode())


def _token_in(headers: Sequence[str]) -> str:
    """The token of one `Bearer` header; of anything else nothing, which fits no token."""
    scheme, _, given = headers[0].partition(" ")
    return given.strip() if scheme == "Bearer" and len(headers) == 1 else ""


def _unauthorized() -> Refused:
    headers = {"WWW-Authenticate": "Bearer"}
    return Refused(HTTPStatus.UNAUTHORIZED, "the token is missing or wrong", headers)
