"""The JSON Schema that editors check a file by says the same of it as the program does."""

import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from hedger.settings.reference import json_schema
from tests.support.configurations import GOOD, ROOT, changed

SCHEMA = jsonschema_rs.validator_for(json_schema())


def wrong(text: str) -> list[str]:
    tree: dict[str, Any] = tomllib.loads(text)
    return [error.message for error in SCHEMA.iter_errors(tree)]


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_file_is_good_by_the_schema(path: Path) -> None:
    assert wrong(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("position = 2", "positon = 2"),
        ("position = 2", "position = 0"),
        ("position = 2", 'position = "two"'),
        ('venue = "binance"', 'venue = "binanse"'),
        ('venue = "binance"', 'venue = "binance"\napi_key = "x"'),
        ('mode = "paper"', 'mode = "paper"\nlive_armed = true'),
    ],
)
def test_what_the_program_refuses_an_editor_marks(old: str, new: str) -> None:
    assert wrong(GOOD) == []
    assert wrong(changed(old, new)) != []
