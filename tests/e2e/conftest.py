"""Processes of the tests in this folder, ended whatever happens."""

from collections.abc import Iterator

import pytest

from tests.support.processes import Nursery, nursery


@pytest.fixture(scope="module")
def processes() -> Iterator[Nursery]:
    with nursery() as held:
        yield held
