"""Inventories without a socket: decided for each requester, made in rounds, kept for whom the same is visible."""

import json
from hashlib import sha256
from typing import Any

import pytest

from connector.data.catalogue import inventory
from connector.data.catalogue.describe import FileElsewhere
from connector.data.catalogue.inventory import Inventory
from connector.data.catalogue.life import DatasetChange
from connector.data.catalogue.service import OfferWish
from connector.data.harvest.supply import ImportedDatasets
from connector.foundation.errors import Unknown
from connector.foundation.storage.database import Tx
from connector.identity.participants.publisher_details import PublisherChange
from connector.kernel.policy.engine import Requester
from tests.data.harvest.imports import catalogue, harvest, taken
from tests.testkit.cities import COMPANY, MUNICIPALITY
from tests.testkit.towns import Towns

TOWN = "musterstadt"
NEIGHBOUR = Requester(did="did:web:localhost%3A18443:nachbardorf", kind=MUNICIPALITY)
OTHER = Requester(did="did:web:other.example", kind=MUNICIPALITY)
FIRM = Requester(did="did:web:firm.example", kind=COMPANY)


async def made(towns: Towns, requester: Requester) -> Inventory:
    """As the door makes it."""
    inventories = towns.catalogue.inventories
    survey = await towns.db.read(TOWN, inventories.begin, TOWN, requester)
    known = inventories.known(survey)
    while known is None and not survey.over:
        survey = await towns.db.read(TOWN, inventories.go_on, survey)
    return known or inventories.finish(survey)


async def listed(towns: Towns, requester: Requester) -> list[str]:
    """The ids that are listed; the digest is that of what is given."""
    found = await made(towns, requester)
    given = await towns.db.read(TOWN, towns.catalogue.inventories.entries, TOWN, requester, found.ids)
    assert [sha256(line).digest() for line in given] == list(found.hashes)
    return list(found.ids)


def ids(found: Inventory) -> list[str]:
    return list(found.ids)


@pytest.mark.threat("T24")
async def test_who_sees_the_same_shares_one_and_nobody_else(towns: Towns) -> None:
    """>> one open dataset, one for municipalities << the same object for two towns, another one for the firm."""
    open_, _ = await towns.publish(TOWN)
    hidden, _ = await towns.publish(TOWN, visibility="eligible")
    neighbour, other, firm = [await made(towns, one) for one in (NEIGHBOUR, OTHER, FIRM)]
    assert neighbour is other
    assert (ids(neighbour), ids(firm)) == (sorted([open_.id, hidden.id]), [open_.id])


async def test_a_change_is_seen_at_once(towns: Towns) -> None:
    """>> a further offer, a withdrawal << another digest each time, and back to nothing."""
    dataset, _ = await towns.publish(TOWN)
    first = await made(towns, NEIGHBOUR)
    wish = OfferWish(rule="municipal-purpose", slots={"until": "30.06.2099"})
    await towns.db.write(TOWN, towns.catalogue.offer, TOWN, dataset.uuid, wish)
    second = await made(towns, NEIGHBOUR)
    assert (ids(first), first.digest != second.digest) == (ids(second), True)
    await towns.db.write(TOWN, towns.catalogue.withdraw, TOWN)
    third = await made(towns, NEIGHBOUR)
    assert (third.ids, third.digest) == ((), sha256(b"").hexdigest())


async def test_rounds_are_bounded_and_what_changed_in_between_is_not_kept(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> 5 datasets, 2 a round; one more comes after the first round << all of it listed, made anew the next time."""
    monkeypatch.setattr(inventory, "EXAMINED", 2)
    for _ in range(5):
        await towns.publish(TOWN)
    inventories = towns.catalogue.inventories
    survey = await towns.db.read(TOWN, inventories.begin, TOWN, NEIGHBOUR)
    survey = await towns.db.read(TOWN, inventories.go_on, survey)
    assert (len(survey.found), survey.over, survey.steady) == (2, False, True)
    await towns.publish(TOWN)
    while not survey.over:
        survey = await towns.db.read(TOWN, inventories.go_on, survey)
    assert (survey.steady, len(inventories.finish(survey).ids)) == (False, 6)
    assert inventories.known(survey) is None


async def test_the_least_used_are_forgotten(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> room for one << the one made last is kept."""
    await towns.publish(TOWN)
    await towns.publish(TOWN, visibility="eligible")
    monkeypatch.setattr(inventory, "KEPT_BYTES", 1_500)
    first, firm = await made(towns, NEIGHBOUR), await made(towns, FIRM)
    assert await made(towns, FIRM) is firm
    assert await made(towns, NEIGHBOUR) is not first


async def test_entries_are_those_that_may_be_seen_in_the_order_asked_for(towns: Towns) -> None:
    """>> hidden, open, unknown, open again << for the firm the open one, once; its hash is the listed one."""
    open_, _ = await towns.publish(TOWN)
    hidden, _ = await towns.publish(TOWN, visibility="eligible")
    names = [hidden.id, open_.id, "https://nowhere.example", open_.id]
    entries = towns.catalogue.inventories.entries
    told = {one.id: one.sha256 for one in (await made(towns, NEIGHBOUR)).after("")[0]}
    for requester, expected in ((FIRM, [open_.id]), (NEIGHBOUR, [hidden.id, open_.id])):
        found = await towns.db.read(TOWN, entries, TOWN, requester, names)
        assert [sha256(line).hexdigest() for line in found] == [told[name] for name in expected]


async def test_too_many_rules_are_not_judged(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> more different rules for the eligible than are judged at once << no inventory, as if there were none."""
    monkeypatch.setattr(inventory, "MOST_RULES", 1)
    for until in ("31.12.2098", "31.12.2099"):
        await towns.publish(TOWN, visibility="eligible", slots={"until": until})
    with pytest.raises(Unknown, match=r"catalogue\.inventory-large"):
        await made(towns, NEIGHBOUR)


async def test_equal_rules_are_judged_once(towns: Towns) -> None:
    """>> three offers under one rule, one under another, one withdrawn, one for all members << two rules."""
    for _ in range(3):
        await towns.publish(TOWN, visibility="eligible")
    await towns.publish(TOWN)
    await towns.publish(TOWN, visibility="eligible", slots={"until": "01.01.2099"})
    _, gone = await towns.publish(TOWN, visibility="eligible", slots={"until": "02.01.2099"})
    state = "UPDATE offer SET state = 'withdrawn' WHERE participant = :p AND id = :id"
    await towns.db.write(TOWN, lambda tx: tx.run(state, p=TOWN, id=gone.id))

    survey = await towns.db.read(TOWN, towns.catalogue.inventories.begin, TOWN, NEIGHBOUR)
    assert len(survey.permitted) == 2


async def entries(towns: Towns, requester: Requester, *names: str) -> dict[str, Any]:
    """What is given for these names, by id."""
    lines = await towns.db.read(TOWN, towns.catalogue.inventories.entries, TOWN, requester, names)
    return {one["@id"]: one for one in map(json.loads, lines)}


async def change(towns: Towns, iri: str, **said: Any) -> None:
    await towns.db.write(TOWN, towns.catalogue.life.change, TOWN, iri, DatasetChange(**said))


ELSEWHERE = [FileElsewhere(url="https://files.example/trees.csv")]
AREA = ':a dct:spatial [ a dct:Location ; dcat:bbox "POLYGON((8 53,9 53,9 54,8 54,8 53))"^^geo:wktLiteral ] .\n'


async def one_of_each(towns: Towns) -> dict[str, str]:
    """One dataset of each kind, by what it is."""
    await towns.participants.change(TOWN, PublisherChange(contact_email="daten@musterstadt.example"))
    await taken(harvest(towns.db), catalogue("a", more=AREA))
    made = {
        "imported": "https://town.example/a",
    }
    named: dict[str, dict[str, Any]] = {
        "elsewhere": {
            "source": "",
            "access": "open",
            "licence": "cc-zero",
            "files": ELSEWHERE,
            "rule": "",
            "slots": {},
        },
        "announced": {"source": "", "access": "announced", "licence": "other-closed", "rule": "", "slots": {}},
        "open": {"access": "open", "licence": "dl-by-de/2.0", "rule": "", "slots": {}},
        "free": {"access": "open", "licence": "cc-zero", "rule": "", "slots": {}},
        "on contract": {"access": "announced", "licence": "other-closed", "visibility": "eligible"},
        "members": {},
        "hidden": {"visibility": "eligible"},
    }
    for name, said in named.items():
        dataset, _ = await towns.publish_freely(TOWN, **{"source": await towns.file(TOWN), "title": name, **said})
        made[name] = dataset.id
    return made


@pytest.mark.on_both
async def test_what_everybody_may_read_is_listed_without_an_offer(towns: Towns) -> None:
    """>> one of each kind << all but what is hidden; without offers each says where it is had, or whom to ask."""
    made = await one_of_each(towns)
    found = await listed(towns, FIRM)
    assert found == await listed(towns, FIRM)
    there = await entries(towns, FIRM, *made.values())
    assert set(found) == {one for name, one in made.items() if name != "hidden"} == set(there)
    assert set(await listed(towns, NEIGHBOUR)) == set(made.values())
    said = {name: there[iri] for name, iri in made.items() if iri in there}
    assert {name for name, one in said.items() if "hasPolicy" in one} == {"open", "members"}
    for name, address in (
        ("elsewhere", "https://files.example/trees.csv"),
        ("free", f"{made['free']}/baeume.csv"),
    ):
        (way,) = said[name]["distribution"]
        assert way["dcat:downloadURL"] == way["dcat:accessURL"] == {"@id": address}
        assert way["dct:license"] == {"@id": "http://dcat-ap.de/def/licenses/cc-zero"}
    (way,) = said["imported"]["distribution"]
    assert (way["dcat:accessURL"], "dcat:downloadURL" in way) == ({"@id": "https://town.example/a.csv"}, False)
    assert said["imported"]["dct:title"] == ["Titel a"]
    for name in ("announced", "on contract"):
        assert "distribution" not in said[name]
        assert said[name]["dcat:landingPage"] == {"@id": f"{made[name]}.html"}
        assert said[name]["dcat:contactPoint"][0]["http://www.w3.org/2006/vcard/ns#hasEmail"] == {
            "@id": "mailto:daten@musterstadt.example"
        }


@pytest.mark.threat("T24")
async def test_an_entry_without_offers_tells_nothing_of_the_bytes(towns: Towns) -> None:
    """>> announced, its offer for municipalities alone << the firm learns that it exists, neither size nor hash."""
    iri = (await one_of_each(towns))["on contract"]
    firm = (await entries(towns, FIRM, iri))[iri]
    neighbour = (await entries(towns, NEIGHBOUR, iri))[iri]
    for name in ("dcat:byteSize", "https://w3id.org/hanse/v1#version", "hasPolicy"):
        assert (name in neighbour, name in firm) == (True, False)
    assert "baeume.csv" not in json.dumps(firm)


@pytest.mark.threat("T24")
async def test_what_is_not_public_any_more_is_gone_at_the_next_inventory(towns: Towns) -> None:
    """>> announced becomes contract, open is withdrawn << neither listed nor given; who may see the offer keeps it."""
    made = await one_of_each(towns)
    await listed(towns, FIRM)
    await change(towns, made["on contract"], access="contract")
    await towns.db.write(TOWN, towns.catalogue.life.withdraw, TOWN, made["free"])
    gone = {made["on contract"], made["free"]}
    assert not gone & {*await listed(towns, FIRM), *await entries(towns, FIRM, *gone)}
    assert gone & {*await listed(towns, NEIGHBOUR)} == {made["on contract"]}


@pytest.mark.threat("T24")
async def test_of_a_participant_that_leaves_nothing_is_public(towns: Towns) -> None:
    """>> it has begun to leave << only what is still offered; nothing else is listed or given."""
    made = await one_of_each(towns)
    await listed(towns, FIRM)
    await towns.db.write(TOWN, lambda tx: tx.run("UPDATE participant SET state = 'closing' WHERE id = :id", id=TOWN))
    offered = {made["open"], made["members"]}
    assert set(await listed(towns, FIRM)) == offered == set(await entries(towns, FIRM, *made.values()))


@pytest.mark.on_both
async def test_what_the_participant_says_of_itself_is_in_its_entries(towns: Towns) -> None:
    """>> key and box of the town, said after the inventory was made << another digest; each entry names both."""
    dataset, _ = await towns.publish(TOWN)
    before = await made(towns, NEIGHBOUR)
    await towns.participants.change(TOWN, PublisherChange(ars="010010000000", box=(9.3, 54.7, 9.6, 54.9)))
    assert await listed(towns, NEIGHBOUR) == [dataset.id]
    assert (await made(towns, NEIGHBOUR)).digest != before.digest
    key, area = (await entries(towns, NEIGHBOUR, dataset.id))[dataset.id]["dct:spatial"]
    assert key["@id"] == "http://dcat-ap.de/def/politicalGeocoding/municipalityKey/01001000"
    assert area["dcat:bbox"]["@value"] == "POLYGON((9.3 54.7,9.6 54.7,9.6 54.9,9.3 54.9,9.3 54.7))"


@pytest.mark.on_both
async def test_imported_datasets_are_read_again_only_after_an_import(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> three imported, two a round; a dataset of our own comes; one more is imported << read once, then anew."""
    monkeypatch.setattr(inventory, "EXAMINED", 2)
    service, asked = harvest(towns.db), list[str]()
    read = ImportedDatasets.records

    def counted(self: ImportedDatasets, tx: Tx, slug: str, after: str, limit: int) -> Any:
        asked.append(after)
        return read(self, tx, slug, after, limit)

    monkeypatch.setattr(ImportedDatasets, "records", counted)
    await taken(service, catalogue("a", "b", "c"))
    assert (len(await listed(towns, NEIGHBOUR)), asked) == (3, ["", "https://town.example/b"])
    await towns.publish(TOWN)
    await towns.publish(TOWN, visibility="eligible")
    assert (len(await listed(towns, NEIGHBOUR)), len(await listed(towns, FIRM)), len(asked)) == (5, 4, 2)
    await taken(service, catalogue("a", "b", "c", "d"))
    assert (len(await listed(towns, NEIGHBOUR)), len(asked)) == (6, 5)
