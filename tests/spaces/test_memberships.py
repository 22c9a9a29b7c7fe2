"""What the list says of a member reaches what runs with it, whichever replica hears of it; twenty towns by script."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from connector.dataplane.sinks.files import FileSink
from connector.spaces.model import Rules
from tests.cities.sharing import free_port, shared
from tests.postgres import Cluster
from tests.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, TOWN, UNLISTED, County, applied, joined
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.patience import eventually

MIB = 1 << 20


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A disk that takes its time with each MiB; the list has the sizes written."""
    written: list[int] = []
    write = FileSink.write

    def slowly(sink: FileSink, piece: bytes | bytearray) -> None:
        time.sleep(0.1)
        write(sink, piece)
        written.append(len(piece))

    monkeypatch.setattr(FileSink, "write", slowly)
    return written


async def step(county: County, did: str, state: Any) -> None:
    await county.city.services.spaces.memberships.change(COUNTY, did, state, "Test", PEOPLE[0])
    await county.issue()


@pytest.mark.alone
async def test_a_suspended_member_gets_no_more_bytes(county: County, town: City, slow: list[int]) -> None:
    """>> suspended while 48 MiB flow << held and cut within seconds; its requests are 401 >> resumed << it goes on."""
    made = await county.city.publish(COUNTY, b"x" * (48 * MIB))
    await joined(town, TOWN, county)
    agreed = await town.negotiate(TOWN, county.city.did(COUNTY), made["dataset"])
    started = await town.api.post(f"/api/v1/participants/{TOWN}/transfers", {"agreement": agreed["agreement"]})
    await eventually(lambda: len(slow) >= 2)
    await step(county, town.did(TOWN), "suspended")

    async def held() -> list[Any]:
        rows = await county.city.services.infra.db.read(COUNTY, lambda tx: tx.all("SELECT state, held FROM transfer"))
        return [(row["state"], row["held"]) for row in rows]

    until = time.monotonic() + 20
    while await held() != [("SUSPENDED", "policy")]:
        assert time.monotonic() < until, await held()
        await asyncio.sleep(0.05)
    await eventually(lambda: county.city.services.plane.streams.count() == 0)
    await step(county, town.did(TOWN), "active")
    found = await town.api.get(f"/api/v1/participants/{TOWN}/transfers/{started['id']}", wait="40")
    assert found["state"] == "COMPLETED"


@pytest.mark.threat("T103")
async def test_two_replicas_of_an_authority(cluster: Cluster, space: Space, town: City) -> None:
    """>> two processes on one PostgreSQL, an application at one of them, the lists made by both at once << one version
    after the other, and each of them knows the member."""
    with cluster.database() as urls:
        environ = {**shared(space.folder, urls, free_port()), **UNLISTED}
        async with (
            space.running("one", {COUNTY: COUNTY_KIND}, environ) as one,
            space.running("two", {}, environ) as two,
        ):
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


async def test_twenty_towns_join_by_script(county: County, space: Space) -> None:
    """>> twenty invitations, applications and approvals << twenty members in a few versions of the list."""
    await county.authority.change_rules(COUNTY, Rules(approvals=1))
    slugs = [f"town-{at}" for at in range(20)]
    async with space.running("many", dict.fromkeys(slugs, MUNICIPALITY), UNLISTED) as many:
        said = await county.authority.description(COUNTY)
        for slug in slugs:
            invited = await county.invite(slug.title())
            one = await many.services.spaces.joining.apply(slug, invited.link, said.fingerprint)
            assert one.state == "pending", one.reason
            await county.applications.approve(COUNTY, one.application, PEOPLE[0])
        await county.issue()
        await many.services.spaces.joining.work()
        states = [(await many.services.spaces.joining.all(slug))[0].state for slug in slugs]
        assert states == ["member"] * 20
        now = many.services.infra.clock.now()
        assert len(many.services.trust.anchor.neighbours(many.did(slugs[0]), now)) == 21
