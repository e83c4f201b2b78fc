"""Messages to people, put together from the settings: what is worth one, how loud it is, and where it goes."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.engine.step import Result
from hedger.errors import ConfigError
from hedger.model.message import Stamped
from hedger.ops.alarms import Alarm, AlarmLevel
from hedger.ops.messages import Kind, Message, Messages, ended, started
from hedger.ops.notify import ByApprise, Notifier, Outcome
from hedger.runtime.clock import stopwatch
from hedger.settings.notify import Loudness, NotifySettings


class Notifying:
    """Tells people of one run. In a `with` block; nothing here waits for a network.

    Raises ConfigError for an address that nobody knows, and without Apprise.
    """

    def __init__(self, settings: NotifySettings, policy: Policy, tell: Callable[[Outcome], None] | None = None) -> None:
        if settings.urls is None:
            raise ConfigError("notify.urls: it is not set, so there is nobody to tell")
        self.messages = Messages(policy, settings.summary_hour)
        self._notifier = Notifier(
            ByApprise(settings.urls.get_secret_value()),
            silent=_as_loud(settings, Loudness.SILENT),
            off=_as_loud(settings, Loudness.OFF),
            repeat_s=float(settings.repeat_s),
            now=stopwatch,
            tell=tell or (lambda _: None),
        )

    def __enter__(self) -> Self:
        self._notifier.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            words = f"it ended by an error ({type(error).__name__}); look at its log"
            self._put(Message(kind=Kind.PROGRAM, level=AlarmLevel.CRITICAL, title="Ended", body=words))
        self._notifier.__exit__(kind, error, trace)

    def adopt(self, settings: NotifySettings) -> None:
        """Tell by other settings from now on; the addresses stay those of the start."""
        self.messages.summary_hour = settings.summary_hour
        silent, off = _as_loud(settings, Loudness.SILENT), _as_loud(settings, Loudness.OFF)
        self._notifier.adopt(silent=silent, off=off, repeat_s=float(settings.repeat_s))

    def begun(self, kind: str, version: str, state: State) -> None:
        """It runs."""
        self._put(started(kind, version, state))

    def ended(self, state: State) -> None:
        """It ended in order."""
        self._put(ended(state))

    def observe(self, before: State, stamped: Stamped, result: Result) -> None:
        """One step."""
        for message in self.messages.of_step(before, stamped, result):
            self._put(message)

    def alarms(self, standing: tuple[Alarm, ...]) -> None:
        """What stands now."""
        for message in self.messages.of_alarms(standing):
            self._put(message)

    def _put(self, message: Message) -> None:
        self._notifier.put(message)


def _as_loud(settings: NotifySettings, loudness: Loudness) -> frozenset[Kind]:
    """The kinds of message that are wished so loud."""
    return frozenset(kind for kind in Kind if getattr(settings.events, kind.value) is loudness)


def send_test(settings: NotifySettings) -> bool:
    """Send one message to every address now; whether everybody was reached. Raises ConfigError as above."""
    if settings.urls is None:
        raise ConfigError("notify.urls: it is not set; give HEDGER_NOTIFY__URLS, or a secret file notify__urls")
    send = ByApprise(settings.urls.get_secret_value())
    message = Message(
        kind=Kind.PROGRAM, level=AlarmLevel.INFO, title="A test", body="Messages of the hedger reach you here."
    )
    return send(message, silent=False)
