"""The stream: a whole picture, then what changed; slow readers miss pictures, and silent ones are left."""

import json
import socket
import threading
import time
from pathlib import Path

import pytest

from hedger.engine.known.state import State
from hedger.ops.console.encode import encode
from hedger.ops.console.feed import MOST_KEPT, Feed
from hedger.ops.console.seats import MOST_CONNECTIONS
from hedger.ops.console.server import Console
from hedger.ops.console.snapshot import merge
from hedger.ops.console.streams import KEPT_FOR_ACTING, MOST_STREAMS
from hedger.ops.console.tokens import Tokens
from hedger.ops.surroundings import Surroundings
from tests.support import ops_states
from tests.support.console_stand import (
    BEARER,
    READ_TOKEN,
    TOKEN,
    Listener,
    feed_of,
    get,
    post,
    served,
    until,
)
from tests.support.ops_states import NOW, hedging_state


@pytest.fixture
def feed() -> Feed:
    return feed_of()


@pytest.fixture
def server(tmp_path: Path, feed: Feed):
    with served(tmp_path, feed) as console:
        yield console


def later(ms: int, **changes: object) -> State:
    return hedging_state()._replace(now=NOW + ms, **changes)  # type: ignore[arg-type]


def test_a_client_gets_everything_and_then_only_what_changed(server: Console, feed: Feed) -> None:
    with Listener(server) as client:
        assert client.status == 200
        name, known = client.next()
        assert (name, known["program"]["mode"], known["scope"]) == ("snapshot", "hedging", "read")
        feed.update(later(100, halted="a drill"))
        change = client.next("change")[1]
        assert change["program"]["halted"] == "a drill"
        assert "mode_words" not in change["program"]
        assert merge(known, change)["program"] == get(server, "/api/status").body["program"]


def test_new_decisions_are_told_once_and_in_their_order(server: Console, feed: Feed) -> None:
    with Listener(server) as client:
        assert client.next()[0] == "snapshot"
        feed.update(later(100), (ops_states.decision(42), ops_states.decision(43)))
        assert [one["decision_id"] for one in client.next("decision")[1]] == [42, 43]
        feed.update(later(200), (ops_states.decision(44),))
        assert [one["decision_id"] for one in client.next("decision")[1]] == [44]


def test_each_second_a_beat_tells_the_program_s_time_which_stands_still_with_it(server: Console) -> None:
    with Listener(server) as client:
        began = time.monotonic()
        assert client.next("beat")[1] == client.next("beat")[1] == {"at": NOW}
        assert 1.5 < time.monotonic() - began < 4


def test_a_page_learns_what_its_token_allows(tmp_path: Path) -> None:
    with served(tmp_path, tokens=Tokens(act=TOKEN, read=READ_TOKEN)) as console:
        for token, scope in ((READ_TOKEN, "read"), (TOKEN, "act")):
            with Listener(console, Authorization=f"Bearer {token}") as client:
                assert client.next("snapshot")[1]["scope"] == scope


def test_a_client_that_comes_before_anything_is_known_waits_for_it(tmp_path: Path) -> None:
    known = feed_of()
    starting = Feed(known.policy, banner=known.banner)
    with served(tmp_path, starting) as console, Listener(console) as client:
        assert client.next() == ("beat", {"at": None})
        assert known.seen is not None
        starting.update(known.seen.state)
        assert client.next("snapshot")[1]["at"] == NOW


def test_nothing_is_drawn_while_nobody_looks_but_the_past_is_kept(server: Console, feed: Feed) -> None:
    for second in range(4):
        feed.update(later(second * 1_000))
        wanted = [NOW + one * 1_000 for one in range(second + 1)]
        until(lambda wanted=wanted: get(server, "/api/history/btc").body["at"] == wanted)


def test_a_reload_s_new_policy_is_shown_with_the_states_that_were_made_by_it(tmp_path: Path) -> None:
    feed = feed_of()
    with served(tmp_path, feed) as console, Listener(console) as client:
        assert list(client.next("snapshot")[1]["hedges"]) == ["btc"]
        wider = ops_states.policy("BTC", "ETH")
        feed.policy = wider
        time.sleep(0.15)
        feed.update(hedging_state(wider)._replace(now=NOW + 100))
        assert "eth" in client.next("change")[1]["hedges"]
        assert "eth" in get(console, "/api/hedges").body["hedges"]
        assert get(console, "/api/history/eth").status == 200


def test_a_configuration_file_that_differs_is_an_alarm_on_the_page(tmp_path: Path) -> None:
    feed = feed_of()
    feed.around = Surroundings(file_changed="it cannot be used")
    with served(tmp_path, feed) as console, Listener(console) as client:
        (alarm,) = client.next("snapshot")[1]["alarms"]
        assert (alarm["name"], alarm["level"]) == ("ConfigFileChanged", "info")


def test_pictures_come_at_most_ten_times_a_second_however_much_happens(server: Console, feed: Feed) -> None:
    with Listener(server) as client:
        client.next("snapshot")
        over, changes, began = threading.Event(), 0, time.monotonic()

        def happen() -> None:
            n = 0
            while not over.wait(0.001):
                n += 1
                feed.update(later(n))

        thread = threading.Thread(target=happen)
        thread.start()
        while time.monotonic() - began < 1.0:
            client.next("change")
            changes += 1
        over.set()
        thread.join()
        assert 4 <= changes <= 12


# --- bounds -------------------------------------------------------------------------------------------------------


def test_there_are_at_most_sixteen_streams_and_a_place_is_free_again(server: Console) -> None:
    clients = [Listener(server, **BEARER) for _ in range(MOST_STREAMS)]
    assert {client.status for client in clients} == {200}
    refused = get(server, "/api/stream", **BEARER)
    assert (refused.status, "streams are open" in refused.body["error"]) == (503, True)
    for client in clients:
        client.__exit__()

    def admitted() -> bool:
        with Listener(server) as client:
            return client.status == 200

    assert until(admitted)


def test_where_reading_is_free_those_who_read_leave_room_for_whoever_may_act(server: Console) -> None:
    readers = [Listener(server) for _ in range(MOST_STREAMS)]
    told = [client.status for client in readers]
    assert (told.count(200), told.count(503)) == (MOST_STREAMS - KEPT_FOR_ACTING, KEPT_FOR_ACTING)
    with Listener(server, **BEARER) as operator:
        assert (operator.status, operator.next()[1]["scope"]) == (200, "act")
    for client in readers:
        client.__exit__()


def test_a_client_that_reads_nothing_is_left_and_one_that_reads_is_not(tmp_path: Path) -> None:
    feed = feed_of(ops_states.policy(*(f"C{n}" for n in range(20))))
    state = feed.seen.state if feed.seen else hedging_state()
    with served(tmp_path, feed, drain_s=0.5) as console, Listener(console) as reader:
        stalled = socket.create_connection(("127.0.0.1", console.port), timeout=5)
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        stalled.sendall(f"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:{console.port}\r\n\r\n".encode())
        over = threading.Event()

        def happen() -> None:
            n = 0
            while not over.wait(0.02):
                n += 1
                mode = "x" * 2_000 + str(n)
                feed.update(state._replace(now=NOW + n, mode_reason=mode, halted=mode, paused=mode))

        thread = threading.Thread(target=happen)
        thread.start()
        ends_at = time.monotonic() + 20
        try:
            while not _is_reset(stalled):
                assert time.monotonic() < ends_at, "the stalled client was never left"
                assert reader.next("change")[0] == "change"
        finally:
            over.set()
            thread.join()
            stalled.close()


def _is_reset(connection: socket.socket) -> bool:
    """Whether the other side has hung up on us, without reading anything."""
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


def test_a_reader_that_was_slow_gets_the_newest_picture_and_not_each_one(tmp_path: Path) -> None:
    feed = feed_of()
    with served(tmp_path, feed) as console, Listener(console) as client:
        known = client.next("snapshot")[1]
        for n in range(1, 11):
            feed.update(later(n * 100, halted=f"halt {n}"))
            time.sleep(0.02)
        heard = 0
        while known["program"]["halted"] != "halt 10":
            known = merge(known, client.next("change")[1])
            heard += 1
        assert heard < 10


def test_the_feed_keeps_the_last_decisions_and_counts_them_all() -> None:
    feed = feed_of()
    for n in range(3 * MOST_KEPT):
        feed.update(later(n), (ops_states.decision(n),))
    assert feed.seen is not None
    assert len(feed.seen.decisions) == MOST_KEPT
    assert feed.seen.decisions[-1].decision_id == 3 * MOST_KEPT - 1
    assert feed.seen.made == 3 * MOST_KEPT + 1


def test_json_in_pieces_is_the_same_json() -> None:
    values = [
        {},
        [],
        {"a": {}, "b": [], "c": [[]]},
        {"a": {"b": {"c": {"d": [1, {"e": 'ü"\\\n'}]}}}, "list": list(range(1_001)), "none": None},
        [{"n": n} for n in range(450)],
        "text",
        1.5,
    ]
    for value in values:
        assert json.loads(encode(value)) == value


def test_half_a_character_and_what_is_no_number_leave_the_rest_to_be_read() -> None:
    nan, many = float("nan"), [1.5] * 300
    deep, first = {"a": {"b": {"c": [nan, 2]}}}, float("inf")
    value = {"said": "half \ud83d of it", "deep": deep, "many": [first, *many], "one": nan}
    told = {"said": "half ? of it", "deep": {"a": {"b": {"c": [None, 2]}}}, "many": [None, *many], "one": None}
    assert json.loads(encode(value)) == told


def test_a_kill_gets_through_while_streams_and_idle_connections_hold_every_seat(
    tmp_path: Path, server: Console
) -> None:
    clients = [Listener(server, **BEARER) for _ in range(MOST_STREAMS)]
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(2 * MOST_CONNECTIONS)]
    try:
        assert post(server, "/api/kill").status == 202
        assert clients[0].next()[0] == "snapshot", "an idle connection goes before a stream does"
    finally:
        for client in clients:
            client.__exit__()
        for connection in idle:
            connection.close()


def test_a_decision_that_is_not_on_disk_yet_is_explained_from_memory(server: Console, feed: Feed) -> None:
    feed.update(later(100), (ops_states.decision(77),))
    said = get(server, "/api/decisions/77")
    assert (said.status, said.body["decision"]["decision_id"]) == (200, 77)
    assert said.body["text"].startswith("Decision 77 of hedge btc")
    assert get(server, "/api/decisions/78").status == 404
