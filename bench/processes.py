"""Processes of a measurement: started, looked at from outside, and ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def paper_process(directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`hedger paper` at real time with its state in `directory`, drained at the end."""
    command = [sys.executable, "-m", "hedger", "paper", "--json", "--metrics-port", "0", "--state-dir", str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB of 2²⁰ bytes, as `ps` tells it."""
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(told.stdout) / 1024


def resident_after(code: str) -> float:
    """Resident memory (MB) of a fresh interpreter that has run `code`."""
    command = [sys.executable, "-c", f"{code}\nimport sys; print(flush=True); sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None, "its output is a pipe"
        process.stdout.readline()
        return resident_mb(process.pid)
