"""Whatever the codec refuses has a pointer and a sentence in both languages; the schemas refuse exactly the same."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft201909Validator

from connector.foundation.language import LANGUAGES, catalogue
from connector.foundation.language.reasons import on_the_wire
from connector.kernel.dialects.jsonld import explain, reading
from connector.kernel.dialects.jsonld.explain import UnreadableMessage
from connector.kernel.dialects.jsonld.schemas import schema
from connector.kernel.protocol import codec
from connector.kernel.protocol import messages as m
from connector.kernel.protocol.shape import Malformed
from tests.fuzz.effort import amount
from tests.kernel.dialects.jsonld.whole import ATOM, BODIES, CATALOGUE_OFFER, OFFER, SMALL_OFFER, whole

FORBIDDEN = {"target": "x", "hasPolicy": [SMALL_OFFER], "providerPid": "p", "and": [ATOM], "callbackAddress": "b"}


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every member and item at every depth."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*at, key)
        yield from paths(value[key], (*at, key))


def changed(value: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    """A copy along the path, with what `change(place, key)` does at its end."""
    copied = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1:
        change(copied, path[0])
    else:
        copied[path[0]] = changed(copied[path[0]], path[1:], change)
    return copied


def drop(place: Any, key: Any) -> None:
    del place[key]


def put(item: Any) -> Callable[[Any, Any], None]:
    def put_there(place: Any, key: Any) -> None:
        place[key] = item

    return put_there


def add(name: str, item: Any) -> Callable[[Any, Any], None]:
    def add_there(place: Any, key: Any) -> None:
        if isinstance(place[key], dict):
            place[key] = {name: item, **place[key]}

    return add_there


CHANGES = [
    drop,
    *(put(item) for item in (None, 7, True, "x", [], {}, ["x"], [{}])),
    *(add(name, item) for name, item in FORBIDDEN.items()),
]


def broken(value: Any) -> Iterator[Any]:
    """The document with each member and item taken away, replaced, or joined by one that must not be there."""
    for path in paths(value):
        for change in CHANGES:
            yield changed(value, path, change)


def refusal(cls: Any, value: Any) -> Malformed | None:
    try:
        codec.decode(cls, value)
    except Malformed as fault:
        return fault
    return None


@pytest.mark.parametrize("name", codec.TYPES)
def test_our_schemas_are_schemas(name: str) -> None:
    Draft201909Validator.check_schema(schema(name))
    assert Draft201909Validator(schema(name)).is_valid(whole(name))


SOME = {"CatalogRequestMessage", "TransferStartMessage"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in SOME else pytest.mark.long) for name in codec.TYPES]
)
def test_the_schemas_refuse_what_the_codec_refuses(name: str) -> None:
    """No break of any member is seen by one of the two alone, and each has words."""
    cls, seen, refused = codec.TYPES[name], 0, 0
    for value in broken(whole(name)):
        found = list(explain._found(name, value))
        assert bool(found) == (refusal(cls, value) is not None), value
        assert all(f"error.dialects.{finding.code}" in catalogue("de") for finding in found)
        seen, refused = seen + 1, refused + bool(found)
    assert seen > refused > 5


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=amount(50, 100))
@example(name="CatalogRequestMessage", members={"@": None}, junk=[])
@given(name=st.sampled_from(sorted(codec.TYPES)), members=st.dictionaries(st.text(), json_values), junk=json_values)
def test_whatever_is_refused_has_words(name: str, members: dict[str, Any], junk: object) -> None:
    """Any JSON value is a message or gets its sentences, two languages, nothing worse.

    What is refused to a document is no message either; but for a keyword that JSON-LD keeps to itself.
    """
    filled = dict.fromkeys(BODIES[name], junk) | members | {"@context": [m.CONTEXT], "@type": name}
    for value in (junk, members, filled):
        said = garbled(codec.TYPES[name], value)
        assert said is None or all(on_the_wire(said.reasons))
        kept = said is not None and said.findings[0].code == "keyword"
        assert said is None or kept or refusal(codec.TYPES[name], value) is not None


def garbled(cls: Any, value: object) -> UnreadableMessage | None:
    try:
        reading.read(cls, value)
    except UnreadableMessage as said:
        return said
    return None


SAID = {
    "a member is missing": (
        {**BODIES["ContractRequestMessage"], "consumerPid": None},
        ["/consumerPid", "„consumerPid“ fehlt", "“consumerPid” is missing"],
    ),
    "a wrong type": (
        {**BODIES["ContractRequestMessage"], "consumerPid": 1},
        ["/consumerPid", "ein Text", "a text"],
    ),
    "both ways back": (
        {**BODIES["ContractRequestMessage"], "providerPid": "p"},
        ["/", "callbackAddress, providerPid", "exactly one"],
    ),
    "no rule": (
        {**BODIES["ContractRequestMessage"], "offer": {"@id": "o", "@type": "Offer", "target": "t"}},
        ["/offer", "permission, prohibition", "at least one"],
    ),
    "an empty list": (
        {**BODIES["ContractRequestMessage"], "offer": {**CATALOGUE_OFFER, "target": "t", "permission": []}},
        ["/offer/permission", "leer", "empty"],
    ),
    "an operator that nobody knows": (
        {
            **BODIES["ContractRequestMessage"],
            "offer": {**OFFER, "permission": [{"action": "use", "constraint": [{**ATOM, "operator": "like"}]}]},
        },
        ["/offer/permission/0/constraint/0/operator", "isPartOf", "Possible are: eq"],
    ),
    "a rule with a target": (
        {**BODIES["ContractRequestMessage"], "offer": {**OFFER, "permission": [{"action": "use", "target": "t"}]}},
        ["/offer/permission/0/target", "darf hier nicht stehen", "must not stand here"],
    ),
    "another type": (
        {**BODIES["ContractRequestMessage"], "@type": "ContractOfferMessage"},
        ["/@type", "ContractRequestMessage", "the type has to be"],
    ),
}


@pytest.mark.parametrize(("change", "words"), SAID.values(), ids=SAID.keys())
def test_a_person_understands_what_is_wrong(change: dict[str, Any], words: list[str]) -> None:
    """Where, and what would be right; German first, English second."""
    with pytest.raises(UnreadableMessage) as said:
        reading.read(m.ContractRequestMessage, whole("ContractRequestMessage") | change)
    german, english = on_the_wire(said.value.reasons)
    assert said.value.facts["pointer"] == words[0]
    assert f"Bei {words[0]}: " in german
    assert f"At {words[0]}: " in english
    assert words[1] in german
    assert words[2] in english
    assert said.value.status == 400


def test_several_faults_are_told_at_once() -> None:
    """The codec stops at the first; who has to mend it wants to know all, up to a number that can be read."""
    value = whole("ContractRequestMessage") | {"consumerPid": 1, "callbackAddress": 2}
    value["offer"] = {"permission": [{}]}
    with pytest.raises(UnreadableMessage) as said:
        reading.read(m.ContractRequestMessage, value)
    places = [finding.pointer for finding in said.value.findings]
    assert len(set(places)) == explain.TOLD
    assert places[0] == "/callbackAddress" or places[0] == "/consumerPid"


def test_pointers_lead_into_the_document_that_came() -> None:
    """Under the names and lists of the sender, not ours."""
    rule = {"odrl:action": {"@id": "odrl:use"}, "odrl:constraint": {"odrl:leftOperand": {"@id": "odrl:count"}}}
    value = {
        "@context": m.CONTEXT,
        "@type": "dspace:ContractRequestMessage",
        "dspace:consumerPid": {"@id": "c"},
        "callbackAddress": "https://b",
        "dspace:offer": {"@id": "o", "@type": "odrl:Offer", "odrl:target": {"@id": "t"}, "odrl:permission": rule},
    }
    with pytest.raises(UnreadableMessage) as said:
        reading.read(m.ContractRequestMessage, value)
    at = "/dspace:offer/odrl:permission/odrl:constraint"
    assert {finding.pointer for finding in said.value.findings} == {f"{at}/operator", f"{at}/rightOperand"}


def test_what_took_a_processor_is_pointed_at_in_plain_form() -> None:
    """The expanded form was sent by nobody, so no pointer leads into it."""
    rule = {"action": "use", "constraint": [{"leftOperand": "count"}]}
    value = {
        "@context": [m.CONTEXT, {"kind": "@type"}],
        "kind": "ContractRequestMessage",
        "consumerPid": "c",
        "callbackAddress": "https://b",
        "offer": {"@id": "o", "kind": "Offer", "target": "t", "permission": [rule]},
    }
    assert reading.needs_processor(value)
    with pytest.raises(UnreadableMessage) as said:
        reading.read(m.ContractRequestMessage, value)
    at = "/offer/permission/0/constraint/0"
    assert {finding.pointer for finding in said.value.findings} == {f"{at}/operator", f"{at}/rightOperand"}


def test_a_strangers_text_cannot_spoil_a_sentence() -> None:
    """Names come short, on one line and without anything that steers a terminal; braces are no placeholders."""
    evil = "\x1b[31m{0}\u202e" + "x" * 5000
    with pytest.raises(UnreadableMessage) as said:
        reading.read(m.ContractRequestMessage, {**whole("ContractRequestMessage"), "@" + evil: 2}, "peer.answer")
    for sentence in (*on_the_wire(said.value.reasons), str(said.value.facts["pointer"])):
        assert len(sentence) < 600
        assert not set(sentence) & {"\x1b", "\u202e"}


def test_every_code_has_both_sentences() -> None:
    """And every sentence stands in both languages (the catalogues are held against each other elsewhere)."""
    codes = {key for key in catalogue("de") if key.startswith("error.dialects.")}
    assert {key for key in catalogue(LANGUAGES[1]) if key.startswith("error.dialects.")} == codes
    assert len(codes) > 20


@pytest.mark.parametrize("name", sorted(codec.TYPES))
def test_bug_a_member_of_any_type_made_every_refusal_of_its_message_fail(name: str) -> None:
    """Each schema refers only to what it defines, so a message of each type can be refused in words."""

    def places(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            yield from [part["$ref"]] if isinstance(part.get("$ref"), str) else ()
        for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            yield from places(inner)

    whole = schema(name)
    assert {place.rpartition("/")[2] for place in places(whole)} <= set(whole["$defs"])
