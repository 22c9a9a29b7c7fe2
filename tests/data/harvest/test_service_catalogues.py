"""Three real catalogues: 271 datasets with 2 157 violations come in, and what goes out has none.

The answers of this town are our own (`answers.json`): what a steward of these portals might say. Berlin's is the
smallest and breaks more rules than the other two together, which are for the long run.
"""

import json
from collections import Counter
from pathlib import Path

import pytest
from pyoxigraph import RdfFormat, Triple, parse

from connector.data.harvest.model import Answer
from connector.data.harvest.service import Harvest
from connector.foundation.storage.database import Database
from connector.kernel.metadata.check.engine import check
from connector.kernel.metadata.check.model import Profile, Severity
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import DCAT
from connector.kernel.metadata.rdf.reading import read
from connector.kernel.metadata.rdf.writing import sayable_in_xml, write
from tests.data.harvest.imports import TOWN, asked, harvest, served, taken
from tests.testkit.places import SHARED

CATALOGUES = SHARED / "dcat/catalogues"
COUNTS = {"brandenburg": (112, 7_090), "bremen": (153, 6_747), "berlin": (6, 391)}
ALL = tuple(COUNTS)
TOWNS = pytest.mark.parametrize("towns", [("berlin",), pytest.param(ALL, marks=pytest.mark.long)], ids="-".join)
MOST_QUESTIONS, MOST_HELD = 25, 60
pytestmark = pytest.mark.skipif(not CATALOGUES.exists(), reason="official material: ../shared/data is not there")


def files(towns: tuple[str, ...] = ALL) -> dict[str, Path]:
    return {town: next(path for path in CATALOGUES.glob("*.rdf") if town in path.name) for town in towns}


def answers() -> list[Answer]:
    text = (Path(__file__).parent / "answers.json").read_text(encoding="utf-8")
    return [Answer(**one) for one in json.loads(text)]


async def published(service: Harvest, db: Database) -> list[Triple]:
    """All that is published, blank nodes of each dataset apart."""
    found = (await served(service, db)).values()
    every = await db.read(TOWN, service.served, TOWN)
    assert len(every) >= len(found)
    return [
        quad.triple for one in every for quad in parse(one.triples, format=RdfFormat.N_TRIPLES, rename_blank_nodes=True)
    ]


def violations(triples: list[Triple]) -> Counter[str]:
    graph = Graph(triples)
    return Counter(
        finding.rule
        for profile in (Profile.DE, Profile.AP)
        for finding in check(graph, profile)
        if finding.severity is Severity.VIOLATION
    )


@TOWNS
async def test_what_is_taken_in_asked_and_published(sqlite_db: Database, towns: tuple[str, ...]) -> None:
    """>> the three << 271 datasets, no triple lost, few questions; again: no change; answered: all go out."""
    service = harvest(sqlite_db)
    reports = {}
    for town, path in files(towns).items():
        report = reports[town] = await taken(service, path.read_bytes(), name=path.name)
        assert (report.datasets, report.triples, report.aside) == (*COUNTS[town], {})
        original = await service.original(TOWN, report.source)
        assert original.count(b"\n") == report.triples
        assert len(set(read(original, name="x.nt").triples)) == report.triples
    assert len(await asked(service)) <= MOST_QUESTIONS
    assert sum(report.held for report in reports.values()) <= MOST_HELD
    before = await published(service, sqlite_db)
    assert all(map(sayable_in_xml, before))
    for town, path in files(towns).items():
        again = await taken(service, path.read_bytes(), name=path.name)
        assert (again.new, again.changed, again.removed, again.source) == (0, 0, 0, reports[town].source)
    for report in (await service.answer(TOWN, answers())).reports:
        assert (report.held, report.removed) == (0, 0)
    assert len(await sqlite_db.read(TOWN, service.served, TOWN)) == sum(COUNTS[town][0] for town in towns)
    assert [question for question in await asked(service) if question.holds] == []
    assert violations(await published(service, sqlite_db)) == Counter()


@pytest.mark.parametrize("town", ["berlin", pytest.param("bremen", marks=pytest.mark.long)])
async def test_half_of_a_catalogue_removes_nothing(sqlite_db: Database, town: str) -> None:
    """>> half of the datasets, under another name << the same source, one question, nothing removed."""
    service = harvest(sqlite_db)
    path = files()[town]
    first = await taken(service, path.read_bytes(), name=path.name)
    graph = Graph(read(path.read_bytes(), name=path.name).triples)
    gone = set(graph.instances(DCAT.Dataset)[::2])
    half = [triple for triple in graph if triple.subject not in gone]
    second = await taken(service, write(half, "n-triples"), name="half.nt")
    assert (second.source, second.removed, second.asked, second.changed) == (first.source, 0, 1, 0)
    assert second.published == first.published


@pytest.mark.long
async def test_official_shapes_find_no_violation_either(sqlite_db: Database) -> None:
    """>> the same by pyshacl with the files of both profiles << 0 violations, held or answered."""
    pytest.importorskip("pyshacl")
    from tests.kernel.metadata.project.official_shapes import findings

    service = harvest(sqlite_db)
    for path in files().values():
        await taken(service, path.read_bytes(), name=path.name)
    for answered in (False, True):
        if answered:
            await service.answer(TOWN, answers())
        triples = await published(service, sqlite_db)
        for profile in ("DE30", "AP301"):
            assert [one for one in findings(profile, triples) if one.startswith(Severity.VIOLATION)] == []
