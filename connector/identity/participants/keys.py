"""The keys of a participant as rows: made, exchanged, withdrawn when stolen; each change is a key event in its log.

Every function runs in the caller's transaction under the lock of the participant's keys. A key that was exchanged
stays as verification method, one that was withdrawn leaves the DID document at once; log keys stay listed in any case,
because the states of the log that they signed need them (spec/contracts.md 5.1, threat T57).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.storage.database import Tx
from connector.identity.audit import store as audit
from connector.identity.audit.entry import KEY, digest
from connector.identity.participants import store
from connector.identity.participants.acting import Acting, require
from connector.identity.participants.model import Participant
from connector.identity.participants.store import KeyRow
from connector.identity.trust.did import did as dids
from connector.identity.trust.did.did import Did
from connector.identity.trust.keys.jwk import public_key
from connector.identity.trust.keys.signing import KeyRecord, Purpose, State
from connector.identity.trust.signers.port import Public
from connector.verify.checks import revocation
from connector.verify.formats import jcs

KEPT_LISTED: Final[frozenset[Purpose]] = frozenset({"log", "log-pq"})


class Withdrawal(msgspec.Struct, frozen=True):
    """A key that is no longer ours from `since` (milliseconds) on; `certain` if somebody named this very key."""

    kid: str
    purpose: Purpose
    since: int
    reason: str
    certain: bool = False


def public_of(record: KeyRecord) -> Public:
    key = public_key(record.public_jwk)[1]
    assert not isinstance(key, Ed25519PublicKey)
    return key


def record_of(row: KeyRow) -> KeyRecord:
    return KeyRecord(
        kid=row.kid,
        purpose=msgspec.convert(row.purpose, Purpose),
        state=msgspec.convert(row.state, State),
        public_jwk=msgspec.json.decode(row.public_jwk),
        certificate=row.certificate,
        until=row.retired_at,
        controller="" if row.mandate is None else acting_of(row.mandate).agent,
    )


def acting_of(mandate: str) -> Acting:
    """The mandate as the row of an agent's key keeps it."""
    return msgspec.json.decode(mandate, type=Acting)


def row_of(tx: Tx, participant: str, record: KeyRecord, secret: bytes, mandate: str | None = None) -> KeyRow:
    return KeyRow(
        participant=participant,
        kid=record.kid,
        purpose=record.purpose,
        state=record.state,
        public_jwk=msgspec.json.encode(record.public_jwk).decode(),
        secret=secret,
        certificate=record.certificate,
        created_at=tx.now,
        retired_at=None,
        mandate=mandate,
    )


def equip(tx: Tx, participant: Participant, fresh: list[tuple[KeyRecord, bytes]], event: str) -> None:
    """Inserts the participant's keys, and the key event that says why it has them."""
    for record, secret in fresh:
        store.insert_key(tx, row_of(tx, participant.id, record, secret))
    key_event(tx, participant, event)
    store.changed(tx, participant.id)


def rotate(tx: Tx, participant: Participant, key: tuple[KeyRecord, bytes]) -> None:
    record, secret = key
    store.lock_keys(tx, participant.id)
    if record.purpose == "peer":
        _require_own(tx, participant.id)
    _retire(tx, participant.id, record)
    store.insert_key(tx, row_of(tx, participant.id, record, secret))
    key_event(tx, participant, f"rotated {record.purpose}")
    store.changed(tx, participant.id)


def adopt(tx: Tx, participant: Participant, key: tuple[KeyRecord, bytes]) -> None:
    """A new key, or a new certificate (or another keeper) of the key in use; what was retired stays retired."""
    record, secret = key
    store.lock_keys(tx, participant.id)
    known = store.key(tx, participant.id, record.kid)
    if known is None:
        _retire(tx, participant.id, record)
        store.insert_key(tx, row_of(tx, participant.id, record, secret))
    elif (known.purpose, known.state) == ("seal", "active"):
        store.replace_key(tx, participant.id, record.kid, secret, record.certificate)
    else:
        raise Mistake("signers.retired-key", slug=participant.id)
    key_event(tx, participant, "rotated seal" if known is None else "certificate seal")
    store.changed(tx, participant.id)


def withdraw(tx: Tx, participant: Participant, told: Withdrawal, fresh: tuple[KeyRecord, bytes]) -> None:
    """A log key stays listed beside the new one, because the states of the log that it signed need it."""
    slug = participant.id
    store.lock_keys(tx, slug)
    row = store.key(tx, slug, told.kid)
    if row is None or row.purpose != told.purpose:
        raise Mistake("participants.no-key", slug=slug, key=told.kid[:600], purpose=told.purpose)
    if not 0 < told.since <= tx.now:
        raise Mistake("participants.since-when", now=rfc3339(tx.now))
    if not told.certain and (row.state != "active" or told.since <= row.created_at):
        raise Mistake("participants.key-younger", key=row.kid, made=rfc3339(row.created_at))
    store.set_key_state(tx, slug, row.kid, "verify-only" if told.purpose in KEPT_LISTED else "removed")
    if row.state == "active":
        record, secret = fresh
        store.insert_key(tx, row_of(tx, slug, record, secret))
    since = rfc3339(told.since)
    key_event(tx, participant, revocation.EVENT, {"kid": row.kid, "from": since, "reason": told.reason})
    store.changed(tx, participant.id)


def entrust(tx: Tx, participant: Participant, acting: Acting, key: tuple[KeyRecord, bytes]) -> None:
    """The agent's key signs tokens from now on; the participant's own stays listed, because peers know it."""
    record, secret = key
    slug = participant.id
    store.lock_keys(tx, slug)
    for row in store.keys(tx, slug):
        if row.purpose == "agent":
            store.set_key_state(tx, slug, row.kid, "removed")
        elif (row.purpose, row.state) == ("peer", "active"):
            store.set_key_state(tx, slug, row.kid, "verify-only")
    store.insert_key(tx, row_of(tx, slug, record, secret, msgspec.json.encode(acting).decode()))
    key_event(tx, participant, "entrusted", _said(acting))
    store.changed(tx, slug)


def end_mandate(tx: Tx, participant: Participant, own: tuple[KeyRecord, bytes] | None) -> Acting | None:
    """Nobody acts for it any more; `own`: from now on it does so itself, with this key. None: nobody did.

    Without such a key no key of tokens is left: whoever runs this process held the former ones too.
    """
    slug = participant.id
    store.lock_keys(tx, slug)
    acted = None
    for row in store.keys(tx, slug):
        if row.purpose in ("agent", "peer") and row.state != "removed":
            acted = acting_of(row.mandate) if row.mandate is not None else acted
            store.set_key_state(tx, slug, row.kid, "removed")
    if own is not None:
        store.insert_key(tx, row_of(tx, slug, *own))
    key_event(tx, participant, "mandate over", {} if acted is None else _said(acted))
    store.changed(tx, slug)
    return acted


def _require_own(tx: Tx, slug: str) -> None:
    """Raises Mistake while somebody acts for it, and once a mandate is over: a new key would let it go on unsaid."""
    if not acts_itself(tx, slug):
        raise Mistake("mandates.no-own-key", slug=slug)


def acts_itself(tx: Tx, slug: str) -> bool:
    """Whether a key for tokens of its own is in use."""
    return any((row.purpose, row.state) == ("peer", "active") for row in store.keys(tx, slug))


def entrusted(tx: Tx, slug: str, action: str) -> bool:
    """Whether somebody may do that for it at this instant: by a mandate, or because it acts itself."""
    kept = store.acting(tx, slug)
    try:
        if kept is None:
            require(None, acts_itself(tx, slug), action, tx.now)
        else:
            require(acting_of(kept), own=False, action=action, now=tx.now)
    except Unavailable:
        return False
    return True


def _said(acting: Acting) -> dict[str, object]:
    return {"agent": acting.agent, "mandate": acting.sha256}


def _retire(tx: Tx, slug: str, successor: KeyRecord) -> None:
    for row in store.keys(tx, slug):
        if row.purpose == successor.purpose and row.state == "active":
            store.set_key_state(tx, slug, row.kid, "verify-only")


def key_event(tx: Tx, participant: Participant, event: str, more: Mapping[str, object] = MappingProxyType({})) -> None:
    """The document's digest and the document itself, so that an auditor sees which keys held when."""
    records = [record_of(row) for row in store.keys(tx, participant.id)]
    document = jcs.encode(dids.document(Did(participant.did), participant.root, records))
    body = {"event": event, "document": digest(document), **more}
    audit.append(tx, participant.id, KEY, None, "system", body, did=participant.did)
    tx.run(
        "INSERT INTO object (participant, sha256, media_type, body) VALUES (:participant, :sha256, :media_type, :body)"
        " ON CONFLICT DO NOTHING",
        participant=participant.id,
        sha256=digest(document),
        media_type="application/did+json",
        body=document,
    )
