"""A paper world has an exchange for each venue: who is where, what they begin with, and which way it is reached."""

from __future__ import annotations

from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.app.doctor import examine
from hedger.app.exchange import START_AT, PaperWorld, build_world
from hedger.app.gamma_known import known_on_paper
from hedger.app.transport import why_at_port, why_not_recorded
from hedger.errors import ConfigError
from hedger.model.spans import HOUR_MS
from hedger.settings.policy import to_policy
from hedger.settings.schema import Settings
from tests.support.configurations import GOOD, ROOT, load, refusal

OPTION = '\n[[paper.options]]\nasset = "BTC"\noption = "call"\nstrike = "105%"\nexpiry = "30 days"\nquantity = -1\n'
COINS = 'numeraire = "usd"\n'
ALL_THREE = """
mode = "paper"

[accounts]
main = { venue = "binance" }
linear = { venue = "bybit", dead_mans_switch_s = 0 }
coins = { venue = "deribit", dead_mans_switch_s = 0 }

[hedges.BTC]
instruments = ["linear:BTC/USDT:USDT", "coins:BTC/USD:BTC"]
numeraire = "usd"
band = { rule = "coins", width = 0.01 }
guards = { position = 5 }

[paper]
deposits = false
spot = { BTC = 1 }

[paper.accounts.linear]
collateral = 90_000
spot = { ETH = 3 }

[paper.accounts.coins]
coin_collateral = { BTC = 2 }
spot = { BTC = 0.25 }

[[paper.options]]
account = "coins"
asset = "BTC"
option = "put"
strike = "95%"
expiry = "30 days"
quantity = 2
settle = "inverse"
"""


def world_of(tmp_path: Path, text: str) -> tuple[Settings, PaperWorld]:
    settings = load(tmp_path, text)
    return settings, build_world(settings, START_AT, None)


def on(venue: str, text: str = GOOD) -> str:
    return text.replace('"binance"', f'"{venue}"\ndead_mans_switch_s = 0')


# --- who is where, and with what --------------------------------------------------------------------------------------


def test_each_venue_has_one_exchange_and_an_account_lives_on_its_own(tmp_path: Path) -> None:
    _, world = world_of(tmp_path, ALL_THREE)
    assert list(world.exchanges) == ["binance", "bybit", "deribit"]
    for account, venue in world.venues.items():
        assert world.exchange_of(account) is world.exchanges[venue]
        assert list(world.exchanges[venue].floor.ledger.accounts) == [account]
    assert world.exchange is world.exchanges["binance"], "the first account is the owner's"


def test_accounts_on_one_venue_share_its_exchange(tmp_path: Path) -> None:
    text = GOOD.replace("[hedges.BTC]", '[accounts.more]\nvenue = "binance"\n\n[hedges.BTC]')
    _, world = world_of(tmp_path, text)
    assert world.exchange_of("main") is world.exchange_of("more")


def test_what_an_account_begins_with_lies_where_its_venue_keeps_it(tmp_path: Path) -> None:
    _, world = world_of(tmp_path, ALL_THREE)
    main, linear, coins = (world.exchange_of(name).truth(name) for name in ("main", "linear", "coins"))
    assert (main.spot, main.wallets["USDT"]) == ({"USDT": D(20_000), "BTC": D(1)}, D(150_000))
    assert (linear.spot, linear.wallets["USDT"]) == ({"ETH": D(3)}, D(90_000))
    assert not any(coins.spot.values())
    assert (coins.wallets["BTC"], coins.wallets["USDT"]) == (D("2.25"), D(0)), "a coin on Deribit is margin"


def test_the_environment_says_what_one_account_begins_with(tmp_path: Path) -> None:
    environ = {"HEDGER_PAPER__ACCOUNTS__MAIN__COIN_COLLATERAL__BTC": "0.5", "HEDGER_PAPER__COIN_COLLATERAL__ETH": "1"}
    world = build_world(load(tmp_path, environ=environ), START_AT, None)
    assert world.exchange.truth("main").wallets["BTC"] == D("0.5")


def test_an_option_is_held_by_the_account_that_it_names_and_by_no_other(tmp_path: Path) -> None:
    settings, world = world_of(tmp_path, ALL_THREE)
    held = {name: world.exchange_of(name).truth(name).options for name in world.venues}
    assert held == {"main": {}, "linear": {}, "coins": {"BTCUSD-260131-57000-P": D(2)}}
    known = known_on_paper(settings, to_policy(settings))["BTC"]
    assert (known.holding, [option.id.account for option in known.options]) == (D("3.25"), ["coins"])


def test_what_a_gamma_costs_on_paper_is_reckoned_with_the_fee_of_the_venue_it_is_hedged_on(tmp_path: Path) -> None:
    fees = {}
    for name in ("paper.toml", "paper-deribit.toml"):
        settings = load(tmp_path, (ROOT / "config" / name).read_text(encoding="utf-8"))
        fees[name] = known_on_paper(settings, to_policy(settings))["BTC"].maker_fee
    assert fees == {"paper.toml": 0.0002, "paper-deribit.toml": 0.0}


def test_perpetuals_in_coins_are_listed_without_being_told_and_in_the_size_of_the_venue(tmp_path: Path) -> None:
    _, world = world_of(tmp_path, ALL_THREE)
    listed = {venue: {symbol for _, symbol in world.exchanges[venue].listings} for venue in world.exchanges}
    where = [venue for venue, symbols in listed.items() if "BTCUSD_PERP" in symbols]
    assert where == ["bybit", "deribit"]
    perpetuals = [world.exchanges[venue].floor.contract("BTCUSD_PERP").listing for venue in where]
    assert [perpetual.contract_multiplier for perpetual in perpetuals] == [1, 10]


def test_a_contract_is_listed_where_it_is_hedged_with(tmp_path: Path) -> None:
    dated = '"BTC/USDT:USDT-260327"'
    text = ALL_THREE.replace('"coins:BTC/USD:BTC"', '"linear:BTC/USDT:USDT-260327"')
    _, world = world_of(tmp_path, text.replace("deposits", f"contracts = [{dated}]\ndeposits"))
    where = [v for v in world.exchanges if any(s == "BTCUSDT_260327" for _, s in world.exchanges[v].listings)]
    assert where == ["bybit"]


@pytest.mark.parametrize("venue", ["binance", "bybit", "deribit", "okx"])
def test_coins_come_to_the_owner_and_leave_them_on_every_venue(tmp_path: Path, venue: str) -> None:
    text = on(venue)
    if venue == "deribit":
        text = text.replace("BTC/USDT:USDT", "BTC/USD:BTC").replace("band", f"{COINS}band")
    _, world = world_of(tmp_path, text)
    before = world.exchange.truth("main").deltas["BTC"]
    world.exchange.advance(START_AT + HOUR_MS // 4)
    assert world.scenario is not None
    changed = sum((c.quantity for c in world.scenario.changes if c.asset == "BTC"), D(0))
    assert len(world.scenario.changes) > 4
    assert world.exchange.truth("main").deltas["BTC"] == before + changed != before
    world.quiet()
    world.exchange.advance(START_AT + HOUR_MS)
    assert world.exchange.truth("main").deltas["BTC"] == before + changed


# --- which way --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("venue", ["binance", "bybit"])
def test_a_plain_book_goes_through_the_wire_where_the_venue_is_spoken(tmp_path: Path, venue: str) -> None:
    assert why_at_port(load(tmp_path, on(venue))) is None


def test_three_venues_that_are_spoken_go_through_one_wire(tmp_path: Path) -> None:
    assert why_at_port(load(tmp_path, ALL_THREE)) is None


@pytest.mark.parametrize("venue", ["okx", "bingx", "weex", "mexc"])
def test_a_venue_that_is_not_spoken_is_traded_at_the_port_and_that_is_said(tmp_path: Path, venue: str) -> None:
    settings, world = world_of(tmp_path, on(venue))
    why = why_at_port(settings)
    assert why is not None
    assert why.endswith("does, only as Binance, Bybit, Deribit; its rules are no venue's")
    assert list(world.exchanges) == [venue]


@pytest.mark.parametrize(
    ("venue", "more", "why"),
    [
        (
            "binance",
            OPTION,
            "as Binance the paper exchange does not speak of options in USDT (BTC/USDT:USDT-260131-63000-C)",
        ),
        ("bybit", OPTION, None),
        (
            "bybit",
            OPTION + 'settle = "inverse"\n',
            "as Bybit the paper exchange does not speak of options that settle in coins (BTC/USD:BTC-260131-63000-C)",
        ),
        (
            "binance",
            '[paper]\ncontracts = ["BTC/USD:BTC"]\n',
            "as Binance the paper exchange does not speak of perpetuals that settle in coins (BTC/USD:BTC)",
        ),
        (
            "bybit",
            '[paper]\ncontracts = ["BTC/USD:BTC", "BTC/USDT:USDT-260327"]\ncoin_collateral = { BTC = 1 }\n',
            None,
        ),
        (
            "binance",
            '[paper]\ncontracts = ["BTC/USDT:USDT-260327"]\n',
            "as Binance the paper exchange does not speak of dated contracts in USDT (BTC/USDT:USDT-260327)",
        ),
        (
            "binance",
            "[paper]\ncoin_collateral = { BTC = 1 }\n",
            "as Binance the paper exchange does not speak of coins as margin (BTC)",
        ),
    ],
)
def test_what_a_dialect_does_not_speak_of_goes_to_the_port_and_is_named(
    tmp_path: Path, venue: str, more: str, why: str | None
) -> None:
    assert why_at_port(load(tmp_path, on(venue) + more)) == why


def test_one_account_that_is_not_spoken_takes_the_others_with_it(tmp_path: Path) -> None:
    text = ALL_THREE.replace('"bybit"', '"okx"')
    assert "does not speak as OKX does" in str(why_at_port(load(tmp_path, text)))


def test_the_doctor_says_which_venues_are_played_and_how_they_are_reached(tmp_path: Path) -> None:
    (wire,) = [row.found for row in examine(load(tmp_path, ALL_THREE)) if row.check == "venue"]
    assert wire == (
        "the embedded exchange on this machine, as Binance and Bybit and Deribit; no keys, no network; through the wire"
    )
    (port,) = [row.found for row in examine(load(tmp_path, on("mexc"))) if row.check == "venue"]
    assert "as MEXC; no keys, no network; at the port: the paper exchange does not speak as MEXC does" in port


def test_recorded_books_are_of_one_venue(tmp_path: Path) -> None:
    assert why_not_recorded(load(tmp_path)) is None
    assert "take contracts, options and coins out" in str(why_not_recorded(load(tmp_path, GOOD + OPTION)))
    bybit = load(tmp_path, on("bybit"))
    with pytest.raises(ConfigError, match="recorded books of Binance only"):
        build_world(bybit, START_AT, tmp_path)


# --- what cannot be ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "coins:BTC/USD:BTC",
            "coins:BTC/USDT:USDT",
            "hedges.BTC.instruments[1] (coins:BTC/USDT:USDT) is not to be had: on paper Deribit lists BTC/USD:BTC, "
            "ETH/USD:ETH, and of paper.contracts what settles in its coin",
        ),
        (
            "linear:BTC/USDT:USDT",
            "main:BTC/USD:BTC",
            "hedges.BTC.instruments[0] (main:BTC/USD:BTC) is not to be had",
        ),
        (
            'account = "coins"',
            'account = "coin"',
            "is coin, which is not an account of the configuration; did you mean",
        ),
        (
            'settle = "inverse"',
            'settle = "linear"',
            "paper.options[0].settle is linear, and on paper the options of Deribit settle in their coin: "
            'settle = "inverse"',
        ),
        ("[paper.accounts.linear]", "[paper.accounts.linera]", "paper.accounts.linera is not an account of the"),
        ("spot = { ETH = 3 }", "spot = { DOGE = 3 }", "paper.accounts.linear.spot.DOGE is not to be had"),
    ],
)
def test_what_a_paper_world_cannot_have_is_refused_in_a_sentence(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in ALL_THREE
    assert said in str(refusal(tmp_path, ALL_THREE.replace(old, new)))
