"""Signed data of exactly one signer with signed attributes (RFC 5652, 5; RFC 5035; RFC 4055; RFC 5754).

What is not DER, not signed by exactly one, or lacks attributes is BadDer. The signature covers the SET OF attributes,
and through its message digest the content; certificates and unsigned attributes are covered by nothing here.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256, sha384, sha512

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from connector.verify.formats import der
from connector.verify.formats.certificates import ODD, is_dear
from connector.verify.formats.der import BadDer, Node, inside

SHA: Mapping[str, str] = {
    "2.16.840.1.101.3.4.2.1": "SHA-256",
    "2.16.840.1.101.3.4.2.2": "SHA-384",
    "2.16.840.1.101.3.4.2.3": "SHA-512",
}
"""Hashes that count, by object identifier. SHA-1 is not among them."""
MOST_CERTIFICATES = 8
LEAST_RSA_BITS, LEAST_EC_BITS, LONGEST_SALT = 2048, 256, 512

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_RSA, _PSS, _MGF1 = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.8"
_RSA_WITH = {f"1.2.840.113549.1.1.{arc}": name for arc, name in ((11, "SHA-256"), (12, "SHA-384"), (13, "SHA-512"))}
_ECDSA_WITH = {f"1.2.840.10045.4.3.{arc}": name for arc, name in ((2, "SHA-256"), (3, "SHA-384"), (4, "SHA-512"))}
_KEY_ID, _NAME = 0x80, inside(4)
_HASHLIB: Mapping[str, Callable[[bytes], bytes]] = {
    "SHA-256": lambda data: sha256(data).digest(),
    "SHA-384": lambda data: sha384(data).digest(),
    "SHA-512": lambda data: sha512(data).digest(),
}
_HASHES: Mapping[str, HashAlgorithm] = {"SHA-256": SHA256(), "SHA-384": SHA384(), "SHA-512": SHA512()}


def digest(name: str, data: bytes) -> bytes:
    """The hash of one of the names in `SHA`."""
    return _HASHLIB[name](data)


@dataclass(frozen=True, slots=True)
class Named:
    """Which certificate is meant: DER of its issuer and its serial number, or its subject key identifier."""

    issuer: bytes = b""
    serial: int = 0
    key_id: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedData:
    """The parts; nothing is proven yet. `signed` is what the signature is over, `claim` and `bound` say by whom."""

    content_type: str
    content: bytes
    certificates: tuple[x509.Certificate, ...]
    claim: Named
    bound_hash: str
    bound_digest: bytes
    bound_name: Named | None
    hash: str
    content_digest: bytes
    signed: bytes
    scheme: Node
    signature: bytes


def read(node: Node) -> SignedData:
    """The signed data in a ContentInfo; BadDer if it is of another form."""
    kind, content = _exactly(der.sequence(node), 2)
    if der.oid(kind) != _SIGNED_DATA:
        raise BadDer("content")
    version, hashes, wrapped, *rest = der.sequence(_explicit(content, 0))
    certificates = der.items(rest.pop(0)) if rest and rest[0].tag == inside(0) else ()
    revocations = rest.pop(0) if rest and rest[0].tag == inside(1) else None
    (signers,) = _exactly(tuple(rest), 1)
    if der.integer(version) not in ((3, 5) if revocations else (3,)) or len(certificates) > MOST_CERTIFICATES:
        raise BadDer("version")
    content_type, content_octets = _content(wrapped)
    (signer,) = _exactly(der.ordered(der.expect(signers, der.SET)), 1)
    (named_hash,) = _exactly(der.ordered(der.expect(hashes, der.SET)), 1)
    return _signer(signer, content_type, content_octets, _certificates(certificates), hash_name(named_hash))


def hash_name(node: Node) -> str:
    """The hash that an AlgorithmIdentifier names; BadDer for one that does not count."""
    found, parameters = algorithm(node)
    if found not in SHA or (parameters is not None and parameters.tag != der.NULL):
        raise BadDer("hash")
    return SHA[found]


def algorithm(node: Node) -> tuple[str, Node | None]:
    """Object identifier and parameters."""
    name, *parameters = der.sequence(node) or (Node(0, b"", b""),)
    if len(parameters) > 1:
        raise BadDer("algorithm")
    return der.oid(name), parameters[0] if parameters else None


def means(named: Named, certificate: x509.Certificate) -> bool:
    """Whether this certificate is the one that is named."""
    if named.key_id:
        try:
            found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        except (x509.ExtensionNotFound, *ODD):
            return False
        return found.value.digest == named.key_id
    try:
        return (_issuer(certificate), certificate.serial_number) == (named.issuer, named.serial)
    except BadDer:
        return False


def is_bound(data: SignedData, certificate: x509.Certificate) -> bool:
    """Whether the signed attributes name exactly this certificate (signing-certificate-v2, first of its list)."""
    own = digest(data.bound_hash, certificate.public_bytes(Encoding.DER))
    return hmac.compare_digest(own, data.bound_digest) and (
        data.bound_name is None or means(data.bound_name, certificate)
    )


def verify(data: SignedData, key: CertificatePublicKeyTypes) -> None:
    """The key signed the attributes, and they name the content; InvalidSignature otherwise, also for weak keys."""
    if not hmac.compare_digest(digest(data.hash, data.content), data.content_digest):
        raise InvalidSignature("content")
    name, parameters = algorithm(data.scheme)
    hashed = _HASHES[data.hash]
    if isinstance(key, ec.EllipticCurvePublicKey):
        if _ECDSA_WITH.get(name) != data.hash or parameters is not None or key.key_size < LEAST_EC_BITS:
            raise InvalidSignature("scheme")
        key.verify(data.signature, data.signed, ec.ECDSA(hashed))
    elif isinstance(key, rsa.RSAPublicKey) and key.key_size >= LEAST_RSA_BITS:
        key.verify(data.signature, data.signed, _padding(name, parameters, data.hash), hashed)
    else:
        raise InvalidSignature("key")


def _padding(name: str, parameters: Node | None, hash: str) -> padding.PKCS1v15 | padding.PSS:
    if name == _PSS and parameters is not None:
        return padding.PSS(padding.MGF1(_HASHES[hash]), _salt(parameters, hash))
    plain = parameters is None or parameters.tag == der.NULL
    if not plain or not (name == _RSA or _RSA_WITH.get(name) == hash):
        raise InvalidSignature("scheme")
    return padding.PKCS1v15()


def _salt(parameters: Node, hash: str) -> int:
    """Length of the salt; the hash and that of its mask must be the one of the signature (RFC 4055, 3.1)."""
    try:
        own, mask, *rest = der.sequence(parameters)
        mask_name, mask_hash = algorithm(_explicit(mask, 1))
        if hash_name(_explicit(own, 0)) != hash or mask_name != _MGF1 or mask_hash is None:
            raise InvalidSignature("scheme")
        if hash_name(mask_hash) != hash or len(rest) != 1:
            raise InvalidSignature("scheme")
        length = der.integer(_explicit(rest[0], 2))
    except ValueError as fault:
        raise InvalidSignature("scheme") from fault
    if not 0 <= length <= LONGEST_SALT:
        raise InvalidSignature("scheme")
    return length


def _signer(
    node: Node, content_type: str, content: bytes, certificates: tuple[x509.Certificate, ...], listed: str
) -> SignedData:
    version, who, own_hash, attributes, scheme, signature, *unsigned = der.sequence(node)
    claim = _claim(who)
    if der.integer(version) != (3 if claim.key_id else 1) or hash_name(own_hash) != listed:
        raise BadDer("signer")
    if [one.tag for one in unsigned] not in ([], [inside(1)]):
        raise BadDer("signer")
    found = _attributes(der.expect(attributes, inside(0)))
    if der.oid(_of(found, _CONTENT_TYPE)) != content_type:
        raise BadDer("content")
    bound_hash, bound_digest, bound_name = _bound(_of(found, _CERTIFICATE_V2))
    return SignedData(
        content_type=content_type,
        content=content,
        certificates=certificates,
        claim=claim,
        bound_hash=bound_hash,
        bound_digest=bound_digest,
        bound_name=bound_name,
        hash=listed,
        content_digest=der.octets(_of(found, _MESSAGE_DIGEST)),
        # Signed as what they are, a SET OF, not under the tag that they carry here (RFC 5652, 5.4).
        signed=bytes([der.SET]) + attributes.raw[1:],
        scheme=scheme,
        signature=der.octets(signature),
    )


def _content(node: Node) -> tuple[str, bytes]:
    kind, wrapped = _exactly(der.sequence(node), 2)
    return der.oid(kind), der.octets(_explicit(wrapped, 0))


def _certificates(nodes: tuple[Node, ...]) -> tuple[x509.Certificate, ...]:
    try:
        found = tuple(x509.load_der_x509_certificate(_numbered(node).raw) for node in nodes)
        dear = any(is_dear(one) for one in found)
    except ODD as fault:
        raise BadDer("certificate") from fault
    if dear:
        raise BadDer("certificate")
    return found


def _claim(node: Node) -> Named:
    if node.tag == _KEY_ID and node.body:
        return Named(key_id=node.body)
    issuer, serial = _exactly(der.sequence(node), 2)
    return Named(der.expect(issuer, der.SEQUENCE).raw, der.integer(serial))


def _attributes(node: Node) -> Mapping[str, Node]:
    """Each kind once, with one value; kinds that we do not know are signed too and say nothing."""
    found: dict[str, Node] = {}
    for one in der.ordered(node):
        kind, values = _exactly(der.sequence(one), 2)
        name, inner = der.oid(kind), der.ordered(der.expect(values, der.SET))
        if name in found or not inner:
            raise BadDer("attribute")
        found[name] = inner[0] if len(inner) == 1 else values
    return found


def _of(attributes: Mapping[str, Node], kind: str) -> Node:
    if kind not in attributes:
        raise BadDer("attribute")
    return attributes[kind]


def _bound(node: Node) -> tuple[str, bytes, Named | None]:
    """Hash name, digest and name of the first ESSCertIDv2 (RFC 5035, 4): the signer's certificate."""
    listed, *_policies = der.sequence(node) or (node,)
    first, *_others = der.sequence(listed) or (node,)
    parts = list(der.sequence(first))
    name = hash_name(parts.pop(0)) if parts and parts[0].tag == der.SEQUENCE else "SHA-256"
    if not 1 <= len(parts) <= 2:
        raise BadDer("attribute")
    return name, der.octets(parts[0]), _general(parts[1]) if len(parts) == 2 else None


def _general(node: Node) -> Named:
    names, serial = _exactly(der.sequence(node), 2)
    (name,) = _exactly(der.sequence(names), 1)
    (directory,) = _exactly(der.items(der.expect(name, _NAME)), 1)
    return Named(directory.raw, der.integer(serial))


def _numbered(node: Node) -> Node:
    """A certificate whose number is positive (RFC 5280, 4.1.2.2); the library only warns about others."""
    if der.integer(_fields(node)[0]) <= 0:
        raise BadDer("certificate")
    return node


def _issuer(certificate: x509.Certificate) -> bytes:
    """The issuer as it is spelled in the certificate."""
    return der.expect(_fields(der.read(certificate.public_bytes(Encoding.DER)))[2], der.SEQUENCE).raw


def _fields(certificate: Node) -> tuple[Node, ...]:
    """What a certificate says from its number on: number, algorithm, issuer and more."""
    body = der.sequence(der.sequence(certificate)[0])
    return body[1:] if body[0].tag == inside(0) else body


def _explicit(node: Node, number: int) -> Node:
    return _exactly(der.items(der.expect(node, inside(number))), 1)[0]


def _exactly(nodes: tuple[Node, ...], count: int) -> tuple[Node, ...]:
    if len(nodes) != count:
        raise BadDer("fields")
    return nodes
