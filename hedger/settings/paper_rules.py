"""What the paper exchange's settings mean, and the contradictions in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from hedger.model.instrument import Payoff
from hedger.model.numeric import ZERO, plain
from hedger.model.option import OptionType
from hedger.model.spans import DAY_MS
from hedger.settings.paper import PaperAccountSettings, PaperOptionSettings, PaperSettings
from hedger.settings.relative import PAPER_PRICES, PAPER_START_AT, instant_of, price_of
from hedger.settings.schema import Mode, Settings
from hedger.settings.sentences import Problem, did_you_mean
from hedger.settings.shape import Path
from hedger.settings.symbols import Contract, parse_contract
from hedger.settings.values import PAPER_COINS, VenueName
from hedger.settings.venues import VENUES, VenueFacts

HOUR_OF_EXPIRY_MS = 8 * 3_600_000
_LISTED = f"the paper exchange lists {', '.join(PAPER_COINS)}, each as COIN/USDT:USDT"
_MONEY = {Payoff.LINEAR: "USDT", Payoff.INVERSE: "USD"}


class Purse(NamedTuple):
    """What an account of a paper world begins with: USDT as collateral, coins as margin, and the spot wallet."""

    collateral: Decimal
    margin: Mapping[str, Decimal]
    spot: Mapping[str, Decimal]


def purses_of(settings: Settings) -> dict[str, Purse]:
    """What each account begins with. Where the venue counts in coins there is no USDT, and every coin is margin."""
    paper, first = settings.paper, next(iter(settings.accounts))
    purses = {}
    for name, account in settings.accounts.items():
        own = paper.accounts.get(name, PaperAccountSettings())
        usual = (paper.coin_collateral, paper.spot) if name == first else ({}, {})
        margin = usual[0] if own.coin_collateral is None else own.coin_collateral
        spot = usual[1] if own.spot is None else own.spot
        if VENUES[account.venue].counts_in_coins:
            coins = {c: margin.get(c, ZERO) + spot.get(c, ZERO) for c in (*margin, *spot)}
            purses[name] = Purse(collateral=ZERO, margin=coins, spot={})
        else:
            collateral = paper.collateral if own.collateral is None else own.collateral
            purses[name] = Purse(collateral=collateral, margin=margin, spot=spot)
    return purses


def holder_of(settings: Settings, option: PaperOptionSettings) -> str:
    """The account that holds an option: the one that it names, or the first."""
    return option.account or next(iter(settings.accounts))


def coins_of(settings: Settings) -> tuple[str, ...]:
    """The coins that a paper world has: what is hedged, what it is hedged with, and what is held."""
    hedged = {hedge.underlying or name for name, hedge in settings.hedges.items()}
    instruments = [text for hedge in settings.hedges.values() for text in hedge.instruments]
    contracts = (parse_contract(text) for text in (*instruments, *(f"paper:{c}" for c in settings.paper.contracts)))
    bases = {contract.base for contract in contracts if contract is not None}
    options = {option.asset for option in settings.paper.options}
    margins = {coin for purse in purses_of(settings).values() for coin in purse.margin}
    return tuple(sorted(hedged | bases | options | margins))


def contracts_by_venue(settings: Settings) -> dict[VenueName, tuple[str, ...]]:
    """The contracts that each venue lists beside the USDT perpetuals: those that are hedged with there, what nobody
    hedges with on the first account's venue, and what a venue lists by itself."""
    venues = {name: account.venue for name, account in settings.accounts.items()}
    listed: dict[VenueName, dict[str, None]] = {venue: {} for venue in venues.values()}
    for venue, contracts in listed.items():
        coins = (coin for coin in VENUES[venue].coin_perpetuals if coin in coins_of(settings))
        contracts.update(dict.fromkeys(f"{coin}/USD:{coin}" for coin in coins))
    wanted = [text.split(":", 1) for hedge in settings.hedges.values() for text in hedge.instruments if ":" in text]
    for symbol in settings.paper.contracts:
        takers = [venues[account] for account, named in wanted if named == symbol and account in venues]
        for venue in takers or [next(iter(venues.values()))]:
            listed[venue][symbol] = None
    return {venue: tuple(contracts) for venue, contracts in listed.items()}


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
    yield from _coins(("paper",), paper)
    for name, own in paper.accounts.items():
        if name not in settings.accounts:
            yield Problem(("paper", "accounts", name), _no_account(settings, name))
        yield from _coins(("paper", "accounts", name), own)
    for index, text in enumerate(paper.contracts):
        yield from _contract(("paper", "contracts", index), text)
    for index, option in enumerate(paper.options):
        yield from _option(("paper", "options", index), option)
        yield from _holder(settings, ("paper", "options", index), option)
    if settings.mode is Mode.PAPER:
        yield from _wanted(settings)


def _coins(path: Path, purse: PaperSettings | PaperAccountSettings) -> Iterator[Problem]:
    for key in ("spot", "coin_collateral"):
        for coin in getattr(purse, key) or ():
            if coin not in PAPER_COINS:
                yield Problem((*path, key, coin), f"is not to be had: {_LISTED}")


def _no_account(settings: Settings, name: str) -> str:
    return f"is not an account of the configuration{did_you_mean(name, settings.accounts)}"


def _holder(settings: Settings, path: Path, option: PaperOptionSettings) -> Iterator[Problem]:
    holder = holder_of(settings, option)
    if holder not in settings.accounts:
        yield Problem((*path, "account"), _no_account(settings, holder).replace("is not", f"is {holder}, which is not"))
    elif option.settle is Payoff.LINEAR and VENUES[settings.accounts[holder].venue].counts_in_coins:
        title = VENUES[settings.accounts[holder].venue].title
        text = f'is linear, and on paper the options of {title} settle in their coin: settle = "inverse"'
        yield Problem((*path, "settle"), text)


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
    for name, hedge in settings.hedges.items():
        for index, instrument in enumerate(hedge.instruments):
            contract, path = parse_contract(instrument), ("hedges", name, "instruments", index)
            if contract is None or contract.id.account not in settings.accounts:
                continue  # which is told elsewhere
            facts, symbol = VENUES[settings.accounts[contract.id.account].venue], contract.id.symbol
            if facts.counts_in_coins and contract.payoff is not Payoff.INVERSE:
                usual = ", ".join(f"{coin}/USD:{coin}" for coin in facts.coin_perpetuals)
                text = f"is not to be had: on paper {facts.title} lists {usual}, and of "
                yield Problem(path, f"({instrument}) {text}paper.contracts what settles in its coin")
            elif symbol not in _listed_on(settings, facts):
                text = f"({instrument}) is not to be had: {_LISTED}, and what stands in paper.contracts"
                yield Problem(path, text)


def _listed_on(settings: Settings, facts: VenueFacts) -> set[str]:
    in_coins = {f"{coin}/USD:{coin}" for coin in facts.coin_perpetuals}
    in_money = set() if facts.counts_in_coins else {f"{coin}/USDT:USDT" for coin in PAPER_COINS}
    return in_coins | in_money | set(settings.paper.contracts)
