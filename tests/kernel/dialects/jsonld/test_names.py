"""Contexts beside the protocol's may declare prefixes and nothing else; what a name means follows from them alone."""

from typing import Any

import pytest

from connector.kernel.dialects.jsonld.names import CONTEXTS, DCT, TERMS, Names, names_of, short
from connector.kernel.policy.odrl.names import ODRL
from connector.kernel.protocol.messages import CONTEXT, HANSE
from connector.kernel.protocol.shape import Malformed

WORDS = frozenset({"offer"})
OWN = "https://musterstadt.example/begriffe#"


def read(context: Any) -> Names | None:
    return names_of(context, WORDS)


@pytest.mark.parametrize("beside", [{}, {"@version": 1.1, "@protected": True}, {"odrl": ODRL}, "https://x.example/c"])
def test_what_declares_nothing_of_its_own_changes_nothing(beside: object) -> None:
    found = read([CONTEXT, beside])
    assert found is not None
    assert found.tame


def test_without_the_protocols_context_no_bare_name_has_its_meaning() -> None:
    found = read({"a": OWN})
    assert found == Names(bare=False, declared={"a": OWN})
    assert read(None) == Names(bare=False, declared={})


@pytest.mark.parametrize(
    "entry",
    [
        {"@vocab": OWN},
        {"@version": 1.0},
        {"@protected": "yes"},
        {"a": {"@id": OWN}},  # a term, or a type with its own context
        {"a": "https://musterstadt.example/begriffe"},  # ends in no separator
        {"a": "begriffe#"},
        {"1a": OWN},
        {"offer": OWN},  # a member of the protocol
        {"use": OWN},  # a word of ODRL
    ],
)
def test_what_is_more_than_a_prefix_is_left_to_a_json_ld_processor(entry: dict[str, object]) -> None:
    assert read([CONTEXT, {"b": OWN}, entry]) is None


@pytest.mark.parametrize(
    ("context", "place", "code"),
    [
        ([CONTEXT, {"odrl": OWN}], "/@context", "redefined"),
        ([CONTEXT, 7], "/@context/1", "context"),
        ([CONTEXT] * (CONTEXTS + 1), "/@context", "contexts"),
        ([CONTEXT, {f"p{number}": OWN for number in range(TERMS + 1)}], "/@context", "contexts"),
    ],
)
def test_what_no_reader_may_accept_is_refused_with_its_place(context: object, place: str, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(context)
    assert (caught.value.pointer, caught.value.code) == (place, code)


def test_bounds_are_reached_by_nobody_who_keeps_to_them() -> None:
    assert read([CONTEXT] * CONTEXTS) is not None
    assert read([{f"p{number}": OWN for number in range(TERMS)}]) is not None


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("a:wort", OWN + "wort"),
        ("hanse:purpose", HANSE + "purpose"),  # well known, though nobody declared it
        ("dcterms:title", DCT + "title"),
        ("title", "title"),
        ("b:wort", "b:wort"),
        ("a://wort", "a://wort"),  # an IRI whose scheme looks like the prefix
    ],
)
def test_a_members_name_is_read_by_declared_and_well_known_prefixes(key: str, meant: str) -> None:
    found = read([CONTEXT, {"a": OWN}])
    assert found is not None
    assert found.member(key) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [("a:wort", OWN + "wort"), ("odrl:use", "odrl:use"), ("hanse:purpose", "hanse:purpose"), ("a://x", "a://x")],
)
def test_a_value_keeps_the_prefixes_that_mean_the_same_everywhere(text: str, meant: str) -> None:
    found = read([CONTEXT, {"a": OWN}])
    assert found is not None
    assert found.value(text) == meant


def test_an_iri_is_shortened_by_the_protocols_prefixes_alone() -> None:
    assert (short(ODRL + "use"), short(HANSE + "purpose")) == ("odrl:use", HANSE + "purpose")
