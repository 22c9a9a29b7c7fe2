"""A dataset as a member showed it, read once: what it says, what it is found by, what it is narrowed by.

Entries are foreign: whatever has not the form that we know is passed over, and never makes the rest unreadable. The
hash is ours, of what was shown; nobody finds a content by naming a hash (spec/metadata-search.md 1.2).
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from connector.data.catalogue.search import analyser
from connector.data.catalogue.templates.recognise import recognise
from connector.foundation.errors import PeerError
from connector.kernel.policy.odrl.model import PolicyError
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.values import instant
from connector.kernel.policy.plan import kept_by_size

LARGEST: Final = 512 << 10
"""Bytes of one entry at most; beyond, the crawler sets it aside."""
LONGEST_IRI: Final = 2_000
Facet = Literal["theme", "field", "format", "licence", "rule"]
FACETS: Final[tuple[Facet, ...]] = ("theme", "field", "format", "licence", "rule")
"""What a content says of itself; provider and freshness come from its entry."""
NO_RULE: Final = "none"
"""The rule of what nobody offers: everybody may read of it, and often have it, without a contract."""
_VALUES: Final = 20
_LONGEST_VALUE: Final = 200
MILLIONTHS: Final = 1_000_000
_NUMBER: Final = re.compile(r"-?\d{1,3}(?:\.\d{1,15})?(?:[eE]-?\d{1,2})?")


class Box(msgspec.Struct, frozen=True):
    """WGS 84, in millionths of a degree; `west` may lie east of `east` across the date line."""

    west: int
    south: int
    east: int
    north: int


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset of a member's catalogue, ready to be stored.

    `entry` is JSON with sorted keys and `hash` its SHA-256 (hex); `words` are the analyser's tokens and `edition` says
    which analyser made them; times in milliseconds.
    """

    dataset: str
    entry: bytes
    hash: str
    words: tuple[str, ...]
    edition: str
    facets: tuple[tuple[Facet, str], ...] = ()
    box: Box | None = None
    starts: int | None = None
    ends: int | None = None
    modified: int | None = None


def copy_of(entry: Mapping[str, Any]) -> Copy:
    """An entry of a catalogue (`dcat:dataset`, compacted as DSP has it) as a copy; pure, some milliseconds.

    Raises PeerError `search.copy` without a usable IRI or with offers that have no name, `search.copy-too-large`
    beyond LARGEST.
    """
    iri = entry.get("@id")
    if not isinstance(iri, str) or not 0 < len(iri) <= LONGEST_IRI or "\x00" in iri or not _offers_named(entry):
        raise PeerError("search.copy")
    try:
        body = msgspec.json.encode(entry, order="deterministic")
    except (TypeError, ValueError, RecursionError) as problem:
        raise PeerError("search.copy") from problem
    if len(body) > LARGEST:
        raise PeerError("search.copy-too-large", dataset=iri[:200], most=LARGEST)
    facets = tuple(_facets(entry))
    starts, ends = _period(entry)
    return Copy(
        dataset=iri,
        entry=body,
        hash=hashlib.sha256(body).hexdigest(),
        words=analyser.analyser().document(titles(entry), keywords(entry), descriptions(entry), facets),
        edition=analyser.edition(),
        facets=facets,
        box=box_in(entry),
        starts=starts,
        ends=ends,
        modified=_modified(entry),
    )


def _offers_named(entry: Mapping[str, Any]) -> bool:
    offers = entry.get("hasPolicy", [])
    return isinstance(offers, list) and all(isinstance(one, dict) and isinstance(one.get("@id"), str) for one in offers)


def titles(entry: Mapping[str, Any]) -> list[str]:
    """The titles of an entry in every language."""
    return list(_texts(entry.get("dct:title")))


def descriptions(entry: Mapping[str, Any]) -> list[str]:
    return list(_texts(entry.get("dct:description")))


def keywords(entry: Mapping[str, Any]) -> list[str]:
    return list(_texts(entry.get("dcat:keyword")))


def _texts(value: object) -> Iterator[str]:
    """The words of a literal, or of a list of them; of IRIs nothing."""
    for one in value if isinstance(value, list) else [value]:
        text = one.get("@value") if isinstance(one, dict) else one
        if isinstance(text, str):
            yield text


def _names(value: object) -> Iterator[str]:
    """IRIs and codes, however they are written."""
    for one in value if isinstance(value, list) else [value]:
        name = one.get("@id") or one.get("@value") if isinstance(one, dict) else one
        if isinstance(name, str) and 0 < len(name) <= _LONGEST_VALUE and not re.search(r"[\s\x00-\x1f]", name):
            yield name


def _facets(entry: Mapping[str, Any]) -> Iterator[tuple[Facet, str]]:
    """Facets in the order of FACETS, each value once."""
    distributions = [one for one in _listed(entry.get("distribution")) if isinstance(one, dict)]
    said: dict[Facet, Iterable[str]] = {
        "theme": (named("theme", name) for name in _names(entry.get("dcat:theme"))),
        "field": (named("field", name) for name in _names(entry.get("dct:references")) if "/musterdatensatz/" in name),
        "format": _formats(entry, distributions),
        "licence": [
            named("licence", name) for one in (entry, *distributions) for name in _names(one.get("dct:license"))
        ],
        "rule": _rules(entry),
    }
    for facet in FACETS:
        yield from ((facet, value) for value in sorted(set(said[facet]))[:_VALUES])


def _formats(entry: Mapping[str, Any], distributions: list[dict[str, Any]]) -> Iterator[str]:
    """Codes of the file-type list, else the media type; how DSP hands data over is no format of a file."""
    for one in (entry, *distributions):
        for name in _names(one.get("dct:format")):
            yield named("format", name)
        for name in _names(one.get("dcat:mediaType")):
            media = name.partition("/media-types/")[2] or name
            yield _SHORT.get(media.partition(";")[0].strip().casefold(), media.casefold())


_SHORT: Final[Mapping[str, str]] = {
    "text/csv": "CSV",
    "application/json": "JSON",
    "application/geo+json": "GEOJSON",
    "application/xml": "XML",
    "text/xml": "XML",
    "application/pdf": "PDF",
    "application/zip": "ZIP",
    "application/gml+xml": "GML",
    "application/geopackage+sqlite3": "GPKG",
    "text/html": "HTML",
    "application/vnd.ms-excel": "XLS",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "XLSX",
    "text/plain": "TXT",
}


def _rules(entry: Mapping[str, Any]) -> Iterator[str]:
    """The templates that its offers were made from, `other` for rules that are none of ours, `none` without offers."""
    if "hasPolicy" not in entry:
        yield NO_RULE
    for offer in _listed(entry.get("hasPolicy"))[:_VALUES]:
        if isinstance(offer, dict):
            terms = {name: value for name, value in offer.items() if name not in ("@id", "@type", "target")}
            yield _rule(msgspec.json.encode(terms, order="deterministic"))


@kept_by_size
def _rule(terms: bytes) -> str:
    """The same terms stand on many datasets."""
    try:
        found = recognise(parse(msgspec.json.decode(terms)))
    except PolicyError:
        return "other"
    return found.template if found else "other"


def named(facet: Facet, value: str) -> str:
    """A value as a person types it, or as an IRI, as the facet has it."""
    if facet in ("theme", "format"):
        return _code(value).upper() if "/media-types/" not in value else value
    return value.partition("/licenses/" if facet == "licence" else "/musterdatensatz/")[2] or value


def _code(name: str) -> str:
    """The last part of an IRI; a bare code stays one."""
    return re.split(r"[/#]", name.rstrip("/#"))[-1] or name


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _modified(entry: Mapping[str, Any]) -> int | None:
    found = [at for name in ("dct:modified", "dct:issued") for at in _instants(entry.get(name))]
    return found[0] if found else None


def _instants(value: object, *, end: bool = False) -> Iterator[int]:
    for text in _texts(value):
        at = instant(text) if len(text) <= 40 else None
        if at is not None:
            yield at.end if end else at.start


def _period(entry: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The first period of time; a side that is not said is open."""
    for period in _listed(entry.get("dct:temporal")):
        if isinstance(period, dict):
            starts = next(_instants(period.get("dcat:startDate")), None)
            ends = next(_instants(period.get("dcat:endDate"), end=True), None)
            if (starts, ends) != (None, None) and (starts is None or ends is None or starts < ends):
                return starts, ends
    return None, None


def box_in(entry: Mapping[str, Any]) -> Box | None:
    """Around all coordinates of the first `dcat:bbox` (WKT or GeoJSON), else of the centroid."""
    for place in _listed(entry.get("dct:spatial")):
        for name in ("dcat:bbox", "dcat:centroid"):
            for text in _texts(place.get(name)) if isinstance(place, dict) else ():
                found = box_of(text)
                if found is not None:
                    return found
    return None


def box_of(text: str) -> Box | None:
    """The box around the coordinates (longitude, latitude) of a geometry; None if they are none on Earth."""
    text = text[:20_000].rpartition(">")[2]  # behind the name of a reference system
    numbers = [float(each) for each in _NUMBER.findall(text)]
    east, north = numbers[0::2], numbers[1::2]
    if not east or len(east) != len(north) or max(map(abs, east)) > 180 or max(map(abs, north)) > 90:
        return None
    west, south, farthest, top = (round(each * MILLIONTHS) for each in (min(east), min(north), max(east), max(north)))
    return Box(west, south, farthest, top)
