"""What is said of a hedge's gamma before it starts: the right side and the right numbers; and that it is accepted."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from decimal import Decimal as D
from math import log, sqrt
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pytest
from typer.testing import CliRunner

from hedger.app.gamma import GammaOfHedge, Known, gamma_of, needs_consent, require_consent
from hedger.app.gamma_known import before_start, look, realized
from hedger.app.gamma_words import side_words, told_of, told_without_numbers
from hedger.cli.root import app
from hedger.engine.formulas.profile import Profile, ProfilePoint
from hedger.engine.formulas.synthetic import Synthetic
from hedger.engine.known.policy import Hedge, Target, TargetKind
from hedger.errors import ConfigError
from hedger.model.market import Candle
from hedger.model.message import VenueQuieted
from hedger.model.option import OptionType
from hedger.model.spans import DAY_MS
from hedger.runtime.journal import Journal
from hedger.runtime.quieted import quiet_row
from hedger.settings.schema import Settings
from hedger.sim.port import SimVenue, SteadyLink
from hedger.sim.virtual_time import VirtualClock, run_virtual
from hedger.sim.world import Funds, paper_world
from tests.support.configurations import GOOD, KEYS, ROOT, load, refusal
from tests.support.engine_policies import ACCOUNT, hedge_of, policy_of
from tests.support.engine_worlds import NOW
from tests.support.option_books import CALL, option_of
from tests.support.simulated_daemon import NOON, OWNER, driven

NORMAL = NormalDist()
SYNTHETIC = """
[hedges.BTC.target]
kind = "synthetic"
synthetic = { side = "long", option = "put", strike = 57000, expiry = "2026-02-01T08:00Z", volatility = 0.5, ratio = 1 }
"""
PROFILE = """
[hedges.BTC.target]
kind = "profile"
profile = [{ price = 50000, ratio = 0 }, { price = 70000, ratio = 1 }]
"""
OPTION = """
[[paper.options]]
asset = "BTC"
option = "call"
strike = "105%"
expiry = "30 days"
quantity = -1
"""


def hedge_on(kind: TargetKind, value: str = "0", **changes: Any) -> Hedge:
    return hedge_of(target=Target(kind=kind, value=D(value), **changes))


def put(*, long: bool = True, strike: int = 60_000) -> Hedge:
    option = Synthetic(
        option_type=OptionType.PUT,
        long=long,
        strike=D(strike),
        expiry_at=NOW + 30 * DAY_MS,
        volatility=D("0.5"),
        ratio=D(1),
    )
    return hedge_on(TargetKind.SYNTHETIC, synthetic=option)


def profile(*, rising: bool = True) -> Hedge:
    points = (ProfilePoint(D(50_000), D(not rising)), ProfilePoint(D(70_000), D(rising)))
    return hedge_on(TargetKind.PROFILE, profile=Profile(points=points))


def told(hedge: Hedge, **changes: Any) -> GammaOfHedge:
    known = Known(**({"price": D(60_000), "holding": D(1)} | changes))
    found = gamma_of(hedge, known, NOW)
    assert found is not None
    return found


# --- numbers --------------------------------------------------------------------------------------------------------


def test_what_is_said_of_a_synthetic_put_is_what_black_76_says_of_a_put() -> None:
    said = told(put())
    spread = 0.5 * sqrt(30 / 365)
    d1 = spread / 2
    gamma = NORMAL.pdf(d1) / (60_000 * spread)
    assert said.chosen == pytest.approx(gamma, rel=1e-9)
    assert said.swing(said.chosen, 0.01) == pytest.approx(gamma * 600**2 / 2, rel=1e-9)
    assert said.decay(0.5) == pytest.approx(gamma * 60_000**2 * 0.25 / 2 / 365, rel=1e-9)
    assert said.sigma == 0.5
    assert said.usual == 0.5, "nothing was measured"
    assert told(put(), realized=0.3).usual == 0.3


def test_a_trend_gains_the_payoff_of_the_option_less_its_value_now() -> None:
    """Straight down, without any oscillation, a replicated put gains its value at the end less that at the start."""
    said, option = told(put()), put().target.synthetic
    assert option is not None
    for move in (-0.2, 0.2):
        end = D(60_000) * (1 + D(str(move)))
        assert said.trend(move) == pytest.approx(option.value(end, NOW) - option.value(D(60_000), NOW), rel=1e-3)


def test_a_profile_earns_what_its_slope_says_on_a_day_that_moves() -> None:
    said = told(profile())
    assert said.chosen == pytest.approx(-1 / 20_000)
    assert said.swing(said.chosen, 0.01) == pytest.approx(-9.0)
    assert said.trend(0.1) == pytest.approx(-(0.5 * 6_000 + 6_000**2 / 20_000 / 2), rel=1e-6)
    assert told(profile(rising=False)).chosen == pytest.approx(1 / 20_000)


def test_turnover_and_cost_are_those_of_the_band() -> None:
    """Back to the target from a band of 0.01 coins: D/A a year with D = Γ²σ²S²."""
    said = told(profile(), realized=0.4)
    variance = (60_000 / 20_000 * 0.4) ** 2
    assert said.turnover(0.4) == pytest.approx(variance / 0.01)
    assert said.cost(0.4) == pytest.approx(variance / 0.01 * 60_000 * 0.0002)


def test_costs_move_the_break_even_against_whoever_trades() -> None:
    long, short = told(put()), told(put(long=False))
    cost = long.cost(0.5) or 0.0
    gamma = long.chosen * 60_000**2
    assert long.break_even() == pytest.approx(sqrt(0.25 - 2 * cost / gamma))
    assert short.break_even() == pytest.approx(sqrt(0.25 + 2 * cost / gamma))
    assert (long.break_even() or 1) < 0.5 < (short.break_even() or 0)


def test_the_break_even_of_many_options_is_where_their_gamma_and_theta_meet() -> None:
    """A week at 45 % is bought and 40 days at 80 % are sold: between both there is no volatility that is even."""
    near = option_of(CALL, "2", days=7, mark_sigma=D("0.45"))
    far = option_of(CALL, "-1", strike="70000", days=40, mark_sigma=D("0.8"))
    said = told(hedge_of(), options=(near, far), maker_fee=0.0)
    day = (said.break_even() or 0) / sqrt(365)
    assert said.swing(said.options, day) == pytest.approx(-said.theta, rel=1e-9)
    both = told(hedge_of(), options=(near, replace(far, quantity=D(-3))), maker_fee=0.0)
    assert both.options > 0
    assert both.theta > 0
    assert both.break_even() is None
    lines = "\n".join(told_of([both]))
    assert "buys low and sells high, and collects" in lines
    assert "calm earns, and so does a move" in lines


def test_options_whose_greeks_cannot_be_reckoned_are_told_as_such_and_not_as_no_gamma() -> None:
    lines = "\n".join(told_of([told(hedge_of(), options=(option_of(quantity="-1", forward_price=None),))]))
    assert "options held not usable" in lines
    assert "gives no forward" in lines
    assert "no gamma at this price" not in lines


def test_options_that_are_held_are_told_with_their_own_greeks(tmp_path: Path) -> None:
    (said,) = before_start(load(tmp_path, GOOD + "[hedges.BTC.target]\naccept_gamma = true\n" + OPTION)).gammas
    spread = 0.5 * sqrt((30 * DAY_MS + 20 * 60_000) / (365 * DAY_MS))
    d1 = (log(60_000 / 63_000) + spread**2 / 2) / spread
    gamma = NORMAL.pdf(d1) / (60_000 * spread)
    assert said.options == pytest.approx(-gamma, rel=1e-6)
    assert said.follows == pytest.approx(gamma, rel=1e-6)
    assert said.chosen == 0
    assert said.theta == pytest.approx(gamma * 60_000**2 * 0.25 / 2 / 365, rel=1e-6)
    value = said.shock(0.2)
    assert value < 0, "who sold an option loses on a jump either way"
    assert said.shock(-0.2) < 0


def test_a_venue_is_looked_at_for_what_is_held_there_and_is_closed_again() -> None:
    funds = Funds(spot={"BTC": D("1.2")}, linear=D(100_000), options={"BTC/USDT:USDT-260130-63000-C": D(-1)})
    policy = policy_of(hedge_of())

    async def scene() -> list[GammaOfHedge]:
        world = paper_world(1, NOON, users={OWNER: funds}, owner=OWNER, still=True)
        async with driven(world):
            clock = VirtualClock()
            venue = SimVenue(world.exchange, clock, SteadyLink(clock, 1), account=ACCOUNT, user=OWNER)
            return await look(policy, {ACCOUNT: venue}, clock.now_ms())

    (said,) = run_virtual(scene(), NOON)
    assert said.known.holding == D("1.2")
    assert abs(said.known.price - 60_000) < 1_000
    assert said.known.realized is not None
    assert said.options < 0 < said.theta
    assert needs_consent(policy.hedges[0], [said])
    assert not needs_consent(policy.hedges[0], [])


def test_hourly_bars_of_one_size_have_the_volatility_of_that_size() -> None:
    assert realized(()) is None
    step = 0.5 / sqrt(365 * 24)
    rng, price, candles = [1, -1] * 84, 60_000.0, []
    for at, sign in enumerate(rng):
        close = price * (1 + sign * step)
        high, low = max(price, close), min(price, close)
        row = [D(repr(round(x, 2))) for x in (price, high, low, close)]
        candles.append(Candle(opened_at=at * 3_600_000, open=row[0], high=row[1], low=row[2], close=row[3]))
        price = close
    found = realized(tuple(candles))
    assert found is not None
    assert 0.1 < found < 0.6


# --- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hedge", "words"),
    [
        (put(), "long gamma (convex): it buys as the price rises"),
        (put(long=False), "short gamma (concave): it sells as the price rises"),
        (profile(), "short gamma (concave): it sells as the price rises"),
        (profile(rising=False), "long gamma (convex): it buys as the price rises"),
        (hedge_on(TargetKind.QUOTE, "30000"), "short gamma (concave): it sells as the price rises"),
    ],
)
def test_each_target_is_told_by_its_side(hedge: Hedge, words: str) -> None:
    lines = "\n".join(told_of([told(hedge)]))
    assert words in lines
    assert ("oscillation  costs" in lines) == words.startswith("long")
    assert "Spot has no gamma" in lines
    assert "a short hedge receives it" in lines


def test_what_is_not_known_yet_is_said_to_be_so() -> None:
    assert "realised     not known yet" in "\n".join(told_of([told(put())]))
    assert "realised     42 % a year" in "\n".join(told_of([told(put(), realized=0.42)]))


def test_a_hedge_without_a_gamma_is_not_spoken_of() -> None:
    known = Known(price=D(60_000), holding=D(1))
    for hedge in (hedge_of(), hedge_on(TargetKind.RATIO, "0.5"), hedge_on(TargetKind.COINS, "1")):
        assert gamma_of(hedge, known, NOW) is None
    assert told_of([]) == []
    assert [side_words(gamma)[:5] for gamma in (1.0, -1.0, 0.0)] == ["long ", "short", "no ga"]


@pytest.mark.parametrize(
    ("hedge", "words"),
    [
        (put(), "lies between 0 and 1 BTC"),
        (put(long=False), "lies between 1 and 2 BTC: more than is held, which is leverage"),
        (profile(), "lies between 0 and 1 BTC"),
    ],
)
def test_how_far_a_target_reaches_is_said(hedge: Hedge, words: str) -> None:
    (line,) = [line for line in told_of([told(hedge)]) if line.startswith("  reach")]
    assert line.endswith(words)


def test_a_profile_outside_its_points_says_where_its_gamma_begins() -> None:
    lines = told_of([told(profile(), price=D(90_000))])
    assert any("no gamma at this price" in line for line in lines)


# --- whether it may start -------------------------------------------------------------------------------------------


def asked(settings: Settings, *, yes: bool = False) -> None:
    known = before_start(settings)
    require_consent(settings, known.policy, known.gammas, yes=yes)


@pytest.mark.parametrize("text", [SYNTHETIC, PROFILE, OPTION])
def test_a_gamma_starts_only_when_its_owner_accepts_it(tmp_path: Path, text: str) -> None:
    settings = load(tmp_path, GOOD + text)
    with pytest.raises(ConfigError, match=r"accept_gamma = true in hedges\.BTC\.target$"):
        asked(settings)
    asked(settings, yes=True)
    accepted = text.replace("[hedges.BTC.target]\n", "[hedges.BTC.target]\naccept_gamma = true\n")
    if text is OPTION:
        accepted = "[hedges.BTC.target]\naccept_gamma = true\n" + text
    asked(load(tmp_path, GOOD + accepted))


def test_a_target_in_quote_is_told_and_not_asked_for(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD + '[hedges.BTC.target]\nkind = "quote"\nvalue = 30000\n')
    assert len(before_start(settings).gammas) == 1
    asked(settings)


def test_a_venue_that_cannot_be_read_holds_up_what_was_accepted_as_little_as_it_lets_the_rest_start(
    tmp_path: Path,
) -> None:
    """Without a way to the venue the side is said without numbers; whether it may start is the owner's word alone."""
    shadow = GOOD.replace('"paper"', '"shadow"').replace('"binance"', '"binance"\nkey_environment = "live"')
    text = shadow + SYNTHETIC.replace("2026", "2096") + "\n[paper]\nseed = 1\n"
    settings = load(tmp_path, f'state_dir = "{tmp_path}"\n' + text, to_run=False)  # it has no keys
    known = before_start(settings)
    assert known.gammas == []
    assert known.unread is not None
    assert "accounts.main has no key" in known.unread
    lines = told_without_numbers(known.policy, known.unread)
    assert lines[0].endswith("long gamma (convex)")
    assert "not known yet" in lines[1]
    with pytest.raises(ConfigError, match="nobody has accepted"):
        require_consent(settings, known.policy, known.gammas, yes=False)
    require_consent(settings, known.policy, known.gammas, yes=True)


def test_a_venue_that_wants_quiet_is_not_looked_at(tmp_path: Path) -> None:
    """With keys the look would go out; what an earlier start was asked for keeps it in."""
    shadow = GOOD.replace('"paper"', '"shadow"').replace('"binance"', '"binance"\nkey_environment = "live"')
    with closing(Journal.open(tmp_path)) as journal:
        ban = VenueQuieted(account="main", until_at=5 * 10**12, banned=True, text="HTTP 418")
        journal.begin(NOW, {})
        journal.write([quiet_row(NOW, ban)])
    settings = load(tmp_path, f'state_dir = "{tmp_path}"\n' + shadow + SYNTHETIC.replace("2026", "2096"), None, KEYS)
    known = before_start(settings)
    assert known.unread is not None
    assert "main: quiet: banned until" in known.unread


def test_nothing_is_said_or_asked_where_nothing_has_a_gamma(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert before_start(settings).gammas == []
    asked(settings)


def test_an_option_that_has_expired_does_not_start(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD + SYNTHETIC.replace("2026-02-01T08:00Z", "2025-12-31T08:00Z"))
    with pytest.raises(ConfigError, match=r"hedges\.BTC\.target\.synthetic\.expiry is past"):
        before_start(settings)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SYNTHETIC.replace("ratio = 1", "ratio = 1, coins = 2"), "needs either `ratio` (of the holding) or `coins`"),
        (SYNTHETIC.replace(", ratio = 1", ""), "needs either `ratio` (of the holding) or `coins`"),
        (SYNTHETIC.replace("volatility = 0.5, ", ""), "volatility is missing"),
        (SYNTHETIC.replace("57000", '"0%"'), "strike must be more than 0"),
        (SYNTHETIC.replace("57000", '"high"'), "strike must be a price, such as 55000"),
        (SYNTHETIC.replace("2026-02-01", "2026-02-31"), "expiry is no day of the calendar"),
        (SYNTHETIC.replace("2026-02-01T08:00Z", "soon"), "expiry must be an instant"),
        (SYNTHETIC.replace('"synthetic"', '"neutral"'), 'synthetic belongs to kind = "synthetic"'),
        ('[hedges.BTC.target]\nkind = "synthetic"\n', "a target of kind synthetic needs an option"),
        (PROFILE.replace("70000", "50000"), "must be more than the one before it, which is 50000"),
        (PROFILE.replace(", { price = 70000, ratio = 1 }", ""), "needs at least two points"),
        (PROFILE.replace('"profile"', '"profile"\nvalue = 1'), "has no meaning for a profile target"),
        (PROFILE.replace('"profile"', '"ratio"\nvalue = 1'), 'profile belongs to kind = "profile"'),
        (OPTION.replace("-1", "0"), "quantity is 0"),
        (OPTION.replace("BTC", "DOGE"), "asset is DOGE"),
        (OPTION.replace("30 days", "2025-06-27T08:00Z"), "before a paper world begins"),
        ('[paper]\ncontracts = ["BTC/USD:ETH"]\n', "is not to be had"),
        ('[paper]\ncontracts = ["BTC/USDT:USDT-251226"]\n', "has ended before a paper world begins"),
        ('[paper]\ncontracts = ["BTC/USD:USD"]\n', "linear contracts are in USDT and inverse ones in USD"),
    ],
)
def test_a_target_or_a_paper_world_that_means_nothing_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    assert sentence in str(refusal(tmp_path, GOOD + text))


def test_anywhere_but_on_paper_strike_and_expiry_are_absolute(tmp_path: Path) -> None:
    """A restart would move what is counted from a start."""
    live = GOOD.replace('"paper"', '"shadow"').replace('"binance"', '"binance"\nkey_environment = "live"')
    relative = SYNTHETIC.replace("57000", '"95%"').replace("2026-02-01T08:00Z", "30 days")
    said = str(refusal(tmp_path, live + relative, to_run=False))
    assert "strike is 95% of a starting price, which only paper has" in said
    assert "each restart would move it" in said
    assert load(tmp_path, live + SYNTHETIC, to_run=False).hedges["BTC"].target.synthetic is not None


def test_a_venue_whose_targets_have_no_gamma_is_told_without_keys() -> None:
    result = CliRunner().invoke(app, ["gamma", "--config", str(ROOT / "config" / "live.example.toml")])
    assert result.exit_code == 0, result.output
    assert "no hedge has a target with a gamma" in result.output
