"""Second seals of two parties, with post-quantum keys of their own."""

import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import mldsa

from connector.exchange.contracts.document import sealing
from connector.verify.formats import base64url
from tests.verify.forge import AGREEMENT, CONSUMER, PROVIDER, Case, root_of

ROLES = {"provider": PROVIDER, "consumer": CONSUMER}


class PqKey:
    """A key that stands in no certificate; its public half is in the trust list."""

    def __init__(self) -> None:
        self.key = mldsa.MLDSA44PrivateKey.generate()
        public = base64url.encode(self.key.public_key().public_bytes_raw())
        self.jwk = {"kty": "AKP", "alg": "ML-DSA-44", "pub": public}


KEY, OTHER = PqKey(), PqKey()


def token(
    case: Case, role: str, change: Callable[[dict[str, Any]], object] = lambda _: None, key: PqKey = KEY
) -> bytes:
    """What that party's seal covers, signed with the second key; `change` on the header before it is signed."""
    provider = case.parts.provider_jws if role == "consumer" else None
    approval = case.parts.approval_provider if role == "provider" else case.parts.approval_consumer
    found = sealing.references(
        case.parts.agreement,
        AGREEMENT,
        provider_root=root_of(PROVIDER),
        signer_root=root_of(ROLES[role]),
        text=case.parts.text,
        profile=case.parts.profile,
        dataset=case.parts.dataset,
        approval=approval or b"",
        provider_jws=provider,
    )
    signer = case.provider if role == "provider" else case.consumer
    header = json.loads(base64url.decode(case.seal(signer, found).split(".")[0]))
    header |= {"alg": "ML-DSA-44", "kid": f"{ROLES[role]}#seal-pq"}
    del header["x5c"], header["x5t#S256"]
    change(header)
    head = base64url.encode(json.dumps(header).encode())
    return f"{head}..{base64url.encode(key.key.sign(f'{head}.'.encode()))}".encode()
