"""Three quiet days, and half a year of funding: what is remembered and what is written stays small."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

from hedger.engine.known.state import State
from hedger.engine.news.fold import FUNDING_REMEMBERED
from hedger.engine.step import step
from hedger.model.account import FundingPayment
from hedger.model.message import (
    ClockMeasured,
    Event,
    FundingRead,
    InstrumentsLoaded,
    OrderAccepted,
    PlaceOrder,
    Stamped,
    TimePassed,
)
from hedger.model.order import ReportStatus
from hedger.model.spans import DAY_MS, HOUR_MS
from hedger.runtime.inputs import Recorder
from hedger.runtime.journal import Journal
from hedger.runtime.record import rows_of
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import (
    NOW,
    fill_of,
    hedging,
    mark_at,
    quote_at,
    read_at,
    reading_of,
    report_of,
)

EVERY_MS = 300_000
# A day in five-minute steps: what is five minutes old is as fresh here as what is a second old otherwise.
POLICY = policy_of(hedge_of(guards={"quote_age": HOUR_MS, "mark_age": HOUR_MS, "account_age": HOUR_MS}))
DAYS = 3
HEDGES_A_DAY = 4


class Venue:
    """Fills every order at once; coins come in every six hours, funding every eight, the rules every hour."""

    def __init__(self, journal: Journal) -> None:
        self.state = hedging("1", "-1")
        self.spot, self.position = D(1), D(-1)
        self.placed = 0
        self._journal, self._recorder = journal, Recorder(POLICY)
        self._payments: list[FundingPayment] = []

    def pass_time(self, now: int) -> None:
        """What reaches the hedger every five minutes."""
        self._tell(now, replace(quote_at(), exchange_at=now))
        self._tell(now, replace(mark_at(), exchange_at=now))
        if now % (DAY_MS // HEDGES_A_DAY) == 0:
            self.spot += D("0.1")
        if now % HOUR_MS == 0:
            self._tell(now, InstrumentsLoaded(account=ACCOUNT, instruments=(instrument_of(),)))
        if now % (8 * HOUR_MS) == 0:
            paid = FundingPayment(id=perpetual(), payment_id=str(now), amount=D("-0.5"), asset="USDT", exchange_at=now)
            self._payments = [*(p for p in self._payments if p.exchange_at > now - DAY_MS), paid]
        self._tell(
            now, FundingRead(account=ACCOUNT, requested_at=now, since_at=now - DAY_MS, payments=tuple(self._payments))
        )
        self._tell(now, ClockMeasured(account=ACCOUNT, offset_ms=0))
        self._tell(now, read_at(now, reading_of(self.spot, self.position, at=now), requested_at=now - 1).event)
        self._tell(now, TimePassed())

    def _tell(self, now: int, event: Event) -> None:
        before, stamped = self.state, Stamped(now, event)
        result = step(before, stamped, POLICY)
        self.state = result.state
        self._journal.write(rows_of(before, stamped, result, self._recorder))
        for command in result.commands:
            if isinstance(command, PlaceOrder):
                self._fill(now, command)

    def _fill(self, now: int, command: PlaceOrder) -> None:
        self.placed += 1
        order = self.state.orders[command.client_order_id]
        self.position += command.side.sign * command.quantity
        self._tell(now, OrderAccepted(client_order_id=command.client_order_id, venue_order_id=f"v{self.placed}"))
        known = self.state.orders[command.client_order_id]
        fill = fill_of(known, order.quantity, trade_id=str(self.placed), at=now)
        self._tell(now, replace(fill, venue_order_id=f"v{self.placed}"))
        done = report_of(known, ReportStatus.FILLED, order.quantity, now)
        self._tell(now, replace(done, venue_order_id=f"v{self.placed}"))


def sizes(state: State) -> Iterator[int]:
    """How many things of each kind the state remembers."""
    memory = state.hedges["btc"]
    yield from (len(state.orders), len(state.quotes), len(state.marks), len(state.markouts), len(state.changes))
    yield from (len(memory.sent_at), len(memory.prices), len(memory.cancels), len(state.accounts[ACCOUNT].fills_since))
    yield from (len(ids) for ids in state.funding_seen.values())
    for book in state.books.values():
        yield from (len(book.rows), len(book.ended), len(book.carry.cash), len(book.carry.open), len(book.carry.moved))


def test_over_three_quiet_days_the_state_stays_small_and_few_rows_are_written(tmp_path: Path) -> None:
    with closing(Journal.open(tmp_path, durable=False)) as journal:
        venue = Venue(journal)
        most = 0
        for now in range(NOW, NOW + DAYS * DAY_MS, EVERY_MS):
            venue.pass_time(now)
            most = max(most, *sizes(venue.state))
        assert venue.state.halted is None
        assert venue.placed >= DAYS * HEDGES_A_DAY - 1, "it did hedge"
        assert most <= 3 * DAYS + 1, "funding, which is remembered longest"
        rows = Counter({kind: count for kind, count, _, _ in journal.counts()})
        books = 3 * 48 * DAYS  # every half hour: two rows of the day, and what is carried
        assert sum(rows.values()) <= 33 * venue.placed + 10 * DAYS + books, rows
        assert rows["fill"] == venue.placed
        assert rows["funding"] == 3 * DAYS
        assert rows["instrument"] <= 1, "rules that did not change are not written again"


def test_of_half_a_year_of_funding_of_many_coins_only_the_last_is_remembered() -> None:
    state, booked = hedging("1", "-1"), 0
    for payment in range(0, 4 * FUNDING_REMEMBERED, 10):
        listed = range(max(0, payment - 30), payment + 10)
        payments = tuple(
            FundingPayment(id=perpetual(), payment_id=str(n), amount=D(1), asset="USDT", exchange_at=NOW + n)
            for n in listed
        )
        booked = payment + 10
        read = FundingRead(account=ACCOUNT, requested_at=NOW, since_at=NOW, payments=payments)
        state = step(state, Stamped(NOW, read), POLICY).state
        assert len(state.funding_seen[ACCOUNT]) <= FUNDING_REMEMBERED
        assert state.ledgers["btc"].funding == booked, "each once"
