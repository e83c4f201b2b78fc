"""Killed at any step, commit or request: one hedge, nothing left on the book, every fill booked once.

Here at an even spread of the points; `make crashes` takes all of them.
"""

import shutil

import pytest

from tests.support.crash_memory import directory_in_memory
from tests.support.crash_runs import Scenario, crashes_of, doubles_of, points_of, run, spread
from tests.support.crash_scenarios import SCENARIOS

SINGLES, DOUBLES = 5, 2


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[s.name.replace(" ", "-") for s in SCENARIOS])
def test_killed_at_any_point_it_hedges_once_and_books_each_fill_once(scenario: Scenario) -> None:
    with directory_in_memory() as directory:
        points = points_of(scenario, directory / "alive")
        for crash in [*spread(crashes_of(points), SINGLES), *spread(doubles_of(points), DOUBLES)]:
            verdict = run(scenario, crash, directory / "crash")
            assert not verdict.faults, f"{crash} at '{points[crash.at].what}': {verdict.faults}"
            assert verdict.died, f"{crash} was never reached: the run is not the same twice"
            shutil.rmtree(directory / "crash")


def test_there_are_many_stories_and_each_kind_of_moment_is_among_its_points() -> None:
    assert len({s.name for s in SCENARIOS}) == len(SCENARIOS) >= 40
    with directory_in_memory() as directory:
        points = points_of(SCENARIOS[0], directory)
    kinds = {" ".join(point.what.split()[:2]) for point in points}
    assert {"before the", "after the", "place leaves", "place left", "step on"} <= kinds
    assert any(point.wires for point in points), "requests on their way are lost, arrive, or arrive late"
