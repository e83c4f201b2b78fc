"""What a venue may tell of options: greeks missing or false, volatilities of nothing, old rows, rows lost or twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

from hedger.model.account import AccountReading
from hedger.model.instrument import InstrumentId
from hedger.model.option import OptionPosition, VenueGreeks
from hedger.sim.faults.strikes import Strikes

NAN, HUNDRED = Decimal("NaN"), Decimal(100)
Bend = Callable[[OptionPosition], OptionPosition]


def _delta(option: OptionPosition, change: Callable[[float], float | None]) -> OptionPosition:
    greeks = option.greeks or VenueGreeks(delta=None)
    return replace(option, greeks=replace(greeks, delta=None if greeks.delta is None else change(greeks.delta)))


def _in_dollars(option: OptionPosition) -> OptionPosition:
    """The mark of a coin-settled option in dollars, and nothing to check it by."""
    mark = None if option.mark_price is None else option.mark_price * option.index_price
    return replace(option, mark_price=mark, mark_sigma=None)


# What is bent of one row; what cannot be used must stop what would be created, what is a cross-check only must not.
BENDS: Mapping[str, Bend] = MappingProxyType(
    {
        "no greeks": lambda o: replace(o, greeks=None),
        "the delta is missing": lambda o: _delta(o, lambda _: None),
        "the delta has the other sign": lambda o: _delta(o, lambda delta: -delta),
        "the delta is in percent": lambda o: _delta(o, lambda delta: delta * 100),
        "the delta is in dollars": lambda o: _delta(o, lambda delta: delta * float(o.index_price)),
        "the delta is no number": lambda o: _delta(o, lambda _: float("nan")),
        "no volatility": lambda o: replace(o, mark_sigma=None),
        "neither volatility nor mark": lambda o: replace(o, mark_sigma=None, mark_price=None),
        "the volatility is in percent": lambda o: replace(o, mark_sigma=(o.mark_sigma or NAN) * HUNDRED),
        "the volatility is no number": lambda o: replace(o, mark_sigma=NAN),
        "no forward": lambda o: replace(o, forward_price=None),
        "the forward is ten times": lambda o: replace(o, forward_price=(o.forward_price or NAN) * 10),
        "the forward is no number": lambda o: replace(o, forward_price=NAN),
        "the index is a tenth": lambda o: replace(o, index_price=o.index_price / 10),
        "the mark is in dollars": _in_dollars,
    }
)
ROWS = ("frozen", "lost", "lost", "twice")


class OptionRows:
    """Bends the options of one account's readings as D05 says.

    A row is never lost in two readings in a row: nobody can tell that from an option that its owner has sold.
    """

    def __init__(self, strikes: Strikes) -> None:
        self._strikes = strikes
        self._frozen: tuple[int, Mapping[InstrumentId, OptionPosition]] | None = None
        self._lost = False

    def bend(self, reading: AccountReading) -> AccountReading:
        """The reading as the venue tells it."""
        lost, self._lost = self._lost, False
        window = self._strikes.window("D05")
        if window is None or not reading.options:
            self._frozen = None
            return reading
        if self._frozen is None or self._frozen[0] != window.start_at:
            self._frozen = window.start_at, {option.id: option for option in reading.options}
        if not self._strikes.due("D05"):
            return reading
        draw = self._strikes.draw("D05")
        form, place = draw.choice((*BENDS, *ROWS)), draw.randrange(len(reading.options))
        rows = list(reading.options)
        match form:
            case "frozen":
                rows = [self._as_of_old(option) for option in rows]
            case "lost" if lost:
                return reading
            case "lost":
                self._lost = True
                del rows[place]
            case "twice":
                rows.append(rows[place])
            case _:
                rows[place] = BENDS[form](rows[place])
        self._strikes.tell("D05", f"{reading.options[place].id}: {form}")
        return replace(reading, options=tuple(rows))

    def _as_of_old(self, option: OptionPosition) -> OptionPosition:
        """What was said of it when the window opened, with what is held now."""
        assert self._frozen is not None
        old = self._frozen[1].get(option.id)
        return option if old is None else replace(old, quantity=option.quantity)
