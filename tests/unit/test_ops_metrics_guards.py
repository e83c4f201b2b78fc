"""What guards see beside their limits, and the counts and times of orders, readings, the journal and the loop."""

import math
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.known.breaker import Breaker, BreakerStatus
from hedger.engine.known.latch import Flatten
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import AccountView, State
from hedger.engine.step import Result
from hedger.model.instrument import Payoff
from hedger.model.message import AccountRead, Event, Stamped, StreamChanged, SwitchFailed, TimePassed, VenueQuieted
from hedger.ops.guard_limits import NOT_NUMBERS, SCALES, limits_of
from hedger.ops.guard_values import GUARDS_WITH_VALUE, OF_AN_ORDER, guard_values
from hedger.ops.metrics import Metrics
from tests.support.ops_states import GUARDS, NOW, ORDER_ID, hedge, hedging_state, order, perpetual, policy, reading

BTC = {"hedge": "btc"}
ACCOUNT = {"account": "binance"}


class Watched:
    """Metrics with a short way to feed and read them."""

    def __init__(self) -> None:
        self.metrics = Metrics(policy())

    def step(self, before: State, after: State, event: Event | None = None) -> None:
        self.metrics.observe(before, Stamped(after.now, event or TimePassed()), Result(after, (), ()), 2e-5)

    def value(self, name: str, labels: Mapping[str, str] | None = None) -> float:
        found = self.metrics.registry.get_sample_value(f"hedger_{name}", dict(labels or {}))
        assert found is not None, f"no series {name} {labels}"
        return found


@pytest.fixture
def watched() -> Watched:
    return Watched()


def account(state: State, **changes: object) -> State:
    view = replace(state.accounts["binance"], **changes)  # type: ignore[arg-type]
    return state._replace(accounts={"binance": view})


def test_each_guard_with_a_number_shows_its_value_beside_its_limit(watched: Watched) -> None:
    limited = {name for name, _, _ in limits_of(GUARDS)}
    assert set(GUARDS_WITH_VALUE) == limited - OF_AN_ORDER == SCALES.keys() - OF_AN_ORDER - NOT_NUMBERS
    for name in GUARDS_WITH_VALUE:
        assert math.isnan(watched.value("guard_value", BTC | {"guard": name}))


def test_the_depth_of_contracts_in_coins_is_what_their_dollars_are(watched: Watched) -> None:
    state = hedging_state()
    rules = replace(state.instruments[perpetual("BTC")], payoff=Payoff.INVERSE, contract_multiplier=D(100))
    state = state._replace(instruments={perpetual("BTC"): rules})
    watched.step(state, state)
    (quote, _) = state.quotes[perpetual("BTC")]
    thinner = min(quote.bid_quantity, quote.ask_quantity)
    assert watched.value("guard_value", BTC | {"guard": "depth"}) == float(100 * thinner)


def test_values_of_guards_are_in_the_units_of_their_limits(watched: Watched) -> None:
    state = hedging_state()
    watched.step(state, state)
    expected = {
        "quote_age": 0.120,
        "spread": 0.2 / 65000,
        "basis": 65001.5 / 64990 - 1,
        "mark_collar": 1 - 65000 / 65001.5,
        "margin_ratio": 7150 / 58000,
        "liquidation_distance": 96480.2 / 65001.5 - 1,
        "position": 1.935,
        "account_age": 0.900,
        "leverage": 3,
        "adverse_funding": -0.1095,  # the rate is positive, so that the short hedge receives it
        "depth": 1.7 * 65000.1,
    }
    shown = {name: watched.value("guard_value", BTC | {"guard": name}) for name in expected}
    assert shown == pytest.approx(expected, rel=1e-3)
    assert math.isnan(watched.value("guard_value", BTC | {"guard": "expiring"}))


def test_what_a_guard_sees_is_what_it_would_deny_on() -> None:
    state = hedging_state()
    old = state._replace(now=state.now + 60_000)
    limits = {name: value for name, level, value in limits_of(GUARDS) if level == "limit"}
    for name in ("quote_age", "mark_age", "account_age"):
        seen, later = guard_values(state, hedge())[name], guard_values(old, hedge())[name]
        assert seen is not None
        assert later is not None
        assert seen <= limits[name] < later


def test_guards_are_looked_at_once_a_second_at_most(watched: Watched) -> None:
    state = hedging_state()
    ages = []
    for ms in range(0, 2_001, 250):
        state = state._replace(now=NOW + ms)
        watched.step(state, state)
        ages.append(watched.value("guard_value", BTC | {"guard": "quote_age"}))
    assert len(set(ages)) == 3


def test_new_limits_of_a_reload_are_shown_and_used(watched: Watched) -> None:
    given = policy()
    guards = replace(GUARDS, daily_cost=D(900), account_age=7_000)
    changed = replace(given, lag_ms=250, hedges=(replace(given.hedges[0], guards=guards, unhedged_after_ms=60_000),))
    watched.metrics.adopt(changed)
    assert watched.value("guard_limit", BTC | {"guard": "daily_cost", "level": "limit"}) == 900
    assert watched.value("unhedged_after_seconds", BTC) == 60
    assert watched.value("account_age_limit_seconds", ACCOUNT) == 7
    assert watched.value("loop_lag_limit_seconds") == 0.25


def test_the_time_to_fill_and_the_life_of_an_order_are_measured(watched: Watched) -> None:
    empty = hedging_state(working=False)
    working = empty._replace(orders={ORDER_ID: order()})
    filled = working._replace(orders={ORDER_ID: order(status=OrderStatus.FILLED)})
    canceled = working._replace(orders={ORDER_ID: order(status=OrderStatus.CANCELED)})
    for end in (filled, canceled):
        watched.step(working, end)
        watched.step(end, end)
    assert watched.value("order_fill_duration_seconds_count", BTC) == 1
    assert watched.value("order_fill_duration_seconds_sum", BTC) == pytest.approx(3.2)
    assert watched.value("order_lifetime_seconds_count", BTC) == 2


def test_a_flatten_is_shown_by_how_far_it_has_come(watched: Watched) -> None:
    asked = Flatten(reason="a test", asked_at=NOW)
    stages = {"working": asked, "held": replace(asked, held=True), "flat": replace(asked, flat_at=NOW)}
    for wanted, flatten in stages.items():
        state = hedging_state()._replace(flattening={"btc": flatten})
        watched.step(state, state)
        assert [name for name in stages if watched.value("flatten_state", BTC | {"state": name})] == [wanted]
    watched.step(hedging_state(), hedging_state())
    assert not any(watched.value("flatten_state", BTC | {"state": name}) for name in stages)


def test_readings_are_counted_by_what_was_made_of_them(watched: Watched) -> None:
    state = hedging_state()
    event = AccountRead(requested_at=NOW, reading=reading(policy()))
    outcomes: dict[str, AccountView] = {
        "believed": replace(state.accounts["binance"], believed_at=NOW),
        "refused": replace(state.accounts["binance"], failures=1, mistrusted=True),
        "doubted": replace(state.accounts["binance"], doubted=event.reading),
        "late": state.accounts["binance"],
    }
    for view in outcomes.values():
        watched.step(state, state._replace(accounts={"binance": view}), event)
    counted = {name: watched.value("account_readings_total", ACCOUNT | {"outcome": name}) for name in outcomes}
    assert counted == dict.fromkeys(outcomes, 1)


def test_losing_belief_in_the_accounts_is_counted_whatever_event_did_it(watched: Watched) -> None:
    state = hedging_state()._replace(reconciled=True)
    watched.step(state, state._replace(reconciled=False), StreamChanged(account="binance", up=False, text="gone"))
    watched.step(state, state)
    assert watched.value("reconciles_total") == 1
    assert watched.value("stream_ends_total", ACCOUNT) == 1


def test_wishes_for_quiet_and_bans_are_counted_apart(watched: Watched) -> None:
    state = hedging_state()
    for banned in (False, False, True):
        watched.step(state, state, VenueQuieted(account="binance", until_at=NOW, banned=banned, text=""))
    counted = {kind: watched.value("quiet_wishes_total", ACCOUNT | {"kind": kind}) for kind in ("quiet", "ban")}
    assert counted == {"quiet": 2, "ban": 1}


def test_extensions_of_the_switch_are_counted_beside_failures(watched: Watched) -> None:
    state = hedging_state()
    for outcome in ("ok", "AskAgain"):
        watched.metrics.timed("switch", "binance", 0.1, outcome)
    watched.step(state, state, SwitchFailed(account="binance", text="timeout"))
    assert watched.value("switch_extensions_total", ACCOUNT) == 2
    assert watched.value("switch_failures_total", ACCOUNT) == 1


def test_an_open_breaker_of_one_instrument_is_shown(watched: Watched) -> None:
    state, id = hedging_state(), perpetual("BTC")
    watched.step(state, account(state, instrument_breakers={id: Breaker(status=BreakerStatus.OPEN)}))
    assert watched.value("instrument_breaker_open", {"account": id.account, "symbol": id.symbol}) == 1


def test_beats_that_came_too_late_are_counted_against_the_limit(watched: Watched) -> None:
    state = hedging_state()
    for lag_ms in (0, 1_000, 1_001):
        watched.step(state, state, TimePassed(lag_ms=lag_ms))
    assert watched.value("loop_late_total") == 1
    watched.metrics.timed("lag", "", 0.03, "ok")
    assert watched.value("beat_lag_seconds_count") == 1


def test_reads_are_timed_by_what_was_read(watched: Watched) -> None:
    watched.metrics.timed("read_prices", "binance", 0.3, "ok")
    assert watched.value("read_duration_seconds_sum", ACCOUNT | {"what": "prices"}) == pytest.approx(0.3)
    assert watched.value("reads_total", ACCOUNT | {"what": "prices"}) == 1


def test_margin_and_the_next_funding_are_shown(watched: Watched) -> None:
    state = hedging_state()
    watched.step(state, state)
    shown = [watched.value(name, ACCOUNT) for name in ("initial_margin", "maintenance_margin", "available_margin")]
    assert shown == [42_000, 7_150, 16_000]
    market = {"account": "binance", "symbol": "BTC/USDT:USDT"}
    assert watched.value("funding_next_timestamp_seconds", market) == (NOW + 4 * 3_600_000) / 1000


class Disk:
    """A journal's file that may be on a disk that does not answer."""

    def __init__(self) -> None:
        self.answers = True

    def size(self) -> int:
        return 4_096

    def room(self) -> tuple[int, int]:
        if not self.answers:
            raise OSError("the disk is gone")
        return 900_000_000, 64_000_000


def test_the_journals_size_and_room_are_asked_for_by_the_scrape(watched: Watched) -> None:
    disk = Disk()
    names = ("journal_size_bytes", "journal_disk_free_bytes", "journal_disk_wanted_bytes")
    assert all(math.isnan(watched.value(name)) for name in names)
    watched.metrics.look_at(disk)
    assert [watched.value(name) for name in names] == [4_096, 900_000_000, 64_000_000]
    disk.answers = False
    assert math.isnan(watched.value("journal_disk_free_bytes"))


def test_the_last_commit_is_told_on_the_programs_clock(watched: Watched) -> None:
    state = hedging_state()
    assert watched.value("journal_commit_timestamp_seconds") == 0
    watched.step(state, state)
    watched.metrics.timed("commit", "", 0.001, "ok")
    assert watched.value("journal_commit_timestamp_seconds") == NOW / 1000
