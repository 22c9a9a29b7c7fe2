"""Figures of a participant, with the newest log entries that each was counted from."""

import msgspec

from connector.foundation.clock import rfc3339
from connector.oversight.figures.model import Event, Figure, Part, Point
from connector.surfaces.views.fields import Time

MOST_EVENTS = 100


class LogEntryView(msgspec.Struct, frozen=True, kw_only=True):
    """`time` is `at`, in milliseconds; `leaf` is its place in the tree, null until it is sealed."""

    id: int
    type: str
    at: int
    time: Time
    leaf: int | None


class FigureView(msgspec.Struct, frozen=True, kw_only=True):
    """`value` is null where there is none, and `lacks` says why: `nothing-yet`, or what the log cannot prove.

    `spaces` are the data spaces, by name, with how much of the value lies in each; it may lie in several.
    `of` is what the value is a share of, `version` that of its definition, `entries` how many log entries were counted,
    `events` the newest of them.
    """

    id: str
    version: int
    value: float | None
    unit: str
    of: int | None
    lacks: str
    parts: list[Part]
    spaces: list[Part]
    series: list[Point]
    entries: int
    events: list[LogEntryView]


class FiguresView(msgspec.Struct, frozen=True):
    """`entries` of the log were looked at; `whole`: there are no older ones."""

    figures: list[FigureView]
    entries: int
    whole: bool


def figure(one: Figure) -> FigureView:
    newest = one.events[: -MOST_EVENTS - 1 : -1]
    return FigureView(
        id=one.definition.id,
        version=one.definition.version,
        value=one.value,
        unit=one.definition.unit,
        of=one.of,
        lacks=one.lacks,
        parts=list(one.parts),
        spaces=list(one.spaces),
        series=list(one.series),
        entries=len(one.events),
        events=[log_entry(event) for event in newest],
    )


def log_entry(event: Event) -> LogEntryView:
    return LogEntryView(id=event.id, type=event.type, at=event.at, time=rfc3339(event.at), leaf=event.index)
