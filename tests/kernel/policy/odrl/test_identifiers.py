"""Which names are understood, and which surely differ: spelling is never what lets a "none of" hold."""

import pytest

from connector.kernel.policy.odrl.identifiers import (
    DID,
    IDENTIFIER,
    MEDIA_TYPE,
    PARTY,
    TAG,
    TEXT,
    WORD,
    Names,
    evened,
    well_formed,
)
from connector.kernel.policy.odrl.model import Closure
from connector.kernel.policy.odrl.names import HANSE as H

LISTS = Closure(
    {H + "research": frozenset({H + "research"}), H + "county": frozenset({H + "county"})},
    {H + "research": "purposeScheme", H + "county": "participantKindScheme"},
)


@pytest.mark.parametrize(
    "name",
    [
        "urn:uuid:1",
        "urn:ikz",
        "https://a.example",
        "https://a.example:8443/x?y=1#z",
        "http://a.example/M%C3%BCnster",
        "https://a.example/Münster",
        "https://[2001:db8::1]/x",
        "did:web:a.example",
        "did:key:z6Mk",
        "mailto:a@b.example",
        "did:web:a.example#connector",
        "tag:a.example,2026:x",
        "https://a.example/x,y",
    ],
)
def test_one_absolute_iri_is_an_identifier(name: str) -> None:
    assert well_formed(IDENTIFIER, name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "productDevelopment",
        "hanse:productDevelopment",
        "ex:a",
        "//a.example/x",
        "https:",
        "https:///x",
        "urn:",
        "https://user@a.example/x",
        "https://user:secret@a.example",
        "https://a.example/a b",
        "https://a.example/\x00",
        "https://a.example/x\n",
        "https://a.example/\u202ex",
        "https://a.example/\u200bx",
        "https://a.example/<x>",
        "https://a.example/%zz",
        "https://a.example/x/../y",
        "https://a..example/x",
        "https://a.example./x",
        "https://münster.example/x",
        "https://a.example/Mu\u0308nster",
        "did:web:a.example, did:web:b.example",
        "urn:a,urn:b",
        "https://a.example/x;https://b.example/y",
        "did:web:",
        "did:web:a..b",
        "did:WEB:a.example",
        "did:web:a.example:",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#nil",
        "https://a.example/x\ufe0f",
        "https://a.example/x\u034f",
        "https://a.example/\u3164x",
        "https://a.example/\u2800x",
        "https://a.example/x%E2%80%8B",
        "https://a.example/x%00",
        "https://a.example/y/%2e%2e/x",
        "https://a.example/%2E/x",
        "https://a.example:0443/x",
        "did:web:a.example%3A0443",
        "did:web:a.example:%2e%2e:x",
        "http\u017f://a.example/x",
        "https://a.example\u017f/x",
        "\u0131nfo:a",
        "d\u0131d:web:a.example",
    ],
)
def test_what_is_none_is_not_understood(name: str) -> None:
    """Bare names, prefixes that nobody declared, lists in one text (also an empty one), users, blanks, NFD, what shows
    nothing or leads back up, percent-encoded too, and schemes and hosts with a letter that only looks like one."""
    assert not well_formed(IDENTIFIER, name)


@pytest.mark.parametrize(
    ("name", "is_did"),
    [
        ("did:web:localhost%3A18443:musterstadt", True),
        ("did:web:a.example:users:b", True),
        ("did:key:z6Mk", True),
        ("https://a.example", False),
        ("did:web:a.example,did:web:b.example", False),
        ("did:web:a.example#key", False),
        ("did:web:a.example%3A", False),
        ("did:web:a.example/x", False),
        ("did:a", False),
        ("did:web:ä.example", False),
    ],
)
def test_a_did_is_one_by_its_syntax(name: str, is_did: bool) -> None:
    assert well_formed(DID, name) is is_did


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.example/M%C3%BCnster", "https://a.example/Münster"),
        ("https://a.example/M%C3%BCnster", "https://a.example/Mu%CC%88nster"),
        ("https://a.example/%7Ex", "https://a.example/~x"),
        ("https://A.example/x", "https://a.example/x"),
        ("http://a.example/x", "https://a.example/x"),
        ("https://a.example:443/x", "https://a.example/x"),
        ("https://a.example/", "https://a.example"),
        ("did:web:localhost%3a1:x", "did:web:localhost%3A1:x"),
        ("urn:UUID:AB", "urn:uuid:ab"),
        ("https://a.example/x#", "https://a.example/x"),
        ("https://a.example/x?", "https://a.example/x"),
        ("did:web:a.example%3A443", "did:web:a.example"),
        ("did:web:a.example%3A443:x", "did:web:a.example:x"),
        ("did:web:a.example#key-1", "did:web:a.example"),
        ("did:web:a.example?versionId=1", "did:web:a.example"),
        ("urn:example:a?+resolve", "urn:example:a"),
        ("urn:example:a?=query", "urn:example:a"),
        ("urn:example:a#part", "urn:example:a"),
    ],
)
def test_two_spellings_of_one_name_are_neither_the_same_nor_apart(one: str, other: str) -> None:
    """>> percent-encoding, case, composition, port  << equal is only what is spelled alike, and none differs."""
    names = Names(IDENTIFIER, Closure())
    assert evened(one) == evened(other)
    assert not names.apart((one,), (other,))
    assert names.apart((one,), ("urn:else",))


@pytest.mark.parametrize(
    ("name", "is_word"),
    [
        ("2.1", True),
        ("two words", True),
        ("", False),
        ("a,b", False),
        (" a", False),
        ("a\u200bb", False),
        ("a\u3164b", False),
        ("a%E2%80%8Bb", False),
        ("a/../b", False),
        ("Mu\u0308nster", False),
    ],
)
def test_a_word_is_one_without_anything_that_hides(name: str, is_word: bool) -> None:
    assert well_formed(WORD, name) is is_word


def test_what_contains_a_name_is_known_within_its_own_list_only() -> None:
    """>> two concepts of two lists  << one surely is no part of the other where any name may stand, else unknown."""
    assert Names(IDENTIFIER, LISTS).within(H + "research", H + "county") is False
    assert Names("purposeScheme", LISTS).within(H + "research", H + "county") is None
    assert Names("purposeScheme", LISTS).within(H + "research", H + "research") is True


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.example/a%2Fb", "https://a.example/a/b"),
        ("urn:a", "urn:b"),
        ("https://a.example/%FF", "https://a.example/%FE"),
        ("https://a.example:443/x:443/y", "https://a.example/x/y"),
        ("did:web:a.example%3A443:x%3A443", "did:web:a.example:x"),
    ],
)
def test_a_reserved_character_is_another_one_when_escaped(one: str, other: str) -> None:
    """So are octets that are no text, and a second port, which is none."""
    assert Names(IDENTIFIER, Closure()).apart((one,), (other,))


@pytest.mark.parametrize(
    ("range", "one", "other", "apart"),
    [
        ("purposeScheme", H + "research", H + "research", False),
        ("purposeScheme", H + "research", H + "county", False),
        ("purposeScheme", H + "research", "https://other.example/terms#x", False),
        ("participantKindScheme", H + "county", "county", False),
        (PARTY, "did:web:a.example", "did:web:b.example", True),
        (PARTY, "did:web:a.example", "https://a.example", False),
        (
            MEDIA_TYPE,
            "https://www.iana.org/assignments/media-types/text/csv",
            "https://www.iana.org/assignments/media-types/application/json",
            True,
        ),
        (
            MEDIA_TYPE,
            "https://www.iana.org/assignments/media-types/text/csv",
            "http://publications.europa.eu/resource/authority/file-type/CSV",
            False,
        ),
        (PARTY, "did:web:a.example#key", "did:web:a.example", False),
        (TAG, "de", "en", True),
        (TAG, "de-at", "de-ch", True),
        (TAG, "de-at", "de", False),
        (TAG, "de", "deu", False),
        (TAG, "german", "de", False),
        (TAG, "x-german", "de", False),
        (TEXT, "2.1", "2.10", True),
        (TEXT, "Mu\u0308nster", "Münster", False),
    ],
)
def test_apart_is_what_both_sides_understand(range: str, one: str, other: str, apart: bool) -> None:
    """A concept of another list, a foreign one, or a name of another kind may mean the same."""
    assert Names(range, LISTS).apart((one,), (other,)) is apart
