"""Instruments as an owner writes them: the account, then the unified symbol of a perpetual or a dated future."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

from hedger.model.instrument import InstrumentId, Payoff
from hedger.settings.money import MONEY

_FUTURE = re.compile(
    r"(?P<account>[a-z][a-z0-9_]*):(?P<base>[A-Z0-9]+)/(?P<quote>[A-Z0-9]+):(?P<settle>[A-Z0-9]+)(?:-(?P<day>[0-9]{6}))?"
)
_OPTION = re.compile(r"[a-z][a-z0-9_]*:[A-Z0-9]+/[A-Z0-9]+:[A-Z0-9]+-[0-9]{6}-[0-9.]+-[CP]")
_DATED = re.compile(r"[a-z][a-z0-9_]*:[A-Z0-9]+/[A-Z0-9]+:[A-Z0-9]+-.*")
_SPOT = re.compile(r"[a-z][a-z0-9_]*:[A-Z0-9]+/[A-Z0-9]+")


class Contract(NamedTuple):
    """A perpetual or a dated future by name.

    `main:BTC/USDT:USDT` is BTC priced in USDT and settled in USDT on account main, `main:BTC/USD:BTC` is priced in
    dollars and settled in BTC; `-261225` at the end is the day of its expiry (UTC), which a perpetual does not have.
    """

    id: InstrumentId
    base: str
    quote: str
    settle: str
    day: str | None = None

    @property
    def payoff(self) -> Payoff:
        """Linear if it settles in its quote, inverse if in its coin, and else a quanto."""
        if self.settle == self.quote:
            return Payoff.LINEAR
        return Payoff.INVERSE if self.settle == self.base else Payoff.QUANTO


class Pair(NamedTuple):
    """A spot pair by name: `main:USDC/USDT` is USDC priced in USDT, on account main."""

    id: InstrumentId
    base: str
    quote: str


def parse_contract(text: str) -> Contract | None:
    """The parts of `account:BASE/QUOTE:SETTLE` or `account:BASE/QUOTE:SETTLE-YYMMDD`, None if it is neither."""
    match = _FUTURE.fullmatch(text)
    if match is None or (match["day"] is not None and not _is_day(match["day"])):
        return None
    account, symbol = text.split(":", 1)
    return Contract(InstrumentId(account, symbol), match["base"], match["quote"], match["settle"], match["day"])


def parse_pair(text: str) -> Pair | None:
    """The parts of `account:BASE/QUOTE`, None if it is not written like that."""
    if not _SPOT.fullmatch(text):
        return None
    account, symbol = text.split(":", 1)
    base, quote = symbol.split("/")
    return Pair(InstrumentId(account, symbol), base, quote)


def fault_of(text: str, underlying: str) -> str | None:
    """Why an instrument cannot hedge `underlying`, None if it can."""
    contract = parse_contract(text)
    if contract is None:
        return _fault_of_form(text, underlying)
    example = _example(contract.id.account, underlying)
    if contract.payoff is Payoff.QUANTO:
        told = f"is priced in {contract.quote} and settled in {contract.settle}, a quanto: its delta hangs on the "
        return told + f"price of {contract.settle} too, so it is never traded; use one like {example}"
    if not re.fullmatch(rf"(10{{3,}}|1M)?{re.escape(underlying)}", contract.base):
        return f"is a contract on {contract.base}, and the hedge is of {underlying}"
    if contract.quote not in MONEY:
        return f"is priced in {contract.quote}, which is no money here: use one like {example}"
    return None


def _fault_of_form(text: str, underlying: str) -> str:
    example = _example(text.split(":")[0], underlying)
    if _OPTION.fullmatch(text):
        return f"is an option: options are read and their greeks counted, never traded; hedge with {example}"
    if _DATED.fullmatch(text):
        return f"has no day of expiry that exists, year month day: write it like {example}-261225"
    if _SPOT.fullmatch(text):
        return f"is a spot pair: hedge with a perpetual or a future, such as {example}"
    return f"must be an account and a symbol, such as {_example('main', underlying)}"


def _is_day(text: str) -> bool:
    try:
        datetime.strptime(text, "%y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def _example(account: str, underlying: str) -> str:
    return f"{account}:{underlying}/USDT:USDT"
