"""`make mutants`: change the safety core everywhere, and count by module what no quick test notices."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from pathlib import Path

from tests.planted.plant import ROOT, copy_of_program

SURVIVED, UNREACHED, NOT_RUN = 0, 33, None


def main(jobs: str, wanted: list[str]) -> int:
    """Run mutmut in a copy of the program, on the modules named (all without any), and print what became of them."""
    mutmut = shutil.which("mutmut", path=str(Path(sys.executable).parent))
    assert mutmut is not None, "mutmut is a development dependency"
    names = [name for name in modules() if not wanted or any(part in name for part in wanted)]
    with tempfile.TemporaryDirectory(prefix="hedger-mutants-") as scratch:
        copy = copy_of_program(Path(scratch))
        done = subprocess.run([mutmut, "run", "--max-children", jobs, *(f"{name}.*" for name in names)], cwd=copy)
        results = {name: fates(copy, name) for name in names}
    survivors = sorted(
        key for found in results.values() for key, fate in found.items() if fate in (SURVIVED, UNREACHED)
    )
    print("\n".join(survivors))
    print(f"\n{'module':<28}{'mutants':>8}{'killed':>8}{'survived':>9}{'score':>7}")
    for name, found in results.items():
        print(line_of(name, Counter(found.values())))
    return done.returncode


def modules() -> list[str]:
    """The modules that pyproject.toml lists."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [path.removesuffix(".py").replace("/", ".") for path in table["tool"]["mutmut"]["only_mutate"]]


def fates(copy: Path, module: str) -> dict[str, int | None]:
    """Each mutant of a module with what the tests came to: 0 for those that noticed nothing."""
    path = copy / "mutants" / (module.replace(".", "/") + ".py.meta")
    return dict(json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]) if path.exists() else {}


def line_of(name: str, counts: Counter[int | None]) -> str:
    """One row of the table; what was not run counts nowhere."""
    mutants = counts.total() - counts[NOT_RUN]
    survived = counts[SURVIVED] + counts[UNREACHED]
    killed = mutants - survived
    return f"{name.removeprefix('hedger.'):<28}{mutants:>8}{killed:>8}{survived:>9}{killed / max(1, mutants):>7.0%}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
