"""What other hands do to a user's orders, money and contracts on the exchange: the crowd, a person, the exchange."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hedger.model.numeric import ZERO
from hedger.model.order import Side
from hedger.sim.dead_man import CONTRACTS
from hedger.sim.exchange import Exchange
from hedger.sim.ledger import COLLATERAL, GRID
from hedger.sim.nouns import BalanceNews, Listing, OrderKind, OrderState, Refused, SimOrder, Wallet
from hedger.sim.pit import CROWD, Party

FOREIGN = "web_"


class Hands:
    """Acts on one user's account. What the exchange refuses is not done, and says so by its result."""

    def __init__(self, exchange: Exchange, user: str) -> None:
        self._exchange, self.user = exchange, user
        self._foreign = 0

    # --- orders ---------------------------------------------------------------------------------------------

    def own(self) -> list[SimOrder]:
        """The user's working derivative orders, less those of another hand."""
        orders = (o for wallet in CONTRACTS for o in self._exchange.open_orders(self.user, wallet))
        return [order for order in orders if not order.client_order_id.startswith(FOREIGN)]

    def hit(self, order_id: int, quantity: Decimal) -> Decimal:
        """Someone takes up to `quantity` of a resting order, at its price; how much."""
        floor = self._exchange.floor
        account = floor.account(self.user)
        order = account.working.get(order_id)
        if order is None:
            return ZERO
        pit = floor.pit(order.wallet, order.symbol)
        if pit.book.find(order_id) is None:
            return ZERO
        taken = min(quantity, order.quantity - order.filled)
        pit.book.reduce(order_id, taken)
        floor.execute(pit, order.side, order.price, taken, Party(self.user, order_id), CROWD)
        floor.publish_book(pit)
        return taken

    def expire(self, order_id: int) -> bool:
        """The exchange ends a working order by itself; whether there was one."""
        floor = self._exchange.floor
        account = floor.account(self.user)
        order = account.working.get(order_id)
        if order is None:
            return False
        pit = floor.pit(order.wallet, order.symbol)
        floor.finish(account, pit, order, OrderState.EXPIRED)
        floor.publish_book(pit)
        return True

    def cancel(self, symbol: str, client_order_id: str) -> bool:
        """Cancel an order by the user's id for it; whether it was working."""
        try:
            self._exchange.cancel(self.user, self._wallet(symbol), symbol, client_order_id=client_order_id)
        except Refused:
            return False
        return True

    def trade(self, symbol: str, side: Side, quantity: Decimal) -> str | None:
        """Someone else trades the account at the market; the order's id."""
        return self._place(symbol, side, OrderKind.MARKET, quantity, None)

    def rest(self, symbol: str, side: Side, quantity: Decimal, price: Decimal) -> str | None:
        """Someone else rests an order on the account; the order's id."""
        return self._place(symbol, side, OrderKind.LIMIT, quantity, price)

    def _place(self, symbol: str, side: Side, kind: OrderKind, quantity: Decimal, price: Decimal | None) -> str | None:
        self._foreign += 1
        name = f"{FOREIGN}{self._exchange.now}{self._foreign}"
        try:
            self._exchange.place(
                self.user,
                self._wallet(symbol),
                symbol,
                side=side,
                kind=kind,
                quantity=quantity,
                price=price,
                reduce_only=False,
                client_order_id=name,
            )
        except Refused:
            return None
        return name

    # --- money ----------------------------------------------------------------------------------------------

    def move_coins(self, asset: str, quantity: Decimal) -> bool:
        """Coins come into the spot wallet, or go where `quantity` is negative; whether that was possible."""
        try:
            self._exchange.deposit(self.user, Wallet.SPOT, asset, quantity)
        except Refused:
            return False
        return True

    def credit(self, quantity: Decimal) -> None:
        """Collateral comes or (negative) goes, withdrawal limits aside: losses elsewhere respect none."""
        floor = self._exchange.floor
        floor.account(self.user).wallet_balance += quantity
        floor.ledger.deposited[COLLATERAL] += quantity
        floor.publish(BalanceNews(user=self.user, wallet=Wallet.LINEAR, reason="adjustment", at=self._exchange.now))

    # --- rules ----------------------------------------------------------------------------------------------

    def listing(self, symbol: str) -> Listing:
        """A contract's rules."""
        return self._exchange.floor.contract(symbol).listing

    def _wallet(self, symbol: str) -> Wallet:
        return self.listing(symbol).wallet

    def change_rules(self, symbol: str, **rules: Any) -> Listing:
        """Give a contract other rules while it trades; the rules that it had."""
        exchange, before = self._exchange, self.listing(symbol)
        changed = replace(before, **rules)
        exchange.relist(changed)
        return before

    def change_modes(self, symbol: str, *, leverage: int, isolated: bool, hedge_mode: bool) -> None:
        """Someone sets the account's modes, positions and orders or not."""
        floor = self._exchange.floor
        account = floor.account(self.user)
        holding = account.holding(symbol)
        account.leverage[symbol] = leverage
        if isolated is not (symbol in account.isolated):
            account.isolated ^= {symbol}
            margin = floor.board.notional_of(symbol, holding) / leverage
            holding.isolated_margin = margin.quantize(GRID) if isolated else ZERO
        account.hedge_mode = hedge_mode

    def modes(self, symbol: str) -> tuple[int, bool, bool]:
        """(leverage, isolated, hedge mode) as they are."""
        account = self._exchange.floor.account(self.user)
        return account.leverage_of(symbol), symbol in account.isolated, account.hedge_mode
