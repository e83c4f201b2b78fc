"""The console's acts over real sockets: what each does, in how many steps, and that they take the token."""

import threading
from pathlib import Path

import pytest

from hedger.errors import AskAgain
from hedger.ops.console.desk import MOST_ACTS, NONCE_S, Lookouts, Outlook
from hedger.ops.console.dispatch import LARGEST_BODY
from hedger.ops.console.feed import Feed
from hedger.ops.console.server import Console
from hedger.runtime.kill import KillFile
from hedger.runtime.requests import Answer, Ask, Mailbox, Request
from tests.support.console_stand import (
    BEARER,
    TOKEN,
    Clock,
    ask,
    feed_of,
    get,
    lookouts,
    post,
    requests_in,
    say,
    served,
)
from tests.support.ops_states import hedging_state


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(tmp_path: Path, clock: Clock):
    with served(tmp_path, now=clock) as console:
        yield console


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
        (b'{"reason": "\\u009d"}', 400),
        (b" " * (LARGEST_BODY + 1), 413),
    ],
)
def test_a_body_that_is_not_what_it_must_be_is_refused(
    server: Console, tmp_path: Path, body: bytes, status: int
) -> None:
    assert post(server, "/api/pause", body).status == status
    assert requests_in(tmp_path) == []


def test_a_body_without_a_length_is_refused(server: Console, tmp_path: Path) -> None:
    assert post(server, "/api/pause", b"0\r\n\r\n", Transfer_Encoding="chunked").status in (400, 411)
    assert post(server, "/api/pause", b"{}", Content_Length="-1").status == 400
    assert post(server, "/api/pause", b"{}", Content_Length="9" * 40).status in (400, 413)
    assert requests_in(tmp_path) == []


def test_a_reason_that_would_be_cut_is_refused(server: Console, tmp_path: Path) -> None:
    assert post(server, "/api/pause", {"reason": "x" * 501}).status == 400
    assert requests_in(tmp_path) == []
    assert post(server, "/api/kill", {"reason": "x" * 501}).status == 202, "a kill is never refused for its words"


# --- what is done -------------------------------------------------------------------------------------------------


def test_a_kill_is_one_step_and_lies_on_disk_when_it_is_answered(server: Console, tmp_path: Path) -> None:
    assert not get(server, "/api/status").body["killed"]
    for _ in range(2):
        said = post(server, "/api/kill", {"reason": "now\nat once"})
        assert (said.status, said.body) == (202, {"latched": True})
    assert KillFile(tmp_path).reason() == "the kill file: console: now at once"
    assert get(server, "/api/status").body["killed"]


@pytest.mark.parametrize("body", [b"{}", b'{"reason": 7}', b'{"reason": "\\ud800"}', b'{"reason": null}'])
def test_a_kill_is_not_refused_for_its_reason(server: Console, tmp_path: Path, body: bytes) -> None:
    assert post(server, "/api/kill", body).status == 202
    assert KillFile(tmp_path).exists()


def test_a_pause_becomes_a_request(server: Console, tmp_path: Path) -> None:
    assert post(server, "/api/pause", {"reason": "a look"}).status == 202
    assert requests_in(tmp_path) == [Request(ask=Ask.PAUSE, reason="a look")]


def test_a_pause_is_ended_by_its_own_route_in_one_step(server: Console, tmp_path: Path) -> None:
    say(tmp_path, mode="cancel_only", halted=None)
    refused = post(server, "/api/resume", {"reason": "seen"})
    assert (refused.status, refused.body) == (409, {"error": "it is not halted; what ends a pause is an unpause"})
    assert post(server, "/api/unpause", {"reason": "seen"}).status == 202
    assert requests_in(tmp_path) == [Request(ask=Ask.UNPAUSE, reason="seen")]


def test_an_alarm_is_acknowledged_by_its_key(server: Console, tmp_path: Path) -> None:
    assert post(server, "/api/acknowledge", {"alarm": "Unhedged:BTC", "reason": "seen"}).status == 202
    assert requests_in(tmp_path) == [Request(ask=Ask.ACKNOWLEDGE, reason="seen", subject="Unhedged:BTC")]
    for alarm in ("", "  ", 7, "x" * 201):
        assert post(server, "/api/acknowledge", {"alarm": alarm, "reason": "seen"}).status == 400
    assert requests_in(tmp_path) == []


def test_a_client_learns_what_became_of_its_request(server: Console, tmp_path: Path) -> None:
    asked = [post(server, path, {"reason": "x"}).body for path in ("/api/pause", "/api/unpause")]
    where = [str(body["outcome"]) for body in asked]
    assert where == sorted(where) == [f"/api/requests/{body['request']}" for body in asked]
    waiting = ask(server, "GET", where[0], headers=BEARER)
    assert (waiting.status, waiting.body["state"]) == (202, "waits")
    mailbox = Mailbox(tmp_path)
    for letter, done in zip(list(mailbox.letters()), (True, False), strict=True):
        mailbox.answer(letter.name, Answer(done=done, why="as told"))
    for path, state in zip(where, ("done", "refused"), strict=True):
        for _ in range(2):
            said = ask(server, "GET", path, headers=BEARER)
            assert (said.status, said.body) == (200, {"state": state, "why": "as told"})
    assert ask(server, "GET", where[0]).status == 401


@pytest.mark.parametrize("name", ["", "1", "../../status", "00000000000000000001-console-0000000000000000", "x.answer"])
def test_of_a_request_that_is_not_its_own_it_tells_nothing(server: Console, tmp_path: Path, name: str) -> None:
    (tmp_path / "requests" / "1.answer").write_text('{"done": true, "why": "not yours"}')
    said = ask(server, "GET", f"/api/requests/{name}", headers=BEARER)
    assert said.status == 404
    assert "yours" not in said.text


# --- two steps ----------------------------------------------------------------------------------------------------


def test_a_halt_is_lifted_only_with_the_nonce_of_a_first_step(server: Console, tmp_path: Path, clock: Clock) -> None:
    say(tmp_path, mode="halted", halted="a drill")
    first = post(server, "/api/resume", {"reason": "seen"})
    assert (first.status, first.body["halted"]) == (202, "a drill")
    assert requests_in(tmp_path) == []
    assert post(server, "/api/resume", {"reason": "seen", "nonce": "guessed"}).status == 409
    assert post(server, "/api/resume", {"reason": "seen", "nonce": first.body["nonce"]}).status == 409, "one guess"
    late = post(server, "/api/resume", {"reason": "seen"}).body["nonce"]
    clock.seconds += NONCE_S + 1
    assert post(server, "/api/resume", {"reason": "seen", "nonce": late}).status == 409
    fresh = post(server, "/api/resume", {"reason": "seen"}).body["nonce"]
    say(tmp_path, mode="halted", halted="meanwhile another one")
    assert post(server, "/api/resume", {"reason": "seen", "nonce": fresh}).status == 202
    assert requests_in(tmp_path) == [Request(ask=Ask.RESUME, reason="seen", halted="a drill")]
    assert post(server, "/api/resume", {"reason": "seen", "nonce": fresh}).status == 409, "a nonce is used once"


def test_a_person_s_word_for_doubted_readings_takes_two_steps_too(server: Console, tmp_path: Path) -> None:
    say(tmp_path, mode="hedging", halted=None, doubted=["main"])
    nonce = post(server, "/api/resume", {"reason": "seen at the venue"}).body["nonce"]
    assert post(server, "/api/resume", {"reason": "seen at the venue", "nonce": nonce}).status == 202
    assert requests_in(tmp_path) == [Request(ask=Ask.RESUME, reason="seen at the venue")]


def test_without_a_hedger_there_is_nothing_to_resume(server: Console) -> None:
    assert post(server, "/api/resume", {"reason": "seen"}).status == 409


def test_a_flatten_needs_the_nonce_and_the_phrase_of_the_plan_that_was_shown(
    server: Console, tmp_path: Path, clock: Clock
) -> None:
    wanted = {"reason": "out", "hedges": ["BTC", "ETH"]}

    def plan() -> dict[str, object]:
        said = post(server, "/api/flatten", wanted)
        assert (said.status, said.body["plan"], said.body["phrase"]) == (
            202,
            {"hedges": ["BTC", "ETH"]},
            "flatten BTC ETH",
        )
        return {"nonce": said.body["nonce"], "phrase": said.body["phrase"]}

    wrong: list[dict[str, object]] = [
        {"phrase": "flatten"},
        {"phrase": None},
        {"nonce": "guessed"},
        {"hedges": ["BTC"]},
        {"hedges": []},
    ]
    for spoilt in wrong:
        assert post(server, "/api/flatten", {**wanted, **plan(), **spoilt}).status == 409, spoilt
    old = plan()
    clock.seconds += NONCE_S + 1
    assert post(server, "/api/flatten", {**wanted, **old}).status == 409
    assert requests_in(tmp_path) == []
    fresh = plan()
    assert post(server, "/api/flatten", {**wanted, **fresh}).status == 202
    asked = Request(ask=Ask.FLATTEN, reason="out", subject="BTC,ETH", shown="plan of BTC,ETH")
    assert requests_in(tmp_path) == [asked]
    assert post(server, "/api/flatten", {**wanted, **fresh}).status == 409, "a nonce is used once"


def test_a_flatten_of_everything_names_no_hedge(server: Console, tmp_path: Path) -> None:
    first = post(server, "/api/flatten", {"reason": "out"}).body
    second = {"reason": "out", "nonce": first["nonce"], "phrase": first["phrase"]}
    assert post(server, "/api/flatten", second).status == 202
    assert requests_in(tmp_path) == [Request(ask=Ask.FLATTEN, reason="out", shown="plan of ")]


@pytest.mark.parametrize("hedges", ["BTC", [7], ["B C"], ["BTC,ETH"], [""], ["A"] * 65, {"BTC": 1}])
def test_what_names_no_hedges_is_refused(server: Console, hedges: object) -> None:
    assert post(server, "/api/flatten", {"reason": "out", "hedges": hedges}).status == 400


def test_the_plan_of_a_flatten_is_made_of_what_is_held(tmp_path: Path) -> None:
    from functools import partial

    from hedger.ops.console.lookouts import look_at_flatten

    feed = feed_of()
    with served(tmp_path, feed, lookouts=Lookouts(flatten=partial(look_at_flatten, feed))) as console:
        plan = post(console, "/api/flatten", {"reason": "out", "hedges": ["btc"]}).body
        leg = plan["plan"]["hedges"][0]["legs"][0]
        assert (leg["position"], leg["side"], leg["quantity"]) == ("-1.935", "buy", "1.935")
        assert plan["plan"]["hedges"][0]["canceled"] == ["hbtc00010000012e"]
        assert plan["phrase"] == "flatten btc"
        assert post(console, "/api/flatten", {"reason": "out", "hedges": ["DOGE"]}).status == 404
        feed.update(hedging_state()._replace(halted="a drill"))
        against = post(console, "/api/flatten", {"reason": "out"})
        assert (against.status, "halted" in against.body["error"]) == (409, True)
        assert "nonce" not in against.body


def test_a_reload_shows_what_would_change_before_it_is_asked_for(server: Console, tmp_path: Path) -> None:
    first = post(server, "/api/reload", {"reason": "wider"})
    assert (first.status, first.body["difference"]) == (202, {"changes": []})
    assert requests_in(tmp_path) == []
    assert post(server, "/api/reload", {"reason": "wider", "nonce": first.body["nonce"]}).status == 202
    assert requests_in(tmp_path) == [Request(ask=Ask.RELOAD, reason="wider", shown="digest-of-the-file")]


def test_a_reload_that_would_be_refused_has_no_second_step(tmp_path: Path) -> None:
    with served(tmp_path, lookouts=lookouts("a sentence against it")) as console:
        said = post(console, "/api/reload", {"reason": "wider"})
        assert (said.status, said.body["error"]) == (409, "a sentence against it")
        assert "nonce" not in said.body


def test_a_hedger_that_cannot_look_ahead_says_so(tmp_path: Path) -> None:
    def starting() -> Outlook:
        raise AskAgain("it is still starting")

    with served(tmp_path, lookouts=Lookouts(reload=starting)) as console:
        assert post(console, "/api/flatten", {"reason": "out"}).status == 409
        said = post(console, "/api/reload", {"reason": "wider"})
        assert (said.status, said.body) == (409, {"error": "it is still starting"})


def test_the_nonce_of_one_act_opens_no_other(server: Console, tmp_path: Path) -> None:
    say(tmp_path, mode="halted", halted="a drill")
    nonce = post(server, "/api/reload", {"reason": "x"}).body["nonce"]
    assert post(server, "/api/resume", {"reason": "x", "nonce": nonce}).status == 409
    assert requests_in(tmp_path) == []


# --- when something is wrong --------------------------------------------------------------------------------------


def test_a_state_directory_that_refuses_is_said_so(server: Console, tmp_path: Path) -> None:
    (tmp_path / "requests").rmdir()
    assert post(server, "/api/pause", {"reason": "x"}).status == 507


def test_too_many_acts_wait_for_a_minute_and_a_kill_does_not(server: Console, tmp_path: Path, clock: Clock) -> None:
    for _ in range(MOST_ACTS):
        assert post(server, "/api/pause", {"reason": "x"}).status == 202
    assert post(server, "/api/pause", {"reason": "x"}).status == 429
    assert post(server, "/api/kill").status == 202
    clock.seconds += 61
    assert post(server, "/api/pause", {"reason": "x"}).status == 202


def test_a_kill_is_heeded_before_anything_is_known(tmp_path: Path) -> None:
    feed = feed_of()
    starting = Feed(feed.policy, banner=feed.banner)
    with served(tmp_path, starting) as console:
        assert get(console, "/api/status").status == 503
        assert post(console, "/api/kill").status == 202
    assert KillFile(tmp_path).exists()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_kill_is_heeded_when_the_picture_cannot_be_drawn(tmp_path: Path) -> None:
    feed = feed_of(state=hedging_state()._replace(hedges={}))
    with served(tmp_path, feed) as console:
        said = get(console, "/api/status")
        assert (said.status, "drawn" in said.body["error"]) == (503, True)
        assert post(console, "/api/kill").status == 202
        assert KillFile(tmp_path).exists()
        feed.update(hedging_state())
        assert get(console, "/api/status").status == 200, "what can be drawn is drawn again"


def test_a_kill_is_heeded_while_the_plan_of_another_act_takes_its_time(tmp_path: Path) -> None:
    held, waiting = threading.Event(), threading.Event()

    def slow() -> Outlook:
        waiting.set()
        held.wait(5)
        raise AskAgain("at last")

    with served(tmp_path, lookouts=Lookouts(reload=slow)) as console:
        threads = [threading.Thread(target=post, args=(console, "/api/reload", {"reason": "x"})) for _ in range(4)]
        for thread in threads:
            thread.start()
        assert waiting.wait(5)
        assert post(console, "/api/kill").status == 202
        held.set()
        for thread in threads:
            thread.join()
    assert KillFile(tmp_path).exists()


def test_the_token_alone_is_what_acts_take(server: Console, tmp_path: Path) -> None:
    assert TOKEN not in repr(server)
    assert post(server, "/api/pause", {"reason": "x"}, Authorization="").status == 401
    assert requests_in(tmp_path) == []
