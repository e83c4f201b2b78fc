"""Instruments as an owner writes them: the account, then the unified symbol of a linear perpetual."""

from __future__ import annotations

import re
from typing import NamedTuple

from hedger.model.instrument import InstrumentId

STABLECOINS = frozenset(
    {"BUSD", "DAI", "EUR", "FDUSD", "PYUSD", "RLUSD", "TUSD", "USD", "USD1", "USDC", "USDD", "USDE", "USDP", "USDT"}
)

_SWAP = re.compile(r"(?P<account>[a-z][a-z0-9_]*):(?P<base>[A-Z0-9]+)/(?P<quote>[A-Z0-9]+):(?P<settle>[A-Z0-9]+)")
_DATED = re.compile(r"[a-z][a-z0-9_]*:[A-Z0-9]+/[A-Z0-9]+:[A-Z0-9]+-[0-9].*")
_SPOT = re.compile(r"[a-z][a-z0-9_]*:[A-Z0-9]+/[A-Z0-9]+")


class Swap(NamedTuple):
    """A perpetual by name: `main:BTC/USDT:USDT` is BTC priced in USDT and settled in USDT, on account main."""

    id: InstrumentId
    base: str
    quote: str
    settle: str


def parse_swap(text: str) -> Swap | None:
    """The parts of `account:BASE/QUOTE:SETTLE`, None if it is not written like that."""
    match = _SWAP.fullmatch(text)
    if match is None:
        return None
    account, symbol = text.split(":", 1)
    return Swap(InstrumentId(account, symbol), match["base"], match["quote"], match["settle"])


def fault_of(text: str, underlying: str) -> str | None:
    """Why an instrument cannot hedge `underlying`, None if it can."""
    swap = parse_swap(text)
    if swap is None:
        return _fault_of_form(text, underlying)
    if swap.settle == swap.base:
        return (
            f"is an inverse contract, which is not supported yet: use one like {_example(swap.id.account, underlying)}"
        )
    if swap.settle != swap.quote:
        return f"is priced in {swap.quote} and settled in {swap.settle}: use one settled in its quote"
    if not re.fullmatch(rf"(10{{3,}}|1M)?{re.escape(underlying)}", swap.base):
        return f"is a contract on {swap.base}, and the hedge is of {underlying}"
    return None


def _fault_of_form(text: str, underlying: str) -> str:
    if _DATED.fullmatch(text):
        return "is a dated contract or an option, which is not supported yet: use the perpetual"
    if _SPOT.fullmatch(text):
        return f"is a spot pair: hedge with a perpetual, such as {_example(text.split(':')[0], underlying)}"
    return f"must be an account and a symbol, such as {_example('main', underlying)}"


def _example(account: str, underlying: str) -> str:
    return f"{account}:{underlying}/USDT:USDT"
