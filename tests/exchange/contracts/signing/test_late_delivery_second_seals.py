"""A countersignature that comes late brings its second seal: fetched, judged, kept, and named in the further record.

Whoever does not know the header overlooks it; what is wrong with the second seal never stops the first (T60).
"""

from pathlib import Path
from typing import Any

import pytest

from connector.exchange.contracts import object_store
from connector.exchange.contracts.model import Agreement
from connector.exchange.reconciliation.compare import compare
from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http.outbound import Answer
from connector.verify.bundle import verify_bundle
from tests.exchange.contracts.late import Broken, broken, hand_in, order, records, states, waiting
from tests.exchange.contracts.second_seals import TOWNS, able, accounted, evidence, kept, keyed, refused, said, seconds
from tests.fuzz.effort import one_in
from tests.testkit.towns import Towns

pytestmark = able


async def both_keyed(towns: Towns) -> None:
    for town in TOWNS:
        await keyed(towns, town)


async def agreement_of(towns: Towns, found: Broken) -> Agreement:
    return await towns.agreement("nachbardorf", found.agreement)


async def judged(towns: Towns, folder: Path, found: Broken) -> dict[str, set[str]]:
    """The second seals in each bundle, none of which fails."""
    service, roots = await evidence(towns, folder)
    inside = {}
    for slug in TOWNS:
        bundle = await service.bundle(slug, found.agreement)
        report = verify_bundle(bundle, roots, "en")
        assert report.verdict.name != "FAILED", report.reason
        assert [note for note in report.notes if "ML-DSA-44" in note and "none is here" not in note] == []
        inside[slug] = seconds(bundle)
    return inside


@pytest.mark.parametrize("wish", ["preferred", "required"])
async def test_both_bundles_and_both_logs_have_it(towns: Towns, tmp_path: Path, wish: str) -> None:
    """<< the first one does not hold >> signed late << one digest in both logs, both second seals in both bundles."""
    await both_keyed(towns)
    found = await broken(towns, countersignature=wish)
    if wish == "preferred":
        assert [[set(one) for one in await said(towns, slug)] for slug in TOWNS] == [[{"providerPq"}]] * 2
    await order(towns, found)
    await towns.run()
    assert await states(towns, found) == ("finalized", "finalized")
    whole = await kept(towns, "nachbardorf", await agreement_of(towns, found))
    assert [(await said(towns, slug))[-1] for slug in TOWNS] == [whole, whole]
    assert set(whole) == {"providerPq", "consumerPq"}
    assert await judged(towns, tmp_path, found) == {slug: {"provider.pq.jws", "consumer.pq.jws"} for slug in TOWNS}
    assert [await refused(towns, slug) for slug in TOWNS] == [[], []]


async def test_bug_the_consumers_bundle_failed_after_a_late_countersignature(towns: Towns, tmp_path: Path) -> None:
    """Its first record named the countersignature that the provider had not taken, the next one another: "a later
    record puts another version in the place of the first". With and without second seals."""
    found = await broken(towns)
    bodies = [one["body"]["consumerJws"] for one in await records(towns, "nachbardorf", "agreement")]
    assert bodies == [None], "it is no part of the contract before the provider takes it"
    service, roots = await evidence(towns, tmp_path)
    report = verify_bundle(await service.bundle("nachbardorf", found.agreement), roots, "en")
    assert report.first_failed is None, report.reason
    assert "consumer-seal" in report.doubts
    await order(towns, found)
    await towns.run()
    report = verify_bundle(await service.bundle("nachbardorf", found.agreement), roots, "en")
    assert report.first_failed is None, report.reason
    assert report.doubts == ("time",)


async def test_both_logs_agree_while_a_countersignature_is_lost(towns: Towns) -> None:
    """Past bug: the comparison of the logs accused the partner of hiding a seal that it had never taken."""
    found = await broken(towns)
    accounts = [await accounted(towns, slug) for slug in TOWNS]
    assert compare(*accounts, "provider", towns.clock.now()) == ()
    del found


async def test_a_provider_that_does_not_know_the_header(towns: Towns, tmp_path: Path) -> None:
    """An older version: it takes the countersignature as ever, and its log and ours do not accuse each other."""
    await both_keyed(towns)
    found = await broken(towns)
    deliver = towns.wire.hand_in

    async def older(slug: str, did: str, url: str, seal: bytes, second: str = "") -> Answer:
        assert second
        return await deliver(slug, did, url, seal)

    towns.late_delivery._post = older
    await order(towns, found)
    await towns.run()
    assert await states(towns, found) == ("finalized", "finalized")
    assert [set((await said(towns, slug))[-1]) for slug in TOWNS] == [{"providerPq"}, {"providerPq", "consumerPq"}]
    inside = await judged(towns, tmp_path, found)
    assert inside == {"musterstadt": {"provider.pq.jws"}, "nachbardorf": {"provider.pq.jws", "consumer.pq.jws"}}
    assert await refused(towns, "musterstadt") == [], "what came with another countersignature accuses nobody"
    accounts = [await accounted(towns, slug) for slug in TOWNS]
    assert compare(*accounts, "provider", towns.clock.now()) == ()


async def test_without_such_a_key_nothing_is_said_of_it(towns: Towns, tmp_path: Path) -> None:
    """A consumer without a key: the request is as it was, and so are the records."""
    await keyed(towns, "musterstadt")
    found = await broken(towns)
    sent: list[tuple[Any, ...]] = []
    deliver = towns.wire.hand_in

    async def noting(*args: Any) -> Answer:
        sent.append(args)
        return await deliver(*args)

    towns.late_delivery._post = noting
    await order(towns, found)
    await towns.run()
    assert [len(one) for one in sent] == [4]
    assert [set((await said(towns, slug))[-1]) for slug in TOWNS] == [{"providerPq"}] * 2
    assert await judged(towns, tmp_path, found) == {slug: {"provider.pq.jws"} for slug in TOWNS}


async def test_the_second_seal_of_the_message_serves_the_same_countersignature(towns: Towns, tmp_path: Path) -> None:
    """>> the first got lost, its second one came; the first comes late without a header << they belong together."""
    await both_keyed(towns)
    found = await waiting(towns, countersignature="preferred")
    await hand_in(towns, found)
    agreement = await towns.agreement("musterstadt", found.agreement)
    assert agreement.state == "finalized"
    assert (await said(towns, "musterstadt"))[-1] == await kept(towns, "musterstadt", agreement)
    assert set((await said(towns, "musterstadt"))[-1]) == {"providerPq", "consumerPq"}


async def handed_over(towns: Towns, found: Any, second: str) -> None:
    """The countersignature that got lost comes late, and the header says this."""
    url = f"https://localhost:18443/musterstadt/evidence/{found.agreement[9:]}/countersignature"
    await towns.late("nachbardorf", towns.did("musterstadt"), url, found.seal, second)


ODD = ["7", "true", "A" * 1_000_000, "A" * 64, "f" * 64, "../../x", "\u00e4", "{}", "eyJ..AAAA"]


@pytest.mark.threat("T60")
@pytest.mark.parametrize("odd", one_in(4, ODD), ids=[one[:8] or "none" for one in ODD])
async def test_whatever_the_header_says_the_first_seal_is_taken(towns: Towns, odd: str) -> None:
    """>> no digest, one that nothing lies under, a megabyte << recorded once, not kept as a seal; finalized."""
    await both_keyed(towns)
    towns.wire.bend["ContractAgreementMessage"] = lambda message: None
    found = await waiting(towns, countersignature="preferred")
    await handed_over(towns, found, odd)
    assert (await towns.agreement("musterstadt", found.agreement)).state == "finalized"
    assert [one["fault"] for one in await refused(towns, "musterstadt")] == ["seal-form"]
    assert set((await said(towns, "musterstadt"))[-1]) == {"providerPq"}
    assert set(await kept(towns, "musterstadt", await towns.agreement("nachbardorf", found.agreement))) == {
        "providerPq"
    }


@pytest.mark.threat("T60")
@pytest.mark.parametrize(
    "served", [b"", b"Guten Tag", b"\xff" * 1_000_000, b"7"], ids=["nothing", "words", "1 MB", "7"]
)
async def test_whatever_lies_under_the_digest(towns: Towns, served: bytes) -> None:
    """>> other bytes than the digest says << recorded; the contract is whole without it."""
    await both_keyed(towns)
    found = await broken(towns)
    deliver = towns.wire.hand_in

    async def serving(slug: str, did: str, url: str, seal: bytes, second: str) -> Answer:
        towns.wire.objects[second] = served
        return await deliver(slug, did, url, seal, second)

    towns.late_delivery._post = serving
    await order(towns, found)
    await towns.run()
    assert await states(towns, found) == ("finalized", "finalized")
    assert [one["fault"] for one in await refused(towns, "musterstadt")] == ["seal-form"]
    assert set((await said(towns, "musterstadt"))[-1]) == {"providerPq"}
    standing = await towns.db.read(
        "musterstadt", towns.contracts.countersigning.standing, await towns.agreement("musterstadt", found.agreement)
    )
    assert standing.second_invalid


@pytest.mark.threat("T60")
async def test_a_second_seal_that_holds_under_the_digest_of_another(towns: Towns) -> None:
    """>> a good second seal, but the consumer said another digest << recorded, not kept: the log of either side would
    name one that the other does not have."""
    await both_keyed(towns)
    found = await broken(towns)
    deliver = towns.wire.hand_in

    async def exchanging(slug: str, did: str, url: str, seal: bytes, second: str) -> Answer:
        kept = await towns.db.read(slug, object_store.known_object, slug, second)
        assert kept is not None
        towns.wire.objects["f" * 64] = kept.body
        return await deliver(slug, did, url, seal, "f" * 64)

    towns.late_delivery._post = exchanging
    await order(towns, found)
    await towns.run()
    assert await states(towns, found) == ("finalized", "finalized")
    assert [one["fault"] for one in await refused(towns, "musterstadt")] == ["seal-form"]
    assert set((await said(towns, "musterstadt"))[-1]) == {"providerPq"}


@pytest.mark.threat("T60")
async def test_the_second_seal_of_another_contract(towns: Towns, tmp_path: Path) -> None:
    """>> late, with the second seal that the consumer made for another contract << refused, and the first is taken."""
    await both_keyed(towns)
    other = await towns.concluded("nachbardorf", "musterstadt")
    foreign = (await kept(towns, "nachbardorf", other))["consumerPq"]
    found = await waiting(towns, countersignature="preferred")
    await handed_over(towns, found, foreign)
    assert (await towns.agreement("musterstadt", found.agreement)).state == "finalized"
    assert [one["fault"] for one in await refused(towns, "musterstadt")] == ["seal-references"]
    service, roots = await evidence(towns, tmp_path)
    bundle = await service.bundle("musterstadt", found.agreement)
    assert seconds(bundle) == {"provider.pq.jws"}
    assert verify_bundle(bundle, roots, "en").verdict.name != "FAILED"


@pytest.mark.threat("T60")
async def test_without_a_good_first_seal_nothing_is_fetched(towns: Towns) -> None:
    """>> a countersignature that does not hold, with a header << refused as ever; no claim, no record about it."""
    await both_keyed(towns)
    found = await waiting(towns, countersignature="preferred")
    asked = len(towns.wire.sent)
    for _ in range(3):
        with pytest.raises(PeerError, match=r"countersignature-invalid"):
            await handed_over(towns, found._replace(seal="a..b"), "f" * 64)
    assert (len(towns.wire.sent), await refused(towns, "musterstadt")) == (asked, [])


async def test_a_consumer_that_cannot_be_asked_now_is_asked_again(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> late; the process dies, or the second seal cannot be fetched << nothing is booked; again: all of it is."""
    await both_keyed(towns)
    found = await broken(towns)
    fetch = towns.wire.fetch

    async def away(*args: Any) -> bytes:
        raise Unavailable("http.unreachable")

    towns.wire.fetch = away  # type: ignore[method-assign]
    await order(towns, found)
    await towns.run()
    assert await states(towns, found) == ("one-sided", "one-sided")
    towns.wire.fetch = fetch  # type: ignore[method-assign]

    def died(*args: Any) -> None:
        raise Unavailable("storage.unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(towns.contracts.countersigning, "arrived", died)
        await towns.hurry()
    assert await states(towns, found) == ("one-sided", "one-sided")
    await towns.hurry()
    assert await states(towns, found) == ("finalized", "finalized")
    whole = await kept(towns, "musterstadt", await agreement_of(towns, found))
    assert [(await said(towns, slug))[-1] for slug in TOWNS] == [whole, whole]
    assert set(whole) == {"providerPq", "consumerPq"}
    assert [len(await said(towns, slug)) for slug in TOWNS] == [2, 2]


async def test_until_it_is_taken_the_earlier_one_stays(towns: Towns) -> None:
    """>> signed late, refused by the provider << nothing of ours has changed; the earlier second seal is not gone."""
    await both_keyed(towns)
    found = await broken(towns)
    before = await kept(towns, "nachbardorf", await agreement_of(towns, found))
    towns.wire.answers = [Answer(409, {}, b"{}")]
    await order(towns, found)
    await towns.run()
    assert await states(towns, found) == ("one-sided", "one-sided")
    assert await kept(towns, "nachbardorf", await agreement_of(towns, found)) == before


async def test_a_further_record_makes_no_late_seal_younger(towns: Towns) -> None:
    """>> countersigned late, its second seal not listed yet, listed later << no third record: by it the consumer's
    first seal would have to be judged at a later time than its own."""
    for town in TOWNS:
        await keyed(towns, town, listed=False)
    found = await broken(towns)
    await order(towns, found)
    await towns.run()
    assert [len(await said(towns, slug)) for slug in TOWNS] == [2, 2]
    for town in TOWNS:
        hosted = await towns.participants.get(town)
        towns.second_keys[hosted.participant.did] = hosted.signers["seal-pq"].public_jwk
    for slug in TOWNS:
        case = await towns.agreement(slug, found.agreement)
        await towns.db.write(slug, towns.contracts.agreements.records.second_sealed, slug, case.negotiation)
    assert [len(await said(towns, slug)) for slug in TOWNS] == [2, 2]
