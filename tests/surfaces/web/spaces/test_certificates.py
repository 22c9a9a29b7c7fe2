"""Seal certificates at the desk of who keeps a space: what each says of itself; two decide, and the member is told."""

from hashlib import sha256

import pytest
from msgspec.structs import replace

from connector.data.approvals.model import Voter
from connector.dataspace.spaces.model import Keys, Rules
from connector.identity.participants.service import Hosted
from connector.oversight.notifications.model import Notification
from tests.dataspace.spaces.conftest import COUNTY, PEOPLE, TOWN, joined
from tests.surfaces.web.spaces.conftest import Desks
from tests.testkit.cities import City

ANNA, BERT = PEOPLE[:2]
PLACE = f"/t/{COUNTY}/space/certificates"
YES, STEWARD = "Dem Zertifikat zustimmen", frozenset({"steward"})


@pytest.fixture
async def seal(desks: Desks, monkeypatch: pytest.MonkeyPatch) -> str:
    """The town seals with a certificate at which the county's people have to look; its SHA-256."""
    await desks.county.authority.change_rules(COUNTY, Rules(checklist=("letter",)))
    await joined(desks.town, TOWN, desks.county)
    hosted = await desks.town.services.participants.get(TOWN)
    name = sha256(hosted.chain[0]).hexdigest()
    joining = desks.town.services.spaces.joining
    known = joining._own_keys

    async def own_keys(hosted: Hosted) -> Keys:
        return replace(await known(hosted), seal_certificates=(name,))

    monkeypatch.setattr(joining, "_own_keys", own_keys)
    await joining.tell_keys(hosted)
    return name


async def told(city: City, slug: str, who: Voter) -> list[Notification]:
    notes = city.services.notifications.service
    for _ in range(2):
        await notes.look()
    found = await city.services.infra.db.read(slug, notes.waiting, slug, who)
    return sorted((one for one in found if one.cause.startswith("seal")), key=lambda one: one.cause)


async def at_county(desks: Desks, login: str) -> list[str]:
    who = await desks.county.city.services.infra.db.read(COUNTY, desks.county.authority.voter, COUNTY, login)
    return [one.cause for one in await told(desks.county.city, COUNTY, who)]


async def round_of_the_town(desks: Desks) -> None:
    joining = desks.town.services.spaces.joining
    for _ in range(2):
        await joining._round([await desks.town.services.participants.get(TOWN)])


@pytest.mark.threat("T152")
async def test_bug_a_renewed_certificate_waited_and_nobody_was_told(desks: Desks, seal: str) -> None:
    """Bug: >> a town names another certificate; Anna reads what it says and agrees; Bert does << no page, no notice.

    An auditor reads without forms; both are told once, the second when one is missing; the list names it, and the town
    is told by its desk, in its notices, once.
    """
    assert await at_county(desks, ANNA) == ["seal"]
    rita = await desks.at_county("rita@kreis.example", "auditor")
    page = await rita.get(PLACE)
    assert "CN=" in page.words
    assert "L2" in page.words
    assert " ".join(seal[at : at + 16] for at in range(0, 64, 16)) in page.words
    assert [form.action for form in page.forms if "certificates" in form.action] == []
    anna, bert, tina = await desks.at_county(), await desks.at_county(BERT), await desks.at_town()
    today = await anna.get(f"/t/{COUNTY}/")
    said = "„Musterstadt“ will mit einem neuen Zertifikat siegeln. Bitte prüfen und entscheiden Sie."
    page = await anna.get(today.link(f"Siegelzertifikate ansehen ({said})"))
    page = await anna.send(page, "/space/certificates/approve", YES)
    assert (page.path, YES in page.words) == (PLACE, False)
    assert (await at_county(desks, ANNA), await at_county(desks, BERT)) == (["seal"], ["seal", "seal-second"])
    await round_of_the_town(desks)
    where = (await tina.get(f"/t/{TOWN}/spaces")).link("Datenraum Musterkreis")
    assert "muss es noch prüfen" in (await tina.get(where)).words
    page = await bert.send(await bert.get(PLACE), "/space/certificates/approve", YES)
    assert "Kein Siegelzertifikat wartet" in page.words
    await round_of_the_town(desks)
    assert "in der Liste" in (await tina.get(where)).words
    [note] = await told(desks.town, TOWN, Voter("p-tina", STEWARD))
    assert (note.cause, note.place) == ("seal-listed", ("spaces",))
    await desks.county.issue()
    entry = desks.county.city.services.trust.anchor.entry(desks.town.did(TOWN))
    assert entry is not None
    assert [one.sha256 for one in entry.listed_seals] == [seal]


@pytest.mark.threat("T152")
async def test_a_no_is_told_to_the_member_with_its_reason(desks: Desks, seal: str) -> None:
    """>> refused with two characters, then with a sentence << asked for a reason; the town reads it, in both places."""
    anna = await desks.at_county(lang="en")
    page = await anna.send(await anna.get(PLACE), "/space/certificates/refuse", "Refuse", reason="ne")
    assert (page.status, "Please give a reason" in page.words) == (422, True)
    page = await anna.send(await anna.get(PLACE), "/space/certificates/refuse", "Refuse", reason="Nobody answered.")
    assert "No seal certificate waits for you." in page.words
    await round_of_the_town(desks)
    tina = await desks.at_town()
    page = await tina.get((await tina.get(f"/t/{TOWN}/spaces")).link("Datenraum Musterkreis"))
    assert "Nobody answered." in page.words
    [note] = await told(desks.town, TOWN, Voter("p-tina", STEWARD))
    assert (note.cause, note.facts["reason"]) == ("seal-refused", "Nobody answered.")
