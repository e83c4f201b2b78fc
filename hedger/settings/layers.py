"""One place that settings come from, as a tree of values with the origin of each: a layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import SecretStr

from hedger.errors import ConfigError
from hedger.settings.document import Document
from hedger.settings.shape import Path, dotted, may_be_secret


class Given(NamedTuple):
    """One value as someone gave it, and where."""

    path: Path
    value: object
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one place gives. Whatever may be a secret is sealed in a SecretStr before it gets here."""

    tree: dict[str, Any]
    origins: dict[Path, str]


def layer_of(given: Iterable[Given]) -> Layer:
    """The tree of some values; of two for one path, and of a part and its whole, the later is kept."""
    tree: dict[str, Any] = {}
    origins: dict[Path, str] = {}
    for whole in given:
        for path, value in leaves(whole.value, whole.path):
            _place(tree, path, seal(path, value), whole.origin)
            origins[path] = whole.origin
    return Layer(tree=tree, origins=origins)


def layer_of_document(document: Document) -> Layer:
    """The tree of a file, each key with its line."""
    layer = layer_of(Given(path, value, document.name) for path, value in leaves(document.tree, ()))
    layer.origins.update({path: f"{document.name}:{line}" for path, line in document.lines.items()})
    return layer


def origins_of(layers: Sequence[Layer]) -> dict[Path, str]:
    """Where each value and table came from, for layers in order of precedence, the strongest first."""
    origins: dict[Path, str] = {}
    for layer in reversed(layers):
        for path, origin in layer.origins.items():
            for below in [known for known in origins if len(known) > len(path) and known[: len(path)] == path]:
                if not isinstance(_at(layer.tree, path), Mapping):
                    del origins[below]
            for end in range(1, len(path)):
                origins.setdefault(path[:end], origin)
            origins[path] = origin
    return origins


def _at(tree: Any, path: Path) -> object:
    for part in path:
        tree = tree[part]
    return tree


def leaves(value: object, path: Path) -> Iterator[tuple[Path, object]]:
    """Each value that is not a table, with its path; a list is one value, and so is an empty table in a file."""
    if isinstance(value, Mapping) and (value or not path):
        for key, inner in value.items():
            yield from leaves(inner, (*path, str(key)))
    else:
        yield path, value


def seal(path: Path, value: object) -> object:
    """Put what may be a secret where no repr, log or traceback shows it."""
    if may_be_secret(path) and not isinstance(value, SecretStr | Mapping):
        return SecretStr(str(value))
    if isinstance(value, list):
        return [_sealed_entry((*path, index), entry) for index, entry in enumerate(value)]
    return value


def _sealed_entry(path: Path, entry: object) -> object:
    if isinstance(entry, Mapping):
        return {key: seal((*path, str(key)), value) for key, value in entry.items()}
    return seal(path, entry)


def _place(tree: dict[str, Any], path: Path, value: object, origin: str) -> None:
    *tables, last = (str(part) for part in path)
    for depth, name in enumerate(tables, start=1):
        tree = tree.setdefault(name, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"{origin}: {dotted(path[:depth])} is given a value as well, and cannot have both")
    tree[last] = value
