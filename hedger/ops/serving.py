"""A small HTTP server in threads of its own: few connections, each with little time, and none that can hold it up."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog

from hedger.ops.events import LogEvent

MOST_CONNECTIONS = 8
MOST_SECONDS = 5.0
HEAD_SECONDS = 2.0


def remedy(host: str, port: int, error: OSError | OverflowError, what: str) -> str:
    """Why `what` cannot be served there, and what to do."""
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use: stop what listens there, or set another port for {what}."
    if code == errno.EACCES:
        return f"Port {port} may not be opened by this user: set a port above 1023 for {what}."
    begin = what[0].upper() + what[1:]
    return f"{begin} cannot be served on {host} port {port}: set an address of this machine and a free port."


class BoundedServer(ThreadingHTTPServer):
    """Serves at most eight connections at a time, each for at most five seconds in all. `now` never goes back.

    Whoever has not sent a request's whole head is there on sufferance: two seconds long, and when somebody else comes
    and all seats are taken, the one of them who waited longest has to go. So idle connections keep nobody out.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 16

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler], now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._ends_at: dict[socket.socket, float] = {}
        self._silent: dict[socket.socket, None] = {}  # in the order in which they came
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        """Bind without asking the name service who we are, which can take long."""
        socket.socket.setsockopt(self.socket, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "hedger", int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection in, in the place of a silent one where there is no other; else turn it away."""
        with self._lock:
            evicted = next(iter(self._silent), None) if len(self._ends_at) >= MOST_CONNECTIONS else None
            if evicted is not None:
                self._forget(evicted)
            full = len(self._ends_at) >= MOST_CONNECTIONS
            if not full:
                self._ends_at[request] = self._now() + HEAD_SECONDS
                self._silent[request] = None
        if evicted is not None:
            _hang_up(evicted)
        if full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def keep_seat(self, request: Any) -> None:
        """A connection has sent a whole head."""
        with self._lock:
            if self._silent.pop(request, request) is None:
                self._ends_at[request] += MOST_SECONDS - HEAD_SECONDS

    def shutdown_request(self, request: Any) -> None:
        """Close a connection and forget it."""
        with self._lock:
            self._forget(request)
        super().shutdown_request(request)

    def _forget(self, request: socket.socket) -> None:
        self._ends_at.pop(request, None)
        self._silent.pop(request, None)

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
