"""A foreign catalogue as it comes: its entries, catalogues inside it, its next page (spec/metadata.md 2.3).

One odd entry must not hide the others: what cannot be read is passed over, unless nothing can.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

import msgspec

from connector.errors import PeerError
from connector.http import strict
from connector.http.outbound import Answer
from connector.protocol import codec, shape
from connector.protocol.messages import Catalog, Dataset, Plain
from connector.protocol.shape import Malformed, point

LIMIT = 1_048_576
NODES = 100_000
LONGEST_LINK = 2048
"""Characters of a `Link` header that are looked through."""


class Listed(msgspec.Struct, frozen=True):
    """What a peer shows us; not `complete` if there is more than we read of one catalogue."""

    datasets: list[Plain]
    complete: bool


def datasets(answer: Answer, did: str) -> list[Plain]:
    """The datasets on a page that a peer offers itself, in catalogues inside the catalogue too.

    What is not in the plain form is made plain first (decision 0013). Raises PeerError if it is no catalogue, or if
    there are entries and none can be read.
    """
    value = strict.loads(answer.body, limit=LIMIT, nodes=NODES)
    found, faults = _read(value, did)
    if faults:
        found, faults = _foreign(value, did) or (found, faults)
    if faults and not found:
        raise PeerError("peer.answer", pointer=faults[0].pointer or "/") from faults[0]
    return found


def dataset(answer: Answer) -> Plain:
    """One dataset as root document; raises PeerError with the places and sentences of what is wrong."""
    value = strict.loads(answer.body, limit=LIMIT, nodes=NODES)
    try:
        return codec.plain(codec.decode(Dataset, value))
    except Malformed:
        from connector.dialects.jsonld.reading import read  # only where it is needed: see `foreign`

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


def _foreign(value: Any, did: str) -> tuple[list[Plain], list[Malformed]] | None:
    """The same of the plain form; None if there is none."""
    from connector.dialects.jsonld.reading import plain_form

    try:
        return _read(plain_form(Catalog, value).value, did)
    except Malformed:
        return None


def _read(value: Any, did: str) -> tuple[list[Plain], list[Malformed]]:
    """The datasets, and what was wrong with those that cannot be read."""
    found, faults = list[Plain](), list[Malformed]()
    try:
        root = shape.json_object(value, "")
        shape.text(root, "@type", "")
        shape.constant(root, "@type", "Catalog", "")
        for entry, at in _entries(root, did):
            try:
                shape.dataset(entry, at)
                found.append(entry)
            except Malformed as fault:
                faults.append(fault)
    except Malformed as fault:
        faults.append(fault)
    return found, faults


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
    """The address of `rel="next"` in a `Link` header (RFC 8288) of the answer from `url`; None if there is none."""
    link, at = link[:LONGEST_LINK], 0
    while (start := link.find("<", at)) >= 0 and (end := link.find(">", start)) >= 0:
        parameters, at = _parameters(link, end + 1)
        if "next" in _relations(parameters):
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
