"""A certificate request (PKCS#10, RFC 2986) for a seal key, signed through the port, wherever the key lies.

`cryptography` writes requests only for keys that it holds; so the few lines of DER around its names and extensions are
written here, and what comes out is read and verified by it before it leaves.
"""

from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connector.foundation.errors import Unavailable
from connector.identity.trust.development.dev_ca import subject
from connector.identity.trust.signers.port import Public, SealKey, scheme_of

_SEQUENCE, _SET, _OCTETS, _BITS, _ATTRIBUTES = 0x30, 0x31, 0x04, 0x03, 0xA0
_VERSION: Final = bytes.fromhex("020100")
_TRUE: Final = bytes.fromhex("0101ff")
_EXTENSION_REQUEST: Final = bytes.fromhex("06092a864886f70d01090e")
_KEY_USAGE, _ALT_NAME = bytes.fromhex("0603551d0f"), bytes.fromhex("0603551d11")
_SHA256: Final = bytes.fromhex("300d06096086480165030402010500")
_ALGORITHMS: Final = {
    "ES256": bytes.fromhex("300a06082a8648ce3d040302"),
    "ES384": bytes.fromhex("300a06082a8648ce3d040303"),
    # RSASSA-PSS (RFC 4055) with SHA-256 for both hashes and a salt of 32 bytes, as PS256 has it.
    "PS256": bytes.fromhex("304106092a864886f70d01010a3034a00f")
    + _SHA256
    + bytes.fromhex("a11c301a06092a864886f70d010108")
    + _SHA256
    + bytes.fromhex("a203020120"),
}


async def write(name: str, did: str, public: Public, key: SealKey) -> str:
    """PEM: `name` as common name, the DID as URI that the seal CA is to certify, use for signatures and seals.

    Raises Unavailable `signers.*` if the keeper gives no signature, or none that fits.
    """
    scheme = scheme_of(public)
    info = _der(
        _SEQUENCE,
        _VERSION,
        subject(name).public_bytes(),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        _der(_ATTRIBUTES, _der(_SEQUENCE, _EXTENSION_REQUEST, _der(_SET, _der(_SEQUENCE, *_extensions(did))))),
    )
    signature = await key.seal(info)
    if scheme.half:
        r, s = (int.from_bytes(part, "big") for part in (signature[: scheme.half], signature[scheme.half :]))
        signature = encode_dss_signature(r, s)
    whole = _der(_SEQUENCE, info, _ALGORITHMS[scheme.alg], _der(_BITS, b"\0", signature))
    made = x509.load_der_x509_csr(whole)
    if not made.is_signature_valid:
        raise Unavailable("signers.wrong-signature", signer="file")
    return made.public_bytes(Encoding.PEM).decode("ascii")


def _extensions(did: str) -> tuple[bytes, bytes]:
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(did)])
    return (
        _der(_SEQUENCE, _KEY_USAGE, _TRUE, _der(_OCTETS, usage.public_bytes())),
        _der(_SEQUENCE, _ALT_NAME, _der(_OCTETS, names.public_bytes())),
    )


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content
