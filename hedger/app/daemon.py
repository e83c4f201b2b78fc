"""The daemon, put together from a policy, venues, a clock and a journal, and run until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from hedger.app.operating import Operating
from hedger.app.precautions import configure_all, ends_of_keys
from hedger.app.reloading import Reloading
from hedger.app.version import VERSION
from hedger.app.watching import Wanted, Watchers
from hedger.engine.guards.limits import EVALUATED
from hedger.engine.held.money import pegs_of
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.engine.news.sane import flaw_of
from hedger.errors import AskAgain, Bug, Halted, HedgerError
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.market import Quote
from hedger.model.message import Event, InstrumentsLoaded, Operation, OperatorAsked
from hedger.ops.logs import set_level
from hedger.runtime.history import HistoryPolling
from hedger.runtime.journal import Journal, Row
from hedger.runtime.lease import Lease
from hedger.runtime.lifeline import Lifeline
from hedger.runtime.loop import Loop
from hedger.runtime.pollers import Pollers, Polling
from hedger.runtime.ports import Clock, Observer, Venue
from hedger.runtime.quieted import recover_quiet
from hedger.runtime.reception import Reception
from hedger.runtime.recover import recovered_state
from hedger.runtime.watchdog import CancelAll, nothing_to_cancel
from hedger.settings.explain import config_digest
from hedger.settings.policy import to_policy
from hedger.settings.reachable import check_reachable
from hedger.settings.schema import Settings
from hedger.settings.wiring import prove_wired

DRAIN_S = 8.0
EMERGENCY_S = 20.0
CLOCK_S = 300.0
FLUSH_S = 5.0
PULSE_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that a daemon is made of. Without a lifeline nothing watches it, and nobody can ask it by file.

    `start_record` is what the journal keeps of the start: `config` in it is the digest of the configuration.
    """

    policy: Policy
    venues: Mapping[str, Venue]
    clock: Clock
    journal: Journal
    polling: Polling
    observer: Observer
    start_record: Mapping[str, object]
    lifeline: Lifeline | None = None
    reception: Reception | None = None


class Daemon:
    """One run: open, check, configure, hedge, drain."""

    def __init__(self, parts: Parts) -> None:
        prove_wired(EVALUATED)
        self._parts = parts
        now = parts.clock.now_ms()
        recovered = parts.journal.begin(now, parts.start_record)
        recover_quiet(parts.journal, parts.venues, now)
        self._since_at = recovered.funding_since_at
        self._goes_on = recovered.in_force == parts.start_record.get("config", "")
        self._ids: dict[str, tuple[InstrumentId, ...]] = {}
        self.loop = Loop(
            state=recovered_state(parts.policy, recovered, now),
            policy=parts.policy,
            venues=parts.venues,
            clock=parts.clock,
            journal=parts.journal,
            observer=parts.observer,
            lifeline=parts.lifeline,
        )
        for venue in parts.venues.values():
            venue.on_quiet(self.handle_now)  # a start may meet it, or the last cancels, when nobody reads the streams
        self._clean = recovered.clean and not any(order.live for order in self.state.orders.values())
        self._drain_asked = asyncio.Event()
        self._pollers: Pollers | None = None
        self.begun = False

    @property
    def state(self) -> State:
        """What the engine knows now."""
        return self.loop.state

    @property
    def policy(self) -> Policy:
        """What the owner wants now."""
        return self.loop.policy

    def revise(self, policy: Policy, polling: Polling, row: Row) -> str | None:
        """Let another policy and another pace take over, once the journal has the row; why not, where they did not.

        The engine is told by a `PolicyChanged` that whoever asks for this hands over next.
        """
        against = self.loop.revise(policy, row)
        if against is None and self._pollers is not None:
            self._pollers.change(polling)
        return against

    def drain(self, reason: str) -> None:
        """Ask for an orderly end: cancel our orders, verify, hold the hedges. Asking twice changes nothing."""
        self._drain_asked.set()
        self.loop.ask(Operation.DRAIN, reason)

    def handle_now(self, event: Event) -> None:
        """Handle what a person asks for, or a venue's wish for quiet, ahead of whatever waits."""
        self.loop.handle_now(event)

    def halt(self, reason: str) -> None:
        """Halt at once; it stays halted, on disk, until a person lifts it. Asking twice changes nothing."""
        if self.state.halted is None:
            self.handle_now(OperatorAsked(operation=Operation.HALT, reason=reason))

    async def run(self, meanwhile: Callable[[Daemon], Awaitable[None]]) -> None:
        """Hedge until drained. `meanwhile` runs beside it (a time limit, a script); its end asks for a drain.

        A drain that is asked for before the venues are open ends it at once, `begun` false: nothing was sent.

        Raises ConfigError before anything is sent where the venue's instruments do not fit the policy, and Bug
        when a part of the program fails: resting orders are canceled first.
        """
        pulse = asyncio.create_task(self._pulse())
        try:
            if self._parts.reception is not None:
                self._parts.reception.heed_kill(self)
            self.begun = await self._prepared()
            if self.begun:
                self.loop.prepared()
                await self._hedge(meanwhile)
        finally:
            await self.loop.close()
            await asyncio.gather(*(v.close() for v in self._parts.venues.values()), return_exceptions=True)
            pulse.cancel()
            await asyncio.gather(pulse, return_exceptions=True)

    async def _pulse(self) -> None:
        """Show the watchdog that the event loop turns, from the first moment to the last, in real time."""
        line = self._parts.lifeline
        if line is None:
            return
        try:
            while True:
                line.beat()
                line.beating = True
                await asyncio.sleep(PULSE_S)
        finally:
            line.beating = False

    async def _prepared(self) -> bool:
        """Whether everything is ready; False where the end was asked for first, which is not made to wait."""
        preparing, asked = asyncio.create_task(self._prepare()), asyncio.create_task(self._drain_asked.wait())
        try:
            await asyncio.wait({preparing, asked}, return_when=asyncio.FIRST_COMPLETED)
            if preparing.done():
                preparing.result()
                return True
        finally:
            for task in (preparing, asked):
                task.cancel()
            await asyncio.gather(preparing, asked, return_exceptions=True)
        if self._clean:  # as it was found: no order of an earlier start is in doubt, and none of this one exists
            self.loop.stopped_clean()
        return False

    async def _prepare(self) -> None:
        """Open every venue, refuse what cannot work, and put the accounts into the modes that are asked for."""
        asked = ids_by_account(self._parts.policy)
        opened = await asyncio.gather(
            *(self._open(name, [id.symbol for id in asked[name]]) for name in self._parts.venues)
        )
        instruments = [instrument for loaded in opened for instrument in loaded]
        ids = self._ids = listed_of(asked, instruments)
        # What only a price has made too small is the owner's to mend, and no reason to leave a hedge alone in a fall: a
        # hedger that is started again with what it hedged by goes on as if it had not ended.
        prices, policy = await self._prices(ids), self._parts.policy
        check_reachable(policy, instruments, {} if self._goes_on else prices, self._parts.clock.now_ms())
        await configure_all(self._parts.policy, self._parts.venues, ids)
        for name, loaded in zip(self._parts.venues, opened, strict=True):
            self.loop.inbox.put(InstrumentsLoaded(account=name, instruments=loaded))

    async def _open(self, account: str, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """One account; raises AskAgain with its name: nothing is known of its orders and positions now."""
        try:
            return await self._parts.venues[account].open(symbols)
        except AskAgain as error:
            text = f"account {account} cannot be reached, and nothing is sent before every account was read"
            raise AskAgain(f"{text}: {error}") from error

    async def _prices(self, ids: Mapping[str, tuple[InstrumentId, ...]]) -> dict[InstrumentId, Decimal]:
        read = await asyncio.gather(*(venue.read_prices(ids[name]) for name, venue in self._parts.venues.items()))
        for price in (price for prices in read for price in prices):
            self.loop.inbox.put(price)
        return {p.id: p.mid_price for prices in read for p in prices if isinstance(p, Quote) and flaw_of(p) is None}

    async def _hedge(self, meanwhile: Callable[[Daemon], Awaitable[None]]) -> None:
        engine = asyncio.create_task(self.loop.run())
        readers = asyncio.create_task(self._read())
        script = asyncio.create_task(self._until(meanwhile))
        try:
            await asyncio.wait({engine, readers, script}, return_when=asyncio.FIRST_COMPLETED)
            if script.done() and not engine.done() and not readers.done():
                # Not of the clock, which is fast on paper: the machine and its connections are not.
                await asyncio.wait({engine, readers}, timeout=DRAIN_S, return_when=asyncio.FIRST_COMPLETED)
            await self._conclude(engine, readers, script)
        finally:
            for task in (engine, readers, script):
                task.cancel()
            await asyncio.gather(engine, readers, script, return_exceptions=True)

    async def _until(self, meanwhile: Callable[[Daemon], Awaitable[None]]) -> None:
        """Until `meanwhile` ends, well or not, or a drain is asked for: then the time to drain in begins."""
        script = asyncio.ensure_future(meanwhile(self))
        asked = asyncio.create_task(self._drain_asked.wait())
        try:
            await asyncio.wait({script, asked}, return_when=asyncio.FIRST_COMPLETED)
            self.drain("the end of the run was reached")
            if script.done():
                script.result()
        finally:
            for task in (script, asked):
                task.cancel()
            await asyncio.gather(script, asked, return_exceptions=True)

    async def _conclude(self, *tasks: asyncio.Task[None]) -> None:
        """After an orderly stop there is nothing to do; after anything else our orders are canceled. Where they are all
        over and only no reading was believed in time, the end is in order, and not a clean one to the next start."""
        failures = [task.exception() for task in tasks if task.done() and not task.cancelled()]
        failure = next((error for error in failures if error is not None), None)
        if self.state.superseded:
            self.loop.flush()
            raise Halted(f"{self.state.halted}; this one stopped and touched nothing more")
        if failure is None and self.state.stopped:
            self.loop.stopped_clean()
            return
        self.loop.flush()
        over = await self.loop.cancel_everything(EMERGENCY_S)
        if failure is None and over:
            return
        left = "" if over else "; not every order is proven gone, so look at the venue's open orders"
        if isinstance(failure, HedgerError):
            raise failure if over else type(failure)(f"{str(failure).rstrip('.')}{left}") from failure
        if failure is not None:
            raise Bug(f"a part of the hedger failed ({type(failure).__name__}) and it stopped{left}") from failure
        raise Bug(f"the orders could not be proven canceled within {DRAIN_S:.0f} s{left}")

    async def _read(self) -> None:
        """Every reader, for ever."""
        parts = self._parts
        pollers = self._pollers = Pollers(
            loop=self.loop,
            clock=parts.clock,
            polling=parts.polling,
            observer=parts.observer,
            funding_since_at=self._since_at,
        )
        async with asyncio.TaskGroup() as group:
            if parts.reception is not None:
                group.create_task(parts.reception.attend(self, parts.polling.tick_s))
            pollers.start(group, parts.venues, self._ids)


async def conduct(
    *,
    settings: Settings,
    venues: Mapping[str, Venue],
    clock: Clock,
    directory: Path,
    wanted: Wanted,
    meanwhile: Callable[[Daemon], Awaitable[None]],
    signals: bool = True,
    cancel: CancelAll = nothing_to_cancel,
) -> State:
    """Make a daemon on a state directory that nobody else uses, run it to its end, and return what it knew last.

    With `signals`, SIGTERM and SIGINT drain it (before it is ready, they end it with SystemExit), an operator can ask
    for more, and a watchdog with its own way to `cancel` looks after it. Without, the venue's world is this process's
    own and ends with it: the journal need not outlive the machine. `meanwhile` is as in `Daemon.run`.
    """
    policy, room = to_policy(settings), settings.journal.min_free_mb * 1_000_000
    watchers = Watchers(policy, wanted)
    operating = Operating(directory, settings, cancel, watchers.feed) if signals else None
    with (
        Lease(directory),
        watchers,
        operating or nullcontext(),
        closing(Journal.open(directory, durable=signals, min_free_bytes=room)) as journal,
    ):
        watchers.look_at(journal)
        watchers.console, watchers.serving = (operating.console, operating.serving) if operating else (None, None)
        daemon = Daemon(
            Parts(
                policy=policy,
                venues=venues,
                clock=clock,
                journal=journal,
                polling=polling_of(settings),
                observer=watchers,
                start_record={"mode": settings.mode.value, "config": config_digest(settings), "version": VERSION},
                lifeline=operating.lifeline if operating else None,
                reception=operating.reception if operating else None,
            )
        )
        reloading = Reloading(settings, watchers, pace=polling_of, set_level=set_level)
        if operating is not None:
            operating.listen(daemon)
            operating.reload_by(reloading)

        async def told(begun: Daemon) -> None:
            watchers.begun(begun.state, config_digest(settings))
            watchers.keys_end(ends_of_keys(venues.values()))
            if operating is None:
                await meanwhile(begun)
            else:
                await reloading.attend_during(meanwhile(begun), begun)

        await daemon.run(_settled(told) if signals else told)
        watchers.ended(daemon.state)
    if operating is not None and operating.ended_by is not None and not daemon.begun:
        raise SystemExit(128 + operating.ended_by)
    return daemon.state


def _settled(meanwhile: Callable[[Daemon], Awaitable[None]]) -> Callable[[Daemon], Awaitable[None]]:
    """`meanwhile`, once everything is imported and loaded: that stays, so the collector need not walk it again.

    It would stop the event loop for about 50 ms each time. Only a process that runs one daemon may do this.
    """

    async def begin(daemon: Daemon) -> None:
        gc.freeze()
        await meanwhile(daemon)

    return begin


async def forever(_: Daemon) -> None:
    """Nothing to do meanwhile: only a signal, a halt or a bug ends the run."""
    await asyncio.Event().wait()


def polling_of(settings: Settings) -> Polling:
    """The settings' intervals as the readers take them."""
    polling = settings.polling
    return Polling(
        account_s=float(polling.account_s),
        prices_s=float(polling.prices_s),
        funding_s=float(polling.funding_s),
        clock_s=CLOCK_S,
        tick_s=polling.tick_ms / 1000,
        flush_s=FLUSH_S,
        history=HistoryPolling(
            interval_ms=settings.volatility.interval_s * 1000,
            bars=settings.volatility.bars,
            every_s=float(settings.volatility.every_s),
        ),
    )


def ids_by_account(policy: Policy) -> dict[str, tuple[InstrumentId, ...]]:
    """The instruments that each account trades, and the pairs that tell what money or a coin is worth, each once."""
    ids: dict[str, tuple[InstrumentId, ...]] = dict.fromkeys(policy.accounts, ())
    told = tuple(peg.source for peg in pegs_of(policy) if peg.source is not None)
    told += tuple(hedge.cross.spot for hedge in policy.hedges if hedge.cross is not None)
    for id in dict.fromkeys((*(id for hedge in policy.hedges for id in hedge.instruments), *told)):
        ids[id.account] = (*ids[id.account], id)
    return ids


def listed_of(
    ids: Mapping[str, tuple[InstrumentId, ...]], instruments: Iterable[Instrument]
) -> dict[str, tuple[InstrumentId, ...]]:
    """Of each account's instruments those whose rules its venue told: it leaves out contracts that have ended."""
    told = {instrument.id for instrument in instruments}
    return {name: tuple(id for id in asked if id in told) for name, asked in ids.items()}
