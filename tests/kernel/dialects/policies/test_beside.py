"""What a document says beside a policy counts in plain JSON as in Turtle: nobody escapes by the place of a word."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from connector.kernel.dialects.policies.beside import SAID, Beside
from connector.kernel.dialects.policies.foreign import read_json, read_rdf
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.names import ODRL as O
from connector.kernel.policy.odrl.names import PREFIXES
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import World
from connector.kernel.protocol.shape import Malformed

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
        (
            FREE,
            {"@id": "https://example.org/y", "hasPolicy": "urn:p:1"},
            "<https://example.org/y> odrl:hasPolicy <urn:p:1> .",
        ),
        (FREE, {"@id": GROUP, "odrl:assigneeOf": {"@id": "urn:p:1"}}, f"<{GROUP}> odrl:assigneeOf <urn:p:1> ."),
        (AGAINST, {"@id": ME, "odrl:partOf": {"@id": GROUP}}, f"<{ME}> odrl:partOf <{GROUP}> ."),
        (AGAINST, {"@id": GROUP, "@type": "PartyCollection"}, f"<{GROUP}> a odrl:PartyCollection ."),
    ],
)
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


RULED = {
    "@id": "urn:r",
    "action": "use",
    "constraint": [{"or": [{"@id": "urn:c", "leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "3"}]}],
    "duty": [{"@id": "urn:d", "action": "attribute"}],
}


@pytest.mark.threat("T169")
@pytest.mark.parametrize("name", ["urn:p:1", "urn:r", "urn:c", "urn:d"])
def test_bug_what_stood_beside_a_policy_about_itself_or_its_rules_was_left_out(name: str) -> None:
    """>> a policy, a rule, a constraint and a duty, of which another object says what nobody understands, or of a rule
    that it forbids << refused in plain JSON as in Turtle, which permitted in the one and not in the other."""
    policy = {**FREE, "permission": [RULED]}
    text = HEAD + (
        "odrl:permission <urn:r> . <urn:r> odrl:action odrl:use ; odrl:duty <urn:d> . "
        "<urn:r> odrl:constraint [ odrl:or <urn:c> ] . "
        '<urn:c> odrl:leftOperand odrl:count ; odrl:operator odrl:lteq ; odrl:rightOperand "3" .'
        "<urn:d> odrl:action odrl:attribute ."
    )
    world = replace(WORLD, uses={"": 1})

    def permits(found: Any) -> bool:
        return compile(parse(found[0].document)).verdict(world, "access").permit

    assert permits(read_json([policy, {"@id": "urn:other", "dct:valid": "2020"}]))
    assert permits(read_rdf(text.encode()))
    beside, turtle = {"@id": name, "dct:valid": "2020"}, f"<{name}> dct:valid '2020' ."
    if name == "urn:r":
        beside, turtle = {"@id": name, "@type": "Prohibition"}, f"<{name}> a odrl:Prohibition ."
    assert not permits(read_rdf((text + turtle).encode()))
    for document in ([policy, beside], [beside, policy], {"@graph": [policy, beside]}):
        assert not permits(read_json(document))


@pytest.mark.threat("T169")
def test_what_is_said_about_a_rule_counts_for_each_that_it_is_written_into() -> None:
    """>> a long statement about a constraint that thousands of rules share  << too much, not gigabytes."""
    shared = {"@id": "urn:c", "leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "3"}
    policy = {**FREE, "permission": [{"action": "use", "constraint": [shared]} for _ in range(2_000)]}
    with pytest.raises(Malformed, match="too-much"):
        read_json([policy, {"@id": "urn:c", "https://example.org/x": [[str(n)] for n in range(100)]}])
