"""The trace: one digest over everything that happened, told to the checkers at once, and only its end kept."""

from io import StringIO

from hedger.app.simulation.run import replay_line
from hedger.sim.happenings import Happening, Started, Struck
from hedger.sim.trace import Trace
from tests.support.checker_stand import Stand


def struck(detail: str) -> Struck:
    return Struck(at=1, account="paper", code="V01", detail=detail)


def test_the_same_happenings_have_the_same_digest_and_others_another() -> None:
    one, same, other = Trace(), Trace(), Trace()
    for trace, details in ((one, "ab"), (same, "ab"), (other, "ba")):
        for detail in details:
            trace.tell(struck(detail))
    assert one.digest == same.digest != other.digest


def test_what_happened_is_counted_and_only_the_end_of_it_is_kept() -> None:
    trace = Trace(kept=3)
    for number in range(10):
        trace.tell(struck(str(number)))
    assert trace.hits == {"V01": 10}
    assert trace.told == 10
    assert [line.rsplit(" ", 1)[1] for line in trace.story()] == ["7", "8", "9"]


def test_listeners_hear_each_happening_before_the_next_one() -> None:
    heard: list[Happening] = []
    trace = Trace()
    trace.listeners.append(heard.append)
    trace.tell(Started(at=1, epoch=4))
    assert heard == [Started(at=1, epoch=4)]


def test_a_step_is_told_with_its_event_its_commands_and_what_became_of_orders() -> None:
    stand, file = Stand(), StringIO()
    order = stand.order()
    trace = Trace(file=file)
    before = stand.state()
    trace.tell(stand.stepped(order, before=before, after=stand.state(stand.held(order))))
    line = file.getvalue()
    for part in ("TimePassed", f"place {order.client_order_id}", "btc place/outside_band", "sent 0/1"):
        assert part in line
    assert "object at 0x" not in line


def test_the_line_that_replays_a_run_says_all_that_was_chosen() -> None:
    assert replay_line(7, None, None, None) == "hedger simulate --seed 7"
    assert replay_line(7, ("V01", "N02"), 600, True) == (
        "hedger simulate --seed 7 --faults V01,N02 --until 600 --brisk"
    )
    assert replay_line(7, (), None, False) == "hedger simulate --seed 7 --faults none --calm"
