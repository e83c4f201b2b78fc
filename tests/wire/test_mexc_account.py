"""MEXC's account on the wire: contracts told from coins, margin reckoned, and nothing read as flat without a proof."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from hedger.errors import AskAgain
from hedger.model.account import AccountReading, MarginMode, Position
from hedger.venues.abilities import Ability
from hedger.venues.mexc.listing import known_of
from hedger.venues.mexc.payloads import Contract
from hedger.venues.mexc.tiers import maintenance_of, tiers_of
from tests.support.stand import proves
from tests.support.stands.mexc import (
    ASSETS,
    BTC,
    DETAIL,
    MODE,
    OPEN,
    POSITIONS,
    STAND,
    TICKER,
    WALLET,
    answering,
    asset,
    contract,
    flat_asset,
    ok,
    paged,
    position,
    quick,
    record,
    said,
    ticker,
    wallet,
)
from tests.support.wire_server import Answer, Seen
from tests.support.wire_venue import opened

Answers = Mapping[str, Answer]
FLAT = {POSITIONS: ok([]), ASSETS: ok([flat_asset()])}


def read(answers: Answers) -> AccountReading:
    async def scenario() -> AccountReading:
        async with opened(stand=STAND, **quick()) as desk:
            desk.fake.answers |= {("GET", path): answer for path, answer in answers.items()}
            return await desk.venue.read_account()

    return asyncio.run(scenario())


def refused(answers: Answers) -> str:
    with pytest.raises(AskAgain) as raised:
        read(answers)
    return str(raised.value)


def row(reading: AccountReading, symbol: str = BTC.symbol) -> Position:
    (found,) = [position for position in reading.positions if position.id.symbol == symbol]
    return found


def by_symbol(seen: Seen) -> Any:
    return ok(ticker(seen.params["symbol"]))


@proves(Ability.SPOT_BALANCES, Ability.POSITIONS, Ability.LIQUIDATION_PRICE, Ability.OPEN_ORDERS)
def test_an_account_is_read_whole_in_coins_with_the_mark_of_the_ticker() -> None:
    reading = read({})
    held = row(reading)
    assert reading.spot["BTC"] == Decimal("1.50000001")
    assert held.quantity == Decimal("-0.5"), "5,000 contracts of 0.0001 BTC, of type 2"
    assert (held.mark_price, held.index_price) == (Decimal("60100.3"), Decimal("60099.1"))
    assert (held.entry_price, held.liquidation_price) == (Decimal("60000.1"), Decimal("118000.2"))
    assert (held.leverage, held.margin_mode) == (Decimal(1), MarginMode.CROSS)
    assert reading.one_way is True
    assert [order.client_order_id for order in reading.open_orders] == ["hbot000100000199"]


@pytest.mark.parametrize(("told", "price"), [(0, None), ("", None), ("0", None), (1.5, Decimal("1.5"))])
def test_a_liquidation_price_of_nothing_is_none(told: object, price: Decimal | None) -> None:
    assert row(read({POSITIONS: ok([position(liquidatePrice=told)])})).liquidation_price == price


@proves(Ability.EQUITY_AND_MARGIN)
def test_every_coin_is_counted_once_and_equity_is_balance_and_unrealised_profit() -> None:
    reading = read({})
    assert reading.collateral["USDT"] == Decimal("40000.6")
    assert reading.unrealized["USDT"] == Decimal("-50.1")
    assert reading.equity("USDT") == reading.margin.equity == Decimal("39950.5")
    assert "BTC" not in reading.collateral, "the coin stands in the spot wallet, once"
    assert reading.margin.initial_margin == Decimal("30000.05")
    assert reading.margin.available == Decimal("9950.45")
    # 0.5 BTC at 60100.3, of the first level: a thousandth.
    assert reading.margin.maintenance_margin == Decimal("30.05015")


@pytest.mark.parametrize(
    ("vol", "rate"), [(50_000, "0.001"), (50_001, "0.004"), (60_000, "0.004"), (1_000_000, "0.004")]
)
def test_maintenance_goes_by_the_level_of_the_whole_position_and_beyond_the_last_by_the_last(
    vol: int, rate: str
) -> None:
    known = known_of(Contract.model_validate(_text(contract())), str)
    assert maintenance_of(known, Decimal(vol), Decimal(50_000)) == Decimal(vol) * 5 * Decimal(rate)


def test_levels_without_a_table_are_a_first_one_and_steps_as_was_recorded() -> None:
    recorded = contract(
        maintenanceMarginRate=0.004, riskBaseVol=10000, riskIncrVol=200000, riskIncrMmr=0.004, riskLevelLimit=5
    )
    tiers = tiers_of(Contract.model_validate(_text(recorded | {"riskLimitCustom": None})))
    assert [(int(tier.maxVol), tier.mmr) for tier in tiers[:2]] == [
        (10_000, Decimal("0.004")),
        (210_000, Decimal("0.008")),
    ]
    assert (len(tiers), tiers[-1].mmr) == (5, Decimal("0.020"))


def test_levels_by_value_and_levels_that_are_not_told_apart_are_reckoned_on_the_safe_side() -> None:
    by_value = known_of(Contract.model_validate(_text(contract(riskLimitType="BY_VALUE"))), str)
    assert maintenance_of(by_value, Decimal(9_000), Decimal(60_000)) == 54_000 * Decimal("0.004")
    apart = known_of(Contract.model_validate(_text(contract(riskLongShortSwitch=1))), str)
    assert maintenance_of(apart, Decimal(1), Decimal(60_000)) == 6 * Decimal("0.004")


def _text(body: dict[str, Any]) -> Any:
    """A body as the client reads it: fractions are text."""
    if isinstance(body, dict):
        return {name: _text(value) for name, value in body.items()}
    if isinstance(body, list):
        return [_text(value) for value in body]
    return str(body) if isinstance(body, float) else body


# --- flat ---------------------------------------------------------------------------------------------------------


def test_flat_is_an_empty_list_with_a_wallet_that_uses_no_margin() -> None:
    held = row(read(FLAT))
    assert held.quantity == 0
    assert held.mark_price == Decimal("60100.3")
    closed = position(holdVol=0, state=3, im=0, oim=0)
    assert row(read(FLAT | {POSITIONS: ok([closed])})).quantity == 0


def test_a_position_that_the_list_left_out_is_found_by_asking_for_it_alone() -> None:
    """The margin in use does not tell: that of another contract is told for twice as much as is used."""

    def told(seen: Seen) -> Any:
        other = position("ETH_USDT", positionId=7, holdVol=100, im=60000, oim=60000)
        return ok([position()] if seen.params.get("symbol") == "BTC_USDT" else [other])

    assert "flat in one list of positions, and not in another" in refused(
        {POSITIONS: answering(told), TICKER: answering(by_symbol)}
    )


ODD: tuple[Answers, ...] = (
    {POSITIONS: ok([])},
    {POSITIONS: ok([position(holdVol=100, im=600, oim=600)])},
    {POSITIONS: ok([position("ETH_USDT", holdVol=1, im=24, oim=24)]), TICKER: answering(by_symbol)},
    {ASSETS: ok([flat_asset()])},
    {ASSETS: ok([])},
    {ASSETS: ok([asset("USDC")])},
    {ASSETS: ok([asset(), asset()])},
    {ASSETS: ok([asset(equity="NaN")])},
    {ASSETS: ok([asset(positionMargin=-1)])},
    {POSITIONS: ok([position(holdVol=-1)])},
    {POSITIONS: ok([position(holdVol="NaN")])},
    {POSITIONS: ok([position(positionType=3)])},
    {POSITIONS: ok([position(holdVol=None)])},
    {POSITIONS: ok([position(), position()])},
    {POSITIONS: ok(None)},
    {POSITIONS: {"success": True, "code": 0}},
    {POSITIONS: ok({})},
    {MODE: ok(3)},
    {MODE: ok(None)},
    {TICKER: ok(ticker("ETH_USDT"))},
    {TICKER: ok(ticker(fairPrice=0))},
    {TICKER: said(1001, "Contract does not exist")},
    {WALLET: {"code": 700003, "msg": "Timestamp for this request is outside of the recvWindow."}},
    {WALLET: wallet(("BTC", "-1", "0"))},
    {WALLET: wallet(("BTC", "1", "0"), ("BTC", "2", "0"))},
    {OPEN: ok([record(vol="0")])},
    {OPEN: ok([record(orderId="")])},
    {OPEN: ok(None)},
)


def test_what_does_not_fit_together_or_is_odd_is_no_reading() -> None:
    async def scenario() -> list[int]:
        believed = []
        async with opened(stand=STAND, **quick()) as desk:
            good = dict(desk.fake.answers)
            for number, answers in enumerate(ODD):
                desk.fake.answers = good | {("GET", path): answer for path, answer in answers.items()}
                try:
                    await desk.venue.read_account()
                except AskAgain as problem:
                    if "lane" not in str(problem):  # It was asked, and what came was not believed.
                        continue
                believed.append(number)
        return believed

    assert asyncio.run(scenario()) == [], "the numbers of those that were believed"


def test_an_odd_row_that_cannot_concern_us_spoils_nothing_and_is_on_the_safe_side() -> None:
    odd = position("ETH_USDT", holdVol="many", positionId=7)
    reading = read({POSITIONS: ok([position(), odd])})
    assert row(reading).quantity == Decimal("-0.5")
    assert reading.margin.maintenance_margin == Decimal("30000.05"), "no less than all of the margin in use"
    unlisted = {POSITIONS: ok([position(), position("NEW_USDT", positionId=7)]), TICKER: answering(by_symbol)}
    assert "not in the venue's listing" in refused(unlisted)
    assert "NEW_USDT" in refused({POSITIONS: ok([position(), position("NEW_USDT", holdVol="x", positionId=7)])})


def test_positions_in_other_contracts_are_read_with_their_own_size_and_mark() -> None:
    assets = {ASSETS: ok([asset(positionMargin=35000)])}
    eth = position("ETH_USDT", holdVol=200, positionType=1, positionId=7, im=5000, oim=5000)
    reading = read(assets | {POSITIONS: ok([position(), eth]), TICKER: answering(by_symbol)})
    assert row(reading, "ETH/USDT:USDT").quantity == Decimal(2), "200 contracts of 0.01"


def test_long_and_short_at_once_are_netted_and_told_as_no_one_way_mode() -> None:
    both = [position(), position(positionType=1, positionId=7, holdVol=1000, im=6000, oim=6000)]
    reading = read({POSITIONS: ok(both), ASSETS: ok([asset(positionMargin=36000)])})
    assert (row(reading).quantity, reading.one_way) == (Decimal("-0.4"), False)
    assert read({MODE: ok(1)}).one_way is False
    assert read({MODE: ok({"positionMode": 2})}).one_way is True


# --- the spot wallet ----------------------------------------------------------------------------------------------


def test_a_coin_that_was_held_and_is_not_listed_is_not_believed_at_once() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND, **quick()) as desk:
            assert (await desk.venue.read_account()).spot["BTC"] == Decimal("1.50000001")
            desk.fake.answers["GET", WALLET] = wallet(("USDT", "1", "0"))
            with pytest.raises(AskAgain, match="held BTC and does not list it"):
                await desk.venue.read_account()

    asyncio.run(scenario())


def test_a_coin_that_was_never_held_is_none_when_two_lists_do_without_it() -> None:
    async def scenario() -> AccountReading:
        venue = quick()
        venue["fake"].answers["GET", WALLET] = wallet(("USDT", "1", "0"))
        async with opened(stand=STAND, **venue) as desk:
            return await desk.venue.read_account()

    assert asyncio.run(scenario()).spot["BTC"] == 0


# --- open orders --------------------------------------------------------------------------------------------------


def pages(rows: list[dict[str, Any]], *, wrapped: bool = False) -> Answer:
    def told(seen: Seen) -> Any:
        start = (int(seen.params["page_num"]) - 1) * int(seen.params["page_size"])
        part = rows[start : start + int(seen.params["page_size"])]
        return paged(part, len(rows)) if wrapped else ok(part)

    return answering(told)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_every_page_of_open_orders_is_read(count: int, wrapped: bool) -> None:
    rows = [record(orderId=str(10_000 + number)) for number in range(count)]
    assert len(read({OPEN: pages(rows, wrapped=wrapped)}).open_orders) == count


def test_a_page_that_repeats_or_falls_short_of_the_count_is_no_list() -> None:
    full = [record(orderId=str(10_000 + number)) for number in range(100)]
    assert "a page repeats" in refused({OPEN: ok(full)})
    assert "3 rows came of 7" in refused({OPEN: paged(full[:3], 7)})


def test_open_orders_that_change_while_their_pages_are_read_are_read_again() -> None:
    async def scenario() -> list[str]:
        rows, asked = [record(orderId=str(10_000 + number)) for number in range(101)], []

        def told(seen: Seen) -> Any:
            asked.append(seen)
            if len(asked) == 2:
                rows.pop(0)  # One ends between the pages: the first of the next page moves up, unseen.
            start = (int(seen.params["page_num"]) - 1) * 100
            return ok(rows[start : start + 100])

        async with opened(stand=STAND, **quick()) as desk:
            desk.fake.answers["GET", OPEN] = answering(told)
            return [order.venue_order_id for order in (await desk.venue.read_account()).open_orders]

    assert asyncio.run(scenario()) == [str(10_001 + number) for number in range(100)]


def test_what_is_odd_about_orders_of_other_contracts_is_left_out() -> None:
    other = record(symbol="ETH_USDT", orderId="7", vol="?")
    assert len(read({OPEN: ok([other, record()])}).open_orders) == 1


def test_a_contract_in_coins_beside_ours_is_counted_in_its_own_units() -> None:
    inverse = position("BTC_USD", holdVol=3, positionId=7, im=0.001, oim=0.001)
    reading = read(
        {
            POSITIONS: ok([position(), inverse]),
            ASSETS: ok([asset(), flat_asset(currency="BTC", positionMargin=0.001)]),
            TICKER: answering(by_symbol),
        }
    )
    held = row(reading, "BTC/USD:BTC")
    assert (held.quantity, held.contract_multiplier) == (Decimal(-3), Decimal(100))
    assert held.delta == Decimal(-300) / Decimal("60100.3")


def test_a_listing_that_is_read_for_a_new_contract_makes_its_position_known() -> None:
    async def scenario() -> AccountReading:
        async with opened(stand=STAND, **quick()) as desk:
            new = position("NEW_USDT", holdVol=1, positionId=7, im=7, oim=7)
            desk.fake.answers["GET", POSITIONS] = ok([position(), new])
            desk.fake.answers["GET", TICKER] = answering(by_symbol)
            desk.fake.answers["GET", DETAIL] = ok([contract(), contract("NEW_USDT")])
            return await desk.venue.read_account()

    assert row(asyncio.run(scenario()), "NEW/USDT:USDT").quantity == Decimal("-0.0001")
