"""What a person asks of a running hedger: one small file each, written whole, taken up on the beat, and answered.

Whoever takes a file up renames it first, and so does whoever withdraws it: one of the two succeeds.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from hedger.errors import JournalError
from hedger.runtime.clock import wall_ns
from hedger.runtime.kill import LONGEST_REASON, is_too_long, one_line, sync_directory

DIRECTORY = "requests"
LARGEST = 16_384
MOST_AT_ONCE = 32
MOST_KEPT = 64
LONGEST_ORDER = 64
SECOND_NS = 1_000_000_000
ONLY_PLAN = "plan"
WAIT_S, GRACE_S = 30.0, 5.0
ASKED, TAKEN, WITHDRAWN, ANSWERED, REFUSED = ".json", ".taken", ".withdrawn", ".answer", ".refused"


class Ask(StrEnum):
    """What can be asked by a file. A kill is not among them: its own file needs nobody to read a request."""

    PAUSE = "pause"
    UNPAUSE = "unpause"
    RESUME = "resume"
    DRAIN = "drain"
    WRITE_OFF = "write_off"
    FLATTEN = "flatten"
    ACKNOWLEDGE = "acknowledge"
    RELOAD = "reload"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request with its reason. `subject` is what it is about: the order of a write-off, the hedges of a flatten by
    comma ("" is all of them), the key of an alarm, or `ONLY_PLAN` for a reload that changes nothing; `halted` says
    which halt a resume is meant for, and `shown` which plan a person agreed to (`Plan.shown` of a flatten; of a reload
    the digest of the configuration)."""

    ask: Ask
    reason: str
    subject: str = ""
    halted: str = ""
    shown: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The hedges of a flatten; none where it is for all."""
        return tuple(self.subject.split(",")) if self.subject else ()

    def to_json(self, *, asked_ns: int, expires_ns: int) -> bytes:
        """As it stands in its file, with the span of the wall clock in which it may be obeyed."""
        return json.dumps({**asdict(self), "asked_ns": asked_ns, "expires_ns": expires_ns}).encode()

    def flaw(self) -> str:
        """What is wrong with it, as a sentence's end; empty where nothing is."""
        wants_order = self.ask is Ask.WRITE_OFF
        if not one_line(self.reason):
            return "it needs a reason"
        if is_too_long(self.reason):
            return f"its reason is longer than {LONGEST_REASON} characters: shorten it"
        if wants_order and not _is_order_id(self.subject):
            return "a write-off needs our id of the order, letters and digits, as `hedger status` shows it"
        if self.ask is Ask.FLATTEN and not self.shown:
            return "a flatten needs the plan that was agreed to, as `hedger flatten` shows it"
        if self.ask is Ask.ACKNOWLEDGE and (not self.subject.strip() or not self.subject.isprintable()):
            return "it needs the key of an alarm, as `hedger ack` lists them"
        if self.ask is Ask.RELOAD:
            return "" if self.subject in ("", ONLY_PLAN) else f'a reload is carried out, or is only a "{ONLY_PLAN}"'
        named = self.ask in (Ask.WRITE_OFF, Ask.FLATTEN, Ask.ACKNOWLEDGE)
        return "" if named or not self.subject else "only a write-off, a flatten or an acknowledgement names anything"


_KEYS = frozenset(field.name for field in fields(Request))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a request, for whoever asked; of a reload `more` is its plan."""

    done: bool
    why: str
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A request as it was found: `problem` says why it is not obeyed, and then there is no request.

    `written_ns` is when it was written, by the file system's clock.
    """

    name: str
    written_ns: int
    request: Request | None
    problem: str


class Mailbox:
    """`<state directory>/requests`, which only its owner may enter. `now_ns` is the wall clock of this moment."""

    def __init__(self, state_directory: Path, now_ns: Callable[[], int] = wall_ns) -> None:
        self.directory = state_directory / DIRECTORY
        self._now_ns = now_ns

    def prepare(self) -> None:
        """Make the directory and set aside what was asked of an earlier run. Raises JournalError."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            if _is_foreign(os.lstat(self.directory)):
                raise JournalError(f"{self.directory} must be a directory of this user's own: move it away")
            self.directory.chmod(0o700)
        except OSError as problem:
            raise JournalError(f"{self.directory}: cannot be used ({problem.strerror})") from None
        for name in self._names(ASKED):
            if self._take(name):
                self.refuse(name, "it was asked of an earlier run")
        for name in self._names(TAKEN):
            self.refuse(_named(name, ASKED), "an earlier run took it up, and ended before it said what became of it")

    # --- who asks -----------------------------------------------------------------------------------------------------

    def send(self, request: Request, token: str, wait_s: float = WAIT_S) -> str:
        """Put a request there in one piece, under a name that sorts by time and that `token` makes its own; returns it.

        It expires a little after `wait_s`. Raises JournalError where it cannot be written.
        """
        now_ns = self._now_ns()
        token = f"{now_ns:020}-{token}"
        path = self.directory / f"{token}{ASKED}"
        draft = self.directory / f".{token}.new"
        text = request.to_json(asked_ns=now_ns, expires_ns=now_ns + int((wait_s + GRACE_S) * 1e9))
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
                file.write(text)
            draft.replace(path)
        except OSError as problem:
            raise JournalError(f"{self.directory}: the request cannot be written ({problem.strerror})") from None
        return path.name

    def answer_to(self, name: str) -> Answer | None:
        """The answer to a request that was sent, which is taken away; None as long as there is none."""
        answer = self.look_for_answer(name)
        if answer is not None:
            (self.directory / _named(name, ANSWERED)).unlink(missing_ok=True)
        return answer

    def look_for_answer(self, name: str) -> Answer | None:
        """The same, and it stays there for whoever asks again."""
        try:
            told = json.loads((self.directory / _named(name, ANSWERED)).read_text(encoding="utf-8"))
            return Answer(done=bool(told["done"]), why=str(told["why"]), more=dict(told.get("more", {})))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def waits(self, name: str) -> bool:
        """Whether a request is there and nobody has said what became of it."""
        return any((self.directory / _named(name, ending)).exists() for ending in (ASKED, TAKEN))

    def withdraw(self, name: str) -> bool:
        """Take a request back. False where it was taken up before: then it was, or will be, obeyed or refused."""
        withdrawn = self.directory / _named(name, WITHDRAWN)
        try:
            os.rename(self.directory / name, withdrawn)
        except OSError:
            return False
        with suppress(OSError):
            withdrawn.unlink()
        return True

    # --- who is asked -------------------------------------------------------------------------------------------------

    def letters(self) -> Iterator[Letter]:
        """The requests that wait, oldest name first; a few at a time. Each is taken up: nobody can withdraw it now."""
        for name in self._names(ASKED)[:MOST_AT_ONCE]:
            if self._take(name):
                yield self._read(name)

    def answer(self, name: str, answer: Answer) -> None:
        """Say what became of a request and take it away. It was carried out: a disk that refuses changes nothing."""
        path = self.directory / name
        with suppress(OSError):
            draft = path.with_suffix(".writing")
            draft.write_text(json.dumps(asdict(answer)), encoding="utf-8")
            draft.replace(path.with_suffix(ANSWERED))
        with suppress(OSError):
            path.with_suffix(TAKEN).unlink(missing_ok=True)
            sync_directory(self.directory)
        self._forget_old(ANSWERED)

    def refuse(self, name: str, why: str) -> None:
        """Move a request aside, where a person can look at it and nobody obeys it, and say why."""
        path = self.directory / name
        with suppress(OSError):
            path.with_suffix(TAKEN).replace(path.with_suffix(REFUSED))
        self.answer(name, Answer(done=False, why=why))
        self._forget_old(REFUSED)

    def _names(self, ending: str) -> list[str]:
        try:
            with os.scandir(self.directory) as entries:
                return sorted(e.name for e in entries if e.name.endswith(ending) and not e.name.startswith("."))
        except OSError:
            return []

    def _forget_old(self, ending: str) -> None:
        for name in self._names(ending)[:-MOST_KEPT]:
            with suppress(OSError):
                (self.directory / name).unlink()

    def _take(self, name: str) -> bool:
        """Whether it is ours to open: it may have been withdrawn, and a disk may refuse."""
        try:
            os.rename(self.directory / name, self.directory / _named(name, TAKEN))
        except OSError:
            return False
        return True

    def _read(self, name: str) -> Letter:
        try:
            file = os.open(self.directory / _named(name, TAKEN), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as problem:
            return Letter(name=name, written_ns=0, request=None, problem=f"it cannot be opened ({problem.strerror})")
        try:
            found = os.fstat(file)
            text = os.read(file, LARGEST + 1) if stat.S_ISREG(found.st_mode) else b""
        except OSError as problem:
            return Letter(name=name, written_ns=0, request=None, problem=f"it cannot be read ({problem.strerror})")
        finally:
            os.close(file)
        wrong = _problem_of(found, text)
        request = None if wrong else parse_request(text)
        if request is None:
            wrong = wrong or "it is not a request as `hedger` writes them"
        elif wrong := _expired(json.loads(text), self._now_ns()):
            request = None
        return Letter(name=name, written_ns=found.st_mtime_ns, request=request, problem=wrong)


def parse_request(text: bytes) -> Request | None:
    """A request from its JSON; None for whatever is not exactly one."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    times = [told.pop(key, None) for key in ("asked_ns", "expires_ns")]
    if not all(isinstance(value, int) for value in times) or not told.keys() <= _KEYS:
        return None
    if not all(isinstance(value, str) for value in told.values()) or told.get("ask") not in set(Ask):
        return None
    request = Request(**{"reason": "", **told, "ask": Ask(told["ask"])})
    return None if request.flaw() else replace(request, reason=one_line(request.reason))


def _is_order_id(text: str) -> bool:
    return text.isalnum() and text.isascii() and len(text) <= LONGEST_ORDER


def _expired(told: Mapping[str, Any], now_ns: int) -> str:
    """Why a request is too old to be obeyed; empty if it is not. A clock that was set back proves nothing, so no."""
    if now_ns > told["expires_ns"]:
        return f"it expired {(now_ns - told['expires_ns']) // SECOND_NS} s before it was taken up"
    if now_ns < told["asked_ns"] - int(GRACE_S * SECOND_NS):
        return "the clock was set back after it was asked, so nobody can tell whether it has expired: ask again"
    return ""


def _named(name: str, ending: str) -> str:
    return str(Path(name).with_suffix(ending))


def _problem_of(found: os.stat_result, text: bytes) -> str:
    if not stat.S_ISREG(found.st_mode):
        return "it is not a file"
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        return "somebody else owns it or may write it"
    return "it is too large" if len(text) > LARGEST else ""


def _is_foreign(found: os.stat_result) -> bool:
    return not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid()
