"""Options on OKX are read: terms from the listing, volatility, forward and Black-Scholes greeks beside it."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from hedger.errors import AskAgain
from hedger.model.account import AccountReading
from hedger.model.instrument import Payoff
from hedger.model.option import OptionType
from hedger.model.spans import HOUR_MS
from hedger.venues.abilities import Ability
from tests.support.stand import proves
from tests.support.stands.okx import (
    API,
    BALANCE,
    BTC,
    INSTRUMENTS,
    POSITIONS,
    RISK,
    STAND,
    answering,
    at_risk,
    calm,
    hurried,
    listed,
    option,
    position,
    told,
)
from tests.support.wire_server import Seen
from tests.support.wire_venue import Desk, opened

SUMMARY = f"{API}/public/opt-summary"
CALL = "BTC-USD-271231-92000-C"
# A recorded row: price-adjusted greeks in coins, and Black-Scholes ones in dollars beside them.
ROW = {
    "askVol": "0", "bidVol": "0", "delta": "0.5105464486882039", "deltaBS": "0.7325502184143025",
    "fwdPx": "37675.80158694987186", "gamma": "-0.13183515090501083", "gammaBS": "0.000024139685826358558",
    "instId": CALL, "instType": "OPTION", "lever": "4.504428015946619", "markVol": "0.5916253554539876", "realVol": "0",
    "theta": "-0.0004202992014012855", "thetaBS": "-18.52354631567909", "ts": "1699586421976", "uly": "BTC-USD",
    "vega": "0.0020207455080045846", "vegaBS": "74.44022302387287", "volLv": "0.5948549730405797",
}  # fmt: skip


def held(name: str = CALL, contracts: str = "-150", **changes: Any) -> dict[str, Any]:
    row = {
        "instType": "OPTION",
        "ccy": "BTC",
        "markPx": "0.0423",
        "idxPx": "37600",
        "lever": "",
        "liqPx": "",
        "upl": "0.1",
    }
    return position(name, contracts, **(row | changes))


def hold(desk: Desk, *rows: dict[str, Any]) -> None:
    desk.fake.answers["GET", POSITIONS] = told(*rows)
    desk.fake.answers["GET", RISK] = told(at_risk(*rows))
    if not any(row["ccy"] == "USDT" for row in rows):
        desk.fake.answers["GET", BALANCE] = told(calm())
    desk.fake.answers["GET", SUMMARY] = told(ROW, ROW | {"instId": "BTC-USD-271231-1-P"})


@proves(Ability.OPTIONS)
def test_an_option_is_told_with_its_terms_and_black_scholes_greeks_of_one_coin() -> None:
    """150 contracts of a hundredth of a coin, sold."""

    async def scenario() -> AccountReading:
        async with opened(stand=STAND) as desk:
            hold(desk, position(), held())
            reading = await desk.venue.read_account()
            assert [seen.params for seen in desk.fake.requests("GET", SUMMARY)] == [{"instFamily": "BTC-USD"}]
            await desk.venue.read_account()
            asked = [seen for seen in desk.fake.requests("GET", INSTRUMENTS) if seen.params["instType"] == "OPTION"]
            assert len(asked) == 1, "terms do not change"
            return reading

    reading = asyncio.run(scenario())
    (row,) = reading.options
    assert (row.id.symbol, row.underlying, row.option_type) == ("BTC/USD:BTC-271231-92000-C", "BTC", OptionType.CALL)
    assert (row.strike, row.expiry_at, row.settlement_ms) == (Decimal(92_000), 1_830_240_000_000, HOUR_MS)
    assert (row.payoff, row.settle, row.quantity, row.coins) == (Payoff.INVERSE, "BTC", Decimal(-150), Decimal("-1.5"))
    assert (row.mark_price, row.mark_sigma) == (Decimal("0.0423"), Decimal("0.5916253554539876"))
    assert (row.forward_price, row.index_price) == (Decimal("37675.80158694987186"), Decimal(37_600))
    greeks = row.greeks
    assert greeks is not None
    assert (greeks.delta, greeks.gamma) == (0.7325502184143025, 0.000024139685826358558), "and not the adjusted ones"
    assert (greeks.vega, greeks.theta) == (74.44022302387287, -18.52354631567909)
    assert [position.id for position in reading.positions] == [BTC], "and it is no future"
    assert reading.unrealized == {"USDT": Decimal("-50.25")}, "its profit is no future's"


def test_what_the_venue_has_no_volatility_for_is_told_without() -> None:
    """Documented: a surface that cannot be fitted has no row."""

    async def scenario() -> AccountReading:
        async with opened(stand=STAND) as desk:
            put = "BTC-USD-271231-92000-P"
            hold(desk, held(), held(put, "3", markPx=""))
            desk.fake.answers["GET", SUMMARY] = told(ROW | {"markVol": "0", "fwdPx": "", "deltaBS": ""})
            return await desk.venue.read_account()

    call, put = asyncio.run(scenario()).options
    assert (call.mark_sigma, call.forward_price, call.greeks) == (None, None, None)
    assert (put.mark_price, put.mark_sigma, put.greeks, put.option_type) == (None, None, None, OptionType.PUT)


def test_options_settled_in_money_are_linear_and_those_on_other_coins_are_left_alone() -> None:
    """Synthetic: no row of a USDC option was recorded."""
    name = "BTC-USDC-271231-92000-C"
    terms = option(name, uly="BTC-USDC", instFamily="BTC-USDC", settleCcy="USDC")

    async def scenario() -> AccountReading:
        async with opened(stand=STAND) as desk:
            hold(desk, held(name, "2", ccy="USDC", markPx="1500"), held("ETH-USD-271231-4000-C", "NaN"))
            desk.fake.answers["GET", INSTRUMENTS] = answering(
                lambda seen: told(terms) if seen.params["instType"] == "OPTION" else listed(seen)
            )
            return await desk.venue.read_account()

    (row,) = asyncio.run(scenario()).options
    assert (row.payoff, row.settle, row.coins) == (Payoff.LINEAR, "USDC", Decimal("0.02"))


def test_an_option_on_our_coin_that_is_not_understood_is_no_reading() -> None:
    async def scenario() -> None:
        async with hurried() as desk:
            for change in ({"idxPx": ""}, {"pos": "1,5"}, {"posSide": "short"}, {"instId": "BTC-USD-271231-1-C"}):
                hold(desk, held(**change))
                with pytest.raises(AskAgain):
                    await desk.venue.read_account()
            hold(desk, held())
            desk.fake.answers["GET", RISK] = told(at_risk())
            with pytest.raises(AskAgain, match="differ"):
                await desk.venue.read_account()
            hold(desk, held())
            desk.fake.answers["GET", SUMMARY] = told(ROW | {"markVol": "NaN"})
            with pytest.raises(AskAgain):
                await desk.venue.read_account()

    asyncio.run(scenario())


@pytest.mark.parametrize("odd", [{"ctMult": ""}, {"optType": "X"}, {"stk": ""}, {"expTime": ""}, {"ctValCcy": "USD"}])
def test_an_option_whose_terms_are_not_understood_is_no_reading(odd: dict[str, str]) -> None:
    def listing(seen: Seen) -> Any:
        return told(option(**odd)) if seen.params["instType"] == "OPTION" else listed(seen)

    async def scenario() -> None:
        async with hurried() as desk:
            hold(desk, held())
            desk.fake.answers["GET", INSTRUMENTS] = answering(listing)
            with pytest.raises(AskAgain, match="not in the venue's listing"):
                await desk.venue.read_account()

    asyncio.run(scenario())
