"""Completion in a real bash: what is completed, without importing an exchange's client, and quickly."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.forked import forked
from tests.support.processes import environment

QUICK_S = 0.6  # alone it takes 0.2; two on one core share its caches, and the exchanges' import takes seconds
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which `hedger` is this program."""
    made = tmp_path_factory.mktemp("bin") / "hedger"
    made.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m hedger "$@"\n')
    made.chmod(0o755)
    return f"{made.parent}{os.pathsep}{os.environ['PATH']}"


def completed(path: str, line: str) -> list[str]:
    """What bash offers for a line with the cursor at its end, as after TAB."""
    words = line.split(" ")
    script = (
        'eval "$(hedger completion bash)"\n'
        f"COMP_WORDS=({' '.join(repr(word) for word in words)})\n"
        f"COMP_CWORD={len(words) - 1}\nCOMP_LINE={line!r}\nCOMP_POINT=${{#COMP_LINE}}\n"
        'function=$(complete -p hedger | sed "s/.*-F \\([^ ]*\\).*/\\1/")\n'
        '"$function" hedger\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run(
        [bash, "--norc", "-c", script],
        capture_output=True,
        text=True,
        env=environment(PATH=path, PYTHONPATH=str(ROOT)),
        timeout=120,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_and_words(path: str) -> None:
    assert completed(path, "hedger st") == ["status"]
    assert {"--json", "--watch", "--state-dir"} <= set(completed(path, "hedger status --"))
    assert completed(path, "hedger export parquet fi") == ["fills"]
    assert completed(path, "hedger journal ver") == ["verify"]


def test_completing_is_quick_and_imports_no_exchange(path: str, tmp_path: Path) -> None:
    asked = {"_HEDGER_COMPLETE": "complete_bash", "COMP_WORDS": "hedger st", "COMP_CWORD": "1"}
    with forked(tmp_path) as shell:
        said = shell.run(env=asked)
    assert (said.code, said.out, said.ccxt) == (0, "status\n", False)
    times = [QUICK_S]
    while min(times) >= QUICK_S and len(times) < 10:  # the quickest one: the others met another program's work
        before = worked_s()
        subprocess.run([sys.executable, "-m", "hedger"], env=environment(**asked), check=True, capture_output=True)
        times.append(worked_s() - before)
    assert min(times) < QUICK_S, times


def worked_s() -> float:
    """What our ended processes have worked, which a busy machine does not make longer than it must."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_ask_and_are_answered(tmp_path: Path, shell: str) -> None:
    more = {"_TYPER_COMPLETE_ARGS": "hedger sta", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    with forked(tmp_path) as commands:
        script = commands.run("completion", shell)
        said = commands.run(env={"_HEDGER_COMPLETE": f"complete_{shell}", **more})
        unknown = commands.run("completion", "tcsh")
    assert (script.code, script.err) == (0, "")
    assert f"_HEDGER_COMPLETE=complete_{shell}" in script.out
    assert "status" in said.out
    assert (unknown.code, unknown.out) == (2, "")
    assert "there is no completion for it, only for bash, zsh, fish" in unknown.err
