"""A participant that has left, up to the point where its operator may delete it."""

import pytest

from connector.foundation.errors import Unknown
from connector.identity.participants import lifecycle_store
from tests.testkit.leavers import holdings, leaving
from tests.testkit.towns import Towns

LEAVER, PARTNER = "musterstadt", "nachbardorf"


async def state(towns: Towns, slug: str) -> str:
    found = await towns.db.read(slug, lifecycle_store.standing, slug)
    assert found is not None
    return found.state


async def closed(towns: Towns, slug: str = LEAVER) -> None:
    """Everything that can end has, and everybody knows."""
    await leaving(towns)[0].close(slug, "Fusion.")
    for _ in range(5):
        await towns.hurry()
    await towns.tick()


async def handed(towns: Towns, slug: str = LEAVER) -> None:
    for one in await leaving(towns)[1].evidence(slug, ""):
        await leaving(towns)[1].handed(slug, one.agreement, "0" * 64, one.records)


async def gone(towns: Towns, slug: str = LEAVER) -> None:
    """One row is left, and nobody here knows it any more."""
    assert await state(towns, slug) == "deleted"
    assert set((await holdings(towns, slug)).values()) == {0}
    with pytest.raises(Unknown):
        await towns.participants.get(slug)
    found = await towns.db.read(slug, lifecycle_store.standing, slug)
    assert found is not None
    assert (found.name, found.closing_reason) == (slug.title(), None)
    assert found.deleted_at is not None
