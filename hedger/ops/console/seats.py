"""The connections that are open: few, each with little time, and none that can keep a person's request out."""

from __future__ import annotations

import asyncio
import socket
import struct
from enum import IntEnum

MOST_CONNECTIONS = 64
HEAD_S = 2.0
ANSWER_S = 15.0
_NO_LINGER = struct.pack("ii", 1, 0)


class Standing(IntEnum):
    """How much a connection has to show for its seat: the less, the sooner it has to go for another one."""

    SILENT = 0
    ASKING = 1
    STREAMING = 2
    ACTING = 3


class Seats:
    """At most so many connections, on one event loop. Whoever has not sent a whole head is there on sufferance: for two
    seconds, and when somebody else comes and all seats are taken, the one of least standing that came first has to go.
    """

    def __init__(self, most: int = MOST_CONNECTIONS, head_s: float = HEAD_S, answer_s: float = ANSWER_S) -> None:
        self._most = most
        self._head_s = head_s
        self._answer_s = answer_s
        self._taken: dict[asyncio.BaseTransport, tuple[Standing, asyncio.TimerHandle | None]] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, transport: asyncio.Transport) -> None:
        """A connection has come. Where nobody may be sent away for it, it goes itself."""
        if len(self._taken) >= self._most:
            least = min(self._taken, key=lambda one: self._taken[one][0])  # of equals, the one that came first
            if self._taken[least][0] is Standing.ACTING:
                abort(transport)
                return
            self._hang_up(least)
        self._taken[transport] = (Standing.SILENT, _later(self._head_s, transport))

    def keep(self, transport: asyncio.BaseTransport | None, standing: Standing) -> None:
        """A connection has sent a whole head, or turned out to be something that may stay longer."""
        if transport is None or transport not in self._taken:
            return
        before, timer = self._taken[transport]
        if standing is Standing.STREAMING:
            _cancel(timer)
            timer = None  # whoever writes to it looks whether it reads
        elif before is Standing.SILENT:
            _cancel(timer)
            timer = _later(self._answer_s, transport)
        self._taken[transport] = (max(standing, before), timer)

    def leave(self, transport: asyncio.BaseTransport) -> None:
        """A connection is over."""
        _, timer = self._taken.pop(transport, (None, None))
        _cancel(timer)

    def hang_up(self) -> None:
        """End them all."""
        for transport in list(self._taken):
            self._hang_up(transport)

    def _hang_up(self, transport: asyncio.BaseTransport) -> None:
        self.leave(transport)
        abort(transport)


def _later(seconds: float, transport: asyncio.BaseTransport) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, abort, transport)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def abort(transport: asyncio.BaseTransport) -> None:
    """End a connection at once: what it has not taken is thrown away, here and in the kernel, which else keeps it."""
    if not isinstance(transport, asyncio.Transport):
        return
    connected = transport.get_extra_info("socket")
    if connected is not None and not transport.is_closing():
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
