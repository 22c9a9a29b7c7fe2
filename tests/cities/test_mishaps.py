"""What goes wrong while data flows: files vanish or shrink, readers outlive the contract, the two sides differ."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connector.data.dataplane import flows
from connector.foundation.storage.database import Tx
from connector.foundation.storage.work import ProcessRef as Owner
from connector.foundation.storage.work import errand
from tests.cities.disk import HeldDisk
from tests.testkit.cities import City
from tests.testkit.patience import eventually

MIB = 1 << 20
TOWN, VILLAGE = "musterstadt", "nachbardorf"


async def agreed(town: City, village: City, content: bytes, **slots: str) -> str:
    made = await town.publish(TOWN, content, slots={"until": "31.12.2099", **slots})
    signed = await village.negotiate(VILLAGE, town.did(TOWN), made["dataset"])
    assert signed["state"] == "FINALIZED"
    return str(signed["agreement"])


def files(town: City) -> list[Path]:
    return [path for path in town.services.catalogue.uploads.folder(TOWN).rglob("*") if path.is_file()]


async def rows(city: City, slug: str, query: str) -> list[dict[str, Any]]:
    def read(tx: Tx) -> list[dict[str, Any]]:
        return [dict(row) for row in tx.all(query)]

    return await city.services.infra.db.read(slug, read)


@pytest.fixture
def pace() -> float:
    return 0.2


async def until(holds: Callable[[], bool]) -> float:
    """Seconds that passed until it held."""
    begin = time.monotonic()
    await eventually(holds)
    return time.monotonic() - begin


async def test_a_file_that_vanished_before_the_first_byte_is_a_clear_reason(town: City, village: City) -> None:
    """>> publish, sign, delete the file, get << TERMINATED on both sides; the village reads that the file is gone."""
    agreement = await agreed(town, village, b"a;b\n1;2\n")
    [path] = files(town)
    path.unlink()
    received = await village.fetch(VILLAGE, agreement)
    assert (received["state"], received["outcome"]) == ("TERMINATED", "broken")
    assert "nicht mehr da" in received["reason"]["de"]
    assert "no longer there" in received["reason"]["en"]
    [theirs] = await rows(town, TOWN, "SELECT state, bytes FROM transfer")
    assert theirs == {"state": "TERMINATED", "bytes": 0}


async def test_a_file_that_shrinks_while_it_is_sent_breaks_the_stream_and_is_never_mistaken_for_the_whole(
    town: City, village: City, disk: HeldDisk
) -> None:
    """The provider aborts within two seconds of seeing it; the resume meets another version and the digest says no."""
    agreement = await agreed(town, village, b"x" * (24 * MIB))
    disk.hold(2)
    fetching = asyncio.create_task(village.fetch(VILLAGE, agreement))
    await eventually(lambda: len(disk.written) == 2)
    [path] = files(town)
    with path.open("r+b") as file:
        file.truncate(16 * MIB)
    disk.go()
    await eventually(lambda: town.services.plane.streams.count() == 0)
    received = await fetching
    assert (received["state"], received["outcome"]) == ("TERMINATED", "broken")
    assert "Prüfsumme" in received["reason"]["de"]
    assert village.services.plane.local.file(VILLAGE, received["id"]) is None
    [flow] = await rows(town, TOWN, "SELECT broken FROM flow")
    assert flow["broken"] == 1
    entries = await rows(town, TOWN, "SELECT record FROM audit_entry WHERE record IS NOT NULL ORDER BY id")
    assert any(b"source-shrank" in bytes(entry["record"]) for entry in entries)


@pytest.mark.alone
@pytest.mark.parametrize("pace", [0.3])
async def test_a_slow_reader_is_cut_when_the_contract_runs_out(town: City, village: City, slow: list[int]) -> None:
    """24 MiB would take seven seconds, the contract lasts three: cut within a second of its end, and no byte later."""
    agreement = await agreed(town, village, b"x" * (24 * MIB), **{"valid-for": "PT3S"})
    fetching = asyncio.create_task(village.fetch(VILLAGE, agreement))
    await eventually(lambda: town.services.plane.streams.count() == 1)
    [found] = await rows(town, TOWN, "SELECT expires_at FROM agreement")
    await eventually(lambda: town.services.plane.streams.count() == 0)
    late = town.services.infra.clock.now() - found["expires_at"]
    assert -100 < late < 1500
    received = await fetching
    assert (received["state"], received["outcome"]) == ("TERMINATED", "refused")
    assert received["bytes"] == 0
    assert village.services.plane.local.file(VILLAGE, received["id"]) is None
    [flow] = await rows(town, TOWN, "SELECT state, bytes FROM flow")
    assert flow["state"] == "TERMINATED"
    assert 0 < flow["bytes"] < 24 * MIB


@pytest.mark.alone
async def test_termination_cuts_an_open_answer_at_once(town: City, village: City, slow: list[int]) -> None:
    """>> terminate while bytes flow << the stream ends within half a second, both sides are TERMINATED."""
    agreement = await agreed(town, village, b"x" * (24 * MIB))
    fetching = asyncio.create_task(village.fetch(VILLAGE, agreement))
    await eventually(lambda: len(slow) >= 2)
    [mine] = await rows(town, TOWN, "SELECT id FROM transfer")
    reason = {"de": ["Der Datensatz ist zurückgezogen."], "en": ["The dataset was withdrawn."]}
    await town.services.infra.db.write(
        TOWN, town.services.transfers.service.terminate, TOWN, mine["id"], "operator", reason
    )
    assert await until(lambda: town.services.plane.streams.count() == 0) < 0.5
    received = await fetching
    assert (received["state"], received["outcome"]) == ("TERMINATED", "refused")
    assert "zurückgezogen" in received["reason"]["de"]


@pytest.mark.alone
async def test_the_termination_stops_the_fetching_too(town: City, village: City, slow: list[int]) -> None:
    """A village that ends its own transfer takes no further byte, and leaves none behind under the file's name."""
    agreement = await agreed(town, village, b"x" * (24 * MIB))
    fetching = asyncio.create_task(village.fetch(VILLAGE, agreement))
    await eventually(lambda: len(slow) >= 2)
    [mine] = await rows(village, VILLAGE, "SELECT id FROM transfer")
    reason = {"de": ["Nicht mehr nötig."], "en": ["No longer needed."]}
    await village.services.infra.db.write(
        VILLAGE, village.services.transfers.service.terminate, VILLAGE, mine["id"], "operator", reason
    )
    assert await until(lambda: town.services.plane.streams.count() == 0) < 1.5
    assert (await fetching)["state"] == "TERMINATED"
    await eventually(lambda: village.services.schedule.worker.running() == 0)
    assert len(slow) < 20
    assert village.services.plane.local.file(VILLAGE, mine["id"]) is None


async def test_states_that_differ_end_terminated(town: City, village: City, disk: HeldDisk) -> None:
    """The town believes SUSPENDED, the village STARTED (START crossed SUSPEND): the repair ends both."""
    agreement = await agreed(town, village, b"x" * (16 * MIB))
    disk.hold(1)
    started = await village.api.post(f"/api/v1/participants/{VILLAGE}/transfers", {"agreement": agreement})
    await eventually(lambda: len(disk.written) == 1)

    def parted(tx: Tx, slug: str, **changes: object) -> None:
        [row] = tx.all("SELECT id, kernel, counterparty FROM transfer")
        kernel = msgspec.json.encode({**msgspec.json.decode(row["kernel"]), **changes}).decode()
        tx.run(
            "UPDATE transfer SET kernel = :kernel, version = version + 1 WHERE participant = :p", kernel=kernel, p=slug
        )
        if slug == TOWN:
            flows.suspend(tx, slug, row["id"])
        if "doubt" in changes:
            errand(tx, Owner(participant=slug, noun="transfer", id=row["id"], to=row["counterparty"]), "repair")

    await town.services.infra.db.write(TOWN, parted, TOWN, state="SUSPENDED")
    await village.services.infra.db.write(VILLAGE, parted, VILLAGE, doubt=True)
    disk.go()
    found = await village.rested(f"/api/v1/participants/{VILLAGE}/transfers/{started['id']}")
    assert found["state"] == "TERMINATED"
    [theirs] = await rows(town, TOWN, "SELECT state FROM transfer")
    assert theirs["state"] == "TERMINATED"
    assert town.services.plane.streams.count() == 0
    [flow] = await rows(town, TOWN, "SELECT state FROM flow")
    assert flow["state"] != "STARTED"
