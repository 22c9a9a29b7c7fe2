"""What is asked, what is proposed, what is taken for an answer, and what becomes of it."""

import pytest

from connector.foundation.language import LANGUAGES, catalogue
from connector.kernel.metadata.lists.code_lists import code_lists
from connector.kernel.metadata.repair.questions import BY_NAME, KINDS, LEAVE_OUT, Question, accepted, proposal
from tests.kernel.metadata.repair.datasets import described, line, repaired, said
from tests.testkit.bounded import ends

LISTS = code_lists()
TREES = "https://town.example/trees"
WORDS = "https://portal.example/id/theme/Transport%20und%20Verkehr"


def test_an_answer_is_put_in_for_all_or_for_one() -> None:
    """>> the licence of a text for all datasets, the description of this one << written, it goes out."""
    text = described(of_file='dct:license "Nutzungsbedingungen"').replace('dct:description "Alle Bäume" ; ', "")
    asked = repaired(text)
    assert [(one.kind, one.value) for one in asked.questions] == [
        ("description", ""),
        ("licence", "Nutzungsbedingungen"),
    ]
    licence = accepted(LISTS, asked.questions[1], "dl-by-de/2.0")
    assert licence == "http://dcat-ap.de/def/licenses/dl-by-de/2.0"
    answers = {("licence", "Nutzungsbedingungen", ""): licence, ("description", "", TREES): "Straßenbäume"}
    done = repaired(text, answers)
    assert done.conforms
    assert said(f':trees dct:description "Straßenbäume" . :file dct:license <{licence}> .') <= set(
        map(line, done.triples)
    )
    assert done.counts["answer"] == 2
    assert not repaired(text, {("description", "", "https://town.example/other"): "x"}).conforms


def test_a_publisher_is_named_once_for_all_that_name_none() -> None:
    text = described('dct:publisher "t173370"', beside=':api a dcat:DataService ; dct:title "x" .')
    assert [(one.kind, one.value) for one in repaired(text).questions] == [("publisher", "")]
    done = repaired(text, {("publisher", "", ""): "Stadt Musterstadt"})
    assert done.conforms
    assert said('[] foaf:name "Stadt Musterstadt" .') <= set(map(line, done.triples))
    known = repaired(text, {("publisher", "", ""): "Stadt"}, agents={"Stadt": "https://town.example/town"})
    assert said(":trees dct:publisher :town .") <= set(map(line, known.triples))


def test_nobody_has_to_know_everything() -> None:
    """>> `-` for a theme, for an address << the value goes, or the file that nobody can find."""
    theme = described(f"dcat:theme <{WORDS}>")
    done = repaired(theme, {("theme", WORDS, ""): LEAVE_OUT})
    assert done.conforms
    assert WORDS not in str(done.triples)
    lost = described(
        "dcat:distribution :file, :lost",
        beside=':lost a dcat:Distribution ; dcat:accessURL "" ; dct:license <http://dcat-ap.de/def/licenses/cc-zero> .',
    )
    assert [(one.kind, one.value) for one in repaired(lost).questions] == [("access-url", "")]
    done = repaired(lost, {("access-url", "", TREES): LEAVE_OUT})
    assert done.conforms
    assert ":lost" not in str(done.triples)
    assert "https://town.example/lost" not in str(done.triples)


def test_several_themes_are_one_answer() -> None:
    both = accepted(LISTS, Question("theme", WORDS), "TRAN | envi")
    assert both is not None
    done = repaired(described(f"dcat:theme <{WORDS}>"), {("theme", WORDS, ""): both})
    assert said(":trees dcat:theme at:data-theme\\/TRAN, at:data-theme\\/ENVI .") <= set(map(line, done.triples))


def test_what_is_no_answer_is_refused() -> None:
    refused = {
        ("licence", "CC0"): ["", "cc-by-nc-de/4.0", "public domain", "x" * 5_000],
        ("theme", WORDS): ["Verkehr", "TRAN | nonsense"],
        ("format", "jrss"): ["nonsense"],
        ("access-url", ""): ["town.example", "javascript:alert(1)", "https://town.example/a b", "http://[/"],
        ("title", ""): ["  ", LEAVE_OUT],
        ("publisher", ""): [LEAVE_OUT],
        ("other", "some-rule"): ["anything", LEAVE_OUT],
        ("unheard", ""): ["anything"],
    }
    for (kind, value), texts in refused.items():
        assert [accepted(LISTS, Question(kind, value), text) for text in texts] == [None] * len(texts), kind
    assert (
        accepted(LISTS, Question("format", "jrss"), " rss ")
        == "http://publications.europa.eu/resource/authority/file-type/RSS"
    )
    assert accepted(LISTS, Question("access-url", ""), "https://town.example/x") == "https://town.example/x"
    assert accepted(LISTS, Question("publisher", ""), "Stadt Musterstadt") == "Stadt Musterstadt"


def test_what_is_near_is_proposed() -> None:
    near = {
        ("theme", WORDS): "TRAN",
        ("theme", "https://portal.example/id/theme/Gesundheit"): "HEAL",
        ("theme", "Soziales"): "SOCI",
        ("theme", "Straßenverkehr"): "TRAN",
        ("theme", "Quux"): "",
        ("licence", "Nutzungsbedingungen der Stadt"): "",
        ("licence", "cc-by/4.0."): "cc-by/4.0",
        ("publisher", ""): "Stadt",
        ("title", ""): "",
        ("unheard", ""): "",
    }
    assert {(kind, value): proposal(LISTS, Question(kind, value), ["Stadt"]) for kind, value in near} == near
    assert proposal(LISTS, Question("publisher", ""), ["Stadt", "Land"]) == ""


def test_every_kind_is_asked_in_a_sentence() -> None:
    for lang in LANGUAGES:
        said = catalogue(lang)
        assert all(f"question.{kind.name}" in said for kind in KINDS)
        assert all(f"question.{kind.name}-missing" in said for kind in KINDS if not kind.optional)
    assert set(BY_NAME) == {kind.name for kind in KINDS}


@pytest.mark.threat("T182")
def test_bug_spaces_between_themes_cost_their_square() -> None:
    """>> a thousand answers of themes with wide gaps << each judged at once; what is around a theme is none of it."""
    asked = Question("theme", "x")
    transport = accepted(LISTS, asked, "TRAN")
    with ends():
        for _ in range(1_000):
            assert accepted(LISTS, asked, f"TRAN{' ' * 3_900}x") is None
    assert accepted(LISTS, asked, " TRAN \t; TRAN") == f"{transport} | {transport}"
