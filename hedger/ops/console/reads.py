"""What the reading routes answer: parts of the newest picture, the journal's story of a decision, and the past."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from pydantic_core import to_jsonable_python

from hedger.errors import GiveUp, JournalError
from hedger.ops.console.access import Refused, Scope
from hedger.ops.console.aside import Aside
from hedger.ops.console.desk import Desk, Reply
from hedger.ops.console.gallery import Gallery
from hedger.ops.console.hedges import decision_document
from hedger.ops.console.painter import Picture
from hedger.ops.console.routes import DECISIONS_SHOWN
from hedger.ops.explain import Story, explain_story
from hedger.ops.positions import options_status, positions_status
from hedger.runtime.record import decision_body


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks to read: the parts of path and query, and what they may do."""

    parts: Mapping[str, str]
    scope: Scope


class Reads:
    """Answers from the gallery; what reads the disk or takes long is done aside."""

    def __init__(self, gallery: Gallery, desk: Desk, aside: Aside, story: Callable[[int], Story]) -> None:
        self._gallery = gallery
        self._desk = desk
        self._aside = aside
        self._story = story

    async def status(self, _: Asked) -> Reply:
        """The whole document, and whether a kill file is there."""
        picture = await self._picture()
        killed = await self._aside.do(self._desk.killed)
        return HTTPStatus.OK, {**picture.document, "killed": killed}

    async def hedges(self, _: Asked) -> Reply:
        """Every hedge."""
        return await self._part("hedges")

    async def hedge(self, asked: Asked) -> Reply:
        """One hedge."""
        hedges = (await self._picture()).document["hedges"]
        if asked.parts["name"] not in hedges:
            raise Refused(HTTPStatus.NOT_FOUND, "there is no such hedge")
        return HTTPStatus.OK, hedges[asked.parts["name"]]

    async def positions(self, _: Asked) -> Reply:
        """What is held."""
        picture = await self._picture()
        state = picture.seen.state
        held = await self._aside.do(lambda: (positions_status(state), options_status(state)))
        return HTTPStatus.OK, {"at": picture.document["at"], "positions": held[0], "options": held[1]}

    async def orders(self, _: Asked) -> Reply:
        """Our orders that may still fill."""
        document = (await self._picture()).document
        orders = [{"hedge": name, **order} for name, hedge in document["hedges"].items() for order in hedge["orders"]]
        return HTTPStatus.OK, {"at": document["at"], "orders": orders}

    async def alarms(self, _: Asked) -> Reply:
        """What a person should look at."""
        return await self._part("alarms")

    async def decisions(self, asked: Asked) -> Reply:
        """The last decisions, the newest first."""
        picture = await self._picture()
        newest = reversed(picture.seen.decisions[-int(asked.parts.get("limit", DECISIONS_SHOWN)) :])
        return HTTPStatus.OK, {"at": picture.document["at"], "decisions": [decision_document(one) for one in newest]}

    async def decision(self, asked: Asked) -> Reply:
        """The journal's story of a decision."""
        number = int(asked.parts["id"])

        def told() -> dict[str, Any]:
            story = self._told(number)
            return {"decision": story.as_record(), "text": explain_story(story)}

        try:
            return HTTPStatus.OK, await self._aside.do(told)
        except GiveUp:
            raise Refused(HTTPStatus.NOT_FOUND, "there is no decision of that number in this journal") from None
        except JournalError:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "the journal cannot be read now") from None

    async def history(self, asked: Asked) -> Reply:
        """A hedge's columns."""
        try:
            return HTTPStatus.OK, await self._aside.do(lambda: self._gallery.painter.history_of(asked.parts["hedge"]))
        except KeyError:
            raise Refused(HTTPStatus.NOT_FOUND, "there is no such hedge") from None

    async def request(self, asked: Asked) -> Reply:
        """What became of an act."""
        return await self._aside.do(lambda: self._desk.outcome(asked.parts["id"]))

    async def access(self, asked: Asked) -> Reply:
        """What whoever asks may do."""
        return HTTPStatus.OK, {"read": asked.scope >= Scope.READ, "act": asked.scope >= Scope.ACT}

    def _told(self, number: int) -> Story:
        """The journal's story; of a decision that is not on disk yet, because nothing hangs on it, what is remembered.
        Raises GiveUp where neither knows it."""
        try:
            return self._story(number)
        except GiveUp:
            seen = self._gallery.feed.seen
            fresh = [one for one in (seen.decisions if seen is not None else ()) if one.decision_id == number]
            if not fresh:
                raise
            return Story(decision=to_jsonable_python(decision_body(fresh[-1], None)))

    async def _part(self, name: str) -> Reply:
        document = (await self._picture()).document
        return HTTPStatus.OK, {"at": document["at"], name: document[name]}

    async def _picture(self) -> Picture:
        picture = await self._gallery.current()
        if picture is None:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "nothing is known yet, or it cannot be drawn: see the log")
        return picture
