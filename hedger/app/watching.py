"""Who watches a run: metrics and health, the log, the terminal view or JSON lines, joined into one observer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TextIO

import structlog

from hedger.app.notifying import Notifying
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.engine.step import Result
from hedger.errors import ConfigError
from hedger.model.message import OrderOutcomeUnknown, Stamped, TimePassed
from hedger.ops.alarms import Alarms
from hedger.ops.configuration import ConfigurationLog, Configured, Reloaded
from hedger.ops.console.feed import Feed
from hedger.ops.events import LogEvent
from hedger.ops.figures import iso
from hedger.ops.forced import ForcedCloses
from hedger.ops.health import HealthServer
from hedger.ops.lines import decision_line
from hedger.ops.metrics import JournalFile, Metrics
from hedger.ops.narrate import Narrator
from hedger.ops.readiness import Health, readiness
from hedger.ops.standstill import Standstills
from hedger.ops.status import write_status
from hedger.ops.surroundings import Serving, Surroundings
from hedger.ops.view import Banner, LiveView
from hedger.runtime.clock import stopwatch
from hedger.settings.notify import NotifySettings

STATUS_EVERY_MS = 1_000
HIGH_WEIGHT = 0.8


class Watched:
    """What a venue says besides its answers, into log and meters. No text holds a secret: the venue sees to that."""

    def __init__(self) -> None:
        self.metrics: Metrics | None = None
        self._log = structlog.get_logger("hedger.venue")

    def weight_used(self, account: str, host: str, used: int, limit: int) -> None:
        """The venue's count of our requests: always a number, and a line when it is high."""
        if self.metrics is not None:
            self.metrics.rate_weight_used(account, used / limit)
        if used > limit * HIGH_WEIGHT:
            self._log.warning(LogEvent.RATE_WEIGHT_HIGH, account=account, host=host, used=used, limit=limit)

    def lanes_closed(self, account: str, until_at: int, text: str) -> None:
        """The venue told us to be quiet."""
        self._log.error(LogEvent.RATE_LANES_CLOSED, account=account, until=iso(until_at), detail=text)

    def order_abandoned(self, account: str, outcome: OrderOutcomeUnknown) -> None:
        """A create's answer was lost to whoever waited for it."""
        order, text = outcome.client_order_id, outcome.text
        self._log.error(LogEvent.ORDER_ABANDONED, account=account, client_order_id=order, detail=text)

    def frame_ignored(self, account: str, text: str) -> None:
        """A streamed frame was not understood."""
        if self.metrics is not None:
            self.metrics.frame_ignored(account)
        self._log.warning(LogEvent.FRAME_IGNORED, account=account, detail=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a run should show. `metrics_port` None serves nothing; `lines` is where JSON lines go."""

    banner: Banner
    view: bool
    lines: TextIO | None
    log: bool
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    any_port: bool = False
    status_path: Path | None = None
    version: str = "0"
    watched: Watched = field(default_factory=Watched)
    notify: NotifySettings = field(default_factory=NotifySettings)

    def quieter(self, *, json: bool, metrics_port: int | None) -> Wanted:
        """The same for a paper run: no log beside a JSON summary, and any free port where the usual one is taken."""
        port = self.metrics_port if metrics_port is None else metrics_port
        return replace(self, log=self.log and not json, metrics_port=port, any_port=metrics_port is None)


class Watchers:
    """The observer of a run. In a `with` block: the server listens and the view owns the terminal while it is open."""

    def __init__(self, policy: Policy, wanted: Wanted) -> None:
        self._policy = policy
        self._wanted = wanted
        self._stack = ExitStack()
        self._metrics = Metrics(policy, version=wanted.version) if wanted.metrics_port is not None else None
        wanted.watched.metrics = self._metrics
        self._health = Health(now=stopwatch)
        self._narrator = Narrator(policy) if wanted.log else None
        self._view: LiveView | None = None
        self._lines = wanted.lines
        self._notifying: Notifying | None = None
        self._alarms = Alarms(policy)
        self._status_at = 0
        self._configured: Configured | None = None
        self._configuration = ConfigurationLog() if wanted.log else None
        self.feed = Feed(policy, banner=wanted.banner, version=wanted.version)
        self.port: int | None = None
        self.console: Mapping[str, object] | None = None
        self.serving: Callable[[], Serving] | None = None
        self._standstills = Standstills()
        self._forced = ForcedCloses()

    def __enter__(self) -> Watchers:
        with ExitStack() as stack:
            if self._metrics is not None:
                server = self._listen(self._metrics)
                server.start()
                stack.callback(server.close)
                self.port = server.port
            if self._wanted.notify.urls is not None:
                tell = self._metrics.messaged if self._metrics is not None else None
                self._notifying = stack.enter_context(Notifying(self._wanted.notify, self._policy, tell))
            if self._wanted.view:
                self._view = stack.enter_context(_shown(LiveView(self._policy, banner=self._wanted.banner)))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _listen(self, metrics: Metrics) -> HealthServer:
        wanted = self._wanted
        assert wanted.metrics_port is not None, "there are metrics only where there is a port"
        try:
            return self._server(metrics, wanted.metrics_port)
        except ConfigError:
            if not wanted.any_port:
                raise
            return self._server(metrics, 0)

    def _server(self, metrics: Metrics, port: int) -> HealthServer:
        return HealthServer(self._health, metrics.registry, host=self._wanted.metrics_host, port=port, now=stopwatch)

    def look_at(self, journal: JournalFile) -> None:
        """Show the journal's size and the room on its disk."""
        if self._metrics is not None:
            self._metrics.look_at(journal)

    def begun(self, state: State, digest: str) -> None:
        """Tell what this run starts from."""
        log, wanted = structlog.get_logger("hedger.app"), self._wanted
        if self._notifying is not None:
            self._notifying.begun(wanted.banner.kind, wanted.version, state)
        if self._narrator is None:
            return
        log.info(LogEvent.PROGRAM_STARTED, version=wanted.version, kind=wanted.banner.kind, config=digest)
        doubtful = sum(order.live for order in state.orders.values())
        log.info(LogEvent.STATE_RECOVERED, epoch=state.epoch, orders=doubtful, halted=state.halted)
        if self.port is not None:
            log.info(LogEvent.HEALTH_LISTENING, host=wanted.metrics_host, port=self.port)
        if self.console is not None:
            log.info(LogEvent.CONSOLE_LISTENING, host=self.console["host"], port=self.console["port"])

    def policy_changed(self, policy: Policy) -> None:
        """From the next step on everything is shown and judged by another policy."""
        self._policy = self.feed.policy = self._alarms.policy = policy
        if self._notifying is not None:
            self._notifying.messages.policy = policy
        if self._metrics is not None:
            self._metrics.adopt(policy)
        if self._view is not None:
            self._view.adopt(policy)

    def notify_changed(self, notify: NotifySettings) -> None:
        """People are told by other settings from now on, where they are told at all."""
        if self._notifying is not None:
            self._notifying.adopt(notify)

    def configured(self, now: Configured) -> None:
        """Show which configuration is in force, and what its file says by now."""
        self._configured = now
        self._surround(replace(self.feed.around, file_changed=now.changed, refused=now.refusal))
        if self._metrics is not None:
            self._metrics.configuration.show(now)
        if self._configuration is not None:
            self._configuration.show(now)

    def keys_end(self, ends: Mapping[str, int]) -> None:
        """Show until when (ms) the keys of accounts work, of those whose venue ends them."""
        self._surround(replace(self.feed.around, keys_end=ends))
        if self._metrics is not None:
            self._metrics.keys_end(ends)

    def _surround(self, around: Surroundings) -> None:
        self._alarms.around = self.feed.around = around

    def reloaded(self, told: Reloaded) -> None:
        """Tell of a reload and what came of it."""
        if self._metrics is not None:
            self._metrics.configuration.count(told)
        if self._configuration is not None:
            self._configuration.tell(told)

    def ended(self, state: State) -> None:
        """Tell that the run ended as it was asked to."""
        if self._notifying is not None:
            self._notifying.ended(state)
        if self._narrator is not None:
            structlog.get_logger("hedger.app").info(LogEvent.PROGRAM_STOPPED, mode=state.mode.value)

    def observe(self, before: State, stamped: Stamped, result: Result, seconds: float) -> None:
        """Tell everybody of one step."""
        after = result.state
        if self._metrics is not None:
            self._metrics.observe(before, stamped, result, seconds)
        if self._narrator is not None:
            self._narrator.observe(before, stamped, result, seconds)
        if self._view is not None:
            self._view.update(after, result.decisions)
        if self._notifying is not None:
            self._notifying.observe(before, stamped, result)
        self.feed.update(after, result.decisions)
        self._write_lines(result)
        self._forced.note(result.changes)
        if isinstance(stamped.event, TimePassed):
            self._beat(after)

    def _write_lines(self, result: Result) -> None:
        """One line a decision, until whoever read them is gone, or cannot be written to: no reason to stop hedging."""
        if self._lines is None:
            return
        try:
            for decision in result.decisions:
                self._lines.write(json.dumps(decision_line(decision), ensure_ascii=False) + "\n")
                self._lines.flush()
        except (OSError, ValueError):
            self._lines = None

    def _beat(self, state: State) -> None:
        self._health.beat()
        if state.now - self._status_at >= STATUS_EVERY_MS:
            self._status_at = state.now
            self._health.update(readiness(state, self._policy))
            self._look_around(state)
            if self._notifying is not None:
                self._notifying.alarms(self._alarms.look(state))
            if self._wanted.status_path is not None:
                path, banner = self._wanted.status_path, self._wanted.banner
                around = self.feed.around
                write_status(path, state, self._policy, banner, self.port, self._configured, self.console, around)

    def _look_around(self, state: State) -> None:
        """What is worth an alarm and stands in no state."""
        serving = None if self.serving is None else self.serving()
        fault = None if serving is None else serving.fault
        stuck = self._standstills.look(state, self._policy)
        forced = self._forced.look(state.now)
        self._surround(replace(self.feed.around, console_fault=fault, stuck_since=stuck, forced=forced))
        if self._metrics is not None:
            self._metrics.surrounded(state, self.feed.around)
            if serving is not None:
                self._metrics.console(serving)

    def queued(self, events: int) -> None:
        """Show how many events wait."""
        if self._metrics is not None:
            self._metrics.queued(events)

    def timed(self, stage: str, account: str, seconds: float, outcome: str) -> None:
        """Pass a measurement of the shell on to the meters."""
        if self._metrics is not None:
            self._metrics.timed(stage, account, seconds, outcome)
        if self._narrator is not None:
            self._narrator.timed(stage, account, seconds, outcome)


@contextmanager
def _shown(view: LiveView) -> Iterator[LiveView]:
    """The view, until its end: a terminal that has gone cannot be put in order, and makes no end in order a failure."""
    view.__enter__()
    try:
        yield view
    finally:
        with suppress(OSError):
            view.__exit__(None, None, None)
