"""What a venue that lies says of options and of what has come to its end."""

from dataclasses import replace
from decimal import Decimal as D
from itertools import pairwise

from hedger.model.account import AccountReading, Position
from hedger.model.instrument import InstrumentId
from hedger.model.option import OptionPosition, OptionType, VenueGreeks
from hedger.sim.faults.expiry import AROUND_MS, EARLY_MS, FORMS, LATE_MS, Endings
from hedger.sim.faults.options import BENDS, OptionRows
from hedger.sim.faults.plan import constant_plan
from hedger.sim.faults.strikes import Strikes
from hedger.sim.happenings import Struck
from tests.support.engine_policies import ACCOUNT
from tests.support.engine_worlds import NOW, position_at, reading_of
from tests.support.option_books import option_of

DATED = InstrumentId(ACCOUNT, "BTC/USDT:USDT-260101")
GREEKS = VenueGreeks(delta=0.5, gamma=0.0, vega=1.0, theta=-1.0)
OPTIONS = (
    option_of(OptionType.CALL, "-1", mark_price=D("0.05"), greeks=GREEKS),
    option_of(OptionType.PUT, "1", mark_price=D("0.05"), greeks=GREEKS),
)


class Desk:
    """One account's strikes at a time that a test moves."""

    def __init__(self, code: str, *, form: int = 0, of: int = 1, chance: float = 1.0) -> None:
        self.now, self.told = NOW, list[Struck]()
        plans = (constant_plan([code], NOW, NOW + 10_000_000, seed=seed, chance=chance) for seed in range(1_000))
        plan = next(plan for plan in plans if plan.variant(code, NOW, of) == form)
        self.strikes = Strikes(plan, ACCOUNT, self.tell, lambda: self.now)

    def tell(self, happening: object) -> None:
        assert isinstance(happening, Struck)
        self.told.append(happening)


def with_options(*options: OptionPosition) -> AccountReading:
    return replace(reading_of("1"), options=options)


def test_every_form_of_false_greeks_and_rows_comes_and_is_told() -> None:
    desk = Desk("D05")
    rows = OptionRows(desk.strikes)
    seen = [rows.bend(with_options(*OPTIONS)) for _ in range(400)]
    told = {struck.detail.rpartition(": ")[2] for struck in desk.told}
    assert told == {*BENDS, "frozen", "lost", "twice"}
    assert {len(reading.options) for reading in seen} == {1, 2, 3}
    deltas = {o.greeks.delta for reading in seen for o in reading.options if o.greeks is not None}
    assert {None, -0.5, 50.0, 30_000.0} <= deltas
    assert {o.mark_sigma for reading in seen for o in reading.options} >= {None, D(50)}


def test_a_row_is_never_lost_in_two_readings_in_a_row() -> None:
    """Nobody can tell that from an option that was sold."""
    desk = Desk("D05")
    rows = OptionRows(desk.strikes)
    lengths = [len(rows.bend(with_options(*OPTIONS)).options) for _ in range(600)]
    assert lengths.count(1) > 10
    assert (1, 1) not in set(pairwise(lengths))


def test_a_frozen_row_says_what_it_said_when_the_window_opened_of_what_is_held_now() -> None:
    desk = Desk("D05")
    rows = OptionRows(desk.strikes)
    rows.bend(with_options(*OPTIONS))
    later = tuple(replace(o, mark_sigma=D("0.9"), quantity=o.quantity * 2) for o in OPTIONS)
    for _ in range(200):
        reading = rows.bend(with_options(*later))
        if desk.told[-1].detail.endswith("frozen"):
            assert [(o.mark_sigma, o.quantity) for o in reading.options] == [(D("0.5"), D(-2)), (D("0.5"), D(2))]
            return
    raise AssertionError("nothing froze")


def test_without_the_fault_options_are_told_as_they_are() -> None:
    desk = Desk("M06", form=0, of=len(FORMS))
    assert OptionRows(desk.strikes).bend(with_options(*OPTIONS)) == with_options(*OPTIONS)


# --- around an expiry -------------------------------------------------------------------------------------------------


def endings(form: str) -> tuple[Desk, Endings]:
    desk = Desk("M06", form=FORMS.index(form), of=len(FORMS))
    return desk, Endings(desk.strikes)


def dated(expiry_at: int) -> Position:
    return position_at("-1", id=DATED, expiry_at=expiry_at)


def held(*positions: Position, options: tuple[OptionPosition, ...] = ()) -> AccountReading:
    return replace(reading_of("1", positions=positions), options=options)


def test_the_row_of_a_contract_goes_a_little_before_its_end() -> None:
    desk, ends = endings("early")
    assert ends.bend(held(dated(NOW + EARLY_MS + 1))).positions
    assert not desk.told
    assert not ends.bend(held(dated(NOW + EARLY_MS - 1))).positions
    assert len(desk.told) == 1


def test_rows_of_a_contract_and_of_an_option_stay_a_while_after_their_end() -> None:
    desk, ends = endings("late")
    end = NOW + 1_000
    option = option_of(expiry_at=end)
    whole = held(dated(end), options=(option,))
    assert ends.bend(whole) == whole
    desk.now = end + LATE_MS - 1
    assert ends.bend(held()) == whole
    desk.now = end + LATE_MS
    assert ends.bend(held()) == held()
    assert len(desk.told) == 1


def test_answers_about_an_order_are_lost_around_the_end_of_its_contract() -> None:
    desk, ends = endings("answers")
    end = NOW + AROUND_MS + 1
    ends.bend(held(dated(end)))
    assert not ends.loses(DATED)
    desk.now = end
    assert ends.loses(DATED)
    assert not ends.loses(InstrumentId(ACCOUNT, "BTC/USDT:USDT")), "a perpetual has no end"
    desk.now = end + AROUND_MS + 1
    assert not ends.loses(DATED)
    assert len(desk.told) == 1
