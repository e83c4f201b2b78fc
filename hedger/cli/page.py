"""The page on the command line, made of the commands themselves: `python -m hedger.cli.page > docs/cli.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import typer.main

from hedger.app.export import COLUMNS
from hedger.cli import held, inspect, reconcile, told, traded
from hedger.cli.root import app

INTRODUCTION = """\
# The command line

Made of the commands themselves by `python -m hedger.cli.page > docs/cli.md`; a test proves that it is.

- **What it reads.** `status`, `exposure`, `positions`, `orders` and `reconcile` read what the hedger last wrote into
  `STATE_DIR/status.json`, once a second. Of one that has ended they show its last words and end with 4. `fills`,
  `orders --all`, `export`, `pnl`, `funding`, `explain` and `replay` read the journal, while it runs or later.
- **Which state directory.** The one that the configuration names (`-c FILE`, or `HEDGER_CONFIG`), or `--state-dir`.
  Paper keeps its own in `paper` beneath it. Where that file cannot be used (somebody is editing it), the lines before
  its first table still name the directory of a hedger that has run: `kill` and `status` work, and say so first.
- **For people and for programs.** On a terminal there are tables, with colours unless `NO_COLOR` is set; elsewhere
  lines with tabs and without a header. `--json` prints one JSON value on standard output and nothing else. Keys are
  added and never renamed; amounts are strings with plain digits, moments ISO 8601 in UTC, what is not known is `null`.
  (`explain` and `journal info` give moments as the journal has them, in ms since 1970; `band` and the summary of
  `paper` give numbers.)
  Commands that act print `{"done": true, "told": "…"}`, some with more; what is refused is an error as below.
- **Errors** are sentences on standard error that begin with `hedger:`, with an [exit code](exit-codes.md).
- **Completion.** `hedger completion bash` prints a script for the shell; so do `zsh` and `fish`.
- `hedger --version` says which program it is.
"""
_ENVELOPE = ("status", "exposure", "positions", "orders", "reconcile")
KEYS: Mapping[str, list[tuple[str, Mapping[str, str]]]] = {
    "status": [("beside them", {**told.STATUS, **told.WRITTEN, **told.ASKED})],
    "exposure": [("each of `hedges`, by its name", held.EXPOSURE)],
    "positions": [("each of `positions`", held.POSITION), ("each of `options`", held.OPTION)],
    "orders": [
        ("each of `orders`, of those that work", traded.WORKING),
        ("with `--all`", {column.name: column.meaning for column in COLUMNS["orders"]}),
    ],
    "fills": [("each of `fills`", {column.name: column.meaning for column in COLUMNS["fills"]})],
    "reconcile": [("beside them", reconcile.TOLD), ("each of `accounts`, by its name", reconcile.ACCOUNT)],
    "export": [
        (f"`{what}`", {column.name: column.meaning for column in columns})
        for what, columns in COLUMNS.items()
        if what not in ("orders", "fills")
    ],
}


def page() -> str:
    """The whole page."""
    return "\n".join(_lines())


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that is shown, with its words: `journal verify`."""
    yield from _within("", typer.main.get_command(app))


def _within(words: str, group: Any) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        told = f"{words} {name}".strip()
        if hasattr(command, "commands"):
            yield from _within(told, command)
        elif not command.hidden:
            yield told, command


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    for words, command in commands():
        yield f"## {words}"
        yield ""
        yield f"`hedger {words}{_arguments(command)}`"
        yield ""
        yield _flowed(command.help or "")
        yield ""
        yield from _options(command)
        yield from _keys(words)


def _flowed(text: str) -> str:
    """Paragraphs as one line each: a page has no width."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _arguments(command: Any) -> str:
    found = [param for param in command.params if param.param_type_name == "argument"]
    return "".join(f" {_name(param)}" if param.required else f" [{_name(param)}]" for param in found)


def _name(param: Any) -> str:
    return str(getattr(param, "metavar", None) or param.name).upper()


def _options(command: Any) -> Iterator[str]:
    if not command.params:
        return
    yield "| option | meaning | without it |"
    yield "|---|---|---|"
    for param in command.params:
        argument = param.param_type_name == "argument"
        names = _name(param) if argument else ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))
        more = " May be given several times." if getattr(param, "multiple", False) else ""
        variable = f" Or `{param.envvar}`." if getattr(param, "envvar", None) else ""
        help = (getattr(param, "help", None) or "").replace("|", "\\|")
        yield f"| {names} | {help}{more}{variable} | {_default(param)} |"
    yield ""


def _default(param: Any) -> str:
    if param.required:
        return "it must be given"
    if param.default is None or param.default is False:
        return ""
    return "yes" if param.default is True else f"`{getattr(param.default, 'value', param.default)}`"


def _keys(words: str) -> Iterator[str]:
    tables = [("JSON, beside what is below", inspect.ENVELOPE)] if words in _ENVELOPE else []
    for title, keys in (*tables, *KEYS.get(words, [])):
        yield f"| key: {title} | meaning |"
        yield "|---|---|"
        yield from (f"| `{key}` | {meaning} |" for key, meaning in keys.items())
        yield ""


if __name__ == "__main__":
    print(page(), end="")
