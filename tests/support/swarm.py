"""Seeds and runs of the swarm, each run once in a process however many tests ask for it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from hedger.app.simulation.run import Outcome, simulate
from hedger.sim.faults.catalogue import CATALOGUE
from hedger.sim.portfolios import Portfolio

LIST = Path(__file__).parents[1] / "simulation" / "seeds.txt"
CALM_SEEDS = tuple(range(1, 41))
BRISK_SEEDS = tuple(range(501, 505))
TOGETHER, MOST_ATTEMPTS = 6, 9
CODES = tuple(CATALOGUE)
# The catalogue in groups, so that each fault strikes for sure in a run with a few others.
GROUPS = tuple(CODES[start :: len(CODES) // TOGETHER] for start in range(len(CODES) // TOGETHER))


@cache
def calm(seed: int) -> Outcome:
    return simulate(seed, brisk=False)


@cache
def brisk(seed: int) -> Outcome:
    return simulate(seed, brisk=True)


@cache
def together(group: int) -> tuple[Outcome, ...]:
    """One group of faults and no others, from one seed after another until each of them has struck."""
    codes, outcomes = GROUPS[group], []
    missing = set(codes)
    for attempt in range(MOST_ATTEMPTS):
        pace = attempt % 3 == 2  # what needs many requests needs the pace of a real run
        seed = 900 + 100 * attempt + group
        wanted = [code for code in codes if code in missing] if attempt else codes
        outcomes.append(simulate(seed, codes=wanted, seconds=600 if pace else 3_000, brisk=pace))
        missing -= outcomes[-1].hits.keys()
        if not missing:
            break
    return tuple(outcomes)


def listed() -> list[str]:
    """The lines of the committed list."""
    lines = (line.strip() for line in LIST.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def replayed(line: str) -> Outcome:
    """What a line of the list runs."""
    words = shlex.split(line)
    options = dict(zip(words[2::1], [*words[3:], ""], strict=True))
    codes = options.get("--faults")
    pace = True if "--brisk" in words else False if "--calm" in words else None
    return simulate(
        int(options["--seed"]),
        codes=None if codes is None else () if codes == "none" else codes.split(","),
        seconds=float(options["--until"]) if "--until" in options else None,
        brisk=pace,
        books=[Portfolio(name) for name in options["--books"].split(",")] if "--books" in options else None,
    )


def told(outcomes: Sequence[Outcome]) -> str:
    """What went wrong, and the lines that replay it, for a failure's message."""
    return "\n".join(
        f"{finding.invariant}: {finding.sentence}\n  replay: {outcome.replay}"
        for outcome in outcomes
        for finding in outcome.violations
    )
