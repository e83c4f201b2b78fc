"""Commands of `hedger`, each a process of its own, forked from one that has imported the program: fifty in a second."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO

from tests.support.processes import environment

NOTHING: Mapping[str, str] = MappingProxyType({})
IMPORTED_CCXT = 128  # added to the code of a command that imported ccxt
_PARENT = """
import json, os, sys, tempfile
import rich.table, typer.exceptions, typer.main
import hedger.app.export, hedger.cli.root, hedger.settings.load, hedger.settings.policy
from hedger.__main__ import main

def child(case, out, err):
    source = tempfile.TemporaryFile()
    source.write(case["stdin"].encode())
    source.seek(0)
    for number, file in enumerate((source, out, err)):
        os.dup2(file.fileno(), number)
    os.environ.update(case["env"])
    os.chdir(case["cwd"])
    sys.argv = ["hedger", *case["typed"]]
    code = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code + (128 if "ccxt" in sys.modules else 0))

# What each command would build for itself is built once; the first one to be parsed brings in what parsing needs.
hedger.cli.root.app = typer.main.get_command(hedger.cli.root.app)
try:
    hedger.cli.root.app(["fills", "--limit", "0"], standalone_mode=False)
except typer.exceptions.TyperException:
    pass
assert "ccxt" not in sys.modules
for line in sys.stdin:
    case = json.loads(line)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            child(case, out, err)
        _, status = os.waitpid(pid, 0)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    print(json.dumps([os.waitstatus_to_exitcode(status), *texts]), flush=True)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How a command ended and what it said; it did without ccxt, unless `ccxt`."""

    code: int
    out: str
    err: str
    ccxt: bool


class Forked:
    """Runs commands one after the other."""

    def __init__(self, parent: subprocess.Popen[str], cwd: Path) -> None:
        self._parent = parent
        self._cwd = cwd

    def run(self, *words: str, stdin: str = "", cwd: Path | None = None, env: Mapping[str, str] = NOTHING) -> Said:
        """A command as it is typed, to its end: what is answered, where, and what the environment holds more."""
        case = {"typed": words, "stdin": stdin, "env": dict(env), "cwd": str(cwd or self._cwd)}
        given, told = _pipes(self._parent)
        given.write(json.dumps(case) + "\n")
        given.flush()
        line = told.readline()
        assert line, "the parent of the commands has ended"
        code, out, err = json.loads(line)
        return Said(code=code % IMPORTED_CCXT, out=out, err=err, ccxt=code >= IMPORTED_CCXT)


@contextmanager
def forked(cwd: Path) -> Iterator[Forked]:
    """The parent, while inside; commands run in a directory where nothing else is."""
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(PYTHONPATH=root),
    ) as parent:
        try:
            yield Forked(parent, cwd)
        finally:
            parent.kill()


def _pipes(parent: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert parent.stdin is not None, "it was started with a pipe"
    assert parent.stdout is not None, "it was started with a pipe"
    return parent.stdin, parent.stdout
