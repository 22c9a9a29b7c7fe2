"""Logs as JSON lines without personal data, and counters for `/metrics`.

Whatever comes from outside is escaped and capped, and everything that looks like a secret is hidden, by name and by
shape (threats T26, T27).
"""

import logging
import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Mapping, MutableMapping
from itertools import accumulate, islice
from typing import Any, Literal

import structlog

CAP = 2048
_NAMES = re.compile(r"token|secret|password|authorization|cookie|private|master", re.IGNORECASE)
_SHAPES = re.compile(r"eyJ[\w-]{8,}(?:\.[\w-]*)*|hanse_[\w-]{16,}|Bearer\s+\S+|(?<![\w-])[A-Za-z0-9_-]{43}(?![\w-])")
_SHORTEST = 8
"""Characters of the shortest text that may look like a secret: `Bearer x`."""
_ODD = re.compile("[\x00-\x1f\x7f\x80-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_HIDDEN = "[hidden]"

Event = MutableMapping[str, Any]
Level = Literal["debug", "info", "warning", "error"]


def without_secrets(text: str) -> str:
    """The beginning of a text, with whatever looks like a secret hidden."""
    return _SHAPES.sub(_HIDDEN, text[: 16 * CAP])[:CAP]  # a secret must not be cut before it is recognised


def _clean(value: object) -> object:
    if isinstance(value, str):
        text = without_secrets(value) if len(value) >= _SHORTEST else value
        if text.isprintable():  # as most texts are: then nothing in it is odd
            return text
        return _ODD.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    if isinstance(value, dict):
        return {str(_clean(str(key))): _named(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _clean(str(value))


def _named(name: str, value: object) -> object:
    return _HIDDEN if _NAMES.search(name) else _clean(value)


def redact(_logger: object, _method: str, event: Event) -> Event:
    """A structlog processor: hides secrets, escapes control and bidi characters, caps lengths."""
    for name in list(event):
        event[name] = _named(name, event[name])
    return event


class _Handler(logging.Handler):
    """Lines of libraries take the same way as ours."""

    def emit(self, record: logging.LogRecord) -> None:
        facts = {"logger": record.name}
        if record.exc_info and record.exc_info[0] is not None:
            facts["exception"] = record.exc_info[0].__name__
        log = structlog.get_logger(record.name)
        getattr(log, record.levelname.lower() if record.levelname.lower() in _LEVELS else "info")(
            record.getMessage(), **facts
        )


def _standard_error(*_: object) -> structlog.PrintLogger:
    """Whatever is standard error when the line is written: who redirected it meanwhile gets the line."""
    return structlog.PrintLogger(sys.stderr)


_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


_LEAST: dict[object, int] = {structlog.make_filtering_bound_logger(number): number for number in _LEVELS.values()}
"""By the class of logger that `configure` chooses, from which level on lines are written."""


def says(level: Level) -> bool:
    """Whether lines of this level are written: one that is thrown away costs more than asking, where there are many."""
    return _LEVELS[level] >= _LEAST.get(structlog.get_config()["wrapper_class"], 0)


def configure(level: Level, form: Literal["json", "text"]) -> None:
    """Sets up logging for the whole process; lines go to standard error."""
    render: Callable[..., Any] = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=_standard_error,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_Handler()]
    root.setLevel(max(_LEVELS[level], logging.WARNING))


Labels = tuple[tuple[str, str], ...]
MOST_SERIES = 100
"""Values of one name that are kept apart: whoever can make up labels fills no memory with them."""


BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper edges in seconds; what is above them has a last one of its own."""


class Spread:
    """A distribution: how many values fell into each bucket, and their sum."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def lines(self, name: str, label: Labels) -> list[str]:
        edges = [*(f"{edge:g}" for edge in BUCKETS), "+Inf"]
        below = zip(edges, accumulate(self.counts), strict=True)
        shown = [f"{_series(f'{name}_bucket', (*label, ('le', edge)))} {count}" for edge, count in below]
        count = sum(self.counts)
        return [*shown, f"{_series(f'{name}_sum', label)} {self.total:g}", f"{_series(f'{name}_count', label)} {count}"]


class Metrics:
    """Gauges, counters and distributions in the Prometheus text form; a gauge is a function asked at each scrape."""

    def __init__(self) -> None:
        self._gauges: dict[str, tuple[str, Callable[[], Mapping[Labels, float]]]] = {}
        self._counts: dict[str, dict[Labels, int]] = {}
        self._spread: dict[str, dict[Labels, Spread]] = {}
        self._help: dict[str, str] = {}

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        self.gauges(name, text, lambda: {(): value()})

    def gauges(self, name: str, text: str, values: Callable[[], Mapping[Labels, float]]) -> None:
        """One value for each set of labels, the first `MOST_SERIES` of them."""
        self._gauges[name] = (text, values)

    def count(self, name: str, text: str, **labels: str) -> None:
        """One more; beyond `MOST_SERIES` sets of labels all further ones are one, with every label `other`."""
        self._help[name] = text
        series = self._counts.setdefault(name, {})
        label = _bounded(series, labels)
        series[label] = series.get(label, 0) + 1

    def observe(self, name: str, text: str, value: float, **labels: str) -> None:
        """One more value of a distribution, in seconds; bounded as counters are."""
        self._help[name] = text
        series = self._spread.setdefault(name, {})
        label = _bounded(series, labels)
        if (spread := series.get(label)) is None:
            spread = series[label] = Spread()
        spread.counts[bisect_left(BUCKETS, value)] += 1
        spread.total += value

    def text(self) -> str:
        lines = []
        for name, (text, values) in sorted(self._gauges.items()):
            lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
            lines += [f"{_series(name, label)} {value:g}" for label, value in islice(values().items(), MOST_SERIES)]
        for name in sorted(self._counts):
            lines += [f"# HELP {name} {self._help[name]}", f"# TYPE {name} counter"]
            lines += [f"{_series(name, label)} {number}" for label, number in sorted(self._counts[name].items())]
        for name in sorted(self._spread):
            lines += [f"# HELP {name} {self._help[name]}", f"# TYPE {name} histogram"]
            for label, spread in sorted(self._spread[name].items()):
                lines += spread.lines(name, label)
        return "\n".join(lines) + "\n"


def _bounded(series: Mapping[Labels, object], labels: Mapping[str, str]) -> Labels:
    """These labels; beyond `MOST_SERIES` sets of them `other` for each."""
    label: Labels = tuple(sorted(labels.items()))
    if label not in series and len(series) >= MOST_SERIES:
        return tuple((key, "other") for key, _ in label)
    return label


def _series(name: str, labels: Labels) -> str:
    inner = ",".join(f'{key}="{_label(value)}"' for key, value in labels)
    return f"{name}{{{inner}}}" if inner else name


def _label(value: str) -> str:
    """As the text form wants it: no quote, backslash or line break ends a label early."""
    return value[:200].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
