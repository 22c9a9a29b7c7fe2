"""What is trusted from outside the bundle: roots of seal certificates and the authority's key (contracts.md 15).

One PEM file: `CERTIFICATE` blocks are roots, `PUBLIC KEY` blocks verify the trust list. Nothing else is trusted.
"""

import re
from dataclasses import dataclass
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from connector.verify.faults import Doubt

_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Anchors:
    """Trusted roots and authority keys; both empty means that nothing can be judged."""

    roots: tuple[x509.Certificate, ...] = ()
    authority: tuple[ec.EllipticCurvePublicKey, ...] = ()

    def fingerprints(self) -> list[str]:
        """SHA-256 (hex) of each anchor as DER, to compare with what the data space publishes."""
        keys = [key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in self.authority]
        return [sha256(der).hexdigest() for der in (*(root.public_bytes(Encoding.DER) for root in self.roots), *keys)]


def parse(pem: bytes | None) -> Anchors:
    """The anchors in a PEM file; Doubt `anchors` if a block cannot be read or is of a kind that is no anchor."""
    roots: list[x509.Certificate] = []
    authority: list[ec.EllipticCurvePublicKey] = []
    for block in _BLOCK.finditer(pem or b""):
        try:
            match block[1]:
                case b"CERTIFICATE":
                    roots.append(x509.load_pem_x509_certificate(block[0] + b"\n"))
                case b"PUBLIC KEY":
                    authority.append(_p256(block[0] + b"\n"))
                case _:
                    raise Doubt("anchors")
        except (ValueError, UnsupportedAlgorithm) as fault:
            raise Doubt("anchors") from fault
    return Anchors(tuple(roots), tuple(authority))


def _p256(pem: bytes) -> ec.EllipticCurvePublicKey:
    key = load_pem_public_key(pem)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Doubt("anchors")
    return key
