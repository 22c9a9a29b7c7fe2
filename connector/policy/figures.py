"""Figures in words: numbers, durations, days and moments, in the language of the given catalogue.

Instants keep the offset in which they were written; nothing is rounded silently.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Protocol

from .model import Atom
from .values import moment


class Say(Protocol):
    """The message of one catalogue with its placeholders filled; LookupError if it has none."""

    def __call__(self, key: str, /, **facts: object) -> str: ...


_UNITS = (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1000), ("millisecond", 1))
_MILLION = 1_000_000


def joined(words: Sequence[str], key: str, say: Say) -> str:
    """`a, b oder c`."""
    if len(words) < 2:
        return "".join(words)
    return say(f"policy.format.{key}", head=", ".join(words[:-1]), last=words[-1])


def number(value: int, say: Say) -> str:
    """A whole number with the language's separator of thousands."""
    return f"{value:,}".replace(",", say("policy.format.group"))


def decimal(millionths: int, say: Say, *, cents: bool = False) -> str:
    """A decimal number, exactly, without trailing zeros; of money (`cents`) with two places if it has any."""
    whole, rest = divmod(abs(millionths), _MILLION)
    digits = f"{rest:06}".rstrip("0")
    digits = digits.ljust(2, "0") if cents and digits else digits
    text = number(whole, say) + (say("policy.format.point") + digits if digits else "")
    return "-" + text if millionths < 0 else text


def length(milliseconds: int, say: Say) -> str:
    """A duration in words, without zero parts."""
    parts: list[str] = []
    rest = abs(milliseconds)
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(say(f"policy.unit.{unit}-one" if count == 1 else f"policy.unit.{unit}", n=count))
    return joined(parts, "and", say) if parts else say("policy.unit.second", n=0)


def _zone(at: datetime) -> str:
    return f"UTC{at.isoformat()[-6:]}" if at.tzinfo is not UTC and at.utcoffset() else "UTC"


def day_text(at: datetime, say: Say) -> str:
    return say("policy.format.day", day=at.day, month=at.month, year=at.year)


def moment_text(at: datetime, say: Say) -> str:
    """Date, time of day and offset, to the second."""
    return say(
        "policy.format.moment", day=at.day, month=at.month, year=at.year,
        hour=at.hour, minute=at.minute, second=at.second, zone=_zone(at),
    )  # fmt: skip


def now_text(now: int, zone: tzinfo, say: Say) -> str:
    """An instant (ms) in the given offset; as a number if no calendar reaches it."""
    try:
        at = datetime.fromtimestamp(now // 1000, zone)
    except (OverflowError, ValueError, OSError):
        return number(now, say)
    return moment_text(at, say)


def zone_of(atom: Atom) -> timezone:
    """The offset in which an instant is written, UTC if in none."""
    found = moment(atom.right[0].text) if atom.right else None
    offset = found[0].utcoffset() if found else None
    return timezone(offset) if offset else UTC


_DAYS = {
    "lt": ("until-day", -1),
    "lteq": ("until-day", 0),
    "gteq": ("from-day", 0),
    "gt": ("from-day", 1),
    "eq": ("on-day", 0),
    "neq": ("not-on-day", 0),
}


def instant_text(atom: Atom, say: Say, room: str, operand: str) -> str | None:
    """A clause about an instant by the messages of `policy.<room>`; None if it is not exact to the second.

    Midnights are said as days: `lt 2028-01-01T00:00` is "up to and including 31.12.2027".
    """
    if len(atom.right) != 1 or (found := moment(atom.right[0].text)) is None:
        return None
    at, whole_day = found
    if at.microsecond or atom.operator not in _DAYS:
        return None
    midnight = (at.hour, at.minute, at.second) == (0, 0, 0)
    if not midnight or (not whole_day and atom.operator not in ("lt", "gteq")):
        return say(f"policy.{room}.{atom.operator}", moment=moment_text(at, say), operand=operand)
    key, days = _DAYS[atom.operator]
    try:
        day = at + timedelta(days=days)
    except OverflowError:
        return None
    return say(f"policy.{room}.{key}", day=day_text(day, say), operand=operand)
