"""A stolen key: it leaves the DID document, a new one takes its place, the log says when (spec/contracts.md 5.3)."""

import asyncio
import json
from pathlib import Path

import pytest
from cryptography import x509

from connector.exchange.contracts.agreement.agreements import sealer
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake
from connector.identity.participants.service import NOWHERE, Participants
from connector.identity.trust.keys.signing import Purpose
from connector.identity.trust.members.entries import entry
from connector.identity.trust.signers.port import Asked, Place
from connector.verify.bundle import verify_bundle
from connector.verify.checks.records import KEY
from tests.exchange.contracts.auditor import auditor
from tests.identity.trust.signers.keepers import KEYS, authority, digest_signature
from tests.testkit.cities import MUNICIPALITY
from tests.testkit.towns import BASE, Towns
from tests.verify.judge import named

SLUG = "musterstadt"


async def bodies(towns: Towns) -> list[dict[str, str]]:
    rows = await towns.rows(
        SLUG, "SELECT record FROM audit_entry WHERE participant = :participant AND type = :type ORDER BY id", type=KEY
    )
    return [json.loads(bytes(row["record"]))["body"] for row in rows]


def later(towns: Towns) -> int:
    """In whole seconds, after everything that was made until now; the clock of the database has passed it."""
    return (towns.clock.now() // 1000 + 1) * 1000


async def passed(towns: Towns, moment: int) -> None:
    while towns.clock.now() <= moment:
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("purpose", ["seal", "peer"])
async def test_a_stolen_key_leaves_and_a_new_one_takes_its_place(towns: Towns, purpose: Purpose) -> None:
    """>> revoke << one transaction: removed from document and relations, a new key with certificate, a key event."""
    before, since = await towns.participants.get(SLUG), later(towns)
    await passed(towns, since)
    after = await towns.participants.revoke(SLUG, purpose, since, "Rechner gestohlen")
    old, new = before.signers[purpose].kid, after.signers[purpose].kid
    assert old != new
    assert old not in json.dumps(after.document)
    assert new in json.dumps(after.document)
    assert sealer(after).chain
    told = (await bodies(towns))[-1]
    assert told.pop("document")
    assert told == {"event": "key-revoked", "kid": old, "from": rfc3339(since), "reason": "Rechner gestohlen"}
    listed = entry(did="d", name="", operator="", kind="", valid_from="", keys=after.keys)
    assert new.partition("#")[2] in listed.keys, "partners of a development space need not stop"
    assert old.partition("#")[2] not in listed.keys


async def test_a_stolen_log_key_stays_listed_for_the_states_it_signed(towns: Towns) -> None:
    before, since = await towns.participants.get(SLUG), later(towns)
    await passed(towns, since)
    after = await towns.participants.revoke(SLUG, "log", since, "weg")
    states = {key.kid: key.state for key in after.keys if key.purpose == "log"}
    assert states == {before.signers["log"].kid: "verify-only", after.signers["log"].kid: "active"}


async def test_the_same_call_twice_does_not_withdraw_the_new_key(towns: Towns) -> None:
    """>> four times at once, then again << one key event, one key in use."""
    since = later(towns)
    await passed(towns, since)
    calls = [towns.participants.revoke(SLUG, "seal", since, "weg") for _ in range(4)]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, Mistake) for one in found) == 3
    with pytest.raises(Mistake, match=r"participants\.key-younger"):
        await towns.participants.revoke(SLUG, "seal", since, "weg")
    assert [body["event"] for body in await bodies(towns)] == ["created", "key-revoked"]
    hosted = await towns.participants.get(SLUG)
    assert [key.state for key in hosted.keys if key.purpose == "seal"] == ["active"]


async def test_a_retired_key_is_revoked_by_its_name_alone(towns: Towns) -> None:
    """The key in use stays; another's key, another purpose, another time are refused."""
    before = await towns.participants.get(SLUG)
    rotated = await towns.participants.rotate(SLUG, "seal")
    revoke, kid, since = towns.participants.revoke, before.seal.kid, towns.clock.now() - 86_400_000
    foreign = (await towns.participants.get("nachbardorf")).seal.kid
    for purpose, key in (("seal", foreign), ("peer", kid), ("seal", "nonsense")):
        with pytest.raises(Mistake, match=r"participants\.no-key"):
            await revoke(SLUG, purpose, since, "weg", key)  # type: ignore[arg-type]
    for wrong in (0, -1, towns.clock.now() + 3_600_000):
        with pytest.raises(Mistake, match=r"participants\.since-when"):
            await revoke(SLUG, "seal", wrong, "weg", kid)
    after = await revoke(SLUG, "seal", since, "weg", kid)
    assert after.seal.kid == rotated.seal.kid
    assert kid not in json.dumps(after.document)


async def test_a_revoked_key_is_not_adopted_again(towns: Towns) -> None:
    """It is no longer among the keys that are read: adopting it used to end in a broken insert."""

    async def keep(asked: Asked) -> list[bytes]:
        return [digest_signature(KEYS["ES256"], asked.digest)]

    towns.keepers["csc"] = keep
    place, chain = Place(signer="csc", key="k"), authority().chain(KEYS["ES256"])
    kid = (await towns.participants.adopt(SLUG, chain, place)).seal.kid
    after = await towns.participants.revoke(SLUG, "seal", towns.clock.now() - 60_000, "weg", kid)
    assert (after.signer, after.chain) == ("file", ()), "nobody seals with a weaker key by the way"
    with pytest.raises(Mistake, match=r"contracts\.no-certificate"):
        sealer(after)
    with pytest.raises(Mistake, match=r"signers\.retired-key"):
        await towns.participants.adopt(SLUG, chain, place)


async def test_without_a_seal_authority_the_request_leads_to_a_certificate(towns: Towns) -> None:
    """>> revoke, csr, seal << the request is the new key's; its certificate is taken."""
    other = Participants(towns.db, towns.vault, BASE, None, NOWHERE)
    hosted = await other.add("drittdorf", "Drittdorf", MUNICIPALITY, "", None)
    found = x509.load_pem_x509_csr((await other.certificate_request("drittdorf")).encode())

    class Held:
        def public_key(self) -> object:
            return found.public_key()

    chain = authority().chain(Held(), did=hosted.participant.did)  # type: ignore[arg-type]
    assert (await other.adopt("drittdorf", chain, None)).chain


@pytest.mark.parametrize("stolen", [False, True])
async def test_an_auditor_learns_of_it(towns: Towns, tmp_path: Path, stolen: bool) -> None:
    """>> bundle after the revocation << sealed before: only a time that others prove is open. Since before: FAILED."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    kid, since = (await towns.participants.get(SLUG)).seal.kid, later(towns)
    await passed(towns, since)
    since = since - 86_400_000 if stolen else since
    await towns.participants.revoke(SLUG, "seal", since, "weg", kid)
    evidence, roots = await auditor(towns, tmp_path)
    report = verify_bundle(await evidence.bundle(SLUG, agreement.id), roots, "de")
    if stolen:
        assert named(report) == ("revocation", "key-revoked")
    else:
        assert (report.verdict.name, set(report.doubts)) == ("INDETERMINATE", {"revocation", "time"}), report.reason
