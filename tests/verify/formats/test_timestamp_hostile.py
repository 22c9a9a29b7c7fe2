"""Tokens of a hostile hand: each is refused with the fault that fits, and nothing that counts can be changed."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from connector.verify.formats import der, timestamp
from connector.verify.formats.faults import Doubt, Fault
from tests.verify.authority import NOTE, SHA_1, TIMESTAMPS, Authority, tlv, tst_info

pytestmark = pytest.mark.threat("T49")
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa"))


def fault(data: bytes, authority: Authority, imprint_of: bytes = NOTE) -> str:
    """Why the token is refused; nothing but a Fault may come out."""
    with pytest.raises(Fault) as caught:
        timestamp.check(data, imprint_of, [authority.root, authority.middle, authority.leaf])
    assert not isinstance(caught.value, Doubt)
    return caught.value.code


def flips(data: bytes, authority: Authority, step: int = 1) -> tuple[Counter[str], set[int]]:
    """Faults of changes of one bit (every `step`th), and the octets in which one changed nothing that is said."""
    roots = [authority.root, authority.middle]
    honest, found, idle = timestamp.check(data, NOTE, roots), Counter[str](), set()
    for at, bit in (divmod(place, 8) for place in range(0, 8 * len(data), step)):
        changed = bytearray(data)
        changed[at] ^= 1 << bit
        try:
            assert timestamp.check(bytes(changed), NOTE, roots) == honest
            idle.add(at)
        except Fault as caught:
            found[caught.code] += 1
    return found, idle


@pytest.mark.long
def test_no_bit_of_a_token_can_change(authority: Authority) -> None:
    """Every bit of a token with the signer's certificate: the authority's yes or no around it is its only idle octet.

    PKIStatus `granted` becomes `grantedWithMods`; nobody signs that.
    """
    found, idle = flips(authority.reply(authority.query(), chain=False), authority)
    assert found.keys() == {"timestamp-form", "timestamp-imprint", "timestamp-signature", "timestamp-authority"}
    assert idle == {8}
    assert flips(authority.token(chain=False), authority, step=3)[1] == set()


@pytest.mark.parametrize("step", [29, pytest.param(5, marks=pytest.mark.long)])
def test_only_a_certificate_that_nobody_needs_can_change(authority: Authority, step: int) -> None:
    """In a token with the whole chain no octet is idle but in the CA certificates that were given from outside."""
    token = authority.token()
    _, idle = flips(token, authority, step)
    unneeded: set[int] = set()
    for one in (authority.root, authority.middle):
        data = one.public_bytes(Encoding.DER)
        unneeded |= set(range(token.index(data), token.index(data) + len(data)))
    assert idle <= unneeded


def test_other_bytes(authority: Authority) -> None:
    """A token over another note, or with a hash that is broken, says nothing about ours."""
    assert fault(authority.token(), authority, NOTE + b"\n") == "timestamp-imprint"
    assert fault(authority.token(b"other"), authority) == "timestamp-imprint"
    assert fault(authority.sign(tst_info(imprint=b"")), authority) == "timestamp-imprint"
    assert fault(authority.sign(tst_info(hash=SHA_1, imprint=bytes(20))), authority) == "timestamp-imprint"


@pytest.mark.parametrize(
    "info",
    [
        tst_info(version=2),
        tst_info(time=b"20261124200003+0100"),
        tst_info(time=b"20261124200003.50Z"),
        tst_info(more=tlv(0x02, b"\x01") + tlv(0x02, b"\x01")),
        tst_info(more=tlv(0x02, b"\x01") + tlv(0x01, b"\xff")),
        tst_info(more=tlv(0xA1, tlv(0x30, b"\x06\x03\x2a\x03\x04", b"\x01\x01\xff", b"\x04\x00"))),
        tst_info(more=tlv(0x0C, b"x")),
        tst_info() + b"\x05\x00",
        b"",
        b"\x30\x00",
        b"\x02\x01\x05",
        b"\x30\x80" + tst_info()[2:] + b"\x00\x00",
    ],
    ids=len,
)
def test_other_forms_of_what_is_signed(authority: Authority, info: bytes) -> None:
    """Version, spelling of the time, doubled, disordered and critical fields, BER; well signed all the same."""
    assert fault(authority.sign(info), authority) == "timestamp-form"


def test_other_content_is_no_token(authority: Authority) -> None:
    """The same octets signed as plain data."""
    assert fault(authority.sign(tst_info(), kind="1.2.840.113549.1.7.1"), authority) == "timestamp-form"


@pytest.mark.parametrize(("binding", "hash"), [("-noattr", "sha256"), ("-nosmimecap", "sha256"), ("-cades", "sha1")])
def test_weak_ways_to_sign(authority: Authority, binding: str, hash: str) -> None:
    """Without signed attributes, without one that names the certificate, or by a hash that is broken."""
    assert fault(authority.sign(tst_info(), "-md", hash, binding=binding), authority) == "timestamp-form"


def test_the_certificate_must_be_bound_by_sha_2(authority: Authority) -> None:
    """SHA-1 in the attribute of RFC 2634 alone does not say which certificate was meant."""
    assert fault(authority.reply(authority.query(), bound="sha1"), authority) == "timestamp-form"


@pytest.mark.parametrize(
    ("what", "wrong"),
    [
        ("no purpose", {"purposes": ()}),
        ("another purpose", {"purposes": (ExtendedKeyUsageOID.CODE_SIGNING,)}),
        ("a second purpose", {"purposes": (TIMESTAMPS, ExtendedKeyUsageOID.CODE_SIGNING)}),
        ("any purpose", {"purposes": (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)}),
        ("not critical", {"critical": False}),
        ("a CA", {"ca": True}),
        ("expired", {"ends": NOW - timedelta(days=1)}),
        ("not yet", {"begins": NOW + timedelta(days=1)}),
        ("CA for another purpose", {"ca_purposes": (ExtendedKeyUsageOID.CLIENT_AUTH,)}),
    ],
)
def test_a_certificate_that_is_not_for_timestamps(tmp_path: Path, what: str, wrong: dict[str, object]) -> None:
    """The signature holds and the chain ends at the root; the certificate may not say so."""
    authority = Authority(tmp_path, name="Falsch " + what, **wrong)  # type: ignore[arg-type]
    token = authority.sign(tst_info())
    with pytest.raises(Fault, match="timestamp-authority"):
        timestamp.check(token, NOTE, authority.roots)


def test_a_foreign_root(authority: Authority, tmp_path: Path) -> None:
    """Same names, other keys; the token brings its own root along, which makes nobody trust it."""
    other = Authority(tmp_path, "rsa")
    for roots in ([other.root], [other.root, other.middle], [other.root, other.middle, other.leaf]):
        with pytest.raises(Fault, match="timestamp-authority"):
            timestamp.check(authority.token(), NOTE, roots)


def test_a_signature_by_another_key_under_the_same_name(authority: Authority, tmp_path: Path) -> None:
    """The honest certificate in place of the one that signed: the attributes name another."""
    other = Authority(tmp_path, name="Zeitstempel ")
    token = other.sign(tst_info(), "-nocerts")
    assert fault(token, authority) == "timestamp-authority"


def wrapped(token: bytes, status: int) -> bytes:
    """A response around a token."""
    return tlv(0x30, tlv(0x30, tlv(0x02, bytes([status]))), token)


def test_responses_that_grant_nothing(authority: Authority) -> None:
    """A refusal with a token in it, two tokens, none, a response in a response."""
    token = authority.token()
    assert timestamp.check(wrapped(token, 1), NOTE, authority.roots)
    for odd in (wrapped(token, 2), wrapped(b"", 0), wrapped(token + token, 0), wrapped(wrapped(token, 0), 0)):
        assert fault(odd, authority) == "timestamp-form"


def test_garbage(authority: Authority) -> None:
    """Nothing, halves, nests, BER, ten megabytes."""
    token = authority.token()
    nest = b""
    for _ in range(5_000):
        nest = tlv(0x30, nest)
    indefinite = b"\x30\x80" + token[4:] + b"\x00\x00"
    for odd in (b"", b"0", nest, wrapped(nest, 0), indefinite, bytes(10_000_000), tlv(0x30, bytes(10_000_000))):
        assert fault(odd, authority) == "timestamp-form"
    for length in range(0, len(token), 7):
        assert fault(token[:length], authority) == "timestamp-form"
    assert fault(token + b"\x00", authority) == "timestamp-form"


def test_more_than_anybody_needs(authority: Authority) -> None:
    """Nine certificates in a token: the search for a path must stay short."""
    token = authority.token(chain=False)
    leaf = authority.leaf.public_bytes(Encoding.DER)
    assert leaf in token
    many = b"".join([leaf] * 9)
    rebuilt = _with_certificates(token, many)
    assert fault(rebuilt, authority) == "timestamp-form"
    assert timestamp.check(_with_certificates(token, leaf), NOTE, [authority.middle])


def _with_certificates(token: bytes, certificates: bytes) -> bytes:
    """The token with other certificates in it."""
    kind, content = der.sequence(der.read(token))
    parts = [one.raw for one in der.sequence(der.items(content)[0])]
    parts[3] = tlv(0xA0, certificates)
    return tlv(0x30, kind.raw, tlv(0xA0, tlv(0x30, *parts)))
