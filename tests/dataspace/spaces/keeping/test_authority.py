"""An authority whose rules nobody could read would be one that nobody joins: it hears so at once."""

import pytest
from msgspec.structs import replace

from connector.dataspace.spaces.documents import Description
from connector.dataspace.spaces.model import Rules
from connector.foundation.errors import Mistake
from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, RULES, TOWN, County, Start, applied
from tests.testkit.cities import City

UNREADABLE = {
    "a text that turns": Rules(text="Für Gemeinden \u202egnutiel"),
    "a point that turns": Rules(checklist=("\u2066a",)),
    "a bell": Rules(documents=("Brief\x07",)),
    "half a sign": Rules(text="\ud800"),
    "a blank point": Rules(checklist=(" ",)),
    "a blank document": Rules(documents=("",)),
    "too long": Rules(
        text="\\" * 4_000, **dict.fromkeys(("documents", "checklist"), ("😀" * 200,) * 20), kinds=("😀" * 300,) * 50
    ),
}


async def test_rules_that_no_applicant_could_read_are_refused(start: Start) -> None:
    """>> a space begun, or its rules changed, with signs that steer a screen, blanks, or too much << refused, nothing
    changed; with lines and quotes << read at the other end as they are."""
    city: City = await start("county", COUNTY, COUNTY_KIND)
    authority = city.services.spaces.authority
    for named, rules in UNREADABLE.items():
        with pytest.raises(Mistake) as refused:
            await authority.create(COUNTY, "Datenraum", rules)
        assert refused.value.code == "spaces.rules", named
    kept = await authority.create(COUNTY, "Datenraum", RULES)
    for named, rules in UNREADABLE.items():
        with pytest.raises(Mistake) as refused:
            await authority.change_rules(COUNTY, rules)
        assert refused.value.code == "spaces.rules", named
    assert (await authority.description(COUNTY)).rules == kept.rules
    said = Rules(text='Erste Zeile\n\t"zweite" שלום', documents=("Brief",))
    await authority.change_rules(COUNTY, said)
    town = await start("town", TOWN)
    found: Description = await town.services.spaces.joining.look(f"{city.root(COUNTY)}/space#{'a' * 43}")
    assert found.rules == said


@pytest.mark.threat("T177")
async def test_bug_rules_were_loosened_under_an_application(county: County, start: Start) -> None:
    """Bug: while a town waited, the checklist was emptied, and nobody had to look any more.
    >> an application; its point dropped, one person enough, more asked for; after a no, all of it << refused, nothing
    changed; taken; taken."""
    one = await applied(await start("town", TOWN), TOWN, await county.invite(), county)
    before = (await county.authority.description(COUNTY)).rules
    for looser in (replace(before, checklist=()), replace(before, approvals=1)):
        with pytest.raises(Mistake) as refused:
            await county.authority.change_rules(COUNTY, looser)
        assert refused.value.code == "spaces.rules-waiting"
    assert (await county.authority.description(COUNTY)).rules == before
    stricter = replace(before, approvals=3, checklist=(*before.checklist, "Anruf"))
    await county.authority.change_rules(COUNTY, stricter)
    await county.applications.refuse(COUNTY, one.application, "Test", PEOPLE[0])
    after = await county.authority.change_rules(COUNTY, Rules(approvals=1))
    assert (after.rules.approvals, after.rules.checklist) == (1, ())


@pytest.mark.threat("T177")
async def test_bug_one_person_lowered_how_many_look_at_a_certificate(county: County) -> None:
    """Bug: a certificate was counted by the number of the last yes: one person asked for one, and was enough.
    >> a certificate waits; one person enough; after a no << refused; taken."""
    services, did = county.city.services, county.city.did(COUNTY)
    own = await services.spaces.authority._own_keys(await services.participants.get(COUNTY))
    await services.spaces.memberships.own_keys(COUNTY, replace(own, seal_certificates=("a" * 64,)))
    looser = replace(RULES, approvals=1)
    with pytest.raises(Mistake) as refused:
        await county.authority.change_rules(COUNTY, looser)
    assert refused.value.code == "spaces.rules-waiting"
    await services.spaces.certificates.refuse(COUNTY, did, "a" * 64, PEOPLE[0])
    assert (await county.authority.change_rules(COUNTY, looser)).rules.approvals == 1
