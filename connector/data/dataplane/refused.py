"""A peer's refusal as our error: its sentences are shown to people, so they are bounded and made plain."""

from collections.abc import Mapping

import aiohttp

from connector.foundation.errors import HanseError, PeerError, Refusal
from connector.foundation.http import strict
from connector.foundation.language.reasons import plain

_LIMIT = 16_384
_GONE = frozenset({404, 410})
SUSPENDED = "dataplane.suspended"
"""What our own gate says of a flow that rests, or is about to."""
HOLDS = "dataplane.peer-holds"
"""The code of a refusal that is not the peer's last word: it holds the data, and says so."""


async def refused(answer: aiohttp.ClientResponse) -> HanseError:
    """Refusal for 403 with whatever sentences it carries, `HOLDS` if the data rest; PeerError for any other status."""
    if answer.status in _GONE:
        return PeerError("dataplane.gone", status=answer.status)
    if answer.status != 403:
        return PeerError("dataplane.answer", status=answer.status)
    said = _said(await _body(answer))
    return Refusal(HOLDS if said.get("code") == SUSPENDED else "dataplane.peer-refused", reasons=_reasons(said))


async def sentences(answer: aiohttp.ClientResponse) -> dict[str, list[str]]:
    """What a refusal says for people; empty if it says nothing that we can read."""
    return _reasons(_said(await _body(answer)))


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    while len(body) <= _LIMIT and (chunk := await answer.content.readany()):
        body += chunk
    return bytes(body)


def _said(body: bytes) -> Mapping[str, object]:
    """The members of its body; none if that is no JSON object."""
    try:
        document = strict.loads(body, limit=_LIMIT, steering=True)
    except PeerError:
        return {}
    return document if isinstance(document, dict) else {}


def _reasons(said: Mapping[str, object]) -> dict[str, list[str]]:
    match said:
        case {"reason": [str(german), str(english)]}:
            return {"de": [plain(german)], "en": [plain(english)]}
        case _:
            return {}
