"""A seal key in a box of its own, which can be slow, absent or refuse."""

from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificates

from connector.foundation.errors import Unavailable
from connector.identity.trust.development import dev_ca
from connector.identity.trust.signers.port import Asked, Place
from tests.identity.trust.signers.keepers import KEYS, digest_signature
from tests.testkit.towns import Towns

PLACE = Place(signer="vault", key="siegel")


class Box:
    """Keeps the seal keys of a test; `away` is what it raises instead of signing."""

    def __init__(self, towns: Towns) -> None:
        self.towns, self.keys = towns, dict(KEYS)
        self.away: Unavailable | None = None
        self.asked = 0
        self.meanwhile: Any = None
        towns.keepers["vault"] = self.sign

    async def sign(self, asked: Asked) -> Sequence[bytes]:
        self.asked += 1
        if self.meanwhile is not None:
            doing, self.meanwhile = self.meanwhile, None
            await doing()
        if self.away is not None:
            raise self.away
        return [digest_signature(self.keys[asked.scheme.alg], asked.digest)]

    async def adopt(self, slug: str, alg: str = "ES256") -> None:
        """The town seals with the key of this algorithm from now on."""
        hosted = await self.towns.participants.get(slug)
        certs = self.towns._certs
        ca, did = dev_ca.load(certs.seal_ca, certs.seal_ca_key), hosted.participant.did
        key: Any = self.keys[alg].public_key()
        chain = dev_ca.issue_seal_certificate(ca, did, key, slug, self.towns.clock)
        leaf = load_pem_x509_certificates(chain.encode())[0]
        self.towns.listed[did] = (leaf.fingerprint(SHA256()).hex(),) if alg != "ES256" else ()
        await self.towns.participants.adopt(slug, chain, PLACE)
        self.asked = 0
