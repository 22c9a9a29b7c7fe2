"""Deliveries: the file for whoever may have it, and links that open without a sign-in until they are taken back."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
import structlog

from connector.foundation.storage.database import Tx
from tests.surfaces.web.browsing import Browser, Opened, open_desk
from tests.testkit.cities import MUNICIPALITY, City, Space

TOWN, VILLAGE = "musterstadt", "nachbardorf"
TREES = b"Art;Hoehe\nLinde;12\nEiche;9\n"


class Received(NamedTuple):
    city: City
    opened: Opened
    path: str
    theirs: str

    def browser(self, *roles: str, at: str = VILLAGE) -> Browser:
        return self.opened.browser({at: roles} if roles else None)  # type: ignore[dict-item]


@pytest.fixture
async def received(space: Space) -> AsyncIterator[Received]:
    """A file that the village got from the town."""
    async with space.running("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY}) as city:
        made = await city.publish(TOWN, TREES)
        signed = await city.negotiate(VILLAGE, city.did(TOWN), made["dataset"])
        done = await city.fetch(VILLAGE, signed["agreement"])
        theirs = (await city.api.get(f"/api/v1/participants/{TOWN}/transfers"))["transfers"][0]["id"]
        async with open_desk(city.services) as opened:
            yield Received(
                city,
                opened,
                f"/t/{VILLAGE}/deliveries/{done['id'].removeprefix('urn:uuid:')}",
                f"/t/{TOWN}/deliveries/{theirs.removeprefix('urn:uuid:')}",
            )


async def test_both_sides_see_the_delivery_in_words(received: Received) -> None:
    clerk, other = received.browser("steward"), received.browser("steward", at=TOWN)
    listed = await clerk.get(f"/t/{VILLAGE}/deliveries")
    assert "an uns Musterstadt angekommen" in listed.words
    page = await clerk.get(received.path)
    assert "vollständig und unverändert" in page.words
    assert "27 B" in page.words
    assert (await clerk.get(received.path + "/progress")).status == 286
    theirs = await other.get(received.theirs)
    assert "An Nachbardorf" in theirs.words
    assert "Datei speichern" not in theirs.words
    assert (await other.get(received.theirs + "/file")).status == 404
    assert (await other.get(received.path)).status == 404


async def test_only_a_steward_gets_the_file(received: Received) -> None:
    """>> roles that read, nobody, the steward << no file, signing in, the bytes as an attachment."""
    for role in ("auditor", "protection", "publisher", "admin"):
        browser = received.browser(role)
        assert (await browser.get(received.path + "/file")).status == 404
        assert "Datei speichern" not in (await browser.get(received.path)).words
        assert (await browser.post(received.path + "/links", {"days": "7"})).status == 404
    assert "/sign-in" in (await received.browser().get(received.path + "/file", follow=False)).headers["Location"]
    file = await received.browser("steward").get(received.path + "/file")
    assert file.body == TREES
    assert file.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.threat("T91")
async def test_a_link_opens_the_file_for_programs_until_it_is_taken_back(received: Received) -> None:
    """>> made << shown once; >> opened without a cookie, in pieces << the file; >> taken back << gone."""
    clerk = received.browser("steward")
    page = await clerk.send(await clerk.get(received.path), "/links", days="7")
    assert "später lässt er sich nicht mehr anzeigen" in page.words
    assert "pandas.read_csv" in page.words
    address = next(word for word in page.words.split() if "/links/" in word).removeprefix(received.opened.origin)
    key = address.split("/")[3]
    assert key not in (await clerk.get(received.path)).text

    program = received.browser()
    whole = await program.get(address)
    assert (whole.status, whole.body) == (200, TREES)
    assert whole.headers["Content-Disposition"].startswith("attachment")
    assert whole.headers["Content-Type"] == "text/csv"
    assert whole.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in whole.headers
    part = await program.get(address, headers={"Range": "bytes=0-2"})
    assert (part.status, part.body) == (206, b"Art")
    for wrong in (address.replace(key, key[:-1] + "B"), address.replace(VILLAGE, TOWN), address.replace(key, "x")):
        refused = await program.get(wrong)
        assert refused.status == 404
        assert key not in refused.text

    again = await clerk.get(received.path)
    done = await clerk.send(again, "/revoke")
    assert "zurückgezogen" in done.words
    assert (await program.get(address)).status == 404


@pytest.mark.threat("T91")
async def test_a_file_that_came_is_never_run_in_the_origin_of_the_desk(received: Received) -> None:
    """>> pages, pictures with script and packed tables, by link and at the desk << bytes to be saved, of no type."""
    clerk, program = received.browser("steward"), received.browser()
    page = await clerk.send(await clerk.get(received.path), "/links", days="7")
    address = next(word for word in page.words.split() if "/links/" in word).removeprefix(received.opened.origin)
    file = received.city.services.plane.local.file(VILLAGE, f"urn:uuid:{received.path.rpartition('/')[2]}")
    assert file is not None
    for name in ("seite.html", "bild.svg", "seite.xhtml", "blatt.xml", "tabelle.csv.gz", "ohne", 'a"; x=y.html'):
        file = file.rename(file.with_name(name))
        for answer in (await program.get(address), await clerk.get(f"{received.path}/file")):
            assert (answer.status, answer.body) == (200, TREES), name
            assert answer.headers["Content-Type"] == "application/octet-stream", name
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''"), name
            assert "script-src" in answer.headers["Content-Security-Policy"]
            assert '"' not in answer.headers["Content-Disposition"]


async def test_the_data_can_be_fetched_once_more(received: Received) -> None:
    clerk = received.browser("steward")
    again = await clerk.send(await clerk.get(received.path), "/again")
    assert again.path != received.path
    found = (await received.city.api.get(f"/api/v1/participants/{VILLAGE}/transfers"))["transfers"]
    assert len(found) == 2


async def test_under_a_contract_that_is_over_nothing_is_offered_again(received: Received) -> None:
    """>> the time of the contract has run out << the file stays, and no button that could only be refused."""
    await received.city.services.infra.db.write(VILLAGE, run_out)
    page = await received.browser("steward").get(received.path)
    assert "Datei speichern" in page.words
    assert "Noch einmal abrufen" not in page.words


def run_out(tx: Tx) -> None:
    """All contracts of the participant ended an instant ago."""
    tx.run("UPDATE agreement SET expires_at = :at WHERE participant = :p", p=tx.scope, at=tx.now - 1)


async def test_a_link_of_a_wrong_length_is_not_made(received: Received) -> None:
    clerk = received.browser("steward")
    page = await clerk.get(received.path)
    assert (await clerk.send(page, "/links", days="365")).status == 400
    assert (await clerk.get(f"/t/{VILLAGE}/deliveries/nothing")).status == 404
    assert (await clerk.get(f"/t/{VILLAGE}/deliveries?before=nothing")).status in (200, 404)


@pytest.mark.threat("T91")
async def test_the_key_of_a_link_is_in_no_log(
    received: Received, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> something breaks while a link is opened << the log says where, without the key."""

    async def breaks(*args: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(received.city.services.requests.links, "open", breaks)
    with structlog.testing.capture_logs() as logged:
        assert (await received.browser().get(f"/links/{VILLAGE}/the-secret-key/a.csv")).status == 500
    assert any(one["event"] == "web.defect" for one in logged)
    assert "the-secret-key" not in str(logged) + capsys.readouterr().out
