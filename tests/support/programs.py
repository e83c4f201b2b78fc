"""Programs that tests run besides Python: where each is, or a failure that names the Debian package to install."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[1] / "packages.txt"


def program(name: str, package: str) -> str:
    """The path of a program; fails where it is missing, because a check that cannot run must not look green."""
    assert package in PACKAGES.read_text(encoding="utf-8").split(), f"{package} is not in {PACKAGES.name}"
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is missing: install the Debian package {package} (tests/packages.txt lists all)")
    return found
