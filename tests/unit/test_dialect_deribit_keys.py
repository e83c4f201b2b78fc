"""Who is let in at Deribit: signatures, tokens, scopes and credits."""

from __future__ import annotations

import hmac
import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from hedger.sim.dialects.deribit.board import DeribitBoard
from hedger.sim.dialects.deribit.credits import ENGINE, OTHERS, Credits, pool_of
from hedger.sim.dialects.deribit.hosts import HOST
from hedger.sim.dialects.deribit.keys import VALID_MS
from hedger.sim.dialects.deribit.refusals import RpcError
from hedger.sim.dialects.requests import Request
from tests.support.deribit_bench import CLIENT, SECRET, Socket, ask, furnished_board, refusal, result, signed

SUMMARY = "private/get_account_summaries"


@pytest.fixture(scope="module")
def board() -> DeribitBoard:
    return furnished_board()


def code_of(board: DeribitBoard, request: Request) -> int | None:
    body = json.loads(board.answer(HOST, request).body)
    return body["error"]["code"] if "error" in body else None


def grant(board: DeribitBoard, *, secret: str = SECRET, **changes: Any) -> dict[str, Any]:
    """The parameters of a sign-in with a client signature, as ccxt sends them."""
    at = board.exchange.now
    signature = hmac.new(secret.encode(), f"{at}\n{at}\n".encode(), sha256).hexdigest()
    asked = {"grant_type": "client_signature", "client_id": CLIENT, "timestamp": at, "nonce": str(at), "data": ""}
    return asked | {"signature": signature} | changes


# --- signed requests --------------------------------------------------------------------------------------------------


def test_a_request_that_is_signed_with_the_secret_is_let_in(board: DeribitBoard) -> None:
    assert code_of(board, signed(SUMMARY, {"extended": True}, at=board.exchange.now)) is None


def test_a_request_whose_query_was_changed_after_signing_is_refused(board: DeribitBoard) -> None:
    request = signed("private/buy", {"amount": "10", "instrument_name": "BTC-PERPETUAL"}, at=board.exchange.now)
    assert code_of(board, replace(request, query=request.query.replace("amount=10", "amount=90"))) == 13004


@pytest.mark.parametrize("change", [{"secret": "another"}, {"client": "nobody"}])
def test_another_secret_and_an_unknown_key_are_invalid_credentials(board: DeribitBoard, change: dict[str, str]) -> None:
    assert code_of(board, signed(SUMMARY, {}, at=board.exchange.now, **change)) == 13004


@pytest.mark.parametrize("astray_ms", [-VALID_MS - 1, VALID_MS + 1])
def test_a_request_that_is_a_minute_old_or_ahead_is_unauthorized(board: DeribitBoard, astray_ms: int) -> None:
    assert code_of(board, signed(SUMMARY, {}, at=board.exchange.now + astray_ms)) == 13009


def test_a_private_method_without_a_signature_asks_for_authorization(board: DeribitBoard) -> None:
    assert code_of(board, Request(method="GET", path=f"/api/v2/{SUMMARY}")) == 10000


def test_a_header_of_another_form_is_unauthorized(board: DeribitBoard) -> None:
    request = Request(method="GET", path=f"/api/v2/{SUMMARY}", headers={"authorization": "Basic abc"})
    assert code_of(board, request) == 13009


def test_what_is_no_method_is_not_found(board: DeribitBoard) -> None:
    assert refusal(board, "public/get_gossip")["code"] == -32601


def test_a_call_that_is_posted_is_signed_with_its_body(board: DeribitBoard) -> None:
    at = board.exchange.now
    body = json.dumps({"jsonrpc": "2.0", "id": 5, "method": SUMMARY, "params": {"extended": True}})
    text = f"{at}\n{at}\nPOST\n/api/v2/{SUMMARY}\n{body}\n"
    signature = hmac.new(SECRET.encode(), text.encode(), sha256).hexdigest()
    header = {"authorization": f"deri-hmac-sha256 id={CLIENT},ts={at},sig={signature},nonce={at}"}
    request = Request(method="POST", path=f"/api/v2/{SUMMARY}", body=body, headers=header)
    told = json.loads(board.answer(HOST, request).body)
    assert (told["id"], told["result"]["type"]) == (5, "main")
    assert code_of(board, replace(request, body=body.replace("true", "false"))) == 13004


def test_what_is_posted_must_be_a_call(board: DeribitBoard) -> None:
    for body, code in (("{", -32700), ("[]", -32602), ('{"method": "public/get_time", "params": []}', -32602)):
        assert code_of(board, Request(method="POST", path="/api/v2", body=body)) == code
    assert board.answer(HOST, Request(method="GET", path="/somewhere")).status == 404


# --- signing in -------------------------------------------------------------------------------------------------------


def test_a_client_signature_opens_a_websocket_to_private_methods(board: DeribitBoard) -> None:
    socket = Socket(board)
    assert socket.call(SUMMARY)["error"]["code"] == 10000
    assert socket.result("public/auth", **grant(board))["token_type"] == "bearer"
    assert socket.result(SUMMARY)["username"] == "main"


def test_a_client_signature_with_another_secret_opens_nothing(board: DeribitBoard) -> None:
    socket = Socket(board)
    assert socket.call("public/auth", **grant(board, secret="another"))["error"]["code"] == 13004
    assert socket.call(SUMMARY)["error"]["code"] == 10000


def test_an_old_client_signature_and_one_without_its_parts_are_refused(board: DeribitBoard) -> None:
    at = board.exchange.now - VALID_MS - 1
    old = hmac.new(SECRET.encode(), f"{at}\n{at}\n".encode(), sha256).hexdigest()
    socket = Socket(board)
    late = grant(board, timestamp=at, nonce=str(at), signature=old)
    assert socket.call("public/auth", **late)["error"]["code"] == 13009
    assert socket.call("public/auth", **grant(board, signature=None))["error"]["code"] == 13010


def test_a_token_opens_for_who_got_it_and_a_refresh_token_but_once(board: DeribitBoard) -> None:
    given = result(board, "public/auth", grant_type="client_credentials", client_id=CLIENT, client_secret=SECRET)
    bearer = {"authorization": f"bearer {given['access_token']}"}
    assert code_of(board, Request(method="GET", path=f"/api/v2/{SUMMARY}", headers=bearer)) is None
    again = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    assert result(board, "public/auth", **again)["access_token"] != given["access_token"]
    assert refusal(board, "public/auth", **again)["code"] == 13009


def test_the_scope_that_is_granted_names_every_area_and_its_level(board: DeribitBoard) -> None:
    scope = Socket(board).result("public/auth", **grant(board))["scope"].split()
    assert {"account:read_write", "trade:read_write", "wallet:none", "connection", "name:paper"} <= set(scope)


def test_api_keys_are_listed_with_their_rights_and_without_their_secrets(board: DeribitBoard) -> None:
    (key,) = result(board, "private/list_api_keys")
    assert (key["client_id"], key["enabled"]) == (CLIENT, True)
    assert "wallet:none" in key["max_scope"]
    assert SECRET not in json.dumps(key)


# --- scopes -----------------------------------------------------------------------------------------------------------


def test_a_key_that_may_only_read_cannot_trade() -> None:
    board = furnished_board(scope="account:read trade:read")
    assert result(board, "private/get_open_orders") == []
    order = {"instrument_name": "BTC-PERPETUAL", "amount": 10, "price": 50_000}
    assert refusal(board, "private/buy", **order)["code"] == 13021
    assert refusal(board, "private/cancel_all")["code"] == 13021


def test_a_key_without_an_area_cannot_even_read_there() -> None:
    board = furnished_board(scope="trade:read_write")
    assert refusal(board, SUMMARY)["code"] == 13021


def test_a_sign_in_that_asks_for_less_than_the_key_may_gets_less(board: DeribitBoard) -> None:
    socket = Socket(board)
    given = socket.result("public/auth", **grant(board), scope="trade:read session:daily")
    assert {"trade:read", "session:daily"} <= set(given["scope"].split())
    assert socket.call("private/cancel_all")["error"]["code"] == 13021


# --- credits ----------------------------------------------------------------------------------------------------------


def test_orders_are_paid_from_a_pool_of_their_own() -> None:
    board = furnished_board()
    for _ in range(ENGINE.burst):
        assert result(board, "private/cancel_all") == 0
    answer = ask(board, "private/cancel_all")
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (429, 10028)
    assert result(board, "private/get_open_orders") == []


def test_credits_come_back_with_time_and_never_beyond_the_burst() -> None:
    credits, now = Credits(), 0
    for _ in range(OTHERS.burst):
        credits.charge("main", OTHERS, now)
    with pytest.raises(RpcError, match="10028"):
        credits.charge("main", OTHERS, now + 49)
    credits.charge("main", OTHERS, now + 50)
    for _ in range(OTHERS.burst):
        credits.charge("main", OTHERS, now + 3_600_000)
    with pytest.raises(RpcError, match="10028"):
        credits.charge("main", OTHERS, now + 3_600_000)
    credits.charge("other", OTHERS, now)


def test_subscriptions_and_the_transaction_log_have_pools_of_their_own() -> None:
    pools = {
        pool_of(m, engine=False).name for m in ("public/subscribe", "private/get_transaction_log", "public/ticker")
    }
    assert len(pools) == 3


def test_a_websocket_that_is_out_of_credits_is_told_so_and_cut_off() -> None:
    socket = Socket(furnished_board(), signed_in=True)
    for _ in range(ENGINE.burst):
        socket.result("private/cancel_all")
    assert not socket.ear.gone
    assert socket.call("private/cancel_all")["error"]["code"] == 10028
    assert socket.ear.gone
