"""What a participant publishes, and what each peer may see of it (threat T24)."""

import json
import sys
from typing import Any

import pytest
from msgspec import Struct, convert

from connector.data.catalogue.pages import KEEPING_BYTES, Page
from connector.data.catalogue.search.filters import EVERYTHING, PAGE, Filter
from connector.data.catalogue.service import Contradictory, OfferWish, Publication
from connector.data.sources.model import Source
from connector.foundation.errors import Mistake, PeerError, Unknown
from connector.foundation.storage.database import Tx
from connector.kernel.policy.engine import Requester
from tests.testkit.cities import COMPANY, MUNICIPALITY
from tests.testkit.towns import Towns

TOWN = "musterstadt"
NEIGHBOUR = Requester(did="did:web:localhost%3A18443:nachbardorf", kind=MUNICIPALITY)
FIRM = Requester(did="did:web:firm.example", kind=COMPANY)


async def page(
    towns: Towns, requester: Requester, cursor: str | None = None, slug: str = TOWN, wanted: Filter = EVERYTHING
) -> Page:
    """One page, in as many rounds as it takes."""
    pages = towns.catalogue.pages
    search = await towns.db.read(slug, pages.begin, slug, requester, wanted, cursor)
    while not search.settled:
        search = await towns.db.read(slug, pages.go_on, search)
    return pages.page(search)


def ids(page: Page) -> list[str]:
    """The datasets on a page."""
    return [entry["@id"] for entry in json.loads(page.body).get("dataset", [])]


async def pages(towns: Towns, requester: Requester) -> list[list[str]]:
    """All pages by their datasets' ids, following the cursors."""
    found, cursor = [], None
    while True:
        one = await page(towns, requester, cursor)
        found.append(ids(one))
        cursor = one.following
        if cursor is None:
            return found


async def one(towns: Towns, requester: Requester, name: str, slug: str = TOWN) -> dict[str, Any] | None:
    """The document of a dataset; None where there is none for this peer."""
    found = await towns.db.read(slug, towns.catalogue.pages.dataset, slug, requester, name)
    return None if found is None else json.loads(found)


async def offered(towns: Towns, requester: Requester, name: str) -> set[str]:
    """The offers on a dataset that this peer sees."""
    found = await one(towns, requester, name)
    return set() if found is None else {offer["@id"] for offer in found["hasPolicy"]}


def many(tx: Tx, count: int, visibility: str) -> None:
    """Copies of the one dataset, all published in the same millisecond: the order must not depend on the time alone."""
    dataset = tx.all("SELECT * FROM dataset WHERE participant = :p ORDER BY id", p=TOWN)[0]
    offer = tx.all("SELECT * FROM offer WHERE participant = :p AND dataset = :d", p=TOWN, d=dataset["id"])[0]
    for n in range(count):
        new = f"https://localhost:18443/{TOWN}/datasets/{visibility}-{n:05}"
        tx.run(
            "INSERT INTO dataset (participant, id, source, title, version, document, created_at, changed_at)"
            " VALUES (:p, :id, :source, 't', :version, :document, :at, :at)",
            p=TOWN,
            id=new,
            source=dataset["source"],
            version=dataset["version"],
            document=dataset["document"],
            at=dataset["created_at"],
        )
        tx.run(
            "INSERT INTO offer (participant, id, dataset, policy, digest, visibility, countersignature, template,"
            " state, created_at) VALUES (:p, :id, :d, :policy, :digest, :visibility, 'preferred', :template,"
            " 'published', :at)",
            p=TOWN,
            id=f"{new}/offers/1",
            d=new,
            policy=offer["policy"],
            digest=offer["digest"],
            visibility=visibility,
            template=offer["template"],
            at=offer["created_at"],
        )


@pytest.mark.on_both
async def test_publish_gives_ids_below_the_root_and_pins_the_bytes(towns: Towns) -> None:
    dataset, offer = await towns.publish(TOWN)
    assert dataset.id.startswith(f"https://localhost:18443/{TOWN}/datasets/")
    assert offer.id.startswith(f"{dataset.id}/offers/")
    assert dataset.version == "0" * 64
    assert offer.digest == towns.engine.digest(offer.policy)
    entries = await towns.rows(TOWN, "SELECT type FROM audit_entry WHERE participant = :participant ORDER BY id")
    assert [row["type"] for row in entries] == ["key", "publication"]


@pytest.mark.on_both
@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"title": "  "}, r"catalogue\.no-title"),
        ({"rule": "no-such-rule"}, r"policy\.template-unknown"),
        ({"slots": {"until": "31.02.2099"}}, r"policy\.slot-day"),
        ({"slots": {"nonsense": "1"}}, r"policy\.slot-unknown"),
    ],
)
async def test_a_wish_that_cannot_be_leaves_nothing_behind(towns: Towns, wish: dict[str, object], code: str) -> None:
    """>> no title, unknown rule, bad slot << a mistake that says so; no dataset, no offer, no log entry."""
    with pytest.raises(Mistake, match=code):
        await towns.publish(TOWN, **wish)
    for table in ("dataset", "offer"):
        assert await towns.rows(TOWN, f"SELECT 1 FROM {table} WHERE participant = :participant") == []


async def test_a_source_of_another_participant_is_none(towns: Towns) -> None:
    """>> publish with a neighbour's source id << catalogue.no-source."""
    dataset, _ = await towns.publish(TOWN)
    wish = {"source": dataset.source, "title": "x", "rule": "municipal-purpose", "slots": {"until": "31.12.2099"}}
    with pytest.raises(Mistake, match=r"catalogue\.no-source"):
        await towns.db.write("nachbardorf", towns.catalogue.publish, "nachbardorf", convert(wish, Publication))


@pytest.mark.threat("T24")
async def test_an_offer_for_the_eligible_hides_the_dataset_from_others(towns: Towns) -> None:
    """>> a firm looks for a dataset for municipalities << exactly what it hears of one that does not exist."""
    dataset, offer = await towns.publish(TOWN, visibility="eligible")
    assert ids(await page(towns, NEIGHBOUR)) == [dataset.id]
    assert ids(await page(towns, FIRM)) == []
    for name in (dataset.id, f"https://localhost:18443/{TOWN}/datasets/{'0' * 36}"):
        assert await one(towns, FIRM, name) is None
    for asked in (offer.id, "urn:uuid:0"):
        with pytest.raises(Unknown, match=r"catalogue\.no-offer"):
            await towns.db.read(TOWN, towns.catalogue.requested, TOWN, FIRM, {"@id": asked, "target": dataset.id})


async def test_members_see_what_they_would_not_get(towns: Towns) -> None:
    """Visible is not permitted: the preset shows the offer to every member, the negotiation then says why not."""
    dataset, _ = await towns.publish(TOWN)
    assert ids(await page(towns, FIRM)) == [dataset.id]


async def test_each_peer_sees_its_own_offers_on_one_dataset(towns: Towns) -> None:
    """A second offer, for the eligible only, is there for the neighbour and not for the firm."""
    dataset, first = await towns.publish(TOWN)
    wish = OfferWish(rule="municipalities-only", visibility="eligible")
    second = await towns.db.write(TOWN, towns.catalogue.offer, TOWN, dataset.uuid, wish)
    assert await offered(towns, NEIGHBOUR, dataset.id) == {first.id, second.id}
    assert await offered(towns, FIRM, dataset.id) == {first.id}
    with pytest.raises(Unknown, match=r"catalogue\.unknown"):
        await towns.db.write("nachbardorf", towns.catalogue.offer, "nachbardorf", dataset.uuid, wish)


async def test_a_dataset_is_found_by_iri_and_by_uuid_but_not_elsewhere(towns: Towns) -> None:
    dataset, _ = await towns.publish(TOWN)
    for name in (dataset.id, dataset.uuid):
        assert (await one(towns, NEIGHBOUR, name) or {})["@id"] == dataset.id
        assert await one(towns, NEIGHBOUR, name, slug="nachbardorf") is None


@pytest.mark.threat("T24")
async def test_pages_hold_a_hundred_each_once_and_none_hidden(towns: Towns) -> None:
    """>> 250 visible and 300 hidden datasets of one millisecond << 100, 100, 51; every one once, in the same order."""
    await towns.publish(TOWN)
    await towns.db.write(TOWN, many, 250, "members")
    await towns.db.write(TOWN, many, 300, "eligible")
    seen = await pages(towns, FIRM)
    assert [len(entries) for entries in seen] == [PAGE, PAGE, 51]
    every = [entry for entries in seen for entry in entries]
    assert len(set(every)) == 251
    assert not [entry for entry in every if "eligible" in entry]
    assert [len(entries) for entries in await pages(towns, NEIGHBOUR)] == [PAGE] * 5 + [51]


async def test_a_last_page_that_is_full_has_no_successor(towns: Towns) -> None:
    """>> exactly 100 datasets << one page and no cursor."""
    await towns.publish(TOWN)
    await towns.db.write(TOWN, many, PAGE - 1, "members")
    assert [len(entries) for entries in await pages(towns, FIRM)] == [PAGE]


@pytest.mark.on_both
@pytest.mark.threat("T24")
async def test_a_cursor_is_for_one_peer_at_one_participant_and_cannot_be_made(towns: Towns) -> None:
    """>> another peer's cursor, one of another participant, a changed or invented one << catalogue.cursor."""
    await towns.publish(TOWN)
    await towns.db.write(TOWN, many, PAGE, "members")
    cursor = (await page(towns, NEIGHBOUR)).following
    assert cursor is not None
    assert len(ids(await page(towns, NEIGHBOUR, cursor))) == 1
    changed = ("A" if cursor[5] != "A" else "B").join((cursor[:5], cursor[6:]))
    for requester, slug, bad in (
        (FIRM, TOWN, cursor),
        (NEIGHBOUR, "nachbardorf", cursor),
        (NEIGHBOUR, TOWN, changed),
        (NEIGHBOUR, TOWN, "x"),
        (NEIGHBOUR, TOWN, cursor + "A"),
        (NEIGHBOUR, TOWN, cursor[:-4]),
        (NEIGHBOUR, TOWN, "ä" * 50),
    ):
        with pytest.raises(PeerError, match=r"catalogue\.cursor"):
            await page(towns, requester, bad, slug)


async def test_an_offer_belongs_to_its_dataset(towns: Towns) -> None:
    """>> an offer requested with another target << catalogue.other-target."""
    (_, offer), (other, _) = await towns.publish(TOWN), await towns.publish(TOWN)
    with pytest.raises(PeerError, match=r"catalogue\.other-target"):
        await towns.db.read(TOWN, towns.catalogue.requested, TOWN, NEIGHBOUR, {"@id": offer.id, "target": other.id})


@pytest.mark.on_both
async def test_a_withdrawn_offer_is_gone(towns: Towns) -> None:
    """>> withdrawn << neither shown nor negotiated."""
    dataset, offer = await towns.publish(TOWN)

    def withdraw(tx: Tx) -> None:
        tx.run("UPDATE offer SET state = 'withdrawn' WHERE participant = :p", p=TOWN)

    await towns.db.write(TOWN, withdraw)
    assert ids(await page(towns, NEIGHBOUR)) == []
    assert await one(towns, NEIGHBOUR, dataset.id) is None
    with pytest.raises(Unknown, match=r"catalogue\.no-offer"):
        await towns.db.read(TOWN, towns.catalogue.requested, TOWN, NEIGHBOUR, {"@id": offer.id})


async def test_the_own_view_shows_everything(towns: Towns) -> None:
    hidden, _ = await towns.publish(TOWN, visibility="eligible")
    found = await towns.db.read(TOWN, towns.catalogue.own, TOWN)
    assert [dataset.id for dataset, _ in found] == [hidden.id]
    assert await towns.db.read("nachbardorf", towns.catalogue.own, "nachbardorf") == []


async def test_a_live_source_pins_its_description(towns: Towns) -> None:
    """Two live sources with different descriptions have different versions; nothing claims to be the bytes' hash."""
    source = Source(
        id="live",
        kind="http",
        location="https://a.example/x",
        name="x.csv",
        media_type="text/csv",
        bytes=None,
        sha256=None,
    )
    await towns.db.write(TOWN, towns.catalogue.register, TOWN, source)
    versions = set()
    for title in ("A", "B"):
        wish = Publication(source="live", title=title, rule="municipal-purpose", slots={"until": "31.12.2099"})
        dataset, _ = await towns.db.write(TOWN, towns.catalogue.publish, TOWN, wish)
        assert dataset.document["sha256"] is None
        assert "a.example" not in json.dumps(dataset.document)
        versions.add(dataset.version)
    assert len(versions) == 2


def taken(value: object) -> int:
    """Bytes that a value holds, with all that hangs on it."""
    inner: list[object] = []
    if isinstance(value, Struct):
        inner = [getattr(value, name) for name in value.__struct_fields__]
    elif isinstance(value, tuple):
        inner = list(value)
    elif isinstance(value, dict):
        inner = [*value.keys(), *value.values()]
    return sys.getsizeof(value) + sum(taken(one) for one in inner)


@pytest.mark.on_both
@pytest.mark.threat("T24")
async def test_what_kept_pages_are_counted_as_bounds_what_they_take(towns: Towns) -> None:
    """>> filters of 99 long names each, which match nothing << all that is kept of them is counted."""
    await towns.publish(TOWN)
    for number in range(20):
        names = tuple(f"{number:03}-{name:03}" + "x" * 490 for name in range(99))
        await page(towns, NEIGHBOUR, wanted=Filter(datasets=names))
    await page(towns, NEIGHBOUR)
    kept = towns.catalogue.pages
    assert len(kept._kept) == 21
    assert taken(dict(kept._kept)) <= kept._bytes < 1 << 20


async def test_forgotten_pages_count_no_longer(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> more pages than there is room for << some are kept, and the count is theirs."""
    monkeypatch.setattr("connector.data.catalogue.pages.KEPT_BYTES", 3 * KEEPING_BYTES + 3 * 1024)
    await towns.publish(TOWN)
    for number in range(9):
        await page(towns, NEIGHBOUR, wanted=Filter(datasets=(str(number),)))
    kept = towns.catalogue.pages
    assert 0 < len(kept._kept) < 9
    assert kept._bytes == sum(len(leaf.body) + KEEPING_BYTES for leaf in kept._kept.values())


async def test_a_rule_that_nobody_can_use_is_not_published(towns: Towns) -> None:
    """>> a rule that ended long ago << a mistake that names the clause in both languages; nothing is left behind."""
    with pytest.raises(Contradictory) as refused:
        await towns.publish(TOWN, slots={"until": "31.12.2001"})
    assert (refused.value.status, refused.value.code) == (400, "policy.contradiction")
    assert "31.12.2001" in refused.value.reasons["de"][0]
    assert "abgelaufen" in refused.value.reasons["de"][0]
    assert "ended" in refused.value.reasons["en"][0]
    assert await towns.rows(TOWN, "SELECT 1 FROM dataset WHERE participant = :participant") == []


async def test_a_rule_that_could_permit_nobody_yet_is_not_published(towns: Towns) -> None:
    """>> the template for disasters, and no event feed anywhere << refused with the value that nobody here knows."""
    wish = Publication(title="Lage", rule="disaster", source=await towns.file(TOWN))
    with pytest.raises(Contradictory) as refused:
        await towns.db.write(TOWN, towns.catalogue.publish, TOWN, wish, released=True)
    assert "kann zurzeit niemandem etwas erlauben" in str(refused.value.reasons["de"])
    assert "Für „Stand des Ereignisses ist genau andauernd“ gibt es hier keine Quelle" in refused.value.reasons["de"][0]
    assert "no source here that vouches for its value" in refused.value.reasons["en"][0]
    assert await towns.rows(TOWN, "SELECT 1 FROM dataset WHERE participant = :participant") == []


async def test_open_data_are_published_under_an_open_rule_only(towns: Towns) -> None:
    """>> open data under template 3 << refused; under template 1 << published, and no restrictive offer joins it."""
    with pytest.raises(Contradictory, match=r"policy\.contradiction") as refused:
        await towns.publish(TOWN, open_data=True)
    assert "Offene Daten" in refused.value.reasons["de"][0]
    dataset, _ = await towns.publish(TOWN, open_data=True, rule="open-attribution", slots={"source": "Musterstadt"})
    wish = OfferWish(rule="municipalities-only")
    with pytest.raises(Contradictory, match=r"policy\.contradiction"):
        await towns.db.write(TOWN, towns.catalogue.offer, TOWN, dataset.uuid, wish)
    assert len(await towns.rows(TOWN, "SELECT 1 FROM offer WHERE participant = :participant")) == 1


@pytest.mark.parametrize("degree", ["VS-NfD", "vs-vertraulich", "GEHEIM"])
async def test_classified_information_is_not_published(towns: Towns, degree: str) -> None:
    """>> a degree of secrecy << refused, whatever the rule."""
    with pytest.raises(Mistake, match=r"catalogue\.classified"):
        await towns.publish(TOWN, classification=degree)
    assert await towns.rows(TOWN, "SELECT 1 FROM dataset WHERE participant = :participant") == []
