"""Processes of the tests in this folder, ended whatever happens."""

import socket
from collections.abc import Iterator

import pytest

from tests.support.processes import Nursery, nursery


@pytest.fixture
def processes() -> Iterator[Nursery]:
    with nursery() as held:
        yield held


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])
