"""What she is told, read or not, each with its next step; and her own mailbox, which nobody else sees."""

from collections.abc import AsyncIterator
from hashlib import sha256

import pytest

from connector.foundation.storage.database import PROCESS
from connector.oversight.notifications import store
from connector.oversight.notifications.model import URGENCY, Cause, Notification
from tests.oversight.tasks.persons import add_person
from tests.surfaces.web.browsing import Opened
from tests.testkit.cities import MUNICIPALITY, City, Space

TOWN = "musterstadt"
NASTY = "<script>alert(1)</script>"


@pytest.fixture
async def city(space: Space) -> AsyncIterator[City]:
    async with space.running("it", {TOWN: MUNICIPALITY}) as city:
        yield city


async def note(city: City, cause: Cause, subject: str) -> None:
    one = Notification(
        name=f"{cause}:{subject}",
        cause=cause,
        subject=subject,
        facts={
            "title": NASTY,
            "partner": "Nachbardorf",
            "until": "2026-12-01T00:00:00Z",
            "through": "2026-12-01T00:00:00Z",
            "at": "2026-12-01T00:00:00Z",
            "count": "3",
            "space": "Kreis",
            "whole": "Musterstadt",
            "reason": "Ablauf",
        },
        audience=frozenset({"steward"}),
        at=city.services.infra.clock.now(),
    )
    await city.services.infra.db.write(TOWN, store.add, TOWN, one)


@pytest.mark.threat("T85")
async def test_each_has_its_sentence_and_step_and_is_read_once(city: City, desk: Opened) -> None:
    """>> one of every cause, with a stranger's title << text with a step; >> read << under read, for her alone."""
    for cause in URGENCY:
        await note(city, cause, "abc")
    anna, berta = desk.browser({TOWN: ["steward"]}, name="Anna"), desk.browser({TOWN: ["steward"]}, name="Berta")
    page = await anna.get(f"/t/{TOWN}/notifications")
    assert page.h1 == "Benachrichtigungen"
    assert NASTY not in page.text
    assert NASTY in page.words
    steps = [text for text, href in page.links if href.startswith(f"/t/{TOWN}/") and "(" in text]
    assert len(steps) >= len(URGENCY) - 3  # pages of other rooms may not be there
    assert "endet: einschließlich" in page.words or "endet: 01.12.2026" in page.words
    after = await anna.send(page, "/notifications", "Alles als gelesen vermerken")
    assert "Es gibt nichts Neues." in after.words
    assert "Es gibt nichts Neues." not in (await berta.get(f"/t/{TOWN}/notifications")).words
    lena = await desk.browser({TOWN: ["auditor"]}, name="Lena").get(f"/t/{TOWN}/notifications")
    assert "Es gibt nichts Neues." in lena.words


@pytest.mark.threat("T94")
async def test_her_mailbox(city: City, desk: Opened) -> None:
    """>> no address << said at the field; >> one << kept, with what the mail server says; >> taken away << gone."""
    anna = desk.browser({TOWN: ["steward"]}, name="Anna")
    who, db = f"p-{sha256(b'Anna').hexdigest()[:6]}", city.services.infra.db
    await db.write(PROCESS, add_person, who)
    page = await anna.get("/account/mail")
    assert "Hier werden zurzeit keine E-Mails verschickt." in page.words
    wrong = await anna.send(page, "/account/mail", address=f"anna {NASTY}", wanted="daily")
    assert (wrong.status, NASTY in wrong.text) == (422, False)
    kept = await anna.send(wrong, "/account/mail", address="anna@musterstadt.example", wanted="daily")
    assert "anna@musterstadt.example" in kept.text
    await db.write(PROCESS, city.services.notifications.mailboxes.refused, who, f"550 {NASTY}")
    refused = await anna.get("/account/mail")
    assert "Ihre letzte E-Mail kam nicht an." in refused.words
    assert NASTY not in refused.text
    gone = await anna.send(refused, "/account/mail", address="", wanted="off")
    assert "anna@musterstadt.example" not in gone.text
