"""What the check is tried on: the official examples and deliveries, and mutants of them."""

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest
from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, parse

from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import (
    AUTHORITY,
    DCAT,
    DCATAP,
    DCATDE,
    DCT,
    FOAF,
    OWL,
    RDF,
    SKOS,
    SPDX,
    VCARD,
    XSD,
)
from tests.testkit.places import SHARED

DCAT_FILES = SHARED / "dcat"
BREMEN, BRANDENBURG, BERLIN = (
    f"catalogues/{name}"
    for name in (
        "bremen-catalog-original-input.rdf",
        "brandenburg-catalog-original-input.rdf",
        "ckanext-dcatde-berlin-catalog-endpoint.rdf",
    )
)
GOLDEN = "golden.ttl"
_FORMS = {".ttl": RdfFormat.TURTLE, ".rdf": RdfFormat.RDF_XML, ".jsonld": RdfFormat.JSON_LD}
UNREADABLE = {"de30-DataService.ttl", "example-bees_wasps_dataset.ttl"}
"""Two official examples lack a dot."""


def official() -> Path:
    """The folder of the official files; skips where they are not at hand."""
    if not DCAT_FILES.is_dir():
        pytest.skip(f"the official files are not at hand: {DCAT_FILES}")
    return DCAT_FILES


@cache
def triples(name: str) -> tuple[Triple, ...]:
    path = official() / name
    form = _FORMS[path.suffix]
    quads = parse(path.read_bytes(), format=form, base_iri="https://town.example/", lenient=form != RdfFormat.JSON_LD)
    return tuple(quad.triple for quad in quads)


def graph(name: str) -> Graph:
    return Graph(triples(name))


def examples() -> Sequence[str]:
    """Every official example that can be read."""
    root = official()
    found = sorted(path for path in (root / "examples").rglob("*") if path.suffix in _FORMS)
    return [path.relative_to(root).as_posix() for path in found if path.name not in UNREADABLE]


_TEXT = Literal("nonsense")
_CLASSES: tuple[NamedNode, ...] = (
    DCAT.Dataset,
    DCAT.Distribution,
    DCAT.DataService,
    DCAT.DatasetSeries,
    DCAT.Catalog,
    DCAT.CatalogRecord,
)
_CLASSES += (FOAF.Agent, VCARD.Kind, VCARD.Organization, DCT.PeriodOfTime, DCT.Location, SPDX.Checksum, SKOS.Concept)
_CLASSES += (DCT.LicenseDocument, SKOS.ConceptScheme, DCAT.Relationship)
_EXTRA: Mapping[NamedNode, Sequence[NamedNode | Literal | BlankNode]] = {
    DCATDE.legalBasis: (_TEXT,),
    DCATDE.contributorID: (_TEXT, NamedNode("http://dcat-ap.de/def/contributors/landRheinlandPfalz")),
    DCT.isVersionOf: (NamedNode("https://town.example/other"),),
    OWL.versionInfo: (_TEXT,),
    DCT.spatial: (_TEXT, NamedNode("https://town.example/place")),
    DCAT.temporalResolution: (Literal("P1D", datatype=XSD.duration), Literal("P1", datatype=XSD.duration)),
    DCAT.byteSize: (Literal("-1", datatype=XSD.nonNegativeInteger), Literal("12", datatype=XSD.decimal)),
    DCAT.spatialResolutionInMeters: (Literal("5.0", datatype=XSD.decimal), Literal("five", datatype=XSD.decimal)),
    DCATAP.hvdCategory: (NamedNode("http://data.europa.eu/bna/c_none"), _TEXT, BlankNode("category")),
    DCT.license: (_TEXT, NamedNode("https://www.dcat-ap.de/def/licenses/cc-by/4.0"), BlankNode("licence")),
    DCT.language: (NamedNode(AUTHORITY + "language/GER"), Literal("de")),
    DCAT.theme: (NamedNode(AUTHORITY + "data-theme/NONE"), NamedNode(AUTHORITY + "frequency/DAILY")),
    DCAT.mediaType: (_TEXT, NamedNode("HTTPS://www.iana.org/assignments/media-types/text/csv"), BlankNode("media")),
    DCAT.qualifiedRelation: (BlankNode("relation"),),
    DCAT.accessService: (NamedNode("https://town.example/service"), _TEXT),
    SPDX.checksumValue: (Literal("abc", datatype=XSD.hexBinary), _TEXT),
    SPDX.algorithm: (NamedNode("http://dcat-ap.de/def/hashAlgorithms/sha/256"), _TEXT),
}


def mutants(count: int, seed: int) -> Iterator[tuple[str, Graph]]:
    """So many catalogues with one to three things wrong, each with what was done; the same for the same seed."""
    chance = random.Random(seed)
    names = [GOLDEN, GOLDEN, *examples()]
    for _ in range(count):
        name = chance.choice(names)
        held = list(triples(name))
        done = [chance.choice(_WAYS)(chance, held) for _ in range(chance.randint(1, 3))]
        yield f"{name}: {'; '.join(done)}", Graph(held)


def _drop(chance: random.Random, held: list[Triple]) -> str:
    gone = held.pop(chance.randrange(len(held)))
    return f"dropped {gone}"


def _drop_all(chance: random.Random, held: list[Triple]) -> str:
    one = chance.choice(held)
    held[:] = [t for t in held if (t.subject, t.predicate) != (one.subject, one.predicate)] or [one]
    return f"dropped every {one.predicate} of {one.subject}"


def _double(chance: random.Random, held: list[Triple]) -> str:
    one, other = chance.choice(held), chance.choice(held)
    held.append(Triple(one.subject, one.predicate, other.object))
    return f"{one.subject} {one.predicate} also {other.object}"


def _retype(chance: random.Random, held: list[Triple]) -> str:
    at = chance.choice([at for at, one in enumerate(held) if one.predicate == RDF.type])
    held[at] = Triple(held[at].subject, RDF.type, chance.choice(_CLASSES))
    return f"now {held[at]}"


def _add_type(chance: random.Random, held: list[Triple]) -> str:
    held.append(Triple(chance.choice(held).subject, RDF.type, chance.choice(_CLASSES)))
    return f"also {held[-1]}"


def _other_value(chance: random.Random, held: list[Triple]) -> str:
    at = chance.randrange(len(held))
    one, value = held[at], held[at].object
    made: tuple[NamedNode | BlankNode | Literal, ...] = (BlankNode("mutant"), NamedNode("https://town.example/mutant"))
    if isinstance(value, Literal):
        made += (NamedNode("https://town.example/" + str(len(value.value))), Literal(value.value, datatype=XSD.decimal))
        made += (Literal(value.value), Literal(value.value, language="de"))
    elif isinstance(value, NamedNode):
        made += (Literal(value.value), NamedNode(value.value + "X"))
    held[at] = Triple(one.subject, one.predicate, chance.choice(made))
    return f"now {held[at]}"


def _swap(chance: random.Random, held: list[Triple]) -> str:
    here, there = chance.randrange(len(held)), chance.randrange(len(held))
    one, other = held[here], held[there]
    held[here] = Triple(one.subject, one.predicate, other.object)
    held[there] = Triple(other.subject, other.predicate, one.object)
    return f"swapped the values of {one.predicate} and {other.predicate}"


def _extra(chance: random.Random, held: list[Triple]) -> str:
    name = chance.choice(list(_EXTRA))
    held.append(Triple(chance.choice(held).subject, name, chance.choice(_EXTRA[name])))
    return f"also {held[-1]}"


_WAYS = (_drop, _drop_all, _double, _retype, _add_type, _other_value, _other_value, _swap, _extra, _extra)
