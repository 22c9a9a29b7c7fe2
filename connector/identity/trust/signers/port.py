"""The port for seals: whoever seals sees a `SealKey`, wherever its key lies (spec/trust.md 2.5).

A keeper is not believed: only a signature that the certificate's key confirms leaves this module. Whatever a keeper
does wrong is `Unavailable`, because a contract then waits for its seal instead of ending; `turns` keeps one that is
slow from holding up whoever does not need it.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Literal, NamedTuple, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from connector.foundation.errors import HanseError, Mistake, PeerError, Unavailable
from connector.identity.trust.keys.jwk import encode, thumbprint
from connector.identity.trust.signers.throttle import Throttle

Alg = Literal["ES256", "ES384", "PS256"]
Kind = Literal["pkcs11", "csc", "vault"]
Public = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

SLOW: Final = "http.too-slow"
"""What the guarded client says of a keeper that did not answer in its time."""
RSA_BITS: Final = (3000, 8192)
"""BSI TR-02102-1 asks for 3000 bits and more; beyond the second nobody checks in reasonable time."""


class SealKey(Protocol):
    """A key that seals without showing itself. ECDSA signatures are raw R||S, as JWS wants them."""

    @property
    def kid(self) -> str: ...
    @property
    def alg(self) -> str: ...
    async def seal(self, data: bytes) -> bytes:
        """The signature over `data`; raises Unavailable. Never inside a transaction: it may ask the network."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a seal key lies: its name there, and (pkcs11) the label of its token. Addresses and secrets are settings.

    `key` is the label of a PKCS#11 object, the `credentialID` of a signing service, or the name of a Vault key,
    which may end in `@VERSION`.
    """

    signer: Kind
    key: str
    token: str = ""


class Scheme(NamedTuple):
    """What the key of a certificate decides: the JWS algorithm, the hash, the bytes of R and of S (RSA: 0)."""

    alg: Alg
    hash: str
    half: int


class Asked(NamedTuple):
    """One signature as a keeper is asked for it: where the key lies, the digest, and with which algorithm."""

    place: Place
    digest: bytes
    scheme: Scheme


Keeper = Callable[[Asked], Awaitable[Sequence[bytes]]]
"""Asks for one signature; gives what may be it, raw or DER. Raises Unavailable, or PeerError for a bad answer."""

_ES256: Final = Scheme("ES256", "sha256", 32)
_ES384: Final = Scheme("ES384", "sha384", 48)
_PS256: Final = Scheme("PS256", "sha256", 0)


def scheme_of(key: object) -> Scheme:
    """The algorithm that the key of a certificate fixes; Mistake for a key with which nobody may seal."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        if isinstance(key.curve, ec.SECP256R1):
            return _ES256
        if isinstance(key.curve, ec.SECP384R1):
            return _ES384
    if isinstance(key, rsa.RSAPublicKey) and RSA_BITS[0] <= key.key_size <= RSA_BITS[1]:
        return _PS256
    raise Mistake("signers.key-kind")


def jwk_of(key: Public) -> dict[str, str]:
    """The public JWK of a seal key, with `alg` and `kid` (its RFC 7638 thumbprint)."""
    scheme = scheme_of(key)
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        n, e = (encode(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.n, numbers.e))
        members = {"kty": "RSA", "n": n, "e": e}
    else:
        point = key.public_numbers()
        x, y = (encode(number.to_bytes(scheme.half, "big")) for number in (point.x, point.y))
        members = {"kty": "EC", "crv": "P-256" if scheme.half == 32 else "P-384", "x": x, "y": y}
    return members | {"kid": thumbprint(members), "use": "sig", "alg": scheme.alg}


class KeptKey:
    """A `SealKey` that lies with a keeper; `answer_s` bounds what one signature may take.

    `turns` are those of the place, shared by all that ask there.
    """

    def __init__(
        self, kid: str, public: Public, place: Place, keeper: Keeper, answer_s: float, turns: Throttle | None = None
    ) -> None:
        self.kid, self.place = kid, place
        self._public, self._scheme = public, scheme_of(public)
        self._keeper, self._answer_s, self._turns = keeper, answer_s, turns or Throttle()

    @property
    def alg(self) -> str:
        return self._scheme.alg

    def __repr__(self) -> str:
        return f"KeptKey({self.place.signer}, {self.kid})"

    async def seal(self, data: bytes) -> bytes:
        """The signature, checked against the certificate's key; Unavailable `signers.*` says what stands in the way."""
        asked = Asked(self.place, hashlib.new(self._scheme.hash, data).digest(), self._scheme)
        with self._turns.taken(self.place.signer):
            found = await self._asked(asked)
        for candidate in found:
            for raw in _raw(candidate, self._scheme.half):
                if _holds(self._public, self._scheme, data, raw):
                    return raw
        raise Unavailable("signers.wrong-signature", signer=self.place.signer)

    async def _asked(self, asked: Asked) -> Sequence[bytes]:
        signer = self.place.signer
        try:
            async with asyncio.timeout(self._answer_s):
                found = await self._keeper(asked)
        except TimeoutError as cause:
            self._turns.too_slow()
            # One thread calls an HSM: if that call hangs, none of its tokens seals until the process starts anew.
            code = "signers.hsm-slow" if signer == "pkcs11" else "signers.too-slow"
            raise Unavailable(code, signer=signer) from cause
        except PeerError as cause:
            raise Unavailable("signers.answer", signer=signer, why=cause.code) from cause
        except Unavailable as cause:
            if cause.code == SLOW:
                self._turns.too_slow()
            raise
        except HanseError:
            raise
        except Exception as cause:
            # A keeper is reached through the libraries of others, whose errors are without end: none of them may pass
            # for a defect of the contract that waits. Its text may hold what was sent, so only its kind is told.
            raise Unavailable("signers.answer", signer=signer, why=type(cause).__name__) from None
        self._turns.answered()
        return found


def _raw(candidate: bytes, half: int) -> list[bytes]:
    """As JWS wants it: RSA as it is, ECDSA as R||S; keepers differ in whether they give that or DER."""
    if not half:
        return [candidate]
    found = [candidate] if len(candidate) == 2 * half else []
    try:
        r, s = decode_dss_signature(candidate)
        found.append(r.to_bytes(half, "big") + s.to_bytes(half, "big"))
    except (ValueError, OverflowError):
        pass
    return found


def _holds(key: Public, scheme: Scheme, data: bytes, raw: bytes) -> bool:
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(raw, data, padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size), SHA256())
        else:
            r, s = (int.from_bytes(part, "big") for part in (raw[: scheme.half], raw[scheme.half :]))
            key.verify(encode_dss_signature(r, s), data, ec.ECDSA(SHA256() if scheme.half == 32 else SHA384()))
    except InvalidSignature:
        return False
    return True
