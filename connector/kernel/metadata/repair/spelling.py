"""Rules about how names are written: namespaces, IRIs, values of lists, what stands for nothing.

What they find is a fact of spelling. The value of a list is looked up after its spelling was mended, and if it is not
on the list, nothing is changed: a licence is never guessed (spec/metadata-import.md 1.4).
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from connector.kernel.metadata.lists.code_lists import CodeLists
from connector.kernel.metadata.rdf.graph import Term
from connector.kernel.metadata.rdf.names import (
    AUTHORITY,
    DCAT,
    DCATAP,
    DCATDE,
    DCT,
    FOAF,
    PROV,
    RDF,
    SCHEMA,
    SPDX,
    VCARD,
    XSD,
    Namespace,
)
from connector.kernel.metadata.rdf.writing import sayable_in_xml
from connector.kernel.metadata.repair.work import Rule, Work, is_text, text, value_of, values

_DCATDE = re.compile(r"https?://(?:www\.)?dcat-ap\.de/def/dcatde/?(?:[0-9]+(?:[._][0-9]+)*[/#]?)?([A-Za-z]\w*)")
_NAMESPACES = (
    (re.compile(r"https?://(?:www\.)?purl\.org/dc/terms[/#](\w+)"), DCT),
    (re.compile(r"https?://(?:www\.)?w3\.org/ns/dcat[#/](\w+)"), DCAT),
    (re.compile(r"https?://(?:www\.)?xmlns\.com/foaf/0\.1[/#](\w+)"), FOAF),
    (re.compile(r"https?://(?:www\.)?w3\.org/2006/vcard/ns[#/](\w+)"), VCARD),
    (re.compile(r"https?://(?:www\.)?spdx\.org/rdf/terms[#/](\w+)"), SPDX),
    (re.compile(r"https?://(?:www\.)?data\.europa\.eu/r5r[#/](\w+)"), DCATAP),
    (re.compile(r"https?://(?:www\.)?w3\.org/ns/prov[#/](\w+)"), PROV),
    (re.compile(r"https?://(?:www\.)?schema\.org[/#](\w+)"), SCHEMA),
)
_ELEMENTS = Namespace("http://purl.org/dc/elements/1.1/")
_FROM_ELEMENTS = {
    getattr(_ELEMENTS, name): getattr(DCT, name)
    for name in ("title", "description", "publisher", "identifier", "language", "format", "rights", "creator", "type")
}
_PLACEHOLDERS = re.compile(r"(?i)(?:todo:?|tbd|n/?a|null|none|nil|undefined|-+|\?+|keine angabe|k\. ?a\.|xxx+|\.+)?")
_ILLEGAL = re.compile(r"[\x00-\x20<>\"{}|^`\\\[\]]")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_WEB = re.compile(r"(?:https?|ftps?)://[^\s/?#]\S*", re.IGNORECASE)
_EU = re.compile(r"https?://(?:www\.)?publications\.europa\.eu/(?:mdr/)?(?:resource/)?(?:authority/)?(?=[a-z-]+/)")
_LISTS = re.compile(r"https?://(?:www\.)?(dcat-ap\.de/def|data\.europa\.eu|purl\.org/adms|spdx\.org/rdf/terms)")
_LONGEST = 4_096
"""Characters of an IRI, as it is read: a longer text is none, and is not remembered as one."""
_HASHES: Mapping[str, str] = {
    "sha/1": "sha1",
    "sha/224": "sha224",
    "sha/256": "sha256",
    "sha/384": "sha384",
    "sha/512": "sha512",
    "md/5": "md5",
    "md5": "md5",
    "sha1": "sha1",
    "sha256": "sha256",
    "sha512": "sha512",
}
ADDRESSES = (
    DCAT.accessURL,
    DCAT.downloadURL,
    DCAT.landingPage,
    DCAT.endpointURL,
    DCAT.endpointDescription,
    FOAF.page,
    FOAF.homepage,
    DCT.conformsTo,
    DCT.license,
    DCT.language,
    DCT.format,
    DCAT.mediaType,
    DCAT.theme,
    DCT.spatial,
    DCT.accrualPeriodicity,
    DCT.accessRights,
    VCARD.hasURL,
    DCATDE.contributorID,
    DCATDE.politicalGeocodingLevelURI,
    DCATDE.politicalGeocodingURI,
    DCATAP.applicableLegislation,
    DCATAP.availability,
    DCATAP.hvdCategory,
    DCT.relation,
    DCT.source,
    DCT.type,
    DCATDE.legalBasis,
    DCATDE.qualityProcessURI,
    DCT.references,
    DCT.isReferencedBy,
)
"""Properties whose value is an IRI, where portals often write a text."""


def _dcatde(work: Work) -> None:
    for name in work.names():
        found = _DCATDE.fullmatch(name.value)
        if found and name.value != DCATDE.iri + found[1]:
            _rename(work, name, NamedNode(DCATDE.iri + found[1]))


def _namespaces(work: Work) -> None:
    for name in work.names():
        right = _in_namespace(name.value)
        if right is not None:
            _rename(work, name, right)
    for triple in work.named(RDF.type):
        said = text(value_of(triple))
        right = _in_namespace(said) if len(said) <= _LONGEST else None
        if right is not None:
            work.change([triple], [Triple(triple.subject, RDF.type, right)])


@lru_cache(4_096)
def _in_namespace(iri: str) -> NamedNode | None:
    for pattern, namespace in _NAMESPACES:
        found = pattern.fullmatch(iri)
        if found:
            return None if iri == namespace.iri + found[1] else NamedNode(namespace.iri + found[1])
    return None


def _elements(work: Work) -> None:
    for name in work.names():
        if name in _FROM_ELEMENTS:
            _rename(work, name, _FROM_ELEMENTS[name])


def _rename(work: Work, name: NamedNode, right: NamedNode) -> None:
    for triple in work.named(name):
        work.change([triple], [Triple(triple.subject, right, triple.object)])


def _empty(work: Work) -> None:
    for triple in work.triples:
        value = triple.object
        if isinstance(value, Literal) and not value.value.strip():
            work.change([triple])


def _placeholders(work: Work) -> None:
    for triple in work.triples:
        value = triple.object
        if (
            not isinstance(value, BlankNode)
            and len(said := text(value_of(triple))) < 16
            and _PLACEHOLDERS.fullmatch(said)
        ):
            work.change([triple])


def _control(work: Work) -> None:
    for triple in work.triples:
        value = triple.object
        if isinstance(value, Literal) and CONTROL.search(value.value):
            said = CONTROL.sub(" ", value.value)
            new = Literal(said, language=value.language) if value.language else Literal(said, datatype=value.datatype)
            work.change([triple], [Triple(triple.subject, triple.predicate, new)])


def _characters(work: Work) -> None:
    """What an IRI may not have is percent-encoded, in subjects too."""
    for triple in work.triples:
        right = [_encoded(each) if isinstance(each, NamedNode) else each for each in (triple.subject, triple.object)]
        if right != [triple.subject, triple.object]:
            work.change([triple], [Triple(right[0], triple.predicate, right[1])])  # type: ignore[arg-type]


@lru_cache(4_096)
def _encoded(iri: NamedNode) -> NamedNode:
    if _is_iri(iri.value) or ":" not in iri.value:
        return iri
    said = _percent(iri.value.strip())
    return NamedNode(said) if _is_iri(said) else iri


def _percent(said: str) -> str:
    return _ILLEGAL.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), said)


@lru_cache(16_384)
def _is_iri(text: str) -> bool:
    try:
        NamedNode(text)
    except ValueError:
        return False
    return True


def mended(said: str) -> tuple[str, ...]:
    """What the rules about characters make of a text, and of an address."""
    found = []
    if CONTROL.search(said):
        found.append(CONTROL.sub(" ", said).strip())
    if ":" in said and _ILLEGAL.search(said):
        found.append(_percent(said))
    return tuple(found)


def _relative(work: Work) -> None:
    for triple in work.triples:
        names = [
            each.value for each in (triple.subject, triple.predicate, triple.object) if isinstance(each, NamedNode)
        ]
        datatype = triple.object.datatype.value if isinstance(triple.object, Literal) else "x:"
        if not all(map(_is_iri, [*names, datatype])):
            work.change([triple])


def _unsayable(work: Work) -> None:
    for triple in work.triples:
        if not sayable_in_xml(triple):
            work.change([triple])


def _address(work: Work, value: Term) -> tuple[Term, ...] | None:
    if not is_text(value) or len(said := text(value)) > _LONGEST or not _WEB.fullmatch(said):
        return None
    right = _encoded(NamedNode(said)) if _is_iri(said) else _lenient(said)
    return None if right is None else (right,)


def _lenient(said: str) -> NamedNode | None:
    encoded = _percent(said)
    return NamedNode(encoded) if _is_iri(encoded) else None


def _list_values(work: Work) -> None:
    for triple in work.triples:
        value = triple.object
        if isinstance(value, NamedNode) and triple.predicate != RDF.type:
            right = listed(work.known.lists, value.value)
            if right is not None:
                work.change([triple], [Triple(triple.subject, triple.predicate, NamedNode(right))])


def listed(lists: CodeLists, iri: str) -> str | None:
    """The value of a list that this IRI means, if only scheme, host or spelling differ; None if it is right."""
    if lists.schemes(iri) or not (_EU.match(iri) or _LISTS.match(iri)):
        return None
    said = _EU.sub(AUTHORITY, iri.strip())
    said = _LISTS.sub(lambda found: "http://" + found[1], said).rstrip("/#")
    for attempt in (said, re.sub(r"(?<=\d)_(?=\d)", ".", said), said + "/", said.removesuffix(".rdf")):
        if lists.schemes(attempt):
            return attempt
    scheme, _, code = re.sub(r"(?<=\d)_(?=\d)", ".", said).rpartition("/")
    found = lists.by_code(scheme, code)
    return None if found is None else found.iri


def _hashes(work: Work, value: Term) -> tuple[Term, ...] | None:
    said = text(value)
    found = re.search(r"(?:hashAlgorithms/|checksumAlgorithm_|^)((?:sha|md)[/-]?\d{1,3})$", said, re.IGNORECASE)
    name = None if found is None else _HASHES.get(found[1].lower().replace("-", ""))
    right = None if name is None else SPDX[f"checksumAlgorithm_{name}"]
    return None if right is None or right == value else (right,)


def _plain(work: Work, value: Term) -> tuple[Term, ...] | None:
    """Titles and names with a datatype that only complicates them."""
    if isinstance(value, Literal) and not value.language and value.datatype not in {XSD.string, RDF.langString}:
        return (Literal(value.value),)
    return None


NAMES = (
    Rule("dcatde-namespace", _dcatde),
    Rule("namespace", _namespaces),
    Rule("dublin-core-elements", _elements),
    Rule("control-characters", _control),
    Rule("empty-value", _empty),
    Rule("placeholder", _placeholders),
    Rule("iri-characters", _characters),
)
"""First of all: every other rule looks for the right names."""
VALUES = (
    values("address-as-text", ADDRESSES, _address),
    Rule("list-value", _list_values),
    values("hash-algorithm", (SPDX.algorithm,), _hashes),
    values("plain-text", (DCT.title, DCT.description, FOAF.name, VCARD.fn), _plain),
)
LAST = (Rule("relative-iri", _relative), Rule("not-in-xml", _unsayable))
"""What no form of RDF could say of it in the end."""
