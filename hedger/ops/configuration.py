"""The configuration in force, as people see it: which one, since when, whether its file differs, what reloads did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from hedger.ops.events import LogEvent
from hedger.ops.figures import instant, iso
from hedger.ops.meters import Declaring

OUTCOMES = ("applied", "unchanged", "refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What is in force: the file (None: built in), its digest, when it was loaded (ms, the program's clock), and how
    the file differs from it by now: None where it does not, as far as is known.

    `refused` is why what was asked for last was refused, and `refused_at` when (ms); None once the file is in force.
    """

    path: str | None
    digest: str
    loaded_at: int
    changed: str | None = None
    refused: str | None = None
    refused_at: int = 0

    @property
    def refusal(self) -> str | None:
        """When and why the last reload was refused, for people."""
        return None if self.refused is None else f"at {instant(self.refused_at)[:16]} UTC: {self.refused}"

    def to_json(self) -> dict[str, Any]:
        """For the status file."""
        return {
            "path": self.path,
            "digest": self.digest,
            "loaded_at": iso(self.loaded_at),
            "file_changed": self.changed,
            "refused": self.refusal,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """What came of a reload: one of `OUTCOMES`, who asked, and why or what in words; each change as a line."""

    outcome: str
    who: str
    text: str
    was: str
    digest: str
    changes: tuple[str, ...] = ()


class ConfigurationMeters:
    """Which configuration is in force, and whether its file still says the same."""

    def __init__(self, on: Declaring) -> None:
        self.info = on.gauge("config_info", "Always 1; the label is the digest of what is in force.", ("digest",))
        self.loaded = on.gauge("config_loaded_timestamp_seconds", "When the configuration in force was loaded.")
        self.changed = on.gauge(
            "config_file_changed", "1 while the file says something else than is in force, or cannot be used."
        )
        self.reloads = on.counter("config_reloads", "Reloads that were asked for, by what came of them.", ("outcome",))


class ConfigurationGauges:
    """The meters kept up to date."""

    def __init__(self, meters: ConfigurationMeters) -> None:
        self._meters = meters
        for outcome in OUTCOMES:
            meters.reloads.labels(outcome)

    def show(self, now: Configured) -> None:
        """One digest at a time."""
        self._meters.info.clear()
        self._meters.info.labels(now.digest).set(1)
        self._meters.loaded.set(now.loaded_at / 1000)
        self._meters.changed.set(now.changed is not None)

    def count(self, told: Reloaded) -> None:
        """One reload came to something."""
        self._meters.reloads.labels(told.outcome).inc()


class ConfigurationLog:
    """What is told of it in the log: each reload, and a file that differs, once for each way in which it does."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("hedger.operator")
        self._changed: str | None = None

    def show(self, now: Configured) -> None:
        """A file that has become another one while it was not loaded."""
        if now.changed is not None and now.changed != self._changed:
            self._log.warning(LogEvent.CONFIG_FILE_CHANGED, file=now.path, detail=now.changed)
        self._changed = now.changed

    def tell(self, told: Reloaded) -> None:
        """One reload."""
        more: Mapping[str, Any] = {"was": told.was, "config": told.digest, "changes": list(told.changes)}
        if told.outcome == "refused":
            self._log.error(LogEvent.CONFIG_REFUSED, who=told.who, detail=told.text, **more)
        else:
            self._log.warning(LogEvent.CONFIG_RELOADED, who=told.who, outcome=told.outcome, detail=told.text, **more)
