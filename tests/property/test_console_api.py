"""The API does what its description says: whatever is thrown at each route, by schemathesis."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection

from hedger.ops.console.openapi import description
from hedger.ops.console.routes import ROUTES
from hedger.ops.console.server import Console
from hedger.ops.console.tokens import Tokens
from tests.support.console_stand import READ_TOKEN, TOKEN, get, say, served

STREAM = "stream"  # it has no end: tests/unit/test_console_streams.py
SCHEMA = schemathesis.openapi.from_dict(description("1"))
FOUND = [found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]
OPERATIONS: dict[str, Any] = {operation.definition.raw["operationId"]: operation for operation in FOUND}
NAMES = [route.name for route in ROUTES if route.name != STREAM]
RULES = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
load_all_checks()


class Passing:
    """Seconds that pass with each look at them, so that no limit of acts in a minute is met."""

    seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 1.5
        return self.seconds


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    directory: Path = tmp_path_factory.mktemp("console")
    say(directory, mode="halted", halted="a drill")
    with served(directory, tokens=Tokens(act=TOKEN, read=READ_TOKEN), now=Passing()) as serving:
        yield serving


def test_every_route_of_the_table_is_described_and_tried() -> None:
    assert sorted(OPERATIONS) == sorted(route.name for route in ROUTES)
    assert sorted([*NAMES, STREAM]) == sorted(OPERATIONS)


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("name", NAMES)
def test_a_route_keeps_to_its_description(console: Console, name: str, mode: GenerationMode) -> None:
    operation = OPERATIONS[name]
    statuses: set[int] = set()

    @RULES
    @given(case=operation.as_strategy(mode))
    def tried(case: Any) -> None:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        answer = case.call(base_url=f"http://127.0.0.1:{console.port}", headers=bearer, timeout=5)
        too_large = answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE  # it counts that as taken
        case.validate_response(answer, headers=bearer, excluded_checks=[negative_data_rejection] if too_large else [])
        statuses.add(answer.status_code)

    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query or operation.path_parameters):
        return  # nothing of it can be wrong
    tried()
    assert statuses, "nothing was sent"
    assert max(statuses) < 500
    if mode is GenerationMode.POSITIVE and name not in ("hedge", "history", "decision", "request"):
        assert {200, 202, 409} & statuses, "what is right is never accepted"


def test_examples_of_the_description_are_answered_with_what_it_promises(console: Console) -> None:
    for path, status in (
        ("/api/hedges/btc", 200),
        ("/api/history/btc", 200),
        ("/api/decisions/41", 200),
        ("/api/decisions/40", 404),
        ("/api/hedges/DOGE", 404),
    ):
        operation = next(found for found in OPERATIONS.values() if _fits(found.path, path))
        said = get(console, path, Authorization=f"Bearer {READ_TOKEN}")
        assert said.status == status
        if status == 200:
            parameters = {name.strip("{}"): path.rsplit("/", 1)[1] for name in operation.path.split("/") if "{" in name}
            case = operation.Case(path_parameters=parameters)
            case.call_and_validate(
                base_url=f"http://127.0.0.1:{console.port}", headers={"Authorization": f"Bearer {TOKEN}"}
            )


def _fits(template: str, path: str) -> bool:
    return "{" in template and template.rsplit("/", 1)[0] == path.rsplit("/", 1)[0]
