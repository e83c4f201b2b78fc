"""One suite, a column per venue: no leaf of a good answer that goes wrong is believed where something hangs on it."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from hedger.errors import AskAgain
from hedger.model.account import FundingPayment
from hedger.model.instrument import InstrumentId
from hedger.model.order import Fill
from hedger.venues.profile import VENUES
from tests.support.stand import stand_of
from tests.support.wire_mutants import Mutant, faults_of
from tests.support.wire_trial import Trial
from tests.support.wire_venue import opened

every_venue = pytest.mark.parametrize("venue", VENUES)
POSITION = "positions.Position BTC/USDT:USDT#0.quantity"
GOOD = {POSITION: Decimal("-0.5"), "spot.BTC": Decimal("1.5"), "FundingPayment#0.amount": Decimal(1)}


@every_venue
def test_nothing_wrong_in_an_answer_is_believed_or_ends_the_program(venue: str) -> None:
    trial = Trial(stand_of(venue))
    asyncio.run(trial.run())
    assert trial.faults == []
    unasked = {question for question, answers in trial.answered.items() if not answers}
    assert unasked <= {"rates"}, "the stand does not answer what this asks"
    assert trial.tried > 500


@pytest.mark.parametrize(
    ("mutant", "found", "is_fault"),
    [
        (Mutant("GET /x", ("size",), "broken", "0.5", ""), {POSITION: Decimal(0)}, True),
        (Mutant("GET /x", ("size",), "plain", "0.5", "0"), {POSITION: Decimal(0)}, False),
        (Mutant("GET /x", ("size",), "plain", "0.5", "-0.5"), {POSITION: Decimal("0.5")}, False),
        (Mutant("GET /x", ("margin",), "plain", "7", "0"), {POSITION: Decimal(0)}, True),
        (Mutant("GET /x", (0,), "lost", {}, None), {POSITION: Decimal(0)}, True),
        (Mutant("GET /x", (0,), "twice", {}, None), {"spot.BTC": Decimal(3)}, True),
        (Mutant("GET /x", ("symbol",), "broken", "BTCUSDT", "odd"), {POSITION: Decimal(0)}, True),
        (Mutant("GET /x", ("time",), "broken", "1790000000000", "1790000000"), {}, False),
    ],
)
def test_a_quantity_that_is_lost_is_told_from_one_that_the_venue_says(
    mutant: Mutant, found: dict[str, Decimal], is_fault: bool
) -> None:
    assert bool(faults_of(mutant, GOOD, GOOD | found)) is is_fault


class Jumble:
    """A source whose parts make no sense together."""

    async def fills(self, _id: InstrumentId, _since_at: int) -> tuple[Fill, ...]:
        raise ValueError("the parts differ")

    async def funding(self, _since_at: int) -> tuple[FundingPayment, ...]:
        raise ZeroDivisionError


def test_parts_that_make_no_sense_together_are_asked_for_again_and_end_nothing() -> None:
    async def scenario() -> None:
        async with opened() as desk:
            account: Any = desk.venue
            account._parts = replace(account._parts, history=Jumble())
            with pytest.raises(AskAgain, match="the parts differ"):
                await desk.venue.read_fills(desk.instruments[0].id, 0)
            with pytest.raises(AskAgain):
                await desk.venue.read_funding(0)

    asyncio.run(scenario())


def test_a_row_about_something_else_may_be_left_out_and_an_unreadable_one_may_not() -> None:
    without = {name: value for name, value in GOOD.items() if not name.startswith("FundingPayment")}
    renamed = Mutant("GET /x", (0, "symbol"), "broken", "BTCUSDT", "odd")
    unreadable = renamed._replace(new=None)
    assert faults_of(renamed, GOOD, without) == []
    assert faults_of(unreadable, GOOD, without) != []


def test_a_mutant_changes_one_thing_and_leaves_the_good_body_alone() -> None:
    body = {"list": [{"size": "1"}, {"size": "2"}]}
    assert Mutant("GET /x", ("list", 0), "twice", None, None).of(body)["list"] == [{"size": "1"}, *body["list"]]
    assert Mutant("GET /x", ("list", 0), "lost", None, None).of(body)["list"] == [{"size": "2"}]
    assert Mutant("GET /x", ("list", 1, "size"), "dropped", "2", None).of(body)["list"] == [{"size": "1"}, {}]
    assert Mutant("GET /x", ("list",), "lost", [], []).of(body) == {"list": []}
    assert body == {"list": [{"size": "1"}, {"size": "2"}]}
