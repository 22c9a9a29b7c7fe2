"""A second seal by ML-DSA-44 beside the first: made by each side, in its bundle while the trust list names the key."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from msgspec.structs import replace

from connector.contracts import second_seal, signing
from connector.contracts.evidence import Evidence
from connector.errors import Mistake
from connector.participants import service
from connector.testing.towns import Towns
from connector.trust.anchors import next_list
from connector.trust.authority import Authority
from connector.trust.development import entry
from connector.trust.keys import SoftwareKey, post_quantum
from connector.trust.roots import roots_pem
from connector.verify import jades
from connector.verify.bundle import verify_bundle
from connector.verify.postquantum import ALG, LENGTH

TOWNS = {"musterstadt": "provider", "nachbardorf": "consumer"}
able = pytest.mark.skipif(not post_quantum(), reason="this cryptography has no ML-DSA-44")


async def evidence(towns: Towns, folder: Path, *, named: bool = True) -> tuple[Evidence, bytes]:
    """The service with a trust list that names both towns' keys, or not their second seal keys."""
    authority = Authority.create(folder / "authority.jwk.enc", towns.vault)
    entries = []
    for hosted in await towns.participants.all():
        listed = entry(
            did=hosted.participant.did, name=hosted.participant.name, operator="", kind=hosted.participant.kind,
            valid_from="2020-01-01T00:00:00Z", keys=hosted.keys,
        )  # fmt: skip
        entries.append(listed if named else replace(listed, seal_key_pq=None))
    issued = authority.issue(
        next_list(None, authority=authority.id, now=towns.clock.now(), life_ms=10**9, participants=tuple(entries))
    )
    pem = (folder / "space" / "certs" / "seal-ca.pem").read_text()
    roots = roots_pem([pem], authority.public_jwk).encode()
    return Evidence(towns.db, towns.clock, towns.participants, lambda: issued), roots


def members(bundle: bytes) -> set[str]:
    with zipfile.ZipFile(BytesIO(bundle)) as archive:
        return set(archive.namelist())


@able
@pytest.mark.parametrize("slug", TOWNS)
async def test_each_side_has_its_second_seal_in_its_bundle(towns: Towns, tmp_path: Path, slug: str) -> None:
    """>> both get the key, a contract is concluded << the verifier checks that party's second seal."""
    for town in TOWNS:
        await towns.participants.rotate(town, "seal-pq")
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    service_, roots = await evidence(towns, tmp_path)
    bundle = await service_.bundle(slug, agreement.id)
    assert {name for name in members(bundle) if ".pq." in name} == {f"{TOWNS[slug]}.pq.jws"}
    report = verify_bundle(bundle, roots, "en")
    assert report.verdict.name != "FAILED", report.reason
    assert any(check.name == f"{TOWNS[slug]}-pq" and ALG in check.sentence for check in report.checks)


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
        service_, roots = await evidence(towns, tmp_path / folder, named=named)
        bundle = await service_.bundle("musterstadt", agreement.id)
        assert not [name for name in members(bundle) if ".pq." in name]
        assert verify_bundle(bundle, roots, "en").verdict.name != "FAILED"


@able
def test_the_second_seal_covers_what_the_first_covers_without_a_certificate() -> None:
    references = [signing.Reference("urn:x", b"{}", "application/json")]
    key = SoftwareKey.generate("seal-pq", "did:web:a.example")
    seal = jades.read_bare(signing.sign_pq(references, key, 1_800_000_000), ALG, LENGTH)
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
    assert second_seal._vouched(odd, "") is False
