"""An HTTP address as source: passed through in 64 kB buffers, range requests included, nothing decompressed (T14).

The credential for it goes to the one registered address only: the outbound session follows no redirect.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp

from connector.data.sources.model import Broken, Description, Reading
from connector.data.sources.ranges import Conditions, content_range
from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http.outbound import SafeClient

_PASSED_STATUS = frozenset({200, 206, 304, 412, 416})
_PASSED_HEADERS = ("ETag", "Accept-Ranges", "Content-Range", "Content-Encoding")
_PLAIN = re.compile(r"[!-~ ]{1,256}", re.ASCII)


class HttpSource:
    """The resource at `url`; `headers` (for example its Authorization) are secret and never shown."""

    def __init__(
        self, client: SafeClient, url: str, description: Description, headers: Mapping[str, str] | None = None
    ) -> None:
        self._client, self._url, self._description = client, url, description
        self._headers = dict(headers or {})

    def describe(self) -> Description:
        return self._description

    @asynccontextmanager
    async def open(self, wanted: Conditions) -> AsyncIterator[Reading]:
        async with AsyncExitStack() as stack:
            stream = self._client.stream(self._url, headers=self._headers | _conditions(wanted))
            try:
                answer = await stack.enter_async_context(stream)
            except (PeerError, Unavailable) as error:
                # Neither the peer's fault nor its business where our source is.
                raise Unavailable("dataplane.source-unreachable") from error
            if answer.status not in _PASSED_STATUS:
                raise Unavailable("dataplane.source-unreachable")
            yield _reading(answer)


def _conditions(wanted: Conditions) -> dict[str, str]:
    named = {
        "Range": wanted.range,
        "If-Range": wanted.if_range,
        "If-Match": wanted.if_match,
        "If-None-Match": wanted.if_none_match,
    }
    return {name: value for name, value in named.items() if value is not None}


def _reading(answer: aiohttp.ClientResponse) -> Reading:
    passed = {name: answer.headers[name] for name in _PASSED_HEADERS if name in answer.headers}
    filled = answer.status in (200, 206)
    return Reading(
        status=answer.status,
        headers={name: value for name, value in passed.items() if _PLAIN.fullmatch(value)},
        length=answer.content_length if filled else 0,
        last=answer.status == 200 or _reaches_end(passed.get("Content-Range", "")),
        chunks=_chunks(answer),
    )


def _reaches_end(header: str) -> bool:
    found = content_range(header)
    return found is not None and found[1] + 1 == found[2]


async def _chunks(answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    try:
        while chunk := await answer.content.readany():
            yield chunk
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Broken("source-cut") from error
