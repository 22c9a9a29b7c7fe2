"""A partner's statement and the first transaction of a deletion meet in one moment: it is in the evidence, or refused.

Never may a partner be told 201 for what is then erased without a trace. On PostgreSQL both wait for the same row, in
either order; on SQLite, where units are serial anyway, the statement stands before its transaction meanwhile.
"""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from connector.foundation.errors import Mistake
from connector.foundation.http.outbound import Answer
from tests.cities.races import TOWN, VILLAGE, Line, Race, Work, race
from tests.cities.sharing import free_port
from tests.testkit.cities import City, Refused, Space
from tests.testkit.patience import PATIENCE_S, eventually, eventually_said

pytestmark = pytest.mark.threat("T58")
BASE = f"/api/v1/participants/{TOWN}"


@pytest.fixture
async def two(space: Space, cluster: ModuleType) -> AsyncIterator[Race]:
    with cluster.database() as urls:
        async with race(space, urls, free_port()) as both:
            yield both


class Held(NamedTuple):
    """A notice of the village on its way: `go` lets it come to the town, `statuses` answer what was `sent`."""

    agreement: str
    go: asyncio.Event
    statuses: list[int]
    sent: list[bytes]


async def on_its_way(line: Line, town: City, village: City) -> Held:
    """Agreed; the village gives notice, which is held up; the town closes, and everybody has heard of that."""
    go, statuses, sent, post = asyncio.Event(), list[int](), list[bytes](), line._post

    async def noted(slug: str, did: str, url: str, body: bytes, limit: int | None = None) -> Answer:
        answer = await post(slug, did, url, body, limit)
        if url.endswith("/termination"):
            statuses.append(answer.status)
            sent.append(body)
        return answer

    line._post, line.before = noted, lambda kind, text: go if kind == "termination" else None
    made = await town.publish(TOWN)
    signed = await village.negotiate(VILLAGE, town.did(TOWN), made["dataset"])
    agreement = str(signed["agreement"])
    path = f"/api/v1/participants/{VILLAGE}/agreements/{agreement[9:]}"
    await village.api.post(f"{path}/end", {"reason": "Umzug.", "notice": "2040-01-31"})
    await eventually(lambda: "termination" in [kind for kind, *_ in line.sent])
    await town.api.post(f"{BASE}/close", {"reason": "Fusion."})

    async def told() -> bool:
        found = await town.api.get(f"{BASE}/leaving")
        return found["state"] == "closed" and not found["waiting"]

    await eventually_said(told)
    await taken_along(town)
    return Held(agreement, go, statuses, sent)


async def taken_along(town: City) -> None:
    for one in (await town.api.get(f"{BASE}/leaving/evidence"))["agreements"]:
        body = {"agreement": one["agreement"], "sha256": "0" * 64, "records": one["records"]}
        await town.api.post(f"{BASE}/leaving/evidence", body)


def statement(held: Held) -> Work:
    """It comes to the town's door, and has its first answer."""

    async def work() -> int:
        held.go.set()
        await eventually(lambda: bool(held.statuses))
        return held.statuses[0]

    return work


def deletion(town: City) -> Work:
    return lambda: town.services.offboarding.deletion.delete(TOWN, abandon=False, despite=True)


async def in_the_evidence(town: City, village: City, held: Held) -> None:
    """What the village was told is taken in is fetched with the evidence, and then nothing hinders the deletion.

    Nor does the village by saying the same again and again.
    """
    found = await town.api.get(f"{BASE}/leaving")
    assert (found["state"], found["unhanded"]) == ("closed", 1)
    data = await town.api.get(f"{BASE}/agreements/{held.agreement[9:]}/evidence")
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        assert "Umzug." in bundle.read("termination-consumer.json").decode()
    await taken_along(town)
    url = f"{town.root(TOWN)}/evidence/{held.agreement[9:]}/termination"
    for _ in range(3):
        assert (await village.services.peer.post(VILLAGE, town.did(TOWN), url, held.sent[0])).status == 200
    assert (await town.api.post(f"{BASE}/delete", {"despite_retention": True}))["state"] == "deleted"


async def kept_by_the_village(village: City, held: Held) -> None:
    """It knows that its statement was not taken: it has been told so by no answer but 404, and its own copy stays."""
    path = f"/api/v1/participants/{VILLAGE}/agreements/{held.agreement[9:]}/life"
    [own] = [one for one in (await village.api.get(path))["endings"] if one["ours"]]
    assert own["answer"] in ("waiting", "not-possible")
    assert own["reason"]["de"] == "Umzug."
    assert set(held.statuses) == {404}


async def stopped(*cities: City) -> None:
    """No job takes the row that both are to wait for."""
    for city in cities:
        await city.services.schedule.jobs.stop()
        for aside in city.services.schedule.rounds:
            await aside.stop()


@pytest.mark.parametrize("first", ["statement", "deletion"])
async def test_bug_a_statement_was_acknowledged_and_then_erased_unread(first: str, two: Race) -> None:
    """>> both wait for the participant's row, in this order << taken in and counted, or 404; never 201 and gone."""
    held = await on_its_way(two.lines[two.village], two.a, two.village)
    await stopped(two.a, two.b)
    works = (statement(held), deletion(two.b))
    results = await two.behind("participant", TOWN, *(works if first == "statement" else reversed(works)))
    if first == "statement":
        assert results[0] == 201
        assert isinstance(results[1], Mistake)
        assert results[1].code == "leaving.unhanded"
        await in_the_evidence(two.a, two.village, held)
    else:
        assert results[1] == 404
        assert [row["state"] for row in two.rows("SELECT state FROM participant")] == ["deleted"]
        assert two.rows("SELECT count(*) AS n FROM ending") == [{"n": 0}]
        assert two.rows("SELECT count(*) AS n FROM seen_token") == [{"n": 0}]
        await kept_by_the_village(two.village, held)


async def test_whatever_comes_first_the_village_is_never_told_of_what_is_erased(two: Race) -> None:
    """>> both at once, in whatever order the two replicas come to it << one of the two ends, and nothing between."""
    held = await on_its_way(two.lines[two.village], two.a, two.village)
    status, deleted = await asyncio.gather(statement(held)(), deletion(two.b)(), return_exceptions=True)
    if status == 201:
        assert isinstance(deleted, Mistake)
        await in_the_evidence(two.a, two.village, held)
    else:
        assert status == 404
        assert not isinstance(deleted, BaseException)
        await kept_by_the_village(two.village, held)


@pytest.mark.parametrize("first", ["statement", "deletion"])
async def test_in_one_process_a_statement_that_stood_before_its_transaction(
    first: str, town: City, village: City
) -> None:
    """>> let in at the door, its seal being looked at while the town goes << 404, and no row of it."""
    held = await on_its_way(Line(village), town, village)
    at_the_door, look_on = asyncio.Event(), asyncio.Event()
    document = town.services.contracts.termination_delivery._document

    async def slowly(did: str, own: str = "") -> Mapping[str, Any]:
        at_the_door.set()
        await look_on.wait()
        return await document(did, own)

    town.services.contracts.termination_delivery._document = slowly
    coming = asyncio.ensure_future(statement(held)())
    await asyncio.wait_for(at_the_door.wait(), PATIENCE_S)
    if first == "statement":
        look_on.set()
        assert await coming == 201
        with pytest.raises(Refused) as refused:
            await town.api.post(f"{BASE}/delete", {"despite_retention": True})
        assert refused.value.problem["code"] == "leaving.unhanded"
        await in_the_evidence(town, village, held)
        return
    assert (await town.api.post(f"{BASE}/delete", {"despite_retention": True}))["state"] == "deleted"
    look_on.set()
    assert await coming == 404
    found = await town.services.infra.db.read(
        TOWN, lambda tx: tx.all("SELECT * FROM ending WHERE participant = :p", p=TOWN)
    )
    tokens = await town.services.infra.db.read(
        TOWN, lambda tx: tx.all("SELECT 1 FROM seen_token WHERE participant = :p", p=TOWN)
    )
    assert (found, tokens) == ([], [])
    await kept_by_the_village(village, held)
