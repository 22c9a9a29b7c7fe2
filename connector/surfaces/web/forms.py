"""What people send: read within limits, proven to come from a page of ours, and done once (spec/desk.md 1.4).

Each form bears a token: a random name, the time, and a MAC over both and the form's address under a secret of the
session. So a form cannot be made elsewhere, nor used for another address, and its name tells a second sending from a
second wish.
"""

import hmac
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from hashlib import sha256
from typing import Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from msgspec import Struct

from connector.foundation.errors import Mistake, PeerError
from connector.foundation.http import limits
from connector.foundation.http.incoming import BodyTime
from connector.foundation.http.refusals import TooLarge, WrongMedia

TOKEN: Final = "form"  # noqa: S105  (the name of a field)
FIELDS: Final = 2_000
LONGEST_NAME: Final = 200
LARGEST: Final = 262_144
"""Bytes of a form without files, and of the fields of one with a file."""
LIFE_MS: Final = 12 * 3_600_000
"""Longer than any session."""
_PIECE: Final = 65_536
_AHEAD_MS: Final = 60_000
_UNREADABLE: Final = (ValueError, HttpProcessingError, RuntimeError)
"""What aiohttp raises at headers of a part, and at a `_charset_`, that are none."""

T = TypeVar("T")


async def _nothing() -> None:
    """Nobody asks for the end of a file."""


class Upload:
    """A file as it comes, once: in `pieces`, or by `read`; `name` and `media` are what the browser says. `time` is that
    of the whole form."""

    def __init__(self, part: BodyPartReader, time: BodyTime) -> None:
        self._part, self._time = part, time
        self._pieces, self._held = self.pieces(), b""
        self._whole: Callable[[], Awaitable[None]] = _nothing
        self.name = (part.filename or "")[:255].encode("utf-8", "replace").decode("utf-8")
        self.media = part.headers.get("Content-Type", "")[:200]

    def then(self, whole: Callable[[], Awaitable[None]]) -> None:
        """`whole` is asked when the last piece has come, and before whoever reads knows that it was the last."""
        self._whole = whole

    async def pieces(self) -> AsyncIterator[bytes]:
        """Raises PeerError if it breaks off or comes too slowly, what `then` raises; the reader counts bytes."""
        try:
            while piece := await self._time.piece(lambda: self._part.read_chunk(_PIECE)):
                yield piece
        except ValueError as cause:
            raise PeerError("http.body-broken") from cause
        await self._whole()

    async def read(self, n: int = -1) -> bytes:
        """Some bytes, at most `n` where that is not negative; none at the end. Raises as `pieces`."""
        if not self._held:
            self._held = await anext(self._pieces, b"")
        count = len(self._held) if n < 0 else n
        piece, self._held = self._held[:count], self._held[count:]
        return piece


class Form(Struct, frozen=True):
    """The fields in their order. `upload` is the file, if the form had one; it comes after all fields."""

    fields: tuple[tuple[str, str], ...] = ()
    upload: Upload | None = None

    def text(self, name: str, default: str = "") -> str:
        """The first value, without white space around it."""
        return next((value.strip() for key, value in self.fields if key == name), default)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value: what was ticked."""
        return tuple(value.strip() for key, value in self.fields if key == name)

    def has(self, name: str) -> bool:
        return any(key == name for key, _ in self.fields)

    def read(self, wanted: type[T]) -> T:
        """As a Struct of texts, numbers, booleans and tuples; an empty field counts as not filled in.

        Raises Mistake `web.field` with the field's name in `pointer`.
        """
        given: dict[str, object] = {}
        for field in msgspec.structs.fields(wanted):  # type: ignore[arg-type]
            values = [value for value in self.all(field.encode_name) if value]
            if values:
                several = getattr(field.type, "__origin__", None) is tuple
                given[field.encode_name] = values if several else values[0]
        try:
            return msgspec.convert(given, wanted, strict=False)
        except msgspec.ValidationError as problem:
            raise Mistake("web.field", pointer=_where(str(problem))) from problem


def _where(problem: str) -> str:
    """The name of the field in msgspec's words: `… - at `$.title`` or `… missing required field `title``."""
    return problem.rpartition("`")[0].rpartition("`")[2].removeprefix("$.") or "$"


def from_here(request: web.Request, origin: str) -> None:
    """Raises PeerError unless the browser says that a page of ours sends this (RFC 6454; threat T84)."""
    said = request.headers.get("Origin")
    if said is None:
        said = origin if request.headers.get("Sec-Fetch-Site") == "same-origin" else ""
    if said.lower() != origin:
        raise PeerError("web.foreign", origin=origin)


def token(key: bytes, address: str, now: int) -> str:
    """For one showing of the form that is sent to this path."""
    name = secrets.token_urlsafe(12)
    return f"{name}.{now:x}.{_mac(key, address, name, f'{now:x}')}"


def checked(key: bytes, address: str, given: str, now: int) -> str:
    """The name of the form; raises Mistake for a token that is not of this session and address, or too old."""
    parts = given.split(".") if len(given) <= 200 and given.isascii() else []
    if len(parts) != 3 or not hmac.compare_digest(parts[2], _mac(key, address, parts[0], parts[1])):
        raise Mistake("web.token")
    if not now - LIFE_MS <= int(parts[1], 16) <= now + _AHEAD_MS:
        raise Mistake("web.token")
    return parts[0]


def _mac(key: bytes, address: str, name: str, at: str) -> str:
    return hmac.new(key, f"{address}\0{name}\0{at}".encode(), sha256).hexdigest()


async def read(request: web.Request) -> Form:
    """The fields of a request, and where it has a file, the fields before it; raises PeerError for what is no form."""
    if request.content_type == "application/x-www-form-urlencoded":
        body = await limits.read_body(request, limit=LARGEST)
        try:
            pairs = parse_qsl(
                body.decode("ascii"),
                keep_blank_values=True,
                strict_parsing=bool(body),
                errors="strict",
                max_num_fields=FIELDS,
            )
        except ValueError as problem:
            raise PeerError("web.no-form") from problem
        return Form(_plain(pairs))
    if request.content_type == "multipart/form-data":
        with limits.body_coming(request):
            return await _parts(request, BodyTime())
    raise WrongMedia("http.body-media", expected="application/x-www-form-urlencoded")


async def _parts(request: web.Request, time: BodyTime) -> Form:
    pairs: list[tuple[str, str]] = []
    left = LARGEST
    try:
        reader = await request.multipart()
        while (part := await time.part(reader.next())) is not None:
            if isinstance(part, MultipartReader) or part.name is None or len(pairs) >= FIELDS:
                raise PeerError("web.no-form")
            if part.filename is not None:
                return Form(_plain(pairs), Upload(part, time))
            value = bytearray()
            while piece := await time.piece(partial(part.read_chunk, _PIECE)):
                left -= len(piece)
                if left < 0:
                    raise TooLarge("http.body-size", limit=LARGEST)
                value += piece
            pairs.append((part.name, value.decode("utf-8")))
    except _UNREADABLE as cause:
        raise PeerError("web.no-form") from cause
    return Form(_plain(pairs))


def _plain(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Line breaks as everywhere else; NUL and half of a sign fit into no database."""
    found = tuple((name, value.replace("\r\n", "\n").replace("\r", "\n")) for name, value in pairs)
    if any(len(name) > LONGEST_NAME or not name.isprintable() or "\0" in value for name, value in found):
        raise PeerError("web.no-form")
    return found
