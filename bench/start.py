"""From the start of `hedger paper` to the first hedge order on the exchange, by the exchange's own count."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bench.processes import paper_process
from bench.rows import Row, median
from hedger.errors import GiveUp
from hedger.sim.attach import Attached, read_note

RUNS = 5
TARGET_S = 3.0
LONGEST_S = 60.0
LOOK_S = 0.005


def measure(runs: int = RUNS) -> list[Row]:
    """One start that is not counted, for the bytecode, and then the median of a few."""
    with tempfile.TemporaryDirectory(prefix="hedger-bench-") as scratch:
        timelines = [_start(Path(scratch) / str(number)) for number in range(runs + 1)][1:]
    totals = [timeline["order accepted"] for timeline in timelines]
    usual = min(timelines, key=lambda timeline: abs(timeline["order accepted"] - median(totals)))
    told = ", ".join(f"{name} {at:.2f}" for name, at in usual.items())
    return [
        Row(
            name="start: process to first order on the exchange",
            value=median(totals),
            unit="s",
            target=f"< {TARGET_S:.0f} s",
            met=median(totals) < TARGET_S,
            detail=f"best {min(totals):.2f}, worst {max(totals):.2f} of {runs}; {told}",
        )
    ]


def _start(directory: Path) -> Mapping[str, float]:
    """Seconds from the start of the process to each station on the way."""
    began = time.monotonic()
    with paper_process(directory):
        return asyncio.run(_watch(directory / "paper", began))


async def _watch(directory: Path, began: float) -> Mapping[str, float]:
    attached, served = None, began
    while time.monotonic() - began < LONGEST_S:
        await asyncio.sleep(LOOK_S)
        if attached is None:
            note = read_note(directory)
            attached = None if note is None else Attached(note=note)
            served = time.monotonic()
        elif await _accepted(attached):
            return _timeline(directory, attached, began, served, time.monotonic())
    raise GiveUp(f"No order within {LONGEST_S:.0f} s.")


async def _accepted(exchange: Attached) -> bool:
    return (await exchange.truth()).creates_accepted > 0


def _timeline(directory: Path, exchange: Attached, began: float, served: float, accepted: float) -> Mapping[str, float]:
    """The stations: the exchange's by its note, the daemon's by the first row of each kind in its journal."""
    note = exchange.note
    with sqlite3.connect(f"file:{directory / 'journal.sqlite3'}?mode=ro", uri=True) as journal:
        first = dict(journal.execute("SELECT kind, min(at) FROM events GROUP BY kind"))
    real = {kind: note.monotonic0 + (at - note.start_at) / 1000 / note.speed for kind, at in first.items()}
    stations = {
        "exchange imported": note.monotonic0,
        "exchange serves": served,
        "daemon made": real["start"],
        "venue open": real["instrument"],
        "order decided": real["order"],
        "order accepted": accepted,
    }
    return {name: at - began for name, at in stations.items()}
