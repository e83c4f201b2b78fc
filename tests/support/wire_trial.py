"""Asks an open venue everything that is read of it, each time with one thing wrong in one answer.

The answers come from memory in place of the network, so that thousands of questions take seconds.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from yarl import URL

from hedger.errors import AskAgain, ConfigError, CredentialsError, GiveUp
from hedger.model.instrument import Instrument
from hedger.model.spans import HOUR_MS
from hedger.venues.hints import HintQueue
from hedger.venues.lanes import Barred, Lane
from hedger.venues.network import EVIDENCE
from hedger.venues.profile import profile_of
from tests.support.stand import OUR_ID, Stand
from tests.support.wire_faults import good
from tests.support.wire_mutants import ODD, Mutant, Path, faults_of, flat, others, places, probes
from tests.support.wire_server import FakeVenue, Seen, _params
from tests.support.wire_venue import Desk, opened

MAY_RAISE = (AskAgain, GiveUp, CredentialsError, ConfigError)
# Of a list no more rows than this are changed, and of a listing no more than that: the others are like them.
MOST_ROWS, MOST_RULES = 8, 1
# How often one kind of part is tried with every odd value.
ENOUGH = 2
# A little after what the bodies of the stands tell of.
NOW = 1_790_000_120_000
LONGEST_S = 5.0
Ask = Callable[[Desk], Awaitable[Any]]
_REFUSED, _BELIEVED = "refused", "believed"


# After so much of the clock the venue answers well again: a coin that is listed no more for half a minute is gone.
LONGEST_ILL_MS = 8_000


class Hurry:
    """A clock in which nobody waits: it stands at a moment, a sleep moves it on, a span is a small part of itself."""

    speed = 1.0

    def __init__(self) -> None:
        self._now = Decimal(NOW)

    def now_ms(self) -> int:
        return int(self._now)

    def span(self, seconds: float) -> float:
        return seconds / 500

    async def sleep(self, seconds: float) -> None:
        self._now += Decimal(seconds) * 1000
        await asyncio.sleep(0)


class Mill:
    """Answers a client in place of its session, from memory: every question well, but one with something wrong.

    What `fake` would answer to a question is asked of it once, and kept in `good`.
    """

    def __init__(self, fake: FakeVenue, good: dict[str, Any]) -> None:
        self._fake = fake
        self.good = good
        self.asked: set[str] = set()
        self.mutant: Mutant | None = None
        self.headers: dict[str, str] = {}
        self.get, self.post = partial(self._told, "GET"), partial(self._told, "POST")

    @asynccontextmanager
    async def _told(self, method: str, url: URL, *, data: bytes | None, headers: Any, **_: Any) -> AsyncIterator[_Told]:
        evidence = EVIDENCE.get()
        if evidence is not None:
            evidence.sent += 1
        body, query = (data or b"").decode(), url.raw_query_string
        seen = Seen(method, str(url.host), url.path, _params(query, body), query or body, dict(headers), body)
        yield _Told(json.dumps(await self._body(seen)), {"content-type": "application/json", **self._fake.headers})

    async def _body(self, seen: Seen) -> Any:
        name = _name_of(seen)
        self.asked.add(name)
        if name not in self.good:
            self.good[name] = await self._fresh(seen)
        if self.mutant is not None and self.mutant.answer == name:
            return self.mutant.of(self.good[name])
        return self.good[name]

    async def _fresh(self, seen: Seen) -> Any:
        told = self._fake.answers.get((seen.method, seen.path), {})
        if not callable(told):
            usual = good if self._fake.good is None and isinstance(told, dict) and told else lambda _: told
            return self._fake.live(self._fake, seen) or usual(seen)
        response = await told(None, seen)
        return json.loads(response.text)


class _Told:
    """An answer, as a client reads it."""

    status, reason = 200, "OK"

    def __init__(self, body: str, headers: dict[str, str]) -> None:
        self.headers = headers
        self._body = body

    async def text(self, **_: Any) -> str:
        return self._body


def _name_of(seen: Seen) -> str:
    """A question without what is new each time: its time, its signature, its number."""
    told = {key: str(value) for key, value in seen.params.items() if key.lower() not in ("signature", "sign", "id")}
    return " ".join([seen.method, seen.path, *(f"{k}={v}" for k, v in told.items() if not _is_moment(v))])


def _is_moment(text: str) -> bool:
    return text.isdecimal() and len(text) >= 13


def questions(stand: Stand) -> dict[str, Ask]:
    """Everything that is read of an open venue."""
    contract = stand.contract
    since_at = NOW - HOUR_MS
    return {
        "account": lambda desk: desk.venue.read_account(),
        "prices": lambda desk: desk.venue.read_prices([rules.id for rules in desk.instruments]),
        "fills": lambda desk: desk.venue.read_fills(contract, since_at),
        "funding": lambda desk: desk.venue.read_funding(since_at),
        "rates": lambda desk: desk.venue.read_funding_rates(contract, 3),
        "find": lambda desk: desk.venue.find_order(contract, OUR_ID),
        "opening": _open_anew,
    }


async def _open_anew(desk: Desk) -> tuple[Instrument, ...]:
    """What opening asks of a venue, on the connection of one that is open."""
    account: Any = desk.venue
    link, profile = account._link, profile_of(account._profile.name)
    if link.environment in profile.tells_rights:
        await profile.check_key(link)
    await profile.clock(link, Lane.RECONCILE)
    parts = await profile.assemble(link, [rules.id.symbol for rules in desk.instruments], HintQueue(link.account))
    return tuple(parts.listing.instruments.values())


# --- the whole --------------------------------------------------------------------------------------------------------


@dataclass
class Trial:
    """Asks one venue the same questions, each time with something else wrong; `faults` is what was believed of it."""

    stand: Stand

    def __post_init__(self) -> None:
        self.faults: list[str] = []
        self.tried = 0
        self._idle: set[Path] = set()
        self._skipped: set[Path] = set()
        self._read: Counter[Path] = Counter()
        self.answered: dict[str, list[str]] = {}
        self._stack = AsyncExitStack()
        self._good: dict[str, dict[str, Any]] = {}
        self.bodies: dict[str, Any] = {}

    async def run(self) -> None:
        """Every question with every mutant."""
        try:
            for name, ask in questions(self.stand).items():
                await self._question(name, ask)
        finally:
            await self._stack.aclose()

    async def _open(self, ask: Ask) -> Any:
        """A venue on which nothing has left a trace yet but one good answer, so that it knows what is held."""
        await self._stack.aclose()
        clock, fake = Hurry(), self.stand.fake()
        self._clock, self._well_at = clock, clock.now_ms()
        fake.clock_ms = clock.now_ms
        self._desk = await self._stack.enter_async_context(opened(stand=self.stand, clock=clock, fake=fake))
        account: Any = self._desk.venue
        self._mill = account._link.client.session = Mill(fake, self.bodies)
        return await self._asked(ask)

    async def _question(self, name: str, ask: Ask) -> None:
        good = await self._open(ask)
        if isinstance(good, BaseException):
            self.answered[name] = []
            return
        self.answered[name] = sorted(self._mill.asked)
        self._good[name] = self._facts(good)
        for answer in self.answered[name]:
            if not answer.startswith("GET "):
                continue
            most_rows = MOST_RULES if name == "opening" else MOST_ROWS
            for where, old in list(places(self.bodies[answer], most_rows)):
                await self._place(name, ask, answer, where, old)

    async def _place(self, name: str, ask: Ask, answer: str, where: Path, old: Any) -> None:
        """One part. What was idle in a row before is tried once for all that is idle in this one."""
        kind = name, answer.split()[1], *(step for step in where if isinstance(step, str))
        if isinstance(old, dict):
            idle = [key for key in old if (*kind, key) in self._idle]
            rest = {key: value for key, value in old.items() if key not in idle}
            odd = old | {key: [ODD] for key in idle}
            spoiled = [Mutant(answer, where, "broken", old, new) for new in (rest, odd)]
            noticed = [await self._try(name, ask, mutant, judged=False) for mutant in spoiled if idle]
            self._skipped |= {(name, answer, *where, key) for key in idle if not any(noticed)}
        if (name, answer, *where) in self._skipped:
            return
        brief = name == "opening" or self._read[kind] >= ENOUGH
        if await self._part(name, ask, answer, where, old, brief=brief):
            self._read[kind] += 1
        else:
            self._idle.add(kind)

    async def _part(self, name: str, ask: Ask, answer: str, where: Path, old: Any, *, brief: bool) -> bool:
        """Whether a part was noticed. One that nobody misses and nobody stumbles on is not read: nothing else is tried.

        What was not believed must leave no trace.
        """
        before = len(self.faults)
        noticed = [await self._try(name, ask, mutant) for mutant in probes(answer, where, old)]
        if any(noticed) or not where:
            noticed += [await self._try(name, ask, mutant) for mutant in others(answer, where, old, brief=brief)]
        if any(noticed):
            again = await self._asked(ask)
            if isinstance(again, BaseException) or self._facts(again) != self._good[name]:
                if _BELIEVED not in noticed and len(self.faults) == before and not isinstance(again, Barred):
                    self.faults.append(f"{name}: {answer} {where}: left a trace: {again!r}"[:300])
                await self._open(ask)
        return any(noticed)

    async def _try(self, name: str, ask: Ask, mutant: Mutant, *, judged: bool = True) -> str:
        """Whether a mutant was noticed, and how."""
        self.tried += 1
        if self._clock.now_ms() - self._well_at > LONGEST_ILL_MS:  # what is wrong for long may rightly be believed
            await self._asked(ask)
            self._well_at = self._clock.now_ms()
        found = await self._with(ask, mutant)
        if isinstance(found, Barred):
            await self._open(ask)
            found = await self._with(ask, mutant)
        if isinstance(found, BaseException):
            if judged and not isinstance(found, MAY_RAISE):
                self.faults.append(f"{name}: {mutant}: raised {found!r}"[:300])
            return _REFUSED
        good, told = self._good[name], self._facts(found)
        if judged and (wrong := faults_of(mutant, good, told)):
            self.faults.append(f"{name}: {mutant}: {'; '.join(wrong)[:300]}")
        return _BELIEVED if told != good else ""

    def _facts(self, found: Any) -> dict[str, Any]:
        """What a reading says of what is ours; what is as new as the question is as old as its beginning."""
        rules = self._desk.instruments
        coins = {one.underlying for one in rules}
        money = {asset for one in rules for asset in (one.settle, one.underlying)}
        ours = {"spot": coins, "collateral": money, "unrealized": money, "accrued": money}
        return {
            name: min(value, NOW) if name.endswith("exchange_at") else value
            for name, value in flat(found).items()
            if (parts := name.split("."))[0] not in ours or parts[1] in ours[parts[0]]
        }

    async def _with(self, ask: Ask, mutant: Mutant) -> Any:
        self._mill.mutant = mutant
        try:
            return await self._asked(ask)
        finally:
            self._mill.mutant = None

    async def _asked(self, ask: Ask) -> Any:
        """What is read, or what is raised."""
        asked = asyncio.wait_for(ask(self._desk), LONGEST_S)
        found: Any = await asyncio.gather(asked, return_exceptions=True)
        return found[0]
