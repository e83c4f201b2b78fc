"""The page about the venues, made of what their profiles say of themselves."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from hedger.venues.abilities import Ability, Proof, Told
from hedger.venues.profile import VENUES, profile_of

_INTRODUCTION = """# The venues

Made by `python -m hedger.venues.page` from the profiles in `hedger/venues`; `hedger doctor --venue bybit` prints the
same rows. No row was ever tried on a live venue by us. **Proven on the wire** means that a test runs the unmodified
client over TLS at the venue's real host names, against payloads that were recorded from the venue or stand in its
documentation. **Unverified on the live venue** means that the test's payloads, or what the venue does with them, are
our best knowledge, and that what is in doubt is guarded while running. **Absent** means that the venue or its client
has no such thing, and says what is done instead. Try a venue's test environment first, then very small.

Common to all: an order leaves once and is judged by evidence; a lost answer is unknown and looked up by our own id;
flat is believed only where it is proven; one taker fill halts; keys that may withdraw are refused where the venue
tells. What becomes of every failure is in the suite `tests/wire/test_conformance.py`, and for Binance also in
[venues-binance-outcomes.md](venues-binance-outcomes.md).
"""


def venues_page() -> str:
    """The page as Markdown."""
    return "\n".join([_INTRODUCTION, *_overview(), *(line for name in VENUES for line in _section(name))])


def _overview() -> Iterator[str]:
    """One row an ability, one column a venue."""
    marks = {Proof.WIRE: "proven", Proof.UNVERIFIED: "unverified", Proof.ABSENT: "–"}
    yield f"| | {' | '.join(profile_of(name).title for name in VENUES)} |"
    yield "|---" * (len(VENUES) + 1) + "|"
    for ability in Ability:
        told = (profile_of(name).abilities.get(ability) for name in VENUES)
        yield f"| {ability} | {' | '.join(marks[row.proof] if row else '?' for row in told)} |"
    yield ""


def _section(name: str) -> Iterator[str]:
    profile = profile_of(name)
    yield f"## {profile.title}"
    yield ""
    yield f"Hosts: {', '.join(f'`{host}`' for host in sorted(profile.live.hosts))}."
    if profile.testnet is None:
        yield "It has no test environment."
    else:
        yield f"Test environment: {', '.join(f'`{host}`' for host in sorted(profile.testnet.hosts))}."
    yield ""
    yield "| ability | | how | in doubt |"
    yield "|---|---|---|---|"
    for ability, told in profile.abilities.items():
        yield f"| {ability} | {told.proof} | {_cell(told.how)} | {_cell(told.doubt)} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def rows_of(name: str) -> list[tuple[Ability, Told]]:
    """What a venue says of itself, in the order of `Ability`."""
    told = profile_of(name).abilities
    return [(ability, told[ability]) for ability in Ability if ability in told]


if __name__ == "__main__":
    sys.stdout.write(venues_page())
