"""The record as triples by DCAT-AP.de 3.0 and DCAT-AP 3.0.1, and of high-value datasets (spec/metadata-record.md 2).

A harvester deletes what it reaches from a dataset. So every node but the publisher, the series, laws and values of
lists hangs under its own dataset, and neither a service nor a series leads back to datasets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from urllib.parse import quote

from connector.kernel.metadata.rdf import oxigraph
from connector.kernel.metadata.rdf.graph import Term
from connector.kernel.metadata.rdf.names import (
    ADMS,
    AUTHORITY,
    DCAT,
    DCATAP,
    DCATDE,
    DCT,
    ELI,
    FOAF,
    GEO,
    HVD_LAW,
    ODRL,
    RDF,
    RDFS,
    SPDX,
    VCARD,
    XSD,
)
from connector.kernel.metadata.record.model import (
    Access,
    Agent,
    Box,
    Catalogue,
    Checksum,
    Contact,
    DataService,
    DatasetRecord,
    Distribution,
    Hvd,
    Period,
    Place,
    Series,
    Texts,
    Words,
)

MEDIA_TYPES = "https://www.iana.org/assignments/media-types/"
THEMES = AUTHORITY + "data-theme"
_RIGHT: dict[Access, str] = {"open": "PUBLIC", "announced": "RESTRICTED", "contract": "RESTRICTED"}
_DATED = {4: "gYear", 7: "gYearMonth", 10: "date"}
"""How exact a date is, by the number of its signs; with more it is an instant."""


def dataset(record: DatasetRecord) -> list[oxigraph.Triple]:
    """A dataset with all that a page needs to be complete in itself: publisher, series, laws, its nodes.

    `record` is complete (`record.model.filled`) and its IRIs are valid; raises ValueError for one that is not.
    """
    return list(_dataset(record))


def catalogue(record: Catalogue, datasets: Sequence[str] = ()) -> list[oxigraph.Triple]:
    """The node of a catalogue and its publisher; `datasets` are the IRIs that it lists, here or on this page."""
    return list(_catalogue(record, datasets))


def series(record: Series) -> list[oxigraph.Triple]:
    """A series alone, complete (`record.model.named_series`)."""
    return list(_series(record))


def access_right(record: DatasetRecord) -> str:
    """The IRI of the EU list: what the record says itself, or what follows from who may see it."""
    return record.access_right or f"{AUTHORITY}access-right/{_RIGHT[record.access]}"


def _catalogue(record: Catalogue, datasets: Sequence[str]) -> Iterator[oxigraph.Triple]:
    node = oxigraph.NamedNode(record.iri)
    yield oxigraph.Triple(node, RDF.type, DCAT.Catalog)
    yield from _texts(node, DCT.title, record.title)
    yield from _texts(node, DCT.description, record.description)
    yield from _refers(node, DCT.publisher, (record.publisher.iri,))
    yield from _agent(record.publisher)
    yield from _refers(node, DCT.language, record.languages)
    yield from _places(node, record.places)
    yield from _refers(node, DCAT.themeTaxonomy, record.themes)
    yield from _refers(node, DCT.license, _said(record.licence))
    yield from _refers(node, DCATAP.availability, _said(record.availability))
    yield from _page(node, FOAF.homepage, record.homepage)
    yield from _dated(node, DCT.issued, record.issued)
    yield from _dated(node, DCT.modified, record.modified)
    yield from _refers(node, DCAT.dataset, datasets)


def _dataset(record: DatasetRecord) -> Iterator[oxigraph.Triple]:
    node = oxigraph.NamedNode(record.iri)
    yield oxigraph.Triple(node, RDF.type, DCAT.Dataset)
    yield from _described(node, record)
    yield from _governed(node, record)
    for agent in (record.publisher,) if record.publisher is not None else ():
        yield oxigraph.Triple(node, DCT.publisher, oxigraph.NamedNode(agent.iri))
        yield from _agent(agent)
    for contact in record.contacts:
        yield oxigraph.Triple(node, DCAT.contactPoint, oxigraph.NamedNode(contact.iri))
        yield from _contact(contact)
    yield from _places(node, record.places)
    for period in record.periods:
        yield from _period(node, period)
    for one in record.series:
        yield oxigraph.Triple(node, DCAT.inSeries, oxigraph.NamedNode(one.iri))
        yield from _series(one)
    for distribution in record.distributions:
        yield oxigraph.Triple(node, DCAT.distribution, oxigraph.NamedNode(distribution.iri))
        yield from _distribution(record, distribution)
    if record.more:
        yield from _more(record.more)


def _described(node: oxigraph.NamedNode, record: DatasetRecord) -> Iterator[oxigraph.Triple]:
    yield from _texts(node, DCT.title, record.title)
    yield from _texts(node, DCT.description, record.description)
    yield from _words(node, DCAT.keyword, record.keywords)
    for identifier in record.identifiers:
        yield oxigraph.Triple(node, DCT.identifier, oxigraph.Literal(identifier))
    yield from _refers(node, DCAT.theme, record.themes)
    yield from _refers(node, DCT.type, record.kinds)
    yield from _refers(node, DCT.language, record.languages)
    yield from _refers(node, DCT.accrualPeriodicity, _said(record.frequency))
    yield from _refers(node, DCT.references, record.references)
    yield from _page(node, DCAT.landingPage, record.landing_page)
    yield from _standards(node, record.conforms_to)
    if record.version:
        yield oxigraph.Triple(node, DCAT.version, oxigraph.Literal(record.version))
    yield from _texts(node, ADMS.versionNotes, record.version_notes)
    yield from _dated(node, DCT.issued, record.issued)
    yield from _dated(node, DCT.modified, record.modified)


def _governed(node: oxigraph.NamedNode, record: DatasetRecord) -> Iterator[oxigraph.Triple]:
    yield oxigraph.Triple(node, DCT.accessRights, oxigraph.NamedNode(access_right(record)))
    yield from _refers(node, DCATAP.availability, _said(record.availability))
    yield from _refers(node, DCATDE.contributorID, record.contributors)
    yield from _refers(node, DCATDE.politicalGeocodingLevelURI, record.level)
    yield from _high_value(node, record.hvd)
    yield from _laws(node, record.legislation)


def _high_value(node: oxigraph.NamedNode, hvd: Hvd | None, *, category: bool = True) -> Iterator[oxigraph.Triple]:
    if hvd is not None:
        yield from _refers(node, DCATAP.hvdCategory, hvd.categories if category else ())
        yield from _laws(node, (HVD_LAW,))


def _laws(node: oxigraph.NamedNode, laws: Sequence[str]) -> Iterator[oxigraph.Triple]:
    for law in laws:
        yield oxigraph.Triple(node, DCATAP.applicableLegislation, oxigraph.NamedNode(law))
        yield oxigraph.Triple(oxigraph.NamedNode(law), RDF.type, ELI.LegalResource)


def _distribution(record: DatasetRecord, one: Distribution) -> Iterator[oxigraph.Triple]:
    node = oxigraph.NamedNode(one.iri)
    yield oxigraph.Triple(node, RDF.type, DCAT.Distribution)
    yield from _texts(node, DCT.title, one.title)
    yield from _texts(node, DCT.description, one.description)
    yield from _refers(node, DCAT.accessURL, _said(one.access_url or record.landing_page))
    yield from _refers(node, DCAT.downloadURL, _said(one.download_url))
    yield from _refers(node, DCT.format, _said(one.format))
    if one.media_type:
        yield oxigraph.Triple(
            node, DCAT.mediaType, oxigraph.NamedNode(MEDIA_TYPES + quote(one.media_type, safe="/+-."))
        )
    if one.bytes is not None:
        yield oxigraph.Triple(node, DCAT.byteSize, oxigraph.Literal(str(one.bytes), datatype=XSD.nonNegativeInteger))
    if one.checksum is not None:
        yield from _checksum(node, one.checksum)
    yield from _refers(node, DCT.license, _said(one.licence))
    yield from _texts(node, DCATDE.licenseAttributionByText, one.attribution)
    if one.rights:
        rights = oxigraph.NamedNode(f"{one.iri.partition('#')[0]}#rights-{one.iri.partition('#')[2] or 'file'}")
        yield oxigraph.Triple(node, DCT.rights, rights)
        yield oxigraph.Triple(rights, RDF.type, DCT.RightsStatement)
        yield from _texts(rights, RDFS.label, one.rights)
    for policy in one.policies:
        yield oxigraph.Triple(node, ODRL.hasPolicy, oxigraph.NamedNode(policy))
        yield oxigraph.Triple(oxigraph.NamedNode(policy), RDF.type, ODRL.Policy)
        yield oxigraph.Triple(oxigraph.NamedNode(policy), RDF.type, ODRL.Offer)
    yield from _refers(node, ADMS.status, _said(one.status))
    yield from _refers(node, DCATAP.availability, _said(one.availability))
    yield from _refers(node, DCT.language, one.languages)
    yield from _standards(node, one.conforms_to)
    yield from _high_value(node, record.hvd, category=False)
    yield from _dated(node, DCT.issued, one.issued)
    yield from _dated(node, DCT.modified, one.modified)
    if one.service is not None:
        yield oxigraph.Triple(node, DCAT.accessService, oxigraph.NamedNode(one.service.iri))
        yield from _service(record, one.service)


def _service(record: DatasetRecord, one: DataService) -> Iterator[oxigraph.Triple]:
    """With a contact only where the dataset is of high value: CKAN's RDF endpoint fails on one elsewhere."""
    node = oxigraph.NamedNode(one.iri)
    yield oxigraph.Triple(node, RDF.type, DCAT.DataService)
    yield from _texts(node, DCT.title, one.title or record.title)
    yield oxigraph.Triple(node, DCAT.endpointURL, oxigraph.NamedNode(one.endpoint))
    yield from _refers(node, DCAT.endpointDescription, _said(one.description))
    yield from _words(node, DCAT.keyword, record.keywords)
    yield from _refers(node, DCAT.theme, record.themes)
    yield from _refers(node, DCT.license, _said(one.licence))
    yield oxigraph.Triple(node, DCT.accessRights, oxigraph.NamedNode(access_right(record)))
    yield from _refers(node, DCATAP.availability, _said(record.availability))
    yield from _refers(node, DCT.publisher, () if record.publisher is None else (record.publisher.iri,))
    yield from _standards(node, one.conforms_to)
    yield from _page(node, FOAF.page, one.page or (record.landing_page if record.hvd is not None else ""))
    if record.hvd is not None:
        yield from _high_value(node, record.hvd)
        yield from _refers(node, DCAT.contactPoint, [contact.iri for contact in record.contacts])


def _series(one: Series) -> Iterator[oxigraph.Triple]:
    node = oxigraph.NamedNode(one.iri)
    yield oxigraph.Triple(node, RDF.type, DCAT.DatasetSeries)
    yield from _texts(node, DCT.title, one.title)
    yield from _texts(node, DCT.description, one.description or one.title)
    if one.publisher is not None:
        yield oxigraph.Triple(node, DCT.publisher, oxigraph.NamedNode(one.publisher.iri))
        yield from _agent(one.publisher)
    if one.contact is not None:
        yield oxigraph.Triple(node, DCAT.contactPoint, oxigraph.NamedNode(one.contact.iri))
        yield from _contact(one.contact)
    yield from _refers(node, DCT.accrualPeriodicity, _said(one.frequency))
    yield from _places(node, one.places)
    if one.period is not None:
        yield from _period(node, one.period)
    yield from _high_value(node, one.hvd)
    yield from _dated(node, DCT.issued, one.issued)
    yield from _dated(node, DCT.modified, one.modified)


def _agent(one: Agent) -> Iterator[oxigraph.Triple]:
    node = oxigraph.NamedNode(one.iri)
    yield oxigraph.Triple(node, RDF.type, FOAF.Agent)
    yield oxigraph.Triple(node, RDF.type, FOAF.Organization)
    yield from _texts(node, FOAF.name, one.name)
    yield from _refers(node, DCT.type, _said(one.kind))


def _contact(one: Contact) -> Iterator[oxigraph.Triple]:
    node = oxigraph.NamedNode(one.iri)
    yield oxigraph.Triple(node, RDF.type, VCARD.Kind)
    yield oxigraph.Triple(node, RDF.type, VCARD.Organization)
    if one.name:
        yield oxigraph.Triple(node, VCARD.fn, oxigraph.Literal(one.name))
    yield from _refers(node, VCARD.hasEmail, _said(one.email and f"mailto:{quote(one.email, safe='@+')}"))
    yield from _refers(node, VCARD.hasURL, _said(one.url))
    yield from _refers(node, VCARD.hasTelephone, _said(one.telephone and f"tel:{re.sub('[^0-9+]', '', one.telephone)}"))


def _period(of: oxigraph.NamedNode, one: Period) -> Iterator[oxigraph.Triple]:
    if one.start or one.end:
        node = oxigraph.NamedNode(one.iri)
        yield oxigraph.Triple(of, DCT.temporal, node)
        yield oxigraph.Triple(node, RDF.type, DCT.PeriodOfTime)
        yield from _dated(node, DCAT.startDate, one.start)
        yield from _dated(node, DCAT.endDate, one.end)


def _places(of: oxigraph.NamedNode, places: Sequence[Place]) -> Iterator[oxigraph.Triple]:
    for one in places:
        node = oxigraph.NamedNode(one.iri)
        yield oxigraph.Triple(of, DCT.spatial, node)
        yield oxigraph.Triple(node, RDF.type, DCT.Location)
        yield from _texts(node, RDFS.label, one.label)
        if one.box is not None:
            yield oxigraph.Triple(node, DCAT.bbox, _wkt(polygon(one.box)))
            yield oxigraph.Triple(node, DCAT.centroid, _wkt(centroid(one.box)))


def polygon(box: Box) -> str:
    """Well-known text, anticlockwise from the south-west."""
    west, south, east, north = box.west, box.south, box.east, box.north
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return f"POLYGON(({','.join(f'{x} {y}' for x, y in corners)}))"


def centroid(box: Box) -> str:
    return f"POINT({(box.west + box.east) / 2:.4f} {(box.south + box.north) / 2:.4f})"


def _checksum(of: oxigraph.NamedNode, one: Checksum) -> Iterator[oxigraph.Triple]:
    node = oxigraph.NamedNode(one.iri)
    yield oxigraph.Triple(of, SPDX.checksum, node)
    yield oxigraph.Triple(node, RDF.type, SPDX.Checksum)
    yield oxigraph.Triple(node, SPDX.algorithm, oxigraph.NamedNode(one.algorithm))
    yield oxigraph.Triple(node, SPDX.checksumValue, oxigraph.Literal(one.value, datatype=XSD.hexBinary))


def _standards(of: oxigraph.NamedNode, standards: Sequence[str]) -> Iterator[oxigraph.Triple]:
    for one in standards:
        yield oxigraph.Triple(of, DCT.conformsTo, oxigraph.NamedNode(one))
        yield oxigraph.Triple(oxigraph.NamedNode(one), RDF.type, DCT.Standard)


def _page(of: oxigraph.NamedNode, name: oxigraph.NamedNode, address: str) -> Iterator[oxigraph.Triple]:
    if address:
        yield oxigraph.Triple(of, name, oxigraph.NamedNode(address))
        yield oxigraph.Triple(oxigraph.NamedNode(address), RDF.type, FOAF.Document)


def _more(text: str) -> Iterator[oxigraph.Triple]:
    for quad in oxigraph.parse(text, oxigraph.RdfFormat.N_TRIPLES):
        yield oxigraph.Triple(quad.subject, quad.predicate, quad.object)


@lru_cache(maxsize=4096)
def _named(iri: str) -> oxigraph.NamedNode:
    """Values of lists, laws and pages come again and again; a name costs more than looking it up."""
    return oxigraph.NamedNode(iri)


def _refers(of: oxigraph.NamedNode, name: oxigraph.NamedNode, iris: Sequence[str]) -> Iterator[oxigraph.Triple]:
    for iri in iris:
        yield oxigraph.Triple(of, name, _named(iri))


def _texts(of: oxigraph.NamedNode, name: oxigraph.NamedNode, texts: Texts) -> Iterator[oxigraph.Triple]:
    for lang, text in texts.items():
        yield oxigraph.Triple(of, name, _literal(text, lang))


def _words(of: oxigraph.NamedNode, name: oxigraph.NamedNode, words: Words) -> Iterator[oxigraph.Triple]:
    for lang, texts in words.items():
        for text in texts:
            yield oxigraph.Triple(of, name, _literal(text, lang))


def _literal(text: str, lang: str) -> oxigraph.Literal:
    return oxigraph.Literal(text, language=lang) if lang else oxigraph.Literal(text)


def _dated(of: oxigraph.NamedNode, name: oxigraph.NamedNode, text: str) -> Iterator[oxigraph.Triple]:
    if text:
        yield oxigraph.Triple(of, name, oxigraph.Literal(text, datatype=XSD[_DATED.get(len(text), "dateTime")]))


def _wkt(text: str) -> Term:
    return oxigraph.Literal(text, datatype=GEO.wktLiteral)


def _said(text: str) -> tuple[str, ...]:
    return (text,) if text else ()
