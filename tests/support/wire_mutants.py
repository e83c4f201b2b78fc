"""Good answers of a venue with one thing wrong in each, and what a reading of them may come to.

Every leaf of every body that a question needs is replaced by odd values, every key is left out, every row is left out
and told twice: one at a time, in one of the answers, while all others are good.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ZERO
from hedger.model.order import ReportStatus

ODD = "odd"
# What is nothing that a venue means, where there was a number, a text, and anything else.
NO_NUMBERS: tuple[Any, ...] = (None, "", "NaN", "1e400", True)
NO_TEXTS: tuple[Any, ...] = (None, "", ODD, True)
NO_PARTS: tuple[Any, ...] = (None, ODD, 1, {ODD: 1})
# What may be told wrongly without harm to what is held, or may be none: the guards reckon without it.
_OPTIONAL = frozenset(
    {"liquidation_price", "leverage", "entry_price", "ended_because", "delta", "gamma", "vega", "theta", "rho",
     "mark_sigma", "forward_price", "available", "min_notional", "maker_fee", "taker_fee"}
)  # fmt: skip
_NAMES = frozenset({"trade_id", "payment_id", "venue_order_id", "client_order_id"})
# Rows that are about something else once they say so, and that are then left out.
_ROWS = ("Fill#", "FundingPayment#", "open_orders.")
_HELD = ("spot.", "collateral.")
_FLAGS = (False, True, "false", "true")

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?")

Path = tuple[str | int, ...]
Flat = Mapping[str, Any]
_MISSING = object()


class Mutant(NamedTuple):
    """One thing wrong: in which answer, where in it, what stood there, and how it was changed.

    `how` is broken (no venue means it), plain (it could be meant), dropped, lost (a row) or twice (a row).
    """

    answer: str
    where: Path
    how: str
    old: Any
    new: Any

    def __str__(self) -> str:
        place = ".".join(map(str, self.where)) or "the whole"
        return f"{self.answer} {place} {self.how} {str(self.old)[:30]!r} -> {str(self.new)[:30]!r}"

    def of(self, body: Any) -> Any:
        """The body with it."""
        if not self.where:
            return self.new
        body = copy.deepcopy(body)
        *way, last = self.where
        inner = body
        for step in way:
            inner = inner[step]
        match self.how:
            case "dropped" | "lost" if self.new is None:
                del inner[last]
            case "twice":
                inner.insert(last, copy.deepcopy(inner[last]))
            case _:
                inner[last] = self.new
        return body


# --- what is changed --------------------------------------------------------------------------------------------------


def places(body: Any, most_rows: int, where: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every part of a body, the whole first."""
    yield where, body
    if isinstance(body, dict):
        for key, value in body.items():
            yield from places(value, most_rows, (*where, key))
    elif isinstance(body, list):
        for number, value in enumerate(body[:most_rows]):
            yield from places(value, most_rows, (*where, number))


def probes(answer: str, where: Path, old: Any) -> Iterator[Mutant]:
    """Two changes that whoever reads a part must notice."""
    if not where:
        return
    yield Mutant(answer, where, "dropped" if isinstance(where[-1], str) else "lost", old, None)
    yield Mutant(answer, where, "broken", old, [ODD])


def others(answer: str, where: Path, old: Any, *, brief: bool) -> Iterator[Mutant]:
    """Every other change of a part; where it is like many others, the commonest few."""
    nonsense = NO_NUMBERS if number_of(old) is not None else NO_TEXTS if isinstance(old, str) else NO_PARTS
    for value in nonsense[:2] if brief else nonsense:
        if value != old or type(value) is not type(old):
            yield Mutant(answer, where, "plain" if value is True and old in _FLAGS else "broken", old, value)
    if isinstance(old, list) and old:
        yield Mutant(answer, where, "lost", old, [])
    if where and isinstance(where[-1], int) and isinstance(old, dict | list):
        yield Mutant(answer, where, "twice", old, None)
    if isinstance(old, bool):
        yield Mutant(answer, where, "plain", old, not old)
    elif not brief and (number := number_of(old)) is not None:
        for how, value in _numbers(number):
            yield Mutant(answer, where, how, old, str(value) if isinstance(old, str) else _as_json(value))


def _numbers(number: Decimal) -> Iterator[tuple[str, Decimal]]:
    if 10**12 < number < 4 * 10**12:
        yield "broken", number // 1000
        yield "broken", number * 1000
        return
    yield "plain", ZERO
    if number:
        yield "plain", -number


def _as_json(value: Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)


def number_of(value: Any) -> Decimal | None:
    """A number, or the number that a text is."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return Decimal(str(value)) if _NUMBER.fullmatch(str(value)) else None


# --- what a reading says ----------------------------------------------------------------------------------------------


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """A reading as one table: a name for each of its facts."""
    if isinstance(value, InstrumentId):
        return {name: value.symbol}
    if is_dataclass(value) and not isinstance(value, type):
        rows = [(field.name, getattr(value, field.name)) for field in fields(value)]
    elif isinstance(value, Mapping):
        rows = [(str(key), inner) for key, inner in value.items()]
    elif isinstance(value, tuple | list):
        rows = []
        for inner in value:
            key = f"{_key_of(inner)}#"
            rows.append((f"{key}{sum(other.startswith(key) for other, _ in rows)}", inner))
    else:
        return {name: value}
    found: dict[str, Any] = {}
    for key, inner in rows:
        found |= flat(inner, f"{name}.{key}" if name else key)
    return found


def _key_of(value: Any) -> str:
    """Positions, prices and rules by their names; what comes in an order of its own by its number."""
    named = hasattr(value, "id") and not any(hasattr(value, name) for name in ("venue_order_id", "payment_id"))
    return f"{type(value).__name__} {value.id.symbol}" if named else type(value).__name__


def faults_of(mutant: Mutant, good: Flat, found: Flat) -> list[str]:
    """What a reading says wrongly that was made with something wrong in an answer.

    Nonsense must not change a fact, but for a name that is told as it came and for what is optional. What could be
    meant may change what it is about: it must not make nothing of another quantity, or turn its sign.
    """
    changed = [name for name in {**good, **found} if found.get(name, _MISSING) != good.get(name, _MISSING)]
    if mutant.how in ("plain", "lost"):
        return [_said(name, good, found) for name in changed if _is_gone(name, mutant, good, found)]
    return [_said(name, good, found) for name in changed if not _is_told(name, mutant, good, found)]


def _said(name: str, good: Flat, found: Flat) -> str:
    return f"{name}: {good.get(name, 'nothing')} became {found.get(name, 'nothing')}"


def _is_told(name: str, mutant: Mutant, good: Flat, found: Flat) -> bool:
    """Whether a change of a fact may come of nonsense: it is optional, said not to be known, or told as it came."""
    what, now = name.rpartition(".")[2], found.get(name, _MISSING)
    # An order that does not say its id is taken for another's: ours is then asked for by its id.
    if what in _OPTIONAL or (what, now) in (("post_only", False), ("client_order_id", None)):
        return True
    if now is ReportStatus.UNRECOGNISED:
        return True
    if name.startswith("Instrument "):
        return now is _MISSING
    if name.startswith(("positions.", "options.")):
        return now is None
    if not isinstance(mutant.new, str):
        return False
    other = number_of(mutant.old) is None and name.startswith(_ROWS) and now is _MISSING
    renamed = name.startswith("collateral.") and mutant.old == what and now is _MISSING
    as_it_came = what in _NAMES and str(now or "") == mutant.new
    return other or renamed or as_it_came or (bool(mutant.new) and mutant.new in str(now))


def _is_gone(name: str, mutant: Mutant, good: Flat, found: Flat) -> bool:
    """Whether something that is held became nothing or turned, though what was changed is not its own value, such as a
    balance with the profit in it."""
    before, now = good.get(name), found.get(name, ZERO)
    held = name.startswith(_HELD) or (name.startswith(("positions.", "options.")) and name.endswith(".quantity"))
    if not held or not isinstance(before, Decimal) or not before or not isinstance(now, Decimal) or now * before > 0:
        return False
    own = number_of(mutant.old)
    return own is None or abs(abs(own) - abs(before)) > abs(before) / 50
