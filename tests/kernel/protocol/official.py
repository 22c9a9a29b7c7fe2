"""Documents of our own, one for each official schema, with every member that they may have."""

from typing import Any

from connector.kernel.protocol import codec
from connector.kernel.protocol import messages as m

RULE = {"action": "use", "constraint": [{"leftOperand": "odrl:purpose", "operator": "isPartOf", "rightOperand": "x"}]}
OFFER: dict[str, Any] = {"@type": "Offer", "@id": "urn:o", "target": "urn:d", "permission": [RULE]}
CATALOGUE_OFFER = {name: value for name, value in OFFER.items() if name != "target"}
AGREEMENT = OFFER | {
    "@type": "Agreement",
    "assigner": "did:web:a.example",
    "assignee": "did:web:b.example",
    "timestamp": "2026-11-24T20:00:03Z",
    "prohibition": [{"action": "odrl:distribute"}],
}
SERVICE = m.DataService(id="urn:s", endpoint_url="https://a.example/2025-1")
DISTRIBUTION = m.Distribution(format="HttpData-PULL", access_service=SERVICE)
DATASET = m.Dataset(
    id="urn:d",
    has_policy=[CATALOGUE_OFFER],
    distribution=[codec.plain(DISTRIBUTION)],
    countersignature="e..s",
    extra={"title": "Bäume", "extra": 1},
)
ADDRESS = m.DataAddress(
    endpoint_type="https://w3id.org/idsa/v4.1/HTTP",
    endpoint="https://a.example/data/1",
    endpoint_properties=[m.EndpointProperty(name="authType", value="bearer")],
)
BOTH = {"provider_pid": "urn:p", "consumer_pid": "urn:c"}
WHY: dict[str, Any] = {"code": "policy", "reason": ["Nein.", "No."]}
OURS = [
    m.CatalogRequestMessage(id="urn:m"),
    m.DatasetRequestMessage(dataset="urn:d"),
    DATASET,
    m.Catalog(
        id="urn:k", participant_id="did:web:a.example", dataset=[codec.plain(DATASET)], service=[codec.plain(SERVICE)]
    ),
    m.Catalog(id="urn:k", participant_id="did:web:a.example"),
    m.CatalogError(**WHY),
    m.ContractRequestMessage(consumer_pid="urn:c", offer=OFFER, callback_address="https://b.example", purpose="urn:x"),
    m.ContractRequestMessage(consumer_pid="urn:c", offer=OFFER, provider_pid="urn:p", action="use"),
    m.ContractOfferMessage(provider_pid="urn:p", offer=OFFER, callback_address="https://a.example"),
    m.ContractOfferMessage(provider_pid="urn:p", offer=OFFER, consumer_pid="urn:c"),
    m.ContractAgreementMessage(**BOTH, agreement=AGREEMENT, agreement_signature="e..s", second_signature="m..s"),
    m.ContractAgreementVerificationMessage(**BOTH, agreement_signature="e..s", second_signature="m..s"),
    m.ContractNegotiationEventMessage(**BOTH, event_type="FINALIZED", evidence="https://a.example/evidence/1"),
    m.ContractNegotiationTerminationMessage(**BOTH, **WHY),
    m.ContractNegotiation(**BOTH, state="AGREED"),
    m.ContractNegotiationError(**BOTH, **WHY),
    m.TransferRequestMessage(
        consumer_pid="urn:c", agreement_id="urn:a", format="X-PUSH", callback_address="https://b", data_address=ADDRESS
    ),
    m.TransferStartMessage(**BOTH, data_address=ADDRESS),
    m.TransferStartMessage(**BOTH),
    m.TransferCompletionMessage(**BOTH),
    m.TransferSuspensionMessage(**BOTH, **WHY),
    m.TransferTerminationMessage(**BOTH),
    m.TransferProcess(**BOTH, state="STARTED"),
    m.TransferError(**BOTH, **WHY),
]
NAMES = [f"{number} {type(message).__name__}" for number, message in enumerate(OURS)]
