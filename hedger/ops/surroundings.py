"""What is worth an alarm and stands in no state: the configuration file, the console, hedges that could not act, and
what the venue took away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hedger.engine.known.state import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is known beside the state, replaced whole, so that any thread may read it.

    `file_changed` is how the configuration file differs from what is in force, `refused` when and why it was refused,
    `console_fault` why the console that is wanted does not serve; None where all is well. `stuck_since` is what
    `Standstills` remembers, `forced` what `ForcedCloses` does. `keys_end`: by account, when (ms)
    the venue ends its keys.
    """

    file_changed: str | None = None
    refused: str | None = None
    console_fault: str | None = None
    stuck_since: Mapping[str, int] = field(default_factory=dict)
    forced: tuple[Change, ...] = ()
    keys_end: Mapping[str, int] = field(default_factory=dict)


NOTHING = Surroundings()


class Serving(NamedTuple):
    """How a server in a thread of its own does: why it does not serve, None where it does; how often it began anew."""

    fault: str | None
    revived: int
