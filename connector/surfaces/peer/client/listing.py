"""A foreign catalogue as it comes: its entries, catalogues inside it, its next page (spec/metadata.md 2.3).

One odd entry must not hide the others: what cannot be read is passed over, unless nothing can.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urljoin

import msgspec

from connector.data.federation.model import CataloguePage, UnreadEntry
from connector.foundation.errors import PeerError
from connector.foundation.http import strict
from connector.foundation.http.outbound import Answer
from connector.kernel.protocol import codec, shape
from connector.kernel.protocol.messages import Catalog, Dataset, Plain
from connector.kernel.protocol.shape import Malformed, point

LIMIT = 1_048_576
NODES = 100_000
LONGEST_LINK = 2048
"""Characters of a `Link` header that are looked through."""


class PeerCatalogue(msgspec.Struct, frozen=True):
    """What a peer shows us; not `complete` if there is more than we read of one catalogue."""

    datasets: list[Plain]
    complete: bool


def datasets(answer: Answer, did: str) -> list[Plain]:
    """The datasets on a page that a peer offers itself, in catalogues inside the catalogue too.

    What is not in the plain form is made plain first (decision 0013). Raises PeerError if it is no catalogue, or if
    there are entries and none can be read.
    """
    read = _entries_of(answer, did)
    if read.faults and not read.found:
        _, fault = read.faults[0]
        raise PeerError("peer.answer", pointer=fault.pointer or "/") from fault
    return read.found


def page(answer: Answer, did: str, url: str) -> CataloguePage:
    """The same of the page at `url`, with what cannot be read; raises PeerError if it is no catalogue."""
    read = _entries_of(answer, did)
    unread = tuple(UnreadEntry(name=name, pointer=fault.pointer or "/") for name, fault in read.faults)
    return CataloguePage(
        entries=tuple(read.found), unread=unread, following=following(answer.field("Link"), url), url=url
    )


def plain_dataset(answer: Answer) -> Plain | None:
    """One dataset as root document, if it comes in the plain form; raises PeerError if it is no JSON that we read."""
    try:
        return codec.plain(codec.decode(Dataset, strict.loads(answer.body, limit=LIMIT, nodes=NODES)))
    except Malformed:
        return None


def dataset(answer: Answer) -> Plain:
    """The same in any form; raises PeerError with the places and sentences of what is wrong."""
    value = strict.loads(answer.body, limit=LIMIT, nodes=NODES)
    try:
        return codec.plain(codec.decode(Dataset, value))
    except Malformed:
        from connector.kernel.dialects.jsonld.reading import read  # only where it is needed: see `foreign`

        return codec.plain(read(Dataset, value, "peer.answer"))


def nodes(entries: list[Plain]) -> int:
    """How many values there are in all of them; level by level, so that depth costs no stack."""
    level, count = list[Any](entries), 0
    while level:
        count += len(level)
        below = list[Any]()
        for value in level:
            if isinstance(value, dict):
                below += value.values()
            elif isinstance(value, list):
                below += value
        level = below
    return count


class _Read(NamedTuple):
    """The datasets, and what was wrong with those that cannot be read, by their names where they have one."""

    found: list[Plain]
    faults: list[tuple[str | None, Malformed]]


def _entries_of(answer: Answer, did: str) -> _Read:
    value = strict.loads(answer.body, limit=LIMIT, nodes=NODES)
    try:
        read: _Read | Malformed = _read(value, did)
    except Malformed as fault:
        read = fault
    if isinstance(read, Malformed) or read.faults:
        read = _foreign(value, did) or read
    if isinstance(read, Malformed):
        raise PeerError("peer.answer", pointer=read.pointer or "/") from read
    return read


def _foreign(value: Any, did: str) -> _Read | None:
    """The same of the plain form; None if there is none."""
    from connector.kernel.dialects.jsonld.reading import plain_form

    try:
        return _read(plain_form(Catalog, value).value, did)
    except Malformed:
        return None


def _read(value: Any, did: str) -> _Read:
    """Raises Malformed if it is no catalogue."""
    root = shape.json_object(value, "")
    shape.text(root, "@type", "")
    shape.constant(root, "@type", "Catalog", "")
    read = _Read([], [])
    for entry, at in _entries(root, did):
        try:
            shape.dataset(entry, at)
            read.found.append(entry)
        except Malformed as fault:
            read.faults.append((_name(entry), fault))
    return read


def _name(entry: Any) -> str | None:
    name = entry.get("@id") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else None


def _entries(root: Mapping[str, Any], did: str) -> Iterator[tuple[Any, str]]:
    """Every dataset with its place, catalogue by catalogue; depth costs no stack."""
    level: list[tuple[Mapping[str, Any], str]] = [(root, "")]
    while level:
        below: list[tuple[Mapping[str, Any], str]] = []
        for catalogue, at in level:
            yield from _listed(catalogue, "dataset", at)
            below += [(one, place) for one, place in _listed(catalogue, "catalog", at) if _its_own(one, did)]
        level = below


def _its_own(catalogue: Any, did: str) -> bool:
    """What a catalogue inside lists for another participant is to be had from that one alone."""
    return isinstance(catalogue, dict) and catalogue.get("participantId", did) == did


def _listed(members: Mapping[str, Any], name: str, at: str) -> Iterator[tuple[Any, str]]:
    """The items of a list; some peers write a single one without brackets, or nothing as an empty list."""
    value = members.get(name)
    if value is None:
        return
    values = value if isinstance(value, list) else [value]
    for index, item in enumerate(values):
        yield item, point(point(at, name), index)


def following(link: str, url: str) -> str | None:
    """The address of the next page in a `Link` header of the answer from `url`; None if there is none."""
    return linked(link, url, "next")


def linked(link: str, url: str, relation: str) -> str | None:
    """The address with this relation in a `Link` header (RFC 8288) of the answer from `url`; None if there is none."""
    link, at = link[:LONGEST_LINK], 0
    while (start := link.find("<", at)) >= 0 and (end := link.find(">", start)) >= 0:
        parameters, at = _parameters(link, end + 1)
        if relation.lower() in _relations(parameters):
            return _address(url, link[start + 1 : end])
    return None


def _parameters(link: str, at: int) -> tuple[list[str], int]:
    """What follows an address up to the next one, and where that may begin; each character is looked at once."""
    found, open_, quoted = list[str](), list[str](), False
    while at < len(link):
        sign = link[at]
        at += 1
        if sign == '"':
            quoted = not quoted
        elif quoted and sign == "\\":
            open_ += link[at : at + 1]
            at += 1
        elif not quoted and sign == ",":
            break
        elif not quoted and sign == ";":
            found.append("".join(open_))
            open_.clear()
        else:
            open_.append(sign)
    return found if quoted else [*found, "".join(open_)], at


def _relations(parameters: list[str]) -> list[str]:
    """Of two `rel` the first counts; what stands between the address and its parameters makes it no link."""
    if not parameters or parameters[0].strip():
        return []
    named = (parameter.partition("=") for parameter in parameters)
    return next((value.lower().split() for name, _, value in named if name.strip().lower() == "rel"), [])


def _address(url: str, target: str) -> str | None:
    try:
        return urljoin(url, target)
    except ValueError:
        return None
