"""From the settings of several accounts to policy, and what in them contradicts the hedge that they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hedger.engine.known.policy import ChoiceRule, Failover, Shares
from hedger.settings.hedges import HedgeSettings
from hedger.settings.sentences import Problem, did_you_mean
from hedger.settings.shape import Path
from hedger.settings.symbols import parse_contract


def to_shares(hedge: HedgeSettings) -> Shares | None:
    """The weights in the order of the instruments, None where the owner gave none."""
    if hedge.shares is None:
        return None
    weights = tuple(hedge.shares.weights[text] for text in hedge.instruments)
    return Shares(weights=weights, hysteresis=hedge.shares.hysteresis)


def to_failover(hedge: HedgeSettings) -> Failover:
    """The policy that the settings describe."""
    if not hedge.failover.allowed:
        return Failover()
    return Failover(allowed=True, blind_ms=int(hedge.failover.blind_s * 1000))


def problems_of_shares(at: Path, hedge: HedgeSettings, accounts: Sequence[str]) -> Iterator[Problem]:
    """What in the shares and the failover contradicts their hedge."""
    yield from _shares((*at, "shares"), hedge)
    yield from _failover((*at, "failover"), hedge, accounts)


def _shares(at: Path, hedge: HedgeSettings) -> Iterator[Problem]:
    if hedge.shares is None:
        return
    weights = hedge.shares.weights
    for text in weights:
        if text not in hedge.instruments:
            guess = did_you_mean(text, hedge.instruments)
            yield Problem((*at, "weights"), f"has a weight for {text}, which is none of the instruments{guess}")
    for text in hedge.instruments:
        if text not in weights:
            yield Problem((*at, "weights"), f"has no weight for {text}: give each instrument one (0 is none)")
    if not any(weights.values()):
        yield Problem((*at, "weights"), "are all 0: at least one instrument must have a share")
    if hedge.carry.rule is ChoiceRule.CARRY:
        text = 'are given, and so is carry.rule = "carry": either the shares say which instrument is traded or what it '
        yield Problem((*at, "weights"), text + "earns, so take one of the two out")
    if hedge.cross is not None:
        yield Problem(at, "is given, and the hedge is in other coins, which are weighed by how they move: take it out")


def _failover(at: Path, hedge: HedgeSettings, accounts: Sequence[str]) -> Iterator[Problem]:
    if not hedge.failover.allowed:
        return
    contracts = [parse_contract(text) for text in hedge.instruments]
    names = {contract.id.account for contract in contracts if contract is not None}
    if len(names) < 2:
        yield Problem((*at, "allowed"), "is true, and all instruments are on one account: there is no other to go to")
        return
    if hedge.cross is not None:
        yield Problem((*at, "allowed"), "is true, and futures on other coins do not stand in for each other")
    blind_s, age_s = hedge.failover.blind_s, hedge.guards.account_age_s
    if not blind_s:
        return
    if names <= set(accounts if hedge.spot_accounts is None else hedge.spot_accounts):
        text = f"is {blind_s} s, and spot of every one of these accounts counts, so that none may go unseen: name in "
        yield Problem((*at, "blind_s"), text + "spot_accounts only those that hold the coin, or say blind_s = 0")
    if blind_s <= age_s:
        text = f"is {blind_s} s and must be longer than guards.account_age_s, which is {age_s} s, or 0"
        yield Problem((*at, "blind_s"), text)
