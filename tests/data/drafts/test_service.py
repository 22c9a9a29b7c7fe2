"""Drafts: begun, read, answered, published, taken back; nothing that somebody answered is lost."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from connector.data.approvals.decide import NotYours
from connector.data.approvals.model import NOBODY, ApprovalRule, Voter
from connector.data.catalogue.uploads import Uploads
from connector.data.drafts.model import Draft
from connector.data.drafts.service import Drafts, Outdated
from connector.data.sources.kinds import Sources
from connector.foundation.errors import Mistake, PeerError, Unavailable, Unknown
from connector.foundation.http.outbound import SafeClient
from connector.foundation.storage.database import acting
from connector.kernel.reading.contents import read_contents
from connector.kernel.reading.model import Limits, Reading, Refused
from tests.kernel.reading.files import TREES
from tests.testkit.patience import PATIENCE_S
from tests.testkit.towns import Towns

TOWN, NEIGHBOUR = "musterstadt", "nachbardorf"
ANNA, PAULA, CARL, BERTA = (
    Voter("p-aaaaaa", frozenset({"steward"})),
    Voter("p-999999", frozenset({"publisher"})),
    Voter("p-cccccc", frozenset({"protection"})),
    Voter("p-bbbbbb", frozenset({"steward"})),
)
RULE = {"rule": "municipal-purpose", "slots": {"until": "31.12.2099"}}
PEOPLE = "Nr;Ansprechpartner\n1;Sabine Müller\n2;Hans Schmidt\n3;Max Bauer\n"


class Body:
    """What a browser sends."""

    def __init__(self, content: bytes) -> None:
        self._left = content

    async def read(self, n: int = -1) -> bytes:
        piece, self._left = self._left[: n if n >= 0 else None], self._left[n:] if n >= 0 else b""
        return piece


class Elsewhere(SafeClient):
    """An address of somebody else."""

    def __init__(self, content: bytes = b"", status: int = 200, **headers: str) -> None:
        super().__init__()
        self.content, self.status, self.headers = content, status, headers

    @asynccontextmanager
    async def stream(self, url: str, *, headers: Mapping[str, str] | None = None) -> AsyncIterator[Any]:
        self.sent = dict(headers or {})
        yield SimpleNamespace(
            status=self.status, headers=self.headers, content=Body(self.content), content_length=len(self.content)
        )


async def read_here(path: Path, limits: Limits, participant: str = "") -> Reading:
    """In this process: how a file is read has tests of its own."""
    try:
        with path.open("rb") as file:
            return read_contents(file, str(path), limits)
    except Refused as refused:
        raise Mistake(f"reading.{refused.code}") from refused


def drafts(towns: Towns, folder: Path, way: Elsewhere | None = None, read: Any = read_here) -> Drafts:
    uploads = Uploads(folder)
    return Drafts(
        towns.db,
        towns.participants,
        towns.catalogue,
        uploads,
        Sources(uploads.place, way or Elsewhere(), towns.vault),
        towns.publications,
        towns.approvals,
        read,
    )


@pytest.fixture
async def desk(towns: Towns, tmp_path: Path) -> AsyncIterator[Drafts]:
    towns.people.roles = {who.who: set(who.roles) for who in (ANNA, PAULA, CARL)}
    made = drafts(towns, tmp_path / "files")
    yield made
    await made.stop()


async def begun(desk: Drafts, text: str = TREES, name: str = "Baumkataster_2024.csv", **more: Any) -> Draft:
    made = await desk.begin(TOWN, ANNA.who, name, Body(text.encode("cp1252")), **more)
    return await desk.read_within(TOWN, made.id, 10)


async def answer(towns: Towns, desk: Drafts, one: Draft, by: Voter = ANNA, **said: Any) -> Draft:
    return await towns.db.write(TOWN, desk.answer, TOWN, one.id, one.version, said, by)


async def submit(towns: Towns, desk: Drafts, one: Draft, by: Voter = ANNA) -> Draft:
    return await towns.db.write(TOWN, desk.submit, TOWN, one.id, one.version, by)


async def refused(towns: Towns, desk: Drafts, one: Draft) -> str | None:
    found = await towns.db.write(TOWN, desk.tried, TOWN, one)
    return None if found is None else found.code


async def titles(towns: Towns) -> list[str]:
    return [one.title for one, _ in await towns.db.read(TOWN, towns.catalogue.own, TOWN) if one.state == "published"]


async def test_from_a_file_to_a_dataset(towns: Towns, desk: Drafts) -> None:
    """>> a file << read, with proposals >> a rule << published; the draft says what became of it."""
    one = await begun(desk, TREES.replace("Ostwert", "Ost UTM32"))
    assert (one.state, one.reading.rows if one.reading else 0) == ("open", 3)
    assert (one.said.title, one.said.theme, one.said.start) == ("Baumkataster", "ENVI", "1998-03-01")
    one = await answer(towns, desk, one, **RULE)
    assert await refused(towns, desk, one) is None
    assert await titles(towns) == []
    done = await submit(towns, desk, one)
    assert (done.state, await titles(towns)) == ("published", ["Baumkataster"])
    dataset, source, _ = await towns.db.read(TOWN, towns.catalogue.life.show, TOWN, done.dataset)
    place = dataset.record.places[0].box
    assert place is not None
    assert (place.west, place.south) == pytest.approx((8.6521, 49.8769), abs=1e-3)
    assert (dataset.record.references, source.name) == ((one.said.concept,), "Baumkataster_2024.csv")
    with pytest.raises(Mistake, match=r"drafts\.closed"):
        await answer(towns, desk, done, title="anders")


async def test_a_guessed_system_says_no_area(towns: Towns, desk: Drafts) -> None:
    """>> coordinates that may be of zone 32 or 33 << shown with a question, but no area that may be wrong."""
    one = await begun(desk)
    assert one.reading is not None
    assert one.reading.tables[0].map is not None
    assert (one.reading.tables[0].map.sureness, one.said.box) == ("guessed", ())
    with pytest.raises(Mistake, match=r"drafts\.zone"):
        await desk.read_in_zone(TOWN, one.id, one.version, 31, ANNA)
    await desk.read_in_zone(TOWN, one.id, one.version, 33, BERTA)
    known = await desk.read_within(TOWN, one.id, 10)
    assert (known.state, known.said.title, round(known.said.box[0], 1)) == ("open", one.said.title, 14.7)
    assert known.author == f"{ANNA.who} {BERTA.who}"
    with pytest.raises(Outdated):
        await desk.read_in_zone(TOWN, one.id, one.version, 32, ANNA)


async def test_a_second_window_loses_nothing(towns: Towns, desk: Drafts) -> None:
    one = await begun(desk)
    await answer(towns, desk, one, description="aus dem ersten Fenster")
    with pytest.raises(Outdated):
        await answer(towns, desk, one, description="aus dem zweiten")
    kept = await desk.look(TOWN, one.id)
    assert kept.said.description == "aus dem ersten Fenster"
    with pytest.raises(Outdated):
        await submit(towns, desk, one)


@pytest.mark.on_both
async def test_hints_are_answered_before_it_goes_out_and_the_answers_kept(towns: Towns, desk: Drafts) -> None:
    """>> names, no answer << refused >> take the column out << refused >> in office << data protection has to agree."""
    one = await answer(towns, desk, await begun(desk, PEOPLE, "liste.csv"), title="Liste", **RULE)
    (hint,) = one.hints
    assert (hint.kind, hint.count, await refused(towns, desk, one)) == ("name", 3, "drafts.hints")
    with pytest.raises(Mistake, match=r"drafts\.hints"):
        await submit(towns, desk, one)
    one = await answer(towns, desk, one, personal={hint.key: "remove"})
    assert await refused(towns, desk, one) == "drafts.column-to-go"
    one = await answer(towns, desk, one, personal={hint.key: "official"})
    waits = await submit(towns, desk, one)
    assert (waits.state, await titles(towns)) == ("submitted", [])
    await towns.db.write(TOWN, towns.publications.yes, TOWN, waits.approval, CARL, "protection")
    done = await desk.look(TOWN, one.id)
    assert (done.state, await titles(towns)) == ("published", ["Liste"])
    (kept,) = await towns.db.read(TOWN, desk.of_dataset, TOWN, done.dataset)
    assert kept.said.personal == {hint.key: "official"}
    logged = await towns.rows(
        TOWN, "SELECT type FROM audit_entry WHERE participant = :participant AND type = 'confirmation'"
    )
    assert len(logged) == 1


async def test_nobody_in_it_is_an_answer_that_lets_it_out(towns: Towns, desk: Drafts) -> None:
    one = await answer(towns, desk, await begun(desk, PEOPLE, "liste.csv"), title="Liste", **RULE)
    one = await answer(towns, desk, one, personal={one.hints[0].key: "nobody"})
    assert (await submit(towns, desk, one)).state == "published"


async def test_whoever_may_only_draft_waits_for_a_steward(towns: Towns, desk: Drafts) -> None:
    """>> a publisher submits << waits >> a steward says no << a draft again, with what was answered."""
    towns.people.roles[BERTA.who] = set(BERTA.roles)
    one = await answer(towns, desk, await begun(desk), **RULE)
    waits = await submit(towns, desk, one, PAULA)
    assert waits.state == "submitted"
    assert [each.state for each in await towns.db.read(TOWN, desk.open_ones, TOWN)] == ["submitted"]
    await towns.db.write(TOWN, towns.approvals.no, TOWN, waits.approval, ANNA, "data", "")
    again = await desk.look(TOWN, one.id)
    assert (again.state, again.said) == ("open", one.said)
    assert (await submit(towns, desk, again, ANNA)).state == "published"


async def test_a_file_that_nobody_can_read_is_told_and_not_published(towns: Towns, desk: Drafts) -> None:
    one = await begun(desk, "", "leer.csv")
    assert one.problem is not None
    assert (one.problem.code, await refused(towns, desk, one)) == ("reading.empty", "reading.empty")


async def test_undo_for_a_minute(towns: Towns, tmp_path: Path, desk: Drafts) -> None:
    one = await answer(towns, desk, await begun(desk), **RULE)
    done = await submit(towns, desk, one)
    again = await towns.db.write(TOWN, desk.undo, TOWN, one.id)
    assert (again.state, again.dataset, await titles(towns)) == ("open", "", [])
    with pytest.raises(Mistake, match=r"drafts\.undo-late"):
        await towns.db.write(TOWN, desk.undo, TOWN, one.id)
    assert not done.undoable((done.published_at or 0) + 60_001)
    assert (await submit(towns, desk, again)).state == "published"


async def test_a_new_version(towns: Towns, desk: Drafts) -> None:
    """>> another file for a dataset << its second revision with the new bytes; what was said of it stays."""
    first = await submit(towns, desk, await answer(towns, desk, await begun(desk), **RULE))
    second = await begun(desk, TREES + "4;Esche;3,0;1.1.2020;ja;475300;5525300\r\n", "neu.csv", dataset=first.dataset)
    assert (second.kind, second.said.title) == ("version", "")
    done = await submit(towns, desk, await answer(towns, desk, second, notes="Ein Baum mehr"))
    dataset, source, _ = await towns.db.read(TOWN, towns.catalogue.life.show, TOWN, done.dataset)
    assert (dataset.revision, dataset.title, source.name) == (2, "Baumkataster", "neu.csv")
    assert dataset.record.version_notes["de"] == "Ein Baum mehr"
    with pytest.raises(Unknown):
        await begun(desk, dataset="nothing")


async def test_persons_in_a_new_version_make_the_dataset_one_about_persons(towns: Towns, desk: Drafts) -> None:
    """>> trees, then a version with names << data protection agrees, and from then on contracts wait for it, too."""
    first = await submit(towns, desk, await answer(towns, desk, await begun(desk), **RULE))
    second = await begun(desk, PEOPLE, "neu.csv", dataset=first.dataset)
    waits = await submit(towns, desk, await answer(towns, desk, second, personal={second.hints[0].key: "official"}))
    assert waits.state == "submitted"
    await towns.db.write(TOWN, towns.publications.yes, TOWN, waits.approval, CARL, "protection")
    dataset, _, _ = await towns.db.read(TOWN, towns.catalogue.life.show, TOWN, first.dataset)
    assert dataset.personal
    third = await begun(desk, TREES + "5;Esche;3,0;1.1.2020;ja;475300;5525300\r\n", "bäume.csv", dataset=first.dataset)
    assert (await submit(towns, desk, third)).state == "submitted"


async def test_one_answer_for_two_columns_of_one_name_lets_neither_out(towns: Towns, desk: Drafts) -> None:
    """>> the same heading twice, one column has to go << two questions, and it does not go out."""
    file = "Nr;Name;Name (4);Name\n" + "".join(f"{at};Sabine Müller;Hans Schmidt;Max Bauer\n" for at in range(4))
    one = await answer(towns, desk, await begun(desk, file, "liste.csv"), title="Liste", **RULE)
    keys = [hint.key for hint in one.hints]
    assert len(set(keys)) == 3
    one = await answer(towns, desk, one, personal={keys[0]: "nobody", keys[1]: "remove", keys[2]: "nobody"})
    assert await refused(towns, desk, one) == "drafts.column-to-go"


async def test_a_reading_that_died_with_its_process_begins_anew(towns: Towns, tmp_path: Path, desk: Drafts) -> None:
    async def never(path: Path, limits: Limits, participant: str) -> Reading:
        await asyncio.sleep(3600)
        raise AssertionError(path)

    dying = drafts(towns, tmp_path / "files", read=never)
    made = await dying.begin(TOWN, ANNA.who, "Baumkataster.csv", Body(TREES.encode("cp1252")))
    assert (await dying.look(TOWN, made.id)).state == "reading"
    await dying.stop()
    assert (await desk.read_within(TOWN, made.id, PATIENCE_S)).state == "open"


async def test_what_lies_at_an_address(towns: Towns, tmp_path: Path) -> None:
    """>> an address << a copy of today, or fetched anew by whoever asks; its answer gives it a name."""
    way = Elsewhere(TREES.encode("cp1252"), **{"Content-Type": "text/csv; charset=x", "Content-Disposition": ""})
    desk = drafts(towns, tmp_path / "files", way)
    made = await desk.begin_at(TOWN, ANNA.who, "http", {"url": "https://town.example/ows/b%C3%A4ume?x=1"}, live=False)
    live = await desk.begin_at(TOWN, ANNA.who, "http", {"url": "https://town.example/ows/trees"}, live=True)
    assert [(await desk.read_within(TOWN, one.id, PATIENCE_S)).state for one in (made, live)] == ["open", "open"]
    assert (made.name, live.name) == ("bäume.csv", "trees.csv")
    rows = await towns.rows(TOWN, "SELECT kind, location FROM source WHERE participant = :participant ORDER BY kind")
    assert [(row["kind"]) for row in rows] == ["file", "file", "http"]
    await desk.stop()


async def test_an_address_that_breaks_off_is_no_broken_disk_of_ours(towns: Towns, tmp_path: Path) -> None:
    """>> the host stalls, or hangs up << told as the host's, and nothing is begun."""

    class Broken(Elsewhere):
        @asynccontextmanager
        async def stream(self, url: str, *, headers: Mapping[str, str] | None = None) -> AsyncIterator[Any]:
            async def read(n: int = -1) -> bytes:
                raise self.cause

            yield SimpleNamespace(status=200, headers={}, content=SimpleNamespace(read=read), content_length=None)

    for cause, code in (
        (TimeoutError(), "http.too-slow"),
        (ConnectionResetError(), "http.unreachable"),
        (aiohttp.ClientPayloadError(), "http.unreachable"),
    ):
        way = Broken()
        url = "https://daten.example/a.csv"
        way.cause = cause  # type: ignore[attr-defined]
        with pytest.raises(Unavailable) as told:
            await drafts(towns, tmp_path, way).begin_at(TOWN, ANNA.who, "http", {"url": url}, live=False)
        assert (told.value.code, told.value.facts) == (code, {"host": "daten.example"})
    assert await towns.db.read(TOWN, drafts(towns, tmp_path).open_ones, TOWN) == []


@pytest.mark.threat("T90")
async def test_no_address_leads_inwards_or_elsewhere(towns: Towns, tmp_path: Path) -> None:
    way = Elsewhere(b"a;b\n")
    desk = drafts(towns, tmp_path / "files", way)
    for url in (
        "http://town.example/a.csv",
        "https://10.0.0.1/a.csv",
        "file:///etc/passwd",
        "https://localhost/a.csv",
    ):
        with pytest.raises(Mistake, match=r"sources\.address"):
            await desk.begin_at(TOWN, ANNA.who, "http", {"url": url}, live=False)
    for url, code in (("https://a.example/" + "x" * 3_000, "sources.parameter"), ("", "sources.missing")):
        with pytest.raises(Mistake, match=code):
            await desk.begin_at(TOWN, ANNA.who, "http", {"url": url}, live=False)
    there = {"url": "https://town.example/a.csv"}
    for way.status, way.headers in (
        (302, {"Location": "https://10.0.0.1/"}),
        (404, {}),
        (200, {"Content-Encoding": "gzip"}),
    ):
        with pytest.raises(Mistake, match=r"sources\.no-file"):
            await desk.begin_at(TOWN, ANNA.who, "http", there, live=False)
    way.status, way.headers = 200, {"Content-Disposition": 'attachment; filename="../../etc/passwd"'}
    assert (await desk.begin_at(TOWN, ANNA.who, "http", there, live=False)).name == "passwd"
    await desk.stop()


async def test_what_is_discarded_says_nothing_any_more(towns: Towns, desk: Drafts) -> None:
    one = await begun(desk)
    await towns.db.write(TOWN, desk.discard, TOWN, one.id)
    gone = await desk.look(TOWN, one.id)
    assert (gone.state, gone.reading, await towns.db.read(TOWN, desk.open_ones, TOWN)) == ("discarded", None, [])


async def test_a_draft_of_another_town_is_not_there(towns: Towns, desk: Drafts) -> None:
    one = await begun(desk)
    with pytest.raises((Unknown, PeerError)):
        await desk.look(NEIGHBOUR, one.id)
    assert await towns.db.read(NEIGHBOUR, desk.open_ones, NEIGHBOUR) == []


@pytest.mark.on_both
async def test_what_was_handed_in_before(towns: Towns, desk: Drafts) -> None:
    """>> a file that lies here << begun with it, registered once; in no dataset and no draft any more is unused."""
    source = await desk._uploads.take(TOWN, "aus dem GIS.csv", Body(TREES.encode("cp1252")))
    await towns.db.write(TOWN, towns.catalogue.register, TOWN, source)
    assert [one.id for one in await towns.db.read(TOWN, desk.unused, TOWN)] == [source.id]
    made = await desk.begin_with(TOWN, ANNA.who, source.id)
    assert (made.source, (await desk.read_within(TOWN, made.id, PATIENCE_S)).state) == (source.id, "open")
    assert await towns.db.read(TOWN, desk.unused, TOWN) == []
    with pytest.raises(Unknown):
        await desk.begin_with(TOWN, ANNA.who, source.id)
    assert len(await towns.rows(TOWN, "SELECT 1 FROM source WHERE participant = :participant")) == 1


@pytest.mark.threat("T144")
@pytest.mark.on_both
async def test_bug_who_handed_in_a_file_with_a_program_agreed_to_the_draft_of_it(towns: Towns, desk: Drafts) -> None:
    """>> Berta's key hands in a file, others on the socket and by who left; Anna drafts all << Berta wrote the first
    with her, and agrees to none of it."""
    drafts, towns.people.roles = list[str](), {BERTA.who: {"steward"}}
    for text, who in ((TREES, {TOWN: BERTA.who}), (f"{TREES}\n", None), (f"{TREES}\n\n", {TOWN: "p-ffffff"})):
        source = await desk._uploads.take(TOWN, "aus dem GIS.csv", Body(text.encode("cp1252")))
        with acting(who) if who else nullcontext():
            await towns.db.write(TOWN, towns.catalogue.register, TOWN, source)
        drafts.append((await desk.begin_with(TOWN, ANNA.who, source.id)).author)
    assert drafts == [f"{ANNA.who} {BERTA.who}", ANNA.who, f"{ANNA.who} {NOBODY}"]


async def four_eyes(towns: Towns) -> None:
    """Two people for every publication; Berta is a second steward."""
    towns.people.roles[BERTA.who] = set(BERTA.roles)
    rule = ApprovalRule(subject="publication", template="", people="two", protection=False, days=14)
    await towns.db.write(TOWN, towns.approvals.rules.put, TOWN, rule, ANNA.who)


async def agree(towns: Towns, one: Draft, who: Voter) -> None:
    await towns.db.write(TOWN, towns.publications.yes, TOWN, one.approval, who)


@pytest.mark.threat("T144")
async def test_bug_who_wrote_the_description_was_the_second_pair_of_eyes(towns: Towns, desk: Drafts) -> None:
    """>> Paula's file, a description by Berta, a rule by Anna, handed over by Paula << neither steward agrees, each may
    refuse; afterwards, too, who wrote is known."""
    await four_eyes(towns)
    made = await desk.begin(TOWN, PAULA.who, "Baumkataster_2024.csv", Body(TREES.encode("cp1252")))
    one = await desk.read_within(TOWN, made.id, 10)
    one = await answer(towns, desk, one, BERTA, description="Alle Bäume der Stadt")
    towns.people.roles["p-dddddd"] = {"steward"}
    one = await answer(towns, desk, one, ANNA, **RULE)
    waits = await submit(towns, desk, one, PAULA)
    assert (waits.state, waits.author) == ("submitted", f"{PAULA.who} {BERTA.who} {ANNA.who}")
    for who in (ANNA, BERTA):
        with pytest.raises(NotYours, match=r"approvals\.own-draft"):
            await agree(towns, waits, who)
    await towns.db.write(TOWN, towns.approvals.no, TOWN, waits.approval, BERTA, "data", "")
    again = await towns.db.read(TOWN, desk.get, TOWN, one.id)
    assert again.state == "open"
    waits = await submit(towns, desk, again, PAULA)
    with pytest.raises(NotYours):
        await agree(towns, waits, BERTA)
    await agree(towns, waits, Voter("p-dddddd", frozenset({"steward"})))
    assert (await towns.db.read(TOWN, desk.get, TOWN, one.id)).state == "published"


@pytest.mark.threat("T144")
async def test_bug_answers_on_persons_made_nobody_an_author(towns: Towns, desk: Drafts) -> None:
    """>> Anna's file; Berta answers the hint; what stands already is sent again; data protection answers another way
    << Berta is an author, who changed nothing is none, nor the officer; with both written nobody is left to agree."""
    await four_eyes(towns)
    one = await answer(towns, desk, await begun(desk, PEOPLE, "liste.csv"), title="Liste", **RULE)
    one = await answer(towns, desk, one, BERTA, title="Liste")
    assert one.author == ANNA.who
    key = one.hints[0].key
    officer = await answer(towns, desk, one, CARL, personal={key: "official"})
    assert officer.author == ANNA.who
    one = await answer(towns, desk, officer, BERTA, personal={key: "nobody"})
    assert one.author == f"{ANNA.who} {BERTA.who}"
    with pytest.raises(Mistake, match=r"approvals\.nobody-else"):
        await submit(towns, desk, one)


@pytest.mark.threat("T144")
async def test_an_officer_who_writes_the_description_is_an_author(towns: Towns, desk: Drafts) -> None:
    """>> data protection changes a word beside its answer << an author: she agrees to nothing of it."""
    one = await answer(towns, desk, await begun(desk, PEOPLE, "liste.csv"), title="Liste", **RULE)
    one = await answer(towns, desk, one, CARL, personal={one.hints[0].key: "official"}, title="Namen")
    assert one.author == f"{ANNA.who} {CARL.who}"
    with pytest.raises(Mistake, match=r"approvals\.no-protection"):
        await submit(towns, desk, one)
