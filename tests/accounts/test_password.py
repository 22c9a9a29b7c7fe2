"""Hashes of passwords: what they cost, and that there is a limit to how many are worked out."""

import asyncio

import pytest

from connector.accounts.password import AT_ONCE, KEPT, WAITING, Passwords
from connector.errors import Unavailable
from tests.accounts.people import PASSWORD


async def right(it: Passwords, encoded: str, password: str = PASSWORD, *, known: bool = False) -> bool:
    async with it.turn(known=known) as turn:
        return await turn.right(encoded, password)


async def test_the_parameters_are_those_of_the_specification() -> None:
    """>> one real hash << argon2id, 64 MiB, three passes, one lane; with others it is made anew."""
    real = Passwords()
    encoded = await real.hashed("Kastanie im Nebel")
    assert encoded.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert not real.outdated(encoded)
    assert Passwords(memory_kib=8).outdated(encoded)


@pytest.mark.threat("T87")
async def test_the_process_bounds_how_many_it_hashes() -> None:
    """Bug: strangers' guesses took every place, also those of known browsers. >> a hundred strangers at once, then
    a hundred that are known << two are worked out, sixteen and sixteen wait, the others are told to come back."""
    it = Passwords(memory_kib=8)
    calls = [right(it, "", known=known) for known in (False, True) for _ in range(100)]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert done[:100].count(False) == AT_ONCE + WAITING
    assert done[100:].count(False) == KEPT
    assert {str(one) for one in done if one is not False} == {"accounts.busy"}
    assert all(one is False or isinstance(one, Unavailable) for one in done)
    assert await right(it, await it.hashed(PASSWORD))
    for broken in ("", "$argon2id$", "x"):
        assert not await right(it, broken, "")
