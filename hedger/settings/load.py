"""Settings from the command line, the environment, secret files, the file and the defaults, in that order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from hedger.errors import ConfigError, CredentialsError
from hedger.settings.builtin import BUILT_IN
from hedger.settings.document import Document, read_document
from hedger.settings.layers import Given, Layer, layer_of, layer_of_document, origins_of
from hedger.settings.outside import from_command_line, from_environment, from_secret_files
from hedger.settings.rules import problems_of_credentials, problems_of_settings
from hedger.settings.schema import Mode, Settings
from hedger.settings.sentences import Problem, did_you_mean, problems_of, tell
from hedger.settings.shape import CREDENTIALS, Path, dotted

_CREDENTIAL_WORDS = (*sorted(CREDENTIALS), "api_secret", "password", "private_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where settings were read: the same places are read again for a reload. The environment is never shown."""

    path: FilePath | None
    overrides: Mapping[str, Any]
    environ: Mapping[str, str] = field(repr=False, compare=False)


def places_of(settings: Settings) -> Places:
    """Where these settings were read; they come from `load_settings`."""
    assert isinstance(settings._places, Places), "settings come from load_settings"
    return settings._places


def load_settings(
    path: FilePath | str | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    to_run: bool = True,
) -> Settings:
    """Read, merge and check the configuration; without a file it is the built-in one, for paper only.

    `overrides` come from the command line, by dotted key (`paper.speed`) or nested; None means not given.
    `to_run=False` (for `config check`) does not ask for the keys and the arming that a start needs.
    Raises ConfigError or CredentialsError, of one sentence a line, without any secret in it or its context.
    """
    environ = os.environ if environ is None else environ
    outside = [from_command_line(overrides or {}), from_environment(environ), from_secret_files(environ)]
    layers = [*outside, _file_layer(None if path is None else FilePath(path))]
    origins, name = origins_of(layers), "the configuration" if path is None else str(path)
    settings, problems = _validated(layers)
    problems = list(_misnamed_accounts(layers)) or problems
    if settings is not None and not problems:
        problems = list(problems_of_settings(settings))
        problems += _problems_of_start(settings, from_file=path is not None, to_run=to_run)
    if settings is None or problems:
        raise ConfigError(tell(problems, origins, name))
    lacking = list(problems_of_credentials(settings)) if to_run else []
    if lacking:
        raise CredentialsError(tell(lacking, origins, name))
    settings._origins.update(origins)
    settings._places = Places(path=None if path is None else FilePath(path), overrides=overrides or {}, environ=environ)
    return settings


def _validated(layers: Sequence[Layer]) -> tuple[Settings | None, list[Problem]]:
    """The settings, or what is wrong with them: pydantic's own error holds values and goes no further."""
    values: dict[str, Any] = {"layers": [layer.tree for layer in layers]}
    try:
        return Settings(**values), []
    except ValidationError as error:
        return None, problems_of(error)


def _misnamed_accounts(layers: Sequence[Layer]) -> Iterator[Problem]:
    """Keys for an account that the file does not have would leave the one that was meant without keys."""
    *outside, known = [_tables(layer.tree.get("accounts")) for layer in layers]
    for name in {name: None for accounts in outside for name in accounts if name not in known}:
        if not any("venue" in _tables(accounts.get(name)) for accounts in outside):
            yield Problem(("accounts", name), f"is not an account of the configuration{did_you_mean(name, known)}")


def _tables(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _problems_of_start(settings: Settings, *, from_file: bool, to_run: bool) -> Iterator[Problem]:
    if settings.mode is not Mode.PAPER and not from_file:
        yield Problem(("mode",), f"is {settings.mode}, which needs a configuration file: the built-in one is for paper")
    if to_run and settings.mode is Mode.LIVE and not settings.live_armed:
        yield Problem(
            ("mode",),
            "is live, and live trading is not armed: add --live or set HEDGER_LIVE_ARMED=true, or use shadow to watch",
        )


def _file_layer(path: FilePath | None) -> Layer:
    if path is None:
        return layer_of([Given((), BUILT_IN, "built in")])
    document = read_document(path)
    _refuse_credentials(document)
    if "live_armed" in document.tree:
        raise ConfigError(
            f"{document.name}:{document.lines['live_armed',]}: live_armed does not belong in a file, so that a copied "
            "file never trades: use --live or HEDGER_LIVE_ARMED=true"
        )
    return layer_of_document(document)


def _refuse_credentials(document: Document) -> None:
    """Files are copied, shared and committed: a key in one is as good as published."""
    for path, line in document.lines.items():
        if _is_credential(path):
            name = _variable_of(path)
            raise CredentialsError(
                f"{document.name}:{line}: {dotted(path)} does not belong in a file: credentials come only from the "
                f"environment ({name}) or secret files ({name}_FILE); if the file was shared, replace the keys"
            )


def _variable_of(path: Path) -> str:
    if path[0] in ("console", "control"):
        return f"HEDGER_CONSOLE__{str(path[-1]).upper()}"
    return f"HEDGER_ACCOUNTS__{str(path[1]).upper()}__API_KEY" if path[0] == "accounts" else "HEDGER_ACCOUNTS__…"


def _is_credential(path: Path) -> bool:
    word = str(path[-1])
    if path[0] == "accounts" and len(path) == 3 and word not in ("venue", "key_environment"):
        return bool(did_you_mean(word, _CREDENTIAL_WORDS))
    return word.lower() in _CREDENTIAL_WORDS
