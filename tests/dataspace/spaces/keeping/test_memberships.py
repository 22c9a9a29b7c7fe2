"""What the list says of a member reaches what runs with it, whichever replica hears of it; many towns by script."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from connector.data.dataplane.sinks.files import FileSink
from connector.dataspace.spaces.decision import grouping
from connector.dataspace.spaces.documents import GroupAct, RequestClaims
from connector.dataspace.spaces.model import Rules
from tests.cities.sharing import replicas
from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, TOWN, UNLISTED, County, applied, joined
from tests.postgres import Cluster
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.patience import eventually, eventually_said

MIB = 1 << 20


class Disk:
    """A disk that takes in two pieces, and the others when it is told to go on."""

    def __init__(self) -> None:
        self.written = 0
        self.go_on = threading.Event()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    slow, write = Disk(), FileSink.write

    def slowly(sink: FileSink, piece: bytes | bytearray) -> None:
        if slow.written >= 2:
            slow.go_on.wait(60)
        write(sink, piece)
        slow.written += 1

    monkeypatch.setattr(FileSink, "write", slowly)
    yield slow
    slow.go_on.set()


async def step(county: County, did: str, state: Any) -> None:
    await county.city.services.spaces.memberships.change(COUNTY, did, state, "Test", PEOPLE[0])
    await county.issue()


class Suspended:
    """A member that people of the authority suspend and let go on."""

    def __init__(self, county: County, town: City) -> None:
        self._county, self._town = county, town
        self.slots = {"until": "31.12.2099"}

    async def begin(self) -> None:
        pass

    async def out(self) -> None:
        await step(self._county, self._town.did(TOWN), "suspended")

    async def back(self) -> None:
        await step(self._county, self._town.did(TOWN), "active")


class Grouped(Suspended):
    """A member that leaves the group which the rule names, and comes back."""

    async def begin(self) -> None:
        made = await self._county.city.services.spaces.groups.put(COUNTY, "wald", {"de": "Wald"}, "", PEOPLE[0])
        self.group = made.iri
        self.slots["space"] = self.group
        await self._county.issue()
        await self.back()

    async def out(self) -> None:
        await self._wish("group-leave")

    async def back(self) -> None:
        await self._county.city.services.spaces.groups.ask(COUNTY, "wald", self._town.did(TOWN), PEOPLE[0])
        await self._wish("group-agree")

    async def _wish(self, act: GroupAct) -> None:
        claims = RequestClaims(space=grouping.space_of(self.group), request=act, group=self.group)
        await self._town.services.spaces.elsewhere.ask(TOWN, claims)
        await self._county.issue()
        await self._town.services.trust.listing.reload()


@pytest.mark.threat("T107")
@pytest.mark.parametrize("how", [pytest.param(Suspended, marks=pytest.mark.long), Grouped])
async def test_who_is_out_gets_no_more_bytes(county: County, town: City, disk: Disk, how: type[Suspended]) -> None:
    """>> suspended, or out of the group that the rule names, while 24 MiB flow << held and cut >> in
    again << it goes on."""
    await joined(town, TOWN, county)
    case = how(county, town)
    await case.begin()
    made = await county.city.publish(COUNTY, b"x" * (24 * MIB), slots=case.slots)
    agreed = await town.negotiate(TOWN, county.city.did(COUNTY), made["dataset"])
    started = await town.api.post(f"/api/v1/participants/{TOWN}/transfers", {"agreement": agreed["agreement"]})
    await eventually(lambda: disk.written >= 2)
    await case.out()

    async def held() -> bool:
        rows = await county.city.services.infra.db.read(COUNTY, lambda tx: tx.all("SELECT state, held FROM transfer"))
        return [(row["state"], row["held"]) for row in rows] == [("SUSPENDED", "policy")]

    await eventually_said(held)
    await eventually(lambda: county.city.services.plane.streams.count() == 0)
    disk.go_on.set()
    await case.back()
    found = await town.api.get(f"/api/v1/participants/{TOWN}/transfers/{started['id']}", wait="60")
    assert found["state"] == "COMPLETED"


@pytest.mark.threat("T103")
async def test_two_replicas_of_an_authority(cluster: Cluster, space: Space, town: City) -> None:
    """>> two processes on one PostgreSQL, an application at one of them, the lists made by both at once << one version
    after the other, and each of them knows the member."""
    async with replicas(cluster, space, {COUNTY: COUNTY_KIND}, UNLISTED) as (one, two):
        county = County(one)
        await county.found()
        invited = await county.invite()
        asked = await applied(town, TOWN, invited, county)
        other = County(two)
        await two.services.participants.get(COUNTY)
        for login in PEOPLE[:2]:
            await other.applications.note(COUNTY, asked.application, "letter", good=True, note="", login=login)
            await other.applications.approve(COUNTY, asked.application, login)
        await asyncio.gather(county.issue(), other.issue())
        await asyncio.gather(one.services.trust.listing.reload(), two.services.trust.listing.reload())
        now = one.services.infra.clock.now()
        for city in (one, two):
            anchor = city.services.trust.anchor
            assert anchor.between(city.did(COUNTY), town.did(TOWN), now).name == "Musterstadt"
        assert (await town.services.spaces.joining.progress(TOWN, asked.space)).state == "member"


async def test_many_towns_join_by_script(county: County, space: Space) -> None:
    """>> twelve invitations, applications and approvals << twelve members in a few versions of the list."""
    await county.authority.change_rules(COUNTY, Rules(approvals=1))
    slugs = [f"town-{at}" for at in range(12)]
    async with space.running("many", dict.fromkeys(slugs, MUNICIPALITY), UNLISTED) as many:
        said = await county.authority.description(COUNTY)
        for slug in slugs:
            invited = await county.invite(slug.title())
            one = await many.services.spaces.joining.apply(slug, invited.link, said.fingerprint)
            assert one.state == "pending", one.reason
            await county.applications.approve(COUNTY, one.application, PEOPLE[0])
        await county.issue()

        async def admitted() -> bool:
            """The county answers one address thirty times at once, and the job of the process asks too."""
            await many.services.spaces.joining.work()
            return [(await many.services.spaces.joining.all(slug))[0].state for slug in slugs] == ["member"] * 12

        await eventually_said(admitted)
        now = many.services.infra.clock.now()
        assert len(many.services.trust.anchor.neighbours(many.did(slugs[0]), now)) == 13
