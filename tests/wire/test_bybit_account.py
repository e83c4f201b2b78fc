"""What we hold on Bybit: each coin counted once, flat proven by two answers, and nothing believed that is odd."""

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from hedger.errors import AskAgain
from hedger.model.account import AccountReading, Margin, Position
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.option import OptionType, VenueGreeks
from hedger.model.order import RejectReason
from hedger.venues.abilities import Ability
from tests.support.stand import proves
from tests.support.stands.bybit import (
    ACCOUNT_INFO,
    COINS,
    DELIVERY,
    INFO,
    INVERSE,
    LINEAR,
    LISTING,
    OPEN,
    OPTION,
    PAIR,
    PEPE,
    POSITIONS,
    STAND,
    USDC,
    WALLET,
    coin,
    contract,
    good,
    linear_listing,
    listed,
    option_ticker,
    order,
    position,
    refusal,
    told,
    wallet,
)
from tests.support.wire_server import Seen
from tests.support.wire_venue import opened

Body = Callable[[Mapping[str, Any]], Any]


def read(*symbols: InstrumentId, **bodies: Body) -> AccountReading:
    """A reading where some paths answer otherwise: `positions`, `wallet`, `orders`, `info` make a body of parameters,
    or None for the good one."""
    paths = {"positions": POSITIONS, "wallet": WALLET, "orders": OPEN, "info": INFO}

    async def scenario() -> AccountReading:
        names = [id.symbol for id in symbols] or [LINEAR.symbol]
        async with opened(names, stand=STAND) as desk:
            for name, body in bodies.items():
                desk.fake.answers["GET", paths[name]] = answering(body)
            return await desk.venue.read_account()

    return asyncio.run(scenario())


def answering(body: Body) -> Any:
    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        told = body(seen.params)
        return web.json_response(good(seen) if told is None else told)

    return answer


def with_coins(**changes: dict[str, Any]) -> Body:
    """The wallet with some coins other than they are, named or not."""

    def body(params: Mapping[str, Any]) -> Any:
        known = {**COINS, **changes}
        names = params["coin"].split(",") if "coin" in params else [name for name in known if name != "PEPE"]
        return told({"list": [wallet(*(known.get(name) or coin(name, "0") for name in names))]})

    return body


def in_list(*rows: dict[str, Any], category: str = "linear", settle: str | None = "USDT") -> Body:
    """One list of open positions with these rows."""

    def body(params: Mapping[str, Any]) -> Any:
        asked = (params["category"], params.get("settleCoin")) == (category, settle)
        return listed(*rows) if asked and "symbol" not in params else None

    return body


def of(reading: AccountReading, id: InstrumentId) -> Position:
    (row,) = [row for row in reading.positions if row.id == id]
    return row


@proves(Ability.SPOT_BALANCES)
def test_a_coin_is_counted_once_and_money_is_no_coin() -> None:
    reading = read(LINEAR, PEPE, PAIR)
    assert reading.spot == {"BTC": Decimal("1.50000001"), "PEPE": Decimal(0), "MNT": Decimal(7)}
    assert reading.collateral == {"USDT": Decimal("1000.25"), "USDC": Decimal(0)}
    assert reading.unrealized == {"USDT": Decimal("-50.25")}
    assert reading.equity("BTC") == 0


@proves(Ability.SPOT_BALANCES)
def test_a_coin_that_settles_inverse_contracts_is_counted_once_beside_its_profit() -> None:
    """1.5 BTC in the wallet and 0.01 BTC of unrealised profit are 1.51, whichever way they are added up."""
    held = position("BTCUSD", "3000", "Sell", unrealisedPnl="0.01", markPrice="60000")
    by_name: Body = lambda params: listed(held) if params.get("symbol") == "BTCUSD" else None  # noqa: E731
    lists = in_list(held, category="inverse", settle=None)
    reading = read(INVERSE, positions=lambda params: by_name(params) or lists(params))
    assert reading.spot["BTC"] + reading.equity("BTC") == Decimal("1.51000001")
    assert "BTC" not in reading.collateral
    assert of(reading, INVERSE).payoff is Payoff.INVERSE
    assert of(reading, INVERSE).delta == Decimal("-0.05")


def test_what_was_borrowed_is_not_ours() -> None:
    reading = read(wallet=with_coins(BTC=coin("BTC", "1.5", spotBorrow="0.5")))
    assert reading.spot["BTC"] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"BTC": coin("BTC", "NaN")},
        {"BTC": coin("BTC", "")},
        {"USDT": coin("USDT", "1,000")},
        {"BTC": coin("ETH", "1")},
        {"PEPE": coin("BTC", "1")},
    ],
    ids=["NaN", "nothing", "a comma", "another coin", "told twice"],
)
def test_a_wallet_that_does_not_tell_our_coins_plainly_is_not_believed(changes: dict[str, Any]) -> None:
    with pytest.raises(AskAgain):
        read(LINEAR, PEPE, wallet=with_coins(**changes))


def test_an_odd_row_of_a_coin_that_is_not_ours_spoils_nothing() -> None:
    reading = read(wallet=with_coins(MNT=coin("MNT", "NaN")))
    assert set(reading.spot) == {"BTC"}


def test_a_coin_that_one_answer_tells_as_nothing_and_another_as_held_is_not_believed() -> None:
    def body(params: Mapping[str, Any]) -> Any:
        amount = "0" if "coin" in params else "1.5"
        names = params.get("coin", "BTC").split(",")
        return told({"list": [wallet(*(coin(name, amount if name == "BTC" else "0") for name in names))]})

    with pytest.raises(AskAgain, match="as nothing, and as held"):
        read(wallet=body)


def test_a_coin_that_was_named_and_is_not_told_is_no_zero() -> None:
    with pytest.raises(AskAgain, match="does not tell BTC"):
        read(wallet=lambda _: told({"list": [wallet(COINS["USDT"], COINS["USDC"])]}))


def test_a_coin_besides_ours_that_goes_missing_is_asked_for_by_its_name() -> None:
    ours = [COINS[name] for name in ("BTC", "USDT", "USDC")]

    def tells(named: list[dict[str, Any]]) -> Body:
        return lambda params: told({"list": [wallet(*(named if "coin" in params else ours))]})

    async def scenario() -> tuple[list[Decimal | None], list[str]]:
        async with opened([LINEAR.symbol], stand=STAND) as desk:
            held = [(await desk.venue.read_account()).spot.get("MNT")]
            desk.fake.seen.clear()
            for named in ([*ours, COINS["MNT"]], ours):  # told by its name, and then by nobody
                desk.fake.answers["GET", WALLET] = answering(tells(named))
                held.append((await desk.venue.read_account()).spot.get("MNT"))
            return held, [seen.params["coin"] for seen in desk.fake.requests("GET", WALLET) if "coin" in seen.params]

    held, names = asyncio.run(scenario())
    assert names == ["BTC,MNT,USDC,USDT"] * 2
    assert held == [7, 7, None]


# --- positions -----------------------------------------------------------------------------------------------------


@proves(Ability.POSITIONS, Ability.LIQUIDATION_PRICE)
def test_a_recorded_row_is_a_signed_position_with_its_liquidation_price() -> None:
    row = of(read(), LINEAR)
    assert (row.quantity, row.contract_multiplier, row.underlying) == (Decimal("-0.500"), Decimal(1), "BTC")
    assert (row.entry_price, row.mark_price, row.leverage) == (Decimal("60000.1"), Decimal("60100.5"), Decimal(1))
    assert row.liquidation_price == Decimal("90000.1")


@proves(Ability.LIQUIDATION_PRICE)
def test_an_empty_liquidation_price_is_none() -> None:
    rows: Body = lambda params: listed(position("BTCUSDT", "0.5", liqPrice=""))  # noqa: E731
    lists = in_list(position("BTCUSDT", "0.5", liqPrice=""))
    reading = read(positions=lambda params: rows(params) if "symbol" in params else lists(params))
    assert of(reading, LINEAR).liquidation_price is None


@proves(Ability.POSITIONS)
def test_a_unit_of_a_thousand_coins_is_a_thousand_coins() -> None:
    held = position("1000PEPEUSDT", "5", "Buy")
    lists = in_list(held, position("BTCUSDT", "0.500"))
    reading = read(PEPE, positions=lambda p: listed(held) if p.get("symbol") == "1000PEPEUSDT" else lists(p))
    assert (of(reading, PEPE).quantity, of(reading, PEPE).delta) == (Decimal(5), Decimal(5_000))


@proves(Ability.POSITIONS)
def test_a_contract_is_flat_only_where_the_list_and_its_own_row_say_so() -> None:
    reading = read(USDC)
    assert of(reading, USDC).quantity == 0
    assert of(reading, LINEAR).quantity == Decimal("-0.500")  # of our coin, though it is not configured


@pytest.mark.parametrize(
    "positions",
    [
        in_list(),
        in_list(position("BTCUSDT", "0.4")),
        in_list(position("BTCUSDT", "0.500", "Buy")),
        in_list(position("BTCUSDT", "0.500", "None")),
        in_list(position("BTCUSDT", "0.500"), position("BTCUSDT", "0.500")),
        in_list(position("BTCUSDT", "NaN")),
        in_list(position("BTCUSDT", "-0.500")),
        in_list(position("BTCUSDT", "0.500"), position("NOBODY-KNOWS", "1")),
        lambda params: listed() if "symbol" in params else None,
        lambda params: listed(position("ETHUSDT", "0.500")) if "symbol" in params else None,
        lambda params: listed(position("BTCUSDT", "0.500"), position("BTCUSDT", "0")) if "symbol" in params else None,
    ],
    ids=[
        "an empty list", "another size", "another side", "no side", "twice", "NaN", "negative", "an unlisted contract",
        "no row of its own", "another's row", "two rows of one side",
    ],
)  # fmt: skip
def test_positions_that_do_not_fit_together_are_not_believed(positions: Body) -> None:
    with pytest.raises(AskAgain):
        read(positions=positions)


def test_an_odd_row_of_a_contract_on_another_coin_spoils_nothing() -> None:
    reading = read(positions=in_list(position("BTCUSDT", "0.500"), position("ETHUSDT", "NaN")))
    assert [row.id for row in reading.positions] == [LINEAR]


def read_with_a_new_one(listing: Body) -> AccountReading:
    """A reading in which a position is held in NEWUSDT, which `listing` may tell after the start."""
    held = position("BTCUSDT", "0.500"), position("NEWUSDT", "7")

    async def scenario() -> AccountReading:
        async with opened(stand=STAND) as desk:
            desk.fake.answers["GET", POSITIONS] = answering(in_list(*held))
            desk.fake.answers["GET", LISTING] = answering(listing)
            return await desk.venue.read_account()

    return asyncio.run(scenario())


@proves(Ability.POSITIONS)
@pytest.mark.parametrize("status", ["PreLaunch", "Delivering"])
def test_a_position_in_a_contract_that_does_not_trade_yet_or_no_more_is_known_and_spoils_nothing(status: str) -> None:
    """Unasked the venue lists what trades, and nothing else."""
    untraded = contract("NEWUSDT", "NEW", "USDT", "USDT", "LinearPerpetual", status=status)

    def listing(params: Mapping[str, Any]) -> Any:
        if "status" not in params:
            return None
        return listed(*([untraded] if (params["category"], params["status"]) == ("linear", status) else []))

    assert of(read_with_a_new_one(listing), InstrumentId("main", "NEW/USDT:USDT")).quantity == Decimal("-7")


@pytest.mark.parametrize("code", [10001, 10016, 10017])
def test_a_list_of_what_does_not_trade_that_the_venue_refuses_hides_nothing_that_does(code: int) -> None:
    """What is new since the start is learned all the same, whatever the venue says to that question."""
    new = contract("NEWUSDT", "NEW", "USDT", "USDT", "LinearPerpetual")

    def listing(params: Mapping[str, Any]) -> Any:
        if "status" in params:
            return refusal(code, "no such list")
        return listed(*linear_listing(), new) if params["category"] == "linear" else None

    assert of(read_with_a_new_one(listing), InstrumentId("main", "NEW/USDT:USDT")).quantity == Decimal("-7")


def test_margin_that_is_held_for_positions_which_no_list_shows_is_not_believed() -> None:
    held = with_coins(USDC=coin("USDC", "100", totalPositionMM="3"))
    with pytest.raises(AskAgain, match="maintenance margin is held in USDC"):
        read(wallet=held)


@proves(Ability.MODES)
def test_an_account_in_hedge_mode_is_told_as_such_and_its_sides_are_added_up() -> None:
    sides = [position("BTCUSDT", "0.700", "Buy", positionIdx=1), position("BTCUSDT", "0.200", "Sell", positionIdx=2)]
    lists = in_list(*sides)
    reading = read(positions=lambda params: listed(*sides) if "symbol" in params else lists(params))
    assert not reading.one_way
    assert of(reading, LINEAR).quantity == Decimal("0.500")


@proves(Ability.POSITIONS)
def test_positions_are_read_to_their_last_page() -> None:
    pages = {None: ("ETHUSDT", "a"), "a": ("1000PEPEUSDT", "b"), "b": ("BTCUSDT", "c")}

    def body(params: Mapping[str, Any]) -> Any:
        if "symbol" in params or params.get("settleCoin") != "USDT":
            return None
        name, cursor = pages.get(params.get("cursor"), (None, ""))
        size = "0.500" if name == "BTCUSDT" else "3"
        return listed(*([position(name, size)] if name else []), cursor=cursor)

    assert {row.id.symbol for row in read(PEPE, LINEAR, positions=lambda p: pepe(p) or body(p)).positions} == {
        "BTC/USDT:USDT",
        "1000PEPE/USDT:USDT",
        "ETH/USDT:USDT",
    }


def pepe(params: Mapping[str, Any]) -> Any:
    return listed(position("1000PEPEUSDT", "3")) if params.get("symbol") == "1000PEPEUSDT" else None


def test_a_cursor_that_repeats_is_no_end() -> None:
    def body(params: Mapping[str, Any]) -> Any:
        return None if "symbol" in params else listed(position("ETHUSDT", "1"), cursor="again")

    with pytest.raises(AskAgain, match="a cursor repeats"):
        read(positions=body)


# --- margin --------------------------------------------------------------------------------------------------------


@proves(Ability.EQUITY_AND_MARGIN)
def test_the_accounts_margin_is_the_venues_own_and_backs_inverse_contracts_in_their_coin() -> None:
    reading = read(INVERSE)
    assert reading.margin == Margin(
        equity=Decimal("18070.32797922"),
        maintenance_margin=Decimal("150.38106773"),
        initial_margin=Decimal("182.60183684"),
        available=Decimal("17887.72614237"),
    )
    in_coins = reading.coin_margins["BTC"]
    assert round(in_coins.equity * Decimal("60100.5"), 8) == reading.margin.equity
    assert round(in_coins.margin_ratio, 20) == round(reading.margin.margin_ratio, 20)


@proves(Ability.EQUITY_AND_MARGIN)
def test_in_isolated_margin_mode_the_account_is_not_read_and_the_reason_is_said() -> None:
    blank = {
        "totalMarginBalance": "",
        "totalMaintenanceMargin": "",
        "totalInitialMargin": "",
        "totalAvailableBalance": "",
    }
    with pytest.raises(AskAgain, match="isolated margin mode"):
        read(
            info=lambda _: told(ACCOUNT_INFO | {"marginMode": "ISOLATED_MARGIN"}),
            wallet=lambda params: told({"list": [wallet(*COINS.values(), **blank)]}),
        )


@pytest.mark.parametrize("rows", [[], [wallet(), wallet()], [wallet() | {"accountType": "CONTRACT"}]])
def test_an_answer_without_the_one_unified_account_is_not_believed(rows: list[Any]) -> None:
    with pytest.raises(AskAgain):
        read(wallet=lambda _: told({"list": rows}))


# --- orders and options --------------------------------------------------------------------------------------------


@proves(Ability.OPEN_ORDERS)
def test_open_orders_are_read_to_their_last_page_and_those_of_others_are_passed_over() -> None:
    def body(params: Mapping[str, Any]) -> Any:
        if "cursor" in params:
            return listed(order(orderId="two", orderLinkId="", orderStatus="PartiallyFilled", cumExecQty="0.001"))
        return listed(order(), order(symbol="ETHUSDT", orderId="odd", qty="NaN"), cursor="page_token%3D39380%26")

    reading = read(orders=body)
    assert [(row.venue_order_id[:3], row.client_order_id) for row in reading.open_orders] == [
        ("f5f", "hbot000100000199"),
        ("two", None),
    ]


def test_an_open_order_of_ours_that_is_odd_is_not_believed() -> None:
    with pytest.raises(AskAgain):
        read(orders=lambda _: listed(order(qty="NaN")))


def test_somebodys_conditional_order_without_a_price_is_told_as_open() -> None:
    rows = [order(orderStatus="Untriggered", orderType="Market", price="", qty="0", orderLinkId="")]
    (report,) = read(orders=lambda _: listed(*rows)).open_orders
    assert (report.price, report.quantity) == (Decimal(0), Decimal(0))
    assert report.ended_because is not RejectReason.POST_ONLY_WOULD_CROSS


@proves(Ability.OPTIONS)
def test_an_option_is_read_with_its_terms_and_the_venues_marks() -> None:
    reading = read(positions=in_list(position(OPTION, "0.5", "Sell", leverage=""), category="option", settle=None))
    (option,) = reading.options
    assert option.id.symbol == "BTC/USDT:USDT-261225-80000-C"
    assert (option.option_type, option.strike, option.expiry_at) == (OptionType.CALL, Decimal(80_000), DELIVERY)
    assert (option.quantity, option.coins, option.payoff) == (Decimal("-0.5"), Decimal("-0.5"), Payoff.LINEAR)
    assert (option.mark_price, option.mark_sigma) == (Decimal("2435.5"), Decimal("0.5567"))
    assert (option.forward_price, option.index_price) == (Decimal("60590.42"), Decimal("60099.1"))
    assert option.greeks == VenueGreeks(delta=0.21, gamma=0.00001, vega=44.2, theta=-21.5)
    assert reading.collateral["USDT"] == Decimal("1000.25")  # the premium is not in it


@pytest.mark.parametrize("row", [position(OPTION, "NaN"), position(OPTION, "1", "None")], ids=["NaN", "no side"])
def test_an_option_on_our_coin_that_is_odd_is_not_believed(row: dict[str, Any]) -> None:
    with pytest.raises(AskAgain):
        read(positions=in_list(row, category="option", settle=None))


def test_options_on_other_coins_are_passed_over_unread() -> None:
    odd = position("ETH-25DEC26-5000-C", "NaN")
    assert read(positions=in_list(odd, category="option", settle=None)).options == ()


def test_marks_of_another_option_are_not_believed() -> None:
    async def scenario() -> None:
        async with opened([LINEAR.symbol], stand=STAND) as desk:
            rows = in_list(position(OPTION, "1"), category="option", settle=None)
            desk.fake.answers["GET", POSITIONS] = answering(rows)
            body = told({"category": "option", "list": [option_ticker("BTC-25DEC26-90000-C-USDT")]})
            desk.fake.answers["GET", "/v5/market/tickers"] = body
            with pytest.raises(AskAgain):
                await desk.venue.read_account()

    asyncio.run(scenario())


def test_a_refused_question_fails_the_whole_reading() -> None:
    with pytest.raises(AskAgain):
        read(info=lambda _: refusal(10016))
