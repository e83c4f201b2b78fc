"""How far it is known that Binance gives what a hedger needs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hedger.venues.abilities import Ability, Told

ABILITIES: Mapping[Ability, Told] = MappingProxyType({})
