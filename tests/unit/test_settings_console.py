"""`[console]`: who may reach it is said in the configuration, and what leaves that open does not start."""

from pathlib import Path

import pytest

from hedger.errors import ConfigError, CredentialsError
from hedger.settings.console_rules import is_loopback, reads_freely
from hedger.settings.load import load_settings
from hedger.settings.schema import ConsoleSettings

TOKEN = "canary-token-of-more-than-32-characters"
OTHER = "canary-token-of-more-than-32-letters-too"


def console(**given: str) -> ConsoleSettings:
    return load_settings(None, {}, {f"HEDGER_CONSOLE__{name}": value for name, value in given.items()}).console


def refusal(**given: str) -> str:
    with pytest.raises(ConfigError) as refused:
        console(**given)
    assert "canary" not in str(refused.value)
    return str(refused.value)


def test_an_address_that_others_reach_needs_a_word_on_who_reads() -> None:
    for host in ("0.0.0.0", "::", "10.0.0.7", "hedger.internal"):
        said = refusal(HOST=host)
        assert f"console.host is {host}, which other machines can reach: set HEDGER_CONSOLE__READ_TOKEN, or" in said
        assert not reads_freely(console(HOST=host, READ_TOKEN=TOKEN))
        assert reads_freely(console(HOST=host, ANYONE_READS="true"))
    assert console(HOST="0.0.0.0", ENABLED="false").host == "0.0.0.0", "what is not served reaches nobody"


def test_on_loopback_reading_is_free_unless_a_token_is_set() -> None:
    for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"):
        assert is_loopback(host)
        assert reads_freely(console(HOST=host))
        assert not reads_freely(console(HOST=host, READ_TOKEN=TOKEN))


def test_tokens_that_can_be_guessed_or_sent_by_no_client_are_refused_unseen() -> None:
    for key in ("TOKEN", "READ_TOKEN"):
        assert "is too short: give it 32 characters" in refusal(**{key: "canary" * 5})
        assert "no header can carry" in refusal(**{key: "canary and some spaces, which is long"})
        assert "no header can carry" in refusal(**{key: "canary-é" * 5})
    assert "read_token is the same as token" in refusal(TOKEN=TOKEN, READ_TOKEN=TOKEN)
    assert console(TOKEN=TOKEN, READ_TOKEN=OTHER).token is not None


def test_a_token_to_read_and_free_reading_contradict_each_other() -> None:
    assert "anyone_reads is true, and read_token is set" in refusal(ANYONE_READS="true", READ_TOKEN=TOKEN)


def test_the_console_has_a_port_of_its_own() -> None:
    assert "console.port is metrics.port too" in refusal(PORT="9108")


def test_names_are_a_list_or_parted_by_commas() -> None:
    assert console(NAMES="hedger.internal, 127.0.0.1:9999").names == ("hedger.internal", "127.0.0.1:9999")
    assert console(NAMES='["hedger.internal"]').names == ("hedger.internal",)


def test_what_was_called_control_is_told_its_new_name(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('mode = "paper"\n\n[control]\nenabled = true\nport = 9109\n')
    file.chmod(0o600)
    with pytest.raises(ConfigError, match=r"x\.toml:3: control is now \[console\]: rename it"):
        load_settings(file, {}, {})
    with pytest.raises(ConfigError, match=r"environment HEDGER_CONTROL__TOKEN: control is now \[console\]"):
        load_settings(None, {}, {"HEDGER_CONTROL__TOKEN": TOKEN})
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "control__token").write_text(TOKEN)
    (secrets / "control__token").chmod(0o400)
    with pytest.raises(ConfigError, match=r"control__token: control is now \[console\]"):
        load_settings(None, {}, {"HEDGER_SECRETS_DIR": str(secrets)})


@pytest.mark.parametrize("key", ["token", "read_token"])
def test_a_token_does_not_belong_in_the_file(tmp_path: Path, key: str) -> None:
    file = tmp_path / "x.toml"
    file.write_text(f'mode = "paper"\n\n[console]\n{key} = "{TOKEN}"\n')
    file.chmod(0o600)
    with pytest.raises(CredentialsError, match=rf"HEDGER_CONSOLE__{key.upper()}") as refused:
        load_settings(file, {}, {})
    assert "canary" not in str(refused.value)


def test_tokens_are_read_from_secret_files(tmp_path: Path) -> None:
    for name in ("console__token", "console__read_token"):
        (tmp_path / name).write_text(f"{TOKEN}{name}\n")
        (tmp_path / name).chmod(0o400)
    found = load_settings(None, {}, {"HEDGER_SECRETS_DIR": str(tmp_path)}).console
    assert found.token is not None
    assert found.read_token is not None
    assert found.read_token.get_secret_value() == f"{TOKEN}console__read_token"
    (tmp_path / "console__read_token").chmod(0o444)
    with pytest.raises(CredentialsError, match="every user of this machine can read it"):
        load_settings(None, {}, {"HEDGER_SECRETS_DIR": str(tmp_path)})
