"""First steps of a town: what is done is found out, what it says of itself is asked once, samples come and go."""

from collections.abc import AsyncIterator

import pytest

from connector.foundation.storage.database import Tx
from tests.surfaces.web.browsing import Opened
from tests.testkit.cities import MUNICIPALITY, City, Space

TOWN = "musterstadt"


@pytest.fixture
async def city(space: Space) -> AsyncIterator[City]:
    async with space.running("it", {TOWN: MUNICIPALITY}) as city:
        yield city


async def test_steps_are_done_when_they_are_done(city: City, desk: Opened) -> None:
    """>> nothing said << listed, sealing >> a contact << what follows from the key >> data << counted."""
    anna = desk.browser({TOWN: ["steward", "publisher"]})
    page = await anna.get(f"/t/{TOWN}/beginning")
    assert (page.status, page.h1) == (200, "Einstieg")
    for sentence in (
        "Die Vertrauensliste nennt Sie.",
        "Ihr Siegel ist eingerichtet.",
        "Bitte geben Sie eine Möglichkeit an",
        "Geben Sie eine Datei ab",
    ):
        assert sentence in page.words
    wrong = await anna.send(page, "/details", ars="12", contact_email="x@y.example")
    assert wrong.status == 422
    assert 'value="x@y.example"' in wrong.text
    done = await anna.send(wrong, "/details", ars="064310002002", contact_email="amt@musterstadt.example")
    assert (done.path, done.status) == (f"/t/{TOWN}/beginning", 200)
    assert "06431002" in done.words
    assert "Wer Fragen zu Ihren Daten hat" in done.words

    def who(tx: Tx) -> list[str]:
        rows = tx.all("SELECT record FROM audit_entry WHERE type = 'publication' ORDER BY id DESC LIMIT 1")
        return [bytes(row["record"]).decode() for row in rows]

    (said,) = await city.services.infra.db.read(TOWN, who)
    assert '"actor":"p-' in said
    assert "musterstadt.example" not in said
    await city.publish(TOWN)
    assert "Freigegebene Daten: 1." in (await anna.get(f"/t/{TOWN}/beginning")).words


async def test_samples_come_and_go(city: City, desk: Opened) -> None:
    """>> practise << the wizard with a draft that nobody can publish >> remove << no draft, no task, no file."""
    anna = desk.browser({TOWN: ["steward", "publisher"]})
    page = await anna.get(f"/t/{TOWN}/beginning")
    wizard = await anna.send(page, "/practise")
    assert wizard.path.startswith(f"/t/{TOWN}/publish/")
    again = await anna.get(f"/t/{TOWN}/beginning")
    assert again.link("Weiter üben") in wizard.path
    assert "Entwurf" not in (await anna.get(f"/t/{TOWN}/")).words
    gone = await anna.send(again, "/remove")
    assert "Mit dem Üben beginnen" in gone.text
    folder = city.services.infra.settings.data.files / TOWN
    assert list(folder.iterdir()) == []


async def test_who_only_reads_changes_nothing(desk: Opened) -> None:
    ben = desk.browser({TOWN: ["auditor"]})
    page = await ben.get(f"/t/{TOWN}/beginning")
    assert page.status == 200
    assert [one.action for one in page.forms if "beginning" in one.action] == []
    for action in ("details", "practise", "remove"):
        assert (await ben.post(f"/t/{TOWN}/beginning/{action}")).status == 404


async def test_nobody_is_led_where_she_may_not_go(desk: Opened) -> None:
    """Bug: the step „Zwei Personen können freigeben“ led whoever grants no roles to „Hier gibt es nichts“. >> each role
    follows every „Jetzt erledigen“ << a page; who can do the step is named where there is no link."""
    for role in ("steward", "publisher", "auditor", "protection", "admin"):
        anna = desk.browser({TOWN: [role]})
        page = await anna.get(f"/t/{TOWN}/beginning")
        led = [href for text, href in page.links if text.startswith("Jetzt erledigen")]
        assert {(await anna.get(href)).status for href in led if not href.startswith("#")} <= {200}
        assert (f"/t/{TOWN}/people" in led) == (role == "admin")
        assert ("die Rolle „Verwaltung“ hat" in page.words) == (role != "admin")
        assert ("die Rolle „Freigabe“ oder „Bereitstellung“ hat" in page.words) == (
            role not in ("steward", "publisher")
        )
        assert ("#details" in led) == (role in ("steward", "admin"))
