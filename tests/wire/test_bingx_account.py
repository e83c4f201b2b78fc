"""BingX's account on the wire: exact numbers, contracts told from coins, and nothing read as flat without a proof."""

import asyncio
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from hedger.errors import AskAgain, GiveUp
from hedger.model.account import AccountReading, MarginMode, Position
from hedger.model.instrument import Payoff
from hedger.model.order import ReportStatus
from hedger.venues.abilities import Ability
from hedger.venues.account import VenueAccount
from tests.support.stand import proves
from tests.support.stands.bingx import (
    BALANCE,
    COIN_BALANCE,
    COIN_POSITIONS,
    COINS,
    OPEN,
    POSITIONS,
    SPOT,
    STAND,
    SWAP,
    coin_position,
    coin_record,
    coin_wallet,
    linear_contract,
    ok,
    position,
    quick,
    record,
    said,
    wallet,
)
from tests.support.wire_server import Answer, Seen, plain_answer
from tests.support.wire_venue import Desk, WireClock, opened

BOTH = ("BTC/USDT:USDT", "1000PEPE/USDT:USDT", "SOL/USD:SOL")
SPOT_WALLET = f"{SPOT}/account/balance"
LISTING = f"{SWAP}/v2/quote/contracts"
Answers = Mapping[str, Answer]


def read(answers: Answers, symbols: tuple[str, ...] = BOTH, environment: str | None = None) -> AccountReading:
    async def scenario() -> AccountReading:
        async with opened(symbols, stand=STAND, environment=environment, **quick()) as desk:
            set_all(desk, answers)
            return await desk.venue.read_account()

    return asyncio.run(scenario())


def set_all(desk: Desk, answers: Answers) -> None:
    for path, answer in answers.items():
        desk.fake.answers["GET", path] = answer


def refused(answers: Answers, symbols: tuple[str, ...] = BOTH) -> str:
    with pytest.raises(AskAgain) as raised:
        read(answers, symbols)
    return str(raised.value)


def row(reading: AccountReading, symbol: str) -> Position:
    (found,) = [position for position in reading.positions if position.id.symbol == symbol]
    return found


def flat_wallet(**changes: Any) -> dict[str, Any]:
    return wallet(unrealizedProfit="0", equity="40000.5", usedMargin="0", availableMargin="40000.5") | changes


@proves(Ability.SPOT_BALANCES, Ability.OPEN_ORDERS, Ability.LIQUIDATION_PRICE)
def test_an_account_is_read_whole_and_each_book_in_its_own_units() -> None:
    reading = read({})
    assert {coin: reading.spot[coin] for coin in ("BTC", "SOL", "PEPE")} == {
        "BTC": Decimal("1.50000001"),
        "SOL": Decimal(10),
        "PEPE": Decimal(0),
    }
    short, flat, coin = reading.positions
    assert (short.id.symbol, short.quantity, short.delta) == ("BTC/USDT:USDT", Decimal("-0.5"), Decimal("-0.5"))
    assert (short.liquidation_price, short.margin_mode) == (Decimal("118000.25"), MarginMode.CROSS)
    assert (flat.id.symbol, flat.quantity, flat.underlying) == ("1000PEPE/USDT:USDT", Decimal(0), "PEPE")
    assert (coin.payoff, coin.quantity, coin.contract_multiplier) == (Payoff.INVERSE, Decimal(3), Decimal(10))
    assert [(o.id.symbol, o.quantity, o.status) for o in reading.open_orders] == [
        ("BTC/USDT:USDT", Decimal("0.0020"), ReportStatus.WORKING),
        ("SOL/USD:SOL", Decimal(2), ReportStatus.WORKING),
    ]
    assert reading.one_way


@proves(Ability.POSITIONS)
def test_the_recorded_position_of_a_coin_contract_is_so_many_contracts_and_so_many_coins() -> None:
    # As it stands in the client's source: one contract of SOL-USD, of ten dollars, at a mark of 158.402.
    golden = {
        "symbol": "SOL-USD", "positionId": "1813080351385337856", "positionSide": "LONG", "isolated": False,
        "positionAmt": "1", "availableAmt": "1", "unrealizedProfit": "-0.00009074", "initialMargin": "0.00630398",
        "liquidationPrice": 23.968303426677032, "avgPrice": "158.63", "leverage": 10, "markPrice": "158.402",
        "riskRate": "0.00123783", "maxMarginReduction": "0", "updateTime": 1721107015848,
    }  # fmt: skip
    money = {
        "asset": "SOL", "balance": "0.35707951", "equity": "0.35791051", "unrealizedProfit": "0.00083099",
        "availableMargin": "0.35160653", "usedMargin": "0.00630397", "freezedMargin": "0", "shortUid": "12851936",
    }  # fmt: skip
    answers = {COIN_POSITIONS: ok([golden]), COIN_BALANCE: ok([money])}
    reading = read(answers, ("SOL/USD:SOL",))
    held = row(reading, "SOL/USD:SOL")
    assert (held.quantity, held.delta, held.leverage) == (Decimal(1), Decimal(10) / Decimal("158.402"), Decimal(10))
    margin = reading.coin_margins["SOL"]
    assert margin.equity == Decimal("0.35791051")
    assert margin.margin_ratio == Decimal("0.00123783")


@proves(Ability.POSITIONS)
def test_the_recorded_position_of_a_linear_contract_is_in_coins_and_has_no_liquidation_price() -> None:
    golden = {
        "positionId": "1792480725958881280", "symbol": "BTC-USDT", "currency": "USDT", "positionAmt": "0.1",
        "availableAmt": "0.1", "positionSide": "LONG", "isolated": False, "avgPrice": "83.53",
        "initialMargin": "1.3922", "margin": "0.3528", "leverage": 6, "unrealizedProfit": "-1.0393",
        "realisedProfit": "-0.2119", "liquidationPrice": 0, "pnlRatio": "-0.7465", "maxMarginReduction": "0.0000",
        "riskRate": "0.0008", "markPrice": "73.14", "positionValue": "7.3136", "onlyOnePosition": True,
        "updateTime": 1721088016688,
    }  # fmt: skip
    money = wallet(balance="194.8212", equity="196.7431", unrealizedProfit="1.9219", usedMargin="1.0602")
    reading = read({POSITIONS: ok([golden]), BALANCE: ok([money])}, ("BTC/USDT:USDT",))
    held = row(reading, "BTC/USDT:USDT")
    assert (held.quantity, held.liquidation_price, held.leverage) == (Decimal("0.1"), None, Decimal(6))
    assert reading.margin.equity == Decimal("196.7431")
    assert reading.margin.initial_margin == Decimal("1.0602")


def test_a_coin_is_counted_once_whatever_wallets_it_lies_in() -> None:
    reading = read({})
    # 10 in the spot wallet, and in the COIN-M wallet its balance and what its contracts gained: the venue's own equity.
    assert reading.spot["SOL"] == Decimal(10)
    assert reading.equity("SOL") == Decimal("2.35698877")
    assert reading.collateral == {"USDT": Decimal("40000.5"), "SOL": Decimal("2.35707951")}
    assert reading.equity("USDT") == Decimal("39950.5")
    assert set(reading.coin_margins) == {"SOL"}


@pytest.mark.parametrize(
    "changes",
    [
        {POSITIONS: ok([position(positionSide="BOTH", markPrice="61000", unrealizedProfit="-500")])},
        {POSITIONS: ok([position(positionSide="LONG", markPrice="61000", unrealizedProfit="-500")])},
        {COIN_POSITIONS: ok([coin_position(positionSide="BOTH", markPrice="150", unrealizedProfit="0.01")])},
    ],
    ids=["a short told without its sign", "the other side", "a coin contract"],
)
def test_a_side_that_the_profit_contradicts_is_not_believed(changes: Answers) -> None:
    assert "is not understood" in refused(changes)


def test_a_signed_quantity_of_both_sides_is_that_quantity() -> None:
    short = position(positionSide="BOTH", positionAmt="-0.5", markPrice="61000", unrealizedProfit="-500")
    assert row(read({POSITIONS: ok([short])}), "BTC/USDT:USDT").quantity == Decimal("-0.5")


@proves(Ability.POSITIONS)
def test_a_missing_row_is_flat_only_where_the_wallet_uses_no_margin() -> None:
    assert "that no list shows" in refused({POSITIONS: ok([])})
    flat = read({POSITIONS: ok([]), BALANCE: ok([flat_wallet()])})
    assert row(flat, "BTC/USDT:USDT").quantity == 0
    assert "that no list shows" in refused({COIN_POSITIONS: ok([])})


def test_one_of_two_positions_that_goes_missing_is_noticed() -> None:
    # The margin of ETH is used, and its row is not there.
    assert "that no list shows" in refused({BALANCE: ok([wallet(usedMargin="50000")])})


def test_a_position_whose_row_is_missing_is_noticed_though_the_margin_of_another_would_hide_it() -> None:
    # Bitcoin has risen by a tenth since it was sold. The wallet goes by its entry, and uses 2,900 for the other one.
    risen = position(markPrice="66000", unrealizedProfit="-3000", liquidationPrice="118000")
    hidden = position("1000PEPE-USDT", positionAmt="290000", avgPrice="0.01", markPrice="0.01", initialMargin="2900")

    async def listed(request: Any, seen: Seen) -> Any:
        rows = {None: [risen], "1000PEPE-USDT": [hidden]}[seen.params.get("symbol")]
        return await plain_answer(200, json.dumps(ok(rows)))(request, seen)

    answers = {POSITIONS: listed, BALANCE: ok([wallet(usedMargin="32900")])}
    assert "1000PEPE-USDT is flat in one list of positions, and not in another" in refused(answers)


def test_a_question_about_one_contract_that_the_venue_refuses_does_not_prove_it_flat() -> None:
    async def listed(request: Any, seen: Seen) -> Any:
        rows = ok([position()]) if seen.params.get("symbol") is None else said(109400, "timestamp is invalid")
        return await plain_answer(200, json.dumps(rows))(request, seen)

    assert "the venue does not know 1000PEPE-USDT" in refused({POSITIONS: listed})


MANY = tuple(f"C{number}" for number in range(24))


def asked_alone(desk: Desk) -> list[str]:
    return [seen.params["symbol"] for seen in desk.fake.requests("GET", POSITIONS) if "symbol" in seen.params]


def test_an_account_of_many_contracts_asks_about_a_few_of_them_in_turn_and_at_once_about_one_that_was_held() -> None:
    async def scenario() -> None:
        how = quick(60.0)
        how["fake"].answers["GET", LISTING] = ok([linear_contract(f"{coin}-USDT") for coin in ("BTC", *MANY)])
        symbols = [f"{coin}/USDT:USDT" for coin in ("BTC", *MANY)]
        async with opened(symbols, stand=STAND, **how) as desk:
            held, shown = False, False
            small = position("C9-USDT", positionAmt="0.001", initialMargin="60")

            async def listed(request: Any, seen: Seen) -> Any:
                rows = {None: [position(), small] if shown else [position()], "C9-USDT": [small] if held else []}
                return await plain_answer(200, json.dumps(ok(rows.get(seen.params.get("symbol"), []))))(request, seen)

            coins = [{"asset": coin, "free": "0", "locked": "0"} for coin in ("BTC", *MANY)]
            set_all(desk, {POSITIONS: listed, SPOT_WALLET: ok({"balances": coins})})
            rounds = []
            for holds in (False, False, True):
                held = shown = holds
                before = len(asked_alone(desk))
                await desk.venue.read_account()
                rounds.append(asked_alone(desk)[before:])
            names = [f"{coin}-USDT" for coin in MANY]
            assert [set(asked) for asked in rounds] == [set(names), set(names[:10]), set(names[10:20])]
            assert [len(asked) for asked in rounds] == [24, 10, 10]
            shown = False  # its sixty dollars are less than what the margin of the other one may differ by
            with pytest.raises(AskAgain, match="C9-USDT is flat in one list of positions"):
                await desk.venue.read_account()

    asyncio.run(scenario())


def test_margin_that_orders_hold_is_not_taken_for_a_position() -> None:
    held = flat_wallet(usedMargin="120.0002", availableMargin="39880")
    reading = read({POSITIONS: ok([]), BALANCE: ok([held])})
    assert row(reading, "BTC/USDT:USDT").quantity == 0
    apart = flat_wallet(usedMargin="120.0002", freezedMargin="120.0002")
    assert "that no list shows" in refused({POSITIONS: ok([]), BALANCE: ok([apart])})


def test_a_flat_coin_contract_has_a_mark_and_an_explicit_zero() -> None:
    empty = coin_wallet(unrealizedProfit="0", equity="2.35707951", usedMargin="0")
    reading = read({COIN_POSITIONS: ok([]), COIN_BALANCE: ok([empty])})
    flat = row(reading, "SOL/USD:SOL")
    assert (flat.quantity, flat.mark_price, flat.delta) == (Decimal(0), Decimal("158.40"), Decimal(0))


def test_a_long_and_a_short_row_are_netted_and_are_not_one_way() -> None:
    both = [position(positionAmt="0.5"), position(positionSide="LONG", positionAmt="0.2", initialMargin="12000")]
    reading = read({POSITIONS: ok(both), BALANCE: ok([wallet(usedMargin="42000")])})
    assert row(reading, "BTC/USDT:USDT").quantity == Decimal("-0.3")
    assert not reading.one_way


@pytest.mark.parametrize(
    "answers",
    [
        {POSITIONS: ok([position(positionAmt="NaN")])},
        {POSITIONS: ok([position(positionSide="UP")])},
        {POSITIONS: ok([position(positionSide="LONG", positionAmt="-1")])},
        {POSITIONS: ok([position(), position()])},
        {POSITIONS: ok([position(), position(positionSide="BOTH", positionAmt="-0.5")])},
        {POSITIONS: ok([position(positionSide="BOTH", positionAmt="-0.5"), position()])},
        {POSITIONS: ok([position(markPrice="0")])},
        {POSITIONS: ok([position("NEW-USDT")])},
        {POSITIONS: ok(None)},
        {POSITIONS: ok({})},
        {POSITIONS: {"code": 0, "msg": ""}},
        {BALANCE: ok([])},
        {BALANCE: ok([wallet("USDC")])},
        {BALANCE: ok([wallet(), wallet()])},
        {BALANCE: ok([wallet(equity="")])},
        {OPEN: ok({"orders": None})},
        {OPEN: ok({"orders": [record(origQty="")]})},
        {OPEN: ok({"orders": [record(executedQty="0.003")]})},
        {OPEN: ok({"orders": [record(), record()]})},
        {OPEN: ok({"orders": [record(time=1_790_000_000)]})},
        {COIN_POSITIONS: ok([coin_position(riskRate="")])},
        {COIN_BALANCE: ok([])},
        {f"{COINS}/trade/openOrders": ok({"orders": [coin_record(quantity="", origQty="2")]})},
        {f"{SWAP}/v1/positionSide/dual": ok({"dualSidePosition": "maybe"})},
        {f"{SWAP}/v1/maintMarginRatio": ok([])},
        {f"{SWAP}/v2/trade/leverage": ok({"longLeverage": 0, "shortLeverage": 1})},
        {f"{SWAP}/v2/trade/marginType": ok({"marginType": "SEPARATE_ISOLATED"})},
        {SPOT_WALLET: ok({"balances": [{"asset": "BTC", "free": "-1", "locked": "0"}]})},
        {SPOT_WALLET: ok({"balances": None})},
    ],
    ids=lambda answers: next(iter(answers)).rpartition("/")[2],
)
def test_an_odd_part_that_concerns_us_is_no_reading(answers: Answers) -> None:
    refused(answers)


def test_odd_rows_that_concern_nobody_do_not_hide_the_others() -> None:
    answers = {
        POSITIONS: ok([position(), position("ETH-USDT", positionAmt="?")]),
        BALANCE: ok([{"asset": ""}, {"asset": None}, wallet(), {"asset": "USDC", "balance": "?"}]),
        OPEN: ok({"orders": [record(), record(symbol="ETH-USDT", price="?")]}),
        SPOT_WALLET: ok({"balances": [*spot_rows(), {"asset": "DOGE", "free": "?", "locked": "0"}]}),
    }
    reading = read(answers)
    assert row(reading, "BTC/USDT:USDT").quantity == Decimal("-0.5")
    assert "DOGE" not in reading.spot
    # What the odd row needs is not known, so all the margin in use counts.
    assert reading.margin.maintenance_margin == Decimal(30000)


def test_an_odd_row_of_others_does_not_prove_ours_flat() -> None:
    odd = position("ETH-USDT", positionAmt="?")
    assert "that no list shows" in refused({POSITIONS: ok([odd])}, ("BTC/USDT:USDT",))
    reading = read({POSITIONS: ok([position(), odd]), BALANCE: ok([wallet(usedMargin="50000")])}, ("BTC/USDT:USDT",))
    assert row(reading, "BTC/USDT:USDT").quantity == Decimal("-0.5")


def spot_rows() -> list[dict[str, str]]:
    return [{"asset": coin, "free": "1", "locked": "0"} for coin in ("BTC", "SOL", "PEPE")]


def in_turn(*bodies: Any) -> Answer:
    """These bodies one after the other, and the last one ever after."""
    left = list(bodies)

    async def answer(request: Any, seen: Seen) -> Any:
        return await plain_answer(200, json.dumps(left.pop(0) if len(left) > 1 else left[0]))(request, seen)

    return answer


@proves(Ability.SPOT_BALANCES)
def test_a_coin_that_is_not_listed_is_none_only_where_two_lists_agree() -> None:
    without = ok({"balances": spot_rows()[1:]})
    assert read({SPOT_WALLET: without}).spot["BTC"] == 0
    whole = ok({"balances": spot_rows()})
    assert "name other coins" in refused({SPOT_WALLET: in_turn(*[without, whole] * 3)})


def test_a_coin_that_the_client_renames_is_counted_by_the_name_that_its_contract_has() -> None:
    # The asset TRUMP is another coin than that of TRUMPSOL-USDT, which the client calls TRUMP.
    rows = [{"asset": asset, "free": free, "locked": "0"} for asset, free in (("TRUMP", "7"), ("TRUMPSOL", "3"))]
    listing = {("GET", LISTING): ok([linear_contract("BTC-USDT"), linear_contract("TRUMPSOL-USDT")])}

    async def scenario() -> AccountReading:
        how = quick()
        how["fake"].answers |= listing
        async with opened(("BTC/USDT:USDT", "TRUMP/USDT:USDT"), stand=STAND, **how) as desk:
            set_all(desk, {SPOT_WALLET: ok({"balances": [*spot_rows(), *rows]})})
            return await desk.venue.read_account()

    reading = asyncio.run(scenario())
    assert (reading.spot["TRUMP"], reading.spot["TRUMPMAGA"]) == (Decimal(3), Decimal(7))


def test_a_coin_that_was_held_is_believed_gone_only_after_half_a_minute() -> None:
    clock = WireClock()

    async def scenario() -> tuple[str, Decimal]:
        async with opened(BOTH, stand=STAND, clock=clock) as desk:
            desk.fake.judges_age = False
            await desk.venue.read_account()
            desk.fake.answers["GET", SPOT_WALLET] = ok({"balances": spot_rows()[1:]})
            with pytest.raises(AskAgain) as raised:
                await desk.venue.read_account()
            clock.stand_still(-31_000)
            return str(raised.value), (await desk.venue.read_account()).spot["BTC"]

    told, quantity = asyncio.run(scenario())
    assert "held BTC and does not list it" in told
    assert quantity == 0


def test_a_wallet_without_a_row_is_believed_empty_only_after_half_a_minute_also_at_the_start() -> None:
    clock = WireClock()

    async def scenario() -> tuple[str, Decimal]:
        fake = STAND.fake()
        fake.answers["GET", SPOT_WALLET] = ok({"balances": []})
        async with opened(BOTH, stand=STAND, clock=clock, fake=fake) as desk:
            desk.fake.judges_age = False
            with pytest.raises(AskAgain) as raised:
                await desk.venue.read_account()
            clock.stand_still(-31_000)
            return str(raised.value), (await desk.venue.read_account()).spot["BTC"]

    told, quantity = asyncio.run(scenario())
    assert "lists nothing at all" in told
    assert quantity == 0


def test_what_is_set_for_idle_contracts_is_asked_for_sparingly_and_again_later() -> None:
    async def scenario() -> list[int]:
        how = quick()
        async with opened(("1000PEPE/USDT:USDT", "ETH/USDT:USDT"), stand=STAND, **how) as desk:
            desk.fake.answers["GET", POSITIONS] = ok([])
            desk.fake.answers["GET", BALANCE] = ok([flat_wallet()])
            counts = []
            for passed_ms in (0, 1_000, 25_000):
                how["clock"].stand_still(-passed_ms)
                await desk.venue.read_account()
                counts.append(len(desk.fake.requests("GET", f"{SWAP}/v2/trade/marginType")))
            return counts

    assert asyncio.run(scenario()) == [2, 2, 3]


def test_no_mode_of_the_account_is_asked_for_more_often_than_the_venue_allows() -> None:
    async def scenario() -> int:
        how = quick(5.0)
        async with opened(("BTC/USDT:USDT",), stand=STAND, **how) as desk:
            clock: WireClock = how["clock"]
            begun = clock.now_ms()
            for _ in range(3):
                await desk.venue.read_account()
            assert len(desk.fake.requests("GET", f"{SWAP}/v1/positionSide/dual")) == 3
            return clock.now_ms() - begun

    assert asyncio.run(scenario()) > 1_000


def test_an_account_with_one_book_is_asked_about_that_book_only() -> None:
    async def scenario(symbol: str) -> list[str]:
        async with opened([symbol], stand=STAND) as desk:
            await desk.venue.read_account()
            return [seen.path for seen in desk.fake.seen]

    assert not any("/cswap/" in path for path in asyncio.run(scenario("BTC/USDT:USDT")))
    assert not any("/swap/" in path for path in asyncio.run(scenario("SOL/USD:SOL")))


@proves(Ability.TEST_ENVIRONMENT)
def test_the_play_money_of_simulated_trading_counts_as_usdt() -> None:
    reading = read({BALANCE: ok([wallet("VST")])}, ("BTC/USDT:USDT",), "testnet")
    assert reading.collateral == {"USDT": Decimal("40000.5")}
    assert reading.spot == {"BTC": Decimal(0)}
    both = {BALANCE: ok([wallet("VST"), wallet("USDT")])}
    with pytest.raises(AskAgain, match="lists USDT twice"):
        read(both, ("BTC/USDT:USDT",), "testnet")


@proves(Ability.TRANSFER)
def test_money_moves_between_spot_and_the_wallet_of_its_own_contracts() -> None:
    path = "/openApi/api/asset/v1/transfer"

    async def scenario() -> list[tuple[str, ...]]:
        async with opened(BOTH, stand=STAND) as desk:
            venue = desk.venue
            assert isinstance(venue, VenueAccount)
            await venue.transfer("USDT", Decimal("5.50"), to_contracts=True)
            await venue.transfer("SOL", Decimal("0.00001"), to_contracts=False)
            with pytest.raises(GiveUp, match="no contract of ours settles in it"):
                await venue.transfer("DOGE", Decimal(1), to_contracts=True)
            with pytest.raises(GiveUp, match="0 USDT cannot be transferred"):
                await venue.transfer("USDT", Decimal(0), to_contracts=True)
            names = ("fromAccount", "toAccount", "asset", "amount")
            asked = [tuple(str(seen.params[n]) for n in names) for seen in desk.fake.requests("POST", path)]
            desk.fake.answers["POST", path] = {"code": 100437, "msg": "refused"}
            with pytest.raises(GiveUp):
                await venue.transfer("USDT", Decimal(1), to_contracts=True)
            assert len(desk.fake.requests("POST", path)) == 3
            return asked

    assert asyncio.run(scenario()) == [
        ("spot", "USDTMPerp", "USDT", "5.5"),
        ("coinMPerp", "spot", "SOL", "0.00001"),
    ]


def test_a_fill_between_two_of_the_questions_is_mended_by_asking_again() -> None:
    flat, held = ok([]), ok([position()])
    reading = read({POSITIONS: in_turn(flat, held)})
    assert row(reading, "BTC/USDT:USDT").quantity == Decimal("-0.5")
