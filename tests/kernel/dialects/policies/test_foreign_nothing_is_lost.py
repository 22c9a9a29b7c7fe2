"""What a reader of JSON-LD or RDF cannot carry is marked as not understood: it never permits, and still forbids.

Each case is a policy that once said less after it had been read (decision 0043).
"""

import json
from typing import Any

import pytest

from connector.kernel.dialects.jsonld.explain import UnreadableMessage
from connector.kernel.dialects.jsonld.reading import read
from connector.kernel.dialects.policies.foreign import read_json, read_rdf
from connector.kernel.policy.evaluation.digest import digest
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import Collection, Policy, PolicyError
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import World
from connector.kernel.protocol.messages import CONTEXT, ContractOfferMessage
from connector.kernel.protocol.shape import Malformed
from tests.kernel.dialects.outsiders import ODRL_CONTEXT, H

O = "http://www.w3.org/ns/odrl/2/"  # noqa: E741
EX = "https://example.org/"
HEAD = (
    f"@prefix odrl: <{O}> . @prefix ex: <{EX}> . @prefix hanse: <{H}> . @prefix dct: <http://purl.org/dc/terms/> .\n"
    "@prefix xsd: <http://www.w3.org/2001/XMLSchema#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
    "@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> . @prefix dcat: <http://www.w3.org/ns/dcat#> .\n"
)
ATOM = 'odrl:leftOperand odrl:count ; odrl:operator odrl:lteq ; odrl:rightOperand "3"'
WORLD = World(now=1_795_500_000_000, participant="did:web:a.example", target=EX + "x", action=O + "use", uses={"": 1})


def turtle(text: str) -> Policy:
    (found,) = read_rdf((HEAD + text).encode())
    return parse(found.document)


def linked(policy: dict[str, Any], context: Any = ODRL_CONTEXT) -> Policy:
    (found,) = read_json({"@context": context, "@type": "Set", **policy})
    return parse(found.document)


def permits(policy: Policy, action: str = "use") -> bool:
    world = World(now=WORLD.now, participant=WORLD.participant, target=WORLD.target, action=O + action, uses={"": 1})
    return compile(policy).verdict(world, "access").permit


def allowing(rule: str = "", policy: str = "") -> str:
    return f"<urn:p> a odrl:Set ; {policy} odrl:permission [ odrl:action odrl:use ; {rule} ] ."


def forbidding(rule: str) -> str:
    return allowing(policy=f"odrl:conflict odrl:prohibit ; odrl:prohibition [ {rule} ] ;")


def test_the_rules_that_the_cases_change_permit_by_themselves() -> None:
    assert permits(turtle(allowing()))
    assert permits(turtle(allowing(f"odrl:constraint [ {ATOM} ]")))
    assert permits(turtle(forbidding("odrl:action odrl:use ; odrl:target ex:y")))
    assert not permits(turtle(forbidding("odrl:action odrl:use ; odrl:target ex:x")))


NAMELESS = [
    "odrl:target [ dct:subject ex:secret ]",
    "odrl:target []",
    "odrl:target _:label",
    "odrl:assignee [ ex:employer ex:town ]",
    "odrl:assignee _:label",
    "odrl:constraint [ odrl:leftOperand [ ex:a ex:b ] ; odrl:operator odrl:eq ; odrl:rightOperand ex:c ]",
    "odrl:constraint [ odrl:leftOperand odrl:purpose ; odrl:operator [] ; odrl:rightOperand ex:c ]",
    "odrl:constraint [ odrl:leftOperand odrl:purpose ; odrl:operator odrl:isNoneOf ; odrl:rightOperand [] ]",
    "odrl:constraint [ odrl:leftOperand hanse:participant ; odrl:operator odrl:isNoneOf ; odrl:rightOperand _:x ]",
    f"odrl:constraint [ {ATOM} ; odrl:unit [ ex:of ex:bread ] ]",
]


@pytest.mark.threat("T63")
@pytest.mark.parametrize("part", NAMELESS)
def test_what_has_no_name_permits_nothing_and_still_forbids(part: str) -> None:
    """>> a rule about a thing that is only described  << not understood, and the same in every run."""
    assert not permits(turtle(allowing(part)))
    assert not permits(turtle(forbidding(f"odrl:action odrl:use ; {part}")))
    assert digest(turtle(forbidding(f"odrl:action odrl:use ; {part}"))) == digest(
        turtle(forbidding(f"odrl:action odrl:use ; {part}"))
    )


def test_a_description_without_a_name_is_kept() -> None:
    (party,) = turtle(allowing("odrl:assignee [ ex:employer ex:town ]")).permissions[0].parties
    assert isinstance(party, Collection)
    assert (party.source, party.extras) == ("", ((EX + "employer", '{"@id":"https://example.org/town"}'),))


@pytest.mark.parametrize(
    "action", ["[ dct:subject ex:x ]", "[]", "_:label", '"use"@en', f"[ odrl:refinement [ {ATOM} ] ]"]
)
def test_an_action_without_a_name_may_be_any(action: str) -> None:
    assert not permits(turtle(f"<urn:p> a odrl:Set ; odrl:permission [ odrl:action {action} ] ."))
    assert not permits(turtle(forbidding(f"odrl:action {action}")))


def test_people_are_told_what_has_no_name() -> None:
    text = allowing("odrl:assignee [ ex:employer ex:town ] ; odrl:target ex:x ; odrl:action []")
    (found,) = read_rdf((HEAD + text).encode())
    assert [(note.pointer, note.code) for note in found.notes] == [
        ("/permission/0/action", "nameless"),
        ("/permission/0/assignee", "nameless"),
    ]


@pytest.mark.parametrize("name", ["profile", "conflict"])
def test_a_term_of_the_policy_without_a_name_voids_it(name: str) -> None:
    assert not permits(turtle(allowing(policy=f"odrl:{name} [ ex:like ex:other ] ;")))


def test_a_label_of_the_document_is_nobody_in_plain_json_too() -> None:
    for target in ("_:b0", {"@id": "_:b0"}):
        rule = {"permission": [{"action": "use"}], "prohibition": [{"action": "use", "target": target}]}
        (found,) = read_json({"odrl:conflict": "odrl:prohibit", **rule})
        assert not permits(parse(found.document))
        assert not permits(parse({"odrl:conflict": "odrl:prohibit", **rule}))


# ---- what the document says elsewhere


def test_a_prohibition_about_a_collection_reaches_what_is_part_of_it() -> None:
    """>> ex:x odrl:partOf ex:all, and a prohibition about ex:all  << ex:x may be in it, so it is forbidden."""
    forbidden = forbidding("odrl:action odrl:use ; odrl:target ex:all")
    assert permits(turtle(forbidden))
    assert not permits(turtle(forbidden + " ex:x odrl:partOf ex:all ."))


def test_a_membership_that_the_document_claims_is_not_believed() -> None:
    assert not permits(turtle(allowing("odrl:assignee ex:towns") + " <did:web:a.example> odrl:partOf ex:towns ."))
    assert not permits(turtle(allowing("odrl:target ex:x") + " ex:x odrl:partOf ex:all ."))


HAS_POLICY = [
    f"<{EX}%s> odrl:hasPolicy <urn:p> . " + allowing(),
    f"<{EX}%s> a dcat:Dataset ; dct:title 'Titel' ; dcat:keyword 'x' ; odrl:hasPolicy <urn:p> . " + allowing(),
]


@pytest.mark.parametrize("text", HAS_POLICY)
def test_the_policy_of_an_asset_is_about_that_asset(text: str) -> None:
    """>> ex:y odrl:hasPolicy the policy, which names no target  << it permits ex:y and not ex:x (ODRL IM 2.2)."""
    assert permits(turtle(text % "x"))
    assert not permits(turtle(text % "y"))


def test_the_policy_of_an_asset_is_about_it_in_json_too() -> None:
    rule = {"permission": [{"action": "use"}]}
    for context in ({}, {"@context": ODRL_CONTEXT}):
        for asset, expected in ((EX + "x", True), (EX + "y", False)):
            (found,) = read_json({**context, "@id": asset, "hasPolicy": [{"@type": "Set", "@id": "urn:p", **rule}]})
            assert permits(parse(found.document)) is expected
    (found,) = read_json({"hasPolicy": [rule]})
    assert not permits(parse(found.document))


def test_what_an_asset_is_like_makes_it_no_other_asset() -> None:
    about = " ex:x a dcat:Dataset ; dct:title 'Titel'@de ; rdfs:label 'x' ; dcat:distribution [ dct:format 'csv' ] ."
    assert permits(turtle(allowing("odrl:target ex:x") + about))
    assert not permits(turtle(allowing("odrl:target ex:x") + " ex:x dct:isPartOf ex:series ."))
    assert not permits(turtle(allowing("odrl:assignee <did:web:a.example>") + " <did:web:a.example> ex:role 'admin' ."))


@pytest.mark.parametrize("said", ["<urn:p> dct:isReplacedBy <urn:q> .", "<urn:q> dct:replaces <urn:p> ."])
def test_that_a_policy_was_replaced_is_read_from_either_side(said: str) -> None:
    assert turtle(allowing() + said).replaced_by == ("urn:q",)


def test_that_a_policy_was_replaced_is_read_from_json_ld() -> None:
    policy = {"@id": "urn:p", "permission": [{"action": "use"}], "dct:isReplacedBy": {"@id": "urn:q"}}
    assert linked(policy).replaced_by == ("urn:q",)


# ---- classes that exclude each other


@pytest.mark.threat("T63")
@pytest.mark.parametrize(
    "text",
    [
        "<urn:p> a odrl:Set ; odrl:permission <urn:r> ."
        " <urn:r> a odrl:Permission , odrl:Prohibition ; odrl:action odrl:use .",
        "<urn:p> a odrl:Set ; odrl:permission <urn:r> . <urn:r> a odrl:Prohibition ; odrl:action odrl:use .",
        "<urn:p> a odrl:Set ; odrl:permission <urn:r> ; odrl:prohibition <urn:r> ; odrl:conflict odrl:perm ."
        " <urn:r> odrl:action odrl:use .",
        "<urn:p> a odrl:Set ; odrl:permission _:r ; odrl:obligation _:r . _:r odrl:action odrl:use .",
        "<urn:p> a odrl:Offer , odrl:Agreement ; odrl:permission [ odrl:action odrl:use ] .",
        "<urn:p> a odrl:Set , odrl:Request ; odrl:permission [ odrl:action odrl:use ] .",
        allowing(f"odrl:constraint [ a odrl:Permission ; {ATOM} ]"),
    ],
)
def test_what_cannot_be_both_is_neither(text: str) -> None:
    """>> a rule of two kinds, a policy of two kinds  << nothing is permitted by it (ODRL IM 2.1, 2.6)."""
    assert not permits(turtle(text))


def test_a_rule_of_two_kinds_is_neither_in_json() -> None:
    both = {"@id": "urn:r", "action": "use"}
    for document in (
        {"permission": [both], "prohibition": [both], "conflict": "perm"},
        {"permission": [both], "obligation": [both]},
        {"permission": [{"action": "use", "@type": ["Permission", "Prohibition"]}]},
    ):
        (found,) = read_json({"@type": "Set", **json.loads(json.dumps(document))})
        assert not permits(parse(found.document))
        assert not permits(linked(document))


def test_a_duty_at_two_rules_is_one_duty() -> None:
    text = "<urn:p> a odrl:Set ; odrl:permission [ odrl:action odrl:use ; odrl:duty <urn:d> ] ,"
    text += " [ odrl:action odrl:print ; odrl:duty <urn:d> ] . <urn:d> odrl:action odrl:attribute ."
    assert [rule.duties[0].id for rule in turtle(text).permissions] == ["urn:d", "urn:d"]


# ---- names and values


@pytest.mark.parametrize(
    "part",
    [
        'odrl:constraint [ odrl:leftOperand "count"@de ; odrl:operator odrl:lteq ; odrl:rightOperand "3" ]',
        'odrl:constraint [ odrl:leftOperand odrl:count ; odrl:operator "lteq"^^ex:word ; odrl:rightOperand "3" ]',
        'odrl:target "https://example.org/x"@de',
        'odrl:assignee "did:web:a.example"^^ex:did',
        "odrl:constraint [ odrl:leftOperand odrl:count , ex:a ; odrl:operator odrl:lteq ; odrl:rightOperand 3 ]",
    ],
)
def test_text_of_a_language_or_of_a_strange_type_is_no_name(part: str) -> None:
    for text in (allowing(part), forbidding(f"odrl:action odrl:use ; {part}")):
        try:
            policy = turtle(text)
        except PolicyError:
            continue
        assert not permits(policy)


@pytest.mark.parametrize("kind", ["permission", "prohibition"])
def test_a_refinement_of_an_action_of_odrl_refines_nobodys_use_of_it(kind: str) -> None:
    """>> odrl:use odrl:refinement …, for a graph all that is called odrl:use  << not understood; `rdf:value` is."""
    strict = '[ odrl:leftOperand odrl:count ; odrl:operator odrl:gt ; odrl:rightOperand "9" ]'
    said = f" odrl:use odrl:refinement {strict} ."
    assert not permits(turtle(forbidding("odrl:action odrl:use") + said))
    own = {"@id": O + "use", "refinement": [{"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "3"}]}
    (found,) = read_json({"permission": [{"action": "use"}], kind: [{"action": own}], "odrl:conflict": "prohibit"})
    assert not permits(parse(found.document))


def test_another_name_by_uid_is_refused_and_not_dropped() -> None:
    with pytest.raises(PolicyError):
        turtle(allowing() + " <urn:p> odrl:uid <urn:other> .")
    assert turtle(allowing() + " <urn:p> odrl:uid <urn:p> .").id == "urn:p"


@pytest.mark.parametrize("name", ["assignee", "target", "action"])
def test_an_empty_list_does_not_vanish_beside_a_name(name: str) -> None:
    with pytest.raises(Malformed) as caught:
        turtle(allowing(f"odrl:{name} () , ex:x"))
    assert (caught.value.pointer, caught.value.code) == (f"/permission/0/{name}", "empty")


@pytest.mark.parametrize("name", ["assignee", "assigner", "target"])
def test_an_empty_list_arrives_as_one(name: str) -> None:
    """What it means is the kernel's to say, for every notation alike."""
    (found,) = read_rdf((HEAD + allowing(f"odrl:{name} ()")).encode())
    assert found.document["permission"][0][name] == []
    for empty in ([], {"@list": []}, {"@set": []}):
        (found,) = read_json({"@context": ODRL_CONTEXT, "@type": "Set", "permission": [{"action": "use", name: empty}]})
        assert found.document["permission"][0][name] == []


@pytest.mark.parametrize("name", ["assignee", "target", "constraint", "duty"])
@pytest.mark.parametrize("value", [None, [None], {"@value": None}])
def test_null_is_refused_where_a_processor_would_drop_it(name: str, value: Any) -> None:
    with pytest.raises(Malformed) as caught:
        linked({"permission": [{"action": "use", name: value}]})
    assert caught.value.code == "null"


@pytest.mark.parametrize("keyword", ["@reverse", "@included", "@nest", "@graph", "@index", "@direction"])
def test_keywords_that_move_what_is_said_are_refused(keyword: str) -> None:
    for policy in (
        {keyword: [{}], "permission": [{"action": "use"}]},
        {"permission": [{"action": "use", keyword: {}}]},
    ):
        with pytest.raises(Malformed):
            linked(policy)


def test_a_document_of_several_graphs_is_refused() -> None:
    """Who states one of them need not state the other."""
    one = f"<urn:p> a odrl:Set ; odrl:permission [ odrl:action odrl:use ; odrl:constraint [ {ATOM} ] ]"
    read_rdf(f"{HEAD} <urn:g> {{ {one} }}".encode(), "TRIG")
    with pytest.raises(Malformed) as caught:
        read_rdf(f"{HEAD} <urn:g> {{ {one} }} <urn:h> {{ <urn:p> odrl:conflict odrl:perm }}".encode(), "TRIG")
    assert caught.value.code == "graphs"


def test_one_name_for_two_different_rules_is_refused_in_json() -> None:
    """A graph would join what they say: then both conditions had to hold for the prohibition to forbid."""
    first, second = ({"@id": "urn:r", "action": name} for name in ("odrl:print", "odrl:sell"))
    document = {"permission": [{"action": "use"}], "prohibition": [first, second]}
    for context in ({}, {"@context": ODRL_CONTEXT}):
        with pytest.raises(Malformed) as caught:
            read_json({**context, "@type": "Set", **document})
        assert caught.value.code == "same-name"
    (found,) = read_json({"@type": "Set", "permission": [first, dict(first)]})
    assert len(found.document["permission"]) == 2


def test_an_expanded_document_is_read_as_one() -> None:
    """>> `and` as a list of lists, as every processor writes it  << its clauses, not something odd."""
    clause = {O + name: [{"@id": O + term}] for name, term in (("leftOperand", "count"), ("operator", "lteq"))}
    clause[O + "rightOperand"] = [{"@value": "3"}]  # type: ignore[dict-item]
    rule = {O + "action": [{"@id": O + "use"}], O + "constraint": [{O + "and": [{"@list": [clause]}]}]}
    (found,) = read_json([{"@type": [O + "Set"], O + "permission": [rule]}])
    assert permits(parse(found.document))


# ---- messages of the protocol


def offer(rule: dict[str, Any]) -> dict[str, Any]:
    return {
        "@context": [CONTEXT, {"ex": EX}],
        "@type": "ContractOfferMessage",
        "providerPid": "urn:uuid:1",
        "callbackAddress": "https://a.example/2025-1",
        "offer": {"@id": "urn:offer", "@type": "Offer", "target": EX + "x", "permission": [{"action": "use"}], **rule},
    }


@pytest.mark.parametrize(
    "change",
    [
        {"odrl:target": {"@id": "_:b0"}, "target": None},
        {"prohibition": [{"action": {"@value": "use", "@language": "de"}}]},
        {"prohibition": [{"action": "use", "target": {"@id": "_:b0"}}]},
        {"@type": ["Offer", "odrl:Ticket"]},
        {"permission": [{"action": "use", "@type": ["Permission", "odrl:Asset"]}]},
    ],
)
def test_a_message_loses_nothing_either(change: dict[str, Any]) -> None:
    value = offer(change)
    value["offer"] = {name: item for name, item in value["offer"].items() if item is not None}
    with pytest.raises(UnreadableMessage):
        read(ContractOfferMessage, value)


def test_a_literal_of_a_strange_type_stays_one_in_a_message() -> None:
    who = {"@value": "did:web:b.example", "@type": EX + "did"}
    message = read(ContractOfferMessage, offer({"prohibition": [{"action": "use", "odrl:assignee": who}]}))
    assert message.offer["prohibition"][0]["assignee"] == who
    assert not permits(parse({**message.offer, "@type": "Set"}))


def test_what_is_said_about_a_name_counts_wherever_it_is_mentioned() -> None:
    """>> ex:x is part of ex:all, said in one rule, and a prohibition about ex:all in another  << ex:x is forbidden."""
    member = {"action": "odrl:print", "target": {"@id": EX + "x", "odrl:partOf": {"@id": EX + "all"}}}
    document = {"permission": [{"action": "use"}, member], "prohibition": [{"action": "use", "target": EX + "all"}]}
    (found,) = read_json({"@type": "Set", "odrl:conflict": "odrl:prohibit", **document})
    assert not permits(parse(found.document))
    assert not permits(linked({"conflict": "prohibit", **document}))
    both = [EX + "y", {"@id": EX + "y", EX + "shape": "round"}]
    for target in (both, both[::-1], {"@list": both}):
        (found,) = read_json({"permission": [{"action": "use", "target": target}]})
        assert all(isinstance(one, Collection) for one in parse(found.document).permissions[0].targets)


def test_the_same_value_twice_is_one_value() -> None:
    """As in a graph: else the same agreement had two parties in one notation and one in another."""
    who = [{"@id": "did:web:a.example"}, "did:web:a.example"]
    own = {"leftOperand": H + "participant", "operator": "eq"}
    twice = ["did:web:a.example"] * 2
    clauses = [{**own, "rightOperand": right} for right in (twice, {"@list": twice})]
    document = {"@type": "Agreement", "assignee": who, "permission": [{"action": "use", "constraint": clauses}]}
    for found in (read_json(document), read_json({"@context": ODRL_CONTEXT, **document})):
        policy = parse(found[0].document)
        assert policy.assignee == "did:web:a.example"
        assert permits(policy)


@pytest.mark.threat("T45")
def test_a_name_that_is_mentioned_thousands_of_times_is_not_written_out_for_each() -> None:
    said = [{"@id": EX + "x", EX + "a": [str(number) for number in range(900)]}]
    with pytest.raises(Malformed) as caught:
        read_json({"permission": [{"action": "use", "target": said}] + [{"action": "use", "target": EX + "x"}] * 900})
    assert caught.value.code == "too-much"
    many = [{"action": "use", "target": {"@id": EX + "x", EX + "a": str(number)}} for number in range(300)]
    with pytest.raises(Malformed):
        read_json({"permission": many})
