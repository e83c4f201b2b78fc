"""promtool's unit tests of rules, many at once in one process, each with only the rules that it is about."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.programs import program


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Some rules, and tests of them as promtool takes them; rules are evaluated every `every`."""

    rules: Sequence[Mapping[str, Any]]
    tests: Sequence[Mapping[str, Any]]
    every: str = "10s"


def tried(directory: Path, trials: Mapping[str, Trial]) -> dict[str, str]:
    """What promtool says of each trial: empty where all its tests hold, else what it expected and got."""
    paths = [_written(directory, name, trial) for name, trial in trials.items()]
    command = [program("promtool", "prometheus"), "test", "rules", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    # A line for each file on one stream, and what failed in it, after that, on the other.
    said = re.split(r"(?m)^Unit Testing: +", done.stdout)[
        1:
    ]  # a part for each file; what failed is on the other stream
    failed = re.split(r"(?m)^ *FAILED:$", done.stderr)[1:]
    bad = [name for name, text in zip(trials, said, strict=True) if "SUCCESS" not in text]
    assert len(bad) == len(failed), done.stdout + done.stderr
    return dict.fromkeys(trials, "") | dict(zip(bad, failed, strict=True))


def _written(directory: Path, name: str, trial: Trial) -> Path:
    rules, tests = directory / f"{name}.rules.json", directory / f"{name}.tests.json"
    rules.write_text(json.dumps({"groups": [{"name": name, "rules": trial.rules}]}))
    tests.write_text(json.dumps({"rule_files": [rules.name], "evaluation_interval": trial.every, "tests": trial.tests}))
    return tests
