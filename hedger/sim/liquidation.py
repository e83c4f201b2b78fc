"""What happens to positions that margin no longer covers: liquidation, then deleveraging of others."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from hedger.model.instrument import Payoff
from hedger.model.numeric import ZERO, ceil_to, floor_to
from hedger.model.order import Side
from hedger.sim.floor import Floor
from hedger.sim.ledger import Account, Holding, grid_of
from hedger.sim.margin import bankruptcy_price, inverse_bankruptcy_price, tier_of
from hedger.sim.nouns import BalanceNews, OrderState, SimOrder, Wallet
from hedger.sim.pit import CROWD, Party, Pit

LIQUIDATION_FEE = Decimal("0.0125")  # of the notional, as far as the account still has it
FAR = 100  # times the mark: where no price makes a position bankrupt, any that the book offers will do
AUTOCLOSE = "autoclose-"
ADL_AUTOCLOSE = "adl_autoclose"
SETTLEMENT = "settlement_autoclose-"


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
            for asset in self._floor.board.assets(account):
                while (worst := self._worst(account, asset)) and self._sunk(account, asset):
                    self._close_some(account, worst, self._floor.board.cross_equity(account, asset))

    def _sunk(self, account: Account, asset: str) -> bool:
        board = self._floor.board
        return board.cross_equity(account, asset) <= board.cross_maintenance(account, asset)

    def _sunk_alone(self, symbol: str, holding: Holding) -> bool:
        board = self._floor.board
        equity = holding.isolated_margin + holding.unrealized(board.marks[symbol])
        return equity <= board.maintenance_of(symbol, holding)

    def _worst(self, account: Account, asset: str) -> str | None:
        """The cross position that settles in `asset` with the most maintenance margin."""
        board = self._floor.board
        held = board.held(account, isolated=False, asset=asset)
        return max(held, key=lambda item: board.maintenance_of(*item))[0] if held else None

    # --- liquidation ----------------------------------------------------------------------------------------

    def _close_some(self, account: Account, symbol: str, backing: Decimal) -> None:
        """Close down to the floor of the present tier (all of it in the first)."""
        floor, pit = self._floor, self._floor.contract(symbol)
        holding, asset = account.holding(symbol), pit.listing.settle
        if symbol in account.isolated:
            backing += holding.unrealized(floor.marks[symbol])
        self._cancel_orders(account, asset)
        side = Side.SELL if holding.quantity > 0 else Side.BUY
        limit = self._bankruptcy(pit, holding, backing)
        before = floor.board.wallet(account, asset).equity
        self._closes += 1
        name = f"{AUTOCLOSE}{floor.now}{self._closes:04d}"
        order = floor.force(account, pit, side, self._step(pit, holding), name, limit)
        self._hand_over(account, pit, order, limit)
        account.liquidations += 1
        lost = before - floor.board.wallet(account, asset).equity
        self._charge(account, pit, order, backing - lost)
        floor.ledger.cover(account, asset, floor.board.cross_equity(account, asset))
        floor.publish(BalanceNews(user=account.name, wallet=pit.listing.wallet, reason="liquidation", at=floor.now))

    def _cancel_orders(self, account: Account, asset: str) -> None:
        """The orders whose fills would settle in the asset."""
        floor = self._floor
        for order in [o for o in account.working.values() if o.wallet is not Wallet.SPOT]:
            pit = floor.contract(order.symbol)
            if pit.listing.settle == asset:
                floor.finish(account, pit, order, OrderState.CANCELED)
                floor.publish_book(pit)

    def _step(self, pit: Pit, holding: Holding) -> Decimal:
        listing, mark, held = pit.listing, self._floor.marks[pit.listing.symbol], abs(holding.quantity)
        tier = tier_of(listing.tiers, listing.notional(held, mark))
        return held - floor_to(listing.units(tier.notional_floor, mark), listing.lot_size)

    def _bankruptcy(self, pit: Pit, holding: Holding, equity: Decimal) -> Decimal:
        listing, mark, quantity = pit.listing, self._floor.marks[pit.listing.symbol], holding.quantity
        if listing.payoff is Payoff.INVERSE:
            found = inverse_bankruptcy_price(quantity * listing.contract_multiplier, mark, equity)
            price = found if found is not None else mark * FAR
        else:
            price = bankruptcy_price(quantity, mark, equity)
        onto_grid = ceil_to if quantity > 0 else floor_to
        return max(listing.tick_size, onto_grid(price, listing.tick_size))

    def _charge(self, account: Account, pit: Pit, order: SimOrder, left: Decimal) -> None:
        """The liquidation fee goes to the insurance fund, as far as the backing still holds it."""
        listing = pit.listing
        filled = order.quote_filled
        if listing.payoff is Payoff.INVERSE:
            filled = filled / self._floor.marks[listing.symbol]
        fee = min(filled * LIQUIDATION_FEE, max(ZERO, left)).quantize(grid_of(listing.settle), ROUND_FLOOR)
        account.wallets[listing.settle] -= fee
        account.fees[listing.settle] += fee
        self._floor.ledger.insurances[listing.settle] += fee

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
        account, pit = self._floor.account(user), self._floor.contract(symbol)
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
        floor.publish(BalanceNews(user=winner.name, wallet=pit.listing.wallet, reason="adl", at=floor.now))
