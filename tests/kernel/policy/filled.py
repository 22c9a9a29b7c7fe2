"""Every template with the values of its slots, and a requester that it is meant for."""

from typing import Any

from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.names import ODRL as O
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, World

NOW = 1_795_500_000_000
"""24 November 2026, 07:00:00 in Berlin."""
DAY = 86_400_000
DEADLINE = 1_832_972_400_000
"""1 February 2028, 00:00:00 in Berlin: a month after the last day of template 3."""
DID, OTHER = "did:web:town", "did:web:provider"
HASH = "5e" * 32
SLOTS: dict[str, dict[str, str]] = {
    "open-attribution": {"source": "Stadt Musterstadt"},
    "municipalities-only": {},
    "municipal-purpose": {"until": "31.12.2027", "valid-for": "PT5S"},
    "state-authorities": {"area": "DE-NW"},
    "processor": {"controller": OTHER, "avv": HASH, "return-within": "P14D"},
    "research": {"inform": OTHER},
    "statistics": {},
    "anonymised": {"legal-basis": "publicTaskBasis", "drop": "$.name, $.birth"},
    "no-ai-training": {},
    "ai-public-benefit": {"inform": OTHER},
    "pilot": {"from": "20.11.2026", "until": "30.11.2026", "count": "2"},
    "api-quota": {"count": "2", "endpoint": "https://api.town.example/level"},
    "disaster": {},
    "critical-infrastructure": {"participants": f"{DID}, did:web:grid"},
    "onward-chain": {"policy": "urn:uuid:1", "inform": OTHER},
    "fee": {"amount": "1.250,50", "statute": "Gebührensatzung Geodaten"},
    "participation": {"until": "31.12.2027", "agreement": "urn:uuid:2"},
    "named-partners": {"participants": f"{DID}, did:web:grid"},
    "county": {"county": "05515"},
}
CAN = frozenset({H + "suppressCells", H + "dropFields", H + "generalise", O + "anonymize"})
PAID = Deed(
    action=O + "compensate",
    at=NOW - 500,
    values={
        O + "payAmount": 1_250_500_000,
        H + "currency": frozenset({"EUR"}),
        H + "feeStatute": frozenset({"Gebührensatzung Geodaten"}),
    },
)
FITS: dict[str, dict[str, Any]] = {
    "state-authorities": {H + "adminLevel": H + "stateLevel", H + "participantLocation": H + "DE-NW"},
    "processor": {
        H + "participantKind": H + "municipalItProvider",
        H + "onBehalfOf": OTHER,
        H + "avvHash": HASH,
        O + "spatial": H + "DE-NW",
    },
    "research": {H + "participantKind": H + "university", "purpose": H + "research"},
    "statistics": {H + "participantKind": H + "statisticsOffice"},
    "anonymised": {H + "legalBasis": H + "publicTaskBasis"},
    "ai-public-benefit": {"action": H + "aiTraining"},
    "api-quota": {O + "virtualLocation": "https://api.town.example/level"},
    "disaster": {H + "eventState": H + "active", H + "role": H + "emergencyService"},
    "critical-infrastructure": {H + "securityProfile": H + "trustPlusSecurity", O + "deliveryChannel": H + "api"},
    "fee": {"deeds": (PAID,)},
    "participation": {H + "participantKind": H + "municipalEnterprise", H + "reciprocalAgreement": "urn:uuid:2"},
    "county": {H + "regionalKey": "05515"},
}
"""What the requester of a template must be beyond a municipality that plans heat: facts by operand, or fields."""


def town(vocabulary: Vocabulary, template: str = "", **changes: Any) -> World:
    """A requester that fits the template; `changes` are fields of the world, or `facts` by operand (None: unknown)."""
    wanted = {H + "participantKind": H + "municipality", **FITS.get(template, {}), **changes.pop("facts", {})}
    facts = {iri: Fact(frozenset({text})) for iri, text in wanted.items() if ":" in iri and text}
    fields: dict[str, Any] = {"now": NOW, "participant": DID, "uses": {"": 1, "P1D": 1, "P1M": 1}, "can": CAN}
    fields |= {"purpose": H + "heatPlanning", "purpose_source": "declared", "agreement_at": NOW - 1000}
    fields |= {name: value for name, value in wanted.items() if ":" not in name}
    return World(closure=vocabulary.closure, facts=facts, **fields | changes)
