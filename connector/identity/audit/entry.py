"""A record of the log and its leaf: leaf data = SHA-256(salt || JCS(record)) (spec/records.md 1).

The salt keeps a leaf from being guessed; deleting it with the record is erasure, and the tree stays valid.
"""

from hashlib import sha256

import msgspec

from connector.foundation import canonical_json
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Defect
from connector.foundation.normal_form import normal_form
from connector.verify.checks.disclosure import TOLD
from connector.verify.formats import jcs

VERSION = 1
SALT_BYTES = 32
KEY = "key"  # type of key events, which are chained per participant
AGREEMENT = "agreement"  # type of the records that commit to an agreement and its seals
TOMBSTONE = "tombstone"  # type of the records that say what was erased, and on which ground
HOLD = "hold"  # type of the records that begin or lift a legal hold
CLEARING = "clearing"  # type of the records that say in which tables a pseudonym was blanked
NAMELESS = frozenset({TOMBSTONE, HOLD, CLEARING, TOLD, KEY, "log-origin", "alarm"})
"""Types that never say which person acted: they stay for ever, or nobody did what they tell of."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is logged; persons appear as pseudonyms. `at` in milliseconds, `prev` the digest of the record before."""

    type: str
    at: int
    participant: str
    agreement: str | None
    seq: int
    prev: str | None
    actor: str
    body: dict[str, object]


def encode(record: Record) -> bytes:
    """The canonical bytes. Text from a peer is brought to NFC: it must never stop our own record."""
    value = {"v": VERSION, **msgspec.structs.asdict(record), "at": rfc3339(record.at)}
    known = canonical_json.encode(value)
    return _encode_slowly(value) if known is None else known


def digest(data: bytes) -> str:
    """Lower-case hex SHA-256 of a record's bytes: the `prev` of the next one."""
    return sha256(data).hexdigest()


def leaf_data(salt: bytes, data: bytes) -> bytes:
    """What stands in the tree for a record (before RFC 9162 hashing)."""
    return sha256(salt + data).digest()


def _encode_slowly(value: object) -> bytes:
    try:
        return jcs.encode(value)
    except jcs.NotCanonical:
        return _encode_normalised(value)


def _encode_normalised(value: object) -> bytes:
    try:
        return jcs.encode(_nfc(value))
    except jcs.NotCanonical as fault:
        raise Defect("audit.record", why=str(fault)) from fault


def _nfc(value: object) -> object:
    match value:
        case str():
            return normal_form("NFC", value)
        case dict():
            return {_nfc(key): _nfc(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_nfc(inner) for inner in value]
        case _:
            return value
