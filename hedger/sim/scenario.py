"""A seeded life of the owner's coins: deposits and withdrawals at random times, inside `Exchange.advance`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from random import Random

from hedger.model.numeric import ZERO
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioConfig:
    """How restless the holding is.

    Times in seconds, as (least, most); sizes as shares of the holding at the start; the holding stays between
    `floor` and `ceiling` times what it was at the start.
    """

    first_s: tuple[float, float] = (20.0, 40.0)
    every_s: tuple[float, float] = (30.0, 180.0)
    size: tuple[float, float] = (0.01, 0.15)
    floor: Decimal = Decimal("0.4")
    ceiling: Decimal = Decimal("1.4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happened to the holding: a positive quantity came, a negative one went."""

    at: int
    asset: str
    quantity: Decimal


class Scenario:
    """Moves each of `coins` in and out of a user's spot wallet, or of the wallets that are kept in coins.

    `changes` says what was done.
    """

    def __init__(
        self,
        exchange: Exchange,
        rng: Random,
        user: str,
        coins: Sequence[str],
        config: ScenarioConfig | None = None,
        *,
        wallet: Wallet = Wallet.SPOT,
    ) -> None:
        assert wallet is not Wallet.LINEAR, "that one has no coins"
        self.changes: list[Change] = []
        self._stopped = False
        self._exchange, self._rng, self._user, self._wallet = exchange, rng, user, wallet
        self._config = config or ScenarioConfig()
        self._started_with = {coin: self._held(coin)[0] for coin in coins}
        for coin in coins:
            if self._started_with[coin] > 0:
                self._plan(coin, self._config.first_s)

    def stop(self) -> None:
        """Change nothing any more, so that a run can end on a book that nobody is about to move."""
        self._stopped = True

    def _plan(self, coin: str, within_s: tuple[float, float]) -> None:
        at = self._exchange.now + int(self._rng.uniform(*within_s) * 1000)
        self._exchange.schedule(at, lambda: self._change(coin))

    def _change(self, coin: str) -> None:
        if self._stopped:
            return
        quantity = self._draw(coin)
        if quantity:
            self._exchange.deposit(self._user, self._wallet, coin, quantity)
            self.changes.append(Change(at=self._exchange.now, asset=coin, quantity=quantity))
        self._plan(coin, self._config.every_s)

    def _draw(self, coin: str) -> Decimal:
        """A size with a sign; the other sign if that would leave the bounds, nothing if locked coins forbid it."""
        start, config = self._started_with[coin], self._config
        lot = self._exchange.listings[Wallet.SPOT, f"{coin}USDT"].lot_size
        size = (start * Decimal(self._rng.uniform(*config.size))).quantize(lot, ROUND_DOWN)
        held, free = self._held(coin)
        quantity = size if self._rng.random() < 0.5 else -size
        if not start * config.floor <= held + quantity <= start * config.ceiling:
            quantity = -quantity
        return quantity if free + quantity >= 0 else ZERO

    def _held(self, coin: str) -> tuple[Decimal, Decimal]:
        """How many coins are in the wallet, and how many of them could leave it."""
        if self._wallet is Wallet.SPOT:
            free, locked = self._exchange.spot_balances(self._user).get(coin, (ZERO, ZERO))
            return free + locked, free
        wallet = self._exchange.derivatives(self._user).get(coin)
        if wallet is None:
            return ZERO, ZERO
        return wallet.wallet_balance, min(wallet.wallet_balance, wallet.available)
