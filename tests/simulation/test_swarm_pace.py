"""The faults in groups, so that each one is hit, and a few seeds at the pace of a real run."""

from collections import Counter

import pytest

from hedger.sim.faults.catalogue import CATALOGUE
from tests.support.swarm import BRISK_SEEDS, GROUPS, brisk, together, told


@pytest.mark.parametrize("seed", BRISK_SEEDS)
def test_at_the_pace_of_a_real_run_every_invariant_holds(seed: int) -> None:
    outcome = brisk(seed)
    assert not outcome.found, told([outcome])


@pytest.mark.parametrize("group", range(len(GROUPS)))
def test_a_few_faults_at_a_time_break_no_invariant(group: int) -> None:
    outcomes = together(group)
    assert not any(outcome.found for outcome in outcomes), told(outcomes)


def test_every_fault_of_the_catalogue_strikes_somewhere() -> None:
    hits: Counter[str] = Counter()
    for group in range(len(GROUPS)):
        for outcome in together(group):
            hits.update(outcome.hits)
    for seed in BRISK_SEEDS:
        hits.update(brisk(seed).hits)
    assert [code for code in CATALOGUE if not hits[code]] == []
