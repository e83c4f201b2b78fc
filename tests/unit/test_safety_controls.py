"""Controls that are a property of the source: limits that nothing moves at run time, and a version that is true."""

import ast
import tomllib
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path

import pytest

from hedger.app.version import VERSION
from hedger.engine.known.policy import BreakerLimits, Guards, Hedge, Levels, Policy
from hedger.engine.step import Result
from hedger.model.message import Operation
from hedger.settings.load import load_settings
from tests.support.engine_policies import hedge_of, policy_of

ROOT = Path(__file__).resolve().parents[2]
LIMITS = (Policy, Hedge, Guards, Levels, BreakerLimits)
MAY_MAKE_LIMITS = {"hedger/settings/policy.py", "hedger/sim/staging.py", "hedger/engine/known/policy.py"}
HEDGER = ROOT / "hedger"


def test_no_limit_can_be_written_to() -> None:
    policy = policy_of(hedge_of())
    parts = (policy, policy.hedges[0], policy.hedges[0].guards, policy.hedges[0].guards.margin_ratio, policy.breakers)
    assert tuple(type(part) for part in parts) == LIMITS
    for part in parts:
        assert is_dataclass(part)
        for field in fields(part):
            with pytest.raises(FrozenInstanceError):
                setattr(part, field.name, getattr(part, field.name))


def test_limits_are_made_from_the_settings_and_nowhere_else() -> None:
    names = {kind.__name__ for kind in LIMITS}
    sources = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in HEDGER.rglob("*.py")}
    makers = {
        path
        for path, text in sources.items()
        if any(f"{name}(" in text for name in names)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    }
    assert "hedger/settings/policy.py" in makers
    assert makers <= MAY_MAKE_LIMITS


def test_a_step_answers_with_no_other_limits_and_no_operation_asks_for_any() -> None:
    assert set(Result._fields) == {"state", "commands", "decisions", "changes"}
    named = {"pause", "unpause", "resume", "halt", "drain", "flatten", "acknowledge"}
    assert {operation.value for operation in Operation} == named


def test_the_version_in_the_journal_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION


def test_the_console_is_on_this_machine_and_acts_take_a_token_unless_it_is_told_otherwise() -> None:
    console = load_settings(None, {}, {}).console
    assert (console.enabled, console.host, console.anyone_reads) == (True, "127.0.0.1", False)
    assert (console.token, console.read_token) == (None, None), "none is in the program: one is made at the start"
