"""The time zone of the data space: which instants a calendar day is, and what the clock shows where people read.

One constant and no setting: two members must read the same agreement alike, whatever is configured here or there
(decision 0044). Machines exchange and store UTC; only text for people and days without a zone of their own are local.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

SPACE: tzinfo = ZoneInfo("Europe/Berlin")

_NAMED = frozenset({"CET", "CEST", "UTC"})
"""Zones that have a word of their own in every language; others are said by their offset."""


class Say(Protocol):
    """The message of one catalogue with its placeholders filled; LookupError if it has none."""

    def __call__(self, key: str, /, **facts: object) -> str: ...


def local(milliseconds: int, zone: tzinfo = SPACE) -> datetime | None:
    """The instant on the clocks of the zone, to the second; None if no calendar reaches it."""
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=milliseconds // 1000)).astimezone(zone)
    except OverflowError:
        return None


def spoken(at: datetime, say: Say) -> str:
    """Date, time of day to the second, and the zone by its name or offset: `31.12.2027, 14:05:00 Uhr (MEZ)`."""
    return say("policy.format.moment", at=at, year=at.year, zone=_zone(at, say))


def through(end: datetime, say: Say) -> str:
    """An end, which is the first instant that is too late: as its last day if it is a midnight, else as a moment."""
    if (end.hour, end.minute, end.second) != (0, 0, 0) or end.toordinal() == 1:
        return spoken(end, say)
    last = end - timedelta(days=1)
    return say("policy.format.through", at=last, year=last.year)


def _zone(at: datetime, say: Say) -> str:
    name = at.tzname() or ""
    return say(f"policy.zone.{name}") if name in _NAMED else f"UTC{at.isoformat()[19:]}"
