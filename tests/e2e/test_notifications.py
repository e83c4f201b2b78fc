"""Messages of a real hedger: its start, its fills and its end reach people, and their addresses nobody else."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hedger.runtime.clock import stopwatch
from tests.support.processes import STILL, Nursery, environment, run_hedger

CANARY = "canary-3f9a1b2c"


class People(ThreadingHTTPServer):
    """A service for messages that keeps what it was sent, in the order in which that came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Desk)
        self.heard: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        """Where it is, with something secret in it."""
        return f"json://{CANARY}:{CANARY}@127.0.0.1:{self.server_port}/{CANARY}"

    def titles(self) -> list[str]:
        """What was told, without who told it."""
        return [one["title"].removeprefix("hedger: ") for one in self.heard]


class _Desk(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, People)
        self.server.heard.append(json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def people() -> Iterator[People]:
    with People() as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield served
        served.shutdown()


def test_a_run_tells_of_its_start_its_fills_and_its_end_and_leaves_no_address_anywhere(
    processes: Nursery, people: People, tmp_path: Path
) -> None:
    config = tmp_path / "still.toml"
    config.write_text(STILL)
    named = ("--config", str(config), "--metrics-port", "0")
    running = processes.paper(tmp_path, *named, env={"HEDGER_NOTIFY__URLS": people.url, "HEDGER_LOG__LEVEL": "debug"})
    running.until(lambda: any("BTC: sold" in title for title in people.titles()), "message of a fill")
    ended = running.stop()
    assert ended.code == 0, ended.err
    assert (people.titles()[0], people.titles()[-1]) == ("Started", "Ended")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"journal.sqlite3", "status.json", "console-token"} <= {path.name for path in files}
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []


def test_people_who_do_not_answer_hold_up_neither_the_hedging_nor_its_end(processes: Nursery, tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:  # takes connections, and says nothing
        url = f"json://{CANARY}@127.0.0.1:{deaf.getsockname()[1]}/?rto=600"
        config = tmp_path / "still.toml"
        config.write_text(STILL)
        running = processes.paper(
            tmp_path, "--config", str(config), "--metrics-port", "0", env={"HEDGER_NOTIFY__URLS": f"{url} {url}"}
        )
        running.until(lambda: "order_filled" in running.events, "fill")
        began = stopwatch()
        ended = running.stop()
        assert stopwatch() - began < 120, "of the ten minutes that an answer is waited for"
    assert ended.code == 0, ended.err
    assert CANARY not in ended.out + ended.err


def test_the_command_says_whether_everybody_was_reached(people: People) -> None:
    reached = run_hedger("notify", env=environment(HEDGER_NOTIFY__URLS=people.url))
    assert (reached.code, reached.out) == (0, "sent to every address\n"), reached.err
    assert people.titles() == ["A test"]
    nobody = run_hedger("notify", env=environment(HEDGER_NOTIFY__URLS=f"{people.url} json://{CANARY}@127.0.0.1:1/"))
    assert nobody.code != 0
    assert "not every address could be reached" in nobody.err
    assert CANARY not in reached.out + reached.err + nobody.out + nobody.err
