"""Which bytes of which version an HTTP request wants (RFC 9110 chapters 13 and 14); pure.

A request that asks for several ranges, or in no form we know, gets the whole: the RFC allows ignoring `Range`.
"""

import re
from collections.abc import Mapping

import msgspec

_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,19})-([0-9]{0,19})[ \t]*", re.ASCII | re.IGNORECASE)
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})", re.ASCII)
_UNSATISFIED = re.compile(r"bytes \*/([0-9]{1,19})", re.ASCII)


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """The conditional headers of a data request, as sent."""

    head: bool = False
    range: str | None = None
    if_range: str | None = None
    if_match: str | None = None
    if_none_match: str | None = None


class Extent(msgspec.Struct, frozen=True):
    """What to answer: `status` 200, 206, 304, 412 or 416, and the bytes [start, start + length) if 200 or 206."""

    status: int
    start: int
    length: int


def wanted(method: str, headers: Mapping[str, str]) -> Conditions:
    """Reads a request's headers (case-insensitive mapping)."""
    return Conditions(
        head=method == "HEAD",
        range=headers.get("Range"),
        if_range=headers.get("If-Range"),
        if_match=headers.get("If-Match"),
        if_none_match=headers.get("If-None-Match"),
    )


def extent(want: Conditions, etag: str, size: int) -> Extent:
    """Decides by the current strong `etag` (with its quotes) and `size` in bytes, in the RFC's order of conditions."""
    if want.if_match is not None and not _listed(want.if_match, etag, weak=False):
        return Extent(412, 0, 0)
    if want.if_none_match is not None and _listed(want.if_none_match, etag, weak=True):
        return Extent(304, 0, 0)
    if want.range is None or (want.if_range is not None and want.if_range.strip() != etag):
        return Extent(200, 0, size)
    return _part(want.range, size)


def _listed(header: str, etag: str, *, weak: bool) -> bool:
    tags = [tag.strip() for tag in header.split(",")]
    return "*" in tags or etag in tags or (weak and f"W/{etag}" in tags)


def _part(header: str, size: int) -> Extent:
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return Extent(200, 0, size)
    first, last = match.groups()
    if first == "":
        return _tail(int(last), size)
    start, end = int(first), int(last) if last else size - 1
    if last and end < start:
        return Extent(200, 0, size)
    if start >= size:
        return Extent(416, 0, 0)
    return Extent(206, start, min(end, size - 1) - start + 1)


def _tail(count: int, size: int) -> Extent:
    if count == 0 or size == 0:
        return Extent(416, 0, 0)
    count = min(count, size)
    return Extent(206, size - count, count)


def content_range(header: str) -> tuple[int, int, int] | None:
    """(first byte, last byte, size of the whole) of an answer's `Content-Range`, None if malformed."""
    match = _CONTENT_RANGE.fullmatch(header.strip())
    if match is None:
        return None
    first, last, size = (int(number) for number in match.groups())
    return (first, last, size) if first <= last < size else None


def unsatisfied_size(header: str) -> int | None:
    """The size of the whole that a 416 names, None if it names none."""
    match = _UNSATISFIED.fullmatch(header.strip())
    return int(match.group(1)) if match else None
