"""The control API: kill, pause, unpause, resume, status over HTTP, in threads of its own, for who holds the token.

It shares nothing with the event loop but the state directory, so that a kill works when the loop stands still: a kill
writes the kill file, the rest writes requests. What a client sent never comes back to it, and no answer holds a secret.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import structlog

from hedger.errors import ConfigError, JournalError
from hedger.ops.events import LogEvent
from hedger.ops.serving import MOST_SECONDS, BoundedServer, remedy
from hedger.runtime.kill import LONGEST_REASON, KillFile, is_too_long, one_line
from hedger.runtime.requests import ASKED, Ask, Mailbox, Request

SHORTEST_TOKEN = 32
LARGEST_BODY = 2_048
MOST_FAILURES = 10
LOCKED_S = 60.0
NONCE_S = 60.0
HEADER = "X-Hedger"
LONGEST_HALT = 500
_TICK_S = 0.05
_POSTS = frozenset({"/kill", "/pause", "/unpause", "/resume"})
_REQUESTS = "/requests/"
_OURS = re.compile(r"\d{20}-control-[0-9a-f]{16}")  # what this API asked; of others' requests it tells nothing

Body = Mapping[str, Any]
Reply = tuple[HTTPStatus, Body]


class Refused(Exception):
    """A request is not heeded: the status and a sentence of our own."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class ControlServer:
    """Serves one state directory. In a `with` block; port 0 lets the system choose one, see `port`.

    Raises ConfigError for a token that is too short and for an address that cannot be had.
    """

    def __init__(
        self,
        directory: Path,
        *,
        token: str,
        host: str,
        port: int,
        names: Collection[str] = (),
        now: Callable[[], float],
    ) -> None:
        if len(token) < SHORTEST_TOKEN:
            raise ConfigError(f"control.token: give it at least {SHORTEST_TOKEN} characters of chance")
        try:
            self._server = _Server(host, port, names, Desk(directory, now), Lock(token, now), now)
        except (OSError, OverflowError) as error:
            raise ConfigError(remedy(host, port, error, "the control API")) from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_TICK_S,), daemon=True, name="control")

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> ControlServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(MOST_SECONDS)
        self._server.server_close()


class Lock:
    """Compares tokens in constant time. The right one always opens; after ten wrong ones in a row, whoever comes with
    another wrong one learns for a minute only that there were too many: nobody can lock the owner's kill out."""

    def __init__(self, token: str, now: Callable[[], float]) -> None:
        self._token = token.encode()
        self._now = now
        self._failures = 0
        self._until = 0.0
        self._guard = threading.Lock()

    def check(self, header: str | None) -> None:
        """Raises Refused where the header is not `Bearer` and the token."""
        scheme, _, given = (header or "").partition(" ")
        right = hmac.compare_digest(given.strip().encode(errors="replace"), self._token) and scheme == "Bearer"
        with self._guard:
            if right:
                self._failures = 0
                return
            if self._now() < self._until:
                raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "too many wrong tokens: wait for a minute")
            self._failures += 1
            if self._failures >= MOST_FAILURES:
                self._failures, self._until = 0, self._now() + LOCKED_S
                structlog.get_logger("hedger.control").error(LogEvent.CONTROL_LOCKED, seconds=LOCKED_S)
        raise Refused(HTTPStatus.UNAUTHORIZED, "the token is missing or wrong")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """A resume that waits for its second step."""

    nonce: str
    halted: str
    until: float


class Desk:
    """What the routes do, with nothing but the files of one state directory."""

    def __init__(self, directory: Path, now: Callable[[], float]) -> None:
        self._directory = directory
        self._now = now
        self._offer: _Offer | None = None
        self._guard = threading.Lock()

    def status(self) -> Reply:
        """The status file, and whether a kill file is there."""
        return HTTPStatus.OK, {"killed": KillFile(self._directory).exists(), "status": self._status()}

    def kill(self, body: Body) -> Reply:
        """Latch the kill file: one step, whatever else is wrong."""
        KillFile(self._directory).latch(f"control API: {_reason_in(body, needed=False)}")
        return HTTPStatus.ACCEPTED, {"latched": True}

    def pause(self, body: Body) -> Reply:
        """Ask for a pause."""
        return self._send(Request(ask=Ask.PAUSE, reason=_reason_in(body)))

    def unpause(self, body: Body) -> Reply:
        """Ask for the end of a pause: one step. It lifts no halt."""
        return self._send(Request(ask=Ask.UNPAUSE, reason=_reason_in(body)))

    def outcome(self, name: str) -> Reply:
        """What became of a request of this API: it waits, it was done, or it was refused, and in which words."""
        mailbox, file = Mailbox(self._directory), f"{name}{ASKED}"
        answer = mailbox.look_for_answer(file) if _OURS.fullmatch(name) else None
        if answer is not None:
            return HTTPStatus.OK, {"state": "done" if answer.done else "refused", "why": answer.why}
        if not _OURS.fullmatch(name) or not mailbox.waits(file):
            raise Refused(HTTPStatus.NOT_FOUND, "there is no such request, or it was long ago")
        return HTTPStatus.ACCEPTED, {"state": "waits"}

    def resume(self, body: Body) -> Reply:
        """Lift a halt in two steps, the second with the nonce that the first one gave. It ends no pause."""
        reason, status = _reason_in(body), self._status()
        if status is None:
            raise Refused(HTTPStatus.CONFLICT, "no hedger has said how it is: there is nothing to resume")
        if status.get("halted") is None and not status.get("doubted"):
            raise Refused(HTTPStatus.CONFLICT, "it is not halted: POST /unpause ends a pause")
        halted, nonce = str(status["halted"] or "")[:LONGEST_HALT], body.get("nonce")
        with self._guard:
            offer, self._offer = self._offer, None
            if nonce is None:
                self._offer = _Offer(nonce=secrets.token_urlsafe(16), halted=halted, until=self._now() + NONCE_S)
                return HTTPStatus.ACCEPTED, {"halted": halted, "nonce": self._offer.nonce, "within_s": NONCE_S}
        if offer is None or self._now() > offer.until or not _same(nonce, offer.nonce):
            raise Refused(HTTPStatus.CONFLICT, "the nonce is not the last one given, or it is too old: begin again")
        return self._send(Request(ask=Ask.RESUME, reason=reason, halted=offer.halted))

    def _send(self, request: Request) -> Reply:
        name = Mailbox(self._directory).send(request, f"control-{secrets.token_hex(8)}")
        id = name.removesuffix(ASKED)
        return HTTPStatus.ACCEPTED, {"asked": request.ask.value, "request": id, "outcome": f"{_REQUESTS}{id}"}

    def _status(self) -> dict[str, Any] | None:
        try:
            known = json.loads((self._directory / "status.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return known if isinstance(known, dict) else None


def _reason_in(body: Body, *, needed: bool = True) -> str:
    reason = body.get("reason", "")
    told = one_line(reason) if isinstance(reason, str) else ""
    if needed and not told:
        raise Refused(HTTPStatus.BAD_REQUEST, 'say why: {"reason": "…"}')
    if needed and is_too_long(str(reason)):
        raise Refused(HTTPStatus.BAD_REQUEST, f"the reason is longer than {LONGEST_REASON} characters: shorten it")
    return told or "no reason given"


def _same(given: object, wanted: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode(errors="replace"), wanted.encode())


class _Server(BoundedServer):
    def __init__(
        self, host: str, port: int, names: Collection[str], desk: Desk, lock: Lock, now: Callable[[], float]
    ) -> None:
        self.desk = desk
        self.lock = lock
        self._names = frozenset({"127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host, *names})
        super().__init__(host, port, _Handler, now)

    def hosts(self) -> frozenset[str]:
        """The names that a client may have reached us by: a page of a stranger's site bears another one."""
        return frozenset(f"{name}:{self.server_port}" for name in self._names)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = MOST_SECONDS

    def parse_request(self) -> bool:
        """Read the head; whoever has sent one whole keeps its seat until its time is up."""
        whole = super().parse_request()
        if whole:
            self.server.keep_seat(self.request)
        return whole

    def do_GET(self) -> None:
        """The status and what became of requests, and nothing that changes anything."""
        self._serve(self._get)

    def do_POST(self) -> None:
        """The routes that change something."""
        self._serve(self._post)

    def _get(self) -> Reply:
        if self.path in _POSTS:
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "use POST")
        if self.path != "/status" and not self.path.startswith(_REQUESTS):
            raise Refused(HTTPStatus.NOT_FOUND, "there is no such page")
        self.server.lock.check(self.headers.get("Authorization"))
        desk = self.server.desk
        return desk.status() if self.path == "/status" else desk.outcome(self.path.removeprefix(_REQUESTS))

    def _post(self) -> Reply:
        if self.path not in _POSTS:
            known = self.path == "/status"
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED if known else HTTPStatus.NOT_FOUND, "there is no such act")
        self.server.lock.check(self.headers.get("Authorization"))
        if self.headers.get(HEADER) != "1":
            raise Refused(HTTPStatus.FORBIDDEN, f"send the header {HEADER}: 1")
        body, desk = self._body(), self.server.desk
        acts = {"/kill": desk.kill, "/pause": desk.pause, "/unpause": desk.unpause, "/resume": desk.resume}
        reply = acts[self.path](body)
        structlog.get_logger("hedger.control").warning(LogEvent.CONTROL_USED, route=self.path)
        return reply

    def _serve(self, route: Callable[[], Reply]) -> None:
        """Strangers first: nothing is looked at, and no token compared, for a page of another site."""
        try:
            self._refuse_strangers()
            status, body = route()
        except Refused as refusal:
            status, body = refusal.status, {"error": refusal.why}
        except JournalError:
            status, body = HTTPStatus.INSUFFICIENT_STORAGE, {"error": "the state directory refuses: use a signal"}
        self._answer(status, body)

    def _refuse_strangers(self) -> None:
        hosts = self.server.hosts()
        if self.headers.get_all("Host", [])[:2] not in [[host] for host in hosts]:
            raise Refused(HTTPStatus.FORBIDDEN, "this host name is not ours")
        origin = self.headers.get("Origin")
        if origin is not None and origin not in {f"http://{host}" for host in hosts}:
            raise Refused(HTTPStatus.FORBIDDEN, "this origin is not ours")

    def _body(self) -> Body:
        if self.headers.get_content_type() != "application/json":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send JSON")
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "say how long the body is")
        if len(length) > 6 or int(length) > LARGEST_BODY:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {LARGEST_BODY} bytes")
        try:
            body = json.loads(self.rfile.read(int(length)) or b"{}")
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict) or not body.keys() <= {"reason", "nonce"}:
            raise Refused(HTTPStatus.BAD_REQUEST, "send a JSON object with a reason")
        return body

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is not even HTTP, or a method that we do not know: a status and no words of the client's."""
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        self._answer(status, {"error": status.phrase})

    def version_string(self) -> str:
        """The Server header, without versions."""
        return "hedger"

    def log_message(self, format: str, *args: Any) -> None:
        """Acts are logged by name, and requests not at all: their text is the client's."""

    def _answer(self, status: HTTPStatus, body: Body) -> None:
        data = json.dumps(body).encode() + b"\n"
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "POST" if self.path in _POSTS else "GET")
        if status is HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        self.wfile.write(data)
