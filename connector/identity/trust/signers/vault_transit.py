"""Seals by the transit engine of a Vault: `POST <mount>/sign/<key>` over a digest made here (spec/trust.md 2.5).

ECDSA is asked for in the form of JWS, RSA with PSS and a salt as long as the hash. The answer is
`vault:v<version>:<signature>`; a key that was rotated signs with its newest version unless its name ends in `@VERSION`.

Compared with HashiCorp's own reference page of the engine (`website/content/api-docs/secret/transit.mdx`) and its
handler (`builtin/logical/transit/path_sign_verify.go`): `input` is base64 of the binary digest where `prehashed` is
set, and `hash_algorithm` still has to name the hash for RSA; `jws` gives R||S and base64url, but for ECDSA keys alone,
so RSA is left in the form that is plain base64; `batch_results` come only where a batch was sent; errors are a list of
words beside a status, of which only the status is kept. `salt_length` is younger than those two texts: a Vault that
skips it makes a signature that does not fit and is not used. A namespace is part of the URL (`/v1/NAMESPACE/transit`).
`X-Vault-Request` is what an agent or proxy with `require_request_header` asks of its callers.
"""

import base64
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http.outbound import SafeClient
from connector.foundation.settings.sections import Signers
from connector.identity.trust.keys.jwk import decode
from connector.identity.trust.signers.access import token
from connector.identity.trust.signers.port import Asked
from connector.identity.trust.signers.responses import LIMIT, document, octets

NAME: Final = re.compile(r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})(?:@(?P<version>[1-9][0-9]{0,5}))?")
"""The name stands in a path, so nothing in it may lead elsewhere."""
_SIGNATURE: Final = re.compile(r"vault:v(?P<version>[1-9][0-9]{0,5}):(?P<signature>[A-Za-z0-9+/_=-]{1,4096})")
_HASHES: Final = {"sha256": "sha2-256", "sha384": "sha2-384"}


class Transit:
    """The mount that the settings name, asked over the guarded client."""

    def __init__(self, settings: Signers, http: SafeClient) -> None:
        self._settings, self._http = settings, http

    async def sign(self, asked: Asked) -> Sequence[bytes]:
        """The one signature: R||S for ECDSA."""
        if not (self._settings.vault_url and (self._settings.vault_token or self._settings.vault_token_file)):
            raise Unavailable("signers.not-set", settings="signers.vault_url, signers.vault_token_file")
        named = NAME.fullmatch(asked.place.key)
        if named is None:
            raise PeerError("signers.key-name")
        elliptic = asked.scheme.half > 0
        form = {"marshaling_algorithm": "jws"} if elliptic else {"signature_algorithm": "pss", "salt_length": "hash"}
        body = {
            "input": base64.b64encode(asked.digest).decode("ascii"),
            "prehashed": True,
            "hash_algorithm": _HASHES[asked.scheme.hash],
            **form,
            **({"key_version": int(named["version"])} if named["version"] else {}),
        }
        headers = {
            "Content-Type": "application/json",
            "X-Vault-Token": token(self._settings.vault_token, self._settings.vault_token_file),
            "X-Vault-Request": "true",
        }
        url = f"{self._settings.vault_url.rstrip('/')}/sign/{named['name']}"
        answer = document(await self._http.post(url, msgspec.json.encode(body), headers=headers, limit=LIMIT), "vault")
        data = answer.get("data")
        signature = data.get("signature") if isinstance(data, dict) else None
        found = _SIGNATURE.fullmatch(signature) if isinstance(signature, str) else None
        if found is None or named["version"] not in (None, found["version"]):
            raise PeerError("signers.encoding")
        return [_url_octets(found["signature"]) if elliptic else octets(found["signature"])]


def _url_octets(text: str) -> bytes:
    try:
        return decode(text)
    except ValueError as cause:
        raise PeerError("signers.encoding") from cause
