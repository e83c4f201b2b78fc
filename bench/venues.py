"""What a venue costs to load: one client class by itself, as the daemon does, and the whole library as it is meant."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import NamedTuple

from bench.rows import Row, median
from hedger.venues.profile import VENUES

ROUNDS = 3
WHOLE = "import ccxt.pro as ccxt; ccxt.{name}"
ALONE = "from hedger.venues.light import load_exchange_class; load_exchange_class('{name}')"
PROFILE = "from hedger.venues.factory import import_client; import_client('{name}')"
SAY = "; import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


class Load(NamedTuple):
    """What loading took: seconds of a new process, and its peak of memory in MB."""

    seconds: float
    megabytes: float


def measure() -> list[Row]:
    """A row for the whole library, and two for each venue."""
    whole = load(WHOLE.format(name="binance"))
    rows = [
        Row(name="venues: the whole library", value=whole.megabytes, unit="MB", detail=f"{whole.seconds:.2f} s"),
    ]
    for name in VENUES:
        alone, profile = load(ALONE.format(name=name)), load(PROFILE.format(name=name))
        rows.append(
            Row(
                name=f"venues: {name} alone ÷ the whole library, memory",
                value=alone.megabytes / whole.megabytes,
                unit="×",
                target="< 0.8",
                met=alone.megabytes < 0.8 * whole.megabytes,
                detail=f"{_said(alone)}; with our profile {_said(profile)}",
            )
        )
    return rows


def _said(load: Load) -> str:
    return f"{load.megabytes:.0f} MB in {load.seconds:.2f} s"


def load(program: str) -> Load:
    """The median of a few new processes."""
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        told = subprocess.run([sys.executable, "-c", program + SAY], check=True, capture_output=True, text=True).stdout
        found.append(Load(time.perf_counter() - began, int(told) / 1024))
    return Load(median([one.seconds for one in found]), median([one.megabytes for one in found]))
