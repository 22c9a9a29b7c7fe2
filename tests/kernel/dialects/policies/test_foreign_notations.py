"""A policy gets the same decision in every notation: plain JSON, JSON-LD under several contexts, Turtle."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from connector.kernel.dialects.policies.foreign import read_json
from connector.kernel.dialects.policies.translate import Foreign
from connector.kernel.dialects.policies.unfold import policies
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import PHASES
from connector.kernel.policy.odrl.state_of_world import Fact
from connector.kernel.protocol.shape import Malformed
from tests.fuzz.effort import amount, in_turn, whole
from tests.kernel.dialects.answers import (
    ALICE,
    BOB,
    BUT,
    CITY,
    ENGLISH,
    GERMAN,
    SKOS,
    TITLE,
    XSD,
    O,
    X,
    answers,
    every,
    literal,
    read,
    worlds,
)
from tests.kernel.dialects.any_policy import POLICY, SUBJECT
from tests.kernel.dialects.notations import EIGHT, EX, READERS
from tests.kernel.dialects.outsiders import ODRL_CONTEXT, H
from tests.suites import engine, force
from tests.suites.municipal.suite import cases, write

WHOLE_EXAMPLES = 3_950
"""Each asks four requests in four phases of eight notations: 128 decisions, 505,600 together."""


@pytest.mark.threat("T63")
@settings(max_examples=whole(amount(6, 25), WHOLE_EXAMPLES), deadline=None)
@given(document=POLICY)
def test_no_policy_says_less_in_another_notation(document: dict[str, Any]) -> None:
    """>> one policy in eight notations  << one decision for every request in every phase."""
    found = {notation: read(notation, document, worlds()) for notation in EIGHT}
    assert len(set(found.values())) == 1, {notation: str(answer) for notation, answer in found.items()}


# ---- who and what is named twice


DEAL = {"@type": "Agreement", "assigner": BOB, "assignee": ALICE, "target": X, "permission": [{"action": "use"}]}


SAID: dict[str, dict[str, Any]] = {
    "node": {},
    "title": {TITLE: "Titel"},
    "tagged": {TITLE: GERMAN},
    "languages": {TITLE: [GERMAN, ENGLISH]},
    "label": {"http://www.w3.org/2000/01/rdf-schema#label": "Titel"},
    "subject": SUBJECT,
}
WHO_AND_WHAT = ["assigner", "assignee", "target"]


@pytest.mark.threat("T63")
@pytest.mark.parametrize(("place", "said"), in_turn(WHO_AND_WHAT, SAID))
def test_named_twice_as_text_and_as_a_titled_node_is_one(place: str, said: str) -> None:
    """>> an agreement that names a party as text and as a node that is only described  << as if it were named once."""
    name = DEAL[place]
    text, node = name, {"@id": name, **SAID[said]}
    once = every(DEAL)
    assert any(once)
    for twice in (
        [text, node],
        [node, text],
        [node, node],
        [{"@value": name}, node],
        [{"@id": name, TITLE: "A"}, node],
    ):
        assert every({**DEAL, place: twice}) == once
        assert every({**DEAL, place: {"@list": twice}}) == once


@pytest.mark.threat("T63")
@pytest.mark.parametrize("place", WHO_AND_WHAT)
def test_two_names_or_a_name_with_more_than_a_title_are_never_one(place: str) -> None:
    """>> another party beside it, a label, a text with a language, a role that nobody knows  << refused everywhere."""
    name, titled = DEAL[place], {TITLE: "Titel"}
    others: list[Any] = [EX + "other", {"@id": EX + "other", **titled}, {"@id": name, EX + "role": "admin", **titled}]
    others += ["_:b0", {"@id": "_:b0", **titled}, titled, {}, literal(str(name), language="de")]
    for other in others:
        assert every({**DEAL, place: [name, other]}) == "refused"
        assert every({**DEAL, place: [other, name]}) == "refused"


@pytest.mark.threat("T63")
@pytest.mark.parametrize(
    ("place", "member"), in_turn(WHO_AND_WHAT, ["hasPolicy", "odrl:assigneeOf", "odrl:assignerOf"])
)
def test_whose_policy_another_one_is_says_nothing_about_a_party(place: str, member: str) -> None:
    """>> a party or asset of which it is said whose another policy is; whose this is << the one that it names; the
    asset of this policy, too."""
    once, name = every(DEAL), DEAL[place]
    assert any(once)
    for other in ("urn:other", "_:other", ["urn:other", "_:other"]):
        ids = [{"@id": one} for one in ([other] if isinstance(other, str) else other)]
        assert every({**DEAL, place: {"@id": name, member: ids}}) == once
        assert every({**DEAL, place: [name, {"@id": name, member: ids, TITLE: "Titel"}]}) == once


@pytest.mark.threat("T63")
def test_a_policy_written_out_in_a_party_or_value_is_no_mere_mention() -> None:
    """>> plain JSON: another policy is written out in an asset, or in a concept << nobody knows what that means."""
    inner = {"@id": "urn:inner", "@type": "Set", "prohibition": [{"action": "use"}]}
    assert not any(read("wire", allowing("eq", {"@id": CITY, "hasPolicy": inner}), worlds()))
    target = {"action": "use", "target": {"@id": X, "hasPolicy": inner}}
    assert not any(read("wire", {"@type": "Set", "permission": [target]}, worlds()))


@pytest.mark.threat("T63")
@pytest.mark.parametrize(
    ("operand", "number", "permits"),
    [
        ("odrl:count", 3.0, True),
        ("odrl:count", -0.0, False),
        ("odrl:count", 2.5, False),
        ("odrl:percentage", 2.5, True),
        ("odrl:percentage", 0.1, False),
        ("odrl:percentage", 1234567.25, True),
        ("odrl:percentage", 0.000001, False),
        ("odrl:percentage", 0.0000001, False),
        ("odrl:percentage", literal("2.5E0", type=XSD + "double"), True),
        ("odrl:percentage", literal("25e-1", type=XSD + "float"), True),
        ("odrl:percentage", literal("2.5E0", type=XSD + "decimal"), False),
        ("odrl:percentage", literal("INF", type=XSD + "double"), False),
        ("odrl:percentage", 1e300, False),
    ],
    ids=str,
)
def test_bug_a_number_was_another_one_in_rdf(operand: str, number: Any, permits: bool) -> None:
    """>> at most so many, as a number of JSON, which JSON-LD makes an integer or a double << the same in every
    notation, as the number says; RDF knew no `2.5`, and plain JSON no `3.0`."""
    clause = {"leftOperand": operand, "operator": "lteq", "rightOperand": number}
    document = {"@type": "Set", "permission": [{"action": "use", "constraint": [clause]}]}
    half = {O + "percentage": Fact(1_500_000, "measured")}
    there = [replace(world, facts=half) for world in worlds()]
    found = {notation: read(notation, document, there) for notation in EIGHT}
    assert len(set(found.values())) == 1, found
    assert found["wire"][PHASES.index("access")] is permits


@pytest.mark.threat("T63")
def test_a_right_operand_is_one_by_prefix_and_by_iri() -> None:
    """>> plain JSON: said of `dct:x` and compared with its IRI << of one node."""
    short, long = {"@id": "dct:x", EX + "but": "sundays"}, {"@id": "http://purl.org/dc/terms/x"}
    facts = {H + "participantKind": Fact(frozenset({long["@id"]}), "verified-credential")}
    there = [replace(world, facts=facts) for world in worlds()]
    for rules, permits in (([comparing("eq", long)], True), ([comparing("eq", short), comparing("eq", long)], False)):
        assert any(read("wire", {"@type": "Set", "permission": rules}, there)) is permits


@pytest.mark.threat("T63")
@pytest.mark.parametrize("label", ["urn:policy", "_:policy"])
@pytest.mark.parametrize("place", ["target", "rightOperand"])
def test_bug_a_policy_with_a_label_was_not_that_of_the_asset_in_plain_json(label: str, place: str) -> None:
    """>> X hasPolicy P, where P allows use of nothing in particular << only of X; of everything in plain JSON before,
    if P has but a label."""
    worth = {"@id": X, "hasPolicy": {"@id": label}}
    first = {"action": "odrl:print", place: worth} if place == "target" else comparing("eq", worth)
    found = every({"@id": label, "@type": "Set", "permission": [first, {"action": "use"}]})
    assert found == every({"@id": label, "@type": "Set", "target": X, "permission": [first, {"action": "use"}]})
    assert any(found)
    of_nobody = [replace(world, target=EX + "z") for world in worlds()]
    document = {"@id": label, "@type": "Set", "permission": [first, {"action": "use"}]}
    assert all(not any(read(notation, document, of_nobody)) for notation in READERS)


@pytest.mark.threat("T63")
@pytest.mark.parametrize("place", ["assignee", "target"])
@pytest.mark.parametrize("other", ["urn:policy", EX + "old"])
def test_bug_what_replaces_another_one_was_the_bare_party_in_rdf(place: str, other: str) -> None:
    """>> a party or asset that replaces something << nobody knows what that means for a rule, in no notation."""
    node = {"@id": DEAL[place], "http://purl.org/dc/terms/replaces": {"@id": other}}
    rule = {"action": "use", place: node}
    assert not any(every({"@id": "urn:mine", "@type": "Set", "permission": [rule]}))
    forbidden = {"permission": [{"action": "use"}], "prohibition": [rule], "conflict": "odrl:prohibit"}
    assert not any(every({"@id": "urn:mine", "@type": "Set", **forbidden})[:4])


@pytest.mark.threat("T63")
@pytest.mark.parametrize("twice", [["odrl:use", "use"], ["odrl:use", {"@id": O + "use"}], [{"@value": "use"}, "use"]])
def test_an_action_named_twice_or_in_a_list_is_one(twice: list[Any]) -> None:
    """>> one action in two spellings, beside each other or in a list  << as if it were named once."""
    once = every({"@type": "Set", "permission": [{"action": "use"}]})
    assert any(once)
    for action in (twice, {"@list": twice}, {"@list": twice[:1]}):
        assert every({"@type": "Set", "permission": [{"action": action}]}) == once


@pytest.mark.parametrize("word", ["USE", ["USE"], {"@list": ["USE"]}, {"@set": ["USE", "USE"]}])
def test_the_use_of_edc_is_read_in_a_list_too(word: Any) -> None:
    answer = read("wire", {"@type": "Set", "permission": [{"action": word}]}, worlds())
    assert answer == every({"@type": "Set", "permission": [{"action": "use"}]})


@pytest.mark.threat("T63")
@pytest.mark.parametrize("action", [{"@list": [EX + "dream"]}, {"@list": ["use"], EX + "a": "b"}, {"@list": [{}]}])
def test_an_unknown_action_in_a_list_permits_nothing_and_still_forbids(action: Any) -> None:
    allowed = {"@type": "Set", "permission": [{"action": action}]}
    denied = {"@type": "Set", "conflict": "odrl:prohibit", "permission": [{"action": "use"}]}
    for document in (allowed, {**denied, "prohibition": [{"action": action}]}):
        assert not any(read("wire", document, worlds()))


OPERATORS = ["eq", "isAnyOf", "neq", "isNoneOf"]


def comparing(operator: str, right: Any) -> dict[str, Any]:
    return {
        "action": "use",
        "constraint": [{"leftOperand": H + "participantKind", "operator": operator, "rightOperand": right}],
    }


def allowing(operator: str, right: Any) -> dict[str, Any]:
    return {"@type": "Set", "permission": [comparing(operator, right)]}


def forbidding(operator: str, right: Any) -> dict[str, Any]:
    rules = {"permission": [{"action": "use"}], "prohibition": [comparing(operator, right)]}
    return {"@type": "Set", "conflict": "odrl:prohibit", **rules}


@pytest.mark.threat("T63")
@pytest.mark.parametrize(
    "operator",
    ["eq", "isNoneOf", pytest.param("isAnyOf", marks=pytest.mark.long), pytest.param("neq", marks=pytest.mark.long)],
)
def test_a_right_operand_that_is_described_is_the_one_that_it_names(operator: str) -> None:
    """>> a concept as a node with titles, labels, notes, kinds  << as the node alone, allowed and forbidden."""
    node = {"@id": CITY}
    allowed, forbidden = every(allowing(operator, node)), every(forbidding(operator, node))
    assert any(allowed) == (operator in ("eq", "isAnyOf"))
    assert any(forbidden) != any(allowed)
    for right in (
        {**node, TITLE: GERMAN},
        [node, {**node, TITLE: "Stadt"}],
        [{**node, TITLE: [GERMAN, ENGLISH]}, node],
        {**node, "http://www.w3.org/2000/01/rdf-schema#label": GERMAN},
        {**node, "@type": [SKOS + "Concept", "PartyCollection"], SKOS + "prefLabel": [GERMAN, ENGLISH]},
        {**node, SKOS + "definition": "eine Stadt", SKOS + "notation": "07"},
        {**node, "odrl:assigneeOf": {"@id": "urn:other"}},
        {**node, "odrl:uid": CITY, TITLE: "Stadt"},
    ):
        assert every(allowing(operator, right)) == allowed
        assert every(forbidding(operator, right)) == forbidden


@pytest.mark.threat("T63")
@pytest.mark.parametrize(("operator", "but"), in_turn(OPERATORS, BUT))
def test_a_right_operand_of_which_more_is_said_permits_nothing_and_still_forbids(
    operator: str, but: dict[str, Any]
) -> None:
    """>> a role, a broader concept, a refinement, a whole, a datatype  << not the concept, in no notation."""
    node, more = {"@id": CITY}, {"@id": CITY, TITLE: "Stadt", **but}
    for right in (more, [CITY, more], [more, node], {"@list": [node, more]}):
        assert not any(every(allowing(operator, right)))
        assert not any(every(forbidding(operator, right)))


@pytest.mark.threat("T63")
def test_a_right_operand_named_by_its_uid_with_more_is_not_the_concept() -> None:
    """>> [A, {"uid": A, ex:role …}], where ODRL's own context makes a name of `uid`  << permits nothing."""
    for right in ([CITY, {"uid": CITY, EX + "role": "admin"}], {"uid": CITY, EX + "role": "admin"}):
        document = allowing("isAnyOf", right)
        assert not any(every(document))
        (found,) = read_json({"@context": ODRL_CONTEXT, **document})
        assert not any(answers([found.document], worlds()))


@pytest.mark.threat("T63")
def test_what_is_said_of_a_right_operand_counts_wherever_it_is_named() -> None:
    """>> more is said of the concept in another clause, or where it is a party  << it counts in both rules."""
    more = {"@id": CITY, EX + "but": "sundays"}
    elsewhere = [
        comparing("eq", more),
        {"action": "odrl:print", "assignee": more},
        {"action": "odrl:print", "target": more},
    ]
    for other in elsewhere:
        found = {"@type": "Set", "permission": [other, comparing("eq", {"@id": CITY})]}
        assert not any(every(found))
        assert not any(every({**found, "permission": found["permission"][::-1]}))
    spoken = {"@type": "Set", "permission": [comparing("eq", more), {"action": "use", "target": CITY}]}
    target = [replace(world, target=CITY) for world in worlds()]
    assert all(not any(read(notation, spoken, target)) for notation in READERS)


@pytest.mark.parametrize("kind", ["Set", "Offer", "Policy", O + "Set", ["odrl:Offer"]])
def test_an_action_for_all_rules_leaves_a_policy_one(kind: Any) -> None:
    """>> a policy that says its class and one action for all its rules (IM 2.7.1)  << read in every notation."""
    policy = {"@type": kind, "action": "use", "permission": [{"target": X}]}
    assert every({**policy, "@type": "Set"}) == every({"@type": "Set", "permission": [{"action": "use", "target": X}]})
    assert len(READERS["wire"](policy)) == 1
    assert read("wire", {key: item for key, item in policy.items() if key != "@type"}, worlds()) == "refused"


@pytest.mark.threat("T63")
@pytest.mark.parametrize("place", ["assignee", "target", "action"])
def test_an_empty_list_beside_other_values_is_refused_in_every_notation(place: str) -> None:
    """>> a name and an empty list beside it  << refused with the place: a graph would keep only the name."""
    name = {"assignee": ALICE, "target": X, "action": O + "use"}[place]
    plain = {"action": "use", place: [name, {"@list": []}]}
    full = {O + "action": [{"@id": O + "use"}], O + place: [{"@id": name}, {"@list": []}]}
    for document in ({"@type": "Set", "permission": [plain]}, [{"@type": [O + "Set"], O + "permission": [full]}]):
        with pytest.raises(Malformed) as refused:
            read_json(document)
        assert refused.value.code == "empty"
        assert refused.value.pointer.endswith(f"/permission/0/{place}")


# ---- the municipal suite


@pytest.mark.parametrize("stride", [40, pytest.param(whole(3, 1), marks=pytest.mark.long)])
def test_three_readers_agree_on_every_municipal_case(tmp_path: Path, stride: int) -> None:
    """>> every policy as Turtle, JSON-LD and plain JSON  << for the request of the case one decision in every phase."""
    write(tmp_path, stride)
    seen = permitted = 0
    for case in force.cases(tmp_path):
        document = dict(policies(case.policy))[case.names("policy")]
        found = {
            notation: _decided(READERS[notation](document), case)
            for notation in ("wire", "json-ld odrl", "json-ld own", "turtle")
        }
        assert len(set(found.values())) == 1, (case.name, found)
        seen += 1
        permitted += found["wire"][-1]
    assert seen == len(cases()[::stride])
    assert 0.2 < permitted / seen < 0.8


def _decided(read: tuple[Foreign, ...], case: force.Case) -> tuple[bool, ...]:
    (found,) = read
    program = compile(engine.loaded(found.document, case.request.action).policy, mode=case.mode)
    return tuple(program.verdict(case.world, phase).permit for phase in PHASES)
