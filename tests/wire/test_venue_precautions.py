"""What the doctor says of quiet, the switch, orders by hand and keys; and that looking at them changes nothing."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hedger.app.findings import Finding
from hedger.app.precautions import key_row, quiet_of, quiet_row, sight_rows, switch_rows
from hedger.model.identity import OrderIdentity, format_order_id
from hedger.model.message import VenueQuieted
from hedger.runtime.journal import Journal
from hedger.runtime.quieted import quiet_row as row_of
from tests.support.stands.okx import STAND as OKX
from tests.support.wire_bodies import order_record
from tests.support.wire_server import refusal
from tests.support.wire_venue import BTC, opened

COUNTDOWN = ("POST", "/fapi/v1/countdownCancelAll")
OURS = format_order_id(OrderIdentity(bot="bot", epoch=1, sequence=1))


def looked_at(orders: list[Any], switch_ms: int | None = 120_000, **answers: Any) -> tuple[list[Finding], list[str]]:
    """The rows, and the countdowns that were asked for."""

    async def scenario() -> tuple[list[Finding], list[str]]:
        async with opened() as desk:
            desk.fake.answers["GET", "/fapi/v1/openOrders"] = orders
            if "switch" in answers:
                desk.fake.answers[COUNTDOWN] = answers["switch"]
            reading, beside = await desk.venue.read_account(), bool(answers.get("beside"))
            rows = await switch_rows(desk.venue, [BTC], switch_ms, reading, beside=beside)
            return rows, [seen.params["countdownTime"] for seen in desk.fake.requests(*COUNTDOWN)]

    return asyncio.run(scenario())


def test_the_switch_is_tried_by_a_countdown_of_nothing_where_no_order_is_open() -> None:
    rows, asked = looked_at([])
    assert asked == ["0"]
    assert [(row.good, row.found) for row in rows] == [(True, "cancels 120 s after we fall silent; it answers")]


def test_a_switch_of_the_whole_account_is_told_and_not_tried() -> None:
    """A countdown of nothing would stop that of another hedger, whose orders on other contracts we do not see."""

    async def scenario() -> tuple[list[Finding], list[str]]:
        async with opened(stand=OKX) as desk:
            reading = await desk.venue.read_account()
            desk.fake.seen.clear()
            rows = await switch_rows(desk.venue, [BTC], 120_000, reading)
            return rows, [seen.path for seen in desk.fake.seen]

    rows, asked = asyncio.run(scenario())
    assert asked == []
    assert [row.good for row in rows] == [True]
    assert "every order of the account, on every contract and pair, by hand too" in rows[0].found


def test_a_switch_that_does_not_answer_is_a_fault() -> None:
    (row,), _ = looked_at([], switch=refusal(400, -2014))
    assert not row.good
    assert row.remedy


def test_beside_a_hedger_that_runs_the_switch_is_left_as_it_is() -> None:
    rows, asked = looked_at([], beside=True)
    assert asked == []
    assert "a hedger runs here" in rows[0].found


def test_where_an_order_is_open_the_switch_is_left_as_it_is() -> None:
    """A countdown of nothing would disarm what a hedger that died left to protect it."""
    rows, asked = looked_at([order_record(clientOrderId=OURS)])
    assert asked == []
    assert [row.good for row in rows] == [True]


def test_orders_by_hand_are_named_because_the_countdown_would_cancel_them() -> None:
    rows, asked = looked_at([order_record(clientOrderId=OURS), order_record(clientOrderId="web_7", orderId=8)])
    assert asked == []
    assert rows[1].check == "main: orders by hand"
    assert not rows[1].good
    assert rows[1].found.startswith("1 on BTC/USDT:USDT")


def test_without_a_switch_nothing_is_asked() -> None:
    rows, asked = looked_at([order_record(clientOrderId="web_7")], None)
    assert (asked, [row.good for row in rows]) == ([], [True])


def test_keys_that_work_from_anywhere_are_named() -> None:
    async def scenario() -> list[bool]:
        goods = []
        for bound in (False, True):
            async with opened(ready=False) as desk:
                desk.fake.answers["GET", "/sapi/v1/account/apiRestrictions"] |= {"ipRestrict": bound}
                await desk.venue.open([BTC.symbol])
                goods.append(key_row(desk.venue).good)
        async with opened(environment="testnet") as desk:
            goods.append(key_row(desk.venue).good)
        return goods

    assert asyncio.run(scenario()) == [False, True, True]


@pytest.mark.parametrize(
    ("may_read", "info", "told"),
    [
        (False, {"isOptionsEnabled": True}, True),
        (False, {"isOptionsEnabled": False}, False),
        (False, {}, True),
        (False, refusal(400, -1121), True),
        (True, {"isOptionsEnabled": True}, False),
    ],
)
def test_options_that_may_be_held_and_that_the_keys_may_not_read_are_named(
    may_read: bool, info: Any, told: bool
) -> None:
    async def scenario() -> list[Finding]:
        async with opened(ready=False) as desk:
            desk.fake.answers["GET", "/sapi/v1/account/apiRestrictions"] |= {"enableVanillaOptions": may_read}
            desk.fake.answers["GET", "/sapi/v1/account/info"] = info
            await desk.venue.open([BTC.symbol])
            return sight_rows(desk.venue)

    assert [row.good for row in asyncio.run(scenario())] == [False] * told


def test_a_ban_of_an_earlier_start_is_told_with_its_end(tmp_path: Path) -> None:
    assert quiet_of(tmp_path) == ()
    ban = VenueQuieted(account="main", until_at=1_790_000_000_000, banned=True, text="HTTP 418")
    with closing(Journal.open(tmp_path)) as journal:
        journal.begin(1, {})
        journal.write([row_of(10, ban)])
    asked = quiet_of(tmp_path)
    row = quiet_row("main", asked, ban.until_at - 1)
    assert not row.good
    assert "banned until 2026-09-21 14:13:20" in row.found
    assert quiet_row("main", asked, ban.until_at).good
    assert quiet_row("other", asked, ban.until_at - 1).good
