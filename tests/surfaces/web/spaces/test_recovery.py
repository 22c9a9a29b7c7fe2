"""An authority that serves no list after a restore, at the desk: who is told, what she reads, and that she decides."""

import pytest

from connector.dataspace.spaces import recovery_store, store
from connector.dataspace.spaces.model import Rules
from connector.oversight.notifications.model import Notification
from tests.dataspace.spaces.backups import Backup
from tests.dataspace.spaces.conftest import COUNTY, PEOPLE, TOWN, joined
from tests.surfaces.web.spaces.conftest import CountyDesk, Desks

pytestmark = pytest.mark.threat("T151")
ANNA = PEOPLE[0]
PLACE = f"/t/{COUNTY}/space/recovery"
STEP = "Nach der Sicherung klären"
TAKE = "Die gefundene Liste übernehmen"


async def told(desk: CountyDesk, login: str, role: str) -> list[Notification]:
    await desk.at_county(login, role)
    services = desk.county.city.services
    for _ in range(2):
        await services.notifications.service.look()
    db = services.infra.db
    who = await db.read(COUNTY, desk.county.authority.voter, COUNTY, login)
    found = await db.read(COUNTY, services.notifications.service.waiting, COUNTY, who)
    return [one for one in found if one.cause == "list-lost"]


async def newest(desk: CountyDesk) -> int:
    found = await desk.county.city.services.infra.db.read(COUNTY, store.newest_version, COUNTY, signed=True)
    return 0 if found is None else found.version


async def test_bug_an_authority_served_no_list_and_its_stewards_were_told_nothing(desks: Desks) -> None:
    """>> a backup, then a town is suspended; the backup is put back << a task, a notification and a notice at the space
    lead Anna to the page; it says of whom the list that was found speaks; an auditor reads it without a form; without
    a tick nothing happens; then lists go on, and the task is gone."""
    await desks.county.authority.change_rules(COUNTY, Rules(checklist=("letter",)))
    await joined(desks.town, TOWN, desks.county)
    await desks.county.city.stop_jobs()
    anna, rita = await desks.at_county(), await desks.at_county("rita@kreis.example", "auditor")
    assert "nichts zu klären" in (await anna.get(PLACE)).words
    backup = await Backup(desks.county).made()
    did, spaces = desks.town.did(TOWN), desks.county.city.services.spaces
    await spaces.memberships.change(COUNTY, did, "suspended", "Test", ANNA)
    await desks.county.issue()
    await desks.town.services.trust.listing.reload()
    lost = await newest(desks)
    await backup.put_back()
    await desks.county.issuer.work()
    [note] = await told(desks, ANNA, "steward")
    assert note.place == ("space", "recovery")
    today = await anna.get(f"/t/{COUNTY}/")
    space = await anna.get(f"/t/{COUNTY}/space")
    assert space.link("Ansehen, was fehlt, und entscheiden") == PLACE
    page = await anna.get(next(href for text, href in today.links if text.startswith(STEP)))
    assert page.path == PLACE
    assert f"Musterstadt ({did}): die Mitgliedschaft ruht" in page.words
    assert [form.action for form in (await rita.get(PLACE)).forms if "recovery" in form.action] == []
    page = await anna.send(page, "/space/recovery", TAKE)
    assert (page.status, await newest(desks) < lost) == (422, True)
    page = await anna.send(page, "/space/recovery", TAKE, read="yes")
    assert "Listen werden wieder ausgegeben" in page.words
    await desks.county.issue()
    assert await newest(desks) > lost
    assert STEP not in (await anna.get(f"/t/{COUNTY}/")).words


async def test_who_goes_on_without_a_list_says_so(desk: CountyDesk) -> None:
    """>> a restore of which no member knows a newer list; another one's number is sent, and something that is none
    << nothing is settled by those; who has read it goes on without a list."""
    await desk.county.city.stop_jobs()
    await desk.county.city.services.infra.db.write(COUNTY, recovery_store.put_back)
    await desk.county.issuer.work()
    anna = await desk.at_county()
    page = await anna.get(PLACE)
    assert "eine neuere hat bisher niemand gezeigt" in page.words
    go = "Ohne gefundene Liste weitermachen"
    for number in ("5", "x", "9" * 20):
        refused = await anna.send(page, "/space/recovery", go, read="yes", list=number)
        assert refused.status in (400, 422), number
        page = await anna.get(PLACE)
    page = await anna.send(page, "/space/recovery", go, read="yes")
    assert "Geklärt" in page.words
