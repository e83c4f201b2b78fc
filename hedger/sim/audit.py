"""The exchange's own account of a user: what is really held, what it is worth and how it moves with the price."""

from __future__ import annotations

import copy
from collections import defaultdict
from decimal import Decimal

from hedger.model.instrument import Payoff
from hedger.model.numeric import ZERO
from hedger.sim.floor import Floor
from hedger.sim.ledger import COLLATERAL, Account
from hedger.sim.nouns import Truth, Wallet

MONEY = (COLLATERAL, "USD", "USDC")  # what is no underlying


def truth_of(floor: Floor, account: Account) -> Truth:
    """Everything about a user, for tests and the summary."""
    assets = wallets_of(floor, account)
    unrealized = {asset: floor.board.wallet(account, asset).unrealized_pnl for asset in assets}
    return Truth(
        now=floor.now,
        spot=dict(account.spot),
        positions={symbol: account.holding(symbol).quantity for symbol in floor.contracts},
        open_orders=[copy.copy(o) for o in account.working.values()],
        trades=sorted((t for ts in account.trades.values() for t in ts), key=lambda t: t.trade_id),
        funding=list(account.funding),
        fees=dict(account.fees),
        liquidations=account.liquidations,
        deleveragings=account.deleveragings,
        creates_accepted=account.creates_accepted,
        creates_refused=account.creates_refused,
        duplicate_client_ids=account.duplicate_client_ids,
        wallets={asset: account.wallets[asset] for asset in assets},
        unrealized=unrealized,
        options=dict(account.options),
        option_values=option_values(floor, account),
        option_cash=dict(account.option_cash),
        deltas=deltas(floor, account),
        nav_usd=nav_usd(floor, account),
    )


def option_values(floor: Floor, account: Account) -> dict[str, Decimal]:
    """What each option position is worth at its mark, in what it settles in."""
    desk = floor.options
    return {
        symbol: quantity * desk.listings[symbol].contract_multiplier * desk.mark(desk.listings[symbol]).price
        for symbol, quantity in account.options.items()
    }


def deltas(floor: Floor, account: Account) -> dict[str, Decimal]:
    """Coins per underlying, each option's value left out (its delta is Black-Scholes)."""
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for asset, quantity in account.spot.items():
        found[asset] += quantity
    for asset in wallets_of(floor, account):
        found[asset] += floor.board.wallet(account, asset).equity
    for symbol, holding in floor.board.held(account):
        listing, mark = floor.board.contracts[symbol], floor.marks[symbol]
        coins, index = listing.coins(holding.quantity, mark), floor.index_in(listing.base, listing.quote)
        if listing.expiry_at is not None and listing.payoff is Payoff.LINEAR and index:
            coins *= mark / (index * listing.contract_multiplier)
        found[listing.base] += coins
    for symbol, quantity in account.options.items():
        option = floor.options.listings[symbol]
        found[option.base] += quantity * option.contract_multiplier * Decimal(floor.options.mark(option).delta)
    return {asset: coins for asset, coins in found.items() if asset not in MONEY}


def nav_usd(floor: Floor, account: Account) -> Decimal:
    """Everything in dollars: both kinds of wallet, unrealised profit, options. A coin without a price is nothing."""
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    for asset, quantity in account.spot.items():
        held[asset] += quantity
    for asset in wallets_of(floor, account):
        held[asset] += floor.board.wallet(account, asset).equity
    for symbol, value in option_values(floor, account).items():
        held[floor.options.listings[symbol].settle] += value
    return sum((quantity * _dollars(floor, asset) for asset, quantity in held.items() if quantity), ZERO)


def _dollars(floor: Floor, asset: str) -> Decimal:
    if asset in ("USD", "USDC"):
        return Decimal(1)
    return floor.usdt_price if asset == COLLATERAL else floor.index_in(asset, "USD") or ZERO


def wallets_of(floor: Floor, account: Account) -> list[str]:
    """USDT, and every coin that a contract or an option of the user settles in or that a wallet holds."""
    coins = {pit.listing.settle for pit in floor.contracts.values() if pit.listing.wallet is Wallet.INVERSE}
    coins |= {asset for asset, balance in account.wallets.items() if balance}
    coins |= {floor.options.listings[symbol].settle for symbol in account.options}
    return [COLLATERAL, *sorted(coins - {COLLATERAL})]
