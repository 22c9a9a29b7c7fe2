"""Signing keys of a participant: *peer*, *seal*, *log*, with ML-DSA beside (spec/trust.md 2).

Whoever signs sees a `Signer`, which never gives out private bytes. A key's id is its DID and RFC 7638 thumbprint; its
life runs pending, active, verify-only, removed. At rest the private JWK lies in the `Vault` under `participant|kid`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, Protocol, assert_never

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import Struct

from connector.foundation.errors import Defect, Mistake
from connector.identity.trust.keys.jwk import decode, encode, thumbprint
from connector.identity.trust.keys.vault import Secret as Secret
from connector.identity.trust.keys.vault import Vault as Vault

Purpose = Literal["peer", "seal", "log", "log-pq", "seal-pq", "agent"]
State = Literal["pending", "active", "verify-only", "removed"]

PURPOSES: Final[tuple[Purpose, ...]] = ("peer", "seal", "log", "log-pq", "seal-pq")
"""Those of a participant's own keys; *agent* is that of somebody who acts for it by a mandate (spec/mandates.md)."""
ALGORITHMS: Final[Mapping[Purpose, str]] = {
    "peer": "ES256",
    "seal": "ES256",
    "log": "Ed25519",
    "log-pq": "ML-DSA-44",
    "seal-pq": "ML-DSA-44",
    "agent": "ES256",
}
POST_QUANTUM: Final[frozenset[Purpose]] = frozenset({"log-pq", "seal-pq"})
STEPS: Final[Mapping[State, tuple[State, ...]]] = {
    "pending": ("active", "removed"),
    "active": ("verify-only", "removed"),
    "verify-only": ("removed",),
    "removed": (),
}
AGENT: Final = "op-"
"""What the id of an agent's key begins with, behind the DID of whom it acts for."""
_ES256: Final = ec.ECDSA(SHA256())

Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | mldsa.MLDSA44PrivateKey


class Signer(Protocol):
    """Signs with a key that it never shows. ES256 signatures are the raw 64 bytes R||S."""

    @property
    def kid(self) -> str: ...
    @property
    def alg(self) -> str: ...
    @property
    def public_jwk(self) -> dict[str, str]: ...
    def sign(self, data: bytes) -> bytes:
        """The signature over `data`; may block unless the key lies in this process."""


class KeyRecord(Struct, frozen=True, kw_only=True):
    """What is known of a key without opening it; `certificate` is a PEM chain, leaf first (seal keys only).

    `until` is when it was retired (ms), by rotation or withdrawal. `controller` is the DID of an agent whose key it is;
    empty: the participant's own.
    """

    kid: str
    purpose: Purpose
    state: State
    public_jwk: Mapping[str, str]
    certificate: str | None = None
    until: int | None = None
    controller: str = ""

    @property
    def thumbprint(self) -> str:
        name = self.kid.partition("#")[2]
        return name.removeprefix(AGENT) if self.purpose == "agent" else name


def step(record: KeyRecord, state: State) -> KeyRecord:
    """The record in its next state; `Mistake` if a key in its present state cannot get there."""
    if state not in STEPS[record.state]:
        raise Mistake("trust.key-step", now=record.state, wanted=state)
    return KeyRecord(
        kid=record.kid,
        purpose=record.purpose,
        state=state,
        public_jwk=record.public_jwk,
        certificate=record.certificate,
        until=record.until,
        controller=record.controller,
    )


def active(records: Iterable[KeyRecord], purpose: Purpose) -> KeyRecord:
    """The one key that signs for this purpose now; `Defect` if there is none or more than one."""
    found = [record for record in records if record.purpose == purpose and record.state == "active"]
    if len(found) != 1:
        raise Defect("trust.no-active-key", purpose=purpose)
    return found[0]


class SoftwareKey:
    """A `Signer` whose key lies in this process; signing takes some 30 µs and is done inline."""

    def __init__(self, purpose: Purpose, kid: str, public_jwk: dict[str, str], private: Private) -> None:
        self.purpose = purpose
        self.kid = kid
        self.alg = ALGORITHMS[purpose]
        self.public_jwk = public_jwk
        self._private = private
        self.sign: Callable[[bytes], bytes] = _signing(private)

    def __repr__(self) -> str:
        return f"SoftwareKey({self.purpose}, {self.kid})"

    async def seal(self, data: bytes) -> bytes:
        """The same as `sign`, in the form of the port for seals."""
        return self.sign(data)

    @classmethod
    def generate(cls, purpose: Purpose, did: str) -> "SoftwareKey":
        """A fresh key of the algorithm that the purpose asks for."""
        return cls._of(purpose, did, _fresh(purpose))

    def of(self, did: str) -> "SoftwareKey":
        """The same key under the id of another holder: for who is named after the key itself."""
        return self._of(self.purpose, did, self._private)

    def export(self, vault: Vault, participant: str) -> bytes:
        """The private JWK, sealed for this participant and kid."""
        private = json.dumps({**self.public_jwk, **_private_members(self._private)}, separators=(",", ":"))
        return vault.seal(f"{participant}|{self.kid}", private.encode())

    @classmethod
    def load(cls, vault: Vault, participant: str, record: KeyRecord, sealed: bytes) -> "SoftwareKey":
        """The key of a record; `Defect` if the sealed bytes are not this key's."""
        jwk = json.loads(vault.open(f"{participant}|{record.kid}", sealed))
        key = cls._of(record.purpose, record.kid.partition("#")[0], _restored(record.purpose, jwk))
        if key.kid != record.kid:
            raise Defect("trust.sealed")
        return key

    def record(self, state: State = "active", certificate: str | None = None) -> KeyRecord:
        """What is stored openly beside the sealed key."""
        return KeyRecord(
            kid=self.kid, purpose=self.purpose, state=state, public_jwk=self.public_jwk, certificate=certificate
        )

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public half of an ES256 key, for its certificate."""
        if not isinstance(self._private, ec.EllipticCurvePrivateKey):
            raise Defect("trust.no-certificate", purpose=self.purpose)
        return self._private.public_key()

    @classmethod
    def _of(cls, purpose: Purpose, did: str, private: Private) -> "SoftwareKey":
        jwk = _public_members(private)
        fragment = thumbprint(jwk)
        public = jwk | {"kid": fragment, "use": "sig"} | ({"alg": ALGORITHMS[purpose]} if "alg" not in jwk else {})
        return cls(purpose, f"{did}#{AGENT if purpose == 'agent' else ''}{fragment}", public, private)


def post_quantum() -> bool:
    """Whether this installation can sign with ML-DSA-44 (then participants get a *log-pq* key too)."""
    try:
        mldsa.MLDSA44PrivateKey.generate()
    except UnsupportedAlgorithm:
        return False
    return True


def _fresh(purpose: Purpose) -> Private:
    match purpose:
        case "peer" | "seal" | "agent":
            return ec.generate_private_key(ec.SECP256R1())
        case "log":
            return ed25519.Ed25519PrivateKey.generate()
        case "log-pq" | "seal-pq":
            return mldsa.MLDSA44PrivateKey.generate()
        case _:
            assert_never(purpose)


def _restored(purpose: Purpose, jwk: Mapping[str, str]) -> Private:
    match purpose:
        case "peer" | "seal" | "agent":
            return ec.derive_private_key(int.from_bytes(decode(jwk["d"]), "big"), ec.SECP256R1())
        case "log":
            return ed25519.Ed25519PrivateKey.from_private_bytes(decode(jwk["d"]))
        case "log-pq" | "seal-pq":
            return mldsa.MLDSA44PrivateKey.from_seed_bytes(decode(jwk["priv"]))
        case _:
            assert_never(purpose)


def _public_members(private: Private) -> dict[str, str]:
    if isinstance(private, ec.EllipticCurvePrivateKey):
        point = private.public_key().public_numbers()
        x, y = (encode(number.to_bytes(32, "big")) for number in (point.x, point.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    raw = encode(private.public_key().public_bytes_raw())
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": raw}
    return {"kty": "AKP", "alg": "ML-DSA-44", "pub": raw}


def _private_members(private: Private) -> dict[str, str]:
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return {"d": encode(private.private_numbers().private_value.to_bytes(32, "big"))}
    raw = encode(private.private_bytes_raw())
    return {"d": raw} if isinstance(private, ed25519.Ed25519PrivateKey) else {"priv": raw}


def _signing(private: Private) -> Callable[[bytes], bytes]:
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return lambda data: _raw(private.sign(data, _ES256))
    return private.sign


def _raw(der: bytes) -> bytes:
    r, s = decode_dss_signature(der)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")
