"""What OKX's one wallet holds and what it backs: every coin once, and the margin of its account mode.

A coin's balance is without unrealised profit, which is told beside it, and without the value of options. In the futures
mode each currency backs its own contracts; in multi-currency margin all of them back all, and it is told in dollars.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from hedger.model.account import Margin
from hedger.model.numeric import ONE, ZERO
from hedger.venues.asking import Understand
from hedger.venues.okx.payloads import AccountBalance, AccountRisk, CoinBalance, CoinRow, NamedRow, RiskBalance
from hedger.venues.wire import reader

MONEY = ("USDT", "USDC", "USD", "USDG")
# How far the dollars of all coins together may be from the account's own sum for a coin that is not listed to be none.
SLACK_USD, SLACK = Decimal(5), Decimal("0.001")

_read_coin: Understand[CoinBalance] = reader(CoinBalance)
_read_risk: Understand[RiskBalance] = reader(RiskBalance)
NO_MARGIN = Margin(equity=ZERO, maintenance_margin=ZERO, initial_margin=ZERO, available=ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """Balances by coin: those of hedges and others in `spot`, settle money in `collateral`; `rows` are the venue's."""

    spot: Mapping[str, Decimal]
    collateral: Mapping[str, Decimal]
    rows: Mapping[str, CoinBalance]


def wallet_of(balance: AccountBalance, risk: AccountRisk, coins: Collection[str], money: Collection[str]) -> Wallet:
    """Every coin once. One of ours that is not listed is zero only where that is proven; ValueError otherwise.

    The venue lists what is not zero. That a coin of ours is none is believed where its list of balances at risk has
    none either, and where the coins that are listed are worth what the account is.
    """
    ours = {*coins, *money}
    rows = _understood(balance.details, ours)
    missing = sorted(ours - rows.keys())
    if missing:
        _prove_none(missing, balance, risk, rows)
    held = {coin: _balance_of(row) for coin, row in rows.items()} | dict.fromkeys(missing, ZERO)
    settled = {coin for coin in held if coin not in coins and (coin in money or coin in MONEY)}
    return Wallet(
        spot={coin: amount for coin, amount in held.items() if coin not in settled},
        collateral={coin: amount for coin, amount in held.items() if coin in settled},
        rows=rows,
    )


def _understood(details: Iterable[CoinRow], ours: Collection[str]) -> dict[str, CoinBalance]:
    """The rows that are understood; one that is not ours is left out when it is odd."""
    rows: dict[str, CoinBalance] = {}
    for row in details:
        try:
            found = _read_coin(row.model_dump())
        except ValueError:
            if row.ccy in ours:
                raise ValueError(f"the wallet's row of {row.ccy} is not understood") from None
            continue
        if found.ccy in rows:
            raise ValueError(f"the wallet lists {found.ccy} twice")
        rows[found.ccy] = found
    return rows


def _balance_of(row: CoinBalance) -> Decimal:
    """The coin without unrealised profit: what is set aside for isolated positions has left `cashBal`."""
    return row.cashBal + (row.isoEq or ZERO) - (row.isoUpl or ZERO)


def _prove_none(
    missing: Collection[str], balance: AccountBalance, risk: AccountRisk, rows: Mapping[str, CoinBalance]
) -> None:
    for row in risk.balData:
        if row.ccy in missing and _read_risk(row.model_dump()).eq:
            raise ValueError(f"the venue's two lists of balances differ on {row.ccy}")
    listed = sum((row.eqUsd or ZERO for row in rows.values()), ZERO)
    if abs(balance.totalEq - listed) > max(SLACK_USD, abs(balance.totalEq) * SLACK):
        raise ValueError(f"the wallet does not list {min(missing)}, nor all that the account is worth")


def refuse_unseen(rows: Mapping[str, CoinBalance], told: Iterable[NamedRow], *, waiting: bool) -> None:
    """ValueError where a currency has unrealised profit, or maintenance margin though no order waits, and no position
    is told that it backs: then the lists of positions are not whole."""
    backing = {position.get("ccy") for position in (row.model_dump() for row in told) if position.get("pos") != "0"}
    for row in rows.values():
        if row.ccy not in backing and (row.upl or (row.mmr and not waiting)):
            raise ValueError(f"{row.ccy} backs positions that no list shows")


def whole_margin(balance: AccountBalance, *, backing: bool) -> Margin:
    """The margin of multi-currency margin, in dollars. The venue's own `mgnRatio` is the inverse of ours. Where it is
    `backing` a cross position, it must be above zero."""
    if balance.adjEq is None or balance.mmr is None or balance.imr is None:
        raise ValueError("the account does not tell its margin")
    if backing and not (balance.mmr and balance.imr):
        raise ValueError("the account tells no margin for its positions")
    available = balance.availEq if balance.availEq is not None else balance.adjEq - balance.imr
    return Margin(
        equity=balance.adjEq,
        maintenance_margin=balance.mmr,
        initial_margin=balance.imr,
        available=available,
    )


def own_margin(money: str, rows: Mapping[str, CoinBalance], crossed: Collection[str]) -> Margin:
    """The margin of one currency in the futures mode, in that currency, without what is set aside for isolated
    positions. `crossed` are the currencies that back a cross position: there the venue must tell one above zero."""
    row = rows.get(money)
    if money in crossed and (row is None or not row.mmr or not row.imr):
        raise ValueError(f"the wallet does not tell the margin of {money}")
    if row is None:
        return NO_MARGIN
    equity = row.eq - (row.isoEq or ZERO) - (row.stgyEq or ZERO)
    return Margin(
        equity=equity,
        maintenance_margin=row.mmr or ZERO,
        initial_margin=row.imr or ZERO,
        available=row.availEq if row.availEq is not None else equity - (row.imr or ZERO),
    )


def worst(margins: Iterable[Margin]) -> Margin:
    """The margin that is nearest to liquidation; where nothing is held, the one with the most in it."""
    return max(margins, key=lambda margin: (margin.margin_ratio, margin.equity), default=NO_MARGIN)


def dollar_price(row: CoinBalance | None) -> Decimal | None:
    """What the venue reckons a coin at, as far as its row says it."""
    if row is None or row.eqUsd is None or row.eq <= 0 or row.eqUsd < ONE:
        return None
    return row.eqUsd / row.eq
