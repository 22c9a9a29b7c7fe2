"""Calendar days of a steward as instants: midnights in Europe/Berlin with their offset, so that nobody guesses a zone.

A last day becomes the next midnight, for the operator `lt`: it counts in full (policy.md 3.2).
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.policy.values import day, instant

_GERMAN_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_ONE = timedelta(days=1)


def read_day(text: str) -> date | None:
    """`31.12.2027` or `2027-12-31`, from 1997 (the summer time of the EU) to 9998; None for anything else."""
    german = _GERMAN_DAY.fullmatch(text)
    found = day(f"{german[3]}-{int(german[2]):02}-{int(german[1]):02}" if german else text)
    return found if found is not None and 1996 < found.year < 9999 else None


def midnight(at: date) -> datetime:
    """The beginning of that day in Europe/Berlin, with its offset; needs no time zone database."""
    try:
        local = datetime(at.year, at.month, at.day, tzinfo=ZoneInfo("Europe/Berlin"))
        offset = local.utcoffset() or timedelta()
    except ZoneInfoNotFoundError:
        offset = _offset(at)
    return datetime(at.year, at.month, at.day, tzinfo=timezone(offset))


def day_of(text: str) -> date | None:
    """The day that begins at this instant, however it is spelled; None if none begins then."""
    if (span := instant(text)) is None:
        return None
    about = datetime.fromtimestamp(span.start // 1000, UTC).date()
    return next((d for d in (about, about + _ONE) if midnight(d).timestamp() * 1000 == span.start), None)


def _offset(at: date) -> timedelta:
    """The offset at 00:00 by the rule of the EU: summer time from the last Sunday of March to that of October."""
    summer = _last_sunday(at.year, 3) < at <= _last_sunday(at.year, 10)
    return timedelta(hours=2 if summer else 1)


def _last_sunday(year: int, month: int) -> date:
    last = date(year, month, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)
