"""Settings become a policy one to one, every guard is proven wired, and what the venue cannot do is refused."""

from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path

import pytest

from hedger.engine.known.policy import Band, BandRule, Execution, Guards, Levels, Policy, RebalanceTo
from hedger.errors import ConfigError
from hedger.model.account import MarginMode
from hedger.model.instrument import Instrument, InstrumentId, Kind
from hedger.settings.hedges import ExecutionSettings, GuardSettings
from hedger.settings.load import load_settings
from hedger.settings.policy import to_policy
from hedger.settings.reachable import check_reachable
from hedger.settings.wiring import guard_names, prove_wired
from hedger.sim.listings import COINS
from tests.support.configurations import GOOD, ROOT, changed, load

ID = InstrumentId("main", "BTC/USDT:USDT")
BTC = Instrument(
    id=ID,
    kind=Kind.PERPETUAL,
    underlying="BTC",
    quote="USDT",
    settle="USDT",
    contract_multiplier=Decimal(1),
    tick_size=Decimal("0.1"),
    lot_size=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    max_quantity=Decimal(1000),
    min_notional=Decimal(100),
    maker_fee=Decimal("0.0002"),
    taker_fee=Decimal("0.0005"),
    post_only=True,
)
PRICE = {ID: Decimal(60_000)}


def policy_with(folder: Path, band: str = "", guards: str = "", more: str = "") -> Policy:
    text = changed('rule = "coins", width = 0.01', band) if band else GOOD
    return to_policy(load(folder, changed("position = 2", f"position = 2{guards}", text) + more))


def test_the_defaults_of_the_guards_are_those_of_the_design(tmp_path: Path) -> None:
    assert to_policy(load(tmp_path)).hedges[0].guards == Guards(
        quote_age=3_000,
        mark_age=3_000,
        account_age=10_000,
        mark_collar=Decimal(50),
        index_collar=Decimal(100),
        spread=Decimal(20),
        depth=Decimal(1_000),
        basis=Decimal(100),
        adverse_funding=Decimal("0.5"),
        orders_per_minute=20,
        orders_per_day=2_000,
        order_notional=Decimal(50_000),
        daily_notional=Decimal(2_000_000),
        daily_cost=Decimal(1_000),
        position=Decimal(2),
        price_drift=Decimal(500),
        cancels_per_hour=240,
        futile_hedges=3,
        leverage=1,
        margin_mode=MarginMode.CROSS,
        margin_ratio=Levels(warn=Decimal("0.4"), stop=Decimal("0.5"), reduce=Decimal("0.7"), clear=Decimal("0.3")),
        liquidation_distance=Levels(
            warn=Decimal("0.25"), stop=Decimal("0.15"), reduce=Decimal("0.08"), clear=Decimal("0.35")
        ),
    )


@pytest.mark.parametrize(
    ("guards", "breakers", "limit"),
    [
        ("", "", 150_000),
        (", order_notional = 10000", "", 100_000),
        (", order_notional = 300000, daily_notional = 9000000", "", 900_000),
        (", order_notional = 300000, daily_notional = 9000000", "\n[breakers]\nunknown_notional = 5000\n", 5_000),
    ],
)
def test_one_lost_order_never_stops_the_hedging_of_the_rest_unless_the_owner_says_so(
    guards: str, breakers: str, limit: int, tmp_path: Path
) -> None:
    assert policy_with(tmp_path, guards=guards, more=breakers).breakers.unknown_notional == limit


def test_the_defaults_of_the_execution_are_those_of_the_design(tmp_path: Path) -> None:
    assert to_policy(load(tmp_path)).hedges[0].execution == Execution(
        reprice_ms=3_000,
        reprice_ticks=2,
        linger_ms=15_000,
        offset_ticks=0,
        deadline_ms=120_000,
        max_attempts=5,
        attempts_cooldown_ms=30_000,
        cooldown_ms=2_000,
        slice_quantity=None,
        ttl_ms=2_000,
    )


def test_every_guard_and_every_execution_rule_can_be_set() -> None:
    def stems(names: list[str]) -> list[str]:
        return [name.removesuffix("_s").removesuffix("_bps").removesuffix("_ms") for name in names]

    assert stems(list(GuardSettings.model_fields)) == stems([field.name for field in fields(Guards)])
    assert stems(list(ExecutionSettings.model_fields)) == stems([field.name for field in fields(Execution)])


def test_holdings_of_one_coin_are_added_up(tmp_path: Path) -> None:
    more = '[[holdings]]\nasset = "BTC"\nquantity = 0.1\n[[holdings]]\nasset = "BTC"\nquantity = 0.2\n'
    assert policy_with(tmp_path, more=more).hedges[0].static_quantity == Decimal("0.3")


def test_a_width_is_both_sides_and_sides_may_differ(tmp_path: Path) -> None:
    band = policy_with(tmp_path).hedges[0].band
    assert band == Band(
        rule=BandRule.COINS,
        upper=Decimal("0.01"),
        lower=Decimal("0.01"),
        floor=Decimal(0),
        rebalance_to=RebalanceTo.TARGET,
    )
    uneven = policy_with(tmp_path, 'rule = "quote", upper = 500, lower = 200').hedges[0].band
    assert (uneven.upper, uneven.lower) == (Decimal(500), Decimal(200))


def test_all_accounts_count_unless_some_are_named(tmp_path: Path) -> None:
    more = '[accounts.vault]\nvenue = "binance"\n'
    assert policy_with(tmp_path, more=more).hedges[0].spot_accounts == ("main", "vault")
    named = changed("guards =", 'spot_accounts = ["vault"]\nguards =') + more
    assert to_policy(load(tmp_path, named)).hedges[0].spot_accounts == ("vault",)


def test_a_guard_that_nothing_evaluates_is_named() -> None:
    prove_wired(guard_names())
    with pytest.raises(ConfigError, match="nothing evaluates spread, basis"):
        prove_wired(set(guard_names()) - {"spread", "basis"})
    with pytest.raises(ConfigError, match="moon_phase cannot be configured"):
        prove_wired({*guard_names(), "moon_phase"})


def test_a_policy_that_fits_its_instruments_is_reachable(tmp_path: Path) -> None:
    check_reachable(policy_with(tmp_path), [BTC])
    check_reachable(policy_with(tmp_path), [BTC], PRICE)


@pytest.mark.parametrize(
    ("width", "said"),
    [
        ("0.0002", "one lot of main:BTC/USDT:USDT is 0.001 BTC, wider than the whole band of 0.0004 BTC; widen each"),
        ("0.0009", "one lot of main:BTC/USDT:USDT is 0.001 BTC, wider than one side of the band of 0.0009 BTC"),
    ],
)
def test_a_band_narrower_than_a_lot_is_refused(tmp_path: Path, width: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_reachable(policy_with(tmp_path, f'rule = "coins", width = {width}'), [BTC])


def test_a_band_as_wide_as_the_smallest_order_is_reachable(tmp_path: Path) -> None:
    check_reachable(policy_with(tmp_path, 'rule = "coins", width = 0.002'), [BTC], PRICE)


def test_the_least_notional_widens_the_band_that_is_needed(tmp_path: Path) -> None:
    narrow = policy_with(tmp_path, 'rule = "coins", width = 0.001')
    check_reachable(narrow, [BTC])
    with pytest.raises(ConfigError, match=r"the smallest order of .* is 0\.002 BTC, wider than one side"):
        check_reachable(narrow, [BTC], PRICE)


def test_a_band_that_rebalances_to_its_edge_needs_no_finer_lots(tmp_path: Path) -> None:
    check_reachable(policy_with(tmp_path, 'rule = "coins", width = 0.002, rebalance_to = "edge"'), [BTC], PRICE)


def test_a_quote_band_is_measured_in_money(tmp_path: Path) -> None:
    narrow = policy_with(tmp_path, 'rule = "quote", width = 99')
    with pytest.raises(ConfigError, match="is worth 100 USDT, more than the 99 on a side of the band"):
        check_reachable(narrow, [BTC])
    wider = policy_with(tmp_path, 'rule = "quote", width = 110')
    with pytest.raises(ConfigError, match=r"0\.002 BTC, wider than one side"):
        check_reachable(wider, [BTC], PRICE)


def test_a_relative_band_is_as_wide_as_its_floor_or_static_holding(tmp_path: Path) -> None:
    check_reachable(policy_with(tmp_path, 'rule = "relative", width = 0.01'), [BTC], PRICE)
    floored = policy_with(tmp_path, 'rule = "relative", width = 0.01, floor = 0.0004')
    with pytest.raises(ConfigError, match=r"widen each side to at least 0\.002 BTC \(by its floor\)"):
        check_reachable(floored, [BTC], PRICE)
    held = '[[holdings]]\nasset = "BTC"\nquantity = 0.5\n'
    check_reachable(policy_with(tmp_path, 'rule = "relative", width = 0.01, floor = 0.0004', more=held), [BTC], PRICE)


def test_lots_of_a_multiplied_contract_are_counted_in_coins(tmp_path: Path) -> None:
    thousand = replace(BTC, contract_multiplier=Decimal(1000), lot_size=Decimal(1), min_quantity=Decimal(1))
    with pytest.raises(ConfigError, match="is 1000 BTC, wider than the whole band"):
        check_reachable(policy_with(tmp_path), [thousand])


@pytest.mark.parametrize(
    ("instrument", "said"),
    [
        (replace(BTC, post_only=False), "has no post-only orders"),
        (replace(BTC, kind=Kind.SPOT), "is a spot market"),
        (replace(BTC, underlying="ETH"), "is a contract on ETH, and the hedge is of BTC"),
        (replace(BTC, settle="BTC"), "settles in BTC and is priced in USDT"),
        (replace(BTC, lot_size=Decimal(0)), "came without its lot size"),
        (replace(BTC, id=InstrumentId("other", "BTC/USDT:USDT")), "the venue does not list main:BTC/USDT:USDT"),
    ],
)
def test_an_unsuitable_instrument_is_refused(tmp_path: Path, instrument: Instrument, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_reachable(policy_with(tmp_path), [instrument])


def test_a_slice_that_only_the_price_makes_too_small_is_not_refused(tmp_path: Path) -> None:
    """The smallest order is 0.002 at this price: a restart in a fall must not be refused for it."""
    sliced = changed("guards =", "execution.slice_quantity = 0.001\nguards =")
    check_reachable(to_policy(load(tmp_path, sliced)), [BTC], PRICE)


def test_limits_under_the_smallest_order_are_refused(tmp_path: Path) -> None:
    sliced = changed("guards =", "execution.slice_quantity = 0.0005\nguards =")
    with pytest.raises(ConfigError, match=r"execution.slice_quantity: 0\.0005 BTC is too little"):
        check_reachable(to_policy(load(tmp_path, sliced)), [BTC])
    with pytest.raises(ConfigError, match=r"guards.order_notional: 110 USDT is too little: .* worth 120"):
        check_reachable(policy_with(tmp_path, guards=", order_notional = 110"), [BTC], PRICE)


@pytest.mark.parametrize("name", ["paper.toml", "paper-two-coins.toml"])
def test_the_shipped_paper_configurations_fit_the_paper_exchange(name: str) -> None:
    policy = to_policy(load_settings(ROOT / "config" / name, {}, {}))
    listed = [
        replace(
            BTC,
            id=hedge.instruments[0],
            underlying=hedge.underlying,
            lot_size=COINS[hedge.underlying].linear_lot,
            min_quantity=COINS[hedge.underlying].linear_lot,
            min_notional=COINS[hedge.underlying].linear_min_notional,
        )
        for hedge in policy.hedges
    ]
    check_reachable(policy, listed, {i.id: COINS[i.underlying].price for i in listed})
