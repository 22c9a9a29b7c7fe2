"""Groups at a town's desk: asked, agreed, left; and what is said when the authority is away."""

import pytest

from connector.dataspace.spaces.model import Rules
from connector.foundation.errors import Unavailable
from tests.dataspace.spaces.conftest import COUNTY, TOWN, joined
from tests.surfaces.web.spaces.conftest import ANNA, Desks

PAGE = f"/t/{TOWN}/spaces/groups"


async def test_a_town_agrees_and_leaves(desks: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the county asks the town into a group with markup for a name << asked, in it, not in it; an auditor only
    reads; an authority that is away is said."""
    county, groups = desks.county, desks.county.city.services.spaces.groups
    await county.authority.change_rules(COUNTY, Rules(checklist=("letter",)))
    await joined(desks.town, TOWN, county)
    tina = await desks.at_town()
    assert "Ihre Datenräume haben keine Verbünde." in (await tina.get(PAGE)).words
    await groups.put(COUNTY, "it", {"de": "<b>IT</b>", "en": "IT"}, login=ANNA)
    await groups.ask(COUNTY, "it", desks.town.did(TOWN), ANNA)
    page = await tina.get((await tina.get(f"/t/{TOWN}/spaces")).link("Verbünde Ihrer Datenräume"))
    assert "<b>IT</b> Sie sind gefragt" in page.words
    rita = await desks.at_town("rita@musterstadt.example", "auditor")
    assert [form for form in (await rita.get(PAGE)).forms if form.action.endswith("/groups")] == []
    page = await tina.send(page, "/spaces/groups", "Zustimmen")
    assert "<b>IT</b> dabei" in page.words
    page = await tina.send(page, "/spaces/groups", "Austreten")
    assert "<b>IT</b> nicht dabei" in page.words
    await groups.ask(COUNTY, "it", desks.town.did(TOWN), ANNA)
    page = await tina.send(await tina.get(PAGE), "/spaces/groups", "Ablehnen")
    assert "<b>IT</b> nicht dabei" in page.words

    async def away(*args: object) -> object:
        raise Unavailable("http.unreachable", host="kreis.example", reason="")

    monkeypatch.setattr(desks.town.services.spaces.joining, "read", away)
    assert "Es antwortet nicht: Datenraum Musterkreis." in (await tina.get(PAGE)).words


async def test_nobody_agrees_to_what_was_not_asked(desks: Desks) -> None:
    """>> a group that the town was not asked into, sent by hand << the authority's no, in a sentence, and no defect."""
    county, groups = desks.county, desks.county.city.services.spaces.groups
    await county.authority.change_rules(COUNTY, Rules(checklist=("letter",)))
    await joined(desks.town, TOWN, county)
    made = await groups.put(COUNTY, "it", {"de": "IT", "en": "IT"}, login=ANNA)
    await groups.ask(COUNTY, "it", desks.town.did(TOWN), ANNA)
    tina = await desks.at_town()
    page = await tina.get(PAGE)
    await groups.remove(COUNTY, "it", desks.town.did(TOWN), ANNA)
    page = await tina.send(page, "/spaces/groups", "Zustimmen")
    assert page.status == 422
    assert "hat das nicht angenommen (spaces.group-not-asked)" in page.words
    assert made.iri not in page.words
