"""The filter of a catalogue request: a small language of our own, and the query that EDC always sends (decision 0017).

`filter` is a list of objects, and a dataset must satisfy every member of each. Whatever we do not know is refused with
the place where it stands: passing over it would show more than was asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from connector.foundation.errors import PeerError
from connector.foundation.normal_form import normal_form
from connector.kernel.policy.odrl.values import instant
from connector.kernel.protocol.messages import HANSE
from connector.kernel.protocol.shape import point

PAGE: Final = 100
FARTHEST: Final = 10_000
"""An EDC `offset` is counted off dataset by dataset; whoever wants more follows the links."""
WORDS, DATASET, MEDIA_TYPE, SINCE = (f"{HANSE}{name}" for name in ("words", "dataset", "mediaType", "changedSince"))
EDC: Final = "https://w3id.org/edc/v0.0.1/ns/"
_OBJECTS, _VALUES, _WORDS, _LONGEST = 20, 100, 20, 500
_EQUAL: Final = frozenset({"=", "in"})
_ID: Final = frozenset({"id", "@id"})


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What a page may hold at most: None means anything. `words` are folded; `since` in milliseconds.

    `limit` and `offset` say which part of it is meant; an offset counts only where no cursor says more.
    """

    words: tuple[str, ...] = ()
    datasets: tuple[str, ...] | None = None
    media_types: tuple[str, ...] | None = None
    since: int | None = None
    limit: int = PAGE
    offset: int = 0

    @property
    def narrow(self) -> bool:
        """Whether datasets have to be passed over that the peer may see."""
        return bool(self.words) or (self.datasets, self.media_types, self.since) != (None, None, None)

    def speaks_of(self, folded: str) -> bool:
        """Whether each word is somewhere in a folded text."""
        return all(word in folded for word in self.words)

    def mac(self) -> bytes:
        """What a cursor is bound to: a page goes on only under the filter that it began with."""
        return msgspec.json.encode(msgspec.structs.replace(self, offset=0))


EVERYTHING: Final = Filter()


def fold(*texts: str) -> str:
    """Texts as they are compared: without case, and with each letter written in one way only."""
    return normal_form("NFKC", "\n".join(texts)).casefold()


def containing(words: Sequence[str]) -> list[Any] | None:
    """The filter that asks for datasets with all these words; None without words."""
    return [{WORDS: " ".join(words)}] if words else None


def about(dataset: str) -> list[Any] | None:
    """The filter that asks for one dataset; None if its name is longer than a filter takes."""
    return [{DATASET: dataset}] if 0 < len(dataset) <= _LONGEST else None


def behind(offset: int) -> list[Any]:
    """The query of EDC that asks for a page behind so many datasets; its names are whole, for no context has them."""
    return [{"@type": f"{EDC}QuerySpec", f"{EDC}offset": offset, f"{EDC}limit": PAGE}]


def read(filter: Sequence[object] | None) -> Filter:
    """What the filter of a `CatalogRequestMessage` asks for; PeerError names the place of what we cannot do."""
    if len(filter or ()) > _OBJECTS:
        raise PeerError("catalogue.filter-value", pointer="/filter")
    wanted = EVERYTHING
    for index, item in enumerate(filter or ()):
        at = point("/filter", index)
        if not isinstance(item, dict):
            raise PeerError("catalogue.filter-value", pointer=at)
        wanted = _ours(item, at, wanted) if any(name.startswith(HANSE) for name in item) else _edc(item, at, wanted)
    return wanted


def _ours(item: Mapping[str, object], at: str, wanted: Filter) -> Filter:
    for name, value in item.items():
        if name not in _MEMBERS:
            raise PeerError("catalogue.filter-member", pointer=point(at, name[:200]))
        wanted = _MEMBERS[name](value, point(at, name), wanted)
    return wanted


def _words(value: object, at: str, wanted: Filter) -> Filter:
    words = fold(value).split() if isinstance(value, str) and len(value) <= _LONGEST else []
    together = tuple(sorted({*wanted.words, *words}))
    if not words or len(together) > _WORDS:
        raise PeerError("catalogue.filter-value", pointer=at)
    return msgspec.structs.replace(wanted, words=together)


def _datasets(value: object, at: str, wanted: Filter) -> Filter:
    return msgspec.structs.replace(wanted, datasets=_both(wanted.datasets, _texts(value, at)))


def _media_types(value: object, at: str, wanted: Filter) -> Filter:
    return msgspec.structs.replace(wanted, media_types=_both(wanted.media_types, _texts(value, at)))


def _since(value: object, at: str, wanted: Filter) -> Filter:
    found = instant(value) if isinstance(value, str) else None
    if found is None:
        raise PeerError("catalogue.filter-value", pointer=at)
    return msgspec.structs.replace(wanted, since=max(found.start, wanted.since or 0))


def _texts(value: object, at: str) -> tuple[str, ...]:
    """One text or a list of them, of which any will do."""
    texts = [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]
    good = bool(texts) and len(texts) <= _VALUES and all(0 < len(text) <= _LONGEST for text in texts)
    if not good or (isinstance(value, list) and len(value) != len(texts)):
        raise PeerError("catalogue.filter-value", pointer=at)
    return tuple(sorted(set(texts)))


def _both(before: tuple[str, ...] | None, more: tuple[str, ...]) -> tuple[str, ...]:
    return more if before is None else tuple(text for text in before if text in more)


_MEMBERS: Final[Mapping[str, Callable[[object, str, Filter], Filter]]] = {
    WORDS: _words,
    DATASET: _datasets,
    MEDIA_TYPE: _media_types,
    SINCE: _since,
}


def _edc(item: Mapping[str, object], at: str, wanted: Filter) -> Filter:
    """A QuerySpec: EDC sends one with every request, usually without a criterion. Our order is the only one."""
    for full, value in item.items():
        name, place = full.removeprefix(EDC), point(at, full[:200])
        if name == "limit":
            wanted = msgspec.structs.replace(wanted, limit=min(wanted.limit, _whole(value, place, least=1)))
        elif name == "offset":
            wanted = msgspec.structs.replace(wanted, offset=_offset(value, place))
        elif name == "filterExpression":
            wanted = _criteria(value, place, wanted)
        elif not _idle(name, value):
            raise PeerError("catalogue.filter-member", pointer=place)
    return wanted


def _idle(name: str, value: object) -> bool:
    """Members that change nothing as long as no field to sort by is named."""
    kind = value.removeprefix(EDC) if isinstance(value, str) else value
    return (
        (name == "@type" and kind == "QuerySpec")
        or (name == "@id" and isinstance(value, str))
        or (name == "sortOrder" and value in (None, "ASC", "DESC"))
        or (name == "sortField" and value is None)
    )


def _offset(value: object, at: str) -> int:
    offset = _whole(value, at, least=0)
    if offset > FARTHEST:
        raise PeerError("catalogue.filter-offset", pointer=at, most=FARTHEST)
    return offset


def _whole(value: object, at: str, *, least: int) -> int:
    if type(value) is not int or value < least:
        raise PeerError("catalogue.filter-value", pointer=at)
    return value


def _criteria(value: object, at: str, wanted: Filter) -> Filter:
    """The one criterion that has a meaning here asks for datasets by their id."""
    for index, criterion in enumerate(value if isinstance(value, list) else [value] if value else []):
        place = point(at, index)
        if not isinstance(criterion, dict):
            raise PeerError("catalogue.filter-value", pointer=place)
        said = {name.removeprefix(EDC): part for name, part in criterion.items()}
        left = said.get("operandLeft")
        if not isinstance(left, str) or left.removeprefix(EDC) not in _ID or said.get("operator") not in _EQUAL:
            raise PeerError("catalogue.filter-member", pointer=place)
        wanted = _datasets(said.get("operandRight"), point(place, "operandRight"), wanted)
    return wanted
