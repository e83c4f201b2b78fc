"""The checkers where a hedge is on two exchanges: both count together, and an absent account is no excuse."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.known.state import Action, Decision, Exposure, Mode, Reason, State
from hedger.engine.step import Result
from hedger.model.identity import OrderIdentity, format_order_id
from hedger.model.message import AccountRead, Event, PlaceOrder, Stamped, TimePassed
from hedger.model.order import Side
from hedger.sim.checkers.ends import off_target
from hedger.sim.checkers.exposure import ExposureChecker
from hedger.sim.checkers.inputs import InputsChecker
from hedger.sim.checkers.witness import Witness
from hedger.sim.happenings import Accepted, Stepped, Struck
from hedger.sim.nouns import OrderKind, Wallet
from hedger.sim.world import Funds, paper_world
from tests.support.checker_stand import found
from tests.support.engine_worlds import NOW, mark_at, quote_at
from tests.support.several_worlds import AT_ONE, AT_TWO, ONE, TWO, VAULT, at_hand, reading_at, several, unseen

POLICY = several()
(HEDGE,) = POLICY.hedges
SYMBOL = "BTCUSDT"


def name_of(number: int) -> str:
    return format_order_id(OrderIdentity(bot=POLICY.bot, epoch=1, sequence=number))


class Two:
    """Two still exchanges: the coin and account two on the second, account one on the first."""

    def __init__(self, spot: str = "1") -> None:
        margin = Funds(spot={"USDT": D(20_000)}, linear=D(150_000))
        vault = Funds(spot={"BTC": D(spot), "USDT": D(20_000)})
        began_at = NOW - 150_000
        first = paper_world(1, began_at, users={ONE: margin}, owner=ONE, still=True)
        second = paper_world(1, began_at, users={TWO: margin, VAULT: vault}, owner=VAULT, still=True)
        self.on = {ONE: first.exchange, TWO: second.exchange, VAULT: second.exchange}
        self.witness = Witness(self.on[TWO], POLICY, {name: name for name in POLICY.accounts}, self.on)
        self.advance(NOW - 140_000)

    def advance(self, at: int) -> None:
        for exchange in (self.on[ONE], self.on[TWO]):
            exchange.advance(at)

    def put(self, account: str, quantity: str, name: str, *, rests: bool) -> None:
        """A sale of ours that rests far off, or takes what it finds."""
        ask = self.on[account].best(Wallet.LINEAR, SYMBOL).ask
        assert ask is not None
        self.on[account].place(
            account, Wallet.LINEAR, SYMBOL, side=Side.SELL,
            kind=OrderKind.POST_ONLY if rests else OrderKind.MARKET,
            quantity=D(quantity), price=ask + 100 if rests else None, reduce_only=False, client_order_id=name,
        )  # fmt: skip


def order(side: Side, quantity: str) -> PlaceOrder:
    return PlaceOrder(
        id=AT_TWO, client_order_id=name_of(9), side=side, quantity=D(quantity), price=D(60_000),
        reduce_only=False, ttl_ms=2_000, decision_id=9,
    )  # fmt: skip


def decided(command: PlaceOrder | None, state: State, event: Event | None = None) -> Stepped:
    decision = Decision(
        decision_id=9, at=NOW, hedge=HEDGE.name, mode=Mode.HEDGING, action=Action.PLACE, reason=Reason.OUTSIDE_BAND,
        detail="", exposure=Exposure(spot=D(1), static=D(0), futures=D(0), low=D(1), high=D(1)), target=D(0),
        deviation=D(1), upper=D("0.01"), lower=D("0.01"), quote=quote_at(id=AT_TWO), mark=mark_at(id=AT_TWO),
    )  # fmt: skip
    commands = () if command is None else (command,)
    result = Result(state, commands, (decision,) if commands else ())
    return Stepped(at=NOW, before=state, stamped=Stamped(state.now, event or TimePassed()), result=result)


def taken(command: PlaceOrder) -> Accepted:
    return Accepted(at=NOW, account=TWO, order=command)


@pytest.mark.parametrize(("quantity", "expected"), [("0.4", []), ("0.6", ["I1"])])
def test_what_rests_on_the_other_exchange_counts_with_an_order(quantity: str, expected: list[str]) -> None:
    two = Two()
    two.put(ONE, "0.6", name_of(1), rests=True)
    two.advance(NOW)
    command = order(Side.SELL, quantity)
    happenings = [decided(command, at_hand(POLICY)), taken(command)]
    assert found(ExposureChecker(two.witness), happenings) == expected


@pytest.mark.parametrize(
    ("away_ms", "stranger", "expected"), [(60_000, False, ["I1"]), (60_000, True, []), (0, False, [])]
)
def test_what_a_venue_took_while_nobody_saw_it_is_no_excuse_but_a_strangers_trade_is(
    away_ms: int, stranger: bool, expected: list[str]
) -> None:
    two = Two(spot="0.7")
    two.put(ONE, "1", name_of(1), rests=False)
    two.advance(NOW - 20_000)
    assert two.on[ONE].deleverage(ONE, SYMBOL, D("0.5")) == D("0.5")
    two.advance(NOW)
    seen = at_hand(POLICY, {AT_ONE: "-1"}, spot="0.7")
    state = unseen(seen, ONE, for_ms=away_ms) if away_ms else seen
    command = order(Side.BUY, "0.3")
    before = [Struck(at=NOW - 1, account=ONE, code="A03", detail="")] if stranger else []
    happenings = [*before, decided(command, state), taken(command)]
    assert found(ExposureChecker(two.witness), happenings) == expected


def test_the_true_delta_is_that_of_both_exchanges_together() -> None:
    two = Two()
    two.put(ONE, "0.4", name_of(1), rests=False)
    two.put(TWO, "0.3", name_of(2), rests=False)
    assert two.witness.delta(HEDGE) == D("0.3")
    assert off_target(two.witness, HEDGE, D(60_000)) == D("0.3") - D("0.01") - D("0.001")
    assert (two.witness.position(AT_ONE), two.witness.position(AT_TWO)) == (D("-0.4"), D("-0.3"))


def test_an_account_may_be_missed_for_as_long_as_its_owner_says_and_coins_never() -> None:
    two, command = Two(), order(Side.SELL, "0.1")
    blind_ms = HEDGE.failover.blind_ms
    for account, age_ms, expected in (
        (ONE, blind_ms, []),
        (ONE, blind_ms + 1, ["I5"]),
        (TWO, HEDGE.guards.account_age + 1, ["I5"]),
        (VAULT, HEDGE.guards.account_age + 1, ["I5"]),
    ):
        state = unseen(at_hand(POLICY), account, for_ms=age_ms, prices=True)
        told = [f for f in found(InputsChecker(two.witness), [decided(command, state)]) if f == "I5"]
        assert told == expected, (account, age_ms)


@pytest.mark.parametrize(("readings", "expected"), [(1, ["I6"]), (5, [])])
def test_a_create_soon_after_an_absence_needs_as_many_readings_as_after_a_start(
    readings: int, expected: list[str]
) -> None:
    checker, state = InputsChecker(Two().witness), at_hand(POLICY)
    moments = [NOW - 200_000 + 1_000 * n for n in range(5)] + [NOW - 100 * n for n in reversed(range(readings))]
    for account in (ONE, TWO):
        for at in moments if account == ONE else [NOW - 1_000 * n for n in reversed(range(5))]:
            read = AccountRead(requested_at=at, reading=replace(reading_at(account), exchange_at=at))
            assert found(checker, [decided(None, state._replace(now=at), read)]) == []
    assert found(checker, [decided(order(Side.SELL, "0.1"), state)]) == expected
