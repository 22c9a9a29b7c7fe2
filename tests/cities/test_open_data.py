"""Towns find each other's open, announced and imported data, for which there is no contract to be made."""

import asyncio
import json
from typing import Any

import pytest

from connector.cli.main import main
from tests.data.harvest.imports import catalogue
from tests.testkit.cities import COMPANY, MUNICIPALITY, City, Refused, Space
from tests.testkit.patience import eventually_said

TOWN, VILLAGE, WORKS = "musterstadt", "nachbardorf", "stadtwerke"
AREA = ':a dct:spatial [ a dct:Location ; dcat:bbox "POLYGON((13 52,14 52,14 53,13 53,13 52))"^^geo:wktLiteral ] .\n'
IMPORTED = "https://town.example/a"


async def read(city: City, slug: str, member: str) -> dict[str, Any]:
    found: dict[str, Any] = await city.api.post(f"/api/v1/participants/{slug}/federation/refresh", {"member": member})
    return found


async def found(city: City, slug: str, **query: Any) -> dict[str, dict[str, Any]]:
    """What a search finds, by title."""
    answer = await city.api.get(f"/api/v1/participants/{slug}/find", **query)
    return {one["title"]: one for one in answer["results"]}


async def hanse(city: City, *words: str) -> int:
    command = ["--data", str(city.settings.folder), *words]
    return await asyncio.to_thread(main, command, {"LANG": "en"})


async def publish(city: City) -> dict[str, str]:
    """One of each kind by the town, whose place is around Flensburg; the IRIs."""
    about = {"ars": "010010000000", "box": [9.3, 54.7, 9.6, 54.9], "contact_email": "daten@musterstadt.example"}
    await city.api.post(f"/api/v1/participants/{TOWN}/publisher", about)
    free = {"access": "open", "licence": "cc-zero", "rule": "", "slots": {}}
    made = {"Bäume": (await city.publish(TOWN, title="Bäume", **free))["dataset"]}
    planned = {"title": "Geplant", "access": "announced", "licence": "other-closed"}
    made["Geplant"] = (await city.api.post(f"/api/v1/participants/{TOWN}/datasets", planned))["dataset"]
    await city.publish(TOWN, title="Geheim", visibility="eligible")
    run = await city.api.post(f"/api/v1/participants/{TOWN}/imports?name=portal.ttl", data=catalogue("a", more=AREA))
    await eventually_said(lambda: ended(city, run["run"]))
    return made


async def ended(city: City, run: str) -> bool:
    told = await city.api.get(f"/api/v1/participants/{TOWN}/imports/runs/{run}")
    return bool(told["phase"] == "done")


async def test_towns_find_each_others_open_announced_and_imported_data(space: Space, capsys: Any) -> None:
    """>> one of each kind, read by two members << found by words, box and rule; where it is, whom to ask, and no
    contract asked for; what becomes a matter of contracts is gone at the next reading."""
    sea = await space.city("sea", {TOWN: MUNICIPALITY})
    it = await space.city("it", {VILLAGE: MUNICIPALITY, WORKS: COMPANY})
    await space.reload(sea, it)
    made, did = await publish(sea), sea.did(TOWN)
    told = [await read(it, slug, did) for slug in (VILLAGE, WORKS)]
    assert [(one["listed"], one["set_aside"]) for one in told] == [(4, 0), (3, 0)]
    every = await found(it, WORKS, rule="none")
    assert set(every) == {"Bäume", "Geplant", "Titel a"}
    assert set(await found(it, VILLAGE)) == {*every, "Geheim"}
    assert set(await found(it, WORKS, box="9.4,54.8,9.5,54.85")) == {"Bäume", "Geplant"}
    assert set(await found(it, WORKS, box="13.4,52.4,13.5,52.6")) == {"Titel a"}
    tree, planned, taken = (every[title] for title in ("Bäume", "Geplant", "Titel a"))
    assert (tree["offers"], tree["download"]) == ([], [f"{made['Bäume']}/baeume.csv"])
    assert (tree["landing_page"], tree["source"]) == (f"{made['Bäume']}.html", "copy")
    assert set(tree["licence"]["label"]) == {"de", "en"}
    assert (planned["download"], planned["contact"]) == ([], "Musterstadt, daten@musterstadt.example")
    assert (tree["open"], planned["open"], taken["open"]) == (True, False, True)
    assert (taken["dataset"], taken["access"]) == (IMPORTED, ["https://town.example/a.csv"])
    for dataset, code, address in (
        (made["Bäume"], "api.no-contract", tree["download"][0]),
        (made["Geplant"], "api.no-offer-yet", planned["landing_page"]),
        (IMPORTED, "api.no-contract", "https://town.example/a.csv"),
    ):
        with pytest.raises(Refused) as refusal:
            await it.api.post(f"/api/v1/participants/{WORKS}/terms", {"provider": did, "dataset": dataset})
        assert (refusal.value.status, refusal.value.problem["code"]) == (400, code)
        assert address in refusal.value.problem["reason"]["de"]
    assert (
        await hanse(it, "request", made["Bäume"], "--as", WORKS, "--from", did, "--purpose", "heatPlanning", "--yes")
        != 0
    )
    assert f"needs no contract. It is open at {tree['download'][0]}" in capsys.readouterr().err
    uuid = made["Bäume"].rpartition("/")[2]
    for_towns = {
        "access": "contract",
        "licence": "other-closed",
        "visibility": "eligible",
        "rule": "municipal-purpose",
        "slots": {"until": "31.12.2099"},
    }
    await sea.api.post(f"/api/v1/participants/{TOWN}/datasets/{uuid}/change", for_towns)
    assert ((await read(it, WORKS, did))["gone"], set(await found(it, WORKS))) == (1, {"Geplant", "Titel a"})
    assert await hanse(it, "find", "--as", WORKS, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["results"]) == 2
