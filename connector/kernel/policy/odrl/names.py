"""Names of ODRL terms: every spelling a peer may use (bare term, `odrl:` CURIE, full IRI) becomes one IRI.

Own terms of Hanse are full IRIs only, because the DSP context declares no prefix for them (spec/policy.md 1.2). The
action hierarchy restates `odrl:includedIn`, and the names of old `skos:exactMatch`, of the ODRL Vocabulary 2.2.
"""

import re
from collections.abc import Mapping
from functools import cache

ODRL = "http://www.w3.org/ns/odrl/2/"
HANSE = "https://w3id.org/hanse/v1#"
XSD = "http://www.w3.org/2001/XMLSchema#"
DSP_CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
PROFILE = "https://w3id.org/hanse/v1"
PROFILES = frozenset({PROFILE, ODRL + "core"})
USE = ODRL + "use"

PREFIXES: Mapping[str, str] = {
    "odrl": ODRL,
    "xsd": XSD,
    "dct": "http://purl.org/dc/terms/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dspace": "https://w3id.org/dspace/2025/1/",
    "cc": "http://creativecommons.org/ns#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
}
"""`cc`, `rdf` and `rdfs` are no terms of the DSP context; they are read, never written."""

COMPARISONS = frozenset({"eq", "neq", "lt", "lteq", "gt", "gteq"})
MEMBERSHIP = frozenset({"eq", "neq", "isA", "hasPart", "isPartOf", "isAllOf", "isAnyOf", "isNoneOf"})
OPERATORS = COMPARISONS | MEMBERSHIP
LOGIC = ("and", "or", "xone", "andSequence")
CONFLICTS = frozenset({"perm", "prohibit", "invalid"})
KINDS = frozenset({"Set", "Offer", "Request", "Agreement", "Ticket", "Assertion", "Privacy"})
CLASSES = KINDS | {"Policy", "Rule", "Permission", "Prohibition", "Duty", "Constraint", "LogicalConstraint", "Action"}
CLASSES |= {"Asset", "AssetCollection", "Party", "PartyCollection"}
"""The classes of ODRL: a node of one place must not claim to be one of another."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STRUCTURE = _words(
    "permission prohibition obligation duty remedy consequence constraint refinement and or xone andSequence "
    "leftOperand operator rightOperand rightOperandReference action target assigner assignee conflict profile "
    "inheritFrom"
)
"""Members of which a policy is built: in another namespace they mean something else than anybody would think."""

_LIKE_A_RESOURCE = _words(
    "abstract accessRights accrualMethod accrualPeriodicity accrualPolicy audience bibliographicCitation conformsTo "
    "educationLevel extent format hasFormat instructionalMethod isFormatOf isReferencedBy license mediator medium "
    "references relation rights rightsHolder spatial tableOfContents temporal"
)
_LIKE_ANYTHING = _words(
    "alternative contributor coverage created creator date dateAccepted dateCopyrighted dateSubmitted description "
    "identifier issued language modified provenance publisher source subject title type"
)
DESCRIBING = frozenset(PREFIXES["dct"] + name for name in _LIKE_A_RESOURCE | _LIKE_ANYTHING)
"""Terms of Dublin Core that say what a party or an asset is like; `valid` and `available` say when it is one."""
LABELS = frozenset({PREFIXES["rdfs"] + "label", PREFIXES["rdfs"] + "comment"})
NOTES = LABELS | {
    PREFIXES["dct"] + name
    for name in _LIKE_ANYTHING
    | _words("abstract bibliographicCitation hasFormat hasVersion isFormatOf isReferencedBy isReplacedBy isVersionOf")
    | _words("license references relation replaces rightsHolder tableOfContents")
}
"""What may stand on a policy and change nothing: what it is called, who wrote it when, under which licence its text is,
and which others there are (IM 2.8). What may carry a condition (`dct:valid`, `audience` …) is none of these (decision
0149)."""

LEFT_OPERANDS = _words(
    "absolutePosition absoluteSize absoluteSpatialPosition absoluteTemporalPosition count dateTime delayPeriod "
    "deliveryChannel device elapsedTime event fileFormat industry language media meteredTime payAmount percentage "
    "product purpose recipient relativePosition relativeSize relativeSpatialPosition relativeTemporalPosition "
    "resolution spatial spatialCoordinates system systemDevice timeInterval unitOfCount version virtualLocation"
)
"""The 34 left operands of ODRL 2.2; those with a value are registered in `operands`."""

_UNDER_USE = _words(
    "acceptTracking aggregate annotate anonymize archive attribute compensate concurrentUse delete derive digitize "
    "distribute ensureExclusivity execute grantUse include index inform install modify move nextPolicy obtainConsent "
    "play present print read reproduce reviewPolicy stream synchronize textToSpeech transform translate uninstall "
    "watermark"
)
_ELSEWHERE = {"display": "play", "extract": "reproduce"}
_UNDER_TRANSFER = ("give", "sell")
_OWN = (
    *("aiTraining", "reidentify", "link", "engageSubProcessor"),
    *("pseudonymise", "dropFields", "aggregate", "suppressCells", "generalise"),
)
_OWN_DUTIES = ("sign", "log", "suspendAccess", "returnData")
_CC = _words("Attribution CommercialUse DerivativeWorks Distribution Notice Reproduction ShareAlike Sharing SourceCode")


def _hierarchy() -> dict[str, str]:
    up = {USE: "", ODRL + "transfer": ""}
    up |= {ODRL + name: USE for name in _UNDER_USE}
    up |= {ODRL + name: ODRL + parent for name, parent in _ELSEWHERE.items()}
    up |= {ODRL + name: ODRL + "transfer" for name in _UNDER_TRANSFER}
    up |= {HANSE + name: USE for name in _OWN + _OWN_DUTIES}
    return up | {PREFIXES["cc"] + name: USE for name in _CC}


ACTIONS: Mapping[str, str] = _hierarchy()
"""Known action -> the action that includes it, empty at the top."""

SAME: Mapping[str, str] = {
    ODRL + old: (PREFIXES["cc"] if new in _CC else ODRL) + new
    for old, new in {
        "append": "modify",
        "appendTo": "modify",
        "attachPolicy": "Notice",
        "attachSource": "SourceCode",
        "commercialize": "CommercialUse",
        "copy": "reproduce",
        "export": "transform",
        "license": "grantUse",
        "pay": "compensate",
        "share": "Sharing",
        "shareAlike": "ShareAlike",
        "write": "modify",
        "writeTo": "modify",
    }.items()
}
"""Deprecated action -> the action that is its exact match. The other deprecated ones have none and stay unknown."""

_BARE = LEFT_OPERANDS | OPERATORS | CONFLICTS | {iri[len(ODRL) :] for iri in (*ACTIONS, *SAME) if iri.startswith(ODRL)}

REPLACED = PREFIXES["dct"] + "isReplacedBy"

_MEMBERS = {
    PREFIXES["dspace"] + "timestamp": "timestamp",
    PREFIXES["rdf"] + "value": "value",
    "dcterms:isReplacedBy": REPLACED,
}
"""Members that are no ODRL terms: of an agreement, of an action with refinements, and the one that voids a policy."""


def expand(text: str) -> str:
    """The IRI of a value that names a term; unknown bare words stay as they are (and stay unknown)."""
    if text in _BARE:
        return ODRL + text
    prefix, colon, local = text.partition(":")
    if colon and prefix in PREFIXES and not local.startswith("//"):
        return PREFIXES[prefix] + local
    return text


def member(key: str) -> str:
    """The name of a member: ODRL terms bare, everything else as IRI or as written."""
    if key.isalnum() or key.startswith("@"):
        return key
    iri = expand(key)
    if iri in _MEMBERS:
        return _MEMBERS[iri]
    # A keyword of JSON-LD has no prefix: `odrl:@type` is something else than `@type`.
    return iri[len(ODRL) :] if iri.startswith(ODRL) and not iri.startswith(ODRL + "@") else iri


def reference(text: str) -> str:
    """An IRI written as `{"@id"}`: a known prefix is expanded, a bare word is no term here."""
    return expand(text) if ":" in text else text


def spellings(name: str) -> tuple[str, ...]:
    """A name of a node as an IRI, with each known prefix, and as the bare word that it may be where a term stands; as
    it is written where none fits."""
    iri = reference(name)
    short = [prefix + ":" + iri[len(space) :] for prefix, space in PREFIXES.items() if iri.startswith(space)]
    bare = [word for word in (iri.removeprefix(ODRL),) if word in _BARE]
    return tuple(dict.fromkeys((name, iri, *short, *bare)))


def action(text: str) -> str:
    """The IRI of an action, under the name that is not deprecated."""
    iri = expand(text)
    return SAME.get(iri, iri)


@cache
def _including(iri: str) -> frozenset[str]:
    above = {iri}
    while iri := ACTIONS.get(iri, ""):
        above.add(iri)
    return frozenset(above)


def covers(rule_action: str, asked: str) -> bool:
    """Whether a rule about `rule_action` speaks about `asked`: both known, and the same or included in it."""
    asked = SAME.get(asked, asked)
    return asked in ACTIONS and SAME.get(rule_action, rule_action) in _including(asked)


_KEPT_BY_PROVIDER = re.compile(r"https://[!-~]{1,480}(?<!/space)/groups/[a-z0-9-]{1,63}")


def kept_by_provider(group: str) -> bool:
    """Whether a group is one that a participant keeps itself, not a group of a space (spec/spaces.md 8.1)."""
    return _KEPT_BY_PROVIDER.fullmatch(group) is not None


def is_classified(text: str) -> bool:
    """A degree of the German Verschlusssachenanweisung: VS-NfD and above."""
    name = (text.rpartition("#")[2] or text).rpartition("/")[2].casefold().replace("-", "").replace("_", "")
    return name.startswith("vs") or name in ("geheim", "strenggeheim", "confidential", "secret", "topsecret")
