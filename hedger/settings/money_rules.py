"""Contradictions in what counts as money and in what wealth is counted in, and the pegs that a hedge is watched by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from hedger.engine.known.policy import Numeraire, Peg, TargetKind
from hedger.model.instrument import Payoff
from hedger.settings.hedges import HedgeSettings
from hedger.settings.money import DOLLAR, MONEY, STABLECOINS, MoneySettings
from hedger.settings.sentences import Problem, did_you_mean
from hedger.settings.shape import Path
from hedger.settings.symbols import Contract, parse_contract, parse_pair

_OF_COIN_COUNTERS = frozenset({TargetKind.NEUTRAL, TargetKind.RATIO, TargetKind.COINS})


def problems_of_money(
    money: Mapping[str, MoneySettings], hedges: Mapping[str, HedgeSettings], accounts: Sequence[str]
) -> Iterator[Problem]:
    """What is wrong with the table of money, and the money of instruments that it would have to name."""
    for asset, held in money.items():
        at: Path = ("money", asset)
        if asset not in MONEY:
            yield Problem(at, f"is no money that is known{did_you_mean(asset, MONEY)}")
        elif asset == DOLLAR and (held.peg != 1 or held.source is not None):
            yield Problem(at, "is what the others are counted in: it has no peg and no source of its own")
        elif asset not in STABLECOINS and asset != DOLLAR and held.peg == 1:
            yield Problem((*at, "peg"), f"is 1, and {asset} is no dollar: say what it is worth")
        if held.source is not None:
            yield from _source((*at, "source"), asset, held.source, accounts)
    for name, hedge in hedges.items():
        for index, contract in enumerate(map(parse_contract, hedge.instruments)):
            if contract is not None and contract.quote == "EUR" and "EUR" not in money:
                path: Path = ("hedges", name, "instruments", index)
                yield Problem(path, f"({hedge.instruments[index]}) is priced in EUR: say its peg in money.EUR")


def _source(path: Path, asset: str, text: str, accounts: Sequence[str]) -> Iterator[Problem]:
    pair = parse_pair(text)
    if pair is None:
        yield Problem(path, f'is ({text}), and must be an account and a spot pair, such as "main:USDC/USDT"')
    elif pair.id.account not in accounts:
        guess = did_you_mean(pair.id.account, accounts)
        yield Problem(path, f"names the account {pair.id.account}, and there is no accounts.{pair.id.account}{guess}")
    elif asset not in (pair.base, pair.quote) or not {pair.base, pair.quote} <= MONEY or pair.base == pair.quote:
        yield Problem(path, f"is ({text}), which does not tell {asset} in other money")


def problems_of_numeraire(at: Path, hedge: HedgeSettings, accounts: Sequence[str]) -> Iterator[Problem]:
    """A book with coin-settled contracts must say what wealth is counted in, and count the coins that it is kept in."""
    inverse = [contract for contract in _contracts(hedge) if contract.payoff is Payoff.INVERSE]
    counted = accounts if hedge.spot_accounts is None else hedge.spot_accounts
    for contract in inverse:
        if contract.id.account not in counted:
            yield Problem(
                (*at, "spot_accounts"),
                f"leaves out {contract.id.account}, where {contract.id} settles in {contract.settle}: the coins that "
                "it is margined with are delta and must count",
            )
            break
    if inverse and hedge.numeraire is None:
        yield Problem(
            (*at, "numeraire"),
            f'is missing, and {inverse[0].id} settles in {inverse[0].settle}: write numeraire = "usd" to be neutral '
            'in dollars (1 coin of margin is hedged by 1 coin short), or "coin" to be neutral in coins (the coins '
            "that you own are left alone, and only what stands beside them is hedged)",
        )
    if hedge.numeraire is Numeraire.COIN and hedge.target.kind not in _OF_COIN_COUNTERS:
        text = f'is {hedge.target.kind}, which is counted in money, and numeraire is "coin"'
        yield Problem((*at, "target", "kind"), f"{text}: use neutral, ratio or coins")


def pegs_of(money: Mapping[str, MoneySettings], hedge: HedgeSettings) -> tuple[Peg, ...]:
    """The pegs of what a hedge's instruments are priced and settled in, apart from the dollar itself."""
    named = {asset for c in _contracts(hedge) for asset in (c.quote, c.settle) if asset in MONEY}
    return tuple(_peg(asset, money) for asset in sorted(named - {DOLLAR}))


def _peg(asset: str, money: Mapping[str, MoneySettings]) -> Peg:
    held = money.get(asset, MoneySettings())
    pair = None if held.source is None else parse_pair(held.source)
    beside = None if pair is None else pair.quote if pair.base == asset else pair.base
    return Peg(
        asset=asset,
        par=held.peg,
        limit=held.depeg_bps,
        source=None if pair is None else pair.id,
        inverted=pair is not None and pair.quote == asset,
        beside=Decimal(1) if beside is None else money.get(beside, MoneySettings()).peg,
        age=int(held.age_s * 1000),
    )


def _contracts(hedge: HedgeSettings) -> list[Contract]:
    return [contract for text in hedge.instruments if (contract := parse_contract(text)) is not None]
