"""A catalogue is taken in, asked about, taken in again; what is gone goes only if that is sure."""

import json

import msgspec
import pytest
from pyoxigraph import RdfFormat, parse

from connector.data.harvest import publish, store
from connector.data.harvest.derive import Context, derived, divided
from connector.data.harvest.model import KEEP, REMOVE, Answer, Delivery
from connector.data.harvest.waiting import Nobody
from connector.foundation.errors import HanseError, Mistake, Unknown
from connector.foundation.storage.database import Database, Tx
from connector.kernel.metadata.lists.code_lists import code_lists
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.reading import read
from connector.kernel.metadata.record.model import DatasetRecord
from connector.kernel.metadata.repair import rules
from tests.data.harvest.imports import NEIGHBOUR, TOWN, WORDS, asked, catalogue, ended, harvest, served, taken

ASKED = ("licence", "Nutzungsbedingungen")
NAMES = [f"d{number:02}" for number in range(20)]


@pytest.mark.usefixtures("own_process")
async def test_the_whole_life_of_a_catalogue(any_db: Database) -> None:
    """>> taken in, again, changed, one gone << new, nothing, the changed one alone, removed."""
    service = harvest(any_db)
    first = await taken(service, catalogue(*NAMES))
    assert (first.datasets, first.new, first.published, first.held, first.questions) == (20, 20, 20, 0, 0)
    before = await served(service, any_db)
    again = await taken(service, catalogue(*NAMES))
    assert (again.new, again.changed, again.removed, again.source) == (0, 0, 0, first.source)
    assert await served(service, any_db) == before
    other = catalogue(*NAMES[1:19]) + catalogue("d19", title="Anders").partition(b":d19")[2].join([b":d19", b""])
    third = await taken(service, other)
    assert (third.new, third.changed, third.removed, third.published) == (0, 1, 1, 19)
    after = await served(service, any_db)
    assert set(before) - set(after) == {"d00"}
    assert {name for name, one in after.items() if one.sha256 != before[name].sha256} == {"d19"}
    assert after["d01"].changed_at == before["d01"].changed_at


async def test_what_waits_goes_out_when_people_have_answered(any_db: Database) -> None:
    """>> a licence in words for two of three << one question; answered: three, and the answer holds for later ones."""
    service = harvest(any_db)
    both = catalogue("a", "b", licence=WORDS) + catalogue("c")
    report = await taken(service, both)
    assert (report.published, report.held, report.questions, report.asked) == (1, 2, 1, 1)
    (question,) = await asked(service)
    assert (question.kind, question.value, question.count, question.holds) == (
        "licence",
        "Nutzungsbedingungen",
        2,
        True,
    )
    assert set(await served(service, any_db)) == {"c"}
    answer = Answer(kind="licence", value="Nutzungsbedingungen", answer="dl-by-de/2.0")
    (report,) = (await service.answer(TOWN, [answer])).reports
    assert (report.published, report.held, report.changed, report.questions) == (3, 0, 2, 0)
    assert await asked(service) == []
    later = await taken(service, catalogue("a", "b", "d", licence=WORDS) + catalogue("c"))
    assert (later.held, later.new, later.changed, later.published) == (0, 1, 0, 4)
    (report,) = (
        await service.answer(TOWN, [Answer(kind="licence", value="Nutzungsbedingungen", answer="cc-zero")])
    ).reports
    assert report.changed == 3


async def test_who_publishes_all_others_is_proposed(sqlite_db: Database) -> None:
    """>> one dataset whose publisher is an account << asked; proposed is who publishes the others, if it is one."""
    service = harvest(sqlite_db)
    account = catalogue("a").replace(b"dct:publisher :town", b'dct:publisher "t173370"')
    await taken(service, account + catalogue("b", "c"))
    (question,) = await asked(service)
    assert (question.kind, question.value, question.proposal) == ("publisher", "", "Stadt")
    other = catalogue("d").replace(b":town", b":land").replace(b'"Stadt"', b'"Land"')
    await taken(service, account + catalogue("b", "c") + other)
    assert [question.proposal for question in await asked(service)] == [""]


async def test_an_answer_that_is_none_changes_nothing(sqlite_db: Database) -> None:
    service = harvest(sqlite_db)
    await taken(service, catalogue("a", licence=WORDS))
    for kind, value, said, code in (
        ("licence", "Nutzungsbedingungen", "public domain", "harvest.answer"),
        ("licence", "etwas anderes", "cc-zero", "harvest.not-asked"),
        ("shrunken", "0", "remove", "harvest.not-asked"),
    ):
        with pytest.raises(Mistake) as error:
            await service.answer(TOWN, [Answer(kind=kind, value=value, answer=said)])
        assert error.value.code == code
    assert len(await asked(service)) == 1


async def test_a_delivery_that_has_shrunk_removes_nothing(any_db: Database) -> None:
    """>> half of it, nothing at all << a question; kept: they stay; all again: no question; removed: they go."""
    service = harvest(any_db)
    await taken(service, catalogue(*NAMES))
    half = await taken(service, catalogue(*NAMES[:10]))
    assert (half.removed, half.missing, half.asked, half.published) == (0, 10, 1, 20)
    (question,) = await asked(service)
    assert (question.kind, question.value, question.holds) == ("shrunken", "10", False)
    whole = await taken(service, catalogue(*NAMES))
    assert (whole.removed, whole.missing, whole.questions, whole.changed) == (0, 0, 0, 0)
    none = await taken(service, catalogue())
    assert (none.removed, none.missing, none.asked) == (0, 20, 1)
    (report,) = (await service.answer(TOWN, [Answer(kind="shrunken", value="0", answer=KEEP)])).reports
    assert (report.published, report.removed, report.questions) == (20, 0, 0)
    half = await taken(service, catalogue(*NAMES[:10]))
    assert (half.removed, half.missing, half.questions) == (0, 10, 0)
    half = await taken(service, catalogue(*NAMES[:5]))
    assert (half.removed, half.asked) == (0, 1)
    (report,) = (await service.answer(TOWN, [Answer(kind="shrunken", value="5", answer=REMOVE)])).reports
    assert (report.published, report.removed, report.questions) == (5, 15, 0)


async def test_an_incomplete_reading_removes_nothing(sqlite_db: Database) -> None:
    """>> one of twenty missing, a mistake of syntax in the file << nothing is known to be gone."""
    service = harvest(sqlite_db)
    await taken(service, catalogue(*NAMES))
    report = await taken(service, catalogue(*NAMES[1:]) + b":d00 nothing:x 1 .\n")
    assert (report.complete, report.removed, report.questions) == (False, 0, 0)
    assert [(remark.kind, remark.count) for remark in report.remarks] == [("syntax", 1)]
    assert len(await served(service, sqlite_db)) == 20


async def test_what_stays_keeps_its_original(sqlite_db: Database) -> None:
    """>> two datasets left out of a broken delivery, and half of the next << undone rules reach them still."""
    service = harvest(sqlite_db)
    more = "".join(f":{name} dct:language [ rdfs:label {name!r} ] ; dct:license <urn:x> .\n" for name in NAMES[:2])
    german = more.replace("'", '"') + ":d00 dct:language <http://id.loc.gov/vocabulary/iso639-1/de> .\n"
    await taken(service, catalogue(*NAMES, more=german))
    whole = await service.original(TOWN, None)
    await taken(service, catalogue(*NAMES[2:]) + b":d00 nothing:x 1 .\n")
    assert (await service.original(TOWN, None)).count(b"\n") == whole.count(b"\n")
    await taken(service, catalogue(*NAMES[10:]))
    assert (await service.original(TOWN, None)).count(b"\n") == whole.count(b"\n")
    (report,) = await service.undo(TOWN, "language")
    assert (report.changed, report.removed) == (1, 0)
    (report,) = (await service.answer(TOWN, [Answer(kind="shrunken", value="10", answer=REMOVE)])).reports
    assert (report.published, report.removed) == (10, 10)
    (report,) = await service.undo(TOWN, "language", redo=True)
    assert (report.published, report.new) == (10, 0)


async def test_the_original_comes_back_to_the_last_triple(any_db: Database) -> None:
    """>> triples under no dataset, an IRI that is none << every one of them, also while the dataset waits."""
    service = harvest(any_db)
    content = catalogue("a", licence=WORDS, more=':alone rdfs:label "x" ; dct:relation <berlin> .\n')
    await taken(service, content)
    original = await service.original(TOWN, None)
    assert set(read(original, name="x.nt").triples) == set(read(content, name="x.ttl").triples)
    with pytest.raises(Unknown):
        await service.original(TOWN, "elsewhere")
    with pytest.raises(Unknown):
        await service.original(NEIGHBOUR, "portal.ttl")


async def test_a_rule_is_undone_and_taken_up_again(sqlite_db: Database) -> None:
    service = harvest(sqlite_db)
    german = catalogue("a", more=":a dct:language <http://publications.europa.eu/resource/authority/language/GER> .\n")
    assert (await taken(service, german)).repairs == {"language": 1}
    found = await service.repairs(TOWN)
    count, uses = found["language"]
    assert (count, [iri for iri, _ in uses]) == (1, ["https://town.example/a"])
    assert "language/GER" in uses[0][1].before[0]
    assert "language/DEU" in uses[0][1].after[0]
    (report,) = await service.undo(TOWN, "language")
    assert (report.changed, report.repairs) == (1, {"not-conforming": 1})
    assert b"language" not in (await served(service, sqlite_db))["a"].triples
    assert (await taken(service, german)).changed == 0
    (report,) = await service.undo(TOWN, "language", redo=True)
    assert b"language/DEU" in (await served(service, sqlite_db))["a"].triples
    assert await service.undo(TOWN, "language", redo=True) == []
    for name in ("answer", "nothing"):
        with pytest.raises(Mistake, match=r"harvest\.no-rule"):
            await service.undo(TOWN, name)


async def test_identity_is_the_iri_then_the_identifier(any_db: Database) -> None:
    """>> the portal moved to another host << the same datasets, changed; none removed, none new."""
    service = harvest(any_db)
    await taken(service, catalogue(*NAMES) + catalogue("waits", licence=WORDS))
    old = catalogue(*NAMES) + catalogue("waits", licence=WORDS)
    moved = await taken(service, old.replace(b"https://town.example/", b"https://new.example/"))
    assert (moved.new, moved.changed, moved.removed, moved.published) == (0, 21, 0, 20)
    assert {one.iri for one in (await served(service, any_db)).values()} == {
        f"https://new.example/{name}" for name in NAMES
    }


@pytest.mark.threat("T78")
async def test_two_towns_never_see_each_others_imports(any_db: Database) -> None:
    """>> both take in the same catalogue << each has its own; removing one's takes nothing from the other."""
    service = harvest(any_db)
    await taken(service, catalogue("a", "b", licence=WORDS))
    assert await service.sources(NEIGHBOUR) == []
    assert await asked(service, NEIGHBOUR) == []
    assert await served(service, any_db, NEIGHBOUR) == {}
    assert await service.original(NEIGHBOUR, None) == b""
    assert await service.repairs(NEIGHBOUR) == {}
    report = await taken(service, catalogue("a"), slug=NEIGHBOUR)
    assert (report.new, report.published) == (1, 1)
    assert await served(service, any_db) == {}
    run = await service.start(TOWN, catalogue("c"), name="x.ttl", media_type=None, source=None)
    with pytest.raises(Unknown):
        await service.run(NEIGHBOUR, run)
    await ended(service, run)
    records = await any_db.read(NEIGHBOUR, service.records, NEIGHBOUR)
    assert [iri for iri, _, _ in records] == ["https://town.example/a"]


@pytest.mark.threat("T78")
async def test_what_another_source_or_we_ourselves_publish_is_set_aside(sqlite_db: Database) -> None:
    service = harvest(sqlite_db)
    await taken(service, catalogue("a", "b", "c"), name="one.ttl")
    report = await taken(service, catalogue("c", "d", "e"), name="two.ttl", source="two")
    assert (report.aside, report.new) == ({"https://town.example/c": "other-source"}, 2)
    ours = catalogue("x").replace(b"https://town.example/", b"https://localhost:18443/musterstadt/datasets/")
    report = await taken(service, ours, name="three.ttl")
    assert set(report.aside.values()) == {"own-dataset"}
    assert set(await served(service, sqlite_db)) == {"a", "b", "c", "d", "e"}


async def test_a_dataset_set_aside_is_told_and_the_others_go_out(sqlite_db: Database) -> None:
    service = harvest(sqlite_db)
    twice = catalogue("a", "b").replace(b'dct:identifier "b"', b'dct:identifier "a"')
    report = await taken(service, twice)
    assert (report.aside, report.published) == ({"https://town.example/b": "duplicate-identifier"}, 1)
    assert (await taken(service, twice)).changed == 0


async def test_a_mistake_in_one_repair_costs_one_dataset(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a rule that breaks at one description << that one is set aside and told; mended, it comes in the next time."""
    service, repair = harvest(sqlite_db), rules.repair

    def breaks(iri: str, triples: object, known: object) -> object:
        if iri.endswith("/b"):
            raise ZeroDivisionError
        return repair(iri, triples, known)  # type: ignore[arg-type]

    monkeypatch.setattr(rules, "repair", breaks)
    report = await taken(service, catalogue("a", "b", "c"))
    assert (report.published, report.aside) == (2, {"https://town.example/b": "defect"})
    monkeypatch.setattr(rules, "repair", repair)
    report = await taken(service, catalogue("a", "b", "c"))
    assert (report.published, report.changed, report.aside) == (3, 1, {})


async def test_killed_in_the_middle_nothing_is_half_published(
    any_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the process dies between two rows of the last transaction << as before; started again: whole."""
    service = harvest(any_db)
    await taken(service, catalogue("a"))
    keep = store.keep_dataset
    told: list[str] = []

    def dies(tx: Tx, *values: object, **more: object) -> None:
        told.append("x")
        if len(told) >= 3:
            raise MemoryError
        keep(tx, *values, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "keep_dataset", dies)
    prepared = await _prepared(any_db, catalogue("a", "b", "c", "d", title="Neu"))
    with pytest.raises((MemoryError, HanseError)):
        await any_db.write(TOWN, publish.publish, TOWN, prepared, (), Nobody())
    monkeypatch.setattr(store, "keep_dataset", keep)
    assert set(await served(service, any_db)) == {"a"}
    assert b"Titel a" in (await served(service, any_db))["a"].triples
    assert (await taken(service, catalogue("a", "b", "c", "d", title="Neu"))).published == 4


async def _prepared(db: Database, content: bytes) -> publish.PreparedRun:
    triples = read(content).triples
    (source,) = await db.read(TOWN, store.sources, TOWN)
    graph, lists = Graph(triples), code_lists()
    found, aside = divided(graph, lists, "https://localhost:18443/musterstadt", ())
    before = {iri: one for iri, (_, one) in (await db.read(TOWN, store.standing, TOWN)).items()}
    imported = list(derived(Context(graph, found, lists, {}, frozenset()), found, before, lambda done, total: None))
    delivery = Delivery(location="portal.ttl", triples=triples, complete=True)
    return publish.PreparedRun(
        source=source,
        delivery=delivery,
        parts=[],
        found=frozenset(one.iri for one in found),
        imported=imported,
        aside=aside,
        before=before,
        moved={},
        gone=publish.Gone(),
        undone=frozenset(),
        opens=publish.opened(imported, before, {}),
    )


async def test_two_replicas_never_mix_their_runs(any_db: Database) -> None:
    """>> both prepared from one state << the first is published, the second is refused and changes nothing."""
    service = harvest(any_db)
    await taken(service, catalogue("a"))
    first, second = [await _prepared(any_db, catalogue("a", name)) for name in ("b", "c")]
    await any_db.write(TOWN, publish.publish, TOWN, first, (), Nobody())
    with pytest.raises(Mistake, match=r"harvest\.busy"):
        await any_db.write(TOWN, publish.publish, TOWN, second, (), Nobody())
    assert set(await served(service, any_db)) == {"a", "b"}


async def test_one_run_at_a_time_and_how_it_stands(sqlite_db: Database) -> None:
    service = harvest(sqlite_db)
    run = await service.start(TOWN, catalogue(*NAMES), name="x.ttl", media_type=None, source=None)
    with pytest.raises(Mistake, match=r"harvest\.busy"):
        await service.start(TOWN, catalogue(), name="x.ttl", media_type=None, source=None)
    over = await ended(service, run)
    assert (over.phase, over.error) == ("done", "")
    wrong = await ended(service, await service.start(TOWN, b"{", name="x.json", media_type=None, source=None))
    assert (wrong.phase, wrong.error) == ("failed", "rdf.syntax")
    lost = harvest(sqlite_db)
    run = await lost.start(TOWN, catalogue("a"), name="x.ttl", media_type=None, source=None)
    await lost.stop()
    assert (await service.run(TOWN, run)).phase in {"reading", "failed", "done"}
    await sqlite_db.write(TOWN, _long_ago, run)
    assert (await service.run(TOWN, run)).error in {"", "harvest.interrupted"}
    with pytest.raises(Mistake, match=r"harvest\.address"):
        await service.start_url(TOWN, "https://127.0.0.1/x", source=None)


def _long_ago(tx: Tx, run: str) -> None:
    tx.run("UPDATE harvest_run SET touched_at = 0 WHERE participant = :p AND id = :id", p=TOWN, id=run)


async def test_the_neutral_record_of_an_import(sqlite_db: Database) -> None:
    service = harvest(sqlite_db)
    more = ':a dcat:keyword "Baum"@de, "Allee"@de ; dcat:theme at:data-theme\\/ENVI .\n'
    await taken(service, catalogue("a", more=more))
    ((iri, digest, text),) = await sqlite_db.read(TOWN, service.records, TOWN)
    record = msgspec.json.decode(text, type=DatasetRecord)
    assert (record.iri, record.access, record.title) == (iri, "open", {"": "Titel a"})
    assert record.keywords == {"de": ("Allee", "Baum")}
    assert record.licence == "http://dcat-ap.de/def/licenses/cc-zero"
    assert record.publisher is not None
    assert record.publisher.name == {"": "Stadt"}
    assert [one.access_url for one in record.distributions] == ["https://town.example/a.csv"]
    only = await sqlite_db.read(TOWN, service.served_one, TOWN, iri)
    assert only is not None
    assert only.sha256 == digest
    assert len(list(parse(only.triples, format=RdfFormat.N_TRIPLES))) == only.triples.count(b"\n")
    assert await sqlite_db.read(TOWN, service.served_one, TOWN, iri + "x") is None
    assert json.loads(text)["themes"] == ["http://publications.europa.eu/resource/authority/data-theme/ENVI"]
