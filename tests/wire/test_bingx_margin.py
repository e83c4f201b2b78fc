"""What positions on BingX need, which its account does not tell: reckoned, and never too little."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal

import pytest
from aiohttp import web

from hedger.errors import AskAgain
from hedger.model.account import AccountReading
from hedger.venues.abilities import Ability
from tests.support.stand import proves
from tests.support.stands.bingx import (
    BALANCE,
    BTC,
    COIN,
    COIN_POSITIONS,
    POSITIONS,
    STAND,
    SWAP,
    coin_position,
    ok,
    position,
    quick,
    said,
    tiers,
    wallet,
)
from tests.support.wire_server import Answer, Seen
from tests.support.wire_venue import opened

Answers = Mapping[str, Answer]


def read(answers: Answers) -> AccountReading:
    async def scenario() -> AccountReading:
        async with opened([BTC.symbol, COIN.symbol], stand=STAND, **quick()) as desk:
            for path, answer in answers.items():
                desk.fake.answers["GET", path] = answer
            return await desk.venue.read_account()

    return asyncio.run(scenario())


@proves(Ability.EQUITY_AND_MARGIN)
def test_maintenance_margin_is_that_of_the_tiers_and_no_less_than_the_risk_rate_says() -> None:
    # 0.5 BTC at 60,100 are 30,050: the first tier's 0.4 %.
    assert read({}).margin.maintenance_margin == Decimal("30050") * Decimal("0.004")
    large = position(positionAmt="5", initialMargin="300000", riskRate="0.001")
    rich = wallet(usedMargin="300000", equity="500000", balance="500000")
    reading = read({POSITIONS: ok([large]), BALANCE: ok([rich])})
    assert reading.margin.maintenance_margin == Decimal("300500") * Decimal("0.006") - Decimal(300)
    risky = read({POSITIONS: ok([position(riskRate="0.5")])})
    assert risky.margin.margin_ratio == Decimal("0.5")


def test_a_risk_rate_of_nought_does_not_mean_that_a_coin_position_needs_nothing() -> None:
    # 3 contracts of 10 dollars at 158.402 are 0.18939 SOL.
    reading = read({COIN_POSITIONS: ok([coin_position(riskRate="0.0000")])})
    assert reading.coin_margins["SOL"].maintenance_margin == Decimal(30) / Decimal("158.402") * Decimal("0.005")


@pytest.mark.parametrize("changes", [{"maintMarginRatio": "0"}, {"maintAmount": "300"}])
def test_tiers_by_which_a_position_would_need_nothing_are_not_believed(changes: dict[str, str]) -> None:
    rows = [row | changes if number == 0 else row for number, row in enumerate(tiers("BTC-USDT"))]
    with pytest.raises(AskAgain):
        read({f"{SWAP}/v1/maintMarginRatio": ok(rows)})


def test_a_position_of_others_in_the_same_wallet_needs_its_margin_too() -> None:
    other = position("ETH-USDT", positionAmt="10", positionSide="LONG", markPrice="2000", initialMargin="20000")
    reading = read({POSITIONS: ok([position(), other]), BALANCE: ok([wallet(usedMargin="50000")])})
    assert reading.margin.maintenance_margin == Decimal("30050") * Decimal("0.004") + Decimal("20000") * Decimal(
        "0.004"
    )
    (held,) = [one for one in reading.positions if one.id.symbol == "ETH/USDT:USDT"]
    assert held.quantity == Decimal(10)


def test_a_position_of_others_without_a_table_needs_the_whole_margin_in_use() -> None:
    other = position("ETH-USDT", positionAmt="10", positionSide="LONG", markPrice="2000", initialMargin="20000")

    async def told(_request: web.Request, seen: Seen) -> web.StreamResponse:
        known = seen.params["symbol"] == "BTC-USDT"
        return web.json_response(ok(tiers("BTC-USDT")) if known else said(109425, "ETH-USDT not exist"))

    answers: Answers = {POSITIONS: ok([position(), other]), BALANCE: ok([wallet(usedMargin="50000")])}
    reading = read({**answers, f"{SWAP}/v1/maintMarginRatio": told})
    assert reading.margin.maintenance_margin == Decimal(50_000)
