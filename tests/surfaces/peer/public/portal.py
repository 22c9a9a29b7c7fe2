"""The public doors of a town over a plain socket, with as many replicas as a test wants, and who reads them.

Addresses begin with the town's root, as they do in what it serves; they lead to whichever replica the test names.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import NamedTuple

import aiohttp
from aiohttp import web
from msgspec.structs import replace
from multidict import CIMultiDictProxy
from pyoxigraph import NamedNode, RdfFormat, Triple, parse

from connector.data.catalogue import store
from connector.data.catalogue.model import Dataset
from connector.data.catalogue.public import PublicRecords
from connector.data.catalogue.snapshots.making import Snapshots
from connector.data.catalogue.snapshots.own import AboutCatalogue, OwnDatasets
from connector.data.harvest.supply import ImportedDatasets
from connector.data.sources import store as source_store
from connector.data.sources.kinds import Sources
from connector.data.sources.model import Source
from connector.foundation.clock import Clock, SystemClock
from connector.foundation.http.one_handler import OneHandler
from connector.foundation.http.outbound import SafeClient
from connector.foundation.http.server import port_of, serve
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.model import Participant
from connector.identity.participants.service import Participants
from connector.kernel.metadata.rdf.names import DCAT, HYDRA, RDF
from connector.kernel.metadata.record.model import Access, DatasetRecord
from connector.surfaces.peer import routes
from connector.surfaces.peer.problems import problems
from connector.surfaces.peer.public import routes as public_routes
from connector.surfaces.peer.public.answers import Answers
from connector.surfaces.peer.public.catalogue import PublicHandlers
from connector.surfaces.peer.public.downloads import Downloads
from connector.surfaces.peer.public.routes import Open
from tests.testkit.towns import BASE, Towns

TOWN = "musterstadt"
ROOT = f"{BASE}/{TOWN}"
CONTENT = b"a;b\n1;2\n"
DIGEST = sha256(CONTENT).hexdigest()
LICENCE = "http://dcat-ap.de/def/licenses/dl-zero-de/2.0"


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class _Roots:
    """Whichever socket the request came to: the host in it is that of the test's server."""

    def __init__(self, participants: Participants) -> None:
        self._participants = participants

    async def at(self, host: str, path: str) -> tuple[Participant, str] | None:
        return await self._participants.at(BASE.removeprefix("https://"), path)


async def _nobody(participant: Participant, authorization: str) -> routes.Caller:
    raise AssertionError("a public door asks nobody who he is")


class Portal:
    """One replica."""

    def __init__(self, runner: web.BaseRunner, session: aiohttp.ClientSession, sending: Answers) -> None:
        self._port, self._session, self.sending = port_of(runner), session, sending

    async def get(self, url: str, method: str = "GET", **headers: str) -> Answer:
        """`url` begins with the root, or is a path below it; header names have `_` for `-`."""
        path = url.removeprefix(BASE) if url.startswith(BASE) else f"/{TOWN}{url}"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        address = f"http://127.0.0.1:{self._port}{path}"
        async with self._session.request(method, address, headers=sent, allow_redirects=False) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def head(self, url: str, **headers: str) -> Answer:
        return await self.get(url, "HEAD", **headers)


@asynccontextmanager
async def portal(
    towns: Towns, db: Database | None = None, clock: Clock | None = None, sending: Answers | None = None
) -> AsyncIterator[Portal]:
    """A replica on the towns' database, or on its own connection `db` to the same."""
    db, clock, sending = db or towns.db, clock or SystemClock(), sending or Answers()
    participants = Participants(db, towns.vault, BASE, None)
    records = PublicRecords(participants)
    snapshots = Snapshots(db, [OwnDatasets(records), ImportedDatasets()], AboutCatalogue(participants))
    folder = towns.infra.settings.data.files
    sources = Sources(lambda slug: folder / slug, SafeClient(), towns.vault)
    table = [
        *public_routes.routes(
            lambda: Open(
                PublicHandlers(db, clock, snapshots, records, sending), Downloads(db, clock, records, sources, sending)
            )
        ),
    ]
    surface = routes.Surface(table, _Roots(participants), _nobody)
    runner = await serve(OneHandler(routes.handler(surface, problems)), host="127.0.0.1", port=0, tls=None, stop_s=0.1)
    async with aiohttp.ClientSession(auto_decompress=False, headers={"Accept-Encoding": "identity"}) as session:
        yield Portal(runner, session, sending)
    await runner.cleanup()


def put(tx: Tx, number: int, *, access: Access = "open", **said: object) -> Dataset:
    """A dataset of the town straight into the store; `said` is what its record says besides."""
    if source_store.source(tx, TOWN, "file") is None:
        file = Source(
            id="file", kind="file", location=DIGEST, name="bäume.csv", media_type="text/csv", bytes=8, sha256=DIGEST
        )
        source_store.insert(tx, TOWN, file)
    known: dict[str, object] = {"title": {"de": f"Bäume {number}"}, "licence": LICENCE, "access": access}
    record = DatasetRecord(**known | said)  # type: ignore[arg-type]
    dataset = Dataset(
        id=f"{ROOT}/datasets/{uuid(number)}",
        source="file",
        title=record.title["de"],
        version="a" * 64,
        document={"title": record.title["de"]},
        created_at=tx.now,
        changed_at=tx.now,
        record=record,
        access=access,
    )
    store.insert_dataset(tx, TOWN, dataset)
    return dataset


def uuid(number: int) -> str:
    """In no order that anything else has."""
    digits = sha256(str(number).encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"


def change(tx: Tx, dataset: Dataset, **different: object) -> Dataset:
    """The next revision of it."""
    after = replace(dataset, revision=dataset.revision + 1, changed_at=tx.now, **different)
    assert store.update_dataset(tx, TOWN, after, dataset.revision)
    return after


class Run(NamedTuple):
    """What a harvester found: dataset -> digest of what was said of it."""

    found: Mapping[str, str]
    pages: int


class Harvester:
    """As those of CKAN and GovData are (spec/metadata-harvest.md 1.2): HEAD, then GET, `hydra:next` or `nextPage`, stop
    when a page has been seen, delete what a whole run has not shown. Each page is asked from another replica."""

    def __init__(self, *replicas: Portal) -> None:
        self._replicas = replicas
        self.known: dict[str, str] = {}

    async def run(self, url: str) -> AsyncIterator[Run]:
        """After each page what was found so far; the caller may do whatever happens to a catalogue meanwhile."""
        seen, found, pages = set[str](), dict[str, str](), 0
        following: str | None = url
        while following is not None:
            replica = self._replicas[pages % len(self._replicas)]
            head, page = await replica.head(following), await replica.get(following)
            assert (head.status, page.status) == (200, 200), (following, page.text[:300])
            assert head.headers["Content-Length"] == str(len(page.body)) == page.headers["Content-Length"]
            assert head.headers["Content-Type"] == page.headers["Content-Type"] == "application/rdf+xml"
            digest = sha256(page.body).hexdigest()
            if digest in seen:
                break
            seen.add(digest)
            pages += 1
            triples = [Triple(one.subject, one.predicate, one.object) for one in parse(page.body, RdfFormat.RDF_XML)]
            found |= _described(triples)
            following = _following(triples)
            yield Run(found, pages)

    def settle(self, found: Mapping[str, str]) -> tuple[set[str], set[str], set[str]]:
        """After a whole run: what is new, what changed, what is deleted."""
        new, gone = found.keys() - self.known.keys(), self.known.keys() - found.keys()
        changed = {iri for iri in found.keys() & self.known.keys() if found[iri] != self.known[iri]}
        self.known = dict(found)
        return new, changed, gone


def _described(triples: Sequence[Triple]) -> dict[str, str]:
    datasets = {one.subject.value for one in triples if one.predicate == RDF.type and one.object == DCAT.Dataset}
    said: dict[str, list[str]] = {iri: [] for iri in datasets}
    for one in triples:
        owner = one.subject.value.partition("#")[0]
        if owner in said:
            said[owner].append(str(one))
    return {iri: sha256("\n".join(sorted(lines)).encode()).hexdigest() for iri, lines in said.items()}


def _following(triples: Sequence[Triple]) -> str | None:
    for name in (HYDRA.next, HYDRA.nextPage):
        for one in triples:
            if one.predicate == name and isinstance(one.object, NamedNode):
                return one.object.value
    return None
