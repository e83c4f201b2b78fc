"""What the dated futures on a hedge's coin say of forwards: live marks, or what the positions were read with."""

from __future__ import annotations

from decimal import Decimal

from hedger.engine.formulas.forward_curve import Curve
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import State
from hedger.model.instrument import InstrumentId


def curve_of(state: State, hedge: Hedge) -> Curve:
    """(expiry_at, mark over index) of the dated futures on a hedge's coin. A mark counts while it is no older than a
    reading may be; else, and where the hedge does not trade the future, the reading's own prices count."""
    points: dict[InstrumentId, tuple[int, float]] = {}
    for account in state.accounts_of_hedge[hedge.name]:
        reading = state.accounts[account].reading
        for row in reading.positions if reading is not None else ():
            if row.underlying == hedge.underlying and row.expiry_at is not None and row.index_price is not None:
                _add(points, row.id, row.expiry_at, row.mark_price, row.index_price)
    for id, (mark, received_at) in state.marks.items():
        rules = state.instruments.get(id)
        if rules is None or rules.underlying != hedge.underlying or rules.expiry_at is None:
            continue
        if state.now - received_at <= hedge.guards.account_age:
            _add(points, id, rules.expiry_at, mark.mark_price, mark.index_price)
    return tuple(sorted(points.values()))


def _add(
    points: dict[InstrumentId, tuple[int, float]], id: InstrumentId, expiry_at: int, mark: Decimal, index: Decimal
) -> None:
    """A price of nothing, as of what nobody holds, says nothing."""
    if mark > 0 and index > 0:
        points[id] = (expiry_at, float(mark / index))
