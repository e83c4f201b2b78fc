"""Sends messages to people by Apprise, in a thread of its own: bounded, deduplicated, and never waited for."""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Protocol
from urllib.parse import unquote_plus

import structlog

from hedger.errors import ConfigError
from hedger.ops.alarms import AlarmLevel
from hedger.ops.events import LogEvent
from hedger.ops.messages import Kind, Message

MOST_WAITING = 64
MOST_REMEMBERED = 256
ATTEMPTS, AGAIN_S = 3, 5.0
CLOSE_S = 5.0
SEND_S, MOST_LEFT = 60.0, 4
LONGEST = 1_500
SHORTEST_TOKEN = 8
_NO_SECRETS = ("localhost", "127.0.0.1")
# What these services take for "without a sound"; the others know no such thing.
_WITHOUT_SOUND = {
    "tgram": "silent=yes",
    "ntfy": "priority=low",
    "ntfys": "priority=low",
    "pover": "priority=low",
    "gotify": "priority=low",
    "gotifys": "priority=low",
}


class Outcome(StrEnum):
    """What became of a message."""

    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    DROPPED = "dropped"


class Send(Protocol):
    """A way to people. May take its time, and says whether everybody was reached."""

    def __call__(self, message: Message, *, silent: bool) -> bool:
        """Send one message now."""


class Notifier:
    """Takes messages and sends them, in a `with` block. `now` gives seconds that never go back.

    `silent` and `off` are kinds. What repeats a key within `repeat_s` is not sent; how often that was stands under the
    next one that is. When too many wait the oldest that is not critical goes, and `tell` hears of every outcome.
    """

    def __init__(
        self,
        send: Send,
        *,
        silent: Collection[Kind],
        off: Collection[Kind],
        repeat_s: float,
        now: Callable[[], float],
        tell: Callable[[Outcome], None] = lambda _: None,
        again_s: float = AGAIN_S,
    ) -> None:
        self._send = send
        self._silent = frozenset(silent)
        self._off = frozenset(off)
        self._repeat_s = repeat_s
        self._now = now
        self._tell = tell
        self._again_s = again_s
        self._waiting: deque[Message] = deque()
        self._sent_at: OrderedDict[str, float] = OrderedDict()
        self._repeats: Counter[str] = Counter()
        self._guard = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, daemon=True, name="notify")

    def __enter__(self) -> Notifier:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Send what waits, for at most a few seconds."""
        with self._guard:
            self._closing = True
            self._guard.notify()
        self._thread.join(CLOSE_S)

    def adopt(self, *, silent: Collection[Kind], off: Collection[Kind], repeat_s: float) -> None:
        """Heed other wishes from the next message on; what waits already is sent, silent or aloud as is wished now."""
        with self._guard:
            self._silent, self._off, self._repeat_s = frozenset(silent), frozenset(off), repeat_s

    def put(self, message: Message) -> None:
        """Have a message sent, some time. Takes microseconds and never fails."""
        if message.kind in self._off:
            return
        with self._guard:
            if self._is_repeated(message):
                self._tell(Outcome.SUPPRESSED)
                return
            if len(self._waiting) >= MOST_WAITING:
                self._drop_one()
            self._waiting.append(message)
            self._guard.notify()

    def _is_repeated(self, message: Message) -> bool:
        """Whether the same was told lately; remembers it if not."""
        if not message.key:
            return False
        last = self._sent_at.get(message.key)
        if last is not None and self._now() - last < self._repeat_s:
            self._repeats[message.key] += 1
            return True
        self._sent_at[message.key] = self._now()
        self._sent_at.move_to_end(message.key)
        if len(self._sent_at) > MOST_REMEMBERED:
            forgotten, _ = self._sent_at.popitem(last=False)
            self._repeats.pop(forgotten, None)
        return False

    def _drop_one(self) -> None:
        lesser = (message for message in self._waiting if message.level is not AlarmLevel.CRITICAL)
        self._waiting.remove(next(lesser, self._waiting[0]))
        self._tell(Outcome.DROPPED)

    def _work(self) -> None:
        while (message := self._next()) is not None:
            self._tell(Outcome.SENT if self._sent(message) else Outcome.FAILED)

    def _next(self) -> Message | None:
        """The next message; None once it closes and nothing waits."""
        with self._guard:
            while not self._waiting and not self._closing:
                self._guard.wait()
            return self._waiting.popleft() if self._waiting else None

    def _sent(self, message: Message) -> bool:
        message = self._worded(message)
        for attempt in range(ATTEMPTS):
            if attempt and not self._waited():
                break
            if self._send(message, silent=message.kind in self._silent):
                return True
        structlog.get_logger("hedger.notify").warning(LogEvent.MESSAGE_NOT_SENT, kind=message.kind.value)
        return False

    def _waited(self) -> bool:
        """Whether the time between two attempts has passed; False where the end came first."""
        with self._guard:
            return not self._guard.wait_for(lambda: self._closing, self._again_s)

    def _worded(self, message: Message) -> Message:
        with self._guard:
            count = self._repeats.pop(message.key, 0)
        more = f"\n(and {count} more like it since)" if count else ""
        body = f"{message.body[:LONGEST]}{more}" or message.title
        return Message(kind=message.kind, level=message.level, title=message.title, body=body, key=message.key)


# --- by Apprise -------------------------------------------------------------------------------------------------------


class ByApprise:
    """Sends by Apprise to every address. Raises ConfigError without Apprise, and for an address it does not know."""

    def __init__(self, urls: str, *, sender: str = "hedger") -> None:
        try:
            from apprise import Apprise, AppriseAsset, NotifyType
        except ImportError:
            text = "notify.urls is set, but Apprise is not installed: pip install 'hedger[notify]'"
            raise ConfigError(text) from None
        logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines name addresses
        self._sender = sender
        self._left: list[threading.Thread] = []
        self._types: Mapping[AlarmLevel, NotifyType] = {
            AlarmLevel.CRITICAL: NotifyType.FAILURE,
            AlarmLevel.WARNING: NotifyType.WARNING,
            AlarmLevel.INFO: NotifyType.INFO,
        }
        # Threads of Apprise's own would hold up the end of the process for as long as a service does.
        here = AppriseAsset(async_mode=False, service_timeout=0)
        self._aloud, self._quietly = Apprise(asset=here), Apprise(asset=here)
        for number, url in enumerate(urls.split(), start=1):
            if not (self._aloud.add(url) and self._quietly.add(without_sound(url))):
                raise ConfigError(
                    f"notify.urls: address {number} is not one that Apprise knows: see its list of services"
                )
        if not len(self._aloud):
            raise ConfigError("notify.urls: there is no address in it")

    def __call__(self, message: Message, *, silent: bool) -> bool:
        """Send one message; what a service's own code raises, or takes too long for, counts as not sent.

        Each has a thread of its own, a daemon: neither an error nor a service that never answers ends the telling.
        """
        self._left = [thread for thread in self._left if thread.is_alive()]
        if len(self._left) >= MOST_LEFT:
            return False
        reached = threading.Event()
        thread = threading.Thread(target=self._tell, args=(message, silent, reached), daemon=True, name="apprise")
        thread.start()
        thread.join(SEND_S)
        if thread.is_alive():
            self._left.append(thread)
        return reached.is_set()

    def _tell(self, message: Message, silent: bool, reached: threading.Event) -> None:
        way = self._quietly if silent else self._aloud
        title = f"{self._sender}: {message.title}"
        with suppress(OSError, ValueError, TypeError, LookupError):
            if way.notify(body=message.body, title=title, notify_type=self._types[message.level]):
                reached.set()


def without_sound(url: str) -> str:
    """An address that asks its service for no sound, where that knows how and its owner has not said otherwise."""
    scheme = url.partition(":")[0].lower()
    wish = _WITHOUT_SOUND.get(scheme)
    if wish is None or wish.partition("=")[0] in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}{wish}"


def secret_parts(urls: str) -> list[str]:
    """Every address, and each piece of one that may be a token, as it stands there and as a service is told it, for
    the log's redaction."""
    found = set(urls.split())
    for url in urls.split():
        pieces = re.split(r"[/:@?&=#,]+", url.partition("://")[2])
        for piece in (*pieces, *map(unquote_plus, pieces)):
            if len(piece) >= SHORTEST_TOKEN and piece not in _NO_SECRETS:
                found.add(piece)
    return sorted(found)
