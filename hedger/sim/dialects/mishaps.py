"""What can go wrong between a client and the exchange: planned, so that a test or a person can bring it about."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Mishap(StrEnum):
    """The fate of one request."""

    LOSE_REQUEST = "lose_request"  # the connection breaks before the exchange has seen it
    LOSE_ANSWER = "lose_answer"  # carried out, then the connection breaks
    HOLD_ANSWER = "hold_answer"  # carried out, and never answered
    BAD_GATEWAY = "bad_gateway"  # carried out, and answered by an HTML page, 502
    UNKNOWN_STATUS = "unknown_status"  # carried out, and answered by 503, -1007: "execution status unknown"
    OVERLOADED = "overloaded"  # refused by 503, -1008


class Outage(StrEnum):
    """What is the matter with a whole venue: every request has this fate, and its streams are broken."""

    MAINTENANCE = "maintenance"  # a page, 503: the venue's doors are shut
    PARTITION = "partition"  # connections break before anything was seen


NEVER_SEEN = frozenset({Mishap.LOSE_REQUEST, Mishap.OVERLOADED})


@dataclass(slots=True)
class Mishaps:
    """Fates planned for the next requests to an endpoint, first planned first."""

    _planned: dict[tuple[str, str], list[Mishap]] = field(default_factory=dict)

    def plan(self, method: str, path: str, mishap: Mishap, *, times: int = 1) -> None:
        """Let the next `times` requests to an endpoint suffer."""
        self._planned.setdefault((method, path), []).extend([mishap] * times)

    def take(self, method: str, path: str) -> Mishap | None:
        """The fate of a request that has arrived now; None: all goes well."""
        planned = self._planned.get((method, path))
        return planned.pop(0) if planned else None
