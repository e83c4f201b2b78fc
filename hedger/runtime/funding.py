"""What a funding payment was paid on: its row in the journal has the position beside it, so that a rate can be told."""

from __future__ import annotations

from dataclasses import asdict

from hedger.engine.held.exposure import position_of
from hedger.engine.known.state import State
from hedger.model.account import FundingPayment
from hedger.model.numeric import ONE

KNOWN_FOR_MS = 600_000


def paid_on(state: State, payment: FundingPayment) -> dict[str, object]:
    """A payment with what it was paid on, as far as that is still known shortly after.

    `notional` is signed, in quote at the mark; `price` that of the payment's asset in quote; `interval_ms` how long the
    payment is for. They are None where the payment was learnt of too late to know what was held then.
    """
    body: dict[str, object] = asdict(payment)
    instrument, mark = state.instruments.get(payment.id), state.marks.get(payment.id)
    offset_ms = state.accounts[payment.id.account].offset_ms if payment.id.account in state.accounts else 0
    late = state.now + offset_ms - payment.exchange_at > KNOWN_FOR_MS
    if instrument is None or mark is None or late or not mark[0].funding_interval_ms:
        return body | {"notional": None, "price": None, "interval_ms": None}
    price = mark[0].mark_price
    return body | {
        "notional": instrument.notional(position_of(state, payment.id), price),
        "price": instrument.coin_price(price) if payment.asset == instrument.underlying else ONE,
        "interval_ms": mark[0].funding_interval_ms,
    }
