"""What a check may take for known beside the catalogue itself, and which part of it a profile is about.

Neither profile means anything without it: the German lists ask for `skos:inScheme` of a value, DCAT-AP for its class.
Only facts about values in use are added, for the check alone, never to what is served (spec/metadata-check.md 2.2).
"""

from collections.abc import Iterator, Mapping

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from connector.kernel.metadata.check.model import Profile
from connector.kernel.metadata.lists.code_lists import CodeLists, code_lists
from connector.kernel.metadata.rdf.graph import Graph, Node
from connector.kernel.metadata.rdf.names import ADMS, DCAT, DCATAP, DCT, FOAF, RDF, RDFS, SKOS, SPDX, VCARD, Namespace

_ORG = Namespace("http://www.w3.org/ns/org#")
_PROV = Namespace("http://www.w3.org/ns/prov#")
_KINDS_OF = (
    (FOAF.Agent, FOAF, "Group Organization Person"),
    (FOAF.Agent, _ORG, "Organization"),
    (FOAF.Document, FOAF, "Image PersonalProfileDocument"),
    (FOAF.OnlineAccount, FOAF, "OnlineChatAccount OnlineEcommerceAccount OnlineGamingAccount"),
    (FOAF.Organization, _ORG, "FormalOrganization"),
    (NamedNode("http://www.w3.org/2002/07/owl#Thing"), FOAF, "OnlineAccount"),
    (NamedNode("http://www.w3.org/2003/01/geo/wgs84_pos#SpatialThing"), FOAF, "Person"),
    (SKOS.Concept, _ORG, "Role"),
    (_PROV.Activity, _ORG, "ChangeEvent"),
    (_ORG.Organization, _ORG, "FormalOrganization OrganizationalCollaboration OrganizationalUnit"),
    (_ORG.FormalOrganization, Namespace("http://purl.org/goodrelations/v1#"), "BusinessEntity"),
    (VCARD.Kind, VCARD, "Group Individual Location Organization"),
    (VCARD.Gender, VCARD, "Female Male None Other Unknown"),
    (VCARD.TelephoneType, VCARD, "BBS Car Cell Fax Modem Msg PCS Pager Text TextPhone Video Voice"),
    (VCARD.Type, VCARD, "Dom Home ISDN Internet Intl Label Parcel Postal Pref Work X400"),
    (
        VCARD.RelatedType,
        VCARD,
        "Acquaintance Agent Child Colleague Contact Coresident Coworker Crush Date Emergency Friend Kin Me Met Muse"
        " Neighbor Parent Sibling Spouse Sweetheart",
    ),
)
SUBCLASSES: tuple[tuple[NamedNode, NamedNode], ...] = tuple(
    (kinds[name], above) for above, kinds, names in _KINDS_OF for name in names.split()
)
"""Facts of FOAF, vCard and ORG, the narrower class first: without them every `foaf:Organization` is no agent."""

CLASS_OF: Mapping[NamedNode, NamedNode] = {
    DCT.format: DCT.MediaTypeOrExtent,
    DCAT.mediaType: DCT.MediaType,
    DCATAP.availability: SKOS.Concept,
    DCT.license: DCT.LicenseDocument,
    DCT.language: DCT.LinguisticSystem,
    DCT.type: SKOS.Concept,
    DCT.accrualPeriodicity: DCT.Frequency,
    DCAT.theme: SKOS.Concept,
    DCT.accessRights: DCT.RightsStatement,
    DCAT.themeTaxonomy: SKOS.ConceptScheme,
    DCATAP.hvdCategory: SKOS.Concept,
    ADMS.status: SKOS.Concept,
    SPDX.algorithm: SPDX.ChecksumAlgorithm,
}
"""The class of the values of a property that are taken from lists; DCAT-AP asks for it, lists are not delivered."""
_NAMED_BY = {SKOS.Concept: SKOS.prefLabel, SKOS.ConceptScheme: DCT.title}
_SOME_NAME = Literal("on a list", language="en")


def prepared(graph: Graph, profile: Profile, lists: CodeLists | None = None) -> Graph:
    """What a profile is checked on: the catalogue (of HVD only what claims a category) and what is known of values."""
    known = lists or code_lists()
    part = Graph(claimed_hvd(graph)) if profile is Profile.HVD else graph
    return Graph([*part, *_facts(part, profile, known)])


def _facts(graph: Graph, profile: Profile, lists: CodeLists) -> Iterator[Triple]:
    for narrow, wide in SUBCLASSES:
        yield Triple(narrow, RDFS.subClassOf, wide)
    if profile is Profile.AP:
        yield from _classes(graph)
        return
    yield from _schemes(graph, lists)
    if profile is Profile.DE:
        for algorithm in _values(graph, SPDX.algorithm):
            yield Triple(algorithm, RDF.type, SPDX.ChecksumAlgorithm)


def _schemes(graph: Graph, lists: CodeLists) -> Iterator[Triple]:
    for value in graph.objects:
        if isinstance(value, NamedNode):
            for scheme in lists.schemes(value.value):
                yield Triple(value, SKOS.inScheme, NamedNode(scheme))


def _classes(graph: Graph) -> Iterator[Triple]:
    for name, of in CLASS_OF.items():
        for value in _values(graph, name):
            yield Triple(value, RDF.type, of)
            if of in _NAMED_BY:
                yield Triple(value, _NAMED_BY[of], _SOME_NAME)


def _values(graph: Graph, name: NamedNode) -> Iterator[Node]:
    """Nodes alone: a text where a value of a list is expected stays wrong."""
    for subject in graph.subjects:
        for value in graph.values(subject, name):
            if not isinstance(value, Literal):
                yield value


def claimed_hvd(graph: Graph) -> Iterator[Triple]:
    """What is reached from all that names a category of high-value datasets, and from the services of these.

    The official shapes for HVD are about every dataset there is, so each ordinary one would be wrong four times.
    """
    claiming = [node for node in graph.subjects if graph.values(node, DCATAP.hvdCategory)]
    serving = [service for node in claiming for service in graph.holders(DCAT.servesDataset, node)]
    seen = dict.fromkeys((*claiming, *serving))
    waiting = list(seen)
    while waiting:
        for triple in graph.about(waiting.pop()):
            yield triple
            value = triple.object
            if (
                isinstance(value, NamedNode | BlankNode)
                and triple.predicate != DCAT.servesDataset
                and value not in seen
            ):
                seen[value] = None
                waiting.append(value)
