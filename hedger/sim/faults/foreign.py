"""Other hands on an account: tiny fills, self-trade prevention, switches that fire, people, deleveraging, debits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_DOWN, Decimal
from types import MappingProxyType

from hedger.model.numeric import ZERO
from hedger.model.order import Side
from hedger.sim.faults.scene import Scene

CENT = Decimal("0.01")


def crumbs(scene: Scene) -> None:
    """V10: whoever trades with us takes a lot or two at a time."""

    def take() -> None:
        for order in scene.hands.own():
            lot = scene.hands.listing(order.symbol).lot_size
            if scene.hands.hit(order.order_id, lot * scene.rng.randint(1, 3)):
                scene.strike(f"a crumb of {order.client_order_id}")

    scene.every(200, 1_500, take)


def self_trade(scene: Scene) -> None:
    """V18: the exchange cancels what rests, to prevent a trade with ourselves."""

    def expire() -> None:
        for order in scene.hands.own()[:1]:
            if scene.hands.expire(order.order_id):
                scene.strike(f"{order.client_order_id} expired in match")

    scene.every(1_000, 5_000, expire)


def early_switch(scene: Scene) -> None:
    """V29: the countdown ends before its time, and every order of the symbol goes."""

    def fire() -> None:
        gone = scene.exchange.dead_man.fire(scene.hands.user, scene.symbol)
        scene.strike(f"the switch fired: {gone} orders went")

    scene.every(3_000, 15_000, fire)


def rules(scene: Scene) -> None:
    """V31: coarser ticks, coarser lots, a higher least notional, or no trading: what rests goes, and later all is as
    before. That nothing trades is the house's doing (`House.suspended`)."""
    form, before = scene.strikes.variant("V31", 4), scene.listing
    for order in scene.hands.own():
        scene.hands.expire(order.order_id)
    if form == 3:
        return
    if form == 0:
        scene.hands.change_rules(scene.symbol, tick_size=before.tick_size * 10)
    elif form == 1:
        lot = before.lot_size * 10
        scene.hands.change_rules(scene.symbol, lot_size=lot, min_quantity=lot)
    else:
        scene.hands.change_rules(scene.symbol, min_notional=before.min_notional * 5)
    scene.strike(f"{scene.symbol} has a coarser {('tick', 'lot', 'least notional')[form]}")
    scene.at_the_end(lambda: scene.exchange.relist(before))


def in_transit(scene: Scene) -> None:
    """D10: coins leave one account and arrive at another (or come back) later."""
    coin = scene.listing.base
    quantity = (scene.coin() * Decimal(str(round(scene.rng.uniform(0.1, 0.5), 3)))).quantize(CENT, ROUND_DOWN)
    if not quantity or not scene.hands.move_coins(coin, -quantity):
        return
    scene.strike(f"{quantity} {coin} are on their way for {scene.span_ms / 1000:.0f} s")
    to = scene.others[0] if scene.others else scene.hands
    scene.at_the_end(lambda: _arrive(scene, to.move_coins(coin, quantity), quantity))


def _arrive(scene: Scene, arrived: bool, quantity: Decimal) -> None:
    assert arrived, f"{quantity} of {scene.symbol} must arrive"


def force(scene: Scene) -> None:
    """A02: the exchange deleverages the hedge, or liquidates the account."""
    position = scene.position()
    if not position:
        scene.every(5_000, 5_000, lambda: _deleverage(scene), surely=True)
    elif scene.rng.random() < 0.7:
        _deleverage(scene)
    else:
        _liquidate(scene)


def _deleverage(scene: Scene) -> None:
    position = scene.position()
    if position:
        gone = scene.exchange.deleverage(scene.hands.user, scene.symbol, scene.part(position, 0.1, 0.6))
        scene.strike(f"{gone} of {position} were deleveraged")


def _liquidate(scene: Scene) -> None:
    """Losses elsewhere eat the collateral; after the liquidation the owner pays it in again."""
    board, user = scene.exchange.floor.board, scene.hands.user
    account = board.linear_account(scene.exchange.floor.account(user))
    lost = (account.equity - account.maintenance_margin / 2).quantize(CENT, ROUND_DOWN)
    scene.hands.credit(-lost)
    scene.exchange.refresh_marks()
    scene.strike(f"liquidated after a loss of {lost}")
    scene.at_the_end(lambda: scene.hands.credit(lost))


def somebody_else(scene: Scene) -> None:
    """A03: another hand trades at the market, and rests orders far off, which nobody but it may cancel."""
    rested: list[str] = []

    def act() -> None:
        side = scene.rng.choice((Side.BUY, Side.SELL))
        size = scene.part(scene.units(scene.coin() or Decimal(1)), 0.005, 0.08)
        if scene.rng.random() < 0.6:
            name = scene.hands.trade(scene.symbol, side, size)
        else:
            tick = scene.listing.tick_size
            name = scene.hands.rest(scene.symbol, side, size, scene.mid() * (1 - side.sign * 3 / 100) // tick * tick)
            rested.extend([name] if name else [])
        if name:
            scene.foreign.add(name)
            scene.strike(f"{name}: {side.value} {size} by another hand")

    def leave() -> None:
        for name in rested:
            scene.hands.cancel(scene.symbol, name)

    scene.every(5_000, 60_000, act)
    scene.at_the_end(leave)


def by_hand(scene: Scene) -> None:
    """O05: the operator hedges by hand while the daemon hedges."""
    coins = scene.units(scene.coin())
    delta = coins + scene.position()
    side = Side.SELL if delta > 0 else Side.BUY
    size = scene.part(max(abs(delta), abs(coins) / 10), 0.2, 1.0)
    name = scene.hands.trade(scene.symbol, side, size)
    if name:
        scene.foreign.add(name)
        scene.strike(f"{name}: {side.value} {size} by the operator")


def modes(scene: Scene) -> None:
    """A05: leverage, margin mode or position mode is changed, and at the end changed back."""
    leverage, isolated, hedge_mode = scene.hands.modes(scene.symbol)
    form = scene.rng.randrange(3)
    scene.hands.change_modes(
        scene.symbol,
        leverage=leverage + 4 if form == 0 else leverage,
        isolated=not isolated if form == 1 else isolated,
        hedge_mode=not hedge_mode if form == 2 else hedge_mode,
    )
    scene.strike(f"{('leverage', 'margin mode', 'position mode')[form]} of {scene.symbol} was changed")
    back = {"leverage": leverage, "isolated": isolated, "hedge_mode": hedge_mode}
    scene.at_the_end(lambda: scene.hands.change_modes(scene.symbol, **back))  # type: ignore[arg-type]


def debits(scene: Scene) -> None:
    """A10: fees, interest and rebates move balances by a little."""

    def debit() -> None:
        amount = Decimal(str(round(scene.rng.uniform(-5, 2), 2)))
        scene.hands.credit(amount)
        scene.strike(f"{amount} USDT")

    scene.every(5_000, 60_000, debit)


def margin_shock(scene: Scene) -> None:
    """M04: most of what backs the positions goes, and comes back at the end."""
    account = scene.exchange.floor.board.linear_account(scene.exchange.floor.account(scene.hands.user))
    spare = account.equity - account.maintenance_margin * 2
    lost = (max(ZERO, spare) * Decimal(str(round(scene.rng.uniform(0.8, 0.99), 3)))).quantize(CENT, ROUND_DOWN)
    if not lost:
        return
    scene.hands.credit(-lost)
    scene.strike(f"{lost} of {account.equity:.2f} USDT went")
    scene.at_the_end(lambda: scene.hands.credit(lost))


ACCOUNT_ACTS: Mapping[str, Callable[[Scene], None]] = MappingProxyType(
    {
        "V10": crumbs,
        "V18": self_trade,
        "V29": early_switch,
        "V31": rules,
        "D10": in_transit,
        "A02": force,
        "A03": somebody_else,
        "A05": modes,
        "A10": debits,
        "M04": margin_shock,
        "O05": by_hand,
    }
)
