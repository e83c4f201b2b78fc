"""Opening a Bybit account: its hosts, its keys, what is listed under which name, and the modes that are set."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from hedger.errors import AskAgain, ConfigError, CredentialsError, GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import Instrument, Kind, Payoff
from hedger.model.message import OrderRejected
from hedger.model.order import RejectReason
from hedger.runtime.lifeline import LiveOrder
from hedger.venues.abilities import Ability
from hedger.venues.bybit.names import raw_name, split_multiplier
from hedger.venues.emergency import EmergencyAccount, EmergencyExit
from hedger.venues.light import load_exchange_class
from hedger.venues.network import Network
from tests.support.leave import let_go
from tests.support.stand import OUR_ID, proves
from tests.support.stands.bybit import (
    ACCOUNT_INFO,
    CANCEL,
    DATED,
    DELIVERY,
    FEES,
    HISTORY,
    INFO,
    INVERSE,
    KEY,
    KEY_RIGHTS,
    LEVERAGE,
    LINEAR,
    LISTING,
    OPEN,
    PAIR,
    PEPE,
    POSITIONS,
    RIGHTS,
    SET_MARGIN,
    STAND,
    SWITCH_MODE,
    USDC,
    WALLET,
    contract,
    fee,
    good,
    inverse_listing,
    linear_listing,
    listed,
    make_fake,
    order,
    pair,
    position,
    refusal,
    told,
)
from tests.support.wire_certificates import contexts
from tests.support.wire_server import FakeVenue, Loopback, Seen
from tests.support.wire_venue import Desk, WireClock, opened

ALL = (LINEAR, USDC, DATED, INVERSE, PEPE, PAIR)


def opening(*symbols: str, environment: str = "live", **answers: Any) -> tuple[tuple[Instrument, ...], FakeVenue]:
    """What opening came to; `answers` are by the name of a path in capitals."""
    paths = {"rights": RIGHTS, "info": INFO, "listing": LISTING, "fees": FEES}

    async def scenario() -> tuple[tuple[Instrument, ...], FakeVenue]:
        fake = make_fake()
        for name, answer in answers.items():
            fake.answers["GET", paths[name]] = answer
        async with opened(stand=STAND, fake=fake, environment=environment, ready=False) as desk:
            return await desk.venue.open(symbols or (LINEAR.symbol,)), fake

    return asyncio.run(scenario())


def test_every_request_leaves_for_the_live_host_when_it_is_live() -> None:
    _, fake = opening()
    assert {seen.host for seen in fake.seen} == {"api.bybit.com"}


@proves(Ability.TEST_ENVIRONMENT)
def test_every_request_and_stream_leaves_for_the_test_hosts_in_the_test_environment() -> None:
    async def scenario() -> set[str]:
        async with opened(stand=STAND, environment="testnet", ready=False) as desk:
            await desk.venue.open([LINEAR.symbol, PAIR.symbol])
            await desk.venue.read_account()
            await desk.venue.place(STAND.order(), let_go)
            hints = desk.venue.hints()
            await asyncio.wait_for(anext(hints), 60)
            return {seen.host for seen in desk.fake.seen} | {host for host, _, _ in desk.fake.sockets}

    assert asyncio.run(scenario()) == {"api-testnet.bybit.com", "stream-testnet.bybit.com"}


# --- keys and the kind of account ----------------------------------------------------------------------------------


@proves(Ability.KEY_RIGHTS)
@pytest.mark.parametrize(
    "changes",
    [
        {"permissions": {**KEY_RIGHTS["permissions"], "Wallet": ["AccountTransfer", "Withdraw"]}},
        {"readOnly": 1},
        {"permissions": {"Spot": ["SpotTrade"], "ContractTrade": [], "Derivatives": []}},
    ],
    ids=["may withdraw", "only reads", "trades no contracts"],
)
def test_keys_with_rights_that_are_too_many_or_too_few_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(CredentialsError):
        opening(rights=told(KEY_RIGHTS | changes))


@pytest.mark.parametrize("code", [33004, -2015], ids=["of contracts", "of pairs"])
def test_keys_that_have_expired_are_told_as_such_and_not_asked_again(code: int) -> None:
    """The venue ends keys that no address binds after three months, and has two codes for it."""

    async def scenario() -> int:
        async with opened(stand=STAND) as desk:
            desk.fake.seen.clear()
            desk.fake.answers["GET", WALLET] = refusal(code, "Your api key has expired.")
            with pytest.raises(CredentialsError, match="expired"):
                await desk.venue.read_account()
            return len([seen for seen in desk.fake.requests("GET", WALLET) if "coin" in seen.params])

    assert asyncio.run(scenario()) == 1


@proves(Ability.KEY_RIGHTS)
@pytest.mark.parametrize(("ips", "bound"), [(["*"], False), ([], False), (["10.1.2.3"], True)])
def test_whether_addresses_bind_the_keys_is_told(ips: list[str], bound: bool) -> None:
    async def scenario() -> object:
        async with opened(stand=STAND, ready=False) as desk:
            desk.fake.answers["GET", RIGHTS] = told(KEY_RIGHTS | {"ips": ips})
            await desk.venue.open([LINEAR.symbol])
            return vars(desk.venue)["keys_bound"]

    assert asyncio.run(scenario()) is bound


@pytest.mark.parametrize(
    ("told_of_it", "end_at"),
    [
        ({"deadlineDay": 83, "expiredAt": "2026-05-24T12:00:00Z"}, 1_779_624_000_000),
        ({"deadlineDay": -2, "expiredAt": "1970-01-01T00:00:00Z"}, None),
        ({"deadlineDay": 83, "expiredAt": "soon"}, None),
        ({}, None),
    ],
)
def test_when_the_venue_ends_keys_that_no_address_binds_is_told(
    told_of_it: dict[str, object], end_at: int | None
) -> None:
    async def scenario() -> object:
        async with opened(stand=STAND, ready=False) as desk:
            desk.fake.answers["GET", RIGHTS] = told({**KEY_RIGHTS, **told_of_it})
            await desk.venue.open([LINEAR.symbol])
            return vars(desk.venue)["keys_expire_at"]

    assert asyncio.run(scenario()) == end_at


@pytest.mark.parametrize("status", [1, 3, 4])
def test_an_account_of_an_older_kind_is_refused_in_plain_words(status: int) -> None:
    with pytest.raises(ConfigError, match="no unified trading account of version 2"):
        opening(info=told(ACCOUNT_INFO | {"unifiedMarginStatus": status}))


# --- what is listed ------------------------------------------------------------------------------------------------


@proves(Ability.FEES)
def test_rules_and_fees_are_read_from_the_venues_own_rows() -> None:
    found = {rules.id: rules for rules in opening(*(id.symbol for id in ALL))[0]}
    assert set(found) == set(ALL)
    linear, dated, inverse, spot = found[LINEAR], found[DATED], found[INVERSE], found[PAIR]
    assert (linear.tick_size, linear.lot_size, linear.min_notional) == (Decimal("0.10"), Decimal("0.001"), Decimal(5))
    assert (linear.maker_fee, linear.taker_fee) == (Decimal("0.0002"), Decimal("0.00055"))
    assert (linear.kind, linear.settle, linear.post_only) == (Kind.PERPETUAL, "USDT", True)
    assert (dated.kind, dated.expiry_at, dated.settlement_ms) == (Kind.FUTURE, DELIVERY, 1_800_000)
    assert (inverse.payoff, inverse.settle, inverse.contract_multiplier) == (Payoff.INVERSE, "BTC", Decimal(1))
    assert inverse.coins(Decimal(30_000), Decimal(60_000)) == Decimal("0.5")
    assert (found[PEPE].underlying, found[PEPE].contract_multiplier) == ("PEPE", Decimal(1000))
    assert (spot.kind, spot.lot_size, spot.min_notional) == (Kind.SPOT, Decimal("0.000001"), Decimal(1))


def test_our_names_are_those_of_the_client() -> None:
    """The client's own parsing of the same rows, which is what a person's configuration is written by."""

    async def scenario() -> dict[str, str]:
        client = load_exchange_class("bybit")()
        answers = {"linear": linear_listing(), "inverse": inverse_listing(), "spot": [pair()]}

        async def fetch(params: Mapping[str, Any]) -> Any:
            early = params.get("status") == "PreLaunch"
            return told({"category": params["category"], "list": [] if early else answers[params["category"]]})

        client.publicGetV5MarketInstrumentsInfo = fetch
        markets = [
            *await client.fetch_future_markets({"category": "linear"}),
            *await client.fetch_future_markets({"category": "inverse"}),
            *await client.fetch_spot_markets({}),
        ]
        await client.close()
        return {market["symbol"]: market["id"] for market in markets}

    names = asyncio.run(scenario())
    assert {id.symbol for id in ALL} <= names.keys()
    assert {symbol: raw_name(symbol) for symbol in names} == names


@pytest.mark.parametrize(
    ("symbol", "name"), [("BTC/USDT:USDT-260904", "BTCUSDT-04SEP26"), ("BTC/USDC:USDC-231201", "BTC-01DEC23")]
)
def test_the_day_of_a_future_has_two_digits_there(symbol: str, name: str) -> None:
    """Both stood on the venue's lists; its options have one digit where one is enough."""
    assert raw_name(symbol) == name


@pytest.mark.parametrize(
    ("asset", "coin", "multiplier"),
    [("BTC", "BTC", 1), ("1000PEPE", "PEPE", 1_000), ("SHIB1000", "SHIB", 1_000), ("10000000AIDOGE", "AIDOGE", 10**7)],
)
def test_a_thousand_of_a_coin_is_that_coin(asset: str, coin: str, multiplier: int) -> None:
    assert split_multiplier(asset) == (coin, Decimal(multiplier))


def test_an_unknown_symbol_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="BTC/USDT:USDT"):
        opening("BTCC/USDT:USDT")


def test_a_dated_contract_that_has_ended_is_left_out_and_a_perpetual_is_not() -> None:
    found, _ = opening("BTC/USDT:USDT-250627", LINEAR.symbol)
    assert [rules.id for rules in found] == [LINEAR]


def test_a_contract_that_settles_in_something_else_is_not_traded() -> None:
    odd = contract("BTCUSDT", "BTC", "EUR", "USDT", "LinearPerpetual")
    with pytest.raises(ConfigError, match="not traded"):
        opening("BTC/EUR:USDT", listing=answering({"linear": [odd], "inverse": inverse_listing()}))


@pytest.mark.parametrize(
    "row",
    [
        contract("BTCUSDT", "BTC", "USDT", "USDT", "LinearPerpetual", priceFilter={"tickSize": "NaN"}),
        contract("BTCUSDT", "BTC", "USDT", "USDT", "LinearPerpetual", lotSizeFilter={"qtyStep": "0"}),
        contract("BTCUSDT", "BTC", "USDT", "USDT", "LinearPerpetual", fundingInterval="soon"),
        contract("BTCUSDT", "BTC", "USDT", "USDT", "LinearFutures"),
    ],
    ids=["no tick", "no lot", "no interval", "no delivery"],
)
def test_rules_that_are_odd_are_asked_for_again(row: dict[str, Any]) -> None:
    with pytest.raises((AskAgain, ConfigError)):
        opening(listing=answering({"linear": [row], "inverse": inverse_listing()}))


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [fee("ETHUSDT")],
        [fee("BTCUSDT"), fee("BTCUSDT", makerFeeRate="0")],
        [fee("BTCUSDT", makerFeeRate="NaN")],
        [fee("BTCUSDT", takerFeeRate="")],
    ],
    ids=["none", "another's", "twice", "NaN", "nothing"],
)
def test_fees_that_are_not_told_plainly_are_asked_for_again(rows: list[Any]) -> None:
    with pytest.raises(AskAgain):
        opening(fees=told({"list": rows}))


@proves(Ability.FEES, Ability.LIMITS)
def test_fees_of_many_contracts_are_one_question_and_an_odd_row_of_another_spoils_nothing() -> None:
    rows = [fee("BTCUSDT"), fee("ETHUSDT"), fee("XUSDT", makerFeeRate="NaN")]
    found, fake = opening(LINEAR.symbol, "ETH/USDT:USDT", fees=told({"list": rows}))
    assert len(found) == 2
    assert len(fake.requests("GET", FEES)) == 1


def test_an_odd_row_of_a_contract_that_nobody_asked_for_spoils_nothing() -> None:
    rows = [*linear_listing(), {"symbol": "ODDUSDT"}, contract("ODD-25DEC26", "ODD", "USDC", "USDC", "LinearFutures")]
    found, _ = opening(listing=answering({"linear": rows, "inverse": inverse_listing()}))
    assert [rules.id for rules in found] == [LINEAR]


def test_a_listing_is_read_to_its_last_page() -> None:
    async def page(_request: web.Request, seen: Seen) -> web.StreamResponse:
        if seen.params["category"] != "linear":
            return web.json_response(good(seen))
        rows = linear_listing()
        number = int(seen.params.get("cursor", "0"))
        return web.json_response(listed(*rows[number : number + 2], cursor=str(number + 2) if number < 4 else ""))

    found, fake = opening(USDC.symbol, listing=page)
    assert [rules.id for rules in found] == [USDC]
    assert len([seen for seen in fake.requests("GET", LISTING) if seen.params["category"] == "linear"]) == 3


def test_a_contract_that_is_delisted_while_we_run_is_traded_no_more_and_spoils_no_reading() -> None:
    async def scenario() -> tuple[Sequence[Instrument], Any, Any]:
        async with opened([LINEAR.symbol, PEPE.symbol], stand=STAND) as desk:
            rows = [row for row in linear_listing() if row["symbol"] != "1000PEPEUSDT"]
            desk.fake.answers["GET", LISTING] = answering({"linear": rows, "inverse": inverse_listing()})
            desk.fake.answers["GET", POSITIONS] = unknown("1000PEPEUSDT")
            reading = await desk.venue.read_account()
            rules = await desk.venue.read_instruments([LINEAR.symbol, PEPE.symbol])
            outcome = await desk.venue.place(STAND.order(id=PEPE, quantity=Decimal(1)), let_go)
            return rules, outcome, reading

    rules, outcome, reading = asyncio.run(scenario())
    assert [one.id for one in rules] == [LINEAR]
    assert isinstance(outcome, OrderRejected)
    assert outcome.reason is RejectReason.NOT_SENT
    assert {row.id: row.quantity for row in reading.positions} == {LINEAR: Decimal("-0.500"), PEPE: 0}


def test_a_contract_that_is_listed_and_not_known_is_no_flat_one() -> None:
    async def scenario() -> None:
        async with opened([LINEAR.symbol, PEPE.symbol], stand=STAND) as desk:
            desk.fake.answers["GET", POSITIONS] = unknown("1000PEPEUSDT")
            with pytest.raises(AskAgain, match="does not know it"):
                await desk.venue.read_account()

    asyncio.run(scenario())


def answering(rows: Mapping[str, Sequence[Any]]) -> Any:
    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        category = seen.params["category"]
        return web.json_response(listed(*rows[category]) if category in rows else good(seen))

    return answer


def unknown(raw: str) -> Any:
    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        return web.json_response(refusal(10001, "symbol invalid") if seen.params.get("symbol") == raw else good(seen))

    return answer


# --- modes ---------------------------------------------------------------------------------------------------------


def configured(mode: MarginMode = MarginMode.CROSS, *, heeds: bool = True, **state: Any) -> list[tuple[str, Any]]:
    """What was set, on an account that is in some `state` and heeds what it is told, or not."""
    now = {"marginMode": "REGULAR_MARGIN", "leverage": "1", "positionIdx": 0} | state

    async def info(_request: web.Request, _seen: Seen) -> web.StreamResponse:
        return web.json_response(told(ACCOUNT_INFO | {"marginMode": now["marginMode"]}))

    async def positions(_request: web.Request, seen: Seen) -> web.StreamResponse:
        changes: dict[str, Any] = {"leverage": now["leverage"], "positionIdx": now["positionIdx"]}
        return web.json_response(listed(position(seen.params["symbol"], "0", **changes)))

    def heeding(**changes: Any) -> Any:
        async def answer(_request: web.Request, _seen: Seen) -> web.StreamResponse:
            now.update(changes if heeds else {})
            return web.json_response(told({}))

        return answer

    async def scenario() -> list[tuple[str, Any]]:
        async with opened([LINEAR.symbol], stand=STAND) as desk:
            desk.fake.answers["GET", INFO], desk.fake.answers["GET", POSITIONS] = info, positions
            desk.fake.answers["POST", SET_MARGIN] = heeding(marginMode="REGULAR_MARGIN")
            desk.fake.answers["POST", SWITCH_MODE] = heeding(positionIdx=0)
            desk.fake.answers["POST", LEVERAGE] = heeding(leverage="1")
            await desk.venue.configure([LINEAR.symbol], leverage=1, margin_mode=mode)
            return [(seen.path, seen.params) for seen in desk.fake.seen if seen.method == "POST"]

    return asyncio.run(scenario())


@proves(Ability.MODES)
def test_modes_that_differ_are_set_and_confirmed_by_reading() -> None:
    named = {"category": "linear", "symbol": "BTCUSDT"}
    assert configured(marginMode="ISOLATED_MARGIN", leverage="10", positionIdx=1) == [
        (SET_MARGIN, {"setMarginMode": "REGULAR_MARGIN"}),
        (SWITCH_MODE, {**named, "mode": 0}),
        (LEVERAGE, {**named, "buyLeverage": "1", "sellLeverage": "1"}),
    ]


@proves(Ability.MODES)
def test_modes_that_are_right_are_left_alone() -> None:
    assert configured() == []


@pytest.mark.parametrize("state", [{"leverage": "10"}, {"positionIdx": 2}, {"marginMode": "ISOLATED_MARGIN"}])
def test_a_mode_that_was_accepted_and_is_not_in_force_is_given_up(state: dict[str, Any]) -> None:
    with pytest.raises(GiveUp, match="not in force"):
        configured(heeds=False, **state)


def test_isolated_and_portfolio_margin_are_refused_in_plain_words() -> None:
    with pytest.raises(GiveUp, match="set margin_mode to cross"):
        configured(MarginMode.ISOLATED)
    with pytest.raises(GiveUp, match="portfolio margin"):
        configured(marginMode="PORTFOLIO_MARGIN")


def test_there_is_no_switch_and_nothing_to_transfer() -> None:
    async def scenario() -> None:
        async with opened([LINEAR.symbol], stand=STAND) as desk:
            with pytest.raises(GiveUp, match="no dead man's switch"):
                await desk.venue.extend_switch([LINEAR.symbol], 60_000)
            assert desk.fake.seen == []

    asyncio.run(scenario())


@proves(Ability.LIMITS)
def test_requests_are_counted_by_us_and_a_firewalls_page_closes_the_lanes() -> None:
    async def forbid(_request: web.Request, _seen: Seen) -> web.StreamResponse:
        return web.Response(status=403, text="403, access too frequent")

    async def scenario() -> tuple[Desk, int]:
        async with opened([LINEAR.symbol], stand=STAND) as desk:
            desk.fake.answers["GET", OPEN] = forbid
            with pytest.raises(AskAgain):
                await desk.venue.find_order(LINEAR, OUR_ID)
            sent = len(desk.fake.seen)
            await desk.venue.cancel(STAND.cancel())
            assert len(desk.fake.seen) == sent, "not even a cancel is sent into a ban"
            return desk, sent

    desk, sent = asyncio.run(scenario())
    assert sent == 1
    assert desk.watcher.closed
    host, used, limit = desk.watcher.weights[-1]
    assert (host, limit) == ("api.bybit.com", 7_200)
    assert used > 0


# --- the watchdog's exit -------------------------------------------------------------------------------------------


def left_behind(symbol: str = LINEAR.symbol, **answers: Any) -> tuple[list[str], list[Seen]]:
    """What the exit could not end, and its requests."""
    paths = {"cancel": ("POST", CANCEL), "open": ("GET", OPEN), "history": ("GET", HISTORY)}

    async def scenario() -> tuple[list[str], list[Seen]]:
        fake = make_fake()
        fake.answers |= {paths[name]: answer for name, answer in answers.items()}
        await fake.start()
        network = Network(resolver=Loopback(fake.port), ssl_context=contexts()[1])
        account = EmergencyAccount(venue="bybit", environment="live", credentials=STAND.credentials, network=network)
        leave = EmergencyExit({"main": account}, WireClock(), pause_s=0.01)
        live = LiveOrder(account="main", symbol=symbol, client_order_id=OUR_ID)
        try:
            left = await asyncio.to_thread(leave, [live])
        finally:
            await fake.stop()
        assert fake.faults == []
        return list(left), fake.seen

    return asyncio.run(scenario())


@proves(Ability.CANCEL)
def test_the_exit_cancels_by_our_id_and_believes_only_the_orders_record() -> None:
    left, seen = left_behind(open=listed(order(orderStatus="Cancelled")))
    assert left == []
    cancel = next(one for one in seen if one.path == CANCEL)
    assert cancel.params == {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": OUR_ID}
    assert cancel.headers["X-BAPI-API-KEY"] == KEY


@pytest.mark.parametrize(
    "row",
    [
        order(),
        order(orderStatus="Hibernating"),
        order(orderStatus="Cancelled", orderLinkId="another"),
        order(orderStatus="Cancelled", symbol="ETHUSDT"),
    ],
    ids=["open", "a status that nobody knows", "another id", "another contract"],
)
def test_the_exit_does_not_believe_a_record_that_is_not_of_the_end_of_this_order(row: dict[str, Any]) -> None:
    left, _ = left_behind(open=listed(row))
    assert left == [OUR_ID]


def test_the_exit_takes_an_order_for_absent_where_both_lists_say_so_twice() -> None:
    left, seen = left_behind(cancel=refusal(110001), open=listed(), history=listed())
    assert left == []
    assert [one.path for one in seen].count(HISTORY) == 2


def test_the_exit_knows_the_names_of_contracts_without_a_listing() -> None:
    ended = order(orderStatus="Cancelled", symbol="BTCUSD")
    left, seen = left_behind(INVERSE.symbol, open=listed(ended))
    assert left == []
    assert (seen[-1].params["category"], seen[-1].params["symbol"]) == ("inverse", "BTCUSD")
