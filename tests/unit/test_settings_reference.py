"""What the documentation says of the settings and the exit codes is what the program does."""

import re
import tomllib
from collections.abc import Iterator

from hedger.errors import HedgerError
from hedger.settings.reference import json_schema, reference
from hedger.settings.shape import tables
from hedger.settings.values import PAPER_COINS
from hedger.sim.listings import COINS
from tests.support.configurations import ROOT


def test_the_page_of_settings_is_current() -> None:
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    assert page == reference(), "run: python -m hedger.settings.reference > docs/configuration.md"


def test_every_setting_has_a_sentence_about_it() -> None:
    bare = [
        f"{table.__name__}.{name}"
        for _, table in tables()
        for name, field in table.model_fields.items()
        if not re.fullmatch(r"[A-Z].*\.", field.description or "")
    ]
    assert not bare


def test_the_schema_for_editors_has_no_place_for_what_a_file_may_not_hold() -> None:
    schema = json_schema()
    assert "live_armed" not in schema["properties"]
    assert set(schema["$defs"]["AccountSettings"]["properties"]) == {"venue", "key_environment", "dead_mans_switch_s"}
    assert schema["additionalProperties"] is False


def test_every_key_of_the_shipped_files_is_in_the_schema() -> None:
    properties = json_schema()["properties"]
    for path in (ROOT / "config").glob("*.toml"):
        assert set(tomllib.loads(path.read_text(encoding="utf-8"))) <= set(properties)


def test_the_coins_of_the_paper_exchange_are_those_that_it_lists() -> None:
    assert set(PAPER_COINS) == set(COINS)


def test_every_error_has_its_line_in_the_page_of_exit_codes() -> None:
    page = (ROOT / "docs/exit-codes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", page, re.MULTILINE)
    known: list[type[HedgerError]] = [HedgerError, *errors(HedgerError)]
    assert rows == [(str(error.exit_code), error.__name__) for error in known]


def errors(kind: type[HedgerError]) -> Iterator[type[HedgerError]]:
    for error in kind.__subclasses__():
        if error.__module__ == "hedger.errors":
            yield error
            yield from errors(error)
