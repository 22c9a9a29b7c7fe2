"""Where a provider's bytes come from. A steward registers them beforehand; no request ever names a path or URL."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from connector.data.dataplane.sources.ranges import Conditions


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a source without opening it; `bytes` and `sha256` as pinned at registration, None if live."""

    name: str
    media_type: str
    bytes: int | None = None
    sha256: str | None = None


class Broken(Exception):
    """The source failed after the first byte: the stream must be aborted. `code` is for the audit entry."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of one answer. `length`: what it promises (None: unknown), `last`: it reaches the end of the whole;
    `ready`: the chunks are at hand, and nothing has to be waited for."""

    status: int
    headers: Mapping[str, str]
    length: int | None
    last: bool
    chunks: AsyncGenerator[bytes, None]
    ready: bool = False


class Source(Protocol):
    def describe(self) -> Description: ...

    def open(self, wanted: Conditions) -> AbstractAsyncContextManager[Reading]:
        """Opens what is wanted. Raises Unknown or Unavailable before the first byte, `chunks` raise Broken after it."""
