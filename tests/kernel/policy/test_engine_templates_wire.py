"""Each rule template on the wire: shape, official schemas, JSON-LD contexts, and what Eclipse EDC leaves of it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.data.catalogue.templates.templates import fill
from connector.kernel.dialects.policies.edc import echo
from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.evaluation.digest import digest
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.names import ODRL as O
from connector.kernel.policy.odrl.parse import parse
from tests.kernel.policy.deciding import decide
from tests.kernel.policy.filled import SLOTS, town

OURS = {"profile", "permission", "prohibition", "obligation", "action", "constraint", "and", "duty"}
OURS |= {"leftOperand", "operator", "rightOperand", "odrl:conflict", "odrl:consequence", "@id"}


def parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for entry in value:
            yield from parts(entry)
    if isinstance(value, dict):
        yield value
        for entry in value.values():
            yield from parts(entry)


@pytest.mark.parametrize("template", SLOTS)
def test_the_shape_is_that_of_the_handbook(template: str) -> None:
    """No assignee, no collection, no action object, no other member; strings only; names are full IRIs or CURIEs."""
    document = fill(template, SLOTS[template])
    assert document["odrl:conflict"] == {"@id": "odrl:prohibit"}
    for part in parts(document):
        assert part.keys() <= OURS
        right = part.get("rightOperand", [])
        assert isinstance(right, str) or all(isinstance(entry, str) for entry in right)
        names = [part[key] for key in ("action", "leftOperand") if key in part]
        assert all(name == "use" or name.startswith(("odrl:", "https://", "http://")) for name in names)


def test_an_echo_of_edc_is_never_wider(vocabulary: Vocabulary) -> None:
    """>> what EDC leaves of a template  << permits no requester of this file what the template refuses."""
    worlds = [town(vocabulary, template) for template in SLOTS]
    actions = [O + "use", O + "distribute", O + "derive", H + "aiTraining", H + "reidentify"]
    worlds += [town(vocabulary, template, action=action) for template in SLOTS for action in actions]
    worlds += [town(vocabulary, template, can=frozenset(), deeds=(), uses={}) for template in SLOTS]
    kept = 0
    for template, slots in SLOTS.items():
        document = fill(template, slots)
        policy, left = parse(document), parse(echo(document))
        for world in worlds:
            wider = decide(left, world, "access").permit
            kept += wider
            assert not wider or decide(policy, world, "access").permit
    assert kept


def schemas(shared: Path) -> dict[str, Any]:
    """The published schemas by file name; the references with a missing slash are repaired."""
    paths = [path for path in (shared / "dsp").glob("*/*-schema.json") if "transfer" not in path.parts]
    texts = {p.name.removesuffix("-schema.json"): p.read_text("utf-8") for p in paths}
    return {name: json.loads(text.replace("#definitions/", "#/definitions/")) for name, text in texts.items()}


def kits(documents: dict[str, Any]) -> dict[str, Any]:
    """As the official test kit reads them: one kind of rule, which knows duties, and a single profile."""
    policies = documents["contract"]["definitions"]
    policies["Rule"]["properties"]["duty"] = {"type": "array", "items": {"$ref": "#/definitions/Duty"}}
    for kind in ("permission", "prohibition"):
        policies["PolicyClass"]["properties"][kind]["items"] = {"$ref": "#/definitions/Rule"}
    policies["PolicyClass"]["properties"]["profile"] = {"type": "string"}
    del policies["Permission"], policies["Prohibition"]
    return documents


def validate(value: Any, name: str, documents: dict[str, Any]) -> None:
    from jsonschema import Draft201909Validator
    from referencing import Registry, Resource

    resources = [(document["$id"], Resource.from_contents(document)) for document in documents.values()]
    registry: Any = Registry().with_resources(resources)
    Draft201909Validator(documents[name], registry=registry).validate(value)


def offer(template: str, type: str) -> dict[str, Any]:
    """The template as an offer on its way: from the provider, or asked for by the consumer."""
    deal = {"@id": "urn:uuid:e8dc8655", "@type": "Offer", "target": "urn:uuid:trees", "assigner": "did:web:a"}
    return {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@type": type,
        "consumerPid" if type == "ContractRequestMessage" else "providerPid": "urn:uuid:2",
        "callbackAddress": "https://a.example/2025-1",
        "offer": deal | fill(template, SLOTS[template]),
    }


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
@pytest.mark.parametrize("reading", [dict, kits], ids=["published", "test kit"])
def test_the_official_schemas_accept_offer_and_agreement(
    shared: Path, template: str, reading: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Validated with the published JSON Schemas as oracle, and with the test kit's reading of them."""
    documents = reading(schemas(shared))
    validate(agreement(template), "contract-agreement-message", documents)
    validate(offer(template, "ContractOfferMessage"), "contract-offer-message", documents)
    validate(offer(template, "ContractRequestMessage"), "contract-request-message", documents)


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
