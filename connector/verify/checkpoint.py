"""A log's signed statement of its size and root: C2SP tlog-checkpoint in a C2SP signed note (contracts.md 16.2).

Each line behind the text is a signature by one key: Ed25519 over the text (type 0x01), ML-DSA-44 as timestamped
cosignature (type 0x06). Lines of keys that we do not look for are foreign and say nothing.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from connector.verify import base64url
from connector.verify.faults import Fault

ED25519, ML_DSA_44 = 0x01, 0x06
_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/=]+)")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The parsed note; nothing is proven yet. `lines` are (key name, key id, signature)."""

    origin: str
    size: int
    root: bytes
    text: str
    lines: tuple[tuple[str, bytes, bytes], ...]


def text_of(origin: str, size: int, root: bytes) -> str:
    """The text that is signed."""
    return f"{origin}\n{size}\n{base64url.encode_padded(root)}\n"


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """Four bytes that tell the keys of a note apart."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def line_of(name: str, key: bytes, signature: bytes) -> str:
    """One signature line of the note."""
    return f"— {name} {base64url.encode_padded(key + signature)}\n"


def cosigned_message(name: str, seconds: int, origin: str, size: int, root: bytes) -> bytes:
    """What an ML-DSA-44 cosignature signs: the whole tree of `size` leaves at that time (C2SP tlog-cosignature)."""
    names = b"".join(
        [_short(name), seconds.to_bytes(8), _short(origin), (0).to_bytes(8), size.to_bytes(8)],
    )
    return b"subtree/v1\n\0" + names + root


def _short(text: str) -> bytes:
    data = text.encode()
    return bytes([len(data)]) + data


def parse(note: str) -> Checkpoint:
    """The checkpoint in this note; Fault `checkpoint-form` if it is spelled in any other way."""
    text, gap, tail = note.partition("\n\n")
    parts = text.split("\n")
    if not gap or len(parts) != 3 or not parts[0] or not _SIZE.fullmatch(parts[1]) or not tail.endswith("\n"):
        raise Fault("checkpoint-form")
    try:
        root = base64url.decode_padded(parts[2])
    except base64url.BadBase64 as fault:
        raise Fault("checkpoint-form") from fault
    if len(root) != 32:
        raise Fault("checkpoint-form")
    lines = tuple(_line(line) for line in tail.removesuffix("\n").split("\n"))
    return Checkpoint(parts[0], int(parts[1]), root, f"{text}\n", lines)


def _line(line: str) -> tuple[str, bytes, bytes]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise Fault("checkpoint-form")
    try:
        blob = base64url.decode_padded(match[2])
    except base64url.BadBase64 as fault:
        raise Fault("checkpoint-form") from fault
    return match[1], blob[:4], blob[4:]


def check(checkpoint: Checkpoint, keys: Iterable[Mapping[str, object]]) -> None:
    """One of `keys` (JWKs of the trust list) signed, and no line of theirs is wrong; Fault `checkpoint-signature`.

    A bad line is never outvoted by a good one.
    """
    verifiers = {verifier.id: verifier for verifier in (_verifier(checkpoint.origin, key) for key in keys) if verifier}
    proven = 0
    for name, key, signature in checkpoint.lines:
        if name == checkpoint.origin and key in verifiers:
            _check_line(checkpoint, verifiers[key], signature)
            proven += 1
    if not proven:
        raise Fault("checkpoint-signature")


@dataclass(frozen=True, slots=True)
class _Verifier:
    id: bytes
    key: Ed25519PublicKey | MLDSA44PublicKey


def _verifier(origin: str, jwk: Mapping[str, object]) -> _Verifier | None:
    try:
        match jwk:
            case {"kty": "OKP", "crv": "Ed25519", "x": str(text)}:
                public = base64url.decode(text)
                return _Verifier(key_id(origin, ED25519, public), Ed25519PublicKey.from_public_bytes(public))
            case {"kty": "AKP", "alg": "ML-DSA-44", "pub": str(text)}:
                public = base64url.decode(text)
                return _Verifier(key_id(origin, ML_DSA_44, public), MLDSA44PublicKey.from_public_bytes(public))
            case _:
                return None
    except ValueError as fault:
        raise Fault("log-key") from fault


def _check_line(checkpoint: Checkpoint, verifier: _Verifier, signature: bytes) -> None:
    try:
        match verifier.key:
            case Ed25519PublicKey():
                verifier.key.verify(signature, checkpoint.text.encode())
            case _:
                verifier.key.verify(signature[8:], _cosigned(checkpoint, signature))
    except InvalidSignature as fault:
        raise Fault("checkpoint-signature") from fault


def _cosigned(checkpoint: Checkpoint, signature: bytes) -> bytes:
    seconds = int.from_bytes(signature[:8])
    return cosigned_message(checkpoint.origin, seconds, checkpoint.origin, checkpoint.size, checkpoint.root)
