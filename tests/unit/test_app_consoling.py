"""The console of a run: which port it takes, which tokens open it, and what `hedger console` says of it."""

import json
import socket
from contextlib import closing
from pathlib import Path

import pytest

from hedger.app.consoling import console_of, tokens_of
from hedger.app.live import secrets_of
from hedger.cli.console import address_of
from hedger.errors import ConfigError, GiveUp
from hedger.ops.console.tokens import NAME, own_token
from hedger.settings.load import load_settings
from hedger.settings.schema import Settings
from tests.support.configurations import KEYS, LIVE, load
from tests.support.console_stand import feed_of, get

TOKEN = "canary-token-of-more-than-32-characters"
OTHER = "canary-token-of-more-than-32-letters-too"


def paper(**given: str) -> Settings:
    return load_settings(None, {}, {f"HEDGER_CONSOLE__{name}": value for name, value in given.items()})


def test_paper_takes_any_free_port_where_the_usual_one_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        console = console_of(tmp_path, paper(PORT=str(port)), feed_of(), lambda: None)
    assert console is not None
    with console:
        assert console.port != port
        assert get(console, "/api/access").body == {"read": True, "act": False}
        token = own_token(tmp_path)
        assert get(console, "/api/access", Authorization=f"Bearer {token}").body == {"read": True, "act": True}


def test_live_refuses_to_start_where_its_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = load(tmp_path, LIVE, {"console.port": port, "live_armed": True}, KEYS)
        with pytest.raises(ConfigError, match=rf"Port {port} on 127\.0\.0\.1 is in use.*for the console"):
            console_of(tmp_path, settings, feed_of(), lambda: None)


def test_where_none_is_wanted_none_is_made_and_no_token_either(tmp_path: Path) -> None:
    assert console_of(tmp_path, paper(ENABLED="false"), feed_of(), lambda: None) is None
    assert list(tmp_path.iterdir()) == []


def test_a_token_that_is_configured_goes_before_the_one_that_is_kept(tmp_path: Path) -> None:
    given = tokens_of(paper(TOKEN=TOKEN, READ_TOKEN=OTHER).console, tmp_path)
    assert (given.act, given.read, given.reads_freely) == (TOKEN, OTHER, False)
    assert list(tmp_path.iterdir()) == []
    kept = tokens_of(paper().console, tmp_path)
    assert (kept.act, kept.read, kept.reads_freely) == (own_token(tmp_path), None, True)


def test_configured_tokens_are_among_the_secrets_that_no_log_shows() -> None:
    assert {TOKEN, OTHER} <= set(secrets_of(paper(TOKEN=TOKEN, READ_TOKEN=OTHER)))


def test_a_reload_is_not_looked_at_before_it_runs(tmp_path: Path) -> None:
    console = console_of(tmp_path, paper(PORT="1"), feed_of(), lambda: None)
    assert console is not None
    with console:
        said = _post_reload(console.port, own_token(tmp_path))
    assert said[0] == 409
    assert "still starting" in said[1]["error"]


def _post_reload(port: int, token: str) -> tuple[int, dict[str, str]]:
    from http.client import HTTPConnection

    headers = {"Authorization": f"Bearer {token}", "X-Hedger": "1", "Content-Type": "application/json"}
    with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("POST", "/api/reload", b'{"reason": "a look"}', headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


# --- `hedger console` ---------------------------------------------------------------------------------------------


def test_the_address_carries_the_token_where_no_server_sees_it(tmp_path: Path) -> None:
    token = own_token(tmp_path)
    told = address_of({"host": "127.0.0.1", "port": 9109, "token_file": str(tmp_path / NAME)})
    assert told["url"] == f"http://127.0.0.1:9109/#token={token}"
    assert token not in told["address"]


def test_an_address_for_everybody_is_shown_as_this_machine_reaches_it(tmp_path: Path) -> None:
    for host, shown in (("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("10.0.0.7", "10.0.0.7")):
        told = address_of({"host": host, "port": 9109, "token_file": None})
        assert told["url"] == told["address"] == f"http://{shown}:9109/"


def test_a_token_that_others_could_read_is_not_printed(tmp_path: Path) -> None:
    own_token(tmp_path)
    (tmp_path / NAME).chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by others"):
        address_of({"host": "127.0.0.1", "port": 9109, "token_file": str(tmp_path / NAME)})
    (tmp_path / NAME).unlink()
    with pytest.raises(GiveUp, match="cannot be read"):
        address_of({"host": "127.0.0.1", "port": 9109, "token_file": str(tmp_path / NAME)})
