"""Cancels our orders by a connection of its own, in a thread of its own, when the program's own loop stands still.

It shares no object with the venue's desk, lanes or streams: a client, a session and an event loop are made when they
are needed. It knows our ids, and cancels nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hedger.errors import Bug, HedgerError
from hedger.runtime.clock import stopwatch
from hedger.runtime.lifeline import LiveOrder
from hedger.runtime.ports import Clock
from hedger.venues.binance_codes import NO_SUCH_ORDER, OPTIONS, Environment, allowed_hosts
from hedger.venues.client import MAX_RECV_WINDOW_MS, Credentials, assert_safe, build_client
from hedger.venues.network import Network, open_session
from hedger.venues.outcome import attempt

ROUNDS = 6
LONGEST_S = 15.0  # for all rounds: the watchdog waits a little longer
BANNED = 418
PAUSE_S = 1.0
ANSWER_S = 4.0
PROOFS = 2  # how often the venue must say that it knows no such order, after its create could arrive last
_ENDED = frozenset({"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyAccount:
    """How one account is reached: `environment` is paper, shadow, testnet or live. Its text shows no key."""

    environment: str
    credentials: Credentials
    network: Network


class EmergencyExit:
    """`CancelAll` for the watchdog: called in a thread, it returns within the seconds that its rounds take."""

    def __init__(self, accounts: Mapping[str, EmergencyAccount], clock: Clock, *, pause_s: float = PAUSE_S) -> None:
        self._accounts = accounts
        self._clock = clock
        self._pause_s = pause_s

    def __call__(self, orders: Sequence[LiveOrder]) -> Sequence[str]:
        """Cancel them; the ids of those whose end the venue did not confirm, with the reason where a ban is one."""
        return asyncio.run(self._cancel_all(orders))

    async def _cancel_all(self, orders: Sequence[LiveOrder]) -> list[str]:
        names = dict.fromkeys(order.account for order in orders)
        work = [self._cancel_on(name, [order for order in orders if order.account == name]) for name in names]
        left = await asyncio.gather(*work)
        return [id for ids in left for id in ids]

    async def _cancel_on(self, name: str, orders: Sequence[LiveOrder]) -> list[str]:
        account = self._accounts.get(name)
        if account is None or account.environment == Environment.SHADOW:
            return [order.client_order_id for order in orders]
        if max(order.banned_until for order in orders) > self._clock.now_ms():
            return [_banned(order.client_order_id) for order in orders]
        where = Environment(account.environment)
        network = replace(account.network, answer_s=ANSWER_S, loopback_only=where is Environment.PAPER)
        session = open_session(network, allowed_hosts(where))
        client = _client_of(account, session, self._clock)
        try:
            assert_safe(client, self._clock)
            await _learn_time(client, self._clock)
            return await _Rounds(client, orders, self._clock, self._pause_s).run()
        except (Bug, HedgerError):
            return [order.client_order_id for order in orders]
        finally:
            await client.close()
            await session.close()


class _Rounds:
    """Cancels and asks again until the venue's own records say that each order is over, or the rounds are.

    An order that the venue does not know yet is canceled again until its create cannot arrive any more. A ban ends all:
    whatever is sent during it would only make it longer.
    """

    def __init__(self, client: Any, orders: Sequence[LiveOrder], clock: Clock, pause_s: float) -> None:
        self._client = client
        self._clock = clock
        self._pause_s = pause_s
        self._left = {order.client_order_id: order for order in orders}
        self._absences: dict[str, int] = {}
        self._awaited: set[str] = set()
        self._is_banned = False

    async def run(self) -> list[str]:
        """The ids that are left."""
        begun, number = stopwatch(), 0
        while self._left and not self._is_banned and stopwatch() - begun < LONGEST_S:
            if number >= ROUNDS and not self._awaited & self._left.keys():
                break
            if number:
                await asyncio.sleep(self._pause_s)
            number += 1
            ended = await asyncio.gather(*(self._end(order) for order in self._left.values()))
            over = {id for id, done in zip(list(self._left), ended, strict=True) if done}
            self._left = {id: order for id, order in self._left.items() if id not in over}
        return [_banned(id) if self._is_banned else id for id in self._left]

    async def _end(self, order: LiveOrder) -> bool:
        """Whether one order is over. A refused cancel proves nothing, so the order's own record is read."""
        query = {"symbol": _raw(order.symbol), "origClientOrderId": order.client_order_id}
        canceled = await attempt(lambda: self._client.fapiprivate_delete_order(dict(query)), ANSWER_S + 1)
        if canceled.failure is None and _is_over(canceled.answer, order):
            return True
        if self._is_banned or canceled.evidence.status == BANNED:
            self._is_banned = True
            return False
        asked_at = self._clock.now_ms()
        found = await attempt(lambda: self._client.fapiprivate_get_order(dict(query)), ANSWER_S + 1)
        if found.evidence.status == BANNED:
            self._is_banned = True
        if found.failure is None:
            return _is_over(found.answer, order)
        return found.code in NO_SUCH_ORDER and self._is_absent(order, asked_at)

    def _is_absent(self, order: LiveOrder, asked_at: int) -> bool:
        """Whether the venue has said often enough, since its create could arrive last, that it knows no such order."""
        id = order.client_order_id
        self._awaited.add(id)
        if asked_at > order.arrives_until:
            self._absences[id] = self._absences.get(id, 0) + 1
        return self._absences.get(id, 0) >= PROOFS


def _is_over(record: Any, order: LiveOrder) -> bool:
    if not isinstance(record, dict) or record.get("clientOrderId") != order.client_order_id:
        return False
    return record.get("status") in _ENDED


def _banned(id: str) -> str:
    return f"{id} (not canceled: the venue has banned us)"


def _raw(symbol: str) -> str:
    """Binance's own name of a perpetual: `BTC/USDT:USDT` is BTCUSDT there."""
    return symbol.partition(":")[0].replace("/", "")


def _client_of(account: EmergencyAccount, session: Any, clock: Clock) -> Any:
    client = build_client(
        "binance",
        credentials=account.credentials,
        session=session,
        clock=clock,
        answer_s=ANSWER_S,
        options={**OPTIONS, "recvWindow": MAX_RECV_WINDOW_MS},
        answered=lambda *_: None,
    )
    if account.environment == Environment.TESTNET:
        client.enable_demo_trading(True)
    return client


async def _learn_time(client: Any, clock: Clock) -> None:
    """Stamp requests with the venue's time. Where it does not tell, the long receive window must do."""
    told = await attempt(client.fapipublic_get_time, ANSWER_S + 1)
    now = told.answer.get("serverTime") if told.failure is None and isinstance(told.answer, dict) else None
    if isinstance(now, int | str) and str(now).isdigit():
        client.options["timeDifference"] = clock.now_ms() - int(now)
