"""Before the first order on BingX: rules, rights, modes, hosts, and the countdown."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web

from hedger.errors import AskAgain, ConfigError, CredentialsError, GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import Instrument, Kind, Payoff
from hedger.settings.load import load_settings
from hedger.venues.abilities import Ability
from hedger.venues.account import VenueAccount
from hedger.venues.bingx.switch import LONGEST_S, SHORTEST_S
from tests.support.leave import let_go
from tests.support.stand import proves
from tests.support.stands.bingx import (
    BTC,
    COIN,
    COINS,
    RIGHTS,
    SPOT,
    STAND,
    SWAP,
    SWITCH,
    coin_contract,
    fake,
    linear_contract,
    ok,
    quick,
    said,
)
from tests.support.wire_server import Seen
from tests.support.wire_venue import Desk, opened

CONTRACTS = f"{SWAP}/v2/quote/contracts"
ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")


def on_desk(work: Callable[[Desk], Awaitable[T]], *symbols: str, environment: str = "live") -> T:
    async def scenario() -> T:
        async with opened(symbols or (BTC.symbol,), stand=STAND, environment=environment) as desk:
            return await work(desk)

    return asyncio.run(scenario())


def opened_with(answers: Mapping[str, Any], *symbols: str, environment: str = "live") -> tuple[Instrument, ...]:
    async def scenario() -> tuple[Instrument, ...]:
        fast = quick()
        for path, answer in answers.items():
            fast["fake"].answers["GET", path] = answer
        async with opened(symbols or (BTC.symbol,), stand=STAND, environment=environment, **fast) as desk:
            return desk.instruments

    return asyncio.run(scenario())


@proves(Ability.FEES)
def test_rules_and_our_own_fees_are_those_of_the_venues_rows() -> None:
    linear, pepe, coin, pair = opened_with(
        {f"{COINS}/user/commissionRate": ok({"takerCommissionRate": "0.0004", "makerCommissionRate": "-0.0001"})},
        *("BTC/USDT:USDT", "1000PEPE/USDT:USDT", "SOL/USD:SOL", "BTC/USDT"),
    )
    assert (linear.tick_size, linear.lot_size, linear.min_quantity) == (
        Decimal("0.1"),
        Decimal("0.0001"),
        Decimal("0.0001"),
    )
    assert (linear.min_notional, linear.maker_fee, linear.taker_fee) == (
        Decimal(2),
        Decimal("0.0002"),
        Decimal("0.0005"),
    )
    assert (pepe.underlying, pepe.contract_multiplier, pepe.tick_size) == ("PEPE", Decimal(1000), Decimal("1E-7"))
    assert (coin.payoff, coin.contract_multiplier, coin.lot_size, coin.settle) == (
        Payoff.INVERSE,
        Decimal(10),
        Decimal(1),
        "SOL",
    )
    assert (coin.maker_fee, coin.taker_fee) == (Decimal("-0.0001"), Decimal("0.0004"))
    assert (pair.kind, pair.post_only) == (Kind.SPOT, False)


def test_a_name_that_only_begins_like_a_number_is_one_coin() -> None:
    (rules,) = opened_with({CONTRACTS: ok([linear_contract("1INCH-USDT")])}, "1INCH/USDT:USDT")
    assert (rules.underlying, rules.contract_multiplier) == ("1INCH", Decimal(1))


def test_a_pair_whose_coin_the_client_renames_is_asked_for_by_the_venues_own_name() -> None:
    async def scenario() -> list[Any]:
        async with opened((BTC.symbol,), stand=STAND, ready=False, **quick()) as desk:
            with pytest.raises(ConfigError, match="lists no TRUMP/USDT"):
                await desk.venue.open((BTC.symbol, "BTC/USDT", "TRUMP/USDT"))
            return [seen.params["symbol"] for seen in desk.fake.requests("GET", f"{SPOT}/common/symbols")]

    assert asyncio.run(scenario()) == ["BTC-USDT", "TRUMPSOL-USDT"]


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        ("BTX/USDT:USDT", "did you mean"),
        ("BTC/USDT:USDT-261225", "no dated contracts"),
        ("NOPE/USDT", "lists no NOPE/USDT"),
    ],
)
def test_a_symbol_that_is_not_listed_is_named_with_the_nearest(symbol: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        opened_with({}, symbol)


def test_a_contract_that_is_not_open_by_api_is_refused_at_the_start() -> None:
    for changes in ({"apiStateOpen": "false"}, {"apiStateClose": "false"}, {"status": 25}, {"status": "0"}):
        with pytest.raises(ConfigError, match="not open for trading"):
            opened_with({CONTRACTS: ok([linear_contract(**changes)])})


@pytest.mark.parametrize("name", ["pricePrecision", "quantityPrecision", "tradeMinUSDT", "status"])
def test_a_rule_that_is_missing_is_not_made_up(name: str) -> None:
    with pytest.raises(AskAgain):
        opened_with({CONTRACTS: ok([linear_contract(**{name: "x"})])})


def test_contracts_in_two_monies_need_two_accounts() -> None:
    with pytest.raises(ConfigError, match="USDC and USDT have a wallet each"):
        opened_with({}, "BTC/USDT:USDT", "BTC/USDC:USDC")


def test_what_trades_no_more_is_left_out_and_nothing_is_created_there() -> None:
    async def work(desk: Desk) -> tuple[list[str], str]:
        rows = [linear_contract(status=0), linear_contract("ETH-USDT", pricePrecision=2)]
        desk.fake.answers["GET", CONTRACTS] = ok(rows)
        left = await desk.venue.read_instruments([BTC.symbol, "ETH/USDT:USDT"])
        assert left[0].tick_size == Decimal("0.01")
        outcome = await desk.venue.place(STAND.order(), let_go)
        assert desk.fake.requests("POST", f"{SWAP}/v2/trade/order") == []
        return [rules.id.symbol for rules in left], str(getattr(outcome, "text", ""))

    left, text = on_desk(work, BTC.symbol, "ETH/USDT:USDT")
    assert left == ["ETH/USDT:USDT"]
    assert "does not trade any more" in text


def test_a_contract_that_the_venue_knows_no_more_is_looked_up_and_then_left_out_of_the_reading() -> None:
    async def work(desk: Desk) -> None:
        desk.fake.answers["GET", f"{SWAP}/v2/trade/marginType"] = said(109425, "ETH-USDT not exist")
        with pytest.raises(AskAgain, match="does not know ETH-USDT"):
            await desk.venue.read_account()
        assert len(desk.fake.requests("GET", CONTRACTS)) == 1, "it is listed, so the answer is not believed"

    async def gone(desk: Desk) -> None:
        desk.fake.answers["GET", f"{SWAP}/v2/trade/marginType"] = said(109425, "ETH-USDT not exist")
        desk.fake.answers["GET", CONTRACTS] = ok([linear_contract(), linear_contract("ETH-USDT", status=0)])
        reading = await desk.venue.read_account()
        assert [row.quantity for row in reading.positions] == [Decimal("-0.5"), Decimal(0)]

    on_desk(work, BTC.symbol, "ETH/USDT:USDT")
    on_desk(gone, BTC.symbol, "ETH/USDT:USDT")


FLAGS = {"enableReading": True, "enableFutures": True, "enableWithdrawals": False, "ipRestrict": True}


@proves(Ability.KEY_RIGHTS)
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"permissions": [1, 2, 3, 5], "ipAddresses": []}, "may withdraw"),
        (ok({"permissions": [2, 3, 5], "ipAddresses": []}), "may withdraw"),
        (ok({**FLAGS, "enableWithdrawals": True}), "may withdraw"),
        ({"permissions": [1, 2], "ipAddresses": []}, "may not read and trade"),
        (ok({**FLAGS, "enableFutures": False}), "may not read and trade"),
        (said(100413, "Incorrect apiKey"), "check the keys"),
        (said(100419, "IP does not match IP whitelist"), "check the keys"),
    ],
)
def test_keys_that_may_withdraw_or_may_not_trade_are_refused(answer: Any, words: str) -> None:
    with pytest.raises(CredentialsError, match=words):
        opened_with({RIGHTS: answer})


@proves(Ability.KEY_RIGHTS)
def test_rights_that_are_not_understood_are_not_taken_for_harmless() -> None:
    for answer in (ok({}), ok(None), {"permissions": "2,3", "ipAddresses": []}):
        with pytest.raises(AskAgain):
            opened_with({RIGHTS: answer})
    assert opened_with({RIGHTS: ok(FLAGS)})


@proves(Ability.MODES)
def test_modes_are_set_where_they_differ_and_read_again() -> None:
    state: dict[str, Any] = {"dual": "true", "assets": "multiAssetsMode", "type": "ISOLATED", "long": 5, "short": 20}

    async def work(desk: Desk) -> list[tuple[str, str]]:
        async def mode(request: Any, seen: Seen) -> Any:
            name, params = seen.path.rpartition("/")[2], seen.params
            if seen.method == "POST":
                match name:
                    case "dual":
                        state["dual"] = params["dualSidePosition"]
                    case "assetMode":
                        state["assets"] = params["assetMode"]
                    case "marginType":
                        state["type"] = params["marginType"]
                    case "leverage":
                        sides = ("long", "short") if params["side"] == "BOTH" else (params["side"].lower(),)
                        state.update(dict.fromkeys(sides, int(params["leverage"])))
                    case _:
                        raise AssertionError(name)
                return web.json_response(ok({}))
            told = {
                "dual": {"dualSidePosition": state["dual"]},
                "assetMode": {"assetMode": state["assets"]},
                "marginType": {"marginType": state["type"]},
                "leverage": {"longLeverage": state["long"], "shortLeverage": state["short"]},
            }[name]
            return web.json_response(ok(told))

        names = [f"{SWAP}/v1/positionSide/dual", f"{SWAP}/v1/trade/assetMode"]
        names += [f"{book}/trade/{part}" for book in (f"{SWAP}/v2", COINS) for part in ("marginType", "leverage")]
        for name in names:
            desk.fake.answers["GET", name] = desk.fake.answers["POST", name] = mode
        await desk.venue.configure([BTC.symbol], leverage=1, margin_mode=MarginMode.CROSS)
        first = [seen for seen in desk.fake.seen if seen.method == "POST"]
        state.update({"long": 5, "short": 1})
        desk.fake.seen.clear()
        await desk.venue.configure([COIN.symbol], leverage=1, margin_mode=MarginMode.CROSS)
        second = [seen for seen in desk.fake.seen if seen.method == "POST"]
        return [(seen.path.rpartition("/")[2], seen.params.get("side", "")) for seen in (*first, *second)]

    assert on_desk(work, BTC.symbol, COIN.symbol) == [
        ("dual", ""),
        ("assetMode", ""),
        ("marginType", ""),
        ("leverage", "BOTH"),
        ("leverage", "LONG"),
        ("leverage", "SHORT"),
    ]
    assert state == {"dual": "false", "assets": "singleAssetMode", "type": "CROSSED", "long": 1, "short": 1}


@proves(Ability.MODES)
def test_a_mode_that_is_accepted_and_not_in_force_is_told() -> None:
    async def work(desk: Desk) -> None:
        desk.fake.answers["GET", f"{SWAP}/v1/positionSide/dual"] = ok({"dualSidePosition": "true"})
        desk.fake.answers["POST", f"{SWAP}/v1/positionSide/dual"] = ok({"dualSidePosition": "false"})
        with pytest.raises(GiveUp, match="is not in force"):
            await desk.venue.configure([BTC.symbol], leverage=1, margin_mode=MarginMode.CROSS)
        refusal = said(104103, "Cannot switch position mode while positions exist")
        desk.fake.answers["POST", f"{SWAP}/v1/positionSide/dual"] = refusal
        with pytest.raises(GiveUp, match="104103"):
            await desk.venue.configure([BTC.symbol], leverage=1, margin_mode=MarginMode.CROSS)

    on_desk(work)


@proves(Ability.SWITCH)
def test_one_countdown_guards_every_contract_in_money_and_is_confirmed() -> None:
    async def work(desk: Desk) -> list[tuple[str, str]]:
        await desk.venue.extend_switch([BTC.symbol, "ETH/USDT:USDT"], 60_000)
        await desk.venue.extend_switch([BTC.symbol], 0)
        return [(seen.params["type"], seen.params["timeOut"]) for seen in desk.fake.requests("POST", SWITCH)]

    assert on_desk(work, BTC.symbol, "ETH/USDT:USDT") == [("ACTIVATE", "60"), ("CLOSE", "0")]


@proves(Ability.SWITCH)
def test_a_countdown_that_was_not_confirmed_as_asked_is_no_guard() -> None:
    async def work(desk: Desk) -> None:
        now = desk.fake.clock_ms()
        for told in (
            {"triggerTime": str(now // 1000 + 60), "status": "FAILED"},
            {"triggerTime": "0", "status": "CLOSED"},
            {"triggerTime": str(now // 1000 + 3600), "status": "ACTIVATED"},
            {"triggerTime": str(now // 1000 - 5), "status": "ACTIVATED"},
            {"status": "ACTIVATED"},
            {},
        ):
            desk.fake.answers["POST", SWITCH] = ok(told)
            with pytest.raises(AskAgain):
                await desk.venue.extend_switch([BTC.symbol], 60_000)
        desk.fake.answers["POST", SWITCH] = ok({"triggerTime": now + 60_000, "status": "ACTIVATED"})
        await desk.venue.extend_switch([BTC.symbol], 60_000)

    on_desk(work)


def test_people_are_told_that_the_countdown_takes_more_than_our_contracts() -> None:
    async def work(desk: Desk) -> str:
        assert isinstance(desk.venue, VenueAccount)
        return desk.venue.switch_reach

    assert "every order of the account on USDT-M" in on_desk(work)


@proves(Ability.SWITCH)
def test_a_switch_that_would_leave_a_coin_contract_unguarded_is_refused() -> None:
    async def work(desk: Desk) -> None:
        with pytest.raises(GiveUp, match="SOL/USD:SOL would be left unguarded"):
            await desk.venue.extend_switch([BTC.symbol, COIN.symbol], 60_000)
        for span in (5_000, 121_000):
            with pytest.raises(GiveUp, match="counts down from 10 to 120 s"):
                await desk.venue.extend_switch([BTC.symbol], span)
        assert desk.fake.seen == []

    on_desk(work, BTC.symbol, COIN.symbol)


@proves(Ability.TEST_ENVIRONMENT)
def test_simulated_trading_reaches_only_its_own_hosts_and_live_only_the_others() -> None:
    async def hosts(environment: str) -> set[str]:
        venue = fake()
        async with opened([BTC.symbol], stand=STAND, fake=venue, environment=environment, ready=False) as desk:
            await desk.venue.open([BTC.symbol])
            await desk.venue.read_account()
            return {seen.host for seen in venue.seen}

    assert asyncio.run(hosts("testnet")) == {"open-api-vst.bingx.com"}
    assert asyncio.run(hosts("live")) == {"open-api.bingx.com"}


@proves(Ability.TEST_ENVIRONMENT)
@pytest.mark.parametrize("symbol", ["SOL/USD:SOL", "BTC/USDT"])
def test_simulated_trading_refuses_plainly_what_it_does_not_have(symbol: str) -> None:
    with pytest.raises(ConfigError, match="cannot be tried in BingX's simulated trading"):
        opened_with({}, BTC.symbol, symbol, environment="testnet")


def test_opening_asks_only_for_what_is_configured() -> None:
    async def asked(*symbols: str) -> list[str]:
        venue = fake()
        async with opened(symbols, stand=STAND, fake=venue, ready=False) as desk:
            await desk.venue.open(symbols)
            return sorted({seen.path for seen in venue.seen})

    time = f"{SWAP}/v2/server/time"
    assert asyncio.run(asked(BTC.symbol)) == sorted([time, RIGHTS, CONTRACTS, f"{SWAP}/v2/user/commissionRate"])
    coins = [f"{COINS}/market/contracts", f"{COINS}/user/commissionRate"]
    assert asyncio.run(asked(COIN.symbol)) == sorted([time, RIGHTS, *coins])


@pytest.mark.parametrize("worth", ["abc", "NaN", "-1", "0"])
def test_a_contract_of_others_whose_worth_is_odd_is_unknown_and_ends_nothing(worth: str) -> None:
    others = coin_contract("BTC-USD", minTickSize=worth)
    answers = {f"{COINS}/market/contracts": ok([coin_contract(), others])}
    (rules,) = opened_with(answers, COIN.symbol)
    assert rules.id == COIN


@pytest.mark.parametrize("name", ["bingx-testnet", "bingx-live"])
def test_the_example_configurations_are_good_but_for_their_keys(name: str) -> None:
    keys = {"HEDGER_ACCOUNTS__MAIN__API_KEY": "k" * 20, "HEDGER_ACCOUNTS__MAIN__SECRET": "s" * 20}
    settings = load_settings(ROOT / "config" / f"{name}.example.toml", {}, keys, to_run=False)
    assert settings.accounts["main"].venue == "bingx"
    assert SHORTEST_S <= settings.accounts["main"].dead_mans_switch_s <= LONGEST_S
