"""The authority's signed list of members, read for what contracts need: log keys and listed seal certificates.

A compact JWS (ES256, `typ` `trust-list+jwt`), verified with a key from outside the bundle (contracts.md 8).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from connector.verify import base64url, jcs
from connector.verify.faults import Doubt, Fault

TYP = "trust-list+jwt"


@dataclass(frozen=True, slots=True)
class Member:
    """What the list says of one participant."""

    did: str
    name: str
    log_keys: tuple[Mapping[str, object], ...]
    seal_certificates: frozenset[str]


@dataclass(frozen=True, slots=True)
class TrustList:
    """The parsed list; `verified` only after `check`."""

    version: int
    members: Mapping[str, Member]
    signed: bytes
    signature: bytes

    def member(self, did: str) -> Member:
        """The entry of `did`; Fault `not-listed`."""
        if did not in self.members:
            raise Fault("not-listed", did=did)
        return self.members[did]


def parse(jws: bytes) -> TrustList:
    """The list in this token; Fault `trust-list-form`."""
    try:
        head, body, tail = jws.decode("ascii").split(".")
        header, payload = jcs.loads(base64url.decode(head)), jcs.loads(base64url.decode(body))
        signature = base64url.decode(tail)
    except ValueError as fault:
        raise Fault("trust-list-form") from fault
    if not isinstance(header, dict) or header.get("alg") != "ES256" or header.get("typ") != TYP or "crit" in header:
        raise Fault("trust-list-form")
    if not isinstance(payload, dict) or len(signature) != 64:
        raise Fault("trust-list-form")
    version, entries = payload.get("version"), payload.get("participants")
    if not isinstance(version, int) or not isinstance(entries, list):
        raise Fault("trust-list-form")
    members = [_member(entry) for entry in entries]
    return TrustList(version, {one.did: one for one in members}, f"{head}.{body}".encode("ascii"), signature)


def check(trust_list: TrustList, keys: Sequence[ec.EllipticCurvePublicKey]) -> None:
    """One of the authority's keys signed the list; Fault `trust-list-signature`, Doubt `no-authority` without keys."""
    if not keys:
        raise Doubt("no-authority")
    r, s = int.from_bytes(trust_list.signature[:32]), int.from_bytes(trust_list.signature[32:])
    signature = encode_dss_signature(r, s)
    if not any(_verifies(key, signature, trust_list.signed) for key in keys):
        raise Fault("trust-list-signature")


def _verifies(key: ec.EllipticCurvePublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _member(entry: object) -> Member:
    if not isinstance(entry, dict):
        raise Fault("trust-list-form")
    match entry:
        case {"did": str(did)}:
            return Member(
                did, str(entry.get("name", did)), tuple(_keys(entry.get("logKeys"))), frozenset(_certificates(entry))
            )
        case _:
            raise Fault("trust-list-form")


def _keys(value: object) -> list[Mapping[str, object]]:
    return [key for key in value if isinstance(key, dict)] if isinstance(value, list) else []


def _certificates(entry: Mapping[str, object]) -> list[str]:
    """SHA-256 of seal certificates: plain, or with their period beside it."""
    value = entry.get("sealCertificates")
    found = value if isinstance(value, list) else []
    plain = [one.get("sha256") if isinstance(one, dict) else one for one in found]
    return [one for one in plain if isinstance(one, str)]
