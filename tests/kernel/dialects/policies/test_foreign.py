"""Policies of others, read as they mean them: JSON-LD, Turtle, EDC, sovity and Catena-X, every translation listed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.foundation.language import LANGUAGES, catalogue
from connector.kernel.dialects.jsonld.contexts import EDC
from connector.kernel.dialects.policies import foreign, translate
from connector.kernel.dialects.policies.foreign import read_json, read_rdf
from connector.kernel.policy.evaluation.digest import digest
from connector.kernel.policy.odrl.model import Atom
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.protocol.shape import Malformed
from tests.kernel.dialects.outsiders import ODRL_CONTEXT, T, atoms, compare, only, policy, told

# ---- one policy in several forms


WIRE = {
    "@type": "Set",
    "@id": "urn:policy:1",
    "permission": [
        {
            "action": "use",
            "constraint": [
                {"and": [compare("odrl:dateTime", "lt", "2028-01-01T00:00:00Z"), compare("odrl:count", "lteq", "3")]}
            ],
            "duty": [{"action": "odrl:attribute"}],
        }
    ],
    "prohibition": [{"action": "odrl:distribute"}],
}
JSON_LD = {
    "@context": ODRL_CONTEXT,
    "type": "Set",
    "uid": "urn:policy:1",
    "permission": {
        "action": "use",
        "constraint": {
            "and": {
                "@list": [compare("dateTime", "lt", "2028-01-01T00:00:00Z"), compare("count", "lteq", "3")],
            }
        },
        "duty": {"action": "attribute"},
    },
    "prohibition": {"action": "distribute"},
}
TURTLE = b"""
@prefix odrl: <http://www.w3.org/ns/odrl/2/> .
<urn:policy:1> a odrl:Set ;
    odrl:permission [
        odrl:action odrl:use ;
        odrl:constraint [ odrl:and
            [ odrl:leftOperand odrl:dateTime ; odrl:operator odrl:lt ; odrl:rightOperand "2028-01-01T00:00:00Z" ] ,
            [ odrl:leftOperand odrl:count ; odrl:operator odrl:lteq ; odrl:rightOperand 3 ] ] ;
        odrl:duty [ odrl:action odrl:attribute ] ] ;
    odrl:prohibition [ odrl:action odrl:distribute ] .
"""


def test_the_same_policy_in_three_forms_is_the_same_deal() -> None:
    forms = [only(WIRE), only(JSON_LD), *read_rdf(TURTLE)]
    assert [form.dialect for form in forms] == ["wire", "json-ld", "rdf"]
    assert len({digest(parse(form.document)) for form in forms}) == 1
    assert not any(form.notes for form in forms)


def test_a_policy_under_the_context_of_the_protocol_is_read_as_it_stands() -> None:
    found = only({"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], **WIRE})
    assert found.document == WIRE


def test_an_alias_in_a_foreign_context_means_what_the_sender_says() -> None:
    found = only(
        {
            "@context": {"o": "http://www.w3.org/ns/odrl/2/", "darf": "o:permission", "tun": "o:action"},
            "@type": "o:Set",
            "darf": [{"tun": {"@id": "o:use"}}],
        }
    )
    assert parse(found.document).permissions[0].action.iri == "http://www.w3.org/ns/odrl/2/use"


def test_policies_are_found_inside_of_messages_and_definitions() -> None:
    rule = {"permission": [{"action": "use"}]}
    found = read_json({"dataset": [{"hasPolicy": [{"@id": "urn:a", **rule}, {"@id": "urn:b", **rule}]}]})
    assert [(one.place, one.document["@id"]) for one in found] == [
        ("/dataset/0/hasPolicy/0", "urn:a"),
        ("/dataset/0/hasPolicy/1", "urn:b"),
    ]


def test_several_policies_of_one_file_come_in_its_order() -> None:
    found = read_rdf(
        b"@prefix o: <http://www.w3.org/ns/odrl/2/> . <urn:b> a o:Set ; o:permission [ o:action o:use ] ."
        b"<urn:a> a o:Offer ; o:prohibition [ o:action o:sell ] ."
    )
    assert [(one.place, one.document["@type"]) for one in found] == [("urn:b", "Set"), ("urn:a", "Offer")]


def test_unknown_terms_are_kept_and_never_satisfied() -> None:
    found = only(policy([ODRL_CONTEXT, {"ex": "https://example.org/"}], compare("ex:mood", "eq", "good")))
    (atom,) = parse(found.document).permissions[0].constraints
    assert isinstance(atom, Atom)
    assert (atom.left, atom.value) == ("https://example.org/mood", None)


def test_a_member_that_no_context_explains_is_refused_and_not_dropped() -> None:
    document = policy(ODRL_CONTEXT)
    document["permission"][0]["beschraenkung"] = "nur montags"
    with pytest.raises(Malformed) as caught:
        read_json(document)
    assert (caught.value.pointer, caught.value.code) == ("/@context/beschraenkung", "meaningless")


def test_a_context_that_nobody_knows_is_told() -> None:
    found = only(policy([ODRL_CONTEXT, "https://example.org/ctx.jsonld"]))
    assert told(found) == [("context-unknown", "https://example.org/ctx.jsonld", "")]


def test_a_label_of_the_document_is_never_taken_for_a_node_without_one() -> None:
    rules = [{"@id": "_:b2", "action": "use"}, {"action": "print"}, {"@id": "_:b1", "action": "sell"}]
    found = only({"@context": ODRL_CONTEXT, "@type": "Set", "permission": rules})
    assert [rule.action.iri.rpartition("/")[2] for rule in parse(found.document).permissions] == [
        "use",
        "print",
        "sell",
    ]


# ---- hostile documents


@pytest.mark.parametrize(
    "value",
    [None, 5, "x", [], {}, {"a": 1}, {"@context": ODRL_CONTEXT}, {"@context": 5, "permission": []}],
)
def test_what_is_no_policy_is_refused(value: Any) -> None:
    with pytest.raises(Malformed):
        read_json(value)


def test_a_context_that_multiplies_is_refused() -> None:
    scoped = {"x": {"@id": "urn:x", "@context": {"y": "urn:y"}}}
    with pytest.raises(Malformed):
        read_json(policy([ODRL_CONTEXT, scoped]))


def test_a_document_that_is_nested_without_end_is_refused() -> None:
    deep: Any = {"permission": [{"action": "use"}]}
    for _ in range(500):
        deep = {"a": deep}
    with pytest.raises(Malformed):
        read_json(deep)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["USE", "IN", "[", "odrl:eq", T]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "permission",
                    "action",
                    "constraint",
                    "and",
                    "leftOperand",
                    "operator",
                    "rightOperand",
                    "@id",
                    "@value",
                    "@type",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(value=VALUES)
def test_any_json_is_read_or_refused_and_never_breaks(value: Any) -> None:
    try:
        found = read_json({"permission": value})
    except Malformed:
        return
    assert all(isinstance(one.document, dict) for one in found)


@settings(max_examples=60, deadline=None)
@given(value=VALUES)
def test_any_json_ld_is_read_or_refused_and_never_breaks(value: Any) -> None:
    try:
        read_json({"@context": ODRL_CONTEXT, "@type": "Set", "permission": value})
    except Malformed:
        return


# ---- notes for people


def test_every_note_has_a_sentence_in_both_languages() -> None:
    source = Path(translate.__file__).read_text() + Path(foreign.__file__).read_text()
    codes = set(re.findall(r'_note\([^,]+, "([a-z-]+)"', source)) | set(
        re.findall(r'Note\("[^"]+", "([a-z-]+)"', source)
    )
    assert codes == {key.removeprefix("dialects.note.") for key in catalogue("de") if key.startswith("dialects.note.")}
    for code in codes:
        note = translate.Note("/permission/0", code, "was\u001b", "ist")
        for lang in LANGUAGES:
            said = translate.told(note, lang)
            assert "/permission/0" in said
            assert "\u001b" not in said


def test_an_offer_of_a_peer_is_read_in_our_words_and_left_as_it_came() -> None:
    offer = {"permission": [{"action": "use", "constraint": [compare(EDC + "inForceDate", "lteq", T)]}]}
    before = json.dumps(offer)
    found = translate.understood(offer)
    assert atoms(found) == [("dateTime", "lteq", [T])]
    assert json.dumps(offer) == before
