"""What reaches the settings from outside the file: the command line, the environment, and secret files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path as FilePath
from typing import Any

from hedger.errors import ConfigError, CredentialsError
from hedger.settings.layers import Given, Layer, layer_of, leaves
from hedger.settings.shape import CREDENTIALS, Path, may_be_secret

PREFIX = "HEDGER_"
SECRETS_DIRECTORY = FilePath("/run/secrets")

_NOT_SETTINGS = frozenset({"HEDGER_CONFIG", "HEDGER_COMMAND", "HEDGER_SECRETS_DIR"})
# Kubernetes gives every container these for a service that is called hedger.
_SERVICE = re.compile(r"HEDGER_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)")
_OF_SECRETS = (PREFIX, "ACCOUNTS__", "CONSOLE__", "CONTROL__", "NOTIFY__")
_NAMES_IN_CAPITALS = frozenset({"hedges", "money", "spot", "coin_collateral"})
_LARGEST_SECRET = 65_536
_READABLE_BY_OTHERS = 0o004


def from_command_line(overrides: Mapping[str, Any]) -> Layer:
    """Overrides by dotted key, or nested; None is an option that was not given. Credentials are refused."""
    given = []
    for key, whole in overrides.items():
        for path, value in leaves(whole, tuple(key.split("."))):
            if value is not None:
                given.append(Given(path, value, "command line"))
    if any(may_be_secret(g.path) for g in given):
        raise CredentialsError(
            "command line: credentials do not belong in arguments, which other users can read: "
            "put them into the environment or into secret files"
        )
    return layer_of(given)


def from_environment(environ: Mapping[str, str]) -> Layer:
    """`HEDGER_METRICS__PORT=9109` is `metrics.port`; lists and tables are JSON, a list of texts has commas."""
    given = []
    for name in _settings_in(environ):
        path = _path_of(name.removeprefix(PREFIX))
        if not _names_a_file(path):
            given.append(Given(path, _value_of(path, environ[name], name), f"environment {name}"))
    return layer_of(sorted(given, key=lambda g: len(g.path)))


def from_secret_files(environ: Mapping[str, str]) -> Layer:
    """Files of the secrets directory (`accounts__main__api_key`), and those that `HEDGER_…_FILE` variables name."""
    given = [_read_secret(file, path, "") for file, path in _in_directory(environ)]
    for name in _settings_in(environ):
        path = _path_of(name.removeprefix(PREFIX))
        if _names_a_file(path):
            leaf = (*path[:-1], str(path[-1]).removesuffix("_file"))
            given.append(_read_secret(FilePath(environ[name]), leaf, f" (named by {name})"))
    return layer_of(given)


def _settings_in(environ: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS or _is_of_a_service(name):
            continue
        if name != name.upper():
            raise ConfigError(f"environment {name}: write the name in capitals")
        yield name


def _is_of_a_service(name: str) -> bool:
    return "__" not in name and bool(_SERVICE.fullmatch(name))


def _path_of(name: str) -> Path:
    parts: list[str] = []
    for part in name.split("__"):
        named = bool(parts) and parts[-1] in _NAMES_IN_CAPITALS
        parts.append(part if named else part.lower())
    return tuple(parts)


def _names_a_file(path: Path) -> bool:
    return str(path[-1]).endswith("_file")


def _value_of(path: Path, text: str, name: str) -> object:
    if not text:
        raise ConfigError(f"environment {name}: it is empty; give it a value or remove it")
    if text[0] not in "[{" or may_be_secret(path):
        return text
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        pass
    raise ConfigError(f"environment {name}: this is not JSON, which lists and tables in the environment must be")


def _in_directory(environ: Mapping[str, str]) -> list[tuple[FilePath, Path]]:
    named = environ.get("HEDGER_SECRETS_DIR")
    directory = FilePath(named) if named else SECRETS_DIRECTORY
    try:
        names = {file: file.name.upper() for file in sorted(directory.iterdir()) if file.is_file()}
    except FileNotFoundError:
        if not named:
            return []
        fault = "there is no such directory"
    except OSError as error:
        fault = f"it cannot be read ({error.strerror}): check its owner and its permissions"
    else:
        ours = {file: name for file, name in names.items() if name.startswith(_OF_SECRETS)}
        return [(file, _path_of(name.removeprefix(PREFIX))) for file, name in ours.items()]
    raise CredentialsError(f"secrets directory {directory}: {fault}")


def _read_secret(file: FilePath, path: Path, hint: str) -> Given:
    text, fault = "", None
    try:
        if path[-1] in CREDENTIALS and is_exposed(file, file.stat().st_mode):
            fault = "every user of this machine can read it: chmod 600 it, and replace the keys if others had access"
        else:
            with file.open("rb") as opened:
                text = opened.read(_LARGEST_SECRET + 1).decode().rstrip("\r\n")
    except OSError as error:
        fault = f"it cannot be read ({error.strerror}): check the path, its owner and its permissions"
    except UnicodeDecodeError:
        fault = "it is not text"
    if fault is None and not 0 < len(text) <= _LARGEST_SECRET:
        fault = "it is too large" if text else "it is empty"
    if fault is not None:
        raise CredentialsError(f"secret file {file}{hint}: {fault}")
    return Given(path, text, f"secret file {file}")


def is_exposed(file: FilePath, mode: int) -> bool:
    """Whether others can read a secret. In /run/secrets a container's runtime sets the mode, for one user."""
    return bool(mode & _READABLE_BY_OTHERS) and file.parent != SECRETS_DIRECTORY
