"""The exchange's truth as JSON and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any, TypeVar

from hedger.model.order import Side
from hedger.sim.nouns import FundingRecord, OrderKind, OrderState, SimOrder, Truth, UserTrade, Wallet

T = TypeVar("T")
AMOUNTS = ("spot", "positions", "fees", "wallets", "unrealized", "options", "option_values", "option_cash", "deltas")
_READERS: Mapping[str, Callable[[Any], object]] = {
    "Decimal": Decimal,
    "Side": Side,
    "Wallet": Wallet,
    "OrderKind": OrderKind,
    "OrderState": OrderState,
}


def truth_to_json(truth: Truth) -> str:
    """Decimals become strings, so that no digit is lost."""
    return json.dumps(asdict(truth), default=str)


def truth_from_json(text: str) -> Truth:
    """The same truth again."""
    row = json.loads(text)
    for name in AMOUNTS:
        row[name] = {key: Decimal(value) for key, value in row[name].items()}
    row["nav_usd"] = Decimal(row["nav_usd"])
    row["open_orders"] = [_revive(SimOrder, r) for r in row["open_orders"]]
    row["trades"] = [_revive(UserTrade, r) for r in row["trades"]]
    row["funding"] = [_revive(FundingRecord, r) for r in row["funding"]]
    return Truth(**row)


def _revive(kind: type[T], row: Mapping[str, object]) -> T:
    """A record from its fields, each read as its annotation says."""
    annotations = kind.__annotations__
    return kind(**{name: _READERS.get(annotations[name], _same)(value) for name, value in row.items()})


def _same(value: object) -> object:
    return value
