"""What people of a county that keeps a space, and of a town that joins it, are told: each thing once, by name."""

import asyncio

import pytest
from msgspec.structs import replace

from connector.app.on_demand import on_demand
from connector.data.approvals.model import Voter
from connector.dataspace.spaces.documents import RequestClaims
from connector.dataspace.spaces.model import DAY_MS, Joined, Rules
from connector.foundation.clock import FakeClock, SystemClock
from connector.foundation.storage.database import Tx
from connector.identity.audit import store as audit
from connector.oversight.notifications.message import sentence
from connector.oversight.notifications.model import Notification
from connector.oversight.tasks.model import Viewer
from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, TOWN, UNLISTED, County, applied
from tests.testkit.cities import MUNICIPALITY, City, Space

ANNA, BERT, CEM = PEOPLE
TINA = Voter("p-tina", frozenset({"steward"}))


class Told:
    """A county with three who decide, a town, and what each of them hears."""

    def __init__(self, county: County, town: City, clock: FakeClock) -> None:
        self.county, self.town, self.clock = county, town, clock

    async def voter(self, login: str) -> Voter:
        return await self.county.city.services.infra.db.read(COUNTY, self.county.authority.voter, COUNTY, login)

    async def at_county(self, login: str) -> list[Notification]:
        return await heard(self.county.city, COUNTY, await self.voter(login))

    async def at_town(self) -> list[Notification]:
        return await heard(self.town, TOWN, TINA)

    async def tasks(self, city: City, slug: str, who: Voter) -> list[str]:
        viewer = Viewer(person="x", pseudonym=who.who, roles=who.roles)
        found = await city.services.infra.db.read(slug, on_demand(city.services).tasks.waiting, slug, viewer)
        return [one.kind for one in found]

    async def listed(self) -> None:
        """The town has the newest list and looks at it, with two replicas at once."""
        await self.county.issue()
        await self.town.services.trust.listing.reload()
        self.clock.advance(61_000)
        joining = self.town.services.spaces.joining
        await asyncio.gather(joining.work(), joining.work())

    async def member(self) -> Joined:
        one = await applied(self.town, TOWN, await self.county.invite(), self.county)
        await self.county.admit(one)
        one = await self.town.services.spaces.joining.progress(TOWN, one.space)
        await self.listed()
        return one


async def heard(city: City, slug: str, who: Voter) -> list[Notification]:
    """After two looks of each kind: what was found twice is there once."""
    notes = city.services.notifications.service
    await asyncio.gather(notes.look(), notes.look())
    await notes.look_further()
    found = await city.services.infra.db.read(slug, notes.waiting, slug, who)
    return [one for one in found if one.cause not in ("rules", "certificate")]


@pytest.fixture
async def told(space: Space) -> Told:
    space.clock = FakeClock(SystemClock().now())
    county = County(await space.city("county", {COUNTY: COUNTY_KIND}, UNLISTED))
    await county.found(Rules(checklist=("letter",), term_days=90, renew_days=60))
    return Told(county, await space.city("town", {TOWN: MUNICIPALITY}, UNLISTED), space.clock)


@pytest.mark.threat("T102")
async def test_bug_nobody_was_told_that_fewer_people_let_somebody_in(told: Told) -> None:
    """>> on the server one person is enough now; then as before << each steward is told once of each, and of what."""
    change, rules = told.county.authority.change_rules, Rules(checklist=("letter",), term_days=90, renew_days=60)
    for approvals in (1, 2):
        await change(COUNTY, replace(rules, approvals=approvals))
        told.clock.advance(1)
    for login in (ANNA, BERT):
        found = [one for one in await told.at_county(login) if one.cause == "space-rules"]
        assert sorted(one.facts["count"] for one in found) == ["1", "2"]
    assert sentence(found[0], "de").startswith("Die Regeln des Datenraums, den Sie führen, wurden am Server geändert.")
    assert found[0].place == ("space",)


async def test_an_application_waits_and_then_for_a_second_person(told: Told) -> None:
    """>> a town applies; Anna agrees << all three hear of it; then Bert and Cem hear that one more is needed, and it is
    a task of theirs and none of hers."""
    one = await applied(told.town, TOWN, await told.county.invite("Stadt Muster"), told.county)
    (first,) = await told.at_county(ANNA)
    assert sentence(first, "de").startswith("„Stadt Muster“ möchte Mitglied Ihres Datenraums werden.")
    assert first.place == ("applications", one.application)
    assert await told.tasks(told.county.city, COUNTY, await told.voter(ANNA)) == ["admission"]
    await told.county.applications.note(COUNTY, one.application, "letter", good=True, note="AZ", login=ANNA)
    await told.county.applications.approve(COUNTY, one.application, ANNA)
    assert [each.cause for each in await told.at_county(ANNA)] == ["application"]
    assert sorted(each.cause for each in await told.at_county(BERT)) == ["application", "second"]
    assert await told.tasks(told.county.city, COUNTY, await told.voter(ANNA)) == []
    assert await told.tasks(told.county.city, COUNTY, await told.voter(CEM)) == ["admission-second"]


async def test_what_becomes_of_a_member_is_told_once(told: Told) -> None:
    """>> admitted, suspended, resumed, renewed, expelled << each once, whichever replica books it."""
    await told.member()
    assert [one.cause for one in await told.at_town()] == ["space-member"]
    change, did = told.county.city.services.spaces.memberships.change, told.town.did(TOWN)
    steps = (("suspended", "space-suspended"), ("active", "space-resumed"))
    for state, cause in steps:
        await change(COUNTY, did, state, "Test", ANNA)  # type: ignore[arg-type]
        await told.listed()
        assert [one.cause for one in await told.at_town()].count(cause) == 1  # type: ignore[comparison-overlap]
    told.clock.advance(46 * DAY_MS)
    await told.listed()
    (renewed,) = [one for one in await told.at_town() if one.cause == "space-renewed"]
    assert sentence(renewed, "de").startswith(
        "Ihre Mitgliedschaft im Datenraum „Datenraum Musterkreis“ wurde verlängert, bis"
    )
    await change(COUNTY, did, "expelled", "Test", ANNA)
    told.clock.advance(61_000)
    await told.listed()
    found = [one.cause for one in await told.at_town()]
    assert found.count("space-ended") == 1
    assert found.count("space-renewed") == 1


async def test_an_end_that_nobody_renews_is_told_on_both_sides(told: Told) -> None:
    """>> people renew, and a month is left << a note and a task here and there; renewed, the town's task is gone."""
    await told.member()
    await told.county.authority.change_rules(COUNTY, Rules(term_days=90, renew_days=60, renewal="people"))
    told.clock.advance(65 * DAY_MS)
    await told.listed()
    assert "space-ends" in [one.cause for one in await told.at_town()]
    assert await told.tasks(told.town, TOWN, TINA) == ["membership-ends"]
    (note,) = await told.at_county(ANNA)
    assert sentence(note, "de").startswith("In Ihrem Datenraum laufen Mitgliedschaften aus (1), die erste: ")
    assert await told.tasks(told.county.city, COUNTY, await told.voter(ANNA)) == ["renewals"]
    await told.county.city.services.spaces.memberships.renew(COUNTY, told.town.did(TOWN), ANNA)
    await told.listed()
    assert await told.tasks(told.town, TOWN, TINA) == []
    assert await told.tasks(told.county.city, COUNTY, await told.voter(ANNA)) == []


async def test_a_refusal_is_told(told: Told) -> None:
    one = await applied(told.town, TOWN, await told.county.invite(), told.county)
    await told.county.applications.refuse(COUNTY, one.application, "Beschluss fehlt", ANNA)
    await told.town.services.spaces.joining.progress(TOWN, one.space)
    assert [note.cause for note in await told.at_town()] == ["space-refused"]


@pytest.mark.threat("T103")
async def test_a_false_list_is_told_by_the_name_of_the_space(told: Told) -> None:
    """>> the alarm of a fork stands in the log twice << one note a day for stewards and administrators, and one line of
    news, with the name of the space."""
    one = await told.member()

    def alarm(tx: Tx) -> None:
        body = {"event": "trust.list-fork", "space": one.space, "authority": one.authority}
        audit.append(tx, TOWN, "alarm", None, "system", body, did=told.town.did(TOWN))

    for _ in range(2):
        await told.town.services.infra.db.write(TOWN, alarm)
    (note,) = [each for each in await told.at_town() if each.cause == "space-forked"]
    assert "den Datenraum „Datenraum Musterkreis“ führt, hat zwei verschiedene Mitgliederlisten" in sentence(note, "de")
    assert note.concerns("p-admin", frozenset({"admin"}))
    viewer = Viewer(person="x", pseudonym="p-x", roles=frozenset({"steward"}))
    found, _ = await told.town.services.infra.db.read(TOWN, on_demand(told.town.services).tasks.news, TOWN, viewer)
    assert [(each.noun, each.subject, each.count) for each in found if each.outcome == "alarm"] == [
        ("space", one.space, 2)
    ]


async def test_being_asked_into_a_group_is_told_and_a_task(told: Told) -> None:
    """>> the county asks the town << told once, a task until it answers, and the page with the answer."""
    await told.member()
    groups = told.county.city.services.spaces.groups
    made = await groups.put(COUNTY, "wald", {"de": "Waldgemeinden", "en": "Forest"}, login=ANNA)
    await groups.ask(COUNTY, "wald", told.town.did(TOWN), ANNA)
    await told.town.services.spaces.elsewhere.all(TOWN)
    (asked,) = [one for one in await told.at_town() if one.cause == "group-asked"]
    assert sentence(asked, "de").startswith("Der Verbund „Waldgemeinden“ im Datenraum „Datenraum Musterkreis“ möchte")
    assert asked.place == ("spaces", "groups")
    assert await told.tasks(told.town, TOWN, TINA) == ["group-asked"]
    leave = RequestClaims(space=made.iri.partition("/groups/")[0], request="group-leave", group=made.iri)
    await told.town.services.spaces.elsewhere.ask(TOWN, leave)
    assert await told.tasks(told.town, TOWN, TINA) == []
    assert [one.cause for one in await told.at_town()].count("group-asked") == 1


async def test_what_is_renewed_by_itself_is_no_end(told: Told) -> None:
    """>> a term of 20 days, renewed by itself 5 days before << nothing is said at 18 days; at 3 days, unrenewed, it
    is, and of a suspended one at once."""
    await told.county.authority.change_rules(COUNTY, Rules(checklist=("letter",), term_days=20, renew_days=5))
    await told.member()
    assert [each.cause for each in await told.at_town()] == ["space-member"]
    change, did = told.county.city.services.spaces.memberships.change, told.town.did(TOWN)
    await change(COUNTY, did, "suspended", "Test", ANNA)
    await told.listed()
    assert await told.tasks(told.town, TOWN, TINA) == ["membership-ends"]
    await change(COUNTY, did, "active", "Test", ANNA)
    await told.listed()
    assert await told.tasks(told.town, TOWN, TINA) == []
    told.clock.advance(17 * DAY_MS)
    assert await told.tasks(told.town, TOWN, TINA) == ["membership-ends"]
