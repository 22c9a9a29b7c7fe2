"""A catalogue of a town in all kinds: open in a series, of high value, announced, and one that says little."""

from pyoxigraph import NamedNode, Triple

from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import AUTHORITY
from connector.kernel.metadata.record.model import (
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
    Publisher,
    Series,
    filled,
)

ROOT = "https://daten.musterstadt.example"
LICENCES = "http://dcat-ap.de/def/licenses/"
KEY = Place(iri="http://dcat-ap.de/def/politicalGeocoding/municipalityKey/09999001")
CONTACT = Contact(name="Open-Data-Stelle", email="opendata@musterstadt.example", url="https://www.musterstadt.example")
AGENT = Agent(
    iri=f"{ROOT}/#publisher", name={"de": "Musterstadt"}, kind="http://purl.org/adms/publishertype/LocalAuthority"
)
PUBLISHER = Publisher(
    agent=AGENT,
    contact=CONTACT,
    contributor="http://dcat-ap.de/def/contributors/stadtNuernberg",
    level="http://dcat-ap.de/def/politicalGeocoding/Level/municipality",
    places=(KEY, Place(box=Box(11.0, 49.4, 11.2, 49.5))),
    languages=(AUTHORITY + "language/DEU",),
    availability=AUTHORITY + "planned-availability/STABLE",
)
SERIES = Series(
    iri=f"{ROOT}/series/5f0c7a34-5a0c-4d6e-9d0a-1f2e3d4c5b6a",
    title={"de": "Baumkataster"},
    description={"de": "Jährliche Ausgaben des Baumkatasters."},
    publisher=AGENT,
    contact=CONTACT,
    frequency=AUTHORITY + "frequency/ANNUAL",
    issued="2020-01-01T00:00:00Z",
    modified="2026-11-01T00:00:00Z",
    places=(KEY,),
    period=Period(start="2020-01-01"),
)
CATALOGUE = Catalogue(
    iri=f"{ROOT}/catalog",
    title={"de": "Datenkatalog Musterstadt", "en": "Data catalogue of Musterstadt"},
    description={"de": "Offene und über Verträge beziehbare Daten der Stadt Musterstadt."},
    publisher=AGENT,
    homepage=f"{ROOT}/",
    languages=(AUTHORITY + "language/DEU",),
    places=(KEY,),
    themes=(AUTHORITY + "data-theme",),
    licence=LICENCES + "cc-zero",
    availability=AUTHORITY + "planned-availability/STABLE",
    issued="2026-11-01T00:00:00Z",
    modified="2026-11-20T09:00:00Z",
)


def file_of(iri: str, name: str, kind: str, media: str) -> Distribution:
    """A file that everybody may download."""
    address = f"{iri}/{name}"
    return Distribution(
        iri=f"{iri}#file",
        access_url=address,
        download_url=address,
        title={"de": name},
        description={"de": f"{name} als {kind}"},
        format=f"{AUTHORITY}file-type/{kind}",
        media_type=media,
        bytes=52_017,
        checksum=Checksum(value="b" * 64),
        status=AUTHORITY + "distribution-status/COMPLETED",
        issued="2026-11-01T08:00:00Z",
        modified="2026-11-20T09:00:00Z",
    )


def record(uuid: str, **said: object) -> DatasetRecord:
    """A complete record with what every dataset of the town says."""
    iri = f"{ROOT}/datasets/{uuid}"
    usual: dict[str, object] = {
        "iri": iri,
        "identifiers": (uuid,),
        "landing_page": f"{iri}.html",
        "issued": "2026-11-01T08:00:00Z",
        "modified": "2026-11-20T09:00:00Z",
        "periods": (Period(start="2026-01-01", end="2026-12-31"),),
    }
    return filled(DatasetRecord(**{**usual, **said}), PUBLISHER)  # type: ignore[arg-type]


def trees() -> DatasetRecord:
    uuid = "3d7f443a-6bb7-48a4-bf75-2b957ff7e45e"
    return record(
        uuid,
        title={"de": "Baumkataster 2026", "en": "Tree register 2026"},
        description={"de": "Standort, Art und Höhe der städtischen Bäume.", "en": "Position, species and height."},
        licence=LICENCES + "dl-by-de/2.0",
        attribution={"de": "Stadt Musterstadt"},
        themes=(AUTHORITY + "data-theme/ENVI",),
        keywords={"de": ("Baumkataster", "Stadtgrün"), "en": ("trees",)},
        frequency=AUTHORITY + "frequency/ANNUAL",
        access="open",
        references=("https://musterdatenkatalog.de/def/musterdatensatz/floraUndFauna/baumbestand/baumkataster",),
        series=(SERIES,),
        version="2026.2",
        version_notes={"de": "Höhen nachgemessen"},
        distributions=(file_of(f"{ROOT}/datasets/{uuid}", "baeume.geojson", "GEOJSON", "application/geo+json"),),
    )


def gauges() -> DatasetRecord:
    uuid = "7c0a5e9a-0c0e-4d52-9d0e-5f0d4c0a1b2c"
    iri = f"{ROOT}/datasets/{uuid}"
    api = Distribution(
        iri=f"{iri}#viaApi",
        access_url=f"{iri}.html",
        title={"de": "Schnittstelle"},
        service=DataService(
            iri=f"{iri}#api",
            endpoint="https://api.musterstadt.example/pegel",
            title={"de": "Schnittstelle: Pegel"},
            description="https://api.musterstadt.example/pegel/openapi.json",
        ),
    )
    return record(
        uuid,
        title={"de": "Pegelstände der Muster"},
        description={"de": "Wasserstand an drei Pegeln, alle 15 Minuten."},
        licence=LICENCES + "cc-by/4.0",
        attribution={"de": "Stadt Musterstadt"},
        themes=(AUTHORITY + "data-theme/ENVI",),
        keywords={"de": ("Hochwasser", "Pegel")},
        frequency=AUTHORITY + "frequency/15MIN",
        access="open",
        hvd=Hvd(categories=("http://data.europa.eu/bna/c_e5f69a04",)),
        periods=(Period(start="2020-01-01"),),
        distributions=(file_of(iri, "pegel.csv", "CSV", "text/csv"), api),
    )


def heat() -> DatasetRecord:
    uuid = "9b1d1c7e-2d0f-4c56-8a35-2b0fd51f8c11"
    iri = f"{ROOT}/datasets/{uuid}"
    contract = Distribution(
        iri=f"{iri}#viaContract",
        access_url=f"{iri}.html",
        title={"de": "waermebedarf.gpkg"},
        description={"de": "Wärmebedarf als GPKG"},
        format=AUTHORITY + "file-type/GPKG",
        media_type="application/geopackage+sqlite3",
        status=AUTHORITY + "distribution-status/COMPLETED",
        rights={"de": "Nutzung nur unter Vertrag."},
        policies=(f"{iri}/offers/cf85d8a7",),
        service=DataService(
            iri=f"{iri}#contract",
            endpoint=f"{ROOT}/2025-1",
            title={"de": "Vertragszugang: Wärmebedarf"},
            description=f"{ROOT}/.well-known/dspace-version",
            conforms_to=("https://w3id.org/dspace/2025/1/",),
        ),
    )
    return record(
        uuid,
        title={"de": "Wärmebedarf der Baublöcke"},
        description={"de": "Endenergiebedarf je Baublock; nur unter Vertrag."},
        licence=LICENCES + "other-closed",
        themes=(AUTHORITY + "data-theme/ENER",),
        keywords={"de": ("Energie", "Wärmeplanung")},
        frequency=AUTHORITY + "frequency/IRREG",
        access="announced",
        distributions=(contract,),
    )


def plain() -> DatasetRecord:
    """As little as anybody can publish."""
    uuid = "0b7e1d55-3c2a-4f1b-8f6e-6f1c2d3e4a5b"
    return record(
        uuid,
        title={"de": "Wahllokale"},
        description={"de": "Wahllokale"},
        licence=LICENCES + "dl-zero-de/2.0",
        access="open",
        periods=(),
        distributions=(file_of(f"{ROOT}/datasets/{uuid}", "wahllokale.csv", "CSV", "text/csv"),),
    )


ALL = (trees(), gauges(), heat(), plain())
MOST = 150
"""Triples that are reached from a dataset."""


def reached(graph: Graph, iri: str) -> set[Triple]:
    """All that is said of what a harvester reaches from a dataset."""
    return {triple for node in graph.reached(NamedNode(iri)) for triple in graph.about(node)}
