"""Concepts of rules as people name them: every spelling leads to the same IRI, a slip to the nearest ones."""

import pytest

from connector.data.catalogue import concepts
from connector.foundation.errors import Mistake
from connector.foundation.language import LANGUAGES, say
from connector.kernel.policy.odrl.names import HANSE, ODRL

HEAT = f"{HANSE}heatPlanning"
LABEL = {"de": "Wärmeplanung", "en": "heat planning"}


@pytest.mark.parametrize(
    "word",
    [
        "heatPlanning",
        "wärmeplanung",
        "Wa\u0308rmeplanung",
        "HEAT  planning",
        "hanse:heatPlanning",
        HEAT,
    ],
)
def test_a_purpose_may_be_said_in_words(word: str) -> None:
    assert concepts.purpose(word) == (HEAT, LABEL)


@pytest.mark.parametrize("scheme", [concepts.PURPOSES, concepts.KINDS])
def test_every_concept_is_found_by_each_of_its_words(scheme: str) -> None:
    """>> each label and other word of each list << the one concept that bears it: no two are called alike."""
    for notation, concept in concepts.vocabulary().scheme(scheme).items():
        for word in (notation, concept.iri, *concept.labels.values(), *concept.others):
            assert concepts.within(scheme, word) == concept.iri, word


def test_a_purpose_of_others_stays_as_it_is() -> None:
    assert concepts.purpose("https://x.example/purpose#a") == (
        "https://x.example/purpose#a",
        dict.fromkeys(LANGUAGES, "https://x.example/purpose#a"),
    )


def test_a_participant_is_always_of_a_kind_of_ours() -> None:
    assert concepts.kind("Kommune").iri == f"{HANSE}municipality"
    with pytest.raises(Mistake, match=r"participants\.kind"):
        concepts.kind("urn:else")


@pytest.mark.parametrize("word", ["Stadt", "gemeinde", "Kommune", "town", "City", "village"])
def test_bug_a_town_was_proposed_to_be_a_state_authority(word: str) -> None:
    """>> what a town calls itself << a municipality, said by its label."""
    assert concepts.kind(word) == (f"{HANSE}municipality", {"de": "Kommune", "en": "municipality"})


def test_a_slip_in_another_word_is_told_with_the_label() -> None:
    """>> a misspelt town << the kind by its name first, which is what everybody reads afterwards."""
    assert concepts.proposed(concepts.KINDS, "Stad")["de"].startswith("Kommune (municipality)")


@pytest.mark.parametrize(
    ("word", "german"),
    [("Wärmeplanug", "Wärmeplanung (heatPlanning)"), ("heat planing", "Wärmeplanung (heatPlanning)")],
)
def test_a_slip_is_told_with_the_nearest_in_both_languages(word: str, german: str) -> None:
    with pytest.raises(Mistake) as caught:
        concepts.purpose(word)
    told = {lang: say(f"error.{caught.value.code}", lang, **caught.value.facts) for lang in LANGUAGES}
    assert german in told["de"]
    assert "heat planning (heatPlanning)" in told["en"]


def test_whatever_is_typed_something_is_near_and_not_everything() -> None:
    for word in ("", "zzz", "x" * 1000, "\u202e", "planung"):
        found = concepts.near(word, concepts.spellings(concepts.PURPOSES))
        assert 1 <= len(found) <= concepts.MOST_NEAR
        assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("word", "iri"),
    [
        ("use", f"{ODRL}use"),
        ("odrl:use", f"{ODRL}use"),
        ("https://x.example/do", "https://x.example/do"),
        ("copy", f"{ODRL}reproduce"),
        ("odrl:copy", f"{ODRL}reproduce"),
    ],
)
def test_an_action_by_its_name(word: str, iri: str) -> None:
    assert concepts.action(word) == iri


@pytest.mark.parametrize("word", ["uze", f"{ODRL}uze", "hanse:uze"])
def test_an_action_that_there_is_not(word: str) -> None:
    with pytest.raises(Mistake, match=r"catalogue\.no-action"):
        concepts.action(word)
