"""Clients that mean no good, as a process of their own: `python -m tests.support.console_load PORT SECONDS`."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time

STALLED = 16
FLOODERS = 3
HELD = 200


def main() -> None:
    """Stalled streams, connections that say nothing, and a flood of requests and of garbage, for so many seconds."""
    port, ends_at = int(sys.argv[1]), time.monotonic() + float(sys.argv[2])
    request = f"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    stalled = []
    for _ in range(STALLED):
        stalled.append(socket.create_connection(("127.0.0.1", port), timeout=5))
        stalled[-1].sendall(request)
    threads = [threading.Thread(target=_flood, args=(port, n, ends_at)) for n in range(FLOODERS)]
    for thread in threads:
        thread.start()
    made = 0
    held: list[socket.socket] = []
    while time.monotonic() < ends_at:
        with contextlib.suppress(OSError):
            held.append(socket.create_connection(("127.0.0.1", port), timeout=1))
            made += 1
        if len(held) > HELD:
            held.pop(0).close()
    for thread in threads:
        thread.join()
    print(f"{made} connections besides the flood", flush=True)


def _flood(port: int, kind: int, ends_at: float) -> None:
    said = (
        f"GET /api/status HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode(),
        b"\x00garbage\r\n\r\n",
        f"POST /api/kill HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer wrong\r\n\r\n".encode(),
    )[kind % 3]
    while time.monotonic() < ends_at:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(said)
            connection.recv(1_000)


if __name__ == "__main__":
    main()
