"""What DCAT-AP HVD 3.0.0 asks of what claims a category of high-value datasets: its base and its usage notes.

Source: DCAT-AP HVD 3.0.0, shapes, base and usage notes; Regulation (EU) 2023/138; spec/metadata-check.md 2.3.
"""

from collections.abc import Mapping, Sequence

from pyoxigraph import NamedNode

from connector.kernel.metadata.check.model import HasOneOf, Path, Severity, Step
from connector.kernel.metadata.check.rows import NODE, WARNING, Row, hvd
from connector.kernel.metadata.lists.code_lists import HVD_CATEGORY
from connector.kernel.metadata.rdf.names import DCAT, DCATAP, DCT, FOAF, HVD_LAW, OWL, RDFS, SKOS, VCARD

_API = Path(
    ((Step(DCAT.servesDataset, inverse=True),), (Step(DCAT.distribution), Step(DCAT.accessService))), label="api"
)
_BULK = Path(((Step(DCAT.distribution), Step(DCAT.downloadURL)),), label="bulk")
_LAW = hvd(DCATAP.applicableLegislation, NODE, low=1, value=NamedNode(HVD_LAW))
_CATEGORY = hvd(DCATAP.hvdCategory, NODE, low=1, listed=HVD_CATEGORY)

TABLE: Mapping[NamedNode, Sequence[Row]] = {
    DCAT.Catalog: (hvd(DCAT.dataset, NODE), hvd(DCAT.record, NODE), hvd(DCAT.service, NODE)),
    DCAT.CatalogRecord: (hvd(FOAF.primaryTopic, NODE, low=1, high=1),),
    DCAT.Dataset: (
        _LAW,
        _CATEGORY,
        hvd(DCAT.distribution, NODE, low=1),
        hvd(DCAT.contactPoint, NODE),
        hvd(DCT.conformsTo, NODE),
        hvd(DCAT.inSeries, NODE),
        hvd(_API, NODE, low=1),
        hvd(_BULK, low=1, severity=WARNING, ours=True),
    ),
    DCAT.DatasetSeries: (_LAW, _CATEGORY),
    DCAT.Distribution: (
        _LAW,
        hvd(DCAT.accessURL, NODE, low=1),
        hvd(DCT.license, NODE, high=1),
        hvd(DCT.rights, NODE),
        hvd(DCT.conformsTo, NODE),
        hvd(DCAT.accessService, NODE),
    ),
    DCAT.DataService: (
        _LAW,
        _CATEGORY,
        hvd(DCAT.endpointURL, NODE, low=1),
        hvd(DCAT.endpointDescription, NODE),
        hvd(DCAT.contactPoint, NODE, low=1),
        hvd(FOAF.page, NODE, low=1),
        hvd(DCT.license, NODE, high=1),
        hvd(DCT.rights, NODE),
        hvd(DCAT.servesDataset, NODE),
    ),
    VCARD.Kind: (hvd(VCARD.hasEmail, NODE, high=1), hvd(VCARD.hasURL, NODE, high=1)),
}
"""DCAT-AP HVD 3.0.0, base and usage notes, for what claims a category. A bulk download is our advice."""

ONE_OF: Sequence[tuple[NamedNode, str, HasOneOf, Severity]] = (
    (DCAT.Distribution, "legal", HasOneOf((DCT.license, DCT.rights)), Severity.VIOLATION),
    (DCAT.DataService, "legal", HasOneOf((DCT.license, DCT.rights)), Severity.VIOLATION),
    (VCARD.Kind, "reach", HasOneOf((VCARD.hasEmail, VCARD.hasURL)), WARNING),
    (
        DCT.LicenseDocument,
        "relation",
        HasOneOf((SKOS.exactMatch, OWL.sameAs, SKOS.broadMatch, SKOS.narrowMatch, SKOS.closeMatch, RDFS.seeAlso)),
        WARNING,
    ),
)
"""What DCAT-AP HVD asks of a node as a whole."""
