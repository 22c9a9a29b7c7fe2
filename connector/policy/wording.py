"""Words for the parts of a rule: clauses, values, durations, instants, in the language of the given catalogue.

Every text comes from the message catalogues and from concept labels; None means "cannot be said completely", and then
the whole policy is not summarised (experience.md 3.2). Instants keep the offset in which they were written.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

from .model import Action, Atom, Clause, Logic, Odd
from .names import ACTIONS
from .operands import REGISTRY, Operand
from .values import Span, Type, moment


class Say(Protocol):
    """The message of one catalogue with its placeholders filled."""

    def __call__(self, key: str, /, **facts: object) -> str: ...


Labels = Mapping[str, str]
"""Concept IRI -> label."""

_UNITS = (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1000), ("millisecond", 1))
_LABELLED = frozenset(
    (
        *("use", "distribute", "derive", "modify", "reproduce", "transfer", "sell", "read", "display", "print"),
        *("archive", "index", "aiTraining", "reidentify", "link", "CommercialUse"),
        *("attribute", "delete", "inform", "anonymize", "compensate", "obtainConsent"),
    )
)
"""Actions with a label in the catalogues; a rule about another action is shown as it stands."""


def local(iri: str) -> str:
    """What follows the last `#` or `/`."""
    return iri.rpartition("#")[2] if "#" in iri else iri.rpartition("/")[2]


def action(iri: str, say: Say) -> str | None:
    """The label of a known action."""
    name = local(iri)
    return say(f"policy.action.{name}") if iri in ACTIONS and name in _LABELLED else None


def action_text(iri: str, say: Say) -> str:
    """The label of an action, or the action as written."""
    return action(iri, say) or iri


def plain_action(found: Action, say: Say) -> str | None:
    """The label of an action without refinement."""
    return None if found.refinements or found.extras else action(found.iri, say)


def joined(words: Sequence[str], key: str, say: Say) -> str:
    """`a, b oder c`."""
    if len(words) < 2:
        return "".join(words)
    return say(f"policy.format.{key}", head=", ".join(words[:-1]), last=words[-1])


def number(value: int, say: Say) -> str:
    """A whole number with the language's separator of thousands."""
    return f"{value:,}".replace(",", say("policy.format.group"))


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
    offset = at.utcoffset() or timedelta()
    return "UTC" if not offset else f"UTC{at.isoformat()[-6:]}"


def day_text(at: datetime, say: Say) -> str:
    return say("policy.format.day", day=at.day, month=at.month, year=at.year)


def moment_text(at: datetime, say: Say) -> str:
    """Date, time of day and offset, to the second."""
    parts = {"day": at.day, "month": at.month, "year": at.year, "hour": at.hour, "minute": at.minute}
    return say("policy.format.moment", **parts, second=at.second, zone=_zone(at))


def now_text(now: int, zone: timezone, say: Say) -> str:
    """An instant (ms) in the given offset."""
    return moment_text(datetime.fromtimestamp(now // 1000, UTC).astimezone(zone), say)


def zone_of(atom: Atom) -> timezone:
    """The offset in which an instant is written, UTC if in none."""
    found = moment(atom.right[0].text)
    offset = found[0].utcoffset() if found else None
    return timezone(offset) if offset else UTC


def _instant(atom: Atom, say: Say) -> str | None:
    """Midnights are said as days: `lt 2028-01-01T00:00` is "up to and including 31.12.2027"."""
    if (found := moment(atom.right[0].text)) is None:
        return None
    at, whole_day = found
    if at.microsecond:
        return None
    midnight = (at.hour, at.minute, at.second) == (0, 0, 0)
    if not midnight or (not whole_day and atom.operator not in ("lt", "gteq")):
        return say(f"policy.instant.{atom.operator}", moment=moment_text(at, say))
    key, days = {
        "lt": ("until-day", -1),
        "lteq": ("until-day", 0),
        "gteq": ("from-day", 0),
        "gt": ("from-day", 1),
        "eq": ("on-day", 0),
        "neq": ("not-on-day", 0),
    }[atom.operator]
    return say(f"policy.instant.{key}", day=day_text(at + timedelta(days=days), say))


def _texts(atom: Atom, operand: Operand, say: Say, labels: Labels) -> list[str] | None:
    words = list(dict.fromkeys(term.text for term in atom.right))
    if not all(word.isprintable() and (operand.type is Type.TEXT or " " not in word) for word in words):
        return None
    if operand.type is Type.CONCEPT:
        return [labels[word] for word in words] if all(word in labels for word in words) else None
    if operand.type is Type.TEXT:
        return [say("policy.format.quoted", text=word) for word in words]
    return [labels.get(word, word) for word in words]


_JOIN = {"isNoneOf": "nor", "isAllOf": "and", "hasPart": "and"}


def _atom(atom: Atom, say: Say, labels: Labels) -> str | None:
    operand = REGISTRY.get(atom.left)
    if operand is None or atom.value is None:
        return None
    if operand.type is Type.INSTANT:
        return _instant(atom, say)
    if isinstance(atom.value, Span):
        values = length(atom.value.start, say) if operand.type is Type.DURATION else number(atom.value.start, say)
    elif (words := _texts(atom, operand, say, labels)) is None:
        return None
    else:
        values = joined(words, _JOIN.get(atom.operator, "or"), say)
    operator = "neq" if atom.operator == "isNoneOf" and len(atom.right) == 1 else atom.operator
    return say(f"policy.operator.{operator}", operand=say(f"policy.operand.{operand.name}"), values=values)


def clause_text(clause: Clause, say: Say, labels: Labels) -> str | None:
    """The clause in words, None if any part of it is not understood."""
    match clause:
        case Atom():
            return _atom(clause, say, labels)
        case Logic():
            words = [clause_text(inner, say, labels) for inner in clause.clauses]
            if clause.extras or (found := complete(words)) is None:
                return None
            parts = [say("policy.format.nested", clauses=w) if len(found) > 1 else w for w in found]
            return say(f"policy.logic.{clause.operator}", clauses="; ".join(parts))
        case Odd():
            return None


def complete(words: Sequence[str | None]) -> list[str] | None:
    """The words, or None if one is missing."""
    found = [word for word in words if word is not None]
    return found if len(found) == len(words) else None


def raw(clause: Clause) -> str:
    """A clause as written, for what is not understood."""
    match clause:
        case Atom():
            return f"{clause.left} {clause.operator} {', '.join(term.text for term in clause.right)}"
        case Logic():
            return f" {clause.operator} ".join(raw(inner) for inner in clause.clauses)
        case Odd():
            return clause.text
