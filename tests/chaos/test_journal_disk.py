"""The journal on a disk that is full, locked, damaged or newer: a sentence each time, and nothing written is lost."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hedger.engine.known.orders import OrderStatus
from hedger.errors import JournalError
from hedger.runtime.journal import Journal, Row
from hedger.runtime.migrate import SCHEMA_VERSION
from tests.support.engine_worlds import order_of

ROOT = Path(__file__).resolve().parents[2]
BIG = {"text": "x" * 3_000}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal.open(tmp_path)) as made:
        made.begin(1_000, {})
        yield made


def connect(directory: Path) -> sqlite3.Connection:
    return sqlite3.connect(directory / "journal.sqlite3", isolation_level=None)


def test_every_commit_reaches_the_disk_before_it_returns(journal: Journal) -> None:
    """NORMAL lost acknowledged writes at most simulated power cuts, FULL at none: so it is asserted here."""
    pragma = journal._connection.execute  # the settings of a connection can be asked of it alone
    assert pragma("PRAGMA synchronous").fetchone() == (2,)
    assert pragma("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_was_written_is_there_for_the_next_start(tmp_path: Path) -> None:
    order = order_of(status=OrderStatus.OPEN)
    for epoch in (1, 2, 3):
        with closing(Journal.open(tmp_path)) as journal:
            recovered = journal.begin(1_000 * epoch, {})
            assert recovered.epoch == epoch
            assert recovered.funding_since_at == 1_000
            if epoch == 1:
                journal.write([Row(1_001, "order", order.client_order_id, order)])
            else:
                assert recovered.orders == (order,)


def test_recovering_twice_comes_to_the_same_as_recovering_once(tmp_path: Path) -> None:
    order = order_of(status=OrderStatus.OPEN)
    with closing(Journal.open(tmp_path)) as journal:
        journal.begin(1_000, {})
        journal.write([Row(1_001, "order", order.client_order_id, order), Row(1_002, "halt", "why", {})])
    seen = []
    for _ in range(3):
        with closing(Journal.open(tmp_path)) as journal:
            recovered = journal.begin(2_000, {})
            seen.append((recovered.orders, recovered.halted, recovered.next_decision, recovered.clean))
    assert seen[0] == seen[1] == seen[2]


def test_a_full_disk_refuses_the_write_whole_and_accepts_it_when_there_is_room(journal: Journal) -> None:
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    rows = [Row(1, "decision", str(n), BIG) for n in range(20)]
    with pytest.raises(JournalError, match="free space on the disk"):
        journal.write(rows)
    assert not list(journal.rows("decision")), "a transaction is written whole or not at all"
    journal._connection.execute("PRAGMA max_page_count = 100000")
    journal.write(rows)
    assert len(list(journal.rows("decision"))) == 20


def test_a_journal_that_another_program_holds_is_refused_in_a_sentence(journal: Journal, tmp_path: Path) -> None:
    journal._connection.execute("PRAGMA busy_timeout = 20")
    with closing(connect(tmp_path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(JournalError, match="another program holds it open"):
            journal.write([Row(1, "halt", "why", {})])
        other.execute("ROLLBACK")
    journal.write([Row(1, "halt", "why", {})])
    assert journal.halted() == "why"


def test_a_newer_journal_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    Journal.open(tmp_path).close()
    with closing(connect(tmp_path)) as other:
        other.execute("UPDATE meta SET value = ?", (str(SCHEMA_VERSION + 1),))
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = (tmp_path / "journal.sqlite3").read_bytes()
    for read_only in (False, True):
        with pytest.raises(JournalError, match="newer hedger"):
            Journal.open(tmp_path, read_only=read_only)
    assert (tmp_path / "journal.sqlite3").read_bytes() == before


def test_a_version_that_is_no_number_is_refused_in_a_sentence(tmp_path: Path) -> None:
    Journal.open(tmp_path).close()
    with closing(connect(tmp_path)) as other:
        other.execute("UPDATE meta SET value = 'one'")
    with pytest.raises(JournalError):
        Journal.open(tmp_path)


def test_a_file_that_is_no_journal_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite3").write_bytes(b"not a database at all" * 100)
    with pytest.raises(JournalError, match="move it away"):
        Journal.open(tmp_path)


@pytest.mark.parametrize("start", [4096 * 2, 4096 * 12])
def test_a_file_damaged_in_its_middle_is_refused_in_a_sentence(tmp_path: Path, start: int) -> None:
    with closing(Journal.open(tmp_path)) as journal:
        journal.begin(1_000, {})
        journal.write([Row(1, "order", str(n), BIG) for n in range(50)])
    with closing(connect(tmp_path)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = tmp_path / "journal.sqlite3"
    body = bytearray(path.read_bytes())
    body[start:] = b"\x5a" * (len(body) - start)
    path.write_bytes(body)
    with pytest.raises(JournalError, match=r"journal\.sqlite3"), closing(Journal.open(tmp_path)) as journal:
        journal.begin(2_000, {})
    with pytest.raises(JournalError, match=r"journal\.sqlite3"), closing(Journal.open(tmp_path)) as journal:
        list(journal.rows("order"))


@pytest.mark.parametrize(
    ("kind", "body"), [("order", {"side": "sideways"}), ("ledger", {"fees": "much"}), ("memory", {"attempts": "many"})]
)
def test_a_row_that_cannot_be_understood_stops_the_start(
    journal: Journal, tmp_path: Path, kind: str, body: dict[str, str]
) -> None:
    journal.write([Row(1, kind, "k", body)])
    with closing(Journal.open(tmp_path)) as again, pytest.raises(JournalError, match="cannot be read"):
        again.begin(2_000, {})


def test_a_journal_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal here"):
        Journal.open(tmp_path / "nowhere", read_only=True)
    assert not (tmp_path / "nowhere").exists()


def test_looking_reads_beside_the_writer_and_cannot_write(journal: Journal, tmp_path: Path) -> None:
    journal.write([Row(1, "halt", "why", {})])
    with closing(Journal.open(tmp_path, read_only=True)) as looking:
        assert looking.halted() == "why"
        with pytest.raises(JournalError, match="cannot be written"):
            looking.write([Row(2, "resume", "resume", {})])


def test_a_folder_with_any_name_holds_a_journal(tmp_path: Path) -> None:
    folder = tmp_path / "50% of #1? yes & no"
    with closing(Journal.open(folder)) as journal:
        journal.begin(1_000, {})
    assert (folder / "journal.sqlite3").exists()


def test_the_journal_is_for_its_owner_s_eyes_only(journal: Journal, tmp_path: Path) -> None:
    assert (tmp_path / "journal.sqlite3").stat().st_mode & 0o077 == 0


def test_a_last_write_that_was_torn_off_is_not_half_there(tmp_path: Path) -> None:
    """The end of the write-ahead log is lost, as in a power cut: the commits before it are whole."""
    journal = Journal.open(tmp_path)
    journal.begin(1_000, {})
    for n in range(10):
        journal.write([Row(n, "fill", f"{n}/a", BIG), Row(n, "fill", f"{n}/b", BIG)])
    log = (tmp_path / "journal.sqlite3-wal").read_bytes()
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "journal.sqlite3").write_bytes((tmp_path / "journal.sqlite3").read_bytes())
    (copy / "journal.sqlite3-wal").write_bytes(log[: len(log) - 5_000])
    journal.close()
    with closing(Journal.open(copy)) as torn:
        kept = [key for _, key, _ in torn.rows("fill")]
        assert 0 < len(kept) < 20
        assert len(kept) % 2 == 0
        assert torn.begin(2_000, {}).epoch == 2


def test_a_journal_is_set_aside_whole(tmp_path: Path) -> None:
    with closing(Journal.open(tmp_path)) as journal:
        journal.begin(1_000, {})
    Journal.set_aside(tmp_path)
    assert not (tmp_path / "journal.sqlite3").exists()
    assert (tmp_path / "journal.previous.sqlite3").exists()
    with closing(Journal.open(tmp_path)) as journal:
        assert journal.begin(2_000, {}).epoch == 1


def test_an_order_is_the_same_bytes_in_every_process() -> None:
    """A set of trades would be written in an order that differs from process to process."""
    say = "from pydantic_core import to_json; from tests.support.engine_worlds import *; o = order_of()\n"
    say += "for n in range(30): o = apply_fill(o, fill_of(o, '0.001', f'trade-{n}'), n)\nprint(to_json(o))"
    say = "from hedger.engine.known.orders import apply_fill\n" + say
    told = {
        subprocess.run(
            [sys.executable, "-c", say], cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(told) == 1
