"""The archive as bytes: chunks under a key that the receiving provider alone can make, in their order and to their end.

An ephemeral P-256 key and that of the receiver agree on a secret (ECDH), HKDF-SHA256 makes the key of it and of the
head, AES-256-GCM seals the chunks; each nonce is the number of its chunk and whether it is the last (STREAM). So a
chunk that is missing, doubled, moved, cut off or from another archive does not open. Nothing is compressed: what comes
out is never longer than what went in. Source: NIST SP 800-56A, RFC 5869; Hoang et al., Online Authenticated-Encryption
(2015).
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import Meta, Struct

from connector.continuity.moving import target
from connector.continuity.moving.target import Key, Target
from connector.foundation.errors import Mistake

MAGIC: Final = b"hanse-archive-1\n"
OLDER: Final = b"hanse-archive-"
CHUNK: Final = 1 << 18
_HEAD_MOST: Final = 4_096
_TAG: Final = 16
Read = Callable[[int], bytes]
"""Up to so many bytes; none at the end."""


class Head(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands openly before the chunks: for which move it is, and the ephemeral key."""

    move: Annotated[str, Meta(pattern="^[0-9a-f-]{36}$")]
    key: Key


class Sealer:
    """Gives the bytes of the file piece by piece: `head`, then what comes of each `add`, then `end`."""

    def __init__(self, to: Target) -> None:
        ephemeral = ec.generate_private_key(ec.SECP256R1())
        head = msgspec.json.encode(Head(move=to.move, key=target.jwk_of(ephemeral)))
        self.head = MAGIC + len(head).to_bytes(4) + head
        self._cipher = _cipher(ephemeral.exchange(ec.ECDH(), target.public(to.archive)), head)
        self._number, self._waiting = 0, bytearray()

    def add(self, piece: bytes) -> Iterator[bytes]:
        """One chunk stays behind: whether it is the last shows only later."""
        self._waiting += piece
        while len(self._waiting) > CHUNK:
            yield self._chunk(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]

    def end(self) -> bytes:
        return self._chunk(bytes(self._waiting), last=True)

    def _chunk(self, plain: bytes, *, last: bool) -> bytes:
        chunk = self._cipher.encrypt(_nonce(self._number, last=last), plain, None)
        self._number += 1
        return chunk


def opened(read: Read, secret: str, move: str) -> Iterator[bytes]:
    """What was sealed, chunk by chunk; raises Mistake where it is not as it was written, or for somebody else."""
    head, raw = _head(read)
    if head.move != move:
        raise Mistake("moving.other-move")
    cipher = _cipher(target.private(secret).exchange(ec.ECDH(), target.public(head.key)), raw)
    number, chunk = 0, _whole(read, CHUNK + _TAG)
    while True:
        after = _whole(read, CHUNK + _TAG) if len(chunk) == CHUNK + _TAG else b""
        try:
            yield cipher.decrypt(_nonce(number, last=not after), chunk, None)
        except InvalidTag as cause:
            raise Mistake("moving.damaged") from cause
        if not after:
            return
        number, chunk = number + 1, after


def _head(read: Read) -> tuple[Head, bytes]:
    magic = _whole(read, len(MAGIC))
    if magic != MAGIC:
        raise Mistake("moving.version" if magic.startswith(OLDER) else "moving.no-archive")
    size = int.from_bytes(_whole(read, 4))
    raw = _whole(read, size) if size <= _HEAD_MOST else b""
    try:
        return msgspec.json.decode(raw, type=Head), raw
    except (ValueError, msgspec.MsgspecError) as cause:
        raise Mistake("moving.no-archive") from cause


def _cipher(shared: bytes, head: bytes) -> AESGCM:
    return AESGCM(HKDF(hashes.SHA256(), 32, sha256(head).digest(), b"hanse/move-archive").derive(shared))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11) + (b"\x01" if last else b"\x00")


def _whole(read: Read, size: int) -> bytes:
    """Exactly so many bytes, fewer at the end alone."""
    found = bytearray()
    while len(found) < size and (piece := read(size - len(found))):
        found += piece
    return bytes(found)
