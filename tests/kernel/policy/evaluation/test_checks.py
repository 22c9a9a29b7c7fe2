"""Compiled clauses: connectives over every combination of states, and the same answer with and without reasons."""

from itertools import product
from typing import Any

import pytest

from connector.kernel.policy.evaluation.checks import Scope, clause
from connector.kernel.policy.evaluation.connectives import Piece
from connector.kernel.policy.odrl.model import PHASES, Atom, Clause, Logic
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.operators import COMBINE, RANK, STATES, State
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.registry import left_operand
from connector.kernel.policy.odrl.state_of_world import Fact, World
from connector.kernel.policy.odrl.values import MILLION, SAFE, Span, Type
from tests.kernel.policy.worlds import CLOSURE, COUNT, DAY, NOW, ODD, TOWN, UNTIL, H, O, at, atom

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
        "eq": size == whole,
        "neq": size != whole,
        "lt": size < whole,
        "lteq": size <= whole,
        "gt": size > whole,
        "gteq": size >= whole,
    }
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
        ("gteq", NOW + DAY, "deferred"),
        ("gt", NOW + DAY, "deferred"),
        ("eq", NOW + DAY, "deferred"),
        ("eq", NOW - DAY, "no"),
        ("neq", NOW, "deferred"),
        ("lt", NOW - DAY, "no"),
        ("lteq", NOW - DAY, "no"),
    ],
)
def test_a_future_start_is_deferred_before_the_access(operator: str, moment: int, state: str) -> None:
    """What will hold one day does not refuse a negotiation; what is over does. At access nothing is deferred."""
    found = read(atom("odrl:dateTime", operator, at(moment)))
    early, late = clause(found, TRANSFER), clause(found, ACCESS)
    assert STATES[early.check(WORLD)] == early.show(WORLD).state == state
    assert STATES[late.check(WORLD)] == late.show(WORLD).state == "no"


def test_what_is_made_of_a_fact_is_not_the_fact() -> None:
    """>> a device named by its old name, a language in capitals  << found under the new name, and in small letters."""
    facts = {O + "systemDevice": Fact(frozenset({"urn:d"}), "declared"), O + "language": Fact(frozenset({"DE-at"}))}
    world = World(now=NOW, participant=TOWN, facts=facts)
    for found in (atom("odrl:device", "eq", "urn:d"), atom("odrl:system", "eq", "urn:d")):
        assert STATES[clause(read(found), ACCESS).check(world)] == "yes"
    assert STATES[clause(read(atom("odrl:language", "isAnyOf", "de-AT")), ACCESS).check(world)] == "yes"


def plugged(value: Any, unit: str = "") -> Piece:
    """A comparison of a measured operand that a plug-in reads."""
    made = left_operand(
        "urn:x:level", type=Type.DECIMAL, source="measured", phases=PHASES, operators=["gteq"], units=True
    )(lambda world: value)
    registry = BUILT_IN.with_([made])
    found = atom("urn:x:level", "gteq", "-9000000000000000", **({"unit": unit} if unit else {}))
    document = {"permission": [{"action": "use", "constraint": [found]}]}
    return clause(parse(document, registry).permissions[0].constraints[0], Scope(registry, ACCESS.phase))


@pytest.mark.parametrize(
    ("fact", "unit", "state"),
    [
        (None, "", "yes"),
        (None, "urn:m", "unknown"),
        (Fact(1, "measured"), "", "yes"),
        (Fact(1, "measured", "", "urn:m"), "urn:m", "yes"),
        (Fact(1, "measured", "", "urn:m"), "", "unknown"),
        (Fact(1, "measured", "", "urn:ft"), "urn:m", "unknown"),
        (Fact(1, "declared"), "", "unknown"),
        (Fact(1, "declared", "", "urn:m"), "urn:m", "unknown"),
    ],
)
def test_a_plug_in_is_not_asked_about_a_fact_that_does_not_count(fact: Fact | None, unit: str, state: str) -> None:
    """>> a measured operand of a plug-in, and a fact that is only declared, or in another unit  << unknown."""
    world = World(now=NOW, participant=TOWN, facts={} if fact is None else {"urn:x:level": fact})
    assert STATES[plugged(1, unit).check(world)] == state


LIMIT = SAFE * MILLION


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (0, "yes"),
        (LIMIT, "yes"),
        (-LIMIT, "no"),
        (LIMIT + 1, "unknown"),
        (-LIMIT - 1, "unknown"),
        (True, "unknown"),
        (1.0, "unknown"),
        (None, "unknown"),
        (frozenset({"a"}), "unknown"),
        (frozenset(), "unknown"),
    ],
)
def test_what_a_plug_in_answers_must_be_a_value(value: Any, state: str) -> None:
    """>> numbers up to the greatest that can be written, and what is no number  << compared, or unknown."""
    assert STATES[plugged(value).check(WORLD)] == state
    assert plugged(value).show(WORLD).actual == (value if state != "unknown" or type(value) is frozenset else None)


@pytest.mark.parametrize("value", [frozenset({"a", 7}), {"a"}, ["a"], frozenset({"\ud800"})])
def test_a_set_of_a_plug_in_holds_nothing_but_texts(value: Any) -> None:
    """>> a text and a number, another kind of set, half a character  << no value that could be shown or recorded."""
    assert plugged(value).show(WORLD).actual is None


@pytest.mark.parametrize(
    ("purpose", "source", "binding", "state"),
    [
        (None, "contractual", True, "yes"),
        (None, "contractual", False, "unknown"),
        (None, None, True, "unknown"),
        (None, "declared", True, "unknown"),
        (H + "research", "contractual", True, "no"),
        (H + "research", "declared", True, "no"),
        (H + "winterService", "declared", True, "yes"),
    ],
)
def test_an_agreed_purpose_counts_only_where_it_binds_and_none_is_declared(
    purpose: str | None, source: Any, binding: bool, state: str
) -> None:
    """>> a purpose declared, agreed to, or neither, in a permission and elsewhere  << the same with reasons."""
    piece = clause(read(atom("odrl:purpose", "isPartOf", H + "operations")), ACCESS._replace(binding=binding))
    world = World(now=NOW, participant=TOWN, purpose=purpose, purpose_source=source, closure=CLOSURE)
    assert STATES[piece.check(world)] == piece.show(world).state == state


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("lt", frozenset({"a"})),
        ("isAnyOf", Span(0, 1)),
        ("isAnyOf", "a"),
        ("like", frozenset({"a"})),
        ("like", Span(0, 1)),
    ],
)
def test_an_operator_that_does_not_fit_its_value_decides_nothing(operator: str, value: Any) -> None:
    """The parser lets none through; one that came another way is unknown, and nothing is raised."""
    piece = clause(Atom(left=O + "absoluteSize", operator=operator, right=(), value=value), ACCESS)
    for actual in (1, frozenset({"a"}), None):
        world = World(now=NOW, participant=TOWN, facts={O + "absoluteSize": Fact(actual)})
        assert STATES[piece.check(world)] == piece.show(world).state == "unknown"


@pytest.mark.parametrize("left", ["dateTime", "count", "purpose"])
def test_what_the_request_itself_says_is_not_shown_from_a_fact(left: str) -> None:
    """>> a fact under the name of the clock, of a counter, of the purpose  << neither used nor shown."""
    right = {"dateTime": at(NOW + DAY), "count": "3", "purpose": H + "winterService"}[left]
    operator = {"dateTime": "lt", "count": "lteq", "purpose": "eq"}[left]
    fact = Fact(99, "declared", "vc:9")
    world = World(
        now=NOW, participant=TOWN, purpose=H + "winterService", uses={"": 1}, facts={O + left: fact}, closure=CLOSURE
    )
    node = clause(read(atom("odrl:" + left, operator, right)), ACCESS).show(world)
    assert (node.state, node.evidence) == ("yes", "")
    assert node.actual in (NOW, 1, frozenset({H + "winterService"}))
