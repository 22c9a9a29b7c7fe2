"""From a file to an offer at the desk, as a person goes it: without script, by forms and links alone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connector.data.catalogue.templates.templates import templates
from connector.foundation.errors import Mistake
from connector.foundation.language import local_time, say
from connector.identity.accounts import store
from connector.surfaces.web.publish import terms
from tests.kernel.reading.files import TREES
from tests.surfaces.web.browsing import Browser, Opened, Page
from tests.testkit.cities import MUNICIPALITY, City, Space

TOWNS = {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY}
HOME = "/t/musterstadt"
FILE = TREES.encode("cp1252")
NASTY = '"><img src=x onerror=alert(1)>'


@pytest.fixture
async def city(space: Space) -> AsyncIterator[City]:
    async with space.running("it", TOWNS) as made:
        yield made


@pytest.fixture
async def anna(desk: Opened) -> Browser:
    return desk.browser({"musterstadt": ["steward"]})


async def handed_in(who: Browser, content: bytes = FILE, name: str = "Baumkataster_2024.csv") -> Page:
    start = await who.get(f"{HOME}/publish")
    return await who.settled(await who.send(start, "/file", file=("file", name, content)))


async def ruled(who: Browser, page: Page, rule: str = "municipalities-only", **filled: str | list[str]) -> Page:
    """From the description to the check."""
    page = await who.send(page, "/description", "Weiter")
    page = await who.send(page, "/rule", "Weiter", rule=rule)
    return await who.send(page, "/terms", "Weiter", **filled)  # type: ignore[arg-type]


async def test_a_windows_1252_file_with_semicolons_is_published(anna: Browser, desk: Opened) -> None:
    """>> a file, a description, a rule, a check << an offer; four pages, five buttons, six questions at most."""
    page = await handed_in(anna)
    assert page.h1 == "Beschreibung"
    assert "Trennzeichen Semikolon; Dezimalkomma" in page.words
    assert "Zeilen: 3, Spalten: 7" in page.words
    fields = {name for name, _ in page.form("/description").fields} - {"form", "version"}
    assert fields == {"title", "description", "frequency", "theme"}
    assert dict(page.form("/description").fields)["title"] == "Baumkataster"
    page = await anna.send(page, "/description", "Weiter", description="Alle Bäume der Stadt.")
    assert page.h1 == "Regel"
    page = await anna.send(page, "/rule", "Weiter", rule="municipal-purpose")
    assert "Wer die Daten heute nutzen könnte" in page.words
    page = await anna.send(page, "/terms", "Weiter", **{"slot-until": "2099-12-31"})
    assert page.h1 == "Prüfen und veröffentlichen"
    assert "Winterlinde" in page.words
    assert "1 Kommune, 0 Firmen" in page.words
    page = await anna.send(page, "/publish", "Veröffentlichen")
    assert page.h1 == "Veröffentlicht"
    assert "Rückgängig machen" in page.words
    assert "Baumkataster" in (await anna.get(f"{HOME}/datasets")).words


async def test_two_windows_publish_one_dataset(anna: Browser) -> None:
    """Bug: the second window, and going back in the first, said that it had not worked. >> the same draft is published
    in two windows at once, then going back << one dataset; each is told that it is published."""
    page = await ruled(anna, await handed_in(anna))
    windows = [await anna.get(page.path), await anna.get(page.path)]
    shown = await asyncio.gather(*(anna.send(one, "/publish", "Veröffentlichen") for one in windows))
    assert [one.h1 for one in shown] == ["Veröffentlicht", "Veröffentlicht"]
    for step in ("description", "rule", "terms", "check"):
        assert (await anna.get(page.path.replace("check", step))).h1 == "Veröffentlicht"
    assert (await anna.send(windows[1], "/publish", "Veröffentlichen")).h1 == "Veröffentlicht"
    assert (await anna.get(f"{HOME}/datasets")).words.count("Baumkataster") == 1


async def test_a_file_that_nobody_looks_into_says_so(anna: Browser) -> None:
    page = await handed_in(anna, b"%PDF-1.7 ...", "liste.pdf")
    assert "Ob Personen darin stehen, haben wir nicht gesucht" in page.words
    page = await handed_in(anna, b"Ort;Jahr\n", "liste.csv")
    assert "In der Datei steht keine einzige Zeile mit Daten" in page.words


async def test_undo_gives_the_draft_back(anna: Browser) -> None:
    page = await anna.send(await ruled(anna, await handed_in(anna)), "/publish", "Veröffentlichen")
    assert "Wer bis dahin einen Vertrag geschlossen oder eine offene Datei geladen hat, behält sie" in page.words
    page = await anna.send(page, "/undo", "Rückgängig machen")
    assert page.h1 == "Prüfen und veröffentlichen"
    assert "zurückgezogen" in (await anna.get(f"{HOME}/datasets")).words


async def test_hints_on_persons_are_answered_first(anna: Browser) -> None:
    """>> a column of names << no way on without an answer, and the answer is shown again before publishing."""
    page = await handed_in(anna, "Nr;Ansprechpartner\n1;Sabine Müller\n2;Max Bauer\n".encode(), "liste.csv")
    assert "Bei 2 von 2 Werten sieht es nach Namen von Personen aus" in page.words
    again = await anna.send(page, "/description", "Weiter")
    assert (again.status, "Hier fehlt noch eine Antwort." in again.words) == (422, True)
    page = await anna.send(again, "/description", "Weiter", **{"hint-0": "remove"})
    page = await anna.send(page, "/rule", "Weiter", rule="municipalities-only")
    page = await anna.send(page, "/terms", "Weiter")
    assert "Bitte nehmen Sie sie aus der Datei" in page.words
    assert not [one for one in page.forms if one.action.endswith("/publish")]
    page = await anna.send(
        await anna.get(page.path.replace("check", "description")), "/description", **{"hint-0": "nobody"}
    )
    page = await anna.get(page.path.replace("rule", "check"))
    assert "Nein, damit sind keine Personen gemeint" in page.words
    assert (await anna.send(page, "/publish", "Veröffentlichen")).h1 == "Veröffentlicht"


async def test_a_file_that_is_no_file(anna: Browser) -> None:
    page = await handed_in(anna, b"", "leer.csv")
    assert "In der Datei steht nichts." in page.words
    page = await handed_in(anna, b"<!DOCTYPE html><html><body>Anmelden</body></html>", "daten.csv")
    assert "Das ist eine Internetseite" in page.words
    nothing = await anna.post(
        f"{HOME}/publish/file", {"form": dict((await anna.get(f"{HOME}/publish")).form("/file").fields)["form"]}
    )
    assert (nothing.status, "Es wurde keine Datei mitgeschickt." in nothing.words) == (422, True)
    inward = await anna.send(
        await anna.get(f"{HOME}/publish"),
        "/source/http",
        **{"http-url": "http://town.example/a.csv", "http-authorization": "Basic c2VjcmV0"},
    )
    assert (inward.status, "keine Adresse, von der wir Daten holen" in inward.words) == (422, True)
    assert "http://town.example/a.csv" in inward.text
    assert "c2VjcmV0" not in inward.text, "a login is not sent back"
    assert 'href="#f-http-url"' in inward.text
    bent = await anna.send(
        inward, "/source/http", **{"http-url": "https://a.example/x", "http-authorization": "Bäsic c2VjcmV0"}
    )
    assert (bent.status, 'href="#f-http-authorization"' in bent.text, "c2VjcmV0" in bent.text) == (422, True, False)


async def test_two_windows_and_what_was_typed_is_not_lost(anna: Browser) -> None:
    first = await handed_in(anna)
    second = await anna.get(first.path)
    await anna.send(first, "/description", "Weiter", title="Aus dem ersten Fenster")
    late = await anna.send(second, "/description", "Weiter", title="Aus dem zweiten Fenster")
    assert (late.status, "in einem anderen Fenster" in late.words) == (422, True)
    assert dict(late.form("/description").fields)["title"] == "Aus dem zweiten Fenster"
    assert (await anna.send(late, "/description", "Weiter")).h1 == "Regel"
    listed = await anna.get(f"{HOME}/publish")
    assert "Aus dem zweiten Fenster" in listed.words


async def test_a_rule_that_is_not_filled_comes_back(anna: Browser) -> None:
    page = await anna.send(await handed_in(anna), "/description", "Weiter")
    nothing = await anna.send(page, "/rule", "Weiter")
    assert (nothing.status, "Bitte wählen Sie eine Regel." in nothing.words) == (422, True)
    page = await anna.send(page, "/rule", "Weiter", rule="municipal-purpose")
    wrong = await anna.send(page, "/terms", "Weiter", **{"slot-until": ""})
    assert (wrong.status, "fehlt oder passt noch nicht" in wrong.words) == (422, True)
    unknown = await anna.send(await anna.get(page.path.replace("terms", "rule")), "/rule", rule="nothing")
    assert (unknown.status, "wird hier nicht angeboten" in unknown.words) == (400, True)


class _Form:
    """Of a call what an error says: the language of the person."""

    lang = "de"

    def say(self, key: str, **facts: Any) -> str:
        return say(key, self.lang, **facts)


def test_bug_a_blank_was_called_as_in_another_template() -> None:
    """>> each blank of each template is empty << it is called as the form of that template calls it."""
    call: Any = _Form()
    for one in templates():
        for name, slot in one.slots.items():
            said = terms.error_sentence(call, Mistake("policy.slot-missing", slot=name, template=one.id), one.id)
            assert f"„{slot.label['de']}“" in said, (one.id, name)


async def test_the_effect_of_a_rule_while_it_is_filled_in(anna: Browser) -> None:
    page = await anna.send(await handed_in(anna), "/description", "Weiter")
    page = await anna.send(page, "/rule", "Weiter", rule="municipal-purpose")
    part = await anna.get(
        page.path.replace("terms", "preview") + "?slot-until=2099-12-31&slot-kinds=municipality",
        headers={"HX-Request": "true"},
    )
    assert ("1 Kommune, 0 Firmen" in part.words, "<html" in part.text) == (True, False)
    assert "1 Jahr 2 Jahre" in page.words
    assert "Zweck liegt im Bereich Verwaltungsaufgaben. vertraglich zugesichert" in part.words
    bad = await anna.get(page.path.replace("terms", "preview") + "?slot-until=x", headers={"HX-Request": "true"})
    assert (bad.status, "fehlt oder passt noch nicht" in bad.words) == (200, True)


async def test_open_data_has_a_licence_and_no_contract(anna: Browser) -> None:
    page = await anna.send(await handed_in(anna), "/description", "Weiter")
    page = await anna.send(page, "/rule", "Weiter", rule="open-data")
    page = await anna.send(page, "/terms", "Weiter", licence="dl-zero-de/2.0")
    assert "Datenlizenz Deutschland – Zero" in page.words
    assert (await anna.send(page, "/publish", "Veröffentlichen")).h1 == "Veröffentlicht"


async def test_whoever_may_only_draft_hands_it_in(desk: Opened, city: City) -> None:
    """>> a publisher where nobody could agree << told so on the page, and nothing is lost."""
    paula = desk.browser({"musterstadt": ["publisher"]}, name="Paula")
    page = await ruled(paula, await handed_in(paula))
    assert "Zur Freigabe geben" in page.words
    page = await paula.send(page, "/publish", "Zur Freigabe geben")
    assert page.status == 422
    assert "Baumkataster" in (await paula.get(f"{HOME}/publish")).words
    assert (await paula.post(f"{page.path.removesuffix('/publish')}/undo", {})).status == 404


@pytest.mark.threat("T93")
async def test_whoever_agrees_sees_the_file_and_what_was_answered_about_persons(desk: Opened, city: City) -> None:
    """>> a publisher says of a column of names that nobody is meant << the steward reads that before her yes."""
    anna = await city.services.accounts.people.add("anna", "Anna")
    await city.services.infra.db.write(
        "musterstadt", lambda tx: store.grant(tx, "musterstadt", anna.id, "steward", "x")
    )
    paula = desk.browser({"musterstadt": ["publisher"]}, name="Paula")
    page = await handed_in(paula, "Nr;Ansprechpartner\n1;Sabine Müller\n2;Max Bauer\n".encode(), "liste.csv")
    page = await paula.send(page, "/description", "Weiter", **{"hint-0": "nobody"})
    page = await paula.send(page, "/rule", "Weiter", rule="municipalities-only")
    page = await paula.send(page, "/terms", "Weiter")
    assert (await paula.send(page, "/publish", "Zur Freigabe geben")).status == 200
    berta = desk.browser({"musterstadt": ["steward"]}, name="Berta")
    (waiting,) = await city.services.infra.db.read(
        "musterstadt", city.services.approvals.service.waiting, "musterstadt"
    )
    words = (await berta.get(f"{HOME}/approvals/{waiting.id}")).words
    assert "Datei liste.csv," in words
    assert "Zeilen: 2" in words
    assert "Sichtbar Alle Mitglieder sehen, dass es die Daten gibt." in words
    assert "Hinweis auf Personen in „Ansprechpartner“" in words
    assert "Nein, damit sind keine Personen gemeint" in words


async def test_a_map_beside_the_table(anna: Browser) -> None:
    page = await ruled(anna, await handed_in(anna))
    assert "data-map=" in page.text
    features = await anna.get(page.path.replace("check", "map"))
    assert (features.headers["Content-Type"], features.text.count('Feature"')) == ("application/geo+json", 3)


@pytest.mark.threat("T89")
async def test_what_stands_in_a_file_is_text_on_a_page(anna: Browser) -> None:
    """>> HTML in the file's name, a column, a value, a title << shown, never run."""
    content = f"{NASTY};b\n{NASTY};1\n".encode()
    page = await handed_in(anna, content, f"{NASTY.replace('/', '')}.csv")
    page = await anna.send(page, "/description", "Weiter", title=NASTY, description=NASTY)
    page = await anna.send(page, "/rule", "Weiter", rule="municipalities-only")
    page = await anna.send(page, "/terms", "Weiter")
    assert NASTY in page.words
    for path in (page.path, page.path.replace("check", "description"), f"{HOME}/publish"):
        assert "<img src=x" not in (await anna.get(path)).text


async def test_drafts_are_for_those_who_publish(desk: Opened, anna: Browser) -> None:
    page = await handed_in(anna)
    reader = desk.browser({"musterstadt": ["auditor"]}, name="Rita")
    other = desk.browser({"nachbardorf": ["steward"]}, name="Nora")
    assert [(await who.get(page.path)).status for who in (reader, other)] == [404, 404]
    theirs = page.path.replace("musterstadt", "nachbardorf")
    assert (await other.get(theirs)).status == 404
    listed = await anna.send(await anna.get(f"{HOME}/publish"), "/discard", "Verwerfen Baumkataster")
    assert "Noch nicht veröffentlicht" not in listed.words


async def test_all_of_it_in_english(desk: Opened) -> None:
    anna = desk.browser({"musterstadt": ["steward"]}, lang="en")
    page = await handed_in(anna)
    page = await anna.send(page, "/description", "Continue")
    page = await anna.send(page, "/rule", "Continue", rule="municipalities-only")
    page = await anna.send(page, "/terms", "Continue")
    assert (await anna.send(page, "/publish", "Publish")).h1 == "Published"


async def test_what_a_program_handed_in(anna: Browser, city: City) -> None:
    """>> a file that lies here unpublished << chosen from a list, read like any other, and on no list any more."""

    class Body:
        left = FILE

        async def read(self, n: int = -1) -> bytes:
            piece, self.left = self.left, b""
            return piece

    services = city.services
    source = await services.catalogue.uploads.take("musterstadt", "aus dem GIS.csv", Body())
    await services.infra.db.write("musterstadt", services.catalogue.service.register, "musterstadt", source)
    (kept,) = await services.infra.db.read("musterstadt", services.catalogue.service.unpublished, "musterstadt")
    start = await anna.get(f"{HOME}/publish")
    assert f"aus dem GIS.csv, abgegeben am {local_time(kept.created_at, 'de')}" in start.words
    page = await anna.settled(await anna.send(start, "/known", source=source.id))
    assert (page.h1, "Zeilen: 3, Spalten: 7" in page.words) == ("Beschreibung", True)
    assert "aus dem GIS.csv" not in dict((await anna.get(f"{HOME}/publish")).form("/file").fields).values()
    assert not [one for one in (await anna.get(f"{HOME}/publish")).forms if one.action.endswith("/known")]
    gone = await anna.send(start, "/known", source=source.id)
    assert gone.path == page.path or gone.status == 422


async def test_somebody_knows_the_zone(anna: Browser) -> None:
    page = await handed_in(anna)
    assert "geraten, bitte prüfen" in page.words
    page = await anna.settled(await anna.send(page, "/zone", "Zone 32 (die meisten Länder)"))
    assert ("UTM-Koordinaten, Zone 32 (wahrscheinlich)" in page.words, "Wo liegen die Orte?" in page.words) == (
        True,
        False,
    )
