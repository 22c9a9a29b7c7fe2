"""Hashes of passwords: what they cost, and that there is a limit to how many are worked out."""

import asyncio
import unicodedata
from typing import Literal

import pytest

from connector.foundation import normal_form
from connector.foundation.errors import Unavailable
from connector.identity.accounts.password import AT_ONCE, EACH, KEPT, MOST, WAITING, Passwords, spelt
from tests.identity.accounts.people import PASSWORD


async def right(it: Passwords, encoded: str, password: str = PASSWORD, known: str = "") -> bool:
    async with it.turn(known) as turn:
        return await turn.right(encoded, password)


async def test_the_parameters_are_those_of_the_specification() -> None:
    """>> one real hash << argon2id, 64 MiB, three passes, one lane; with others it is made anew."""
    real = Passwords()
    encoded = await real.hashed("Kastanie im Nebel", "anna")
    assert encoded.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert not real.outdated(encoded)
    assert Passwords(memory_kib=8).outdated(encoded)


@pytest.mark.threat("T87")
async def test_the_process_bounds_how_many_it_hashes() -> None:
    """Bug: strangers' guesses took every place, also those of known browsers; and then one known person, or whoever was
    invited, did. >> a hundred strangers at once, one who is known a hundred times, then a hundred who are known << two
    are worked out, sixteen and sixteen wait, two of the one, the others are told to come back; all places are free."""
    it = Passwords(memory_kib=8)
    calls = [right(it, "", known=known) for known in [*100 * [""], *100 * ["one"], *map(str, range(100))]]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert done[:100].count(False) == AT_ONCE + WAITING
    assert done[100:200].count(False) == EACH
    assert done[200:].count(False) == KEPT - EACH
    assert {str(one) for one in done if one is not False} == {"accounts.busy"}
    assert all(one is False or isinstance(one, Unavailable) for one in done)
    assert await right(it, await it.hashed(PASSWORD, "one"))
    assert (it._waiting, +it._known) == (0, {})
    for broken in ("", "$argon2id$", "x"):
        assert not await right(it, broken, "")


@pytest.mark.threat("T178")
def test_bug_a_password_of_marks_held_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a quarter of a megabyte of marks where somebody signs in << no more is looked at than a password may have; one
    that may be is as it was, however it is typed."""
    asked: list[int] = []

    def normalize(form: Literal["NFC"], text: str) -> str:
        asked.append(len(text))
        return unicodedata.normalize(form, text)

    monkeypatch.setattr(normal_form, "normalize", normalize)
    assert len(spelt("a" + 60_000 * "\u0301\u0323")) == MOST + 1
    assert max(asked) < 5 * MOST
    whole = MOST * "\u1f82"
    assert spelt(unicodedata.normalize("NFD", whole)) == spelt(whole) == whole
