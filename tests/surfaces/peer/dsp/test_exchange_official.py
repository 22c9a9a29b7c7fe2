"""What our endpoints answer, held against the official schemas of the Dataspace Protocol 2025-1."""

import json
from typing import Any

import pytest
from jsonschema import Draft201909Validator
from referencing import Registry, Resource

from tests.testkit.cities import PURPOSE, City
from tests.testkit.nasty import NastyPeer
from tests.testkit.places import DSP

pytestmark = pytest.mark.skipif(
    not DSP.is_dir(), reason="official DSP artefacts absent: put them at ../shared/data/dsp"
)


class Official:
    """`check` raises if a document breaks the schema of its `@type`; the `$ref`s without a slash are repaired here."""

    def __init__(self) -> None:
        documents = {
            path.name.removesuffix("-schema.json"): json.loads(
                path.read_text("utf-8").replace("#definitions/", "#/definitions/")
            )
            for path in DSP.glob("*/*-schema.json")
        }
        pairs = [(document["$id"], Resource.from_contents(document)) for document in documents.values()]
        registry: Registry[Any] = Registry().with_resources(pairs)
        self._schemas = {name: Draft201909Validator(body, registry=registry) for name, body in documents.items()}
        self.seen: set[str] = set()

    def check(self, value: Any, schema: str = "") -> None:
        name = schema or "".join(f"-{sign.lower()}" if sign.isupper() else sign for sign in value["@type"])[1:]
        self._schemas[name].validate(value)
        self.seen.add(name)


async def test_everything_that_leaves_a_provider_is_official(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """A whole exchange and its errors: every body that the peer receives is valid by the schema of its type."""
    official, pids = Official(), ("providerPid", "consumerPid")
    catalogue = await nasty.post(it, "musterstadt", "/2025-1/catalog/request", nasty.message("CatalogRequestMessage"))
    official.check(catalogue.json)
    uuid = made["dataset"].rpartition("/")[2]
    official.check((await nasty.get(it, "musterstadt", f"/2025-1/catalog/datasets/{uuid}")).json)
    official.check((await nasty.get(it, "musterstadt", "/2025-1/catalog/datasets/x")).json)
    versions = await nasty.call("GET", it.root("musterstadt") + "/.well-known/dspace-version")
    official.check(versions.json, "protocol-version")

    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    started = await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", nasty.contract_request(offer))
    official.check(started.json)
    agreement = (await nasty.heard("/agreement")).json
    official.check(agreement)
    base = f"/2025-1/negotiations/{started.json['providerPid']}"
    both = {name: started.json[name] for name in pids}
    told = nasty.message("ContractAgreementVerificationMessage", **both)
    official.check((await nasty.post(it, "musterstadt", f"{base}/agreement/verification", told)).json)
    official.check((await nasty.heard("/events")).json)
    official.check((await nasty.get(it, "musterstadt", base)).json)
    official.check((await nasty.post(it, "musterstadt", f"{base}/agreement/verification", {})).json)

    asked = nasty.message(
        "TransferRequestMessage",
        consumerPid="urn:uuid:t",
        agreementId=agreement["agreement"]["@id"],
        format="HttpData-PULL",
        callbackAddress=nasty.base,
        **{"https://w3id.org/hanse/v1#purpose": PURPOSE},
    )
    transfer = await nasty.post(it, "musterstadt", "/2025-1/transfers/request", asked)
    official.check(transfer.json)
    official.check((await nasty.heard("/start")).json)
    base = f"/2025-1/transfers/{transfer.json['providerPid']}"
    both = {name: transfer.json[name] for name in pids}
    official.check((await nasty.get(it, "musterstadt", base)).json)
    official.check((await nasty.post(it, "musterstadt", f"{base}/completion", {**both})).json)
    done = nasty.message("TransferCompletionMessage", **both)
    official.check((await nasty.post(it, "musterstadt", f"{base}/completion", done)).json)

    refused = nasty.contract_request(offer, **{"https://w3id.org/hanse/v1#purpose": "urn:nothing"})
    official.check((await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", refused)).json)
    official.check((await nasty.heard("/termination")).json)
    assert official.seen >= {
        "catalog",
        "dataset",
        "catalog-error",
        "protocol-version",
        "contract-negotiation",
        "contract-negotiation-error",
        "contract-agreement-message",
        "contract-negotiation-event-message",
        "transfer-process",
        "transfer-error",
        "transfer-start-message",
        "contract-negotiation-termination-message",
    }


async def test_everything_that_leaves_a_consumer_is_official(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """nachbardorf asks the nasty peer: its request, and the verification after an agreement."""
    official = Official()
    entry = await nasty.get(it, "musterstadt", f"/2025-1/catalog/datasets/{made['dataset'].rpartition('/')[2]}")
    dataset = f"{nasty.root}/datasets/1"
    shown = json.dumps({**entry.json, "@id": dataset}).encode()
    nasty.answers["/2025-1/catalog/datasets/1"] = lambda got: (200, shown)
    body = {"provider": nasty.did, "dataset": dataset, "purpose": PURPOSE}
    await it.api.post("/api/v1/participants/nachbardorf/negotiations", body)
    official.check((await nasty.heard("/negotiations/request")).json)
    assert official.seen == {"contract-request-message"}
