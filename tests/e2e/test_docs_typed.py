"""What the quickstart and the README have a newcomer type is typed here, beside a paper run, and does what it says."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.forked import Forked, forked
from tests.support.processes import Running, nursery, run_hedger
from tests.support.terminal import Terminal
from tests.unit.test_docs_true import commands_in

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """What `make paper` starts, at a pace of five."""
    with nursery() as held:
        made = held.paper(tmp_path_factory.mktemp("first"), "--metrics-port", "0", speed="5")
        made.until_mode("hedging")
        made.until(lambda: made.known()["hedges"]["BTC"]["fills"] > 0, "fill")
        made.until(lambda: "3" in made.journal().keys("decision"), "row of the decision that the page has explained")
        yield made


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    with forked(tmp_path_factory.mktemp("shell")) as held:
        yield held


def test_every_command_of_the_quickstart_does_its_work_in_the_order_of_the_page(
    newcomer: Running, shell: Forked
) -> None:
    typed = [shlex.split(line)[1:] for line in commands_in(ROOT / "docs/quickstart.md")]
    assert len(typed) >= 10
    for words in typed:
        said = shell.run(*words, "--state-dir", str(newcomer.directory))
        assert (said.code, said.err) == (0, ""), words
        assert said.out, words


def test_acts_and_status_are_told_as_json_with_the_keys_that_are_promised(newcomer: Running, shell: Forked) -> None:
    for words in ("pause", "unpause", "kill", "resume"):
        said = shell.run(words, "--reason", "a drill", "--json", "--state-dir", str(newcomer.directory))
        told = json.loads(said.out)
        assert (said.code, told["done"], bool(told["told"])) == (0, True, True), words
    said = shell.run(
        "flatten", "BTC", "--reason", "a drill", "--dry-run", "--json", "--state-dir", str(newcomer.directory)
    )
    assert json.loads(said.out).keys() >= {"done", "told", "hedges", "phrase", "asked", "flat"}


def test_on_forty_columns_nothing_is_cut_from_what_is_held(newcomer: Running) -> None:
    newcomer.until(lambda: newcomer.known()["positions"], "position")
    terminal = Terminal("positions", "--state-dir", str(newcomer.directory), COLUMNS="40", NO_COLOR="1")
    try:
        drawn = re.sub(r"\x1b\[[\d;]*m", "", terminal.rest().decode())
    finally:
        terminal.close()
    assert "main:BTC/USDT:USDT" in drawn
    assert "…" not in drawn
    assert max(map(len, drawn.splitlines())) <= 40


def test_an_hour_on_virtual_time_is_told_as_the_readme_has_it(tmp_path: Path) -> None:
    typed = next(line for line in commands_in(ROOT / "README.md") if "--speed max" in line)
    words = shlex.split(typed.replace("3600", "120"))[1:]
    ended = run_hedger(*words, "--state-dir", str(tmp_path))
    assert json.loads(ended.out)["truth_matches"] is True
    assert ended.code == 0, ended.err


def test_every_configuration_that_the_readme_names_is_accepted(shell: Forked) -> None:
    named = {word for line in commands_in(ROOT / "README.md") for word in shlex.split(line) if word.endswith(".toml")}
    assert len(named) >= 9
    for name in named:
        said = shell.run("config", "check", "-c", str(ROOT / name))
        assert (said.code, said.err) == (0, ""), name
