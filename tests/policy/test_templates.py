"""Each rule template: allowed and refused, and on the wire as the official schemas and JSON-LD contexts want it."""

import json
from pathlib import Path
from typing import Any

import pytest

from connector.catalogue.rules import fill, templates
from connector.dialects.skos import Vocabulary
from connector.policy.evaluate import decide
from connector.policy.model import PHASES
from connector.policy.parse import parse
from connector.policy.world import World

H = "https://w3id.org/hanse/v1#"
O = "http://www.w3.org/ns/odrl/2/"  # noqa: E741
NOW = 1_795_500_000_000
SLOTS: dict[str, dict[str, str]] = {
    "open-attribution": {"source": "Stadt Musterstadt"},
    "municipalities-only": {},
    "municipal-purpose": {"until": "31.12.2027", "valid-for": "PT5S"},
    "pilot": {"from": "20.11.2026", "until": "30.11.2026", "count": "2"},
}


def town(vocabulary: Vocabulary, **changes: Any) -> World:
    facts: dict[str, Any] = {"now": NOW, "participant": "did:web:town", "kind": H + "municipality", "uses": 1}
    facts |= {"purpose": H + "heatPlanning", "purpose_source": "declared", "agreement_at": NOW - 1000}
    return World(closure=vocabulary.closure, **facts | changes)


def test_every_template_is_tried() -> None:
    """A new template needs its slots here, and with them every test below."""
    assert [template.id for template in templates()] == list(SLOTS)


@pytest.mark.parametrize("template", SLOTS)
def test_who_fits_is_allowed_in_every_phase(vocabulary: Vocabulary, template: str) -> None:
    """>> a municipality, heat planning, in time, first use  << permitted from the catalogue to the access."""
    policy = parse(fill(template, SLOTS[template]))
    assert [decide(policy, town(vocabulary), phase).permit for phase in PHASES] == [True] * 4


@pytest.mark.parametrize(
    ("template", "changes"),
    [
        ("open-attribution", {"action": O + "sell"}),
        ("municipalities-only", {"kind": H + "company"}),
        ("municipalities-only", {"kind": None}),
        ("municipal-purpose", {"kind": H + "company"}),
        ("municipal-purpose", {"purpose": H + "productDevelopment"}),
        ("municipal-purpose", {"now": 1_830_294_000_000, "agreement_at": 1_830_294_000_000}),
        ("municipal-purpose", {"agreement_at": NOW - 5001}),
        ("municipal-purpose", {"action": O + "distribute"}),
        ("municipal-purpose", {"action": H + "aiTraining"}),
        ("pilot", {"now": 1_795_129_199_999}),
        ("pilot", {"now": 1_796_079_600_000}),
        ("pilot", {"uses": 3}),
    ],
    ids=str,
)
def test_who_does_not_fit_is_refused(vocabulary: Vocabulary, template: str, changes: dict[str, Any]) -> None:
    """>> one fact differs  << refused at the access."""
    assert not decide(parse(fill(template, SLOTS[template])), town(vocabulary, **changes), "access").permit


def agreement(template: str) -> dict[str, Any]:
    deal = {"@id": "urn:uuid:e8dc8655-44c2-46ef-b701-4cffdc2faa44", "@type": "Agreement", "target": "urn:uuid:trees"}
    deal |= {"assigner": "did:web:a", "assignee": "did:web:b", "timestamp": "2026-11-24T20:00:00Z"}
    return {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@type": "ContractAgreementMessage",
        "@id": "urn:uuid:1",
        "providerPid": "urn:uuid:2",
        "consumerPid": "urn:uuid:3",
        "agreement": deal | fill(template, SLOTS[template]),
    }


@pytest.mark.parametrize("template", SLOTS)
def test_the_official_schema_accepts_the_agreement(shared: Path, template: str) -> None:
    """Validated with the published JSON Schemas as oracle."""
    from jsonschema import Draft201909Validator
    from referencing import Registry, Resource

    schemas = [json.loads(p.read_text()) for p in (shared / "dsp").glob("*/*-schema.json") if "transfer" not in p.parts]
    registry: Any = Registry().with_resources([(s["$id"], Resource.from_contents(s)) for s in schemas])
    schema = next(s for s in schemas if s["$id"].endswith("contract-agreement-message-schema.json"))
    Draft201909Validator(schema, registry=registry).validate(agreement(template))


@pytest.mark.parametrize("template", SLOTS)
def test_json_ld_drops_and_mangles_nothing(shared: Path, template: str) -> None:
    """Expanded with the pinned contexts: as many members as before, and no relative IRI among them."""
    from pyld import jsonld

    contexts = {
        "https://w3id.org/dspace/2025/1/context.jsonld": "dspace.jsonld",
        "https://w3id.org/dspace/2025/1/odrl-profile.jsonld": "odrl.jsonld",
    }

    def load(url: str, _options: object) -> dict[str, Any]:
        document = json.loads((shared / "dsp" / "context" / contexts[url]).read_text())
        return {"contextUrl": None, "documentUrl": url, "document": document, "contentType": "application/ld+json"}

    message = agreement(template)
    expanded = jsonld.expand(message, {"documentLoader": load, "base": None})
    assert members(expanded) == members(message) - 1, "the context is the only member that may go"
    assert all(":" in iri for iri in iris(expanded))


def members(value: Any) -> int:
    """Members of all objects; those of value objects and references are spelling."""
    if isinstance(value, list):
        return sum(members(entry) for entry in value)
    if not isinstance(value, dict) or value.keys() <= {"@id", "@value"}:
        return 0
    return len(value) + sum(members(entry) for entry in value.values())


def iris(value: Any) -> list[str]:
    if isinstance(value, list):
        return [iri for entry in value for iri in iris(entry)]
    if not isinstance(value, dict):
        return []
    own = [key for key in value if not key.startswith("@")]
    own += [value["@id"]] if "@id" in value else []
    return own + [iri for entry in value.values() for iri in iris(entry)]


@pytest.mark.parametrize("template", SLOTS)
def test_json_ld_and_back_is_the_same_policy(shared: Path, template: str) -> None:
    """A JSON-LD peer that expands our policy and sends it expanded comes back with our digest."""
    from pyld import jsonld

    from connector.policy.digest import digest

    names = ("dspace.jsonld", "odrl.jsonld")
    documents = [json.loads((shared / "dsp" / "context" / name).read_text()) for name in names]

    def load(url: str, _options: object) -> dict[str, Any]:
        document = documents["odrl-profile" in url]
        return {"contextUrl": None, "documentUrl": url, "document": document, "contentType": "application/ld+json"}

    message = agreement(template)
    (expanded,) = jsonld.expand(message, {"documentLoader": load, "base": None})
    (foreign,) = expanded["https://w3id.org/dspace/2025/1/agreement"]
    assert O + "permission" in foreign
    assert digest(parse(foreign)) == digest(parse(message["agreement"]))
