"""Compiled clauses: connectives over every combination of states, and the same answer with and without reasons."""

from itertools import product

import pytest

from connector.policy.checks import Scope, clause
from connector.policy.model import PHASES, Clause, Logic
from connector.policy.operands import BUILT_IN
from connector.policy.operators import COMBINE, RANK, STATES, State
from connector.policy.parse import parse
from connector.policy.world import Fact, World
from tests.policy.worlds import CLOSURE, COUNT, DAY, NOW, ODD, TOWN, UNTIL, H, O, at, atom

TRANSFER = Scope(BUILT_IN, PHASES.index("transfer"))
ACCESS = Scope(BUILT_IN, PHASES.index("access"))
WORLD = World(now=NOW, participant=TOWN, purpose=H + "winterService", closure=CLOSURE)


def read(document: object) -> Clause:
    return parse({"permission": [{"action": "use", "constraint": [document]}]}).permissions[0].constraints[0]


CLAUSES: dict[State, Clause] = {
    "yes": read(UNTIL),
    "no": read(atom("odrl:dateTime", "lt", at(NOW))),
    "unknown": read(ODD),
    "deferred": read(COUNT),
}


def test_each_clause_has_its_state() -> None:
    """What the table below is made of."""
    for state, found in CLAUSES.items():
        piece = clause(found, TRANSFER)
        assert (STATES[piece.check(WORLD)], piece.show(WORLD).state) == (state, state)


@pytest.mark.parametrize("operator", COMBINE)
def test_connectives_over_every_combination(operator: str) -> None:
    """>> up to four clauses in every state and order  << as the truth table says, fast and with reasons."""
    for size in range(1, 5):
        for states in product(CLAUSES, repeat=size):
            piece = clause(Logic(operator=operator, clauses=tuple(CLAUSES[s] for s in states)), TRANSFER)
            node = piece.show(WORLD)
            assert STATES[piece.check(WORLD)] == node.state == COMBINE[operator](states), states
            assert [child.state for child in node.children] == list(states)


@pytest.mark.parametrize("operator", COMBINE)
def test_connectives_of_connectives(operator: str) -> None:
    """>> two levels, every pair of states  << the table applied twice."""
    for outer, first, second in product(COMBINE, product(CLAUSES, repeat=2), product(CLAUSES, repeat=2)):
        inner = [Logic(operator=operator, clauses=tuple(CLAUSES[s] for s in states)) for states in (first, second)]
        piece = clause(Logic(operator=outer, clauses=tuple(inner)), TRANSFER)
        expected = COMBINE[outer]([COMBINE[operator](first), COMBINE[operator](second)])
        assert STATES[piece.check(WORLD)] == piece.show(WORLD).state == expected


def test_a_member_that_is_not_understood_makes_a_connective_unknown() -> None:
    """Whatever its clauses say: nobody knows what the member changes."""
    for operator, state in product(COMBINE, CLAUSES):
        piece = clause(Logic(operator=operator, clauses=(CLAUSES[state],), extras=(("ex:x", "1"),)), TRANSFER)
        assert STATES[piece.check(WORLD)] == piece.show(WORLD).state == "unknown"


@pytest.mark.parametrize("right", ["0.5", "1", "1.5", "2"])
@pytest.mark.parametrize("operator", ["eq", "neq", "lt", "lteq", "gt", "gteq"])
def test_comparisons_of_a_fact(operator: str, right: str) -> None:
    """>> each operator around the value, and a value that is absent, of another unit, or no number."""
    piece = clause(read(atom("odrl:absoluteSize", operator, right, unit="urn:mb")), ACCESS)
    size, whole = 1_000_000, int(float(right) * 1_000_000)
    truth = {
        "eq": size == whole, "neq": size != whole, "lt": size < whole,
        "lteq": size <= whole, "gt": size > whole, "gteq": size >= whole,
    }  # fmt: skip
    states = {
        Fact(size, unit="urn:mb"): "yes" if truth[operator] else "no",
        Fact(size): "unknown",
        Fact(None, unit="urn:mb"): "unknown",
        Fact(frozenset({"1"}), unit="urn:mb"): "unknown",
    }
    for fact, state in states.items():
        world = World(now=NOW, participant=TOWN, facts={O + "absoluteSize": fact})
        assert STATES[piece.check(world)] == piece.show(world).state == state
    assert STATES[piece.check(WORLD)] == piece.show(WORLD).state == "unknown"


def test_a_changed_vocabulary_is_asked_anew() -> None:
    """>> the same question with another closure  << another answer, although answers are kept."""
    piece = clause(read(atom("odrl:purpose", "isPartOf", H + "operations")), ACCESS)
    other = type(CLOSURE)({H + "winterService": frozenset({H + "winterService"}), H + "operations": frozenset()})
    for closure, state in ((CLOSURE, "yes"), (other, "no"), (type(CLOSURE)(), "unknown"), (CLOSURE, "yes")):
        world = World(now=NOW, participant=TOWN, purpose=H + "winterService", closure=closure)
        assert STATES[piece.check(world)] == state


def test_many_answers_are_not_kept_for_ever() -> None:
    """>> thousands of purposes nobody knows  << each answered, and the memory stays small."""
    piece = clause(read(atom("odrl:purpose", "isPartOf", H + "operations")), ACCESS)
    for number in range(3000):
        world = World(now=NOW, participant=TOWN, purpose=f"urn:p:{number}", closure=CLOSURE)
        assert piece.check(world) == RANK["unknown"]
    cells = [cell.cell_contents for cell in piece.check.__closure__ or ()]  # type: ignore[attr-defined]
    kept = [cell[1] for cell in cells if isinstance(cell, tuple) and isinstance(cell[-1], dict)]
    assert len(kept) == 1
    assert len(kept[0]) <= 65


@pytest.mark.parametrize(
    ("operator", "moment", "state"),
    [
        ("gteq", NOW + DAY, "deferred"), ("gt", NOW + DAY, "deferred"), ("eq", NOW + DAY, "deferred"),
        ("eq", NOW - DAY, "no"), ("neq", NOW, "deferred"), ("lt", NOW - DAY, "no"), ("lteq", NOW - DAY, "no"),
    ],
)  # fmt: skip
def test_a_future_start_is_deferred_before_the_access(operator: str, moment: int, state: str) -> None:
    """What will hold one day does not refuse a negotiation; what is over does. At access nothing is deferred."""
    found = read(atom("odrl:dateTime", operator, at(moment)))
    early, late = clause(found, TRANSFER), clause(found, ACCESS)
    assert STATES[early.check(WORLD)] == early.show(WORLD).state == state
    assert STATES[late.check(WORLD)] == late.show(WORLD).state == "no"
