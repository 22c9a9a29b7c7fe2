"""What tokens a dataset gets, and how a query asks for them."""

import hashlib
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.data.catalogue.search import words
from connector.data.catalogue.search.analyser import MOST, QUERY, WORDS, analyser, edition, facet
from connector.foundation import resources
from connector.kernel.dialects.policies import skos


def tokens(title: str = "", keyword: str = "", text: str = "") -> set[str]:
    return set(analyser().document([title], [keyword], [text], []))


def test_title_keyword_and_text_are_told_apart() -> None:
    found = tokens("Radrouten", "Asphalt", "Hecken")
    assert {"^asphalt", "=radrout", "^heck", "=heck"}.isdisjoint(found)
    assert {"asphalt", "=asphalt", "heck", "+heck", "+rout"} >= {"asphalt", "=asphalt", "heck"}
    assert {"asphalt", "=asphalt", "heck", "+heck", ":radrout", "+radrout"} <= found


def test_synonyms_are_one_token_and_parts_keep_their_own() -> None:
    """>> Kita, Kindergarten, a phrase << one token; of a compound the word itself, and its group beside it."""
    assert {"^~daycare"} <= tokens("Kita") & tokens("Kindergärten") & tokens("Kindertagesstätten")
    assert "^~publictransport" in tokens("Der öffentliche Nahverkehr")
    assert {"+kita", ":kita", "+~daycare"} <= tokens("Kitaplätze")
    assert "^~daycare" not in tokens("Kitaplätze")


def test_a_compound_is_known_by_its_parts_however_they_are_joined() -> None:
    every = [tokens(title) for title in ("Verkehrszählung", "Verkehrzählung", "Verkehrs-Zählung")]
    assert all("^~trafficcount" in found for found in every)


def test_no_label_belongs_to_two_groups() -> None:
    """A word is one token: a second group would take it from the first."""
    path = resources.folder("vocab") / "search" / "synonyms.ttl"
    labels = skos.texts(path, [skos.SKOS + "prefLabel", skos.SKOS + "altLabel"], "de", names=skos.SKOS + "notation")
    groups: dict[tuple[str, ...], set[str]] = {}
    for name, every in labels.items():
        for label in every:
            groups.setdefault(tuple(map(words.stem, words.words_of(label))), set()).add(name)
    assert {label: names for label, names in groups.items() if len(names) > 1} == {}
    assert len(labels) >= 80


def test_the_lists_that_contracts_pin_do_not_hold_the_synonyms() -> None:
    folder = resources.folder("vocab")
    assert b"searchTerm" not in skos.canonical(folder)
    assert skos.load(folder).digest == hashlib.sha256(skos.canonical(folder)).hexdigest()


def test_what_a_query_passes_over_and_what_counts_less() -> None:
    asked = analyser().query("Wie viele Bäume gibt es in der Stadt?")
    assert [(word.token, word.weak) for word in asked if word.token != "viel"] == [("~tree", False), ("stadt", True)]
    assert analyser().query("der die das und") == ()


def test_words_of_asking_are_passed_over() -> None:
    """>> a question as people say it << what it is about."""
    asked = "Wo finde ich, wie viele Bänke bei uns stehen, und welche davon gibt es in unserer Stadt?"
    assert [word.typed for word in analyser().query(asked)] == ["banke", "stadt"]


def test_a_query_is_bounded() -> None:
    """>> a megabyte, a thousand words, nothing, signs << few words, each once."""
    assert analyser().query("x" * (1 << 20))[0].typed == "x" * words.LONGEST
    assert len(analyser().query(" ".join(f"wort{number}" for number in range(1000)))) <= WORDS
    assert len(analyser().query("Baum " * QUERY)) == 1
    assert analyser().query("\x00 * \" ' () \ud800".encode("utf-8", "replace").decode()) == ()


def test_a_dataset_has_a_bounded_number_of_tokens_those_of_its_title_among_them() -> None:
    long = " ".join(f"w{number}x{number}" for number in range(20_000))
    found = analyser().document(["Baumkataster"], [long], [long], [("theme", "ENVI")])
    assert len(found) <= MOST
    assert {"^~tree", facet("theme", "ENVI")} <= set(found)


def test_the_edition_is_the_same_in_every_process_and_stands_for_the_lists() -> None:
    assert edition() == edition.__wrapped__()
    assert len(edition()) == 16


def test_only_an_unknown_word_is_mended() -> None:
    reader = analyser()
    (typed, known) = (reader.query("Baumkatatser")[0], reader.query("Baumkataster")[0])
    mended = reader.mended(typed)
    assert mended is not None
    assert mended.token == known.token
    assert reader.mended(known) is None


@settings(max_examples=30)
@given(st.text(max_size=200), st.text(max_size=200))
def test_whatever_is_written_a_token_is_marks_and_letters(title: str, text: str) -> None:
    """>> any text << tokens that neither database has to quote, no longer than an index takes."""
    for token in analyser().document([title], [text], [text], [("theme", text)]):
        assert re.fullmatch(r"[\^=+:]?~?[^\W_]+|@[0-9a-f]{20}", token), token
        assert len(token) <= words.LONGEST + 2
    for word in analyser().query(text):
        assert all(re.fullmatch(r"~?[^\W_]+", each) for each in (word.token, *word.stems, *word.parts)), word
