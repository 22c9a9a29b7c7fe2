"""When time alone changes an answer: the edges at which clauses flip, and the end of a policy (policy.md 4.2)."""

from collections.abc import Iterator

from .model import Atom, Clause, Logic, Policy
from .names import ODRL
from .operators import EDGES
from .values import Span

_CLOCK = ODRL + "dateTime"
_ELAPSED = ODRL + "elapsedTime"


def _origin(atom: Atom, agreement_at: int | None) -> int | None:
    """The instant from which the operand of this clause is counted; None if it is not about time."""
    return 0 if atom.left == _CLOCK else agreement_at if atom.left == _ELAPSED else None


def _edges(clause: Clause, agreement_at: int | None) -> Iterator[int]:
    if isinstance(clause, Logic):
        for inner in clause.clauses:
            yield from _edges(inner, agreement_at)
    elif isinstance(clause, Atom) and isinstance(span := clause.value, Span):
        origin = _origin(clause, agreement_at)
        yield from () if origin is None else (origin + edge for edge in EDGES[clause.operator](span))


def next_change(policy: Policy, now: int, agreement_at: int | None) -> int | None:
    """The first instant after `now` (ms) at which a clause about time flips, None if there is none."""
    later = [
        edge
        for rule in policy.permissions + policy.prohibitions
        for clause in rule.constraints
        for edge in _edges(clause, agreement_at)
        if edge > now
    ]
    return min(later, default=None)


def begins_later(atom: Atom, now: int) -> bool:
    """Whether a clause about the clock that fails now will be satisfied one day: a future start."""
    if atom.left != _CLOCK or not isinstance(span := atom.value, Span):
        return False
    return atom.operator in ("gteq", "gt", "neq") or (atom.operator == "eq" and now < span.start)


def _end(clause: Clause, agreement_at: int | None) -> int | None:
    """From when on the clause can never be satisfied again, None if time does not end it."""
    if isinstance(clause, Logic):
        ends = [_end(inner, agreement_at) for inner in clause.clauses]
        return _first(ends) if clause.operator in ("and", "andSequence") else _last(ends)
    if not isinstance(clause, Atom) or not isinstance(clause.value, Span):
        return None
    if (origin := _origin(clause, agreement_at)) is None or clause.operator not in ("lt", "lteq", "eq"):
        return None
    return origin + max(EDGES[clause.operator](clause.value))


def _first(ends: list[int | None]) -> int | None:
    return min((end for end in ends if end is not None), default=None)


def _last(ends: list[int | None]) -> int | None:
    bounded = [end for end in ends if end is not None]
    return max(bounded) if bounded and len(bounded) == len(ends) else None


def expires_at(policy: Policy, agreement_at: int | None) -> int | None:
    """The instant (ms) from which no permission holds any more, None if some permission has no end."""
    return _last([_first([_end(c, agreement_at) for c in rule.constraints]) for rule in policy.permissions])
