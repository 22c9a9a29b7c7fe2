"""One seal: its only accepted form, its objects, its signature, its owner; checked by an independent library too."""

import base64
import itertools
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jws
from joserfc.jwk import ECKey

from connector.exchange.contracts.document import sealing
from connector.verify.formats import base64url, jades
from connector.verify.formats.faults import Doubt, Fault
from tests.verify.forge import NOW, PROVIDER, SealCa, SealKey, es256, jwk_of

CA = SealCa()
KEY = SealKey(PROVIDER, CA)
OBJECTS = {"urn:uuid:1": b'{"a":1}', "https://localhost:18443/musterstadt/evidence/objects/ab": b"<html>"}
REFERENCES = [sealing.Reference(par, body, "application/json") for par, body in OBJECTS.items()]


def sealed() -> str:
    return sealing.sign(REFERENCES, KEY, KEY.chain, NOW)


def check(token: str, objects: dict[str, bytes] | None = None, **change: Any) -> jades.Seal:
    facts: dict[str, Any] = {"did": PROVIDER, "document": KEY.document(), "roots": [CA.certificate]} | change
    return jades.check(token, OBJECTS if objects is None else objects, **facts)


def refusal(token: str, objects: dict[str, bytes] | None = None, **change: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        check(token, objects, **change)
    return caught.value


def remade(change: Callable[[dict[str, Any]], object], key: ec.EllipticCurvePrivateKey = KEY.key) -> str:
    """The seal with a changed header, signed again: only the form can betray it."""
    header = json.loads(base64url.decode(sealed().split(".")[0]))
    change(header)
    head = base64url.encode(json.dumps(header, separators=(",", ":")).encode())
    return f"{head}..{base64url.encode(es256(key, f'{head}.'.encode()))}"


def test_a_seal_holds() -> None:
    """Form, objects, signature, owner and chain; with the values that went in."""
    seal = check(sealed())
    assert (seal.did, seal.kid, seal.iat, seal.alg) == (PROVIDER, KEY.kid, NOW, "ES256")
    assert dict(zip(seal.pars, seal.ctys, strict=True)) == dict.fromkeys(OBJECTS, "application/json")


def test_the_digest_is_over_the_base64url_text() -> None:
    """The trap of `sigD` without `b64`: known value for the object `abc`, made step by step."""
    text = base64.urlsafe_b64encode(b"abc").rstrip(b"=")
    assert text == b"YWJj"
    assert jades.object_hash(b"abc") == "NdlWlNPxYCFdspPHiZ2qWQeDeDj7S4EZ7XE-MkRsEmY"


@pytest.mark.threat("T112")
def test_hashes_are_kept_by_what_they_are_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> more objects than are kept, in turns  << each time the hash that is made step by step."""
    monkeypatch.setattr(jades, "MOST_HASHES", 4)
    monkeypatch.setattr(jades, "_HASHES", {})
    jades._of_bytes.cache_clear()
    for number in (0, 1, 0, 2, 3, 4, 5, 0, 5, *range(100), 0, 1, 0):
        for size in (40, jades.SMALL, jades.SMALL + 1):
            body = bytes([number]) * size
            text = base64.urlsafe_b64encode(body).rstrip(b"=")
            assert jades.object_hash(body) == base64url.encode(sha256(text).digest())
            assert len(jades._HASHES) <= 4
    assert jades._of_bytes.cache_info().currsize == 64


@pytest.mark.threat("T112")
def test_a_small_object_is_hashed_once_while_a_seal_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> five objects, each asked for three times  << five hashes; a larger one is kept by its digest alone."""
    monkeypatch.setattr(jades, "_HASHES", {})
    jades._of_bytes.cache_clear()
    hashed: list[int] = []

    def counted(body: bytes) -> Any:
        hashed.append(len(body))
        return sha256(body)

    monkeypatch.setattr(jades, "sha256", counted)
    objects = [bytes([number]) * 300 for number in range(5)]
    first = [jades.object_hash(body) for body in objects]
    for _ in range(2):
        assert [jades.object_hash(bytes(bytearray(body))) for body in objects] == first
    assert hashed == [300, 400] * 5
    large = b"x" * (jades.SMALL + 1)
    hashed.clear()
    assert jades.object_hash(large) == jades.object_hash(large)
    assert hashed == [len(large), 10924, len(large)]
    assert jades._of_bytes.cache_info().currsize == 5


class _Registry(jws.JWSRegistry):
    """The independent library's limit of 512 bytes is too small for a certificate in the header."""

    max_header_length = 16_384


def test_an_independent_library_accepts_the_signature() -> None:
    """joserfc verifies the detached signature; it does not look at the objects."""
    registry = _Registry(
        header_registry={
            "sigD": jws.default_registry.header_registry["typ"].__class__("hashed objects", lambda _: None),
            "iat": jws.default_registry.header_registry["typ"].__class__("signing time", lambda _: None),
        },
        algorithms=["ES256"],
        strict_check_header=False,
    )
    found = jws.deserialize_compact(sealed(), ECKey.import_key(jwk_of(KEY.key)), registry=registry)
    assert found.payload == b""
    other = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(Exception, match="bad_signature"):
        jws.deserialize_compact(sealed(), ECKey.import_key(jwk_of(other)), registry=registry)


@pytest.mark.threat("T32")
@pytest.mark.parametrize("step", [11, pytest.param(3, marks=pytest.mark.long)])
def test_every_bit_of_a_seal_counts(step: int) -> None:
    """All flips of every 11th byte: no changed seal is accepted."""
    honest = sealed().encode()
    for position, bit in itertools.product(range(0, len(honest), step), range(8)):
        raw = bytearray(honest)
        raw[position] ^= 1 << bit
        refusal(raw.decode("latin-1"))


@pytest.mark.threat("T32")
@pytest.mark.parametrize("par", list(OBJECTS))
def test_every_bit_of_an_object_counts(par: str) -> None:
    """A changed or absent object is named."""
    for position, bit in itertools.product(range(len(OBJECTS[par])), range(8)):
        raw = bytearray(OBJECTS[par])
        raw[position] ^= 1 << bit
        fault = refusal(sealed(), OBJECTS | {par: bytes(raw)})
        assert (fault.code, fault.facts) == ("object-changed", {"par": par})
    rest = {name: body for name, body in OBJECTS.items() if name != par}
    assert refusal(sealed(), rest).code == "object-missing"


def set_to(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda header: header.__setitem__(name, value)


def sigd(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda header: header["sigD"].__setitem__(name, value)


@pytest.mark.threat("T06")
@pytest.mark.parametrize(
    "alg", ["none", "HS256", "ES384", "ES512", "RS256", "PS256", "EdDSA", "ES256K", "es256", None, 1]
)
def test_only_the_algorithm_of_the_certificate(alg: object) -> None:
    """Whatever `alg` says, only what the certificate's key can mean is taken."""
    fault = refusal(remade(set_to("alg", alg)))
    assert (fault.code, fault.facts["what"]) == ("seal-form", "alg")


@pytest.mark.parametrize(
    "change",
    [
        set_to("crit", []),
        set_to("crit", ["sigD", "b64"]),
        set_to("crit", ["b64"]),
        set_to("crit", "sigD"),
        lambda header: header.pop("crit"),
        set_to("b64", False),
        set_to("jwk", jwk_of(KEY.key)),
        set_to("jku", "https://evil.example/keys"),
        set_to("x5u", "https://evil.example/cert"),
        set_to("sigT", "2026-11-24T20:00:00Z"),
        lambda header: header.pop("kid"),
        set_to("kid", "urn:key"),
        set_to("kid", f"{PROVIDER}#"),
        set_to("kid", f"{PROVIDER}#a#b"),
        set_to("iat", "1795000000"),
        set_to("iat", True),
        set_to("iat", 1795000000.5),
        set_to("iat", -1),
        lambda header: header.pop("iat"),
        lambda header: header.pop("x5t#S256"),
        set_to("x5t#S256", "AAAA"),
        set_to("x5c", []),
        set_to("x5c", ["AAAA"]),
        set_to("x5c", [1]),
        set_to("x5c", [base64url.encode_padded(KEY.chain[0])] * 6),
        lambda header: header.pop("sigD"),
        set_to("sigD", []),
        sigd("mId", "http://uri.etsi.org/19182/ObjectIdByURI"),
        sigd("hashM", "S512"),
        sigd("pars", []),
        sigd("pars", ["urn:uuid:1"]),
        sigd("pars", ["urn:uuid:1", "urn:uuid:1"]),
        sigd("pars", "urn:uuid:1"),
        sigd("ctys", ["application/json"]),
        sigd("hashV", ["AA"]),
        sigd("hashV", [1, 2]),
        sigd("extra", 1),
    ],
)
def test_any_other_form_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    """The signature is right each time; the profile is not."""
    assert refusal(remade(change)).code == "seal-form"


def test_optional_members_are_read_past() -> None:
    """Role, commitment and policy may stand in the header."""
    check(remade(set_to("srCms", [{"commId": {"id": "http://uri.etsi.org/01903/v1.2.2#ProofOfApproval"}}])))


def test_doubled_header_members_are_refused() -> None:
    """Two `kid`s: parsers would not agree which one counts."""
    text = base64url.decode(sealed().split(".")[0]).decode().replace("{", '{"kid":"did:web:evil#x",', 1)
    head = base64url.encode(text.encode())
    fault = refusal(f"{head}..{base64url.encode(es256(KEY.key, f'{head}.'.encode()))}")
    assert fault.facts == {"what": "header"}


def test_base64_has_one_spelling() -> None:
    """Padding, the other alphabet, line breaks and unused bits are all refused."""
    head, _, tail = sealed().split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    slack = tail[:-1] + last[last.index(tail[-1]) ^ 1]
    for bad in (f"{head}..{tail}==", f"{head}=..{tail}", f"{head}..{tail}\n", f"{head}..{slack}", f" {head}..{tail}"):
        assert refusal(bad).code == "seal-form"


def test_the_payload_part_is_empty() -> None:
    """A detached seal carries nothing; three parts exactly."""
    head, _, tail = sealed().split(".")
    for bad in (f"{head}.YQ.{tail}", f"{head}.{tail}", f"{head}...{tail}", "", ".." + "A" * 86, "A" * 70_000):
        assert refusal(bad).code == "seal-form"


def test_a_signature_in_der_is_refused() -> None:
    """JWS has raw R||S."""
    head = sealed().split(".")[0]
    der = KEY.key.sign(f"{head}.".encode(), ec.ECDSA(SHA256()))
    assert refusal(f"{head}..{base64url.encode(der)}").facts == {"what": "signature"}


def test_the_certificate_must_be_p256() -> None:
    """A key on another curve has no algorithm here."""
    key = ec.generate_private_key(ec.SECP384R1())
    certificate = CA.issue(key.public_key(), [PROVIDER])
    der = certificate.public_bytes(Encoding.DER)
    token = sealing.sign(REFERENCES, KEY, [der], NOW)
    assert refusal(token).facts == {"what": "alg"}


@pytest.mark.parametrize("oid", ["06082a8648ce3d030107", "06072a8648ce3d0201"], ids=["curve", "kind of key"])
def test_a_certificate_with_a_key_that_nobody_knows_is_refused(oid: str) -> None:
    """A curve or kind of key that the library cannot read is a fault of the seal, not ours."""

    def unknown(header: dict[str, Any]) -> None:
        known = bytes.fromhex(oid)
        der = base64url.decode_padded(header["x5c"][0]).replace(known, known[:-1] + b"\x63")
        header["x5c"] = [base64url.encode_padded(der)]
        header["x5t#S256"] = base64url.encode(sha256(der).digest())

    assert refusal(remade(unknown)).facts == {"what": "alg"}


def test_a_signature_by_another_key_is_refused() -> None:
    """The form is right, the key is not the certificate's."""
    other = ec.generate_private_key(ec.SECP256R1())
    assert refusal(remade(lambda _: None, other)).code == "seal-signature"


def test_without_roots_nothing_is_judged() -> None:
    """A doubt, not a fault."""
    with pytest.raises(Doubt):
        check(sealed(), roots=[])


def test_the_root_may_stand_in_the_chain() -> None:
    """A signer may send the root along; it is trusted because of the anchor, not because it was sent."""
    token = sealing.sign(REFERENCES, KEY, [*KEY.chain, CA.certificate.public_bytes(Encoding.DER)], NOW)
    check(token)
    assert refusal(token, roots=[SealCa("Andere").certificate]).code == "chain"
