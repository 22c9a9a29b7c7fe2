"""Names that people take for one, and names that they do not."""

import pytest

from connector.verify.formats.names import LONGEST, hides, seen


@pytest.mark.threat("T148")
@pytest.mark.parametrize(
    "name",
    [
        "ITK NORD",
        " itk\t nord",
        "ITK\u200b Nord",
        "ITK\xa0Nord",
        "I\u2060TK Nord",
        "ＩＴＫ Nord",
        "ІТК Nоrd",
        "ΙΤΚ Νοrd",
        "ıTK Nord",
        "IᎢᏦ Nord",
        "ꓲꓔꓗ ꓠord",
        "ⲒⲦⲔ Ⲛⲟrd",
        "ITK Nօrd",
        "ɪᴛᴋ ɴᴏʀᴅ",
        "ITK Noгd",
    ],
)
def test_signs_that_nobody_tells_apart_make_no_other_name(name: str) -> None:
    """>> capitals, spaces, zero width, full width, small capitals, letters of other scripts << one name."""
    assert seen(name) == seen("ITK Nord") == "itk nord"
    assert seen(seen(name)) == seen(name)


@pytest.mark.threat("T148")
@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Krähen", "Krӓhen"),
        ("KÖLN", "KӦLN"),
        ("Münster", "Mϋnster"),
        ("Büro", "Bս\u0308ro"),
        ("Citroën", "Citroёn"),
        ("Kiel", "Ki\u0307el"),
        ("KIEL", "Kıel"),
        ("Kïel", "Kїel"),
    ],
)
def test_bug_an_umlaut_on_a_letter_of_another_script_made_another_name(name: str, other: str) -> None:
    """>> the same marks on Cyrillic, Greek and Armenian letters, and a second dot on an i << one name."""
    assert seen(name) == seen(other)
    assert seen(seen(other)) == seen(other)


def test_what_does_not_show_is_told() -> None:
    """>> a filler, a joiner, an empty sign of Braille; an umlaut in two signs, a dash << hidden; shown."""
    assert all(map(hides, ("A\u3164", "A\u034fB", "\u2800", "A\ufe0f", "A\U000e0041")))
    assert not any(map(hides, ("", "Mu\u0308nster", "Bad – Ort", "МОСКВА")))


def test_other_names_are_others() -> None:
    """>> another letter, an umlaut, a digit, another place of a DID << so many names."""
    names = [
        "ITK Nord",
        "ITK Nörd",
        "ITK Nord 2",
        "ITKNord",
        "ITK Süd",
        "LTK Nord",
        "did:web:a.de:b",
        "did:web:a.de:c",
        "",
    ]
    assert len({seen(name) for name in names}) == len(names)


def test_a_word_in_cyrillic_is_one_name_in_any_case() -> None:
    assert seen("МОСКВА СЕВЕР") == seen("москва север")


def test_beyond_the_longest_a_name_counts_as_it_is_written() -> None:
    """>> marks that a normaliser sorts, thousands of them << they are not sorted, and make another name."""
    marks = "\u0301\u0323" * 4_000
    assert seen("a" * LONGEST + marks) == "a" * LONGEST + marks
