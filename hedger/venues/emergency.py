"""Cancels our orders by a connection of its own, in a thread of its own, when the program's own loop stands still.

It shares no object with the venue's desk, lanes or streams: a client, a session and an event loop are made when they
are needed. It knows our ids, and cancels nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from hedger.errors import Bug, HedgerError
from hedger.runtime.lifeline import LiveOrder
from hedger.runtime.ports import Clock
from hedger.venues.client import MAX_RECV_WINDOW_MS, Credentials, assert_safe, build_client
from hedger.venues.lanes import Lane
from hedger.venues.link import Environment
from hedger.venues.network import Network, open_session
from hedger.venues.outcome import Attempt, attempt
from hedger.venues.profile import Profile, profile_of

T = TypeVar("T")
ROUNDS = 6
LONGEST_S = 15.0  # for everything, the venue's time and all rounds: the watchdog waits a little longer
LONGEST_TURN_S = 8.0  # how long the last of many may wait for its turn: time must be left to ask what became of it
BANNED, FIREWALL = 418, 403
PAUSE_S = 1.0
ANSWER_S = 4.0
PROOFS = 2  # how often the venue must say that it knows no such order, after its create could arrive last


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyAccount:
    """How one account is reached: `environment` is paper, shadow, testnet or live. Its text shows no key."""

    venue: str
    environment: str
    credentials: Credentials
    network: Network


class EmergencyExit:
    """`CancelAll` for the watchdog: called in a thread, it returns within the seconds that its rounds take."""

    def __init__(
        self,
        accounts: Mapping[str, EmergencyAccount],
        clock: Clock,
        *,
        pause_s: float = PAUSE_S,
        longest_s: float = LONGEST_S,
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._pause_s = pause_s
        self._longest_s = longest_s

    def __call__(self, orders: Sequence[LiveOrder]) -> Sequence[str]:
        """Cancel them; the ids of those whose end the venue did not confirm, with the reason where a ban is one."""
        # No asyncio.run: it would wait for a look-up of a name that hangs in a thread, and whoever waits for us be told
        # that nothing is proven gone.
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(self._cancel_all(orders))
        finally:
            loop.close()

    async def _cancel_all(self, orders: Sequence[LiveOrder]) -> list[str]:
        names = dict.fromkeys(order.account for order in orders)
        work = [self._cancel_on(name, [order for order in orders if order.account == name]) for name in names]
        left = await asyncio.gather(*work, return_exceptions=True)
        found: list[str] = []
        for name, ids in zip(names, left, strict=True):
            if isinstance(ids, BaseException):  # whatever one account trips over, the others' orders are canceled
                ids = [order.client_order_id for order in orders if order.account == name]
            found += ids
        return found

    async def _cancel_on(self, name: str, orders: Sequence[LiveOrder]) -> list[str]:
        account = self._accounts.get(name)
        if account is None or account.environment == Environment.SHADOW:
            return [order.client_order_id for order in orders]
        if max(order.banned_until for order in orders) > self._clock.now_ms():
            return [_banned(order.client_order_id) for order in orders]
        where = Environment(account.environment)
        network = replace(account.network, answer_s=ANSWER_S, loopback_only=where is Environment.PAPER)
        profile = profile_of(account.venue)
        session = open_session(network, profile.places(where).hosts)
        client = _client_of(profile, account, where, session, self._clock)
        rounds = _Rounds(profile, client, orders, self._clock, self._pause_s)
        try:
            assert_safe(client, self._clock)
            async with asyncio.timeout(self._longest_s):
                await _learn_time(profile, client, self._clock)
                await rounds.run()
        except (Bug, HedgerError, TimeoutError):
            pass  # what is left says it
        finally:
            await client.close()
            await session.close()
        return rounds.left()


class _Rounds:
    """Cancels and asks again until the venue's own records say that each order is over, or the rounds are.

    An order that the venue does not know yet is canceled again until its create cannot arrive any more. A ban ends all:
    whatever is sent during it would only make it longer.
    """

    def __init__(
        self, profile: Profile, client: Any, orders: Sequence[LiveOrder], clock: Clock, pause_s: float
    ) -> None:
        self._wire, self._hear, self._budget = profile.emergency, profile.hear, profile.budgets[Lane.CONTROL]
        self._ban_codes = profile.codes.banned
        self._client = client
        self._clock = clock
        self._pause_s = pause_s
        self._left = {order.client_order_id: order for order in orders}
        self._absences: dict[str, int] = {}
        self._awaited: set[str] = set()
        self._is_banned = False

    def left(self) -> list[str]:
        """The ids of those that are not proven to be over, with the reason where a ban is one."""
        return [_banned(id) if self._is_banned else id for id in self._left]

    async def run(self) -> None:
        """Return when there is nothing more to do; whoever waits may end it sooner."""
        number = 0
        while self._left and not self._is_banned:
            if number >= ROUNDS and not self._awaited & self._left.keys():
                break
            if number:
                await asyncio.sleep(self._pause_s)
            number += 1
            await asyncio.gather(*(self._in_turn(at, order) for at, order in enumerate(list(self._left.values()))))

    async def _in_turn(self, number: int, order: LiveOrder) -> None:
        """End an order no sooner than the venue takes its cancel: who asks faster may be shut out, and others stay."""
        turn_s = number // self._budget.requests * self._budget.period_s
        await asyncio.sleep(self._clock.span(min(turn_s, LONGEST_TURN_S)))
        if not self._is_banned and await self._end(order):
            del self._left[order.client_order_id]

    async def _end(self, order: LiveOrder) -> bool:
        """Whether one order is over. A refused cancel proves nothing, so the order's own record is read."""
        wire = self._wire
        canceled = await attempt(lambda: wire.cancel(self._client, order), ANSWER_S + 1, self._hear)
        if not canceled.refused and _reads(wire.is_over, canceled.answer, order):
            return True
        if self._is_banned or self._bans(canceled):
            self._is_banned = True
            return False
        asked_at = self._clock.now_ms()
        found = await attempt(lambda: wire.find(self._client, order), ANSWER_S + 1, self._hear)
        if self._bans(found):
            self._is_banned = True
        if not found.refused and _reads(wire.is_over, found.answer, order):
            return True
        return self._says_absent(found) and self._is_absent(order, asked_at)

    def _bans(self, result: Attempt) -> bool:
        """Whether an answer says that this address is banned, by what `VenueAccount` takes for that as well."""
        firewall = result.evidence.status == FIREWALL and result.code is None
        return firewall or result.evidence.status == BANNED or result.code in self._ban_codes

    def _says_absent(self, found: Attempt) -> bool:
        """Whether the venue itself says that it knows no such order; silence and faults say nothing."""
        answered = found.evidence.status is not None and (found.code is not None or found.failure is None)
        return answered and bool(_reads(self._wire.is_absent, found.answer, found.code))

    def _is_absent(self, order: LiveOrder, asked_at: int) -> bool:
        """Whether the venue has said often enough, since its create could arrive last, that it knows no such order."""
        id = order.client_order_id
        self._awaited.add(id)
        if asked_at > order.arrives_until:
            self._absences[id] = self._absences.get(id, 0) + 1
        return self._absences.get(id, 0) >= PROOFS


def _reads(read: Callable[..., T], *answer: Any) -> T | None:
    """What a profile reads in an answer, whose every field may be of any kind: what it trips over says nothing."""
    try:
        return read(*answer)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None


def _banned(id: str) -> str:
    return f"{id} (not canceled: the venue has banned us)"


def _client_of(profile: Profile, account: EmergencyAccount, where: Environment, session: Any, clock: Clock) -> Any:
    client = build_client(
        profile.name,
        credentials=account.credentials,
        session=session,
        clock=clock,
        answer_s=ANSWER_S,
        options={**profile.options, "recvWindow": MAX_RECV_WINDOW_MS},
        answered=lambda *_: None,
    )
    profile.prepare(client, where)
    return client


async def _learn_time(profile: Profile, client: Any, clock: Clock) -> None:
    """Stamp requests with the venue's time. Where it does not tell, the long receive window must do."""
    asked_at = clock.now_ms()
    told = await attempt(lambda: profile.emergency.time(client), ANSWER_S + 1, profile.hear)
    now = _reads(profile.emergency.time_of, told.answer) if not told.refused else None
    if now is not None:
        offset_ms = now - (asked_at + clock.now_ms()) // 2
        client.milliseconds = lambda: clock.now_ms() + offset_ms
