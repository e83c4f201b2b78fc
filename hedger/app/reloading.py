"""A configuration that takes another's place while the daemon runs: read whole beside the loop, judged and put in force
between two events, or refused whole."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from hedger.app.reading import Reading
from hedger.app.reload_plan import Plan, plan_of
from hedger.engine.known.policy import Policy
from hedger.engine.known.revision import changed_hedges
from hedger.engine.known.state import Mode, State
from hedger.engine.step import step
from hedger.errors import AskAgain, HedgerError
from hedger.model.message import Event, PolicyChanged, Stamped
from hedger.ops.configuration import Configured, Reloaded
from hedger.runtime.journal import Row
from hedger.runtime.pollers import Polling
from hedger.runtime.requests import ONLY_PLAN, Answer, Request
from hedger.settings.again import read_again
from hedger.settings.diff import diff
from hedger.settings.explain import config_digest
from hedger.settings.load import places_of
from hedger.settings.notify import NotifySettings
from hedger.settings.policy import to_policy
from hedger.settings.schema import Settings

LOOK_EVERY_S = 60.0
_BUGS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
MOST_WAITING = 8


class Revised(Protocol):
    """The daemon, as far as a reload reaches."""

    @property
    def state(self) -> State:
        """What the engine knows now."""

    @property
    def policy(self) -> Policy:
        """What the owner wants now."""

    def revise(self, policy: Policy, polling: Polling, row: Row) -> str | None:
        """Let another policy take over once the journal has the row; why not, where it did not."""

    def handle_now(self, event: Event) -> None:
        """Handle an event ahead of those that wait."""


class Watching(Protocol):
    """Who shows what is in force."""

    def policy_changed(self, policy: Policy) -> None:
        """From now on everything is judged and shown by this policy."""

    def notify_changed(self, notify: NotifySettings) -> None:
        """From now on people are told by these settings."""

    def configured(self, now: Configured) -> None:
        """This configuration is in force, and this is known of its file."""

    def reloaded(self, told: Reloaded) -> None:
        """A reload was asked for, and this came of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A reload that somebody asks for. `shown` is the digest of what a person saw and agreed to, "" where nobody did;
    with `only_plan` nothing is changed."""

    who: str
    reason: str = ""
    shown: str = ""
    only_plan: bool = False


class Reloading:
    """One run's. Everything but the reading happens in the loop's thread, between two events, one wish at a time.

    `pace` says how often settings have things read, `set_level` sets the level of the log, `read` reads the
    configuration that settings came from again.
    """

    def __init__(
        self,
        settings: Settings,
        watching: Watching,
        *,
        pace: Callable[[Settings], Polling],
        set_level: Callable[[str], None],
        read: Callable[[Settings], Settings] = read_again,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self.settings = settings
        self._watching = watching
        self._pace = pace
        self._set_level = set_level
        self._read = read
        self._reading: Reading | None = None
        self._look_every_s = look_every_s
        self._wishes: deque[tuple[Wish, Callable[[Answer], None]]] = deque()
        self._came = asyncio.Event()
        self._attended = False
        self._loaded_at = 0
        self._file: str | None = None
        self._refusal: tuple[str, int] | None = None

    async def attend(self, daemon: Revised) -> None:
        """Carry out what is asked, for ever, and look once a minute whether the file says something else."""
        self._came, self._attended, self._loaded_at = asyncio.Event(), True, daemon.state.now
        self._reading = Reading()
        self._show()
        try:
            while True:
                await self._next(daemon)
        finally:
            self._attended = False
            self._reading.close()
            for wish, then in self._wishes:
                then(self._refused(wish, "it is about to end: the next start reads the file"))
            self._wishes.clear()

    async def attend_during(self, work: Awaitable[None], daemon: Revised) -> None:
        """Do that as long as some work goes on; raises what goes wrong in either."""
        tasks = (asyncio.ensure_future(work), asyncio.create_task(self.attend(daemon)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def ask(self, wish: Wish, then: Callable[[Answer], None]) -> None:
        """Carry a wish out when its turn has come, and say what became of it."""
        if not self._attended:
            then(self._refused(wish, "it is starting or about to end: ask again when it hedges"))
        elif len(self._wishes) >= MOST_WAITING:
            then(self._refused(wish, f"{MOST_WAITING} reloads wait already"))
        else:
            self._wishes.append((wish, then))
            self._came.set()

    def requested(self, request: Request, then: Callable[[Answer], None]) -> None:
        """A wish that came as a request: by the command line or the console."""
        only_plan = request.subject == ONLY_PLAN
        self.ask(Wish(who="request", reason=request.reason, shown=request.shown, only_plan=only_plan), then)

    async def _next(self, daemon: Revised) -> None:
        """The next wish, which stays in the row until it is answered; or after a minute without one a look."""
        try:
            async with asyncio.timeout(self._look_every_s):
                await self._came.wait()
        except TimeoutError:
            await self._look()
            return
        wish, then = self._wishes[0]
        answer = await self._answer(daemon, wish)
        self._wishes.popleft()
        if not self._wishes:
            self._came.clear()
        then(answer)

    # --- one reload ---------------------------------------------------------------------------------------------------

    async def _answer(self, daemon: Revised, wish: Wish) -> Answer:
        try:
            fresh = await self._read_beside()
        except HedgerError as problem:
            return self._not_taken(daemon, wish, str(problem))
        return self._judged(daemon, wish, fresh)

    async def _read_beside(self) -> Settings:
        assert self._reading is not None, "wishes and looks are of a run that is attended"
        return await self._reading.read(partial(self._read, self.settings))

    def _judged(self, daemon: Revised, wish: Wish, fresh: Settings) -> Answer:
        """What becomes of a wish, now that its file has been read. Nothing else happens meanwhile."""
        if daemon.state.mode is Mode.BOOT:
            return self._refused(wish, "it is still starting: ask again when it has read its markets")
        if daemon.state.draining is not None or daemon.state.stopped or daemon.state.superseded:
            return self._refused(wish, "it is about to end: the next start reads the file")
        try:
            plan = plan_of(self.settings, fresh, daemon.state)
            if not plan.refusals:
                _try_out(daemon, fresh)
        except _BUGS as bug:
            return self._not_taken(
                daemon, wish, f"the engine fails by it ({type(bug).__name__}), which is a bug: report it"
            )
        if wish.only_plan:
            self._offered(plan, daemon.state.now)
            return Answer(done=True, why=_summary(plan), more=plan.to_json())
        against = _against(plan, wish)
        if against:
            return self._not_taken(daemon, wish, against, plan)
        if not plan.changes:
            self._file = self._refusal = None
            self._tell(wish, "unchanged", "the file says what is in force", plan)
            return Answer(done=True, why="nothing differs from what is in force", more=plan.to_json())
        return self._apply(daemon, wish, fresh, plan)

    def _apply(self, daemon: Revised, wish: Wish, fresh: Settings, plan: Plan) -> Answer:
        """The row first, then the policy, whoever shows it, and the engine, which looks at every hedge anew."""
        old, policy = daemon.policy, to_policy(fresh)
        told = [{"key": change.key, "was": change.was, "will": change.will} for change in plan.changes]
        body = {"who": wish.who, "reason": wish.reason, "was": plan.was, "confirmed": bool(plan.doubts)}
        row = Row(daemon.state.now, "reload", plan.digest, {**body, "changes": told})
        against = daemon.revise(policy, self._pace(fresh), row)
        if against is not None:
            return self._not_taken(daemon, wish, against, plan)
        if fresh.log.level is not self.settings.log.level:
            self._set_level(fresh.log.level.value)
        if fresh.notify != self.settings.notify:
            self._watching.notify_changed(fresh.notify)
        self.settings, self._loaded_at, self._file, self._refusal = fresh, daemon.state.now, None, None
        self._watching.policy_changed(policy)
        if policy != old:
            daemon.handle_now(PolicyChanged(digest=plan.digest, hedges=changed_hedges(old, policy)))
        self._tell(wish, "applied", _summary(plan), plan)
        return Answer(done=True, why=_summary(plan), more=plan.to_json())

    def _offered(self, plan: Plan, at: int) -> None:
        """What is remembered of a plan that somebody looks at: that it is refused, or that nothing differs any more."""
        if plan.refusals:
            self._refusal = ("; ".join(plan.refusals), at)
        elif not plan.changes:
            self._file = self._refusal = None
        self._show()

    def _not_taken(self, daemon: Revised, wish: Wish, why: str, plan: Plan | None = None) -> Answer:
        """Refused for what it is, which is shown until it is mended: whoever sent a signal reads no answer. Where there
        is no file, nobody can mend it, and nothing waits for a next start."""
        if places_of(self.settings).path is not None:
            self._refusal = ("; ".join(why.splitlines()), daemon.state.now)
        self._show()
        return self._refused(wish, why, plan)

    def _refused(self, wish: Wish, why: str, plan: Plan | None = None) -> Answer:
        why = "; ".join(why.splitlines())
        if not wish.only_plan:
            self._tell(wish, "refused", why, plan)
        return Answer(done=False, why=f"{why}; nothing was changed", more={} if plan is None else plan.to_json())

    def _tell(self, wish: Wish, outcome: str, text: str, plan: Plan | None) -> None:
        changes = () if plan is None else tuple(f"{c.key}: {c.was} → {c.will}" for c in plan.changes)
        was, digest = ("", "") if plan is None else (plan.was, plan.digest)
        told = Reloaded(outcome=outcome, who=wish.who, text=text, was=was, digest=digest, changes=changes)
        self._watching.reloaded(told)
        self._show()

    # --- the file on the disk -----------------------------------------------------------------------------------------

    async def _look(self) -> None:
        """What the file says that is not in force, or why it cannot be used. A file that is being written waits."""
        if places_of(self.settings).path is None:
            return
        try:
            fresh = await self._read_beside()
        except AskAgain:
            return
        except HedgerError as problem:
            self._file = f"it cannot be used: {'; '.join(str(problem).splitlines())}"
        else:
            keys = [change.key for change in diff(self.settings, fresh)]
            self._file = f"it says something else about {', '.join(keys)}" if keys else None
            self._refusal = self._refusal if keys else None
        self._show()

    def _show(self) -> None:
        if not self._loaded_at:  # nothing hedges by it yet
            return
        path = places_of(self.settings).path
        self._watching.configured(
            Configured(
                path=None if path is None else str(path.absolute()),
                digest=config_digest(self.settings),
                loaded_at=self._loaded_at,
                changed=self._file,
                refused=None if self._refusal is None else self._refusal[0],
                refused_at=0 if self._refusal is None else self._refusal[1],
            )
        )


def _against(plan: Plan, wish: Wish) -> str:
    """Why a plan is not carried out; "" where it is."""
    if plan.refusals:
        return "; ".join(plan.refusals)
    if wish.shown and wish.shown != plan.digest:
        return f"the file says something else than was agreed to (digest {plan.digest}, not {wish.shown}): look again"
    if plan.doubts and not wish.shown:
        return f"{'; '.join(plan.doubts)}: this needs a person's word, which `hedger reload` asks for"
    return ""


def _summary(plan: Plan) -> str:
    """What is, or would be, in force now, in one sentence."""
    if plan.refusals:
        return "; ".join(plan.refusals)
    keys = ", ".join(change.key for change in plan.changes)
    told = "; ".join((*plan.doubts, *plan.effects))
    return (f"{keys}: {told}" if told else keys) if keys else "nothing differs from what is in force"


def _try_out(daemon: Revised, fresh: Settings) -> None:
    """Let the engine make its next step by the new policy, for nothing: what fails at that must not come in force."""
    policy, state = to_policy(fresh), daemon.state
    event = PolicyChanged(digest="", hedges=changed_hedges(daemon.policy, policy))
    step(state, Stamped(state.now, event), policy)
