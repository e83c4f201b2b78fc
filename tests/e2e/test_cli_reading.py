"""The commands that read a hedger, beside one that runs and after its end: what they say, in JSON and in words."""

from __future__ import annotations

import csv
import importlib
import json
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from hedger.app.export import COLUMNS
from hedger.cli.held import EXPOSURE, POSITION
from hedger.cli.inspect import ENVELOPE
from hedger.cli.reconcile import ACCOUNT, TOLD
from hedger.cli.told import STATUS, WRITTEN
from hedger.cli.traded import WORKING
from hedger.runtime.journal import Journal, Row
from tests.support.forked import Forked, Said, forked
from tests.support.processes import Running, nursery
from tests.support.terminal import Terminal

READING = ("status", "exposure", "positions", "orders", "reconcile")
# Half of the way is hedged at once, then an order rests far from the market.
SLOW = """
mode = "paper"

[accounts.main]
venue = "binance"

[hedges.BTC]
instruments = ["main:BTC/USDT:USDT"]
band = { rule = "coins", width = 0.002 }
guards = { position = 3 }
execution = { slice_quantity = 0.1, cooldown_s = 60, deadline_s = 200 }

[paper]
deposits = false
spot = { BTC = 1 }
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("reading")
    (directory / "slow.toml").write_text(SLOW)
    with nursery() as held:
        made = held.paper(directory, "--config", str(directory / "slow.toml"), "--metrics-port", "0", speed="5")
        made.until_mode("hedging")
        # A fill is told at once, but what the venue says of the position comes with the next reading.
        made.until(lambda: any(row["liquidation_price"] for row in made.known()["positions"]), "reading of it")
        yield made


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    with forked(tmp_path_factory.mktemp("shell")) as held:
        yield held


@pytest.fixture(scope="module")
def asked(running: Running, shell: Forked) -> Asked:
    return Asked(running, shell)


@dataclass(frozen=True, slots=True)
class Asked:
    """A hedger, and the commands that are asked of its state directory."""

    running: Running
    shell: Forked

    def said(self, *words: str) -> Said:
        """What a command says of it; none of them needs an exchange."""
        said = self.shell.run(*words, "--state-dir", str(self.running.directory))
        assert not said.ccxt, words
        return said

    def known(self, *words: str) -> Any:
        """The same as JSON, where all is well."""
        said = self.said(*words, "--json")
        assert (said.code, said.err) == (0, "")
        return json.loads(said.out)


def test_status_has_the_keys_that_the_page_names_and_what_is_held(asked: Asked) -> None:
    known = asked.known("status")
    assert {*STATUS, *WRITTEN, *ENVELOPE} <= known.keys()
    assert known["stale"] is False
    prices = known["prices"]["main:BTC/USDT:USDT"]
    assert D(prices["bid"]) < D(prices["mid"]) < D(prices["ask"])
    margin = known["accounts"]["main"]["margin"]
    assert D(margin["equity"]) > 100_000
    assert 0 <= D(margin["margin_ratio"]) < 1


def test_exposure_adds_up_and_positions_say_how_far_liquidation_is(asked: Asked) -> None:
    told = asked.known("exposure")
    assert told.keys() == {*ENVELOPE, "hedges"}
    hedge = told["hedges"]["BTC"]
    assert hedge.keys() == EXPOSURE.keys()
    assert D(hedge["spot"]) + D(hedge["static"]) + D(hedge["futures"]) == D(hedge["net_delta"])
    assert D(hedge["net_delta"]) - D(hedge["target"]) == D(hedge["deviation"])
    (position,) = asked.known("positions")["positions"]
    assert position.keys() == POSITION.keys()
    assert D(position["quantity"]) < 0
    assert D(position["liquidation_price"]) > D(position["mark_price"]) > 0
    distance = D(position["liquidation_price"]) / D(position["mark_price"]) - 1
    assert abs(distance - D(position["liquidation_distance"])) < D("0.001")
    assert position["hedges"] == ["BTC"]


def test_fills_and_orders_are_those_of_the_journal(asked: Asked) -> None:
    fills = asked.known("fills", "--limit", "1000")["fills"]
    assert {row["trade_id"] for row in fills} <= {key.split("/")[-1] for key in asked.running.journal().keys("fill")}
    assert fills[0].keys() == {column.name for column in COLUMNS["fills"]}
    (newest,) = asked.known("fills", "--limit", "1")["fills"]
    assert newest["exchange_at"] >= fills[-1]["exchange_at"]
    later = asked.known("fills", "--since", newest["at"])["fills"]
    assert all(row["at"] >= newest["at"] for row in later)
    assert asked.known("fills", "--since", "2027-01-01")["fills"] == []
    orders = asked.known("orders", "--all")["orders"]
    assert {row["id"] for row in orders} <= asked.running.journal().keys("order")
    assert orders[0].keys() == {column.name for column in COLUMNS["orders"]}
    for order in asked.known("orders")["orders"]:
        assert order.keys() == WORKING.keys()


def test_reconcile_says_what_is_believed(asked: Asked) -> None:
    def known() -> Said | None:
        """An order whose answer came late on a busy machine is unknown for a moment."""
        found = asked.said("reconcile", "--json")
        return found if not json.loads(found.out)["unknown_orders"] else None

    said = asked.running.until(known, "no unknown order")
    told = json.loads(said.out)
    assert told.keys() == {*ENVELOPE, *TOLD}
    assert said.code == (0 if told["good"] else 7)
    assert told["accounts"]["main"].keys() == ACCOUNT.keys()
    assert told["accounts"]["main"]["read_age_s"] < 30


@pytest.mark.parametrize("what", ["fills", "orders", "decisions", "funding", "pnl"])
def test_an_export_holds_every_row_in_both_formats(asked: Asked, tmp_path: Path, what: str) -> None:
    plain, columns = tmp_path / f"{what}.csv", tmp_path / f"{what}.parquet"
    words = [["export", form, what, str(path)] for form, path in (("csv", plain), ("parquet", columns))]
    told = [asked.known(*words[0]), asked.known(*words[1])]
    with plain.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [column.name for column in COLUMNS[what]]
    table = importlib.import_module("pyarrow.parquet").read_table(columns)
    assert (len(rows), table.num_rows) == (told[0]["rows"], told[1]["rows"])
    assert table.column_names == names
    if what not in ("funding", "pnl"):  # of which there may be none so soon
        assert 0 < len(rows) <= table.num_rows
        assert list(rows[0]) == names
    refused = asked.said(*words[0])
    assert (refused.code, "is there already, and nothing is overwritten" in refused.err) == (2, True)
    assert asked.known(*words[0], "--replace")["rows"] >= len(rows)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([plain.name, columns.name])


def test_a_bundle_has_every_part(asked: Asked, tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    log = asked.running.err_path
    told = asked.known("bundle", str(path), "--log", str(log), "-c", str(asked.running.directory / "slow.toml"))
    with tarfile.open(path) as archive:
        texts = {m.name.split("/")[-1]: archive.extractfile(m).read().decode() for m in archive}  # type: ignore[union-attr]
    assert {name: len(text.encode()) for name, text in texts.items()} == told["parts"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert "hedges.BTC.band.width = 0.002" in texts["config.txt"]
    assert json.loads(texts["status.json"])["mode"]
    assert json.loads(texts["decisions.jsonl"].splitlines()[-1])["hedge"] == "BTC"
    assert json.loads(texts["journal.json"])["newest_rows"] == "as they were written"
    assert "program_started" in texts["log.txt"]
    assert json.loads(texts["versions.json"])["libraries"]["ccxt"]
    assert "journal.sqlite3" in texts["state.txt"]


def test_watched_elsewhere_it_is_a_line_a_second_and_on_a_terminal_it_is_redrawn(asked: Asked) -> None:
    terminal = Terminal("status", "--watch", "--state-dir", str(asked.running.directory))
    try:
        terminal.until(b"hedging")
        terminal.until(b"\x1b[1A")  # back up to where it began
        terminal.interrupted()
        assert terminal.process.returncode == 130
        assert b"Traceback" not in terminal.seen
    finally:
        terminal.close()


def test_colours_are_for_terminals_only_and_no_color_turns_them_off(asked: Asked) -> None:
    assert "\x1b" not in "".join(asked.said(words).out for words in READING)
    plain = Terminal("exposure", "--state-dir", str(asked.running.directory), NO_COLOR="1")
    try:
        said = plain.rest()
        assert b"net delta" in said
        assert b"\x1b[3" not in said
    finally:
        plain.close()


def test_when_it_has_ended_its_last_words_are_shown_and_the_code_says_so(asked: Asked) -> None:
    assert asked.running.stop().code == 0
    for words in READING:
        said = asked.said(words, "--json")
        assert said.code == 4, (words, said)
        assert json.loads(said.out)["stale"] is True
        assert "no hedger runs on" in said.err
        assert asked.said(words).out
    for typed in (["fills"], ["orders", "--all"], ["pnl"], ["funding"], ["journal", "verify"], ["journal", "info"]):
        assert asked.known(*typed)


def test_a_long_export_shows_how_far_it_is_on_a_terminal_only(shell: Forked, tmp_path: Path) -> None:
    with closing(Journal.open(tmp_path, durable=False)) as journal:
        journal.begin(1_700_000_000_000, {})
        paid = {"id": ["main", "BTC/USDT:USDT"], "payment_id": "1", "amount": "1", "asset": "USDT", "exchange_at": 1}
        journal.write([Row(1_700_000_000_000, "funding", f"main/{n}", paid) for n in range(3_000)])
    where = ("--state-dir", str(tmp_path))
    terminal = Terminal("export", "csv", "funding", str(tmp_path / "a.csv"), *where)
    try:
        said = terminal.rest()
    finally:
        terminal.close()
    assert b"3000" in said
    assert b"3,000 rows of funding written" in said
    silent = shell.run("export", "csv", "funding", str(tmp_path / "b.csv"), *where)
    assert (silent.code, silent.err) == (0, "")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
