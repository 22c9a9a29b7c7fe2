"""Rules about the shape of a description: texts where a node belongs, classes that are missing, properties that were
replaced by others, and links that would carry a harvester away from its dataset.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from connector.foundation.canonical_json import deep
from connector.kernel.metadata.lists.code_lists import AVAILABILITY
from connector.kernel.metadata.rdf.graph import Node, Term
from connector.kernel.metadata.rdf.names import (
    ADMS,
    DCAT,
    DCATAP,
    DCATDE,
    DCT,
    ELI,
    FOAF,
    GEO,
    HVD_LAW,
    LOCN,
    OWL,
    RDF,
    RDFS,
    SCHEMA,
    SKOS,
    SPDX,
    TIME,
    VCARD,
    Namespace,
)
from connector.kernel.metadata.repair.work import Rule, Work, is_text, renamed, subject_of, text, value_of, values

_GEODCAT = Namespace("http://data.europa.eu/930/")
_MAIL = re.compile(r"(?:mailto:)?\s*([^\s@<>,;:]+@[^\s@<>,;:]+\.[^\s@<>,;:]+)")
_PHONE = re.compile(r"(?:tel:)?\s*(\+?[0-9][0-9 ()/.\-–]{3,30})")
_PERSON = re.compile(r"(?i)(.*?\S)\s*e-?mail:\s*(\S+@\S+)")
_NUMBER = r"[-+]?\d{1,4}(?:\.\d{1,20})?"
_PAIR = re.compile(rf"({_NUMBER})\s+({_NUMBER})")
_WKT = re.compile(r"(?:<[^>]*>\s*)?(POINT|LINESTRING|POLYGON|MULTIPOLYGON|ENVELOPE|BOX)\b", re.IGNORECASE)
_MOST_GEOMETRY = 500_000
_CODE = re.compile(r"[a-z]{0,3}\d+|[0-9a-f-]{8,}", re.IGNORECASE)
"""What a publisher's text looks like if it is the name of an account."""
_LONGEST = 1_000
"""Characters of a text in which a mail address is looked for: whoever wrote a megabyte of what is nearly one had us try
for hours, and with us whoever shares the process (threat T77)."""


# A text where a node belongs


def _as_node(name: str, properties: Sequence[NamedNode], kind: NamedNode, label: NamedNode) -> Rule:
    def apply(work: Work) -> None:
        for triple in work.named(*properties):
            value = value_of(triple)
            if isinstance(value, Literal) and text(value):
                value = value if value.language else Literal(value.value)
                node = work.fresh(subject_of(triple), triple.predicate, value)
                work.change(
                    [triple],
                    [
                        Triple(triple.subject, triple.predicate, node),
                        Triple(node, RDF.type, kind),
                        Triple(node, label, value),
                    ],
                )

    return Rule(name, apply)


def _identifier_iri(work: Work, value: Term) -> tuple[Term, ...] | None:
    return (Literal(value.value),) if isinstance(value, NamedNode) else None


def _adms_identifier(work: Work) -> None:
    for triple in work.named(ADMS.identifier):
        value = value_of(triple)
        if isinstance(value, NamedNode) and not work.about(value):
            value = Literal(value.value)
        if not isinstance(value, Literal):
            continue
        node = work.fresh(subject_of(triple), ADMS.identifier, value)
        if work.is_a(subject_of(triple), FOAF.Agent, FOAF.Organization, FOAF.Person):
            work.change([triple], [Triple(triple.subject, DCT.identifier, value)])
        else:
            said = Triple(node, SKOS.notation, value)
            work.change(
                [triple], [Triple(triple.subject, ADMS.identifier, node), Triple(node, RDF.type, ADMS.Identifier), said]
            )


def _publisher_text(work: Work) -> None:
    """A name as a text becomes an agent of that name; an agent of exactly this name in the delivery is meant by it."""
    for triple in work.named(DCT.publisher, DCT.creator):
        value = value_of(triple)
        said = text(value)
        if not is_text(value):
            continue
        known = work.known.agents.get(said)
        node: Node = NamedNode(known) if known else work.fresh(subject_of(triple), triple.predicate, value)
        work.change([triple], [Triple(triple.subject, triple.predicate, node), *agent(node, said)])


def _account(work: Work) -> None:
    """The name of an account (`t173370`) names nobody; who publishes is asked once for all."""
    for triple in work.named(DCT.publisher):
        value = value_of(triple)
        if is_text(value) and _CODE.fullmatch(text(value)):
            work.change([triple])


def agent(node: Node, name: str) -> Iterator[Triple]:
    yield Triple(node, RDF.type, FOAF.Agent)
    yield Triple(node, FOAF.name, Literal(name))


# Contacts


def _short(pattern: re.Pattern[str], said: str) -> re.Match[str] | None:
    return pattern.fullmatch(said) if len(said) <= _LONGEST else None


def _mailto(work: Work, value: Term) -> tuple[Term, ...] | None:
    if isinstance(value, BlankNode):
        return None
    found = _short(_MAIL, value.value.strip())
    right = None if found is None else NamedNode(f"mailto:{found[1]}")
    return None if right is None or right == value else (right,)


def _telephone(work: Work, value: Term) -> tuple[Term, ...] | None:
    if isinstance(value, BlankNode):
        return None
    found = _PHONE.fullmatch(value.value.strip().replace("%20", " "))
    right = None if found is None else NamedNode("tel:" + re.sub(r"[^0-9+]", "", found[1]))
    return None if right is None or right == value else (right,)


def _mail_in_name(work: Work) -> None:
    """`Der Senator für Finanzenemail: office@…`: two fields that a portal wrote into one."""
    for triple in work.named(FOAF.name, VCARD.fn):
        found = _short(_PERSON, text(value_of(triple)))
        if found:
            name = Triple(triple.subject, triple.predicate, Literal(found[1].rstrip(" ,;:")))
            mail = VCARD.hasEmail if triple.predicate == VCARD.fn else FOAF.mbox
            work.change([triple], [name, Triple(triple.subject, mail, NamedNode(f"mailto:{found[2]}"))])


def _unreachable(work: Work) -> None:
    """A contact that says no way to be reached is none."""
    ways = {VCARD.hasEmail, VCARD.hasURL, VCARD.hasTelephone}
    for triple in work.named(DCAT.contactPoint):
        value = value_of(triple)
        if is_text(value) or (work.about(value) and not ways & {said.predicate for said in work.about(value)}):
            work.change([triple, *alone(work, triple, value)])


def alone(work: Work, link: Triple, value: Term) -> Sequence[Triple]:
    """What is said of a value, if only this link leads to it."""
    others = [held for held in work.holders(value) if held != link]
    return () if others or is_text(value) else work.below(value)


# Classes

_CLASS_OF: Mapping[NamedNode, tuple[NamedNode, tuple[NamedNode, ...]]] = {
    DCAT.landingPage: (FOAF.Document, ()),
    FOAF.page: (FOAF.Document, ()),
    FOAF.homepage: (FOAF.Document, ()),
    DCT.conformsTo: (DCT.Standard, ()),
    DCT.rights: (DCT.RightsStatement, ()),
    DCT.provenance: (DCT.ProvenanceStatement, ()),
    DCATAP.applicableLegislation: (ELI.LegalResource, ()),
    DCT.spatial: (DCT.Location, ()),
    DCT.temporal: (DCT.PeriodOfTime, ()),
    DCT.publisher: (FOAF.Agent, (FOAF.Organization, FOAF.Person, FOAF.Group)),
    DCT.creator: (FOAF.Agent, (FOAF.Organization, FOAF.Person, FOAF.Group)),
    DCAT.contactPoint: (VCARD.Kind, ()),
    DCAT.distribution: (DCAT.Distribution, ()),
    DCAT.accessService: (DCAT.DataService, ()),
    DCAT.inSeries: (DCAT.DatasetSeries, ()),
    SPDX.checksum: (SPDX.Checksum, ()),
    ADMS.identifier: (ADMS.Identifier, ()),
}


def _classes(work: Work) -> None:
    """A value is said to be what its property asks for; DCAT-AP wants it said, most portals leave it out."""
    for name, (kind, kinds) in _CLASS_OF.items():
        for triple in work.named(name):
            value = value_of(triple)
            if isinstance(value, NamedNode | BlankNode) and not work.is_a(value, kind, *kinds):
                work.change((), [Triple(value, RDF.type, kind)])


# Time and place

_HAS_BEGINNING, _HAS_END = TIME.hasBeginning, TIME.hasEnd
_OPEN_END = re.compile(r"(?:9999|2999|3000)-\d\d-\d\d.*")
_OPEN_START = re.compile(r"(?:0001|1000)-01-01.*")


def _open_period(work: Work) -> None:
    """The year 9999 is how a database says that there is no end."""
    for name, pattern in ((DCAT.endDate, _OPEN_END), (DCAT.startDate, _OPEN_START)):
        for triple in work.named(name):
            if pattern.fullmatch(text(value_of(triple))):
                work.change([triple])


def _empty_period(work: Work) -> None:
    dated = {DCAT.startDate, DCAT.endDate, _HAS_BEGINNING, _HAS_END}
    for triple in work.named(DCT.temporal):
        value = value_of(triple)
        if is_text(value) or not dated & {said.predicate for said in work.about(value)}:
            work.change([triple, *alone(work, triple, value)])


def _geometry(work: Work) -> None:
    """A text of WKT or GeoJSON becomes a box (or a point) in WKT."""
    for triple in work.named(LOCN.geometry):
        value = value_of(triple)
        if not is_text(value):
            continue
        points = _points(text(value))
        if points:
            name, said = _outline(points)
            work.change([triple], [Triple(triple.subject, name, Literal(said, datatype=GEO.wktLiteral))])
    for name in (DCAT.bbox, DCAT.centroid):
        for node in {triple.subject for triple in work.named(name)}:
            several = [triple for triple in work.named(name) if triple.subject == node]
            if len(several) > 1:
                points = [point for triple in several for point in _points(text(value_of(triple)))]
                said = _outline(points)[1] if points else ""
                kept = [Triple(node, name, Literal(said, datatype=GEO.wktLiteral))] if points else several[:1]
                work.change(several, kept)


def _outline(points: Sequence[tuple[float, float]]) -> tuple[NamedNode, str]:
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    west, east, south, north = (_degrees(each) for each in (min(xs), max(xs), min(ys), max(ys)))
    if west == east and south == north:
        return DCAT.centroid, f"POINT({west} {south})"
    return DCAT.bbox, f"POLYGON(({west} {north},{east} {north},{east} {south},{west} {south},{west} {north}))"


def _degrees(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")


def _points(said: str) -> list[tuple[float, float]]:
    """Longitude and latitude; none if it is no geometry of WGS 84."""
    if len(said) > _MOST_GEOMETRY:
        return []
    if said.lstrip().startswith("{"):
        try:
            geometry = json.loads(said)
        except (ValueError, RecursionError):
            return []
        found = [] if deep(geometry) else list(_pairs(geometry))
    else:
        found = [(float(x), float(y)) for x, y in _PAIR.findall(said)] if _WKT.match(said) else []
    return found if all(-180 <= x <= 180 and -90 <= y <= 90 for x, y in found) else []


def _pairs(geometry: object) -> Iterator[tuple[float, float]]:
    waiting = [geometry.get("coordinates") if isinstance(geometry, dict) else None]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list) and len(each) >= 2 and all(type(number) in {int, float} for number in each[:2]):
            yield float(each[0]), float(each[1])
        elif isinstance(each, list):
            waiting.extend(each)


# Properties that were replaced


def _geocoding(work: Work) -> None:
    """Where the data are about goes into dct:spatial with the same key."""
    for triple in work.named(DCATDE.politicalGeocodingURI):
        value = value_of(triple)
        if isinstance(value, NamedNode):
            place = Triple(triple.subject, DCT.spatial, value)
            work.change([triple], [place, Triple(value, RDF.type, DCT.Location)])


def _legal_basis(work: Work) -> None:
    for triple in work.named(DCATDE.legalBasis):
        if isinstance(triple.object, NamedNode):
            work.change([triple], [Triple(triple.subject, DCATAP.applicableLegislation, triple.object)])


def _planned_availability(work: Work) -> None:
    for triple in work.named(DCATDE.plannedAvailability):
        value = text(value_of(triple))
        if work.known.lists.has(AVAILABILITY, value):
            work.change([triple], [Triple(triple.subject, DCATAP.availability, triple.object)])


# Links


def _access_from_download(work: Work) -> None:
    """A pure download has the address of the file in both (convention 39 of GovData)."""
    for node in work.instances(DCAT.Distribution):
        if not work.values(node, DCAT.accessURL):
            work.change((), [Triple(node, DCAT.accessURL, value) for value in work.values(node, DCAT.downloadURL)])


def _service_publisher(work: Work) -> None:
    """An interface is published by whoever publishes the dataset that it serves."""
    for service in work.instances(DCAT.DataService):
        if not work.values(service, DCT.publisher):
            work.change(
                (), [Triple(service, DCT.publisher, each) for each in work.values(work.dataset, DCT.publisher)[:1]]
            )


def _high_value_law(work: Work) -> None:
    """Whoever names a category of high-value datasets names the regulation as well, with its files and interfaces."""
    if work.values(work.dataset, DCATAP.hvdCategory):
        for node in (work.dataset, *work.instances(DCAT.Distribution, DCAT.DataService)):
            work.change((), [Triple(node, DCATAP.applicableLegislation, NamedNode(HVD_LAW))])


def _back_links(work: Work) -> None:
    """A service that names what it serves, a series its members, an edition the next one: a harvester that deletes a
    dataset with all it reaches would delete them all."""
    links = (DCAT.servesDataset, DCAT.seriesMember, DCAT.prev, DCAT.next, DCAT.first, DCAT.last)
    work.change(work.named(*links))


def _shared(work: Work) -> None:
    """A contact, period or service that several datasets of the delivery share gets a name below its dataset."""
    for name, local in ((DCAT.contactPoint, "contact"), (DCT.temporal, "period"), (DCAT.accessService, "service")):
        for number, triple in enumerate(work.named(name)):
            value = value_of(triple)
            if not isinstance(value, NamedNode) or value.value not in work.known.shared:
                continue
            if [held for held in work.holders(value) if held != triple]:
                continue
            own = NamedNode(f"{work.dataset.value.partition('#')[0]}#{local}{'' if number == 0 else f'-{number + 1}'}")
            if not work.about(own):
                said = work.about(value)
                moved = [Triple(own, each.predicate, each.object) for each in said]
                work.change([triple, *said], [Triple(triple.subject, name, own), *moved])


TEXTS: tuple[Rule, ...] = (
    values("identifier-as-iri", (DCT.identifier,), _identifier_iri),
    Rule("adms-identifier", _adms_identifier),
    values("email", (VCARD.hasEmail, FOAF.mbox), _mailto),
    values("telephone", (VCARD.hasTelephone,), _telephone),
    Rule("email-in-name", _mail_in_name),
    Rule("account-as-publisher", _account),
    Rule("publisher-as-text", _publisher_text),
    _as_node("rights-as-text", (DCT.rights,), DCT.RightsStatement, RDFS.label),
    _as_node("standard-as-text", (DCT.conformsTo,), DCT.Standard, DCT.title),
    _as_node("provenance-as-text", (DCT.provenance,), DCT.ProvenanceStatement, RDFS.label),
    _as_node("place-as-text", (DCT.spatial,), DCT.Location, SKOS.prefLabel),
)
SUCCESSORS: tuple[Rule, ...] = (
    renamed("schema-dates", {SCHEMA.startDate: DCAT.startDate, SCHEMA.endDate: DCAT.endDate}),
    Rule("planned-availability", _planned_availability),
    Rule("geocoding", _geocoding),
    Rule("legal-basis", _legal_basis),
    renamed("originator", {DCATDE.originator: _GEODCAT.originator, DCATDE.maintainer: _GEODCAT.custodian}),
    renamed(
        "version", {OWL.versionInfo: DCAT.version, DCT.hasVersion: DCAT.hasVersion, DCT.isVersionOf: DCAT.isVersionOf}
    ),
)
SHAPE: tuple[Rule, ...] = (
    Rule("geometry", _geometry),
    Rule("open-period", _open_period),
    Rule("empty-period", _empty_period),
    Rule("access-from-download", _access_from_download),
    Rule("service-publisher", _service_publisher),
    Rule("high-value-law", _high_value_law),
    Rule("back-links", _back_links),
    Rule("unreachable-contact", _unreachable),
    Rule("shared-node", _shared),
)
CLASSES: tuple[Rule, ...] = (Rule("missing-class", _classes),)
