"""Metrics and health over HTTP, in threads of their own: they must be able to tell that the loop stands still."""

from __future__ import annotations

import errno
import json
import socket
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from hedger.errors import ConfigError
from hedger.ops.events import LogEvent
from hedger.ops.readiness import Health

MOST_CONNECTIONS = 8
MOST_SECONDS = 5.0
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
            raise ConfigError(_remedy(host, port, error)) from error
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


def _remedy(host: str, port: int, error: OSError | OverflowError) -> str:
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use: stop what listens there, or set another port for metrics and health."
    if code == errno.EACCES:
        return f"Port {port} may not be opened by this user: set a port above 1023 for metrics and health."
    return f"Metrics and health cannot be served on {host} port {port}: set an address of this machine and a free port."


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 16

    def __init__(
        self, host: str, port: int, health: Health, registry: CollectorRegistry, now: Callable[[], float]
    ) -> None:
        self.health = health
        self.registry = registry
        self._now = now
        self._lock = threading.Lock()
        self._ends_at: dict[socket.socket, float] = {}
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking the name service who we are, which can take long."""
        socket.socket.setsockopt(self.socket, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "hedger", int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection in, or turn it away when there are too many."""
        with self._lock:
            full = len(self._ends_at) >= MOST_CONNECTIONS
            if not full:
                self._ends_at[request] = self._now() + MOST_SECONDS
        if full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection and forget it."""
        with self._lock:
            self._ends_at.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End the connections whose time is up; called several times a second."""
        now = self._now()
        with self._lock:
            late = [request for request, ends_at in self._ends_at.items() if ends_at <= now]
        for request in late:
            _hang_up(request)

    def server_close(self) -> None:
        """Stop listening and hang up on everybody."""
        super().server_close()
        with self._lock:
            open_ones = list(self._ends_at)
        for request in open_ones:
            _hang_up(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke off is worth a debug line and no more."""
        structlog.get_logger("hedger.health").debug(LogEvent.HEALTH_REQUEST_FAILED, exc_info=True)


def _hang_up(request: socket.socket) -> None:
    """Wake the thread that waits for the connection; the thread then closes it."""
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = MOST_SECONDS

    def do_GET(self) -> None:
        """Answer one of the three pages; a query string is ignored."""
        match self.path.partition("?")[0]:
            case "/metrics":
                encode, content_type = choose_encoder(self.headers.get("Accept", ""))
                self._answer(HTTPStatus.OK, content_type, encode(self.server.registry))
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
