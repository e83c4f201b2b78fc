"""Before the first order on MEXC: rules, fees, rights and modes, and plain sentences where one is not given."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hedger.errors import AskAgain, ConfigError, CredentialsError, GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import Instrument, Kind
from hedger.settings.load import load_settings
from hedger.venues.abilities import Ability
from hedger.venues.account import VenueAccount
from hedger.venues.link import Environment
from hedger.venues.mexc.profile import PROFILE
from tests.support.stand import proves
from tests.support.stands.mexc import (
    ASSETS,
    BTC,
    DETAIL,
    FEES,
    LEVERAGE,
    LISTED,
    MODE,
    POSITIONS,
    RIGHTS,
    SET_LEVERAGE,
    SET_MODE,
    SPOT,
    STAND,
    TRANSFER,
    answering,
    contract,
    flat_asset,
    leverage_row,
    ok,
    pair,
    position,
    quick,
    rights,
    said,
)
from tests.support.wire_server import Answer, Seen, plain_answer
from tests.support.wire_venue import Desk, opened

Answers = Mapping[str, Answer]
ROOT = Path(__file__).resolve().parents[2]


def account_of(desk: Desk) -> VenueAccount:
    assert isinstance(desk.venue, VenueAccount)
    return desk.venue


def rules(answers: Answers, *symbols: str) -> tuple[Instrument, ...]:
    async def scenario() -> tuple[Instrument, ...]:
        venue = quick()
        venue["fake"].answers |= {("GET", path): answer for path, answer in answers.items()}
        async with opened(symbols or (BTC.symbol,), stand=STAND, **venue) as desk:
            return desk.instruments

    return asyncio.run(scenario())


@proves(Ability.FEES)
def test_rules_are_in_coins_and_fees_are_our_own() -> None:
    perpetual, spot = rules({}, BTC.symbol, SPOT.symbol)
    assert (perpetual.kind, perpetual.underlying, perpetual.settle) == (Kind.PERPETUAL, "BTC", "USDT")
    assert (perpetual.contract_multiplier, perpetual.lot_size) == (Decimal(1), Decimal("0.0001"))
    assert (perpetual.min_quantity, perpetual.max_quantity) == (Decimal("0.0001"), Decimal(40))
    assert perpetual.tick_size == Decimal("0.1")
    assert (perpetual.maker_fee, perpetual.taker_fee) == (Decimal("0.0001"), Decimal("0.0004"))
    assert (perpetual.post_only, spot.post_only) == (True, False)
    assert (spot.kind, spot.tick_size, spot.lot_size) == (Kind.SPOT, Decimal("0.01"), Decimal("1e-8"))


@pytest.mark.parametrize(
    ("symbols", "told"),
    [
        (("PEPE/USDT:USDT",), "does not let PEPE/USDT:USDT be traded by API"),
        (("BTC/USD:BTC",), "settles in its coin"),
        (("BTC/USDTT:USDTT",), "did you mean BTC/USD"),
        (("BTC/USDT:USDT-261225",), "no dated contracts"),
        ((BTC.symbol, "BTC/USDC:USDC"), "two accounts"),
        ((SPOT.symbol,), "needs a contract to trade"),
    ],
)
def test_what_is_not_traded_here_is_refused_in_a_plain_sentence(symbols: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        rules({FEES: ok({"realMakerFee": 0, "realTakerFee": 0})}, *symbols)


@pytest.mark.parametrize("changes", [{"state": state} for state in (1, 2, 3, 4)] + [{"type": 2}])
def test_a_contract_that_is_not_enabled_is_not_traded(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="not open for trading"):
        rules({DETAIL: ok([contract(**changes)])})


@pytest.mark.parametrize("changes", [{"contractSize": 0}, {"priceUnit": "NaN"}, {"volUnit": -1}, {"state": None}])
def test_a_rule_of_ours_that_is_odd_is_never_guessed(changes: dict[str, Any]) -> None:
    with pytest.raises((ConfigError, AskAgain)):
        rules({DETAIL: ok([contract(**changes), contract("ETH_USDT")])})


def test_the_fees_of_another_contract_are_not_taken_for_ours() -> None:
    with pytest.raises(AskAgain, match="fees of ETH_USDT"):
        rules({FEES: ok({"symbol": "ETH_USDT", "realMakerFee": 0, "realTakerFee": 0})})


def test_a_contract_that_was_delisted_or_paused_is_left_out_when_rules_are_read_anew() -> None:
    async def scenario() -> tuple[Any, ...]:
        async with opened((BTC.symbol, SPOT.symbol), stand=STAND, **quick()) as desk:
            desk.fake.answers["GET", DETAIL] = ok([contract(state=4)])
            paused = await desk.venue.read_instruments([BTC.symbol])
            desk.fake.answers["GET", DETAIL] = ok([contract("ETH_USDT")])
            delisted = await desk.venue.read_instruments([BTC.symbol])
            desk.fake.answers["GET", LISTED] = {"symbols": [pair(status="2")]}
            pairs = await desk.venue.read_instruments([SPOT.symbol])
            desk.fake.answers["GET", LISTED] = plain_answer(400, '{"code":-1121,"msg":"Invalid symbol."}')
            return paused, delisted, pairs, await desk.venue.read_instruments([SPOT.symbol])

    assert asyncio.run(scenario()) == ((), (), (), ())


# --- rights -------------------------------------------------------------------------------------------------------


def opens(answers: Answers) -> bool | None:
    async def scenario() -> bool | None:
        venue = quick()
        venue["fake"].answers |= {("GET", path): answer for path, answer in answers.items()}
        async with opened(stand=STAND, **venue) as desk:
            return account_of(desk).keys_bound

    return asyncio.run(scenario())


@proves(Ability.KEY_RIGHTS)
def test_keys_are_taken_that_may_read_and_trade_and_no_more() -> None:
    assert opens({}) is True
    assert opens({RIGHTS: rights() | {"ipWhiteList": ""}}) is False


@pytest.mark.parametrize(
    ("permissions", "told"),
    [
        ("CONTRACT_ACCOUNT_READ,CONTRACT_DEAL_READ,CONTRACT_DEAL_WRITE,SPOT_WITHDRAW_WRITE", "may withdraw"),
        ("CONTRACT_ACCOUNT_READ,CONTRACT_DEAL_READ,SPOT_DEAL_WRITE", "may not read and trade futures"),
        ("CONTRACT_DEAL_WRITE", "may not read and trade futures"),
    ],
)
def test_keys_that_may_withdraw_or_may_not_trade_are_refused(permissions: str, told: str) -> None:
    with pytest.raises(CredentialsError, match=told):
        opens({RIGHTS: rights(permissions)})


@pytest.mark.parametrize("code", [401, 511, 701, 703])
def test_a_futures_api_that_is_closed_to_the_account_is_said_in_a_clear_sentence(code: int) -> None:
    with pytest.raises(CredentialsError, match="open only to accounts and keys that were given it"):
        opens({ASSETS: said(code, "You do not have access to the interface")})


# --- modes --------------------------------------------------------------------------------------------------------

FLAT = {POSITIONS: ok([]), ASSETS: ok([flat_asset()])}


async def configured(desk: Desk, answers: Answers, mode: MarginMode = MarginMode.CROSS) -> list[tuple[str, Any]]:
    desk.fake.answers |= {("GET", path): answer for path, answer in answers.items()}
    await desk.venue.configure([BTC.symbol], leverage=1, margin_mode=mode)
    return [(seen.path, seen.params) for seen in desk.fake.seen if seen.method == "POST"]


def changes(answers: Answers, mode: MarginMode = MarginMode.CROSS) -> list[tuple[str, Any]]:
    async def scenario() -> list[tuple[str, Any]]:
        async with opened(stand=STAND, **quick()) as desk:
            return await configured(desk, answers, mode)

    return asyncio.run(scenario())


@proves(Ability.MODES)
def test_what_is_right_is_left_alone_and_what_is_not_in_force_is_said() -> None:
    assert changes({}) == []
    assert changes(FLAT) == []
    with pytest.raises(GiveUp, match="one-way mode was accepted and is not in force"):
        changes({MODE: ok(1)})
    with pytest.raises(GiveUp, match="leverage 1 at cross margin on BTC_USDT was accepted and is not in force"):
        changes(FLAT | {LEVERAGE: ok([leverage_row(1), leverage_row(2, leverage=20)])})


def test_leverage_is_set_for_each_direction_in_the_mode_that_is_wanted_and_read_again() -> None:
    async def scenario() -> list[tuple[str, Any]]:
        async with opened(stand=STAND, **quick()) as desk:
            rows = [leverage_row(1, leverage=20), leverage_row(2, leverage=20)]

            def set_one(seen: Seen) -> Any:
                direction = seen.params["positionType"]
                told = {name: seen.params[name] for name in ("leverage", "openType")}
                rows[direction - 1] = leverage_row(direction, **told)
                return {"success": True, "code": 0}

            desk.fake.answers["POST", SET_LEVERAGE] = answering(set_one)
            told_rows = answering(lambda _: ok(rows))
            return await configured(desk, FLAT | {LEVERAGE: told_rows}, MarginMode.ISOLATED)

    wanted = {"symbol": "BTC_USDT", "leverage": 1, "openType": 1}
    assert asyncio.run(scenario()) == [
        (SET_LEVERAGE, wanted | {"positionType": 1}),
        (SET_LEVERAGE, wanted | {"positionType": 2}),
    ]


def test_the_leverage_of_a_position_is_set_by_its_number_and_its_mode_cannot_be() -> None:
    async def scenario() -> list[tuple[str, Any]]:
        async with opened(stand=STAND, **quick()) as desk:
            with pytest.raises(GiveUp, match="not in force"):
                await configured(desk, {POSITIONS: ok([position(leverage=20)])})
            return [(seen.path, seen.params) for seen in desk.fake.seen if seen.method == "POST"]

    assert asyncio.run(scenario()) == [(SET_LEVERAGE, {"positionId": 1394650, "leverage": 1})]
    with pytest.raises(GiveUp, match="held in the other margin mode"):
        changes({}, MarginMode.ISOLATED)


def test_a_contract_that_does_not_take_a_margin_mode_is_said() -> None:
    async def scenario() -> None:
        venue = quick()
        venue["fake"].answers["GET", DETAIL] = ok([contract(positionOpenType=1)])
        async with opened(stand=STAND, **venue) as desk:
            await configured(desk, FLAT)

    with pytest.raises(GiveUp, match="does not take cross margin"):
        asyncio.run(scenario())


def test_position_mode_is_asked_for_one_way_and_a_refusal_is_not_repeated() -> None:
    async def scenario() -> int:
        async with opened(stand=STAND, **quick()) as desk:
            desk.fake.answers["POST", SET_MODE] = said(2019, "There is an active open position")
            with pytest.raises(GiveUp, match="2019"):
                await configured(desk, {MODE: ok(1)})
            assert desk.fake.requests("POST", SET_MODE)[0].body == '{"positionMode":2}'
            return len(desk.fake.requests("POST", SET_MODE))

    assert asyncio.run(scenario()) == 1


# --- places -------------------------------------------------------------------------------------------------------


def test_there_is_no_test_environment_and_live_reaches_live_hosts_only() -> None:
    with pytest.raises(KeyError, match="no test environment"):
        PROFILE.places(Environment.TESTNET)
    assert PROFILE.live.hosts == {"api.mexc.com", "contract.mexc.com"}


@proves(Ability.TRANSFER)
def test_money_moves_between_the_wallets_in_one_request_and_nothing_else_does() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND, **quick()) as desk:
            await account_of(desk).transfer("USDT", Decimal("12.50"), to_contracts=True)
            await account_of(desk).transfer("USDT", Decimal(3), to_contracts=False)
            sent = [seen.params for seen in desk.fake.requests("POST", TRANSFER)]
            names = ("asset", "amount", "fromAccountType", "toAccountType")
            assert [tuple(one[name] for name in names) for one in sent] == [
                ("USDT", "12.5", "SPOT", "FUTURES"),
                ("USDT", "3", "FUTURES", "SPOT"),
            ]
            for asset, quantity in (("BTC", Decimal(1)), ("USDT", Decimal(0))):
                with pytest.raises(GiveUp, match="cannot be transferred"):
                    await account_of(desk).transfer(asset, quantity, to_contracts=True)
            desk.fake.answers["POST", TRANSFER] = plain_answer(400, '{"code":10101,"msg":"insufficient balance"}')
            with pytest.raises(GiveUp, match="10101"):
                await account_of(desk).transfer("USDT", Decimal(1), to_contracts=True)
            assert len(desk.fake.requests("POST", TRANSFER)) == 3

    asyncio.run(scenario())


def test_an_account_that_is_only_watched_sets_moves_and_sends_nothing() -> None:
    async def scenario() -> list[str]:
        async with opened(stand=STAND, environment="shadow", **quick()) as desk:
            await desk.venue.configure([BTC.symbol], leverage=1, margin_mode=MarginMode.CROSS)
            with pytest.raises(GiveUp, match="only watched"):
                await account_of(desk).transfer("USDT", Decimal(1), to_contracts=True)
            return [seen.path for seen in desk.fake.seen]

    assert asyncio.run(scenario()) == []


@proves(Ability.LIMITS)
def test_a_venue_that_is_asked_too_often_is_left_alone() -> None:
    async def scenario() -> str:
        async with opened(stand=STAND) as desk:
            desk.fake.answers["GET", ASSETS] = said(510, "Excessive frequency of requests")
            with pytest.raises(AskAgain):
                await desk.venue.read_account()
            desk.fake.seen.clear()
            with pytest.raises(AskAgain) as raised:
                await desk.venue.read_account()
            assert desk.fake.seen == []
            return str(raised.value)

    assert "asked for quiet" in asyncio.run(scenario())


def test_the_example_configuration_is_good_but_for_its_keys() -> None:
    keys = {"HEDGER_ACCOUNTS__MAIN__API_KEY": "k" * 20, "HEDGER_ACCOUNTS__MAIN__SECRET": "s" * 20}
    settings = load_settings(ROOT / "config" / "mexc-live.example.toml", {}, keys, to_run=False)
    assert settings.accounts["main"].venue == "mexc"
    assert settings.accounts["main"].dead_mans_switch_s == 0
