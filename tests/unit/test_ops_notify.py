"""Messages leave in a thread of their own: bounded, not twice, as loud as wished, and with no secret left behind."""

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from pydantic import SecretStr

from hedger.app.notifying import Notifying
from hedger.errors import ConfigError
from hedger.ops.alarms import AlarmLevel
from hedger.ops.messages import Kind, Message
from hedger.ops.notify import MOST_WAITING, ByApprise, Notifier, Outcome, secret_parts, without_sound
from hedger.runtime.clock import stopwatch
from hedger.settings.notify import Loudness, NotifyEventsSettings, NotifySettings
from tests.support.ops_states import hedging_state, policy

# Apprise imports a module of the standard library that is on its way out.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")


def message(title: str = "Halted", key: str = "", kind: Kind = Kind.HALT, level: str = "critical") -> Message:
    return Message(kind=kind, level=AlarmLevel(level), title=title, body="why", key=key)


class People:
    """Hears what is sent; fails as often as told, and can keep whoever sends waiting."""

    def __init__(self, failures: int = 0) -> None:
        self.heard: list[tuple[str, str, bool]] = []
        self.failures = failures
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()

    def __call__(self, message: Message, *, silent: bool) -> bool:
        self.reached.set()
        assert self.open.wait(10)
        if self.failures:
            self.failures -= 1
            return False
        self.heard.append((message.title, message.body, silent))
        return True


class Watch:
    """A clock that stands until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def notifier(people: People, watch: Watch, told: Counter[Outcome], **more: frozenset[Kind]) -> Notifier:
    kinds = {"silent": frozenset(), "off": frozenset(), **more}
    return Notifier(people, repeat_s=60, now=watch, tell=lambda one: told.update([one]), again_s=0.001, **kinds)


def titles(people: People) -> list[str]:
    return [title for title, _, _ in people.heard]


def test_what_repeats_itself_is_sent_once_and_counted_in_the_next_one() -> None:
    people, watch, told = People(), Watch(), Counter[Outcome]()
    with notifier(people, watch, told) as one:
        for _ in range(5):
            one.put(message(key="guard:BTC"))
        watch.now += 61
        one.put(message(key="guard:BTC"))
        one.put(message(key="guard:ETH"))
    assert titles(people) == ["Halted"] * 3
    counted = [int(body.split("(and ")[1].split()[0]) for _, body, _ in people.heard if "(and " in body]
    assert sum(counted) == 4, "however soon the first one left"
    assert told == {Outcome.SENT: 3, Outcome.SUPPRESSED: 4}


def test_a_kind_is_aloud_silent_or_off() -> None:
    people, told = People(), Counter[Outcome]()
    with notifier(people, Watch(), told, silent=frozenset({Kind.FILL}), off=frozenset({Kind.PROGRAM})) as one:
        for kind in (Kind.FILL, Kind.PROGRAM, Kind.HALT):
            one.put(message(kind.value, kind=kind))
    assert [(title, silent) for title, _, silent in people.heard] == [("fill", True), ("halt", False)]


def test_other_wishes_are_heeded_from_the_next_message_on() -> None:
    people, watch, told = People(), Watch(), Counter[Outcome]()
    with notifier(people, watch, told, off=frozenset({Kind.FILL})) as one:
        one.put(message("not wished", kind=Kind.FILL))
        one.put(message("first", key="guard:BTC"))
        one.adopt(silent={Kind.FILL}, off={Kind.PROGRAM}, repeat_s=5)
        one.put(message("fill", kind=Kind.FILL))
        one.put(message("not wished any more", kind=Kind.PROGRAM))
        watch.now += 6
        one.put(message("again so soon", key="guard:BTC"))
    assert [(title, silent) for title, _, silent in people.heard] == [
        ("first", False),
        ("fill", True),
        ("again so soon", False),
    ]


def test_a_run_s_messages_follow_its_settings_and_go_to_the_addresses_of_its_start() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Desk) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = NotifySettings(urls=SecretStr(f"json://127.0.0.1:{server.server_port}/"))
        with Notifying(settings, policy()) as one:
            one.adopt(NotifySettings(events=NotifyEventsSettings(program=Loudness.OFF), summary_hour=7))
            one.ended(hedging_state())
            one.adopt(NotifySettings())
            one.begun("paper", "1", hedging_state())
        server.shutdown()
    (heard,) = _Desk.heard
    _Desk.heard.clear()
    assert b"Started" in heard
    assert one.messages.summary_hour == 0


def test_people_who_cannot_be_reached_hold_nobody_up_and_lose_the_least_important_first() -> None:
    people, told = People(), Counter[Outcome]()
    people.open.clear()
    with notifier(people, Watch(), told) as one:
        one.put(message("first"))
        assert people.reached.wait(10)
        one.put(message("critical"))
        began = stopwatch()
        for number in range(10 * MOST_WAITING):
            one.put(message(f"info {number}", level="info"))
        assert stopwatch() - began < 1
        people.open.set()
    assert titles(people)[:2] == ["first", "critical"]
    assert titles(people)[-1] == f"info {10 * MOST_WAITING - 1}"
    assert told[Outcome.DROPPED] == 9 * MOST_WAITING + 1
    assert len(people.heard) == MOST_WAITING + 1


def test_a_message_is_tried_three_times_and_then_given_up() -> None:
    people, told = People(failures=2), Counter[Outcome]()
    with notifier(people, Watch(), told) as one:
        one.put(message("patient"))
        while not told:
            threading.Event().wait(0.001)
        people.failures = 3
        one.put(message("lost"))
        while told.total() < 2:
            threading.Event().wait(0.001)
    assert titles(people) == ["patient"]
    assert told == {Outcome.SENT: 1, Outcome.FAILED: 1}


def test_an_address_that_nobody_knows_is_refused_without_saying_it() -> None:
    with pytest.raises(ConfigError, match="address 2 is not one that Apprise knows") as refusal:
        ByApprise("json://127.0.0.1:9/ nonsense://canary-3f9a1b2c")
    assert "canary" not in str(refusal.value)
    with pytest.raises(ConfigError, match="there is no address"):
        ByApprise(" ")


@pytest.mark.parametrize(
    ("url", "quiet"),
    [
        ("tgram://123:abc/42", "tgram://123:abc/42?silent=yes"),
        ("ntfys://host/topic?tags=x", "ntfys://host/topic?tags=x&priority=low"),
        ("tgram://123:abc/42?silent=no", "tgram://123:abc/42?silent=no"),
        ("json://127.0.0.1/", "json://127.0.0.1/"),
    ],
)
def test_a_silent_message_asks_those_services_for_no_sound_that_know_how(url: str, quiet: str) -> None:
    assert without_sound(url) == quiet


def test_every_piece_of_an_address_that_may_be_a_token_is_redacted() -> None:
    parts = secret_parts("tgram://123456789:AAcanary_token/4242424242 mailto://me:hunter2hunter2@example.org")
    assert {"AAcanary_token", "123456789", "4242424242", "hunter2hunter2"} <= set(parts)
    assert "localhost" not in secret_parts("json://localhost/abcdefgh")
    written = secret_parts(
        "mailtos://me:canary%40pass@example.org?smtp=mx&key=canary_key json://h/?+X-Key=canary_header"
    )
    assert {"canary@pass", "canary%40pass", "canary_key", "canary_header"} <= set(written)


class _Desk(BaseHTTPRequestHandler):
    heard: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        self.heard.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


def test_a_message_reaches_a_real_service_through_apprise() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Desk) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        send = ByApprise(f"json://127.0.0.1:{server.server_port}/")
        assert send(message(), silent=False)
        server.shutdown()
    assert b'"hedger: Halted"' in _Desk.heard[0]
    assert b'"type": "failure"' in _Desk.heard[0]
    assert send(message(), silent=True) is False, "nobody listens any more"
