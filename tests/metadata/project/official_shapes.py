"""The official shape files run by pyshacl over triples of ours: how many findings of each severity they give.

Three defects of the files are mended while reading: references to shapes that are defined nowhere are dropped. Values
of lists get the context that validators elsewhere load from the lists themselves, and only if they really are on one.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pyoxigraph import RdfFormat, Triple, serialize
from pyshacl import validate
from rdflib import Graph, Literal, Namespace, URIRef
from rdflib.namespace import DCAT, DCTERMS, RDF, RDFS, SH, SKOS

from connector.metadata.rdf.names import AUTHORITY
from tests.testkit.places import SHARED

DCAT_FILES = SHARED / "dcat"
_SHAPES, _LISTS = DCAT_FILES / "shapes", DCAT_FILES / "vocab"
_DE = _SHAPES / "dcat-ap-de-3.0"
DCATAP, SPDX = Namespace("http://data.europa.eu/r5r/"), Namespace("http://spdx.org/rdf/terms#")
PROFILES: dict[str, list[Path]] = {
    "DE30": [
        _SHAPES / "dcat-ap-3.0.0/dcat-ap-SHACL.ttl", _DE / "dcat-ap-SHACL-DE.ttl",
        _DE / "dcat-ap-spec-german-additions.ttl", _DE / "dcat-ap-de-controlledvocabularies.ttl",
        _DE / "dcat-ap-de-deprecated.ttl",
    ],
    "AP301": [_SHAPES / "dcat-ap-3.0.1/dcat-ap-SHACL.ttl"],
    "HVD": [_SHAPES / "hvd-3.0.0/hvd-SHACL-base.ttl", _SHAPES / "hvd-3.0.0/hvd-SHACL-usagenotes.ttl"],
}  # fmt: skip
_SCHEMES = (
    "eu-access-right-sparql-result.ttl", "eu-planned-availability-sparql-result.ttl",
    "eu-distribution-status-sparql-result.ttl", "eu-frequencies-sparql-result.ttl",
    "eu-dataset-types-sparql-result.ttl", "berlin-data-theme-skos-ap-act.ttl", "berlin-filetypes-skos-ap-act.ttl",
    "dcat-ap-de-contributors.rdf", "dcat-ap-de-licenses-open.rdf", "adms-publisher-type.ttl",
    "eu-high-value-categories.ttl",
)  # fmt: skip
_LEVELS = ("international", "european", "federal", "state", "administrativeDistrict", "municipality")
_CLASSES = {
    DCTERMS.format: DCTERMS.MediaTypeOrExtent, DCAT.mediaType: DCTERMS.MediaType, DCATAP.availability: SKOS.Concept,
    DCTERMS.license: DCTERMS.LicenseDocument, DCTERMS.language: DCTERMS.LinguisticSystem,
    DCTERMS.type: SKOS.Concept, DCTERMS.accrualPeriodicity: DCTERMS.Frequency, DCAT.theme: SKOS.Concept,
    DCTERMS.accessRights: DCTERMS.RightsStatement, DCAT.themeTaxonomy: SKOS.ConceptScheme,
    DCATAP.hvdCategory: SKOS.Concept, SPDX.algorithm: SPDX.ChecksumAlgorithm,
    URIRef("http://www.w3.org/ns/adms#status"): SKOS.Concept,
}  # fmt: skip
"""The class that AP301 wants of the values of a property; they stand in the lists, not in our data."""


def findings(profile: str, triples: Iterable[Triple]) -> list[str]:
    """`severity path value` of each result; the HVD shapes see what belongs to high-value datasets alone."""
    data = Graph().parse(data=serialize(triples, format=RdfFormat.N_TRIPLES) or b"", format="nt")
    if profile == "HVD":
        data = _claimed(data)
    both = Graph()
    for part in (data, _subclasses(), _typed(data) if profile == "AP301" else _listed(data)):
        both += part
    _, report, _ = validate(both, shacl_graph=_shapes(profile), inference="none", inplace=True, do_owl_imports=False)
    return sorted(
        f"{str(severity).rsplit('#', 1)[-1]} {report.value(result, SH.focusNode)} {report.value(result, SH.resultPath)}"
        f" {report.value(result, SH.value)}"
        for result, severity in report.subject_objects(SH.resultSeverity)
    )


def severities(profile: str, triples: Iterable[Triple]) -> Counter[str]:
    """How many of each."""
    return Counter(one.partition(" ")[0] for one in findings(profile, triples))


@cache
def _shapes(profile: str) -> Graph:
    found = Graph()
    for file in PROFILES[profile]:
        found.parse(file)
    for shape, of in list(found.subject_objects(SH.property)):
        if (of, None, None) not in found:
            found.remove((shape, SH.property, of))
    return found


@cache
def _schemes() -> Graph:
    known = Graph()
    for file in _SCHEMES:
        for value, scheme in Graph().parse(_LISTS / file).subject_objects(SKOS.inScheme):
            known.add((value, SKOS.inScheme, scheme))
    more = [
        str(one)
        for one in Graph().parse(_LISTS / "eu-filetypes-sparql-result.ttl").subjects()
        if str(one).startswith(AUTHORITY + "file-type/")
    ]
    more += [AUTHORITY + "language/" + code for code in ("DEU", "ENG", "FRA")]
    more += [f"http://dcat-ap.de/def/politicalGeocoding/Level/{level}" for level in _LEVELS]
    for one in more:
        known.add((URIRef(one), SKOS.inScheme, URIRef(one.rsplit("/", 1)[0])))
    return known


@cache
def _subclasses() -> Graph:
    found = Graph()
    for file in ("foaf_0_1.rdf", "vcard.ttl", "org.ttl"):
        for triple in Graph().parse(_SHAPES / "background" / file).triples((None, RDFS.subClassOf, None)):
            found.add(triple)
    return found


def _listed(data: Graph) -> Graph:
    context = Graph()
    for value in set(data.objects()):
        for scheme in _schemes().objects(value, SKOS.inScheme):
            context.add((value, SKOS.inScheme, scheme))
    for algorithm in data.objects(None, SPDX.algorithm):
        context.add((algorithm, RDF.type, SPDX.ChecksumAlgorithm))
    return context


def _typed(data: Graph) -> Graph:
    context = Graph()
    for name, kind in _CLASSES.items():
        for value in set(data.objects(None, name)):
            if isinstance(value, Literal):
                continue
            context.add((value, RDF.type, kind))
            if kind == SKOS.Concept:
                context.add((value, SKOS.prefLabel, Literal(str(value), lang="en")))
            if kind == SKOS.ConceptScheme:
                context.add((value, DCTERMS.title, Literal("list", lang="en")))
    return context


def _claimed(data: Graph) -> Graph:
    """What is reached from the datasets that claim a category."""
    found, open_nodes, seen = Graph(), list(data.subjects(DCATAP.hvdCategory, None)), set()
    while open_nodes:
        node = open_nodes.pop()
        if node in seen:
            continue
        seen.add(node)
        for triple in data.triples((node, None, None)):
            found.add(triple)
            if not isinstance(triple[2], Literal):
                open_nodes.append(triple[2])
    return found
