"""A peer's refusal as our error: its sentences are shown to people, so they are bounded and made plain."""

import aiohttp

from connector.errors import HanseError, PeerError, Refusal
from connector.http import strict
from connector.language.reasons import plain

_LIMIT = 16_384
_GONE = frozenset({404, 410})


async def refused(answer: aiohttp.ClientResponse) -> HanseError:
    """Refusal for 403 with whatever sentences it carries, PeerError for any other status."""
    if answer.status in _GONE:
        return PeerError("dataplane.gone", status=answer.status)
    if answer.status != 403:
        return PeerError("dataplane.answer", status=answer.status)
    return Refusal("dataplane.peer-refused", reasons=await sentences(answer))


async def sentences(answer: aiohttp.ClientResponse) -> dict[str, list[str]]:
    """What a refusal says for people; empty if it says nothing that we can read."""
    return _reasons(await _body(answer))


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    while len(body) <= _LIMIT and (chunk := await answer.content.readany()):
        body += chunk
    return bytes(body)


def _reasons(body: bytes) -> dict[str, list[str]]:
    try:
        document = strict.loads(body, limit=_LIMIT, steering=True)
    except PeerError:
        return {}
    match document:
        case {"reason": [str(german), str(english)]}:
            return {"de": [plain(german)], "en": [plain(english)]}
        case _:
            return {}
