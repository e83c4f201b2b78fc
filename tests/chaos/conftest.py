"""Processes of the tests in this folder, ended whatever happens."""

from collections.abc import Iterator

import pytest

from tests.support.ports import free_port as any_free_port
from tests.support.processes import Nursery, nursery


@pytest.fixture
def processes() -> Iterator[Nursery]:
    with nursery() as held:
        yield held


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on at this moment."""
    return any_free_port()
