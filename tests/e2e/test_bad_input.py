"""What a person gets wrong: one sentence, the documented exit code, nothing sent, and nothing secret."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.processes import environment, run_hedger

ROOT = Path(__file__).parents[2]
CANARY = "kanarienvogel5d1f0c7a9b3e"
KEYS = {"HEDGER_ACCOUNTS__MAIN__API_KEY": f"{CANARY}key", "HEDGER_ACCOUNTS__MAIN__SECRET": f"{CANARY}secret"}

PAPER = """
mode = "paper"

[accounts.main]
venue = "binance"

[hedges.BTC]
instruments = ["main:BTC/USDT:USDT"]
band = { rule = "coins", width = 0.01 }
guards = { position = 2 }
"""
TESTNET = PAPER.replace('"paper"', '"testnet"').replace('"binance"', '"binance"\nkey_environment = "testnet"')
SHADOW = TESTNET.replace('"testnet"', '"shadow"', 1).replace('"testnet"', '"live"')
LIVE = SHADOW.replace('"shadow"', '"live"')

Prepare = Callable[[Path, ExitStack], None]


def good_journal(path: Path) -> sqlite3.Connection:
    """A journal as the first hedgers wrote it, without a word in it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
    connection.execute(
        "CREATE TABLE events (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, epoch INTEGER NOT NULL, "
        "kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL) STRICT"
    )
    connection.execute("INSERT INTO meta VALUES ('schema_version', '1')")
    return connection


def broken_journal(state: Path, _: ExitStack) -> None:
    (state / "journal.sqlite3").write_bytes(b"this was a journal once " * 400)


def damaged_journal(state: Path, _: ExitStack) -> None:
    connection = good_journal(state / "journal.sqlite3")
    connection.execute("INSERT INTO events VALUES (1, 1, 1, 'order', 'x', '{\"nothing\": 1}')")
    connection.close()


def newer_journal(state: Path, _: ExitStack) -> None:
    connection = good_journal(state / "journal.sqlite3")
    connection.execute("UPDATE meta SET value = '99'")
    connection.close()


def locked_journal(state: Path, stack: ExitStack) -> None:
    connection = good_journal(state / "journal.sqlite3")
    stack.callback(connection.close)
    connection.execute("BEGIN EXCLUSIVE")


def taken_lease(state: Path, stack: ExitStack) -> None:
    file = os.open(state / "hedger.lock", os.O_RDWR | os.O_CREAT, 0o600)
    stack.callback(os.close, file)
    fcntl.flock(file, fcntl.LOCK_EX)


def file_in_the_way(state: Path, _: ExitStack) -> None:
    state.rmdir()
    state.write_text("not a directory")


def nothing(_: Path, __: ExitStack) -> None:
    """Nothing to prepare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A mistake: what is typed (FILE and STATE stand for paths), what the file says, and what comes of it."""

    typed: str
    file: str | bytes = PAPER
    env: Mapping[str, str] = field(default_factory=dict)
    prepare: Prepare = nothing
    code: int = 2
    says: str


WIRE = "paper -c FILE --state-dir STATE --seconds 5 --speed 10"
VIRTUAL = "paper -c FILE --state-dir STATE --seconds 5 --speed max"
RUN = "run -c FILE --state-dir STATE"
CASES = {
    # the file
    "no file": Case(typed="paper -c missing.toml", says="missing.toml: there is no such file"),
    "a directory": Case(typed="paper -c STATE", says="is a directory: name the TOML file in it"),
    "broken TOML": Case(typed=WIRE, file='mode = "paper\n', says="FILE:1: this is not TOML"),
    "no text": Case(typed=WIRE, file=b"\xff\xfe\x00", says="is not UTF-8 text"),
    "a misspelt key": Case(typed=WIRE, file=PAPER.replace("width", "widht"), says="did you mean `width`?"),
    "a misspelt table": Case(typed=WIRE, file=PAPER.replace("[hedges", "[hedge"), says="did you mean `hedges`?"),
    "a wrong type": Case(typed=WIRE, file=PAPER.replace("0.01", '"wide"'), says="hedges.BTC.band.width must be"),
    "no limit": Case(typed=WIRE, file=PAPER.replace("position = 2", ""), says="hedges.BTC.guards.position is missing"),
    "contradicting levels": Case(
        typed=WIRE, file=PAPER + "\n[hedges.BTC.guards.margin_ratio]\nwarn = 0.9\n", says="margin_ratio"
    ),
    "a band without reach": Case(
        typed=WIRE, file=PAPER.replace("0.01", "0.0005"), says="the smallest order of main:BTC/USDT:USDT is 0.002 BTC"
    ),
    "the same on virtual time": Case(typed=VIRTUAL, file=PAPER.replace("0.01", "0.0005"), says="widen each side to"),
    "an unknown coin": Case(typed=WIRE, file=PAPER.replace("BTC", "DOGE"), says="the paper exchange lists BTC, ETH"),
    "an unknown venue": Case(typed=WIRE, file=PAPER.replace("binance", "binnance"), says="binance"),
    "a key in the file": Case(
        typed=WIRE, file=PAPER.replace('"binance"', f'"binance"\napi_key = "{CANARY}"'), code=3, says="does not belong"
    ),
    "a misspelt key in the file": Case(
        typed=WIRE, file=PAPER.replace('"binance"', f'"binance"\napi_kye = "{CANARY}"'), code=3, says="does not belong"
    ),
    # the environment and the mode
    "an unknown variable": Case(typed=WIRE, env={"HEDGER_METRIC__PORT": "1"}, says="did you mean `metrics`?"),
    "a secret in a misspelt variable": Case(
        typed=RUN, file=TESTNET, env={"HEDGER_ACCOUNTS__MAIN__SECRETT": CANARY}, says="HEDGER_ACCOUNTS__MAIN__SECRETT"
    ),
    "no keys for the testnet": Case(typed=RUN, file=TESTNET, code=3, says="set HEDGER_ACCOUNTS__MAIN__API_KEY"),
    "no keys for live": Case(typed=f"{RUN} --live", file=LIVE, code=3, says="set HEDGER_ACCOUNTS__MAIN__SECRET"),
    "keys of another world": Case(
        typed=RUN, file=TESTNET.replace('t = "testnet"', 't = "live"'), env=KEYS, says="key_environment"
    ),
    "live without --live": Case(typed=RUN, file=LIVE, env=KEYS, says="live trading is not armed"),
    "armed by the file": Case(typed=RUN, file=f"live_armed = true\n{LIVE}", env=KEYS, says="does not belong in a file"),
    "paper with run": Case(typed=RUN, says="use `hedger paper --config"),
    "run without a file": Case(typed="run", says="hedger run needs --config"),
    "paper with a testnet file": Case(typed=WIRE, file=TESTNET, env=KEYS, says="`hedger paper` needs paper"),
    # the command line
    "an unknown option": Case(typed="paper --sedonds 4", says="No such option: --sedonds"),
    "an unknown command": Case(typed="papre", says="No such command 'papre'"),
    "a speed in words": Case(typed="paper --speed fast", says="--speed fast: give a number up to 100, or `max`"),
    "a speed of nothing": Case(typed="paper --speed 0", says="--speed 0"),
    "a speed that is none": Case(typed="paper --speed nan", says="--speed nan"),
    "seconds of nothing": Case(typed="paper --seconds 0", says="--seconds"),
    "no end on virtual time": Case(typed="paper --speed max", says="--speed max needs --seconds"),
    "no recording": Case(typed=f"{VIRTUAL} --replay nowhere", says="nowhere"),
    "no recording on the wire": Case(typed=f"{WIRE} --replay nowhere", says="nowhere"),
    "no reason": Case(typed="resume --state-dir STATE", says="--reason"),
    # the disk
    "an unusable state directory": Case(typed=WIRE, prepare=file_in_the_way, code=6, says="cannot be opened"),
    "a broken journal": Case(
        typed="resume --reason x --state-dir STATE", prepare=broken_journal, code=6, says="not a database"
    ),
    "a damaged journal": Case(
        typed=RUN, file=TESTNET, env=KEYS, prepare=damaged_journal, code=6, says="cannot be read"
    ),
    "a newer journal": Case(typed="explain 1 --state-dir STATE", prepare=newer_journal, code=6, says="newer hedger"),
    "a locked journal": Case(typed=RUN, file=TESTNET, env=KEYS, prepare=locked_journal, code=6, says="locked"),
    "a taken lease": Case(typed=RUN, file=TESTNET, env=KEYS, prepare=taken_lease, code=6, says="another hedger"),
    "no journal to explain": Case(typed="explain 1 --state-dir STATE", code=6, says="no hedger has run"),
    "no halt to lift": Case(typed="resume --reason x --state-dir STATE", code=5, says="nothing to lift"),
    # the world
    "no hedger": Case(typed="status --state-dir STATE", code=4, says="no hedger runs on"),
    "no hedger to check": Case(typed="healthcheck --state-dir STATE", code=4, says="no hedger runs on"),
    "no way to the testnet": Case(typed=RUN, file=TESTNET, env=KEYS, code=4, says="look at this machine's network"),
    "no way to watch": Case(typed=RUN, file=SHADOW, env=KEYS, code=4, says="look at this machine's network"),
}


@pytest.mark.parametrize("name", list(CASES))
def test_a_mistake_is_answered_by_a_sentence_and_a_code(tmp_path: Path, name: str) -> None:
    case, file, state = CASES[name], tmp_path / "x.toml", tmp_path / "state"
    file.write_bytes(case.file.encode() if isinstance(case.file, str) else case.file)
    state.mkdir()
    paths = {"FILE": str(file), "STATE": str(state)}
    typed = [paths.get(word, word) for word in case.typed.split()]
    with ExitStack() as stack:
        case.prepare(state, stack)
        env = environment(**free_ports(), **case.env, PYTHONPATH=without_network(tmp_path))
        ended = run_hedger(*typed, env=env)
    assert (ended.code, ended.out) == (case.code, ""), ended.err
    lines = ended.err.splitlines()
    assert 1 <= len(lines) <= 3
    assert all(line.startswith("hedger: ") for line in lines)
    assert case.says.replace("FILE", str(file)) in ended.err
    assert CANARY not in ended.err
    assert "Traceback" not in ended.err
    assert orders_in(tmp_path) == []


def free_ports() -> dict[str, str]:
    """Ports that are free: whatever else listens on this machine is not what is tried here."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = (one.getsockname()[1], two.getsockname()[1])
    return {"HEDGER_METRICS__PORT": str(ports[0]), "HEDGER_CONSOLE__PORT": str(ports[1])}


def without_network(directory: Path) -> str:
    """A Python path whose interpreter finds no host but this one, as on a machine without a network."""
    path = directory / "no-network"
    path.mkdir()
    (path / "sitecustomize.py").write_text(
        "import socket\n"
        "known = socket.getaddrinfo\n"
        "def getaddrinfo(host, *rest, **more):\n"
        "    if host not in (None, 'localhost', '127.0.0.1', '::1'):\n"
        "        raise socket.gaierror(-3, 'Temporary failure in name resolution')\n"
        "    return known(host, *rest, **more)\n"
        "socket.getaddrinfo = getaddrinfo\n"
    )
    return os.pathsep.join([str(path), str(ROOT)])


def orders_in(directory: Path) -> list[str]:
    """The orders in any journal below a directory: there must be none."""
    found = []
    for path in directory.rglob("journal*.sqlite3"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection, suppress(sqlite3.Error):
            found += [key for (key,) in connection.execute("SELECT key FROM events WHERE kind = 'order'")]
    return [key for key in found if key != "x"]


def test_every_code_that_a_mistake_ends_with_is_documented() -> None:
    text = (ROOT / "docs/exit-codes.md").read_text()
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert {case.code for case in CASES.values()} <= documented
