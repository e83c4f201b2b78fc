"""The plan of faults: what a seed chooses, and when it strikes."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from hedger.sim.faults.catalogue import CATALOGUE
from hedger.sim.faults.plan import Dose, Plan, Window, constant_plan, plan_at, plan_of
from hedger.sim.faults.strikes import Strikes

VENUE = "01 05 06 07 09 10 11 12 13 14 16 18 19 20 23 24 25 26 27 28 29 31 33"
NUMBERS = {
    "V": VENUE,
    "N": "01 02 03 04 06 11",
    "D": "01 02 03 05 07 08 10 16",
    "A": "01 02 03 05 06 09 10",
    "M": "01 02 04 05 06 07",
    "P": "01 04 05 06 07 10 11",
    "O": "01 05 07 08 09",
}
SEEDS = range(150)


def windows(plan: Plan) -> dict[str, tuple[float, object]]:
    return {code: (dose.chance, dose.windows) for code, dose in plan.doses.items()}


def test_the_catalogue_has_a_row_for_each_simulated_fault() -> None:
    assert set(CATALOGUE) == {letter + number for letter, numbers in NUMBERS.items() for number in numbers.split()}


def test_a_plan_is_a_function_of_its_seed_alone() -> None:
    for seed in SEEDS:
        assert plan_of(seed, None, 3_600) == plan_of(seed, None, 3_600)
    assert len({plan_of(seed, None, 3_600).digest() for seed in SEEDS}) == len(SEEDS)


def test_two_processes_make_the_same_plan() -> None:
    code = "from hedger.sim.faults.plan import plan_of; print([plan_of(s, None, 900).digest() for s in range(20)])"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": salt},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for salt in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert str([plan_of(seed, None, 900).digest() for seed in range(20)]) in runs[0]


def test_every_window_lies_inside_the_first_phase_and_none_overlap() -> None:
    for seed in SEEDS:
        plan = plan_of(seed, CATALOGUE, 120, start_at=1_000_000)
        for dose in plan.doses.values():
            assert dose.windows
            last = plan.start_at
            for window in dose.windows:
                assert last <= window.start_at < window.end_at <= plan.ends_at == 1_120_000
                last = window.end_at


def test_after_the_end_of_the_phase_nothing_is_active() -> None:
    plan = constant_plan(CATALOGUE, 0, 10_000)
    assert all(plan.active(code, 9_999) for code in CATALOGUE)
    assert not any(plan.active(code, at) for code in CATALOGUE for at in (10_000, 99_999))
    longer = replace(plan, doses={"V01": Dose(code="V01", chance=1.0, windows=(Window(0, 20_000),))})
    assert not longer.active("V01", 10_000)


def test_another_fault_in_the_plan_shifts_no_chance_of_the_others() -> None:
    few, many = plan_of(7, ["V01", "N01"], 600), plan_of(7, ["V01", "V05", "D07", "N01"], 600)
    assert windows(few).items() <= windows(many).items()
    assert few.random("V01", "paper").random() == many.random("V01", "paper").random()


def test_an_account_draws_the_same_whatever_else_strikes() -> None:
    alone = Strikes(constant_plan(["V01"], 0, 1_000, chance=0.5), "paper", lambda _: None, lambda: 1)
    beside = Strikes(constant_plan(["V01", "V05"], 0, 1_000, chance=0.5), "paper", lambda _: None, lambda: 1)
    drawn = []
    for _ in range(50):
        beside.due("V05")
        drawn.append(beside.due("V01"))
    assert [alone.due("V01") for _ in range(50)] == drawn


def test_a_swarm_takes_every_fault_now_and_then_and_never_all() -> None:
    sizes = [len(plan_of(seed, None, 600).codes) for seed in SEEDS]
    assert {code for seed in SEEDS for code in plan_of(seed, None, 600).codes} == set(CATALOGUE)
    assert max(sizes) < len(CATALOGUE) / 2
    assert min(sizes) < 4


def test_a_code_that_is_not_in_the_catalogue_is_refused() -> None:
    with pytest.raises(KeyError):
        plan_of(1, ["V99"], 60)


def test_on_several_venues_each_window_is_of_one_or_of_all_and_nothing_is_lost() -> None:
    venues, of_one, of_all = ("one", "two"), 0, 0
    for seed in SEEDS:
        plan = plan_of(seed, ("V25", "N01", "A02"), 3_600)
        parts = [plan_at(plan, venue, venues) for venue in venues]
        for code, dose in plan.doses.items():
            struck = [part.doses[code].windows if code in part.doses else () for part in parts]
            assert {window for found in struck for window in found} == set(dose.windows)
            for window in dose.windows:
                of_all += all(window in found for found in struck)
                of_one += not all(window in found for found in struck)
    assert of_one > 2 * of_all > 0


def test_what_a_price_does_or_befalls_the_process_is_of_every_venue_and_one_venue_has_all() -> None:
    for seed in SEEDS:
        plan = plan_of(seed, ("M01", "M02", "M07", "P01", "O01"), 3_600)
        assert plan_at(plan, "one", ("one", "two")) == plan
        everything = plan_of(seed, None, 3_600)
        assert plan_at(everything, "one", ("one",)) is everything


def test_faults_beside_the_swarm_are_added_and_shift_none_of_it() -> None:
    for seed in SEEDS:
        alone, more = plan_of(seed, None, 3_600), plan_of(seed, None, 3_600, beside=("V25",))
        assert {**windows(alone), "V25": windows(more)["V25"]} == windows(more)
