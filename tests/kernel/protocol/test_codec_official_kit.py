"""The official artefacts beyond single messages: the test kit's notion of the schemas, alternatives, common examples.

The kit has copies that differ from the published schemas in three places. They are not ours to
keep, so the
difference is stated here and made in memory.
"""

import json
from typing import Any

import msgspec
import pytest
from jsonschema import Draft201909Validator
from referencing import Registry, Resource

from connector.kernel.protocol import codec, versions
from connector.kernel.protocol import messages as m
from connector.kernel.protocol.codec import Malformed
from tests.kernel.protocol.official import NAMES, OFFER, OURS
from tests.testkit.places import DSP

pytestmark = pytest.mark.skipif(
    not DSP.is_dir(), reason="official DSP artefacts absent: put them at ../shared/data/dsp"
)
DATASETS = "https://w3id.org/dspace/2025/1/catalog/dataset-schema.json#/definitions"


def published() -> dict[str, Any]:
    """All schemas by file name; the `$ref`s with a missing slash are repaired."""
    return {
        path.name.removesuffix("-schema.json"): json.loads(
            path.read_text("utf-8").replace("#definitions/", "#/definitions/")
        )
        for path in DSP.glob("*/*-schema.json")
    }


def kits() -> dict[str, Any]:
    """As the kit has them: a catalogue is a resource, so nobody looks at its distributions; permission and prohibition
    are one kind of rule, which knows duties; a list of profiles is not understood."""
    documents = published()
    catalogue = documents["catalog"]["definitions"]["Catalog"]
    assert catalogue["allOf"][0]["$ref"] == f"{DATASETS}/AbstractDataset"
    catalogue["allOf"][0]["$ref"] = f"{DATASETS}/Resource"
    policies = documents["contract"]["definitions"]
    policies["Rule"]["properties"]["duty"] = {"type": "array", "items": {"$ref": "#/definitions/Duty"}}
    for kind in ("permission", "prohibition"):
        policies["PolicyClass"]["properties"][kind]["items"] = {"$ref": "#/definitions/Rule"}
    policies["PolicyClass"]["properties"]["profile"] = {"type": "string"}
    del policies["Permission"], policies["Prohibition"]
    return documents


def validators(documents: dict[str, Any]) -> dict[str, Draft201909Validator]:
    registry: Registry[Any] = Registry().with_resources(
        [(document["$id"], Resource.from_contents(document)) for document in documents.values()]
    )
    return {
        name.replace("-", ""): Draft201909Validator(document, registry=registry) for name, document in documents.items()
    }


@pytest.fixture(scope="module")
def official() -> dict[str, Draft201909Validator]:
    return validators(published())


@pytest.fixture(scope="module")
def kit() -> dict[str, Draft201909Validator]:
    return validators(kits())


@pytest.mark.parametrize("message", OURS, ids=NAMES)
def test_all_we_write_is_valid_to_the_kit(message: Any, kit: dict[str, Draft201909Validator]) -> None:
    kit[type(message).__name__.lower()].validate(json.loads(codec.encode(message)))


def request(**offer: Any) -> dict[str, Any]:
    message = m.ContractRequestMessage(consumer_pid="urn:c", offer=OFFER | offer, callback_address="https://b.example")
    value: dict[str, Any] = json.loads(codec.encode(message))
    return value


def test_the_kit_asks_otherwise_in_three_places(
    kit: dict[str, Draft201909Validator], official: dict[str, Draft201909Validator]
) -> None:
    """Each difference can be seen: two make the kit stricter, and we keep to both; one makes it blind."""
    name = "contractrequestmessage"
    profiles, broken = request(profile=["urn:p"]), request()
    assert (official[name].is_valid(profiles), kit[name].is_valid(profiles)) == (True, False)
    broken["offer"]["permission"][0]["duty"] = [{}]
    assert (official[name].is_valid(broken), kit[name].is_valid(broken)) == (True, False)
    with pytest.raises(Malformed):
        codec.decode(m.ContractRequestMessage, broken)
    catalogue = json.loads(codec.encode(m.Catalog(id="urn:k", participant_id="did:web:a"))) | {"distribution": [{}]}
    assert (official["catalog"].is_valid(catalogue), kit["catalog"].is_valid(catalogue)) == (False, True)
    with pytest.raises(Malformed):
        codec.decode(m.Catalog, catalogue)


ALTERNATIVES = {
    "request with both": (m.ContractRequestMessage, {"providerPid": "urn:p"}),
    "rule with two operators": (m.ContractRequestMessage, {"constraint": [{"and": [], "or": []}]}),
    "atom and logic": (
        m.ContractRequestMessage,
        {"constraint": [{"leftOperand": "a", "operator": "eq", "rightOperand": "b", "or": []}]},
    ),
    "operator in capitals": (
        m.ContractRequestMessage,
        {"constraint": [{"leftOperand": "a", "operator": "EQ", "rightOperand": "b"}]},
    ),
    "number as operand": (
        m.ContractRequestMessage,
        {"constraint": [{"leftOperand": "a", "operator": "eq", "rightOperand": 5}]},
    ),
}


@pytest.mark.parametrize(("cls", "change"), ALTERNATIVES.values(), ids=ALTERNATIVES.keys())
def test_alternatives_are_closed(cls: Any, change: dict[str, Any], official: dict[str, Draft201909Validator]) -> None:
    """Both at once, and words that nobody has: refused by the schema and by us."""
    value = request()
    if "constraint" in change:
        value["offer"]["permission"] = [{"action": "use", **change}]
    else:
        value |= change
    assert not official[cls.__name__.lower()].is_valid(value)
    with pytest.raises(Malformed):
        codec.decode(cls, value)


def test_the_version_document_of_the_examples_is_read_and_written_back() -> None:
    """Three services, of which two are ours to use."""
    example = json.loads((DSP / "common/example/protocol-version.json").read_text("utf-8"))
    found = versions.entries(example)
    assert [entry.usable for entry in found] == [True, False, True]
    assert json.loads(msgspec.json.encode(versions.Versions(found))) == example


def test_the_did_service_schema_still_has_its_defect(official: dict[str, Draft201909Validator]) -> None:
    """It takes the example of a catalogue service and refuses that of a data service; once mended, we learn it here."""
    for name, valid in (("catalogservice", True), ("dataservice", False)):
        example = json.loads((DSP / f"common/example/{name}-did-service.json").read_text("utf-8"))
        assert official["didservice"].is_valid(example) is valid
