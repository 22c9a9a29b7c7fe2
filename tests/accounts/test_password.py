"""Hashes of passwords: what they cost, and that there is a limit to how many are worked out."""

import asyncio

import pytest

from connector.accounts.password import AT_ONCE, WAITING, Passwords
from connector.errors import Unavailable


async def test_the_parameters_are_those_of_the_specification() -> None:
    """>> one real hash << argon2id, 64 MiB, three passes, one lane; with others it is made anew."""
    real = Passwords()
    encoded = await real.hashed("Kastanie im Nebel")
    assert encoded.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert not real.outdated(encoded)
    assert Passwords(memory_kib=8).outdated(encoded)


@pytest.mark.threat("T87")
async def test_the_process_bounds_how_many_it_hashes() -> None:
    """>> a hundred at once << two are worked out, sixteen wait, the others are told to come back."""
    it = Passwords(memory_kib=8)
    done = await asyncio.gather(*(it.hashed("Kastanie im Nebel") for _ in range(100)), return_exceptions=True)
    assert sum(isinstance(one, str) for one in done) == AT_ONCE + WAITING
    assert {str(one) for one in done if not isinstance(one, str)} == {"accounts.busy"}
    assert all(isinstance(one, str | Unavailable) for one in done)
    assert await it.right(await it.hashed("Kastanie im Nebel"), "Kastanie im Nebel")
    for broken in ("", "$argon2id$", "x"):
        assert not await it.right(broken, "")
