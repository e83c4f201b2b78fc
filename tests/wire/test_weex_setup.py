"""Opening WEEX: what is listed and traded by API, the modes set and confirmed, its hosts, and what it has not."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from hedger.errors import AskAgain, ConfigError, CredentialsError, GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import Kind
from hedger.settings.values import VenueName
from hedger.settings.venues import VENUES
from hedger.venues.abilities import Ability, Proof
from hedger.venues.account import VenueAccount
from hedger.venues.link import Environment
from hedger.venues.profile import profile_of
from tests.support.leave import let_go
from tests.support.stand import proves
from tests.support.stands.weex import (
    BTC,
    CONFIG,
    FEES,
    LEVERAGE,
    LISTING,
    MODE,
    ORDER,
    PAIR,
    RIGHTS,
    SPOT_LISTING,
    STAND,
    TRADABLE,
    config,
    contract,
    fake,
    pair,
    refusal,
)
from tests.support.wire_server import FakeVenue, Seen, plain_answer
from tests.support.wire_venue import Desk, opened

SYMBOLS = [BTC.symbol]
IN_USDC = contract("BTCUSDC", baseAsset="BTC", quoteAsset="USDC", marginAsset="USDC")


def opening(answers: dict[tuple[str, str], Any] | None = None, *symbols: str) -> tuple[Any, list[Seen]]:
    """The instruments, and the requests of opening."""

    async def scenario() -> tuple[Any, list[Seen]]:
        behind = fake()
        behind.answers |= answers or {}
        async with opened(stand=STAND, fake=behind, ready=False) as desk:
            return await desk.venue.open(symbols or (BTC.symbol, PAIR.symbol)), list(desk.fake.seen)

    return asyncio.run(scenario())


@proves(Ability.FEES)
def test_the_rules_are_in_coins_with_our_own_fees_and_the_half_minute_of_a_request() -> None:
    (rules, spot), seen = opening()
    assert (rules.kind, rules.underlying, rules.settle, rules.contract_multiplier) == (
        Kind.PERPETUAL,
        "BTC",
        "USDT",
        Decimal(1),
    )
    assert (rules.tick_size, rules.lot_size, rules.min_quantity) == (
        Decimal("0.1"),
        Decimal("0.0001"),
        Decimal("0.0001"),
    )
    assert (rules.maker_fee, rules.taker_fee, rules.transit_ms) == (Decimal("0.0002"), Decimal("0.0008"), 30_000)
    assert rules.post_only
    assert not spot.post_only
    assert {one.host for one in seen} == {"api-contract.weex.com", "api-spot.weex.com"}
    assert [one.query for one in seen if one.path == SPOT_LISTING] == ["symbol=BTCUSDT"]


def test_numbers_of_the_listing_may_be_numbers_and_thousands_are_told_by_the_name() -> None:
    raw = contract(pricePrecision=1, quantityPrecision=4, contractVal="0.0001", minOrderSize="0.001")
    (rules,), _ = opening({("GET", LISTING): {"symbols": [raw]}}, BTC.symbol)
    assert rules.min_quantity == Decimal("0.001")
    fees = {"symbol": "1000PEPEUSDT", "makerCommissionRate": "0", "takerCommissionRate": "0.001"}
    (pepe,), _ = opening({("GET", FEES): fees}, "1000PEPE/USDT:USDT")
    assert (pepe.underlying, pepe.contract_multiplier, pepe.lot_size) == ("PEPE", Decimal(1000), Decimal(10))


@pytest.mark.parametrize(
    ("answers", "symbol", "words"),
    [
        ({}, "BTCC/USDT:USDT", "did you mean BTC/USDT:USDT"),
        ({}, "BTC/USD:BTC", "WEEX lists no BTC/USD:BTC"),
        (
            {
                ("GET", LISTING): {"symbols": [IN_USDC]},
                ("GET", TRADABLE): ["BTCUSDC"],
            },
            "BTC/USDC:USDC",
            "does not settle in USDT",
        ),
        ({("GET", TRADABLE): ["ETHUSDT"]}, BTC.symbol, "may not be traded by API"),
        ({("GET", SPOT_LISTING): {"symbols": []}}, PAIR.symbol, "WEEX lists no BTC/USDT"),
        ({("GET", SPOT_LISTING): plain_answer(400, '{"code":-1121,"msg":"?"}')}, PAIR.symbol, "WEEX lists no BTC/USDT"),
        ({("GET", SPOT_LISTING): {"symbols": [pair(enableTrade=False)]}}, PAIR.symbol, "not open for trading"),
    ],
)
def test_what_is_not_listed_or_not_traded_by_api_is_a_fault_of_the_settings(
    answers: dict[tuple[str, str], Any], symbol: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        opening(answers, symbol)


@pytest.mark.parametrize(
    "answers",
    [
        {("GET", LISTING): {"symbols": [contract(contractVal="0.001")]}},
        {("GET", LISTING): {"symbols": [contract(forwardContractFlag=False)]}},
        {("GET", LISTING): {"symbols": [contract(minOrderSize="NaN")]}},
        {("GET", LISTING): {"symbols": []}},
        {("GET", TRADABLE): []},
        {("GET", FEES): {"symbol": "ETHUSDT", "makerCommissionRate": "0", "takerCommissionRate": "0"}},
    ],
    ids=["two steps", "not linear", "no number", "nothing listed", "nothing traded", "another's fees"],
)
def test_rules_that_do_not_fit_together_are_not_believed(answers: dict[tuple[str, str], Any]) -> None:
    with pytest.raises(AskAgain):
        opening(answers, BTC.symbol)


def test_a_pair_that_is_listed_with_other_coins_is_not_believed() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            desk.fake.answers["GET", SPOT_LISTING] = {"symbols": [pair(baseAsset="WBTC")]}
            with pytest.raises(AskAgain, match="BTC/USDT is listed as WBTC/USDT"):
                await desk.venue.read_instruments([BTC.symbol, PAIR.symbol])

    asyncio.run(scenario())


def test_a_contract_that_is_not_traded_any_more_is_left_out_of_the_rules() -> None:
    async def scenario() -> list[int]:
        async with opened(stand=STAND) as desk:
            before = await desk.venue.read_instruments([BTC.symbol, PAIR.symbol])
            desk.fake.answers["GET", TRADABLE] = ["ETHUSDT"]
            after = await desk.venue.read_instruments([BTC.symbol, PAIR.symbol])
            desk.fake.answers["GET", LISTING] = {"symbols": [contract("ETHUSDT")]}
            gone = await desk.venue.read_instruments([BTC.symbol])
            return [len(before), len(after), len(gone)]

    assert asyncio.run(scenario()) == [2, 1, 0]


class Settable:
    """A contract whose settings are as they were last set."""

    def __init__(self, **start: Any) -> None:
        self.now = config(**start)
        self.keeps = True

    def on(self, behind: FakeVenue) -> None:
        behind.answers["GET", CONFIG] = self._told
        behind.answers["POST", MODE] = behind.answers["POST", LEVERAGE] = self._set

    async def _told(self, _request: web.Request, _seen: Seen) -> web.StreamResponse:
        return web.json_response([self.now])

    async def _set(self, _request: web.Request, seen: Seen) -> web.StreamResponse:
        if self.keeps:
            self.now |= seen.params
        return web.json_response({"code": "200", "msg": "success", "requestTime": 1})


async def configured(desk: Desk, settings: Settable, mode: MarginMode = MarginMode.CROSS) -> list[tuple[str, Any]]:
    settings.on(desk.fake)
    await desk.venue.configure(SYMBOLS, leverage=1, margin_mode=mode)
    return [(one.path, one.params) for one in desk.fake.seen if one.method == "POST"]


def configuring(settings: Settable, mode: MarginMode = MarginMode.CROSS) -> list[tuple[str, Any]]:
    async def scenario() -> list[tuple[str, Any]]:
        async with opened(SYMBOLS, stand=STAND) as desk:
            return await configured(desk, settings, mode)

    return asyncio.run(scenario())


@proves(Ability.MODES)
def test_separate_positions_another_margin_mode_and_leverage_are_set_and_read_again() -> None:
    start = Settable(marginType="ISOLATED", separatedType="SEPARATED", crossLeverage="20")
    assert configuring(start) == [
        (MODE, {"symbol": "BTCUSDT", "marginType": "CROSSED", "separatedType": "COMBINED"}),
        (LEVERAGE, {"symbol": "BTCUSDT", "marginType": "CROSSED", "crossLeverage": "1"}),
    ]
    assert start.now["separatedType"] == "COMBINED"


@proves(Ability.MODES)
def test_what_is_set_already_is_not_set_again_and_isolated_sets_both_legs() -> None:
    assert configuring(Settable()) == []
    assert configuring(Settable(marginType="ISOLATED"), MarginMode.ISOLATED) == [
        (
            LEVERAGE,
            {
                "symbol": "BTCUSDT",
                "marginType": "ISOLATED",
                "isolatedLongLeverage": "1",
                "isolatedShortLeverage": "1",
            },
        )
    ]


@proves(Ability.MODES)
def test_a_mode_that_is_accepted_and_not_in_force_ends_the_start() -> None:
    deaf = Settable(separatedType="SEPARATED")
    deaf.keeps = False
    with pytest.raises(GiveUp, match="accepted and is not in force"):
        configuring(deaf)


def test_an_account_that_may_not_trade_or_refused_keys_end_the_start() -> None:
    with pytest.raises(CredentialsError, match="may not read and trade"):
        opening({("GET", RIGHTS): {"canTrade": False}})
    with pytest.raises(CredentialsError):
        opening({("GET", RIGHTS): plain_answer(401, '{"code":-1049,"msg":"API key or passphrase incorrect."}')})


def test_the_keys_and_the_passphrase_sign_each_private_request_and_no_public_one() -> None:
    _, seen = opening()
    public = {one.path for one in seen if "ACCESS-KEY" not in one.headers}
    assert all("/market/" in path or path == SPOT_LISTING for path in public)
    private = [one for one in seen if "ACCESS-KEY" in one.headers]
    assert private
    assert all(one.headers["ACCESS-PASSPHRASE"] == STAND.credentials.passphrase for one in private)


def test_there_is_no_switch_no_transfer_and_no_test_environment_and_each_says_so() -> None:
    async def scenario() -> None:
        async with opened(SYMBOLS, stand=STAND) as desk:
            venue = desk.venue
            assert isinstance(venue, VenueAccount)
            with pytest.raises(GiveUp, match="no dead man's switch"):
                await venue.extend_switch(SYMBOLS, 60_000)
            with pytest.raises(GiveUp, match="no transfer by API"):
                await venue.transfer("USDT", Decimal(1), to_contracts=True)
            assert desk.fake.seen == []

    asyncio.run(scenario())
    profile, facts = profile_of("weex"), VENUES[VenueName.WEEX]
    assert profile.testnet is None
    with pytest.raises(KeyError, match="no test environment"):
        profile.places(Environment.TESTNET)
    assert (facts.passphrase, facts.switch, facts.no_testnet is None) == (profile.needs_passphrase, False, False)
    for ability in (Ability.SWITCH, Ability.TRANSFER, Ability.TEST_ENVIRONMENT):
        assert profile.abilities[ability].proof is Proof.ABSENT


@proves(Ability.LIMITS)
def test_a_complaint_of_too_many_requests_is_heeded_whatever_its_status() -> None:
    async def scenario(status: int) -> int:
        async with opened(SYMBOLS, stand=STAND) as desk:
            desk.fake.answers["GET", FEES] = plain_answer(status, '{"code":-1003,"msg":"Too many requests"}')
            with pytest.raises(AskAgain):
                await desk.venue.read_instruments(SYMBOLS)
            return len(desk.watcher.closed)

    assert asyncio.run(scenario(400)) == 1
    assert asyncio.run(scenario(429)) == 1


@proves(Ability.LIMITS)
def test_every_lane_full_stays_within_the_weight_that_the_venue_publishes() -> None:
    """At ten for a reading, five for an order, three for a cancel and one for a price, in ten seconds."""
    each = {"reconcile": 10, "orders": 5, "control": 3, "data": 1}
    budgets = profile_of("weex").budgets
    assert sum(budget.requests * each[lane.value] for lane, budget in budgets.items()) <= 500
    assert all(budget.period_s == 10 for budget in budgets.values())


def test_a_shadow_reads_and_never_sends() -> None:
    async def scenario() -> list[str]:
        async with opened(SYMBOLS, stand=STAND, environment="shadow") as desk:
            await desk.venue.read_account()
            await desk.venue.place(STAND.order(), let_go)
            await desk.venue.cancel(STAND.cancel())
            await desk.venue.configure(SYMBOLS, leverage=1, margin_mode=MarginMode.ISOLATED)
            return [one.method for one in desk.fake.seen if one.method != "GET" or one.path == ORDER]

    assert asyncio.run(scenario()) == []


def test_words_of_a_refusal_reach_the_reader_without_secrets() -> None:
    async def scenario() -> str:
        async with opened(SYMBOLS, stand=STAND) as desk:
            body = refusal(-1142, f"passphrase {STAND.credentials.passphrase} is invalid")
            desk.fake.answers["GET", FEES] = plain_answer(400, str(body).replace("'", '"'))
            with pytest.raises(AskAgain) as told:
                await desk.venue.read_instruments(SYMBOLS)
            return str(told.value)

    text = asyncio.run(scenario())
    assert "-1142" in text
    assert STAND.credentials.passphrase not in text
