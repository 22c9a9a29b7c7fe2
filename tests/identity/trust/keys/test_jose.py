"""Tokens: every row of the table of traps, each refused; what we sign, others can read."""

import base64
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws as other_jws
from joserfc.jwk import import_key

from connector.foundation.errors import Unauthenticated
from connector.identity.trust.keys.jose import check, read, sign_jwt, signed_text, verify, verify_document
from connector.identity.trust.keys.jwk import decode, encode
from connector.identity.trust.keys.signing import SoftwareKey

NOW = 1_795_000_000_000
AT = NOW // 1000
US = "did:web:nachbardorf.de"
TOWN = "did:web:localhost%3A18443:musterstadt"
CLAIMS: dict[str, Any] = {"iss": TOWN, "sub": TOWN, "aud": US, "jti": "j-1", "iat": AT, "exp": AT + 300}
PRIVATE = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "PS256": rsa.generate_private_key(65537, 2048),
}


def jwk_of(alg: str) -> dict[str, Any]:
    public: Any = PRIVATE[alg].public_key()
    kind: Any = {
        "ES256": jwt.algorithms.ECAlgorithm,
        "ES384": jwt.algorithms.ECAlgorithm,
        "EdDSA": jwt.algorithms.OKPAlgorithm,
        "PS256": jwt.algorithms.RSAAlgorithm,
    }[alg]
    made: dict[str, Any] = kind.to_jwk(public, as_dict=True)
    return {name: value for name, value in made.items() if name != "key_ops"}


def token(claims: dict[str, Any] = CLAIMS, alg: str = "ES256", **header: Any) -> str:
    return jwt.encode(claims, PRIVATE[alg], algorithm=alg, headers={"kid": f"{TOWN}#k", **header})


def raw_token(head: bytes, body: bytes) -> str:
    """A well-signed ES256 token over exactly these bytes."""
    signed = f"{encode(head)}.{encode(body)}"
    signature = jwt.get_algorithm_by_name("ES256").sign(signed.encode(), PRIVATE["ES256"])
    return f"{signed}.{encode(signature)}"


HEAD = json.dumps({"alg": "ES256", "kid": f"{TOWN}#k"}).encode()
BODY = json.dumps(CLAIMS).encode()


def ask(text: str, alg: str = "ES256", **expected: Any) -> Any:
    return verify(text, jwk_of(alg), **({"aud": US, "iss": TOWN, "now": NOW} | expected))


@pytest.mark.parametrize("alg", PRIVATE)
def test_a_good_token_of_each_algorithm_is_accepted(alg: str) -> None:
    """>> ES256, ES384, EdDSA, PS256 with the fitting key << its claims."""
    assert ask(token(alg=alg), alg) == CLAIMS


@pytest.mark.threat("T06")
@pytest.mark.parametrize(
    "named", [*PRIVATE, "none", "HS256", "RS256", "ES512", "ES256K", "Ed25519", "es256", "", None, 1]
)
@pytest.mark.parametrize("alg", PRIVATE)
def test_the_algorithm_of_the_header_is_never_obeyed(alg: str, named: object) -> None:
    """>> each name in the header over a signature by each key << refused unless name and key agree."""
    head = json.dumps({"alg": named, "kid": f"{TOWN}#k"}).encode()
    signed = f"{encode(head)}.{encode(BODY)}"
    signature = jwt.get_algorithm_by_name(alg).sign(signed.encode(), PRIVATE[alg])
    text = f"{signed}.{encode(signature)}"
    for key in PRIVATE:
        if named == alg == key:
            ask(text, key)
        else:
            with pytest.raises(Unauthenticated):
                ask(text, key)


PUBLIC = PRIVATE["ES256"].public_key()
PEM = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
SECRETS = {
    "PEM": PEM,
    "PEM with CRLF": PEM.replace(b"\n", b"\r\n"),
    "PEM behind a space": b" " + PEM,
    "DER": PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "point": PUBLIC.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
    "OpenSSH": PUBLIC.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
    "JWK": json.dumps(jwk_of("ES256")).encode(),
    "nothing": b"",
}


@pytest.mark.threat("T06")
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512", "ES256", "none"])
@pytest.mark.parametrize("name", SECRETS)
def test_a_public_key_is_no_secret(name: str, alg: str) -> None:
    """>> an HMAC keyed with the public key in each encoding, under each name << refused."""
    signed = f"{encode(json.dumps({'alg': alg}).encode())}.{encode(BODY)}"
    mac = hmac.new(SECRETS[name], signed.encode(), "sha256").digest()
    for signature in (mac, mac + mac, b"\0" * 64):
        with pytest.raises(Unauthenticated):
            ask(f"{signed}.{encode(signature)}")


@pytest.mark.threat("T06")
def test_an_empty_signature_is_no_signature() -> None:
    """>> two segments, an empty third, four << not well-formed."""
    for text in (
        f"{encode(HEAD)}.{encode(BODY)}",
        f"{encode(HEAD)}.{encode(BODY)}.",
        token() + ".x",
        "",
        "..",
        "a.b.c",
    ):
        with pytest.raises(Unauthenticated, match="token-form"):
            ask(text)


@pytest.mark.threat("T06")
def test_a_signature_has_one_length() -> None:
    """>> the same two numbers with a zero before either, and cut short << refused: what holds is written one way."""
    head, body, signature = token().split(".")
    octets = decode(signature)
    for other in (b"\0" + octets, octets[:32] + b"\0" + octets[32:], octets + b"\0", octets[:63], octets[:32]):
        with pytest.raises(Unauthenticated, match="token-signature"):
            ask(f"{head}.{body}.{encode(other)}")


@pytest.mark.threat("T06")
def test_any_flipped_bit_is_found() -> None:
    """>> each bit of signature and signed text << refused."""
    good = bytearray(token().encode())
    for place in range(len(good)):
        for bit in (1, 4, 32):
            bad = bytearray(good)
            bad[place] ^= bit
            with pytest.raises(Unauthenticated):
                ask(bad.decode("latin-1"))


FORMS = {
    "padded": lambda text: text + "=",
    "padded head": lambda text: text.replace(".", "=.", 1),
    "space": lambda text: " " + text,
    "line end": lambda text: text + "\n",
    "standard base64": lambda text: text.replace("_", "/").replace("-", "+") + "+",
    "non-ASCII": lambda text: text + "ä",
    "enormous": lambda text: text + "A" * 70_000,
}


@pytest.mark.threat("T06")
@pytest.mark.parametrize("name", FORMS)
def test_odd_forms_are_refused(name: str) -> None:
    """>> padding, blanks, foreign alphabets << not well-formed."""
    with pytest.raises(Unauthenticated, match="token-form"):
        ask(FORMS[name](token()))


BODIES = {
    "duplicate alg": (b'{"alg":"none","alg":"ES256"}', BODY),
    "duplicate claim": (HEAD, BODY[:-1] + b',"aud":"did:web:nachbardorf.de"}'),
    "NaN": (HEAD, BODY[:-1] + b',"x":NaN}'),
    "lone surrogate": (HEAD, BODY[:-1] + b',"x":"\\ud800"}'),
    "bad UTF-8": (HEAD, BODY[:-1] + b',"x":"\xff"}'),
    "deep": (HEAD, BODY[:-1] + b',"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
    "5000 digits": (HEAD, BODY[:-1] + b',"x":' + b"9" * 5000 + b"}"),
    "list as claims": (HEAD, b"[" + BODY + b"]"),
    "list as header": (b"[" + HEAD + b"]", BODY),
    "text": (HEAD, b'"x"'),
    "trailing": (HEAD, BODY + b"{}"),
    "huge header": (HEAD[:-1] + b',"x":"' + b"a" * 5000 + b'"}', BODY),
}


@pytest.mark.threat("T06")
@pytest.mark.parametrize("name", BODIES)
def test_json_that_readers_could_read_differently_is_refused(name: str) -> None:
    """>> well signed, badly written << not well-formed."""
    with pytest.raises(Unauthenticated, match="token-form"):
        ask(raw_token(*BODIES[name]))


@pytest.mark.threat("T06")
@pytest.mark.parametrize("name", ["zip", "enc", "b64", "crit"])
@pytest.mark.parametrize("value", [True, False, None, "DEF", ["exp"], []])
def test_headers_that_change_the_meaning_are_refused(name: str, value: object) -> None:
    """>> zip, enc, b64, crit with any value << refused."""
    head = json.dumps({"alg": "ES256", "kid": f"{TOWN}#k", "typ": "JWT", name: value}).encode()
    for refused in (ask, lambda text: signed_text(text, jwk_of("ES256"), typ="JWT", limit=10_000)):
        with pytest.raises(Unauthenticated, match="token-header"):
            refused(raw_token(head, BODY))


@pytest.mark.threat("T03")
@pytest.mark.threat("T06")
@pytest.mark.parametrize("name", ["jku", "jwk", "x5u", "x5c"])
def test_keys_in_the_header_are_ignored(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the attacker's key in the header << a good token stays good, a forged one forged, nothing is fetched."""

    def never(*_args: object, **_kw: object) -> None:
        raise AssertionError("fetched")

    monkeypatch.setattr("urllib.request.urlopen", never)
    monkeypatch.setattr("socket.getaddrinfo", never)
    evil = ec.generate_private_key(ec.SECP256R1())
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(evil.public_key(), as_dict=True)
    value = {"jku": "https://evil.de/k", "jwk": jwk, "x5u": "https://evil.de/c", "x5c": ["AAAA"]}[name]
    assert ask(token(**{name: value})) == CLAIMS
    forged = jwt.encode(CLAIMS, evil, algorithm="ES256", headers={"kid": f"{TOWN}#k", name: value})
    with pytest.raises(Unauthenticated, match="token-signature"):
        ask(forged)


@pytest.mark.threat("T07")
@pytest.mark.parametrize(
    "aud",
    ["did:web:other.de", [US, "did:web:other.de"], [US, US], [], [[US]], {US: 1}, None, 1, US + "/", US.upper(), ""],
)
def test_the_audience_is_exactly_us(aud: object) -> None:
    """>> another, several, none << refused; one-element list << accepted."""
    with pytest.raises(Unauthenticated, match="token-audience"):
        ask(token_of(aud=aud))
    assert ask(token_of(aud=[US]))["aud"] == [US]


@pytest.mark.threat("T07")
def test_a_token_for_one_participant_is_refused_by_its_neighbour() -> None:
    """>> a token for musterstadt at nachbardorf of the same host << refused."""
    neighbour = TOWN.replace("musterstadt", "nachbardorf")
    with pytest.raises(Unauthenticated, match="token-audience"):
        ask(token_of(aud=TOWN), aud=neighbour)


def token_of(**claims: Any) -> str:
    """A well-signed token with these claims changed; `...` leaves one out."""
    changed = {name: value for name, value in (CLAIMS | claims).items() if value is not ...}
    return raw_token(HEAD, json.dumps(changed).encode())


@pytest.mark.threat("T07")
@pytest.mark.parametrize("typ", ["vp+jwt", "vc+jwt", "at+jwt", "trust-list+jwt", "jwt", "", 1, ["JWT"]])
def test_tokens_of_another_kind_are_refused(typ: object) -> None:
    """>> a presentation or credential sent as token << refused by its `typ`."""
    head = json.dumps({"alg": "ES256", "kid": f"{TOWN}#k", "typ": typ}).encode()
    with pytest.raises(Unauthenticated, match="token-type"):
        ask(raw_token(head, BODY))


TIMES = {
    "expired": {"exp": AT - 30, "iat": AT - 330},
    "from the future": {"iat": AT + 31, "exp": AT + 300},
    "not yet": {"nbf": AT + 31},
    "too long": {"iat": AT, "exp": AT + 631},
    "backwards": {"iat": AT, "exp": AT - 1},
    "string exp": {"exp": str(AT + 300)},
    "string iat": {"iat": str(AT)},
    "boolean": {"nbf": True},
    "null": {"exp": None},
    "list": {"iat": [AT]},
    "no exp": {"exp": ...},
    "no iat": {"iat": ...},
}


@pytest.mark.threat("T05")
@pytest.mark.parametrize("name", TIMES)
def test_times_outside_the_rules_are_refused(name: str) -> None:
    """>> a minute off, ten minutes and a half long, text for numbers << refused."""
    with pytest.raises(Unauthenticated, match=r"token-(time|claims)"):
        ask(token_of(**TIMES[name]))


def test_times_within_the_leeway_are_accepted() -> None:
    """Half a minute of clock difference either way, 601 seconds of life, fractions."""
    for claims in (
        {"exp": AT - 29, "iat": AT - 300},
        {"iat": AT + 29},
        {"exp": AT + 601},
        {"nbf": AT + 30},
        {"iat": AT + 0.5},
    ):
        ask(token_of(**claims))


CLAIMS_BAD = {
    "no iss": {"iss": ...},
    "no sub": {"sub": ...},
    "no jti": {"jti": ...},
    "no aud": {"aud": ...},
    "sub is another": {"sub": "did:web:other.de"},
    "iss is another": {"iss": "did:web:other.de"},
    "both are another": {"iss": "did:web:other.de", "sub": "did:web:other.de"},
    "part of the issuer": {"iss": TOWN[:-1], "sub": TOWN[:-1]},
    "iss a list": {"iss": [TOWN], "sub": [TOWN]},
    "empty jti": {"jti": ""},
    "number as jti": {"jti": 1},
    "long jti": {"jti": "x" * 257},
    "sub_jwk": {"sub_jwk": {}},
    "inner token too long": {"token": "x" * 4097},
    "inner token no text": {"token": {}},
}


@pytest.mark.threat("T05")
@pytest.mark.parametrize("name", CLAIMS_BAD)
def test_missing_and_misshapen_claims_are_refused(name: str) -> None:
    """>> iss, sub, jti absent, different or of a wrong kind << refused."""
    with pytest.raises(Unauthenticated):
        ask(token_of(**CLAIMS_BAD[name]))


def test_the_kid_belongs_to_the_issuer() -> None:
    """>> another's key id over our issuer << refused; no kid << for the resolver to judge."""
    other = json.dumps({"alg": "ES256", "kid": "did:web:evil.de#k"}).encode()
    with pytest.raises(Unauthenticated, match="token-issuer"):
        ask(raw_token(other, BODY))
    assert ask(raw_token(b'{"alg":"ES256"}', BODY)) == CLAIMS


@pytest.mark.threat("T05")
def test_verifying_consumes_nothing() -> None:
    """The same token verifies again and again: replay is the business of the request's transaction."""
    text = token()
    assert ask(text) == ask(text)


def test_check_comes_before_any_key() -> None:
    """Header and claims are judged without a key, and say whose key to fetch."""
    unverified = read(token())
    assert check(unverified, aud=US, now=NOW) == TOWN
    assert (unverified.header["kid"], unverified.claims["jti"]) == (f"{TOWN}#k", "j-1")


def test_what_we_sign_others_verify() -> None:
    """An independent library accepts our token; its payload is canonical JSON."""
    key = SoftwareKey.generate("peer", TOWN)
    text = sign_jwt(CLAIMS | {"name": "Müsterstadt"}, key)
    seen = other_jws.deserialize_compact(text, import_key(key.public_jwk), algorithms=["ES256"])
    assert json.loads(seen.payload) == CLAIMS | {"name": "Müsterstadt"}
    assert seen.headers() == {"alg": "ES256", "kid": key.kid, "typ": "JWT"}
    assert list(json.loads(seen.payload)) == sorted(CLAIMS | {"name": ""})
    assert verify(text, key.public_jwk, aud=US, iss=TOWN, now=NOW)


@pytest.mark.threat("T07")
def test_a_document_is_no_token_and_a_token_no_document() -> None:
    """`typ` separates what the same key may sign."""
    key = SoftwareKey.generate("peer", TOWN)
    document = sign_jwt(CLAIMS, key, "trust-list+jwt")
    assert verify_document(document, key.public_jwk, typ="trust-list+jwt", limit=10_000, nodes=100) == CLAIMS
    with pytest.raises(Unauthenticated, match="token-type"):
        verify(document, key.public_jwk, aud=US, iss=TOWN, now=NOW)
    with pytest.raises(Unauthenticated, match="token-type"):
        verify_document(sign_jwt(CLAIMS, key), key.public_jwk, typ="trust-list+jwt", limit=10_000, nodes=100)


@given(
    st.text(max_size=100) | st.binary(max_size=60).map(lambda b: ".".join([base64.urlsafe_b64encode(b).decode()] * 3))
)
def test_any_text_is_a_token_or_unauthenticated(text: str) -> None:
    """Nothing but `Unauthenticated` leaves `verify`."""
    with pytest.raises(Unauthenticated):
        ask(text)
