"""What is trusted from outside the bundle: roots of seal certificates and the authority's key (spec/contracts.md 8.1).

One PEM file: `CERTIFICATE` blocks are roots, `PUBLIC KEY` blocks verify the trust list. Nothing else is trusted.
"""

import re
from dataclasses import dataclass
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from connector.verify.formats import certificates
from connector.verify.formats.faults import Doubt

_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Anchors:
    """Trusted roots and authority keys; both empty means that nothing can be judged.

    `timestamps` are the roots of timestamp authorities, kept apart: none of them can vouch for a seal.
    """

    roots: tuple[x509.Certificate, ...] = ()
    authority: tuple[ec.EllipticCurvePublicKey, ...] = ()
    timestamps: tuple[x509.Certificate, ...] = ()

    def fingerprints(self) -> list[str]:
        """SHA-256 (hex) of each anchor as DER, to compare with what the data space publishes."""
        keys = [key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in self.authority]
        certificates = [root.public_bytes(Encoding.DER) for root in (*self.roots, *self.timestamps)]
        return [sha256(der).hexdigest() for der in (*certificates, *keys)]


def parse(pem: bytes | None, timestamps_pem: bytes | None = None) -> Anchors:
    """The anchors in a PEM file, and the roots of timestamp authorities in another one.

    Doubt `anchors` if a block cannot be read or is of a kind that is no anchor, or if there is none for timestamps.
    """
    roots, authority = _blocks(pem)
    timestamps, keys = _blocks(timestamps_pem)
    if keys or (timestamps_pem is not None and not timestamps):
        raise Doubt("anchors")
    return Anchors(roots, authority, timestamps)


def _blocks(pem: bytes | None) -> tuple[tuple[x509.Certificate, ...], tuple[ec.EllipticCurvePublicKey, ...]]:
    roots: list[x509.Certificate] = []
    authority: list[ec.EllipticCurvePublicKey] = []
    for block in _BLOCK.finditer(pem or b""):
        try:
            match block[1]:
                case b"CERTIFICATE":
                    roots += certificates.pem(block[0] + b"\n")
                case b"PUBLIC KEY":
                    authority.append(_p256(block[0] + b"\n"))
                case _:
                    raise Doubt("anchors")
        except (ValueError, UnsupportedAlgorithm) as fault:
            raise Doubt("anchors") from fault
    return tuple(roots), tuple(authority)


def _p256(pem: bytes) -> ec.EllipticCurvePublicKey:
    key = load_pem_public_key(pem)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Doubt("anchors")
    return key
