"""The list of all who agreed has one form, and nothing that is nearly that form is read as it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.verify.formats import people
from connector.verify.formats.people import MOST, Person

ONE = Person("2026-11-24T18:00:00Z", "p-aaaaaa", "steward")
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=25) | st.sampled_from(list(ONE))
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(["at", "pseudonym", "role", "name"]), inner, max_size=4)
    ),
    max_leaves=20,
)


def listed(count: int) -> list[dict[str, Any]]:
    return [ONE._replace(pseudonym=f"p-00000{number}")._asdict() for number in range(count)]


@pytest.mark.parametrize("count", range(MOST + 2))
def test_two_to_four_people_are_read(count: int) -> None:
    """>> nobody, one, two and so on << read as they stand from two to the bound."""
    found = people.read(listed(count))
    if 2 <= count <= MOST:
        assert found is not None
        assert [one._asdict() for one in found] == listed(count)
    else:
        assert found is None


@pytest.mark.threat("T161")
@pytest.mark.parametrize("name", ["at", "pseudonym", "role"])
@pytest.mark.parametrize("value", [True, 1, None, "", "automatic", "Erika Muster\n", [], {}, "x" * 81, "p-AAAAAA"])
def test_no_value_of_another_type_or_form_passes(name: str, value: object) -> None:
    """<< true, a number, nothing, a sentence in place of one value >> none are read; a role alone may be any word."""
    first, second = listed(2)
    found = people.read([{**first, name: value}, second])
    word = name == "role" and isinstance(value, str) and value not in ("", "automatic") and len(value) <= 80
    assert (found is not None) == word


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("2026-11-24T18:00:00Z", True),
        ("2026-02-30T18:00:00Z", False),
        ("2026-11-24T18:00:00+00:00", False),
        ("2026-11-24T18:00:00.5Z", False),
        ("2026-11-24 18:00:00Z", False),
        ("٢٠٢٦-11-24T18:00:00Z", False),
    ],
)
def test_an_instant_has_one_spelling(text: str, is_one: bool) -> None:
    assert people.is_instant(text) is is_one


@given(ANYTHING)
def test_whatever_lies_there_is_read_or_is_not(value: Any) -> None:
    """<< any JSON >> people who read the same again, or None; never an exception."""
    found = people.read(value)
    assert found is None or people.read([one._asdict() for one in found]) == found
