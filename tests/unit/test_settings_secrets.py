"""A secret never leaves: not by a misspelt key, a wrong place, an exposed file or an error's context."""

import io
import logging
import stat
import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest

from hedger.errors import CredentialsError, HedgerError
from hedger.settings.load import load_settings
from hedger.settings.outside import SECRETS_DIRECTORY, is_exposed
from tests.support.configurations import GOOD, KEYS, changed, load, refusal

CANARY = "CANARY0123456789"

LEAKS: Mapping[str, tuple[str, dict[str, str]]] = {
    "a key in the file": (changed('"binance"', f'"binance"\napi_key = "{CANARY}"'), {}),
    "a misspelt key in the file": (changed('"binance"', f'"binance"\napi_kye = "{CANARY}"'), {}),
    "a key of another name": (changed('"binance"', f'"binance"\nwhatever = "{CANARY}"'), {}),
    "a key at the top": (f'secret = "{CANARY}"\n' + GOOD, {}),
    "a key in a list": (GOOD + f'[[holdings]]\nasset = "BTC"\nquantity = 1\ntoken = "{CANARY}"\n', {}),
    "a key in an array of a wrong place": (f'extra = [{{ token = "{CANARY}" }}]\n' + GOOD, {}),
    "bad TOML around a key": (f'[accounts.main]\napi_key = "{CANARY}\n', {}),
    "a misspelt variable": (GOOD, {"HEDGER_ACCOUNTS__MAIN__API_KYE": CANARY}),
    "a misspelt account": (GOOD, {"HEDGER_ACCOUNTS__MIAN__API_KEY": CANARY}),
    "a misspelt table": (GOOD, {"HEDGER_ACCOUNT__MAIN__API_KEY": CANARY}),
    "a whole table as JSON": (GOOD, {"HEDGER_ACCOUNTS": f'{{"main": {{"sercet": "{CANARY}"}}}}'}),
    "bad JSON around a key": (GOOD, {"HEDGER_ACCOUNTS": f'{{"main": {{"secret": "{CANARY}"'}),
    "a table's place taken": (GOOD, {"HEDGER_ACCOUNTS__MAIN": CANARY * 3}),
    "a table's place taken by a short key": (GOOD, {"HEDGER_ACCOUNTS__MAIN": CANARY}),
    "the place of all accounts taken": (GOOD, {"HEDGER_ACCOUNTS": CANARY}),
    "the place of the console's table taken": (GOOD, {"HEDGER_CONSOLE": CANARY}),
    "the place of the messages' table taken": (GOOD, {"HEDGER_NOTIFY": f"tgram://{CANARY}"}),
    "a table's place taken in the file": (
        changed('[accounts.main]\nvenue = "binance"', f'accounts.main = "{CANARY}"'),
        {},
    ),
    "another fault beside a good key": (changed("0.01", "-1"), {"HEDGER_ACCOUNTS__MAIN__API_KEY": CANARY}),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_no_error_shows_a_secret_or_keeps_one_in_its_context(tmp_path: Path, leak: str) -> None:
    text, environ = LEAKS[leak]
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(HedgerError) as caught:
        load_settings(tmp_path / "x.toml", {}, environ)
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(error.args)
    assert "CANARY" not in shown
    assert error.__context__ is None
    assert error.__cause__ is None


def test_credentials_in_a_file_are_refused_whatever_the_mode(tmp_path: Path) -> None:
    error = refusal(tmp_path, changed('"binance"', f'"binance"\nsecret = "{CANARY}"'))
    assert isinstance(error, CredentialsError)
    assert error.exit_code == 3
    assert str(error).startswith("x.toml:5: accounts.main.secret does not belong in a file: credentials come only from")


def test_credentials_on_the_command_line_are_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, overrides={"accounts.main.secret": CANARY})
    assert isinstance(error, CredentialsError)
    assert CANARY not in str(error)


def test_settings_never_show_their_secrets(tmp_path: Path) -> None:
    settings = load(tmp_path, environ=KEYS)
    for shown in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert "CANARY" not in shown


def test_debugging_the_settings_library_shows_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYDANTIC_SETTINGS_DEBUG", "1")
    output, logger = io.StringIO(), logging.getLogger("pydantic_settings")
    handler, level = logging.StreamHandler(output), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        load(tmp_path, environ=KEYS)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert "accounts" in output.getvalue()
    assert "CANARY" not in output.getvalue()


def test_a_secret_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(CANARY)
    file.chmod(0o644)
    error = refusal(tmp_path, environ={"HEDGER_ACCOUNTS__MAIN__API_KEY_FILE": str(file)})
    assert isinstance(error, CredentialsError)
    assert "every user of this machine can read it" in str(error)
    assert "named by HEDGER_ACCOUNTS__MAIN__API_KEY_FILE" in str(error)
    assert CANARY not in str(error)


def test_only_a_container_sets_the_mode_of_its_own_secrets() -> None:
    readable = stat.S_IFREG | 0o444
    assert is_exposed(Path("/etc/hedger/key"), readable)
    assert not is_exposed(SECRETS_DIRECTORY / "accounts__main__api_key", readable)
    assert not is_exposed(Path("/etc/hedger/key"), stat.S_IFREG | 0o440)


@pytest.mark.parametrize(("text", "said"), [("", "it is empty"), ("\n", "it is empty"), ("x" * 70_000, "too large")])
def test_a_secret_file_must_hold_a_secret(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    file.chmod(0o600)
    assert said in str(refusal(tmp_path, environ={"HEDGER_ACCOUNTS__MAIN__SECRET_FILE": str(file)}))


def test_a_secret_file_that_is_missing_is_named(tmp_path: Path) -> None:
    environ = {"HEDGER_ACCOUNTS__MAIN__SECRET_FILE": str(tmp_path / "none")}
    assert "secret file none (named by HEDGER_ACCOUNTS__MAIN__SECRET_FILE): it cannot be read" in str(
        refusal(tmp_path, environ=environ)
    )


def test_a_misspelt_secret_file_gets_a_suggestion(tmp_path: Path) -> None:
    (tmp_path / "accounts__main__api_kye").write_text(CANARY)
    error = refusal(tmp_path, environ={"HEDGER_SECRETS_DIR": str(tmp_path)})
    assert "accounts.main.api_kye is not a setting; did you mean `api_key`?" in str(error)
    assert CANARY not in str(error)
