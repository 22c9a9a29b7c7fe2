"""The JSON-LD contexts under which foreign policies come, restated from the facts: which name stands for which IRI.

Built from the term lists of the kernel, so that a term known there is known here. Nothing is fetched, and a context
that is not listed adds nothing (decision 0013). Sources: ODRL Vocabulary 2.2, and EDC and Catena-X by their namespaces.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from connector.kernel.policy.odrl.names import ACTIONS, CONFLICTS, LEFT_OPERANDS, ODRL, OPERATORS

EDC = "https://w3id.org/edc/v0.0.1/ns/"
CX = "https://w3id.org/catenax/2025/9/policy/"
CX_OLD = "https://w3id.org/catenax/policy/"
TX = "https://w3id.org/tractusx/v0.0.1/ns/"

_PREFIXES = {
    "odrl": ODRL,
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "schema": "http://schema.org/",
    "cc": "http://creativecommons.org/ns#",
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CLASSES = _words(
    "Policy Set Offer Agreement Request Assertion Privacy Ticket Rule Permission Prohibition Duty Action Constraint "
    "LogicalConstraint Asset AssetCollection Party PartyCollection ConflictTerm LeftOperand Operator RightOperand"
)
_NODES = _words(
    "permission prohibition obligation duty consequence remedy constraint refinement target assigner assignee profile "
    "inheritFrom relation output partOf source failure hasPolicy implies includedIn rightOperandReference "
    "attributedParty attributingParty compensatedParty compensatingParty consentedParty consentingParty "
    "contractedParty contractingParty informedParty informingParty trackedParty trackingParty"
)
_TERMS = _words("action leftOperand operator conflict function scope undefined unit dataType status")
_LISTS = ("and", "or", "xone", "andSequence")

CONTRACTUAL = _words(
    "UsagePurpose UsageRestriction ExclusiveUsage ConfidentialInformationMeasures ConfidentialInformationSharing "
    "ContractReference Liability Warranty WarrantyDefinition WarrantyDurationMonths Precedence JurisdictionLocation "
    "JurisdictionLocationReference ContractTermination VersionChanges DataFrequency AffiliatesBpnl AffiliatesRegion "
    "ManagedLegalEntityBpnl ManagedLegalEntityRegion DataUsageEndDefinition"
)
"""Operands of Catena-X whose functions always hold: promises between the parties (spec/policy.md 13.2)."""
CREDENTIALS = _words("Membership FrameworkAgreement BusinessPartnerNumber BusinessPartnerGroup Dismantler")
ENDS = _words("DataUsageEndDate DataProvisioningEndDate")
DAYS = _words("DataUsageEndDurationDays DataProvisioningEndDurationDays")
CX_OPERANDS = CONTRACTUAL | CREDENTIALS | ENDS | DAYS


def _odrl() -> dict[str, Any]:
    plain = {"uid": "@id", "type": "@type"} | {name: f"odrl:{name}" for name in (*sorted(_CLASSES), "rightOperand")}
    plain |= {name: f"odrl:{name}" for name in sorted(LEFT_OPERANDS | OPERATORS | CONFLICTS)}
    plain |= {iri.removeprefix(ODRL): iri for iri in ACTIONS if iri.startswith(ODRL)}
    nodes = {name: {"@id": f"odrl:{name}", "@type": "@id"} for name in sorted(_NODES)}
    words = {name: {"@id": f"odrl:{name}", "@type": "@vocab"} for name in sorted(_TERMS)}
    lists = {name: {"@id": f"odrl:{name}", "@type": "@id", "@container": "@list"} for name in _LISTS}
    return {"@version": 1.1} | _PREFIXES | plain | nodes | words | lists


def _edc() -> dict[str, Any]:
    wrapped = {"policy": {"@id": EDC + "policy", "@type": "@id"}, "PolicyDefinition": EDC + "PolicyDefinition"}
    return {"edc": EDC, **wrapped, **_odrl(), "@vocab": EDC}


def _cx(space: str) -> Callable[[], dict[str, Any]]:
    def terms() -> dict[str, Any]:
        return {"cx-policy": space, "tx": TX} | {name: space + name for name in sorted(CX_OPERANDS)}

    return terms


_KNOWN: Mapping[str, Callable[[], dict[str, Any]]] = {
    "http://www.w3.org/ns/odrl.jsonld": _odrl,
    "https://www.w3.org/ns/odrl.jsonld": _odrl,
    CX + "odrl.jsonld": _odrl,
    CX + "context.jsonld": _cx(CX),
    "https://w3id.org/tractusx/policy/v1.0.0": _cx(CX_OLD),
    "https://w3id.org/edc/connector/management/v0.0.1": _edc,
    "https://w3id.org/edc/connector/management/v2": _edc,
}
POLICY_CONTEXTS = frozenset(_KNOWN)
"""The contexts, beside that of the protocol, which give the names of a policy their meaning."""


@cache
def _document(url: str) -> Mapping[str, Any]:
    return _KNOWN[url]()


def context(url: str) -> dict[str, Any]:
    """The document of a context; a new one each time; KeyError for any other address."""
    terms = {name: dict(value) if isinstance(value, dict) else value for name, value in _document(url).items()}
    return {"@context": terms}
