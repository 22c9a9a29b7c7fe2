"""A participant that another replica added: while the news is being read everybody waits for it."""

import asyncio

from connector.participants.service import Participants
from tests.testkit.cities import MUNICIPALITY, Space


async def test_nobody_is_told_that_a_new_participant_does_not_exist_while_it_is_being_loaded(space: Space) -> None:
    """>> ten requests at once, right after the signal << ten times found: only the first used to be."""
    services = (await space.city("one", {"musterstadt": MUNICIPALITY})).services
    other = Participants(services.infra.db, services.infra.vault, "https://localhost:1", None)
    await other.load()
    added = (await services.participants.add("kleindorf", "Kleindorf", MUNICIPALITY, "", None)).participant
    await asyncio.sleep(0)
    found = await asyncio.gather(*(other.at(added.host, f"{added.path}/did.json") for _ in range(10)))
    assert [one[0].id if one else None for one in found] == ["kleindorf"] * 10
