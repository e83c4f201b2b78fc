"""The page of metrics, byte for byte as the library writes it, but a line is made anew only if its value has changed.

The library builds a sample and its line for each of thousands of series on each scrape, which takes ten times as long.
What it wrote once is kept here; names, labels and their order are its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from operator import attrgetter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

_END = "# EOF\n"
_LEAST, _MOST = -1e300, 1e6
Meter = Counter | Gauge | Histogram
Encode = Callable[[Collector], bytes]
_go_number: Callable[[float], str] = floatToGoString
_held = attrgetter("_value")  # one read of a float needs no lock


class Exposition:
    """The page of one registry, for many threads; one is served at a time. Meters may gain series, and keep them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._parts: dict[str, list[_Part]] = {}

    def page(self, accept: str) -> tuple[str, bytes]:
        """The content type and the page in the format that an Accept header asks for."""
        encode, content_type = choose_encoder(accept)
        with self._lock:
            parts = self._parts.get(content_type)
            if parts is None:
                collectors = tuple(self._registry._collector_to_names)
                parts = self._parts[content_type] = [_Part(collector, encode) for collector in collectors]
            text = "".join([part.text() for part in parts])
        return content_type, (text + _END if "openmetrics" in content_type else text).encode()


class _Part:
    """What one collector adds to the page."""

    def __init__(self, collector: Collector, encode: Encode) -> None:
        self._collector = collector
        self._encode = encode
        self._series = -1
        self._read: Callable[[], list[float]] = list
        self._head = ""
        self._names: list[str] = []
        self._values: list[float] = []
        self._text = ""

    def text(self) -> str:
        """The lines of now; what the library collects by itself, such as the process, is left to it."""
        meter = self._collector
        if not isinstance(meter, Meter):
            return self._written()
        children = _children(meter)
        if len(children) != self._series:
            self._lay_out(children)
        values = self._read()
        if len(values) != len(self._names):  # a series came in between, or lines that we know nothing of
            self._series = -1
            return self._written()
        if values != self._values:
            self._values = values
            lines = zip(self._names, values, strict=True)
            self._text = self._head + "".join([f"{name}{_number(value)}\n" for name, value in lines])
        return self._text

    def _lay_out(self, children: Sequence[Meter]) -> None:
        """Take head, names and labels from what the library writes of these series."""
        lines = self._written().splitlines(keepends=True)
        self._head = "".join(line for line in lines if line.startswith("#"))
        self._names = [line[: line.rindex(" ") + 1] for line in lines if not line.startswith("#")]
        self._read, self._series = _reader(children), len(children)
        self._text, self._values = self._head, []

    def _written(self) -> str:
        return self._encode(_Only(self._collector)).decode().removesuffix(_END)


class _Only:
    """A registry of one collector."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterable[Metric]:
        """Its metrics."""
        return self._collector.collect()


def _children(meter: Meter) -> list[Meter]:
    """The series of a meter in the order in which they are written."""
    if not meter._labelnames:
        return [meter]
    with meter._lock:
        return [child for child in meter._metrics.values() if isinstance(child, Meter)]


def _reader(children: Sequence[Meter]) -> Callable[[], list[float]]:
    """How to read the values of the lines of these series, in their order."""
    if any(isinstance(child, Histogram) or "_child_samples" in vars(child) for child in children):
        getters = [_getter(child) for child in children]
        return lambda: [value for get in getters for value in get()]
    simple = [child._value for child in children if not isinstance(child, Histogram)]
    return lambda: list(map(_held, simple))


def _getter(child: Meter) -> Callable[[], Sequence[float]]:
    """The same for one histogram, or for one gauge that asks a function on each scrape."""
    if not isinstance(child, Histogram):
        return lambda: [sample.value for sample in child._child_samples()]
    buckets, total = child._buckets, child._sum

    def of_histogram() -> Sequence[float]:
        counts = list(accumulate(map(_held, buckets)))
        return (*counts, counts[-1], _held(total))

    return of_histogram


def _number(value: float) -> str:
    """As the library writes it; of most numbers that is as Python does."""
    return repr(value) if _LEAST < value < _MOST else _go_number(value)
