"""What a person asks of a running hedger: one small file each, written whole, taken up on the beat, and answered."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from hedger.errors import JournalError
from hedger.runtime.kill import one_line, sync_directory

DIRECTORY = "requests"
LARGEST = 4_096
MOST_AT_ONCE = 32
MOST_KEPT = 64
ASKED, ANSWERED, REFUSED = ".json", ".answer", ".refused"


class Ask(StrEnum):
    """What can be asked by a file. A kill is not among them: its own file needs nobody to read a request."""

    PAUSE = "pause"
    UNPAUSE = "unpause"
    RESUME = "resume"
    DRAIN = "drain"
    WRITE_OFF = "write_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request with its reason. `order` is for a write-off; `halted` says which halt a resume is meant for."""

    ask: Ask
    reason: str
    order: str = ""
    halted: str = ""

    def to_json(self) -> bytes:
        """As it stands in its file."""
        return json.dumps(asdict(self)).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a request, for whoever asked."""

    done: bool
    why: str


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
    """`<state directory>/requests`, which only its owner may enter."""

    def __init__(self, state_directory: Path) -> None:
        self.directory = state_directory / DIRECTORY

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
            self.refuse(name, "it was asked of an earlier run")

    # --- who asks -----------------------------------------------------------------------------------------------------

    def send(self, request: Request, token: str) -> str:
        """Put a request there in one piece, under a name that `token` makes its own; returns that name.

        Raises JournalError where that is not possible.
        """
        path = self.directory / f"{token}{ASKED}"
        draft = self.directory / f".{token}.new"
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
                file.write(request.to_json())
            draft.replace(path)
        except OSError as problem:
            raise JournalError(f"{self.directory}: the request cannot be written ({problem.strerror})") from None
        return path.name

    def answer_to(self, name: str) -> Answer | None:
        """The answer to a request that was sent; None as long as there is none."""
        path = (self.directory / name).with_suffix(ANSWERED)
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            answer = Answer(done=bool(told["done"]), why=str(told["why"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        path.unlink(missing_ok=True)
        return answer

    # --- who is asked -------------------------------------------------------------------------------------------------

    def letters(self) -> Iterator[Letter]:
        """The requests that wait, oldest name first; a few at a time."""
        for name in self._names(ASKED)[:MOST_AT_ONCE]:
            yield self._read(name)

    def answer(self, name: str, answer: Answer) -> None:
        """Say what became of a request and take it away. It was carried out: a disk that refuses changes nothing."""
        path = self.directory / name
        with suppress(OSError):
            draft = path.with_suffix(".writing")
            draft.write_text(json.dumps(asdict(answer)), encoding="utf-8")
            draft.replace(path.with_suffix(ANSWERED))
        with suppress(OSError):
            path.unlink(missing_ok=True)
            sync_directory(self.directory)
        self._forget_old(ANSWERED)

    def refuse(self, name: str, why: str) -> None:
        """Move a request aside, where a person can look at it and nobody obeys it, and say why."""
        path = self.directory / name
        with suppress(OSError):
            path.replace(path.with_suffix(REFUSED))
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

    def _read(self, name: str) -> Letter:
        try:
            file = os.open(self.directory / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as problem:
            return Letter(name=name, written_ns=0, request=None, problem=f"it cannot be opened ({problem.strerror})")
        try:
            found = os.fstat(file)
            text = os.read(file, LARGEST + 1) if stat.S_ISREG(found.st_mode) else b""
        except OSError as problem:
            return Letter(name=name, written_ns=0, request=None, problem=f"it cannot be read ({problem.strerror})")
        finally:
            os.close(file)
        problem_of_file = _problem_of(found, text)
        request = None if problem_of_file else parse_request(text)
        problem_told = problem_of_file or ("" if request is not None else "it is not a request as `hedger` writes them")
        return Letter(name=name, written_ns=found.st_mtime_ns, request=request, problem=problem_told)


def parse_request(text: bytes) -> Request | None:
    """A request from its JSON; None for whatever is not exactly one."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or not told.keys() <= {"ask", "reason", "order", "halted"}:
        return None
    if not all(isinstance(value, str) for value in told.values()) or told.get("ask") not in set(Ask):
        return None
    reason, order = one_line(told.get("reason", "")), told.get("order", "")
    ask = Ask(told["ask"])
    wants_order = ask is Ask.WRITE_OFF
    if not reason or bool(order) is not wants_order or len(order) > 64 or (order and not order.isalnum()):
        return None
    return Request(ask=ask, reason=reason, order=order, halted=told.get("halted", ""))


def _problem_of(found: os.stat_result, text: bytes) -> str:
    if not stat.S_ISREG(found.st_mode):
        return "it is not a file"
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        return "somebody else owns it or may write it"
    return "it is too large" if len(text) > LARGEST else ""


def _is_foreign(found: os.stat_result) -> bool:
    return not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid()
