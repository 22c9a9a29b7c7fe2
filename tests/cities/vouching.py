"""A town and a village whose operators are witnesses of each other's logs."""

import asyncio
import shutil
from pathlib import Path

from connector.foundation.http.outbound import Answer
from connector.verify.formats import checkpoint
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.patience import PATIENCE_S

OFTEN = {"HANSE_WORKER__SEAL_EVERY_S": "0.2", "HANSE_WITNESS__LOOK_S": "0.2"}
TOWN, VILLAGE = "musterstadt", "nachbardorf"


async def both(space: Space) -> tuple[City, City]:
    """A town and a village, each with its own operator."""
    town = await space.city("town", {TOWN: MUNICIPALITY}, OFTEN)
    village = await space.city("village", {VILLAGE: MUNICIPALITY}, OFTEN)
    await space.reload(town, village)
    return town, village


async def agreed(town: City, village: City) -> str:
    made = await town.publish(TOWN)
    signed = await village.negotiate(VILLAGE, town.did(TOWN), made["dataset"])
    assert signed["state"] == "FINALIZED"
    return str(signed["agreement"])


async def bundle(city: City, slug: str, agreement: str) -> bytes:
    uuid = agreement.removeprefix("urn:uuid:")
    found: bytes = await city.api.get(f"/api/v1/participants/{slug}/agreements/{uuid}/evidence")
    return found


async def public(city: City, slug: str, path: str) -> Answer:
    """What anybody gets below the root of a log."""
    return await city.services.infra.http.get(f"{city.root(slug)}/log/{path}")


async def vouched(city: City, slug: str, by: City, epoch: int = 0) -> checkpoint.Checkpoint:
    """The published checkpoint, once `by` has vouched for one that is not behind an agreement."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = await public(city, slug, f"{epoch}/checkpoint")
            if answer.status == 200:
                note = checkpoint.parse(answer.body.decode())
                if any(name == by.services.witness.keys.name for name, _, _ in note.lines):
                    return note
            await asyncio.sleep(0.1)


def copied(source: Path, target: Path) -> None:
    """A whole database: its journal belongs to it."""
    for end in ("-wal", "-shm"):
        Path(f"{target}{end}").unlink(missing_ok=True)
        if Path(f"{source}{end}").exists():
            shutil.copyfile(f"{source}{end}", f"{target}{end}")
    shutil.copyfile(source, target)
