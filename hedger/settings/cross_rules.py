"""From the settings of a hedge in other coins to policy, and what in them cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from hedger.engine.known.policy import Cross, Numeraire, TargetKind
from hedger.model.instrument import Payoff
from hedger.settings.cross import CrossSettings
from hedger.settings.hedges import HedgeSettings
from hedger.settings.money import MONEY
from hedger.settings.sentences import Problem, did_you_mean
from hedger.settings.shape import Path
from hedger.settings.symbols import Contract, parse_contract, parse_pair

_THOUSANDS = re.compile(r"^(10{3,}|1M)(?=[A-Z])")


def to_cross(hedge: HedgeSettings) -> Cross | None:
    """The policy that the settings describe."""
    pair = None if hedge.cross is None else parse_pair(hedge.cross.spot)
    if hedge.cross is None or pair is None:
        return None
    contracts = (parse_contract(text) for text in hedge.instruments)
    coins = dict.fromkeys(coin_of(contract) for contract in contracts if contract is not None)
    return Cross(
        spot=pair.id,
        coins=tuple(coins),
        halflife_bars=hedge.cross.halflife_bars,
        beta_band=hedge.cross.beta_band,
    )


def coin_of(contract: Contract) -> str:
    """The coin that a contract is on: PEPE of 1000PEPE."""
    return _THOUSANDS.sub("", contract.base)


def fault_across(text: str, underlying: str) -> str | None:
    """Why an instrument cannot hedge another coin, None if it can."""
    contract = parse_contract(text)
    if (
        contract is None
        or contract.payoff is not Payoff.LINEAR
        or contract.day is not None
        or contract.quote not in MONEY
    ):
        return "is no linear perpetual priced in money: a hedge in other coins takes no others"
    if coin_of(contract) == underlying:
        return f"is on {underlying} itself, whose beta is 1: hedge with it alone, without a cross table"
    return None


def problems_of_cross(at: Path, hedge: HedgeSettings, underlying: str, accounts: Sequence[str]) -> Iterator[Problem]:
    """What in a hedge in other coins cannot be."""
    if hedge.cross is None:
        return
    yield from _spot(at, hedge.cross, underlying, accounts)
    if hedge.target.kind not in (TargetKind.NEUTRAL, TargetKind.RATIO):
        text = f"is {hedge.target.kind}: a hedge in other coins keeps the coin's risk least (neutral), or a share of it"
        yield Problem((*at, "target", "kind"), f"{text} (ratio)")
    if hedge.numeraire is Numeraire.COIN:
        yield Problem((*at, "numeraire"), "is coin, and futures on other coins protect value in dollars only")


def _spot(at: Path, cross: CrossSettings, underlying: str, accounts: Sequence[str]) -> Iterator[Problem]:
    path, pair = (*at, "cross", "spot"), parse_pair(cross.spot)
    if pair is None:
        yield Problem(
            path, f'is ({cross.spot}), and must be an account and a spot pair, such as "main:{underlying}/USDT"'
        )
    elif pair.base != underlying or pair.quote not in MONEY:
        yield Problem(
            path, f"({cross.spot}) must price {underlying} in money, such as {pair.id.account}:{underlying}/USDT"
        )
    elif pair.id.account not in accounts:
        yield Problem(
            path, f"names the account {pair.id.account}, which is not there{did_you_mean(pair.id.account, accounts)}"
        )


def problems_of_crossings(hedges: Mapping[str, HedgeSettings], coins: Mapping[str, str]) -> Iterator[Problem]:
    """Positions belong to an account: where one hedge hedges a coin, no other may hold its futures for something else.

    `coins` are the underlyings of the hedges, by name.
    """
    for name, hedge in hedges.items():
        if hedge.cross is None:
            continue
        for index, text in enumerate(hedge.instruments):
            contract = parse_contract(text)
            others = [] if contract is None else _counting(name, contract, hedges, coins)
            if contract is not None and others:
                told = f"is on {coin_of(contract)}, which hedges.{others[0]} counts on account {contract.id.account}"
                yield Problem(("hedges", name, "instruments", index), f"({text}) {told} as its own: use another")


def _counting(
    name: str, contract: Contract, hedges: Mapping[str, HedgeSettings], coins: Mapping[str, str]
) -> list[str]:
    """The other hedges that would take a position in this contract for theirs."""
    account, coin = contract.id.account, coin_of(contract)
    found = []
    for other, hedge in hedges.items():
        contracts = [c for c in (parse_contract(text) for text in hedge.instruments) if c is not None]
        looked_at = {c.id.account for c in contracts} | set(hedge.spot_accounts or (account,))
        own = {coins[other]} if hedge.cross is None else {coin_of(c) for c in contracts}
        if other != name and account in looked_at and coin in own:
            found.append(other)
    return found
