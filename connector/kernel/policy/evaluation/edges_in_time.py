"""When time alone changes an answer: the edges at which clauses flip, and the end of a policy (spec/policy.md 12.3)."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from connector.foundation.zone import SPACE
from connector.kernel.policy.odrl.model import Atom, Clause, Collection, Duty, Logic, Policy, Whom
from connector.kernel.policy.odrl.names import ODRL
from connector.kernel.policy.odrl.operators import EDGES
from connector.kernel.policy.odrl.state_of_world import World
from connector.kernel.policy.odrl.values import Span

CLOCK = ODRL + "dateTime"
ELAPSED = ODRL + "elapsedTime"


def _origin(atom: Atom, agreement_at: int | None) -> int | None:
    """The instant from which the operand of this clause is counted; None if it is not about time."""
    return 0 if atom.left == CLOCK else agreement_at if atom.left == ELAPSED else None


class _Moving(Protocol):
    def instants(self, world: World) -> Iterator[int]: ...


class _Owed(_Moving, Protocol):
    @property
    def moving(self) -> bool: ...
    def fixed(self) -> Iterator[int]: ...


class Timeline:
    """All instants of a policy: edges of clauses about time, ends of counting windows, deadlines of duties."""

    def __init__(self, policy: Policy, duties: Sequence[_Owed] = (), prohibitions: Sequence[_Moving] = ()) -> None:
        atoms = list(_atoms(policy))
        clock = [edge for atom in atoms if atom.left == CLOCK for edge in _edges(atom)]
        self._clock = _ordered([*clock, *(due for owed in duties if not owed.moving for due in owed.fixed())])
        self._elapsed = _ordered(edge for atom in atoms if atom.left == ELAPSED for edge in _edges(atom))
        self._windows = sorted({atom.window for atom in atoms if atom.window in WINDOW_END})
        self._moving: list[_Moving] = [owed for owed in duties if owed.moving]
        self._remedied = prohibitions

    def after(self, world: World) -> int | None:
        """The first of them after now (ms), None if there is none."""
        now = world.now
        found = _next(self._clock, now)
        if self._elapsed and world.agreement_at is not None:
            found += [world.agreement_at + edge for edge in _next([0, *self._elapsed], now - world.agreement_at)]
        if now in CALENDAR:
            found += [WINDOW_END[window](now) for window in self._windows]
        moving = [*self._moving, *self._remedied] if world.deeds else self._moving
        found += [instant for owed in moving for instant in owed.instants(world) if instant > now]
        return min(found, default=None)


def _ordered(edges: Iterable[int]) -> list[int]:
    return sorted(set(edges))


def _next(edges: list[int], now: int) -> list[int]:
    place = bisect_right(edges, now)
    return edges[place : place + 1]


def _edges(atom: Atom) -> tuple[int, ...]:
    return EDGES[atom.operator](atom.value) if isinstance(atom.value, Span) and atom.operator in EDGES else ()


def _atoms(policy: Policy) -> Iterator[Atom]:
    """Every comparison of the policy except parameters and deadlines."""
    rules = policy.permissions + policy.prohibitions
    duties: list[Duty] = [*policy.obligations, *(d for rule in rules for d in rule.duties + rule.remedies)]
    clauses: list[Clause] = [c for rule in rules for c in rule.action.refinements + rule.constraints]
    clauses += [c for rule in rules for whom in rule.named for c in _refinements(whom)]
    while duties:
        duty = duties.pop()
        clauses += duty.constraints
        duties += duty.consequences
    while clauses:
        found = clauses.pop()
        if isinstance(found, Logic):
            clauses += found.clauses
        elif isinstance(found, Atom) and found.role == "condition":
            yield found


def _refinements(whom: Whom) -> tuple[Clause, ...]:
    return whom.refinements if isinstance(whom, Collection) else ()


# ---- calendar windows of the space

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CALENDAR = range(0, 253_000_000_000_000)
"""Instants (ms) of which the calendar is asked: from 1970 to the year 9987."""


def _today(now: int) -> datetime:
    return (_EPOCH + timedelta(milliseconds=now)).astimezone(SPACE).replace(hour=0, minute=0, second=0, microsecond=0)


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def day_end(now: int) -> int:
    """The next local midnight after this instant; ms."""
    return _ms(_today(now) + timedelta(days=1))


def month_end(now: int) -> int:
    """The next local first of a month after this instant; ms."""
    today = _today(now)
    return _ms(today.replace(year=today.year + today.month // 12, month=today.month % 12 + 1, day=1))


WINDOW_END: Mapping[str, Callable[[int], int]] = {"P1D": day_end, "P1M": month_end}
"""When the calendar window of an instant is over, both in ms; only of instants in `CALENDAR`."""


def begins_later(atom: Atom, now: int) -> bool:
    """Whether a clause about the clock that fails now will be satisfied one day: a future start."""
    if atom.left != CLOCK or not isinstance(span := atom.value, Span):
        return False
    return atom.operator in ("gteq", "gt", "neq") or (atom.operator == "eq" and now < span.start)


def ends_at(clause: Clause, agreement_at: int | None) -> int | None:
    """From when on the clause can never be satisfied again, None if time does not end it."""
    if isinstance(clause, Logic):
        ends = [ends_at(inner, agreement_at) for inner in clause.clauses]
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
    return _last([_first([ends_at(c, agreement_at) for c in rule.constraints]) for rule in policy.permissions])
