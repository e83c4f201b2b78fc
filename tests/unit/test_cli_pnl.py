"""`hedger pnl` reads the books of a journal that another program writes, and says what they come to."""

from __future__ import annotations

import csv
import importlib
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.app.pnl import By, grouped, report_of, write_csv, write_parquet
from hedger.cli.pnl import as_record, pnl, sentences
from hedger.errors import ConfigError, GiveUp
from hedger.model.spans import DAY_MS
from hedger.runtime.journal import Journal, Row
from hedger.runtime.kept_books import book_rows, date_of
from tests.support.account_world import PERPETUAL, AccountWorld


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[tuple[AccountWorld, Path]]:
    """Two days: hedged with a fee and a deposit on the first, a fall and funding on the second; the writer is open."""
    world = AccountWorld()
    with closing(Journal.open(tmp_path, durable=False)) as journal:

        def keep() -> None:
            state = world.state
            rows = book_rows(state._replace(books={}), state, everything=True)
            journal.write([Row(world.now, *row) for row in rows])

        world.read()
        world.fill(PERPETUAL, D(-2), world.mark(PERPETUAL), fee=D(24))
        world.read()
        world.deposit("USDT", D(1_000))
        world.settle()
        keep()
        world.pass_time(DAY_MS)
        world.index -= 100
        world.hear_payment(world.fund(PERPETUAL, D(12)))
        world.read()
        keep()
        yield world, tmp_path


def test_the_report_has_the_sums_and_the_sentence_that_compares(kept: tuple[AccountWorld, Path]) -> None:
    _, directory = kept
    report = report_of(directory)
    assert report.made == -24 - 200 + 200 + 12
    assert report.flows == 1_000
    assert abs(report.gap) < D("1e-9")
    assert sentences(report)[0] == (
        "The hedged book made -12.00. Unhedged it would have made -200.00; hedged once and then left alone, -12.00: "
        "rebalancing brought +0.00."
    )
    assert as_record(report, "component")["pnl_usd"] == "-12.00000000"


def test_days_that_were_not_asked_for_are_left_out(kept: tuple[AccountWorld, Path]) -> None:
    world, directory = kept
    today = date.fromisoformat(date_of(world.now // DAY_MS))
    assert report_of(directory, since=today).made == 12
    assert report_of(directory, until=date.fromordinal(today.toordinal() - 1)).made == -24
    with pytest.raises(GiveUp, match="nothing was booked"):
        report_of(directory, since=date(2030, 1, 1))


@pytest.mark.parametrize("by", list(By))
def test_every_grouping_comes_to_the_same_total(kept: tuple[AccountWorld, Path], by: By) -> None:
    _, directory = kept
    report = report_of(directory)
    groups = grouped(report.rows, by)
    assert sum(made for _, made, _ in groups) == report.made
    assert sum(flows for _, _, flows in groups) == report.flows
    assert len(groups) == {By.DAY: 2, By.ACCOUNT: 1, By.HEDGE: 2, By.COMPONENT: 5}[by]


def test_the_command_prints_a_table_and_json_and_refuses_what_it_does_not_know(
    kept: tuple[AccountWorld, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, directory = kept
    pnl(state_dir=directory, by="day")
    told = capsys.readouterr().out
    assert "total\t-12.00\t+1,000.00" in told
    assert "Unhedged it would have made -200.00" in told
    assert "Deposits, withdrawals and transfers came to +1,000.00: they are no profit." in told
    pnl(state_dir=directory, json=True)
    assert json.loads(capsys.readouterr().out)["unhedged_usd"] == "-200.00000000"
    with pytest.raises(ConfigError, match="one of day"):
        pnl(state_dir=directory, by="moon")
    with pytest.raises(ConfigError, match="--from soon: give a day"):
        pnl(state_dir=directory, since="soon")
    with pytest.raises(ConfigError, match="--from 2026-01-05 is after --to 2026-01-01"):
        pnl(state_dir=directory, since="2026-01-05", until="2026-01-01")


def test_a_deposit_that_was_just_read_is_in_no_sentence_as_a_profit(
    kept: tuple[AccountWorld, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    world, directory = kept
    was = report_of(directory).compared
    world.deposit("BTC", D("0.5"))
    world.read()
    with closing(Journal.open(directory, durable=False)) as journal:
        rows = book_rows(world.state._replace(books={}), world.state, everything=True)
        journal.write([Row(world.now, *row) for row in rows])
    report = report_of(directory)
    came = D("0.5") * world.index
    assert (report.open, report.compared.hedged) == (came, was.hedged)
    assert report.compared.rebalancing == was.rebalancing
    pnl(state_dir=directory)
    told = capsys.readouterr().out
    assert f"open\t+{came:,.2f}\t+0.00" in told
    assert f"+{came:,.2f} was read in the last minutes" in told


def test_csv_and_parquet_hold_every_amount(kept: tuple[AccountWorld, Path], tmp_path: Path) -> None:
    _, directory = kept
    report = report_of(directory)
    total = report.made + report.flows
    count = write_csv(tmp_path / "pnl.csv", report.rows)
    with (tmp_path / "pnl.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == count
    assert sum(D(row["usd"]) for row in rows) == total
    assert write_parquet(tmp_path / "pnl.parquet", report.rows) == count
    table = importlib.import_module("pyarrow.parquet").read_table(tmp_path / "pnl.parquet")
    assert table.column_names == ["day", "account", "hedge", "component", "usd"]
    assert sum(table["usd"].to_pylist()) == total
    assert isinstance(table["day"].to_pylist()[0], date)


def test_without_pyarrow_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pip install hedger\[parquet\]"):
        write_parquet(tmp_path / "pnl.parquet", [], module="no_such_arrow")


def test_a_file_that_cannot_be_written_is_a_sentence_too(kept: tuple[AccountWorld, Path]) -> None:
    _, directory = kept
    with pytest.raises(ConfigError, match="cannot be written"):
        write_csv(directory / "nowhere" / "pnl.csv", report_of(directory).rows)
    with pytest.raises(ConfigError, match="cannot be written"):
        write_parquet(directory / "nowhere" / "pnl.parquet", report_of(directory).rows)
