"""The planted bugs stand where they are said to: each line once, in code that still compiles, with tests that exist."""

from collections import Counter

import pytest

from tests.planted.bugs import BUGS, BY_TESTS
from tests.planted.plant import ROOT, Bug, patched


@pytest.mark.parametrize("bug", BY_TESTS, ids=lambda bug: bug.name)
def test_each_planted_line_stands_exactly_once_and_the_bug_is_a_program(bug: Bug) -> None:
    sound = (ROOT / bug.path).read_text(encoding="utf-8")
    broken = patched(sound, bug)
    assert broken != sound
    compile(broken, bug.path, "exec")


def test_the_tests_that_must_fall_exist() -> None:
    named = {test for bug in BUGS for test in bug.tests}
    assert [test for test in sorted(named) if not stands(test)] == []
    assert [bug.name for bug in BUGS if bool(bug.tests) == bool(bug.swarm)] == []


def stands(test: str) -> bool:
    """Whether a test file, or a test in one, is there."""
    path, _, name = test.partition("::")
    file = ROOT / path
    return file.is_file() and (not name or f"def {name}(" in file.read_text(encoding="utf-8"))


def test_only_the_core_is_broken_and_never_what_judges_it() -> None:
    assert [bug.path for bug in BUGS if bug.path.startswith("hedger/sim/") or not bug.path.startswith("hedger/")] == []


def test_there_are_many_bugs_with_names_of_their_own_and_the_swarm_finds_some_alone() -> None:
    names = Counter(bug.name for bug in BUGS)
    assert max(names.values()) == 1
    assert len(BY_TESTS) >= 36
    assert sum(bool(bug.swarm) for bug in BUGS) >= 8
