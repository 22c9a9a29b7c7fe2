"""Secrets at rest: AES-256-GCM under one master key from the environment or a file of mode 0600 (spec/trust.md 2.3).

Each secret is bound to its context, so that a row copied to another participant does not open. Secrets have no `repr`.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Generic, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from connector.foundation.errors import Defect, Mistake
from connector.foundation.small_files import created

T = TypeVar("T", str, bytes)

_VERSION = b"\x01"
_NONCE = 12
_MASTER = 32


class Secret(Generic[T]):
    """A value that neither prints, compares nor pickles by accident (T27); `reveal` is easy to find in review."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value: T = value

    def reveal(self) -> T:
        """The value itself."""
        return self._value

    def matches(self, candidate: T) -> bool:
        """Whether a candidate is the same value, in a time that does not depend on how much of it is right (T25)."""
        mine, theirs = (value.encode() if isinstance(value, str) else value for value in (self._value, candidate))
        return hmac.compare_digest(hashlib.sha256(mine).digest(), hashlib.sha256(theirs).digest())

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


class Vault:
    """Seals and opens secrets; `master` is 32 random bytes."""

    def __init__(self, master: bytes) -> None:
        if len(master) != _MASTER:
            raise Mistake("trust.master-key")
        self._master = Secret(master)
        self._cipher = AESGCM(self.derive("vault"))

    def seal(self, context: str, plain: bytes) -> bytes:
        """Encrypted and bound to `context`, which is not kept in the result."""
        nonce = os.urandom(_NONCE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def open(self, context: str, sealed: bytes) -> bytes:
        """The plain bytes; `Defect` if master key, context or bytes are not those of the sealing."""
        head, nonce, body = sealed[:1], sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        if head != _VERSION or len(nonce) != _NONCE:
            raise Defect("trust.sealed")
        try:
            return self._cipher.decrypt(nonce, body, context.encode())
        except InvalidTag as cause:
            raise Defect("trust.sealed") from cause

    def derive(self, context: str) -> bytes:
        """32 bytes for another purpose (cursors, session secrets), the same for the same master key and context."""
        return HKDF(hashes.SHA256(), 32, None, f"hanse/{context}".encode()).derive(self._master.reveal())


def parse_master(text: str) -> bytes:
    """A master key written as 64 hexadecimal digits; `Mistake` otherwise."""
    try:
        master = bytes.fromhex(text.strip())
    except ValueError as cause:
        raise Mistake("trust.master-key") from cause
    if len(master) != _MASTER:
        raise Mistake("trust.master-key")
    return master


def master_file(path: Path) -> bytes:
    """The master key in this file, made at first use; `Mistake` if others may read the file."""
    if not path.exists():
        created(path, f"{secrets.token_hex(_MASTER)}\n".encode("ascii"))
    if path.stat().st_mode & 0o077:
        raise Mistake("trust.master-open", path=path)
    return parse_master(path.read_text(encoding="ascii"))
