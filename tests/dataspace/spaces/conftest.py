"""A county that keeps a space and towns at other providers: processes that share no list, on loopback."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from connector.dataspace.spaces import store
from connector.dataspace.spaces.documents import Description
from connector.dataspace.spaces.keeping.invitations import NewInvitation
from connector.dataspace.spaces.model import Joined, Rules
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.patience import eventually

COUNTY, TOWN, VILLAGE = "kreis", "musterstadt", "nachbardorf"
COUNTY_KIND = "https://w3id.org/hanse/v1#county"
PEOPLE = ("anna@kreis.example", "bert@kreis.example", "cem@kreis.example")
UNLISTED = {"HANSE_TRUST__AUTHORITY_KEY_FILE": "/nonexistent/key.pem", "HANSE_TRUST__LIST_FILE": "/nonexistent/list"}
"""A process that no authority was configured for."""
RULES = Rules(checklist=("letter",), text="Für Gemeinden des Kreises.")

Start = Callable[..., Awaitable[City]]


@pytest.fixture
def start(space: Space) -> Start:
    """Starts a process without a configured list."""

    async def started(name: str, slug: str, kind: str = MUNICIPALITY, **more: str) -> City:
        return await space.city(name, {slug: kind, **more}, UNLISTED)

    return started


class County:
    """The authority of a space, with three people who may decide."""

    def __init__(self, city: City, slug: str = COUNTY) -> None:
        self.city, self.slug = city, slug
        self.authority, self.issuer = city.services.spaces.authority, city.services.spaces.issuer
        self.invitations, self.applications = city.services.spaces.invitations, city.services.spaces.applications

    async def found(self, rules: Rules = RULES) -> Description:
        await self.authority.create(self.slug, "Datenraum Musterkreis", rules)
        await self.people()
        await self.issue()
        return await self.authority.description(self.slug)

    async def people(self) -> None:
        """Three who may decide."""
        people = self.city.services.accounts.people
        for login in PEOPLE:
            person = await people.add(login, login.partition("@")[0].title())
            await people.decide(person.id, self.slug, "steward", take=False)

    async def issue(self) -> None:
        """Rounds of the job that makes lists. The process may be at one itself: a version that it has written and not
        signed yet says nothing of what came later, so there is one more, and what it signed is waited for."""
        await self.city.services.trust.spaces.catch_up()
        for _ in range(2):
            await self.issuer.work()
        newest = await self.city.services.infra.db.read(self.slug, store.newest_version, self.slug, signed=True)
        if newest is not None:
            await eventually(lambda: self._version() >= newest.version)

    async def careless(self) -> None:
        """An authority that asks nobody after a restore, as one of an earlier release, or one that is dishonest."""

        async def settled(_: object) -> bool:
            return True

        await self.city.stop_jobs()
        self.city.services.spaces.recovery.settled = settled  # type: ignore[method-assign]

    def _version(self) -> int:
        """Of the list that this process goes by."""
        anchors, own = self.city.services.trust.anchor, self.city.did(self.slug)
        lists = (anchors.list_of(pin.authority) for pin in anchors.joined if pin.did == own)
        return max((listed.version for listed in lists if listed is not None), default=0)

    async def invite(self, name: str = "Musterstadt", **more: Any) -> NewInvitation:
        return await self.invitations.invite(self.slug, name, **more)

    async def admit(self, *all_of_them: Joined) -> None:
        """As two people do it; with one list."""
        for one in all_of_them:
            for login in PEOPLE[:2]:
                await self.applications.note(self.slug, one.application, "letter", good=True, note="AZ 10", login=login)
                await self.applications.approve(self.slug, one.application, login)
        await self.issue()


@pytest.fixture
async def county(start: Start) -> County:
    made = County(await start("county", COUNTY, COUNTY_KIND))
    await made.found()
    return made


@pytest.fixture
async def town(start: Start) -> City:
    return await start("town", TOWN)


async def applied(city: City, slug: str, invited: NewInvitation, county: County) -> Joined:
    """An application with the fingerprint as the county reads it out."""
    told = await county.authority.description(county.slug)
    return await city.services.spaces.joining.apply(slug, invited.link, told.fingerprint)


async def joined(city: City, slug: str, county: County, **more: Any) -> Joined:
    """A member, with all that two people do for it."""
    one = await applied(city, slug, await county.invite(slug.title(), **more), county)
    await county.admit(one)
    return await told(city, one)


async def told(city: City, one: Joined) -> Joined:
    """Asks how an application that was admitted stands, and waits for the list that names the member: the job may have
    been told before, and be on its way to fetch it."""
    now = await city.services.spaces.joining.progress(one.participant, one.space)
    anchor, did = city.services.trust.anchor, city.did(one.participant)

    def listed() -> bool:
        found = anchor.list_of(one.authority)
        return found is not None and found.entry(did) is not None

    if now.state == "member":
        await eventually(listed)
    return now


async def all_joined(city: City, slugs: Sequence[str], county: County) -> None:
    """Members, with one list for all of them."""
    found = [await applied(city, slug, await county.invite(slug.title()), county) for slug in slugs]
    await county.admit(*found)
    for one in found:
        await told(city, one)
