"""Contradictions between settings that are each fine alone: none of them may start."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from pydantic import SecretStr

from hedger.model.instrument import Payoff
from hedger.settings.console_rules import problems_of_console
from hedger.settings.cross_rules import problems_of_crossings
from hedger.settings.hedge_rules import problems_of_hedge, underlying_of
from hedger.settings.money_rules import problems_of_money
from hedger.settings.paper_rules import problems_of_paper
from hedger.settings.schema import AccountSettings, Mode, Settings
from hedger.settings.sentences import Problem, did_you_mean
from hedger.settings.symbols import parse_contract
from hedger.settings.target_rules import problems_of_relative
from hedger.settings.venues import VENUES

_OUTLIVES = "what rests there outlives a hedger that dies, until one is started again"


def problems_of_settings(settings: Settings) -> Iterator[Problem]:
    """Every contradiction, in the order of the configuration."""
    yield from _keys_and_mode(settings)
    yield from _venues(settings)
    for name, hedge in settings.hedges.items():
        holding = static_holding(settings, underlying_of(name, hedge))
        yield from problems_of_hedge(name, hedge, tuple(settings.accounts), holding)
    yield from _relative(settings)
    yield from problems_of_money(settings.money, settings.hedges, tuple(settings.accounts))
    yield from _shared(settings)
    coins = {name: underlying_of(name, hedge) for name, hedge in settings.hedges.items()}
    yield from problems_of_crossings(settings.hedges, coins)
    yield from _holdings(settings)
    yield from _polling(settings)
    yield from _breakers(settings)
    yield from problems_of_paper(settings)
    yield from problems_of_console(settings)


def problems_of_credentials(settings: Settings) -> Iterator[Problem]:
    """What the accounts lack for the mode: paper needs no keys, every other mode does."""
    if settings.mode is Mode.PAPER:
        return
    for name, account in settings.accounts.items():
        for key, value in _wanted_keys(account):
            if value is None or not value.get_secret_value().strip():
                variable = f"HEDGER_ACCOUNTS__{name.upper()}__{key.upper()}"
                yield Problem(
                    ("accounts", name, key),
                    f"is missing, and mode {settings.mode} needs it: set {variable}, or name a file in {variable}_FILE",
                )
        if account.key_environment is None:
            yield Problem(
                ("accounts", name, "key_environment"),
                f'is missing: mode {settings.mode} needs it to say "{_environment(settings.mode)}", so that no key '
                "is used where it was not meant to be",
            )


def _wanted_keys(account: AccountSettings) -> Iterator[tuple[str, SecretStr | None]]:
    yield from (("api_key", account.api_key), ("secret", account.secret))
    if VENUES[account.venue].passphrase:
        yield "passphrase", account.passphrase


def static_holding(settings: Settings, underlying: str) -> Decimal:
    """The sum of the holdings of a coin that no API sees."""
    return sum((h.quantity for h in settings.holdings if h.asset == underlying), Decimal(0))


def _environment(mode: Mode) -> str:
    return "testnet" if mode is Mode.TESTNET else "live"


def _keys_and_mode(settings: Settings) -> Iterator[Problem]:
    if settings.mode is Mode.PAPER:
        return
    wanted = _environment(settings.mode)
    for name, account in settings.accounts.items():
        declared = account.key_environment
        if declared is not None and declared != wanted:
            yield Problem(
                ("accounts", name, "key_environment"),
                f"is {declared}, but mode is {settings.mode}, which needs {wanted} keys",
            )


def _venues(settings: Settings) -> Iterator[Problem]:
    """What the venue of an account does not have: a test environment, or a passphrase."""
    for name, account in settings.accounts.items():
        facts = VENUES[account.venue]
        if settings.mode is Mode.TESTNET and facts.no_testnet is not None:
            text = f"is {account.venue}, and {facts.title} {facts.no_testnet}: watch it with mode shadow, which sends "
            yield Problem(("accounts", name, "venue"), text + "nothing, or try the configuration on paper")
        if account.passphrase is not None and not facts.passphrase:
            having = " and ".join(venue for venue, facts in VENUES.items() if facts.passphrase)
            text = f"is given, and keys of {facts.title} have none, only those of {having}: take it away"
            yield Problem(("accounts", name, "passphrase"), text)
        if account.dead_mans_switch_s and name in _traded(settings):
            problem = _fault_of_switch(settings, name, account)
            if problem is not None:
                yield Problem(("accounts", name, "dead_mans_switch_s"), problem)


def _fault_of_switch(settings: Settings, name: str, account: AccountSettings) -> str | None:
    """Why the venue would not guard the orders of an account for so long, None if it would."""
    facts, seconds = VENUES[account.venue], account.dead_mans_switch_s
    if not facts.switch:
        text = f"is {seconds} s, and {facts.title} has no dead man's switch that can be used: "
        return f"{text}set it to 0; {_OUTLIVES}"
    texts = (text for hedge in settings.hedges.values() for text in hedge.instruments)
    contracts = [contract for contract in map(parse_contract, texts) if contract is not None]
    bare = [one.id for one in contracts if one.id.account == name and one.payoff is Payoff.INVERSE]
    if bare and not facts.coin_switch:
        text = f"is {seconds} s, and {facts.title}'s dead man's switch does not guard {bare[0]}: "
        return f"{text}set it to 0, or trade that on an account of its own without it; {_OUTLIVES}"
    if facts.longest_switch_s is not None and seconds > facts.longest_switch_s:
        return f"is {seconds} s, and {facts.title} counts down from {facts.longest_switch_s} s at most"
    return None


def _traded(settings: Settings) -> set[str]:
    """The accounts that hedges trade on."""
    return {text.partition(":")[0] for hedge in settings.hedges.values() for text in hedge.instruments}


def _relative(settings: Settings) -> Iterator[Problem]:
    paper = settings.mode is Mode.PAPER
    for name, hedge in settings.hedges.items():
        path = ("hedges", name, "target")
        yield from problems_of_relative(path, hedge.target, underlying_of(name, hedge), paper=paper)


def _shared(settings: Settings) -> Iterator[Problem]:
    """Two hedges of one coin, or on one instrument, would undo each other's work."""
    coins: dict[str, list[str]] = defaultdict(list)
    instruments: dict[str, list[str]] = defaultdict(list)
    for name, hedge in settings.hedges.items():
        coins[underlying_of(name, hedge)].append(name)
        for instrument in hedge.instruments:
            instruments[instrument].append(name)
    for coin, names in coins.items():
        if len(names) > 1:
            yield Problem(("hedges", names[1]), f"hedges {coin}, as hedges.{names[0]} does: one coin has one hedge")
    for instrument, names in instruments.items():
        if len(set(names)) > 1:
            path = ("hedges", names[1], "instruments")
            yield Problem(path, f"has {instrument}, as hedges.{names[0]} does: one instrument serves one hedge")


def _holdings(settings: Settings) -> Iterator[Problem]:
    coins = {underlying_of(name, hedge) for name, hedge in settings.hedges.items()}
    for index, holding in enumerate(settings.holdings):
        if holding.asset not in coins:
            guess = did_you_mean(holding.asset, coins)
            yield Problem(("holdings", index, "asset"), f"is {holding.asset}, which no hedge hedges{guess}")


def _polling(settings: Settings) -> Iterator[Problem]:
    """What is read too seldom is always too old to trade on: an age must allow two intervals."""
    polling = settings.polling
    for name, hedge in settings.hedges.items():
        ages = {"account_age_s": polling.account_s, "quote_age_s": polling.prices_s, "mark_age_s": polling.prices_s}
        for key, interval in ages.items():
            age = getattr(hedge.guards, key)
            if age < 2 * interval:
                yield Problem(
                    ("hedges", name, "guards", key),
                    f"is {age} s, but what it judges is read every {interval} s: allow at least {2 * interval} s",
                )


def _breakers(settings: Settings) -> Iterator[Problem]:
    """A cool-down grows and never shrinks."""
    breakers = settings.breakers
    if breakers.cooldown_s > breakers.longest_cooldown_s:
        text = f"is {breakers.cooldown_s} s and must not be more than longest_cooldown_s, which is "
        yield Problem(("breakers", "cooldown_s"), text + f"{breakers.longest_cooldown_s} s")
