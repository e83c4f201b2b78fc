"""Small configurations for tests: a good one, and ways to change it and to read what is said about it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hedger.errors import HedgerError
from hedger.settings.load import load_settings
from hedger.settings.schema import Settings

ROOT = Path(__file__).resolve().parents[2]

GOOD = """\
mode = "paper"

[accounts.main]
venue = "binance"

[hedges.BTC]
instruments = ["main:BTC/USDT:USDT"]
band = { rule = "coins", width = 0.01 }
guards = { position = 2 }
"""

LIVE = GOOD.replace('"paper"', '"live"').replace('"binance"', '"binance"\nkey_environment = "live"')
KEYS = {"HEDGER_ACCOUNTS__MAIN__API_KEY": "CANARY-KEY", "HEDGER_ACCOUNTS__MAIN__SECRET": "CANARY-SECRET"}


def load(
    folder: Path,
    text: str = GOOD,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    to_run: bool = True,
) -> Settings:
    """Load `text` as a file, with only the given environment."""
    path = folder / "x.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, overrides or {}, environ or {}, to_run=to_run)


def refusal(
    folder: Path,
    text: str = GOOD,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    to_run: bool = True,
) -> HedgerError:
    """The error with which `text` is refused, the folder cut out of its sentences."""
    with pytest.raises(HedgerError) as caught:
        load(folder, text, overrides, environ, to_run=to_run)
    return type(caught.value)(str(caught.value).replace(f"{folder}/", ""))


def changed(old: str, new: str, text: str = GOOD) -> str:
    """`text` with one thing changed, which must be in it."""
    assert old in text
    return text.replace(old, new, 1)
