"""A log's signed statement of its size and root: C2SP tlog-checkpoint in a C2SP signed note (spec/records.md 2.2).

Each line behind the text is a signature by one key: Ed25519 over the text (type 0x01), Ed25519 of a witness over time
and text (0x04), ML-DSA-44 as timestamped cosignature (0x06). Lines of keys that we do not look for say nothing.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from connector.verify.formats import base64url
from connector.verify.formats.faults import Fault

ED25519, TIMED_ED25519, ML_DSA_44 = 0x01, 0x04, 0x06
MOST_LINES = 64
"""Signatures of one note: those of the log and of all its witnesses."""
_LONGEST = 255
"""Bytes of an origin: an ML-DSA cosignature writes its length in one."""
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


def timed_message(seconds: int, text: str) -> bytes:
    """What an Ed25519 cosignature signs: the time and the whole text of the note (C2SP tlog-cosignature)."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _short(text: str) -> bytes:
    data = text.encode()
    return bytes([len(data)]) + data


def parse(note: str) -> Checkpoint:
    """The checkpoint in this note; Fault `checkpoint-form` if it is spelled in any other way."""
    text, gap, tail = note.partition("\n\n")
    parts = text.split("\n")
    if (
        not gap
        or len(parts) != 3
        or not 0 < len(parts[0].encode()) <= _LONGEST
        or not _SIZE.fullmatch(parts[1])
        or not tail.endswith("\n")
    ):
        raise Fault("checkpoint-form")
    try:
        root = base64url.decode_padded(parts[2])
    except base64url.BadBase64 as fault:
        raise Fault("checkpoint-form") from fault
    if len(root) != 32:
        raise Fault("checkpoint-form")
    lines = tuple(_line(line) for line in tail.removesuffix("\n").split("\n", MOST_LINES))
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


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key as notes know it: the name in its lines, the signature type, the raw bytes."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes in front of its signatures."""
        return key_id(self.name, self.kind, self.public)

    def seconds(self, checkpoint: Checkpoint, signature: bytes) -> int:
        """The POSIX time that a valid signature states, 0 for one without a time; Fault `checkpoint-signature`."""
        try:
            match self.kind:
                case 0x01:
                    _verify(self.kind, self.public, signature, checkpoint.text.encode())
                    return 0
                case 0x04:
                    seconds = int.from_bytes(signature[:8])
                    _verify(self.kind, self.public, signature[8:], timed_message(seconds, checkpoint.text))
                case _:
                    seconds = int.from_bytes(signature[:8])
                    message = cosigned_message(self.name, seconds, checkpoint.origin, checkpoint.size, checkpoint.root)
                    _verify(self.kind, self.public, signature[8:], message)
            return seconds
        except InvalidSignature as fault:
            raise Fault("checkpoint-signature") from fault

    def signs(self, message: bytes, signature: bytes) -> bool:
        """Whether this is its signature over these very bytes."""
        try:
            _verify(self.kind, self.public, signature, message)
        except InvalidSignature:
            return False
        return True


@lru_cache(maxsize=256)  # several checks of one bundle look at the same note; InvalidSignature is not kept
def _verify(kind: int, public: bytes, signature: bytes, message: bytes) -> None:
    key = MLDSA44PublicKey.from_public_bytes(public) if kind == ML_DSA_44 else _ed25519(public)
    key.verify(signature, message)


def key_of(name: str, jwk: Mapping[str, object], ed25519: int = ED25519) -> NoteKey | None:
    """The key of a JWK under this name; None for another kind of key, and where this installation cannot check it.

    `ed25519` is the signature type of an Ed25519 key: of the log itself, or of a witness. Fault `log-key`.
    """
    try:
        match jwk:
            case {"kty": "OKP", "crv": "Ed25519", "x": str(text)}:
                return checked(NoteKey(name, ed25519, base64url.decode(text)))
            case {"kty": "AKP", "alg": "ML-DSA-44", "pub": str(text)}:
                return checked(NoteKey(name, ML_DSA_44, base64url.decode(text)))
            case _:
                return None
    except ValueError as fault:
        raise Fault("log-key") from fault


def checked(key: NoteKey) -> NoteKey | None:
    """The key if its bytes are one (ValueError if not); None where this installation knows no ML-DSA."""
    try:
        if key.kind == ML_DSA_44:
            MLDSA44PublicKey.from_public_bytes(key.public)
        else:
            _ed25519(key.public)
    except UnsupportedAlgorithm:
        return None
    return key


def check(checkpoint: Checkpoint, keys: Iterable[Mapping[str, object]]) -> None:
    """One of `keys` (JWKs of the trust list) signed, and no line of theirs is wrong; Fault `checkpoint-signature`.

    A bad line is never outvoted by a good one.
    """
    ours = {key.id: key for key in (key_of(checkpoint.origin, jwk) for jwk in keys) if key is not None}
    proven = 0
    for name, key, signature in checkpoint.lines:
        if name == checkpoint.origin and key in ours:
            ours[key].seconds(checkpoint, signature)
            proven += 1
    if not proven:
        raise Fault("checkpoint-signature")


def _ed25519(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)
