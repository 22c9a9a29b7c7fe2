"""What a document says beside a policy counts in plain JSON as in Turtle: nobody escapes by the place of a word."""

import json
from typing import Any

import pytest

from connector.dialects.policies.beside import SAID, Beside
from connector.dialects.policies.foreign import read_json, read_rdf
from connector.policy.evaluation.program import compile
from connector.policy.odrl.names import ODRL as O
from connector.policy.odrl.names import PREFIXES
from connector.policy.odrl.parse import parse
from connector.policy.odrl.state_of_world import World
from connector.protocol.shape import Malformed

ME, GROUP = "did:web:a.example", "did:web:group.example"
WORLD = World(now=1_795_500_000_000, participant=ME, target="https://example.org/x", action=O + "use")
FREE: dict[str, Any] = {"@id": "urn:p:1", "@type": "Set", "permission": [{"action": "use"}]}
AGAINST = {**FREE, "prohibition": [{"action": "use", "assignee": GROUP}], "odrl:conflict": "odrl:prohibit"}
HEAD = f"@prefix odrl: <{O}> . @prefix dct: <{PREFIXES['dct']}> . <urn:p:1> a odrl:Set ; odrl:conflict odrl:prohibit ; "
FREELY = HEAD + "odrl:permission [ odrl:action odrl:use ] . "
FORBIDDEN = FREELY + f"<urn:p:1> odrl:prohibition [ odrl:action odrl:use ; odrl:assignee <{GROUP}> ] . "


def permitted(found: Any) -> bool:
    (one,) = found
    return compile(parse(one.document)).verdict(WORLD, "access").permit


def test_the_policies_permit_by_themselves() -> None:
    assert permitted(read_json(FREE))
    assert permitted(read_json(AGAINST))
    assert permitted(read_rdf(FREELY.encode()))
    assert permitted(read_rdf(FORBIDDEN.encode()))


@pytest.mark.parametrize(
    ("policy", "beside", "turtle"),
    [
        (FREE, {"@id": "urn:p:2", "dct:replaces": {"@id": "urn:p:1"}}, "<urn:p:2> dct:replaces <urn:p:1> ."),
        (FREE, {"@id": "urn:p:2", "dcterms:replaces": "urn:p:1"}, "<urn:p:2> dct:replaces 'urn:p:1' ."),
        (FREE, {"dct:replaces": ["urn:p:0", "urn:p:1"]}, "[] dct:replaces <urn:p:0>, <urn:p:1> ."),
        (FREE, {"@id": "urn:p:1", "dct:isReplacedBy": "urn:p:2"}, "<urn:p:1> dct:isReplacedBy <urn:p:2> ."),
        (FREE, {"@id": "urn:p:1", "@type": "Offer"}, "<urn:p:1> a odrl:Offer ."),
        (FREE, {"@id": "https://example.org/y", "hasPolicy": "urn:p:1"},
         "<https://example.org/y> odrl:hasPolicy <urn:p:1> ."),
        (FREE, {"@id": GROUP, "odrl:assigneeOf": {"@id": "urn:p:1"}}, f"<{GROUP}> odrl:assigneeOf <urn:p:1> ."),
        (AGAINST, {"@id": ME, "odrl:partOf": {"@id": GROUP}}, f"<{ME}> odrl:partOf <{GROUP}> ."),
        (AGAINST, {"@id": GROUP, "@type": "PartyCollection"}, f"<{GROUP}> a odrl:PartyCollection ."),
    ],
)  # fmt: skip
def test_what_is_said_beside_a_policy_lets_nobody_in(policy: Any, beside: Any, turtle: str) -> None:
    """>> replaced, of another class, about another asset or party, a collection: elsewhere  << refused."""
    assert not permitted(read_json([policy, beside]))
    assert not permitted(read_json([beside, policy]))
    assert not permitted(read_json({"@graph": [policy, beside]}))
    assert not permitted(read_rdf(((FREELY if policy is FREE else FORBIDDEN) + turtle).encode()))


def test_a_policy_is_replaced_by_its_uid_too() -> None:
    """>> a policy without an IRI of its own, whose `uid` is said to be replaced  << void."""
    text = HEAD.replace("<urn:p:1> a odrl:Set", "[] a odrl:Set ; odrl:uid <urn:p:1>")
    assert not permitted(
        read_rdf((text + "odrl:permission [ odrl:action odrl:use ] . <urn:p:2> dct:replaces <urn:p:1> .").encode())
    )
    plain = {"uid": "urn:p:1", "permission": [{"action": "use"}]}
    assert not permitted(read_json([plain, {"@id": "urn:p:2", "dct:replaces": "urn:p:1"}]))


def test_who_is_its_assignee_may_use_it() -> None:
    """>> the requester is said to be the assignee  << permitted."""
    assert permitted(read_json([FREE, {"@id": ME, "assigneeOf": "urn:p:1"}]))
    assert permitted(read_rdf((FREELY + f"<{ME}> odrl:assigneeOf <urn:p:1> .").encode()))


def test_a_document_that_says_too_much_about_a_name_is_refused_at_once() -> None:
    """>> thousands of assets with one policy  << too much, without looking through all of them."""
    with pytest.raises(Malformed, match="too-much"):
        Beside([{"@id": f"urn:a:{number}", "hasPolicy": "urn:p:1"} for number in range(SAID + 1)])
    assert json.dumps(Beside([]).written(FREE)) == json.dumps(FREE)
