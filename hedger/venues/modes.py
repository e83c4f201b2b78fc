"""The modes of an account: read, set where they differ, and confirmed by reading again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any, NamedTuple

from hedger.errors import GiveUp
from hedger.venues.link import Environment, Link
from hedger.venues.speech import Code


class Change(NamedTuple):
    """One thing that must be set: its name for people, its request, the codes that say that it is so already."""

    name: str
    call: Callable[[], Awaitable[Any]]
    host: str
    same: Collection[Code] = frozenset()


async def configure(link: Link, differences: Callable[[], Awaitable[list[Change]]]) -> None:
    """Set what differs, and confirm by reading; GiveUp when refused. Where we only watch, nothing is set."""
    if link.environment is Environment.SHADOW:
        return
    changes = await differences()
    for change in changes:
        await link.asker.ask(
            change.name,
            change.call,
            lambda payload: payload,
            host=change.host,
            attempts=1,
            absent=change.same,
            final=True,
        )
    left = await differences() if changes else []
    if left:
        name = left[0].name
        raise GiveUp(f"{link.venue}: {name} was accepted and is not in force: set it on the venue, then start again.")
