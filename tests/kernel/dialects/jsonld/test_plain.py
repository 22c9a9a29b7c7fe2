"""However an official example is spelled, it is read as the same message; what is plain stays as it was spelled."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyld import jsonld

from connector.kernel.dialects.jsonld import expansion, reading
from connector.kernel.dialects.jsonld.grammar import TERMS
from connector.kernel.dialects.jsonld.names import names_of
from connector.kernel.dialects.jsonld.plain import Walk
from connector.kernel.protocol import codec
from connector.kernel.protocol.messages import CONTEXT
from tests.kernel.dialects.spellings import (
    ABSENT,
    EXAMPLES,
    SPELLINGS,
    canonical,
    example,
    message_type,
    official,
    options,
)
from tests.testkit.places import DSP

pytestmark = pytest.mark.skipif(not DSP.is_dir(), reason=ABSENT)
ALL = sorted(DSP.glob("*/example/*.json"))


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_spelling_is_the_same_message(path: Path, step: int) -> None:
    """Also where the codec does not take it, which is the case for nearly all of them. Of one message each third
    spelling by default, of the next the others.

    The short way and the long one end at the same message; only prefixes that nobody declared need the short one.
    """
    message = canonical(path)
    for spelling, spelled in [*SPELLINGS.items()][EXAMPLES.index(path) % step :: step]:
        written = json.dumps(spelled(example(path)))
        assert reading.read(type(message), json.loads(written)) == message, spelling
        if spelling != "undeclared":
            processed = reading._processed(type(message), json.loads(written)).value
            assert codec.decode(type(message), processed) == message, spelling


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_what_is_plain_stays_as_it_is(path: Path) -> None:
    """The slow path changes nothing about what the fast one would have taken."""
    value = example(path)
    names = names_of(value["@context"], TERMS)
    assert names is not None
    walk = Walk(names)
    assert {"@context": [CONTEXT], **walk.document(value, message_type(value))} == value
    assert (walk.touched, walk.places) == (set(), {})


def ours(url: str, loader_options: object) -> dict[str, Any]:
    """Our contexts under the official addresses."""
    return expansion._load(url, loader_options) if url in expansion.FILES else official("urn:other", loader_options)


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_our_context_says_what_the_official_ones_say(path: Path) -> None:
    """Every example expands alike, and its expanded form compacts alike."""
    value = example(path)
    expanded = jsonld.expand(value, options())
    assert jsonld.expand(value, options(ours)) == expanded
    assert jsonld.compact(expanded, CONTEXT, options(ours)) == jsonld.compact(expanded, CONTEXT, options())


def test_our_context_is_no_copy() -> None:
    """Other documents, other arrangement: no file of ours imports, and none equals an official one."""
    texts = [expansion.pinned(url) for url in expansion.FILES]
    theirs = [json.loads(path.read_text("utf-8")) for path in (DSP / "context").glob("*.jsonld")]
    assert not any("@import" in text or json.loads(text) in theirs for text in texts)


def test_the_context_and_the_grammar_name_the_same_terms() -> None:
    """What the walk takes for a member, a processor with our context takes for the same IRI."""
    text = "".join(expansion.pinned(url) for url in expansion.FILES)
    missing = {name for name in TERMS if f'"{name}"' not in text and "://" not in name}
    # Members of RDF resources that the protocol's context leaves out, and classes that nobody names on the wire.
    assert missing == {"servesDataset", "Request", "AtomicConstraint", "LogicalConstraint"}


words = st.sampled_from(["use", "odrl:use", "odrl:read", "http://www.w3.org/ns/odrl/2/use", "urn:x", "plain"])
atoms = st.fixed_dictionaries(
    {
        "leftOperand": st.sampled_from(["dateTime", "odrl:dateTime", "http://www.w3.org/ns/odrl/2/dateTime", "ex:y"]),
        "operator": st.sampled_from(["eq", "isPartOf"]),
        "rightOperand": words | st.lists(words, min_size=1, max_size=3) | st.builds(lambda word: {"@id": word}, words),
    }
)
logic = st.recursive(
    atoms, lambda inner: st.builds(lambda some: {"and": some}, st.lists(inner, min_size=1, max_size=3)), max_leaves=5
)
rules = st.fixed_dictionaries(
    {"action": words}, optional={"constraint": st.lists(logic, max_size=3), "odrl:remedy": st.just([])}
)
offers = st.fixed_dictionaries(
    {"@type": st.just("Offer"), "@id": words, "target": words, "permission": st.lists(rules, min_size=1, max_size=3)},
    optional={
        "obligation": st.lists(rules, min_size=1, max_size=3),
        "profile": words | st.lists(words),
        "dct:title": words,
    },
)


@settings(max_examples=40)
@given(offer=offers)
def test_a_plain_policy_keeps_its_spelling(offer: dict[str, Any]) -> None:
    """In an envelope that had to be rewritten the offer is the very value that came."""
    message = {
        "@context": CONTEXT,
        "@type": ["dspace:ContractRequestMessage"],
        "dspace:consumerPid": {"@id": "urn:c"},
        "callbackAddress": "https://b.example",
        "offer": offer,
    }
    form = reading.plain_form(codec.TYPES["ContractRequestMessage"], message)
    assert form.value["offer"] is offer
    assert not form.rewritten


@pytest.mark.parametrize("odd", [{"permission": {"action": "use"}}, {"target": {"@id": "t"}}, {"prohibition": []}])
def test_a_policy_that_is_not_plain_is_known_to_have_been_rewritten(odd: dict[str, Any]) -> None:
    """A seal over it would cover what nobody keeps (spec/protocol.md 2.1)."""
    message = {
        "@context": CONTEXT,
        "@type": "ContractRequestMessage",
        "consumerPid": "urn:c",
        "callbackAddress": "https://b.example",
        "offer": {"@id": "o", "@type": "Offer", "target": "t", "permission": [{"action": "use"}], **odd},
    }
    form = reading.plain_form(codec.TYPES["ContractRequestMessage"], message)
    assert form.rewritten
    assert form.value["offer"] == {"@id": "o", "@type": "Offer", "target": "t", "permission": [{"action": "use"}]}
