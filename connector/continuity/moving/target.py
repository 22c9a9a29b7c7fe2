"""Where a participant is to go: one line of text that the receiving provider makes, and two people compare.

It names the new identifier, a key for the archive (ECDH, P-256) and one for the receipt (ES256); both are for this move
alone. Whoever bends the line bends the fingerprint over all of it (threat T109).
"""

from hashlib import sha256
from typing import Annotated, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Meta, Struct

from connector.foundation.errors import Mistake, PeerError
from connector.foundation.ids import new_uuid
from connector.identity.participants.model import split_root
from connector.identity.trust.did import did as dids
from connector.identity.trust.keys.jwk import decode, encode, public_key

PREFIX: Final = "hanse-move-1."
LONGEST: Final = 4_000
Key = dict[Annotated[str, Meta(max_length=10)], Annotated[str, Meta(max_length=100)]]


class Target(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`move` is the id of this move; `archive` and `receipt` are public JWKs."""

    move: Annotated[str, Meta(pattern="^[0-9a-f-]{36}$")]
    did: Annotated[str, Meta(max_length=512)]
    root: Annotated[str, Meta(max_length=500)]
    archive: Key
    receipt: Key

    @property
    def text(self) -> str:
        """The line to be handed to the present provider."""
        return PREFIX + encode(msgspec.json.encode(self, order="sorted"))

    @property
    def fingerprint(self) -> str:
        """128 bits over all of it, in groups that people read to each other."""
        digits = sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:32]
        return " ".join(digits[at : at + 4] for at in range(0, 32, 4))

    def matches(self, said: str) -> bool:
        """Whether what somebody typed is all of the fingerprint, whatever spaces and capitals she used."""
        return "".join(said.split()).lower() == self.fingerprint.replace(" ", "")


class Secrets(Struct, frozen=True, kw_only=True):
    """The private halves, as integers in hexadecimal."""

    archive: str
    receipt: str


def generated(did: str, root: str) -> tuple[Target, Secrets]:
    archive, receipt = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    target = Target(move=new_uuid(), did=did, root=root, archive=jwk_of(archive), receipt=jwk_of(receipt))
    return target, Secrets(archive=_hex(archive), receipt=_hex(receipt))


def private(digits: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int(digits, 16), ec.SECP256R1())


def public(jwk: Key) -> ec.EllipticCurvePublicKey:
    """Raises Mistake for what is no P-256 key."""
    try:
        _, key = public_key(jwk)
    except PeerError as cause:
        raise Mistake("moving.target") from cause
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Mistake("moving.target")
    return key


def parse(text: str) -> Target:
    """Raises Mistake for a line that is no such address, or of one piece with none: the DID is that of the root."""
    plain = "".join(text.split())
    try:
        if not plain.startswith(PREFIX) or len(plain) > LONGEST:
            raise Mistake("moving.target")
        found = msgspec.json.decode(decode(plain.removeprefix(PREFIX)), type=Target)
        one_piece = split_root(found.root)[0] == found.root and dids.of_root(found.root) == found.did
    except (ValueError, msgspec.MsgspecError, Mistake) as cause:
        raise Mistake("moving.target") from cause
    if found.text != plain or not one_piece:
        raise Mistake("moving.target")
    public(found.archive)
    public(found.receipt)
    return found


def jwk_of(key: ec.EllipticCurvePrivateKey) -> Key:
    point = key.public_key().public_numbers()
    x, y = (encode(number.to_bytes(32, "big")) for number in (point.x, point.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _hex(key: ec.EllipticCurvePrivateKey) -> str:
    return f"{key.private_numbers().private_value:064x}"
