"""Text of strangers, however many marks it has."""

import re
import sys
import unicodedata
from itertools import groupby
from pathlib import Path

import pytest

import connector
from connector.foundation import normal_form
from connector.foundation.normal_form import JOINER, MOST_MARKS, settled
from connector.kernel.policy.odrl.identifiers import well_formed

FORMS = ("NFC", "NFKC", "NFKD")
MARKS = "\u0301\u0323"
"""In this order each has to be moved before the other."""
OTHERS = ("\u0f73", "\u0301\uff9e", "\u0323\u0f81")


def longest(text: str) -> int:
    """Most marks in a row once the text has come apart."""
    apart = unicodedata.normalize("NFKD", text)
    return max(
        (len(list(run)) for mark, run in groupby(apart, lambda one: unicodedata.combining(one) > 0) if mark), default=0
    )


@pytest.mark.threat("T178")
@pytest.mark.parametrize("marks", [MARKS, *OTHERS])
def test_never_are_more_marks_sorted_than_text_has(marks: str) -> None:
    """>> thousands of marks, also such as come apart into marks only there << a joiner stands between few of them."""
    assert longest("a" + settled("a" + 500 * marks)) <= 3 * MOST_MARKS
    for form in FORMS:
        assert JOINER in normal_form.normal_form(form, "a" + 500 * marks)


def test_what_comes_apart_into_marks_alone_counts_as_one() -> None:
    """>> each sign of Unicode << if its beginning is a mark once it has come apart, thirty of it end with a joiner."""
    signs = map(chr, (*range(0xD800), *range(0xE000, sys.maxunicode + 1)))
    odd = [
        one
        for one in signs
        if not unicodedata.combining(one) and unicodedata.combining(unicodedata.normalize("NFKD", one)[0])
    ]
    assert odd
    assert all(JOINER in settled(one * (MOST_MARKS + 1)) for one in odd)


def test_text_of_people_is_as_it_was() -> None:
    for text in ("", "Bad Münstereifel", "Mu\u0308nster", "ﬁ" * 100, "a" + MOST_MARKS * "\u0301", 99 * "a\u0323\u0301"):
        for form in FORMS:
            assert normal_form.normal_form(form, text) == unicodedata.normalize(form, text)


@pytest.mark.threat("T178")
def test_an_identifier_of_marks_is_not_understood() -> None:
    """>> thirty marks, and one more, as they are and escaped << a name; none."""
    for marks in (MOST_MARKS * "\u0316", MOST_MARKS * "%CC%96"):
        assert well_formed("identifier", f"urn:a{marks}")
        assert not well_formed("identifier", f"urn:a{marks}{marks[-6:]}")


@pytest.mark.threat("T178")
def test_nobody_normalises_beside_it() -> None:
    """>> the modules of the package << but for names of at most 512 characters, all take the one function."""
    root = Path(connector.__file__).parent
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if re.search(r"(?<![\w.])(?:unicodedata\.)?normalize\(", path.read_text(encoding="utf-8"))
    }
    assert found == {"foundation/normal_form.py", "verify/formats/names.py"}
