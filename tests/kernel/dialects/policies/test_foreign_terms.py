"""What is said of a left operand, operator, datatype, profile or strategy counts in every notation (decision 0127)."""

from collections.abc import Callable
from typing import Any

import pytest

from connector.kernel.policy.odrl.names import expand
from tests.fuzz.effort import in_turn
from tests.kernel.dialects.answers import BUT, ENGLISH, GERMAN, SKOS, TITLE, XSD, O, X, every
from tests.kernel.dialects.notations import EX

TERMS = {
    "leftOperand": "odrl:count",
    "operator": "lteq",
    "dataType": XSD + "integer",
    "profile": "https://w3id.org/hanse/v1",
    "conflict": "odrl:prohibit",
}


def termed(place: str, more: dict[str, Any], kind: str) -> dict[str, Any]:
    """At most three uses are permitted, or forbidden; of one of the terms in it more is said."""
    said = {**TERMS, place: {"@id": expand(TERMS[place]), **more}}
    atom = {**{name: said[name] for name in ("leftOperand", "operator", "dataType")}, "rightOperand": "3"}
    rules = {"permission": [{"action": "use"}]} | {kind: [{"action": "use", "constraint": [atom]}]}
    return {"@type": "Set", "profile": said["profile"], "conflict": said["conflict"], **rules}


OTHERWISE = {"leftOperand": EX + "day", "operator": "neq", "rightOperand": "sunday"}


DESCRIBED: dict[str, Callable[[str], dict[str, Any]]] = {
    "title": lambda place: {TITLE: GERMAN},
    "titles": lambda place: {TITLE: [GERMAN, ENGLISH], "http://www.w3.org/2000/01/rdf-schema#label": "Name"},
    "kinds": lambda place: {"@type": [SKOS + "Concept", "LeftOperand"], SKOS + "definition": "wie oft"},
    "uid": lambda place: {"odrl:uid": expand(TERMS[place])},
}


@pytest.mark.threat("T63")
@pytest.mark.parametrize(("place", "description"), in_turn(TERMS, DESCRIBED))
def test_a_term_that_is_described_is_the_one_that_it_names(place: str, description: str) -> None:
    """>> an operand, operator, datatype, profile or strategy with titles, labels, notes, kinds << as its bare name."""
    allowed, forbidden = every(termed(place, {}, "permission")), every(termed(place, {}, "prohibition"))
    assert any(allowed)
    assert False in forbidden
    more = DESCRIBED[description](place)
    assert every(termed(place, more, "permission")) == allowed
    assert every(termed(place, more, "prohibition")) == forbidden


@pytest.mark.threat("T63")
@pytest.mark.parametrize(("place", "but"), in_turn(TERMS, [*BUT[:3], {"odrl:refinement": [OTHERWISE]}, *BUT[4:]]))
def test_bug_what_was_said_of_a_term_was_lost_in_rdf(place: str, but: dict[str, Any]) -> None:
    """>> an operand, operator, profile … of which a condition, a role, a broader one, another name is said << not
    understood in any notation: nothing is permitted by it, and what is forbidden stays so."""
    assert not any(every(termed(place, {TITLE: "Titel", **but}, "permission")))
    assert not any(every(termed(place, {TITLE: "Titel", **but}, "prohibition")))


@pytest.mark.threat("T63")
def test_a_condition_on_a_term_leaves_other_rules_alone() -> None:
    """>> one rule with an operand of which more is said, or that has no name, beside one without << the other one
    permits, in every notation."""
    plain = {"action": "odrl:print", "target": X}
    for left in ({"@id": O + "count", EX + "but": "sundays"}, {EX + "but": "sundays"}, {}):
        atom = {"leftOperand": left, "operator": "lteq", "rightOperand": "3"}
        found = every({"@type": "Set", "permission": [{"action": "use", "constraint": [atom]}, plain]})
        assert found == every({"@type": "Set", "permission": [plain]})
        assert any(found)


@pytest.mark.threat("T63")
def test_what_is_said_of_a_term_counts_wherever_it_is_named() -> None:
    """>> more is said of the operand in another rule << it counts in both, whichever stands first."""
    other = {"leftOperand": {"@id": O + "count", EX + "but": "sundays"}, "operator": "lteq", "rightOperand": "9"}
    bare = {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "3"}
    rules = [{"action": "odrl:print", "constraint": [other]}, {"action": "use", "constraint": [bare]}]
    assert any(every({"@type": "Set", "permission": rules[1:]}))
    for permission in (rules, rules[::-1]):
        assert not any(every({"@type": "Set", "permission": permission}))
