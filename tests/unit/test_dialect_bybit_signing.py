"""Who may ask Bybit what: keys, signatures, the receive window, addresses, permissions and request limits."""

from __future__ import annotations

import pytest

from hedger.sim.dialects.requests import Request
from tests.support.bybit_bench import SECRET, desk

ACCOUNT = "/v5/account/info"
WALLET = "/v5/account/wallet-balance"


def test_a_signed_get_and_a_signed_post_are_let_in() -> None:
    stand = desk()
    assert stand.get(WALLET, accountType="UNIFIED")["retCode"] == 0
    assert stand.order()["retCode"] == 0


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [("k" * 18, "wrong", 10004), ("unknown", SECRET, 10003), ("", SECRET, 10001)],
    ids=["wrong secret", "unknown key", "no key"],
)
def test_a_wrong_key_and_a_wrong_signature_are_told_apart(key: str, secret: str, code: int) -> None:
    stand = desk()
    stand.key, stand.secret = key, secret
    answer = stand.get(ACCOUNT)
    assert (answer["status"], answer["retCode"]) == (200, code)


def test_a_signature_covers_the_query_and_the_body() -> None:
    stand = desk()
    headers = stand.signed("accountType=UNIFIED")
    changed = Request(method="GET", path=WALLET, query="accountType=UNIFIED&coin=BTC", headers=headers)
    assert stand.raw(changed)["retCode"] == 10004
    moved = Request(
        method="POST", path="/v5/order/cancel-all", body="{}", headers=stand.signed('{"category":"linear"}')
    )
    assert stand.raw(moved)["retCode"] == 10004


@pytest.mark.parametrize(("offset_ms", "code"), [(-5_000, 0), (-5_001, 10002), (999, 0), (1_000, 10002)])
def test_a_timestamp_counts_within_the_receive_window_only(offset_ms: int, code: int) -> None:
    stand = desk()
    headers = stand.signed("", stand.exchange.now + offset_ms)
    assert stand.raw(Request(method="GET", path=ACCOUNT, headers=headers))["retCode"] == code


def test_a_longer_window_lets_older_requests_in() -> None:
    stand = desk()
    stand.window = "20000"
    headers = stand.signed("", stand.exchange.now - 19_000)
    assert stand.raw(Request(method="GET", path=ACCOUNT, headers=headers))["retCode"] == 0


def test_a_key_that_only_reads_may_not_place_orders() -> None:
    stand = desk(read_only=True)
    assert stand.order()["retCode"] == 10005
    assert stand.get("/v5/user/query-api")["result"]["readOnly"] == 1
    assert stand.exchange.floor.account("main").working == {}


def test_a_key_bound_to_an_address_is_refused_from_another() -> None:
    stand = desk(addresses=("10.0.0.7",))
    assert stand.get(ACCOUNT)["retCode"] == 10010
    at_home = Request(method="GET", path=ACCOUNT, headers=stand.signed(""), address="10.0.0.7")
    assert stand.raw(at_home)["retCode"] == 0


def test_the_key_tells_its_permissions_and_its_addresses() -> None:
    told = desk(withdrawals=True).get("/v5/user/query-api")["result"]
    assert (told["readOnly"], told["uta"], told["unified"], told["ips"]) == (0, 1, 0, ["*"])
    assert "Withdraw" in told["permissions"]["Wallet"]
    assert "Withdraw" not in desk().get("/v5/user/query-api")["result"]["permissions"]["Wallet"]
    bound = desk(addresses=("127.0.0.1",)).get("/v5/user/query-api")["result"]
    assert bound["ips"] == ["127.0.0.1"]


def test_headers_tell_what_is_left_of_a_limit_and_beyond_it_comes_10006() -> None:
    stand = desk()
    codes = []
    for _ in range(51):
        codes.append(stand.get(WALLET, accountType="UNIFIED")["retCode"])
    assert codes == [0] * 50 + [10006]
    assert (stand.headers["X-Bapi-Limit"], stand.headers["X-Bapi-Limit-Status"]) == ("50", "0")
    reset_at = int(stand.headers["X-Bapi-Limit-Reset-Timestamp"])
    assert stand.exchange.now < reset_at <= stand.exchange.now + 1_000
    stand.exchange.advance(reset_at)
    assert stand.get(WALLET, accountType="UNIFIED")["retCode"] == 0
    assert stand.headers["X-Bapi-Limit-Status"] == "49"


def test_one_category_does_not_use_up_the_limit_of_another() -> None:
    stand = desk()
    codes = [stand.get("/v5/position/list", category="linear", settleCoin="USDT")["retCode"] for _ in range(51)]
    assert codes[-1] == 10006
    assert stand.get("/v5/position/list", category="inverse")["retCode"] == 0


def test_an_address_that_asks_too_much_is_shut_out_for_ten_minutes() -> None:
    stand = desk()
    statuses = {stand.get("/v5/market/time")["status"] for _ in range(600)}
    assert statuses == {200}
    assert stand.get("/v5/market/time")["status"] == 403
    stand.exchange.advance(stand.exchange.now + 599_000)
    assert stand.get("/v5/market/time")["status"] == 403
    stand.exchange.advance(stand.exchange.now + 1_000)
    assert stand.get("/v5/market/time")["status"] == 200


def test_what_bybit_does_not_know_is_a_404() -> None:
    answer = desk().get("/v5/order/nothing")
    assert (answer["status"], answer["retCode"]) == (404, 10017)
