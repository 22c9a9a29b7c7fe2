"""The record as JSON-LD of schema.org, for the head of a page that search engines read (spec/metadata-record.md 2.1).

The result is a plain value; whoever writes it into HTML has to escape `<`.
"""

from collections.abc import Sequence
from typing import Any

from connector.kernel.metadata.project import dcat_ap
from connector.kernel.metadata.record.model import (
    Box,
    Catalogue,
    Contact,
    DatasetRecord,
    Distribution,
    Place,
    Series,
    Texts,
)

CONTEXT = "https://schema.org/"
_POINT = ("name", "email", "url", "telephone")
Json = dict[str, Any]


def dataset(record: DatasetRecord, catalogue: str = "") -> Json:
    """A complete record as `Dataset`; `catalogue` is the IRI of the catalogue that it stands in."""
    is_open = dcat_ap.access_right(record).endswith("/PUBLIC")
    return {
        "@context": CONTEXT,
        **_said(
            {
                "@type": "Dataset",
                "@id": record.iri,
                "name": _text(record.title),
                "description": _text(record.description),
                "identifier": _one(record.identifiers),
                "url": record.landing_page,
                "license": _licence(record),
                "isAccessibleForFree": is_open or None,
                "keywords": [word for words in record.keywords.values() for word in words],
                "publisher": None
                if record.publisher is None
                else _organization(record.publisher.iri, record.publisher.name, record.contacts),
                "datePublished": record.issued,
                "dateModified": record.modified,
                "version": record.version,
                "temporalCoverage": [f"{one.start or '..'}/{one.end or '..'}" for one in record.periods],
                "spatialCoverage": [_place(one) for one in record.places],
                "inLanguage": _one([_language(one) for one in record.languages]),
                "isPartOf": [{"@type": "Dataset", "@id": one.iri} for one in record.series],
                "includedInDataCatalog": {"@type": "DataCatalog", "@id": catalogue} if catalogue else None,
                "distribution": [_distribution(one) for one in record.distributions],
            }
        ),
    }


def catalogue(record: Catalogue, datasets: Sequence[str] = ()) -> Json:
    """A catalogue as `DataCatalog`, with the IRIs of its datasets or of those on this page."""
    return {
        "@context": CONTEXT,
        **_said(
            {
                "@type": "DataCatalog",
                "@id": record.iri,
                "name": _text(record.title),
                "description": _text(record.description),
                "url": record.homepage,
                "license": record.licence,
                "publisher": _organization(record.publisher.iri, record.publisher.name, ()),
                "datePublished": record.issued,
                "dateModified": record.modified,
                "inLanguage": _one([_language(one) for one in record.languages]),
                "dataset": [{"@type": "Dataset", "@id": one} for one in datasets],
            }
        ),
    }


def series(record: Series, members: Sequence[str] = ()) -> Json:
    """A series: schema.org has no class of its own for it, so it is a `Dataset` of datasets."""
    return {
        "@context": CONTEXT,
        **_said(
            {
                "@type": "Dataset",
                "@id": record.iri,
                "name": _text(record.title),
                "description": _text(record.description or record.title),
                "publisher": None
                if record.publisher is None
                else _organization(
                    record.publisher.iri, record.publisher.name, () if record.contact is None else (record.contact,)
                ),
                "datePublished": record.issued,
                "dateModified": record.modified,
                "hasPart": [{"@type": "Dataset", "@id": one} for one in members],
            }
        ),
    }


def _distribution(one: Distribution) -> Json:
    return _said(
        {
            "@type": "DataDownload",
            "@id": one.iri,
            "name": _text(one.title),
            "contentUrl": one.download_url,
            "url": "" if one.download_url else one.access_url,
            "encodingFormat": one.media_type,
            "license": one.licence,
            "contentSize": None if one.bytes is None else f"{one.bytes} B",
            "sha256": None if one.checksum is None else one.checksum.value,
        }
    )


def _organization(iri: str, name: Texts, contacts: Sequence[Contact]) -> Json:
    points = [_said({"@type": "ContactPoint", **{field: getattr(one, field) for field in _POINT}}) for one in contacts]
    return _said({"@type": "Organization", "@id": iri, "name": _text(name), "contactPoint": points})


def _place(one: Place) -> Json:
    shape = None if one.box is None else {"@type": "GeoShape", "box": _corners(one.box)}
    return _said({"@type": "Place", "@id": one.iri, "name": _text(one.label), "geo": shape})


def _corners(box: Box) -> str:
    """South-west, then north-east, each latitude first."""
    return f"{box.south} {box.west} {box.north} {box.east}"


def _licence(record: DatasetRecord) -> Any:
    return _one(list(dict.fromkeys(filter(None, (record.licence, *(one.licence for one in record.distributions))))))


def _language(iri: str) -> str:
    """`DEU`, of the EU list."""
    return iri.rpartition("/")[2]


def _text(texts: Texts) -> Any:
    if len(texts) < 2:
        return next(iter(texts.values()), "")
    return [{"@language": lang, "@value": text} if lang else text for lang, text in texts.items()]


def _one(values: Sequence[str]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def _said(members: Json) -> Json:
    return {name: value for name, value in members.items() if value not in (None, "", [])}
