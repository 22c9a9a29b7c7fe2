"""A dataset changes, gets new bytes, is withdrawn; contracts keep what they pin, and no change is lost."""

import asyncio
from typing import Any

import pytest
from msgspec import convert

from connector.data.catalogue import store
from connector.data.catalogue.life import DatasetChange, Outdated, Replacement
from connector.data.catalogue.model import SAMPLE, Dataset, Offer
from connector.data.catalogue.public import Withdrawn
from connector.data.catalogue.service import Contradictory, OfferWish, Publication
from connector.data.sources.model import Source
from connector.foundation.errors import Mistake, PeerError, Unknown
from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Tx
from connector.kernel.policy.engine import Requester
from tests.testkit.cities import MUNICIPALITY
from tests.testkit.towns import Towns

TOWN, NEIGHBOUR = "musterstadt", "nachbardorf"
REQUESTER = Requester(did="did:web:localhost%3A18443:nachbardorf", kind=MUNICIPALITY)
OPEN = {"access": "open", "licence": "dl-by-de/2.0", "rule": "", "slots": {}}
NEW = "1" * 64


async def changed(towns: Towns, dataset: Dataset, **said: Any) -> Dataset:
    return await towns.db.write(TOWN, towns.catalogue.life.change, TOWN, dataset.uuid, convert(said, DatasetChange))


async def file(towns: Towns, digest: str = NEW, name: str = "baeume.csv") -> str:
    """Uploaded bytes, as far as the catalogue knows of them."""
    source = Source(
        id=new_uuid(), kind="file", location=digest, name=name, media_type="text/csv", bytes=9, sha256=digest
    )
    await towns.db.write(TOWN, towns.catalogue.register, TOWN, source)
    return source.id


async def replaced(towns: Towns, dataset: Dataset, digest: str = NEW, **said: Any) -> Dataset:
    wish = convert({"source": await file(towns, digest), **said}, Replacement)
    return await towns.db.write(TOWN, towns.catalogue.life.replace, TOWN, dataset.uuid, wish)


async def withdrawn(towns: Towns, dataset: Dataset, revision: int | None = None) -> Dataset:
    return await towns.db.write(TOWN, towns.catalogue.life.withdraw, TOWN, dataset.uuid, revision)


async def offers(towns: Towns, dataset: Dataset) -> list[Offer]:
    return (await towns.db.read(TOWN, towns.catalogue.life.show, TOWN, dataset.uuid))[2]


async def actions(towns: Towns, dataset: Dataset) -> list[tuple[int, str]]:
    _, found = await towns.db.read(TOWN, towns.catalogue.life.history, TOWN, dataset.uuid)
    return [(one.number, one.action) for one in found]


async def seen(towns: Towns, dataset: Dataset) -> bytes | None:
    return await towns.db.read(TOWN, towns.catalogue.pages.dataset, TOWN, REQUESTER, dataset.id)


async def logged(towns: Towns) -> int:
    return len(await towns.rows(TOWN, "SELECT 1 FROM audit_entry WHERE participant = :participant"))


async def test_a_change_is_a_revision_and_moves_the_date(towns: Towns) -> None:
    """>> another title and keywords << revision 2 in catalogue and history, the version of the bytes as it was."""
    dataset, _ = await towns.publish(TOWN)
    after = await changed(towns, dataset, title="Stadtbäume", keywords=["Baum"], licence="other-closed")
    assert (after.revision, after.title, after.version) == (2, "Stadtbäume", dataset.version)
    assert after.changed_at >= dataset.changed_at
    assert (await seen(towns, dataset) or b"").count("Stadtbäume".encode()) == 1
    assert await actions(towns, dataset) == [(1, "published"), (2, "changed")]


async def test_what_changes_nothing_is_no_change(towns: Towns) -> None:
    """>> the same title again << no revision, the same date, nothing in the log."""
    dataset, _ = await towns.publish(TOWN)
    before = await logged(towns)
    assert await changed(towns, dataset, title=" Bäume ") == dataset
    assert await actions(towns, dataset) == [(1, "published")]
    assert await logged(towns) == before


@pytest.mark.on_both
async def test_what_offers_are_worth_to_whom_is_no_change_of_content(towns: Towns) -> None:
    """>> another visibility << offers change, the date of the data does not."""
    dataset, offer = await towns.publish(TOWN)
    after = await changed(towns, dataset, visibility="eligible", countersignature="required")
    assert after == dataset
    _, _, (standing,) = await towns.db.read(TOWN, towns.catalogue.life.show, TOWN, dataset.uuid)
    assert (standing.id, standing.visibility, standing.countersignature) == (offer.id, "eligible", "required")
    assert standing.policy == offer.policy


async def test_another_rule_is_another_offer(towns: Towns) -> None:
    dataset, offer = await towns.publish(TOWN, countersignature="none")
    await changed(towns, dataset, rule="open-attribution", slots={"source": "Musterstadt"})
    _, _, (standing,) = await towns.db.read(TOWN, towns.catalogue.life.show, TOWN, dataset.uuid)
    assert standing.id != offer.id
    assert (standing.template["id"], standing.countersignature) == ("open-attribution", "none")


async def test_the_offer_of_open_data_names_whom_the_licence_names(towns: Towns) -> None:
    """>> another attribution, then a licence that asks for none << another offer, with its visibility; then none."""
    dataset, offer = await towns.publish(TOWN, **OPEN, visibility="eligible")
    assert offer.template == {"id": "open-attribution", "slots": {"source": "Musterstadt", "licence": "dl-by-de/2.0"}}
    await changed(towns, dataset, description="mehr")
    assert await offers(towns, dataset) == [offer]
    await changed(towns, dataset, attribution="Grünflächenamt")
    (standing,) = await offers(towns, dataset)
    said = {"source": "Grünflächenamt", "licence": "dl-by-de/2.0"}
    assert (standing.template["slots"], standing.visibility) == (said, "eligible")
    await changed(towns, dataset, licence="cc-by/4.0")
    (standing,) = await offers(towns, dataset)
    assert (standing.template["slots"], standing.visibility) == ({**said, "licence": "cc-by/4.0"}, "eligible")
    assert "http://dcat-ap.de/def/licenses/cc-by/4.0" in str(standing.policy)
    await changed(towns, dataset, licence="dl-zero-de/2.0")
    assert await offers(towns, dataset) == []


async def test_what_was_open_is_under_a_rule_from_then_on(towns: Towns) -> None:
    """>> open data without an offer, now for members or announced << refused without a rule, done with one."""
    wish = Publication(source=await file(towns), title="Bäume", access="open", licence="dl-zero-de/2.0")
    dataset, offer = await towns.db.write(TOWN, towns.catalogue.publish, TOWN, wish)
    assert offer is None
    for access in ("contract", "announced"):
        with pytest.raises(Mistake, match=r"catalogue\.no-rule"):
            await changed(towns, dataset, access=access)
    rule = {"access": "contract", "rule": "open-attribution", "slots": {"source": "x"}}
    with pytest.raises(Mistake, match=r"catalogue\.rule-licence"):  # one asks for nothing, the other to name the source
        await changed(towns, dataset, **rule)
    await changed(towns, dataset, licence="dl-by-de/2.0", **rule)
    assert len(await offers(towns, dataset)) == 1


async def test_description_and_rule_name_one_licence(towns: Towns) -> None:
    """>> another licence in the rule than in the description, at publication and by a change  << refused, as it was;
    >> none in the rule  << that of the description."""
    other = {"rule": "open-attribution", "slots": {"source": "x", "licence": "cc-by/4.0"}}
    with pytest.raises(Mistake, match=r"catalogue\.rule-licence"):
        await towns.publish(TOWN, **{**OPEN, **other})
    dataset, offer = await towns.publish(TOWN, licence="cc-by/4.0", rule="open-attribution", slots={"source": "x"})
    assert offer.template["slots"] == {"source": "x", "licence": "cc-by/4.0"}
    with pytest.raises(Mistake, match=r"catalogue\.rule-licence"):
        await changed(towns, dataset, licence="dl-by-de/2.0")
    assert await offers(towns, dataset) == [offer]


async def test_a_licence_cannot_come_to_contradict_the_rule(towns: Towns) -> None:
    """>> an open licence under a rule that restricts, a closed one under one that does not << refused, as it was."""
    bound, _ = await towns.publish(TOWN)
    with pytest.raises(Contradictory):
        await changed(towns, bound, licence="cc-zero")
    free, _ = await towns.publish(TOWN, **OPEN)
    with pytest.raises(Mistake, match=r"catalogue\.licence-closed"):
        await changed(towns, free, licence="other-closed")
    with pytest.raises(Mistake, match=r"catalogue\.rule-open"):
        await changed(towns, free, licence="other-closed", access="contract")
    assert await actions(towns, bound) == await actions(towns, free) == [(1, "published")]
    for rule, slots, licence in (
        ("municipal-purpose", {"until": "31.12.2099"}, "cc-zero"),
        ("open-attribution", {"source": "x"}, "cc-by-nc/4.0"),
    ):
        with pytest.raises(Mistake):
            await towns.publish(TOWN, rule=rule, slots=slots, licence=licence)


@pytest.mark.on_both
async def test_two_changes_of_one_revision_do_not_lose_one(towns: Towns) -> None:
    """>> two stewards change what they both saw, at once << one is told to look again."""
    dataset, _ = await towns.publish(TOWN)
    both = [changed(towns, dataset, title=title, revision=1) for title in ("Eins", "Zwei")]
    done = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Dataset", "Outdated"]
    after = next(one for one in done if isinstance(one, Dataset))
    with pytest.raises(Outdated):
        await withdrawn(towns, dataset, revision=1)
    with pytest.raises(Outdated):
        await replaced(towns, dataset, revision=1)
    assert (await changed(towns, dataset, title="Drei", revision=after.revision)).revision == 3


async def test_without_a_revision_both_changes_are_made(towns: Towns) -> None:
    """>> title and keywords changed at once, nobody says what was seen << both are there."""
    dataset, _ = await towns.publish(TOWN)
    await asyncio.gather(changed(towns, dataset, title="Eins"), changed(towns, dataset, keywords=["Baum"]))
    found, _, _ = await towns.db.read(TOWN, towns.catalogue.life.show, TOWN, dataset.uuid)
    assert (found.title, found.record.keywords, found.revision) == ("Eins", {"de": ("Baum",)}, 3)


async def test_new_bytes_are_the_next_version(towns: Towns) -> None:
    dataset, _ = await towns.publish(TOWN)
    after = await replaced(towns, dataset, notes="Höhen nachgemessen")
    assert (after.version, after.record.version, after.record.version_notes) == (NEW, "2", {"de": "Höhen nachgemessen"})
    third = await replaced(towns, dataset, "2" * 64)
    assert (third.record.version, third.record.version_notes) == ("3", {})
    assert await replaced(towns, dataset, "2" * 64) == third
    assert await actions(towns, dataset) == [(1, "published"), (2, "replaced"), (3, "replaced")]
    own = await replaced(towns, dataset, "3" * 64, label="2027a", series="Baumkataster")
    assert (own.record.version, len(own.record.series)) == ("2027a", 1)


@pytest.mark.on_both
async def test_bug_sample_data_were_published_past_the_desk(towns: Towns) -> None:
    """>> the file to practise with under another name, as a dataset or as new bytes << refused, nothing is there."""
    made, _ = await towns.publish(TOWN)
    with pytest.raises(Mistake, match=r"drafts\.sample"):
        await replaced(towns, made, digest=SAMPLE)
    source = await file(towns, SAMPLE, "haushalt.csv")
    wish = Publication(title="Haushalt", source=source, rule="municipal-purpose", slots={"until": "31.12.2099"})
    with pytest.raises(Mistake, match=r"drafts\.sample"):
        await towns.db.write(TOWN, towns.catalogue.publish, TOWN, wish)
    there = await towns.rows(TOWN, "SELECT id FROM dataset WHERE participant = :participant")
    assert [row["id"] for row in there] == [made.id]


async def test_a_contract_keeps_the_version_that_it_pins(towns: Towns) -> None:
    """>> new bytes under a running contract << the old source is served under it; a new contract gets the new one."""
    agreement = await towns.concluded(NEIGHBOUR, TOWN)
    name = agreement.dataset.rpartition("/")[2]
    dataset, old, _ = await towns.db.read(TOWN, towns.catalogue.life.show, TOWN, name)
    await replaced(towns, dataset)
    provided = await towns.db.read(TOWN, towns.contracts.agreements.running_on, TOWN, dataset.id)
    assert [one.id for one in provided] == [agreement.id]
    served = await towns.db.read(TOWN, towns.contracts.agreements.source, TOWN, provided[0])
    assert served == old.id
    asked = await towns.fetch(NEIGHBOUR, TOWN, agreement)
    await towns.run()
    assert (await towns.process(NEIGHBOUR, asked.id)).shown == "STARTED"
    current = await towns.db.read(TOWN, towns.catalogue.source_of, TOWN, dataset.id)
    assert current.sha256 == NEW


async def test_a_contract_on_a_withdrawn_dataset_goes_on(towns: Towns) -> None:
    """>> withdrawn << no new contract; the one in force is named and still served."""
    agreement = await towns.concluded(NEIGHBOUR, TOWN)
    dataset, _, _ = await towns.db.read(TOWN, towns.catalogue.life.show, TOWN, agreement.dataset)
    await withdrawn(towns, dataset)
    assert await towns.db.read(TOWN, towns.contracts.agreements.running_on, TOWN, dataset.id)
    asked = await towns.fetch(NEIGHBOUR, TOWN, agreement)
    await towns.run()
    assert (await towns.process(NEIGHBOUR, asked.id)).shown == "STARTED"


async def test_the_description_of_a_live_source_is_its_version(towns: Towns) -> None:
    """>> another title of a live source << another version; the old one is served still, for its source is the same."""
    source = Source(
        id="live",
        kind="http",
        location="https://a.example/x.csv",
        name="x.csv",
        media_type="text/csv",
        bytes=None,
        sha256=None,
    )
    await towns.db.write(TOWN, towns.catalogue.register, TOWN, source)
    wish = Publication(source="live", title="Pegel", rule="municipal-purpose", slots={"until": "31.12.2099"})
    dataset, _ = await towns.db.write(TOWN, towns.catalogue.publish, TOWN, wish)
    same = await changed(towns, dataset, licence="other-closed")
    assert same.version == dataset.version
    after = await changed(towns, dataset, title="Pegelstände")
    assert after.version != dataset.version
    assert await towns.db.read(TOWN, towns.catalogue.served, TOWN, dataset.id, dataset.version) == dataset.version
    assert await towns.db.read(TOWN, towns.catalogue.served, TOWN, dataset.id, NEW) == after.version


async def test_withdrawn_is_gone_for_good(towns: Towns) -> None:
    """>> withdraw, twice << in no catalogue, no offer, no change; its history stays."""
    dataset, offer = await towns.publish(TOWN)
    first = await withdrawn(towns, dataset)
    assert (first.state, await withdrawn(towns, dataset)) == ("withdrawn", first)
    assert await seen(towns, dataset) is None
    assert await towns.db.read(TOWN, store.shown, TOWN, [dataset.id]) == []
    with pytest.raises(Unknown):
        await towns.db.read(TOWN, towns.catalogue.published, TOWN, REQUESTER, offer.id)
    for late in (changed(towns, dataset, title="x"), replaced(towns, dataset)):
        with pytest.raises(Withdrawn):
            await late
    with pytest.raises(Withdrawn):
        await towns.db.write(TOWN, towns.catalogue.offer, TOWN, dataset.uuid, OfferWish(rule="open-attribution"))
    assert await actions(towns, dataset) == [(1, "published"), (2, "withdrawn")]


@pytest.mark.on_both
async def test_a_dataset_from_before_there_were_records(towns: Towns) -> None:
    """>> a row as an earlier release wrote it << shown, changed, its first revision kept, the rest as it was."""
    dataset, _ = await towns.publish(TOWN, description="Alle", keywords=["Baum"])

    def earlier(tx: Tx) -> None:
        tx.run("UPDATE dataset SET record = NULL WHERE participant = :p", p=TOWN)
        tx.run("DELETE FROM revision WHERE participant = :p", p=TOWN)

    await towns.db.write(TOWN, earlier)
    assert await actions(towns, dataset) == [(1, "published")]
    found, _, _ = await towns.db.read(TOWN, towns.catalogue.life.show, TOWN, dataset.uuid)
    assert found == dataset
    assert await changed(towns, dataset, title="Bäume") == dataset
    after = await changed(towns, dataset, frequency="ANNUAL")
    assert (after.document, after.version) == (dataset.document, dataset.version)
    assert await actions(towns, dataset) == [(1, "published"), (2, "changed")]
    await replaced(towns, dataset)
    assert await towns.db.read(TOWN, towns.catalogue.served, TOWN, dataset.id, dataset.version) == dataset.version


async def test_nobody_changes_a_dataset_of_another(towns: Towns) -> None:
    dataset, _ = await towns.publish(TOWN)
    for name in (dataset.uuid, dataset.id):
        with pytest.raises(Unknown):
            await towns.db.write(NEIGHBOUR, towns.catalogue.life.change, NEIGHBOUR, name, DatasetChange(title="x"))


async def test_a_dataset_that_lies_elsewhere_has_no_offer(towns: Towns) -> None:
    """>> files elsewhere, an announcement alone << published without an offer; none can be made."""
    elsewhere = {"title": "Luft", "licence": "cc-zero", "access": "open", "files": [{"url": "https://a.example/x.csv"}]}
    for wish in (elsewhere, {"title": "Bald", "access": "announced"}):
        dataset, offer = await towns.db.write(TOWN, towns.catalogue.publish, TOWN, convert(wish, Publication))
        assert offer is None
        assert await seen(towns, dataset) is None
        with pytest.raises(Mistake, match=r"catalogue\.nothing-to-offer"):
            await changed(towns, dataset, rule="open-attribution", slots={"source": "x"})
    with pytest.raises(Mistake, match=r"catalogue\.no-rule"):
        await towns.publish(TOWN, rule="", slots={})
    with pytest.raises(Mistake, match=r"catalogue\.no-rule"):  # a limit that nothing would hold
        await towns.publish(TOWN, **{**OPEN, "slots": {"until": "31.12.2027"}})
    with_bytes, _ = await towns.publish(TOWN)
    with pytest.raises(Mistake, match=r"catalogue\.no-rule"):
        await changed(towns, with_bytes, slots={"until": "31.12.2099"})
    nothing = Publication(source=dataset.source, title="x", rule="r")
    with pytest.raises(Mistake, match=r"catalogue\.no-source"):
        await towns.db.write(TOWN, towns.catalogue.publish, TOWN, nothing)
    bytes_of_none = Replacement(source=dataset.source)
    with pytest.raises(Mistake, match=r"catalogue\.no-source"):
        await towns.db.write(TOWN, towns.catalogue.life.replace, TOWN, with_bytes.uuid, bytes_of_none)


async def test_a_description_has_its_limit(towns: Towns) -> None:
    """>> so many keywords that a harvester would take more than 150 statements along << refused, nothing kept."""
    with pytest.raises(Mistake, match=r"catalogue\.too-much"):
        await towns.publish(TOWN, keywords=[f"Wort {n}" for n in range(150)], **OPEN)
    dataset, _ = await towns.publish(TOWN, keywords=[f"Wort {n}" for n in range(20)], **OPEN)
    with pytest.raises(Mistake, match=r"catalogue\.too-much"):
        await changed(towns, dataset, keywords=[f"Wort {n}" for n in range(150)])
    assert await actions(towns, dataset) == [(1, "published")]


async def test_a_closed_participant_changes_nothing_more(towns: Towns) -> None:
    dataset, _ = await towns.publish(TOWN)

    def close(tx: Tx) -> None:
        tx.run("UPDATE participant SET state = 'closing' WHERE id = :p", p=TOWN)

    await towns.db.write(TOWN, close)
    with pytest.raises(PeerError, match=r"leaving\.closed"):
        await changed(towns, dataset, title="x")
