"""What the provider writes: the consumer's offer verbatim, between these two, about these bytes."""

import json
import tracemalloc

import msgspec
import pytest

from connector.exchange.contracts import object_store
from connector.exchange.contracts.agreement.agreements import SIGNED
from connector.exchange.contracts.document import described_data, draft
from connector.exchange.contracts.model import Agreement, EvidenceObject
from tests.testkit.cities import PURPOSE
from tests.testkit.towns import Towns


async def objects(towns: Towns, agreement: Agreement) -> dict[str, EvidenceObject]:
    return await towns.db.read("nachbardorf", object_store.objects, "nachbardorf", agreement.negotiation)


async def test_the_agreement_is_the_offer_with_parties_target_and_time(towns: Towns) -> None:
    """No rule is added, lost or reworded on the way from the offer to the signed document."""
    made = await towns.publish("musterstadt")
    asked = await towns.ask("nachbardorf", "musterstadt", made)
    await towns.run()
    agreement = await towns.agreement("nachbardorf", (await towns.case("nachbardorf", asked.id)).agreement)
    document = json.loads(agreement.document)
    assert draft.rules_of(document) == made[1].policy
    assert document["target"] == made[0].id
    assert document["assigner"] == towns.did("musterstadt")
    assert document["assignee"] == towns.did("nachbardorf")
    assert document["@id"] == agreement.id
    assert document["timestamp"].endswith("Z")


async def test_both_sides_keep_the_same_objects(towns: Towns) -> None:
    """Text, profile, snapshot, both approvals and both DID documents, each under its hash, on both sides."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    kept = await objects(towns, agreement)
    kept.pop(described_data.NAME)  # what the consumer alone was shown
    assert set(kept) == {
        draft.TEXT,
        draft.PROFILE,
        draft.DATASET,
        *draft.APPROVAL.values(),
        "did-consumer.json",
        "did-provider.json",
    }
    provider = await towns.agreement("musterstadt", agreement.id)
    theirs = await towns.db.read("musterstadt", object_store.objects, "musterstadt", provider.negotiation)
    assert {name: item.sha256 for name, item in kept.items()} == {name: item.sha256 for name, item in theirs.items()}


async def test_the_snapshot_pins_the_bytes_of_a_file(towns: Towns) -> None:
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    snapshot = json.loads((await objects(towns, agreement))[draft.DATASET].body)
    assert snapshot["https://w3id.org/hanse/v1#version"] == "0" * 64
    assert snapshot["https://w3id.org/hanse/v1#versionOf"] == "bytes"
    assert snapshot["https://w3id.org/hanse/v1#fileName"] == "baeume.csv"
    terms = await towns.db.read("nachbardorf", towns.contracts.agreements.terms, "nachbardorf", agreement)
    assert (terms.name, terms.sha256) == ("baeume.csv", "0" * 64)


async def test_the_text_is_german_names_both_and_the_purpose(towns: Towns) -> None:
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    text = (await objects(towns, agreement))[draft.TEXT].body.decode()
    for part in ("Musterstadt", "Nachbardorf", "Bäume", agreement.id, towns.engine.label(PURPOSE, "de")):
        assert part in text
    assert (
        await towns.db.read("nachbardorf", towns.contracts.agreements.text, "nachbardorf", agreement) == text.encode()
    )


async def test_names_from_outside_stay_text(towns: Towns) -> None:
    """A title that looks like markup is shown, not executed, and the contract is signed all the same."""
    title = '<script>alert(1)</script> & "Bäume"'
    agreement = await towns.concluded("nachbardorf", "musterstadt", title=title)
    text = (await objects(towns, agreement))[draft.TEXT].body.decode()
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert agreement.state == "finalized"


async def test_an_approval_by_rule_names_no_person(towns: Towns) -> None:
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    for side, slug in (("provider", "musterstadt"), ("consumer", "nachbardorf")):
        body = json.loads((await objects(towns, agreement))[draft.APPROVAL[side]].body)
        assert (body["role"], body["pseudonym"], body["onBehalfOf"]) == ("automatic", None, towns.did(slug))


async def test_finalized_names_the_evidence_and_commits_to_it(towns: Towns) -> None:
    """The address in FINALIZED is the same on both sides: one digest over agreement and both seals."""
    sent: list[str] = []
    towns.wire.bend["ContractNegotiationEventMessage"] = lambda message: sent.append(json.dumps(message))
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    root = "https://localhost:18443/musterstadt"
    assert draft.evidence_address(root, agreement, agreement.consumer_jws) in sent[0]
    assert draft.evidence_address(root, agreement, None) not in sent[0]


@pytest.mark.threat("T112")
def test_values_that_a_peer_made_large_take_little_memory() -> None:
    """>> a peer's objects, small as text and large as values << what is kept of them is a few megabytes."""
    bodies = [b'{"n":%d,"x":[%s]}' % (n, b",".join([b"{}"] * (draft.SMALL // 3 - 10))) for n in range(200)]
    assert max(map(len, bodies)) <= draft.SMALL
    tracemalloc.start()
    try:
        for body in bodies:
            draft.value_of(body)
        assert tracemalloc.get_traced_memory()[0] < 16_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.threat("T112")
async def test_terms_that_a_peer_made_long_are_read_each_time(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> terms as long as a contract may be << the same answer, and none of it stays in memory; usual ones do."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    agreements = towns.contracts.agreements
    usual = await towns.db.read("nachbardorf", agreements.signed, agreement)
    assert await towns.db.read("nachbardorf", agreements.signed, agreement) is usual
    long = msgspec.structs.replace(agreement, digest="f" * 64)
    snapshot = {"https://w3id.org/hanse/v1#fileName": "b" * 100_000}
    item = draft.evidence_object(draft.DATASET, "application/ld+json", json.dumps(snapshot).encode())
    told = await objects(towns, agreement) | {draft.DATASET: item}
    monkeypatch.setattr(object_store, "objects", lambda *_: {name: told[name] for name in SIGNED})
    first = await towns.db.read("nachbardorf", agreements.signed, long)
    assert first[0].name == "b" * 100_000
    second = await towns.db.read("nachbardorf", agreements.signed, long)
    assert second == first
    assert second is not first
