"""The filter language of a catalogue request: what it means, and that it never says more than the catalogue (0017)."""

import json
from typing import Any

import pytest

from connector.data.catalogue.pages import EXAMINED, Page
from connector.data.catalogue.search import filters
from connector.data.catalogue.search.filters import (
    DATASET,
    EDC,
    EVERYTHING,
    FARTHEST,
    MEDIA_TYPE,
    PAGE,
    SINCE,
    WORDS,
    Filter,
)
from connector.data.catalogue.service import OfferWish
from connector.foundation.errors import PeerError
from connector.foundation.storage.database import Tx
from connector.kernel.policy.engine import Requester
from tests.testkit.cities import COMPANY, MUNICIPALITY
from tests.testkit.towns import Towns

TOWN = "musterstadt"
NEIGHBOUR = Requester(did="did:web:localhost%3A18443:nachbardorf", kind=MUNICIPALITY)
FIRM = Requester(did="did:web:firm.example", kind=COMPANY)
HANSE = "https://w3id.org/hanse/v1#"


async def search(towns: Towns, filter: list[Any], requester: Requester = NEIGHBOUR, cursor: str | None = None) -> Page:
    pages = towns.catalogue.pages
    found = await towns.db.read(TOWN, pages.begin, TOWN, requester, filters.read(filter), cursor)
    while not found.settled:
        found = await towns.db.read(TOWN, pages.go_on, found)
    return pages.page(found)


async def titles(towns: Towns, filter: list[Any], requester: Requester = NEIGHBOUR) -> list[str]:
    return shown(await search(towns, filter, requester))


def shown(page: Page) -> list[str]:
    return [entry["dct:title"] for entry in json.loads(page.body).get("dataset", [])]


@pytest.fixture
async def shelf(towns: Towns) -> dict[str, str]:
    """Three datasets: title -> id."""
    made = {}
    for title, more in {
        "Baumkataster": {"description": "Straßenbäume mit Höhe 100 %", "keywords": ["Grün", "Stadt_Natur"]},
        "Haushalt": {"description": "Plan und Ist!"},
        "Bäume im Wald": {},
    }.items():
        dataset, _ = await towns.publish(TOWN, title=title, **more)
        made[title] = dataset.id
    return made


LOOKED_FOR = (
    ("bäume", ["Baumkataster", "Bäume im Wald"]),
    ("BÄUME", ["Baumkataster", "Bäume im Wald"]),
    ("BA\u0308UME wald", ["Bäume im Wald"]),
    ("strassenbäume", ["Baumkataster"]),
    ("grün kataster", ["Baumkataster"]),
    ("100 %", ["Baumkataster"]),
    ("%", ["Baumkataster"]),
    ("_", ["Baumkataster"]),
    ("ist!", ["Haushalt"]),
    ("!%", []),
    ("grün haushalt", []),
)


async def test_words_are_looked_for_in_title_description_and_keywords(towns: Towns, shelf: dict[str, str]) -> None:
    """>> words << datasets that have them all, without case; a sign that means something to a database means itself."""
    for words, expected in LOOKED_FOR:
        assert (words, await titles(towns, [{WORDS: words}])) == (words, expected)


@pytest.mark.on_both
async def test_rows_from_before_are_found_as_well(towns: Towns, shelf: dict[str, str]) -> None:
    """A row without folded text, as the previous release wrote it << the same answers."""
    await towns.db.write(TOWN, lambda tx: tx.run("UPDATE dataset SET words = NULL WHERE participant = :p", p=TOWN))
    assert await titles(towns, [{WORDS: "bäume"}]) == ["Baumkataster", "Bäume im Wald"]
    assert await titles(towns, [{WORDS: "%"}]) == ["Baumkataster"]


@pytest.mark.on_both
async def test_members_and_objects_hold_together(towns: Towns, shelf: dict[str, str]) -> None:
    """>> several conditions << all of them, whether in one object or in several."""
    ids = [shelf["Baumkataster"], shelf["Haushalt"]]
    assert await titles(towns, [{WORDS: "bäume", DATASET: ids}]) == ["Baumkataster"]
    assert await titles(towns, [{WORDS: "bäume"}, {DATASET: ids}]) == ["Baumkataster"]
    assert await titles(towns, [{DATASET: ids[0]}, {DATASET: ids[1]}]) == []
    assert await titles(towns, [{MEDIA_TYPE: "text/csv"}]) == list(shelf)
    assert await titles(towns, [{MEDIA_TYPE: ["text/csv", "image/png"]}, {MEDIA_TYPE: "text/csv"}]) == list(shelf)
    assert await titles(towns, [{MEDIA_TYPE: "image/png"}]) == []


@pytest.mark.on_both
async def test_changed_since_looks_at_dataset_and_offers(towns: Towns, shelf: dict[str, str]) -> None:
    """>> since tomorrow << nothing; a new offer makes its dataset one that has changed."""
    assert await titles(towns, [{SINCE: "2020-01-01"}]) == list(shelf)
    soon = "2099-01-01T00:00:00+02:00"
    assert await titles(towns, [{SINCE: soon}]) == []
    uuid = shelf["Haushalt"].rpartition("/")[2]
    await towns.db.write(TOWN, towns.catalogue.offer, TOWN, uuid, OfferWish(rule="municipalities-only"))
    later = "UPDATE offer SET created_at = 4200000000000 WHERE participant = :p AND created_at ="
    await towns.db.write(TOWN, lambda tx: tx.run(f"{later} (SELECT max(created_at) FROM offer)", p=TOWN))
    assert "Haushalt" in await titles(towns, [{SINCE: soon}])


@pytest.mark.on_both
@pytest.mark.threat("T24")
async def test_a_filter_does_not_tell_of_what_is_hidden(towns: Towns, shelf: dict[str, str]) -> None:
    """>> the firm asks for the hidden dataset by every member << nothing, also not that a hidden offer has changed."""
    hidden, _ = await towns.publish(TOWN, title="Geheim", visibility="eligible")
    for filter in ({WORDS: "geheim"}, {DATASET: hidden.id}, {MEDIA_TYPE: "text/csv"}, {SINCE: "2020-01-01"}):
        assert "Geheim" in await titles(towns, [filter])
        assert "Geheim" not in await titles(towns, [filter], FIRM)
    wish = OfferWish(rule="municipalities-only", visibility="eligible")
    _, offer = (
        hidden,
        await towns.db.write(TOWN, towns.catalogue.offer, TOWN, shelf["Haushalt"].rpartition("/")[2], wish),
    )

    def later(tx: Tx) -> None:
        tx.run("UPDATE offer SET created_at = 4200000000000 WHERE participant = :p AND id = :id", p=TOWN, id=offer.id)

    await towns.db.write(TOWN, later)
    assert await titles(towns, [{SINCE: "2099-01-01"}]) == ["Haushalt"]
    assert await titles(towns, [{SINCE: "2099-01-01"}], FIRM) == []


@pytest.mark.parametrize(
    ("filter", "code", "pointer"),
    [
        ([7], "value", "/filter/0"),
        (["x"], "value", "/filter/0"),
        ([{"x": 1}], "member", "/filter/0/x"),
        ([{f"{HANSE}wrods": "x"}], "member", "/filter/0/https:~1~1w3id.org~1hanse~1v1#wrods"),
        ([{WORDS: "x", "x": 1}], "member", "/filter/0/x"),
        ([{}, {WORDS: ["x"]}], "value", "/filter/1/https:~1~1w3id.org~1hanse~1v1#words"),
        ([{WORDS: " "}], "value", None),
        ([{WORDS: " ".join(map(str, range(21)))}], "value", None),
        ([{WORDS: "x" * 501}], "value", None),
        ([{DATASET: []}], "value", None),
        ([{DATASET: ["a", 7]}], "value", None),
        ([{DATASET: ["a"] * 101}], "value", None),
        ([{MEDIA_TYPE: {}}], "value", None),
        ([{SINCE: "gestern"}], "value", None),
        ([{SINCE: 5}], "value", None),
        ([{SINCE: "2026-13-01"}], "value", None),
        ([{}] * 21, "value", "/filter"),
        ([{"limit": 0}], "value", "/filter/0/limit"),
        ([{"limit": True}], "value", "/filter/0/limit"),
        ([{"offset": -1}], "value", "/filter/0/offset"),
        ([{"offset": FARTHEST + 1}], "offset", "/filter/0/offset"),
        ([{"sortField": "name"}], "member", "/filter/0/sortField"),
        ([{"sortOrder": "UP"}], "member", "/filter/0/sortOrder"),
        ([{"@type": "Else"}], "member", "/filter/0/@type"),
        ([{"filterExpression": ["x"]}], "value", "/filter/0/filterExpression/0"),
        ([{"filterExpression": [{"operandLeft": "name", "operator": "=", "operandRight": "x"}]}], "member", None),
        ([{"filterExpression": [{"operandLeft": "id", "operator": "like", "operandRight": "x"}]}], "member", None),
        ([{"filterExpression": [{"operandLeft": "id", "operator": "="}]}], "value", None),
    ],
)
def test_what_we_do_not_know_is_refused_where_it_stands(filter: list[Any], code: str, pointer: str | None) -> None:
    """>> an unknown member or an odd value << 400 with its JSON pointer; nothing is passed over in silence."""
    with pytest.raises(PeerError) as refusal:
        filters.read(filter)
    assert refusal.value.code == f"catalogue.filter-{code}"
    assert refusal.value.status == 400
    assert pointer in (None, refusal.value.facts["pointer"])


def test_the_query_that_edc_always_sends_changes_nothing() -> None:
    """As it stands in a catalogue request of EDC 0.15.1, with short and with full names."""
    query = {"@type": "QuerySpec", "offset": 0, "limit": 50, "sortOrder": "ASC", "filterExpression": []}
    assert filters.read([query]) == Filter(limit=50)
    assert filters.read([{EDC + name if name[0] != "@" else name: value for name, value in query.items()}]).limit == 50
    assert filters.read([{**query, "limit": 2**31 - 1, "sortField": None, "filterExpression": None}]) == EVERYTHING
    assert filters.read([]) == filters.read(None) == EVERYTHING
    assert EVERYTHING.limit == PAGE


def test_edc_may_ask_for_a_dataset_by_its_id() -> None:
    """The one criterion that means the same here."""
    criterion = {"@type": "Criterion", "operandLeft": EDC + "id", "operator": "=", "operandRight": "a"}
    assert filters.read([{"filterExpression": [criterion]}]) == Filter(datasets=("a",))
    several = {**criterion, "operator": "in", "operandRight": ["b", "a"]}
    assert filters.read([{"filterExpression": several}]) == Filter(datasets=("a", "b"))


NUMBERED = """
WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < :count),
 first AS (SELECT * FROM {table} WHERE participant = :p ORDER BY created_at, id LIMIT 1),
 copy AS (SELECT 'urn:copy:' || substr(CAST(100000 + n AS TEXT), 2) AS id FROM number)"""


def copies(tx: Tx, count: int) -> None:
    """Copies of the first dataset and its offer under further ids."""
    tx.run(
        f"{NUMBERED.format(table='dataset')}"
        " INSERT INTO dataset (participant, id, source, title, version, document, created_at, changed_at, words)"
        " SELECT participant, copy.id, source, copy.id, version, document, created_at + 1, changed_at, copy.id"
        " FROM first, copy",
        p=TOWN,
        count=count,
    )
    tx.run(
        f"{NUMBERED.format(table='offer')}"
        " INSERT INTO offer (participant, id, dataset, policy, digest, visibility, countersignature, template, state,"
        " created_at) SELECT participant, copy.id || '/o', copy.id, policy, digest, visibility, countersignature,"
        " template, state, created_at FROM first, copy",
        p=TOWN,
        count=count,
    )


async def test_limit_and_offset_walk_through_the_catalogue(towns: Towns) -> None:
    """>> limit 50, offset 0, 50, 100 << as a crawler of EDC counts: 50, 50, 21; and the links lead on from each."""
    await towns.publish(TOWN)
    await towns.db.write(TOWN, copies, 120)
    walked = [shown(await search(towns, [{"limit": 50, "offset": offset}])) for offset in (0, 50, 100, 150)]
    assert [len(page) for page in walked] == [50, 50, 21, 0]
    assert len({title for page in walked for title in page}) == 121
    second = await search(towns, [{"limit": 50, "offset": 50}])
    third = await search(towns, [{"limit": 50, "offset": 50}], cursor=second.following)
    assert shown(third) == walked[2]
    assert third.following is None


@pytest.mark.on_both
async def test_a_page_can_be_left_backwards(towns: Towns) -> None:
    """>> next, next, previous, previous << the same pages as on the way there; the first has nothing before it."""
    await towns.publish(TOWN)
    await towns.db.write(TOWN, copies, 120)
    there = [await search(towns, [{"limit": 50}])]
    while there[-1].following is not None:
        there.append(await search(towns, [{"limit": 50}], cursor=there[-1].following))
    back = [there[-1]]
    while back[-1].previous is not None:
        back.append(await search(towns, [{"limit": 50}], cursor=back[-1].previous))
    assert [shown(page) for page in reversed(back)] == [shown(page) for page in there]
    again = await search(towns, [{"limit": 50}], cursor=back[-1].following)
    assert shown(again) == shown(there[1])


@pytest.mark.threat("T24")
async def test_a_cursor_is_bound_to_its_filter(towns: Towns) -> None:
    """>> a cursor under another filter << catalogue.cursor: nobody leafs on where no page was."""
    await towns.publish(TOWN)
    await towns.db.write(TOWN, copies, 120)
    cursor = (await search(towns, [])).following
    for filter in ([{WORDS: "copy"}], [{"limit": 50}]):
        with pytest.raises(PeerError, match=r"catalogue\.cursor"):
            await search(towns, filter, cursor=cursor)
    assert len(shown(await search(towns, [], cursor=cursor))) == 21


@pytest.mark.on_both
async def test_one_transaction_examines_a_bounded_number_of_datasets(towns: Towns) -> None:
    """>> a filter that matches the last of 5 101 datasets << two rounds, the first without a find."""
    await towns.publish(TOWN, title="Nadel")
    await towns.db.write(TOWN, copies, EXAMINED + 100)
    pages = towns.catalogue.pages
    wanted = filters.read([{WORDS: f"copy:{EXAMINED + 99:05}"}])
    first = await towns.db.read(TOWN, pages.begin, TOWN, NEIGHBOUR, wanted, None)
    assert (first.settled, first.found) == (False, ())
    resumed = await towns.db.read(TOWN, pages.begin, TOWN, NEIGHBOUR, wanted, pages.page(first).following)
    assert len(shown(pages.page(resumed))) == 1
    second = await towns.db.read(TOWN, pages.go_on, first)
    assert second.settled
    assert len(second.found) == 1


@pytest.mark.on_both
@pytest.mark.threat("T24")
async def test_a_page_is_kept_only_while_nothing_changes_and_never_for_somebody_else(towns: Towns) -> None:
    """>> the same page twice << the very bytes; after each kind of change, and for the firm, what is true now."""
    dataset, _ = await towns.publish(TOWN)
    first = await search(towns, [])
    assert (await search(towns, [])).body is first.body
    assert (await search(towns, [], FIRM)).body is first.body
    _, offer = await towns.publish(TOWN, title="Neu", visibility="eligible")
    assert shown(await search(towns, [])) == ["Bäume", "Neu"]
    assert shown(await search(towns, [], FIRM)) == ["Bäume"]
    assert shown(await search(towns, [])) == ["Bäume", "Neu"]

    def change(tx: Tx, sql: str) -> None:
        tx.run(f"UPDATE offer SET {sql} WHERE participant = :p AND id = :id", p=TOWN, id=offer.id)

    await towns.db.write(TOWN, change, "visibility = 'members'")
    assert shown(await search(towns, [], FIRM)) == ["Bäume", "Neu"]
    await towns.db.write(TOWN, change, "state = 'withdrawn'")
    assert shown(await search(towns, [])) == shown(await search(towns, [], FIRM)) == ["Bäume"]
    gone = "DELETE FROM offer WHERE participant = :p AND dataset = :d"
    await towns.db.write(TOWN, lambda tx: tx.run(gone, p=TOWN, d=dataset.id))
    assert shown(await search(towns, [])) == []


@pytest.mark.on_both
async def test_what_is_rolled_back_is_not_kept(towns: Towns) -> None:
    """A page that was read beside a change which then failed << is not the page of the next change."""
    await towns.publish(TOWN)
    pages = towns.catalogue.pages

    def doomed(tx: Tx) -> None:
        tx.run("UPDATE dataset SET title = 'Falsch' WHERE participant = :p", p=TOWN)
        pages.begin(tx, TOWN, NEIGHBOUR, EVERYTHING, None)
        raise PeerError("catalogue.cursor")

    with pytest.raises(PeerError):
        await towns.db.write(TOWN, doomed)
    rename = "UPDATE dataset SET title = 'Richtig' WHERE participant = :p"
    await towns.db.write(TOWN, lambda tx: tx.run(rename, p=TOWN))
    assert shown(await search(towns, [])) == ["Richtig"]
