"""What a venue may do about an expiry: rows that go too early or stay too long, answers that are lost around it."""

from __future__ import annotations

from dataclasses import replace

from hedger.model.account import AccountReading, Position
from hedger.model.instrument import InstrumentId
from hedger.model.option import OptionPosition
from hedger.sim.faults.strikes import Strikes
from hedger.sim.naming import terms_of

EARLY_MS, LATE_MS = 60_000, 90_000  # how long before and after the end rows are not what they should be
AROUND_MS = 240_000  # how near to the end answers are lost
FORMS = ("early", "late", "late", "answers")


class Endings:
    """Bends what one account is told around the end of its contracts and options, as M06 says.

    Only contracts go too early: an option whose row is gone is an option that was sold, for all that anybody can see.
    """

    def __init__(self, strikes: Strikes) -> None:
        self._strikes = strikes
        self._ends: dict[InstrumentId, int] = {}
        self._positions: dict[InstrumentId, Position] = {}
        self._options: dict[InstrumentId, OptionPosition] = {}

    def bend(self, reading: AccountReading) -> AccountReading:
        """The reading as the venue tells it."""
        self._remember(reading)
        if not self._strikes.active("M06"):
            return reading
        match FORMS[self._strikes.variant("M06", len(FORMS))]:
            case "early":
                return self._early(reading)
            case "late":
                return self._late(reading)
            case _:
                return reading

    def loses(self, id: InstrumentId) -> bool:
        """Whether the answer about an order on a contract is lost, for its end is near."""
        ends_at = self._ends.get(id)
        if ends_at is None or abs(self._strikes.now - ends_at) > AROUND_MS or not self._strikes.active("M06"):
            return False
        if FORMS[self._strikes.variant("M06", len(FORMS))] != "answers":
            return False
        return self._strikes.hits("M06", f"the answer about {id} is lost near its end")

    def _remember(self, reading: AccountReading) -> None:
        """What is held, as it was last told before its end."""
        for position in reading.positions:
            if position.expiry_at is not None and terms_of(position.id.symbol).expiry_at is not None:
                self._ends[position.id] = position.expiry_at
                self._positions[position.id] = position
        for option in reading.options:
            self._ends[option.id] = option.expiry_at
            self._options[option.id] = option

    def _early(self, reading: AccountReading) -> AccountReading:
        now = self._strikes.now
        kept = tuple(p for p in reading.positions if p.expiry_at is None or not 0 < p.expiry_at - now < EARLY_MS)
        if len(kept) == len(reading.positions):
            return reading
        self._strikes.tell("M06", "the row of a contract goes before its end")
        return replace(reading, positions=kept)

    def _late(self, reading: AccountReading) -> AccountReading:
        """What has settled is still listed, as it was last told."""
        listed = {p.id for p in reading.positions} | {o.id for o in reading.options}
        ended = {id for id, at in self._ends.items() if 0 <= self._strikes.now - at < LATE_MS and id not in listed}
        positions = tuple(self._positions[id] for id in sorted(ended) if id in self._positions)
        options = tuple(self._options[id] for id in sorted(ended) if id in self._options)
        if not positions and not options:
            return reading
        self._strikes.tell("M06", f"{len(positions) + len(options)} rows stay after their end")
        return replace(reading, positions=reading.positions + positions, options=reading.options + options)
