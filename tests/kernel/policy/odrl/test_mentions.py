"""What a policy says about one name in one place and not in another; what is only repeated is no matter."""

from typing import Any

import pytest

from connector.kernel.policy.odrl.mentions import divided
from connector.kernel.policy.odrl.names import ODRL as O
from connector.kernel.policy.odrl.names import PREFIXES
from connector.kernel.policy.odrl.parse import parse
from tests.kernel.policy.rich import RICH
from tests.suites.municipal.suite import cases

DCT = PREFIXES["dct"]
A, ROLE = "did:web:a.example", {"https://example.org/role": "admin"}

COUNTED = {"leftOperand": "count", "operator": "odrl:lteq", "rightOperand": "3"}


def named(*whoms: Any) -> dict[str, Any]:
    return {"permission": [{"action": "use", "assignee": whom} for whom in whoms]}


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (named(A, {"@id": A}), ()),
        (named(A, {"@id": A, "@type": "Party"}, {"uid": A}), ()),
        (named({"@id": A, **ROLE}, {"@id": A, **ROLE}), ()),
        (named({"@id": A, **ROLE}), ()),
        (named({"@id": A, **ROLE}, A), (A,)),
        (named([{"@list": [{"odrl:uid": A, **ROLE}]}], {"@id": A}), (A,)),
        (named({"@id": A, **ROLE}, {"@id": A, "https://example.org/role": "guest"}), (A,)),
        (named({"@id": A, "@type": "PartyCollection"}, A), (A,)),
        (named({"@id": "did:web:b", "odrl:partOf": A}, A), (A,)),
        (named({"@id": "did:web:b", "partOf": {"@id": A}}, {"@id": A, "@type": "PartyCollection"}), ()),
        (named({"@id": A, "dcterms:replaces": "urn:p"}), ("dcterms:replaces",)),
        (named({"@id": A, "odrl:assigneeOf": "urn:p"}), ("assigneeOf",)),
        ({"assigner": A, **named({"@id": A, **ROLE})}, (A,)),
        ({"permission": [{"action": "use", "duty": [{"action": {"@id": O + "use", **ROLE}}]}]}, (O + "use",)),
        ({"permission": [{"@id": "r", "action": "use"}], "prohibition": [{"@id": "r", "action": "use"}]}, ("r",)),
        ({"permission": [{"@id": "r", "action": "use"}, {"uid": "r", "action": "use"}]}, ()),
        ({"permission": [{"@id": "_:r", "action": "use"}, {"@id": "_:r", "action": "print"}]}, ("_:r",)),
        ({"permission": [{"@id": "_:r", "action": "use"}, {"action": "use", "duty": [{"@id": "_:r"}]}]}, ()),
        ({"@id": A, "target": A}, (A,)),
        ({"constraint": [{**COUNTED, "unit": ""}]}, ()),
        ({"@id": A, DCT + "relation": {"@id": A}}, ()),
        ({"@id": A, DCT + "relation": {"@id": A, **ROLE}}, (A,)),
        ({"uid": A, **named({"@id": A, "prohibition": [{"action": "use"}]})}, (A,)),
        ({"@id": "dct:p", **named({"@id": DCT + "p", **ROLE})}, (DCT + "p",)),
        ({**named({"@id": O + "count", **ROLE}), "constraint": [COUNTED]}, (O + "count",)),
        ({**named({"@id": O + "lteq", **ROLE}), "constraint": [COUNTED]}, (O + "lteq",)),
        ({**named({"@id": O + "perm", **ROLE}), "conflict": "perm"}, (O + "perm",)),
        (
            {**named({"@id": "https://w3id.org/hanse/v1", **ROLE}), "profile": "https://w3id.org/hanse/v1"},
            ("https://w3id.org/hanse/v1",),
        ),
    ],
    ids=str,
)
@pytest.mark.threat("T159")
def test_names_about_which_places_say_different_things(document: dict[str, Any], names: tuple[str, ...]) -> None:
    assert divided(document) == names


@pytest.mark.threat("T159")
def test_such_a_policy_is_kept_with_the_names_and_is_another_deal() -> None:
    """>> one party, in one of two rules with a role  << told as a part of the policy that nobody understands."""
    assert [name for name, _ in parse(named({"@id": A, **ROLE}, A)).extras] == [A]
    assert not parse(named(A, A)).extras


def test_no_policy_of_a_municipality_is_one() -> None:
    """>> all cases of the municipal suite, and the richest policy of the tests  << none is divided."""
    assert not any(divided(one.policy) for one in cases())
    assert divided(RICH) == ()
