"""What a venue lists: its names and ours, side by side, and the rules of what we trade."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, NamedTuple

from hedger.errors import ConfigError
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff

CONTRACTS = (Kind.PERPETUAL, Kind.FUTURE)
# What the client renames on any venue. None lists a coin by these names, and most list what they would stand for.
_OF_ANY_VENUE = frozenset({"XBT", "BCHSV"})
_PREFIX = re.compile(r"(1(?:0{3,6}))([A-Z].*)|(1M)([A-Z].*)", re.ASCII)


def split_multiplier(asset: str) -> tuple[str, Decimal]:
    """`1000PEPE` is (`PEPE`, 1000): the coin, and how many of it one unit is."""
    found = _PREFIX.fullmatch(asset)
    if found is None:
        return asset, Decimal(1)
    return (found[4], Decimal(1_000_000)) if found[3] else (found[2], Decimal(found[1]))


def name_there(client: Any, coin: str) -> str:
    """A venue's own name of a coin, of which the client renames a few: TRUMP is TRUMPSOL on BingX."""
    theirs = {ours: raw for raw, ours in client.commonCurrencies.items() if raw not in _OF_ANY_VENUE}
    return str(theirs.get(coin, coin))


def not_listed(title: str, symbol: str, known: Iterable[str], otherwise: str = ".") -> ConfigError:
    """The sentence for a symbol that a venue does not list, with the nearest that it does; `otherwise` ends it where
    nothing is near."""
    near = get_close_matches(symbol, sorted(known), n=3, cutoff=0.5)
    hint = f": did you mean {' or '.join(near)}?" if near else otherwise
    return ConfigError(f"{title} lists no {symbol}{hint}")


class Listed(NamedTuple):
    """A derivative that the venue lists, whether we trade it or not."""

    symbol: str
    underlying: str
    contract_multiplier: Decimal
    expiry_at: int | None = None
    payoff: Payoff = Payoff.LINEAR


@dataclass(slots=True, kw_only=True)
class Listing:
    """The venue's names: of the derivatives listed at the start (for positions), and of what is configured.

    `instruments` has the newest rules of each, also of those in `gone`, which do not trade any more; `earlier` has the
    rules before the last change. What had ended before the start is in `gone` and has a name in `raw`, and no rules: it
    is not traded again in this start. On those in `unguarded` the venue refuses a countdown: nothing is created there.
    """

    account: str
    derivatives: Mapping[str, Listed]
    raw: Mapping[InstrumentId, str]
    ids: Mapping[tuple[str, Kind], InstrumentId]
    instruments: Mapping[InstrumentId, Instrument]
    earlier: Mapping[InstrumentId, Instrument] = field(default_factory=dict)
    gone: Set[InstrumentId] = frozenset()
    unguarded: Set[InstrumentId] = frozenset()

    def renew(self, asked: Iterable[InstrumentId], found: Iterable[Instrument]) -> None:
        """Take over rules that were read anew; what was asked for and not found does not trade any more."""
        new = {rules.id: rules for rules in found}
        changed = {id: self.instruments[id] for id, rules in new.items() if self.instruments[id] != rules}
        self.earlier = {**self.earlier, **changed}
        self.instruments = {**self.instruments, **new}
        self.gone = (self.gone | set(asked)) - new.keys()

    def versions(self, id: InstrumentId) -> tuple[Instrument, ...]:
        """The rules by which an order may have been decided: the newest, and those before them."""
        found = (self.instruments.get(id), self.earlier.get(id))
        return tuple(rules for rules in found if rules is not None)

    @property
    def contracts(self) -> tuple[InstrumentId, ...]:
        """The configured perpetuals and dated futures."""
        return tuple(id for id, rules in self.instruments.items() if rules.kind in CONTRACTS)

    @property
    def spots(self) -> tuple[InstrumentId, ...]:
        """The configured spot pairs."""
        return tuple(id for id, rules in self.instruments.items() if rules.kind is Kind.SPOT)

    @property
    def coins(self) -> frozenset[str]:
        """The coins of what is configured."""
        return frozenset(rules.underlying for rules in self.instruments.values())

    def contract(self, raw: str) -> InstrumentId | None:
        """The configured perpetual or dated future by the venue's name."""
        return next((id for kind in CONTRACTS if (id := self.ids.get((raw, kind))) is not None), None)

    def pair(self, raw: str) -> InstrumentId | None:
        """The configured spot pair by the venue's name."""
        return self.ids.get((raw, Kind.SPOT))

    def is_dated(self, id: InstrumentId) -> bool:
        """Whether a configured contract ends on a day: it pays no funding."""
        return self.instruments[id].kind is Kind.FUTURE
