"""Who is let into the console, what each may do, and what a stranger learns: one test for each line of its security."""

import socket
import stat
import time
from pathlib import Path

import pytest
import structlog

from hedger.errors import ConfigError
from hedger.ops.console.access import LOCKED_S, MOST_FAILURES, Scope
from hedger.ops.console.answers import CONTENT_SECURITY_POLICY
from hedger.ops.console.page_files import read_page
from hedger.ops.console.routes import ROUTES
from hedger.ops.console.seats import ANSWER_S, HEAD_S, MOST_CONNECTIONS
from hedger.ops.console.server import Console
from hedger.ops.console.tokens import NAME, SHORTEST_TOKEN, Tokens, own_token
from hedger.runtime.kill import KillFile
from tests.support.console_stand import (
    READ_TOKEN,
    TOKEN,
    Clock,
    Said,
    ask,
    get,
    post,
    raw,
    requests_in,
    rest_of,
    say,
    served,
)

POSTS = tuple(route.path for route in ROUTES if route.method == "POST")
EXAMPLES = {"{name}": "btc", "{hedge}": "btc", "{id}": "41"}
BOTH = Tokens(act=TOKEN, read=READ_TOKEN)


def example(path: str) -> str:
    for part, value in EXAMPLES.items():
        path = path.replace(part, value)
    return path


READS = tuple(example(route.path) for route in ROUTES if route.scope is Scope.READ)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(tmp_path: Path, clock: Clock):
    with served(tmp_path, now=clock) as console:
        yield console


@pytest.fixture
def closed(tmp_path: Path, clock: Clock):
    """A console that may be read with a token only."""
    with served(tmp_path, now=clock, tokens=BOTH) as console:
        yield console


def untouched(directory: Path) -> bool:
    return not KillFile(directory).exists() and requests_in(directory) == []


# --- tokens -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("given", ["", "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN[:-1]}"])
def test_without_the_token_nothing_is_done(server: Console, tmp_path: Path, path: str, given: str) -> None:
    said = post(server, path, {"reason": "x"}, Authorization=given)
    assert said.status == 401
    assert said.headers["www-authenticate"] == "Bearer"
    assert untouched(tmp_path)


def test_two_authorizations_are_as_good_as_a_wrong_one(server: Console, tmp_path: Path) -> None:
    head = f"POST /api/kill HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nX-Hedger: 1\r\nContent-Length: 2\r\n"
    twice = (
        f"{head}Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer x\r\nContent-Type: application/json\r\n\r\n{{}}"
    )
    assert raw(server, twice.encode()).split()[1] in (b"400", b"401")
    assert untouched(tmp_path)


@pytest.mark.parametrize("path", [path for path in READS if path != "/api/stream"])
def test_reading_takes_a_token_where_one_is_set(closed: Console, path: str) -> None:
    assert get(closed, path).status == 401
    assert get(closed, path, Authorization=f"Bearer {READ_TOKEN}x").status == 401
    for token in (READ_TOKEN, TOKEN):
        assert get(closed, path, Authorization=f"Bearer {token}").status == 200


def test_the_stream_takes_a_token_where_one_is_set(closed: Console) -> None:
    assert get(closed, "/api/stream").status == 401


@pytest.mark.parametrize("path", POSTS)
def test_who_may_read_may_not_act(closed: Console, tmp_path: Path, path: str) -> None:
    said = post(closed, path, {"reason": "x"}, Authorization=f"Bearer {READ_TOKEN}")
    assert (said.status, said.body) == (403, {"error": "this token may only read"})
    assert untouched(tmp_path)


def test_a_client_can_ask_what_its_token_allows(closed: Console, tmp_path: Path) -> None:
    def allowed(console: Console, **headers: str) -> tuple[object, ...]:
        body = get(console, "/api/access", **headers).body
        return body["read"], body["act"]

    assert allowed(closed) == (False, False)
    assert allowed(closed, Authorization=f"Bearer {READ_TOKEN}") == (True, False)
    assert allowed(closed, Authorization=f"Bearer {TOKEN}") == (True, True)
    with served(tmp_path) as console:
        assert allowed(console) == (True, False)


def test_the_page_and_the_description_need_no_token_and_hold_nothing(closed: Console) -> None:
    for path in ("/", "/main.js", "/api/openapi.json"):
        said = get(closed, path)
        assert said.status == 200
        assert b"canary" not in said.data


def test_after_ten_wrong_tokens_the_wrong_ones_wait_and_the_right_one_kills(
    server: Console, tmp_path: Path, clock: Clock
) -> None:
    for _ in range(MOST_FAILURES):
        assert post(server, "/api/kill", Authorization="Bearer wrong").status == 401
    for _ in range(3):
        assert post(server, "/api/kill", Authorization="Bearer wrong").status == 429
    assert not KillFile(tmp_path).exists()
    assert post(server, "/api/kill").status == 202
    assert KillFile(tmp_path).exists()
    assert post(server, "/api/kill", Authorization="Bearer wrong").status == 429
    clock.seconds += LOCKED_S + 1
    assert post(server, "/api/kill", Authorization="Bearer wrong").status == 401


def test_wrong_tokens_are_counted_wherever_they_are_tried(server: Console) -> None:
    for _ in range(MOST_FAILURES):
        assert get(server, "/api/access", Authorization="Bearer wrong").status == 401
    assert get(server, "/api/status", Authorization="Bearer wrong").status == 429
    assert get(server, "/api/status").status == 200, "a reader without a token guesses nothing"


def test_a_right_token_in_between_starts_the_count_anew(server: Console) -> None:
    for _ in range(3):
        for _ in range(MOST_FAILURES - 1):
            assert post(server, "/api/kill", Authorization="Bearer wrong").status == 401
        assert post(server, "/api/kill").status == 202


@pytest.mark.parametrize("token", ["canary" * 5, "canary token of more than 32 characters", "canary" * 6 + "é"])
def test_a_token_that_is_no_good_is_refused_without_being_shown(token: str) -> None:
    assert len(token) < SHORTEST_TOKEN or not token.isascii() or " " in token
    for act, read in ((token, None), (TOKEN, token)):
        with pytest.raises(ConfigError) as refused:
            Tokens(act=act, read=read)
        assert "canary" not in str(refused.value)
    assert "canary" not in repr(Tokens(act=TOKEN, read=READ_TOKEN))


# --- the token that it makes itself -------------------------------------------------------------------------------


def test_a_token_is_made_once_for_its_user_s_eyes_only(tmp_path: Path) -> None:
    token = own_token(tmp_path)
    assert len(token) >= SHORTEST_TOKEN
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert own_token(tmp_path) == token, "it is the same at the next start"
    (tmp_path / "other").mkdir()
    assert own_token(tmp_path / "other") != token
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME, "other"]


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    own_token(tmp_path)
    for mode in (0o644, 0o640, 0o602):
        (tmp_path / NAME).chmod(mode)
        with pytest.raises(ConfigError, match=r"remove it"):
            own_token(tmp_path)


def test_a_token_behind_a_link_or_in_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(TOKEN)
    (tmp_path / "elsewhere").chmod(0o600)
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match=r"plain file"):
        own_token(tmp_path)
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).symlink_to(tmp_path / "nothing")
    with pytest.raises(ConfigError, match=r"plain file"):
        own_token(tmp_path)
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).mkdir()
    with pytest.raises(ConfigError):
        own_token(tmp_path)


@pytest.mark.parametrize("text", ["", "short\n", "x" * 600, "\x00" * 40, "with a space in its middle, which is long"])
def test_what_is_no_token_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    (tmp_path / NAME).chmod(0o600)
    with pytest.raises(ConfigError, match=r"holds no token"):
        own_token(tmp_path)


# --- strangers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "stranger",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:9109"},
        {"Host": "127.0.0.1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_a_foreign_host_or_origin_is_turned_away_even_with_the_token(
    server: Console, tmp_path: Path, path: str, stranger: dict[str, str]
) -> None:
    assert post(server, path, {"reason": "x"}, **stranger).status == 403
    assert untouched(tmp_path)


@pytest.mark.parametrize("path", ["/", "/main.js", "/api/openapi.json", "/nowhere", *READS])
def test_a_name_that_was_bound_to_our_address_reads_nothing(server: Console, path: str) -> None:
    said = get(server, path, Host=f"evil.example:{server.port}")
    assert said.status == 403
    assert "hedging" not in said.text


def test_a_second_host_header_does_not_help(server: Console) -> None:
    host = f"127.0.0.1:{server.port}"
    head = f"GET /api/status HTTP/1.1\r\nHost: {host}\r\nHost: evil\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    assert raw(server, head.encode()).split()[1] in (b"400", b"403")
    without = f"GET /api/status HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    assert raw(server, without.encode()).split()[1] in (b"400", b"403")


def test_our_own_origin_and_a_name_that_was_allowed_may_enter(tmp_path: Path, clock: Clock) -> None:
    names = ["hedger.internal", "Mapped.example:8443"]
    with served(tmp_path, names=names, now=clock) as console:
        ours = [f"{name}:{console.port}" for name in ("127.0.0.1", "localhost", "[::1]", "hedger.internal")]
        for here in [*ours, "hedger.internal", "mapped.example:8443"]:
            assert post(console, "/api/pause", {"reason": "x"}, Host=here, Origin=f"http://{here}").status == 202
        secure = {"Host": "hedger.internal", "Origin": "https://hedger.internal"}
        assert post(console, "/api/pause", {"reason": "x"}, **secure).status == 202, "behind TLS"
        for wrong in ("mapped.example", f"mapped.example:{console.port}", "hedger.internal:1"):
            assert post(console, "/api/pause", {"reason": "x"}, Host=wrong).status == 403


@pytest.mark.parametrize("path", POSTS)
def test_a_form_of_another_site_cannot_be_posted(server: Console, tmp_path: Path, path: str) -> None:
    assert post(server, path, {"reason": "x"}, X_Hedger="").status == 403
    assert post(server, path, {"reason": "x"}, X_Hedger="0").status == 403
    for kind in ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"):
        assert post(server, path, {"reason": "x"}, Content_Type=kind).status == 415
    assert untouched(tmp_path)


# --- methods and paths --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"])
def test_what_changes_something_takes_post_only(server: Console, tmp_path: Path, path: str, method: str) -> None:
    said = ask(server, method, path, headers={"Authorization": f"Bearer {TOKEN}", "X-Hedger": "1"})
    assert (said.status, said.headers["allow"]) == (405, "POST")
    assert "access-control-allow-origin" not in said.headers
    assert untouched(tmp_path)


@pytest.mark.parametrize("path", ["/", "/main.js", *READS])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_what_is_read_takes_get_only(server: Console, path: str, method: str) -> None:
    said = ask(server, method, path, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (said.status, said.headers["allow"]) == (405, "GET")


def test_no_reading_changes_anything(server: Console, tmp_path: Path) -> None:
    def on_disk() -> list[tuple[str, int]]:
        return sorted((path.name, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))

    before = on_disk()
    for route in ROUTES:
        if route.method == "GET" and route.name != "stream":
            for query in ("", "?reason=x", "?token=" + TOKEN, "?kill=1"):
                get(server, example(route.path) + query, Authorization=f"Bearer {TOKEN}")
    assert on_disk() == before


@pytest.mark.parametrize(
    "path",
    [
        "/../server.py",
        "/..%2fserver.py",
        "/%2e%2e/server.py",
        "//etc/passwd",
        "/page/index.html",
        "/uplot/../../server.py",
        "/main.js/",
        "/main.js%00",
        "/.git/config",
        "/api",
        "/api/",
        "/api/../main.js",
        "/api/hedges/btc/more",
        "/api/openapi_json",
    ],
)
def test_no_other_file_can_be_asked_for(server: Console, path: str) -> None:
    said = get(server, path)
    assert said.status in (400, 404)
    assert b"import" not in said.data


def test_a_link_in_the_page_s_directory_is_not_served(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "secret.js").symlink_to("/etc/passwd")
    (tmp_path / "notes.py").write_text("x = 1")
    assert sorted(read_page(tmp_path)) == ["/", "/index.html"]


def test_a_query_that_a_route_does_not_know_is_refused(server: Console) -> None:
    known = ("/api/decisions?limit=1", "/api/decisions?limit=200", "/?anything=1")
    assert [get(server, path).status for path in known] == [200, 200, 200]
    for query in ("limit=0", "limit=201", "limit=x", "limit=-1", "limit=1&limit=2", "token=x", "limit=%D9%A1"):
        assert get(server, f"/api/decisions?{query}").status == 400, query
    assert get(server, "/api/status?x=1").status == 400
    assert post(server, "/api/pause?x=1", {"reason": "x"}).status == 400


# --- what is answered ---------------------------------------------------------------------------------------------


def test_every_answer_keeps_a_browser_from_harm(server: Console) -> None:
    answers = [
        get(server, "/"),
        get(server, "/main.js"),
        get(server, "/api/status"),
        get(server, "/nowhere"),
        get(server, "/api/status", Host="evil"),
        post(server, "/api/kill", Authorization="Bearer wrong"),
        ask(server, "BREW", "/"),
    ]
    for said in answers:
        assert said.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert said.headers["x-content-type-options"] == "nosniff"
        assert said.headers["referrer-policy"] == "no-referrer"
        assert said.headers["cross-origin-opener-policy"] == "same-origin"
        assert said.headers["cross-origin-resource-policy"] == "same-origin"
        assert "geolocation=()" in said.headers["permissions-policy"]
        assert said.headers["server"] == "hedger"
        assert said.headers["cache-control"] in ("no-store", "no-cache")
        assert not [name for name in said.headers if name.startswith(("access-control", "set-cookie"))]
    for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert part in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY


def test_a_file_of_the_page_has_its_type_and_is_sent_once(server: Console) -> None:
    for path, kind in (("/", "text/html"), ("/main.js", "text/javascript"), ("/console.css", "text/css")):
        said = get(server, path)
        assert said.headers["content-type"].startswith(kind)
        again = get(server, path, If_None_Match=said.headers["etag"])
        assert (again.status, again.data) == (304, b"")
        assert get(server, path, If_None_Match='"other"').status == 200


def test_no_answer_holds_a_token_or_the_client_s_words(server: Console, tmp_path: Path) -> None:
    say(tmp_path, mode="halted", halted="a drill")
    mark = "words-of-the-client"
    answers = [
        post(server, "/api/kill", {"reason": mark}),
        post(server, "/api/pause", {"reason": mark}),
        post(server, "/api/resume", {"reason": mark}),
        post(server, "/api/acknowledge", {"reason": mark, "alarm": mark}),
        post(server, f"/api/{mark}", {"reason": mark}),
        post(server, "/api/pause", {mark: mark}),
        post(server, "/api/pause", {}, Authorization=f"Bearer {mark}"),
        post(server, "/api/pause", {}, Host=mark),
        ask(server, mark.upper(), "/api/kill"),
        get(server, f"/{mark}"),
        get(server, f"/api/hedges/{mark}"),
        get(server, f"/api/status?{mark}=1"),
        *(get(server, path, Authorization=f"Bearer {TOKEN}") for path in READS if path != "/api/stream"),
    ]
    for said in answers:
        whole = said.text + str(said.headers)
        assert "canary" not in whole
        assert mark not in whole.lower()
        assert said.headers["content-type"] == "application/json"
        assert said.headers["cache-control"] == "no-store"


def test_acts_are_logged_by_name_and_nothing_else_is(server: Console) -> None:
    with structlog.testing.capture_logs() as lines:
        post(server, "/api/pause", {"reason": "words-of-the-client"})
        get(server, "/api/status", User_Agent="words-of-the-client")
        get(server, "/words-of-the-client")
        raw(server, b"words-of-the-client\r\n\r\n")
    used = {"event": "console_used", "route": "/api/pause", "step": "first", "log_level": "warning"}
    assert lines == [used]


def test_a_bug_of_ours_is_a_plain_answer_and_a_line_of_the_log(tmp_path: Path) -> None:
    def broken(number: int) -> None:
        raise ArithmeticError("canary-of-the-exception")

    with structlog.testing.capture_logs() as lines, served(tmp_path, story=broken) as console:
        said = get(console, "/api/decisions/41")
        assert (said.status, said.body) == (500, {"error": "Internal Server Error"})
        assert post(console, "/api/kill").status == 202
    assert [line["event"] for line in lines] == ["console_failed", "console_used"]


# --- connections --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nX: " + b"a" * 5_000 + b"\r\n",
        b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(200)),
        b"GET / HTTP/1.1\r\nX : y\r\n",
        b"GET / HTTP/1.1\r\n folded: y\r\n",
        b"GET / HTTP/9.9\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_a_head_that_is_too_large_or_not_http_is_refused(server: Console, head: bytes) -> None:
    host = f"Host: 127.0.0.1:{server.port}\r\n\r\n".encode()
    assert raw(server, head + host).split()[1] == b"400"


def test_nothing_can_hide_behind_a_request(server: Console, tmp_path: Path) -> None:
    host = f"Host: 127.0.0.1:{server.port}\r\n"
    kill = (
        f"POST /api/kill HTTP/1.1\r\n{host}Authorization: Bearer {TOKEN}\r\nX-Hedger: 1\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )
    hidden = [
        f"GET / HTTP/1.1\r\n{host}\r\n{kill}",
        f"POST /api/pause HTTP/1.1\r\n{host}Content-Length: {len(kill)}\r\n\r\n{kill}",
        f"POST /api/pause HTTP/1.1\r\n{host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{kill}",
        f"POST /api/pause HTTP/1.1\r\n{host}Content-Length: 0\r\nContent-Length: {len(kill)}\r\n\r\n{kill}",
        f"POST /api/pause HTTP/1.1\r\n{host}Transfer-Encoding: xchunked\r\n\r\n{kill}",
    ]
    for data in hidden:
        answered = raw(server, data.encode())
        assert answered.count(b"HTTP/1.") == 1, data
        assert untouched(tmp_path), data


def test_connections_that_say_nothing_do_not_keep_a_kill_out(server: Console, tmp_path: Path) -> None:
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(3 * MOST_CONNECTIONS)]
    try:
        assert post(server, "/api/kill").status == 202
    finally:
        for connection in idle:
            connection.close()
    assert KillFile(tmp_path).exists()


def test_connections_that_never_end_their_request_do_not_keep_a_kill_out(server: Console, tmp_path: Path) -> None:
    head = f"POST /api/nowhere HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 100\r\n\r\n".encode()
    slow = []
    for _ in range(3 * MOST_CONNECTIONS):
        slow.append(socket.create_connection(("127.0.0.1", server.port), timeout=5))
        slow[-1].sendall(head)
    try:
        assert post(server, "/api/kill").status == 202
    finally:
        for connection in slow:
            connection.close()


def test_a_connection_without_a_whole_head_is_closed_after_two_seconds(server: Console) -> None:
    assert HEAD_S == 2.0
    assert ANSWER_S <= 15.0
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert rest_of(connection) == b""
    assert 1.5 < time.monotonic() - began < 4


def test_an_address_that_cannot_be_had_is_said_in_a_sentence(server: Console, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Port \d+ on 127\.0\.0\.1 is in use"):
        served(tmp_path, port=server.port).__enter__()
    with pytest.raises(ConfigError, match=r"console cannot be served"):
        served(tmp_path, host="192.0.2.1").__enter__()


def test_after_its_end_nobody_listens(tmp_path: Path) -> None:
    with served(tmp_path) as console:
        assert isinstance(get(console, "/api/access"), Said)
    with pytest.raises(ConnectionRefusedError):
        get(console, "/api/access")
