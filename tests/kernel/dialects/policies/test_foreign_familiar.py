"""Members that look like a word of ODRL or like a mere note, and are neither (decision 0149)."""

from typing import Any

import pytest

from connector.kernel.dialects.jsonld.explain import UnreadableMessage
from connector.kernel.dialects.jsonld.names import FAMILIAR
from connector.kernel.dialects.jsonld.reading import read as received
from connector.kernel.dialects.policies.foreign import read_json, read_rdf
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.names import NOTES, ODRL, PREFIXES
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import World
from connector.kernel.policy.wording.badges import coverage
from connector.kernel.protocol.messages import ContractRequestMessage
from connector.kernel.protocol.shape import Malformed
from tests.kernel.dialects.answers import ALICE, TITLE, TOWNS, X, every
from tests.kernel.dialects.notations import EX, READERS

DCT, FOAF = PREFIXES["dct"], "http://xmlns.com/foaf/0.1/"
FREE: dict[str, Any] = {"@id": "urn:p", "@type": "Set", "permission": [{"action": "use"}]}
CONDITIONS = ["valid", "available", "audience", "accessRights", "rights", "spatial", "temporal", "requires", "x"]
CONDITIONS += ["conformsTo", "isPartOf", "hasPart", "prohibition", "constraint"]


@pytest.mark.threat("T135")
@pytest.mark.parametrize("name", CONDITIONS)
def test_bug_what_may_be_a_condition_of_a_policy_was_a_note(name: str) -> None:
    """>> `dct:valid` in the past, an audience, a word that Dublin Core does not have << nothing is permitted, in any
    notation, and `check` says which member is not understood."""
    assert any(every(FREE))
    document = {**FREE, DCT + name: "2020-01-01/2020-12-31"}
    assert not any(every(document))
    for read in READERS.values():
        (found,) = read(document)
        rows = coverage(parse(found.document))
        assert [row.subject for row in rows if "not-understood" in row.notes] == [DCT + name]


@pytest.mark.parametrize("name", sorted(NOTES))
def test_what_only_describes_a_policy_changes_nothing(name: str) -> None:
    replaced = name in (DCT + "isReplacedBy", DCT + "replaces")
    assert every({**FREE, name: "Text"}) == every(FREE) or replaced


@pytest.mark.threat("T135")
@pytest.mark.parametrize("place", ["assignee", "target"])
def test_bug_the_validity_of_a_party_or_asset_described_it(place: str) -> None:
    """>> a party that is one until 2020, an asset of which a word of ODRL is said in another namespace << nothing is
    permitted to it, and what is forbidden to it stays so."""
    name = {"assignee": ALICE, "target": X}[place]
    for said in ({DCT + "valid": "2020-12-31"}, {FOAF + "refinement": "x"}, {DCT + "constraint": {"@id": EX + "c"}}):
        rule = {"action": "use", place: {"@id": name, TITLE: "Titel", **said}}
        assert not any(every({**FREE, "permission": [rule]}))
        assert not any(every({**FREE, "odrl:conflict": "odrl:prohibit", "prohibition": [rule]}))


# ---- contexts


FORBIDDING = {
    "@id": "urn:p",
    "@type": ODRL + "Set",
    ODRL + "permission": [{ODRL + "action": {"@id": ODRL + "use"}}],
    "odrl:prohibition": [{ODRL + "action": {"@id": ODRL + "use"}}],
}
ELSEWHERE = [DCT, PREFIXES["rdfs"] + "label#", EX, FOAF, "http://www.w3.org/ns/odrl/2.2/"]


@pytest.mark.threat("T135")
@pytest.mark.parametrize("space", ELSEWHERE)
@pytest.mark.parametrize("inside", [False, True])
def test_bug_a_context_that_calls_something_else_odrl_hid_a_prohibition(space: str, inside: bool) -> None:
    """>> `odrl` is declared as Dublin Core, beside the policy or further inside << refused with the place; the
    prohibition was a note."""
    document: dict[str, Any] = {"@context": {"odrl": space}, **FORBIDDING}
    if inside:
        rule = {"@context": {"odrl": space}, ODRL + "action": {"@id": ODRL + "use"}, "odrl:constraint": []}
        document = {**FORBIDDING, ODRL + "permission": [rule]}
    with pytest.raises(Malformed) as refused:
        read_json(document)
    assert refused.value.code == "redefined"
    assert "@context" in refused.value.pointer


@pytest.mark.threat("T135")
@pytest.mark.parametrize("prefix", sorted(FAMILIAR))
def test_a_familiar_prefix_means_what_everybody_reads(prefix: str) -> None:
    """>> a familiar prefix with its own namespace, and with another one << read; refused."""
    document = {**FORBIDDING, "@context": {"odrl": ODRL, prefix: FAMILIAR[prefix]}}
    assert len(read_json(document)) == 1
    for other in ("https://example.org/ns#", {"@id": "https://example.org/ns#", "@prefix": True}):
        with pytest.raises(Malformed, match="redefined"):
            read_json({**document, "@context": {"odrl": ODRL, "x": EX, prefix: other}})


@pytest.mark.threat("T135")
@pytest.mark.parametrize("term", ["prohibition", "constraint", "assignee", "refinement", "rightOperand", "and"])
@pytest.mark.parametrize("meaning", [DCT + "title", "dct:title", {"@id": DCT + "x"}, "x:y", "odrl:permission", "@id"])
def test_a_word_of_odrl_is_no_term_for_something_else(term: str, meaning: Any) -> None:
    """>> a context in which `prohibition` is a title, or a permission << refused."""
    context = {"odrl": ODRL, "dct": DCT, "x": EX, term: meaning}
    with pytest.raises(Malformed, match="redefined"):
        read_json({"@context": context, **FREE, "@type": ODRL + "Set"})


@pytest.mark.parametrize(
    "meaning",
    [
        "odrl:prohibition",
        "o:prohibition",
        {"@id": "o:prohibition", "@type": "@id"},
        ODRL + "prohibition",
        {"@type": "@id"},
    ],
)
def test_a_word_of_odrl_may_be_declared_as_itself(meaning: Any) -> None:
    context = {"o": ODRL, "odrl": ODRL, "@vocab": ODRL, "prohibition": meaning}
    (found,) = read_json({"@context": context, "@type": "Set", "prohibition": {"action": {"@id": "o:use"}}})
    assert len(parse(found.document).prohibitions) == 1


@pytest.mark.threat("T135")
def test_a_familiar_member_of_another_namespace_is_told_in_every_notation() -> None:
    """>> Turtle whose `odrl:` is another namespace, a vocabulary with a word `prohibition` << told by name, and nothing
    is permitted."""
    strange = {**FREE, EX + "prohibition": [{"action": "use"}]}
    text = f"<urn:p> a <{ODRL}Set> ; <{ODRL}permission> [ <{ODRL}action> <{ODRL}use> ] ; odrl:prohibition [] ."
    found = [read(strange) for read in READERS.values()]
    for (one,) in (*found, read_rdf(f"@prefix odrl: <{EX}> . {text}".encode())):
        assert [(note.code, note.before, note.after) for note in one.notes if note.code == "familiar"] == [
            ("familiar", "prohibition", EX + "prohibition")
        ]
        world = World(now=1_795_500_000_000, participant=ALICE, target=X, action=ODRL + "use")
        assert not compile(parse(one.document)).verdict(world, "access").permit


# ---- messages


def request(context: Any) -> dict[str, Any]:
    offer = {"@id": "urn:offer", "@type": "odrl:Offer", "odrl:target": {"@id": X}}
    offer["odrl:permission"] = [{"odrl:action": {"@id": "odrl:use"}}]
    offer["other:prohibition"] = [{"odrl:action": {"@id": "odrl:use"}, "odrl:assignee": {"@id": TOWNS}}]
    return {
        "@context": context,
        "@type": "dspace:ContractRequestMessage",
        "dspace:consumerPid": "urn:uuid:1",
        "dspace:callbackAddress": "https://a.example/2025-1",
        "dspace:offer": offer,
    }


@pytest.mark.threat("T135")
def test_bug_a_message_without_the_protocols_context_could_call_something_else_odrl() -> None:
    """>> a message under prefixes of its own, one of which is a familiar one for something else << refused."""
    usual = {name: FAMILIAR[name] for name in ("odrl", "dct", "dspace")}
    assert received(ContractRequestMessage, request({**usual, "other": ODRL})).offer["prohibition"]
    for prefix in sorted(FAMILIAR):
        with pytest.raises(UnreadableMessage) as refused:
            received(ContractRequestMessage, request({**usual, "other": ODRL, prefix: EX + "ns#"}))
        assert [one.code for one in refused.value.findings] == ["redefined"], prefix
