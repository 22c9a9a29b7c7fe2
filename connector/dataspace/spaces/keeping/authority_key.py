"""The key of an authority: made here and sealed by the vault, or kept by an HSM, a signing service or Vault.

It is the one key that a space hangs on, so it is apart from the participant's own keys; its URN names it (RFC 9278).
"""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from connector.foundation.errors import Mistake
from connector.identity.trust.keys.jwk import public_key, thumbprint
from connector.identity.trust.keys.signing import KeyRecord, SoftwareKey, Vault
from connector.identity.trust.members.pin import URN
from connector.identity.trust.signers import registry
from connector.identity.trust.signers.port import Place, SealKey, jwk_of
from connector.identity.trust.signers.registry import SignerRegistry

Made = tuple[str, dict[str, str], bytes]
"""Id of the key, its public JWK, and what is kept at rest."""


def generated(vault: Vault, slug: str) -> Made:
    """A new key in this process."""
    bare = SoftwareKey.generate("peer", "")
    key = bare.of(URN + thumbprint(bare.public_jwk))
    return key.kid, key.public_jwk, key.export(vault, _context(slug))


def kept(vault: Vault, slug: str, place: Place, public_pem: str) -> Made:
    """A key that lies elsewhere; Mistake unless it is for ES256."""
    try:
        public = load_pem_public_key(public_pem.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm) as cause:
        raise Mistake("spaces.authority-key") from cause
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise Mistake("spaces.authority-key")
    jwk = jwk_of(public)
    kid = f"{URN}{jwk['kid']}#{jwk['kid']}"
    return kid, jwk, vault.seal(f"{_context(slug)}|{kid}", registry.written(registry.checked(place)))


def opened(vault: Vault, elsewhere: SignerRegistry, slug: str, made: Made) -> SealKey:
    """The key of a row; nobody is asked yet."""
    kid, jwk, secret = made
    place = registry.place_of(vault.open(f"{_context(slug)}|{kid}", secret))
    if place is None:
        record = KeyRecord(kid=kid, purpose="peer", state="active", public_jwk=jwk)
        return SoftwareKey.load(vault, _context(slug), record, secret)
    public = public_key(jwk)[1]
    assert isinstance(public, ec.EllipticCurvePublicKey)
    return elsewhere.key(kid, public, place)


def _context(slug: str) -> str:
    return f"{slug}|authority"
