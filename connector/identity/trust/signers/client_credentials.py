"""Access tokens that a remote signing service gives a client for its name and secret (RFC 6749, 4.4).

One token serves all seals until shortly before it ends, and many seals at once ask for one only once; a token that the
service no longer takes is forgotten. Secret and tokens stand in headers and bodies, never in an address or a message.
"""

import asyncio
import base64
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote_plus, urlencode

from msgspec import Struct

from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http import strict
from connector.foundation.http.outbound import SafeClient
from connector.foundation.settings.sections import Signers
from connector.identity.trust.signers.access import fit
from connector.identity.trust.signers.responses import LIMIT, error_code

EARLY_S: Final = 30.0
"""A token is not used so shortly before its end: the service's clock and the way there take their part."""
UNSAID_S: Final = 300
"""How long a token lasts whose life the service does not say (RFC 6749, 5.1 only recommends it)."""
LONGEST_S: Final = 86_400


class Granted(Struct, frozen=True):
    """A token, and when to ask for another one (seconds of the monotonic clock)."""

    token: str
    until: float


class Grant:
    """The client that the settings name at the service's token endpoint."""

    def __init__(self, settings: Signers, http: SafeClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._http, self._clock = settings, http, clock
        self._turn = asyncio.Lock()
        self._kept: Granted | None = None

    async def token(self) -> str:
        """The one that is kept while it lasts, else a fresh one; Unavailable `signers.grant` says why there is none."""
        async with self._turn:
            if self._kept is None or self._clock() >= self._kept.until:
                self._kept = await self._fetched()
            return self._kept.token

    def refused(self, token: str) -> None:
        """The service did not take this token; another one that came meanwhile stays."""
        if self._kept is not None and self._kept.token == token:
            self._kept = None

    async def _fetched(self) -> Granted:
        settings = self._settings
        name, secret = settings.csc_client, settings.csc_client_secret.reveal()
        form = {"grant_type": "client_credentials", "scope": "service"}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if settings.csc_client_auth == "basic":
            pair = f"{quote_plus(name)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode('ascii')).decode('ascii')}"
        else:
            form |= {"client_id": name, "client_secret": secret}
        url = settings.csc_oauth_url or f"{settings.csc_url.rstrip('/')}/oauth2/token"
        answer = await self._http.post(url, urlencode(form).encode("ascii"), headers=headers, limit=LIMIT)
        if answer.status != 200:
            raise Unavailable("signers.grant", status=answer.status, why=error_code(answer.body))
        return self._read(answer.body)

    def _read(self, body: bytes) -> Granted:
        """Of an answer as RFC 6749, 5.1 has it; PeerError `signers.no-token` for any other."""
        value = strict.loads(body, limit=LIMIT)
        if not isinstance(value, dict):
            raise PeerError("signers.no-object")
        token, kind, life = value.get("access_token"), value.get("token_type"), value.get("expires_in", UNSAID_S)
        if not isinstance(token, str) or not fit(token) or not isinstance(kind, str) or kind.lower() != "bearer":
            raise PeerError("signers.no-token")
        if isinstance(life, bool) or not isinstance(life, int) or life < 0:
            raise PeerError("signers.no-token")
        return Granted(token, self._clock() + min(life, LONGEST_S) - EARLY_S)
