"""Slugs and roots in the one form in which they are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.foundation.errors import Mistake
from connector.identity.participants.model import checked_name, checked_slug, proposed_slug, split_root


@pytest.mark.parametrize("slug", ["a", "musterstadt", "bad-homburg", "x1", "1", "a" * 63])
def test_a_slug(slug: str) -> None:
    assert checked_slug(slug) == slug


@pytest.mark.parametrize(
    "slug", ["", "A", "ä", "-a", "a-", "a_b", "a.b", "a/b", "..", "a b", "a\n", "a" * 64, "*", "a%2f", "١"]
)
def test_no_slug(slug: str) -> None:
    with pytest.raises(Mistake, match=r"participants\.slug"):
        checked_slug(slug)


@pytest.mark.parametrize(
    ("root", "split"),
    [
        ("https://a.example", ("https://a.example", "a.example", "")),
        ("https://a.example/", ("https://a.example", "a.example", "")),
        ("https://A.Example/Stadt/", ("https://a.example/Stadt", "a.example", "/Stadt")),
        ("https://a.example:18443/x", ("https://a.example:18443/x", "a.example:18443", "/x")),
    ],
)
def test_a_root(root: str, split: tuple[str, str, str]) -> None:
    assert split_root(root) == split


@pytest.mark.parametrize(
    "root",
    [
        "",
        "a.example",
        "http://a.example",
        "https://",
        "https:///x",
        "https://u:p@a.example",
        "https://a.example?x=1",
        "https://a.example#x",
        "ftp://a.example",
        "javascript:alert(1)",
        "https://a.example:99999",
        "https://a.example:0",
        "https://@a.example",
        "https://a b.example",
        "https://a.example/x/../y",
        "https://a.example//x",
        "https://[::1",
        "https://a.example/%2e%2e",
        "https://a.example/ä",
        "https://a.example/x y",
        "https://a.example?",
        "https://ä.example",
        "https://a.example\\x",
    ],
)
def test_no_root(root: str) -> None:
    with pytest.raises(Mistake, match=r"participants\.root"):
        split_root(root)


@pytest.mark.parametrize("name", ["Bad Münstereifel", "Ort „Quer“ (Kreis)", "=1+1", "Mu\u0308nster"])
def test_a_name(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name", ["A\nB", "A\u2028B", "A\tB", "A\0B", "A\u202eB", "A\u200bB", "A\u3164B", "\u2800", "A\u034fB", "x" * 201]
)
def test_no_name(name: str) -> None:
    """Bug: a name with line breaks made lines of its own in lists, in front of terms and in contracts."""
    with pytest.raises(Mistake, match=r"participants\.name"):
        checked_name(name)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Stadt Musterhausen", "stadt-musterhausen"),
        ("Gemeinde Großmühlen (Öst.)", "gemeinde-grossmuehlen-oest"),
        ("  Łódź  ", "odz"),
        ("§§", ""),
        ("", ""),
        ("A" * 80, "a" * 40),
    ],
)
def test_a_short_name_made_of_a_name(name: str, slug: str) -> None:
    assert proposed_slug(name, ()) == slug


def test_a_short_name_that_another_has_gets_a_number() -> None:
    assert proposed_slug("Neustadt", {"neustadt"}) == "neustadt-2"
    assert proposed_slug("Neustadt", {"neustadt", "neustadt-2"}) == "neustadt-3"


@given(st.text(max_size=200))
def test_whatever_is_proposed_can_be_one(name: str) -> None:
    found = proposed_slug(name, {"a"})
    assert found == "" or checked_slug(found) == found
