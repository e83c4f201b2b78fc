"""Where the hedger of a broken configuration keeps its state: the first lines of the file still say it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from hedger.settings.schema import Mode, Settings


def directory_of_a_broken(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The state directory that a configuration names although it cannot be used; None where that is not certain.

    Only what stands before the first table is read, so that a fault further down does no harm. Never for a start.
    """
    try:
        text = "" if path is None else path.read_text(encoding="utf-8-sig")
        head = tomllib.loads(_before_the_first_table(text))
    except (OSError, ValueError, ArithmeticError, RecursionError):  # not UTF-8 and not TOML are ValueErrors
        return None
    if not head.keys() <= Settings.model_fields.keys():  # one of them may be a misspelt `state_dir`
        return None
    directory = _said("state_dir", head, environ)
    mode = _said("mode", head, environ)
    if not isinstance(directory, str) or not directory or mode not in tuple(Mode):
        return None
    return Path(directory) / "paper" if mode == Mode.PAPER else Path(directory)


def _before_the_first_table(text: str) -> str:
    lines = text.splitlines()
    first = next((number for number, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    return "\n".join(lines[:first])


def _said(key: str, head: Mapping[str, object], environ: Mapping[str, str]) -> object:
    """The stronger source first, as `load_settings` has it."""
    return environ.get(f"HEDGER_{key.upper()}") or head.get(key, Settings.model_fields[key].default)
