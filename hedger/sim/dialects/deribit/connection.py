"""One WebSocket as the dialect knows it: who has signed in on it, what it has ordered, and how to be rid of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from hedger.sim.dialects.board import Reader
from hedger.sim.dialects.deribit.keys import Credential


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who has signed in: an API key, its credential, and the scope asked for where that is narrower."""

    client_id: str
    credential: Credential
    narrowed: str | None = None

    def may(self, area: str, level: str) -> bool:
        """Whether key and asked scope both reach a level in an area."""
        if not self.credential.may(area, level):
            return False
        asked = [word.partition(":")[2] for word in (self.narrowed or "").split() if word.startswith(f"{area}:")]
        return not asked or asked[-1] in ("read_write", level)


@runtime_checkable
class HangsUp(Protocol):
    """A reader whose connection can be closed from here."""

    def hang_up(self) -> None:
        """Close once what waits is sent."""


@dataclass(slots=True, kw_only=True, eq=False)
class Connection:
    """The state of one WebSocket. `orders` are those that were created over it."""

    number: int
    reader: Reader
    client: Client | None = None
    cancels: bool = False
    orders: set[int] = field(default_factory=set)
    channels: list[str] = field(default_factory=list)
    heartbeat_ms: int = 0
    beats: int = 0
    unanswered: bool = False
    open: bool = True

    def hang_up(self) -> None:
        """Close the connection, where its reader can."""
        if isinstance(self.reader, HangsUp):
            self.reader.hang_up()
