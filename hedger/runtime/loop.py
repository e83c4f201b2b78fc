"""The loop: one event at a time through the engine, the journal, and out to the venues."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping

from hedger.engine.decision.decide import CREATING
from hedger.engine.guards.gate import held_back, listed
from hedger.engine.known.orders import Order
from hedger.engine.known.policy import Policy
from hedger.engine.known.revision import unrevisable
from hedger.engine.known.state import State
from hedger.engine.news.reconcile import PROOF_LAG_MS
from hedger.engine.step import step
from hedger.errors import HedgerError, JournalError
from hedger.model.message import (
    CancelOrder,
    Command,
    Event,
    ExtendSwitch,
    FillsRead,
    FindOrder,
    Halt,
    InstrumentsLoaded,
    JournalChanged,
    Operation,
    OperatorAsked,
    OrderNotFound,
    OrderRejected,
    PlaceOrder,
    ReadAccount,
    ReadFailed,
    ReadFills,
    ReadInstruments,
    Stamped,
    Stop,
    SwitchExtended,
    SwitchFailed,
    VenueQuieted,
)
from hedger.model.order import OrderReport, RejectReason, ReportStatus
from hedger.runtime.clock import stopwatch
from hedger.runtime.inbox import Inbox
from hedger.runtime.inputs import Recorder
from hedger.runtime.journal import Journal, Row
from hedger.runtime.lifeline import Lifeline
from hedger.runtime.ports import CancelOutcome, Clock, Observer, Venue
from hedger.runtime.record import must_be_durable, rows_of
from hedger.runtime.starts import LONG_RUN_MS

LATE_MS = 1_000
END_AGAIN_S = 1.0
MAX_PENDING_ROWS = 1_000
# What waits for the disk in any number: each is a fact of its own, and no create adds to them while it does.
_NEVER_DROPPED = frozenset(
    {"fill", "flatten", "funding", "halt", "operator", "order", "prepared", "quiet", "reload", "resume", "steady"}
    | {"stop", "trip"}
)


class Loop:
    """Owns the state. Everything else talks to it through the inbox."""

    def __init__(
        self,
        *,
        state: State,
        policy: Policy,
        venues: Mapping[str, Venue],
        clock: Clock,
        journal: Journal,
        observer: Observer,
        lifeline: Lifeline | None = None,
    ) -> None:
        self.state = state
        self.inbox = Inbox(clock)
        self.wake = {name: asyncio.Event() for name in venues}
        self._policy = policy
        self._venues = venues
        self._clock = clock
        self._journal = journal
        self._observer = observer
        self._lifeline = lifeline
        if lifeline is not None:
            lifeline.show(state)
        self._recorder = Recorder(policy)
        self._rows: list[Row] = []
        self._journal_failed = False
        self._latched: Row | None = None
        self._began_at, self._ran_long = clock.now_ms(), False
        self._tasks: set[asyncio.Task[None]] = set()
        self._creates: set[str] = set()
        self._failure: BaseException | None = None

    async def run(self) -> None:
        """Handle events until the engine says stop; raises what went wrong in a command's task."""
        while not self.state.stopped:
            stamped = await self.inbox.get()
            if self._failure is not None:
                raise self._failure
            self.handle(stamped)
        self.flush()

    def handle(self, stamped: Stamped) -> None:
        """One event: decide, put it on disk if anything leaves, tell the observer, carry it out."""
        started = stopwatch()
        before = self.state
        result = step(before, stamped, self._policy)
        self.state = result.state
        moved = result.state.orders is not before.orders or isinstance(stamped.event, VenueQuieted)
        if self._lifeline is not None and moved:
            self._lifeline.show(result.state)
        rows = rows_of(before, stamped, result, self._recorder)
        commands = result.commands
        if rows and not self._record(rows, durable=must_be_durable(result, rows)):
            commands = self._without_creates(commands)
        self._observer.observe(before, stamped, result, stopwatch() - started)
        for command in commands:
            self._carry_out(command, stamped)

    def ask(self, operation: Operation, reason: str) -> None:
        """What an operator or a signal asks for, as an event."""
        self.inbox.put(OperatorAsked(operation=operation, reason=reason))

    def handle_now(self, event: Event) -> None:
        """Handle an event ahead of those that wait: a person's or a venue's wish is not queued behind market data."""
        self.handle(Stamped(self._clock.now_ms(), event))

    @property
    def policy(self) -> Policy:
        """What the owner wants now."""
        return self._policy

    def revise(self, policy: Policy, row: Row) -> str | None:
        """Let another policy take the place of the one in force, for the next event on. None where it did.

        The row that tells of it is on disk before; else nothing has changed, and why is returned.
        """
        if parts := unrevisable(self._policy, policy):
            return f"{', '.join(parts)} cannot change while it runs"
        self._rows.append(row)
        self.flush()
        if any(waiting is row for waiting in self._rows):
            self._rows = [waiting for waiting in self._rows if waiting is not row]
            return "the journal cannot be written, and what it does not tell is not done"
        if policy != self._policy:
            self._policy = policy
            self._recorder.policy_changed(policy)
        return None

    def flush(self) -> None:
        """Write what waits. A failure is told to the engine once, and so is the recovery."""
        started = stopwatch()
        self._note_long_run()
        rows, self._rows = self._rows, []
        written = False
        try:
            self._journal.write(rows)
            written = True
            self._journal.check_room()
        except JournalError as problem:
            if not written:
                self._rows = _bounded(rows)
                self._recorder.begin_anew()
                self._latch_halt(rows)
            if not self._journal_failed:
                self._journal_failed = True
                self.inbox.put(JournalChanged(healthy=False, text=str(problem)))
            return
        if rows:
            self._observer.timed("commit", "", stopwatch() - started, "ok")
        if self._journal_failed:
            self._journal_failed = False
            self.inbox.put(JournalChanged(healthy=True, text=""))

    def _latch_halt(self, rows: list[Row]) -> None:
        """A halt whose row the disk refused must not end with this process: the kill file is its latch, once.

        Where that is refused too, it is said each time that it is tried; meanwhile we are halted and cancels go on.
        """
        last = next((row for row in reversed(rows) if row.kind in ("halt", "resume")), None)
        if last is None or last.kind != "halt" or last is self._latched:
            return
        try:
            self._journal.latch(last.key)
        except JournalError as problem:
            text = f"{problem}; the halt is on no disk, and a restart would forget it: {last.key}"
            self.inbox.put(JournalChanged(healthy=False, text=text))
            return
        self._latched = last

    def _note_long_run(self) -> None:
        """Write once that this start has run for long: however it ends now, it did not crash soon after it began."""
        now = self._clock.now_ms()
        if not self._ran_long and now - self._began_at >= LONG_RUN_MS:
            self._ran_long = True
            self._rows.append(Row(now, "steady", str(self.state.epoch), {}))

    # --- commands -----------------------------------------------------------------------------------------------------

    def _record(self, rows: list[Row], *, durable: bool) -> bool:
        """Whether the rows are (or need not yet be) on disk."""
        self._rows += rows
        if durable or len(self._rows) >= MAX_PENDING_ROWS:
            self.flush()
        return not self._journal_failed

    def _without_creates(self, commands: tuple[Command, ...]) -> tuple[Command, ...]:
        """No journal, no create: the orders are refused before they are sent; cancels go on."""
        for command in commands:
            if isinstance(command, PlaceOrder):
                self._refuse(command, "the journal cannot be written")
        return tuple(command for command in commands if not isinstance(command, PlaceOrder))

    def _refuse(self, command: PlaceOrder, text: str) -> None:
        rejected = OrderRejected(client_order_id=command.client_order_id, reason=RejectReason.NOT_SENT, text=text)
        self.inbox.put(rejected)

    def _carry_out(self, command: Command, stamped: Stamped) -> None:
        match command:
            case PlaceOrder():
                if self._clock.now_ms() - stamped.at > LATE_MS:
                    self._refuse(command, f"the event it answers waited over {LATE_MS} ms: the loop lags")
                else:
                    self._spawn(self._place(command, stamped.at, self._policy))
            case CancelOrder():
                self._spawn(self._cancel(command))
            case FindOrder():
                self._spawn(self._find(command))
            case ReadAccount():
                self.wake[command.account].set()
            case ReadFills():
                self._spawn(self._read_fills(command))
            case ReadInstruments():
                self._spawn(self._read_instruments(command))
            case ExtendSwitch():
                self._spawn(self._extend_switch(command))
            case Halt() | Stop():
                pass

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A command's task must not fail: what the venue does is a value. If it does, that is a bug, and we stop."""
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()
            self.ask(Operation.DRAIN, "a bug in carrying out a command")

    async def _place(self, command: PlaceOrder, decided_at: int, policy: Policy) -> None:
        started = stopwatch()
        venue, name = self._venues[command.id.account], command.client_order_id
        self._creates.add(name)
        try:
            outcome = await venue.place(command, lambda: self._held_back(command, decided_at, policy))
        finally:
            self._creates.discard(name)
        self._observer.timed("place", command.id.account, stopwatch() - started, type(outcome).__name__)
        self.inbox.put(outcome)

    def _held_back(self, order: PlaceOrder, decided_at: int, policy: Policy) -> str | None:
        """Why an order may not leave any more, although it was decided: asked when its turn on the wire has come."""
        if self._lifeline is not None and (why := self._lifeline.forbids()) is not None:
            return why
        if self.state.mode not in CREATING or not self._policy.sends:
            return f"meanwhile the mode is {self.state.mode.value}"
        if policy is not self._policy:
            return "meanwhile its owner wants something else"
        if self._journal_failed:
            return "the journal cannot be written"
        if self._clock.now_ms() - decided_at > LATE_MS:
            return f"it was decided over {LATE_MS} ms ago"
        return held_back(self.state, order, self._clock.now_ms())

    async def _read_instruments(self, command: ReadInstruments) -> None:
        started, account = stopwatch(), command.account
        symbols = [id.symbol for id in self.state.instruments if id.account == account]
        try:
            instruments = await self._venues[account].read_instruments(symbols)
        except HedgerError as problem:
            self._read_failed(account, "instruments", stopwatch() - started, problem)
            return
        self._observer.timed("read_instruments", account, stopwatch() - started, "ok")
        self.inbox.put(InstrumentsLoaded(account=account, instruments=instruments))

    async def _extend_switch(self, command: ExtendSwitch) -> None:
        requested_at, started, account = self._clock.now_ms(), stopwatch(), command.account
        try:
            await self._venues[account].extend_switch(listed(self.state, account), command.timeout_ms)
        except HedgerError as problem:
            self._observer.timed("switch", account, stopwatch() - started, type(problem).__name__)
            self.inbox.put(SwitchFailed(account=account, text=str(problem)))
            return
        self._observer.timed("switch", account, stopwatch() - started, "ok")
        extended = SwitchExtended(account=account, requested_at=requested_at, timeout_ms=command.timeout_ms)
        self.inbox.put(extended)

    async def _cancel(self, command: CancelOrder) -> None:
        started = stopwatch()
        outcome = await self._venues[command.id.account].cancel(command)
        self._observer.timed("cancel", command.id.account, stopwatch() - started, type(outcome).__name__)
        self.inbox.put(outcome)

    async def _find(self, command: FindOrder) -> None:
        requested_at, started, account = self._clock.now_ms(), stopwatch(), command.id.account
        try:
            report = await self._venues[account].find_order(command.id, command.client_order_id)
        except HedgerError as problem:
            self._read_failed(account, "order", stopwatch() - started, problem)
            return
        self._observer.timed("read_order", account, stopwatch() - started, "ok")
        missing = OrderNotFound(client_order_id=command.client_order_id, requested_at=requested_at)
        self.inbox.put(report if report is not None else missing)

    async def _read_fills(self, command: ReadFills) -> None:
        requested_at, started, account = self._clock.now_ms(), stopwatch(), command.id.account
        try:
            fills = await self._venues[account].read_fills(command.id, command.since_at)
        except HedgerError as problem:
            self._read_failed(account, "fills", stopwatch() - started, problem)
            return
        self._observer.timed("read_fills", account, stopwatch() - started, "ok")
        self.inbox.put(FillsRead(id=command.id, requested_at=requested_at, since_at=command.since_at, fills=fills))

    def _read_failed(self, account: str, what: str, seconds: float, problem: HedgerError) -> None:
        self._observer.timed(f"read_{what}", account, seconds, type(problem).__name__)
        self.inbox.put(ReadFailed(account=account, what=what, reason=str(problem)))

    def prepared(self) -> None:
        """Write that the venues were reached and put in order: from here on an end that is not clean is a crash."""
        self._rows.append(Row(self._clock.now_ms(), "prepared", str(self.state.epoch), {}))
        self.flush()

    def stopped_clean(self) -> None:
        """Write that this epoch ended in order: nothing of ours was left on any book."""
        self._rows.append(Row(self._clock.now_ms(), "stop", "clean", {}))
        self.flush()

    async def cancel_everything(self, seconds: float) -> bool:
        """On the way out: cancel what may live, within `seconds`. Whether every order is proven over.

        Creates that are under way are waited for first, half of the time: a cancel must not overtake them.
        """
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=self._clock.span(seconds / 2))
        live = [order for order in self.state.orders.values() if order.live]
        try:
            async with asyncio.timeout(self._clock.span(seconds / 2)):
                ended = await asyncio.gather(*(self._end(order) for order in live), return_exceptions=True)
        except TimeoutError:
            return False
        return not any(isinstance(problem, BaseException) for problem in ended)

    async def _end(self, order: Order) -> None:
        """Cancel an order again and again until it is proven over: an answer to a cancel is no proof by itself."""
        command = CancelOrder(id=order.id, client_order_id=order.client_order_id, venue_order_id=order.venue_order_id)
        while not await self._is_over(order, await self._venues[order.id.account].cancel(command)):
            await self._clock.sleep(END_AGAIN_S)

    async def _is_over(self, order: Order, outcome: CancelOutcome) -> bool:
        """Whether the venue's record says that an order ended, or that there is none and none can arrive any more."""
        asked_at, found = self._clock.now_ms(), outcome if isinstance(outcome, OrderReport) else None
        if found is None:
            try:
                found = await self._venues[order.id.account].find_order(order.id, order.client_order_id)
            except HedgerError:
                return False
        if found is None:
            may_arrive = order.client_order_id in self._creates or order.venue_order_id is not None
            return not may_arrive and asked_at > order.placed_at + order.ttl_ms + PROOF_LAG_MS
        return found.status not in (ReportStatus.WORKING, ReportStatus.UNRECOGNISED)

    async def close(self) -> None:
        """End the tasks of commands that are under way; their orders stay unknown in the journal."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _bounded(rows: list[Row]) -> list[Row]:
    """What waits for a journal that cannot be written. When it is too much, decisions are given up, and of what has
    a state only the newest is kept; of the rest the oldest goes. Facts that would be missed are never given up."""
    if len(rows) <= MAX_PENDING_ROWS:
        return rows
    newest: dict[tuple[str, str], Row] = {}
    for row in rows:
        if row.kind != "decision":
            newest.pop((row.kind, row.key), None)
            newest[row.kind, row.key] = row
    kept = [row for row in newest.values() if row.kind in _NEVER_DROPPED]
    room = max(0, MAX_PENDING_ROWS - len(kept))
    others = [row for row in newest.values() if row.kind not in _NEVER_DROPPED]
    dropped = {id(row) for row in others[: max(0, len(others) - room)]}
    return [row for row in newest.values() if id(row) not in dropped]
