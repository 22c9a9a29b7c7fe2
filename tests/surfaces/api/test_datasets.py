"""The life of a dataset over the management surface, with a contract that runs on it."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.testkit.cities import MUNICIPALITY, City, Refused, Space

TOWN, NEIGHBOUR = "musterstadt", "nachbardorf"
BASE = f"/api/v1/participants/{TOWN}/datasets"


async def replace(it: City, uuid: str, content: bytes, **said: Any) -> Any:
    source = await it.api.post(f"/api/v1/participants/{TOWN}/files?name=baeume.csv", data=content)
    return await it.api.post(f"{BASE}/{uuid}/replace", {"source": source["source"], **said})


async def received(it: City, agreement: str) -> bytes:
    done = await it.fetch(NEIGHBOUR, agreement)
    assert done["state"] == "COMPLETED", done
    found = await it.api.get(f"/api/v1/participants/{NEIGHBOUR}/transfers/{done['id']}/content")
    assert isinstance(found, bytes)
    return found


async def test_a_contract_outlives_new_bytes_and_the_withdrawal(space: Space) -> None:
    """>> contract, change, new bytes, withdrawal << the old bytes under it to the end; named before the withdrawal."""
    it = await space.city("it", {TOWN: MUNICIPALITY, NEIGHBOUR: MUNICIPALITY})
    made = await it.publish(TOWN, b"a;b\n1;2\n")
    uuid = made["dataset"].rpartition("/")[2]
    signed = await it.negotiate(NEIGHBOUR, it.did(TOWN), made["dataset"])

    shown = await it.api.get(f"{BASE}/{uuid}")
    assert (shown["revision"], shown["access"], shown["download"], shown["page"]) == (1, "contract", "", "")
    assert [one["agreement"] for one in shown["running"]] == [signed["agreement"]]
    assert shown["running"][0]["partner"] == "Nachbardorf"

    changed = await it.api.post(f"{BASE}/{uuid}/change", {"title": "Stadtbäume", "revision": 1})
    assert (changed["title"], changed["revision"], changed["version"]) == ("Stadtbäume", 2, made["version"])
    with pytest.raises(Refused) as late:
        await it.api.post(f"{BASE}/{uuid}/change", {"title": "x", "revision": 1})
    assert (late.value.status, late.value.problem["code"]) == (409, "catalogue.outdated")

    newer = await replace(it, uuid, b"a;b\n1;3\n", notes="nachgemessen")
    assert newer["version"] != made["version"]
    assert newer["record"]["version_notes"] == {"de": "nachgemessen"}
    assert await received(it, signed["agreement"]) == b"a;b\n1;2\n"
    fresh = await it.negotiate(NEIGHBOUR, it.did(TOWN), made["dataset"])
    assert await received(it, fresh["agreement"]) == b"a;b\n1;3\n"

    with pytest.raises(Refused) as running:
        await it.api.post(f"{BASE}/{uuid}/withdraw", {})
    assert (running.value.status, running.value.problem["code"]) == (409, "catalogue.running")
    assert signed["agreement"].removeprefix("urn:uuid:") in running.value.problem["reason"]["de"]
    gone = await it.api.post(f"{BASE}/{uuid}/withdraw", {"confirmed": True, "revision": 3})
    assert gone["state"] == "withdrawn"
    found = await it.api.get(f"/api/v1/participants/{NEIGHBOUR}/find", q="Stadtbäume")
    assert found["results"] == []
    assert await received(it, signed["agreement"]) == b"a;b\n1;2\n"

    told = await it.api.get(f"{BASE}/{uuid}/history")
    assert [one["action"] for one in told["revisions"]] == ["published", "changed", "replaced", "withdrawn"]
    assert told["revisions"][1]["differences"] == [
        {"field": "title", "before": {"de": "Bäume"}, "after": {"de": "Stadtbäume"}}
    ]
    assert {one["field"] for one in told["revisions"][2]["differences"]} == {"version", "version_notes"}
    with pytest.raises(Refused) as over:
        await it.api.post(f"{BASE}/{uuid}/change", {"title": "x"})
    assert (over.value.status, over.value.problem["code"]) == (410, "catalogue.withdrawn")


async def test_an_open_dataset_and_one_from_elsewhere(space: Space) -> None:
    """>> open data without a rule; one without bytes here << addresses to read it at; found by its whole IRI."""
    it = await space.city("it", {TOWN: MUNICIPALITY})
    made = await it.publish(TOWN, access="open", licence="cc-zero", rule="", slots={})
    assert (made["offer"], made["clauses"]) == (None, [])
    assert made["download"] == f"{made['dataset']}/baeume.csv"
    assert made["page"] == f"{made['dataset']}.html"
    elsewhere = await it.api.post(BASE, {"title": "Luft", "access": "announced"})
    shown = await it.api.get(f"{BASE}/{quote(elsewhere['dataset'], safe='')}")
    assert (shown["dataset"], shown["file"], shown["terms"]) == (elsewhere["dataset"], None, [])
    for body in ({"nonsense": 1}, {"access": "everybody"}, {"themes": "ENVI"}):
        with pytest.raises(Refused) as bent:
            await it.api.post(f"{BASE}/{made['dataset'].rpartition('/')[2]}/change", body)
        assert bent.value.status == 400
    with pytest.raises(Refused) as nobody:
        await it.api.get(f"{BASE}/{'0' * 8}")
    assert nobody.value.status == 404
