"""Calendar days of a steward as instants: midnights in Europe/Berlin with their offset, so that nobody guesses a zone.

A last day becomes the next midnight, for the operator `lt`: it counts in full (spec/policy.md 14.1).
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone

from connector.foundation.zone import SPACE
from connector.kernel.policy.odrl.values import day, instant

_GERMAN_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_ONE = timedelta(days=1)


def read_day(text: str) -> date | None:
    """`31.12.2027` or `2027-12-31`, from 1997 (the summer time of the EU) to 9998; None for anything else."""
    german = _GERMAN_DAY.fullmatch(text)
    found = day(f"{german[3]}-{int(german[2]):02}-{int(german[1]):02}" if german else text)
    return found if found is not None and 1996 < found.year < 9999 else None


def midnight(at: date) -> datetime:
    """The beginning of that day in the space, with its offset."""
    found = datetime(at.year, at.month, at.day, tzinfo=SPACE)
    return found.replace(tzinfo=timezone(found.utcoffset() or timedelta()))


def day_of(text: str) -> date | None:
    """The day that begins at this instant, however it is spelled; None if none begins then."""
    if (span := instant(text)) is None:
        return None
    about = datetime.fromtimestamp(span.start // 1000, UTC).date()
    return next((d for d in (about, about + _ONE) if midnight(d).timestamp() * 1000 == span.start), None)
