"""Funding that was received and paid, from the journal: by day and instrument, with what it was a year."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from hedger.errors import JournalError
from hedger.model.numeric import ZERO, plain
from hedger.model.spans import DAY_MS, YEAR_MS
from hedger.ops.figures import MINUS, coins, iso, money, percent
from hedger.runtime.journal import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingSum:
    """Payments of one instrument on one day, or of several together.

    `amount` in `asset`: received is positive. `value` in quote, of those payments whose price is known. `yearly` is
    what they were of the notional that they were paid on: positive was received; None where nothing is known of it.
    """

    day: str
    instrument: str
    asset: str
    payments: int
    amount: Decimal
    value: Decimal
    yearly: float | None

    @property
    def word(self) -> str:
        """Who paid: `received` or `paid`."""
        return "received" if self.amount > 0 else "paid" if self.amount < 0 else "nothing"

    def as_record(self) -> dict[str, Any]:
        """The sum for a machine: Decimals as plain strings."""
        return {
            "day": self.day,
            "instrument": self.instrument,
            "asset": self.asset,
            "payments": self.payments,
            "word": self.word,
            "amount": plain(self.amount),
            "value": plain(self.value),
            "yearly": None if self.yearly is None else round(self.yearly, 6),
        }

    def as_row(self) -> tuple[str, ...]:
        """The sum for a person: `received 12.34 USDT`, never a bare sign."""
        size = money(abs(self.amount)) if abs(self.amount) >= 1 else coins(abs(self.amount))
        told = "nothing" if not self.amount else f"{self.word} {size} {self.asset}"
        rate = "–" if self.yearly is None else percent(Decimal(repr(self.yearly)), signed=True)
        return (self.day, self.instrument, str(self.payments), told, f"{rate} a year")


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingReport:
    """What was received and paid by day and instrument, the sums of each instrument, and what is expected next."""

    days: tuple[FundingSum, ...]
    sums: tuple[FundingSum, ...]
    outlook: Mapping[str, Mapping[str, Any]]


def funding_report(directory: Path, *, days: int, status: Mapping[str, Any] | None) -> FundingReport:
    """The payments of the last so many days of a journal, counted back from its newest payment; raises JournalError.

    `status` is what the hedger said last: its current and predicted rates are taken from there.
    """
    with closing(Journal.open(directory, read_only=True)) as journal:
        bodies = [json.loads(body) for body in journal.latest("funding").values()]
    try:
        bodies.sort(key=lambda body: body["exchange_at"])
        newest = bodies[-1]["exchange_at"] // DAY_MS if bodies else 0
        kept = [body for body in bodies if body["exchange_at"] // DAY_MS > newest - days]
        by_day, sums = _grouped(kept, by_day=True), _grouped(kept, by_day=False)
    except (KeyError, TypeError, ValueError, ArithmeticError) as problem:
        raise JournalError(f"{directory}: a row of funding cannot be read ({type(problem).__name__})") from None
    return FundingReport(days=by_day, sums=sums, outlook=_outlook(status))


def _grouped(bodies: Iterable[Mapping[str, Any]], *, by_day: bool) -> tuple[FundingSum, ...]:
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for body in bodies:
        day = iso(body["exchange_at"])[:10] if by_day else "all"
        groups.setdefault((day, ":".join(_id(body)), body["asset"]), []).append(body)
    return tuple(_summed(*key, some) for key, some in sorted(groups.items()))


def _summed(day: str, instrument: str, asset: str, bodies: list[Mapping[str, Any]]) -> FundingSum:
    known = [body for body in bodies if body.get("notional") is not None and Decimal(body["notional"])]
    value = sum((Decimal(body["amount"]) * Decimal(body["price"]) for body in known), ZERO)
    weight = sum((abs(Decimal(body["notional"])) * body["interval_ms"] / YEAR_MS for body in known), ZERO)
    return FundingSum(
        day=day,
        instrument=instrument,
        asset=asset,
        payments=len(bodies),
        amount=sum((Decimal(body["amount"]) for body in bodies), ZERO),
        value=value,
        yearly=float(value / weight) if weight else None,
    )


def _id(body: Mapping[str, Any]) -> tuple[str, str]:
    account, symbol = body["id"]
    return account, symbol


def _outlook(status: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    """What the status says of each instrument, by hedge."""
    told: dict[str, Mapping[str, Any]] = {}
    for name, hedge in (status or {}).get("hedges", {}).items():
        carry = hedge.get("carry") or {}
        for instrument, row in carry.get("instruments", {}).items():
            told[f"{name} {instrument}"] = row
    return told


def outlook_rows(report: FundingReport) -> list[tuple[str, str]]:
    """What is expected of each instrument, for a person."""
    names = {
        "funding_settled_yearly": "last",
        "funding_next_yearly": "next",
        "funding_expected_yearly": "expected",
        "basis_yearly": "basis",
    }
    rows = []
    for name, known in report.outlook.items():
        parts = [f"{word} {known[key]:+.2%}" for key, word in names.items() if key in known]
        carry = known["carry_yearly"]
        parts.append(f"the hedge {'earns' if carry >= 0 else 'pays'} {abs(carry):.2%} a year")
        rows.append((name, " · ".join(parts).replace("-", MINUS)))
    return rows
