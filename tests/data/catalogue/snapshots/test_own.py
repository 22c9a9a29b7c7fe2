"""Whatever makes a difference to what is said of a town's datasets is noticed, and nothing else is."""

from collections.abc import Awaitable, Callable

import msgspec
import pytest
from msgspec.structs import replace

from connector.data.catalogue import series_store, store
from connector.data.catalogue.model import Offer
from connector.data.catalogue.public import PublicRecords
from connector.data.catalogue.snapshots.making import Snapshots
from connector.data.catalogue.snapshots.model import PageAsked, Snapshot
from connector.data.catalogue.snapshots.own import AboutCatalogue, OwnDatasets
from connector.data.catalogue.snapshots.pages import Pages
from connector.foundation.storage.database import Tx
from connector.identity.participants.publisher_details import PublisherChange
from connector.kernel.metadata.project import dcat_ap
from connector.kernel.metadata.record.model import Series
from tests.surfaces.peer.public.portal import ROOT, TOWN, change, put, uuid
from tests.testkit.towns import Towns

SERIES = Series(iri=f"{ROOT}/series/{uuid(9)}", title={"de": "Kataster"})
Act = Callable[[Towns], Awaitable[object]]


def snapshots(towns: Towns) -> Snapshots:
    return Snapshots(towns.db, [OwnDatasets(PublicRecords(towns.participants))], AboutCatalogue(towns.participants))


async def text(towns: Towns, snapshot: Snapshot) -> str:
    body = await Pages(towns.db).page(f"{ROOT}/catalog", PageAsked(TOWN, snapshot, 1, "ttl"), packed=False)
    return body.decode()


def fill(tx: Tx) -> None:
    series_store.insert_series(tx, TOWN, SERIES.iri, "Kataster", msgspec.json.encode(SERIES).decode())
    put(tx, 0, series=(SERIES,))
    put(tx, 1, access="announced")
    put(tx, 2, access="contract")


async def title(towns: Towns) -> object:
    def act(tx: Tx) -> None:
        dataset = store.dataset(tx, TOWN, f"{ROOT}/datasets/{uuid(0)}")
        assert dataset is not None
        change(tx, dataset, record=replace(dataset.record, title={"de": "Merkmal"}))

    return await towns.db.write(TOWN, act)


async def contact(towns: Towns) -> object:
    return await towns.participants.change(TOWN, PublisherChange(contact_email="merkmal@m.example"))


async def series(towns: Towns) -> object:
    known = replace(SERIES, title={"de": "Merkmal"})
    document = msgspec.json.encode(known).decode()
    return await towns.db.write(TOWN, lambda tx: tx.run("UPDATE series SET document = :d", d=document))


async def offer(towns: Towns) -> object:
    made = Offer(
        id=f"{ROOT}/datasets/{uuid(1)}/offers/Merkmal",
        dataset=f"{ROOT}/datasets/{uuid(1)}",
        policy={"permission": []},
        digest="d",
        visibility="members",
        countersignature="none",
        template={},
        state="published",
        created_at=1,
    )
    return await towns.db.write(TOWN, store.insert_offer, TOWN, made)


@pytest.mark.on_both
@pytest.mark.parametrize("act", [title, contact, series, offer])
async def test_every_difference_is_noticed(towns: Towns, act: Act) -> None:
    """>> a title, the contact of all datasets, a series, an offer on announced data << the next snapshot says it."""
    await towns.db.write(TOWN, fill)
    making = snapshots(towns)
    before = await making.newest(TOWN)
    assert "Merkmal" not in await text(towns, before)
    await act(towns)
    after = await making.newest(TOWN)
    assert "merkmal" in (await text(towns, after)).lower()
    assert "merkmal" not in (await text(towns, before)).lower()


async def test_what_members_alone_see_makes_no_snapshot(towns: Towns) -> None:
    """>> a dataset on contract is changed << the same snapshot, although the catalogue of members is another."""
    await towns.db.write(TOWN, fill)
    making = snapshots(towns)
    before = await making.newest(TOWN)

    def act(tx: Tx) -> None:
        dataset = store.dataset(tx, TOWN, f"{ROOT}/datasets/{uuid(2)}")
        assert dataset is not None
        change(tx, dataset, record=replace(dataset.record, title={"de": "Merkmal"}))

    await towns.db.write(TOWN, act)
    assert await making.newest(TOWN) == before


async def test_a_snapshot_says_what_the_record_says(towns: Towns) -> None:
    """>> by the list and one by one << the same complete records."""
    await towns.db.write(TOWN, fill)
    records = PublicRecords(towns.participants)
    own = OwnDatasets(records)
    listed = await towns.db.read(TOWN, own.listed, TOWN)
    assert {one.iri for one in listed} == {f"{ROOT}/datasets/{uuid(number)}" for number in (0, 1)}
    for one in await towns.db.read(TOWN, own.described, TOWN, [one.iri for one in listed]):
        single = await towns.db.read(TOWN, records.dataset, TOWN, one.listed.iri)
        assert set(one.triples) == set(dcat_ap.dataset(single.record))
        assert await towns.db.read(TOWN, own.record, TOWN, one.listed.iri) == single.record
