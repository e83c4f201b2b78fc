"""Before the first order on OKX: keys, demo trading, what is listed, modes, fees, the countdown and transfers."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from hedger.errors import AskAgain, ConfigError, CredentialsError, GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff
from hedger.model.message import StreamChanged
from hedger.model.spans import HOUR_MS
from hedger.venues.abilities import Ability
from hedger.venues.client import Credentials
from hedger.venues.factory import open_venue
from tests.support.leave import let_go
from tests.support.stand import OUR_ID, proves
from tests.support.stands.okx import (
    API,
    AT,
    BTC,
    CONFIG,
    CREATE,
    FEES,
    HISTORY,
    INSTRUMENTS,
    INVERSE,
    LEVERAGE,
    PASSPHRASE,
    SPOT,
    STAND,
    SWITCH,
    answering,
    config,
    fake_okx,
    future,
    leverages,
    listed,
    order,
    refused,
    spot,
    swap,
    told,
)
from tests.support.wire_server import KEY, SECRET, Seen
from tests.support.wire_venue import WireClock, opened

DATED = "BTC/USDT:USDT-271231"
SET_LEVERAGE, SET_MODE, TRANSFER = (
    f"{API}/account/set-leverage",
    f"{API}/account/set-position-mode",
    f"{API}/asset/transfer",
)


@proves(Ability.TEST_ENVIRONMENT)
def test_demo_trading_is_told_by_a_header_on_every_request_and_by_its_own_host_of_streams() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND, environment="testnet", fake=fake_okx(demo=True)) as desk:
            await desk.venue.read_account()
            await desk.venue.place(STAND.order(), let_go)
            assert {seen.headers.get("x-simulated-trading") for seen in desk.fake.seen} == {"1"}
            hints = desk.venue.hints()
            while not (isinstance(hint := await anext(hints), StreamChanged) and hint.up):
                pass
            assert {host.partition(":")[0] for host, _, _ in desk.fake.sockets} == {"wspap.okx.com"}
            assert all("brokerId=9999" in path for _, path, _ in desk.fake.sockets)

    asyncio.run(scenario())


def test_a_live_account_never_sends_the_header_of_demo_trading_nor_reaches_its_streams() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            await desk.venue.read_account()
            await desk.venue.place(STAND.order(), let_go)
            assert not any("simulated" in name.lower() for seen in desk.fake.seen for name in seen.headers)
            hints = desk.venue.hints()
            while not (isinstance(hint := await anext(hints), StreamChanged) and hint.up):
                pass
            assert {host.partition(":")[0] for host, _, _ in desk.fake.sockets} == {"ws.okx.com"}
            assert {seen.host for seen in desk.fake.seen} == {"www.okx.com"}
            resolver = vars(desk.venue)["_session"].connector._resolver
            assert resolver.hosts == {"www.okx.com", "ws.okx.com"}

    asyncio.run(scenario())


def test_demo_keys_on_a_live_account_are_refused_by_the_venue_and_told() -> None:
    """The fake asks for the header, as the venue's demo trading does."""

    async def scenario() -> None:
        async with opened(stand=STAND, fake=fake_okx(demo=True), ready=False) as desk:
            desk.fake.denial = (401, refused("50101", "APIKey does not match current environment."))
            with pytest.raises(CredentialsError, match="50101"):
                await desk.venue.open([BTC.symbol])
            desk.fake.faults.clear()

    asyncio.run(scenario())


def test_keys_without_a_passphrase_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(CredentialsError, match="passphrase"):
        open_venue(
            account="main",
            venue="okx",
            environment="live",
            clock=WireClock(),
            credentials=Credentials(api_key=KEY, secret=SECRET),
        )


@proves(Ability.KEY_RIGHTS)
@pytest.mark.parametrize(
    ("perm", "sentence"), [("read_only,withdraw,trade", "withdraw"), ("read_only", "read and trade")]
)
def test_keys_that_may_withdraw_or_may_not_trade_are_refused(perm: str, sentence: str) -> None:
    """The first text was recorded."""

    async def scenario() -> None:
        async with opened(stand=STAND, ready=False) as desk:
            desk.fake.answers["GET", CONFIG] = told(config(perm=perm))
            with pytest.raises(CredentialsError, match=sentence):
                await desk.venue.open([BTC.symbol])

    asyncio.run(scenario())


@pytest.mark.parametrize(("ip", "bound"), [("203.0.113.7", True), ("", False)])
def test_it_is_known_whether_keys_are_bound_to_addresses(ip: str, bound: bool) -> None:
    async def scenario() -> object:
        async with opened(stand=STAND, ready=False) as desk:
            desk.fake.answers["GET", CONFIG] = told(config(ip=ip))
            await desk.venue.open([BTC.symbol])
            return vars(desk.venue)["keys_bound"]

    assert asyncio.run(scenario()) is bound


@proves(Ability.FEES)
def test_rules_are_in_our_units_and_fees_in_our_sign() -> None:
    """0.01 BTC a linear contract is 0.01 units of one coin; an inverse contract is a unit of 100 dollars. OKX says of a
    fee that is paid that it is below zero, and of groups that the old fields beside them count no more."""

    async def scenario() -> None:
        async with opened([BTC.symbol, INVERSE.symbol, DATED, SPOT.symbol], stand=STAND) as desk:
            rules = {instrument.id.symbol: instrument for instrument in desk.instruments}
            linear, inverse, dated = rules[BTC.symbol], rules[INVERSE.symbol], rules[DATED]
            assert (linear.contract_multiplier, linear.lot_size, linear.tick_size) == (
                Decimal(1),
                Decimal("0.0001"),
                Decimal("0.1"),
            )
            assert (linear.min_quantity, linear.max_quantity) == (Decimal("0.0001"), Decimal(1_000_000))
            assert linear.notional(Decimal("0.02"), Decimal(60_000)) == 1_200
            assert (linear.maker_fee, linear.taker_fee) == (Decimal("0.00015"), Decimal("0.0004"))
            assert (inverse.payoff, inverse.contract_multiplier, inverse.lot_size) == (
                Payoff.INVERSE,
                Decimal(100),
                Decimal(1),
            )
            assert (inverse.settle, inverse.maker_fee) == ("BTC", Decimal("0.0002"))
            assert (dated.kind, dated.expiry_at, dated.settlement_ms) == (Kind.FUTURE, 1_830_240_000_000, HOUR_MS)
            assert (rules[SPOT.symbol].kind, rules[SPOT.symbol].lot_size) == (Kind.SPOT, Decimal("0.00000001"))

    asyncio.run(scenario())


def test_a_contract_of_ten_million_coins_has_rules_that_the_engine_takes() -> None:
    pepe = swap("PEPE-USDT", ctVal="10000000", tickSz="0.000000001", lotSz="0.1", minSz="0.1")

    async def scenario() -> Instrument:
        async with opened(stand=STAND, ready=False) as desk:
            desk.fake.answers["GET", INSTRUMENTS] = answering(
                lambda seen: told(pepe, swap()) if seen.params["instType"] == "SWAP" else told()
            )
            (rules,) = await desk.venue.open(["PEPE/USDT:USDT"])
            return rules

    rules = asyncio.run(scenario())
    assert (rules.lot_size, rules.max_quantity, rules.contract_multiplier) == (
        Decimal(1_000_000),
        Decimal(10) ** 12,
        Decimal(1),
    )


def test_fees_without_groups_are_those_of_what_the_contract_settles_in_and_without_any_nothing_opens() -> None:
    def rates(seen: Seen, **changes: str) -> dict[str, Any]:
        row = {"instType": seen.params["instType"], "maker": "0.0001", "taker": "-0.0003", "makerU": "-0.0002"}
        return told(row | {"takerU": "-0.0006"} | changes)

    async def scenario() -> None:
        async with opened(stand=STAND, ready=False) as desk:
            desk.fake.answers["GET", FEES] = answering(rates)
            linear, inverse = await desk.venue.open([BTC.symbol, INVERSE.symbol])
            assert (linear.maker_fee, linear.taker_fee) == (Decimal("0.0002"), Decimal("0.0006"))
            assert (inverse.maker_fee, inverse.taker_fee) == (Decimal("-0.0001"), Decimal("0.0003")), "a rebate"
            desk.fake.answers["GET", FEES] = answering(lambda seen: rates(seen, makerU=""))
            with pytest.raises(AskAgain, match="fees"):
                await desk.venue.read_instruments([BTC.symbol])

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("symbol", "sentence"),
    [("BTC/USDT:USDC", "BTC/USDT:USDT"), ("BTC/USDC", "lists no BTC/USDC"), ("BTC/USDT:USDT-281231", "lists no")],
)
def test_a_symbol_that_is_not_listed_is_refused_with_the_nearest(symbol: str, sentence: str) -> None:
    async def scenario() -> None:
        async with opened(stand=STAND, ready=False) as desk:
            with pytest.raises(ConfigError, match=sentence):
                await desk.venue.open([symbol])

    asyncio.run(scenario())


def test_a_dated_contract_that_has_ended_is_left_out_and_its_past_is_still_asked_about() -> None:
    async def scenario() -> None:
        async with opened([BTC.symbol, "BTC/USDT:USDT-241227"], stand=STAND) as desk:
            assert [rules.id for rules in desk.instruments] == [BTC]
            ended = InstrumentId("main", "BTC/USDT:USDT-241227")
            desk.fake.answers["GET", HISTORY] = told(order(clOrdId=OUR_ID, instId="BTC-USDT-241227"))
            found = await desk.venue.find_order(ended, OUR_ID)
            assert found is not None
            assert found.quantity == Decimal("0.02"), "of the size of its pair"
            (asked,) = desk.fake.seen
            assert (asked.path, asked.params["instType"]) == (HISTORY, "FUTURES")
            await desk.venue.read_account()

    asyncio.run(scenario())


def test_a_contract_whose_name_does_not_follow_from_its_symbol_is_not_traded() -> None:
    """BTC-USD_UM-SWAP settles in dollars: its symbol's plain name is that of the inverse one, where the watchdog, which
    knows symbols alone, would cancel in vain and be told that there is no such order."""
    margined_in_dollars = swap("BTC-USD", instId="BTC-USD_UM-SWAP", instFamily="BTC-USD_UM", groupId="2") | {
        "ctType": "linear", "ctVal": "0.0001", "ctValCcy": "BTC", "settleCcy": "USD",
    }  # fmt: skip

    async def scenario() -> None:
        async with opened(stand=STAND, ready=False) as desk:
            desk.fake.answers["GET", INSTRUMENTS] = answering(
                lambda seen: (
                    told(swap(), swap("BTC-USD"), margined_in_dollars)
                    if seen.params["instType"] == "SWAP"
                    else listed(seen)
                )
            )
            with pytest.raises(ConfigError, match="BTC/USD:USD is BTC-USD_UM-SWAP on OKX"):
                await desk.venue.open([BTC.symbol, "BTC/USD:USD"])

    asyncio.run(scenario())


@pytest.mark.parametrize("change", [{"state": "suspend"}, {"ruleType": "xperp"}, {"ctValCcy": "USDT"}, {"lotSz": ""}])
def test_a_contract_that_does_not_trade_or_is_of_another_kind_is_not_opened(change: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with opened(stand=STAND, ready=False) as desk:
            desk.fake.answers["GET", INSTRUMENTS] = answering(
                lambda seen: told(swap(**change)) if seen.params["instType"] == "SWAP" else told()
            )
            with pytest.raises((ConfigError, AskAgain)):
                await desk.venue.open([BTC.symbol])

    asyncio.run(scenario())


def test_rules_read_anew_leave_out_what_was_taken_off_and_orders_there_do_not_leave() -> None:
    async def scenario() -> None:
        async with opened([BTC.symbol, INVERSE.symbol], stand=STAND) as desk:
            announced = {"instId": "NEW-USD_UM-SWAP", "instType": "SWAP", "state": "preopen"}

            def left(seen: Seen) -> Any:
                return (
                    told(swap(state="suspend"), swap("BTC-USD"), announced)
                    if seen.params["instType"] == "SWAP"
                    else listed(seen)
                )

            desk.fake.answers["GET", INSTRUMENTS] = answering(left)
            found = await desk.venue.read_instruments([BTC.symbol, INVERSE.symbol])
            assert [rules.id for rules in found] == [INVERSE]
            desk.fake.seen.clear()
            outcome = await desk.venue.place(STAND.order(), let_go)
            assert "does not trade" in getattr(outcome, "text", "")
            assert desk.fake.requests("POST", CREATE) == []

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "odd",
    [{"ctVal": "x"}, {"settleCcy": ""}, {"uly": "ETH-USDT", "ctValCcy": "ETH"}, {"instId": None}, {"state": ""}],
)
def test_a_row_of_ours_that_is_not_understood_does_not_take_its_contract_off(odd: dict[str, Any]) -> None:
    def spoiled(seen: Seen) -> Any:
        return told(swap(**odd), swap("BTC-USD")) if seen.params["instType"] == "SWAP" else listed(seen)

    async def scenario() -> None:
        async with opened(stand=STAND, ready=False) as desk:
            desk.fake.answers["GET", INSTRUMENTS] = answering(spoiled)
            with pytest.raises((AskAgain, ConfigError)):
                await desk.venue.open([BTC.symbol, INVERSE.symbol])
        async with opened([BTC.symbol, INVERSE.symbol, SPOT.symbol], stand=STAND) as desk:
            held = (await desk.venue.read_account()).positions
            desk.fake.answers["GET", INSTRUMENTS] = answering(spoiled)
            with pytest.raises(AskAgain, match="not understood"):
                await desk.venue.read_instruments([BTC.symbol, INVERSE.symbol])
            assert (await desk.venue.read_account()).positions == held, "nor do its terms become another's"
            pair = told(spot(baseCcy=""))
            desk.fake.answers["GET", INSTRUMENTS] = answering(
                lambda seen: pair if seen.params["instType"] == "SPOT" else listed(seen)
            )
            with pytest.raises(AskAgain, match="not understood"):
                await desk.venue.read_instruments([SPOT.symbol])

    asyncio.run(scenario())


@proves(Ability.MODES)
def test_modes_that_differ_are_set_and_confirmed_by_reading() -> None:
    async def scenario() -> None:
        async with opened([BTC.symbol, INVERSE.symbol], stand=STAND) as desk:
            held = {"mode": "long_short_mode", "lever": "10"}

            def set_mode(seen: Seen) -> Any:
                held["mode"] = seen.params["posMode"]
                return told(seen.params)

            def set_leverage(seen: Seen) -> Any:
                held["lever"] = seen.params["lever"]
                return told(seen.params)

            desk.fake.answers["GET", CONFIG] = answering(lambda _: told(config(posMode=held["mode"])))
            desk.fake.answers["GET", LEVERAGE] = answering(lambda seen: leverages(seen, held["lever"]))
            desk.fake.answers["POST", SET_MODE] = answering(set_mode)
            desk.fake.answers["POST", SET_LEVERAGE] = answering(set_leverage)
            await desk.venue.configure([BTC.symbol, INVERSE.symbol], leverage=1, margin_mode=MarginMode.CROSS)
            assert [seen.params for seen in desk.fake.requests("POST", SET_MODE)] == [{"posMode": "net_mode"}]
            assert [seen.params for seen in desk.fake.requests("POST", SET_LEVERAGE)] == [
                {"instId": "BTC-USDT-SWAP", "lever": "1", "mgnMode": "cross"},
                {"instId": "BTC-USD-SWAP", "lever": "1", "mgnMode": "cross"},
            ]
            desk.fake.seen.clear()
            await desk.venue.configure([BTC.symbol], leverage=1, margin_mode=MarginMode.CROSS)
            assert not [seen for seen in desk.fake.seen if seen.method == "POST"], "what is so already is left alone"

    asyncio.run(scenario())


def test_leverage_is_asked_for_by_kind_of_contract() -> None:
    async def scenario() -> None:
        async with opened([BTC.symbol, DATED, INVERSE.symbol], stand=STAND) as desk:
            await desk.venue.read_account()
            asked = [seen.params["instId"] for seen in desk.fake.requests("GET", LEVERAGE)]
            assert sorted(asked) == ["BTC-USDT-271231", "BTC-USDT-SWAP,BTC-USD-SWAP"]

    asyncio.run(scenario())


def test_a_mode_that_is_accepted_and_not_in_force_is_refused() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            with pytest.raises(GiveUp, match="not in force"):
                await desk.venue.configure([BTC.symbol], leverage=1, margin_mode=MarginMode.CROSS)
            desk.fake.answers["POST", SET_LEVERAGE] = refused("59102", "Leverage exceeds the maximum")
            with pytest.raises(GiveUp, match="59102"):
                await desk.venue.configure([BTC.symbol], leverage=1, margin_mode=MarginMode.CROSS)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("level", "margin_mode", "sentence"),
    [
        ("1", MarginMode.CROSS, "spot mode"),
        ("4", MarginMode.CROSS, "portfolio margin"),
        ("3", MarginMode.ISOLATED, "multi-currency margin has no isolated"),
    ],
)
def test_account_modes_that_cannot_be_hedged_with_are_refused_in_words(
    level: str, margin_mode: MarginMode, sentence: str
) -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            desk.fake.answers["GET", CONFIG] = told(config(acctLv=level))
            with pytest.raises(GiveUp, match=sentence):
                await desk.venue.configure([BTC.symbol], leverage=1, margin_mode=margin_mode)
            if level == "1":
                with pytest.raises(GiveUp, match=sentence):
                    await desk.venue.read_account()

    asyncio.run(scenario())


@proves(Ability.SWITCH)
def test_the_countdown_is_one_request_in_seconds_for_the_whole_account_and_its_end_is_compared() -> None:
    async def scenario() -> None:
        async with opened([BTC.symbol, INVERSE.symbol], stand=STAND) as desk:
            await desk.venue.extend_switch([BTC.symbol, INVERSE.symbol], 60_900)
            await desk.venue.extend_switch([BTC.symbol], 0)
            assert [seen.params for seen in desk.fake.requests("POST", SWITCH)] == [{"timeOut": "60"}, {"timeOut": "0"}]
            ms = {"triggerTime": str(AT + 60_000), "ts": str(AT), "tag": ""}
            desk.fake.answers["POST", SWITCH] = told(ms)
            await desk.venue.extend_switch([BTC.symbol], 60_000)
            now = AT // 1000
            for ends, tag in ((now + 90, ""), (now, ""), (0, ""), (now + 60_000, ""), (now + 60, "bot")):
                desk.fake.answers["POST", SWITCH] = told({"triggerTime": str(ends), "ts": str(now), "tag": tag})
                with pytest.raises(AskAgain):
                    await desk.venue.extend_switch([BTC.symbol], 60_000)
            for unoffered in (9_000, 121_000):
                with pytest.raises(GiveUp, match="10 to 120 s"):
                    await desk.venue.extend_switch([BTC.symbol], unoffered)

    asyncio.run(scenario())


def test_an_account_that_is_only_watched_has_its_countdown_left_alone() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND, environment="shadow") as desk:
            with pytest.raises(GiveUp, match="only watched"):
                await desk.venue.extend_switch([BTC.symbol], 60_000)
            with pytest.raises(GiveUp, match="only watched"):
                await vars(desk.venue)["_parts"].transfer("USDT", Decimal(5), True)
            assert desk.fake.seen == []

    asyncio.run(scenario())


@proves(Ability.TRANSFER)
def test_assets_are_transferred_once_between_the_accounts_and_hedged_coins_not_away() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            move = vars(desk.venue)["_parts"].transfer
            await move("USDT", Decimal("5.50"), True)
            await move("USDT", Decimal(1), False)
            to, back = (seen.params for seen in desk.fake.requests("POST", TRANSFER))
            assert to == {"type": "0", "ccy": "USDT", "amt": "5.5", "from": "6", "to": "18"}
            assert (back["from"], back["to"]) == ("18", "6")
            with pytest.raises(GiveUp, match="BTC is hedged"):
                await move("BTC", Decimal(1), False)
            await move("BTC", Decimal(1), True)
            desk.fake.seen.clear()
            desk.fake.answers["POST", TRANSFER] = told({"ccy": "USDT", "amt": "6", "from": "6", "to": "18"})
            with pytest.raises(AskAgain, match="another transfer"):
                await move("USDT", Decimal(5), True)
            assert len(desk.fake.seen) == 1

    asyncio.run(scenario())


def test_a_listing_that_nobody_understands_a_row_of_does_not_hide_the_others() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND, ready=False) as desk:
            odd: list[Any] = [{"instId": "X"}, 7, swap("ODD-USDT", ctVal="NaN"), future(expTime=""), spot("A-B")]
            desk.fake.answers["GET", INSTRUMENTS] = answering(
                lambda seen: told(*odd, swap()) if seen.params["instType"] == "SWAP" else told(*odd)
            )
            (rules,) = await desk.venue.open([BTC.symbol])
            assert rules.id == BTC
            assert PASSPHRASE not in str(rules)

    asyncio.run(scenario())
