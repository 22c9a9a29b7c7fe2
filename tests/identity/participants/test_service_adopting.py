"""Who seals for a participant: a certificate is taken over only with a key that seals now (T48)."""

import asyncio
import json
from collections.abc import Sequence

import pytest
from cryptography.x509 import load_pem_x509_certificate

from connector.exchange.contracts.agreement.agreements import sealer
from connector.foundation.errors import Mistake, Unavailable
from connector.identity.audit.entry import digest
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.did.did import Did
from connector.identity.trust.did.documents import read_document
from connector.identity.trust.signers.port import Asked, Place
from connector.identity.trust.signers.registry import SignerRegistry
from connector.verify.formats import jcs, key_binding
from tests.identity.trust.signers.keepers import ALGS, KEYS, authority, digest_signature, made
from tests.testkit.patience import PATIENCE_S
from tests.testkit.towns import BASE, Towns

SLUG = "musterstadt"
CA = authority()
PLACE = Place(signer="csc", key="credential-7")
pytestmark = pytest.mark.threat("T48")


async def keep(asked: Asked) -> Sequence[bytes]:
    """Signs with the key that fits the algorithm."""
    return [digest_signature(KEYS[asked.scheme.alg], asked.digest)]


@pytest.fixture
def participants(towns: Towns) -> Participants:
    towns.keepers["csc"] = keep
    return towns.participants


async def events(towns: Towns) -> list[str]:
    rows = await towns.rows(
        SLUG, "SELECT record FROM audit_entry WHERE participant = :participant AND type = 'key' ORDER BY id"
    )
    return [json.loads(bytes(row["record"]))["body"]["event"] for row in rows]


def level(hosted: Hosted, listed: Sequence[str] = ()) -> str:
    leaf = load_pem_x509_certificate(pem_of(hosted).encode())
    return key_binding.check(leaf, hosted.seal.kid, did=hosted.participant.did, document=hosted.document, listed=listed)


def pem_of(hosted: Hosted) -> str:
    return next(key.certificate or "" for key in hosted.keys if key.kid == hosted.seal.kid)


@pytest.mark.on_both
@pytest.mark.parametrize("alg", ALGS)
async def test_the_document_names_the_key_of_the_certificate(
    towns: Towns, participants: Participants, alg: str
) -> None:
    """>> adopt << it seals, stands under assertionMethod as others read it, the old one stays; a key event says so."""
    before = await participants.get(SLUG)
    hosted = await participants.adopt(SLUG, CA.chain(KEYS[alg]), PLACE)
    assert (hosted.signer, hosted.seal.alg, len(hosted.chain)) == ("csc", alg, 2)
    assert sealer(hosted).key is hosted.seal
    did = Did(hosted.participant.did)
    document = read_document(did, json.loads(json.dumps(hosted.document)))
    assert document.key(hosted.seal.kid, "assertionMethod")["alg"] == alg
    assert document.key(before.seal.kid, "assertionMethod")
    states = {key.kid: key.state for key in hosted.keys}
    assert (states[before.seal.kid], states[hosted.seal.kid]) == ("verify-only", "active")
    assert await events(towns) == ["created", "rotated seal"]
    kept = await towns.rows(SLUG, "SELECT sha256 FROM object WHERE participant = :participant")
    assert digest(jcs.encode(hosted.document)) in {row["sha256"] for row in kept}
    leaf = load_pem_x509_certificate(pem_of(hosted).encode())
    assert level(hosted, [key_binding.fingerprint(leaf)]) == "L2"


async def test_a_new_process_finds_the_key_where_it_lies(towns: Towns, participants: Participants) -> None:
    """>> restart without any access to the keeper << it starts; only the seal is not to be had."""
    adopted = await participants.adopt(SLUG, CA.chain(KEYS["ES256"]), PLACE)
    again = Participants(towns.db, towns.vault, BASE, None, SignerRegistry({"csc": keep}, 1.0))
    hosted = await again.get(SLUG)
    assert (hosted.seal.kid, hosted.place) == (adopted.seal.kid, PLACE)
    assert "seal" not in hosted.signers
    assert await hosted.seal.seal(b"header.")


@pytest.mark.on_both
async def test_another_replica_learns_who_seals(towns: Towns, participants: Participants) -> None:
    other = Participants(towns.db, towns.vault, BASE, None, SignerRegistry({"csc": keep}, 1.0))
    await other.all()
    adopted = await participants.adopt(SLUG, CA.chain(KEYS["ES256"]), PLACE)
    async with asyncio.timeout(PATIENCE_S):
        while (await other.get(SLUG)).seal.kid != adopted.seal.kid:
            await asyncio.sleep(0.02)


async def test_what_seals_nothing_now_is_not_taken(towns: Towns, participants: Participants) -> None:
    """>> keeper with another key, or away << Unavailable; the town goes on sealing as before."""
    before = await participants.get(SLUG)
    with pytest.raises(Unavailable, match=r"signers\.wrong-signature"):
        await participants.adopt(SLUG, CA.chain(made("ES256")), PLACE)

    async def away(asked: Asked) -> Sequence[bytes]:
        raise Unavailable("signers.too-slow", signer="csc")

    towns.keepers["csc"] = away
    with pytest.raises(Unavailable, match=r"signers\.too-slow"):
        await participants.adopt(SLUG, CA.chain(KEYS["ES256"]), PLACE)
    assert (await participants.get(SLUG)).seal.kid == before.seal.kid
    assert await events(towns) == ["created"]


@pytest.mark.on_both
async def test_a_certificate_for_the_key_that_we_have(towns: Towns, participants: Participants) -> None:
    """>> a chain for our own seal key << same key, new certificate, the event says so; another key's is refused."""
    before = await participants.get(SLUG)
    own = before.signers["seal"]
    public = own.public_key()

    class Held:
        def public_key(self) -> object:
            return public

    chain = CA.chain(Held(), did=before.participant.did)  # type: ignore[arg-type]
    hosted = await participants.adopt(SLUG, chain, None)
    assert (hosted.seal.kid, hosted.signer, hosted.chain != before.chain) == (own.kid, "file", True)
    assert level(hosted) == "L1"
    assert await events(towns) == ["created", "certificate seal"]
    with pytest.raises(Mistake, match=r"signers\.other-key"):
        await participants.adopt(SLUG, CA.chain(KEYS["ES256"]), None)


async def test_a_renewed_certificate_keeps_the_key(towns: Towns, participants: Participants) -> None:
    first = await participants.adopt(SLUG, CA.chain(KEYS["ES256"]), PLACE)
    moved = Place(signer="csc", key="credential-8")
    second = await participants.adopt(SLUG, CA.chain(KEYS["ES256"]), moved)
    assert second.seal.kid == first.seal.kid
    assert second.chain[0] != first.chain[0]
    assert second.place == moved
    assert await events(towns) == ["created", "rotated seal", "certificate seal"]


async def test_a_retired_key_does_not_come_back(towns: Towns, participants: Participants) -> None:
    await participants.adopt(SLUG, CA.chain(KEYS["ES256"]), PLACE)
    await participants.adopt(SLUG, CA.chain(KEYS["ES384"]), PLACE)
    with pytest.raises(Mistake, match=r"signers\.retired-key"):
        await participants.adopt(SLUG, CA.chain(KEYS["ES256"]), PLACE)
    assert (await participants.get(SLUG)).seal.alg == "ES384"


@pytest.mark.on_both
async def test_two_adoptions_at_once_leave_one_key_in_use(towns: Towns, participants: Participants) -> None:
    await asyncio.gather(*(participants.adopt(SLUG, CA.chain(KEYS[alg]), PLACE) for alg in ALGS))
    hosted = await participants.get(SLUG)
    assert [key.state for key in hosted.keys if key.purpose == "seal"].count("active") == 1


@pytest.mark.on_both
async def test_where_a_key_lies_is_sealed_at_rest(towns: Towns, participants: Participants) -> None:
    await participants.adopt(SLUG, CA.chain(KEYS["ES256"]), PLACE)
    rows = await towns.rows(SLUG, "SELECT secret FROM key WHERE participant = :participant")
    assert not any(b"credential-7" in bytes(row["secret"]) for row in rows)


@pytest.mark.on_both
async def test_two_rotations_at_once_leave_one_key_in_use(towns: Towns) -> None:
    """Before keys were locked, two replicas could both leave an active key behind."""
    await asyncio.gather(*(towns.participants.rotate(SLUG, "peer") for _ in range(4)))
    hosted = await towns.participants.get(SLUG)
    assert [key.state for key in hosted.keys if key.purpose == "peer"].count("active") == 1
