"""The pages of contracts: what one says, what was delivered, its evidence; and evidence checked as sentences."""

import io
import zipfile
from collections.abc import AsyncIterator

import pytest

from connector.exchange.mandates.model import Wish
from connector.foundation.storage.database import Tx
from connector.surfaces.web.contracts import handlers
from connector.verify.checks.mandate import ACTIONS
from tests.surfaces.web.browsing import Opened
from tests.testkit.cities import MUNICIPALITY, City, Space

TOWN, VILLAGE = "musterstadt", "nachbardorf"
NASTY = "<script>alert(1)</script>"
LIST = f"/t/{VILLAGE}/contracts"


@pytest.fixture
async def city(space: Space) -> AsyncIterator[City]:
    async with space.running("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY}) as city:
        yield city


async def concluded(city: City, title: str = "Baumkataster") -> str:
    made = await city.publish(TOWN, title=title)
    return str((await city.negotiate(VILLAGE, city.did(TOWN), made["dataset"]))["agreement"])


async def test_no_contract_is_left_out_of_the_list(city: City, desk: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> more contracts than a page has << the rest on the next; those that data protection never saw are all found."""
    monkeypatch.setattr(handlers, "PER_PAGE", 1)
    for title in ("Baumkataster", "Brunnen"):
        await concluded(city, title)
    anna = desk.browser({VILLAGE: ["steward"]})
    for address in (LIST, f"{LIST}?state=unchecked"):
        first = await anna.get(address)
        second = await anna.get(first.link("Weiterblättern"))
        assert ["Brunnen" in first.words, "Baumkataster" in first.words] == [True, False]
        assert ["Brunnen" in second.words, "Baumkataster" in second.words] == [False, True]
    beyond = await anna.get(f"{LIST}?state=unchecked&page=9")
    assert "Zu jedem laufenden Vertrag" not in beyond.words
    assert "Brunnen" in beyond.words
    assert (await anna.get(f"{LIST}?state=over&page=x")).status == 200


@pytest.mark.threat("T31")
async def test_a_contract_says_who_acted_for_whom(city: City, desk: Opened) -> None:
    """>> a contract of the town itself, and one by its provider << nobody; the provider, at both sides, as text."""
    own = await concluded(city)
    until = city.services.infra.clock.now() + 86_400_000
    wish = Wish(agent="did:web:it.example", name=f"IT {NASTY}", actions=ACTIONS, until=until, contract="AVV 1")
    await city.services.mandates.service.give(TOWN, wish)
    acted = await concluded(city, "Brunnen")
    for slug, whose in ((TOWN, "Für uns handelte"), (VILLAGE, "Für den Partner handelte")):
        lena = desk.browser({slug: ["auditor"]}, name="Lena")
        at = f"/t/{slug}/contracts/"
        assert "handelte" not in (await lena.get(at + own.removeprefix("urn:uuid:"))).words
        page = await lena.get(at + acted.removeprefix("urn:uuid:"))
        assert f"{whose} IT {NASTY} (did:web:it.example) im Auftrag, nach AVV 1" in page.words


@pytest.mark.threat("T85")
async def test_what_a_contract_says(city: City, desk: Opened) -> None:
    """>> a contract with a title by a stranger, and a delivery << partner, times, state, clauses, delivery; as text."""
    agreement = await concluded(city, f"Bäume {NASTY}")
    await city.fetch(VILLAGE, agreement)
    lena = desk.browser({VILLAGE: ["auditor"]}, name="Lena")
    listed = await lena.get(LIST)
    assert "Musterstadt" in listed.words
    assert "Wir bekommen Daten" in listed.words
    assert "einschließlich 31.12.2099" in listed.words
    one = await lena.get(listed.link(f"Bäume {NASTY}"))
    assert "technisch erzwungen" in one.words
    assert "vertraglich zugesichert" in one.words
    assert "Nicht in dieser Oberfläche entschieden." in one.words
    assert "8 B" in one.words
    assert "Freigabe beim Partner Von selbst, nach einer Regel." in one.words
    assert NASTY not in listed.text + one.text
    assert not any(form.action.startswith(LIST) for form in one.forms)  # an auditor reads
    unchecked = await lena.get(f"{LIST}?state=unchecked")
    assert "Laufende Verträge ohne Zustimmung des Datenschutzes" in unchecked.words
    assert f"Bäume {NASTY}" in unchecked.words
    ours = await desk.browser({TOWN: ["steward"]}).get(f"/t/{TOWN}/contracts")
    assert "Von selbst, nach der veröffentlichten Regel." in ours.words


async def test_what_has_run_out_is_not_ended_again(city: City, desk: Opened) -> None:
    """>> a contract whose time is over << who gives has nothing left to do, who gets may renew; nobody ends it."""
    await concluded(city)
    for slug, words in ((TOWN, False), (VILLAGE, True)):
        anna = desk.browser({slug: ["steward"]})
        before = await anna.get((await anna.get(f"/t/{slug}/contracts")).link("Baumkataster"))
        assert "Vertrag beenden" in before.words
        await city.services.infra.db.write(slug, run_out)
        after = await anna.get((await anna.get(f"/t/{slug}/contracts?state=over")).link("Baumkataster"))
        assert ("abgelaufen" in after.words, "Vertrag beenden" in after.words) == (True, False)
        assert ("Erneuern oder ersetzen" in after.words) is words


def run_out(tx: Tx) -> None:
    """All contracts of the participant ended an instant ago."""
    tx.run("UPDATE agreement SET expires_at = :at WHERE participant = :p", p=tx.scope, at=tx.now - 1)


async def test_text_and_evidence(city: City, desk: Opened) -> None:
    """>> the text << a page on which nothing runs; >> the evidence << a file, which the page itself finds right."""
    await concluded(city)
    lena = desk.browser({VILLAGE: ["auditor"]}, name="Lena")
    one = await lena.get((await lena.get(LIST)).link("Baumkataster"))
    text = await lena.get(one.link("Vertragstext lesen"))
    assert "sandbox" in text.headers["Content-Security-Policy"]
    evidence = await lena.get(one.link("Nachweis herunterladen"))
    assert evidence.headers["Content-Disposition"].startswith("attachment; filename=")
    page = await lena.get(f"{LIST}/check")
    good = await lena.send(page, "/check", file=("file", "nachweis.zip", evidence.body))
    assert good.status == 200
    assert "stimmt nicht" not in good.words
    assert "Der Nachweis hält" in good.words
    assert "Der Nachweis hält nicht" not in good.words
    bad = await lena.send(page, "/check", file=("file", "nachweis.zip", _bent(evidence.body)))
    assert "Der Nachweis hält nicht." in bad.words
    assert "stimmt nicht" in bad.words


def _bent(body: bytes) -> bytes:
    """The bundle with one sign of the text changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as packed, zipfile.ZipFile(out, "w") as bent:
        for name in packed.namelist():
            data = packed.read(name)
            bent.writestr(name, data.replace(b"Musterstadt", b"Mustersdatt", 1) if name == "text-de.html" else data)
    return out.getvalue()


@pytest.mark.threat("T95")
async def test_what_is_no_evidence(desk: Opened) -> None:
    """>> no file, an empty one, something else << each said in words, nothing kept."""
    lena = desk.browser({VILLAGE: ["auditor"]}, name="Lena")
    page = await lena.get(f"{LIST}/check")
    other = await lena.send(page, "/check", file=("file", "x.zip", NASTY.encode() * 1000))
    assert (other.status, "Der Nachweis hält nicht." in other.words) == (200, True), other.words
    assert NASTY not in other.text
    assert (await lena.send(page, "/check", file=("file", "x.zip", b""))).status == 422
    assert (await lena.send(page, "/check")).status == 422


async def test_strangers_see_nothing(city: City, desk: Opened) -> None:
    """>> a contract of a participant at which one has no role, and one that is not there << nothing."""
    agreement = (await concluded(city)).removeprefix("urn:uuid:")
    other = desk.browser({TOWN: ["steward"], VILLAGE: []}, name="Otto")
    assert (await other.get(f"{LIST}/{agreement}")).status == 404
    lena = desk.browser({VILLAGE: ["auditor"]}, name="Lena")
    for part in ("", "/text", "/evidence"):
        assert (await lena.get(f"{LIST}/nothing{part}")).status == 404
