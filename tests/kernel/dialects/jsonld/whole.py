"""Every message with every member that the codec accepts."""

from typing import Any

from connector.kernel.protocol import messages as m

ATOM = {"leftOperand": "odrl:dateTime", "operator": "lteq", "rightOperand": "2027-01-01"}
LOGIC = {"or": [{"and": [ATOM, ATOM]}, ATOM]}
RULE = {"action": "use", "constraint": [ATOM, LOGIC], "duty": [{"action": "odrl:inform"}]}
CATALOGUE_OFFER: dict[str, Any] = {"@id": "o", "@type": "Offer", "permission": [RULE], "profile": ["p"]}
OFFER = {**CATALOGUE_OFFER, "target": "t", "prohibition": [{"action": "odrl:distribute"}], "obligation": [RULE]}
PARTIES = {"assigner": "a", "assignee": "b", "timestamp": "2026-01-01T00:00:00Z"}
AGREEMENT = {**OFFER, "@type": "Agreement", **PARTIES}
SERVICE: dict[str, Any] = {"@id": "s", "@type": "DataService", "endpointURL": "https://a"}
SMALL_OFFER = {"@id": "o", "permission": [{"action": "use"}]}
DISTRIBUTION = {"@type": "Distribution", "format": "X", "accessService": SERVICE, "hasPolicy": [SMALL_OFFER]}
SMALL_DATASET = {"@id": "d", "hasPolicy": [SMALL_OFFER], "distribution": [{"format": "X", "accessService": "s"}]}
DATASET = {"@id": "d", "@type": "Dataset", "hasPolicy": [CATALOGUE_OFFER], "distribution": [DISTRIBUTION]}
NESTED = {"@id": "n", "@type": "Catalog", "service": [{**SERVICE, "servesDataset": [SMALL_DATASET]}]}
BOTH = {"providerPid": "p", "consumerPid": "c"}
WHY = {"code": "1", "reason": ["No."]}
PROPERTY = {"@type": "EndpointProperty", "name": "a", "value": "b"}
ADDRESS = {"@type": "DataAddress", "endpointType": "t", "endpoint": "e", "endpointProperties": [PROPERTY]}
BODIES: dict[str, dict[str, Any]] = {
    "CatalogRequestMessage": {"filter": ["x"]},
    "DatasetRequestMessage": {"dataset": "d"},
    "Catalog": {
        "@id": "k",
        "participantId": "a",
        "dataset": [SMALL_DATASET],
        "catalog": [NESTED],
        "service": [SERVICE],
        "distribution": [{"format": "X", "accessService": "s"}],
    },
    "Dataset": {**DATASET, m.HANSE + "countersignature": "c"},
    "CatalogError": WHY,
    "ContractRequestMessage": {"@id": "m", "consumerPid": "c", "callbackAddress": "https://b", "offer": OFFER},
    "ContractOfferMessage": {"providerPid": "p", "consumerPid": "c", "offer": OFFER},
    "ContractAgreementMessage": {**BOTH, "agreement": AGREEMENT, m.HANSE + "agreementSignature": "s"},
    "ContractAgreementVerificationMessage": BOTH,
    "ContractNegotiationEventMessage": {**BOTH, "eventType": "ACCEPTED"},
    "ContractNegotiationTerminationMessage": {**BOTH, **WHY},
    "ContractNegotiation": {**BOTH, "state": "AGREED"},
    "ContractNegotiationError": {**BOTH, **WHY},
    "TransferRequestMessage": {
        "consumerPid": "c",
        "agreementId": "a",
        "format": "X",
        "callbackAddress": "https://b",
        "dataAddress": ADDRESS,
        m.HANSE + "purpose": "urn:p",
    },
    "TransferStartMessage": {**BOTH, "dataAddress": ADDRESS},
    "TransferCompletionMessage": BOTH,
    "TransferSuspensionMessage": {**BOTH, **WHY},
    "TransferTerminationMessage": {**BOTH, **WHY},
    "TransferProcess": {**BOTH, "state": "STARTED"},
    "TransferError": {**BOTH, **WHY},
}


def whole(name: str) -> dict[str, Any]:
    return {"@context": [m.CONTEXT], "@type": name, **BODIES[name]}
