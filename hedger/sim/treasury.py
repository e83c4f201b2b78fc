"""Money that comes, goes and changes wallets: deposits, withdrawals, transfers, granted options."""

from __future__ import annotations

from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.sim.floor import Floor
from hedger.sim.ledger import COLLATERAL, Listings
from hedger.sim.nouns import BalanceNews, OptionListing, Refusal, Refused, Wallet


class Treasury:
    """Credits and debits by a user's wish; the derivatives wallet of a coin holds that coin only."""

    def __init__(self, floor: Floor, listings: Listings) -> None:
        self._floor, self._listings = floor, listings

    def deposit(self, user: str, wallet: Wallet, asset: str, quantity: Decimal) -> None:
        """Move coins in from outside (negative: a withdrawal; raises `Refused(INSUFFICIENT_BALANCE)`)."""
        self._credit(user, wallet, asset, quantity, "deposit" if quantity > 0 else "withdrawal")
        self._floor.ledger.deposited[asset] += quantity

    def transfer(self, user: str, asset: str, quantity: Decimal, *, to: Wallet) -> None:
        """Move collateral between the spot wallet and the derivatives wallet that holds the asset; raises
        `Refused(INSUFFICIENT_BALANCE)`."""
        assert quantity > 0, "the direction is in `to`"
        derivatives = Wallet.LINEAR if asset == COLLATERAL else Wallet.INVERSE
        source = derivatives if to is Wallet.SPOT else Wallet.SPOT
        self._credit(user, source, asset, -quantity, "transfer")
        self._credit(user, to, asset, quantity, "transfer")

    def _credit(self, user: str, wallet: Wallet, asset: str, quantity: Decimal, reason: str) -> None:
        floor, account = self._floor, self._floor.account(user)
        if wallet is Wallet.SPOT:
            free = account.free(asset, self._listings)
        else:
            assert (asset == COLLATERAL) is (wallet is Wallet.LINEAR), "the derivatives wallet holds collateral only"
            free = min(floor.board.available(account, asset), account.wallets[asset])
        if quantity < 0 and free < -quantity:
            raise Refused(Refusal.INSUFFICIENT_BALANCE, f"not enough free {asset}")
        held = account.spot if wallet is Wallet.SPOT else account.wallets
        held[asset] += quantity
        floor.publish(BalanceNews(user=user, wallet=wallet, reason=reason, at=floor.now))

    def grant(self, user: str, listing: OptionListing, quantity: Decimal, premium: Decimal | None) -> None:
        """Give a user option contracts (negative: sold) against the crowd; a `premium` per coin changes hands."""
        account = self._floor.account(user)
        due = quantity * listing.contract_multiplier * (premium or ZERO)
        if due > 0 and account.wallets[listing.settle] < due:
            raise Refused(Refusal.INSUFFICIENT_BALANCE, f"not enough {listing.settle} for the premium")
        self._floor.options.grant(account, listing, quantity, premium)
        self._floor.publish(BalanceNews(user=user, wallet=listing.wallet, reason="option", at=self._floor.now))
