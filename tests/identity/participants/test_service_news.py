"""What changed of one participant is read, and of nobody else, by whoever changed it and by the other replicas."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from connector.foundation.storage.database import Database
from connector.identity.participants.publisher_details import PublisherChange
from connector.identity.participants.service import Participants
from tests.testkit.cities import MUNICIPALITY, Space
from tests.testkit.towns import BASE, Towns


class Counted:
    """A database that keeps count of what it is asked to read."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.reads: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def read(self, scope: str, fn: Callable[..., Any], /, *args: Any, **kw: Any) -> Any:
        self.reads.append(f"{fn.__name__} {scope}".strip())
        return await self._inner.read(scope, fn, *args, **kw)

    def taken(self) -> list[str]:
        found, self.reads = self.reads, []
        return found


def participants(towns: Towns) -> tuple[Participants, Counted]:
    """As another process of the same database has them."""
    counted = Counted(towns.db)
    return Participants(cast(Database, counted), towns.vault, BASE, None), counted


async def test_nobody_is_told_that_a_new_participant_does_not_exist_while_it_is_being_loaded(space: Space) -> None:
    """>> ten requests at once, right after the signal << ten times found: only the first used to be."""
    services = (await space.city("one", {"musterstadt": MUNICIPALITY})).services
    other = Participants(services.infra.db, services.infra.vault, "https://localhost:1", None)
    await other.load()
    added = (await services.participants.add("kleindorf", "Kleindorf", MUNICIPALITY, "", None)).participant
    await asyncio.sleep(0)
    found = await asyncio.gather(*(other.at(added.host, f"{added.path}/did.json") for _ in range(10)))
    assert [one[0].id if one else None for one in found] == ["kleindorf"] * 10


async def test_the_twelfth_participant_costs_what_the_third_did(towns: Towns) -> None:
    """>> ten more << one read each, no key of anybody opened, and those that were there stay the same objects."""
    here, counted = participants(towns)
    await here.load()
    before, costs = await here.get("musterstadt"), []
    for number in range(10):
        counted.taken()
        await here.add(f"dorf{number}", "Dorf", MUNICIPALITY, "", None)
        await asyncio.sleep(0)
        await here.at("localhost:18443", "/x")
        costs.append(counted.taken())
    assert costs == [[f"stored dorf{number}"] for number in range(10)]
    assert await here.get("musterstadt") is before
    assert here.opened == 0


@pytest.mark.on_both
@pytest.mark.parametrize("change", ["rotate", "publisher"])
async def test_a_replica_learns_of_one_participant_by_one_look_and_one_read(towns: Towns, change: str) -> None:
    """>> another process changes one << who differs is asked once, and that one is read; the others stay."""
    here, counted = participants(towns)
    await here.load()
    other = await here.get("nachbardorf")
    if change == "rotate":
        fresh = (await towns.participants.rotate("musterstadt", "peer")).signers["peer"].kid
    else:
        await towns.participants.change("musterstadt", PublisherChange(contact_name="Amt"))
    counted.taken()
    await asyncio.sleep(0)
    await here.catch_up()
    await here.catch_up()
    assert counted.taken() == ["revisions", "stored musterstadt", "revisions"]
    found = await here.get("musterstadt")
    if change == "rotate":
        assert found.signers["peer"].kid == fresh
    assert await here.get("nachbardorf") is other


async def test_keys_are_opened_when_they_sign_and_closed_when_they_are_replaced(towns: Towns) -> None:
    here, _ = participants(towns)
    await here.load()
    assert here.opened == 0
    first = (await here.get("musterstadt")).signers["peer"]
    assert (await here.get("musterstadt")).signers["peer"] is first
    assert here.opened == 1
    second = (await here.rotate("musterstadt", "peer")).signers["peer"]
    assert second.kid != first.kid
    assert here.opened == 2


async def test_a_read_that_fails_is_made_up_for_by_the_next_question(towns: Towns) -> None:
    """>> a change; the database away for a moment << the first question fails, the next one knows."""
    here, _ = participants(towns)
    await here.load()
    await towns.participants.rotate("musterstadt", "peer")
    await asyncio.sleep(0)
    whole = Counted.read

    async def away(self: Counted, scope: str, fn: Callable[..., Any], /, *args: Any, **kw: Any) -> Any:
        raise ConnectionError

    Counted.read = away  # type: ignore[method-assign]
    try:
        with pytest.raises(ConnectionError):
            await here.catch_up()
    finally:
        Counted.read = whole  # type: ignore[method-assign]
    fresh = (await towns.participants.get("musterstadt")).signers["peer"].kid
    assert (await here.get("musterstadt")).signers["peer"].kid == fresh
