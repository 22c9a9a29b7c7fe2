"""The rules of the slow path that are no matter of spelling: seals, policies, repetition, foreign catalogues."""

from typing import Any

import pytest

from connector.kernel.dialects.jsonld import reading
from connector.kernel.dialects.jsonld.explain import UnreadableMessage
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.protocol import messages as m

RULE = {"action": "use"}
AGREEMENT: dict[str, Any] = {
    "@id": "urn:a",
    "@type": "Agreement",
    "target": "t",
    "assigner": "a",
    "assignee": "b",
    "timestamp": "2026-01-01T00:00:00.123456789Z",
    "permission": [RULE],
}
MESSAGE: dict[str, Any] = {
    "@context": m.CONTEXT,
    "@type": ["ContractAgreementMessage"],
    "dspace:providerPid": {"@id": "p"},
    "consumerPid": "c",
    "agreement": AGREEMENT,
}
SEALED = {**MESSAGE, m.HANSE + "agreementSignature": "head..signature"}


def why(value: Any, cls: Any = m.ContractAgreementMessage) -> str:
    with pytest.raises(UnreadableMessage) as said:
        reading.read(cls, value)
    return f"{said.value.findings[0].pointer} {said.value.findings[0].code}"


def test_a_sealed_agreement_is_taken_only_as_it_was_sealed() -> None:
    """>> an odd envelope << read. >> an odd agreement inside << refused: nobody signed what we would keep."""
    assert reading.read(m.ContractAgreementMessage, SEALED).agreement == AGREEMENT
    for odd in ({"permission": RULE}, {"target": {"@id": "t"}}, {"prohibition": []}):
        assert why({**SEALED, "agreement": AGREEMENT | odd}) == "/agreement sealed"
    under_prefix = {**SEALED, "hanse:agreementSignature": "head..signature", "agreement": AGREEMENT | {"target": ["t"]}}
    del under_prefix[m.HANSE + "agreementSignature"]
    assert why(under_prefix) == "/agreement sealed"


def test_an_agreement_without_a_seal_is_made_plain() -> None:
    """Its time stays the text that it was."""
    found = reading.read(m.ContractAgreementMessage, {**MESSAGE, "agreement": AGREEMENT | {"permission": RULE}})
    assert found.agreement == AGREEMENT


def offer(**change: Any) -> dict[str, Any]:
    message = {
        "@context": [m.CONTEXT, {"city": "https://example.org/city#"}],
        "@type": "ContractRequestMessage",
        "consumerPid": "c",
        "callbackAddress": "https://b",
        "offer": {"@id": "Y2Q=:dHJlZXM=:eA==", "@type": "Offer", "target": "t", "permission": [RULE | change]},
    }
    return reading.read(m.ContractRequestMessage, message).offer


def test_terms_keep_their_spelling() -> None:
    """The answer is to be in the sender's words; ids are nobody's to change."""
    atoms = [
        {"leftOperand": {"@id": spelled}, "operator": "odrl:eq", "rightOperand": "x"}
        for spelled in ("dateTime", "odrl:dateTime", "http://www.w3.org/ns/odrl/2/dateTime")
    ]
    found = offer(constraint=atoms)
    assert found["@id"] == "Y2Q=:dHJlZXM=:eA=="
    assert [atom["leftOperand"] for atom in found["permission"][0]["constraint"]] == [
        "dateTime",
        "odrl:dateTime",
        "http://www.w3.org/ns/odrl/2/dateTime",
    ]
    assert {atom.left for atom in parse(found).permissions[0].constraints} == {  # type: ignore[union-attr]
        "http://www.w3.org/ns/odrl/2/dateTime"
    }


def test_a_prefix_of_the_senders_own_is_written_out() -> None:
    """It would mean nothing outside of the document: terms, references, names and datatypes."""
    atom = {"leftOperand": "city:district", "operator": "eq", "rightOperand": {"@value": "7", "@type": "city:number"}}
    found = offer(constraint=[atom], **{"city:note": {"@id": "city:x"}})
    (rule,) = found["permission"]
    assert rule["constraint"] == [
        {
            "leftOperand": "https://example.org/city#district",
            "operator": "eq",
            "rightOperand": {"@value": "7", "@type": "https://example.org/city#number"},
        }
    ]
    assert rule["https://example.org/city#note"] == {"@id": "https://example.org/city#x"}


def test_numbers_become_literals_that_the_policy_engine_reads() -> None:
    """The plain form has no bare numbers as right operands."""
    found = offer(constraint={"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": 5})
    (atom,) = found["permission"][0]["constraint"]
    assert atom["rightOperand"] == {"@value": 5}
    assert parse(found).permissions[0].constraints[0].value is not None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"action": {"@id": "odrl:use", "odrl:refinement": []}}, "/offer/permission/0/action not-text"),
        ({"constraint": [{"@id": "urn:elsewhere"}]}, "/offer/permission/0/constraint/0/leftOperand missing"),
        ({"constraint": None}, "/offer/permission/0/constraint null"),
        ({"odrl:target": {"@id": "other"}}, "/offer/permission/0/odrl:target forbidden"),
        ({"constraint": [{"odrl:and": [], "odrl:or": []}]}, "/offer/permission/0/constraint/0 one-of"),
    ],
)
def test_what_would_lose_meaning_is_refused(change: dict[str, Any], expected: str) -> None:
    """A refined action, a constraint by reference, an empty one, a target inside a rule, two operators at once."""
    with pytest.raises(UnreadableMessage) as said:
        offer(**change)
    assert expected in [f"{finding.pointer} {finding.code}" for finding in said.value.findings]


def test_empty_lists_say_nothing() -> None:
    """As others write them: beside rules they are left out; alone they are still no policy."""
    message = {
        "@context": [m.CONTEXT],
        "@type": "ContractRequestMessage",
        "consumerPid": "c",
        "callbackAddress": "https://b",
        "offer": {"@id": "o", "@type": "Offer", "target": "t", "permission": [RULE], "prohibition": []},
    }
    found = reading.read(m.ContractRequestMessage, message)
    assert found.offer == {"@id": "o", "@type": "Offer", "target": "t", "permission": [RULE]}
    message["offer"] = {"@id": "o", "@type": "Offer", "target": "t", "permission": []}
    assert why(message, m.ContractRequestMessage) == "/offer/permission empty"


def test_a_repetition_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time nothing is walked; the answer is the same, also when it is a refusal."""
    good, bad = {**MESSAGE, "@id": "urn:once"}, {**MESSAGE, "@id": "urn:bad", "consumerPid": 1}
    first = reading.read(m.ContractAgreementMessage, good)
    refused = why(bad)
    monkeypatch.setattr(reading, "plain_form", None)
    assert reading.read(m.ContractAgreementMessage, dict(reversed(good.items()))) == first
    assert why(bad) == refused


def test_tokens_are_not_remembered() -> None:
    """A data address may hold one."""
    start = {
        "@context": m.CONTEXT,
        "@type": "TransferStartMessage",
        "providerPid": "p",
        "consumerPid": "c",
        "dataAddress": {
            "@type": "DataAddress",
            "endpointType": "t",
            "endpointProperties": {
                "@type": "EndpointProperty",
                "name": "authorization",
                "value": "secret-of-a-transfer",
            },
        },
    }
    assert reading.read(m.TransferStartMessage, start).data_address is not None
    assert not any(b"secret-of-a-transfer" in text for text in reading._REMEMBERED._texts.values())


def test_a_catalogue_as_others_write_it() -> None:
    """Two contexts, prefixed extras, single objects, offer ids in three parts, service ids of their own."""
    offered = {
        "@id": "Y2Q=:dHJlZXM=:eA==",
        "@type": "odrl:Offer",
        "odrl:prohibition": [],
        "odrl:obligation": [],
        "odrl:permission": {"odrl:action": {"@id": "odrl:use"}},
    }
    served = {
        "@id": "s1",
        "@type": "dcat:DataService",
        "dcat:endpointURL": "https://e/2025-1",
        "dcat:endpointDescription": "dspace:connector",
    }
    value = {
        "@context": [m.CONTEXT, "https://w3id.org/edc/dspace/v0.0.1"],
        "@id": "k",
        "@type": "dcat:Catalog",
        "participantId": "did:web:e",
        "service": served,
        "dcat:dataset": {
            "@id": "trees",
            "@type": "dcat:Dataset",
            "edc:id": "trees",
            "dcterms:title": "Bäume",
            "odrl:hasPolicy": offered,
            "dcat:distribution": [
                {"@type": "dcat:Distribution", "dct:format": {"@id": "HttpData-PULL"}, "dcat:accessService": served}
            ],
        },
    }
    catalogue = reading.read(m.Catalog, value)
    plain_offer = {"@id": "Y2Q=:dHJlZXM=:eA==", "@type": "Offer", "permission": [{"action": "use"}]}
    plain_service = {
        "@id": "s1",
        "@type": "DataService",
        "endpointURL": "https://e/2025-1",
        "endpointDescription": "dspace:connector",
    }
    assert catalogue.service == [plain_service]
    assert catalogue.dataset == [
        {
            "@id": "trees",
            "@type": "Dataset",
            "https://w3id.org/edc/v0.0.1/ns/id": "trees",
            "dct:title": "Bäume",
            "hasPolicy": [plain_offer],
            "distribution": [{"@type": "Distribution", "format": "HttpData-PULL", "accessService": plain_service}],
        }
    ]
