"""A town at its desk on the way into a space: the link, the telephone, two documents, and out again."""

import pytest
from msgspec.structs import replace

from connector.dataspace.spaces.documents import Description
from connector.dataspace.spaces.model import fingerprint
from connector.foundation.errors import PeerError, Unavailable
from connector.identity.trust.keys.jwk import decode, encode
from connector.identity.trust.members.pin import URN
from tests.dataspace.spaces.conftest import COUNTY, TOWN
from tests.surfaces.web.browsing import Browser, Page
from tests.surfaces.web.spaces.conftest import ANNA, BERT, Desks

SPACES = f"/t/{TOWN}/spaces"


async def read_out(desks: Desks) -> str:
    """The end of the fingerprint, as the county says it on the telephone."""
    said = await desks.county.authority.description(COUNTY)
    return " ".join(fingerprint(said.authority).split()[-2:])


async def compared(desks: Desks, tina: Browser) -> Page:
    """Up to the documents."""
    invited = await desks.county.invite()
    page = await tina.send(await tina.get(f"{SPACES}/join"), link=invited.link)
    return await tina.send(page, "/spaces/apply", typed=await read_out(desks))


async def handed_in(desks: Desks, tina: Browser) -> Page:
    page = await compared(desks, tina)
    page = await tina.send(page, "/spaces/apply", file=("file", "beschluss.pdf", b"%PDF one"))
    return await tina.send(page, "/spaces/apply", file=("file", "siegel.pdf", b"%PDF two"))


@pytest.mark.threat("T120")
async def test_from_a_link_to_a_member_and_out_again(desks: Desks) -> None:
    """>> Tina joins with two documents; Anna and Bert check and agree; Tina leaves << no address ever held the link."""
    tina = await desks.at_town()
    page = await handed_in(desks, tina)
    assert (page.path, page.h1) == (f"{SPACES}/one", "Datenraum Musterkreis")
    assert "wartet auf Zustimmung" in page.words
    (waiting,) = await desks.county.applications.all(COUNTY)
    assert [(one.name, one.size) for one in waiting.attachments] == [("Beschluss", 8), ("Siegel", 8)]
    place = f"/t/{COUNTY}/applications/{waiting.id}"
    for number, login in enumerate((ANNA, BERT)):
        person = await desks.at_county(login)
        page = await person.get(place)
        if not number:
            page = await person.send(page, "/check", found="good", note="Frau Muster, 3. März")
        page = await person.send(page, "/approve", "Zustimmen")
    assert "angenommen" in page.words
    await desks.county.issue()
    page = await tina.send(await tina.get((await tina.get(SPACES)).link("Datenraum Musterkreis")), "/progress")
    assert "Sie gehören zu „Datenraum Musterkreis“." in page.words
    assert "Geschieht von selbst, 60 Tage vor dem Ende." in page.words
    page = await tina.send(page, "/spaces/leave")
    assert (page.status, "Bitte bestätigen Sie" in page.words) == (422, True)
    page = await tina.send(page, "/spaces/leave", sure="yes")
    assert "ausgetreten" in page.words


@pytest.mark.threat("T104")
async def test_the_end_of_the_fingerprint_is_not_on_the_page(desks: Desks) -> None:
    """>> whatever the page has is sent back, or another end << nothing leaves; only what the county reads out does."""
    tina, invited, end = await desks.at_town(), await desks.county.invite(), await read_out(desks)
    page = await tina.send(await tina.get(f"{SPACES}/join"), link=invited.link)
    assert "2 Personen der Stelle, die den Datenraum führt, müssen zustimmen." in page.words
    assert not any(form in page.text for form in (end, end.replace(" ", ""), end.split()[1] + "<"))
    for typed in ("", "0000 0000", end[:-1]):
        page = await tina.send(page, "/spaces/apply", typed=typed)
        assert (page.status, "Dieser Fingerabdruck passt nicht" in page.words) == (422, True)
    assert await desks.county.applications.all(COUNTY) == []


@pytest.mark.threat("T104")
async def test_a_key_that_only_ends_alike_is_not_believed(desks: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a bent link shows the county's key while Tina compares, then one with the same end << it begins anew."""
    tina, invited, end = await desks.at_town(), await desks.county.invite(), await read_out(desks)
    page = await tina.send(await tina.get(f"{SPACES}/join"), link=invited.link)
    said = await desks.county.authority.description(COUNTY)
    forged = bytearray(decode(said.authority.removeprefix(URN)))
    forged[0] ^= 1
    other = replace(said, authority=URN + encode(bytes(forged)))
    assert (other.fingerprint != said.fingerprint, other.fingerprint.endswith(end)) == (True, True)

    async def served(root: str) -> Description:
        return other

    monkeypatch.setattr(desks.town.services.spaces.joining, "_described", served)
    page = await tina.send(page, "/spaces/apply", typed=end)
    assert (page.status, page.path, "mit einem anderen Schlüssel bekannt" in page.words) == (
        422,
        f"{SPACES}/apply",
        True,
    )
    assert "Beschluss" not in page.words
    assert await desks.town.services.spaces.joining.all(TOWN) == []


@pytest.mark.threat("T120")
async def test_the_link_is_in_no_address_and_not_shown_again(desks: Desks) -> None:
    """>> a link that is none, or leads nowhere << said so, without showing it; one in the query << not looked at."""
    tina = await desks.at_town()
    form = await tina.get(f"{SPACES}/join")
    for link in ("https://kreis.example/space#short", "https://localhost:1/space#" + "a" * 43):
        page = await tina.send(form, link=link)
        assert (page.status, page.path) == (422, f"{SPACES}/join")
        assert link not in page.text
    invited = await desks.county.invite()
    page = await tina.get(f"{SPACES}/join?link={invited.code}")
    assert invited.code not in page.text.replace(f"?link={invited.code}", "").replace(f"%3Flink%3D{invited.code}", "")
    page = await tina.send(page, link=invited.link)
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "same-origin"


async def test_documents_are_bounded_and_none_is_empty(desks: Desks) -> None:
    tina = await desks.at_town()
    page = await compared(desks, tina)
    assert "Beschluss (1 von 2)" in page.words
    for body, said in ((b"", "Datei"), (b"x" * 200_000, "höchstens 131 kB")):
        page = await tina.send(page, "/spaces/apply", file=("file", "x.pdf", body))
        assert (page.status, said in page.words) == (422, True)
    page = await tina.send(page, "/spaces/apply", file=("file", "x.pdf", b"x" * 131_000))
    page = await tina.send(page, "/spaces/apply", file=("file", "y.pdf", b"y" * 1_000))
    assert (page.status, "höchstens 131 kB" in page.words) == (422, True)
    page = await tina.send(page, "/spaces/apply", file=("file", "y.pdf", b"y"))
    assert "wartet auf Zustimmung" in page.words


async def test_a_refusal_is_read_with_its_reason(desks: Desks) -> None:
    """>> Bert refuses << the town reads why; markup in it is text, and a new link is needed."""
    tina = await desks.at_town()
    await handed_in(desks, tina)
    (waiting,) = await desks.county.applications.all(COUNTY)
    bert = await desks.at_county(BERT)
    page = await bert.send(await bert.get(f"/t/{COUNTY}/applications/{waiting.id}"), "/refuse", reason=" ")
    assert page.status == 422
    await bert.send(page, "/refuse", reason="<b>Der Beschluss</b> fehlt.")
    page = await tina.send(await tina.get((await tina.get(SPACES)).link("Datenraum Musterkreis")), "/progress")
    assert "abgelehnt" in page.words
    assert "Grund: <b>Der Beschluss</b> fehlt." in page.words
    assert "neuen Einladungslink" in page.words


async def test_an_application_is_taken_back(desks: Desks) -> None:
    tina = await desks.at_town()
    page = await handed_in(desks, tina)
    page = await tina.send(page, "/spaces/leave", sure="yes")
    assert "ausgetreten" in page.words
    (one,) = await desks.county.applications.all(COUNTY)
    assert one.state == "withdrawn"


async def test_an_authority_that_does_not_let_go_is_said(desks: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> it refuses with a code whose sentence asks for facts that nobody sent, then it is away << said; we stay in."""
    tina = await desks.at_town()
    page = await handed_in(desks, tina)
    for problem in (PeerError("spaces.member-already"), Unavailable("http.unreachable", host="kreis", reason="")):

        async def refused(*args: object, problem: Exception = problem) -> object:
            raise problem

        monkeypatch.setattr(desks.town.services.spaces.joining, "request", refused)
        page = await tina.send(page, "/spaces/leave", sure="yes")
        assert page.status == 422
        assert "wartet auf Zustimmung" in page.words


async def test_who_may_not_join_reads_why(desks: Desks) -> None:
    rita = await desks.at_town("rita@musterstadt.example", "auditor")
    page = await rita.get(SPACES)
    assert "Beitreten und austreten kann nur, wer bei Ihnen die Rolle Freigabe hat." in page.words
    assert (await rita.get(f"{SPACES}/join")).status == 404
