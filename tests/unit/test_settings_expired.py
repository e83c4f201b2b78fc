"""A configured contract that has expired: a hedge can do without it while another of its instruments is listed."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hedger.engine.known.policy import Policy
from hedger.errors import ConfigError
from hedger.model.expiry_day import day_has_come, expiry_day
from hedger.model.instrument import InstrumentId
from hedger.settings.policy import to_policy
from hedger.settings.reachable import check_reachable
from tests.support.configurations import load
from tests.unit.test_settings_policy import BTC, ID

NEAR, FAR = (InstrumentId("main", f"BTC/USDT:USDT-{day}") for day in ("261225", "270326"))
NEXT_DAY = int(datetime(2026, 12, 26, 3, tzinfo=UTC).timestamp() * 1000)
DAY_BEFORE = int(datetime(2026, 12, 24, 23, 59, tzinfo=UTC).timestamp() * 1000)


def policy(folder: Path, *ids: InstrumentId) -> Policy:
    made = to_policy(load(folder))
    return replace(made, hedges=(replace(made.hedges[0], instruments=ids),))


def refusal(made: Policy, now: int, *listed: InstrumentId) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        check_reachable(made, [replace(BTC, id=id) for id in listed], now=now)
    return str(refused.value).split("\n")


def test_what_has_expired_is_no_fault_while_another_is_listed(tmp_path: Path) -> None:
    check_reachable(policy(tmp_path, NEAR, ID), [BTC], now=NEXT_DAY)


def test_before_its_day_what_is_not_listed_is_a_fault(tmp_path: Path) -> None:
    assert refusal(policy(tmp_path, NEAR, ID), DAY_BEFORE, ID) == [
        f"hedges.BTC.instruments: the venue does not list {NEAR}; check the symbol"
    ]


def test_a_hedge_that_has_nothing_left_is_told_the_day_and_what_to_write(tmp_path: Path) -> None:
    assert refusal(policy(tmp_path, NEAR), NEXT_DAY) == [
        "hedges.BTC.instruments: main:BTC/USDT:USDT-261225 expired on 2026-12-25 and no other is listed; "
        "write the perpetual main:BTC/USDT:USDT, or a contract of a later day"
    ]


def test_what_has_expired_does_not_excuse_a_symbol_that_is_wrong(tmp_path: Path) -> None:
    (told,) = refusal(policy(tmp_path, NEAR, FAR), NEXT_DAY)
    assert str(FAR) in told


@pytest.mark.parametrize(
    ("symbol", "day"),
    [
        ("BTC/USDT:USDT-261225", "2026-12-25"),
        ("BTC/USD:BTC-270326", "2027-03-26"),
        ("BTC/USDT:USDT", "None"),
        ("BTC/USDT", "None"),
        ("BTC/USDT:USDT-261225-60000-C", "None"),
        ("BTC/USDT:USDT-261325", "None"),
    ],
)
def test_the_day_of_expiry_is_read_from_a_dated_future_only(symbol: str, day: str) -> None:
    assert str(expiry_day(symbol)) == day


def test_the_day_has_come_from_its_midnight_on() -> None:
    midnight = int(datetime(2026, 12, 25, tzinfo=UTC).timestamp() * 1000)
    assert day_has_come(NEAR.symbol, midnight)
    assert not day_has_come(NEAR.symbol, midnight - 1)
    assert not day_has_come(ID.symbol, midnight)
