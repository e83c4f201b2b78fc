"""What is held on OKX: every coin once, positions in our units, flat proven by two lists, open orders in pages."""

import asyncio
import time
from decimal import Decimal
from typing import Any

import pytest

from hedger.errors import AskAgain
from hedger.model.account import AccountReading, Margin, MarginMode
from hedger.model.instrument import InstrumentId, Payoff
from hedger.venues.abilities import Ability
from tests.support.stand import proves
from tests.support.stands.okx import (
    BALANCE,
    BTC,
    CONFIG,
    INSTRUMENTS,
    INVERSE,
    LEVERAGE,
    PENDING,
    POSITIONS,
    RISK,
    STAND,
    answering,
    at_risk,
    balance,
    calm,
    coin,
    config,
    hurried,
    leverages,
    listed,
    order,
    position,
    refused,
    swap,
    told,
)
from tests.support.wire_server import Seen
from tests.support.wire_venue import Desk, WireClock, opened

SHORT = position("BTC-USD-SWAP", "-600", ccy="BTC", liqPx="", upl="-0.00001672", mmr="0.004", imr="0.3")


def hold(desk: Desk, *rows: dict[str, Any], balances: dict[str, str] | None = None) -> None:
    """Show the same positions in both lists."""
    desk.fake.answers["GET", POSITIONS] = told(*rows)
    desk.fake.answers["GET", RISK] = told(at_risk(*rows, balances=balances))


def of(reading: AccountReading, id: InstrumentId) -> Any:
    return next(row for row in reading.positions if row.id == id)


async def refused_reading(desk: Desk, sentence: str) -> None:
    with pytest.raises(AskAgain, match=sentence):
        await desk.venue.read_account()


@proves(Ability.POSITIONS, Ability.LIQUIDATION_PRICE)
def test_positions_in_contracts_are_coins_of_a_linear_and_dollars_of_an_inverse_one() -> None:
    """Golden: 50 contracts of 0.01 BTC are half a coin; 600 of 100 dollars at 60,100.5 are 0.998 of one."""

    async def scenario() -> tuple[AccountReading, AccountReading]:
        async with opened([BTC.symbol, INVERSE.symbol], stand=STAND) as desk:
            hold(desk, position(), SHORT)
            usdt, btc = balance()["details"]
            desk.fake.answers["GET", BALANCE] = told(balance(usdt, btc | {"imr": "0.3", "mmr": "0.004"}))
            reading = await desk.venue.read_account()
            hold(desk, position(liqPx="-5"), SHORT)
            return reading, await desk.venue.read_account()

    reading, later = asyncio.run(scenario())
    linear, inverse, below = of(reading, BTC), of(reading, INVERSE), of(later, BTC)
    assert (linear.quantity, linear.delta) == (Decimal("-0.5"), Decimal("-0.5"))
    assert (linear.entry_price, linear.mark_price, linear.liquidation_price) == (
        60_000,
        Decimal("60100.5"),
        Decimal("90000.1"),
    )
    assert (linear.leverage, linear.margin_mode) == (3, MarginMode.CROSS)
    assert (inverse.quantity, inverse.contract_multiplier, inverse.payoff) == (-600, 100, Payoff.INVERSE)
    assert round(inverse.delta, 6) == Decimal("-0.998328")
    assert inverse.liquidation_price is None, "an empty text"
    assert below.liquidation_price is None, "no price is below zero"
    assert reading.unrealized == {"USDT": Decimal("-50.25"), "BTC": Decimal("-0.00001672")}
    assert reading.one_way is True


@proves(Ability.SPOT_BALANCES)
def test_every_coin_is_counted_once_and_without_unrealised_profit() -> None:
    """Recorded numbers: what is set aside for an isolated position (5.4686, of which −0.0273 is profit) has left the
    cash balance."""

    async def scenario() -> AccountReading:
        async with opened([BTC.symbol, INVERSE.symbol], stand=STAND) as desk:
            isolated = position("ETH-USDT-SWAP", "1", mgnMode="isolated", upl="-0.0273000000000002")
            hold(desk, SHORT, isolated, balances={"BTC": "1.5", "USDT": "99.89469657000001"})
            usdt = coin(
                "USDT", "94.42612990333333", eq="99.89469657000001", eqUsd="99.88870288820581",
                isoEq="5.468566666666667", isoUpl="-0.0273000000000002", upl="-0.0273000000000002",
            )  # fmt: skip
            btc = coin("BTC", "1.5", "90148", eq="1.49998328", upl="-0.00001672", imr="0.3", mmr="0.004")
            doge = coin("DOGE", "7", "1")
            desk.fake.answers["GET", BALANCE] = told(balance(usdt, btc, doge))
            return await desk.venue.read_account()

    reading = asyncio.run(scenario())
    assert reading.spot == {"BTC": Decimal("1.5"), "DOGE": Decimal(7)}
    assert reading.collateral == {"USDT": Decimal("99.9219965699999972")}
    whole = reading.spot["BTC"] + reading.equity("BTC")
    assert whole == Decimal("1.49998328"), "the equity that the venue tells, once"


@proves(Ability.EQUITY_AND_MARGIN)
def test_in_the_futures_mode_each_currency_has_its_own_margin() -> None:
    async def scenario() -> AccountReading:
        async with opened([BTC.symbol, INVERSE.symbol], stand=STAND) as desk:
            hold(desk, position(), SHORT)
            btc = coin("BTC", "1.5", "90148", eq="1.4", imr="0.3", mmr="0.07", availEq="1.1")
            usdt = coin("USDT", "1052.25", eq="1002", availEq="692", imr="300.5", mmr="120.2", isoEq="2")
            desk.fake.answers["GET", BALANCE] = told(balance(usdt, btc))
            return await desk.venue.read_account()

    reading = asyncio.run(scenario())
    assert reading.margin == Margin(
        equity=Decimal(1000),
        maintenance_margin=Decimal("120.2"),
        initial_margin=Decimal("300.5"),
        available=Decimal(692),
    )
    assert reading.coin_margins["BTC"].margin_ratio == Decimal("0.05")
    assert reading.margin.margin_ratio == Decimal("0.1202")


def test_in_the_futures_mode_each_of_two_moneys_tells_its_own_margin() -> None:
    """What is free of one lets nothing be added that settles in the other, and an empty one does not hide it."""
    in_usdc = InstrumentId("main", "BTC/USDC:USDC")

    async def scenario() -> AccountReading:
        async with opened(ready=False, stand=STAND) as desk:

            def with_usdc(seen: Seen) -> Any:
                return told(swap(), swap("BTC-USDC")) if seen.params["instType"] == "SWAP" else listed(seen)

            desk.fake.answers["GET", INSTRUMENTS] = answering(with_usdc)
            hold(desk)
            usdt = coin("USDT", "1000", eq="1000", availEq="1000", imr="0", mmr="0", upl="0")
            usdc = coin("USDC", "0", "0", eq="0", availEq="0", imr="0", mmr="0")
            desk.fake.answers["GET", BALANCE] = told(balance(usdt, usdc, coin("BTC", "1.5", "90148.65")))
            await desk.venue.open([BTC.symbol, in_usdc.symbol])
            return await desk.venue.read_account()

    reading = asyncio.run(scenario())
    assert {money: margin.available for money, margin in reading.coin_margins.items()} == {"USDT": 1000, "USDC": 0}
    assert reading.margin.equity == 1000


def test_in_multi_currency_margin_one_pool_in_dollars_backs_all() -> None:
    """The venue's own ratio is equity over margin; ours is margin over equity."""

    async def scenario() -> AccountReading:
        async with hurried([BTC.symbol, INVERSE.symbol]) as desk:
            desk.fake.answers["GET", CONFIG] = told(config(acctLv="3"))
            pool = {"adjEq": "80000", "availEq": "70000", "imr": "8000", "mmr": "800", "mgnRatio": "100"}
            held = [coin("USDT", "1000", imr="", mmr=""), coin("BTC", "1.5", "90000", imr="", mmr="")]
            desk.fake.answers["GET", BALANCE] = told(balance(*held, **pool))
            reading = await desk.venue.read_account()
            for name in ("adjEq", "imr", "mmr"):
                desk.fake.answers["GET", BALANCE] = told(balance(*held, **pool | {name: ""}))
                await refused_reading(desk, "does not tell its margin")
            desk.fake.answers["GET", BALANCE] = told(balance(*held, **pool | {"mmr": "0"}))
            await refused_reading(desk, "no margin for its positions")  # of a short of half a coin
            return reading

    reading = asyncio.run(scenario())
    assert (reading.margin.equity, reading.margin.margin_ratio) == (Decimal(80_000), Decimal("0.01"))
    in_coins = reading.coin_margins["BTC"]
    assert (round(in_coins.equity, 9), in_coins.margin_ratio) == (Decimal("1.333333333"), Decimal("0.01"))
    assert round(in_coins.available, 9) == Decimal("1.166666667")


def test_a_cross_position_whose_margin_is_not_told_is_no_reading() -> None:
    async def scenario() -> None:
        async with hurried() as desk:
            for untold in ("", "0"):
                usdt = coin("USDT", "1052.25", eq="1002", imr=untold, mmr=untold)
                desk.fake.answers["GET", BALANCE] = told(balance(usdt, coin("BTC", "1.5", "90148")))
                await refused_reading(desk, "margin of USDT")
            desk.fake.answers["GET", BALANCE] = told(balance(coin("BTC", "1.5", "90148")))
            hold(desk, position(), balances={"BTC": "1.5"})
            await refused_reading(desk, "margin of USDT")

    asyncio.run(scenario())


def test_flat_is_believed_where_neither_list_shows_anything() -> None:
    async def scenario() -> AccountReading:
        async with opened(stand=STAND) as desk:
            hold(desk)
            desk.fake.answers["GET", BALANCE] = told(calm())
            return await desk.venue.read_account()

    row = of(asyncio.run(scenario()), BTC)
    assert (row.quantity, row.leverage, row.margin_mode) == (0, 3, MarginMode.CROSS)


def test_a_row_that_one_list_misses_or_tells_otherwise_is_not_flat() -> None:
    async def scenario() -> None:
        async with hurried() as desk:
            desk.fake.answers["GET", POSITIONS] = told()
            await refused_reading(desk, "two lists of positions differ on BTC-USDT-SWAP")
            hold(desk)
            desk.fake.answers["GET", POSITIONS] = told(position())
            await refused_reading(desk, "differ")
            hold(desk, position())
            desk.fake.answers["GET", RISK] = told(at_risk(position(contracts="-49")))
            await refused_reading(desk, "differ")
            hold(desk)
            pool = {"adjEq": "80000", "imr": "1", "mmr": "1", "notionalUsdForSwap": "30050"}
            desk.fake.answers["GET", BALANCE] = told(balance(**pool))
            await refused_reading(desk, "counts contracts that no list shows")
            desk.fake.answers["GET", BALANCE] = told(balance())
            await refused_reading(desk, "USDT backs positions that no list shows")
            usdt, btc = coin("USDT", "1000", mmr="3"), coin("BTC", "1.5", "90148")
            desk.fake.answers["GET", BALANCE] = told(balance(usdt, btc))
            await refused_reading(desk, "USDT backs positions")
            desk.fake.answers["GET", PENDING] = told(order())
            await desk.venue.read_account()

    asyncio.run(scenario())


def test_a_fill_between_the_two_lists_is_read_again() -> None:
    async def scenario() -> AccountReading:
        async with opened(stand=STAND) as desk:
            answers = [told(position(contracts="-49")), told(position())]
            desk.fake.answers["GET", POSITIONS] = answering(lambda _: answers.pop(0))
            return await desk.venue.read_account()

    assert of(asyncio.run(scenario()), BTC).quantity == Decimal("-0.5")


def test_a_reading_that_is_tried_again_keeps_to_the_venue_s_limit_of_its_configuration() -> None:
    """Five in two seconds: lists that differ in a run of fills would otherwise end in a minute of quiet."""

    async def scenario() -> list[float]:
        async with opened(stand=STAND) as desk:
            times: list[float] = []

            def timed(_: Seen) -> Any:
                times.append(time.monotonic())
                return told(config())

            desk.fake.answers["GET", CONFIG] = answering(timed)
            desk.fake.answers["GET", POSITIONS] = told(position(contracts="-49"))
            await refused_reading(desk, "differ")
            return times

    first, second, third = asyncio.run(scenario())
    assert second - first >= 0.35
    assert third - second >= 0.35


def test_rows_that_cannot_concern_us_do_not_spoil_a_reading_and_those_that_may_always_do() -> None:
    async def scenario() -> None:
        async with hurried() as desk:
            foreign = position("DOGE-USDT-SWAP", "NaN")
            desk.fake.answers["GET", POSITIONS] = told(position(), foreign)
            reading = await desk.venue.read_account()
            assert [row.id for row in reading.positions] == [BTC]
            odd: dict[str, dict[str, Any]] = {
                "not understood": {"pos": "NaN"},
                "mark of the position": {"markPx": ""},
                "profit of the position": {"upl": ""},
                "row of the position": {"posSide": "both"},
                "of kind MARGIN": {"instId": "BTC-USDT", "instType": "MARGIN"},
                "of kind EVENTS": {"instId": "BTC-ABOVE-DAILY-1", "instType": "EVENTS"},
                "not in the venue's listing": {"instId": "BTC-EUR-SWAP"},
                "below zero": {"posSide": "short"},
            }
            for sentence, change in odd.items():
                hold(desk, position(**change))
                await refused_reading(desk, sentence)
            hold(desk, position(), position())
            await refused_reading(desk, "listed twice")

    asyncio.run(scenario())


def test_two_sides_of_a_two_way_account_are_one_net_position() -> None:
    async def scenario() -> AccountReading:
        async with opened(stand=STAND) as desk:
            desk.fake.answers["GET", CONFIG] = told(config(posMode="long_short_mode"))
            hold(
                desk, position(contracts="70", posSide="long", liqPx="30000"), position(contracts="50", posSide="short")
            )
            return await desk.venue.read_account()

    reading = asyncio.run(scenario())
    row = of(reading, BTC)
    assert (row.quantity, row.liquidation_price, reading.one_way) == (Decimal("0.2"), 30_000, False)


def test_a_contract_on_our_coin_that_nobody_configured_counts_and_one_that_is_new_is_looked_up() -> None:
    async def scenario() -> AccountReading:
        async with opened(stand=STAND) as desk:
            new = swap("BTC-USDC", ctVal="0.0001")

            def with_new(seen: Seen) -> Any:
                return told(swap(), new) if seen.params["instType"] == "SWAP" else listed(seen)

            desk.fake.answers["GET", INSTRUMENTS] = answering(with_new)
            hold(desk, position(), SHORT, position("BTC-USDC-SWAP", "3", ccy="USDC"))
            return await desk.venue.read_account()

    reading = asyncio.run(scenario())
    assert of(reading, INVERSE).quantity == -600
    assert of(reading, InstrumentId("main", "BTC/USDC:USDC")).quantity == Decimal("0.0003")


def test_a_coin_of_ours_that_is_not_listed_is_none_only_where_that_is_proven() -> None:
    async def scenario() -> None:
        async with hurried() as desk:
            hold(desk, balances={"USDT": "1002"})
            usdt = coin("USDT", "1002")
            desk.fake.answers["GET", BALANCE] = told(balance(usdt))
            assert (await desk.venue.read_account()).spot == {"BTC": 0}
            desk.fake.answers["GET", BALANCE] = told(balance(usdt, totalEq="91150"))
            await refused_reading(desk, "does not list BTC")
            desk.fake.answers["GET", BALANCE] = told(balance(coin("USDT", "1000000"), totalEq="1009000"))
            await refused_reading(desk, "does not list BTC")  # less than a hundredth, and 0.15 BTC
            desk.fake.answers["GET", BALANCE] = told(balance(coin("USDT", "1000000"), totalEq="1000500"))
            assert (await desk.venue.read_account()).spot == {"BTC": 0}, "the venue rounds"
            desk.fake.answers["GET", BALANCE] = told(balance(usdt))
            hold(desk, balances={"USDT": "1002", "BTC": "1.5"})
            await refused_reading(desk, "two lists of balances differ on BTC")
            desk.fake.answers["GET", BALANCE] = told(balance() | {"details": []})
            hold(desk, balances={})
            await refused_reading(desk, "does not list")

    asyncio.run(scenario())


def test_a_balance_that_is_no_number_or_stands_twice_is_no_reading() -> None:
    async def scenario() -> None:
        async with hurried() as desk:
            btc, usdt = coin("BTC", "1.5", "90148"), coin("USDT", "1000", imr="300.5", mmr="120.2")
            for odd in ("NaN", "Infinity", "1e400", "1,5", ""):
                desk.fake.answers["GET", BALANCE] = told(balance(btc | {"cashBal": odd}, usdt))
                await refused_reading(desk, "row of BTC")
            desk.fake.answers["GET", BALANCE] = told(balance(btc, usdt, btc))
            await refused_reading(desk, "lists BTC twice")
            desk.fake.answers["GET", BALANCE] = told(balance(btc, usdt, coin("DOGE", "1") | {"cashBal": "NaN"}))
            assert (await desk.venue.read_account()).spot == {"BTC": Decimal("1.5")}, "not ours, and left out"

    asyncio.run(scenario())


def test_the_borrowed_coins_of_an_account_count_below_zero() -> None:
    async def scenario() -> AccountReading:
        async with opened(stand=STAND) as desk:
            held = [coin("BTC", "-0.5", "-30000"), coin("USDT", "100000", imr="300.5", mmr="120.2")]
            desk.fake.answers["GET", BALANCE] = told(balance(*held))
            return await desk.venue.read_account()

    assert asyncio.run(scenario()).spot == {"BTC": Decimal("-0.5")}


@proves(Ability.OPEN_ORDERS)
def test_a_full_page_of_open_orders_is_followed_and_those_of_others_are_left_out() -> None:
    ours = [order(ordId=str(10_000 - number)) for number in range(250)]
    ours[120] |= {"instId": "DOGE-USDT-SWAP", "sz": "?"}

    def page(seen: Seen) -> Any:
        after = int(seen.params.get("after", 10**18))
        return told(*[row for row in ours if int(row["ordId"]) < after][: int(seen.params["limit"])])

    async def scenario() -> AccountReading:
        async with opened(stand=STAND) as desk:
            desk.fake.answers["GET", PENDING] = answering(page)
            reading = await desk.venue.read_account()
            assert [seen.params.get("after") for seen in desk.fake.requests("GET", PENDING)] == [None, "9901", "9801"]
            return reading

    reading = asyncio.run(scenario())
    assert len(reading.open_orders) == 249
    assert {report.quantity for report in reading.open_orders} == {Decimal("0.02")}


def test_a_page_of_open_orders_that_repeats_is_never_the_whole() -> None:
    full = told(*[order(ordId=str(10_000 - number)) for number in range(100)])

    async def scenario() -> None:
        async with hurried() as desk:
            desk.fake.answers["GET", PENDING] = full
            with pytest.raises(AskAgain, match="comes twice"):
                await desk.venue.read_account()
            for odd in ({"ordId": None}, {"ordId": "x"}, {"sz": "NaN"}, {"accFillSz": "9"}):
                desk.fake.answers["GET", PENDING] = told(order(**odd))
                with pytest.raises(AskAgain):
                    await desk.venue.read_account()

    asyncio.run(scenario())


def test_leverage_that_is_not_told_of_a_contract_of_ours_is_no_reading() -> None:
    async def scenario() -> None:
        async with hurried() as desk:
            hold(desk)
            desk.fake.answers["GET", BALANCE] = told(calm())
            desk.fake.answers["GET", LEVERAGE] = told()
            await refused_reading(desk, "leverage of BTC-USDT-SWAP")
            desk.fake.answers["GET", LEVERAGE] = answering(lambda seen: leverages(seen, "0"))
            await refused_reading(desk, "leverage")

    asyncio.run(scenario())


@pytest.mark.parametrize("code", ["51001", "59402", ""])
def test_a_contract_that_the_venue_takes_away_costs_the_others_one_reading(code: str) -> None:
    """The venue says that it does not exist, that none asked about is live, or nothing about it."""

    async def scenario() -> AccountReading:
        async with opened([BTC.symbol, INVERSE.symbol], stand=STAND) as desk:

            def without(seen: Seen) -> Any:
                return told(swap()) if seen.params["instType"] == "SWAP" else listed(seen)

            def of_those_left(seen: Seen) -> Any:
                rows = leverages(seen)["data"]
                left = [row for row in rows if "USD-" not in row["instId"]]
                return refused(code, "not live") if code and left != rows else told(*left)

            desk.fake.answers["GET", INSTRUMENTS] = answering(without)
            desk.fake.answers["GET", LEVERAGE] = answering(of_those_left)
            await refused_reading(desk, "BTC/USD:BTC does not trade any more")
            return await desk.venue.read_account()

    reading = asyncio.run(scenario())
    assert of(reading, BTC).quantity == Decimal("-0.5")
    assert of(reading, INVERSE).quantity == 0


def test_a_reading_is_as_old_as_its_first_request() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND, clock=WireClock(behind_ms=4_000)) as desk:
            before = desk.fake.clock_ms()
            reading = await desk.venue.read_account()
            assert -500 < reading.exchange_at - before < 2_500, "by the venue's clock"

    asyncio.run(scenario())
