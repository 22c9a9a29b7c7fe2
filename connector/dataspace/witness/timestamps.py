"""Timestamp tokens over our checkpoints: what is asked, what of an answer counts, what is kept (spec/contracts.md 4.3).

A token covers the SHA-256 of the note exactly as `audit_seal.checkpoint` holds it. Only a token that the offline
verifier would accept is kept; rows are added and never changed. The extra `timestamps` writes the requests.
"""

import importlib
import importlib.util
from collections.abc import Sequence
from typing import Any

import msgspec
from cryptography import x509

from connector.foundation.errors import Mistake, PeerError
from connector.foundation.storage.database import Tx
from connector.verify.formats import timestamp
from connector.verify.formats.faults import Fault
from connector.verify.formats.timestamp import Token

LONGEST = 65_536
"""Bytes of an answer; a token with its chain has a tenth of that."""
QUERY = "application/timestamp-query"
REPLY = "application/timestamp-reply"


class Unstamped(msgspec.Struct, frozen=True):
    """A signed checkpoint that is to get a token."""

    size: int
    note: str


class Stamped(msgspec.Struct, frozen=True):
    """A checkpoint with its token; `time` is the authority's, in milliseconds."""

    size: int
    note: str
    token: bytes
    time: int


class Request(msgspec.Struct, frozen=True):
    """A TimeStampReq and the nonce that its answer has to repeat."""

    body: bytes
    nonce: int


def wanted(tx: Tx, participant: str, every_ms: int) -> Unstamped | None:
    """The newest signed checkpoint if it has no token and the last token came at least `every_ms` ago."""
    last = tx.one("SELECT MAX(at) AS at FROM audit_timestamp WHERE participant = :participant", participant=participant)
    if last is not None and last["at"] is not None and abs(tx.now - int(last["at"])) < every_ms:
        return None
    row = tx.one(
        "SELECT seal.size, seal.checkpoint, stamp.at FROM audit_seal seal LEFT JOIN audit_timestamp stamp"
        " ON stamp.participant = seal.participant AND stamp.size = seal.size"
        " WHERE seal.participant = :participant AND seal.checkpoint IS NOT NULL ORDER BY seal.size DESC LIMIT 1",
        participant=participant,
    )
    if row is None or row["at"] is not None:
        return None
    return Unstamped(int(row["size"]), row["checkpoint"])


def keep(tx: Tx, participant: str, size: int, token: bytes, time: int) -> None:
    """Store the token of a checkpoint. The first one stays: it is the earlier proof."""
    tx.run(
        "INSERT INTO audit_timestamp (participant, size, token, time, at)"
        " VALUES (:participant, :size, :token, :time, :at) ON CONFLICT DO NOTHING",
        participant=participant,
        size=size,
        token=token,
        time=time,
        at=tx.now,
    )


def of(tx: Tx, participant: str, size: int) -> bytes | None:
    """The token over the checkpoint of exactly this size."""
    row = tx.one(
        "SELECT token FROM audit_timestamp WHERE participant = :participant AND size = :size",
        participant=participant,
        size=size,
    )
    return None if row is None else bytes(row["token"])


def earliest(tx: Tx, participant: str, index: int) -> Stamped | None:
    """The smallest checkpoint with a token that holds the leaf at `index`: the earliest time anybody proves for it."""
    row = tx.one(
        "SELECT seal.size, seal.checkpoint, stamp.token, stamp.time FROM audit_timestamp stamp JOIN audit_seal seal"
        " ON seal.participant = stamp.participant AND seal.size = stamp.size"
        " WHERE stamp.participant = :participant AND stamp.size > :index ORDER BY stamp.size LIMIT 1",
        participant=participant,
        index=index,
    )
    return None if row is None else Stamped(row["size"], row["checkpoint"], bytes(row["token"]), row["time"])


def installed() -> bool:
    """Whether the extra is there."""
    return importlib.util.find_spec("rfc3161_client") is not None


def request(note: str) -> Request:
    """What is sent to the authority; Mistake `timestamps.not-installed` without the extra."""
    client = _client()
    built = (
        client.TimestampRequestBuilder()
        .data(note.encode())
        .hash_algorithm(client.HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=True)
        .build()
    )
    return Request(built.as_bytes(), int(built.nonce))


def accepted(answer: bytes, asked: Request, note: str, roots: Sequence[x509.Certificate]) -> tuple[bytes, Token]:
    """The bare token in an answer, and what it says.

    PeerError `timestamps.refused` if the authority grants nothing, `timestamps.token` if an auditor would not accept
    it, `timestamps.nonce` if it answers another question.
    """
    try:
        if not timestamp.granted(answer):
            raise PeerError("timestamps.refused")
        token = timestamp.check(answer, note.encode(), roots)
        if token.nonce != asked.nonce:
            raise PeerError("timestamps.nonce")
        return timestamp.bare(answer), token
    except Fault as fault:
        raise PeerError("timestamps.token", fault=fault.code) from fault


def _client() -> Any:
    if not installed():
        raise Mistake("timestamps.not-installed")
    return importlib.import_module("rfc3161_client")
