"""What the paper exchange's settings mean, and the contradictions in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from hedger.model.instrument import Payoff
from hedger.model.numeric import plain
from hedger.model.option import OptionType
from hedger.settings.paper import PaperOptionSettings, PaperSettings
from hedger.settings.relative import PAPER_PRICES, PAPER_START_AT, instant_of, price_of
from hedger.settings.schema import Mode, Settings
from hedger.settings.sentences import Problem
from hedger.settings.shape import Path
from hedger.settings.symbols import Contract, parse_contract
from hedger.settings.values import PAPER_COINS

DAY_MS = 86_400_000
HOUR_OF_EXPIRY_MS = 8 * 3_600_000
_LISTED = f"the paper exchange lists {', '.join(PAPER_COINS)}, each as COIN/USDT:USDT"
_MONEY = {Payoff.LINEAR: "USDT", Payoff.INVERSE: "USD"}


def needs_port(paper: PaperSettings) -> bool:
    """Whether a world has what the wire's dialect does not speak of: options, contracts that settle in coins or end."""
    return bool(paper.contracts or paper.options or paper.coin_collateral)


def option_symbol(option: PaperOptionSettings) -> str:
    """The unified symbol of an option that is held from the start: `BTC/USDT:USDT-260131-63000-C`."""
    quote = _MONEY[option.settle]
    settle = option.asset if option.settle is Payoff.INVERSE else quote
    day = datetime.fromtimestamp(option_expiry(option) / 1000, UTC).strftime("%y%m%d")
    strike = plain(price_of(option.strike, PAPER_PRICES[option.asset]))
    return f"{option.asset}/{quote}:{settle}-{day}-{strike}-{'C' if option.option is OptionType.CALL else 'P'}"


def option_expiry(option: PaperOptionSettings) -> int:
    """When it ends, in ms since 1970: at 08:00 UTC, on the day or the one after."""
    at = instant_of(option.expiry, PAPER_START_AT)
    return -(-(at - HOUR_OF_EXPIRY_MS) // DAY_MS) * DAY_MS + HOUR_OF_EXPIRY_MS


def problems_of_paper(settings: Settings) -> Iterator[Problem]:
    """Every contradiction in the paper exchange's settings, and what the hedges want that it does not have."""
    paper = settings.paper
    for least, most in (("deposit_least_s", "deposit_most_s"), ("latency_least_ms", "latency_most_ms")):
        if getattr(paper, least) > getattr(paper, most):
            text = f"is {getattr(paper, least)} and must not be more than {most}, which is {getattr(paper, most)}"
            yield Problem(("paper", least), text)
    for key in ("spot", "coin_collateral"):
        for coin in getattr(paper, key):
            if coin not in PAPER_COINS:
                yield Problem(("paper", key, coin), f"is not to be had: {_LISTED}")
    for index, text in enumerate(paper.contracts):
        yield from _contract(("paper", "contracts", index), text)
    for index, option in enumerate(paper.options):
        yield from _option(("paper", "options", index), option)
    if settings.mode is Mode.PAPER:
        yield from _wanted(settings)


def _contract(path: Path, text: str) -> Iterator[Problem]:
    contract = parse_contract(f"paper:{text}")
    if contract is None or contract.payoff is Payoff.QUANTO or contract.base not in PAPER_COINS:
        yield Problem(path, f'({text}) is not to be had: write "BTC/USD:BTC" or "BTC/USDT:USDT-260327"')
    elif contract.quote != _MONEY[contract.payoff]:
        yield Problem(path, f"({text}) is not to be had: linear contracts are in USDT and inverse ones in USD")
    elif contract.day is not None and _ends_at(contract) <= PAPER_START_AT:
        yield Problem(path, f"({text}) has ended before a paper world begins, on 1 January 2026 at 07:40 UTC")


def _ends_at(contract: Contract) -> int:
    day = datetime.strptime(contract.day or "", "%y%m%d").replace(tzinfo=UTC)
    return int(day.timestamp()) * 1000 + HOUR_OF_EXPIRY_MS


def _option(path: Path, option: PaperOptionSettings) -> Iterator[Problem]:
    if option.asset not in PAPER_COINS:
        yield Problem((*path, "asset"), f"is {option.asset}, and {_LISTED}")
    if price_of(option.strike, Decimal(1)) <= 0:
        yield Problem((*path, "strike"), "must be more than 0")
    if not option.quantity:
        yield Problem((*path, "quantity"), "is 0: leave the option out")
    if option.settle not in _MONEY:
        yield Problem((*path, "settle"), f"is {option.settle}: an option is linear or inverse here")
    try:
        ended = option_expiry(option) <= PAPER_START_AT
    except ValueError:
        yield Problem((*path, "expiry"), f"is no day of the calendar: {option.expiry}")
    else:
        if ended:
            text = f"is {option.expiry}, before a paper world begins, on 1 January 2026 at 07:40 UTC"
            yield Problem((*path, "expiry"), text)


def _wanted(settings: Settings) -> Iterator[Problem]:
    symbols = {f"{coin}/USDT:USDT" for coin in PAPER_COINS} | set(settings.paper.contracts)
    for name, hedge in settings.hedges.items():
        for index, instrument in enumerate(hedge.instruments):
            symbol = instrument.partition(":")[2]
            if parse_contract(instrument) is not None and symbol not in symbols:
                text = f"({instrument}) is not to be had: {_LISTED}, and what stands in paper.contracts"
                yield Problem(("hedges", name, "instruments", index), text)
