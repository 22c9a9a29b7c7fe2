"""The record as triples by DCAT-AP.de 3.0 and DCAT-AP 3.0.1, and of high-value datasets (spec/metadata-record.md 2).

A harvester deletes what it reaches from a dataset. So every node but the publisher, the series, laws and values of
lists hangs under its own dataset, and neither a service nor a series leads back to datasets.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from urllib.parse import quote

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from connector.metadata.rdf.graph import Term
from connector.metadata.rdf.names import (
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
from connector.metadata.record.model import (
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
_DATED = {4: XSD.gYear, 7: XSD.gYearMonth, 10: XSD.date}
"""How exact a date is, by the number of its signs; with more it is an instant."""
_named = lru_cache(maxsize=4096)(NamedNode)
"""Values of lists, laws and pages come again and again; a name costs more than looking it up."""


def dataset(record: DatasetRecord) -> list[Triple]:
    """A dataset with all that a page needs to be complete in itself: publisher, series, laws, its nodes.

    `record` is complete (`record.model.filled`) and its IRIs are valid; raises ValueError for one that is not.
    """
    return list(_dataset(record))


def catalogue(record: Catalogue, datasets: Sequence[str] = ()) -> list[Triple]:
    """The node of a catalogue and its publisher; `datasets` are the IRIs that it lists, here or on this page."""
    return list(_catalogue(record, datasets))


def series(record: Series) -> list[Triple]:
    """A series alone, complete (`record.model.named_series`)."""
    return list(_series(record))


def access_right(record: DatasetRecord) -> str:
    """The IRI of the EU list: what the record says itself, or what follows from who may see it."""
    return record.access_right or f"{AUTHORITY}access-right/{_RIGHT[record.access]}"


def _catalogue(record: Catalogue, datasets: Sequence[str]) -> Iterator[Triple]:
    node = NamedNode(record.iri)
    yield Triple(node, RDF.type, DCAT.Catalog)
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


def _dataset(record: DatasetRecord) -> Iterator[Triple]:
    node = NamedNode(record.iri)
    yield Triple(node, RDF.type, DCAT.Dataset)
    yield from _described(node, record)
    yield from _governed(node, record)
    for agent in (record.publisher,) if record.publisher is not None else ():
        yield Triple(node, DCT.publisher, NamedNode(agent.iri))
        yield from _agent(agent)
    for contact in record.contacts:
        yield Triple(node, DCAT.contactPoint, NamedNode(contact.iri))
        yield from _contact(contact)
    yield from _places(node, record.places)
    for period in record.periods:
        yield from _period(node, period)
    for one in record.series:
        yield Triple(node, DCAT.inSeries, NamedNode(one.iri))
        yield from _series(one)
    for distribution in record.distributions:
        yield Triple(node, DCAT.distribution, NamedNode(distribution.iri))
        yield from _distribution(record, distribution)
    if record.more:
        yield from _more(record.more)


def _described(node: NamedNode, record: DatasetRecord) -> Iterator[Triple]:
    yield from _texts(node, DCT.title, record.title)
    yield from _texts(node, DCT.description, record.description)
    yield from _words(node, DCAT.keyword, record.keywords)
    for identifier in record.identifiers:
        yield Triple(node, DCT.identifier, Literal(identifier))
    yield from _refers(node, DCAT.theme, record.themes)
    yield from _refers(node, DCT.type, record.kinds)
    yield from _refers(node, DCT.language, record.languages)
    yield from _refers(node, DCT.accrualPeriodicity, _said(record.frequency))
    yield from _refers(node, DCT.references, record.references)
    yield from _page(node, DCAT.landingPage, record.landing_page)
    yield from _standards(node, record.conforms_to)
    if record.version:
        yield Triple(node, DCAT.version, Literal(record.version))
    yield from _texts(node, ADMS.versionNotes, record.version_notes)
    yield from _dated(node, DCT.issued, record.issued)
    yield from _dated(node, DCT.modified, record.modified)


def _governed(node: NamedNode, record: DatasetRecord) -> Iterator[Triple]:
    yield Triple(node, DCT.accessRights, NamedNode(access_right(record)))
    yield from _refers(node, DCATAP.availability, _said(record.availability))
    yield from _refers(node, DCATDE.contributorID, record.contributors)
    yield from _refers(node, DCATDE.politicalGeocodingLevelURI, record.level)
    yield from _high_value(node, record.hvd)
    yield from _laws(node, record.legislation)


def _high_value(node: NamedNode, hvd: Hvd | None, *, category: bool = True) -> Iterator[Triple]:
    if hvd is not None:
        yield from _refers(node, DCATAP.hvdCategory, hvd.categories if category else ())
        yield from _laws(node, (HVD_LAW.value,))


def _laws(node: NamedNode, laws: Sequence[str]) -> Iterator[Triple]:
    for law in laws:
        yield Triple(node, DCATAP.applicableLegislation, NamedNode(law))
        yield Triple(NamedNode(law), RDF.type, ELI.LegalResource)


def _distribution(record: DatasetRecord, one: Distribution) -> Iterator[Triple]:
    node = NamedNode(one.iri)
    yield Triple(node, RDF.type, DCAT.Distribution)
    yield from _texts(node, DCT.title, one.title)
    yield from _texts(node, DCT.description, one.description)
    yield from _refers(node, DCAT.accessURL, _said(one.access_url or record.landing_page))
    yield from _refers(node, DCAT.downloadURL, _said(one.download_url))
    yield from _refers(node, DCT.format, _said(one.format))
    if one.media_type:
        yield Triple(node, DCAT.mediaType, NamedNode(MEDIA_TYPES + quote(one.media_type, safe="/+-.")))
    if one.bytes is not None:
        yield Triple(node, DCAT.byteSize, Literal(str(one.bytes), datatype=XSD.nonNegativeInteger))
    if one.checksum is not None:
        yield from _checksum(node, one.checksum)
    yield from _refers(node, DCT.license, _said(one.licence))
    yield from _texts(node, DCATDE.licenseAttributionByText, one.attribution)
    if one.rights:
        rights = NamedNode(f"{one.iri.partition('#')[0]}#rights-{one.iri.partition('#')[2] or 'file'}")
        yield Triple(node, DCT.rights, rights)
        yield Triple(rights, RDF.type, DCT.RightsStatement)
        yield from _texts(rights, RDFS.label, one.rights)
    for policy in one.policies:
        yield Triple(node, ODRL.hasPolicy, NamedNode(policy))
        yield Triple(NamedNode(policy), RDF.type, ODRL.Policy)
        yield Triple(NamedNode(policy), RDF.type, ODRL.Offer)
    yield from _refers(node, ADMS.status, _said(one.status))
    yield from _refers(node, DCATAP.availability, _said(one.availability))
    yield from _refers(node, DCT.language, one.languages)
    yield from _standards(node, one.conforms_to)
    yield from _high_value(node, record.hvd, category=False)
    yield from _dated(node, DCT.issued, one.issued)
    yield from _dated(node, DCT.modified, one.modified)
    if one.service is not None:
        yield Triple(node, DCAT.accessService, NamedNode(one.service.iri))
        yield from _service(record, one.service)


def _service(record: DatasetRecord, one: DataService) -> Iterator[Triple]:
    """With a contact only where the dataset is of high value: CKAN's RDF endpoint fails on one elsewhere."""
    node = NamedNode(one.iri)
    yield Triple(node, RDF.type, DCAT.DataService)
    yield from _texts(node, DCT.title, one.title or record.title)
    yield Triple(node, DCAT.endpointURL, NamedNode(one.endpoint))
    yield from _refers(node, DCAT.endpointDescription, _said(one.description))
    yield from _words(node, DCAT.keyword, record.keywords)
    yield from _refers(node, DCAT.theme, record.themes)
    yield from _refers(node, DCT.license, _said(one.licence))
    yield Triple(node, DCT.accessRights, NamedNode(access_right(record)))
    yield from _refers(node, DCATAP.availability, _said(record.availability))
    yield from _refers(node, DCT.publisher, () if record.publisher is None else (record.publisher.iri,))
    yield from _standards(node, one.conforms_to)
    yield from _page(node, FOAF.page, one.page or (record.landing_page if record.hvd is not None else ""))
    if record.hvd is not None:
        yield from _high_value(node, record.hvd)
        yield from _refers(node, DCAT.contactPoint, [contact.iri for contact in record.contacts])


def _series(one: Series) -> Iterator[Triple]:
    node = NamedNode(one.iri)
    yield Triple(node, RDF.type, DCAT.DatasetSeries)
    yield from _texts(node, DCT.title, one.title)
    yield from _texts(node, DCT.description, one.description or one.title)
    if one.publisher is not None:
        yield Triple(node, DCT.publisher, NamedNode(one.publisher.iri))
        yield from _agent(one.publisher)
    if one.contact is not None:
        yield Triple(node, DCAT.contactPoint, NamedNode(one.contact.iri))
        yield from _contact(one.contact)
    yield from _refers(node, DCT.accrualPeriodicity, _said(one.frequency))
    yield from _places(node, one.places)
    if one.period is not None:
        yield from _period(node, one.period)
    yield from _high_value(node, one.hvd)
    yield from _dated(node, DCT.issued, one.issued)
    yield from _dated(node, DCT.modified, one.modified)


def _agent(one: Agent) -> Iterator[Triple]:
    node = NamedNode(one.iri)
    yield Triple(node, RDF.type, FOAF.Agent)
    yield Triple(node, RDF.type, FOAF.Organization)
    yield from _texts(node, FOAF.name, one.name)
    yield from _refers(node, DCT.type, _said(one.kind))


def _contact(one: Contact) -> Iterator[Triple]:
    node = NamedNode(one.iri)
    yield Triple(node, RDF.type, VCARD.Kind)
    yield Triple(node, RDF.type, VCARD.Organization)
    if one.name:
        yield Triple(node, VCARD.fn, Literal(one.name))
    yield from _refers(node, VCARD.hasEmail, _said(one.email and f"mailto:{quote(one.email, safe='@+')}"))
    yield from _refers(node, VCARD.hasURL, _said(one.url))
    yield from _refers(node, VCARD.hasTelephone, _said(one.telephone and f"tel:{re.sub('[^0-9+]', '', one.telephone)}"))


def _period(of: NamedNode, one: Period) -> Iterator[Triple]:
    if one.start or one.end:
        node = NamedNode(one.iri)
        yield Triple(of, DCT.temporal, node)
        yield Triple(node, RDF.type, DCT.PeriodOfTime)
        yield from _dated(node, DCAT.startDate, one.start)
        yield from _dated(node, DCAT.endDate, one.end)


def _places(of: NamedNode, places: Sequence[Place]) -> Iterator[Triple]:
    for one in places:
        node = NamedNode(one.iri)
        yield Triple(of, DCT.spatial, node)
        yield Triple(node, RDF.type, DCT.Location)
        yield from _texts(node, RDFS.label, one.label)
        if one.box is not None:
            yield Triple(node, DCAT.bbox, _wkt(polygon(one.box)))
            yield Triple(node, DCAT.centroid, _wkt(centroid(one.box)))


def polygon(box: Box) -> str:
    """Well-known text, anticlockwise from the south-west."""
    west, south, east, north = box.west, box.south, box.east, box.north
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return f"POLYGON(({','.join(f'{x} {y}' for x, y in corners)}))"


def centroid(box: Box) -> str:
    return f"POINT({(box.west + box.east) / 2:.4f} {(box.south + box.north) / 2:.4f})"


def _checksum(of: NamedNode, one: Checksum) -> Iterator[Triple]:
    node = NamedNode(one.iri)
    yield Triple(of, SPDX.checksum, node)
    yield Triple(node, RDF.type, SPDX.Checksum)
    yield Triple(node, SPDX.algorithm, NamedNode(one.algorithm))
    yield Triple(node, SPDX.checksumValue, Literal(one.value, datatype=XSD.hexBinary))


def _standards(of: NamedNode, standards: Sequence[str]) -> Iterator[Triple]:
    for one in standards:
        yield Triple(of, DCT.conformsTo, NamedNode(one))
        yield Triple(NamedNode(one), RDF.type, DCT.Standard)


def _page(of: NamedNode, name: NamedNode, address: str) -> Iterator[Triple]:
    if address:
        yield Triple(of, name, NamedNode(address))
        yield Triple(NamedNode(address), RDF.type, FOAF.Document)


def _more(text: str) -> Iterator[Triple]:
    for quad in parse(text, RdfFormat.N_TRIPLES):
        yield Triple(quad.subject, quad.predicate, quad.object)


def _refers(of: NamedNode, name: NamedNode, iris: Sequence[str]) -> Iterator[Triple]:
    for iri in iris:
        yield Triple(of, name, _named(iri))


def _texts(of: NamedNode, name: NamedNode, texts: Texts) -> Iterator[Triple]:
    for lang, text in texts.items():
        yield Triple(of, name, _literal(text, lang))


def _words(of: NamedNode, name: NamedNode, words: Words) -> Iterator[Triple]:
    for lang, texts in words.items():
        for text in texts:
            yield Triple(of, name, _literal(text, lang))


def _literal(text: str, lang: str) -> Literal:
    return Literal(text, language=lang) if lang else Literal(text)


def _dated(of: NamedNode, name: NamedNode, text: str) -> Iterator[Triple]:
    if text:
        yield Triple(of, name, Literal(text, datatype=_DATED.get(len(text), XSD.dateTime)))


def _wkt(text: str) -> Term:
    return Literal(text, datatype=GEO.wktLiteral)


def _said(text: str) -> tuple[str, ...]:
    return (text,) if text else ()
