"""RDF becomes the wire form: nothing is lost, and what would never end is refused with the place."""

from typing import Any

import pytest

from connector.kernel.dialects.jsonld import nodes
from connector.kernel.dialects.policies import unfold
from connector.kernel.dialects.policies.foreign import read_rdf
from connector.kernel.policy.odrl.model import Atom, Collection, Logic, Odd
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.protocol.shape import Malformed

HEAD = "@prefix odrl: <http://www.w3.org/ns/odrl/2/> . @prefix ex: <http://example.org/> .\n"
HEAD += (
    "@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .\n"
)
ATOM = "odrl:leftOperand odrl:count ; odrl:operator odrl:lteq ; odrl:rightOperand 3"


def document(turtle: str) -> dict[str, Any]:
    (found,) = read_rdf((HEAD + turtle).encode())
    return found.document


def refused(turtle: str) -> tuple[str, str]:
    with pytest.raises(Malformed) as caught:
        read_rdf((HEAD + turtle).encode())
    return caught.value.pointer, caught.value.code


def test_ids_of_rules_and_constraints_survive() -> None:
    policy = parse(
        document(
            f"<urn:p> a odrl:Set ; odrl:permission <urn:r> . <urn:r> odrl:action odrl:use ; odrl:constraint <urn:l> ."
            f"<urn:l> odrl:or <urn:a> . <urn:a> {ATOM} ."
        )
    )
    (rule,) = policy.permissions
    (logic,) = rule.constraints
    assert isinstance(logic, Logic)
    assert isinstance(logic.clauses[0], Atom)
    assert (policy.id, rule.id, logic.id, logic.clauses[0].id) == ("urn:p", "urn:r", "urn:l", "urn:a")


def test_a_sequence_keeps_its_order() -> None:
    members = " ".join(f"<urn:{name}>" for name in "cabd")
    atoms = " ".join(f"<urn:{name}> {ATOM} ." for name in "abcd")
    found = document(
        "<urn:p> a odrl:Set ; odrl:permission [ odrl:action odrl:use ;"
        f" odrl:constraint [ odrl:andSequence ({members}) ] ] ." + atoms
    )
    (clause,) = found["permission"][0]["constraint"]
    assert [one["@id"] for one in clause["andSequence"]] == ["urn:c", "urn:a", "urn:b", "urn:d"]


def test_literals_keep_datatype_and_language() -> None:
    found = document(
        "<urn:p> a odrl:Set ; odrl:permission [ odrl:action odrl:use ;"
        " odrl:constraint [ odrl:leftOperand odrl:dateTime ; odrl:operator odrl:lt ;"
        ' odrl:rightOperand "2028-01-01"^^xsd:date ] ,'
        " [ odrl:leftOperand odrl:product ;"
        ' odrl:operator odrl:eq ; odrl:rightOperand "Brot"@de ] ] .'
    )
    rights = [clause["rightOperand"] for clause in found["permission"][0]["constraint"]]
    assert rights == [
        {"@value": "2028-01-01", "@type": "http://www.w3.org/2001/XMLSchema#date"},
        {"@value": "Brot", "@language": "de"},
    ]


def test_an_action_with_refinements_a_collection_remedies_and_consequences() -> None:
    policy = parse(
        document(
            f"""<urn:p> a odrl:Agreement ; odrl:conflict odrl:perm ; odrl:profile <https://w3id.org/hanse/v1> ;
            odrl:permission [ odrl:action [ rdf:value odrl:print ; odrl:refinement [ {ATOM} ] ] ;
              odrl:assignee ex:staff ;
              odrl:duty [ odrl:action odrl:compensate ; odrl:consequence [ odrl:action odrl:delete ] ] ] ;
            odrl:prohibition [ odrl:action odrl:sell ; odrl:remedy [ odrl:action odrl:inform ] ] .
            ex:staff a odrl:PartyCollection ; odrl:source ex:list ; odrl:refinement [ {ATOM} ] ."""
        )
    )
    (rule,) = policy.permissions
    (party,) = rule.parties
    assert (policy.kind, policy.conflict, policy.profiles) == ("Agreement", "perm", ("https://w3id.org/hanse/v1",))
    assert (rule.action.iri[-5:], len(rule.action.refinements)) == ("print", 1)
    assert isinstance(party, Collection)
    assert (party.source, len(party.refinements)) == ("http://example.org/list", 1)
    assert rule.duties[0].consequences[0].action.iri.endswith("delete")
    assert policy.prohibitions[0].remedies[0].action.iri.endswith("inform")


def test_a_reference_to_nothing_is_kept_as_what_is_not_understood() -> None:
    policy = parse(
        document("<urn:p> a odrl:Set ; odrl:permission [ odrl:action odrl:use ; odrl:constraint <urn:gone> ] .")
    )
    assert isinstance(policy.permissions[0].constraints[0], Odd)


def test_foreign_members_are_kept_under_their_iri() -> None:
    policy = parse(
        document("<urn:p> a odrl:Set ; odrl:permission [ odrl:action odrl:use ; ex:mood [ ex:is ex:good ] ] .")
    )
    assert [name for name, _ in policy.permissions[0].extras] == ["http://example.org/mood"]


def test_a_clause_that_several_rules_share_is_written_out_for_each() -> None:
    found = document(
        "<urn:p> a odrl:Set ; odrl:permission [ odrl:action odrl:use ; odrl:constraint <urn:c> ] ,"
        f" [ odrl:action odrl:read ; odrl:constraint <urn:c> ] . <urn:c> {ATOM} ."
    )
    first, second = (rule["constraint"] for rule in found["permission"])
    assert first == second
    assert first[0]["@id"] == "urn:c"


RULE = "<urn:p> a odrl:Set ; odrl:permission <urn:r> . <urn:r> odrl:action odrl:use ; "


@pytest.mark.parametrize(
    ("turtle", "place"),
    [
        (
            RULE + "odrl:constraint _:a . _:a odrl:and _:b . _:b odrl:and _:a .",
            "/permission/0/constraint/0/and/0/and/0",
        ),
        (RULE + "odrl:constraint <urn:a> . <urn:a> odrl:or <urn:a> .", "/permission/0/constraint/0/or/0"),
        (RULE + "odrl:duty <urn:r> .", "/permission/0/duty/0"),
        (RULE + "odrl:duty _:d . _:d odrl:consequence _:d .", "/permission/0/duty/0/odrl:consequence/0"),
        (RULE + "odrl:assignee _:c . _:c odrl:source _:c .", "/permission/0/assignee/odrl:source"),
        (RULE + "ex:x _:x . _:x ex:x _:x .", "/permission/0/http:~1~1example.org~1x/http:~1~1example.org~1x"),
        (
            RULE + "odrl:constraint [ odrl:and _:l ] . _:l rdf:first <urn:a> ; rdf:rest _:l .",
            "/permission/0/constraint/0/and",
        ),
    ],
)
def test_a_circle_is_refused_with_its_place(turtle: str, place: str) -> None:
    assert refused(turtle) == (place, "cycle")


def test_a_list_without_an_end_or_with_two_is_refused() -> None:
    broken = RULE + "odrl:constraint [ odrl:and _:l ] . _:l rdf:first <urn:a>"
    assert refused(broken + " .")[1] == "rdf"
    assert refused(broken + " ; rdf:rest rdf:nil , _:m .")[1] == "rdf"


def test_depth_is_bounded() -> None:
    chain = " ".join(f"<urn:{i}> odrl:and <urn:{i + 1}> ." for i in range(60))
    assert refused(RULE + "odrl:constraint <urn:0> . " + chain)[1] == "depth"


def test_a_few_shared_nodes_that_would_become_many_are_refused() -> None:
    """Twenty nodes, each twice below the one before: a million clauses."""
    doubling = " ".join(
        f"<urn:{i}> odrl:and <urn:{i}a> , <urn:{i}b> ."
        f" <urn:{i}a> odrl:or <urn:{i + 1}> . <urn:{i}b> odrl:or <urn:{i + 1}> ."
        for i in range(20)
    )
    assert refused(RULE + "odrl:constraint <urn:0> . " + doubling)[1] == "too-much"


def test_statements_and_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    text = RULE + "odrl:target ex:x , ex:y ."
    monkeypatch.setattr(nodes, "STATEMENTS", 4)
    assert refused(text)[1] == "too-much"
    monkeypatch.setattr(nodes, "STATEMENTS", 5)
    assert document(text)["@id"] == "urn:p"
    monkeypatch.setattr(nodes, "BYTES", 100)
    assert refused(text)[1] == "too-much"


def test_policies_of_one_document_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfold, "POLICIES", 1)
    assert refused("<urn:a> a odrl:Set . <urn:b> a odrl:Set .")[1] == "too-much"


@pytest.mark.parametrize("turtle", ["<urn:a", "<urn:a> <urn:b> .", "{}", "<urn:a> a odrl:Set ; odrl:permission << ."])
def test_broken_turtle_is_refused_with_line_and_column(turtle: str) -> None:
    place, code = refused(turtle)
    assert code == "rdf"
    assert place.startswith("3:")


@pytest.mark.parametrize("turtle", ["", "<urn:a> a ex:Thing .", "<urn:r> odrl:action odrl:use ; odrl:duty <urn:d> ."])
def test_a_document_without_a_policy_says_so(turtle: str) -> None:
    assert refused(turtle) == ("", "no-policy")


def test_other_syntaxes_of_rdf() -> None:
    triples = b"<urn:p> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://www.w3.org/ns/odrl/2/Offer> .\n"
    (found,) = read_rdf(triples, "N_TRIPLES")
    assert found.document == {"@id": "urn:p", "@type": "Offer"}
    xml = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:o="http://www.w3.org/ns/odrl/2/">
      <o:Set rdf:about="urn:p"><o:prohibition><o:Prohibition><o:action rdf:resource="http://www.w3.org/ns/odrl/2/sell"/>
      </o:Prohibition></o:prohibition></o:Set></rdf:RDF>"""
    (found,) = read_rdf(xml, "RDF_XML")
    assert found.document["prohibition"] == [{"@type": ["Prohibition"], "action": "http://www.w3.org/ns/odrl/2/sell"}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_that_declares_entities_is_refused_unread(encoding: str) -> None:
    text = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]>
      <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:o="http://www.w3.org/ns/odrl/2/">
      <o:Set rdf:about="urn:p"><o:profile>&c;</o:profile></o:Set></rdf:RDF>"""
    with pytest.raises(Malformed) as caught:
        read_rdf(text.encode(encoding), "RDF_XML")
    assert caught.value.code == "rdf"


def test_xml_with_comments_is_read() -> None:
    text = b"""<!-- a policy --><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
      xmlns:o="http://www.w3.org/ns/odrl/2/"><o:Set rdf:about="urn:p"/></rdf:RDF>"""
    assert read_rdf(text, "RDF_XML")[0].document == {"@id": "urn:p", "@type": "Set"}
