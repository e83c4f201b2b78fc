"""`make crashes`: every scenario killed at every point, and again in the life after; a table of what came of it."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from tests.support.crash_memory import directory_in_memory
from tests.support.crash_runs import Crash, crashes_of, doubles_of, points_of, run
from tests.support.crash_scenarios import SCENARIOS

EVERY_DOUBLE = 3
ROW = "{:45} {:>7} {:>8} {:>7} {:>10} {:>9}"


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of one scenario: how many points and crashes, those that were followed by another, and the failures."""

    points: int
    singles: int
    doubles: int = 0
    slowest_s: float = 0.0
    failures: list[str] = field(default_factory=list)


def main(jobs: int, words: Sequence[str]) -> int:
    """Run the scenarios whose names hold all of the words; 1 if anything failed."""
    chosen = [number for number, s in enumerate(SCENARIOS) if all(word in s.name for word in words)]
    began, outcomes = time.monotonic(), []
    print(ROW.format("scenario", "points", "crashes", "double", "slowest s", "failures"))
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for number, outcome in zip(chosen, pool.map(every_crash, chosen), strict=True):
            outcomes.append(outcome)
            print(_row(SCENARIOS[number].name, [outcome]), flush=True)
    print(_row(f"{len(outcomes)} scenarios", outcomes))
    runs = sum(o.singles for o in outcomes) + sum(-(-o.points // EVERY_DOUBLE) for o in outcomes)
    print(f"{runs} runs with a crash in {time.monotonic() - began:.0f} s")
    failures = [line for outcome in outcomes for line in outcome.failures]
    print("\n".join(failures) or "no failure")
    return 1 if failures or not outcomes else 0


def every_crash(number: int) -> Outcome:
    """Kill one scenario at all of its points, and at every third once more in the life after."""
    scenario = SCENARIOS[number]
    with directory_in_memory() as directory:
        points = points_of(scenario, directory / "alive")
        singles = crashes_of(points)
        outcome = Outcome(points=len(points), singles=len(singles))
        for crash in [*singles, *doubles_of(points)[::EVERY_DOUBLE]]:
            verdict = run(scenario, crash, directory / "crash")
            shutil.rmtree(directory / "crash")
            outcome.doubles += verdict.again
            outcome.slowest_s = max(outcome.slowest_s, verdict.converged_s)
            faults = verdict.faults if verdict.died else [*verdict.faults, "the point was not reached"]
            if faults:
                outcome.failures.append(_line(scenario.name, crash, points[crash.at].what, faults[0]))
    return outcome


def _row(name: str, outcomes: Sequence[Outcome]) -> str:
    return ROW.format(
        name,
        sum(o.points for o in outcomes),
        sum(o.singles for o in outcomes),
        sum(o.doubles for o in outcomes),
        round(max((o.slowest_s for o in outcomes), default=0)),
        sum(len(o.failures) for o in outcomes),
    )


def _line(name: str, crash: Crash, what: str, fault: str) -> str:
    then = "" if crash.second_at is None else f", again at {crash.second_at}"
    return f"{name}: at {crash.at} ({what}), in flight {crash.in_flight}{then}: {fault[:600]}"


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
