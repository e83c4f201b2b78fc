"""Whether what else is seen of a coin's price bears out the price that an order would be decided on.

A venue that is wrong by a factor is wrong in its quote, its mark and its index at once, and they bear each other out:
only somebody else tells, another venue's index, or what the account itself says of the position.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from statistics import median

from hedger.engine.held.expiry import has_expired
from hedger.engine.held.money import usd_price
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import State
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.market import Mark
from hedger.model.numeric import ONE

APART = Decimal("0.15")  # between the account's mark and the market's: the reading may be older by some seconds
FROM_MIDDLE = Decimal("0.1")  # venues' indexes of one coin do not part so far while there is a market at all
YOUNG_MS = 60_000  # old enough to trade on no more, young enough to contradict what is a tenth away
DOLLAR = "USD"


def contradicted(state: State, hedge: Hedge, instrument: Instrument, mark: Mark) -> str | None:
    """Why a mark cannot be believed, in words, because another source says something else; None where none does."""
    return _by_the_account(state, mark) or _by_other_venues(state, hedge, instrument, mark)


def _by_the_account(state: State, mark: Mark) -> str | None:
    """The position's own mark comes by another request. It is asked for only of what is held: the rest may be 0."""
    reading = state.accounts[mark.id.account].reading
    for row in () if reading is None else reading.positions:
        if row.id == mark.id and row.quantity and abs(mark.mark_price / row.mark_price - 1) > APART:
            return f"{mark.id} is marked at {mark.mark_price} by the market and at {row.mark_price} in the account"
    return None


def _by_other_venues(state: State, hedge: Hedge, instrument: Instrument, mark: Mark) -> str | None:
    """One voice a venue. Of two that part nobody knows which is wrong, so neither is used; of three the odd one."""
    own = instrument.coin_price(mark.index_price)
    voices = {**dict(_indexes_elsewhere(state, hedge, instrument)), _venue_of(state, mark.id): own}
    if abs(own / median(voices.values()) - 1) <= FROM_MIDDLE:
        return None
    told = ", ".join(f"{float(price):.6g} on {venue}" for venue, price in sorted(voices.items()))
    return f"the index of {instrument.underlying} in {instrument.quote} is {told}"


def _indexes_elsewhere(state: State, hedge: Hedge, instrument: Instrument) -> Iterator[tuple[str, Decimal]]:
    """The venue and the price of one coin, in the instrument's quote, for each index of the last minute elsewhere."""
    own = _venue_of(state, instrument.id)
    for id, (mark, received_at) in state.marks.items():
        other, venue = state.instruments.get(id), _venue_of(state, id)
        if other is None or other.underlying != instrument.underlying or venue == own:
            continue
        if id in state.delisted or has_expired(state, id):  # its last index may be told for ever
            continue
        # A venue whose clock is not known yet may contradict all the same: its price only must not be an old one.
        age = max(state.now - received_at, state.now + state.accounts[id.account].offset_ms - mark.exchange_at)
        money = _exchange_rate(state, hedge, other.quote, instrument.quote)
        if age <= YOUNG_MS and money is not None:
            yield venue, other.coin_price(mark.index_price) * money


def _venue_of(state: State, id: InstrumentId) -> str:
    return state.venues.get(id.account, id.account)


def _exchange_rate(state: State, hedge: Hedge, quote: str, wanted: str) -> Decimal | None:
    """What one unit of a quote is worth in another one; None where the hedge is not told what each is worth."""
    if quote == wanted:
        return ONE
    worth = {DOLLAR} | {peg.asset for peg in hedge.pegs}
    if quote not in worth or wanted not in worth:
        return None
    return usd_price(state, hedge, quote) / usd_price(state, hedge, wanted)
