"""A second seal by ML-DSA-44 beside the first: made by each side, in both bundles while the trust list names its key.

What a peer sends as its second seal is judged with its first one and never stops a contract (T60).
"""

import json
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connector.contracts import store
from connector.contracts.document import sealing, second_seal
from connector.contracts.evidence.service import Evidence
from connector.errors import Mistake
from connector.participants import service
from connector.protocol.messages import HANSE
from connector.trust.development.space import continued, entry
from connector.trust.keys.signing import KeyRecord, SoftwareKey, post_quantum
from connector.trust.members.authority import Authority
from connector.trust.members.roots import roots_pem
from connector.trust.members.trust_list import next_list
from connector.verify.bundle import verify_bundle
from connector.verify.checks.second_seal import ALG, LENGTH
from connector.verify.formats import base64url, jades
from connector.verify.formats.faults import Fault
from tests.testkit.towns import Towns

TOWNS = {"musterstadt": "provider", "nachbardorf": "consumer"}
able = pytest.mark.skipif(not post_quantum(), reason="this cryptography has no ML-DSA-44")


async def evidence(
    towns: Towns, folder: Path, *, named: bool = True, kept: bool = True,
    before: Mapping[str, tuple[KeyRecord, ...]] | None = None, now: int = 0,
) -> tuple[Evidence, bytes]:  # fmt: skip
    """The service with a trust list that names both towns' keys, or not their second seal keys, or (`kept`) not the
    former ones. `before`: it follows one of these keys, at `now` (ms)."""
    authority = Authority.create(folder / "authority.jwk.enc", towns.vault)
    entries = []
    for hosted in await towns.participants.all():
        listed = entry(
            did=hosted.participant.did, name=hosted.participant.name, operator="", kind=hosted.participant.kind,
            valid_from="2020-01-01T00:00:00Z", keys=hosted.keys,
        )  # fmt: skip
        if before is not None:
            earlier = replace(listed, former_seal_keys_pq=(), seal_key_pq=_present(before[hosted.participant.did]))
            listed = continued(earlier, listed, listed.valid_from, now)
        former = listed.former_seal_keys_pq if kept else ()
        entries.append(replace(listed, former_seal_keys_pq=former, **({} if named else {"seal_key_pq": None})))
    issued = authority.issue(
        next_list(None, authority=authority.id, now=towns.clock.now(), life_ms=10**9, participants=tuple(entries))
    )
    pem = (folder / "space" / "certs" / "seal-ca.pem").read_text()
    roots = roots_pem([pem], authority.public_jwk).encode()
    return Evidence(towns.db, towns.clock, towns.participants, lambda: issued), roots


def _present(keys: tuple[KeyRecord, ...]) -> dict[str, str]:
    return next(dict(key.public_jwk) for key in keys if (key.purpose, key.state) == ("seal-pq", "active"))


def members(bundle: bytes) -> set[str]:
    with zipfile.ZipFile(BytesIO(bundle)) as archive:
        return set(archive.namelist())


def seconds(bundle: bytes) -> set[str]:
    return {name for name in members(bundle) if ".pq." in name}


async def keyed(towns: Towns, slug: str, *, listed: bool = True) -> None:
    """The town gets a key for second seals; `listed`: its partners' trust list names it already."""
    hosted = await towns.participants.rotate(slug, "seal-pq")
    if listed:
        towns.second_keys[hosted.participant.did] = hosted.signers["seal-pq"].public_jwk


async def refused(towns: Towns, slug: str) -> list[dict[str, Any]]:
    """What the log of a town says of second seals that do not hold."""
    rows = await towns.rows(slug, "SELECT record FROM audit_entry WHERE participant = :participant ORDER BY id")
    bodies = [json.loads(row["record"])["body"] for row in rows if row["record"] is not None]
    return [{name: body[name] for name in ("of", "secondSeal", "fault")} for body in bodies if "secondSeal" in body]


@able
@pytest.mark.parametrize("slug", TOWNS)
@pytest.mark.parametrize("listed", [True, False], ids=["listed at once", "listed later"])
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


MEMBER = HANSE + "agreementSignaturePq"
KINDS = {"provider": "ContractAgreementMessage", "consumer": "ContractAgreementVerificationMessage"}


def flipped(jws: str) -> str:
    """Its signature with one bit changed."""
    head, _, tail = jws.rpartition(".")
    signature = bytearray(base64url.decode(tail))
    signature[100] ^= 1
    return f"{head}.{base64url.encode(bytes(signature))}"


GARBAGE: dict[str, tuple[Callable[[str], object], str]] = {
    "no string": (lambda jws: {"jws": jws}, "seal-form"),
    "a number": (lambda jws: 7, "seal-form"),
    "empty": (lambda jws: "", "seal-form"),
    "words": (lambda jws: "Guten Tag", "seal-form"),
    "lone surrogates and umlauts": (lambda jws: "ä" * 40, "seal-form"),
    "huge": (lambda jws: "A" * 60_000, "seal-form"),
    "deep": (lambda jws: f"{base64url.encode(b'[' * 3000)}..AAAA", "seal-form"),
    "one bit flipped": (flipped, "seal-signature"),
}


@able
@pytest.mark.threat("T60")
@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("slug", TOWNS)
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
    listed = service_._trust_list()
    kept = await towns.db.read("nachbardorf", store.objects, "nachbardorf", earlier.negotiation)
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
