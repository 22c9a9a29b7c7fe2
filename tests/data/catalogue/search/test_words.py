"""How letters are folded, words stemmed and taken apart, and slips mended."""

import pytest

from connector.data.catalogue.search.analyser import analyser
from connector.data.catalogue.search.words import LONGEST, WordList, distance, folded, stem, words_of

LISTED = WordList(["Baum", "Kataster", "Schule", "Weg", "Laden", "Säule", "Verkehr", "Zählung", "Haltestelle", "Hoch"])


def test_umlauts_are_one_letter_however_they_are_written() -> None:
    """>> Bäume, Baeume, Baume, decomposed, in capitals << one word; ue after a, e or q is none."""
    spelt = ["Bäume", "Baeume", "Baume", "Ba\u0308ume", "BÄUME", "ＢÄUME"]
    assert {folded(each) for each in spelt} == {"baume"}
    assert folded("Straße") == folded("STRASSE") == folded("Strasse") == "strasse"
    assert [folded(word) for word in ("Quelle", "Bauer", "neue", "Überfluß")] == [
        "quelle",
        "bauer",
        "neue",
        "uberfluss",
    ]


def test_forms_of_a_word_have_one_stem() -> None:
    native = ["Baum Bäume Bäumen Baumes", "Haus Häuser", "Weg Wege Wegen", "See Seen", "Bus Busse Bussen"]
    for forms in (*native, "Auto Autos", "Büro Büros", "Handy Handys"):
        assert len({stem(folded(form)) for form in forms.split()}) == 1, forms
    assert stem("schulen") != stem("schuler"), "pupils are no schools"
    assert [stem(word) for word in ("co2", "5g", "pm10")] == ["co2", "5g", "pm10"]


def test_compounds_are_made_of_listed_words() -> None:
    """>> with joints, without, of verbs << stems of the parts; a word of its own, or of unknown ones << nothing."""
    parts = {
        word: LISTED.parts(folded(word)) for word in ("Baumkataster", "Schulwege", "Ladesäulen", "Baum", "Baumxyz")
    }
    assert parts == {
        "Baumkataster": ("baum", "katast"),
        "Schulwege": ("schul", "weg"),
        "Ladesäulen": ("lad", "saul"),
        "Baum": (),
        "Baumxyz": (),
    }
    assert analyser().listed.all_parts("hochwassergefahrenkarte")[-4:] == ("gefahr", "kart", "hoch", "wass")


def test_of_two_ways_to_part_a_word_the_one_with_whole_words_counts() -> None:
    listed = WordList(["Haupt", "Straße", "Trasse", "Rat", "Haus", "Ratte"])
    assert listed.parts("hauptstrasse") == ("haupt", "strass")
    assert listed.parts("rathaus") == ("rat", "haus")


def test_a_beginning_that_is_not_listed_shows_by_its_end_that_it_is_a_word() -> None:
    """>> -ions, -ungs, -täts before a listed word; the same without, a slip << its parts; nothing, still mended."""
    listed = WordList(["Klinik", "Bericht", "Genehmigung"])
    assert listed.parts("rehabilitationskliniken") == ("rehabilitation", "klinik")
    assert listed.parts("zuwendungsbericht") == ("zuwend", "bericht")
    assert listed.parts("universitatsklinik") == ("universitat", "klinik")
    assert listed.parts("xyzklinik") == ()
    assert "genemigungsbericht" not in listed


@pytest.mark.parametrize("word", ["xungs" * 8, "hoch" * 10, "a" * 400, "weg" * 13, "verkehrs" * 5])
def test_no_word_is_taken_apart_for_long(word: str) -> None:
    """>> words that can be split in a great many ways << an answer, of a bounded number of parts."""
    assert len(LISTED.parts(word)) <= 7
    assert len(stem("x" * 400)) <= LONGEST


def test_a_slip_is_mended_towards_the_list() -> None:
    """>> swapped, missing, doubled, wrong letters, in a part of a compound << the word that was meant."""
    meant = {
        "baumkatatser": "Baumkataster",
        "verkher": "Verkehr",
        "haltestelen": "Haltestelle",
        "verkherzahlung": "Verkehrzahlung",
        "zahlugn": "Zählung",
    }
    assert {word: LISTED.mended(word) for word in meant} == meant


def test_what_is_nothing_like_the_list_stays_as_it_is() -> None:
    """>> a place, a short word, digits, another first letter, a short stem << no guess."""
    assert WordList(["Steuer"]).mended("stehen") is None
    assert [LISTED.mended(word) for word in ("lechhausen", "bam", "12345", "raum", "")] == [None] * 5


def test_distance_counts_swaps_as_one_and_stops_early() -> None:
    apart = {"baum": 0, "bamu": 1, "baumm": 1, "bau": 1, "traum": 2, "haus": 2, "hagel": 3}
    assert {word: distance("baum", word, 2) for word in apart} == apart
    assert distance("a" * 40, "b" * 40, 1) == 2


def test_words_are_letters_and_digits_alone() -> None:
    """>> marks of every kind << none of them in a word, so no text writes a token's mark or a query's syntax."""
    text = 'Baum* NEAR(a b) "x" AND ^title =k +p :q @f ~g \x00 {c}: col:umn \u202e-- E-Auto 3D-Modell'
    assert all(word.isalnum() for word in words_of(text))
    assert words_of("E-Auto, 3D-Modell, Spiel- und Sport") == ["eauto", "3dmodell", "spiel", "und", "sport"]
