"""What is wrong with a configuration, in sentences that name places and keys and never a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, NamedTuple

from pydantic import ValidationError

from hedger.model.numeric import plain
from hedger.settings.shape import Path, dotted, field_at, keys_at, may_be_secret
from hedger.settings.values import PATTERN_MEANINGS

_LONGEST_VALUE = 32
_QUOTED = re.compile(r"'([^']+)'")
_SENTENCES = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
}


RENAMED: dict[Path, str] = {
    ("control",): "is now [console]: rename it; it is served unless console.enabled is false, and makes itself a token",
}


class Problem(NamedTuple):
    """A fault of the setting at `path`; `text` continues a sentence that begins with its key."""

    path: Path
    text: str


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean `x`?` for the closest known word, or nothing."""
    words = {w.lower(): w for w in known}
    close = get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    close = close or [w for w in words if word and w.startswith(word.lower() + "_")]
    return f"; did you mean `{words[close[0]]}`?" if close else ""


def tell(problems: Iterable[Problem], origins: Mapping[Path, str], otherwise: str) -> str:
    """One sentence a line, each beginning with the place: file and line, variable, secret file or command line."""
    lines = (f"{place_of(p.path, origins, otherwise)}: {dotted(p.path)} {p.text}" for p in problems)
    return "\n".join(dict.fromkeys(lines))


def place_of(path: Path, origins: Mapping[Path, str], otherwise: str) -> str:
    """Where a path was given, or else the nearest table around it, or else `otherwise`."""
    for end in range(len(path), 0, -1):
        if path[:end] in origins:
            return origins[path[:end]]
    return otherwise


def problems_of(error: ValidationError) -> list[Problem]:
    """Pydantic's findings in our words. Values are shown only where they are short and cannot be secret."""
    return [_problem(detail) for detail in error.errors(include_url=False)]


def _problem(detail: Any) -> Problem:
    path: Path = detail["loc"]
    match detail["type"]:
        case "extra_forbidden":
            return Problem(path, _unknown(path))
        case "missing":
            return Problem(path, _missing(path))
        case "value_error":
            return Problem(path, f"{detail['ctx']['error']}")
        case "enum" | "literal_error":
            return Problem(path, _one_of(path, detail["input"], detail["ctx"]["expected"]))
        case "string_pattern_mismatch":
            path = path[:-1] if path[-1] == "[key]" else path
            return Problem(path, PATTERN_MEANINGS[detail["ctx"]["pattern"]] + _shown(path, detail["input"]))
        case "dict_type" | "model_type" | "model_attributes_type" as kind:
            return Problem(path, _SENTENCES[kind])  # what stands where a table should may be one of its secrets
        case kind:
            limits = {k: _text(v) for k, v in detail.get("ctx", {}).items()}
            sentence = _SENTENCES.get(kind, "cannot be used").format(**limits)
            return Problem(path, sentence + _shown(path, detail["input"]))


def _unknown(path: Path) -> str:
    if path[:1] in RENAMED:
        return RENAMED[path[:1]]
    word, keys = str(path[-1]), keys_at(path[:-1])
    suggestion = did_you_mean(word, keys)
    if not suggestion:
        homes = [key for key in keys if word in keys_at((*path[:-1], key))]
        suggestion = f"; it belongs in {dotted((*path[:-1], homes[0]))}" if homes else ""
    return "is not a setting" + suggestion


def _missing(path: Path) -> str:
    meaning = (field.description or "") if (field := field_at(path)) else ""
    return f"is missing: {meaning[:1].lower()}{meaning[1:].rstrip('.')}" if meaning else "is missing"


def _one_of(path: Path, value: object, expected: str) -> str:
    names = _QUOTED.findall(expected)
    guess = did_you_mean(value, names) if isinstance(value, str) else ""
    return f"must be {expected.replace(chr(39), '')}{_shown(path, value)}{guess}"


def _shown(path: Path, value: object) -> str:
    if may_be_secret(path) or not isinstance(value, str | int | Decimal):
        return ""
    text = _text(value)
    return f", not {text}" if text and len(text) <= _LONGEST_VALUE and text.isprintable() else ""


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < _LONGEST_VALUE:
        return plain(value)
    return str(value)
