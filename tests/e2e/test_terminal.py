"""On a terminal: the live view, Ctrl-C, the summary, and the terminal as it was before."""

from __future__ import annotations

import termios
from pathlib import Path

from tests.support.terminal import CTRL_C, HIDE, SHOW, Terminal


def test_the_view_lives_and_ctrl_c_ends_it_with_a_summary(tmp_path: Path) -> None:
    terminal = Terminal("paper", "--speed", "10", "--state-dir", str(tmp_path), "--metrics-port", "0")
    try:
        terminal.until(HIDE)
        terminal.until(b"HEDGING")
        for _ in range(5):
            terminal.until(b"net delta")
        terminal.until(b"  hedged  ")
        terminal.type(CTRL_C)
        said = terminal.rest()
        assert terminal.process.returncode == 0
        assert termios.tcgetattr(terminal.slave) == terminal.before
        assert terminal.seen.count(HIDE) == terminal.seen.count(SHOW)
        view, _, summary = said.rpartition(SHOW)
        assert b"DRAINING" in view
        assert b"journal and exchange agree" in summary
        assert b"Traceback" not in terminal.seen
        assert b'{"timestamp"' not in terminal.seen, "log lines would tear the view"
    finally:
        terminal.close()


def test_help_fits_a_terminal_and_needs_no_exchange() -> None:
    terminal = Terminal("--help")
    try:
        said = terminal.rest()
        assert terminal.process.returncode == 0
        for command in (b"paper", b"run", b"doctor", b"status", b"explain", b"resume", b"healthcheck", b"config"):
            assert command in said
    finally:
        terminal.close()
