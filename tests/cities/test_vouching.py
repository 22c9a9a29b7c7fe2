"""Two operators vouch for each other's logs; one is then brought back from a backup (spec/records.md 2.5, 3)."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from connector.dataspace.witness import cosign
from connector.foundation.storage.database import PROCESS
from connector.verify.bundle import verify_bundle
from connector.verify.formats import cosignature
from connector.verify.report import Verdict
from tests.cities.vouching import OFTEN, TOWN, VILLAGE, agreed, both, bundle, copied, public, vouched
from tests.testkit.cities import MUNICIPALITY, City, Space


@pytest.mark.threat("T69")
async def test_each_vouches_for_the_other_and_a_third_proves_when(space: Space) -> None:
    """>> an agreement << the partner's witness cosigns both logs, which proves no time; a third operator: PASSED."""
    town, village = await both(space)
    agreement = await agreed(town, village)
    note = await vouched(town, TOWN, village)
    policy = cosignature.derived(witnesses_of(town), "Musterstadt")
    assert policy is not None
    assert cosignature.time_of(note, policy) is not None
    assert (
        cosignature.derived(witnesses_of(town)[:1], "Musterstadt") is None
    )  # its own operator alone vouches for nothing
    for city, slug in ((town, TOWN), (village, VILLAGE)):
        report = verify_bundle(await bundle(city, slug, agreement), space.roots, "de")
        assert report.holds_apart_from_time, report.reason
        assert "no-independent-time" in {check.code for check in report.checks}
    harbour = await space.city("harbour", {"hafen": MUNICIPALITY}, OFTEN)
    await space.reload(town, village)
    agreement = await agreed(town, village)
    await vouched(town, TOWN, harbour)
    await vouched(village, VILLAGE, harbour)
    for city, slug in ((town, TOWN), (village, VILLAGE)):
        report = verify_bundle(await bundle(city, slug, agreement), space.roots, "de")
        assert report.verdict is Verdict.PASSED, report.reason


def witnesses_of(city: City) -> list[dict[str, object]]:
    """As the trust list names them."""
    return [
        {"operator": one.operator, "url": one.url, "keys": list(one.keys)}
        for one in city.services.trust.anchor.current.witnesses
    ]


@pytest.mark.threat("T50")
async def test_tiles_and_checkpoint_are_for_everybody(space: Space) -> None:
    """>> checkpoint and tile without a token << the tile's leaves give the signed root; nothing beyond it is there."""
    from connector.identity.audit import merkle

    town, village = await both(space)
    await agreed(town, village)
    note = await vouched(town, TOWN, village)
    tile = await public(town, TOWN, f"0/tile/0/000.p/{note.size}")
    leaves = [tile.body[at : at + 32] for at in range(0, len(tile.body), 32)]
    assert merkle.Tree(leaves).root() == note.root
    assert "immutable" in tile.headers["Cache-Control"]
    for absent in (
        "0/tile/0/000",
        "0/tile/1/000.p/1",
        "0/tile/0/000.p/255",
        "0/tile/0/000.p/0",
        "0/tile/0/0.p/1",
        "0/tile/00/000.p/1",
        "0/tile/64/000",
        "0/tile/0/x000/000.p/1",
        "0/tile/entries/000.p/1",
        "1/checkpoint",
        "00/checkpoint",
        "1/tile/0/000.p/1",
        "0/tile/0/000.p/1/../../../../did.json",
        "0/tile/0/000%2Ep/1x",
    ):
        assert (await public(town, TOWN, absent)).status == 404, absent


@pytest.mark.long
async def test_a_database_from_a_backup_goes_on_under_a_new_origin(space: Space) -> None:
    """>> copy, go on, come back as the copy << new origin with the old checkpoint in it; old bundles hold; no fork."""
    village = await space.city("village", {VILLAGE: MUNICIPALITY}, OFTEN)
    async with space.running("town", {TOWN: MUNICIPALITY}, OFTEN) as town:
        await space.reload(town, village)
        early = await agreed(town, village)
        await vouched(town, TOWN, village)
    backup = space.folder.parent / "backup.db"
    database = space.folder.parent / "town" / "hanse.db"
    copied(database, backup)
    async with space.running("town", {TOWN: MUNICIPALITY}, OFTEN) as town:
        later = await agreed(town, village)
        old = await bundle(town, TOWN, later)
        await vouched(town, TOWN, village)
        origin = f"{town.root(TOWN)}/log/".removeprefix("https://")
    held = await village.services.infra.db.read(PROCESS, cosign.known, f"{origin}0")
    copied(backup, database)

    async with space.running("town", {TOWN: MUNICIPALITY}, OFTEN) as town:
        agreement = await agreed(town, village)
        new = await vouched(town, TOWN, village, epoch=1)
        assert new.origin == f"{origin}1"
        assert (
            await village.services.infra.db.read(PROCESS, cosign.known, f"{origin}0") == held
        )  # no old size signed again
        assert await village.services.infra.db.read(PROCESS, cosign.alarms) == []
        record = _one(database, "SELECT record FROM audit_entry WHERE type = 'log-origin'")
        assert f'"before":"{origin}0"'.encode() in record["record"]
        assert f'"known":{held.size}'.encode() in record["record"]
        for made in (old, *[await bundle(town, TOWN, one) for one in (agreement, early)]):
            report = verify_bundle(made, space.roots, "de")
            assert report.holds_apart_from_time, report.reason


def _one(database: Path, query: str) -> Mapping[str, bytes]:
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        row = connection.execute(query).fetchone()
        assert row is not None
        return dict(row)


async def test_a_witness_that_is_away_delays_nothing(space: Space) -> None:
    """>> an agreement while the other operator's witness is down << FINALIZED and a bundle without a time."""
    town = await space.city("town", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY}, OFTEN)
    async with space.running("gone", {"stadtwerke": MUNICIPALITY}, OFTEN):
        pass
    await space.reload(town)
    assert [one.operator for one in town.services.trust.anchor.current.witnesses] == ["Stadtwerke"]
    made = await town.publish(TOWN)
    signed = await town.negotiate(VILLAGE, town.did(TOWN), made["dataset"])
    assert signed["state"] == "FINALIZED"
    report = verify_bundle(await bundle(town, TOWN, signed["agreement"]), space.roots, "de")
    assert report.holds_apart_from_time
    assert report.verdict is Verdict.INDETERMINATE
