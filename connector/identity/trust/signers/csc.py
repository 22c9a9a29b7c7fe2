"""Remote signing over the API of the Cloud Signature Consortium, version 2 (spec/trust.md 2.5, L3).

Two calls per seal: `credentials/authorize` releases the credential for one hash (the SAD), `signatures/signHash`
signs that hash. Where the access token itself is for the credential (scope `credential`) the first falls away, as the
specification allows. Only the synchronous mode: an answer that promises a signature for later is refused. Tokens and
PIN travel in header and body, never in an address; of an error only the code is kept.

Names and forms were compared with restatements of version 2.0.0.2, chapters 11.6 and 11.10, in open implementations:
the client library of the European Commission's reference wallet, the data classes of A-SIT Plus, and the request model
of CZERTAINLY's signing server (the consortium's own document was not at hand). What follows from them: `hashes` and
`signatures` are plain base64 with padding (base64url belongs to the browser's authorize call alone); `signAlgo` is
always named; `hashAlgorithmOID` may stand beside an algorithm that implies it and has to fit it; PSS needs
`signAlgoParams`; how a signature by ECDSA is encoded is not said, so DER and R||S are both taken. What the PIN is
called in `authData` differs (`PIN`, `password`), so it is a setting. The access token is one of the settings, or is
fetched for a client's name and secret (`grant`); grants that send a person to a browser are not built: no person seals.

A PIN that was refused is not tried again before the next start: services lock a credential after a few wrong ones. So
until the service has taken it once, one seal tries it while the others wait.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http.outbound import Answer, SafeClient
from connector.foundation.settings.sections import Signers
from connector.identity.trust.signers.access import token
from connector.identity.trust.signers.client_credentials import Grant
from connector.identity.trust.signers.port import Alg, Asked
from connector.identity.trust.signers.responses import LIMIT, document, error_code, octets

LONGEST_SAD: Final = 16_384

HASHES: Final = {"sha256": "2.16.840.1.101.3.4.2.1", "sha384": "2.16.840.1.101.3.4.2.2"}
SIGNATURES: Final[Mapping[Alg, str]] = {
    "ES256": "1.2.840.10045.4.3.2",
    "ES384": "1.2.840.10045.4.3.3",
    "PS256": "1.2.840.113549.1.1.10",
}
PSS_PARAMETERS: Final = base64.b64encode(
    bytes.fromhex(
        "3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120"
    )
).decode("ascii")
"""RSASSA-PSS-params (RFC 4055): SHA-256, MGF1 with SHA-256, a salt of 32 bytes, as PS256 means it."""


class SigningService:
    """The service that the settings name, asked over the guarded client."""

    def __init__(self, settings: Signers, http: SafeClient) -> None:
        self._settings, self._http = settings, http
        self._grant = Grant(settings, http) if settings.csc_client else None
        self._locked, self._taken = set[str](), set[str]()
        self._first: dict[str, asyncio.Lock] = {}

    async def sign(self, asked: Asked) -> Sequence[bytes]:
        """The one signature, as the service encodes it."""
        settings = self._settings
        if not (settings.csc_url and (self._grant or settings.csc_token or settings.csc_token_file)):
            raise Unavailable("signers.not-set", settings="signers.csc_url, signers.csc_client")
        what = {
            "credentialID": asked.place.key,
            "hashes": [base64.b64encode(asked.digest).decode("ascii")],
            "hashAlgorithmOID": HASHES[asked.scheme.hash],
        }
        sad = {"SAD": await self._release(what)} if self._settings.csc_authorize else {}
        how = {"signAlgo": SIGNATURES[asked.scheme.alg], "operationMode": "S"}
        if asked.scheme.alg == "PS256":
            how["signAlgoParams"] = PSS_PARAMETERS
        answer = await self._post("signatures/signHash", {**what, **how, **sad})
        signatures = answer.get("signatures")
        if not isinstance(signatures, list) or len(signatures) != 1 or not isinstance(signatures[0], str):
            raise PeerError("signers.signature-count")
        return [octets(signatures[0])]

    async def _release(self, what: Mapping[str, object]) -> str:
        """The SAD for this one hash."""
        credential = str(what["credentialID"])
        async with self._first.setdefault(credential, asyncio.Lock()):
            if credential not in self._taken:
                return await self._released(what, credential)
        return await self._released(what, credential)

    async def _released(self, what: Mapping[str, object], credential: str) -> str:
        pin = self._settings.csc_pin.reveal()
        if credential in self._locked:
            raise Unavailable("signers.csc-pin", key=credential)
        known = {"authData": [{"id": self._settings.csc_pin_id, "value": pin}]} if pin else {}
        try:
            released = await self._post("credentials/authorize", {**what, "numSignatures": 1, **known})
        except Unavailable as refused:
            if refused.facts.get("why") != "invalid_pin":
                raise
            self._locked.add(credential)
            raise Unavailable("signers.csc-pin", key=credential) from refused
        self._taken.add(credential)
        sad = released.get("SAD")
        if not isinstance(sad, str) or not 0 < len(sad) <= LONGEST_SAD:
            raise PeerError("signers.no-sad")
        return sad

    async def _post(self, call: str, body: Mapping[str, object]) -> dict[str, Any]:
        """One call; a fetched token that the service does not take is fetched anew, once."""
        if self._grant is None:
            said = await self._said(call, body, token(self._settings.csc_token, self._settings.csc_token_file))
            return document(said, "csc")
        granted = await self._grant.token()
        said = await self._said(call, body, granted)
        if said.status == 401 and error_code(said.body) in ("invalid_token", "-"):
            self._grant.refused(granted)
            said = await self._said(call, body, await self._grant.token())
        return document(said, "csc")

    async def _said(self, call: str, body: Mapping[str, object], token_: str) -> Answer:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token_}"}
        url = f"{self._settings.csc_url.rstrip('/')}/{call}"
        return await self._http.post(url, msgspec.json.encode(body), headers=headers, limit=LIMIT)
