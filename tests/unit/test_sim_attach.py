"""What the exchange's process is given when it is started: no key, no token, no address, and no log that is a link."""

from pathlib import Path

import pytest

from hedger.errors import GiveUp
from hedger.sim.attach import LOG, launch_exchange, without_secrets


def test_no_key_token_or_address_of_people_is_handed_down() -> None:
    kept = {
        "PATH": "/bin",
        "HEDGER_CONFIG": "c.toml",
        "HEDGER_PAPER__DEPOSITS": "false",
        "HEDGER_ACCOUNTS__MAIN__KEY_ENVIRONMENT": "live",
    }
    secret = [
        "HEDGER_ACCOUNTS__MAIN__API_KEY",
        "HEDGER_ACCOUNTS__MAIN__SECRET",
        "HEDGER_ACCOUNTS__MAIN__SECRET_FILE",
        "HEDGER_ACCOUNTS__MAIN__PASSPHRASE",
        "HEDGER_ACCOUNTS__MAIN__PASSPHRASE_FILE",
        "HEDGER_ACCOUNTS__MAIN__API_KEY_FILE",
        "HEDGER_CONSOLE__TOKEN",
        "HEDGER_CONSOLE__TOKEN_FILE",
        "HEDGER_CONSOLE__READ_TOKEN",
        "HEDGER_SECRETS_DIR",
        "HEDGER_NOTIFY__URLS",
        "HEDGER_NOTIFY__URLS_FILE",
        "HEDGER_NOTIFY",
        "HEDGER_CONSOLE",
    ]
    assert without_secrets({**kept, **dict.fromkeys(secret, "canary")}) == kept


def test_the_process_gets_that_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGER_CONSOLE__TOKEN", "canary")
    show = ("-c", "import os, json; print(json.dumps(sorted(os.environ)), flush=True)")
    process = launch_exchange([], directory=tmp_path / "x", program=show)
    process.communicate(timeout=30)
    text = (tmp_path / "x" / LOG).read_text()
    assert "PATH" in text
    assert "HEDGER_CONSOLE__TOKEN" not in text
    assert (tmp_path / "x" / LOG).stat().st_mode & 0o777 == 0o600


def test_a_log_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("stays")
    (tmp_path / LOG).symlink_to(precious)
    with pytest.raises(GiveUp, match="cannot be opened"):
        launch_exchange([], directory=tmp_path)
    assert precious.read_text() == "stays"
