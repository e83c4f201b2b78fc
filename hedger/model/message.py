"""What reaches the engine (events, past tense) and what it asks for (commands, imperative).

An event travels in a `Stamped` envelope: `at` is set once, on receipt, by the one reader's clock, in
milliseconds since 1970, UTC. The engine has no other time.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from hedger.model.account import AccountReading, FundingPayment
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.market import Candle, FundingRate, Mark, Quote
from hedger.model.order import Fill, OrderReport, RejectReason, Side

# --- events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentsLoaded:
    """An account's instruments were read, at the start (with leverage, margin and position mode set and confirmed) or
    again later: one that is missing then does not trade any more."""

    account: str
    instruments: tuple[Instrument, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRead:
    """A complete reading arrived that was asked for at `requested_at` (our clock)."""

    requested_at: int
    reading: AccountReading


@dataclass(frozen=True, slots=True, kw_only=True)
class FillsRead:
    """A complete list of our fills on one instrument since `since_at`, asked for at `requested_at`."""

    id: InstrumentId
    requested_at: int
    since_at: int
    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRead:
    """A complete list of funding payments of one account since `since_at`."""

    account: str
    requested_at: int
    since_at: int
    payments: tuple[FundingPayment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CandlesRead:
    """The closed bars of an instrument's index price, oldest first, each `interval_ms` long, without a gap."""

    id: InstrumentId
    interval_ms: int
    candles: tuple[Candle, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRatesRead:
    """What the past settlements of a perpetual paid, oldest first."""

    id: InstrumentId
    rates: tuple[FundingRate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFailed:
    """A read did not succeed. It says nothing about the account; what it would have refreshed grows stale. `id` is the
    instrument that was asked about, where it was one."""

    account: str
    what: str
    reason: str
    id: InstrumentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAccepted:
    """The venue acknowledged a create, echoing our id; whatever filled comes in reports and fills."""

    client_order_id: str
    venue_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRejected:
    """The venue provably did not accept a create (or nothing was sent)."""

    client_order_id: str
    reason: RejectReason
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOutcomeUnknown:
    """The answer to a create was lost or cannot be understood: the order may exist."""

    client_order_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAnswered:
    """The venue answered a cancel. It is a request: only a report ends the order.

    `known` is False when the venue said that it knows no such order, which proves nothing by itself; None when no
    answer was heard, or one that says nothing of the order: a lost answer, a fault of the venue's, a ban.
    """

    client_order_id: str
    known: bool | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNotFound:
    """A query by our id, asked at `requested_at`, found no such order. By itself it proves nothing."""

    client_order_id: str
    requested_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamChanged:
    """A stream of an account went up or down; `up` says whether all of them are now.

    `private`: it is the one that tells of our orders. Snapshots are then read again before new risk.
    """

    account: str
    up: bool
    text: str
    private: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMeasured:
    """How far a venue's clock is ahead of ours (negative: behind), so that its times can be judged for age."""

    account: str
    offset_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalChanged:
    """The journal stopped or began again to accept writes. Without it nothing is created."""

    healthy: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePassed:
    """The clock's beat: what depends on time alone is looked at again. It came `lag_ms` later than it was due."""

    lag_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchExtended:
    """The venue confirmed, to a request of `requested_at`, that it cancels our orders `timeout_ms` after that request
    unless it is asked again."""

    account: str
    requested_at: int
    timeout_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchFailed:
    """The dead man's switch could not be extended, or nobody knows whether it was: what is left of it runs on."""

    account: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueQuieted:
    """The venue asked for quiet until `until_at` (our clock); under a ban not even cancels may be sent."""

    account: str
    until_at: int
    banned: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderWrittenOff:
    """A person looked at the venue and says that an order of unknown fate is gone, with a reason."""

    client_order_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChanged:
    """From this event on the owner's wishes are others: the policy that the engine is given with it. `digest` is that
    of the configuration, `hedges` are those that it says something else about."""

    digest: str
    hedges: tuple[str, ...]


class Operation(StrEnum):
    """What an operator, a signal or the runtime itself may ask for."""

    PAUSE = "pause"
    UNPAUSE = "unpause"
    RESUME = "resume"
    DRAIN = "drain"
    HALT = "halt"
    FLATTEN = "flatten"
    ACKNOWLEDGE = "acknowledge"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAsked:
    """A person (or the runtime on their behalf) asked for something, with a reason.

    `names` are the hedges to be flattened (none: all of them), or the alarm that is acknowledged, by its key.
    """

    operation: Operation
    reason: str
    names: tuple[str, ...] = ()


Fact = (
    AccountRead
    | OrderReport
    | Fill
    | TimePassed
    | OrderAccepted
    | OrderRejected
    | OrderOutcomeUnknown
    | CancelAnswered
    | OrderNotFound
    | FillsRead
    | FundingRead
    | CandlesRead
    | FundingRatesRead
    | ReadFailed
    | StreamChanged
    | ClockMeasured
    | JournalChanged
    | InstrumentsLoaded
    | OperatorAsked
    | SwitchExtended
    | SwitchFailed
    | VenueQuieted
    | OrderWrittenOff
    | PolicyChanged
)
Event = Quote | Mark | Fact


class Stamped(NamedTuple):
    """An event and the moment of its receipt."""

    at: int
    event: Event


# --- commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """Create one post-only limit order. `ttl_ms` is how long the request may travel before the venue refuses it."""

    id: InstrumentId
    client_order_id: str
    side: Side
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    ttl_ms: int
    decision_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Cancel one of our orders by our id."""

    id: InstrumentId
    client_order_id: str
    venue_order_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindOrder:
    """Ask the venue for the record of an order by our id."""

    id: InstrumentId
    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAccount:
    """Read the whole account now instead of at the next poll."""

    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFills:
    """Read our fills on an instrument since `since_at`."""

    id: InstrumentId
    since_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadInstruments:
    """Read the rules of an account's instruments again: they may have changed, or an instrument may be gone."""

    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendSwitch:
    """Arm or extend the venue's dead man's switch: our orders die there `timeout_ms` after we fall silent."""

    account: str
    timeout_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Latch the halt on disk: no create until a person resumes with a reason."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Everything of ours is off the books and proven so: the process may end."""

    reason: str


Command = PlaceOrder | CancelOrder | FindOrder | ReadAccount | ReadFills | ReadInstruments | ExtendSwitch | Halt | Stop
