"""Logging for the whole program: one form, one handler to standard error, and no secret in any line."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Collection
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

from hedger.ops.events import LogEvent
from hedger.ops.redact import Redactor

FORMATS = ("auto", "console", "json")
MOST_ALIKE_PER_SECOND = 20
_MOST_KEYS = 1_000
# ccxt's DEBUG lines hold signed requests; the others' tell of every poll and connection.
_QUIET = {"ccxt": logging.WARNING, "asyncio": logging.INFO, "urllib3": logging.INFO, "aiohttp.access": logging.WARNING}


def configure_logging(level: str, format: str, secrets: Collection[str], *, stream: TextIO | None = None) -> Redactor:
    """Send all log lines of the program and its libraries to standard error (or `stream`), redacted.

    `level` is a name as in `INFO`; `format` is `console`, `json`, or `auto`: console where the stream is a terminal.
    Returns the redactor, for other texts that leave the program. Raises ValueError for an unknown level or format.
    """
    if format not in FORMATS:
        raise ValueError(f"the log format is one of {', '.join(FORMATS)}, not {format!r}")
    threshold = logging.getLevelNamesMapping().get(level.upper())
    if threshold is None:
        raise ValueError(f"{level!r} is not a log level")
    redactor = Redactor(secrets)
    handler = _Handler(stream)
    terminal = format == "console" or (format == "auto" and handler.stream.isatty())
    handler.setFormatter(_RedactingFormatter(_formatter(terminal, handler.stream.isatty()), redactor))
    handler.addFilter(_Quiet())
    handler.addFilter(_Repetition())
    _install(handler, threshold)
    _configure_structlog(threshold)
    return redactor


def set_level(level: str) -> None:
    """Log from this level on, while the program runs. Raises KeyError for an unknown one."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    _set_threshold(threshold)
    _configure_structlog(threshold)


def redact_too(secret: str) -> None:
    """Have no line show a secret that was made after logging was configured."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, _RedactingFormatter):
            handler.formatter.redactor.learn(secret)


def _install(handler: logging.Handler, threshold: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler]
    _set_threshold(threshold)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def _set_threshold(threshold: int) -> None:
    logging.getLogger().setLevel(threshold)
    for name, floor in _QUIET.items():
        logging.getLogger(name).setLevel(max(floor, threshold))


def _configure_structlog(threshold: int) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            *_common(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        cache_logger_on_first_use=False,
    )


def _common() -> list[Processor]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _formatter(console: bool, colours: bool) -> logging.Formatter:
    """Tracebacks are plain text in both forms: neither holds local variables."""
    last: list[Processor]
    if console:
        plain = structlog.dev.plain_traceback
        last = [structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain)]
    else:
        last = [structlog.processors.format_exc_info, _in_order, structlog.processors.JSONRenderer(_json)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_common(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )


def _in_order(_: Any, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The keys that every line has come first."""
    first = {key: line[key] for key in ("timestamp", "level", "logger", "event") if key in line}
    return {**first, **line}


def _json(line: Any, **_: Any) -> str:
    return json.dumps(line, default=str, ensure_ascii=False)


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to what standard error is at the time, so that a live view may stand in for it.

    What cannot be formatted or written is named without its content: that has not been redacted.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._fixed = stream
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        """Where lines go."""
        return self._fixed or sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        raise AttributeError("the stream of the root handler is chosen once")

    def handleError(self, record: logging.LogRecord) -> None:
        """Tell that a line was lost, where that can still be told."""
        try:
            self.stream.write(f"a log line of {record.name} ({record.pathname}:{record.lineno}) was lost\n")
        except (OSError, ValueError):
            return


class _RedactingFormatter(logging.Formatter):
    """The finished line, exception text included, without secrets."""

    def __init__(self, inner: logging.Formatter, redactor: Redactor) -> None:
        super().__init__()
        self._inner = inner
        self.redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self.redactor(self._inner.format(record))


class _Quiet(logging.Filter):
    """Keeps ccxt's lines below WARNING out, even where something lowered the level of one of its loggers."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING or record.name.partition(".")[0] != "ccxt"


class _Repetition(logging.Filter):
    """Lets at most twenty lines a second through that are alike, and tells how many it kept back."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, int, str], tuple[int, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        second = int(record.created)
        key = (record.name, record.levelno, _likeness(record))
        since, count = self._seen.get(key, (second, 0))
        if since != second:
            _tell_suppressed(record, count - MOST_ALIKE_PER_SECOND)
            since, count = second, 0
        if len(self._seen) >= _MOST_KEYS:
            self._seen.clear()
        self._seen[key] = (since, count + 1)
        return count < MOST_ALIKE_PER_SECOND


def _likeness(record: logging.LogRecord) -> str:
    return str(record.msg.get("event")) if isinstance(record.msg, dict) else str(record.msg)


def _tell_suppressed(record: logging.LogRecord, count: int) -> None:
    if count <= 0:
        return
    if isinstance(record.msg, dict):
        record.msg = {**record.msg, "suppressed": count}
    else:
        record.msg, record.args = f"{record.getMessage()} (suppressed={count})", ()


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        structlog.get_logger("hedger").critical(LogEvent.UNCAUGHT_EXCEPTION, exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)
