"""A town at its present provider, with contracts and data, and the provider that it moves to, in another database."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from connector.continuity.moving.arrival import Arrivals
from connector.continuity.moving.departure import Departures
from connector.continuity.moving.frames import FILES, RECEIVED
from connector.foundation.storage import Database
from connector.identity.audit import sealer
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.did import did as dids
from connector.identity.trust.did.documents import read_document
from connector.identity.trust.keys.jwk import Jwk
from connector.identity.trust.keys.vault import Vault
from tests.testkit.towns import Towns

TOWN, PARTNER, THERE = "musterstadt", "nachbardorf", "https://localhost:18444"


def served(documents: Mapping[str, Mapping[str, object]]):  # type: ignore[no-untyped-def]
    """What DID documents say, as their hosts serve them."""

    async def key_of(did: str, kid: str) -> Jwk:
        return read_document(dids.parse(did), documents[did]).key(kid, "capabilityInvocation")

    return key_of


class Old(NamedTuple):
    towns: Towns
    departures: Departures
    folders: dict[str, Path]

    async def archive(self) -> bytes:
        return b"".join([piece async for piece in self.departures.archive(TOWN)])


class New(NamedTuple):
    db: Database
    participants: Participants
    arrivals: Arrivals
    folders: dict[str, Path]
    vault: Vault

    async def take(self, archive: bytes, slug: str = TOWN) -> str:
        return (await self.arrivals.receive(slug, pieces(archive))).arrival.receipt


async def pieces(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for first in range(0, len(data), size):
        yield data[first : first + size]


def folders(place: Path) -> dict[str, Path]:
    made = {FILES: place / "files", RECEIVED: place / "received"}
    for folder in made.values():
        folder.mkdir(parents=True)
    return made


def old_side(towns: Towns, place: Path) -> Old:
    kept = folders(place / "old")

    async def seal(hosted: Hosted) -> None:
        signers = [key for purpose, key in hosted.signers.items() if purpose in ("log", "log-pq")]
        await sealer.seal(towns.db, hosted.participant.id, hosted.participant.root, signers)

    return Old(
        towns, Departures(towns.db, towns.clock, towns.participants, towns.vault, seal, kept, lambda: "hanse 0"), kept
    )


@asynccontextmanager
async def new_side(towns: Towns, database: Database, place: Path) -> AsyncIterator[New]:
    vault, kept = Vault(bytes(range(1, 33))), folders(place / "new")
    await database.start()
    participants = Participants(database, vault, THERE, towns._issue)
    documents = {one.participant.did: one.document for one in await towns.participants.all()}
    yield New(
        database,
        participants,
        Arrivals(database, participants, vault, served(documents), kept, place / "spool"),
        kept,
        vault,
    )
    await database.close()
