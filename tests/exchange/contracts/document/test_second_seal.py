"""A second seal by ML-DSA-44 beside the first: made by each side, in both bundles while the trust list names its key.

What a peer sends as its second seal is judged with its first one and never stops a contract (T60).
"""

from pathlib import Path
from typing import Any

import pytest

from connector.exchange.contracts import object_store
from connector.exchange.contracts.document import sealing, second_seal
from connector.foundation.errors import Mistake
from connector.identity.participants import service
from connector.identity.trust.keys.signing import SoftwareKey, post_quantum
from connector.verify.bundle import verify_bundle
from connector.verify.checks.second_seal import ALG, LENGTH
from connector.verify.formats import jades
from connector.verify.formats.faults import Fault
from tests.exchange.contracts.second_seals import (
    GARBAGE,
    KINDS,
    MEMBER,
    TOWNS,
    able,
    evidence,
    keyed,
    members,
    refused,
    seconds,
)
from tests.fuzz.effort import in_turn
from tests.testkit.towns import Towns


@able
@pytest.mark.parametrize(("slug", "listed"), in_turn(TOWNS, [True, False]))
async def test_both_second_seals_are_in_both_bundles(towns: Towns, tmp_path: Path, slug: str, listed: bool) -> None:
    """>> both get the key, a contract is concluded << each bundle holds both second seals, and both are checked."""
    for town in TOWNS:
        await keyed(towns, town, listed=listed)
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    assert agreement.state == "finalized"
    service_, roots = await evidence(towns, tmp_path)
    bundle = await service_.bundle(slug, agreement.id)
    assert seconds(bundle) == {"provider.pq.jws", "consumer.pq.jws"}
    report = verify_bundle(bundle, roots, "en")
    assert report.verdict.name != "FAILED", report.reason
    shown = {check.name for check in report.checks if ALG in check.sentence}
    assert {"provider-pq", "consumer-pq"} <= shown
    assert await refused(towns, slug) == []


@able
async def test_a_key_that_the_list_does_not_name_spoils_no_bundle(towns: Towns, tmp_path: Path) -> None:
    """>> the list does not name the key (yet), or names another << the bundle goes without the second seal."""
    await towns.participants.rotate("musterstadt", "seal-pq")
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    for folder, named in (("a", False), ("b", True)):
        if named:
            await towns.participants.rotate("musterstadt", "seal-pq")
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "space").symlink_to(tmp_path / "space")
        service_, roots = await evidence(towns, tmp_path / folder, named=named, kept=False)
        bundle = await service_.bundle("musterstadt", agreement.id)
        assert not [name for name in members(bundle) if ".pq." in name]
        assert verify_bundle(bundle, roots, "en").verdict.name != "FAILED"


@able
def test_the_second_seal_covers_what_the_first_covers_without_a_certificate() -> None:
    references = [sealing.Reference("urn:x", b"{}", "application/json")]
    key = SoftwareKey.generate("seal-pq", "did:web:a.example")
    seal = jades.read_bare(sealing.sign_pq(references, key, 1_800_000_000), ALG, LENGTH)
    assert (seal.kid, seal.iat, seal.pars) == (key.kid, 1_800_000_000, ("urn:x",))
    jades.check_objects(seal, {"urn:x": b"{}"})


async def test_only_who_wants_it_gets_the_key(towns: Towns) -> None:
    """Off by default; with the setting new participants get it, where this installation can."""
    hosted = await towns.participants.get("musterstadt")
    assert "seal-pq" not in hosted.signers
    wanted = service.Participants(towns.db, towns.vault, "https://localhost:18443", None, pq=True)
    made = await wanted.add("drittdorf", "D", "municipality", "", None)
    assert ("seal-pq" in made.signers) is post_quantum()
    assert "seal-pq" not in str(made.document)


async def test_where_it_cannot_be_had_the_sentence_says_so(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "post_quantum", lambda: False)
    with pytest.raises(Mistake, match=r"signers\.no-pq"):
        await towns.participants.rotate("musterstadt", "seal-pq")


@pytest.mark.parametrize("odd", [b"", b"a..b", b"\xff", b"x" * 70_000])
def test_what_is_no_second_seal_is_left_out(odd: bytes) -> None:
    assert second_seal._vouched(odd, "", "") is False


@able
@pytest.mark.threat("T60")
@pytest.mark.parametrize(("slug", "garbage"), in_turn(TOWNS, GARBAGE))
async def test_a_second_seal_that_does_not_hold_is_recorded_and_stops_nothing(
    towns: Towns, tmp_path: Path, slug: str, garbage: str
) -> None:
    """>> one side's second seal is garbage on its way << FINALIZED, both first seals; its partner recorded it once."""
    bend, fault = GARBAGE[garbage]
    for town in TOWNS:
        await keyed(towns, town)
    role = TOWNS[slug]
    towns.wire.bend[KINDS[role]] = lambda message: message.__setitem__(MEMBER, bend(message[MEMBER]))
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    (partner,) = TOWNS.keys() - {slug}
    assert agreement.state == "finalized"
    assert await refused(towns, partner) == [{"secondSeal": "invalid", "of": role, "fault": fault}]
    assert await refused(towns, slug) == []
    for town in TOWNS:
        own = await towns.agreement(town, agreement.id)
        standing = await towns.db.read(town, towns.contracts.countersigning.standing, own)
        assert standing.second_invalid is (town == partner)
    service_, roots = await evidence(towns, tmp_path)
    bundle = await service_.bundle(partner, agreement.id)
    assert seconds(bundle) == {f"{TOWNS[partner]}.pq.jws"}
    assert verify_bundle(bundle, roots, "en").verdict.name != "FAILED"


@able
@pytest.mark.threat("T60")
async def test_a_second_seal_over_another_contract_is_refused(towns: Towns) -> None:
    """>> the provider sends the second seal of an earlier contract << refused: it covers other objects."""
    for town in TOWNS:
        await keyed(towns, town)
    earlier: list[str] = []

    def swap(message: dict[str, Any]) -> None:
        earlier.append(message[MEMBER])
        message[MEMBER] = earlier[0]

    towns.wire.bend[KINDS["provider"]] = swap
    assert (await towns.concluded("nachbardorf", "musterstadt")).state == "finalized"
    assert await refused(towns, "nachbardorf") == []
    assert (await towns.concluded("nachbardorf", "musterstadt")).state == "finalized"
    assert [one["fault"] for one in await refused(towns, "nachbardorf")] == ["seal-references"]


@able
async def test_a_peer_that_knows_nothing_of_it_is_unaffected(towns: Towns, tmp_path: Path) -> None:
    """>> only the provider has a key; the consumer drops the member << as ever, one second seal at the provider."""
    await keyed(towns, "musterstadt")
    towns.wire.bend[KINDS["provider"]] = lambda message: message.pop(MEMBER)
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    assert agreement.state == "finalized"
    service_, _ = await evidence(towns, tmp_path)
    assert seconds(await service_.bundle("musterstadt", agreement.id)) == {"provider.pq.jws"}
    assert seconds(await service_.bundle("nachbardorf", agreement.id)) == set()


@able
async def test_a_second_seal_beside_another_first_one_goes_into_no_bundle(towns: Towns, tmp_path: Path) -> None:
    """Past bug: after a late countersignature the second seal of the earlier one made the whole bundle fail."""
    for town in TOWNS:
        await keyed(towns, town)
    earlier, later = [await towns.concluded("nachbardorf", "musterstadt") for _ in range(2)]
    service_, _ = await evidence(towns, tmp_path)
    listed = service_._trust_list("", ())
    kept = await towns.db.read("nachbardorf", object_store.objects, "nachbardorf", earlier.negotiation)
    objects = {name: item.body for name, item in kept.items()}
    firsts: dict[second_seal.Side, str | None] = {"provider": earlier.provider_jws, "consumer": earlier.consumer_jws}
    assert set(second_seal.members(objects, firsts, listed, {})) == {"provider.pq.jws", "consumer.pq.jws"}
    mixed = firsts | {"consumer": later.consumer_jws}
    assert set(second_seal.members(objects, mixed, listed, {})) == {"provider.pq.jws"}


@able
def test_a_second_seal_is_its_senders_and_covers_everything() -> None:
    key = SoftwareKey.generate("seal-pq", "did:web:a.example")
    right, changed = ([sealing.Reference("urn:x", body, "application/json")] for body in (b"{}", b"[]"))
    jws = sealing.sign_pq(right, key, 1_800_000_000).encode()
    second_seal.check(jws, right, "did:web:a.example", 1_800_000_000, [key.public_jwk])
    for references, did, fault in (
        (changed, "did:web:a.example", "object-changed"),
        ([*right, *changed], "did:web:a.example", "seal-references"),
        (right, "did:web:b.example", "seal-foreign"),
    ):
        with pytest.raises(Fault, match=fault):
            second_seal.check(jws, references, did, 1_800_000_000, [key.public_jwk])
