"""Two moneys on Binance: in single-asset mode each backs only what settles in it, and the totals are of USDT alone."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from hedger.errors import AskAgain
from hedger.model.account import AccountReading, Margin
from hedger.venues.abilities import Ability
from tests.support.stand import proves
from tests.support.wire_bodies import futures_account, futures_symbol, held, risk, settings
from tests.support.wire_venue import BTC, Desk, opened

D = Decimal
IN_USDC = "BTC/USDC:USDC"
BTCUSDC = {**futures_symbol("BTC"), "symbol": "BTCUSDC", "pair": "BTCUSDC", "quoteAsset": "USDC", "marginAsset": "USDC"}


def wallet(asset: str, equity: str, maintenance: str) -> dict[str, Any]:
    """A row of `assets` as documented, in its own asset."""
    return {
        "asset": asset,
        "walletBalance": equity,
        "unrealizedProfit": "0.00000000",
        "marginBalance": equity,
        "maintMargin": maintenance,
        "initialMargin": maintenance,
        "availableBalance": str(Decimal(equity) - Decimal(maintenance)),
        "updateTime": 0,
    }


def read(
    symbols: Sequence[str], shared: bool | None, *wallets: dict[str, Any], totals: tuple[str, str] = ("1002", "120.2")
) -> AccountReading:
    """The account with a short in USDC, of which its totals (equity and maintenance margin) say nothing."""

    async def scenario() -> AccountReading:
        async with opened(ready=False) as desk:
            _tell(desk, shared, wallet("USDT", *totals), *wallets)
            await desk.venue.open(symbols)
            return await desk.venue.read_account()

    return asyncio.run(scenario())


def _tell(desk: Desk, shared: bool | None, *wallets: dict[str, Any]) -> None:
    rows = [held("BTCUSDC", "-0.5"), held("BTCUSDT", "-0.5")]
    mode = {"canTrade": True, "dualSidePosition": False} | ({} if shared is None else {"multiAssetsMargin": shared})
    desk.fake.answers |= {
        ("GET", "/fapi/v1/exchangeInfo"): {"symbols": [futures_symbol("BTC"), BTCUSDC]},
        ("GET", "/fapi/v1/symbolConfig"): [settings("BTCUSDT"), settings("BTCUSDC")],
        ("GET", "/fapi/v3/account"): account_of(wallets[0], *rows, assets=list(wallets)),
        ("GET", "/fapi/v3/positionRisk"): [risk("BTCUSDC", "-0.5"), risk("BTCUSDT", "-0.5")],
        ("GET", "/fapi/v1/accountConfig"): mode,
    }


def account_of(money: dict[str, Any], *rows: dict[str, Any], assets: list[dict[str, Any]]) -> dict[str, Any]:
    """The whole account, whose totals are those of one money."""
    totals = {
        "totalMarginBalance": money["marginBalance"],
        "totalMaintMargin": money["maintMargin"],
        "totalInitialMargin": money["initialMargin"],
        "availableBalance": money["availableBalance"],
    }
    return futures_account(*rows, assets=assets, **totals)


@proves(Ability.EQUITY_AND_MARGIN)
def test_in_single_asset_mode_a_contract_in_usdc_hangs_on_usdc_alone() -> None:
    reading = read([IN_USDC], False, wallet("USDC", "400", "380"))
    assert reading.margin == Margin(equity=D(400), maintenance_margin=D(380), initial_margin=D(380), available=D(20))


@pytest.mark.parametrize(("usdc", "ratio"), [(("400", "380"), D("0.95")), (("400", "1"), D("120.2") / D(1002))])
def test_of_two_moneys_the_one_that_is_nearer_to_liquidation_is_told(usdc: tuple[str, str], ratio: Decimal) -> None:
    reading = read([BTC.symbol, IN_USDC], False, wallet("USDC", *usdc))
    assert reading.margin.margin_ratio == ratio


def test_each_money_tells_its_own_margin_whichever_is_nearer_to_liquidation() -> None:
    """What is free of one money lets nothing be added that settles in the other."""
    reading = read([BTC.symbol, IN_USDC], False, wallet("USDC", "400", "380"))
    assert {money: margin.available for money, margin in reading.coin_margins.items()} == {
        "USDT": D("881.8"),
        "USDC": D(20),
    }
    assert read([BTC.symbol, IN_USDC], True, wallet("USDC", "400", "380")).coin_margins == {}
    assert read([BTC.symbol], False, wallet("USDC", "400", "380")).coin_margins == {}


def test_a_wallet_with_nothing_in_it_does_not_hide_what_is_free_of_the_other_money() -> None:
    """Nobody who has no USDC yet is told that there is no margin at all."""
    nothing = read([BTC.symbol, IN_USDC], False, wallet("USDC", "0", "0"), totals=("1002", "0"))
    assert nothing.margin.equity == D(1002)
    assert nothing.coin_margins["USDC"].available == 0


def test_in_multi_assets_mode_the_whole_account_backs_a_contract_in_usdc() -> None:
    reading = read([IN_USDC], True, wallet("USDC", "400", "380"))
    assert (reading.margin.equity, reading.margin.maintenance_margin) == (D(1002), D("120.2"))


def test_who_trades_in_usdt_alone_is_told_the_totals_whatever_usdc_is_short_of() -> None:
    for shared in (False, True, None):
        assert read([BTC.symbol], shared, wallet("USDC", "400", "380")).margin.equity == D(1002)


def test_a_margin_of_usdc_that_is_not_told_is_no_margin() -> None:
    with pytest.raises(AskAgain, match="does not tell the margin of USDC"):
        read([IN_USDC], False)
    with pytest.raises(AskAgain, match="whether USDC is backed by the whole account"):
        read([IN_USDC], None, wallet("USDC", "400", "380"))
