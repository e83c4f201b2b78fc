"""A hundred hours of the whole daemon against every kind of fault: each invariant holds after each event."""

import os
import subprocess
import sys

import pytest

from tests.support.swarm import CALM_SEEDS, calm, listed, replayed, told


@pytest.mark.parametrize("seed", CALM_SEEDS)
def test_whatever_strikes_every_invariant_holds_and_it_is_hedged_soon_after(seed: int) -> None:
    outcome = calm(seed)
    assert not outcome.found, told([outcome])
    assert outcome.orders, "a run without an order shows nothing"


def test_a_hundred_hours_and_two_thousand_faults_are_simulated() -> None:
    outcomes = [calm(seed) for seed in CALM_SEEDS]
    assert sum(outcome.seconds for outcome in outcomes) >= 100 * 3_600
    assert sum(outcome.faults for outcome in outcomes) >= 2_000


@pytest.mark.parametrize("line", listed())
def test_what_once_broke_an_invariant_does_not_any_more(line: str) -> None:
    outcome = replayed(line)
    assert not outcome.found, told([outcome])


def test_the_same_seed_is_the_same_run_in_two_processes_to_the_last_digit() -> None:
    arguments = [sys.executable, "-m", "hedger", "simulate", "--seed", "12", "--until", "900", "--json"]
    runs = [
        subprocess.run(
            arguments, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=False
        )
        for seed in ("1", "4711")
    ]
    assert '"digest":"' in runs[0].stdout, runs[0].stderr
    assert runs[0].stdout == runs[1].stdout
