"""Metrics and health over HTTP, in threads of their own: they must be able to tell that the loop stands still."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from prometheus_client import CollectorRegistry

from hedger.errors import ConfigError
from hedger.ops.exposition import Exposition
from hedger.ops.readiness import Health
from hedger.ops.serving import MOST_SECONDS, BoundedServer, remedy

_TICK_S = 0.25
_SWITCH_INTERVAL_S = 0.00005  # how long a thread may keep the interpreter when another one wants it


class HealthServer:
    """Serves /metrics, /livez and /readyz to whoever can reach the port. Nothing can be changed through it.

    At most eight connections are served at a time, each for at most five seconds in all, however slowly it speaks.
    `now` gives seconds that never go back. Port 0 lets the system choose one: see `port`.
    """

    def __init__(
        self, health: Health, registry: CollectorRegistry, *, host: str, port: int, now: Callable[[], float]
    ) -> None:
        try:
            self._server = _Server(host, port, health, registry, now)
        except (OSError, OverflowError) as error:
            raise ConfigError(remedy(host, port, error, "metrics and health")) from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_TICK_S,), daemon=True, name="health")

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer. A scrape then never keeps the event loop from the interpreter for long."""
        sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_INTERVAL_S))
        self._thread.start()

    def close(self) -> None:
        """Stop listening and end the connections that are open."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(MOST_SECONDS)
        self._server.server_close()


class _Server(BoundedServer):
    def __init__(
        self, host: str, port: int, health: Health, registry: CollectorRegistry, now: Callable[[], float]
    ) -> None:
        self.health = health
        self.exposition = Exposition(registry)
        super().__init__(host, port, _Handler, now)


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
        """Answer one of the three pages; a query string is ignored."""
        match self.path.partition("?")[0]:
            case "/metrics":
                self._answer(HTTPStatus.OK, *self.server.exposition.page(self.headers.get("Accept", "")))
            case "/livez":
                self._answer_check(*self.server.health.live())
            case "/readyz":
                self._answer_check(*self.server.health.ready())
            case _:
                self.send_error(HTTPStatus.NOT_FOUND)

    do_HEAD = do_GET

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A plain status line: nothing that the client sent comes back to it."""
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        self._answer(status, "text/plain; charset=utf-8", f"{status.value} {status.phrase}\n".encode())

    def version_string(self) -> str:
        """The Server header, without versions."""
        return "hedger"

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: a scraper asks every few seconds."""

    def _answer_check(self, holds: bool, failing: dict[str, str]) -> None:
        status = HTTPStatus.OK if holds else HTTPStatus.SERVICE_UNAVAILABLE
        body = json.dumps({"ok": holds, "failing": failing}, ensure_ascii=False).encode() + b"\n"
        self._answer(status, "application/json", body)

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
