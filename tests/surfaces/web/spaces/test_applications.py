"""An application at the county's desk: what was found out, what people note, and that two of them agree."""

import asyncio
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from connector.cli.main import main
from connector.data.approvals import decide as ballots
from connector.dataspace.spaces import application_store
from connector.dataspace.spaces.documents import Document
from connector.dataspace.spaces.model import Application
from connector.exchange.mandates.model import Wish
from connector.foundation.ids import new_uuid
from connector.identity.trust.keys.jwk import encode
from tests.dataspace.spaces.conftest import COUNTY, TOWN
from tests.surfaces.web.browsing import Browser, Page
from tests.surfaces.web.spaces.conftest import ANNA, BERT, Desks


async def waiting(desks: Desks) -> Application:
    """From a town that was invited under another name than it calls itself."""
    county, town = desks.county, desks.town
    invited = await county.invite("Stadt Muster")
    said = await county.authority.description(COUNTY)
    brought = [
        Document(name=name, media_type="text/html", content=encode(b"<script>")) for name in said.rules.documents
    ]
    await town.services.spaces.joining.apply(TOWN, invited.link, said.fingerprint, brought)
    (one,) = await county.applications.all(COUNTY)
    return one


async def noted(person: Browser, page: Page) -> Page:
    return await person.send(page, "/check", found="good", note="AZ 10-2026")


@pytest.mark.threat("T102")
async def test_two_people_agree_and_each_is_told_where_it_stands(desks: Desks) -> None:
    """>> Anna before the checklist, after it, and again; Bert << what is missing, a second person, admitted."""
    one = await waiting(desks)
    place = f"/t/{COUNTY}/applications/{one.id}"
    anna, bert = await desks.at_county(ANNA), await desks.at_county(BERT)
    page = await anna.get(place)
    assert page.h1 == "Stadt Muster"
    assert "Nennt sich Musterstadt" in page.words
    assert "Der Antragsteller nennt sich anders: Musterstadt." in page.words
    assert "Zuerst ist noch zu prüfen" in page.words
    assert not [form for form in page.forms if form.action.endswith("/approve")]
    page = await noted(anna, page)
    assert "AZ 10-2026 (Anna, " in page.words
    assert "Diese Namen hat hier niemand bestätigt: Anna." in page.words
    assert "Nach Ihrer Zustimmung muss noch jemand anderes zustimmen." in page.words
    other_window = await anna.get(place)
    page = await anna.send(page, "/approve")
    assert "Sie haben zugestimmt; es muss noch jemand zustimmen" in page.words
    again = await anna.send(other_window, "/approve")
    assert (again.status, "Es muss jemand anderes zustimmen." in again.words) == (403, True)
    assert "Es fehlt noch eine Zustimmung." in (await anna.get(f"/t/{COUNTY}/space")).words
    page = await bert.send(await bert.get(place), "/approve")
    assert "angenommen" in page.words
    assert "Entschieden von Bert, " in page.words
    listed = await bert.get(f"/t/{COUNTY}/applications")
    assert "Stadt Muster angenommen" in listed.words


@pytest.mark.threat("T31")
async def test_who_acts_for_an_applicant_is_seen_before_anybody_agrees(
    desks: Desks, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a town that applies through its provider << where that lies stands on the page, its DID on the command line;
    its name, too, if a list names it."""
    until = desks.town.services.infra.clock.now() + 86_400_000
    wish = Wish(agent="did:web:it.example", name="IT", actions=("negotiate",), until=until, contract="AVV 1")
    await desks.town.services.mandates.service.give(TOWN, wish)
    one = await waiting(desks)
    anna = await desks.at_county(ANNA)
    page = await anna.get(f"/t/{COUNTY}/applications/{one.id}")
    assert "Für ihn handelt it.example, mit einem Auftrag" in page.words
    words = ["space", "application", one.id, "--as", COUNTY, "--data", str(desks.county.city.settings.folder)]
    assert await asyncio.to_thread(main, words, {"LANG": "de"}) == 0
    assert "did:web:it.example handelt für diesen Teilnehmer" in capsys.readouterr().out
    anchor = desks.county.city.services.trust.anchor
    named = SimpleNamespace(name="IT-Verbund")
    monkeypatch.setattr(anchor, "entry", lambda did: named if did == wish.agent else None)
    page = await anna.get(f"/t/{COUNTY}/applications/{one.id}")
    assert "Für ihn handelt IT-Verbund (it.example), mit einem Auftrag" in page.words


async def test_a_note_says_how_she_knows(desks: Desks) -> None:
    """>> without a word of how, or without an answer << the page comes back; a bad finding << nobody can agree."""
    one = await waiting(desks)
    anna = await desks.at_county()
    page = await anna.send(await anna.get(f"/t/{COUNTY}/applications/{one.id}"), "/check", found="good", note="–")
    assert (page.status, "woher Sie das wissen" in page.words) == (422, True)
    page = await anna.send(page, "/check", note="Anruf")
    assert (page.status, "ob es stimmt" in page.words) == (422, True)
    page = await anna.send(page, "/check", found="bad", note="Dort weiß niemand davon")
    assert "stimmt nicht" in page.words
    assert not [form for form in page.forms if form.action.endswith("/approve")]


@pytest.mark.threat("T121")
async def test_documents_are_handed_over_as_files(desks: Desks) -> None:
    """>> a document that calls itself a page << saved and never shown; one of nowhere, one that came with another
    application, or for somebody who does not decide << not there."""
    one = await waiting(desks)
    anna = await desks.at_county()
    page = await anna.get(f"/t/{COUNTY}/applications/{one.id}")
    found = await anna.get(page.link("Beschluss"))
    assert (found.body, found.headers["Content-Type"]) == (b"<script>", "application/octet-stream")
    assert found.headers["Content-Disposition"].startswith("attachment;")
    assert found.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert (await anna.get(f"/t/{COUNTY}/applications/{one.id}/documents/{'0' * 64}")).status == 404
    other = replace(one, id=new_uuid(), attachments=(), ballot=ballots.withdraw(one.ballot))
    await desks.county.city.services.infra.db.write(COUNTY, application_store.insert_application, other)
    there = page.link("Beschluss")
    assert (await anna.get(there.replace(one.id, other.id))).status == 404
    paula = await desks.at_county("paula@kreis.example", "publisher")
    assert (await paula.get(there)).status in (403, 404)
    page = await paula.get(f"/t/{COUNTY}/applications/{one.id}")
    assert "Lesen kann sie, wer die Rolle Freigabe oder Revision hat." in page.words
    assert "Sie entscheiden hier nicht mit" in page.words


async def test_nobody_finds_an_application_of_another_space(desks: Desks) -> None:
    one = await waiting(desks)
    tina = await desks.at_town()
    assert (await tina.get(f"/t/{TOWN}/applications/{one.id}")).status == 404
