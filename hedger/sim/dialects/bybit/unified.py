"""The exchange's wallets as one unified account.

The exchange keeps a spot wallet, a derivatives wallet in money and one for each coin that contracts settle in; Bybit
has one wallet for all of it. So the balance of a coin is told as the sum of both. A coin that lies in the spot wallet
only backs nothing, and is told as one that its owner does not use as collateral (`collateralSwitch` false).

Totals are in dollars and come from the derivatives wallets alone; of a coin that lies in both they count that part
only, as a platform that takes a part of a coin as collateral does. Equity, wallet balance and profit are those of all
of them. Margins, the margin balance and what is available are those of the wallets that back something now (of all,
while none does), because the wallets do not stand in for one another where the exchange liquidates; the rates of the
account are those of the wallet that is nearest to that. What options are worth is in the equity and not in the margin
balance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from hedger.model.numeric import ONE, ZERO
from hedger.sim.dialects.bybit.digits import EIGHT, money, plain
from hedger.sim.dialects.bybit.quotes import Quotes
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import LinearAccount, Wallet

MONEY = ("USDT", "USDC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """One coin of a user: its spot part, what of that is locked in orders, its derivatives wallet, its options."""

    coin: str
    spot: Decimal
    locked: Decimal
    margin: LinearAccount
    option_value: Decimal
    dollars: Decimal

    @property
    def balance(self) -> Decimal:
        """All that there is, without unrealised profit."""
        return self.spot + self.margin.wallet_balance

    @property
    def equity(self) -> Decimal:
        """The balance, unrealised profit and what options are worth."""
        return self.spot + self.margin.equity + self.option_value

    @property
    def is_in_use(self) -> bool:
        """Whether the derivatives wallet backs a position, an order or a short option."""
        margin = self.margin
        return bool(margin.initial_margin or margin.open_order_margin or margin.maintenance_margin)

    @property
    def is_collateral(self) -> bool:
        """Whether it backs positions: not what lies in the spot wallet only."""
        return bool(self.margin.wallet_balance) or not self.spot


class UnifiedAccount:
    """What a user has, in Bybit's form."""

    def __init__(self, exchange: Exchange, quotes: Quotes) -> None:
        self._exchange, self._quotes = exchange, quotes

    def holdings(self, user: str) -> list[Holdings]:
        """Every coin that is listed or held, zeros included."""
        floor, account = self._exchange.floor, self._exchange.floor.account(user)
        spot = self._exchange.spot_balances(user)
        settled_in = {x.settle for x in self._exchange.listings.values() if x.wallet is not Wallet.SPOT}
        options = self._option_values(user)
        coins = [*MONEY, *sorted({*spot, *settled_in, *account.wallets, *options} - {*MONEY})]
        found = []
        for coin in coins:
            free, locked = spot.get(coin, (ZERO, ZERO))
            found.append(
                Holdings(
                    coin=coin,
                    spot=free + locked,
                    locked=locked,
                    margin=floor.board.wallet(account, coin),
                    option_value=options.get(coin, ZERO),
                    dollars=self._quotes.dollars(coin),
                )
            )
        return found

    def balances(self, user: str) -> dict[str, Decimal]:
        """The balance of each coin that the user has."""
        account = self._exchange.floor.account(user)
        coins = {*account.spot, *account.wallets}
        return {coin: account.spot.get(coin, ZERO) + account.wallets.get(coin, ZERO) for coin in coins}

    def is_isolated(self, user: str) -> bool:
        """Whether the margin mode of the account is isolated: it is if any contract's is."""
        return bool(self._exchange.floor.account(user).isolated)

    def wallet(self, user: str, coins: tuple[str, ...] | None, realised: dict[str, Decimal]) -> Body:
        """The account and its coins: those named, zeros included, else those that are not nought."""
        holdings = self.holdings(user)
        shown = [h for h in holdings if (h.coin in coins if coins is not None else h.balance or h.equity)]
        isolated = self.is_isolated(user)
        return {
            **self._totals(holdings, isolated),
            "accountType": "UNIFIED",
            "accountLTV": "",
            "coin": [coin_row(h, realised.get(h.coin, ZERO)) for h in shown],
        }

    def _totals(self, holdings: list[Holdings], isolated: bool) -> Body:
        """In dollars. Margins and rates of the account have no meaning in isolated mode and are empty there."""
        backing = [h for h in holdings if h.is_in_use] or holdings
        options = sum((h.option_value * h.dollars for h in holdings), ZERO)
        margins = {
            "totalMarginBalance": _dollars(backing, lambda m: m.equity),
            "totalAvailableBalance": _dollars(backing, lambda m: m.available),
            "totalInitialMargin": _dollars(backing, lambda m: m.initial_margin + m.open_order_margin),
            "totalMaintenanceMargin": _dollars(backing, lambda m: m.maintenance_margin),
        }
        initial_rate = max(_rate(h.margin.initial_margin + h.margin.open_order_margin, h) for h in backing)
        least_rate = max(_rate(h.margin.maintenance_margin, h) for h in backing)
        cross = {
            **{name: money(value) for name, value in margins.items()},
            "totalInitialMarginByMp": money(margins["totalInitialMargin"]),
            "totalMaintenanceMarginByMp": money(margins["totalMaintenanceMargin"]),
            "accountIMRate": plain(initial_rate),
            "accountMMRate": plain(least_rate),
            "accountIMRateByMp": plain(initial_rate),
            "accountMMRateByMp": plain(least_rate),
        }
        return {
            "totalEquity": money(_dollars(holdings, lambda m: m.equity) + options),
            "totalWalletBalance": money(_dollars(holdings, lambda m: m.wallet_balance)),
            "totalPerpUPL": money(_dollars(holdings, lambda m: m.unrealized_pnl)),
            **(dict.fromkeys(cross, "") if isolated else cross),
        }

    def _option_values(self, user: str) -> dict[str, Decimal]:
        values: dict[str, Decimal] = {}
        for option, quantity, mark in self._exchange.options(user):
            worth = quantity * option.contract_multiplier * mark.price
            values[option.settle] = values.get(option.settle, ZERO) + worth
        return values


def coin_row(holdings: Holdings, realised: Decimal) -> Body:
    """One coin of the account."""
    margin = holdings.margin
    return {
        "coin": holdings.coin,
        "equity": plain(holdings.equity),
        "usdValue": money(holdings.equity * holdings.dollars),
        "walletBalance": plain(holdings.balance),
        "locked": plain(holdings.locked),
        "spotHedgingQty": "0",
        "borrowAmount": "0",
        "spotBorrow": "0",
        "accruedInterest": "0",
        "availableToBorrow": "",
        "availableToWithdraw": "",
        "totalOrderIM": plain(margin.open_order_margin),
        "totalPositionIM": plain(margin.initial_margin),
        "totalPositionMM": plain(margin.maintenance_margin),
        "unrealisedPnl": plain(margin.unrealized_pnl),
        "cumRealisedPnl": plain(realised),
        "bonus": "0",
        "collateralSwitch": holdings.is_collateral,
        "marginCollateral": True,
    }


def _dollars(holdings: Iterable[Holdings], amount: Callable[[LinearAccount], Decimal]) -> Decimal:
    """Something of each derivatives wallet, in sum."""
    return sum((amount(h.margin) * h.dollars for h in holdings), ZERO)


def _rate(margin: Decimal, holdings: Holdings) -> Decimal:
    """A margin over what covers it; where nothing does, it is 1."""
    equity = holdings.margin.equity
    if equity <= 0:
        return ONE if margin else ZERO
    return (margin / equity).quantize(EIGHT)
