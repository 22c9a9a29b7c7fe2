"""Towns that put a second seal under their contracts, and what their logs and bundles say of it."""

import json
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connector.exchange.contracts import object_store
from connector.exchange.contracts.evidence.service import Evidence
from connector.exchange.contracts.model import Agreement
from connector.exchange.reconciliation.compare import ComparedRecord, account
from connector.foundation.storage.database import WORKER, Tx
from connector.identity.trust.keys.signing import KeyRecord, post_quantum
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.entries import continued, entry
from connector.identity.trust.members.list_writer import next_list
from connector.identity.trust.members.roots import roots_pem
from connector.kernel.protocol.messages import HANSE
from connector.verify.formats import base64url
from tests.exchange.contracts.late import records
from tests.testkit.towns import Towns

TOWNS = {"musterstadt": "provider", "nachbardorf": "consumer"}
able = pytest.mark.skipif(not post_quantum(), reason="this cryptography has no ML-DSA-44")


async def evidence(
    towns: Towns,
    folder: Path,
    *,
    named: bool = True,
    kept: bool = True,
    before: Mapping[str, tuple[KeyRecord, ...]] | None = None,
    now: int = 0,
) -> tuple[Evidence, bytes]:
    """The service with a trust list that names both towns' keys, or not their second seal keys, or (`kept`) not the
    former ones. `before`: it follows one of these keys, at `now` (ms)."""
    authority = Authority.create(folder / "authority.jwk.enc", towns.vault)
    entries = []
    for hosted in await towns.participants.all():
        listed = entry(
            did=hosted.participant.did,
            name=hosted.participant.name,
            operator="",
            kind=hosted.participant.kind,
            valid_from="2020-01-01T00:00:00Z",
            keys=hosted.keys,
        )
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
    return Evidence(towns.db, towns.clock, towns.participants, lambda own, dids: issued), roots


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


async def accounted(towns: Towns, slug: str) -> Any:
    told = [ComparedRecord("agreement", 0, one["body"]) for one in await records(towns, slug, "agreement")]
    return account(told, lambda name: name)


NAMES = ("providerPq", "consumerPq")


async def said(towns: Towns, slug: str) -> list[dict[str, str]]:
    """What each agreement record of a town names as second seals."""
    sql = "SELECT record FROM audit_entry WHERE participant = :participant AND type = 'agreement' ORDER BY id"
    bodies = [json.loads(bytes(row["record"]))["body"] for row in await towns.rows(slug, sql)]
    return [{name: body[name] for name in NAMES if name in body} for body in bodies]


async def kept(towns: Towns, slug: str, agreement: Agreement) -> dict[str, str]:
    """The digests of the second seals that a town holds."""
    own = await towns.agreement(slug, agreement.id)
    found = await towns.db.read(slug, object_store.objects, slug, own.negotiation)
    sides = {"provider.pq.jws": "providerPq", "consumer.pq.jws": "consumerPq"}
    return {sides[name]: item.sha256 for name, item in found.items() if name in sides}


async def look(towns: Towns) -> None:
    """The timers of second seals are due now."""

    def now(tx: Tx) -> None:
        tx.run("UPDATE timer SET due_at = 0 WHERE kind = 'second-seal' AND done_at IS NULL")

    await towns.db.write(WORKER, now)
    await towns.tick()
