"""Health and metrics over HTTP: right answers, only GET and HEAD, and no way to hold it up."""

import http.client
import json
import re
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from hedger.engine.known.state import Mode, initial_state
from hedger.errors import ConfigError
from hedger.ops.health import HealthServer
from hedger.ops.metrics import Metrics
from hedger.ops.readiness import Check, Health, readiness
from hedger.ops.serving import HEAD_SECONDS, MOST_CONNECTIONS, MOST_SECONDS
from tests.support.ops_states import NOW, hedging_state, policy


class HandClock:
    """Seconds that move when they are told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def health(clock: HandClock) -> Health:
    return Health(now=clock, stalled_after_s=10)


@pytest.fixture
def server(health: Health, clock: HandClock) -> Iterator[HealthServer]:
    interval = sys.getswitchinterval()
    made = HealthServer(health, Metrics(policy()).registry, host="127.0.0.1", port=0, now=clock)
    made.start()
    yield made
    made.close()
    sys.setswitchinterval(interval)


def ask(server: HealthServer, path: str, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def raw(server: HealthServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_metrics_are_served_as_prometheus_text(server: HealthServer) -> None:
    response, body = ask(server, "/metrics")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    assert b"# TYPE hedger_delta_coins gauge" in body


def test_metrics_are_served_as_openmetrics_when_asked_for(server: HealthServer) -> None:
    response, body = ask(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    families = {family.name for family in text_string_to_metric_families(body.decode())}
    assert {"hedger_mode", "hedger_orders", "hedger_place_duration_seconds"} <= families


def test_a_ready_program_says_so_and_an_unready_one_says_why(server: HealthServer, health: Health) -> None:
    response, body = ask(server, "/readyz")
    assert response.status == 503
    assert json.loads(body)["failing"].keys() == {check.value for check in Check}
    health.update({})
    response, body = ask(server, "/readyz")
    assert (response.status, json.loads(body)) == (200, {"ok": True, "failing": {}})
    health.update({Check.JOURNAL: "disk full"})
    response, body = ask(server, "/readyz?verbose=1")
    assert (response.status, json.loads(body)["failing"]) == (503, {"journal": "disk full"})


def test_a_loop_without_a_heartbeat_is_not_alive(server: HealthServer, health: Health, clock: HandClock) -> None:
    assert ask(server, "/livez")[0].status == 200
    clock.seconds += 11
    response, body = ask(server, "/livez")
    assert response.status == 503
    assert json.loads(body)["failing"] == {"loop": "no heartbeat for 11.0 s"}
    health.beat()
    assert ask(server, "/livez")[0].status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_nothing_but_reading_is_allowed(server: HealthServer, method: str) -> None:
    response, _ = ask(server, "/metrics", method)
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


def test_a_head_request_has_the_headers_and_no_body(server: HealthServer) -> None:
    response, body = ask(server, "/metrics", "HEAD")
    assert response.status == 200
    assert int(response.headers["Content-Length"]) > 1000
    assert body == b""


def test_nothing_that_the_client_sent_comes_back(server: HealthServer) -> None:
    response, body = ask(server, "/evil<script>", Host="evil.example")
    assert response.status == 404
    assert b"evil" not in body + str(response.headers).encode()
    with raw(server) as connection:
        connection.sendall(b"NONSENSE-evil\r\n\r\n")
        assert b"evil" not in connection.recv(4096)


def test_a_client_that_drips_is_cut_off_in_all(server: HealthServer, clock: HandClock) -> None:
    with raw(server) as slow:
        for _ in range(3):
            slow.sendall(b"G")
            time.sleep(0.05)
        clock.seconds += MOST_SECONDS + 1
        slow.settimeout(5)
        assert slow.recv(100) == b""


def test_a_silent_connection_gives_its_seat_to_whoever_comes_when_all_are_taken(server: HealthServer) -> None:
    idle = [raw(server) for _ in range(MOST_CONNECTIONS)]
    time.sleep(0.1)
    assert ask(server, "/livez")[0].status == 200
    assert idle[0].recv(100) == b"", "the one who waited longest had to go"
    idle[-1].settimeout(0.1)
    with pytest.raises(TimeoutError):
        idle[-1].recv(100)
    for connection in idle:
        connection.close()


def test_a_head_that_does_not_come_costs_the_seat_after_two_seconds(server: HealthServer, clock: HandClock) -> None:
    with raw(server) as slow:
        slow.sendall(b"GET /livez HT")
        time.sleep(0.1)
        clock.seconds += HEAD_SECONDS + 0.1
        slow.settimeout(2)
        assert slow.recv(100) == b""


def test_a_port_in_use_is_refused_in_one_sentence_with_the_remedy(server: HealthServer, health: Health) -> None:
    with pytest.raises(ConfigError) as refused:
        HealthServer(health, Metrics(policy()).registry, host="127.0.0.1", port=server.port, now=lambda: 0.0)
    expected = rf"Port {server.port} on 127\.0\.0\.1 is in use: stop what listens there, or set another port .*\."
    assert re.fullmatch(expected, str(refused.value))


def test_an_address_that_is_not_ours_is_refused_with_the_remedy(health: Health) -> None:
    with pytest.raises(ConfigError, match="set an address of this machine"):
        HealthServer(health, Metrics(policy()).registry, host="192.0.2.1", port=0, now=lambda: 0.0)


def test_a_closed_server_no_longer_listens(health: Health, clock: HandClock) -> None:
    made = HealthServer(health, Metrics(policy()).registry, host="127.0.0.1", port=0, now=clock)
    port = made.port
    made.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


# --- readiness --------------------------------------------------------------------------------------------------------


def test_a_hedging_program_fails_no_check() -> None:
    assert readiness(hedging_state(), policy()) == {}


def test_a_program_that_just_started_names_what_is_missing() -> None:
    failing = readiness(initial_state(policy(), now=NOW, epoch=1), policy())
    assert failing.keys() == {Check.MARKETS, Check.FRESH_DATA, Check.RECONCILED}
    assert failing[Check.MARKETS] == "not loaded: binance:BTC/USDT:USDT"


def test_an_account_whose_readings_are_refused_is_not_ready_and_says_why() -> None:
    """It may take a minute after a restart: whoever waits must not look for a venue that is away."""
    state = hedging_state()
    why = "the first reading may lack our own fills"
    view = replace(state.accounts["binance"], reading=None, last_failure=why)
    told = readiness(state._replace(accounts={"binance": view}), policy())
    assert any(why in text for text in told.values())


def test_old_prices_make_the_data_stale() -> None:
    failing = readiness(hedging_state()._replace(now=NOW + 60_000), policy())
    assert failing.keys() == {Check.FRESH_DATA}
    assert "the limit is 2000 ms" in failing[Check.FRESH_DATA]


def test_each_hedge_whose_data_is_stale_is_named() -> None:
    two = policy("BTC", "ETH")
    failing = readiness(hedging_state(two)._replace(now=NOW + 60_000), two)
    assert failing[Check.FRESH_DATA].startswith("btc: ")
    assert failing[Check.FRESH_DATA].endswith("; also eth")


def test_halts_lost_leases_and_journal_faults_are_told_in_their_words() -> None:
    state = hedging_state()._replace(halted="futile hedges", journal_fault="disk full")
    failing = readiness(state, policy(), lease="held by another process")
    assert failing == {
        Check.LEASE: "held by another process",
        Check.JOURNAL: "disk full",
        Check.NOT_HALTED: "futile hedges; find the cause, then `hedger resume --reason …`",
        Check.MAY_CREATE: "halted: futile hedges; find the cause, then `hedger resume --reason …`",
    }


def test_a_pause_is_told_with_its_way_out() -> None:
    state = hedging_state()._replace(paused="lunch", mode=Mode.CANCEL_ONLY, mode_reason="lunch")
    assert readiness(state, policy()) == {Check.MAY_CREATE: "paused: lunch; `hedger unpause --reason …`"}
