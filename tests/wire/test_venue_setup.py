"""Before the first order: what is loaded, what is refused, and what is set and confirmed."""

import asyncio
import ssl
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from hedger.errors import AskAgain, Bug, ConfigError, CredentialsError, GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import Kind
from hedger.venues.abilities import Ability
from hedger.venues.binance.codes import LIVE, OPTIONS
from hedger.venues.client import Credentials, assert_safe, build_client, knows_resending
from hedger.venues.factory import open_venue
from hedger.venues.network import Egress, Network, open_session
from tests.support.stand import proves
from tests.support.wire_bodies import futures_symbol, settings
from tests.support.wire_certificates import contexts
from tests.support.wire_server import KEY, SECRET, FakeVenue, Loopback, Seen, plain_answer, refusal
from tests.support.wire_venue import BTC, SPOT, Desk, WireClock, opened

DUAL, MARGIN, LEVERAGE = "/fapi/v1/positionSide/dual", "/fapi/v1/marginType", "/fapi/v1/leverage"


@proves(Ability.FEES)
def test_instruments_carry_the_venues_own_rules_and_our_fees() -> None:
    async def scenario() -> Desk:
        async with opened([BTC.symbol, SPOT.symbol, "1000PEPE/USDT:USDT"]) as desk:
            return desk

    perpetual, spot, pepe = asyncio.run(scenario()).instruments
    assert (perpetual.kind, perpetual.tick_size, perpetual.lot_size) == (
        Kind.PERPETUAL,
        Decimal("0.1"),
        Decimal("0.001"),
    )
    assert (perpetual.min_notional, perpetual.maker_fee, perpetual.post_only) == (Decimal(100), Decimal("0.0002"), True)
    assert (spot.kind, spot.underlying, spot.min_notional) == (Kind.SPOT, "BTC", Decimal(5))
    assert (pepe.underlying, pepe.contract_multiplier, pepe.tick_size) == ("PEPE", Decimal(1000), Decimal("0.0000001"))


@pytest.mark.parametrize(
    ("symbol", "hint"),
    [("BTC/USDC:USDC", "BTC/USDT:USDT"), ("BCT/USDT:USDT", "BTC/USDT:USDT"), ("BTX/USDT", "BTC/USDT")],
)
def test_an_unknown_symbol_is_refused_with_the_nearest(symbol: str, hint: str) -> None:
    async def scenario() -> None:
        async with opened(ready=False) as desk:
            if ":" not in symbol:
                good = desk.fake.answers["GET", "/api/v3/exchangeInfo"]

                async def listing(_request: web.Request, seen: Seen) -> web.StreamResponse:
                    unlisted = {"code": -1121, "msg": "Invalid symbol."}
                    return (
                        web.json_response(unlisted, status=400) if "symbols" in seen.params else web.json_response(good)
                    )

                desk.fake.answers["GET", "/api/v3/exchangeInfo"] = listing
            with pytest.raises(ConfigError, match=f"did you mean .*{hint}"):
                await desk.venue.open([symbol])

    asyncio.run(scenario())


def test_a_contract_that_is_not_trading_is_refused_by_name() -> None:
    async def scenario() -> None:
        async with opened(ready=False) as desk:
            desk.fake.answers["GET", "/fapi/v1/exchangeInfo"] = {"symbols": [futures_symbol("BTC", status="SETTLING")]}
            with pytest.raises(ConfigError, match="SETTLING"):
                await desk.venue.open([BTC.symbol])

    asyncio.run(scenario())


@proves(Ability.KEY_RIGHTS)
@pytest.mark.parametrize(
    ("rights", "word"), [({"enableWithdrawals": True}, "withdraw"), ({"enableFutures": False}, "futures")]
)
def test_keys_that_may_do_too_much_or_too_little_are_refused(rights: dict[str, bool], word: str) -> None:
    async def scenario() -> None:
        async with opened(ready=False) as desk:
            desk.fake.answers["GET", "/sapi/v1/account/apiRestrictions"] |= rights
            with pytest.raises(CredentialsError, match=word):
                await desk.venue.open([BTC.symbol])

    asyncio.run(scenario())


def test_refused_keys_end_the_opening_with_a_sentence_and_no_secret() -> None:
    async def scenario() -> str:
        async with opened(ready=False) as desk:
            desk.fake.answers["GET", "/sapi/v1/account/apiRestrictions"] = refusal(401, -2015, f"Invalid key {KEY}")
            with pytest.raises(CredentialsError) as problem:
                await desk.venue.open([BTC.symbol])
            return str(problem.value)

    text = asyncio.run(scenario())
    assert KEY not in text
    assert SECRET not in text


@proves(Ability.TEST_ENVIRONMENT)
@pytest.mark.parametrize("body", ["<html>", "{}", '{"symbols":[]}', '{"symbols":[{"symbol":7}]}', "null"])
def test_a_broken_listing_is_asked_for_again(body: str) -> None:
    async def scenario() -> None:
        async with opened(ready=False) as desk:
            desk.fake.answers["GET", "/fapi/v1/exchangeInfo"] = plain_answer(200, body)
            with pytest.raises(AskAgain):
                await desk.venue.open([BTC.symbol])

    asyncio.run(scenario())


def test_the_test_network_is_spoken_to_at_its_own_hosts_only() -> None:
    async def scenario() -> set[str]:
        fake = FakeVenue()
        async with opened(environment="testnet", fake=fake, ready=False) as desk:
            await desk.venue.open([BTC.symbol])
            await desk.venue.read_account()
            return {seen.host for seen in desk.fake.seen}

    assert asyncio.run(scenario()) == {"demo-api.binance.com", "demo-fapi.binance.com"}


# --- settings -------------------------------------------------------------------------------------------------------


def test_settings_that_are_right_are_only_read() -> None:
    async def scenario() -> list[str]:
        async with opened() as desk:
            await desk.venue.configure([BTC.symbol], leverage=3, margin_mode=MarginMode.CROSS)
            return [seen.method for seen in desk.fake.seen]

    assert set(asyncio.run(scenario())) == {"GET"}


@proves(Ability.MODES)
def test_settings_that_differ_are_set_once_and_confirmed_by_reading() -> None:
    async def scenario() -> tuple[list[Seen], dict[str, Any]]:
        async with opened() as desk:
            account = stateful(desk.fake)
            await desk.venue.configure([BTC.symbol], leverage=5, margin_mode=MarginMode.ISOLATED)
            return [seen for seen in desk.fake.seen if seen.method == "POST"], account

    posted, account = asyncio.run(scenario())
    assert {seen.path for seen in posted} == {DUAL, MARGIN, LEVERAGE}
    assert len(posted) == 3
    assert account == {"dual": False, "margin": "ISOLATED", "leverage": 5}


def test_an_answer_that_nothing_had_to_change_is_fine() -> None:
    async def scenario() -> None:
        async with opened() as desk:
            account = stateful(desk.fake, dual=False)
            set_margin = desk.fake.answers["POST", MARGIN]

            async def already(request: web.Request, seen: Seen) -> web.StreamResponse:
                await set_margin(request, seen)
                return web.json_response({"code": -4046, "msg": "No need to change margin type."}, status=400)

            desk.fake.answers["POST", MARGIN] = already
            await desk.venue.configure([BTC.symbol], leverage=3, margin_mode=MarginMode.ISOLATED)
            assert account["margin"] == "ISOLATED"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("path", "code"), [(DUAL, -4068), (MARGIN, -4048), (LEVERAGE, -4028)], ids=["mode", "margin", "leverage"]
)
def test_a_setting_that_the_venue_refuses_is_given_up_with_a_sentence(path: str, code: int) -> None:
    async def scenario() -> None:
        async with opened() as desk:
            stateful(desk.fake)
            desk.fake.answers["POST", path] = refusal(400, code, "Not with a position.")
            with pytest.raises(GiveUp, match="Not with a position"):
                await desk.venue.configure([BTC.symbol], leverage=5, margin_mode=MarginMode.ISOLATED)
            assert len(desk.fake.requests("POST", path)) == 1

    asyncio.run(scenario())


def test_a_setting_that_is_refused_during_maintenance_is_asked_again_later() -> None:
    async def scenario() -> None:
        async with opened() as desk:
            stateful(desk.fake)
            desk.fake.answers["POST", LEVERAGE] = refusal(400, -1016, "Service is under maintenance.")
            with pytest.raises(AskAgain, match="under maintenance"):
                await desk.venue.configure([BTC.symbol], leverage=5, margin_mode=MarginMode.ISOLATED)

    asyncio.run(scenario())


def test_a_setting_that_does_not_take_is_given_up() -> None:
    async def scenario() -> None:
        async with opened() as desk:
            with pytest.raises(GiveUp, match="not in force"):
                await desk.venue.configure([BTC.symbol], leverage=9, margin_mode=MarginMode.CROSS)

    asyncio.run(scenario())


def test_a_lost_answer_to_a_setting_is_asked_again_later() -> None:
    async def scenario() -> None:
        async with opened() as desk:
            desk.fake.answers["POST", LEVERAGE] = plain_answer(502, "")
            with pytest.raises(AskAgain):
                await desk.venue.configure([BTC.symbol], leverage=9, margin_mode=MarginMode.CROSS)

    asyncio.run(scenario())


def stateful(fake: FakeVenue, dual: bool = True) -> dict[str, Any]:
    """An account in hedge mode, cross margin and leverage 3 that takes what is posted."""
    account: dict[str, Any] = {"dual": dual, "margin": "CROSSED", "leverage": 3}

    def taking(key: str, name: str, read: Callable[[str], Any]) -> Any:
        async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
            account[key] = read(seen.params[name])
            return web.json_response({"code": 200, "msg": "success", "leverage": account["leverage"]})

        return answer

    async def config(_request: web.Request, _seen: Seen) -> web.StreamResponse:
        return web.json_response({"canTrade": True, "dualSidePosition": account["dual"]})

    async def symbols(_request: web.Request, _seen: Seen) -> web.StreamResponse:
        return web.json_response([settings("BTCUSDT", account["margin"], account["leverage"])])

    fake.answers.update(
        {
            ("GET", "/fapi/v1/accountConfig"): config,
            ("GET", "/fapi/v1/symbolConfig"): symbols,
            ("POST", DUAL): taking("dual", "dualSidePosition", lambda text: text == "true"),
            ("POST", MARGIN): taking("margin", "marginType", str),
            ("POST", LEVERAGE): taking("leverage", "leverage", int),
        }
    )
    return account


# --- the client and the way out -------------------------------------------------------------------------------------


def test_a_server_that_no_authority_vouches_for_is_not_spoken_to() -> None:
    async def scenario() -> None:
        fake = await FakeVenue().start()
        venue = open_venue(
            account="main",
            venue="binance",
            environment="live",
            credentials=Credentials(api_key=KEY, secret=SECRET),
            network=Network(resolver=Loopback(fake.port), ssl_context=ssl.create_default_context(), answer_s=2),
            clock=WireClock(),
        )
        with pytest.raises(AskAgain, match="certificate"):
            await venue.open([BTC.symbol])
        await venue.close()
        await fake.stop()
        assert fake.seen == []

    asyncio.run(scenario())


def test_only_the_venues_hosts_are_resolved() -> None:
    async def scenario() -> None:
        resolver = Egress(Loopback(1), {"fapi.binance.com"}, loopback_only=False)
        assert await resolver.resolve("fapi.binance.com")
        with pytest.raises(OSError, match="not one of the venue's hosts"):
            await resolver.resolve("fapi.binance.com.example.com")

    asyncio.run(scenario())


def test_paper_never_leaves_this_machine() -> None:
    class Elsewhere(Loopback):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[aiohttp.abc.ResolveResult]:
            found = await super().resolve(host, port)
            return [{**place, "host": "203.0.113.7"} for place in found]

    async def scenario() -> None:
        with pytest.raises(OSError, match="off this machine"):
            await Egress(Elsewhere(1), {"fapi.binance.com"}, loopback_only=True).resolve("fapi.binance.com")

    asyncio.run(scenario())


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "http://fapi.binance.com/", "https://example.com/"])
def test_addresses_that_no_resolver_sees_are_refused_too(url: str) -> None:
    async def scenario() -> None:
        session = open_session(Network(resolver=Loopback(1), ssl_context=contexts()[1]), {"fapi.binance.com"})
        async with session:
            with pytest.raises(Bug, match="not allowed"):
                await session.get(url)

    asyncio.run(scenario())


def test_paper_without_its_own_network_and_live_without_keys_are_refused() -> None:
    with pytest.raises(ConfigError, match="own network"):
        open_venue(account="main", venue="binance", environment="paper", clock=WireClock())
    with pytest.raises(CredentialsError, match="no API key"):
        open_venue(account="main", venue="binance", environment="live", clock=WireClock())
    with pytest.raises(ConfigError, match="not a venue"):
        open_venue(account="main", venue="mtgox", environment="live", clock=WireClock())


SPOILED: dict[str, Callable[[Any], None]] = {
    "the session re-sends": lambda client: setattr(client.session, "_retry_connection", True),
    "the session is not ours": lambda client: setattr(client, "own_session", True),
    "in a method's own table": lambda client: client.options.update(createOrder={"maxRetriesOnFailure": 2}),
    "not verified": lambda client: setattr(client.session.connector, "_ssl", unverified()),
    "ccxt re-sends": lambda client: client.options.update(maxRetriesOnFailure=1),
    "throttle": lambda client: setattr(client, "enableRateLimit", True),
    "not text": lambda client: setattr(client, "number", float),
    "become floats": lambda client: setattr(client, "parse_json", lambda text: {"x": 0.1}),
    "bounded in time": lambda client: setattr(client, "timeout", 0),
    "receive window": lambda client: client.options.update(recvWindow=90_000),
    "clock is not ours": lambda client: setattr(client, "milliseconds", lambda: 1),
    "proxy": lambda client: setattr(client, "httpsProxy", "http://127.0.0.1:3128"),
    "verbose": lambda client: setattr(client, "verbose", True),
    "other hosts": lambda client: client.urls["api"].update(fapiPrivate="https://fapi.example.com/fapi/v1"),
}


def test_a_session_that_does_not_ask_our_switch_before_it_sends_again_is_recognised() -> None:
    """The switch is not public: after an upgrade that renames it, setting it would change nothing, so we refuse."""

    class Renamed:
        resends = True

        async def _request(self, method: str) -> bool:
            return self.resends and method == "GET"

    assert knows_resending(aiohttp.ClientSession)
    assert not knows_resending(Renamed)
    assert not knows_resending(object)


def unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def test_a_venue_with_an_unsafe_client_sends_nothing_and_does_not_open() -> None:
    async def scenario() -> None:
        fake = await FakeVenue().start()
        venue = open_venue(
            account="main",
            venue="binance",
            environment="live",
            credentials=Credentials(api_key=KEY, secret=SECRET),
            network=Network(resolver=Loopback(fake.port), ssl_context=unverified(), answer_s=2),
            clock=WireClock(),
        )
        with pytest.raises(Bug, match="certificates are not verified"):
            await venue.open([BTC.symbol])
        await venue.close()
        await fake.stop()
        assert fake.seen == []

    asyncio.run(scenario())


@pytest.mark.parametrize("fault", SPOILED)
def test_a_client_that_is_not_safe_does_not_start(fault: str) -> None:
    async def scenario() -> None:
        clock = WireClock()
        session = open_session(Network(resolver=Loopback(1), ssl_context=contexts()[1]), LIVE.hosts)
        client = build_client(
            "binance",
            credentials=Credentials(api_key=KEY, secret=SECRET),
            session=session,
            clock=clock,
            answer_s=2,
            options={**OPTIONS, "recvWindow": 5000},
            answered=lambda *_: None,
        )
        assert_safe(client, clock)
        SPOILED[fault](client)
        with pytest.raises(Bug, match="not safe"):
            assert_safe(client, clock)
        await client.close()
        await session.close()

    asyncio.run(scenario())


def test_credentials_do_not_show_in_their_text() -> None:
    text = repr(Credentials(api_key=KEY, secret=SECRET))
    assert KEY not in text
    assert SECRET not in text
