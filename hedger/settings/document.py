"""The TOML file: read exactly, with the line of every key, and with no credentials in it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path as FilePath
from typing import Any

from hedger.errors import ConfigError
from hedger.settings.shape import Path

_LARGEST_FILE = 1_000_000
_POSITION = re.compile(
    r"^(?P<what>.*?)\s*\((?:at line (?P<line>\d+), column (?P<column>\d+)|at end of document)\)$", re.S
)
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'')
_LONG_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}(?!")|\'\'\'.*?\'{3,5}(?!\')', re.S)
_SCALAR = re.compile(r"[^,\]}\n#]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file's tree of values, and the line on which each key and table begins."""

    name: str
    tree: dict[str, Any]
    lines: dict[Path, int]


def read_document(path: FilePath) -> Document:
    """Read a TOML file; numbers with a point become the Decimal that was written. Raises ConfigError."""
    return parse_document(_read_text(path), str(path))


def parse_document(text: str, name: str) -> Document:
    """Parse TOML, with `name` for where it came from. Raises ConfigError with the line and column of a fault."""
    try:
        tree = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        tree, fault = {}, _syntax_fault(error, name)
    except (ValueError, ArithmeticError, RecursionError):  # of what the library does not bound itself
        fault = f"{name}: it holds a number beyond all bounds, or brackets within brackets without end"
    else:
        return Document(name=name, tree=tree, lines=Lines(text).find())
    raise ConfigError(fault)


def _read_text(path: FilePath) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        fault = f"{path}: there is no such file; name another, or leave it out to trade on paper with the built-in one"
    except IsADirectoryError:
        fault = f"{path} is a directory: name the TOML file in it"
    except OSError as error:
        fault = f"{path} cannot be read ({error.strerror}): check its owner and permissions"
    except UnicodeDecodeError:
        fault = f"{path} is not UTF-8 text: save it as UTF-8"
    else:
        if len(data) <= _LARGEST_FILE:
            return text
        fault = f"{path} is larger than a megabyte: this is not a configuration"
    raise ConfigError(fault)


def _syntax_fault(error: tomllib.TOMLDecodeError, name: str) -> str:
    match = _POSITION.match(str(error))
    what = (match["what"] if match else str(error)).rstrip(".")
    if match and match["line"]:
        return f"{name}:{match['line']}: this is not TOML, at column {match['column']}: {what}"
    return f"{name}: this is not TOML, at its end: {what}"


class Lines:
    """Finds the line of each key in text that is known to be good TOML."""

    def __init__(self, text: str) -> None:
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._found: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}

    def find(self) -> dict[Path, int]:
        """The line, from 1, of each key, table and list entry, by path."""
        table: Path = ()
        self._skip(_SPACE)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_SPACE)
        return self._found

    def _header(self) -> Path:
        line, double = self._line(), self._text.startswith("[[", self._at)
        self._at += 2 if double else 1
        path = self._resolve(self._key())
        self._at += 2 if double else 1
        if double:
            self._found.setdefault(path, line)
            self._counts[path] = self._counts.get(path, -1) + 1
            path = (*path, self._counts[path])
        self._note(path, line)
        return path

    def _resolve(self, key: Path) -> Path:
        """A key through lists of tables means their last entry; the last part of a key is left as it is."""
        path: Path = ()
        for part in key:
            if path in self._counts:
                path = (*path, self._counts[path])
            path = (*path, part)
        return path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table + self._key()
        self._note(path, line)
        self._at += 1  # the equals sign
        self._value(path)

    def _note(self, path: Path, line: int) -> None:
        for end in range(1, len(path) + 1):
            self._found.setdefault(path[:end], line)

    def _key(self) -> Path:
        parts = []
        while True:
            self._skip(_BLANK)
            raw = self._take(_QUOTED if self._text[self._at] in "\"'" else _BARE_KEY)
            parts.append(tomllib.loads(f"k = {raw}")["k"] if raw[0] in "\"'" else raw)
            self._skip(_BLANK)
            if self._text[self._at] != ".":
                return tuple(parts)
            self._at += 1

    def _value(self, path: Path) -> None:
        self._skip(_BLANK)
        match self._text[self._at]:
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case '"' | "'" as quote:
                self._take(_LONG_STRING if self._text.startswith(quote * 3, self._at) else _QUOTED)
            case _:
                self._take(_SCALAR)

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._more("]"):
            self._note((*path, index), self._line())
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._more("}"):
            self._pair(path)

    def _more(self, end: str) -> bool:
        """Whether another entry follows; steps over commas, comments and the end."""
        self._skip(_SPACE)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_SPACE)
        if self._text[self._at] == end:
            self._at += 1
            return False
        return True

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self._take(pattern)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        assert match is not None, "the text was parsed before, so it is good TOML"
        self._at = match.end()
        return match.group()
