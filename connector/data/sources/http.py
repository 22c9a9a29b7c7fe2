"""An HTTP address as source: passed through in 64 kB buffers, range requests included, nothing decompressed (T14).

The credential for it goes to the one registered address only: the outbound session follows no redirect. It is called
through the guarded way out, never into our own network (threat T90).
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final
from urllib.parse import unquote, urlsplit

import aiohttp

from connector.data.sources.kind import Address, Form, Found, Kind, Parameters, SecretText, Ways
from connector.data.sources.model import Broken, Description, Reading, Source
from connector.data.sources.ranges import Conditions, content_range
from connector.foundation.errors import Mistake, PeerError, Unavailable
from connector.foundation.http.outbound import SafeClient

_PASSED_STATUS = frozenset({200, 206, 304, 412, 416})
_PASSED_HEADERS = ("ETag", "Accept-Ranges", "Content-Range", "Content-Encoding")
_PLAIN = re.compile(r"[!-~ ]{1,256}", re.ASCII)
_PIECE: Final = 1 << 20
_ENDINGS: Final = {
    "text/csv": "csv",
    "application/json": "json",
    "application/geo+json": "geojson",
    "application/geopackage+sqlite3": "gpkg",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/tab-separated-values": "tsv",
}
_NAMED = re.compile(r"filename\*?=(?:UTF-8'')?\"?([^\";]{1,200})", re.IGNORECASE)


class HttpParameters(Parameters, frozen=True, kw_only=True, omit_defaults=True):
    """`authorization` is the header of that name, as the other server wants it: `Basic …`, `Bearer …`."""

    url: Address
    authorization: SecretText = ""


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


def _check(ways: Ways, values: HttpParameters) -> None:
    """https alone, and no number or name of our own network; where another name leads is judged at the socket."""
    if not ways.http.calls_as_source(values.url):
        raise Mistake("sources.address", url=values.url[:200])


@asynccontextmanager
async def _look(ways: Ways, values: HttpParameters) -> AsyncIterator[Found]:
    """A redirect is an answer without a file; size is bounded by what an upload may be."""
    async with ways.http.stream(values.url, headers={"Accept": "*/*", **_login(values.authorization)}) as answer:
        if answer.status in (401, 403):
            raise Mistake("sources.login", name="authorization", status=answer.status)
        if answer.status != 200 or answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Mistake("sources.no-file", status=answer.status)
        host = urlsplit(values.url).hostname or ""
        yield Found(name=_name(values.url, answer), bytes=answer.content_length, incoming=_Piecewise(answer, host))


class _Piecewise:
    """An open answer, as uploads take one; what breaks on the way is told as the host's, for a disk that fails looks
    alike."""

    def __init__(self, answer: aiohttp.ClientResponse, host: str) -> None:
        self._content, self._host = answer.content, host

    async def read(self, n: int = -1) -> bytes:
        try:
            return await self._content.read(_PIECE if n < 0 else n)
        except TimeoutError as cause:
            raise Unavailable("http.too-slow", host=self._host) from cause
        except (aiohttp.ClientError, OSError) as cause:
            raise Unavailable("http.unreachable", host=self._host) from cause


def _name(url: str, answer: aiohttp.ClientResponse) -> str:
    """The last part of the path, or what the answer calls it, with an ending if the answer says of what kind it is."""
    said = _NAMED.search(answer.headers.get("Content-Disposition", ""))
    parts = [part for part in urlsplit(url).path.split("/") if part]
    text = unquote(said[1] if said else parts[-1] if parts else urlsplit(url).hostname or "")
    name = "".join(sign for sign in text.replace("\\", "/").rpartition("/")[2] if sign.isprintable()).strip()[:150]
    ending = _ENDINGS.get(answer.headers.get("Content-Type", "").partition(";")[0].strip().lower(), "")
    if ending and "." not in name:
        name = f"{name or 'daten'}.{ending}"
    return name or "daten"


def _login(authorization: str) -> dict[str, str]:
    return {"Authorization": authorization} if authorization else {}


def _opened(ways: Ways, participant: str, source: Source, secrets: Mapping[str, str]) -> HttpSource:
    return HttpSource(ways.http, source.location, source.description, _login(secrets.get("authorization", "")))


HTTP: Final[Kind[HttpParameters]] = Kind(
    name="http",
    resumes="if-served",
    form=Form(parameters=HttpParameters, location="url", check=_check, look=_look),
    open=_opened,
)
