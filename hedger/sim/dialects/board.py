"""What every venue's dialect is to the server in front of it: hosts, answers, and sessions behind WebSockets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from hedger.sim.dialects.line import Wrap
from hedger.sim.dialects.mishaps import Mishap
from hedger.sim.dialects.requests import Answer, Body, Request
from hedger.sim.exchange import Exchange


class Reader(Protocol):
    """Whoever listens to streams."""

    def tell(self, stream: str, body: Body) -> None:
        """Take one frame of a stream; must not block."""


class Session(Protocol):
    """What stands behind one WebSocket."""

    def answer(self, text: str) -> Body | None:
        """The reply to a frame, None for one that has none."""

    def close(self) -> None:
        """The client has gone."""


class Board(Protocol):
    """One venue in front of one exchange, sans I/O: hosts and addresses to who answers."""

    hosts: Sequence[str]
    exchange: Exchange
    # Set by the server, called by the board when `flush` has something to tell stream readers.
    wake: Callable[[], None]

    def answer(self, host: str, request: Request) -> Answer:
        """Answer a REST request to a host."""

    def flush(self) -> None:
        """Tell stream readers what has happened."""

    def wrap(self, host: str, path: str) -> Wrap | None:
        """The form of the frames at a WebSocket address; None if there is no such address."""

    def connect(self, host: str, path: str, query: str, reader: Reader) -> Session:
        """The session behind a WebSocket address that `wrap` knows."""

    def worded(self, mishap: Mishap) -> Answer:
        """How the venue words a fate that is an answer: UNKNOWN_STATUS or OVERLOADED."""
