"""The settings described: a JSON Schema for editors, and docs/configuration.md for people.

`python -m hedger.settings.reference > docs/configuration.md` writes the page anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from hedger.settings.effects import effect_of
from hedger.settings.explain import text_of
from hedger.settings.schema import Settings
from hedger.settings.shape import OUTSIDE_THE_FILE, Path, plain_type, tables
from hedger.settings.values import LARGEST, NUMBER_PATTERN

_INTRODUCTION = """\
# Configuration

<!-- Generated: `python -m hedger.settings.reference > docs/configuration.md`. A test keeps it current. -->

One TOML file says what to hedge and within which limits; `config/` has examples. Without a file,
`hedger paper` uses the one in `config/paper.toml`. Whatever is misspelt, contradicts itself or has no limit
does not start, and says where.

**Precedence**, the strongest first:

1. the command line (never for credentials);
2. environment variables: `metrics.port` is `HEDGER_METRICS__PORT`. Account names are written in capitals there
   (`HEDGER_ACCOUNTS__MAIN__API_KEY`); lists have commas, or are JSON as tables are. An unknown variable that
   begins with `HEDGER_` is refused;
3. secret files: in `/run/secrets`, or the directory that `HEDGER_SECRETS_DIR` names, a file
   `accounts__main__api_key`; or any file that a variable ending in `_FILE` names, as in
   `HEDGER_ACCOUNTS__MAIN__API_KEY_FILE`. A file of credentials that every user can read is refused, except in
   `/run/secrets` itself, where the container's runtime sets the mode;
4. the file;
5. the defaults below.

`hedger config show --sources` shows each setting with where it came from.

**While it runs** a changed file is taken up by `hedger reload`, by the console, or by SIGHUP: whole or not at all
([reload](reload.md)). In the column Change, `live` takes effect at once, `restart` only at a start; hedges, accounts
and tables of `money` come and go only at a start, `holdings` at once.

**Editors** complete and check the file by a JSON Schema: `hedger config schema > hedger.schema.json`, and
`#:schema ./hedger.schema.json` as the first line of the file, which taplo and what is built on it understand.

**Credentials** are refused in the file, whole, and `live_armed` too, so that a copied file neither leaks nor trades.

**Numbers** are exact: `0.01` and `"0.01"` are the same. Names ending in `_s` are seconds, `_ms` milliseconds,
`_bps` basis points; ratios are plain (`0.25` is 25 %); prices and notionals are in the quote currency.

**A band must be reachable.** When the venue's rules are known, the smallest order (minimum quantity and minimum
notional, in whole lots) must not be wider than the band on either side: an order is never rounded past the target,
so a deviation between the band's edge and the smallest order could not be corrected.
"""


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the file: what may not stand in a file is not in it."""
    schema = Settings.model_json_schema()
    schema["title"] = "hedger configuration"
    for table in (schema, *schema["$defs"].values()):
        for name in OUTSIDE_THE_FILE & set(table.get("properties", {})):
            del table["properties"][name]
    _bound_numbers(schema)
    return schema


_BOUNDS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}


def _bound_numbers(node: Any) -> None:
    """Give each exact number its bounds in the words of JSON Schema, and its text the form of a number: pydantic leaves
    the bounds beside, in words of its own that no editor knows."""
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _bound_numbers(inner)
    if not isinstance(node, dict):
        return
    arms = {arm.get("type"): arm for arm in node.get("anyOf", ()) if isinstance(arm, dict)}
    if "number" in arms and "string" in arms and "pattern" not in arms["string"]:
        arms["string"]["pattern"] = f"^{NUMBER_PATTERN}$"
        told = {word: node.pop(name) for name, word in _BOUNDS.items() if name in node}
        arms["number"].update({word: float(value) for word, value in told.items()})


def reference() -> str:
    """The text of docs/configuration.md."""
    return "\n".join((_INTRODUCTION, *(_section(path, table) for path, table in tables())))


def _section(path: Path, table: type[BaseModel]) -> str:
    rows = [_row((*path, name), field) for name, field in table.model_fields.items() if not _holds_tables(field)]
    if not rows:
        return f"{_heading(path)}\n\n{_about(table)}\n"
    lines = ["| Setting | Value | Default | Change | Meaning |", "|---|---|---|---|---|", *rows]
    return "\n".join((_heading(path), "", _about(table), "", *lines, ""))


def _heading(path: Path) -> str:
    if not path:
        return "## Top level"
    header = ".".join(str(part) for part in path if part != 0)
    return f"## `[[{header}]]`" if path[-1] == 0 else f"## `[{header}]`"


def _about(table: type[BaseModel]) -> str:
    return (table.__doc__ or "").split("`load_settings`")[0].strip()


def _row(path: Path, field: FieldInfo) -> str:
    default = (
        "**required**"
        if field.is_required()
        else f"`{text_of(field.get_default(call_default_factory=True, validated_data={}))}`"
    )
    effect = effect_of(path).value
    default = "none" if default == "`–`" else default
    cells = (f"`{path[-1]}`", _kind(field), default, effect, field.description or "")
    return f"| {' | '.join(cells)} |"


def _holds_tables(field: FieldInfo) -> bool:
    kind = plain_type(field.annotation)
    inner = [plain_type(arg) for arg in get_args(kind)]
    return any(isinstance(k, type) and issubclass(k, BaseModel) for k in (kind, *inner) if k is not ...)


def _kind(field: FieldInfo) -> str:
    kind = plain_type(field.annotation)
    if get_origin(kind) is tuple:
        return "list of text"
    if get_origin(kind) is dict:
        return "table of numbers ≥ 0"
    if issubclass(kind, StrEnum):
        return ", ".join(f"`{member}`" for member in kind)
    words = {bool: "true or false", int: "whole number", Decimal: "number", str: "text", SecretStr: "secret"}
    return " ".join((words[kind], *_limits(field)))


def _limits(field: FieldInfo) -> Iterator[str]:
    """The bounds of a number, wherever the annotation holds them."""
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    found: dict[str, Any] = {}
    for metadata in _metadata(field):
        for name in signs:
            bound = getattr(metadata, name, PydanticUndefined)
            if bound is not PydanticUndefined and bound is not None:
                found[name] = bound if name not in found or name[0] == "g" else min(found[name], bound)
    if found.get("le") == LARGEST:  # it only keeps nonsense out
        del found["le"]
    if found:
        yield ", ".join(f"{signs[name]} {text_of(found[name])}" for name in signs if name in found)


def _metadata(field: FieldInfo) -> Iterator[Any]:
    yield from field.metadata
    annotations = [field.annotation]
    while annotations:
        annotation = annotations.pop()
        for metadata in getattr(annotation, "__metadata__", ()):
            yield from metadata.metadata if isinstance(metadata, FieldInfo) else (metadata,)
        annotations += [arg for arg in get_args(annotation) if get_args(arg)]


if __name__ == "__main__":
    sys.stdout.write(reference())
