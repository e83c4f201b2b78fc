"""A pseudo-terminal with a `hedger` on it: what is typed reaches it, what it draws is kept."""

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
LAST_WORDS_S = 0.3
HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"


class Terminal:
    """A pseudo-terminal with a program on it."""

    def __init__(self, *arguments: str, cwd: Path | None = None, **more: str) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 110, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _LEADER, *arguments],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env=environment(TERM="xterm-256color", **more),
            cwd=cwd,
            start_new_session=True,
        )

    def until(self, text: bytes, timeout_s: float = 120.0) -> None:
        """Read until a text has been written since the last call."""
        begun_at, ends_at = len(self.seen), time.monotonic() + timeout_s
        while text not in self.seen[begun_at:]:
            assert time.monotonic() < ends_at, f"{text!r} was not written: {self.seen[-2000:]!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65_536)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def interrupted(self) -> bytes:
        """What is written after Ctrl-C, which is pressed again where Python did not wake from its reading for it."""
        begun_at, pressed_at = len(self.seen), 0.0
        while self.process.poll() is None:
            if time.monotonic() - pressed_at > 10:
                self.type(CTRL_C)
                pressed_at = time.monotonic()
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65_536)
        self.rest()
        return self.seen[begun_at:]

    def rest(self) -> bytes:
        """What is written until the program ends. The kernel hands its last words on in its own time."""
        begun_at = len(self.seen)
        while self.process.poll() is None or select.select([self.master], [], [], LAST_WORDS_S)[0]:
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
