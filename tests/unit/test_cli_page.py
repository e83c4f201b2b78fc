"""docs/cli.md is made of the commands, and keys and exit codes are what the documents say."""

from __future__ import annotations

import re
from pathlib import Path

from hedger import errors
from hedger.app.export import COLUMNS, FORMATS
from hedger.app.records import TABLES
from hedger.cli import export as export_command
from hedger.cli.page import commands, page

ROOT = Path(__file__).parents[2]
# What these print is made for a program already: a script, a schema, a log.
WITHOUT_JSON = {"completion", "config schema", "run"}


def test_the_page_is_made_of_the_commands() -> None:
    assert (ROOT / "docs/cli.md").read_text() == page(), "run python -m hedger.cli.page > docs/cli.md"


def test_every_command_that_tells_anything_tells_it_as_json_too() -> None:
    silent = {words for words, command in commands() if not any("--json" in param.opts for param in command.params)}
    assert silent == WITHOUT_JSON


def test_every_command_and_option_says_what_it_is() -> None:
    bare = [words for words, command in commands() if not command.help]
    bare += [f"{words} {param.name}" for words, command in commands() for param in command.params if not param.help]
    assert bare == []


def test_exit_codes_are_those_of_the_page() -> None:
    text = (ROOT / "docs/exit-codes.md").read_text()
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", text, re.MULTILINE)
    known = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.HedgerError)]
    assert {(int(code), name) for code, name in rows} == {(kind.exit_code, kind.__name__) for kind in known}


def test_the_words_of_the_export_are_those_that_can_be_written() -> None:
    assert set(export_command.WHAT) == set(COLUMNS) == {*TABLES, "pnl"}
    assert export_command.FORMATS == FORMATS
