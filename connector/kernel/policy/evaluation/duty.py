"""Reads a duty: what its constraints are for, and whether a deed is the duty done (spec/policy.md 2.4, 2.5).

Conditions say whether it applies, parameters how it is done, deadlines by when. Parameters and the refinements of the
action are compared with what was done, never with the world; what nobody recorded does not agree.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from connector.kernel.policy.evaluation.checks import comparing
from connector.kernel.policy.evaluation.connectives import COMBINED
from connector.kernel.policy.odrl.model import Atom, Clause, Duty, Logic, Odd, Whom
from connector.kernel.policy.odrl.names import HANSE, ODRL, covers
from connector.kernel.policy.odrl.operators import UNKNOWN, YES
from connector.kernel.policy.odrl.state_of_world import Deed, World
from connector.kernel.policy.odrl.values import Due, Span

AMOUNT, CURRENCY = ODRL + "payAmount", HANSE + "currency"


class Limit(NamedTuple):
    """A deadline: the first instant (ms) that is too late, counted from the anchor, or absolute without one."""

    anchor: str
    ms: int


# ---- what the constraints of a duty are for


class Parts(NamedTuple):
    """What the constraints of a duty are for, and whether all of it is understood."""

    conditions: list[Clause]
    parameters: list[Clause]
    limits: list[Limit]
    understood: bool
    puzzles: list[Atom]
    """The comparisons that kept it from being understood, though their operand is known."""


def parts(duty: Duty) -> Parts:
    """Sort the constraints of a duty; an outer `and` says no more than a list."""
    conditions: list[Clause] = []
    parameters: list[Clause] = []
    limits: list[Limit] = []
    manner = duty.action.refinements
    # A deadline is no manner of doing something: nobody knows whether it was meant as one.
    puzzles = [atom for part in manner for atom in _atoms(part) if atom.role == "deadline"]
    understood = not (duty.extras or duty.action.extras or puzzles) and all(map(_readable, manner))
    for found in _flat(duty.constraints):
        roles = set(_roles(found))
        if roles <= {"condition", "window"}:
            conditions.append(found)
            understood = understood and _readable(found)
        elif roles == {"parameter"}:
            parameters.append(found)
            understood = understood and _readable(found)
        elif isinstance(found, Atom) and (limit := _limit(found)):
            limits.append(limit)
        else:
            understood = False
            puzzles += _atoms(found)
    return Parts(conditions, parameters, limits, understood, puzzles)


def _flat(clauses: Iterable[Clause]) -> Iterator[Clause]:
    for found in clauses:
        if isinstance(found, Logic) and found.operator == "and" and not found.extras:
            yield from _flat(found.clauses)
        else:
            yield found


def _roles(found: Clause) -> Iterator[str]:
    match found:
        case Atom():
            yield found.role
        case Logic():
            for inner in found.clauses:
                yield from _roles(inner)
        case Odd():
            yield "condition"


def _atoms(found: Clause) -> Iterator[Atom]:
    if isinstance(found, Atom):
        yield found
    elif isinstance(found, Logic):
        for inner in found.clauses:
            yield from _atoms(inner)


def _readable(found: Clause) -> bool:
    match found:
        case Atom():
            return found.value is not None
        case Logic():
            return not found.extras and all(_readable(inner) for inner in found.clauses)
        case Odd():
            return False


def _limit(atom: Atom) -> Limit | None:
    match atom.value:
        case Span(start, end):
            return Limit("", start if atom.operator == "lt" else end)
        case Due(anchor, ms):
            return Limit(anchor, ms if atom.operator == "lt" else ms + 1)
    return None


# ---- what was done


def answers(duty: Duty, found: Parts, deed: Deed, world: World, consumer: str = "") -> bool:
    """Whether this deed is the duty done: the action, by whom and to what, in the way the parameters say.

    `consumer` is the assignee that the policy names, empty if it names none.
    """
    named = not deed.rule or deed.rule == duty.pointer or (duty.id != "" and deed.rule == duty.id)
    action = deed.action == duty.action.iri or covers(duty.action.iri, deed.action)
    if not named or not action or not found.understood or not _by_whom(duty, deed, world, consumer):
        return False
    targets = not duty.targets or _one_of(duty.targets, deed.target or world.target, world.target, world.assets)
    manner = (*found.parameters, *duty.action.refinements)
    return targets and all(_as_done(part, deed, world) == YES for part in manner)


def _by_whom(duty: Duty, deed: Deed, world: World, consumer: str) -> bool:
    """Whether the one who did it owes it: whom the duty names, else the consumer. A stranger's deed fulfils nothing."""
    if duty.parties:
        return _one_of(duty.parties, deed.party, world.participant, world.parties)
    one = consumer if consumer and consumer not in world.parties else world.participant
    return deed.party in ("", one)


def _one_of(names: Sequence[Whom], name: str, own: str, belongs: frozenset[str]) -> bool:
    """Whether `name` is one of these; only of `own` (the requester, the target) the memberships are known."""
    mine = belongs if name == own else frozenset()
    return bool(name) and any(
        whom == name or whom in mine
        if isinstance(whom, str)
        else bool(whom.source) and not whom.extras and not whom.refinements and whom.source in mine
        for whom in names
    )


def _as_done(found: Clause, deed: Deed, world: World) -> int:
    """Whether a parameter agrees with what was done; what nobody recorded does not."""
    match found:
        case Atom():
            if found.value is None or not _same_unit(found, deed):
                return UNKNOWN
            return comparing(found)(deed.values.get(found.left), world)
        case Logic():
            states = [_as_done(inner, deed, world) for inner in found.clauses]
            if found.extras:
                return UNKNOWN
            return COMBINED[found.operator](states)
        case Odd():
            return UNKNOWN


def _same_unit(atom: Atom, deed: Deed) -> bool:
    """The unit of an amount is the currency in which it was paid; of anything else a deed says no unit."""
    return not atom.unit or (atom.left == AMOUNT and deed.values.get(CURRENCY) == frozenset((atom.unit,)))
