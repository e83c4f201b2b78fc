"""Nonsense thrown at every command: a sentence or three, a documented code, no traceback, and nothing begun."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hedger.cli.page import commands
from tests.support.forked import Forked, Said, forked
from tests.support.terminal import Terminal

ROOT = Path(__file__).parents[2]
GOOD = """
mode = "paper"
state_dir = "nowhere"
[accounts.main]
venue = "binance"
[hedges.BTC]
instruments = ["main:BTC/USDT:USDT"]
band = { rule = "coins", width = 0.01 }
guards = { position = 2 }
"""
# What a command must be given before anything else is looked at.
NEEDED = {
    "explain": ["1"],
    "replay": ["1"],
    "write-off": ["hhdg0001000001ab"],
    "transfer": ["main", "USDT", "1", "--to", "coins", "--yes"],
    "export": ["csv", "fills", "out.csv"],
    "record": ["recorded"],
    "completion": ["bash"],
}
ENDLESS = {"simulate", "paper", "record", "init"}  # they would begin, and have nothing that a state directory spoils
READERS = ("status", "positions", "reconcile", "fills", "export", "pnl", "kill", "pause")
ALL = dict(commands())


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    with forked(tmp_path_factory.mktemp("shell")) as held:
        yield held


def documented() -> set[int]:
    text = (ROOT / "docs/exit-codes.md").read_text()
    return {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}


def judged(said: Said, what: str, *, codes: set[int] | None = None) -> list[str]:
    """What is wrong with how a mistake was answered."""
    faults = []
    lines = said.err.splitlines()
    if said.code not in (codes or documented() - {0, 1, 70, 71, 130, 143}):
        faults.append(f"it ended with {said.code}")
    if not 1 <= len(lines) <= 3 or not all(line.startswith("hedger: ") for line in lines):
        faults.append("it is not a sentence")
    if "Traceback" in said.err or "a bug in hedger" in said.err:
        faults.append("it is a bug")
    return [f"{what}: {fault}: {said.err[-600:]!r}" for fault in faults]


def takes(words: str, option: str) -> bool:
    return any(option in param.opts for param in ALL[words].params)


def typed(words: str, *more: str) -> list[str]:
    reasoned = any(param.required and "--reason" in param.opts for param in ALL[words].params)
    return [*words.split(), *NEEDED.get(words, []), *(["--reason", "x"] if reasoned else []), *more]


def test_an_option_that_no_command_has_is_refused_by_each(shell: Forked) -> None:
    faults = []
    for words in ALL:
        faults += judged(shell.run(*typed(words, "--no-such-thing")), words, codes={2})
    assert faults == []


def test_a_word_that_is_no_number_is_refused_wherever_a_number_is_wanted(shell: Forked) -> None:
    faults, count = [], 0
    for words, command in ALL.items():
        for param in command.params:
            wanted = str(param.type_descriptor.annotation) if hasattr(param, "type_descriptor") else ""
            if param.param_type_name == "option" and ("int" in wanted or "float" in wanted):
                count += 1
                said = shell.run(*typed(words, param.opts[0], "many"))
                faults += judged(said, f"{words} {param.opts[0]}", codes={2})
                faults += judged(shell.run(*typed(words, param.opts[0])), f"{words} {param.opts[0]}", codes={2})
    assert faults == []
    assert count > 15


CONFIGURATIONS: dict[str, bytes] = {
    "no text": b"\xff\xfe\x00\x01",
    "no TOML": b'mode = "paper\n',
    "a misspelt key": GOOD.replace("guards", "gards").encode(),
    "nothing": b"",
    "a list of nothing": b"[[[[",
}


@pytest.mark.parametrize("name", [*CONFIGURATIONS, "no file", "a directory", "a device"])
def test_a_configuration_that_is_none_is_refused(shell: Forked, tmp_path: Path, name: str) -> None:
    path = {"no file": tmp_path / "none.toml", "a directory": tmp_path, "a device": Path("/dev/null")}.get(name)
    if path is None:
        path = tmp_path / "x.toml"
        path.write_bytes(CONFIGURATIONS[name])
    faults = []
    for words in ALL if name == "a misspelt key" else ("config check", "status", "export", "run"):
        if takes(words, "--config") and words != "bundle":  # which says in its place that there is none
            faults += judged(shell.run(*typed(words, "-c", str(path)), cwd=tmp_path), words, codes={2})
    assert faults == []


def broken_journal(directory: Path) -> None:
    (directory / "journal.sqlite3").write_bytes(b"nothing of the kind " * 400)


def empty_database(directory: Path) -> None:
    sqlite3.connect(directory / "journal.sqlite3").execute("CREATE TABLE x (y)").connection.close()


def strange_rows(directory: Path) -> None:
    """A journal of ours, into which somebody wrote rows of nothing."""
    from hedger.runtime.journal import Journal

    journal = Journal.open(directory)
    journal.begin(1_700_000_000_000, {})
    journal.close()
    kinds = ("fill", "order", "decision", "funding", "pnl", "halt", "operator", "change", "memory", "ledger")
    with sqlite3.connect(directory / "journal.sqlite3") as connection:
        for number, kind in enumerate(kinds):
            values = (100 + number, 1, 1, kind, "1", '{"nothing": [1]}', b"0" * 32)
            connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    connection.close()


def status_of(body: Any) -> Any:
    def write(directory: Path) -> None:
        (directory / "status.json").write_text(body if isinstance(body, str) else json.dumps(body))

    return write


STATES: dict[str, Any] = {
    "nothing in it": lambda directory: None,
    "a broken journal": broken_journal,
    "another database": empty_database,
    "rows of nothing": strange_rows,
    "half a status": status_of('{"pid": 1, "hed'),
    "a status that is a list": status_of([1, 2]),
    "a status of other types": status_of({"pid": 1, "hedges": 3, "accounts": [], "mode": None}),
    "a status of rows that are none": status_of({"pid": 1, "hedges": {"BTC": 1}, "accounts": {"main": "x"}}),
    "an old status": status_of({"pid": 1, "hedges": {}, "accounts": {}, "mode": "hedging", "halted": None}),
}


@pytest.mark.parametrize("name", list(STATES))
def test_a_state_directory_that_is_none_is_told(shell: Forked, tmp_path: Path, name: str) -> None:
    faults = []
    for number, words in enumerate(ALL if name in ("rows of nothing", "a status of other types") else READERS):
        if not takes(words, "--state-dir") or words in ENDLESS or words in ("bundle", "doctor", "run"):
            continue
        state = tmp_path / str(number)
        state.mkdir(mode=0o700)
        STATES[name](state)
        said = shell.run(*typed(words, "--state-dir", str(state)), cwd=tmp_path)
        if said.code == 0 and not said.err:  # it did without what is broken
            continue
        faults += judged(said, words)
        assert not list(tmp_path.glob("*.csv")), "half a file stays"
    assert faults == []


def test_a_state_directory_that_is_a_file_is_told_by_each(shell: Forked, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    faults = []
    for words in ALL:
        if takes(words, "--state-dir") and words not in ("bundle", "paper"):
            said = shell.run(*typed(words, "--state-dir", str(tmp_path / "file")), cwd=tmp_path)
            faults += judged(said, words)
    assert faults == []


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is typed, in a directory with a good `good.toml`; the code, and a part of the sentence."""

    typed: str
    says: str
    code: int = 2


CASES = [
    Case(typed="fills --since yesterday", says="--since yesterday: give a moment as"),
    Case(typed="fills --limit 0", says="--limit"),
    Case(typed="orders --all --limit -3", says="--limit"),
    Case(typed="export cvs fills", says="FORMAT cvs: there is no such thing; did you mean csv?"),
    Case(typed="export csv everything", says="WHAT everything: there is no such thing: one of fills"),
    Case(typed="export csv", says="Missing argument 'WHAT'"),
    Case(typed="export csv fills nowhere/x.csv -c good.toml", says="there is no journal here", code=6),
    Case(typed="pnl --by moon -c good.toml", says="--by moon: one of"),
    Case(typed="funding --json --csv", says="not both"),
    Case(typed="doctor --venue bibit", says="did you mean bybit?"),
    Case(typed="explain nought", says="Invalid value for 'decision'"),
    Case(typed="explain 0", says="Input should be greater than or equal to 1"),
    Case(typed="explain 1 2", says="Got unexpected extra argument(s) (2)"),
    Case(typed="transfer main USDT much --to coins", says="'much' is no quantity"),
    Case(typed="transfer main USDT nan --to coins --yes -c good.toml", says="nothing is transferred in mode paper"),
    Case(typed="transfer main USDT 1 --to moon", says="moon"),
    Case(typed="transfer main USDT 1 --to coins -c good.toml", says="the question was not answered"),
    Case(typed="completion tcsh", says="only for bash, zsh, fish"),
    Case(typed="completion", says="Missing argument 'SHELL'"),
    Case(typed="init good.toml", says="good.toml is there already"),
    Case(typed="init .", says=". is there already"),
    Case(typed="init nowhere/x.toml --yes", says="nowhere/x.toml: cannot be written"),
    Case(typed="bundle good.toml", says="good.toml is there already"),
    Case(typed="bundle fresh.zip", says="what is written is a .tar.gz"),
    Case(typed="bundle nowhere/b.tar.gz", says="cannot be written"),
    Case(typed="config", says="Missing command", code=2),
    Case(typed="config chek", says="No such command 'chek'"),
    Case(typed="journal", says="Missing command", code=2),
    Case(typed="--versoin", says="No such option: --versoin"),
    Case(typed="status --json=yes", says="--json"),
    Case(typed="positions --state-dir", says="--state-dir"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.typed)
def test_a_mistake_is_answered_by_its_own_sentence(shell: Forked, tmp_path: Path, case: Case) -> None:
    (tmp_path / "good.toml").write_text(GOOD)
    said = shell.run(*case.typed.split(), cwd=tmp_path)
    if case.says == "Missing command":  # the help is the answer
        assert (said.code, said.err) == (2, "")
        assert "Usage:" in said.out
        return
    assert judged(said, case.typed, codes={case.code}) == []
    assert case.says in said.err
    assert said.out == "" or said.out.endswith("[y/N]: ")
    assert [path.name for path in tmp_path.iterdir()] == ["good.toml"]


def test_commands_that_need_no_exchange_do_without_its_client(shell: Forked, tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(GOOD)
    (tmp_path / "state").mkdir(mode=0o700)
    strange_rows(tmp_path / "state")
    with_exchange = {"paper", "run", "record", "simulate", "doctor", "gamma", "transfer", "band"}
    for words in ALL:
        if words in with_exchange:
            continue
        more = ["--state-dir", str(tmp_path / "state")] if takes(words, "--state-dir") else []
        assert not shell.run(*typed(words, *more), cwd=tmp_path).ccxt, words
    for asked in ([], ["paper"], ["doctor"], ["config", "check"]):
        helped = shell.run(*asked, "--help")
        assert (helped.code, helped.ccxt, helped.err) == (0, False, ""), asked
    assert not shell.run("--version").ccxt


def test_ctrl_c_at_a_yes_or_no_ends_as_ctrl_c_does_everywhere(tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(GOOD)
    words = ("transfer", "main", "USDT", "1", "--to", "coins", "-c", "good.toml")
    terminal = Terminal(*words, cwd=tmp_path, PYTHONPATH=str(ROOT))
    try:
        terminal.until(b"[y/N]: ")
        assert b"hedger:" not in terminal.interrupted()
        assert terminal.process.returncode == 130
    finally:
        terminal.close()
