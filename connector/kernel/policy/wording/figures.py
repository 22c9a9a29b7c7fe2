"""Figures in words: numbers, durations, days and moments, in the language of the given catalogue.

Instants are said in local time, whatever the offset in which they were written; nothing is rounded silently.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta, tzinfo

from connector.foundation.zone import SPACE, local, spoken, through
from connector.foundation.zone import Say as Say
from connector.kernel.policy.odrl.model import Atom
from connector.kernel.policy.odrl.operators import EDGES
from connector.kernel.policy.odrl.values import Span

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


def day_text(at: datetime, say: Say) -> str:
    return say("policy.format.day", at=at, year=at.year)


def now_text(now: int, say: Say, zone: tzinfo = SPACE) -> str:
    """An instant (ms) in local time with its zone; as a number if no calendar reaches it."""
    at = local(now, zone)
    return number(now, say) if at is None else spoken(at, say)


def end_text(end: int, say: Say, zone: tzinfo = SPACE) -> str:
    """An end (ms, the first instant that is too late) as its last day or moment; as a number if no calendar has it."""
    at = local(end, zone)
    return number(end, say) if at is None else through(at, say)


def first_day(start: int, say: Say, zone: tzinfo = SPACE) -> str | None:
    """The day that begins at this instant (ms), None if none does."""
    at = _midnight(start, zone)
    return None if at is None else day_text(at, say)


def since_text(end: int, say: Say, zone: tzinfo = SPACE) -> str:
    """The first instant (ms) that is too late: the day that begins with it, else the moment."""
    return first_day(end, say, zone) or now_text(end, say, zone)


def last_day(end: int, say: Say, zone: tzinfo = SPACE) -> str | None:
    """The day that ends at this instant (ms), None if none does."""
    at = _midnight(end, zone)
    return None if at is None else day_text(at - timedelta(days=1), say)


def _midnight(at: int, zone: tzinfo) -> datetime | None:
    """The instant if a day begins with it; days that have another one before them are all that is asked for."""
    found = None if at % 1000 else local(at, zone)
    return found if found and found.time() == time.min and found.toordinal() > 1 else None


def instant_text(atom: Atom, say: Say, room: str, operand: str, zone: tzinfo = SPACE) -> str | None:
    """A clause about an instant by the messages of `policy.<room>`; None if it is not exact to the second.

    What is decided is said. An edge at local midnight is said as a day: `lt 2028-01-01T00:00:00+01:00` is "up to and
    including 31.12.2027"; any other with its time of day. A day of another zone is a period like any other.
    """
    if not isinstance(span := atom.value, Span) or span.start % 1000 or atom.operator not in EDGES:
        return None
    start, end, operator = span.start, span.end, atom.operator
    if end - start == 1 and operator not in ("lt", "gteq"):
        return say(f"policy.{room}.{operator}", moment=now_text(start, say, zone), operand=operand)
    if operator in ("eq", "neq"):
        return _period(span, say, f"policy.{room}.{'' if operator == 'eq' else 'not-'}", operand, zone)
    edge = start if operator in ("lt", "gteq") else end
    until = operator in ("lt", "lteq")
    if (day := last_day(edge, say, zone) if until else first_day(edge, say, zone)) is not None:
        return say(f"policy.{room}.{'until' if until else 'from'}-day", day=day, operand=operand)
    return say(f"policy.{room}.{'lt' if until else 'gteq'}", moment=now_text(edge, say, zone), operand=operand)


def _period(span: Span, say: Say, key: str, operand: str, zone: tzinfo) -> str:
    start, end = _midnight(span.start, zone), _midnight(span.end, zone)
    if start and end and start + timedelta(days=1) == end:
        return say(f"{key}on-day", day=day_text(start, say), operand=operand)
    first, after = now_text(span.start, say, zone), now_text(span.end, say, zone)
    return say(f"{key}between", first=first, after=after, operand=operand)
