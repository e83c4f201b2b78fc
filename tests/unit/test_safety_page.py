"""docs/safety.md names tests, bugs, modules, settings and faults: each of them exists, and none is left out."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

from hedger.engine.guards.limits import WITHOUT_SETTING
from hedger.settings.schema import Settings
from hedger.sim.faults.catalogue import CATALOGUE
from tests.planted.bugs import BUGS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
ALL_FAULTS = 92


def rows(heading: str, begins: str = "| ") -> list[list[str]]:
    """The cells of each row of the tables under a heading, from the line on that begins so."""
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    section = section[section.index(f"\n{begins}") :]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip().split("|")[1:-1]] for line in lines[1:]]


@cache
def claims_of(path: str) -> frozenset[str]:
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    found = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return frozenset(node.name for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def settings_of(model: type[BaseModel], seen: set[str] | None = None) -> set[str]:
    """Every key that a settings file may hold, also as `table.key`."""
    names: set[str] = set() if seen is None else seen
    for name, field in model.model_fields.items():
        names.add(name)
        for inner in models_in(field.annotation):
            settings_of(inner, names)
            names.update(f"{name}.{key}" for key in inner.model_fields)
    return names


def models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in models_in(part)]


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 200
    assert [f"{path}::{name}" for path, name in named if name not in claims_of(path)] == []


def test_every_guard_that_has_no_setting_stands_with_what_to_do_about_it() -> None:
    told = rows("Modes", "| reason |")
    assert set(re.findall(r"`(\w+)`", " ".join(row[0] for row in told))) == WITHOUT_SETTING
    assert all(len(row[2]) > 8 for row in told)
    for page in ("faq.md", "runbooks/HedgerUnhedged.md"):
        assert "safety.md#when-two-venues-disagree" in (ROOT / "docs" / page).read_text(encoding="utf-8")


def test_every_planted_bug_that_is_named_is_planted() -> None:
    bugs = {bug.name for bug in BUGS}
    assert [name for name in re.findall(r"“([^”]+)”", PAGE) if name not in bugs and name != "quotes"] == []


def test_every_file_that_is_named_or_linked_exists() -> None:
    named = set(re.findall(r"`((?:hedger|tests|docs|config|deploy)/[\w/.]*)", PAGE))
    linked = {f"docs/{path}" for path in re.findall(r"\]\(([\w/.-]+\.md)", PAGE)}
    assert [path for path in sorted(named | linked) if not (ROOT / path).exists()] == []


def test_every_invariant_law_and_control_stands_on_the_page() -> None:
    assert [cells[0] for cells in rows("What must always hold")] == [f"I{n}" for n in range(1, 27)]
    assert [cells[0] for cells in rows("The laws, and how to break them")] == [f"Law {n}" for n in range(1, 18)]
    assert [cells[0] for cells in rows("Controls")] == [str(n) for n in range(1, 38)]


def test_each_invariant_and_law_has_a_test_and_a_control_has_one_or_is_not_here() -> None:
    shown = {cells[0]: cells[4] for cells in rows("What must always hold")}
    shown |= {cells[0]: cells[3] for cells in rows("The laws, and how to break them")}
    assert [name for name, cell in shown.items() if "::test_" not in cell] == []
    bare = [cells[0] for cells in rows("Controls") if "::test_" not in cells[4] and "*not here*" not in cells[2]]
    assert bare == []


def test_every_fault_stands_on_the_page_and_those_of_the_simulator_at_its_level() -> None:
    levels = {cells[0]: cells[2] for cells in rows("Faults")}
    assert len(levels) == ALL_FAULTS
    assert CATALOGUE.keys() <= levels.keys()
    assert {code for code, level in levels.items() if re.search(r"\bS\b", level)} - CATALOGUE.keys() == {"P12"}
    assert [code for code in CATALOGUE if not re.search(r"\bS\b", levels[code])] == []


@pytest.mark.parametrize("cells", rows("Controls"), ids=lambda cells: f"control {cells[0]}")
def test_every_setting_of_a_control_is_one(cells: list[str]) -> None:
    known = settings_of(Settings)
    assert [name for name in re.findall(r"`([\w.]+)`", cells[3]) if name not in known] == []
