"""What a source is: a row that a steward registered, and what it gives once it is opened."""

import mimetypes
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from msgspec import Struct

from connector.data.sources.ranges import Conditions

PINNED: Final = "file"
"""The kind of what was handed over and lies here under its digest."""
ELSEWHERE: Final = "elsewhere"
"""The kind of what nothing is served of: the files lie at other addresses, or the dataset is only announced."""


Sealed = bytes
"""Encrypted by the vault."""


class Description(Struct, frozen=True, kw_only=True):
    """What is known of a source without opening it; `bytes` and `sha256` as pinned at registration, None if live."""

    name: str
    media_type: str
    bytes: int | None = None
    sha256: str | None = None


class Source(Struct, frozen=True, kw_only=True):
    """A row of the table `source`. What `location` means is for its kind to say (`kind.Kind`).

    `bytes` and `sha256` are None for live sources. `created_at`: when it was registered (ms). `parameters`: what its
    kind asked for besides the location and may be shown; `secrets`: what may not.
    """

    id: str
    kind: str
    location: str
    name: str
    media_type: str
    bytes: int | None
    sha256: str | None
    created_at: int = 0
    parameters: Mapping[str, str] = {}
    secrets: Sealed | None = None

    @property
    def live(self) -> bool:
        """Whether its bytes are fetched whenever somebody asks for them."""
        return self.here and self.kind != PINNED

    @property
    def here(self) -> bool:
        """Whether this connector serves it."""
        return self.kind != ELSEWHERE

    @property
    def description(self) -> Description:
        return Description(name=self.name, media_type=self.media_type, bytes=self.bytes, sha256=self.sha256)


class Broken(Exception):
    """The source failed after the first byte: the stream must be aborted. `code` is for the audit entry."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Reading(Struct, frozen=True, kw_only=True):
    """The bytes of one answer. `length`: what it promises (None: unknown), `last`: it reaches the end of the whole;
    `ready`: the chunks are at hand, and nothing has to be waited for."""

    status: int
    headers: Mapping[str, str]
    length: int | None
    last: bool
    chunks: AsyncGenerator[bytes, None]
    ready: bool = False


class Readable(Protocol):
    """A source that can be opened."""

    def describe(self) -> Description: ...

    def open(self, wanted: Conditions) -> AbstractAsyncContextManager[Reading]:
        """Opens what is wanted. Raises Unknown or Unavailable before the first byte, `chunks` raise Broken after it."""


def media_type(name: str) -> str:
    """By the file's ending; plain bytes if it says nothing."""
    if name.lower().endswith(".geojson"):
        return "application/geo+json"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
