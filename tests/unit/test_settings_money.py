"""What an owner says of wealth, money and coin-settled contracts becomes the policy, and what cannot be is refused."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hedger.app.daemon import ids_by_account
from hedger.engine.known.policy import Numeraire, Peg
from hedger.errors import ConfigError
from hedger.model.instrument import InstrumentId, Kind, Payoff
from hedger.settings.policy import to_policy
from hedger.settings.reachable import check_reachable
from tests.support.configurations import GOOD, changed, load
from tests.support.engine_policies import instrument_of

BTC = instrument_of(id=InstrumentId("main", "BTC/USDT:USDT"))


def test_a_hedge_with_coin_settled_contracts_carries_what_its_owner_said(tmp_path: Path) -> None:
    inverse = changed("main:BTC/USDT:USDT", "main:BTC/USD:BTC").replace('mode = "paper"', 'mode = "shadow"')
    inverse = inverse.replace('venue = "binance"', 'venue = "binance"\nkey_environment = "live"')
    for word, meant in (("usd", Numeraire.USD), ("coin", Numeraire.COIN)):
        text = inverse.replace("guards =", f'numeraire = "{word}"\nguards =')
        (hedge,) = to_policy(load(tmp_path, text, to_run=False)).hedges
        assert (hedge.numeraire, hedge.numeraire_said) == (meant, True)
        assert hedge.instruments == (InstrumentId("main", "BTC/USD:BTC"),)
        assert hedge.pegs == (), "a dollar has no peg"
    (linear,) = to_policy(load(tmp_path)).hedges
    assert (linear.numeraire, linear.numeraire_said) == (Numeraire.USD, False)


def test_the_money_of_a_hedges_instruments_is_watched_by_its_source(tmp_path: Path) -> None:
    (plain_hedge,) = to_policy(load(tmp_path)).hedges
    assert plain_hedge.pegs == (Peg(asset="USDT", par=Decimal(1), limit=Decimal(200)),)
    told = '[money.USDT]\nsource = "main:USDC/USDT"\ndepeg_bps = 50\nage_s = 30\n'
    (hedge,) = to_policy(load(tmp_path, f"{GOOD}\n{told}")).hedges
    source = InstrumentId("main", "USDC/USDT")
    assert hedge.pegs == (
        Peg(asset="USDT", par=Decimal(1), limit=Decimal(50), source=source, inverted=True, age=30_000),
    )
    assert ids_by_account(to_policy(load(tmp_path, f"{GOOD}\n{told}")))["main"][-1] == source


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"kind": Kind.OPTION}, "is an option, which is read and never traded"),
        ({"payoff": Payoff.QUANTO, "settle": "ETH"}, "a quanto is never traded"),
        ({"payoff": Payoff.INVERSE}, "and the venue calls it inverse"),
    ],
)
def test_what_the_venue_says_of_an_instrument_must_fit_what_may_be_traded(
    tmp_path: Path, changes: dict[str, Any], word: str
) -> None:
    with pytest.raises(ConfigError, match=word):
        check_reachable(to_policy(load(tmp_path)), [replace(BTC, **changes)])


def test_an_inverse_contract_larger_than_the_band_at_its_price_is_refused(tmp_path: Path) -> None:
    """A contract of 100 dollars at 5,000 is 0.02 coins: wider than a band of 0.01."""
    contract = replace(
        BTC,
        payoff=Payoff.INVERSE,
        quote="USD",
        settle="BTC",
        contract_multiplier=Decimal(100),
        lot_size=Decimal(1),
        min_quantity=Decimal(1),
        min_notional=Decimal(0),
    )
    check_reachable(to_policy(load(tmp_path)), [contract], {BTC.id: Decimal(60_000)})
    with pytest.raises(ConfigError, match=r"one lot of main:BTC/USDT:USDT is 0\.02 BTC, wider than"):
        check_reachable(to_policy(load(tmp_path)), [contract], {BTC.id: Decimal(5_000)})
