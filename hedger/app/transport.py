"""Which way a paper run takes: through the wire where every account's venue is spoken of in full, else at the port."""

from __future__ import annotations

from collections.abc import Iterator

from hedger.model.instrument import Payoff
from hedger.settings.paper_rules import contracts_by_venue, holder_of, option_symbol, purses_of
from hedger.settings.schema import Settings
from hedger.settings.symbols import Contract, parse_contract, parse_pair
from hedger.settings.values import VenueName
from hedger.settings.venues import VENUES
from hedger.sim.dialects.known import DIALECTS, Topic


def why_at_port(settings: Settings) -> str | None:
    """Why a paper run of these settings goes not through the wire but at the port; None if it goes through the wire."""
    for venue in dict.fromkeys(account.venue for account in settings.accounts.values()):
        title = VENUES[venue].title
        if venue not in DIALECTS:
            known = ", ".join(VENUES[each].title for each in VENUES if each in DIALECTS)
            return f"the paper exchange does not speak as {title} does, only as {known}; its rules are no venue's"
        for what, topic in _named(settings, venue):
            if topic not in DIALECTS[venue].speaks:
                return f"as {title} the paper exchange does not speak of {topic.value} ({what})"
    return None


def why_not_recorded(settings: Settings) -> str | None:
    """Why a paper run of these settings cannot be played on recorded books; None if it can."""
    paper = settings.paper
    if any(account.venue is not VenueName.BINANCE for account in settings.accounts.values()):
        return "--replay has the recorded books of Binance only: put every account on binance"
    if paper.contracts or paper.options or any(purse.margin for purse in purses_of(settings).values()):
        return "--replay has recorded books only: take contracts, options and coins out of [paper]"
    return None


def _named(settings: Settings, venue: VenueName) -> Iterator[tuple[str, Topic]]:
    """What the settings name on a venue, in their own words, and what a dialect must speak of for it."""
    accounts = {name for name, account in settings.accounts.items() if account.venue is venue}
    for hedge in settings.hedges.values():
        for text in (*hedge.instruments, *((hedge.cross.spot,) if hedge.cross is not None else ())):
            if text.partition(":")[0] in accounts:
                yield from ((text, topic) for topic in _topics(text))
    for money in settings.money.values():
        if money.source is not None and money.source.partition(":")[0] in accounts:
            yield money.source, Topic.SPOT
    for symbol in contracts_by_venue(settings)[venue]:
        yield from ((symbol, topic) for topic in _topics(f"paper:{symbol}"))
    for option in settings.paper.options:
        if holder_of(settings, option) in accounts:
            coin = option.settle is Payoff.INVERSE
            yield option_symbol(option), Topic.COIN_OPTIONS if coin else Topic.OPTIONS
    for name, purse in purses_of(settings).items():
        if name in accounts and any(purse.margin.values()):
            yield ", ".join(purse.margin), Topic.COIN_MARGIN


def _topics(text: str) -> Iterator[Topic]:
    contract = parse_contract(text)
    if contract is not None:
        yield _topic(contract)
    elif parse_pair(text) is not None:
        yield Topic.SPOT


def _topic(contract: Contract) -> Topic:
    if contract.payoff is Payoff.INVERSE:
        return Topic.COIN_PERPETUALS if contract.day is None else Topic.COIN_DATED
    return Topic.PERPETUALS if contract.day is None else Topic.DATED
