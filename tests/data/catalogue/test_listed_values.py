"""Values of code lists by code, label, the beginning of a label or IRI; what is on none is told with the nearest."""

import pytest

from connector.data.catalogue.listed_values import find, listed
from connector.foundation.errors import Mistake
from connector.kernel.metadata.lists import code_lists as lists

ENVI = f"{lists.DATA_THEME}/ENVI"


@pytest.mark.parametrize("word", ["ENVI", "envi", "Umwelt", " umwelt ", "environment", "Umw", ENVI])
def test_a_theme_may_be_said_in_words(word: str) -> None:
    assert listed(lists.DATA_THEME, word) == ENVI


@pytest.mark.parametrize("word", ["CSV", ".csv", "csv"])
def test_a_format_by_the_ending_of_its_files(word: str) -> None:
    assert listed(lists.FILE_TYPE, word).endswith("/CSV")


@pytest.mark.parametrize("word", ["Wi", "Datenlizenz Deutschland", "", "http://x.example/ENVI"])
def test_what_several_begin_with_is_none_of_them(word: str) -> None:
    assert find(lists.DATA_THEME, word) is find(lists.LICENSES, word) is None


def test_every_label_leads_to_a_value_that_bears_it() -> None:
    for scheme in (lists.DATA_THEME, lists.LICENSES, lists.FREQUENCY):
        for one in lists.code_lists().values(scheme):
            for label in one.labels.values():
                found = find(scheme, label)
                assert found is not None
                assert label in found.labels.values()


def test_what_is_on_no_list_is_told_with_what_comes_near() -> None:
    with pytest.raises(Mistake) as caught:
        listed(lists.DATA_THEME, "Unwelt")
    assert caught.value.facts["near"]["de"].startswith("Umwelt (ENVI)")
    assert caught.value.facts["list"]["de"] == "Themen"
