"""Opaque bearer tokens: 256 random bits, at rest only their SHA-256 (threat T21).

A token is bound to one participant, counterparty, agreement and flow, and lives and dies with that flow.
"""

import hmac
import re
import secrets
from hashlib import sha256
from typing import NewType

from connector.foundation.storage.database import Tx

TokenHash = NewType("TokenHash", str)
_SHAPE = re.compile(r"Bearer ([A-Za-z0-9_-]{43})", re.ASCII)
_KEPT = 2


def fresh() -> str:
    """43 characters of base64url."""
    return secrets.token_urlsafe(32)


def hashed(token: str) -> TokenHash:
    return TokenHash(sha256(token.encode()).hexdigest())


def bearer(authorization: str | None) -> str | None:
    """The token of an `Authorization` header (RFC 6750), None unless it has exactly the shape of ours."""
    match = _SHAPE.fullmatch(authorization or "")
    return match.group(1) if match else None


def same(one: str, other: str) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def issue(tx: Tx, *, participant: str, flow: str, counterparty: str, agreement: str) -> str:
    """A new token for the flow. The one before it stays valid, because the answer that carried it may be under way."""
    token = fresh()
    tx.run(
        "DELETE FROM access_token WHERE participant = :participant AND flow = :flow AND hash NOT IN"
        " (SELECT hash FROM access_token WHERE participant = :participant AND flow = :flow"
        " ORDER BY created_at DESC, hash LIMIT :kept)",
        participant=participant,
        flow=flow,
        kept=_KEPT - 1,
    )
    tx.run(
        "INSERT INTO access_token (participant, hash, flow, counterparty, agreement, created_at)"
        " VALUES (:participant, :hash, :flow, :counterparty, :agreement, :now)",
        participant=participant,
        hash=hashed(token),
        flow=flow,
        counterparty=counterparty,
        agreement=agreement,
        now=tx.now,
    )
    return token
