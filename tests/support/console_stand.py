"""A console on hand-made states, served over real sockets, and a client that says exactly what a test wants it to."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.errors import GiveUp
from hedger.ops.console.desk import Lookouts, Outlook
from hedger.ops.console.feed import Feed
from hedger.ops.console.server import Console
from hedger.ops.console.tokens import Tokens
from hedger.ops.explain import Story
from hedger.ops.view import Banner
from hedger.runtime.requests import Mailbox, Request
from tests.support import ops_states

TOKEN = "canary-token-of-more-than-32-characters"
READ_TOKEN = "canary-read-token-of-more-than-32-chars"
JSON = {"Content-Type": "application/json", "X-Hedger": "1", "Authorization": f"Bearer {TOKEN}"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}
DECISION = 41


class Clock:
    """Seconds that a test sets."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def feed_of(policy: Policy | None = None, state: State | None = None) -> Feed:
    """A feed that has seen one state of a hedge that works, and one decision."""
    policy = policy or ops_states.policy()
    feed = Feed(policy, banner=Banner(kind="paper", transport="port", started_at=ops_states.NOW - 60_000), version="1")
    feed.update(state or ops_states.hedging_state(policy), (ops_states.decision(DECISION),))
    return feed


def story(number: int) -> Story:
    """The journal of these tests has one decision."""
    if number != DECISION:
        raise GiveUp(f"there is no decision {number}")
    from pydantic_core import to_jsonable_python

    return Story(decision=to_jsonable_python(ops_states.decision(DECISION)))


def lookouts(against: str = "") -> Lookouts:
    """A flatten and a reload with nothing behind them."""

    def flatten(names: Sequence[str]) -> Outlook:
        told = {"hedges": list(names)}
        return Outlook(told=told, shown=f"plan of {','.join(names)}", phrase=f"flatten {' '.join(names) or 'all'}")

    return Lookouts(
        flatten=flatten, reload=lambda: Outlook(told={"changes": []}, shown="digest-of-the-file", against=against)
    )


@contextmanager
def served(directory: Path, feed: Feed | None = None, **changes: Any) -> Iterator[Console]:
    """A console on a directory; reading is free unless `tokens` say otherwise."""
    Mailbox(directory).prepare()
    given: dict[str, Any] = {
        "tokens": Tokens(act=TOKEN, reads_freely=True),
        "host": "127.0.0.1",
        "port": 0,
        "now": Clock(),
        "story": story,
        "lookouts": lookouts(),
        **changes,
    }
    with Console(directory, feed or feed_of(), **given) as console:
        yield console


class Said:
    """An answer as it came."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.data = response.read()

    @property
    def text(self) -> str:
        """As text."""
        return self.data.decode()

    @property
    def body(self) -> dict[str, Any]:
        """As JSON."""
        return dict(json.loads(self.text))


def ask(console: Console, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Said:
    """A request with these headers and nothing else that a client would add."""
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=60)
    try:
        data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        connection.request(method, path, data if method == "POST" else None, headers or {})
        return Said(connection.getresponse())
    finally:
        connection.close()


def get(console: Console, path: str, **headers: str) -> Said:
    """A reading of a page; underscores of header names are dashes."""
    return ask(console, "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def post(console: Console, path: str, body: object = None, **changes: str) -> Said:
    """An act as a client of ours does it, with some headers changed; an empty value leaves one out."""
    headers = {**JSON, **{name.replace("_", "-"): value for name, value in changes.items()}}
    return ask(console, "POST", path, body, {name: value for name, value in headers.items() if value})


def raw(console: Console, data: bytes, timeout_s: float = 60.0) -> bytes:
    """Whatever comes back for bytes of a test's own, until the console closes."""
    with socket.create_connection(("127.0.0.1", console.port), timeout=timeout_s) as connection:
        connection.sendall(data)
        return rest_of(connection)


def rest_of(connection: socket.socket) -> bytes:
    """What comes until the other side closes, or is reset."""
    found = b""
    try:
        while piece := connection.recv(65_536):
            found += piece
    except ConnectionError:
        pass
    return found


def say(directory: Path, **status: object) -> None:
    """Write a status file as a hedger would."""
    (directory / "status.json").write_text(json.dumps(status))


def requests_in(directory: Path) -> list[Request | None]:
    """What was asked, taken up."""
    return [letter.request for letter in Mailbox(directory).letters()]


class Listener:
    """A client of the stream, in the calling thread: `next` gives events as they come."""

    def __init__(self, console: Console, **headers: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", console.port), timeout=60)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        request = f"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:{console.port}\r\n{head}\r\n"
        self._socket.sendall(request.encode())
        self._file = self._socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        while self._file.readline() not in (b"\r\n", b""):
            pass

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def next(self, *wanted: str) -> tuple[str, Any]:
        """The next event, of those kinds if any are named. Raises EOFError at the end of the stream."""
        name = ""
        while line := self._file.readline():  # chunk sizes stand between the lines and look like neither
            if line.startswith(b"event: "):
                name = line[7:].strip().decode()
            elif line.startswith(b"data: ") and (not wanted or name in wanted):
                return name, json.loads(line[6:])
        raise EOFError("the stream has ended")


def until(wanted: Any, within_s: float = 60.0) -> Any:
    """Wait until something is true."""
    ends_at = time.monotonic() + within_s
    while not (found := wanted()):
        assert time.monotonic() < ends_at, "it did not come in time"
        time.sleep(0.01)
    return found
