"""Plants one bug in a scratch copy of the program and runs the tests that must fall."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("hedger", "tests", "pyproject.toml", "config")
MOST_SECONDS = 60.0
BROKEN = 7  # the exit code of a simulation in which an invariant did not hold
_BROKEN = re.compile(r"\bI\d+\b")
_FELL = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """A small patch that breaks one rule: `old` stands exactly once in `path`.

    `tests` are the files (or `file::test`) that must notice, each known to hold the rule; or, without any, `swarm` are
    the arguments of `hedger simulate` under which a checker must.
    """

    name: str
    rule: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]
    swarm: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """What became of a bug: the first test that fell (None: nobody noticed), and after how many seconds."""

    bug: Bug
    by: str | None
    seconds: float

    @property
    def good(self) -> bool:
        """Whether it was caught in time."""
        return self.by is not None and self.seconds < MOST_SECONDS


def copy_of_program(into: Path) -> Path:
    """A copy of everything that the tests need."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, into / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, into / name)
    return into


def patched(text: str, bug: Bug) -> str:
    """The source with the bug in it; raises ValueError when the line that it breaks is not there exactly once."""
    if text.count(bug.old) != 1:
        raise ValueError(f"{bug.name}: its line stands {text.count(bug.old)} times in {bug.path}, not once")
    return text.replace(bug.old, bug.new)


def hunt(bug: Bug, copy: Path) -> Caught:
    """Plant a bug in a copy, run what must notice, take it out again, and see that then nothing is noticed."""
    target = copy / bug.path
    sound = target.read_text(encoding="utf-8")
    target.write_text(patched(sound, bug), encoding="utf-8")
    started = time.perf_counter()
    try:
        by = _by_swarm(bug, copy) if bug.swarm else _by_tests(bug, copy)
    except subprocess.TimeoutExpired:
        by = None
    finally:
        target.write_text(sound, encoding="utf-8")
    seconds = time.perf_counter() - started
    return Caught(bug=bug, by=by if by is None or _is_sound(bug, copy, by) else None, seconds=seconds)


def _is_sound(bug: Bug, copy: Path, by: str) -> bool:
    """Whether nothing falls without the bug: a test that falls anyway has noticed nothing."""
    if bug.swarm:
        return _run(copy, "hedger", "simulate", *bug.swarm).returncode == 0
    return _run(copy, "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", by).returncode == 0


def _by_tests(bug: Bug, copy: Path) -> str | None:
    done = _run(copy, "pytest", "-q", "-x", "--tb=no", "-p", "no:cacheprovider", *bug.tests)
    fell = _FELL.search(done.stdout)
    return fell[1] if fell and done.returncode == 1 else None


def _by_swarm(bug: Bug, copy: Path) -> str | None:
    """The invariants that did not hold, where the run said so by its exit code."""
    done = _run(copy, "hedger", "simulate", *bug.swarm)
    broken = dict.fromkeys(_BROKEN.findall(done.stdout))
    return f"the checkers: {' '.join(broken)}" if broken and done.returncode == BROKEN else None


def _run(copy: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", "-m", module, *arguments],
        cwd=copy,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )
