"""On a terminal: the live view, Ctrl-C, the summary, and the terminal as it was before."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

from tests.support.processes import environment

CTRL_C = b"\x03"
HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"


class Terminal:
    """A pseudo-terminal with a program on it."""

    def __init__(self, *arguments: str) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 110, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _LEADER, *arguments],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env=environment(TERM="xterm-256color"),
            start_new_session=True,
        )

    def until(self, text: bytes, timeout_s: float = 40.0) -> None:
        """Read until a text has been written since the last call."""
        begun_at, ends_at = len(self.seen), time.monotonic() + timeout_s
        while text not in self.seen[begun_at:]:
            assert time.monotonic() < ends_at, f"{text!r} was not written: {self.seen[-2000:]!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65_536)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def rest(self) -> bytes:
        """What is written until the program ends."""
        begun_at = len(self.seen)
        while self.process.poll() is None or select.select([self.master], [], [], 0)[0]:
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65_536)
        return self.seen[begun_at:]

    def close(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        os.close(self.master)
        os.close(self.slave)


# The program leads its session and owns the terminal, so that Ctrl-C reaches it as it does from a shell.
_LEADER = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "hedger", *sys.argv[1:]])
"""


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
