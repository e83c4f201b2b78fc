"""What of each account is believed, and what is doubted: as JSON for status, `hedger reconcile` and the console."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from hedger.engine.known.state import AccountView, State
from hedger.model.account import AccountReading, Margin
from hedger.model.identity import parse_order_id
from hedger.model.numeric import plain
from hedger.ops.figures import iso


def belief_status(state: State, account: str) -> dict[str, Any]:
    """One account: its believed reading with its age, what it is worth, and everything that is not explained yet.

    `differences` are movements that our own fills do not explain: `doubted` waits for a second reading, `unexplained`
    for the executions of that time, `unshown` are executions of others that no reading has shown. Quantities are
    signed, in units of an instrument or in coins of an asset. What is not known is None.
    """
    view = state.accounts[account]
    reading = view.reading
    return {
        "read_at": None if reading is None else iso(view.believed_at),
        "read_age_s": None if reading is None else round(max(state.now - view.believed_at, 0) / 1000, 3),
        "settled": view.settled,
        "clean_readings": view.clean_cycles,
        "readings_owed": view.owed,
        "mistrusted": view.mistrusted,
        "failures": view.failures,
        "last_failure": view.last_failure or None,
        "stream_up": view.stream_up,
        "clock_offset_ms": view.offset_ms,
        "one_way": None if reading is None else reading.one_way,
        "margin": None if reading is None else margin_status(reading.margin),
        "coin_margins": {} if reading is None else _margins(reading.coin_margins),
        "spot": {} if reading is None else _amounts(reading.spot),
        "collateral": {} if reading is None else _amounts(reading.collateral),
        "differences": list(differences(view)),
        "foreign_orders": [] if reading is None else list(_foreign(reading)),
    }


def margin_status(margin: Margin) -> dict[str, str]:
    """The margin of one wallet, in its own asset; `margin_ratio` is maintenance margin over equity."""
    amounts = {
        "equity": margin.equity,
        "available": margin.available,
        "initial_margin": margin.initial_margin,
        "maintenance_margin": margin.maintenance_margin,
    }
    told = {name: plain(round(amount, 8)) for name, amount in amounts.items()}
    return {**told, "margin_ratio": plain(round(margin.margin_ratio, 6))}


def differences(view: AccountView) -> Iterator[dict[str, str | None]]:
    """What of an account's movements is not explained: what, how much, why it is told, and since when."""
    since = iso(view.doubt.since_at) if view.doubt.since_at else None
    for id, quantity in view.doubt.shifts.items():
        if quantity:
            yield _difference("doubted", str(id), quantity, since)
    for id, shift in view.movement.shifts.items():
        if shift.quantity:
            yield _difference("unexplained", str(id), shift.quantity, iso(shift.began_at))
    for asset, quantity in view.movement.coins.items():
        if quantity:
            yield _difference("unexplained", asset, quantity, None)
    for strange in view.evidence.strange:
        yield _difference("unshown", str(strange.id), strange.quantity, iso(strange.exchange_at))


def _difference(kind: str, what: str, quantity: Decimal, since: str | None) -> dict[str, str | None]:
    return {"kind": kind, "what": what, "quantity": plain(quantity), "since": since}


def _margins(margins: Mapping[str, Margin]) -> dict[str, dict[str, str]]:
    return {coin: margin_status(margin) for coin, margin in sorted(margins.items())}


def _amounts(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {asset: plain(amount) for asset, amount in sorted(amounts.items()) if amount}


def _foreign(reading: AccountReading) -> Iterator[dict[str, str | None]]:
    """Open orders on our instruments that do not carry our tag: never touched, but somebody should know of them."""
    for order in reading.open_orders:
        if order.client_order_id is None or parse_order_id(order.client_order_id) is None:
            yield {
                "instrument": str(order.id),
                "side": order.side.value,
                "quantity": plain(order.quantity),
                "price": plain(order.price),
                "client_order_id": order.client_order_id,
            }
