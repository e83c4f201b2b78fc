"""What stands before every endpoint: parameters, keys, signatures, time windows and limits."""

from __future__ import annotations

import hmac
from decimal import Decimal
from hashlib import sha256

import pytest

from hedger.model.spans import MINUTE_MS
from hedger.sim.dialects.binance.digits import fixed, places
from hedger.sim.dialects.binance.params import Params
from hedger.sim.dialects.binance.refusals import ApiError
from hedger.sim.dialects.binance.signing import Credential, check_signature, check_window, identify
from hedger.sim.dialects.binance.weights import PATIENCE, Meter, OrderLimit

NOW = 1_700_000_000_000 // MINUTE_MS * MINUTE_MS
CREDENTIAL = Credential(secret="secret", user="main")


def signature(text: str) -> str:
    return hmac.new(b"secret", text.encode(), sha256).hexdigest()


def code_of(error: pytest.ExceptionInfo[ApiError]) -> tuple[int, int]:
    return error.value.status, error.value.code


def meter(per_minute: int = 10) -> Meter:
    return Meter(name="test", per_minute=per_minute)


def refusal_of(limits: Meter, now: int) -> ApiError:
    with pytest.raises(ApiError) as error:
        limits.charge(now, "a", 2)
    return error.value


def test_a_signature_covers_the_raw_query_and_body_together() -> None:
    signed = signature("symbol=A%2FB" + "side=BUY")
    check_signature(CREDENTIAL, "symbol=A%2FB", f"side=BUY&signature={signed}")
    with pytest.raises(ApiError) as error:
        check_signature(CREDENTIAL, "symbol=A/B", f"side=BUY&signature={signed}")
    assert code_of(error) == (400, -1022)


def test_a_signature_may_be_in_capitals_but_not_missing() -> None:
    check_signature(CREDENTIAL, f"a=1&signature={signature('a=1').upper()}", "")
    with pytest.raises(ApiError) as error:
        check_signature(CREDENTIAL, "a=1", "")
    assert code_of(error) == (400, -1102)


def test_an_unknown_key_is_told_from_what_cannot_be_a_key() -> None:
    with pytest.raises(ApiError) as error:
        identify({}, "a" * 64)
    assert code_of(error) == (401, -2015)
    for key in (None, "", "a" * 63, "ä" * 64):
        with pytest.raises(ApiError) as error:
            identify({}, key)
        assert code_of(error) == (401, -2014)


@pytest.mark.parametrize(
    ("sent", "window", "code"),
    [
        (NOW, None, None),
        (NOW - 5_000, None, None),
        (NOW - 5_001, None, -1021),
        (NOW - 5_001, "5001", None),
        (NOW + 999, None, None),
        (NOW + 1_000, None, -1021),
        (NOW, "60001", -1131),
        (None, None, -1102),
    ],
)
def test_a_request_is_good_for_its_window_only(sent: int | None, window: str | None, code: int | None) -> None:
    values = {"timestamp": None if sent is None else str(sent), "recvWindow": window}
    params = Params({name: value for name, value in values.items() if value is not None})
    if code is None:
        check_window(params, NOW)
        return
    with pytest.raises(ApiError) as error:
        check_window(params, NOW)
    assert error.value.code == code


def test_a_parameter_sent_twice_is_refused() -> None:
    with pytest.raises(ApiError) as error:
        Params.parse("symbol=A", "symbol=A")
    assert error.value.code == -1101


@pytest.mark.parametrize("text", ["1e3", "-1", ".5", "1.", "NaN", "0x1"])
def test_a_number_has_neither_sign_nor_exponent(text: str) -> None:
    with pytest.raises(ApiError) as error:
        Params({"price": text}).decimal("price")
    assert error.value.code == -1100


def test_an_address_over_its_limit_is_told_when_to_return() -> None:
    limits = meter()
    limits.charge(NOW + 1_500, "a", 10)
    with pytest.raises(ApiError) as error:
        limits.charge(NOW + 1_500, "a", 1)
    assert (code_of(error), error.value.headers["Retry-After"]) == ((429, -1003), "59")
    limits.charge(NOW + 1_500, "b", 1)
    limits.charge(NOW + MINUTE_MS, "a", 1)


def test_who_goes_on_is_banned_and_longer_each_time() -> None:
    limits, now, waits = meter(1), NOW, []
    for _ in range(2):
        refusals = [refusal_of(limits, now) for _ in range(PATIENCE + 2)]
        assert [refusal.status for refusal in refusals] == [429] * PATIENCE + [418] * 2
        waits.append(int(refusals[-1].headers["Retry-After"]))
        now += waits[-1] * 1_000
    assert waits == [120, 240]


def test_orders_are_counted_by_account_and_window() -> None:
    limit = OrderLimit(label="10S", interval="TEN_SECONDS", window_ms=10_000, limit=2)
    limits = Meter(name="test", per_minute=10, order_limits=(limit,))
    for _ in range(2):
        limits.count_order(NOW, "main")
    assert limits.order_counts(NOW, "main") == {"X-MBX-ORDER-COUNT-10S": "2"}
    with pytest.raises(ApiError) as error:
        limits.count_order(NOW, "main")
    assert code_of(error) == (429, -1015)
    limits.count_order(NOW, "other")
    limits.count_order(NOW + 10_000, "main")


def test_numbers_have_a_fixed_number_of_decimals() -> None:
    assert [fixed(Decimal(x)) for x in ("1", "-0.000000001", "1E-8")] == ["1.00000000", "0.00000000", "0.00000001"]
    assert [fixed(Decimal("60000.19"), n) for n in (0, 1, 2)] == ["60000", "60000.1", "60000.19"]
    assert [places(Decimal(x)) for x in ("0.001", "0.0010", "1", "10")] == [3, 3, 0, 0]
