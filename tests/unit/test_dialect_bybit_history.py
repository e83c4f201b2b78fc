"""What Bybit tells of the past: executions, funding, the transaction log, forced closes and settled contracts."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from hedger.model.order import Side
from hedger.model.spans import DAY_MS
from hedger.sim.carry import Carry
from hedger.sim.dialects.bybit.listings import BYBIT_FEES, bybit_listings
from hedger.sim.dialects.bybit.names import name_of
from hedger.sim.exchange import Exchange
from hedger.sim.fair import FairPrices
from hedger.sim.funding import next_settlement
from hedger.sim.market import SyntheticMarket
from hedger.sim.nouns import Wallet
from tests.support.bybit_bench import HOURLY_MS, NEXT, START, Desk, desk, furnished_exchange

D = Decimal
TRADED = (
    ("linear", "BTCUSDT", "0.05"),
    ("linear", "BTCUSDT-26JUN26", "0.03"),
    ("inverse", "BTCUSD", "900"),
    ("inverse", "BTCUSDM26", "700"),
    ("spot", "BTCUSDT", "0.02"),
)
FUNDS = ((Wallet.LINEAR, "USDT", 20_000), (Wallet.SPOT, "USDT", 20_000), (Wallet.INVERSE, "BTC", 1))


def executions(stand: Desk, category: str = "linear", **params: Any) -> list[dict[str, Any]]:
    """The executions of a category."""
    answer = stand.get("/v5/execution/list", category=category, **params)
    assert answer["retCode"] == 0, answer
    found: list[dict[str, Any]] = answer["result"]["list"]
    return found


def log(stand: Desk, **params: Any) -> list[dict[str, Any]]:
    """The transaction log."""
    answer = stand.get("/v5/account/transaction-log", **params)
    assert answer["retCode"] == 0, answer
    found: list[dict[str, Any]] = answer["result"]["list"]
    return found


def take(stand: Desk, side: str, quantity: str, **more: Any) -> None:
    """Trade at the market."""
    assert stand.order(side=side, qty=quantity, orderType="Market", timeInForce="IOC", **more)["retCode"] == 0


def test_pages_of_executions_lose_none_and_end_with_an_empty_one() -> None:
    stand = desk()
    for number in range(5):
        take(stand, "Buy", "0.01", orderLinkId=f"m{number}")
    told: list[str] = []
    cursor, pages = "", 0
    while True:
        answer = stand.get("/v5/execution/list", category="linear", limit="2", cursor=cursor)["result"]
        if not answer["list"]:
            break
        told += [row["orderLinkId"] for row in answer["list"]]
        cursor, pages = answer["nextPageCursor"], pages + 1
    assert told == ["m4", "m3", "m2", "m1", "m0"]
    assert (pages, answer["nextPageCursor"]) == (3, "")


def test_executions_are_of_seven_days_from_a_start_or_until_now() -> None:
    stand = desk(furnished_exchange(beat_ms=HOURLY_MS))
    first_at = stand.exchange.now
    take(stand, "Buy", "0.01", orderLinkId="old")
    stand.exchange.advance(first_at + 8 * DAY_MS)
    take(stand, "Buy", "0.01", orderLinkId="new")
    trades = {"execType": "Trade"}
    assert [row["orderLinkId"] for row in executions(stand, **trades)] == ["new"]
    assert [row["orderLinkId"] for row in executions(stand, **trades, startTime=first_at)] == ["old"]
    longer = stand.get("/v5/execution/list", category="linear", startTime=first_at, endTime=stand.exchange.now)
    assert longer["retCode"] == 10001


def test_an_execution_tells_its_fee_its_order_and_what_it_closed() -> None:
    stand = desk()
    take(stand, "Buy", "0.3")
    take(stand, "Sell", "0.5", orderLinkId="s1")
    sold, bought = executions(stand)
    assert (bought["closedSize"], sold["closedSize"]) == ("0.000", "0.300")
    assert (sold["orderLinkId"], sold["side"], sold["isMaker"], sold["execType"]) == ("s1", "Sell", False, "Trade")
    assert (sold["feeRate"], D(sold["execFee"])) == ("0.00055", D("16.5"))
    assert executions(stand, orderLinkId="s1") == [sold]
    assert executions(stand, orderId=sold["orderId"]) == [sold]
    assert executions(stand, symbol="BTCUSDT-26JUN26") == []


def test_funding_is_in_the_log_and_among_the_executions() -> None:
    stand = desk(furnished_exchange(beat_ms=HOURLY_MS))
    take(stand, "Buy", "1")
    stand.exchange.set_funding_rate("BTCUSDT", D("0.0001"))
    due_at = stand.exchange.premium("BTCUSDT").next_funding_at
    stand.exchange.advance(due_at)
    (paid,) = stand.exchange.funding("main")
    assert paid.amount < 0
    (line,) = log(stand, type="SETTLEMENT", category="linear")
    assert (D(line["funding"]), D(line["change"])) == (paid.amount, paid.amount)
    assert (line["currency"], line["symbol"], line["side"], line["size"]) == ("USDT", "BTCUSDT", "Buy", "1.000")
    assert (line["transactionTime"], line["feeRate"]) == (str(due_at), "0.0001")
    (row,) = executions(stand, execType="Funding")
    assert line["id"] == line["tradeId"] == row["execId"]
    assert (D(row["execFee"]), row["execType"], row["execTime"]) == (-paid.amount, "Funding", str(due_at))
    assert log(stand, type="SETTLEMENT", currency="BTC") == []


def test_each_line_of_the_log_adds_up_to_the_next_balance() -> None:
    stand = desk(furnished_exchange(beat_ms=HOURLY_MS))
    exchange = stand.exchange
    take(stand, "Buy", "1")
    exchange.deposit("main", Wallet.LINEAR, "USDT", D(500))
    exchange.advance(exchange.premium("BTCUSDT").next_funding_at)
    take(stand, "Sell", "1")
    exchange.deposit("main", Wallet.SPOT, "USDT", D(-200))
    lines = log(stand, currency="USDT")[::-1]
    balance = D(150_000)
    for line in lines:
        balance += D(line["change"])
        assert D(line["cashBalance"]) == balance
    assert [line["type"] for line in lines] == ["TRADE", "TRANSFER_IN", "SETTLEMENT", "TRADE", "TRANSFER_OUT"]


def test_a_spot_trade_has_a_line_for_each_of_its_coins() -> None:
    stand = desk()
    take(stand, "Sell", "0.5", category="spot")
    given, received = log(stand, category="spot")
    assert (given["currency"], D(given["change"]), D(given["cashBalance"])) == ("BTC", D("-0.5"), D("2.5"))
    assert (received["currency"], D(received["change"]), D(received["fee"])) == ("USDT", D(29_970), D(30))
    assert given["id"] != received["id"]


def test_a_random_run_reconciles_to_the_last_digit() -> None:
    """The log of trades everywhere, funding and deposits leads from nothing to what the wallet tells."""
    stand = random_run(seed=3)
    lines: list[dict[str, Any]] = []
    cursor = ""
    while page := (answer := stand.get("/v5/account/transaction-log", limit="50", cursor=cursor)["result"])["list"]:
        lines += page
        cursor = answer["nextPageCursor"]
    balances: dict[str, Decimal] = {}
    for line in reversed(lines):
        balances[line["currency"]] = balances.get(line["currency"], D(0)) + D(line["change"])
        assert balances[line["currency"]] == D(line["cashBalance"])
    told = stand.get("/v5/account/wallet-balance", accountType="UNIFIED", coin="USDT,BTC")["result"]["list"][0]
    assert {row["coin"]: D(row["walletBalance"]) for row in told["coin"]} == balances
    assert {line["type"] for line in lines} == {"TRADE", "SETTLEMENT", "TRANSFER_IN"}
    assert len({line["id"] for line in lines}) == len(lines) > 80


def test_positions_after_a_random_run_are_those_of_the_exchange() -> None:
    stand = random_run(seed=4)
    positions = stand.exchange.truth("main").positions
    for listing in stand.exchange.listings.values():
        if listing.wallet is not Wallet.SPOT:
            asked = {"category": listing.wallet.value, "symbol": name_of(listing)}
            (row,) = stand.get("/v5/position/list", **asked)["result"]["list"]
            sign = -1 if row["side"] == "Sell" else 1
            assert sign * D(row["size"]) == positions[listing.symbol]


def random_run(seed: int) -> Desk:
    """A desk after some hundred trades of a quarter of an hour with a settlement of funding in it."""
    start_at = next_settlement(START, 8 * 3_600_000) - 300_000
    listings = bybit_listings(("BTC",), start_at)
    exchange = Exchange(listings=listings, start_at=start_at, users=("main",), fee_table=BYBIT_FEES)
    stand, rng = desk(exchange), Random(seed)
    fair, carry = FairPrices(Random(seed), {"BTC": 60_000.0}), Carry(seed, ("BTC",))
    SyntheticMarket(exchange, Random(seed), fair, ("BTC",), carry=carry, seed=seed)
    exchange.refresh_marks()
    for wallet, coin, amount in FUNDS:
        exchange.deposit("main", wallet, coin, D(amount))
    for _ in range(90):
        exchange.advance(exchange.now + rng.randrange(1_000, 19_000))
        category, symbol, quantity = rng.choice(TRADED)
        market = {"orderType": "Market", "timeInForce": "IOC", "marketUnit": "baseCoin"}
        stand.order(category=category, symbol=symbol, side=rng.choice(("Buy", "Sell")), qty=quantity, **market)
    return stand


def test_a_move_between_the_exchanges_wallets_is_no_line() -> None:
    stand = desk()
    stand.exchange.transfer("main", "USDT", D(1_000), to=Wallet.SPOT)
    assert log(stand) == []


def test_the_log_without_a_time_is_of_the_last_day() -> None:
    stand = desk(furnished_exchange(beat_ms=HOURLY_MS))
    stand.exchange.deposit("main", Wallet.SPOT, "USDT", D(5))
    at = stand.exchange.now
    stand.exchange.advance(at + DAY_MS + 1)
    assert log(stand) == []
    assert len(log(stand, startTime=at)) == 1


def test_a_liquidation_is_told_as_bybits_own_order() -> None:
    stand = desk()
    exchange = stand.exchange
    exchange.transfer("main", "USDT", D(44_000), to=Wallet.SPOT)
    take(stand, "Buy", "1.5")
    exchange.set_index("BTC", D(55_500))
    exchange.refresh_marks()
    forced = executions(stand, execType="BustTrade")
    assert forced
    assert {(row["createType"], row["orderLinkId"], row["side"]) for row in forced} == {("CreateByLiq", "", "Sell")}
    assert "LIQUIDATION" in {line["type"] for line in log(stand)}


def test_a_deleveraging_is_told_as_such() -> None:
    stand = desk()
    take(stand, "Buy", "1")
    stand.exchange.deleverage("main", "BTCUSDT", D("0.4"))
    (row,) = executions(stand, execType="AdlTrade")
    assert (row["execQty"], row["createType"], row["execFee"]) == ("0.400", "CreateByAdl_PassThrough", "0")


def test_a_dated_contract_ends_with_a_delivery_and_is_closed() -> None:
    stand = desk(furnished_exchange(beat_ms=HOURLY_MS))
    take(stand, "Buy", "0.5", symbol="BTCUSDT-26JUN26")
    take(stand, "Sell", "600", category="inverse", symbol="BTCUSDM26")
    stand.order(symbol="BTCUSDT-26JUN26", orderLinkId="left")
    stand.exchange.advance(NEXT + 1_000)
    (linear,) = executions(stand, symbol="BTCUSDT-26JUN26", execType="Delivery")
    (inverse,) = executions(stand, category="inverse", symbol="BTCUSDM26", execType="Settle")
    assert (linear["execQty"], linear["side"], inverse["execQty"]) == ("0.500", "Sell", "600")
    ended = stand.get("/v5/order/realtime", category="linear", symbol="BTCUSDT-26JUN26", orderLinkId="left")
    assert [row["cancelType"] for row in ended["result"]["list"]] == ["CancelBySettle"]
    assert stand.order(symbol="BTCUSDT-26JUN26")["retCode"] == 10001
    asked = stand.get("/v5/market/instruments-info", category="linear", symbol="BTCUSDT-26JUN26")["result"]["list"]
    assert [row["status"] for row in asked] == ["Closed"]
    listed = stand.get("/v5/market/instruments-info", category="linear")["result"]["list"]
    assert "BTCUSDT-25DEC26" in {row["symbol"] for row in listed}


def test_a_maker_fill_is_told_with_what_its_order_has_left() -> None:
    stand = desk()
    stand.order(orderLinkId="h1", qty="0.5", price="60000.0", side="Buy")
    stand.exchange.crowd_takes(Wallet.LINEAR, "BTCUSDT", Side.SELL, D("3.2"))
    (row,) = executions(stand)
    assert (row["execQty"], row["leavesQty"], row["isMaker"], row["feeRate"]) == ("0.200", "0.300", True, "0.0002")
