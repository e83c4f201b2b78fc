"""Reads: through a lane, bounded in time, tried a few times, and believed only when every field is understood."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any, TypeVar

from pydantic import ValidationError
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random

from hedger.errors import AskAgain, Bug, CredentialsError, GiveUp
from hedger.runtime.ports import Clock
from hedger.venues.lanes import Barred, Lane, Lanes
from hedger.venues.outcome import Attempt, Scrub, attempt, describe
from hedger.venues.speech import Code, Codes, Hear

T = TypeVar("T")
Understand = Callable[[Any], T]
ATTEMPTS = 3
# How long (of the clock) the tries of one question may wait for their turn and between each other.
LONGEST_WAIT_S = 6.0


class Asker:
    """Asks one venue account.

    `doubted` says of a host and a code that it is not to be taken at its word: the keys have worked there.
    """

    def __init__(
        self,
        *,
        venue: str,
        lanes: Lanes,
        clock: Clock,
        scrub: Scrub,
        answer_s: float,
        hear: Hear,
        codes: Codes,
        doubted: Callable[[str, Code], bool],
    ) -> None:
        self._venue = venue
        self._lanes = lanes
        self._clock = clock
        self._scrub = scrub
        self._answer_s = answer_s
        self._hear = hear
        self._codes = codes
        self._doubted = doubted

    async def ask(
        self,
        what: str,
        call: Callable[[], Awaitable[Any]],
        understand: Understand[T],
        *,
        host: str,
        lane: Lane = Lane.RECONCILE,
        attempts: int = ATTEMPTS,
        absent: Collection[Code] = (),
        final: bool = False,
    ) -> T | None:
        """The understood answer, or None for a venue code in `absent`.

        Raises AskAgain when it may pass (the last of a few tries), GiveUp when not, CredentialsError for the keys.
        With `final`, whatever the venue refuses with a code of its own is not asked again.
        """
        retrying = AsyncRetrying(
            stop=stop_after_attempt(attempts),
            wait=wait_random(0.05, 0.25),
            retry=retry_if_exception(_may_pass),
            sleep=self._clock.sleep,
            reraise=True,
        )
        seconds = 2 * self._answer_s + self._clock.span(LONGEST_WAIT_S)
        try:
            async with asyncio.timeout(seconds):
                return await retrying(self._once, what, call, understand, host, lane, absent, final)
        except TimeoutError:
            raise AskAgain(f"{self._venue}: {what}: no whole answer within {seconds:.0f} s.") from None

    async def need(
        self,
        what: str,
        call: Callable[[], Awaitable[Any]],
        understand: Understand[T],
        *,
        host: str,
        lane: Lane = Lane.RECONCILE,
        attempts: int = ATTEMPTS,
    ) -> T:
        """As `ask`, where no answer is none."""
        found = await self.ask(what, call, understand, host=host, lane=lane, attempts=attempts)
        if found is None:
            raise Bug(f"{self._venue}: {what}: an answer was understood as nothing.")
        return found

    async def _once(
        self,
        what: str,
        call: Callable[[], Awaitable[Any]],
        understand: Understand[T],
        host: str,
        lane: Lane,
        absent: Collection[Code],
        final: bool,
    ) -> T | None:
        async with self._lanes.turn(lane, host):
            result = await attempt(call, self._answer_s + 1, self._hear)
        if result.evidence.status is not None and result.evidence.sent == 0:
            raise Bug("an answer came to a request that was not seen to leave: the evidence of creates is not wired.")
        if result.refused:
            if result.code in absent:
                return None
            raise self._problem(what, result, host, final)
        try:
            return understand(result.answer)
        except (ValueError, ArithmeticError) as problem:
            raise AskAgain(f"{self._venue}: {what}: {self._scrub(explain(problem))}.") from None

    def _problem(self, what: str, result: Attempt, host: str, final: bool) -> AskAgain | GiveUp | CredentialsError:
        text = f"{self._venue}: {what}: {describe(result, self._scrub)}"
        refused = result.code is not None and result.evidence.status in self._codes.refusing
        if result.code is not None and self._doubted(host, result.code):
            return AskAgain(f"{text}: the keys worked before, so this is taken for a ban.")
        if result.code in self._codes.keys:
            return CredentialsError(f"{text}: check the keys, their rights and the addresses they are bound to.")
        if result.code in self._codes.hopeless or (final and refused and result.code not in self._codes.passing):
            return GiveUp(f"{text}: asking the same again is of no use.")
        return AskAgain(f"{text}.")


def _may_pass(problem: BaseException) -> bool:
    return isinstance(problem, AskAgain) and not isinstance(problem, Barred)


def explain(problem: Exception) -> str:
    """Where an answer was not as it must be; pydantic's own text would print what was read."""
    if not isinstance(problem, ValidationError):
        return f"the answer is not believed: {problem}"
    first = problem.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"the answer has {problem.error_count()} faults, the first at {place or 'its top'}: {first['msg']}"


async def together(*work: Awaitable[Any]) -> list[Any]:
    """The results of all, or the first failure with the others stopped: all or nothing."""
    tasks = [asyncio.ensure_future(part) for part in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
