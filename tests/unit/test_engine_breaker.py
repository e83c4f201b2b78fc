"""An account's breaker: what opens it, for how long, how one order tries, and when a person must look."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.known.breaker import HARMLESS, Breaker, BreakerStatus
from hedger.engine.known.policy import BreakerLimits
from hedger.model.order import RejectReason
from hedger.model.spans import DAY_MS
from tests.support.engine_worlds import NOW

LIMITS = BreakerLimits()
COUNTED = [reason for reason in RejectReason if reason not in HARMLESS]
PLAIN = RejectReason.CLOCK
OF_EVERY_REQUEST = (RejectReason.RATE_LIMITED, RejectReason.CLOCK, RejectReason.NOT_AUTHORISED)


def refused(breaker: Breaker, *reasons: RejectReason, now: int = NOW, reduces: bool = False) -> Breaker:
    for reason in reasons:
        breaker = breaker.rejected("an order", reason, LIMITS, now, reduces=reduces)
    return breaker


def half_open(breaker: Breaker, probe: str | None = "probe") -> Breaker:
    """The breaker when its cool-down is over, with an order that tries."""
    breaker = breaker.looked_at(None, LIMITS, breaker.until_at)
    assert breaker.status is BreakerStatus.HALF_OPEN
    return breaker if probe is None else breaker.sent(probe, adds_risk=True)


CLOSED = Breaker()
OPEN = refused(Breaker(), *[PLAIN] * LIMITS.rejects)


# --- opening ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "times"),
    [
        (RejectReason.INVALID_ORDER, 5),
        (RejectReason.RATE_LIMITED, 5),
        (RejectReason.CLOCK, 5),
        (RejectReason.INSUFFICIENT_MARGIN, 2),
        (RejectReason.UNAVAILABLE, 2),
        (RejectReason.NOT_AUTHORISED, 1),
    ],
)
def test_so_many_refusals_in_a_row_open_it_and_one_fewer_does_not(reason: RejectReason, times: int) -> None:
    adding, all_of_it = refused(Breaker(), *[reason] * times), refused(Breaker(), *[reason] * times, reduces=True)
    assert refused(Breaker(), *[reason] * (times - 1)).status is BreakerStatus.CLOSED
    assert adding.status is (BreakerStatus.OPEN if reason in OF_EVERY_REQUEST else BreakerStatus.RESTRICTED)
    assert all_of_it.status is BreakerStatus.OPEN


def test_where_what_adds_was_refused_what_reduces_finds_out_for_itself() -> None:
    adding = refused(Breaker(), *[RejectReason.INSUFFICIENT_MARGIN] * 3)
    assert adding.forbids(None, adds_risk=True)
    assert not adding.forbids(None, adds_risk=False)
    assert adding.cooldown_ms == LIMITS.cooldown_ms, "what was under way says nothing new"
    assert refused(adding, RejectReason.INSUFFICIENT_MARGIN, reduces=True).status is BreakerStatus.OPEN


@pytest.mark.parametrize("breaker", ["open", "trying", "restricted"])
def test_a_margin_reduction_leaves_whatever_was_refused_before(breaker: str) -> None:
    made = {"open": OPEN, "trying": half_open(OPEN), "restricted": RESTRICTED}[breaker]
    assert not made.forbids("a reduction", adds_risk=False, saves=True)


def test_a_refused_key_stops_margin_reductions_too_because_it_may_be_a_ban() -> None:
    banned = refused(Breaker(), RejectReason.NOT_AUTHORISED)
    assert banned.forbids("a reduction", adds_risk=False, saves=True)
    tried = OPEN.rejected("a reduction", RejectReason.NOT_AUTHORISED, LIMITS, NOW, reduces=True, saves=True)
    assert tried.forbids("the next one", adds_risk=False, saves=True)
    assert tried.until_at == NOW + 300_000


def test_an_order_that_told_nothing_lets_another_try() -> None:
    trying = half_open(OPEN)
    assert trying.freed("another") is trying
    assert trying.freed("probe").probe is None


def test_refusals_of_many_kinds_count_together() -> None:
    kinds = RejectReason
    mixed = [PLAIN, kinds.INVALID_ORDER, kinds.INSUFFICIENT_MARGIN, kinds.RATE_LIMITED, PLAIN]
    assert refused(Breaker(), *mixed[:4]).status is BreakerStatus.CLOSED
    assert refused(Breaker(), *mixed).status is BreakerStatus.OPEN


@pytest.mark.parametrize("reason", sorted(HARMLESS))
def test_refusals_that_say_nothing_of_the_account_never_open_it(reason: RejectReason) -> None:
    assert refused(Breaker(), *[reason] * 100) == Breaker()


def test_an_acceptance_ends_the_row() -> None:
    nearly = refused(Breaker(), *[PLAIN] * (LIMITS.rejects - 1)).accepted("another")
    assert refused(nearly, PLAIN).status is BreakerStatus.CLOSED


def test_a_key_that_is_refused_waits_five_minutes_because_it_may_be_a_ban_in_disguise() -> None:
    assert refused(Breaker(), RejectReason.NOT_AUTHORISED).until_at == NOW + 300_000


def test_refusals_that_were_under_way_when_it_opened_say_nothing_new() -> None:
    assert refused(OPEN, RejectReason.NOT_AUTHORISED, RejectReason.NOT_AUTHORISED, PLAIN) == OPEN


# --- who may leave ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("adds_risk", [True, False])
def test_open_it_forbids_every_create_until_the_cool_down_is_over(adds_risk: bool) -> None:
    assert OPEN.forbids(None, adds_risk=adds_risk)
    assert OPEN.looked_at(None, LIMITS, OPEN.until_at - 1).status is BreakerStatus.OPEN
    assert not half_open(OPEN, None).forbids(None, adds_risk=adds_risk)


def test_half_open_exactly_one_order_may_leave() -> None:
    trying = half_open(OPEN, "the first").sent("the second", adds_risk=True)
    assert not trying.forbids("the first", adds_risk=True)
    assert trying.forbids("the second", adds_risk=True)
    assert trying.forbids(None, adds_risk=False)


def test_the_acceptance_of_the_probe_closes_it_and_of_no_other_order() -> None:
    trying = half_open(OPEN)
    assert trying.accepted("another").status is BreakerStatus.HALF_OPEN
    closed = trying.accepted("probe")
    assert (closed.status, closed.cause, closed.rejects) == (BreakerStatus.CLOSED, "", 0)


@pytest.mark.parametrize("reason", COUNTED)
def test_a_probe_that_is_refused_opens_it_for_longer(reason: RejectReason) -> None:
    trying = half_open(OPEN)
    again = trying.rejected("probe", reason, LIMITS, NOW, reduces=False)
    assert again.status in (BreakerStatus.OPEN, BreakerStatus.RESTRICTED)
    assert again.cooldown_ms >= 2 * OPEN.cooldown_ms


def test_a_probe_that_was_not_sent_or_would_have_crossed_lets_another_try() -> None:
    for reason in (RejectReason.NOT_SENT, RejectReason.POST_ONLY_WOULD_CROSS):
        again = half_open(OPEN).rejected("probe", reason, LIMITS, NOW, reduces=False)
        assert (again.status, again.probe) == (BreakerStatus.HALF_OPEN, None)


def test_a_probe_whose_answer_is_lost_opens_it_again() -> None:
    trying = half_open(OPEN)
    assert trying.lost("another", LIMITS, NOW) is trying
    assert trying.lost("probe", LIMITS, NOW).status is BreakerStatus.OPEN


def test_cool_downs_double_up_to_a_quarter_of_an_hour() -> None:
    breaker, spans = OPEN, [OPEN.cooldown_ms]
    for _ in range(7):
        breaker = half_open(breaker).rejected("probe", PLAIN, LIMITS, NOW, reduces=False)
        spans.append(breaker.cooldown_ms)
    assert spans == [30_000, 60_000, 120_000, 240_000, 480_000, 900_000, 900_000, 900_000]


# --- orders of unknown fate -------------------------------------------------------------------------------------------


def test_too_many_orders_of_unknown_fate_open_it_and_it_stays_open_while_they_are() -> None:
    opened = Breaker().looked_at("3 orders are of unknown fate", LIMITS, NOW)
    assert opened.status is BreakerStatus.OPEN
    assert opened.looked_at("3 orders", LIMITS, NOW + DAY_MS).status is BreakerStatus.OPEN
    assert opened.looked_at(None, LIMITS, NOW + DAY_MS).status is BreakerStatus.HALF_OPEN


# --- a restricted account ---------------------------------------------------------------------------------------------

RESTRICTED = refused(Breaker(), RejectReason.RESTRICTED)


def test_a_restricted_account_only_reduces() -> None:
    assert RESTRICTED.status is BreakerStatus.RESTRICTED
    assert RESTRICTED.forbids(None, adds_risk=True)
    assert not RESTRICTED.forbids(None, adds_risk=False)


def test_after_a_restriction_only_an_order_that_adds_risk_can_tell() -> None:
    trying = half_open(RESTRICTED, None).sent("reduces", adds_risk=False)
    assert trying.probe is None
    assert trying.accepted("reduces").status is BreakerStatus.HALF_OPEN
    trying = trying.sent("adds", adds_risk=True)
    assert trying.forbids("another", adds_risk=True)
    assert not trying.forbids("another", adds_risk=False)
    assert trying.accepted("adds").status is BreakerStatus.CLOSED
    again = trying.rejected("adds", RejectReason.RESTRICTED, LIMITS, NOW, reduces=False)
    assert (again.status, again.cooldown_ms) == (BreakerStatus.RESTRICTED, 2 * RESTRICTED.cooldown_ms)


def test_where_not_even_a_reducing_order_is_taken_nothing_is_sent() -> None:
    assert refused(RESTRICTED, RejectReason.RESTRICTED, reduces=True).status is BreakerStatus.OPEN


# --- when a person must look ------------------------------------------------------------------------------------------


def test_a_key_that_is_refused_three_times_in_a_row_needs_a_person() -> None:
    breaker = refused(Breaker(), RejectReason.NOT_AUTHORISED)
    for _ in range(2):
        assert not breaker.lost_authority
        breaker = half_open(breaker).rejected("probe", RejectReason.NOT_AUTHORISED, LIMITS, NOW, reduces=False)
    assert breaker.lost_authority


def test_only_a_recovery_that_fails_again_is_another_trip() -> None:
    """An outage of hours is one trip, however often an order tries; a person is called for recoveries that repeat."""
    breaker = OPEN
    for _ in range(20):
        breaker = half_open(breaker).rejected("probe", PLAIN, LIMITS, NOW, reduces=False)
    assert (len(breaker.trips), breaker.tripped) == (1, 1)
    breaker = refused(half_open(breaker).accepted("probe"), *[PLAIN] * LIMITS.rejects)
    assert (len(breaker.trips), breaker.tripped) == (2, 2)


def test_trips_are_forgotten_after_a_day_and_when_a_person_resumes() -> None:
    later = OPEN.looked_at(None, LIMITS, NOW + DAY_MS)
    assert (later.trips, later.tripped) == ((), 1)
    resumed = refused(Breaker(), RejectReason.NOT_AUTHORISED).resumed()
    assert (resumed.status, resumed.trips, resumed.alike) == (BreakerStatus.HALF_OPEN, (), 0)
    assert replace(Breaker(), trips=(NOW,)).resumed() == Breaker()


def test_the_limits_are_those_that_it_is_given() -> None:
    strict = replace(LIMITS, rejects=2, cooldown_ms=1_000, unknown_notional=D(1))
    breaker = (
        Breaker().rejected("a", PLAIN, strict, NOW, reduces=False).rejected("b", PLAIN, strict, NOW, reduces=False)
    )
    assert (breaker.status, breaker.until_at) == (BreakerStatus.OPEN, NOW + 1_000)


# --- to the last field ------------------------------------------------------------------------------------------------


def test_a_probe_that_is_taken_leaves_nothing_behind_but_the_count_of_trips() -> None:
    closed = half_open(refused(Breaker(), *[RejectReason.INSUFFICIENT_MARGIN] * 2)).accepted("probe")
    assert closed == Breaker(trips=(NOW,), tripped=1)


def test_an_acceptance_of_nothing_special_changes_nothing() -> None:
    assert CLOSED.accepted("an order") is CLOSED
    assert not refused(CLOSED, PLAIN).accepted("an order").lost_authority


def test_a_restriction_says_so_and_a_trip_says_how_often_and_why() -> None:
    only_reduces = refused(Breaker(), RejectReason.RESTRICTED)
    assert (only_reduces.restricted, only_reduces.cause) == (True, "the venue lets it reduce only")
    assert OPEN.cause == f"the venue refused creates {LIMITS.rejects} times in a row, last for clock"
    assert not OPEN.restricted
    once = refused(Breaker(), RejectReason.NOT_AUTHORISED)
    assert once.cause == "the venue refused creates once, last for not_authorised"
    lost = half_open(OPEN).lost("probe", LIMITS, NOW)
    assert (lost.cause, lost.probe) == ("the answer to the order that tried was lost", None)


def test_another_order_s_fate_does_not_end_the_probe() -> None:
    trying = half_open(CLOSED.opened("lost answers", LIMITS, NOW))
    assert trying.rejected("another", RejectReason.NOT_SENT, LIMITS, NOW, reduces=False) is trying
    assert trying.rejected("another", PLAIN, LIMITS, NOW, reduces=False).status is BreakerStatus.HALF_OPEN
    assert Breaker(probe="an order").rejected("an order", PLAIN, LIMITS, NOW, reduces=False).status is CLOSED.status


def test_the_first_trip_has_the_plain_cool_down_whatever_was_left_of_an_earlier_one() -> None:
    tripped = replace(CLOSED, cooldown_ms=LIMITS.longest_cooldown_ms).opened("why", LIMITS, NOW)
    assert tripped.cooldown_ms == LIMITS.cooldown_ms


def test_a_person_who_resumes_frees_the_probe_and_the_restriction() -> None:
    trying = half_open(refused(Breaker(), RejectReason.RESTRICTED))
    assert (trying.probe, trying.restricted) == ("probe", True)
    fresh = trying.resumed()
    assert (fresh.status, fresh.probe, fresh.restricted, fresh.last) == (BreakerStatus.HALF_OPEN, None, False, None)
