"""What we hold on WEEX: coins and not contracts, flat proven by two answers, one leg, and nothing odd believed."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from hedger.errors import AskAgain
from hedger.model.account import AccountReading, Margin, MarginMode, Position
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import plain
from hedger.model.order import Side
from hedger.venues.abilities import Ability
from tests.support.leave import let_go
from tests.support.stand import OUR_ID, proves
from tests.support.stands.weex import (
    BALANCE,
    BTC,
    CONFIG,
    LISTING,
    OPEN,
    ORDER,
    POSITION,
    POSITIONS,
    SPOT_ACCOUNT,
    STAND,
    config,
    contract,
    position,
    record,
    wallet,
)
from tests.support.wire_server import Seen
from tests.support.wire_venue import opened

NOTHING = {("GET", POSITIONS): [], ("GET", BALANCE): [wallet(unrealizePnl="0")], ("GET", OPEN): []}
PEPE = InstrumentId("main", "1000PEPE/USDT:USDT")


def read(answers: dict[tuple[str, str], Any] | None = None, *symbols: str) -> tuple[AccountReading, list[Seen]]:
    """A reading where some questions are answered otherwise, and the requests that it took."""

    async def scenario() -> tuple[AccountReading, list[Seen]]:
        async with opened(symbols or [BTC.symbol], stand=STAND) as desk:
            desk.fake.answers |= answers or {}
            return await desk.venue.read_account(), list(desk.fake.seen)

    return asyncio.run(scenario())


def held(*rows: Any, profit: str = "0") -> dict[tuple[str, str], Any]:
    return {("GET", POSITIONS): list(rows), ("GET", BALANCE): [wallet(unrealizePnl=profit)], ("GET", OPEN): []}


def of(reading: AccountReading, symbol: str = BTC.symbol) -> Position:
    return next(row for row in reading.positions if row.id.symbol == symbol)


@proves(Ability.POSITIONS, Ability.LIQUIDATION_PRICE)
def test_a_short_is_negative_coins_with_its_mark_and_its_liquidation_price() -> None:
    reading, _ = read()
    assert of(reading) == Position(
        id=BTC,
        underlying="BTC",
        quantity=Decimal("-0.5"),
        contract_multiplier=Decimal(1),
        entry_price=Decimal(60_000),
        mark_price=Decimal(60_100),
        liquidation_price=Decimal("118000.2"),
        leverage=Decimal(1),
        margin_mode=MarginMode.CROSS,
    )
    assert reading.one_way


@proves(Ability.POSITIONS)
@pytest.mark.parametrize(
    ("size", "value", "profit", "margin", "entry", "mark"),
    [
        ("0.0005", "40.30", "0", "40.30", "80600", "80600"),  # a live capture of others
        ("0.020000", "1801.0670000", "-85.5690000", "17.154980", "90053.35", "85774.9"),  # the documentation's row
        ("300", "27.96900", "0.00600", "100", "0.09323", "0.09325"),  # recorded in the client's source
    ],
    ids=["captured", "documented", "recorded"],
)
def test_a_size_is_coins_and_not_lots_of_its_contract_value(
    size: str, value: str, profit: str, margin: str, entry: str, mark: str
) -> None:
    row = position(side="LONG", size=size, openValue=value, unrealizePnl=profit, marginSize=margin, liquidatePrice="0")
    reading, _ = read(held(row, profit=profit))
    found = of(reading)
    assert found.delta == Decimal(size)
    assert (found.entry_price, found.mark_price) == (Decimal(entry), Decimal(mark))
    assert found.delta * found.entry_price == Decimal(value)  # a thousandth of it, if it were lots
    assert found.liquidation_price is None


@proves(Ability.POSITIONS)
def test_an_order_for_all_that_is_held_has_the_very_number_of_the_position() -> None:
    """So a position's unit is the order's: what the client calls contractSize stands in neither."""

    async def scenario() -> tuple[Decimal, Any, Decimal]:
        async with opened([BTC.symbol], stand=STAND) as desk:
            desk.fake.answers["GET", OPEN] = []
            quantity = -of(await desk.venue.read_account()).quantity
            order = STAND.order(side=Side.BUY, quantity=quantity)
            await desk.venue.place(order, let_go)
            return quantity, desk.fake.requests("POST", ORDER)[0].params, desk.instruments[0].lot_size

    quantity, sent, lot = asyncio.run(scenario())
    assert sent["quantity"] == plain(quantity) == "0.5"
    assert quantity == Decimal(position()["size"])
    assert lot == Decimal(contract()["contractVal"])  # which is only the step of a quantity


@proves(Ability.POSITIONS)
def test_a_contract_on_a_thousand_coins_counts_a_thousand() -> None:
    row = position("1000PEPEUSDT", size="20", openValue="0.20", unrealizePnl="0", marginSize="0.20")
    reading, _ = read(held(row))
    pepe = of(reading, PEPE.symbol)
    assert (pepe.underlying, pepe.quantity, pepe.delta) == ("PEPE", Decimal(-20), Decimal(-20_000))
    assert of(reading).quantity == 0


@proves(Ability.POSITIONS)
def test_flat_is_told_by_a_second_question_and_with_the_settings_of_the_contract() -> None:
    reading, seen = read(held())
    flat = of(reading)
    assert (flat.quantity, flat.leverage, flat.margin_mode) == (Decimal(0), Decimal(1), MarginMode.CROSS)
    assert [one.query for one in seen if one.path == POSITION] == ["symbol=BTCUSDT"]
    explicit, _ = read(held(position(size="0", openValue="0", unrealizePnl="0", marginSize="0")))
    assert of(explicit).quantity == 0


@proves(Ability.POSITIONS)
@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (NOTHING | {("GET", POSITION): [position()]}, "flat in one list"),
        (NOTHING | {("GET", POSITION): [position("ETHUSDT", size="0")]}, "flat in one list"),
        (NOTHING | {("GET", BALANCE): [wallet(unrealizePnl="-50")]}, "an unrealised profit of -50"),
        (NOTHING | {("GET", BALANCE): [wallet(unrealizePnl="0.01")]}, "an unrealised profit of 0.01"),
        (held(position(), profit="5000"), "an unrealised profit of 5000"),
    ],
)
def test_flat_is_not_believed_where_another_answer_contradicts_it(
    answers: dict[tuple[str, str], Any], words: str
) -> None:
    with pytest.raises(AskAgain, match=words):
        read(answers)


@proves(Ability.MODES)
def test_both_legs_at_once_are_netted_and_are_not_one_way() -> None:
    reading, _ = read(
        held(position(), position(side="LONG", size="0.2000", openValue="12000", unrealizePnl="20"), profit="-30")
    )
    assert of(reading).quantity == Decimal("-0.3")
    assert not reading.one_way


@proves(Ability.MODES)
@pytest.mark.parametrize(
    "answers",
    [
        held(position(separatedMode="SEPARATED"), profit="-50"),
        {("GET", CONFIG): [config(separatedType="SEPARATED")]},
        held(position(separatedMode="SEPARATED"), position(separatedMode="SEPARATED"), profit="-100"),
    ],
    ids=["a position", "a setting", "two positions"],
)
def test_separate_positions_are_not_one_way(answers: dict[tuple[str, str], Any]) -> None:
    async def scenario() -> AccountReading:
        async with opened([BTC.symbol], stand=STAND) as desk:
            desk.fake.answers |= answers
            return await desk.venue.read_account()

    assert not asyncio.run(scenario()).one_way


@proves(Ability.EQUITY_AND_MARGIN)
def test_equity_counts_profit_once_and_maintenance_is_a_tenth_of_what_is_held() -> None:
    reading, _ = read()
    assert reading.collateral == {"USDT": Decimal("40000.5")}
    assert reading.unrealized == {"USDT": Decimal(-50)}
    assert reading.equity("USDT") == reading.margin.equity
    assert reading.margin == Margin(
        equity=Decimal("39950.5"),
        maintenance_margin=Decimal(3005),
        initial_margin=Decimal(30050),
        available=Decimal("9900.25"),
    )


@proves(Ability.EQUITY_AND_MARGIN)
def test_a_row_of_others_that_is_odd_cannot_make_the_margin_look_better() -> None:
    odd = position("ETHUSDT", size="many")
    reading, _ = read({("GET", POSITIONS): [position(), odd]})
    assert of(reading).quantity == Decimal("-0.5")
    assert reading.margin.maintenance_margin == Decimal("39950.5") - Decimal("9900.25")


@pytest.mark.parametrize(
    "changes",
    [
        {"size": "NaN"},
        {"size": "-0.5"},
        {"size": 0.5e25},
        {"side": "BOTH"},
        {"side": None},
        {"separatedMode": "OTHER"},
        {"openValue": "0", "unrealizePnl": "0"},
        {"unrealizePnl": "30000"},
        {"unrealizePnl": None},
        {"leverage": "0"},
        {"marginType": "SHARED"},
    ],
)
def test_an_odd_row_of_ours_is_never_a_position_and_never_flat(changes: dict[str, Any]) -> None:
    with pytest.raises(AskAgain):
        read({("GET", POSITIONS): [position(**changes)]})


def test_a_leg_listed_twice_and_a_contract_that_nobody_knows_are_not_believed() -> None:
    with pytest.raises(AskAgain, match="listed twice"):
        read(held(position(), position(), profit="-100"))
    with pytest.raises(AskAgain, match="NOPEUSDT"):
        read(held(position("NOPEUSDT"), profit="-50"))


def test_a_contract_listed_since_the_start_is_learned_of() -> None:
    answers = held(position("NEWUSDT"), profit="-50")
    answers["GET", LISTING] = {"symbols": [contract(), contract("NEWUSDT")]}
    reading, _ = read(answers)
    assert of(reading, "NEW/USDT:USDT").quantity == Decimal("-0.5")


def test_the_contracts_wallet_must_tell_its_money_once_and_in_numbers() -> None:
    for rows in (
        [],
        [wallet(), wallet()],
        [wallet(balance="1e400")],
        [wallet(unrealizePnl=None)],
        [wallet(asset="BTC")],
    ):
        with pytest.raises(AskAgain, match="contracts wallet"):
            read({("GET", BALANCE): rows})


@proves(Ability.SPOT_BALANCES)
def test_coins_are_counted_free_and_locked_and_other_odd_rows_do_not_matter() -> None:
    rows = [
        {"asset": "BTC", "free": "1.25", "locked": "0.25000001"},
        {"asset": "1000SATS", "free": "5", "locked": "0"},
        {"asset": "ODD", "free": "many", "locked": "0"},
    ]
    reading, _ = read({("GET", SPOT_ACCOUNT): {"balances": rows}})
    assert reading.spot == {"BTC": Decimal("1.50000001"), "SATS": Decimal(5_000)}


@proves(Ability.SPOT_BALANCES)
def test_a_coin_that_two_lists_do_without_is_none_and_one_that_was_held_is_not_so_at_once() -> None:
    none, seen = read({("GET", SPOT_ACCOUNT): {"balances": []}})
    assert none.spot == {"BTC": Decimal(0)}
    assert len([one for one in seen if one.path == SPOT_ACCOUNT]) == 2

    async def scenario() -> None:
        async with opened([BTC.symbol], stand=STAND) as desk:
            await desk.venue.read_account()
            desk.fake.answers["GET", SPOT_ACCOUNT] = {"balances": []}
            with pytest.raises(AskAgain, match="not believed at once"):
                await desk.venue.read_account()

    asyncio.run(scenario())


@pytest.mark.parametrize("free", ["-1", "NaN", None, "Infinity"])
def test_an_odd_balance_of_a_coin_of_ours_is_not_believed(free: Any) -> None:
    with pytest.raises(AskAgain, match="spot wallet"):
        read({("GET", SPOT_ACCOUNT): {"balances": [{"asset": "BTC", "free": free, "locked": "0"}]}})


def _paged(pages: list[list[Any]]) -> Any:
    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        number = int(seen.params["page"])
        return web.json_response(pages[number] if number < len(pages) else [])

    return answer


@proves(Ability.OPEN_ORDERS)
def test_a_full_page_of_open_orders_is_followed_and_those_of_other_contracts_are_left_out() -> None:
    full = [record(orderId=n, clientOrderId=f"web-{n}", timeInForce="GTC") for n in range(1, 101)]
    others = [record(orderId=900, symbol="ETHUSDT", origQty="odd"), record(orderId=901)]
    reading, seen = read({("GET", OPEN): _paged([full, others])})
    assert len(reading.open_orders) == 101
    assert reading.open_orders[-1].client_order_id == OUR_ID
    pages = [one.query for one in seen if one.path == OPEN]
    assert pages == ["limit=100&page=0", "limit=100&page=1"] * 2, "what takes two pages is read twice"


@proves(Ability.OPEN_ORDERS)
def test_a_page_that_repeats_or_an_odd_order_of_ours_is_not_believed() -> None:
    full = [record(orderId=n, clientOrderId=f"web-{n}") for n in range(1, 101)]
    with pytest.raises(AskAgain, match="an order is listed twice"):
        read({("GET", OPEN): full})
    with pytest.raises(AskAgain):
        read({("GET", OPEN): [record(origQty="many")]})


@proves(Ability.REDUCE_ONLY)
def test_open_orders_are_read_before_positions_so_that_a_fill_in_between_is_in_one_of_them() -> None:
    _, seen = read()
    paths = [one.path for one in seen]
    assert paths.index(OPEN) < paths.index(POSITIONS)
