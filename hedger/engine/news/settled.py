"""What of a reading are coins whatever their price does, and what moves in it by itself: contracts that end."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from hedger.engine.known.state import State
from hedger.model.account import AccountReading
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.model.option import OptionPosition

# A reading's own time is that of its oldest part: what ends a moment later may be gone from its newest.
SLACK_MS = 10_000


def held(reading: AccountReading, asset: str) -> Decimal:
    """Coins of an asset in the spot wallet and as collateral."""
    return reading.spot.get(asset, ZERO) + reading.collateral.get(asset, ZERO)


def coins_owned(reading: AccountReading, asset: str) -> Decimal:
    """Coins in the wallets, their unrealised profit, and the inverse contracts beside them: spot + E + Σ N/P.

    E moves against Σ N/P with the price, so that the sum stands still: it moves by deposits, fees, funding and by
    trades of those contracts (N/P at the trade's own price), and not because the market moved.
    """
    contracts = (p.delta for p in reading.positions if p.payoff is Payoff.INVERSE and p.underlying == asset)
    return reading.spot.get(asset, ZERO) + reading.equity(asset) + sum(contracts, ZERO)


def units_in_coins(state: State, id: InstrumentId, units: Decimal) -> Decimal:
    """What `units` of a contract are in coins, with their sign, at its last mark; nothing while that was never seen."""
    rules, mark = state.instruments.get(id), state.marks.get(id)
    if rules is None or (rules.payoff is Payoff.INVERSE and mark is None):
        return ZERO
    return rules.coins(units, mark[0].mark_price if mark is not None else ONE)


def has_ended(old: AccountReading, new: AccountReading, id: InstrumentId) -> bool:
    """Whether a dated contract was held, and is gone at or after its expiry."""
    expiries = [p.expiry_at for p in old.positions if p.id == id and p.expiry_at is not None]
    if not expiries or any(p.quantity for p in new.positions if p.id == id):
        return False
    return new.exchange_at + SLACK_MS >= min(expiries)


class OptionMove(NamedTuple):
    """How an option position moved between two readings: signed, in contracts; `ended` where it was at its expiry."""

    id: InstrumentId
    underlying: str
    settle: str
    quantity: Decimal
    ended: bool


def _same_holdings(old: tuple[OptionPosition, ...], new: tuple[OptionPosition, ...]) -> bool:
    """Whether two readings list the same quantities of the same options in the same order, as they mostly do."""
    if len(old) != len(new):
        return False
    return all(was.quantity == now.quantity and was.id == now.id for was, now in zip(old, new, strict=True))


def option_moves(old: AccountReading, new: AccountReading) -> tuple[OptionMove, ...]:
    """Every option position that is not what it was, each with what it moved by."""
    if _same_holdings(old.options, new.options):
        return ()
    before = {option.id: option for option in old.options}
    after = {option.id: option for option in new.options}
    moves = []
    for id, terms in (before | after).items():
        was, now = (side[id].quantity if id in side else ZERO for side in (before, after))
        if was != now:
            ended = not now and new.exchange_at + SLACK_MS >= terms.expiry_at
            moves.append(OptionMove(id, terms.underlying, terms.settle, now - was, ended))
    return tuple(moves)
