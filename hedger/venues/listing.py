"""What a venue lists: its names and ours, side by side, and the rules of what we trade."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff

CONTRACTS = (Kind.PERPETUAL, Kind.FUTURE)


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
