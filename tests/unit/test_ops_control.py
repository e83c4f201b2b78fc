"""The control API over real sockets: who is let in, what each route does, and what a stranger learns."""

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hedger.errors import ConfigError
from hedger.ops.control import LARGEST_BODY, LOCKED_S, MOST_FAILURES, NONCE_S, SHORTEST_TOKEN, ControlServer
from hedger.ops.serving import MOST_CONNECTIONS
from hedger.runtime.kill import KillFile
from hedger.runtime.requests import Answer, Ask, Mailbox, Request

TOKEN = "canary-token-of-more-than-32-characters"
POSTS = ("/kill", "/pause", "/unpause", "/resume")
JSON = {"Content-Type": "application/json", "X-Hedger": "1", "Authorization": f"Bearer {TOKEN}"}


class Clock:
    """Seconds that a test sets."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(tmp_path: Path, clock: Clock) -> Iterator[ControlServer]:
    Mailbox(tmp_path).prepare()
    with ControlServer(tmp_path, token=TOKEN, host="127.0.0.1", port=0, now=clock) as serving:
        yield serving


class Said:
    """An answer as it came."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.text = response.read().decode()

    @property
    def body(self) -> dict[str, object]:
        return dict(json.loads(self.text))


def ask(
    server: ControlServer, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> Said:
    """A request with these headers and nothing else that a client would add."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        connection.request(method, path, data if method == "POST" else None, headers or {})
        return Said(connection.getresponse())
    finally:
        connection.close()


def post(server: ControlServer, path: str, body: object = None, **changes: str) -> Said:
    """A request as a client of ours makes it, with some headers changed; an empty value leaves one out."""
    headers = {**JSON, **{name.replace("_", "-"): value for name, value in changes.items()}}
    return ask(server, "POST", path, body, {name: value for name, value in headers.items() if value})


def say(directory: Path, **status: object) -> None:
    (directory / "status.json").write_text(json.dumps(status))


def requests_in(directory: Path) -> list[Request | None]:
    return [letter.request for letter in Mailbox(directory).letters()]


# --- who is let in ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("given", ["", "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN[:-1]}"])
def test_without_the_token_nothing_is_done(server: ControlServer, tmp_path: Path, path: str, given: str) -> None:
    said = post(server, path, {"reason": "x"}, Authorization=given)
    assert said.status == 401
    assert said.headers["www-authenticate"] == "Bearer"
    assert not KillFile(tmp_path).exists()
    assert requests_in(tmp_path) == []


def test_the_status_too_needs_the_token(server: ControlServer, tmp_path: Path) -> None:
    say(tmp_path, mode="hedging", halted=None)
    assert ask(server, "GET", "/status").status == 401
    said = ask(server, "GET", "/status", headers={"Authorization": f"Bearer {TOKEN}"})
    assert said.body == {"killed": False, "status": {"mode": "hedging", "halted": None}}


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "stranger",
    [{"Host": "evil.example"}, {"Host": "evil.example:9109"}, {"Origin": "http://evil.example"}, {"Origin": "null"}],
)
def test_a_foreign_host_or_origin_is_turned_away_even_with_the_token(
    server: ControlServer, tmp_path: Path, path: str, stranger: dict[str, str]
) -> None:
    said = post(server, path, {"reason": "x"}, **stranger)
    assert said.status == 403
    assert not KillFile(tmp_path).exists()


def test_a_second_host_header_does_not_help(server: ControlServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
        host = f"127.0.0.1:{server.port}"
        head = f"GET /status HTTP/1.1\r\nHost: {host}\r\nHost: evil\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        raw.sendall(head.encode())
        assert raw.recv(1000).split(b"\r\n")[0].endswith(b"403 Forbidden")


def test_our_own_origin_and_a_name_that_was_allowed_may_enter(tmp_path: Path, clock: Clock) -> None:
    Mailbox(tmp_path).prepare()
    with ControlServer(tmp_path, token=TOKEN, host="127.0.0.1", port=0, names=["hedger.internal"], now=clock) as server:
        for name in ("127.0.0.1", "localhost", "hedger.internal"):
            here = f"{name}:{server.port}"
            assert post(server, "/pause", {"reason": "x"}, Host=here, Origin=f"http://{here}").status == 202


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
def test_what_changes_something_takes_post_only(server: ControlServer, path: str, method: str) -> None:
    said = ask(server, method, path, headers=JSON)
    assert said.status == 405
    assert "access-control-allow-origin" not in said.headers


@pytest.mark.parametrize("path", POSTS)
def test_a_form_of_another_site_cannot_be_posted(server: ControlServer, tmp_path: Path, path: str) -> None:
    assert post(server, path, {"reason": "x"}, X_Hedger="").status == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert post(server, path, {"reason": "x"}, Content_Type=kind).status == 415
    assert not KillFile(tmp_path).exists()


def test_after_ten_wrong_tokens_the_wrong_ones_wait_and_the_right_one_kills(
    server: ControlServer, tmp_path: Path, clock: Clock
) -> None:
    for _ in range(MOST_FAILURES):
        assert post(server, "/kill", Authorization="Bearer wrong").status == 401
    for _ in range(3):
        assert post(server, "/kill", Authorization="Bearer wrong").status == 429
    assert not KillFile(tmp_path).exists()
    assert post(server, "/kill").status == 202
    assert KillFile(tmp_path).exists()
    assert post(server, "/kill", Authorization="Bearer wrong").status == 429
    clock.seconds += LOCKED_S + 1
    assert post(server, "/kill", Authorization="Bearer wrong").status == 401


def test_connections_that_say_nothing_do_not_keep_a_kill_out(server: ControlServer, tmp_path: Path) -> None:
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(3 * MOST_CONNECTIONS)]
    try:
        assert post(server, "/kill").status == 202
    finally:
        for connection in idle:
            connection.close()
    assert KillFile(tmp_path).exists()


def test_a_right_token_in_between_starts_the_count_anew(server: ControlServer) -> None:
    for _ in range(3):
        for _ in range(MOST_FAILURES - 1):
            post(server, "/kill", Authorization="Bearer wrong")
        assert post(server, "/kill").status == 202


def test_a_token_that_can_be_guessed_is_refused_without_being_shown(tmp_path: Path, clock: Clock) -> None:
    short = "canary" * 5
    assert len(short) < SHORTEST_TOKEN
    with pytest.raises(ConfigError) as refused:
        ControlServer(tmp_path, token=short, host="127.0.0.1", port=0, now=clock)
    assert "canary" not in str(refused.value)


# --- what is sent -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 2000, 400),
        (b"[]", 400),
        (b'{"reason": "x", "more": 1}', 400),
        (b'{"reason": 7}', 400),
        (b'{"reason": "  "}', 400),
        (b" " * (LARGEST_BODY + 1), 413),
    ],
)
def test_a_body_that_is_not_what_it_must_be_is_refused(
    server: ControlServer, tmp_path: Path, body: bytes, status: int
) -> None:
    assert post(server, "/pause", body).status == status
    assert requests_in(tmp_path) == []


def test_a_body_without_a_length_is_refused(server: ControlServer) -> None:
    assert post(server, "/pause", b"0\r\n\r\n", Transfer_Encoding="chunked").status == 411
    assert post(server, "/pause", b"{}", Content_Length="-1").status == 411
    assert post(server, "/pause", b"{}", Content_Length="9" * 40).status == 413


# --- what is done -------------------------------------------------------------------------------------------------


def test_a_kill_is_one_step_and_lies_on_disk_when_it_is_answered(server: ControlServer, tmp_path: Path) -> None:
    for _ in range(2):
        said = post(server, "/kill", {"reason": "now\nat once"})
        assert (said.status, said.body) == (202, {"latched": True})
    assert KillFile(tmp_path).reason() == "the kill file: control API: now at once"


def test_a_pause_becomes_a_request(server: ControlServer, tmp_path: Path) -> None:
    assert post(server, "/pause", {"reason": "a look"}).status == 202
    assert requests_in(tmp_path) == [Request(ask=Ask.PAUSE, reason="a look")]


def test_a_pause_is_ended_by_its_own_route_in_one_step(server: ControlServer, tmp_path: Path) -> None:
    say(tmp_path, mode="cancel_only", halted=None)
    refused = post(server, "/resume", {"reason": "seen"})
    assert (refused.status, refused.body) == (409, {"error": "it is not halted: POST /unpause ends a pause"})
    assert post(server, "/unpause", {"reason": "seen"}).status == 202
    assert requests_in(tmp_path) == [Request(ask=Ask.UNPAUSE, reason="seen")]


def test_a_client_learns_what_became_of_its_request(server: ControlServer, tmp_path: Path) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    asked = [post(server, path, {"reason": "x"}).body for path in ("/pause", "/unpause")]
    where = [str(body["outcome"]) for body in asked]
    assert where == sorted(where) == [f"/requests/{body['request']}" for body in asked]
    waiting = ask(server, "GET", where[0], headers=bearer)
    assert (waiting.status, waiting.body) == (202, {"state": "waits"})
    mailbox = Mailbox(tmp_path)
    for letter, done in zip(list(mailbox.letters()), (True, False), strict=True):
        mailbox.answer(letter.name, Answer(done=done, why="as told"))
    for path, state in zip(where, ("done", "refused"), strict=True):
        for _ in range(2):
            said = ask(server, "GET", path, headers=bearer)
            assert (said.status, said.body) == (200, {"state": state, "why": "as told"})
    assert ask(server, "GET", where[0]).status == 401


@pytest.mark.parametrize("name", ["", "1", "../../status", "00000000000000000001-control-0000000000000000", "x.answer"])
def test_of_a_request_that_is_not_its_own_it_tells_nothing(server: ControlServer, tmp_path: Path, name: str) -> None:
    (tmp_path / "requests" / "1.answer").write_text('{"done": true, "why": "not yours"}')
    said = ask(server, "GET", f"/requests/{name}", headers={"Authorization": f"Bearer {TOKEN}"})
    assert said.status == 404
    assert "yours" not in said.text


def test_a_reason_that_would_be_cut_is_refused(server: ControlServer, tmp_path: Path) -> None:
    assert post(server, "/pause", {"reason": "x" * 501}).status == 400
    assert requests_in(tmp_path) == []
    assert post(server, "/kill", {"reason": "x" * 501}).status == 202, "a kill is never refused for its words"


def test_a_halt_is_lifted_only_with_the_nonce_of_a_first_step(
    server: ControlServer, tmp_path: Path, clock: Clock
) -> None:
    say(tmp_path, mode="halted", halted="a drill")
    first = post(server, "/resume", {"reason": "seen"})
    assert (first.status, first.body["halted"]) == (202, "a drill")
    assert requests_in(tmp_path) == []
    assert post(server, "/resume", {"reason": "seen", "nonce": "guessed"}).status == 409
    assert post(server, "/resume", {"reason": "seen", "nonce": first.body["nonce"]}).status == 409, "one guess"
    late = post(server, "/resume", {"reason": "seen"}).body["nonce"]
    clock.seconds += NONCE_S + 1
    assert post(server, "/resume", {"reason": "seen", "nonce": late}).status == 409
    fresh = post(server, "/resume", {"reason": "seen"}).body["nonce"]
    say(tmp_path, mode="halted", halted="meanwhile another one")
    assert post(server, "/resume", {"reason": "seen", "nonce": fresh}).status == 202
    assert requests_in(tmp_path) == [Request(ask=Ask.RESUME, reason="seen", halted="a drill")]
    assert post(server, "/resume", {"reason": "seen", "nonce": fresh}).status == 409, "a nonce is used once"


def test_a_person_s_word_for_doubted_readings_takes_two_steps_too(server: ControlServer, tmp_path: Path) -> None:
    say(tmp_path, mode="hedging", halted=None, doubted=["main"])
    nonce = post(server, "/resume", {"reason": "seen at the venue"}).body["nonce"]
    assert post(server, "/resume", {"reason": "seen at the venue", "nonce": nonce}).status == 202
    assert requests_in(tmp_path) == [Request(ask=Ask.RESUME, reason="seen at the venue")]


def test_without_a_hedger_there_is_nothing_to_resume(server: ControlServer) -> None:
    assert post(server, "/resume", {"reason": "seen"}).status == 409


def test_a_state_directory_that_refuses_is_said_so(server: ControlServer, tmp_path: Path) -> None:
    (tmp_path / "requests").rmdir()
    assert post(server, "/pause", {"reason": "x"}).status == 507


def test_no_answer_holds_the_token_or_the_client_s_words(server: ControlServer, tmp_path: Path) -> None:
    say(tmp_path, mode="halted", halted="a drill")
    mark = "canary-of-the-client"
    answers = [
        post(server, "/kill", {"reason": mark}),
        post(server, "/pause", {"reason": mark}),
        post(server, "/resume", {"reason": mark}),
        post(server, f"/{mark}", {"reason": mark}),
        post(server, "/pause", {mark: mark}),
        post(server, "/pause", {}, Authorization=f"Bearer {mark}"),
        post(server, "/pause", {}, Host=mark),
        ask(server, mark, "/kill"),
        ask(server, "GET", "/status", headers={"Authorization": f"Bearer {TOKEN}"}),
    ]
    for said in answers:
        whole = said.text + str(said.headers)
        assert TOKEN not in whole
        assert mark not in whole
        assert said.headers["content-type"] == "application/json"
        assert said.headers["cache-control"] == "no-store"
        assert not [name for name in said.headers if name.startswith(("access-control", "set-cookie"))]
