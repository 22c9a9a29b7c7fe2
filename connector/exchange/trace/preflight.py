"""Whether version documents can be had: ours through our public address, and the peer's.

Asked with the guarded client, through DNS, TLS and proxy like any call to a stranger. It is our own view only: from the
peer's network things may look different, and the answer says so.
"""

from typing import Protocol

from connector.exchange.trace.diagnosis import Reached
from connector.foundation.errors import HanseError, PeerError, Unavailable
from connector.foundation.http import strict
from connector.foundation.http.outbound import Answer
from connector.foundation.language.reasons import explained
from connector.kernel.protocol import versions
from connector.kernel.protocol.shape import Malformed

LIMIT = 65_536
TOTAL_S = 8.0


class Fetch(Protocol):
    """The one method of the outbound client that is needed here."""

    async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer: ...


async def look(client: Fetch, root: str, service: str | None = None) -> Reached:
    """Never raises: what is wrong is the finding. `service` is the id that the document must offer 2025-1 for."""
    url = f"{root.rstrip('/')}{versions.WELL_KNOWN}"
    try:
        answer = await client.get(url, limit=LIMIT, total_s=TOTAL_S)
        if answer.status != 200:
            raise Unavailable("trace.version-status", status=answer.status)
        _read(answer.body, service)
    except HanseError as error:
        return Reached(url=url, code=error.code, reason=explained(error))
    return Reached(url=url)


def _read(body: bytes, service: str | None) -> None:
    try:
        versions.read(strict.loads(body, limit=LIMIT), service)
    except (PeerError, Malformed) as cause:
        raise PeerError("trace.version-form") from cause
