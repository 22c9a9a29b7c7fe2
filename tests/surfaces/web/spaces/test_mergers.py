"""Mergers at the desk of who keeps a space: everybody there reads them, two stewards decide, each once."""

import pytest

from connector.dataspace.spaces.model import Rules
from tests.dataspace.spaces.conftest import COUNTY, PEOPLE, TOWN, joined
from tests.dataspace.spaces.mergers import listed, say
from tests.surfaces.web.spaces.conftest import CountyDesk, Desks

BERT = PEOPLE[1]
PLACE = f"/t/{COUNTY}/space/mergers"


@pytest.fixture
async def asked(desks: Desks) -> str:
    """A town says to be part of the county, whose people's word is the county's; its DID."""
    await desks.county.authority.change_rules(COUNTY, Rules(checklist=("letter",)))
    await joined(desks.town, TOWN, desks.county)
    await listed(desks.county, desks.town)
    await say(desks.town, TOWN, desks.county, into=desks.county.city.did(COUNTY))
    return desks.town.did(TOWN)


@pytest.mark.threat("T122")
async def test_two_people_agree_at_the_desk(desks: Desks, asked: str) -> None:
    """>> an auditor looks; Anna agrees; Bert agrees << read without forms; one more is needed, and not from Anna; then
    it is in the list, and nobody is asked any more."""
    rita = await desks.at_county("rita@kreis.example", "auditor")
    page = await rita.get(PLACE)
    assert "Musterstadt ist seit 01.01.2026 Teil von Kreis." in page.words
    assert [form.action for form in page.forms if "mergers" in form.action] == []
    anna, bert = await desks.at_county(), await desks.at_county(BERT)
    page = await anna.get((await anna.get(f"/t/{COUNTY}/space")).link("Zusammenschlüsse"))
    page = await anna.send(page, "/space/mergers/approve", "Dem Zusammenschluss zustimmen")
    assert page.path == PLACE
    assert "Dem Zusammenschluss zustimmen" not in page.words
    page = await bert.send(await bert.get(PLACE), "/space/mergers/approve", "Dem Zusammenschluss zustimmen")
    assert "in der Liste" in page.words
    await listed(desks.county, desks.town)
    assert desks.town.services.trust.anchor.entries[asked].merged_into is not None


async def test_the_part_reads_at_its_own_desk_whose_part_it_is(desks: Desks, asked: str) -> None:
    """>> said, and then agreed to << nothing; on the page of its spaces and on that of the space, since the day."""
    tina, words = await desks.at_town(), "Teil von Kreis seit 01.01.2026"
    page = await tina.get(f"/t/{TOWN}/spaces")
    assert words not in page.words
    for who in PEOPLE[:2]:
        await desks.county.city.services.spaces.mergers.approve(COUNTY, asked, who)
    await listed(desks.county, desks.town)
    page = await tina.get(f"/t/{TOWN}/spaces")
    assert words in page.words
    page = await tina.get(page.link("Datenraum Musterkreis"))
    assert f"Zusammengeschlossen {words}" in page.words


@pytest.mark.threat("T122")
async def test_nobody_agrees_to_what_was_not_on_her_page(desks: Desks, asked: str) -> None:
    """>> Anna reads; the town says another day; she agrees; she reads again, and agrees << told to read again, and no
    vote of hers; then it counts."""
    anna = await desks.at_county()
    page = await anna.get(PLACE)
    await say(desks.town, TOWN, desks.county, into=desks.county.city.did(COUNTY), day="2026-02-01")
    page = await anna.send(page, "/space/mergers/approve", "Dem Zusammenschluss zustimmen")
    assert (page.status, "Lesen Sie es noch einmal" in page.words) == (422, True)
    (one,) = await desks.county.city.services.spaces.mergers.all(COUNTY)
    assert one.merger.ballot.votes == ()
    page = await anna.send(page, "/space/mergers/approve", "Dem Zusammenschluss zustimmen")
    (one,) = await desks.county.city.services.spaces.mergers.all(COUNTY)
    assert (len(one.merger.ballot.votes), one.missing(desks.county.city.services.infra.clock.now())) == (1, 1)


async def test_a_no_needs_a_reason(desks: Desks, asked: str) -> None:
    """>> refused with two characters, with a sentence << asked for a reason; refused, with it."""
    anna = await desks.at_county(lang="en")
    page = await anna.send(await anna.get(PLACE), "/space/mergers/refuse", "Refuse", reason="ne")
    assert (page.status, "Please give a reason" in page.words) == (422, True)
    page = await anna.send(await anna.get(PLACE), "/space/mergers/refuse", "Refuse", reason="No resolution.")
    assert "No resolution." in page.words
    assert "refused" in page.words
    (one,) = await desks.county.city.services.spaces.mergers.all(COUNTY)
    assert (one.member.did, one.merger.listed) == (asked, None)


async def test_nobody_has_said_anything(desk: CountyDesk) -> None:
    assert "Niemand hat einen Zusammenschluss gemeldet." in (await (await desk.at_county()).get(PLACE)).words


@pytest.mark.threat("T122")
async def test_a_town_takes_its_word_back_at_its_desk(desks: Desks, asked: str) -> None:
    """>> Tina and an auditor look; Anna agrees; Tina takes it back; Anna looks, and the page of before agrees << said,
    with a form for the steward alone; nothing left of it; taken back, and that is what Anna reads."""
    where = f"/t/{TOWN}/spaces"
    rita = await desks.at_town("rita@musterstadt.example", "auditor")
    page = await rita.get((await rita.get(where)).link("Datenraum Musterkreis"))
    assert "noch nicht entschieden Gemeldet: Sie sind seit 01.01.2026 Teil von Kreis." in page.words
    assert [form.action for form in page.forms if "withdraw" in form.action] == []
    anna, tina = await desks.at_county(), await desks.at_town()
    before = await anna.get(PLACE)
    page = await tina.get((await tina.get(where)).link("Datenraum Musterkreis"))
    page = await tina.send(page, "/spaces/merger/withdraw", "Meldung zurücknehmen")
    assert "Zusammenschlüsse" not in page.words
    page = await anna.send(before, "/space/mergers/approve", "Dem Zusammenschluss zustimmen")
    assert (page.status, "Das Mitglied hat zurückgenommen, was es gemeldet hatte." in page.words) == (422, True)
    assert "zurückgenommen Gemeldet: Musterstadt ist seit 01.01.2026 Teil von Kreis." in page.words


@pytest.mark.threat("T122")
async def test_what_was_decided_meanwhile_is_not_taken_back(desks: Desks, asked: str) -> None:
    """>> Tina looks; two agree; she takes it back << told that it is decided."""
    tina = await desks.at_town()
    page = await tina.get((await tina.get(f"/t/{TOWN}/spaces")).link("Datenraum Musterkreis"))
    for who in PEOPLE[:2]:
        await desks.county.city.services.spaces.mergers.approve(COUNTY, asked, who)
    page = await tina.send(page, "/spaces/merger/withdraw", "Meldung zurücknehmen")
    assert (page.status, "Darüber ist schon entschieden" in page.words) == (422, True)
