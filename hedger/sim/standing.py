"""Where an account stands: equity, margins, liquidation prices and rank, at the present marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from hedger.model.instrument import Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.model.order import Side
from hedger.sim.ledger import COLLATERAL, Account, Holding, grid_of
from hedger.sim.margin import inverse_liquidation_price, liquidation_price, maintenance
from hedger.sim.nouns import LinearAccount, Listing, SimPosition, Wallet

ADL_STEPS = (Decimal("0.05"), Decimal("0.25"), ONE)
LEAST_COINS = Decimal("0.0001")


class ShortOptions(Protocol):
    """What short options ask of a wallet beside its contracts."""

    def margins(self, account: Account, asset: str) -> tuple[Decimal, Decimal]:
        """(initial, maintenance) in `asset`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The contracts by symbol, and their mark prices now (live views). Each asset that contracts settle in is a wallet
    of its own: what is asked for an asset is in that asset, and the wallets do not stand in for one another."""

    contracts: dict[str, Listing]
    marks: Mapping[str, Decimal]
    options: ShortOptions

    def notional_of(self, symbol: str, holding: Holding) -> Decimal:
        """A position's unsigned notional at its mark, in what it settles in."""
        return abs(self.contracts[symbol].notional(holding.quantity, self.marks[symbol]))

    def maintenance_of(self, symbol: str, holding: Holding) -> Decimal:
        """The maintenance margin of a position at its mark."""
        if not holding.quantity:
            return ZERO
        return maintenance(self.contracts[symbol].tiers, self.notional_of(symbol, holding))

    def held(
        self, account: Account, isolated: bool | None = None, asset: str | None = None
    ) -> list[tuple[str, Holding]]:
        """Open positions; only the isolated, only the cross ones, or only those that settle in an asset, if asked."""
        return [
            (symbol, holding)
            for symbol, holding in account.holdings.items()
            if holding.quantity
            and (isolated is None or (symbol in account.isolated) is isolated)
            and (asset is None or self.contracts[symbol].settle == asset)
        ]

    def assets(self, account: Account) -> list[str]:
        """What the account's open positions settle in, USDT first."""
        used = {self.contracts[symbol].settle for symbol, _ in self.held(account)}
        return sorted(used, key=lambda asset: (asset != COLLATERAL, asset))

    def cross_equity(self, account: Account, asset: str = COLLATERAL) -> Decimal:
        """What backs the cross positions: the wallet less isolated margins, plus their unrealized profit."""
        equity = account.wallets[asset]
        for symbol, holding in self.held(account, asset=asset):
            if symbol in account.isolated:
                equity -= holding.isolated_margin
            else:
                equity += holding.unrealized(self.marks[symbol])
        return equity

    def cross_maintenance(self, account: Account, asset: str = COLLATERAL) -> Decimal:
        """The maintenance margin of the cross positions and of short options in sum."""
        held = self.held(account, isolated=False, asset=asset)
        return sum((self.maintenance_of(s, h) for s, h in held), self.options.margins(account, asset)[1])

    def available(self, account: Account, asset: str = COLLATERAL) -> Decimal:
        """What new positions may use; never below 0."""
        held = self.held(account, isolated=False, asset=asset)
        used = sum((self.initial_margin(account, s, h) for s, h in held), self.options.margins(account, asset)[0])
        return max(ZERO, self.cross_equity(account, asset) - used - self.open_order_margin(account, asset))

    def initial_margin(self, account: Account, symbol: str, holding: Holding) -> Decimal:
        """Notional at the mark over leverage."""
        if not holding.quantity:
            return ZERO
        grid = grid_of(self.contracts[symbol].settle)
        return (self.notional_of(symbol, holding) / account.leverage_of(symbol)).quantize(grid)

    def open_order_margin(self, account: Account, asset: str = COLLATERAL) -> Decimal:
        """Initial margin of what working orders could add to positions."""
        working = (o for o in account.working.values() if o.wallet is not Wallet.SPOT)
        symbols = {o.symbol for o in working if self.contracts[o.symbol].settle == asset}
        return sum((self.order_margin(account, symbol) for symbol in sorted(symbols)), ZERO)

    def order_margin(
        self,
        account: Account,
        symbol: str,
        *,
        side: Side | None = None,
        more: Decimal = ZERO,
        price: Decimal = ZERO,
    ) -> Decimal:
        """The same for one symbol, with `more` on `side` at `price` besides, if given."""
        listing = self.contracts[symbol]
        dearest = min if listing.payoff is Payoff.INVERSE else max  # the price at which a unit is worth most
        buys, sells, dear = ZERO, ZERO, dearest(price or self.marks[symbol], self.marks[symbol])
        for order in account.orders_in(listing.wallet, symbol):
            if order.reduce_only:
                continue
            dear = dearest(dear, order.price or dear)
            if order.side is Side.BUY:
                buys += order.quantity - order.filled
            else:
                sells += order.quantity - order.filled
        if side is Side.BUY:
            buys += more
        elif side is Side.SELL:
            sells += more
        held = account.holding(symbol).quantity
        worst = max(abs(held + buys), abs(held - sells)) - abs(held)
        if worst <= 0:
            return ZERO
        return (listing.notional(worst, dear) / account.leverage_of(symbol)).quantize(grid_of(listing.settle))

    def liquidation_price(self, account: Account, symbol: str) -> Decimal | None:
        """The mark at which this position is liquidated, the other marks staying where they are."""
        holding = account.holdings.get(symbol)
        if holding is None or not holding.quantity:
            return None
        listing = self.contracts[symbol]
        if symbol in account.isolated:
            backing = holding.isolated_margin
        else:
            own = holding.unrealized(self.marks[symbol]) - self.maintenance_of(symbol, holding)
            backing = self.cross_equity(account, listing.settle) - self.cross_maintenance(account, listing.settle) - own
        if listing.payoff is Payoff.INVERSE:
            return inverse_liquidation_price(
                holding.quantity, holding.cost, backing, listing.tiers, listing.contract_multiplier
            )
        return liquidation_price(holding.quantity, holding.cost, backing, listing.tiers)

    def score(self, account: Account, symbol: str) -> Decimal:
        """The rank for deleveraging: profit share × effective leverage; 0 when not in profit."""
        holding, settle = account.holding(symbol), self.contracts[symbol].settle
        if not holding.quantity:
            return ZERO
        profit = holding.unrealized(self.marks[symbol])
        if profit <= 0:
            return ZERO
        equity = max(ONE if settle == COLLATERAL else LEAST_COINS, self.cross_equity(account, settle))
        return profit / abs(holding.cost) * self.notional_of(symbol, holding) / equity

    def wallet(self, account: Account, asset: str = COLLATERAL) -> LinearAccount:
        """One derivatives wallet in total."""
        held = self.held(account, asset=asset)
        unrealized = sum((h.unrealized(self.marks[s]) for s, h in held), ZERO)
        initial, least = self.options.margins(account, asset)
        return LinearAccount(
            wallet_balance=account.wallets[asset],
            unrealized_pnl=unrealized,
            equity=account.wallets[asset] + unrealized,
            initial_margin=sum((self.initial_margin(account, s, h) for s, h in held), initial),
            open_order_margin=self.open_order_margin(account, asset),
            maintenance_margin=sum((self.maintenance_of(s, h) for s, h in held), least),
            available=self.available(account, asset),
        )

    def linear_account(self, account: Account) -> LinearAccount:
        """The derivatives wallet in USDT."""
        return self.wallet(account)

    def position(self, account: Account, symbol: str, index_price: Decimal | None = None) -> SimPosition:
        """The row of one contract."""
        holding, mark = account.holding(symbol), self.marks[symbol]
        return SimPosition(
            symbol=symbol,
            quantity=holding.quantity,
            entry_price=holding.entry_price,
            mark_price=mark,
            unrealized_pnl=holding.unrealized(mark) if holding.quantity else ZERO,
            leverage=account.leverage_of(symbol),
            isolated=symbol in account.isolated,
            initial_margin=self.initial_margin(account, symbol, holding),
            maintenance_margin=self.maintenance_of(symbol, holding),
            liquidation_price=self.liquidation_price(account, symbol),
            adl_quantile=self._quantile(account, symbol),
            updated_at=holding.updated_at,
            index_price=index_price,
        )

    def _quantile(self, account: Account, symbol: str) -> int:
        if not account.holding(symbol).quantity:
            return 0
        score = self.score(account, symbol)
        return (1 if score else 0) + sum(score >= step for step in ADL_STEPS)
