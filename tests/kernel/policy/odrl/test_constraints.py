"""Reading constraints: values of every shape, roles, windows, and what is kept without being understood."""

from typing import Any

import pytest

from connector.kernel.policy.odrl.model import Atom, Logic, Odd, Term
from connector.kernel.policy.odrl.names import XSD
from tests.kernel.policy.rich import COUNT, H, first, only

O = "http://www.w3.org/ns/odrl/2/"  # noqa: E741


def test_shapes_of_values() -> None:
    """References, typed literals, lists and plain strings of one operand read alike."""
    kind = {"leftOperand": H + "participantKind", "operator": "isAnyOf"}
    shapes: list[Any] = ["urn:a", ["urn:a"], {"@id": "urn:a"}, [{"@value": "urn:a"}], {"@list": ["urn:a"]}]
    assert {only(kind | {"rightOperand": shape}).value for shape in shapes} == {frozenset({"urn:a"})}


@pytest.mark.parametrize(
    "constraint",
    [
        {"leftOperand": "partner", "operator": "eq", "rightOperand": "gold"},
        {"leftOperand": "odrl:spatial", "operator": "lt", "rightOperand": "DE"},
        {"leftOperand": "odrl:dateTime", "operator": "term-lteq", "rightOperand": "2027-01-01"},
        {"leftOperand": "odrl:dateTime", "operator": "isAnyOf", "rightOperand": "2027-01-01"},
        {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "soon"},
        {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": []},
        {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": ["2027-01-01", "2028-01-01"]},
        {
            "leftOperand": "odrl:dateTime",
            "operator": "lt",
            "rightOperand": {"@value": "2027-01-01", "@type": "xsd:int"},
        },
        {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "5", "unit": "urn:dozen"},
        {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": 1.5},
        {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": True},
        {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "5", "ex:unless": "x"},
        {"leftOperand": "odrl:count", "operator": "lteq", "rightOperandReference": {"@id": "urn:x"}},
        {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "5", "status": "3"},
        {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "5", "dataType": "xsd:date"},
        {"leftOperand": "odrl:language", "operator": "isAnyOf", "rightOperand": ["de", "de_DE"]},
        {"leftOperand": "odrl:version", "operator": "isAnyOf", "rightOperand": ["3", 3]},
        {"leftOperand": "odrl:payAmount", "operator": "eq", "rightOperand": "0.1234567"},
        {"leftOperand": "odrl:elapsedTime", "operator": "lteq", "rightOperand": "P1M"},
        {"leftOperand": H + "memberOf", "operator": "eq", "rightOperand": ["urn:a", "urn:b"]},
        {"leftOperand": H + "memberOf", "operator": "isAllOf", "rightOperand": []},
        {"leftOperand": "hanse:participantKind", "operator": "eq", "rightOperand": H + "county"},
        {"leftOperand": "dct:purpose", "operator": "eq", "rightOperand": H + "research"},
    ],
    ids=lambda c: f"{c['leftOperand']} {c['operator']} {c.get('rightOperand')}",
)
def test_what_is_not_understood_is_kept_and_marked(constraint: dict[str, Any]) -> None:
    """Operand, operator, type, unit or an extra member: the clause stays, its value is None."""
    atom = only(constraint)
    assert isinstance(atom, Atom)
    assert atom.value is None


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (True, Term("true", XSD + "boolean")),
        (False, Term("false", XSD + "boolean")),
        (3, Term("3", XSD + "integer")),
        (1.5, Term("1.5", XSD + "decimal")),
        ({"@value": "3", "@type": "xsd:int"}, Term("3", XSD + "int")),
        ({"@value": "Rot", "@language": "DE"}, Term("Rot", "", "de")),
        ({"@value": "Rot", "@type": "xsd:string", "@language": "DE"}, Term("Rot", XSD + "string", "de")),
        ({"@value": "Rot", "@type": 7}, Term('{"@type":7,"@value":"Rot"}', "json")),
        ({"@value": "Rot", "x": 1}, Term('{"@value":"Rot","x":1}', "json")),
        ({"@id": "urn:x", "x": 1}, Term('{"@id":"urn:x","x":1}', "json")),
    ],
)
def test_a_right_operand_is_kept_as_it_was_written(value: Any, read: Term) -> None:
    """Text, datatype and language of a literal; of what is none of JSON-LD's shapes all of it, nothing left out."""
    assert only({"leftOperand": "odrl:version", "operator": "eq", "rightOperand": value}).right == (read,)


def test_only_a_text_is_in_a_language() -> None:
    """>> the same literal with a language for a text, a number and a concept  << only the text is understood."""
    three = {"operator": "eq", "rightOperand": {"@value": "3", "@language": "de"}}
    lefts = ("odrl:version", "odrl:count", H + "participantKind")
    assert [only(three | {"leftOperand": left}).value for left in lefts] == [frozenset({"3"}), None, None]


def test_of_several_names_the_strange_one_is_not_forgotten() -> None:
    """>> "none of" a kind and what is no name  << the kind is the value, the other is told; alone it is no value."""
    none_of = {"leftOperand": H + "participantKind", "operator": "isNoneOf"}
    several = only(none_of | {"rightOperand": [H + "county", "two words"]})
    assert (several.value, several.extras) == (frozenset({H + "county"}), (("rightOperand", '["two words"]'),))
    alone = only(none_of | {"rightOperand": ["two words", "three more words"]})
    assert (alone.value, alone.extras) == (None, ())


def test_a_constraint_by_reference_is_kept() -> None:
    """A constraint that is only an IRI cannot be read and is not dropped."""
    assert isinstance(only({"@id": "urn:constraint:1"}), Odd)
    assert only("urn:constraint:1") == only({"@id": "urn:constraint:1"})


def test_a_constraint_of_an_unknown_shape_is_kept() -> None:
    """A connective that ODRL does not have is no reason to forget what it connects."""
    odd = only({"odrl:onlyone": [COUNT]})
    assert isinstance(odd, Odd)
    assert "lteq" in odd.text


DAY = {"leftOperand": "odrl:timeInterval", "operator": "eq", "rightOperand": "P1D"}
MONTH = DAY | {"rightOperand": "P1M"}
WEEK = DAY | {"rightOperand": "P7D"}


@pytest.mark.parametrize(
    ("constraint", "window"),
    [
        ([COUNT], ""),
        ([COUNT, DAY], "P1D"),
        ([MONTH, COUNT, MONTH], "P1M"),
        ([{"and": [COUNT, DAY]}], "P1D"),
        ([{"and": [DAY, COUNT, COUNT]}], "P1D"),
        ([COUNT, COUNT | {"operator": "gteq", "rightOperand": "1"}, DAY], "P1D"),
    ],
)
def test_a_window_beside_a_count(constraint: list[Any], window: str) -> None:
    """`count lteq 5` and `timeInterval eq P1D` in the same `and` is five a day; the window itself is understood."""
    atoms = first({"permission": {"action": "use", "constraint": constraint}}).constraints
    atoms = atoms[0].clauses if isinstance(atoms[0], Logic) else atoms
    for atom in atoms:
        counts = atom.left.endswith("count")
        assert atom.window == (window if counts else "")
        assert atom.role == ("condition" if counts else "window")
        assert counts or atom.value == frozenset({window})


@pytest.mark.parametrize(
    "constraint",
    [
        [DAY],
        [COUNT, WEEK],
        [COUNT, DAY, MONTH],
        [COUNT, DAY, WEEK],
        [COUNT, COUNT | {"rightOperand": "100"}, DAY],
        [COUNT, COUNT | {"operator": "eq", "rightOperand": "3"}, DAY],
        [COUNT, {"and": [DAY]}],
        [{"or": [COUNT, DAY]}],
        [{"xone": [COUNT, DAY]}],
        [{"andSequence": [COUNT, DAY]}],
        [COUNT, DAY | {"operator": "lteq"}],
        [COUNT, DAY | {"ex:unless": "x"}],
        [COUNT, DAY | {"rightOperand": ["P1D", "P1M"]}],
    ],
)
def test_a_window_anywhere_else_is_not_understood(constraint: list[Any]) -> None:
    """No count beside it, two windows, two limits from one side, neither day nor month: nobody counts wrongly."""

    def atoms(clause: Any) -> list[Any]:
        return [a for inner in clause.clauses for a in atoms(inner)] if isinstance(clause, Logic) else [clause]

    rule = first({"permission": {"action": "use", "constraint": constraint}})
    found = [atom for clause in rule.constraints for atom in atoms(clause)]
    assert {atom.value for atom in found if atom.role == "window"} == {None}
    assert all(atom.window == "" for atom in found)


def test_a_window_of_the_policy_counts_for_its_rules() -> None:
    """The implicit `and` of a rule holds what stands on the policy as well."""
    rule = first({"constraint": DAY, "permission": {"action": "use", "constraint": COUNT}})
    assert [atom.window for atom in rule.constraints] == ["", "P1D"]


@pytest.mark.parametrize("left", ["kAnonymity", "dueBy", "dueWithin"])
def test_a_parameter_outside_a_duty_is_not_understood(left: str) -> None:
    """It would be compared with nothing, and a permission must not hang on that."""
    right = {"kAnonymity": "3", "dueBy": "2028-01-01", "dueWithin": "access+P1D"}[left]
    atom = {"leftOperand": H + left, "operator": "lteq", "rightOperand": right}
    assert only(atom).value is None
    duty = {"action": "odrl:delete", "constraint": atom}
    for inside in (
        first({"obligation": duty}, "obligation"),
        first({"permission": {"action": "use", "duty": duty}}).duties[0],
        first({"prohibition": {"action": "use", "remedy": duty}}, "prohibition").remedies[0],
        first({"obligation": {"action": "odrl:delete", "consequence": duty}}, "obligation").consequences[0],
    ):
        assert inside.constraints[0].value is not None
        assert inside.constraints[0].role in ("parameter", "deadline")


def test_a_refinement_of_an_action() -> None:
    """`{"value", "refinement"}` of the ODRL examples; inside a duty parameters have a meaning."""
    amount = {"leftOperand": "odrl:payAmount", "operator": "eq", "rightOperand": "5", "unit": "urn:eur"}
    action = {"rdf:value": {"@id": "odrl:compensate"}, "refinement": [amount]}
    duty = first({"obligation": {"action": action}}, "obligation")
    assert duty.action.iri == O + "compensate"
    assert (duty.action.refinements[0].role, duty.action.refinements[0].unit) == ("parameter", "urn:eur")


def test_flags_tell_what_was_assumed() -> None:
    """An instant without offset is read as UTC, and that is said."""
    until = {"leftOperand": "odrl:dateTime", "operator": "lt"}
    flags = [only(until | {"rightOperand": t}).flags for t in ("2028-01-01", "2028-01-01T00:00", "2028-01-01Z")]
    assert flags == [(), ("no-offset",), ()]
