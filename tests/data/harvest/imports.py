"""Imports in tests: the service over a database of two towns, without a server, and small deliveries in Turtle."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from msgspec import Struct

from connector.data.harvest.fetch import Fetcher
from connector.data.harvest.model import PublishedDataset, Question, Report, Run
from connector.data.harvest.service import Harvest
from connector.data.harvest.waiting import Nobody, People
from connector.foundation.storage.database import Database
from connector.identity.participants.service import Participants
from connector.kernel.metadata.lists.code_lists import code_lists
from tests.kernel.metadata.repair.datasets import HEAD

TOWN, NEIGHBOUR = "musterstadt", "nachbardorf"
LICENCE = "dct:license <http://dcat-ap.de/def/licenses/cc-zero>"
WORDS = 'dct:license "Nutzungsbedingungen"'


class _Town(Struct, frozen=True):
    root: str


class _Hosted(Struct, frozen=True):
    participant: _Town


class Hosting:
    """Both towns, with the roots that the databases of the tests have them under."""

    async def get(self, slug: str) -> _Hosted:
        return _Hosted(_Town(f"https://localhost:18443/{slug}"))


class Nowhere:
    """No way out."""

    def calls(self, url: str) -> bool:
        return False

    def stream(self, url: str, *, headers: Mapping[str, str]) -> Any:
        raise AssertionError(url)


def harvest(db: Database, way: object = None, people: People | None = None) -> Harvest:
    fetcher = Fetcher(cast(Any, way or Nowhere()))
    return Harvest(db, cast(Participants, Hosting()), fetcher, code_lists, people or Nobody())


def catalogue(*names: str, licence: str = LICENCE, title: str = "Titel", more: str = "") -> bytes:
    """Datasets that conform but for what is said otherwise."""
    text = "".join(
        f':{name} a dcat:Dataset ; dct:title "{title} {name}" ; dct:description "Text" ; dct:identifier "{name}" ;'
        f" dct:publisher :town ; dcat:distribution :{name}-file .\n"
        f":{name}-file a dcat:Distribution ; dcat:accessURL <https://town.example/{name}.csv> ; {licence} .\n"
        for name in names
    )
    return (HEAD + text + ':town a foaf:Agent ; foaf:name "Stadt" .\n' + more).encode()


async def taken(
    service: Harvest, content: bytes, name: str = "portal.ttl", slug: str = TOWN, source: str | None = None
) -> Report:
    """The report of a run that has to end well."""
    run = await ended(service, await service.start(slug, content, name=name, media_type=None, source=source), slug)
    assert run.error == "", (run.error, run.facts)
    assert run.report is not None
    return run.report


async def ended(service: Harvest, run_id: str, slug: str = TOWN) -> Run:
    while (run := await service.run(slug, run_id)).phase not in {"done", "failed"}:
        await asyncio.sleep(0.005)
    return run


async def served(service: Harvest, db: Database, slug: str = TOWN) -> dict[str, PublishedDataset]:
    """What the town publishes of its imports, by the last part of the IRI."""
    found = await db.read(slug, service.served, slug)
    return {one.iri.rsplit("/", 1)[-1]: one for one in found}


async def asked(service: Harvest, slug: str = TOWN) -> list[Question]:
    return [question for _, question in await service.questions(slug)]
