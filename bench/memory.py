"""Resident memory of the daemon with one venue, beside what ccxt costs whole and one class at a time."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench.processes import paper_process, resident_after, resident_mb
from bench.rows import Row

AFTER_S = 20.0
TARGET_MB = 120.0
WHOLE = "import ccxt.pro"
ONE = "from hedger.venues.light import load_exchange_class; load_exchange_class('binance')"


def measure() -> list[Row]:
    """Two interpreters that only import, and a paper run through the wire after twenty seconds."""
    with tempfile.TemporaryDirectory(prefix="hedger-bench-") as scratch, paper_process(Path(scratch)) as process:
        whole, one = resident_after(WHOLE), resident_after(ONE)
        time.sleep(AFTER_S)
        daemon = resident_mb(process.pid)
    return [
        Row(
            name="memory: the daemon with one venue",
            value=daemon,
            unit="MB",
            target=f"< {TARGET_MB:.0f} MB",
            met=daemon < TARGET_MB,
            detail=f"resident, after {AFTER_S:.0f} s of paper through the wire",
        ),
        Row(name="memory: ccxt.pro imported whole", value=whole, unit="MB", detail=f"an interpreter with `{WHOLE}`"),
        Row(name="memory: one exchange class alone", value=one, unit="MB", detail="as hedger.venues.light imports it"),
    ]
