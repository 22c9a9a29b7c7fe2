"""A timestamp authority with a fixed clock, put together by hand: what `openssl ts` signs only at the present time."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tests.verify.authority import SHA_256, TIMESTAMPS, certificate, tlv, tst_info
from tests.verify.keys import DAY, NOW

SIGNED_DATA, TST_INFO = bytes.fromhex("06092a864886f70d010702"), bytes.fromhex("060b2a864886f70d0109100104")
CONTENT_TYPE, DIGEST = bytes.fromhex("06092a864886f70d010903"), bytes.fromhex("06092a864886f70d010904")
BOUND, ECDSA = bytes.fromhex("060b2a864886f70d010910022f"), bytes.fromhex("06082a8648ce3d040302")


def day(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def stamped_at(at: int) -> bytes:
    """As a token spells it."""
    return day(at).strftime("%Y%m%d%H%M%SZ").encode()


class Stamper:
    """A root and a certificate for timestamps under it, both from fixed days; `under`: the root of another one."""

    def __init__(
        self,
        *,
        under: "Stamper | None" = None,
        purposes: Sequence[x509.ObjectIdentifier] = (TIMESTAMPS,),
        critical: bool = True,
        ca: bool = False,
        begins: int = NOW - 30 * DAY,
        ends: int = NOW + 300 * DAY,
    ) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.above = ec.generate_private_key(ec.SECP256R1()) if under is None else under.above
        self.root = (
            under.root
            if under is not None
            else certificate(
                "Wurzel", self.above, None, ca=True, begins=day(NOW - 900 * DAY), ends=day(NOW + 9000 * DAY)
            )
        )
        self.leaf = certificate(
            "Zeitstempel",
            self.key,
            (self.root, self.above),
            ca=ca,
            purposes=purposes,
            critical=critical,
            begins=day(begins),
            ends=day(ends),
        )

    @property
    def pem(self) -> bytes:
        return self.root.public_bytes(Encoding.PEM)

    def token(
        self,
        note: bytes,
        at: int = NOW + 60,
        *,
        info: bytes | None = None,
        bound: bool = True,
        brought: bytes = b"",
        signers: int = 1,
        **said: bytes,
    ) -> bytes:
        """A TimeStampToken over the note at that time; `said` as in `tst_info`, `brought` are certificates besides."""
        return signed(
            tst_info(note, **{"time": stamped_at(at), **said}) if info is None else info,
            self.leaf,
            self.key,
            bound=bound,
            brought=brought,
            signers=signers,
        )


def signed(
    info: bytes,
    leaf: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    *,
    bound: bool = True,
    brought: bytes = b"",
    signers: int = 1,
) -> bytes:
    """Signed data over a TSTInfo, by any key and certificate at all (RFC 5652, 5)."""
    der, hash_ = leaf.public_bytes(Encoding.DER), tlv(0x30, SHA_256)
    attributes = [
        tlv(0x30, CONTENT_TYPE, tlv(0x31, TST_INFO)),
        tlv(0x30, DIGEST, tlv(0x31, tlv(0x04, sha256(info).digest()))),
    ]
    if bound:
        named = tlv(0x30, tlv(0x30, tlv(0x30, tlv(0x04, sha256(der).digest()))))
        attributes.append(tlv(0x30, BOUND, tlv(0x31, named)))
    inner = b"".join(sorted(attributes))
    number = leaf.serial_number.to_bytes(leaf.serial_number.bit_length() // 8 + 1)
    signer = tlv(
        0x30,
        tlv(0x02, b"\x01"),
        tlv(0x30, leaf.issuer.public_bytes(), tlv(0x02, number)),
        hash_,
        tlv(0xA0, inner),
        tlv(0x30, ECDSA),
        tlv(0x04, key.sign(tlv(0x31, inner), ec.ECDSA(SHA256()))),
    )
    content = tlv(0x30, TST_INFO, tlv(0xA0, tlv(0x04, info)))
    data = tlv(
        0x30, tlv(0x02, b"\x03"), tlv(0x31, hash_), content, tlv(0xA0, der, brought), tlv(0x31, *[signer] * signers)
    )
    return tlv(0x30, SIGNED_DATA, tlv(0xA0, data))
