"""Compiles clauses: each becomes a small function of the world for the answer and one for the tree of reasons.

The first stops at the first clause that settles the matter and asks the cheap ones first; the second looks at
everything in the order of the document. Both give the same state (spec/policy.md 12.2, decision 0020).
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Literal, NamedTuple

from connector.kernel.policy.evaluation.connectives import (
    COMBINED,
    FORBIDDING,
    Check,
    Piece,
    Show,
    both,
    constant,
    either,
    exactly,
    in_order,
    surely_both,
    surely_either,
)
from connector.kernel.policy.evaluation.decision import Doubt, Node
from connector.kernel.policy.evaluation.edges_in_time import begins_later
from connector.kernel.policy.evaluation.ranges import Ranges, ranges
from connector.kernel.policy.odrl.identifiers import REGIONAL_KEY, Names
from connector.kernel.policy.odrl.model import PHASES, Atom, Clause, Closure, Logic, Odd
from connector.kernel.policy.odrl.names import HANSE, ODRL
from connector.kernel.policy.odrl.operands import REGISTRY
from connector.kernel.policy.odrl.operators import (
    BELONG,
    BELONG_ANY,
    DEFERRED,
    NO,
    RANK,
    STATES,
    UNKNOWN,
    YES,
    puzzled,
)
from connector.kernel.policy.odrl.registry import Operand, Registry
from connector.kernel.policy.odrl.state_of_world import Fact, Value, World
from connector.kernel.policy.odrl.values import MILLION, SAFE, Span

Look = Callable[[World], Value]

COUNT, PURPOSE, _CLOCK = ODRL + "count", ODRL + "purpose", ODRL + "dateTime"
ACCESS = len(PHASES) - 1

_OWN: Mapping[str, Look] = {
    _CLOCK: attrgetter("now"),
    ODRL + "elapsedTime": REGISTRY[ODRL + "elapsedTime"].value,
    PURPOSE: REGISTRY[PURPOSE].value,
    HANSE + "participant": REGISTRY[HANSE + "participant"].value,
}
"""Operands whose value comes from the world itself, so that no fact could carry a unit or a weaker source."""
_ANSWERS = 64
"""Most values of an operand whose answers are kept."""
_DERIVED = frozenset(ODRL + name for name in ("language", "system", "device"))
"""Operands that make something of a fact; every other built-in one just is its fact."""


Sets = Literal["whole", "any", "open"]


class Scope(NamedTuple):
    """Where a clause stands: the phase's index, and whether an undeclared purpose counts as the agreed one.

    `members_known`: the collections named in the world are all that there are; else nobody knows of any other. `sets`
    says what a value of several elements must be: "whole" as a set; "any": one element is enough; "open": the same,
    but unknown where the set as a whole does not meet it. `consumer` is whom the policy names as its assignee.
    """

    registry: Registry
    phase: int
    binding: bool = False
    part: Literal["constraint", "refinement"] = "constraint"
    members_known: bool = False
    sets: Sets = "whole"
    consumer: str = ""

    @property
    def forbids(self) -> bool:
        """Whether what is unknown counts as met here."""
        return self.sets != "whole"


def look(atom: Atom, operand: Operand) -> Look:
    """What is known of the left operand, None also if its source is weaker than registered or its unit another."""
    if atom.left == COUNT and not atom.unit:
        window = atom.window
        return lambda world: world.uses.get(window)
    built_in = REGISTRY.get(atom.left) is operand
    if built_in and atom.left in _OWN and not atom.unit:
        return _OWN[atom.left]
    if built_in and atom.left not in _DERIVED:
        return _fact(atom.left, atom.unit, operand.source != "declared")
    left, unit, strong, read = atom.left, atom.unit, operand.source != "declared", operand.value

    def known(world: World) -> Value:
        fact = world.facts.get(left)
        if fact is None:
            if unit:
                return None
        elif fact.unit != unit or (strong and fact.source == "declared"):
            return None
        try:
            return _sound(read(world))
        except Exception:  # a plug-in's function: whatever it does, evaluation goes on
            return None

    return known


def _sound(value: object) -> Value:
    """What a plug-in answered if it is a value, so that it can also be shown and recorded; else None."""
    if type(value) is int and abs(value) <= SAFE * MILLION:
        return value
    if type(value) is not frozenset or not all(type(text) is str for text in value):
        return None
    "".join(value).encode()  # half a surrogate pair is no text
    return value


def _fact(left: str, unit: str, strong: bool) -> Look:
    def known(world: World) -> Value:
        fact = world.facts.get(left)
        if fact is None or fact.unit != unit or (strong and fact.source == "declared"):
            return None
        return fact.value

    return known


def comparing(atom: Atom, sets: Sets = "whole") -> Callable[[Value, World], int]:
    """The state of a comparison whose actual value is given."""
    if isinstance(atom.value, frozenset) and atom.operator in BELONG:
        belong = belonging(atom, sets)
        return lambda actual, world: belong(actual, world.closure) if isinstance(actual, frozenset) else UNKNOWN
    if (found := ranges(atom.operator, atom.value)) is None:
        return lambda _actual, _world: UNKNOWN
    holds = found.holds
    return lambda actual, _world: UNKNOWN if type(actual) is not int else YES if holds(actual) else NO


def belonging(atom: Atom, sets: Sets) -> Callable[[frozenset[str], Closure], int]:
    """The state of a comparison of names, by a vocabulary."""
    wanted = atom.value if isinstance(atom.value, frozenset) else frozenset()
    operator, range, odd = atom.operator, atom.range, bool(atom.extras)
    # The keys of a seat are one place, so one of them alone, the state around a county, answers nothing.
    whole, any_one = BELONG[operator], (BELONG if range == REGIONAL_KEY else BELONG_ANY)[operator]

    def state(actual: frozenset[str], closure: Closure) -> int:
        names = Names(range, closure)
        answer = (any_one if sets == "any" else whole)(actual, wanted, names)
        if sets == "open" and len(actual) > 1 and any_one(actual, wanted, names) is not answer:
            answer = None
        if odd:
            answer = puzzled(operator, answer)
        return UNKNOWN if answer is None else YES if answer else NO

    return state


def clause(found: Clause, scope: Scope) -> Piece:
    """Compile a clause for one phase."""
    match found:
        case Atom():
            return _atom(found, scope)
        case Logic():
            return _logic(found, scope)
        case Odd():
            node = Node("odd", "unknown", found, found.pointer)
            return Piece(constant(UNKNOWN), lambda _world: node, 0)


def _fixed(atom: Atom, scope: Scope, state: int) -> Piece:
    node = Node(scope.part, STATES[state], atom, atom.pointer)
    return Piece(constant(state), lambda _world: node, 0)


def _atom(atom: Atom, scope: Scope) -> Piece:
    operand = scope.registry.get(atom.left)
    if operand is None or atom.value is None or atom.role not in ("condition", "window"):
        return _fixed(atom, scope, UNKNOWN)
    if scope.phase < operand.first:
        return _fixed(atom, scope, DEFERRED)
    if atom.role == "window":
        # The count beside it already counts in this window, so nothing is left to ask.
        return _fixed(atom, scope, YES)
    known = look(atom, operand)
    bound = scope.binding and atom.left == PURPOSE
    found = ranges(atom.operator, atom.value, (atom.left, atom.unit, atom.window)) if _numeric(atom) else None
    if found is None:
        check = _belongs(atom, known, bound, scope.sets)
        return Piece(check, _shown(atom, operand, known, scope, bound), _cost(atom))
    if atom.left == _CLOCK and scope.phase < ACCESS:
        return Piece(_starting(atom, known, found), _shown(atom, operand, known, scope, bound), 2)
    return Piece(found.check(known), _shown(atom, operand, known, scope, bound), 2, found._replace(known=known))


def _numeric(atom: Atom) -> bool:
    return isinstance(atom.value, Span)


def _cost(atom: Atom) -> int:
    return 8 if atom.operator in ("isA", "isPartOf", "hasPart") else 3


def _belongs(atom: Atom, known: Look, bound: bool, sets: Sets) -> Check:
    if not isinstance(atom.value, frozenset) or atom.operator not in BELONG:
        return constant(UNKNOWN)
    belong, bound = belonging(atom, sets), bound and not atom.extras

    # Concept lists seldom change and few values are asked for, so the last answers are kept.
    last: tuple[Closure | None, dict[frozenset[str], int]] = (None, {})

    def check(world: World) -> int:
        nonlocal last
        actual = known(world)
        if actual is None and bound and world.purpose_source == "contractual":
            return YES
        if not isinstance(actual, frozenset):
            return UNKNOWN
        closure, answers = last
        if closure is not world.closure or len(answers) > _ANSWERS:
            last = (world.closure, answers := {})
        if (state := answers.get(actual)) is None:
            state = answers[actual] = belong(actual, world.closure)
        return state

    return check


def _starting(atom: Atom, known: Look, found: Ranges) -> Check:
    """Before the access a start that is still to come is deferred (spec/policy.md 8.1)."""
    inner = found.check(known)

    def check(world: World) -> int:
        state = inner(world)
        return DEFERRED if state == NO and begins_later(atom, world.now) else state

    return check


def _shown(atom: Atom, operand: Operand, known: Look, scope: Scope, bound: bool) -> Show:
    early = atom.left == _CLOCK and scope.phase < ACCESS
    part, left, pointer, source = scope.part, atom.left, atom.pointer, operand.source
    compare, own = comparing(atom, scope.sets), atom.left in _OWN or atom.left == COUNT
    bound = bound and not atom.extras  # nobody is bound to what nobody understands

    def show(world: World) -> Node:
        actual = known(world)
        if actual is None and bound and world.purpose_source == "contractual":
            return Node(part, "yes", atom, pointer, None, "contractual")
        state, unit = compare(actual, world), atom.unit if actual is not None else ""
        if early and state == NO and begins_later(atom, world.now):
            state = DEFERRED
        doubt = _doubt(atom, actual, world.closure) if state == UNKNOWN and actual is not None else ""
        if own or (fact := world.facts.get(left)) is None:
            return Node(part, STATES[state], atom, pointer, actual, source, doubt, unit=unit)
        if actual is None:
            # A value that is not used (weak source, other unit) is shown all the same, with who said so.
            actual, unit, doubt = fact.value, fact.unit, _unused(atom, operand, fact)
        return Node(part, STATES[state], atom, pointer, actual, fact.source, doubt, evidence=fact.evidence, unit=unit)

    return show


def _unused(atom: Atom, operand: Operand, fact: Fact) -> Doubt | Literal[""]:
    """Why the value of a fact is none for this comparison; nothing if the fact has none."""
    if fact.value is None:
        return ""
    if fact.unit == atom.unit:
        return "weak-source" if fact.source == "declared" != operand.source else "open"
    return "no-unit" if not fact.unit else "other-unit" if atom.unit else "rule-no-unit"


def _doubt(atom: Atom, actual: Value, closure: Closure) -> Doubt:
    """Why a value of the right kind answers nothing."""
    if not isinstance(actual, frozenset) or not isinstance(atom.value, frozenset):
        return "open"
    names = Names(atom.range, closure)
    known = names.placed if atom.operator in ("isA", "isPartOf", "hasPart") else names.knows
    if not all(map(known, actual)):
        return "unlisted"
    return "open" if all(map(known, atom.value)) else "rule-unlisted"


def _logic(logic: Logic, scope: Scope) -> Piece:
    if logic.operator == "xone" and scope.sets == "any":
        scope = scope._replace(sets="open")  # one more that holds may make it fail
    inner = [clause(part, scope) for part in logic.clauses]
    shows = [piece.show for piece in inner]
    combine = (FORBIDDING if scope.forbids else COMBINED)[logic.operator]
    fixed = bool(logic.extras)
    text = "order-not-checked" if logic.operator == "andSequence" else ""
    pointer = logic.pointer

    def show(world: World) -> Node:
        children = tuple([one(world) for one in shows])
        state = UNKNOWN if fixed else combine([RANK[child.state] for child in children])
        return Node("logic", STATES[state], logic, pointer, text=text, children=children)

    if fixed:
        return Piece(constant(UNKNOWN), show, 0)
    return _joined(logic.operator, inner, scope, combine)._replace(show=show)


def _joined(operator: str, inner: Sequence[Piece], scope: Scope, combine: Callable[[Sequence[int]], int]) -> Piece:
    match operator:
        case "and":
            return all_of(inner, scope)
        case "andSequence":
            return surely_both(inner) if scope.forbids else in_order(inner)
        case "or":
            return surely_either(inner) if scope.forbids else either(inner)
        case _:
            return exactly(inner, combine)


def all_of(pieces: Sequence[Piece], scope: Scope) -> Piece:
    """All of these, as unknown counts there."""
    return surely_both(pieces) if scope.forbids else both(pieces)
