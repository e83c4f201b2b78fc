"""How much faster than real time `--speed max` runs, in this process and without the interpreter's start."""

from __future__ import annotations

import time

from bench.rows import Row, median
from hedger.app.paper import run_at_port
from hedger.settings.load import load_settings

SECONDS = 3_600.0
RUNS = 3
TARGET = 1_000.0


def measure() -> list[Row]:
    """An hour of paper on virtual time, a few times with different seeds, each with its verdict."""
    ratios = [_ratio(seed) for seed in range(1, RUNS + 1)]
    return [
        Row(
            name="speed: --speed max, virtual ÷ real time",
            value=median(ratios),
            unit="×",
            target=f"≥ {TARGET:,.0f}×",
            met=median(ratios) >= TARGET,
            detail=f"best {max(ratios):,.0f}, worst {min(ratios):,.0f} of {RUNS}; an hour each, hedged and judged",
        )
    ]


def _ratio(seed: int) -> float:
    settings = load_settings(None, {"paper.seed": seed}, {})
    began = time.perf_counter()
    summary = run_at_port(settings, seconds=SECONDS, replay=None, directory=None, json=True)
    took = time.perf_counter() - began
    assert summary.sound, f"seed {seed}: {summary.verdict}"
    assert summary.hedged, f"seed {seed}: {summary.verdict}"
    return summary.seconds / took
