"""The inventory of a member: read with care, believed when whole (spec/metadata-federation.md 1.2; threat T80).

A listing ascends by id, so nothing in it can be doubled, and nobody is led in a circle. It is whole when as many ids as
it announces hash to the digest that stands on each of its pages.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from connector.data.federation.model import CataloguePage
from connector.foundation.errors import HanseError, PeerError
from connector.foundation.http import strict
from connector.kernel.protocol import codec
from connector.kernel.protocol.messages import Dataset
from connector.kernel.protocol.shape import LONGEST_ID, Malformed

PAGE_BYTES: Final = 2 << 20
PAGE_NODES: Final = 40_000
ENTRY_BYTES: Final = 262_144
ENTRY_NODES: Final = 10_000
ANSWER_BYTES: Final = 2 << 20
"""Bytes of an answer with entries: what is longer is asked for in halves."""
PAGES: Final = 2_000
OLD_PAGES: Final = 3
"""Pages of a catalogue in a row that bring nothing new; then it is taken for endless."""
Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class _Item(msgspec.Struct, frozen=True):
    id: str
    sha256: Sha256


class _Page(msgspec.Struct, frozen=True, rename="camel"):
    participant_id: str
    digest: Sha256
    size: Annotated[int, Meta(ge=0)]
    datasets: list[_Item]
    more: bool


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """An inventory as far as it was read: id -> hash, in ascending order. `capped`: there is more than is read."""

    digest: str
    size: int
    items: Mapping[str, str]
    capped: bool = False


class Reader:
    """Puts the pages of one inventory together; `most` are the ids that are read at all."""

    def __init__(self, did: str, most: int) -> None:
        self._did, self._most = did, most
        self._items: dict[str, str] = {}
        self._whole = sha256()
        self._last = ""
        self._digest: str | None = None
        self._size = 0

    @property
    def last(self) -> str:
        """The id after which the next page begins."""
        return self._last

    def read_page(self, body: bytes) -> Listing | None:
        """The listing once it is there; None if a further page is needed.

        Raises PeerError if it is no inventory, or one that does not ascend or does not end; ListingChanged if it is
        another than that of the pages before.
        """
        page = self._page(body)
        if self._digest not in (None, page.digest):
            raise ListingChanged("federation.changing")
        self._digest, self._size = page.digest, page.size
        for item in page.datasets:
            if len(self._items) >= self._most:
                return Listing(digest=page.digest, size=page.size, items=self._items, capped=True)
            self._add(item)
        if page.more and page.datasets:
            if len(self._items) >= page.size:
                raise PeerError("federation.inventory", problem="more than it announces")
            return None
        if page.more or len(self._items) != page.size or self._whole.hexdigest() != page.digest:
            raise PeerError("federation.inventory", problem="not what its digest stands for")
        return Listing(digest=page.digest, size=page.size, items=self._items)

    def _page(self, body: bytes) -> _Page:
        value = strict.loads(body, limit=PAGE_BYTES, nodes=PAGE_NODES, steering=True)
        try:
            page = msgspec.convert(value, _Page)
        except msgspec.ValidationError as fault:
            raise PeerError("federation.inventory", problem=str(fault)[:200]) from fault
        if page.participant_id != self._did:
            raise PeerError("federation.inventory", problem="of another participant")
        return page

    def _add(self, item: _Item) -> None:
        if item.id <= self._last:
            raise PeerError("federation.inventory", problem="not in ascending order")
        self._last = item.id
        self._items[item.id] = item.sha256
        self._whole.update(f"{item.id} {item.sha256}\n".encode(errors="replace"))


class Walk:
    """Through the pages of a catalogue: by the links that it gives, else by how many entries it has shown (EDC)."""

    def __init__(self) -> None:
        self._urls, self._shown, self._old, self._linked = set[str](), 0, 0, False
        self.shifting = False
        """Whether pages were counted off: what was added or taken meanwhile may have hidden something."""

    def following(self, page: CataloguePage, fresh: bool) -> tuple[str | None, int] | None:
        """Address and offset of the next page; None at the end. `fresh`: this one brought something new.

        Raises PeerError if it repeats itself or does not end.
        """
        counted, self._linked = bool(self._shown) and not self._linked, self._linked or page.following is not None
        self.shifting = self.shifting or (counted and fresh)
        self._urls.add(page.url)
        self._shown += len(page.entries) + len(page.unread)
        self._old = 0 if fresh else self._old + 1
        if page.following is None and (self._linked or not fresh):
            return None
        if page.following in self._urls or len(self._urls) >= PAGES or self._old >= OLD_PAGES:
            raise PeerError("federation.endless", pages=len(self._urls))
        return page.following, 0 if self._linked else self._shown


class ListingChanged(PeerError):
    """The listing was changed while it was read: from the beginning."""


def usable(name: str) -> None:
    """Raises PeerError for an id that nobody can be shown."""
    if not 0 < len(name) <= LONGEST_ID or strict.steers(name) or not name.isprintable():
        raise PeerError("federation.entry-name")


def told_as(name: str) -> str:
    """An id as far as it can be stored and shown, for one that is set aside because of it."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in name[:LONGEST_ID])


def asked(names: Sequence[str]) -> bytes:
    """The body of the question for entries."""
    return msgspec.json.encode({"datasets": names})


def lines(body: bytes, wanted: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any] | HanseError]]:
    """The entries of an answer by their ids, as far as they were asked for, each once, or why one cannot be used.

    `wanted`: id -> hash, as they were listed.
    """
    names = {told: name for name, told in wanted.items()}
    given = set[str]()
    for line in body.split(b"\n"):
        if not line:
            continue
        name = names.get(sha256(line).hexdigest())
        told: dict[str, Any] | HanseError
        try:
            told = _entry(line)
        except HanseError as fault:
            told = fault
        if isinstance(told, dict) and told["@id"] != name:
            name, told = str(told["@id"]), PeerError("federation.entry-hash")
        if name is not None and name in wanted and name not in given:
            given.add(name)
            yield name, told


def _entry(line: bytes) -> dict[str, Any]:
    """A dataset without its context; raises PeerError. Only in an inventory it may be one that nobody offers."""
    if len(line) > ENTRY_BYTES:
        raise PeerError("federation.entry-size", most=ENTRY_BYTES)
    value = strict.loads(line, limit=ENTRY_BYTES, nodes=ENTRY_NODES)
    try:
        if isinstance(value, dict) and "hasPolicy" not in value:
            return codec.public_dataset(value)
        return codec.plain(codec.decode(Dataset, value))
    except Malformed as fault:
        raise PeerError("federation.entry-form", pointer=fault.pointer or "/") from fault
