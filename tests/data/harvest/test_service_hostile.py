"""Deliveries and answers that mean ill, or are merely odd: what they may not do to the rest."""

import pytest
from pyoxigraph import NamedNode, RdfFormat, parse

from connector.data.harvest import service as module
from connector.data.harvest.model import Answer
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Database, Tx
from connector.kernel.metadata.lists.code_lists import code_lists
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.reading import read
from connector.kernel.metadata.repair.ownership import Found, datasets
from connector.kernel.metadata.repair.rules import repair
from connector.kernel.metadata.repair.work import Known
from tests.data.harvest.imports import LICENCE, NEIGHBOUR, TOWN, asked, catalogue, ended, harvest, served, taken
from tests.kernel.metadata.repair.datasets import HEAD


async def test_an_answer_to_a_mended_value_reaches_its_datasets(sqlite_db: Database) -> None:
    """>> a licence whose address has a blank, one with a control character, each asked as mended << put in."""
    for licence in ("<https://town.example/my\\u0020licence>", '"Eigene\\u0007Lizenz"'):
        service = harvest(sqlite_db)
        plain = licence.replace("\\u0020", "%20").replace("\\u0007", " ")
        rough, clean = (catalogue(name, licence=f"dct:license {said}") for name, said in (("a", licence), ("b", plain)))
        await taken(service, rough + clean.removeprefix(HEAD.encode()))
        (question,) = await asked(service)
        assert question.count == 2
        await service.answer(TOWN, [Answer(kind=question.kind, value=question.value, answer="cc-zero")])
        assert await asked(service) == []
        assert {name: b"cc-zero" in one.triples for name, one in (await served(service, sqlite_db)).items()} == {
            "a": True,
            "b": True,
        }


async def test_an_old_answer_removes_nothing_later(sqlite_db: Database) -> None:
    """>> a delivery shrinks twice; the answer of the first time is given again << refused, nothing removed."""
    service = harvest(sqlite_db)
    await taken(service, catalogue(*"abcdef"))
    await taken(service, catalogue(*"abc"))
    remove = Answer(kind="shrunken", value="3", answer="remove")
    await service.answer(TOWN, [remove])
    await taken(service, catalogue("a"))
    with pytest.raises(Mistake, match=r"harvest\.not-asked"):
        await service.answer(TOWN, [remove])
    assert sorted(await served(service, sqlite_db)) == ["a", "b", "c"]


async def test_what_was_said_of_a_dataset_moves_with_it(any_db: Database) -> None:
    """>> a dataset without a title has got one by an answer, and then another IRI << still published, and again."""
    service = harvest(any_db)
    here, there = ("a", "z")
    for name in (here, there, there):
        text = catalogue(name).replace(b'dct:title "Titel ', b'dct:x "').replace(b'identifier "z"', b'identifier "a"')
        await taken(service, text)
        for question in await asked(service) if name == here else ():
            answer = Answer(kind=question.kind, value="", dataset="https://town.example/a", answer="Bäume")
            await service.answer(TOWN, [answer])
        assert [*await served(service, any_db)] == [name]


async def test_a_delivery_of_too_many_datasets(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> more datasets than one transaction may write << refused; those of one are found by an index, not by a walk."""
    monkeypatch.setattr(module, "MOST_DATASETS", 2)
    service = harvest(sqlite_db)
    run = await service.start(TOWN, catalogue("a", "b", "c"), name="x.ttl", media_type=None, source=None)
    assert (await ended(service, run)).error == "harvest.many-datasets"
    assert (await taken(service, catalogue("a", "b"))).published == 2
    plan = await sqlite_db.read(TOWN, _plan)
    assert "dataset=?" in plan


def _plan(tx: Tx) -> str:
    said = "EXPLAIN QUERY PLAN DELETE FROM harvest_question WHERE participant = :p AND source = :s AND dataset = :d"
    return " ".join(str(row["detail"]) for row in tx.all(said, p="", s="", d=""))


async def test_two_replicas_bring_the_same_dataset(any_db: Database) -> None:
    """>> two processes take the same datasets in as two sources << one of them, the other is told to wait."""
    first, second = harvest(any_db), harvest(any_db)
    runs = [
        await one.start(TOWN, catalogue("a", "b"), name=name, media_type=None, source=name)
        for one, name in ((first, "x.ttl"), (second, "y.ttl"))
    ]
    ends = [await ended(first, run) for run in runs]
    assert {one.error for one in ends} <= {"", "harvest.busy"}
    assert sum(one.published for one in (run.report for run in ends) if one is not None) == 2


async def test_answers_of_others_are_counted_and_left_out(sqlite_db: Database) -> None:
    """>> a file with answers for another town's datasets << those asked here are taken; one that is none: not any."""
    service = harvest(sqlite_db)
    for slug, name in ((TOWN, "a"), (NEIGHBOUR, "b")):
        await taken(service, catalogue(name, more="", title="").replace(b'dct:title " ', b'dct:x "'), slug=slug)
    here, there = (
        Answer(kind="title", value="", dataset=f"https://town.example/{name}", answer="Bäume") for name in "ab"
    )
    wrong = Answer(kind="licence", value="x", answer="public domain")
    with pytest.raises(Mistake, match=r"harvest\.answer"):
        await service.answer(TOWN, [here, wrong])
    assert len(await asked(service)) == 1
    done = await service.answer(TOWN, [here, there])
    assert (len(done.reports), done.unasked, await asked(service)) == (1, 1, [])
    assert len(await asked(service, NEIGHBOUR)) == 1


async def test_nobody_describes_what_the_participant_publishes_itself(sqlite_db: Database) -> None:
    """>> a file named as a dataset of the participant, or of another source << served, but nothing about those."""
    service = harvest(sqlite_db)
    await taken(service, catalogue("other"), "other.ttl")
    own = f"<https://localhost:18443/{TOWN}/datasets/1>"
    for name in (own, ":other"):
        more = f":a foaf:page {name} . {name} a foaf:Document ; dct:title 'Falsch' .\n"
        await taken(service, catalogue("a", "b", more=more), "b.ttl")
        one = (await served(service, sqlite_db))["a"]
        assert b"Falsch" not in one.triples
        assert f"page> {name}".encode() in one.triples.replace(b"https://town.example/other", b":other").replace(
            b"<:other>", b":other"
        )


async def test_text_that_no_database_keeps(any_db: Database) -> None:
    """>> NUL in identifiers, values and answers << as any other text."""
    service = harvest(any_db)
    more = (
        ':a dct:accessRights "n\\u0000n" . :b dcat:theme "t\\u0000" . :c a dcat:Dataset .\n'
        ':d a dcat:Dataset ; dct:identifier "x\\u0000y" ; dct:title "\\u0000" .\n'
    )
    report = await taken(service, catalogue("a", "b", more=more))
    assert (report.datasets, report.aside, report.held) == (4, {}, 4)
    await service.undo(TOWN, "control-characters")
    with pytest.raises(Mistake, match=r"harvest\.answer"):
        await service.answer(TOWN, [Answer(kind="title", value="", answer="Ti\0tel")])
    assert sorted(await served(service, any_db)) == ["a", "b"]


async def test_an_undone_rule_lets_nobody_out_of_an_iri(sqlite_db: Database) -> None:
    """>> IRIs with brackets and line breaks, the rules about them undone << one triple each, in every case."""
    service = harvest(sqlite_db)
    out = "https://town.example/x> .\\u000A<https://else.example/y> a <https://else.example/z"
    escaped = out.replace(">", "\\u003E").replace("<", "\\u003C").replace(" ", "\\u0020")
    await taken(service, catalogue("a", more=f":a dct:relation <{escaped}> .\n"))
    for rule in ("iri-characters", "relative-iri"):
        await service.undo(TOWN, rule)
        for one in (await served(service, sqlite_db)).values():
            found = [quad.subject for quad in parse(one.triples, format=RdfFormat.N_TRIPLES, lenient=True)]
            assert len(found) > 5
            assert NamedNode("https://else.example/y") not in found


def test_every_triple_is_served_or_named() -> None:
    """>> a dataset with many files in which everything is odd << what is not served, some repair names."""
    files = "".join(
        f":a dcat:distribution :f{n} . :f{n} a dcat:Distribution ; dct:title '???' ; dcat:accessURL :x{n} ;"
        f" {LICENCE} ; dcat:byteSize 'viel' ; dct:format 'csv' ; dct:issued '1.2.2024' .\n"
        for n in range(450)
    )
    triples = read(catalogue("a", more=files), name="x.ttl").triples
    (found,) = (one for one in datasets(Graph(triples), code_lists()) if isinstance(one, Found))
    repaired = repair(found.iri, found.triples, Known(lists=code_lists()))
    named = {triple for change in repaired.changes for triple in change.before}
    assert set(found.triples) <= set(repaired.triples) | named
    assert len(repaired.changes) > 1_000
