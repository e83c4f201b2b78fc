"""Where an account stands: equity, margins, liquidation prices and rank, at the present marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from hedger.model.numeric import ONE, ZERO
from hedger.model.order import Side
from hedger.sim.ledger import GRID, Account, Holding
from hedger.sim.margin import liquidation_price, maintenance
from hedger.sim.nouns import LinearAccount, Listing, SimPosition, Wallet

ADL_STEPS = (Decimal("0.05"), Decimal("0.25"), ONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The perpetuals by symbol, and their mark prices now (a live view)."""

    perpetuals: dict[str, Listing]
    marks: Mapping[str, Decimal]

    def maintenance_of(self, symbol: str, holding: Holding) -> Decimal:
        """The maintenance margin of a position at its mark, USDT."""
        if not holding.quantity:
            return ZERO
        return maintenance(self.perpetuals[symbol].tiers, abs(holding.quantity) * self.marks[symbol])

    def held(self, account: Account, isolated: bool | None = None) -> list[tuple[str, Holding]]:
        """Open positions; only the isolated or only the cross ones if asked."""
        return [
            (symbol, holding)
            for symbol, holding in account.holdings.items()
            if holding.quantity and (isolated is None or (symbol in account.isolated) is isolated)
        ]

    def cross_equity(self, account: Account) -> Decimal:
        """What backs the cross positions: the wallet less isolated margins, plus their unrealized profit."""
        equity = account.wallet_balance
        for symbol, holding in self.held(account):
            if symbol in account.isolated:
                equity -= holding.isolated_margin
            else:
                equity += holding.unrealized(self.marks[symbol])
        return equity

    def cross_maintenance(self, account: Account) -> Decimal:
        """The maintenance margin of the cross positions in sum, USDT."""
        return sum((self.maintenance_of(s, h) for s, h in self.held(account, isolated=False)), ZERO)

    def available(self, account: Account) -> Decimal:
        """What new positions may use, USDT; never below 0."""
        used = sum((self.initial_margin(account, s, h) for s, h in self.held(account, isolated=False)), ZERO)
        return max(ZERO, self.cross_equity(account) - used - self.open_order_margin(account))

    def initial_margin(self, account: Account, symbol: str, holding: Holding) -> Decimal:
        """Notional at the mark over leverage, USDT."""
        return (abs(holding.quantity) * self.marks[symbol] / account.leverage_of(symbol)).quantize(GRID)

    def open_order_margin(self, account: Account) -> Decimal:
        """Initial margin of what working orders could add to positions, USDT."""
        symbols = {o.symbol for o in account.working.values() if o.wallet is Wallet.LINEAR}
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
        buys = sells = ZERO
        highest = max(price, self.marks[symbol])
        for order in account.orders_in(Wallet.LINEAR, symbol):
            if order.reduce_only:
                continue
            highest = max(highest, order.price)
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
        return (max(ZERO, worst) * highest / account.leverage_of(symbol)).quantize(GRID)

    def liquidation_price(self, account: Account, symbol: str) -> Decimal | None:
        """The mark at which this position is liquidated, the other marks staying where they are."""
        holding = account.holdings.get(symbol)
        if holding is None or not holding.quantity:
            return None
        if symbol in account.isolated:
            backing = holding.isolated_margin
        else:
            own = holding.unrealized(self.marks[symbol]) - self.maintenance_of(symbol, holding)
            backing = self.cross_equity(account) - self.cross_maintenance(account) - own
        return liquidation_price(holding.quantity, holding.cost, backing, self.perpetuals[symbol].tiers)

    def score(self, account: Account, symbol: str) -> Decimal:
        """The rank for deleveraging: profit share × effective leverage; 0 when not in profit."""
        holding, mark = account.holding(symbol), self.marks[symbol]
        profit = holding.unrealized(mark)
        if profit <= 0:
            return ZERO
        equity = max(ONE, self.cross_equity(account))
        return profit / abs(holding.cost) * abs(holding.quantity) * mark / equity

    def linear_account(self, account: Account) -> LinearAccount:
        """The derivatives account in total."""
        held = self.held(account)
        unrealized = sum((h.unrealized(self.marks[s]) for s, h in held), ZERO)
        return LinearAccount(
            wallet_balance=account.wallet_balance,
            unrealized_pnl=unrealized,
            equity=account.wallet_balance + unrealized,
            initial_margin=sum((self.initial_margin(account, s, h) for s, h in held), ZERO),
            open_order_margin=self.open_order_margin(account),
            maintenance_margin=sum((self.maintenance_of(s, h) for s, h in held), ZERO),
            available=self.available(account),
        )

    def position(self, account: Account, symbol: str) -> SimPosition:
        """The row of one perpetual."""
        holding, mark = account.holding(symbol), self.marks[symbol]
        return SimPosition(
            symbol=symbol,
            quantity=holding.quantity,
            entry_price=holding.entry_price,
            mark_price=mark,
            unrealized_pnl=holding.unrealized(mark),
            leverage=account.leverage_of(symbol),
            isolated=symbol in account.isolated,
            initial_margin=self.initial_margin(account, symbol, holding),
            maintenance_margin=self.maintenance_of(symbol, holding),
            liquidation_price=self.liquidation_price(account, symbol),
            adl_quantile=self._quantile(account, symbol),
            updated_at=holding.updated_at,
        )

    def _quantile(self, account: Account, symbol: str) -> int:
        if not account.holding(symbol).quantity:
            return 0
        score = self.score(account, symbol)
        return (1 if score else 0) + sum(score >= step for step in ADL_STEPS)
