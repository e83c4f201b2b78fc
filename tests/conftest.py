"""A test's folder is its marker, and hypothesis has one profile for people and machines alike."""

import signal
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
FOLDERS = frozenset({"unit", "property", "simulation", "wire", "chaos", "e2e"})

# A shared machine's pauses are no failures, and a failing example prints the line that replays it.
settings.register_profile("hedger", deadline=None, print_blob=True)
settings.load_profile("hedger")

# A run under nohup would hand its deafness down to every hedger that a test starts, and those heed it on purpose.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder not in FOLDERS:
            raise pytest.UsageError(f"{item.nodeid} belongs in one of tests/{{{','.join(sorted(FOLDERS))}}}")
        item.add_marker(folder)
