"""The proof, at start-up, that every guard that can be configured is one that something evaluates."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields

from hedger.engine.known.policy import Guards
from hedger.errors import ConfigError


def guard_names() -> tuple[str, ...]:
    """The names of all guards, as the policy calls them."""
    return tuple(field.name for field in fields(Guards))


def prove_wired(evaluated: Collection[str]) -> None:
    """Raises ConfigError naming the guards that nothing evaluates, or that are evaluated and cannot be set."""
    silent = [name for name in guard_names() if name not in evaluated]
    unknown = sorted(set(evaluated) - set(guard_names()))
    faults = []
    if silent:
        faults.append(f"guards: nothing evaluates {', '.join(silent)}, so the limit would be an illusion: do not start")
    if unknown:
        faults.append(f"guards: {', '.join(unknown)} cannot be configured: add to Guards, or take out of the limits")
    if faults:
        raise ConfigError("\n".join(faults))
