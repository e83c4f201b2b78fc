"""What wealth is counted in, what stablecoins are worth in dollars, and how much of each the book hangs on."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hedger.engine.held.freshness import age_of
from hedger.engine.known.policy import Hedge, Peg, Policy
from hedger.engine.known.state import State
from hedger.model.account import AccountReading, Position
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.numeric import BPS, ONE, ZERO
from hedger.model.option import OptionPosition


def seen_price(state: State, peg: Peg) -> Decimal | None:
    """The price in dollars by the peg's source, None where there is no source or its price is too old."""
    held = state.quotes.get(peg.source) if peg.source is not None else None
    if held is None or peg.source is None:
        return None
    offset = state.accounts[peg.source.account].offset_ms
    if age_of(state.now, held[1], held[0].exchange_at, offset) > peg.age:
        return None
    mid = held[0].mid_price
    return peg.beside / mid if peg.inverted else peg.beside * mid


def usd_price(state: State, hedge: Hedge, asset: str) -> Decimal:
    """What one unit of a hedge's money is worth in dollars: as seen, or else its peg. A dollar is one."""
    peg = next((peg for peg in hedge.pegs if peg.asset == asset), None)
    if peg is None:
        return ONE
    seen = seen_price(state, peg)
    return peg.par if seen is None else seen


def rate(state: State, hedge: Hedge, asset: str) -> Decimal:
    """What one unit of `asset` is worth in the money of the hedge's ledger: its first instrument's quote."""
    first = state.instruments.get(hedge.instruments[0])
    quote = first.quote if first is not None else hedge.instruments[0].symbol.partition("/")[2].partition(":")[0]
    if quote == asset:
        return ONE
    return usd_price(state, hedge, asset) / usd_price(state, hedge, quote)


def off_peg(state: State, hedge: Hedge, assets: Iterable[str]) -> str | None:
    """Why nothing may be added in some money, in words: it is away from its peg, or its source is not seen."""
    for peg in hedge.pegs:
        if peg.source is None or peg.asset not in assets:
            continue
        seen = seen_price(state, peg)
        if seen is None:
            return f"{peg.source}, which tells the price of {peg.asset}, was not seen for {peg.age} ms"
        away = abs(seen / peg.par - 1) * BPS
        if away > peg.limit:
            return f"{peg.asset} is worth {seen:.4f} dollars, {away:.0f} bp from {peg.par}, the limit is {peg.limit}"
    return None


def pegs_of(policy: Policy) -> tuple[Peg, ...]:
    """Every peg of every hedge, each once."""
    return tuple({peg.asset: peg for hedge in policy.hedges for peg in hedge.pegs}.values())


def money_held(state: State, asset: str) -> Decimal | None:
    """How many units of a kind of money the book's value hangs on, None while an account was never read.

    Balances and the entry notional of what settles in it, W − Σ q·P_entry: a wallet W with a short of q coins, sold at
    P, has W + q·P − q·S/x in a money of x dollars while a coin costs S dollars. In dollars that is x·(W + q·P) − q·S,
    which moves by W + q·P with x. The unrealised profit is in that already: it must not be added to it.
    """
    total = ZERO
    for view in state.accounts.values():
        if view.reading is None:
            return None
        total += view.reading.spot.get(asset, ZERO) + view.reading.collateral.get(asset, ZERO)
        total -= sum((_entry_notional(row) for row in view.reading.positions if _settles_in(row, asset)), ZERO)
    return total


def settle_of(id: InstrumentId) -> str:
    """What a contract settles in, by its symbol: USDT of `BTC/USDT:USDT-261225`; empty for a spot pair."""
    return id.symbol.partition(":")[2].partition("-")[0]


def _settles_in(row: Position, asset: str) -> bool:
    return bool(row.quantity) and row.payoff is Payoff.LINEAR and settle_of(row.id) == asset


def _entry_notional(row: Position) -> Decimal:
    """With its sign; prices of a linear contract are in quote per unit, whatever its multiplier."""
    return row.quantity * row.entry_price


def uncounted(state: State, hedge: Hedge) -> str | None:
    """Why a book with coin-settled contracts is not counted rightly: nobody said in what, or its coins are left out."""
    for account in state.accounts_of_hedge[hedge.name]:
        reading = state.accounts[account].reading
        name = None if reading is None else _settled_in_coins(reading, hedge.underlying)
        if name is None:
            continue
        if account not in hedge.spot_accounts:
            return (
                f"{name} settles in {hedge.underlying}: put account {account} into spot_accounts, its coins are delta"
            )
        if not hedge.numeraire_said:
            return f'{name} settles in {hedge.underlying}: say numeraire = "usd" or "coin" for this hedge'
    return None


def _settled_in_coins(reading: AccountReading, coin: str) -> InstrumentId | None:
    """A contract that is held on a coin and settles in it: a future or an option."""
    rows: tuple[Position | OptionPosition, ...] = (*reading.positions, *reading.options)
    return next(
        (row.id for row in rows if row.quantity and row.underlying == coin and row.payoff is Payoff.INVERSE), None
    )
