"""Where settings come from, which place wins, and that each can say where it came from."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from hedger.errors import ConfigError, CredentialsError
from hedger.settings.document import parse_document
from hedger.settings.explain import config_digest, sources
from hedger.settings.head import directory_of_a_broken
from hedger.settings.load import load_settings
from hedger.settings.policy import to_policy
from hedger.settings.schema import Settings
from hedger.settings.shape import dotted
from tests.support.configurations import GOOD, KEYS, LIVE, ROOT, changed, load, refusal

GNARLY = '''\
# comment with [brackets] and "quotes"
title = "a # no comment"
"quoted key".inner = 'literal \\\\ end'
text = """
not.a.key = 1
[not.a.table] \\""" still inside """""
[a]
list = [ # nested
  [1, 2],
  { x = 1, y.z = [ "]", '}' ] },
]
when = 1979-05-27 07:32:00
[a.b.c]
deep = true
[[rows]]
n = 1
[[rows]]
n = 2
[rows.sub]
m = 3
[[rows.inner]]
k = 4
'''


def origins(settings: Settings) -> dict[str, str]:
    return {setting.key: setting.origin for setting in sources(settings)}


def test_each_stronger_source_overrides_the_weaker_ones(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    port_file.write_text("4\n")
    port = {"HEDGER_METRICS__PORT": "3"}
    file = {"HEDGER_METRICS__PORT_FILE": str(port_file)}
    text = GOOD + "[metrics]\nport = 5\n"
    assert load(tmp_path, text, {"metrics.port": 2}, {**port, **file}).metrics.port == 2
    assert load(tmp_path, text, {}, {**port, **file}).metrics.port == 3
    assert load(tmp_path, text, {}, file).metrics.port == 4
    assert load(tmp_path, text).metrics.port == 5
    assert load(tmp_path).metrics.port == 9108


def test_an_override_may_be_nested_and_none_was_not_given(tmp_path: Path) -> None:
    settings = load(tmp_path, overrides={"paper": {"speed": 2.5, "seed": None}, "mode": None})
    assert settings.paper.speed == Decimal("2.5")
    assert settings.paper.seed == 1


def test_the_environment_reaches_names_chosen_by_the_owner(tmp_path: Path) -> None:
    environ = {
        "HEDGER_HEDGES__BTC__BAND__WIDTH": "0.03",
        "HEDGER_ACCOUNTS__SECOND__VENUE": "binance",
        "HEDGER_HEDGES__BTC__INSTRUMENTS": "main:BTC/USDT:USDT, second:BTC/USDT:USDT",
        "HEDGER_HOLDINGS": '[{"asset": "BTC", "quantity": 0.1}]',
        "HEDGER_PAPER__SPOT__BTC": "7",
    }
    settings = load(tmp_path, environ=environ)
    assert settings.paper.spot["BTC"] == 7
    assert settings.hedges["BTC"].band.width == Decimal("0.03")
    assert settings.hedges["BTC"].instruments == ("main:BTC/USDT:USDT", "second:BTC/USDT:USDT")
    assert settings.holdings[0].quantity == Decimal("0.1")


def test_the_environment_reaches_what_money_is_worth_too(tmp_path: Path) -> None:
    environ = {"HEDGER_MONEY__USDC__DEPEG_BPS": "150", "HEDGER_MONEY__EUR__PEG": "1.08"}
    money = load(tmp_path, environ=environ).money
    assert (money["USDC"].depeg_bps, money["EUR"].peg) == (Decimal(150), Decimal("1.08"))


def test_a_secrets_directory_is_read_by_file_names(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    directory.mkdir()
    for name in ("accounts__main__api_key", "HEDGER_ACCOUNTS__MAIN__SECRET", "database_password"):
        (directory / name).write_text(f"CANARY {name}\n")
        (directory / name).chmod(0o600)
    environ = {"HEDGER_SECRETS_DIR": str(directory), "HEDGER_LIVE_ARMED": "true"}
    main = load(tmp_path, LIVE, environ=environ).accounts["main"]
    assert main.api_key is not None
    assert main.api_key.get_secret_value() == "CANARY accounts__main__api_key"
    assert main.secret is not None
    assert main.secret.get_secret_value() == "CANARY HEDGER_ACCOUNTS__MAIN__SECRET"


def test_a_secrets_directory_that_was_named_must_exist(tmp_path: Path) -> None:
    environ = {"HEDGER_SECRETS_DIR": str(tmp_path / "nowhere")}
    assert "there is no such directory" in str(refusal(tmp_path, environ=environ))


def test_variables_that_kubernetes_sets_for_a_service_are_no_settings(tmp_path: Path) -> None:
    environ = {
        "HEDGER_SERVICE_HOST": "10.0.0.1",
        "HEDGER_PORT": "tcp://10.0.0.1:9108",
        "HEDGER_PORT_9108_TCP_ADDR": "10.0.0.1",
        "HEDGER_COMMAND": "run",
        "PATH": "/bin",
    }
    assert load(tmp_path, environ=environ) == load(tmp_path)


def test_numbers_are_exact_however_they_are_written(tmp_path: Path) -> None:
    for written in ("0.01", '"0.01"', "1e-2", "0.010"):
        settings = load(tmp_path, changed("width = 0.01", f"width = {written}"))
        assert settings.hedges["BTC"].band.width == Decimal("0.01")


def test_each_setting_says_where_it_came_from(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("CANARY")
    key_file.chmod(0o600)
    environ = {"HEDGER_ACCOUNTS__MAIN__API_KEY_FILE": str(key_file), "HEDGER_LOG__LEVEL": "debug"}
    found = origins(load(tmp_path, overrides={"paper.speed": 3}, environ=environ))
    assert found["paper.speed"] == "command line"
    assert found["log.level"] == "environment HEDGER_LOG__LEVEL"
    assert found["accounts.main.api_key"] == f"secret file {key_file}"
    assert found["hedges.BTC.band.width"] == f"{tmp_path}/x.toml:8"
    assert found["log.format"] == "default"


def test_a_list_replaced_from_outside_forgets_its_lines(tmp_path: Path) -> None:
    text = GOOD + '[[holdings]]\nasset = "BTC"\nquantity = 1\n'
    environ = {"HEDGER_HOLDINGS": '[{"asset": "BTC", "quantity": 0.1}]'}
    assert origins(load(tmp_path, text, environ=environ))["holdings[0].quantity"] == "environment HEDGER_HOLDINGS"


def test_the_sources_never_show_a_secret(tmp_path: Path) -> None:
    shown = str(sources(load(tmp_path, environ=KEYS)))
    assert "CANARY" not in shown
    assert "•••" in shown


def test_the_digest_ignores_form_and_credentials_and_nothing_else(tmp_path: Path) -> None:
    digest = config_digest(load(tmp_path))
    assert digest == config_digest(load(tmp_path, changed("0.01", '"0.010"') + "# a comment\n"))
    assert digest == config_digest(load(tmp_path, environ=KEYS))
    assert digest != config_digest(load(tmp_path, changed("0.01", "0.011")))


def test_without_a_file_paper_trading_starts_as_with_the_one_shipped() -> None:
    built_in, shipped = load_settings(None, {}, {}), load_settings(ROOT / "config/paper.toml", {}, {})
    assert to_policy(built_in) == to_policy(shipped)
    assert config_digest(built_in) == config_digest(shipped)


def test_without_a_file_nothing_but_paper_starts() -> None:
    with pytest.raises(ConfigError, match="mode is live, which needs a configuration file"):
        load_settings(None, {"mode": "live", "live_armed": True}, KEYS)


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "config").glob("*.toml")))
def test_every_configuration_that_is_shipped_loads(name: str) -> None:
    third = {"HEDGER_ACCOUNTS__MAIN__PASSPHRASE": "canary-phrase"} if name.startswith(("okx", "weex")) else {}
    settings = load_settings(ROOT / "config" / name, {"live_armed": True}, {**KEYS, **third})
    assert to_policy(settings).sends


def test_live_trading_needs_the_second_switch(tmp_path: Path) -> None:
    assert "live trading is not armed" in str(refusal(tmp_path, LIVE, environ=KEYS))
    assert to_policy(load(tmp_path, LIVE, {"live_armed": True}, KEYS)).sends
    assert not to_policy(load(tmp_path, LIVE, to_run=False)).sends


def test_the_second_switch_is_refused_in_a_file(tmp_path: Path) -> None:
    error = refusal(tmp_path, "live_armed = true\n" + LIVE, environ=KEYS)
    assert str(error).startswith("x.toml:1: live_armed does not belong in a file")


def test_shadow_mode_sends_nothing(tmp_path: Path) -> None:
    assert not to_policy(load(tmp_path, changed('"live"', '"shadow"', LIVE), environ=KEYS)).sends


def test_a_missing_file_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file; name another"):
        load_settings(tmp_path / "none.toml", {}, {})
    with pytest.raises(ConfigError, match="is a directory"):
        load_settings(tmp_path, {}, {})


def test_bad_toml_is_told_with_line_and_column(tmp_path: Path) -> None:
    assert str(refusal(tmp_path, "a = 1\nb = no\n")) == "x.toml:2: this is not TOML, at column 5: Invalid value"
    assert "x.toml:2: this is not TOML" in str(refusal(tmp_path, "a = 1\na = 2\n"))


@pytest.mark.parametrize("what", ["1e99999999999999999999", "9" * 5_000, "[" * 5_000])
def test_what_no_number_can_be_is_a_fault_of_the_file_and_no_bug(tmp_path: Path, what: str) -> None:
    error = refusal(tmp_path, f"mode = {what}\n" + GOOD)
    assert isinstance(error, ConfigError)
    assert str(error).startswith("x.toml")
    (tmp_path / "x.toml").write_text(f"mode = {what}\n")
    assert directory_of_a_broken(tmp_path / "x.toml", {}) is None


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_settings(tmp_path / "x.toml", {}, {})


def test_every_key_of_a_file_is_found_on_its_line() -> None:
    lines = {dotted(path): line for path, line in parse_document(GNARLY, "x").lines.items()}
    assert lines == {
        "title": 2,
        "quoted key": 3,
        "quoted key.inner": 3,
        "text": 4,
        "a": 7,
        "a.list": 8,
        "a.list[0]": 9,
        "a.list[0][0]": 9,
        "a.list[0][1]": 9,
        "a.list[1]": 10,
        "a.list[1].x": 10,
        "a.list[1].y": 10,
        "a.list[1].y.z": 10,
        "a.list[1].y.z[0]": 10,
        "a.list[1].y.z[1]": 10,
        "a.when": 12,
        "a.b": 13,
        "a.b.c": 13,
        "a.b.c.deep": 14,
        "rows": 15,
        "rows[0]": 15,
        "rows[0].n": 16,
        "rows[1]": 17,
        "rows[1].n": 18,
        "rows[1].sub": 19,
        "rows[1].sub.m": 20,
        "rows[1].inner": 21,
        "rows[1].inner[0]": 21,
        "rows[1].inner[0].k": 22,
    }


def test_windows_line_ends_do_not_move_the_lines() -> None:
    lines = parse_document(GNARLY.replace("\n", "\r\n"), "x").lines
    assert lines == parse_document(GNARLY, "x").lines


def test_reading_the_settings_does_not_import_an_exchange_library() -> None:
    program = "import sys, hedger.settings.load, hedger.settings.policy; sys.exit('ccxt' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_the_mode_decides_which_keys_are_asked_for(tmp_path: Path) -> None:
    error = refusal(tmp_path, LIVE, {"live_armed": True})
    assert isinstance(error, CredentialsError)
    assert "set HEDGER_ACCOUNTS__MAIN__API_KEY, or name a file in HEDGER_ACCOUNTS__MAIN__API_KEY_FILE" in str(error)
    assert "accounts.main.secret is missing" in str(error)
    assert load(tmp_path, LIVE, to_run=False).mode == "live"
    assert load(tmp_path).mode == "paper"


def test_keys_must_be_declared_for_where_they_are_used(tmp_path: Path) -> None:
    live_on_testnet = changed('"live"', '"testnet"', LIVE)
    assert "key_environment is live, but mode is testnet" in str(refusal(tmp_path, live_on_testnet, environ=KEYS))
    undeclared = changed('key_environment = "live"\n', "", LIVE)
    assert "key_environment is missing" in str(refusal(tmp_path, undeclared, {"live_armed": True}, KEYS))
