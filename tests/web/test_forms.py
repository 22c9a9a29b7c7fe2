"""Reading of forms: fields in their order, files in pieces, tokens of one session, address and time."""

import pytest
from msgspec import Struct

from connector.errors import Mistake
from connector.web.forms import LIFE_MS, Form, checked, token

KEY, NOW = b"k" * 32, 1_795_000_000_000


class Wish(Struct, frozen=True):
    title: str
    count: int = 1
    themes: tuple[str, ...] = ()
    public: bool = False


def test_a_form_is_read_as_a_struct() -> None:
    """>> texts, numbers, several ticks, empty fields << values; empty ones as not filled in."""
    form = Form((("title", " Bäume "), ("count", "3"), ("themes", "a"), ("themes", "b"), ("public", "true")))
    assert form.read(Wish) == Wish("Bäume", 3, ("a", "b"), True)
    assert Form((("title", "x"), ("count", ""))).read(Wish) == Wish("x")
    for wrong, where in ((Form((("count", "3"),)), "title"), (Form((("title", "x"), ("count", "drei"))), "count")):
        with pytest.raises(Mistake) as refused:
            wrong.read(Wish)
        assert refused.value.facts == {"pointer": where}


@pytest.mark.threat("T28")
def test_a_token_belongs_to_one_session_address_and_time() -> None:
    given = token(KEY, "/t/a/do", NOW)
    assert checked(KEY, "/t/a/do", given, NOW + LIFE_MS) == given.split(".")[0]
    name, at, mac = given.split(".")
    for key, address, said, now in (
        (b"other", "/t/a/do", given, NOW),
        (KEY, "/t/b/do", given, NOW),
        (KEY, "/t/a/do", given, NOW + LIFE_MS + 1),
        (KEY, "/t/a/do", given, NOW - 120_000),
        (KEY, "/t/a/do", f"x{name}.{at}.{mac}", NOW),
        (KEY, "/t/a/do", f"{name}.{at}0.{mac}", NOW),
        (KEY, "/t/a/do", f"{name}.{at}", NOW),
        (KEY, "/t/a/do", "", NOW),
        (KEY, "/t/a/do", "ä.b.c", NOW),
        (KEY, "/t/a/do", f"..{mac}", NOW),
    ):
        with pytest.raises(Mistake):
            checked(key, address, said, now)
    assert token(KEY, "/t/a/do", NOW) != given
