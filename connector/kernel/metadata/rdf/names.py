"""Names of the vocabularies that metadata is written in: `DCT.title` is the IRI of `dct:title`.

Facts of DCAT 3, DCAT-AP 3.0.1, DCAT-AP HVD 3.0.0 and DCAT-AP.de 3.0. The namespace of `dcatap:` ends in a slash; the
German shape files write it with a hash, and so check nothing there.
"""

from __future__ import annotations

from connector.kernel.metadata.rdf import oxigraph


class Namespace:
    """Makes each name once."""

    def __init__(self, iri: str) -> None:
        self.iri = iri

    def __getattr__(self, local: str) -> oxigraph.NamedNode:
        if local.startswith("__"):
            raise AttributeError(local)
        made = oxigraph.NamedNode(self.iri + local)
        setattr(self, local, made)
        return made

    def __getitem__(self, local: str) -> oxigraph.NamedNode:
        return getattr(self, local)  # type: ignore[no-any-return]


ADMS = Namespace("http://www.w3.org/ns/adms#")
DC = Namespace("http://purl.org/dc/elements/1.1/")
DCAT = Namespace("http://www.w3.org/ns/dcat#")
DCATAP = Namespace("http://data.europa.eu/r5r/")
DCATDE = Namespace("http://dcat-ap.de/def/dcatde/")
DCT = Namespace("http://purl.org/dc/terms/")
ELI = Namespace("http://data.europa.eu/eli/ontology#")
FOAF = Namespace("http://xmlns.com/foaf/0.1/")
GEODCATAP = Namespace("http://data.europa.eu/930/")
GEO = Namespace("http://www.opengis.net/ont/geosparql#")
HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")
LOCN = Namespace("http://www.w3.org/ns/locn#")
ODRL = Namespace("http://www.w3.org/ns/odrl/2/")
OWL = Namespace("http://www.w3.org/2002/07/owl#")
PROV = Namespace("http://www.w3.org/ns/prov#")
RDF = Namespace("http://www.w3.org/1999/02/22-rdf-syntax-ns#")
RDFS = Namespace("http://www.w3.org/2000/01/rdf-schema#")
SCHEMA = Namespace("http://schema.org/")
SKOS = Namespace("http://www.w3.org/2004/02/skos/core#")
SPDX = Namespace("http://spdx.org/rdf/terms#")
TIME = Namespace("http://www.w3.org/2006/time#")
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
XSD = Namespace("http://www.w3.org/2001/XMLSchema#")

AUTHORITY = "http://publications.europa.eu/resource/authority/"
"""EU authority tables: `AUTHORITY + "data-theme/ENVI"`."""
HVD_LAW = "http://data.europa.eu/eli/reg_impl/2023/138/oj"
"""Implementing Regulation (EU) 2023/138 on high-value datasets."""
PREFIXES = {
    "adms": ADMS.iri,
    "dcat": DCAT.iri,
    "dcatap": DCATAP.iri,
    "dcatde": DCATDE.iri,
    "dct": DCT.iri,
    "eli": ELI.iri,
    "foaf": FOAF.iri,
    "geo": GEO.iri,
    "geodcatap": GEODCATAP.iri,
    "hydra": HYDRA.iri,
    "locn": LOCN.iri,
    "odrl": ODRL.iri,
    "owl": OWL.iri,
    "prov": PROV.iri,
    "rdf": RDF.iri,
    "rdfs": RDFS.iri,
    "skos": SKOS.iri,
    "spdx": SPDX.iri,
    "time": TIME.iri,
    "vcard": VCARD.iri,
    "xsd": XSD.iri,
}
"""Prefixes as they stand at the head of what we write."""
