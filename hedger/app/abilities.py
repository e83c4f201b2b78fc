"""What a venue gives a hedger, as its profile says: for `hedger doctor --venue`."""

from __future__ import annotations

from difflib import get_close_matches
from typing import NamedTuple

from hedger.errors import ConfigError
from hedger.venues.page import rows_of
from hedger.venues.profile import VENUES


class AbilityRow(NamedTuple):
    """One ability: how far it is known, how it is done or what is done instead, and what is in doubt."""

    ability: str
    proof: str
    how: str
    doubt: str


def abilities_of(venue: str) -> list[AbilityRow]:
    """Every ability of a venue by its name; ConfigError for one that we do not know."""
    if venue not in VENUES:
        near = get_close_matches(venue, VENUES, n=1)
        hint = f"; did you mean {near[0]}?" if near else f": {', '.join(VENUES)} are"
        raise ConfigError(f"{venue} is not a venue that we know{hint}")
    return [AbilityRow(str(ability), str(told.proof), told.how, told.doubt) for ability, told in rows_of(venue)]
