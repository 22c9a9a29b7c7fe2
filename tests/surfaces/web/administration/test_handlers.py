"""The operator's pages: from a name to a participant with an invitation; nothing of anybody's data."""

from collections.abc import AsyncIterator
from typing import get_args

import pytest

from connector.foundation.language import catalogue
from connector.foundation.storage.work import ask
from connector.identity.accounts.people import People
from connector.identity.trust.keys.signing import State
from connector.oversight.tasks.service import QUESTIONS
from tests.surfaces.web.browsing import Browser, Opened
from tests.testkit.cities import MUNICIPALITY, City, Space

TOWN, VILLAGE = "musterstadt", "nachbardorf"
NAME = "Stadt Mühl<b>heim</b>"


@pytest.fixture
async def city(space: Space) -> AsyncIterator[City]:
    async with space.running("it", {}) as city:
        yield city


def operator(desk: Opened) -> Browser:
    return desk.browser({}, operator=True, name="Otto Betrieb")


@pytest.mark.threat("T85")
async def test_from_a_name_to_a_participant(city: City, desk: Opened) -> None:
    """>> an empty database, a name << what follows >> yes << keys, trust list, seal, an invitation."""
    otto = operator(desk)
    empty = await otto.get("/administration")
    assert "Es gibt noch keinen Teilnehmer." in empty.words
    form = await otto.get(empty.link("Teilnehmer aufnehmen"))
    check = await otto.send(form, "/new/check", name=NAME, ars="06 431 000 2002")
    assert (check.status, check.h1) == (200, "Stimmt das so?")
    assert "stadt-muehl-b-heim-b" in check.words
    assert "06431002" in check.words
    assert "<b>heim" not in check.text
    assert await city.services.participants.all() == []
    made = await otto.send(check, "/new/add")
    assert (made.path, made.h1) == ("/administration/participants/stadt-muehl-b-heim-b", NAME)
    assert "Auf der Vertrauensliste ja" in made.words
    assert "Das Siegelzertifikat gilt noch" in made.words
    invited = await otto.send(made, "/invite", name="Frau K.")
    assert "/invitation?code=" in invited.text
    code = invited.text.partition("/invitation?code=")[2].partition("<")[0]
    people: People = city.services.accounts.people
    assert (await people.invitation(code)).roles == {"admin", "steward"}
    again = await otto.get(made.path)
    assert code not in again.text
    assert "offene Einladungen: 1" in again.words


async def test_what_is_wrong_comes_back_with_the_form(desk: Opened) -> None:
    """>> no name, a key that is none, only signs, a name that is taken << a sentence each, nothing made."""
    otto = operator(desk)
    form = await otto.get("/administration/new")
    for filled, sentence in (
        ({"name": ""}, "Bitte geben Sie einen Namen an."),
        ({"name": "Musterhausen", "ars": "12"}, "12"),
        ({"name": "§§§"}, "lässt sich kein Kurzname bilden"),
    ):
        answer = await otto.send(form, "/new/check", **filled)
        assert (answer.status, sentence in answer.words) == (422, True), answer.words
    check = await otto.send(form, "/new/check", name="Musterhausen")
    await otto.send(check, "/new/add")
    same = await otto.send(form, "/new/check", name="Musterhausen")
    assert "musterhausen-2" in same.words
    for name, told in (("MUSTERHАUSEN", True), ("Musterhausen", True), ("Musterhausen am See", False)):
        asked = await otto.send(form, "/new/check", name=name, slug="another")
        assert ("zum Verwechseln ähnlich heißt hier auch Musterhausen (musterhausen)" in asked.words) is told, name
    taken = await otto.send(form, "/new/check", name="Anders", slug="musterhausen")
    assert "hat hier schon jemand" in taken.words


@pytest.mark.threat("T97")
async def test_no_payload_data(city: City, desk: Opened) -> None:
    """>> a town with data, a partner and a question << numbers and kinds; no title, no partner, no agreement."""
    for slug in (TOWN, VILLAGE):
        await city.services.participants.add(slug, slug.title(), MUNICIPALITY, "", None)
    await city.services.operation.enrolment.enlist()
    made = await city.publish(TOWN, title="Geheimer Titel")
    signed = await city.negotiate(VILLAGE, city.did(TOWN), made["dataset"])
    await city.services.infra.db.write(TOWN, ask, TOWN, "urn:uuid:1", "undeliverable")
    otto = operator(desk)
    for page in (await otto.get("/administration"), await otto.get(f"/administration/participants/{TOWN}")):
        assert page.status == 200
        assert "Geheimer Titel" not in page.text
        assert signed["agreement"] not in page.text
    assert "Nachrichten, die seit Tagen nicht ankommen 1" in page.words
    assert "Nachbardorf" not in page.words


async def test_what_is_amiss_is_said(city: City, desk: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the clock was set, a certificate ends in three days << said, each with what to do."""
    monitoring = city.services.operation.monitoring
    monkeypatch.setattr(monitoring, "certificates", lambda: [("tls", "", 3.2), ("seal", "musterstadt", -1.0)])
    monkeypatch.setattr(city.services.schedule.watch, "doubt", lambda: True)
    page = await operator(desk).get("/administration")
    assert "gilt noch 3 Tage" in page.words
    assert "musterstadt gilt noch 0 Tage" in page.words
    assert "Die Uhr wurde gerade verstellt" in page.words
    assert "Alles in Ordnung" not in page.words


async def test_only_for_operators(desk: Opened) -> None:
    anna = desk.browser({TOWN: ["admin", "steward"]})
    for path in ("/administration", "/administration/new", f"/administration/participants/{TOWN}"):
        assert (await anna.get(path)).status == 404
    assert (await operator(desk).get("/administration/participants/nowhere")).status == 404


def test_every_question_and_every_errand_has_its_words() -> None:
    """>> what the command line can name << the operator's page names it, too: no code stands there."""
    for lang in ("de", "en"):
        known = catalogue(lang).keys()
        kinds = {key.removeprefix("trace.question.") for key in known if key.startswith("trace.question.")}
        work = {key.removeprefix("trace.work.") for key in known if key.startswith("trace.work.")}
        assert {f"administration.question.{kind}" for kind in kinds | QUESTIONS.keys()} <= known
        assert {f"administration.outbox.{kind}" for kind in work} <= known
        assert {f"administration.key-state.{state}" for state in get_args(State)} <= known
