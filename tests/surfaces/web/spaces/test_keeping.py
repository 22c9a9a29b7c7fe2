"""A county's space at its desk: an invitation whose link is seen once, members and what becomes of them."""

from typing import Any
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from connector.data.approvals.model import Ballot
from connector.dataspace.spaces import application_store, member_store
from connector.dataspace.spaces.model import DAY_MS, Application, Invitation, Keys, Rules, fingerprint
from connector.foundation.storage.database import Tx
from connector.foundation.storage.sqlite.tx import SqliteTx
from tests.dataspace.spaces.conftest import COUNTY, TOWN, joined
from tests.surfaces.web.spaces.conftest import ANNA, CountyDesk, Desks

SPACE = f"/t/{COUNTY}/space"


async def test_an_invitation_is_seen_once(desk: CountyDesk) -> None:
    """>> Anna invites a town << link, QR code and a letter, once; afterwards its name alone, and how to withdraw it."""
    anna = await desk.at_county()
    form = await anna.get((await anna.get(SPACE)).link("Eine Gemeinde einladen"))
    page = await anna.send(form, name="Musterstadt", ars="053150000000", kind="municipality", domain="localhost")
    code = page.text.partition("/space#")[2][:43]
    assert page.status == 200
    assert page.path == f"{SPACE}/invite"
    assert page.text.count(f"#{code}") == 2
    assert "QR-Code mit dem Einladungslink für Musterstadt" in page.words
    page = await anna.get(SPACE)
    assert code not in page.text
    assert "Musterstadt 053150000000, localhost" in page.words
    page = await anna.send(page, "/space/withdraw", "Zurückziehen")
    assert "Zurzeit ist keine Einladung offen." in page.words


async def test_what_an_invitation_lacks_is_said_beside_the_field(desk: CountyDesk) -> None:
    anna = await desk.at_county()
    page = await anna.send(await anna.get(f"{SPACE}/invite"), name=" ", domain="!!")
    assert (page.status, "Ein Name fehlt." in page.words) == (422, True)
    page = await anna.send(page, name="Musterstadt", domain="kein ort")
    assert (page.status, "Das ist kein Name eines Rechners" in page.words) == (422, True)


async def test_the_fingerprint_is_there_to_be_read_out_and_the_rules_to_be_read(desk: CountyDesk) -> None:
    page = await (await desk.at_county(lang="en")).get(SPACE)
    said = await desk.county.authority.description(COUNTY)
    assert fingerprint(said.authority) in page.words
    assert "Für Gemeinden des Kreises." in page.words
    assert "2 people of the body that keeps the data space have to agree." in page.words


async def test_who_may_not_reads_why(desk: CountyDesk) -> None:
    """>> an auditor << sees everything but forms, and is told whose they are; what she sends is as if it were not
    there."""
    rita = await desk.at_county("rita@kreis.example", "auditor")
    page = await rita.get(SPACE)
    assert "kann nur, wer bei Ihnen die Rolle Freigabe hat" in page.words
    assert [form.action for form in page.forms if "/space" in form.action] == []
    assert (await rita.get(f"{SPACE}/invite")).status == 404


async def test_a_member_is_suspended_resumed_renewed_and_expelled(desks: Desks) -> None:
    """>> each with a reason; without one << the form comes back; who is expelled is a former member for good."""
    rules = Rules(checklist=("letter",), renewal="people", term_days=30)
    await desks.county.authority.change_rules(COUNTY, rules)
    await joined(desks.town, TOWN, desks.county)
    anna = await desks.at_county()
    page = await anna.get(SPACE)
    assert "Es gibt 2 Mitglieder." in page.words
    assert "Mitgliedschaften laufen aus" in page.words  # thirty days are less than the sixty in which people renew
    page = await anna.get((await anna.get(page.link("Alle Mitglieder ansehen"))).link("Musterstadt"))
    (renew, change) = [form for form in page.forms if form.action.endswith("/space/member")]
    assert dict(renew.fields)["state"] == "renew"
    page = await anna.post(renew.action, renew.fields)
    page = await anna.post(change.action, [*change.fields, ("state", "suspended"), ("reason", "")])
    assert (page.status, "Bitte nennen Sie einen Grund" in page.words) == (422, True)
    for state, shown in (("suspended", "ruht"), ("active", "Mitglied"), ("expelled", "ausgeschlossen")):
        form = next(form for form in page.forms if "state" in form.names and "reason" in form.names)
        fields = [(name, value) for name, value in form.fields if name not in ("state", "reason")]
        page = await anna.post(form.action, [*fields, ("state", state), ("reason", "Schlüssel gestohlen")])
        assert f"{shown} Grund: Schlüssel gestohlen" in page.words
    assert "Diese Mitgliedschaft ist zu Ende." in page.words
    assert "Frühere Mitglieder" in (await anna.get(f"{SPACE}/members")).words


async def test_nobody_ends_the_county_itself(desk: CountyDesk) -> None:
    anna = await desk.at_county()
    did = desk.county.city.did(COUNTY)
    page = await anna.get(f"{SPACE}/member?did={quote(did, safe='')}")
    assert "Das sind Sie selbst." in page.words
    assert [form for form in page.forms if "/space" in form.action] == []


async def test_who_keeps_no_space_has_no_such_page(desks: Desks) -> None:
    tina = await desks.at_town()
    for place in ("space", "space/members", "space/invite", "applications"):
        assert (await tina.get(f"/t/{TOWN}/{place}")).status == 404


async def test_groups_are_listed_with_who_is_in_them(desks: Desks) -> None:
    """>> a group that the county keeps, into which it asked the town << the county is in it, the town has not agreed;
    ended, it is not listed."""
    await desks.county.authority.change_rules(COUNTY, Rules(checklist=("letter",)))
    await joined(desks.town, TOWN, desks.county)
    groups, anna = desks.county.city.services.spaces.groups, await desks.at_county()
    assert "Der Datenraum hat keine Verbünde." in (await anna.get(f"{SPACE}/groups")).words
    await groups.put(COUNTY, "it", {"de": "IT-Verbund", "en": "IT group"}, login=ANNA)
    for did in (desks.county.city.did(COUNTY), desks.town.did(TOWN)):
        await groups.ask(COUNTY, "it", did, ANNA)
    page = await anna.get((await anna.get(SPACE)).link("Verbünde des Datenraums"))
    assert "IT-Verbund Kreis Kreis Musterstadt" in page.words
    await groups.end(COUNTY, "it", ANNA)
    assert "Der Datenraum hat keine Verbünde." in (await anna.get(f"{SPACE}/groups")).words


@pytest.mark.threat("T121")
async def test_no_page_asks_the_database_for_each_member(desk: CountyDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> every list of a space with sixty members, invitations and applications << a handful of statements."""
    anna = await desk.at_county()
    places = (SPACE, f"{SPACE}/members", f"{SPACE}/groups", f"/t/{COUNTY}/applications", f"/t/{COUNTY}/spaces")
    asked = statements(monkeypatch)

    await desk.county.city.services.infra.db.write(COUNTY, sixty)
    for place in places:
        asked.clear()
        assert (await anna.get(place)).status == 200
        assert 0 < len(asked) < 50, place  # those of jobs that look meanwhile are among them
    assert "Es gibt 61 Mitglieder." in (await anna.get(SPACE)).words


def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whatever is read about spaces from now on."""
    asked: list[str] = []
    for name in ("one", "all"):
        real = getattr(SqliteTx, name)

        def noted(tx: SqliteTx, sql: str, /, _real: Any = real, **values: object) -> object:
            if "space" in sql:
                asked.append(sql)
            return _real(tx, sql, **values)

        monkeypatch.setattr(SqliteTx, name, noted)
    return asked


def sixty(tx: Tx) -> None:
    (county,) = member_store.members(tx, COUNTY)
    for number in range(60):
        did = f"did:web:town-{number}.example"
        member_store.put_member(tx, replace(county, did=did, name=f"Town {number}", version=0))
        invitation = Invitation(
            participant=COUNTY,
            id=f"i-{number}",
            code_hash=f"h-{number}",
            name=f"Town {number}",
            ars="",
            kind="",
            domain="",
            state="open",
            made_by="p",
            made_at=tx.now,
            until=tx.now + DAY_MS,
        )
        application_store.insert_invitation(tx, invitation)
        application_store.insert_application(
            tx,
            Application(
                participant=COUNTY,
                id=f"a-{number}",
                did=did,
                invitation=invitation.id,
                name="Town",
                operator="O",
                kind="",
                ars="",
                document="",
                keys=Keys(),
                checks=(),
                attachments=(),
                asked_at=tx.now,
                ballot=Ballot(stewards=2, protection=0, drafter="", due_at=tx.now + DAY_MS),
            ),
        )
