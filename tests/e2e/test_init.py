"""`hedger init` as a person types it: questions on a terminal, Enter for what is suggested, Ctrl-C, and a pipe."""

from __future__ import annotations

from pathlib import Path

from tests.support.forked import forked
from tests.support.terminal import Terminal

KEYS = {"HEDGER_ACCOUNTS__MAIN__API_KEY": "kanarienvogel-key-1", "HEDGER_ACCOUNTS__MAIN__SECRET": "kanarienvogel-2"}


def test_enter_all_the_way_writes_a_good_file(tmp_path: Path) -> None:
    terminal = Terminal("init", "first.toml", cwd=tmp_path, PYTHONPATH=str(Path.cwd()))
    try:
        for question in (b"Venue", b"Begin with", b"A name for", b"Coins to hedge", b"held where", b"Hedge BTC with"):
            terminal.until(question)
            terminal.type(b"\n")
        terminal.until(b"Where its delta")
        terminal.type(b"ratio=9\n")
        terminal.until(b"9 must be at most 1.5")  # and the question again, at once
        terminal.type(b"ratio=0.8\n")
        for question in (
            b"Band [relative]",
            b"Its width",
            b"Its least",
            b"The most BTC",
            b"one order",
            b"a day's",
            b"cost",
        ):
            terminal.until(question)
            terminal.type(b"\n")
        said = terminal.rest()
        assert terminal.process.returncode == 0, terminal.seen
        assert b"first.toml is written, and it is good" in said
        assert b"hedger paper -c first.toml" in said
    finally:
        terminal.close()
    text = (tmp_path / "first.toml").read_text()
    assert 'kind = "ratio"\nvalue = 0.8' in text
    assert (tmp_path / "first.toml").stat().st_mode & 0o777 == 0o600


def test_ctrl_c_ends_it_with_130_and_leaves_nothing(tmp_path: Path) -> None:
    terminal = Terminal("init", cwd=tmp_path, PYTHONPATH=str(Path.cwd()))
    try:
        terminal.until(b"Venue")
        terminal.type(b"bybit\n")
        terminal.until(b"Begin with")
        terminal.interrupted()
        assert terminal.process.returncode == 130
        assert b"Traceback" not in terminal.seen
    finally:
        terminal.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_piped_is_answered_and_an_end_before_all_was_asked_is_a_sentence(tmp_path: Path) -> None:
    with forked(tmp_path) as shell:
        cut = shell.run("init", "a.toml", stdin="bybit\nshadow\n")
        whole = shell.run("init", "b.toml", stdin="bybit\nshadow\n\nETH\n2\n\n\n\n\n\n\n\n\n\n", env=KEYS)
        silent = shell.run("init", "c.toml", "--yes", "--venue", "okx", "--mode", "testnet", env=KEYS)
        again = shell.run("init", "c.toml", "--yes")
        checked = shell.run("config", "check", "-c", "b.toml", "--json")
        looked = shell.run("doctor", "-c", "c.toml")
    assert cut.code == 2
    assert "hedger: the answers ended before all was asked (--account), and nothing was written" in cut.err
    assert (whole.code, whole.err, whole.ccxt) == (0, "", False)
    assert (silent.code, silent.err, silent.ccxt) == (0, "", False)
    assert (again.code, again.out) == (2, "")
    assert "c.toml is there already, and nothing is overwritten" in again.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.toml", "c.toml"]
    for name in ("b.toml", "c.toml"):
        assert "kanarienvogel" not in (tmp_path / name).read_text()
    assert (checked.code, checked.err) == (0, "")
    assert '"hedges": {"ETH": ["main:ETH/USDT:USDT"]}' in checked.out
    assert looked.code == 2
    assert "keys given" in looked.out
    assert "set HEDGER_ACCOUNTS__MAIN__PASSPHRASE" in looked.out
