"""Before the first order on Deribit: the rules and fees, the keys, the hosts, and what stands for its leverage."""

import asyncio
from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedger.errors import AskAgain, ConfigError, CredentialsError, GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import Instrument, Kind, Payoff
from hedger.model.numeric import is_multiple
from hedger.venues.abilities import Ability
from hedger.venues.account import VenueAccount
from hedger.venues.asking import LONGEST_WAIT_S
from hedger.venues.deribit.codes import BUDGETS, OPTIONS, WEIGHT_LIMITS
from hedger.venues.deribit.listing import tick_for_every_price
from hedger.venues.deribit.names import index_perpetual, raw_of, settle_of, terms_of
from hedger.venues.deribit.payloads import Step
from hedger.venues.deribit.setup import rights_of
from hedger.venues.lanes import Lane
from hedger.venues.outcome import Scrub
from hedger.venues.profile import KeyRights
from tests.support.stand import proves
from tests.support.stands.deribit import (
    DATED,
    LINEAR,
    PAIR,
    PERPETUAL,
    SECRET,
    STAND,
    dated,
    future,
    linear,
    path,
    rights,
    told,
)
from tests.support.wire_server import plain_answer
from tests.support.wire_venue import Desk, WireClock, opened

INSTRUMENTS = path("public/get_instruments")


def loaded(*symbols: str, **answers: Any) -> tuple[Instrument, ...]:
    """The rules of some symbols, after some answers were changed."""

    async def scenario() -> tuple[Instrument, ...]:
        async with opened(stand=STAND, ready=False) as desk:
            desk.fake.answers |= {path(name.replace("_", "/", 1)): answer for name, answer in answers.items()}
            return await desk.venue.open(symbols)

    return asyncio.run(scenario())


@proves(Ability.FEES)
def test_instruments_carry_the_venues_rules_and_the_accounts_own_fees() -> None:
    perpetual, day, usdc, spot = loaded(PERPETUAL, DATED, LINEAR, PAIR)
    assert (perpetual.kind, perpetual.payoff, perpetual.settle) == (Kind.PERPETUAL, Payoff.INVERSE, "BTC")
    assert (perpetual.contract_multiplier, perpetual.lot_size, perpetual.min_quantity) == (D(1), D(10), D(10))
    assert (perpetual.tick_size, perpetual.min_notional, perpetual.post_only) == (D("0.5"), D(0), True)
    assert (perpetual.maker_fee, perpetual.taker_fee) == (D(0), D("0.00025"))
    assert (day.kind, day.expiry_at, day.settlement_ms) == (Kind.FUTURE, 1_806_048_000_000, 1_800_000)
    assert (day.maker_fee, day.taker_fee) == (D("-0.0001"), D("0.0004"))
    assert (usdc.payoff, usdc.settle, usdc.quote, usdc.lot_size) == (Payoff.LINEAR, "USDC", "USDC", D("0.0001"))
    assert (spot.kind, spot.settle, spot.tick_size, spot.taker_fee) == (Kind.SPOT, "USDC", D("0.01"), D("0.0005"))


def test_fees_that_are_told_by_index_are_the_accounts_too() -> None:
    value = {"default": {"type": "relative", "maker": 1, "taker": 0.8}, "block_trade": 0.5}
    rows = [{"index_name": name, "kind": "perpetual", "value": value} for name in ("eth_usd", "btc_usd")]
    (perpetual,) = loaded(PERPETUAL, private_get_account_summary=told({"currency": "BTC", "fees": rows}))
    assert perpetual.taker_fee == D("0.0004")
    (perpetual,) = loaded(PERPETUAL, private_get_account_summary=told({"currency": "BTC", "fees": rows[:1]}))
    assert perpetual.taker_fee == D("0.0005")


def test_fees_that_are_told_by_index_and_then_by_kind_are_the_accounts_too() -> None:
    """The form that the documentation shows in 2026."""
    value = {"default": {"type": "fixed", "maker": -0.0001, "taker": 0.00035}, "block_trade": 0.3}
    fees = {"eth_usd": {"perpetual": {}}, "btc_usd": {"future": value, "option": 7, "perpetual": value}, "usdc": None}
    (perpetual,) = loaded(PERPETUAL, private_get_account_summary=told({"currency": "BTC", "fees": fees}))
    assert (perpetual.maker_fee, perpetual.taker_fee) == (D("-0.0001"), D("0.00035"))


@pytest.mark.parametrize("fees", [[{"index_name": "btc_usd", "kind": "future", "value": {}}], {"btc_usd": 7}, "none"])
def test_fees_of_a_form_that_nobody_knows_leave_those_of_the_listing(fees: Any) -> None:
    odd = told({"currency": "BTC", "fees": fees})
    (perpetual,) = loaded(PERPETUAL, private_get_account_summary=odd)
    assert perpetual.taker_fee == D("0.0005")


def test_one_dollar_is_a_unit_of_an_inverse_contract_and_a_coin_of_a_linear_one() -> None:
    perpetual, usdc = loaded(PERPETUAL, LINEAR)
    assert perpetual.coins(D(60_000), D(30_000)) == 2
    assert perpetual.units(D(2), D(30_000)) == 60_000
    assert usdc.coins(D(2), D(30_000)) == 2


@given(
    base=st.sampled_from(["0.0001", "0.05", "0.5", "1", "2.5"]),
    factors=st.lists(st.integers(min_value=1, max_value=50), max_size=3),
    at=st.integers(min_value=1, max_value=10**6),
)
@settings(max_examples=200, deadline=None)
def test_a_price_on_our_grid_is_on_the_venues_wherever_it_lies(base: str, factors: list[int], at: int) -> None:
    steps = [Step(above_price=D(n), tick_size=D(base) * factor) for n, factor in enumerate(factors)]
    tick = tick_for_every_price(D(base), steps)
    assert all(is_multiple(tick * at, grid) for grid in (D(base), *(step.tick_size for step in steps)))


def test_grids_that_depend_on_the_price_are_taken_together() -> None:
    steps = [{"above_price": 0.005, "tick_size": 0.0005}]
    rows = told([future("BTC-PERPETUAL", tick_size=0.0001, tick_size_steps=steps)])
    (perpetual,) = loaded(PERPETUAL, public_get_instruments=rows)
    assert perpetual.tick_size == D("0.0005")
    uneven = [Step(above_price=D(1), tick_size=D("0.02")), Step(above_price=D(2), tick_size=D("0.05"))]
    assert tick_for_every_price(D("0.01"), uneven) == D("0.1")


@pytest.mark.parametrize(
    ("symbol", "hint"), [("BTC/USDT:USDT", LINEAR), ("BCT/USD:BTC", PERPETUAL), ("BTC/USD:BTC-301227", DATED)]
)
def test_an_unknown_symbol_is_refused_with_the_nearest(symbol: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean .*{hint}"):
        loaded(symbol)


@pytest.mark.parametrize("change", [{"is_active": False}, {"state": "locked"}, {"state": "closed"}])
def test_a_contract_that_is_not_trading_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="not open for trading"):
        loaded(PERPETUAL, public_get_instruments=told([future("BTC-PERPETUAL", **change)]))


def test_a_start_in_the_seconds_of_the_daily_settlement_may_be_tried_again() -> None:
    with pytest.raises(AskAgain, match="being settled"):
        loaded(PERPETUAL, public_get_instruments=told([future("BTC-PERPETUAL", state="settlement")]))


@pytest.mark.parametrize(
    "rows",
    [
        [future("BTC-PERPETUAL", tick_size="NaN")],
        [future("BTC-PERPETUAL", min_trade_amount=0)],
        [future("BTC-PERPETUAL", contract_size=7)],
        [future("BTC-PERPETUAL", is_active="true")],
        [future("BTC-PERPETUAL", tick_size_steps=[{"above_price": 1, "tick_size": 0}])],
        [],
    ],
)
def test_rules_that_are_odd_are_not_traded_by(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(AskAgain):
        loaded(PERPETUAL, public_get_instruments=told(rows))


def test_a_dated_contract_that_has_ended_is_left_out_and_one_that_never_was_is_refused() -> None:
    over = told([future("BTC-PERPETUAL"), dated("BTC-27SEP24", 1_727_424_000_000, is_active=False, state="closed")])
    found = loaded(PERPETUAL, "BTC/USD:BTC-240927", "BTC/USD:BTC-240628", public_get_instruments=over)
    assert [rules.id.symbol for rules in found] == [PERPETUAL]


def test_what_does_not_trade_any_more_is_left_out_when_rules_are_read_anew() -> None:
    async def scenario() -> tuple[Instrument, ...]:
        async with opened([PERPETUAL, DATED], stand=STAND) as desk:
            rows = [future("BTC-PERPETUAL", tick_size=1), dated(state="settlement")]
            desk.fake.answers[INSTRUMENTS] = told(rows)
            return await desk.venue.read_instruments([PERPETUAL, DATED])

    (left,) = asyncio.run(scenario())
    assert (left.id.symbol, left.tick_size) == (PERPETUAL, D(1))


@pytest.mark.parametrize("odd", [{"settlement_currency": "ETH"}, {"base_currency": "ETH"}, {"instrument_name": None}])
def test_a_row_of_ours_that_is_not_understood_does_not_take_its_contract_off(odd: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with opened([PERPETUAL, DATED], stand=STAND) as desk:
            desk.fake.answers[INSTRUMENTS] = told([future("BTC-PERPETUAL", **odd), dated()])
            with pytest.raises(AskAgain):
                await desk.venue.read_instruments([PERPETUAL, DATED])
            desk.fake.answers[INSTRUMENTS] = told([dated()])
            found = await desk.venue.read_instruments([PERPETUAL, DATED])
            assert [rules.id.symbol for rules in found] == [DATED], "and one without a row is taken off"

    asyncio.run(scenario())


def test_only_futures_are_listed_and_pairs_where_one_is_traded() -> None:
    async def scenario(*symbols: str) -> list[str]:
        async with opened(stand=STAND, ready=False) as desk:
            await desk.venue.open(symbols)
            return [seen.params["kind"] for seen in desk.fake.seen if seen.path == INSTRUMENTS[1]]

    assert asyncio.run(scenario(PERPETUAL)) == ["future"]
    assert sorted(asyncio.run(scenario(PERPETUAL, PAIR))) == ["future", "spot"]


# --- keys and hosts ---------------------------------------------------------------------------------------------------


@proves(Ability.KEY_RIGHTS)
@pytest.mark.parametrize(
    ("scope", "word"),
    [
        ("account:read trade:read_write wallet:read_write", "may withdraw"),
        ("account:read custody:read_write trade:read_write wallet:none", "may withdraw"),
        ("account:read_write trade:read_write wallet:none", "may make other keys"),
        ("account:read trade:read wallet:read", "may not read and trade"),
        ("account:none trade:read_write wallet:none", "may not read and trade"),
    ],
)
@pytest.mark.parametrize("environment", ["live", "testnet", "shadow"])
def test_keys_that_may_do_too_much_or_too_little_are_refused(scope: str, word: str, environment: str) -> None:
    async def scenario() -> None:
        async with opened(stand=STAND, ready=False, environment=environment) as desk:
            desk.fake.answers[path("public/auth")] = rights(scope)
            with pytest.raises(CredentialsError, match=word):
                await desk.venue.open([PERPETUAL])

    asyncio.run(scenario())


@proves(Ability.KEY_RIGHTS)
def test_the_rights_are_asked_for_without_the_secret() -> None:
    async def scenario() -> Desk:
        async with opened(stand=STAND, ready=False) as desk:
            await desk.venue.open([PERPETUAL])
            (seen,) = (seen for seen in desk.fake.seen if seen.path.endswith("/auth"))
            assert seen.params["grant_type"] == "client_signature"
            assert not any(SECRET in seen.query + str(seen.headers) for seen in desk.fake.seen)
            return desk

    asyncio.run(scenario())
    assert rights_of("account:read_write trade:read_write").may_withdraw is False
    assert rights_of("mainaccount connection") == KeyRights(False, False, False, None)


def test_a_sign_in_that_was_cut_shows_no_token() -> None:
    text = '{"result":{"access_token": "1686923272328.1CkwEx-u.canary","refresh_token":"16.canary"'
    assert "canary" not in Scrub("key", "secret")(text)


@proves(Ability.TEST_ENVIRONMENT)
@pytest.mark.parametrize(("environment", "host"), [("live", "www.deribit.com"), ("testnet", "test.deribit.com")])
def test_each_environment_reaches_its_own_host_and_no_other(environment: str, host: str) -> None:
    async def scenario() -> set[str]:
        async with opened(stand=STAND, ready=False, environment=environment) as desk:
            await desk.venue.open([PERPETUAL])
            await desk.venue.read_account()
            return {seen.host for seen in desk.fake.seen}

    assert asyncio.run(scenario()) == {host}


# --- modes ------------------------------------------------------------------------------------------------------------


@proves(Ability.MODES)
def test_configuring_sends_nothing_and_isolated_margin_is_refused() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            await desk.venue.configure([PERPETUAL], leverage=2, margin_mode=MarginMode.CROSS)
            assert desk.fake.seen == []
            with pytest.raises(GiveUp, match="no isolated margin"):
                await desk.venue.configure([PERPETUAL], leverage=2, margin_mode=MarginMode.ISOLATED)
            reading = await desk.venue.read_account()
            assert (reading.one_way, reading.positions[0].leverage) == (True, D(2))

    asyncio.run(scenario())


def test_the_dead_mans_switch_and_the_transfer_are_refused_in_a_sentence() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            with pytest.raises(GiveUp, match="Deribit has no dead man's switch"):
                await desk.venue.extend_switch([PERPETUAL], 60_000)
            assert isinstance(desk.venue, VenueAccount)
            with pytest.raises(GiveUp, match="nothing to transfer"):
                await desk.venue.transfer("BTC", D(1), to_contracts=True)
            assert desk.fake.seen == []

    asyncio.run(scenario())


# --- limits -----------------------------------------------------------------------------------------------------------


@proves(Ability.LIMITS)
def test_the_lanes_together_stay_within_the_published_credits() -> None:
    """20 requests a second, and 5 orders and cancels."""
    each = {lane: budget.requests / budget.period_s for lane, budget in BUDGETS.items()}
    assert each[Lane.CONTROL] + each[Lane.ORDERS] <= 5
    assert each[Lane.RECONCILE] + each[Lane.DATA] <= 20
    assert WEIGHT_LIMITS["rest"] <= 20 * 60
    assert "usedEndpoints" in OPTIONS
    assert LONGEST_WAIT_S > 0


@proves(Ability.LIMITS)
def test_too_many_requests_under_a_plain_400_asks_for_quiet_too() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            refused = plain_answer(400, '{"error": {"code": 10028, "message": "too_many_requests"}}')
            desk.fake.answers[path("public/ticker")] = refused
            with pytest.raises(AskAgain):
                await desk.venue.read_prices([STAND.contract])
            assert desk.watcher.closed
            sent = len(desk.fake.seen)
            with pytest.raises(AskAgain, match="asked for quiet"):
                await desk.venue.read_account()
            assert len(desk.fake.seen) == sent

    asyncio.run(scenario())


@proves(Ability.LIMITS)
def test_requests_are_counted_because_no_header_tells_them() -> None:
    async def scenario() -> list[tuple[str, int, int]]:
        async with opened(stand=STAND, clock=WireClock()) as desk:
            before = len(desk.watcher.weights)
            await desk.venue.read_account()
            return desk.watcher.weights[before:]

    counted = asyncio.run(scenario())
    assert len(counted) == 4
    assert {(host, limit) for host, _, limit in counted} == {("www.deribit.com", 1_200)}


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "symbol"),
    [
        ("BTC-PERPETUAL", PERPETUAL),
        ("BTC-26MAR27", DATED),
        ("ETH-3JUL26", "ETH/USD:ETH-260703"),
        ("SOL_USDC-PERPETUAL", "SOL/USDC:USDC"),
        ("BTC_USDC-25SEP26", "BTC/USDC:USDC-260925"),
        ("BTC-27MAY20-8750-C", "BTC/USD:BTC-200527-8750-C"),
        ("XRP_USDC-28JUN24-0d625-P", "XRP/USDC:USDC-240628-0.625-P"),
    ],
)
def test_a_name_tells_all_terms_of_a_contract(raw: str, symbol: str) -> None:
    terms = terms_of(raw)
    assert terms is not None
    assert terms.symbol == symbol
    assert (terms.settle == "USDC") is (terms.payoff is Payoff.LINEAR)
    if terms.strike is None:
        assert (raw_of(symbol), settle_of(symbol)) == (raw, terms.settle)


@pytest.mark.parametrize(
    "raw", ["BTC_USDC", "BTC-FS-27MAR26_PERP", "BTC-31FEB27", "BTC-26MAR27-C", "btc-perpetual", "", "BTC-26MAR27-1-X"]
)
def test_what_is_no_contracts_name_has_no_terms(raw: str) -> None:
    assert terms_of(raw) is None


def test_bars_are_those_of_the_perpetual_of_the_family() -> None:
    assert [index_perpetual(raw) for raw in ("BTC-26MAR27", "BTC_USDC-PERPETUAL", "BTC_USDC")] == [
        "BTC-PERPETUAL",
        "BTC_USDC-PERPETUAL",
        "BTC_USDC",
    ]
    assert linear()["instrument_name"] == "BTC_USDC-PERPETUAL"
