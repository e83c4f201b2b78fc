"""The configuration of `hedger paper` without a file: the same as config/paper.toml, which a test proves."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

BUILT_IN: dict[str, Any] = {
    "accounts": {"main": {"venue": "binance"}},
    "holdings": [{"asset": "BTC", "quantity": Decimal("0.5"), "label": "cold wallet"}],
    "hedges": {
        "BTC": {
            "instruments": ["main:BTC/USDT:USDT"],
            "band": {"rule": "relative", "width": Decimal("0.01"), "floor": Decimal("0.002")},
            "guards": {
                "position": Decimal(3),
                "daily_notional": Decimal(20_000_000),
                "daily_cost": Decimal(10_000),
            },
        }
    },
}
