"""What a kind asks for: read by its own parameters, and kept where each of them belongs."""

import pytest

from connector.data.sources.http import HTTP
from connector.data.sources.kind import Parameter, Split, asked, read, split
from connector.foundation.errors import Mistake

assert HTTP.form is not None
FORM = HTTP.form
URL = "https://town.example/trees.csv"


def test_a_surface_learns_what_to_ask_for() -> None:
    """>> the form of an address << its address, which is needed; a login, which is secret."""
    assert asked(FORM) == (Parameter("url", "address", True), Parameter("authorization", "secret", False))


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "sources.missing"),
        ({"url": ""}, "sources.missing"),
        ({"url": "  "}, "sources.missing"),
        ({"authorization": "Basic eA=="}, "sources.missing"),
        ({"url": URL, "token": "x"}, "sources.unknown-parameter"),
        ({"url": f"{URL}\nx"}, "sources.parameter"),
        ({"url": f"{URL}?{'x' * 2_000}"}, "sources.parameter"),
        ({"url": URL, "authorization": "Basic\r\nHost: x"}, "sources.parameter"),
        ({"url": URL, "authorization": "Bäsic"}, "sources.parameter"),
        ({"url": URL, "authorization": "x" * 2_001}, "sources.parameter"),
    ],
)
def test_what_is_missing_unknown_or_no_such_value_is_told_by_its_name(given: dict[str, str], code: str) -> None:
    with pytest.raises(Mistake) as told:
        read(FORM, given)
    assert told.value.code == code
    assert "Basic" not in str(told.value), "a secret is not told again"


def test_what_is_secret_is_kept_apart() -> None:
    """>> an address with a login, and one whose login is empty << the login alone is secret; nothing is."""
    both = split(FORM, read(FORM, {"url": f" {URL} ", "authorization": "Basic eA=="}))
    assert both == Split(location=URL, shown={}, secret={"authorization": "Basic eA=="})
    assert split(FORM, read(FORM, {"url": URL, "authorization": ""})) == Split(location=URL, shown={}, secret={})
