"""Sign-in links on both databases: one use, not for long, and each in the log of those whom it concerns."""

import asyncio
import json

import pytest

from connector.foundation.errors import Unauthenticated
from connector.foundation.storage import PROCESS, Tx
from connector.identity.accounts import store
from connector.identity.accounts.links import LASTS_MS, Links
from connector.identity.accounts.sessions import Sessions
from tests.identity.accounts.people import TOWN, VILLAGE, person
from tests.testkit.towns import Towns


def linking(towns: Towns) -> Links:
    return Links(towns.db, lambda slug: towns.participants.held(slug).participant.did)


async def logged(towns: Towns, slug: str) -> list[dict[str, object]]:
    def unit(tx: Tx) -> list[dict[str, object]]:
        rows = tx.all("SELECT record FROM audit_entry WHERE participant = :p AND type = 'sign-in-link'", p=slug)
        return [json.loads(bytes(row["record"])) for row in rows]

    return await towns.db.read(slug, unit)


@pytest.mark.on_both
@pytest.mark.threat("T87")
async def test_a_link_signs_in_once(towns: Towns) -> None:
    """>> eight browsers with one link; the link before it; one that is late << one; none; none."""
    links, her = linking(towns), await person(towns.db)
    await towns.db.write(TOWN, store.grant, TOWN, her, "steward", "")
    void, link = await links.make(her), await links.make(her)
    with pytest.raises(Unauthenticated):  # while it would be in time
        await links.use(void, "")
    won = await asyncio.gather(*(links.use(link, "") for _ in range(8)), return_exceptions=True)
    cookies = [one for one in won if isinstance(one, str)]
    assert len(cookies) == 1
    assert {str(one) for one in won if not isinstance(one, str)} == {"accounts.link"}
    signed = await Sessions(towns.db).session(cookies[0])
    assert signed is not None
    assert signed.roles == {TOWN: {"steward"}}, "whoever made the link vouches for her"
    late = await links.make(her)
    back = "UPDATE one_time_secret SET ends_at = ends_at - :ms"
    await towns.db.write(PROCESS, lambda tx: tx.run(back, ms=LASTS_MS))
    for wrong in (void, late, cookies[0], "", "ä"):
        with pytest.raises(Unauthenticated):
            await links.use(wrong, "")


@pytest.mark.on_both
@pytest.mark.threat("T86")
async def test_a_link_leaves_a_trace(towns: Towns) -> None:
    """Bug: with a link whoever runs the service could act as a steward, and no log told. >> links of somebody with
    roles at two participants; one is used << a record in the log of each, under her pseudonym there; no name."""
    links, her = linking(towns), await person(towns.db)
    for slug in (TOWN, VILLAGE):
        await towns.db.write(slug, store.grant, slug, her, "auditor", "")
    await links.make(her)
    link = await links.make(her)
    assert await logged(towns, TOWN) == []
    await links.use(link, "")
    hers = await towns.db.read(PROCESS, store.pseudonyms, her)
    for slug in (TOWN, VILLAGE):
        (told,) = await logged(towns, slug)
        assert told["body"] == {"person": hers[slug], "change": "used", "by": "operator"}
        assert "Petra" not in json.dumps(told)
