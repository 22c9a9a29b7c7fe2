"""The first page: tasks and news with their next step, for this person at this participant."""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Literal, get_args

import pytest

from connector.foundation.language import catalogue, say
from connector.foundation.storage.database import PROCESS
from connector.foundation.storage.work import ask
from connector.oversight.tasks.model import Kind, News, Outcome
from connector.oversight.tasks.order import Urgency
from connector.surfaces.web.today.view import sentence
from tests.oversight.tasks.persons import add_person
from tests.surfaces.web.browsing import Opened
from tests.testkit.cities import COMPANY, MUNICIPALITY, City, Space

TOWN, FIRM = "musterstadt", "stadtwerke"
NASTY = "<script>alert(1)</script>"
ANNA = f"p-{sha256(b'Anna Beispiel').hexdigest()[:6]}"
"""What the desk of tests calls her."""


@pytest.fixture
async def city(space: Space) -> AsyncIterator[City]:
    async with space.running("it", {TOWN: MUNICIPALITY, FIRM: COMPANY}) as city:
        yield city


@pytest.mark.threat("T85")
async def test_what_waits_and_what_happened(city: City, desk: Opened) -> None:
    """>> a firm was refused, a message does not arrive << a task and news; >> all seen << no news for her."""
    made = await city.publish(TOWN, title=NASTY, visibility="members")
    refused = await city.negotiate(FIRM, city.did(TOWN), made["dataset"])
    assert refused["state"] == "TERMINATED"
    await city.services.infra.db.write(TOWN, ask, TOWN, "did:web:far.example", "quota", quota="peer_hour_starts")
    anna = desk.browser({TOWN: ["steward"]})
    page = await anna.get(f"/t/{TOWN}/")
    assert (page.status, page.h1) == (200, "Übersicht")
    assert "far.example hat heute so viel begonnen" in page.words
    assert f"Die Anfrage von Stadtwerke nach „{NASTY}“ wurde abgelehnt." in page.words
    assert NASTY not in page.text
    reader = await desk.browser({TOWN: ["auditor"]}, name="Ben").get(f"/t/{TOWN}/")
    assert "Im Moment wartet nichts auf Sie." in reader.words
    assert "wurde abgelehnt" in reader.words
    await city.services.infra.db.write(PROCESS, add_person, ANNA)
    odd = await anna.send(page, "/seen", "Alles gesehen", until="gestern")
    assert odd.status == 400
    after = await anna.send(page, "/seen", "Alles gesehen")
    assert (after.path, after.status) == (f"/t/{TOWN}/", 200)
    assert "Es ist nichts zu Ende gegangen" in after.words


def test_what_was_refused_is_told_from_where_one_stands() -> None:
    """>> a delivery, a request, to us and by us << who wanted it, whichever side refused; never the other one."""

    def told(noun: Literal["transfer", "negotiation"], by: Literal["", "us", "peer"], ours: bool) -> str:
        one = News(outcome="refused", noun=noun, subject="x", entry=1, at=0, by=by, ours=ours)
        return say(sentence(one, "de"), "de", partner="Nachbardorf", title="Bäume")

    assert told("transfer", "", True) == "Unser Abruf von „Bäume“ bei Nachbardorf wurde abgelehnt."
    assert told("transfer", "peer", True) == "Unser Abruf von „Bäume“ bei Nachbardorf wurde abgelehnt."
    assert told("transfer", "us", False) == "Nachbardorf wollte „Bäume“ abrufen und wurde abgelehnt."
    assert told("negotiation", "us", False) == "Die Anfrage von Nachbardorf nach „Bäume“ wurde abgelehnt."
    assert told("negotiation", "us", True) == "Die Verhandlung mit Nachbardorf über „Bäume“ wurde bei uns beendet."
    assert told("negotiation", "peer", True) == "Nachbardorf hat die Anfrage nach „Bäume“ abgelehnt oder beendet."


def test_every_kind_has_its_words() -> None:
    """Each task, outcome and urgency is said, in both languages, with its step."""
    for lang in ("de", "en"):
        said = catalogue(lang)
        for kind in get_args(Kind):
            assert {f"today.task.{kind}", f"today.step.{kind}"} <= said.keys()
        assert {f"today.outcome.{one}" for one in get_args(Outcome)} <= said.keys()
        assert {f"today.urgency.{one.name.lower()}" for one in Urgency} <= said.keys()
