"""What happens to positions that margin no longer covers: liquidation, then deleveraging of others."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from hedger.model.numeric import ZERO, ceil_to, floor_to
from hedger.model.order import Side
from hedger.sim.floor import CROWD, Floor, Party, Pit
from hedger.sim.ledger import COLLATERAL, GRID, Account, Holding
from hedger.sim.margin import bankruptcy_price, tier_of
from hedger.sim.nouns import BalanceNews, OrderState, SimOrder, Wallet

LIQUIDATION_FEE = Decimal("0.0125")  # of the notional, as far as the account still has it
AUTOCLOSE = "autoclose-"
ADL_AUTOCLOSE = "adl_autoclose"


class Liquidator:
    """Watches every account after each mark; closes in tier steps, as a taker, no worse than bankruptcy."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._closes = 0

    def watch(self) -> None:
        """Liquidate whoever's equity does not exceed their maintenance margin, until it does."""
        for account in self._floor.ledger.accounts.values():
            for symbol, holding in self._floor.board.held(account, isolated=True):
                while holding.quantity and self._sunk_alone(symbol, holding):
                    self._close_some(account, symbol, holding.isolated_margin)
            while (worst := self._worst(account)) and self._sunk(account):
                self._close_some(account, worst, self._floor.board.cross_equity(account))

    def _sunk(self, account: Account) -> bool:
        board = self._floor.board
        return board.cross_equity(account) <= board.cross_maintenance(account)

    def _sunk_alone(self, symbol: str, holding: Holding) -> bool:
        board = self._floor.board
        equity = holding.isolated_margin + holding.unrealized(board.marks[symbol])
        return equity <= board.maintenance_of(symbol, holding)

    def _worst(self, account: Account) -> str | None:
        """The cross position with the most maintenance margin."""
        board = self._floor.board
        held = board.held(account, isolated=False)
        return max(held, key=lambda item: board.maintenance_of(*item))[0] if held else None

    # --- liquidation ----------------------------------------------------------------------------------------

    def _close_some(self, account: Account, symbol: str, backing: Decimal) -> None:
        """Close down to the floor of the present tier (all of it in the first)."""
        floor, pit = self._floor, self._floor.pit(Wallet.LINEAR, symbol)
        holding = account.holding(symbol)
        if symbol in account.isolated:
            backing += holding.unrealized(floor.marks[symbol])
        self._cancel_orders(account)
        side = Side.SELL if holding.quantity > 0 else Side.BUY
        limit = self._bankruptcy(pit, holding, backing)
        before = floor.board.linear_account(account).equity
        self._closes += 1
        name = f"{AUTOCLOSE}{floor.now}{self._closes:04d}"
        order = floor.force(account, pit, side, self._step(pit, holding), name, limit)
        self._hand_over(account, pit, order, limit)
        account.liquidations += 1
        lost = before - floor.board.linear_account(account).equity
        self._charge(account, order, backing - lost)
        floor.ledger.cover(account, floor.board.cross_equity(account))
        floor.publish(BalanceNews(user=account.name, wallet=Wallet.LINEAR, reason="liquidation", at=floor.now))

    def _cancel_orders(self, account: Account) -> None:
        floor = self._floor
        for order in [o for o in account.working.values() if o.wallet is Wallet.LINEAR]:
            pit = floor.pit(order.wallet, order.symbol)
            floor.finish(account, pit, order, OrderState.CANCELED)
            floor.publish_book(pit)

    def _step(self, pit: Pit, holding: Holding) -> Decimal:
        mark, held = self._floor.marks[pit.listing.symbol], abs(holding.quantity)
        tier = tier_of(pit.listing.tiers, held * mark)
        return held - floor_to(tier.notional_floor / mark, pit.listing.lot_size)

    def _bankruptcy(self, pit: Pit, holding: Holding, equity: Decimal) -> Decimal:
        price = bankruptcy_price(holding.quantity, self._floor.marks[pit.listing.symbol], equity)
        onto_grid = ceil_to if holding.quantity > 0 else floor_to
        return max(pit.listing.tick_size, onto_grid(price, pit.listing.tick_size))

    def _charge(self, account: Account, order: SimOrder, left: Decimal) -> None:
        """The liquidation fee goes to the insurance fund, as far as the backing still holds it."""
        fee = min(order.quote_filled * LIQUIDATION_FEE, max(ZERO, left)).quantize(GRID, ROUND_FLOOR)
        account.wallet_balance -= fee
        account.fees[COLLATERAL] += fee
        self._floor.ledger.insurance += fee

    # --- deleveraging ---------------------------------------------------------------------------------------

    def _hand_over(self, account: Account, pit: Pit, order: SimOrder, price: Decimal) -> None:
        """What the book did not absorb goes at the bankruptcy price to the winners, then to the crowd."""
        bust = Party(account.name, order.order_id)
        for winner in self._winners(account, pit, order.side):
            left = order.quantity - order.filled
            if left:
                quantity = min(left, abs(winner.holding(pit.listing.symbol).quantity))
                self._autoclose(winner, pit, quantity, price, bust)
        left = order.quantity - order.filled
        if left:
            self._floor.execute(pit, order.side, price, left, bust, CROWD, forced=True)

    def _winners(self, loser: Account, pit: Pit, side: Side) -> list[Account]:
        """Users in profit whose positions `side` would close the other way, the highest rank first."""
        board, symbol = self._floor.board, pit.listing.symbol
        others = [a for a in self._floor.ledger.accounts.values() if a is not loser]
        opposite = [a for a in others if -side.sign * a.holding(symbol).quantity < 0]
        ranked = sorted(opposite, key=lambda a: board.score(a, symbol), reverse=True)
        return [a for a in ranked if board.score(a, symbol) > 0]

    def deleverage(self, user: str, symbol: str, quantity: Decimal, price: Decimal | None) -> Decimal:
        """Reduce a user's position against the crowd, at `price` or the mark; how much was reduced."""
        account, pit = self._floor.account(user), self._floor.pit(Wallet.LINEAR, symbol)
        reduced = min(quantity, abs(account.holding(symbol).quantity))
        if reduced:
            at = price if price is not None else floor_to(self._floor.marks[symbol], pit.listing.tick_size)
            self._autoclose(account, pit, reduced, at, CROWD)
        return reduced

    def _autoclose(self, winner: Account, pit: Pit, quantity: Decimal, price: Decimal, other: Party) -> None:
        floor = self._floor
        side = Side.SELL if winner.holding(pit.listing.symbol).quantity > 0 else Side.BUY
        order = floor.force(winner, pit, side, quantity, ADL_AUTOCLOSE, None)
        floor.execute(pit, side, price, quantity, Party(winner.name, order.order_id), other, forced=True)
        winner.deleveragings += 1
        floor.publish(BalanceNews(user=winner.name, wallet=Wallet.LINEAR, reason="adl", at=floor.now))
