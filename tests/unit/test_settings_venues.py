"""What settings know of venues: third secrets, test environments, and the symbols that are written there."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from hedger.app.live import secrets_of
from hedger.errors import ConfigError, CredentialsError
from hedger.settings.explain import config_digest, sources
from hedger.settings.schema import Mode
from hedger.settings.values import VenueName
from hedger.settings.venues import VENUES
from hedger.venues.profile import VENUES as PROFILED
from tests.support.configurations import GOOD, KEYS, LIVE, load, refusal

PASSPHRASE = {"HEDGER_ACCOUNTS__MAIN__PASSPHRASE": "CANARY-PASSPHRASE"}
ARMED = {"live_armed": True}
WITHOUT = [venue for venue, facts in VENUES.items() if not facts.passphrase]
WITH = [venue for venue, facts in VENUES.items() if facts.passphrase]


def on(venue: str, text: str = GOOD) -> str:
    without = "" if VENUES[VenueName(venue)].switch else "dead_mans_switch_s = 0\n"
    return text.replace('"binance"\n', f'"{venue}"\n{without}', 1)


def test_every_venue_has_its_facts() -> None:
    assert set(VENUES) == set(VenueName) == set(PROFILED)
    assert WITH == ["weex", "okx"]
    assert [venue for venue, facts in VENUES.items() if facts.no_testnet] == ["weex", "mexc"]


@pytest.mark.parametrize("venue", WITH)
def test_a_venue_whose_keys_have_a_passphrase_does_not_start_without_it(tmp_path: Path, venue: str) -> None:
    error = refusal(tmp_path, on(venue, LIVE), ARMED, KEYS)
    assert isinstance(error, CredentialsError)
    assert str(error) == (
        "x.toml:3: accounts.main.passphrase is missing, and mode live needs it: set HEDGER_ACCOUNTS__MAIN__PASSPHRASE, "
        "or name a file in HEDGER_ACCOUNTS__MAIN__PASSPHRASE_FILE"
    )
    assert load(tmp_path, on(venue, LIVE), ARMED, KEYS | PASSPHRASE).mode is Mode.LIVE


@pytest.mark.parametrize("venue", WITH)
def test_on_paper_no_passphrase_is_asked_for(tmp_path: Path, venue: str) -> None:
    assert load(tmp_path, on(venue)).accounts["main"].passphrase is None


@pytest.mark.parametrize("venue", WITHOUT)
def test_a_passphrase_that_the_venue_does_not_have_is_refused(tmp_path: Path, venue: str) -> None:
    error = refusal(tmp_path, on(venue, LIVE), ARMED, KEYS | PASSPHRASE)
    assert isinstance(error, ConfigError)
    assert str(error).startswith(
        "environment HEDGER_ACCOUNTS__MAIN__PASSPHRASE: accounts.main.passphrase is given, and "
    )
    assert str(error).endswith("have none, only those of weex and okx: take it away")
    assert "CANARY" not in str(error)


def test_a_passphrase_in_the_file_is_refused_as_any_key_is(tmp_path: Path) -> None:
    text = on("okx").replace('"okx"', '"okx"\npassphrase = "CANARY"')
    error = refusal(tmp_path, text)
    assert isinstance(error, CredentialsError)
    assert str(error).startswith("x.toml:5: accounts.main.passphrase does not belong in a file")
    assert "CANARY" not in "".join(traceback.format_exception(error))


def test_a_passphrase_comes_from_a_file_of_secrets_that_only_its_owner_reads(tmp_path: Path) -> None:
    file = tmp_path / "accounts__main__passphrase"
    file.write_text("CANARY-PASSPHRASE\n")
    file.chmod(0o644)
    environ = KEYS | {"HEDGER_SECRETS_DIR": str(tmp_path)}
    assert "every user of this machine can read it" in str(refusal(tmp_path, on("okx", LIVE), ARMED, environ))
    file.chmod(0o600)
    held = load(tmp_path, on("okx", LIVE), ARMED, environ).accounts["main"].passphrase
    assert held is not None
    assert held.get_secret_value() == "CANARY-PASSPHRASE"


def test_a_passphrase_is_never_shown_and_is_redacted_like_a_key(tmp_path: Path) -> None:
    settings = load(tmp_path, on("okx", LIVE), ARMED, KEYS | PASSPHRASE)
    shown = (repr(settings), str(settings.model_dump()), settings.model_dump_json(), repr(sources(settings)))
    assert not any("CANARY" in text for text in shown)
    assert set(secrets_of(settings)) == {*KEYS.values(), *PASSPHRASE.values()}
    other = load(tmp_path, on("okx", LIVE), ARMED, KEYS | {"HEDGER_ACCOUNTS__MAIN__PASSPHRASE": "another"})
    assert config_digest(settings) == config_digest(other)


@pytest.mark.parametrize(
    ("venue", "why"),
    [
        ("mexc", "MEXC has no test environment"),
        ("weex", "WEEX has no test environment that its documentation describes"),
    ],
)
def test_a_venue_without_a_test_environment_is_not_tested_on(tmp_path: Path, venue: str, why: str) -> None:
    testnet = on(venue, LIVE.replace('"live"', '"testnet"'))
    assert str(refusal(tmp_path, testnet, {}, KEYS, to_run=False)) == (
        f"x.toml:4: accounts.main.venue is {venue}, and {why}: watch it with mode shadow, which sends nothing, or try "
        "the configuration on paper"
    )
    shadow = testnet.replace('mode = "testnet"', 'mode = "shadow"').replace('= "testnet"', '= "live"')
    load(tmp_path, shadow, {}, KEYS, to_run=False)


@pytest.mark.parametrize("venue", [venue for venue, facts in VENUES.items() if facts.no_testnet is None])
def test_the_others_have_one(tmp_path: Path, venue: str) -> None:
    load(tmp_path, on(venue, LIVE.replace('"live"', '"testnet"')), {}, KEYS, to_run=False)


@pytest.mark.parametrize(
    ("venue", "symbol"),
    [
        ("deribit", "BTC/USD:BTC"),
        ("deribit", "BTC/USD:BTC-260626"),
        ("deribit", "BTC/USDC:USDC"),
        ("bybit", "BTC/USDC:USDC"),
        ("bybit", "BTC/USD:BTC"),
        ("okx", "BTC/USD:BTC-260626"),
    ],
)
def test_what_venues_list_may_be_hedged_with(tmp_path: Path, venue: str, symbol: str) -> None:
    text = on(venue, LIVE).replace("BTC/USDT:USDT", symbol).replace("guards", 'numeraire = "usd"\nguards')
    load(tmp_path, text, {}, KEYS, to_run=False)


def test_an_option_is_read_and_never_traded_on_deribit_either(tmp_path: Path) -> None:
    text = on("deribit", LIVE).replace("BTC/USDT:USDT", "BTC/USD:BTC-260626-80000-C")
    assert "is an option: options are read and their greeks counted, never traded" in str(refusal(tmp_path, text))


@pytest.mark.parametrize("venue", [venue for venue, facts in VENUES.items() if not facts.switch])
def test_where_a_venue_has_no_switch_its_owner_says_that_they_do_without(tmp_path: Path, venue: str) -> None:
    text = LIVE.replace('"binance"', f'"{venue}"')
    assert str(refusal(tmp_path, text, to_run=False)) == (
        f"x.toml:3: accounts.main.dead_mans_switch_s is 120 s, and {VENUES[VenueName(venue)].title} has no dead man's "
        "switch that can be used: set it to 0; what rests there outlives a hedger that dies, until one is started again"
    )
    assert load(tmp_path, on(venue, LIVE), to_run=False).accounts["main"].dead_mans_switch_s == 0


def test_an_account_that_only_holds_coins_needs_no_switch(tmp_path: Path) -> None:
    more = '[accounts.vault]\nvenue = "bybit"\n\n[hedges.BTC]'
    assert load(tmp_path, GOOD.replace("[hedges.BTC]", more)).accounts["vault"].venue == "bybit"


@pytest.mark.parametrize("venue", [venue for venue, facts in VENUES.items() if facts.longest_switch_s is not None])
def test_a_countdown_that_is_longer_than_the_venues_longest_is_refused(tmp_path: Path, venue: str) -> None:
    text = LIVE.replace('"binance"\n', f'"{venue}"\ndead_mans_switch_s = 121\n')
    title = VENUES[VenueName(venue)].title
    assert str(refusal(tmp_path, text, to_run=False)) == (
        f"x.toml:5: accounts.main.dead_mans_switch_s is 121 s, and {title} counts down from 120 s at most"
    )
    assert load(tmp_path, text.replace("121", "120"), to_run=False).accounts["main"].dead_mans_switch_s == 120


def test_a_switch_that_leaves_contracts_in_coins_unguarded_is_refused_with_them(tmp_path: Path) -> None:
    more = 'numeraire = "usd"\ninstruments = ["main:BTC/USDT:USDT", "main:BTC/USD:BTC"]'
    text = LIVE.replace('instruments = ["main:BTC/USDT:USDT"]', more)
    assert str(refusal(tmp_path, text.replace('"binance"', '"bingx"'), to_run=False)) == (
        "x.toml:3: accounts.main.dead_mans_switch_s is 120 s, and BingX's dead man's switch does not guard "
        "main:BTC/USD:BTC: set it to 0, or trade that on an account of its own without it; what rests there outlives a "
        "hedger that dies, until one is started again"
    )
    load(tmp_path, text.replace('"binance"', '"bingx"\ndead_mans_switch_s = 0'), to_run=False)
    load(tmp_path, text, to_run=False)
