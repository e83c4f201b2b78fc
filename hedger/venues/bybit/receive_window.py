"""The receive window of one request: the client has one for all, and a create needs its own time-to-live."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from hedger.venues.link import Environment

_WINDOW_MS: ContextVar[int | None] = ContextVar("bybit_window", default=None)


@contextmanager
def receive_window(milliseconds: int) -> Iterator[None]:
    """What is asked inside, by this task, is refused by the venue when it arrives later than that."""
    token = _WINDOW_MS.set(milliseconds)
    try:
        yield
    finally:
        _WINDOW_MS.reset(token)


def prepare(client: Any, environment: Environment) -> None:
    """Point a client at its environment, and have it heed `receive_window`.

    The client signs with the window in its options, and without a pause: what is put there for the length of the
    signing is seen by no other request. Whose task has no window of its own signs with the usual one.
    """
    if environment is Environment.TESTNET:
        client.set_sandbox_mode(True)
    sign, options = client.sign, client.options

    def signed(*args: Any, **kwargs: Any) -> Any:
        window, usual = _WINDOW_MS.get(), options["recvWindow"]
        if window is None:
            return sign(*args, **kwargs)
        options["recvWindow"] = window
        try:
            return sign(*args, **kwargs)
        finally:
            options["recvWindow"] = usual

    client.sign = signed
